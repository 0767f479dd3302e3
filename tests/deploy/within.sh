#!/usr/bin/env bash
# Runs in the machine that machine.sh boots: installs the unit as examples/systemd/README.md says, and the server must come up, come
# back after a kill, and end when it is told to.
set -euxo pipefail
cd /src
trap 'echo $? >/result; systemctl poweroff' EXIT

# The README's commands up to the check; sudo is not in a small machine.
sed -n '/^```sh$/,/^```$/p' examples/systemd/README.md | sed '/^```/d; /onward user add/,$d' >/install.sh
sed -i 's|target/release/onward |/program |; s|target/release/lib|/plugins/lib|; s|^sudo -u onward|runuser -u onward --|' /install.sh
cp examples/api-sample/workflows/*.toml /etc/onward-workflows/
sed -i '/^runuser/i cp /etc/onward-workflows/*.toml /etc/onward/workflows/' /install.sh
install -d -m 0755 /usr/local/lib/onward-plugins
install -m 0644 /libluhn.so /usr/local/lib/onward-plugins/
cat >>examples/systemd/onward.toml <<'TOML'
[egress]
allow = ["127.0.0.1:4180"]

[plugins]
folder = "/usr/local/lib/onward-plugins"
TOML
bash -euxo pipefail /install.sh

key=$(runuser -u onward -- onward key add try --config /etc/onward/onward.toml)
systemctl daemon-reload
systemctl enable --now onward
answers() {
    for _ in $(seq 100); do
        [ "$(curl -s http://127.0.0.1:8080/readyz)" = ok ] && return
        sleep 0.1
    done
    journalctl -u onward --no-pager
    return 1
}
answers
curl -sf -H "Authorization: Bearer $key" http://127.0.0.1:8080/api/v1/workflows | grep -q api-sample
# What ships with it, and somebody else's, which runs in a process of its own.
api() {
    curl -sf -H "Authorization: Bearer $key" -H 'Content-Type: application/json' "http://127.0.0.1:8080/api/v1$1" "${@:2}"
}
api /plugins | python3 -c '
import json, sys
plugins = {plugin["name"]: plugin for plugin in json.load(sys.stdin)}
assert plugins["onward-plugin-task"]["file"].startswith("/usr/local/"), plugins
assert all(plugin["state"] == "loaded" for plugin in plugins.values()), plugins
assert len(plugins) == 6, plugins
'
cat >/etc/onward/workflows/checked.toml <<'TOML'
name = "Checked"

[[fields]]
name = "Card"
type = "uniqueId"
required = true

[[stages]]
name = "Open"

[[stages]]
name = "Done"

[[actions]]
name = "Check"
from = ["Open"]

[[actions.steps]]
type = "example_luhn"
number = "{{Card}}"

[[actions.steps]]
type = "move_to_stage"
stage = "Done"
TOML
for _ in $(seq 100); do
    api /workflows | grep -q checked && break
    sleep 0.1
done
api /workflows/checked/tasks -d '{"Card": "4539578763621486"}' >/dev/null
api /workflows/checked/executions -H 'Prefer: wait=10' -d '{"task_id": "4539578763621486", "action_id": "check"}' | grep -q Success
pgrep -u onward -f 'plugin host' >/dev/null

first=$(systemctl show --property MainPID --value onward)
systemctl kill --signal KILL onward
sleep 3
answers
[ "$(systemctl show --property MainPID --value onward)" != "$first" ]
systemctl stop onward
[ "$(systemctl show --property Result --value onward)" = success ]
journalctl -u onward --no-pager | grep -q '"message":"stopped"'
if pgrep -u onward; then exit 1; fi

# What the last stage of the container file makes, as far as it can be had without an image.
useradd --system --uid 10001 --home-dir /var/lib/container --shell /usr/sbin/nologin container
install -d -o container -g container -m 0700 /var/lib/container
mapfile -t variables < <(sed -n 's/^ENV //p' examples/container/Containerfile | sed 's|/var/lib/onward|/var/lib/container|')
runuser -u container -- env "${variables[@]}" "ONWARD__EGRESS__ALLOW=127.0.0.1:4180" onward serve &
answers
sed -n 's/^HEALTHCHECK .*CMD //p' examples/container/Containerfile | python3 -c 'import json, subprocess, sys; sys.exit(subprocess.run(json.load(sys.stdin)).returncode)'
pkill -TERM -u container onward
wait %1
