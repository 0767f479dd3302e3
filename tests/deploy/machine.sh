#!/usr/bin/env bash
# examples/systemd and examples/container for real: a small Debian with systemd, booted in a namespace. As root; takes the program's path.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
root=$PWD/target/machine

command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap systemd-container
}
[ -e "$root/made" ] || {
    rm -rf "$root"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,curl,python3,procps,ca-certificates bookworm "$root" >"$root.log"
    touch "$root/made"
}
rm -rf "$root/src" "$root/result" "$root/etc/onward" "$root/var/lib/onward" "$root/var/lib/container" "$root/var/log/journal"
chroot "$root" sh -c 'userdel onward; userdel container' 2>/dev/null || true
mkdir -p "$root/src" "$root/etc/onward-workflows"
cp -r examples "$root/src/"
cp "$program" "$root/program"
rm -rf "$root/plugins" && mkdir "$root/plugins"
cp "$(dirname "$program")"/libonward_plugin_*.so "$root/plugins/"
# One of somebody else's.
cc -shared -fPIC -O2 -o "$root/libluhn.so" examples/plugin-c/luhn.c -I sdk/include
cp tests/deploy/within.sh "$root/within.sh"
cat >"$root/etc/systemd/system/within.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /within.sh
StandardOutput=file:/within.log
StandardError=file:/within.log
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../within.service "$root/etc/systemd/system/multi-user.target.wants/within.service"
timeout 180 systemd-nspawn --keep-unit --register=no --directory "$root" --boot </dev/null >"$root.boot.log" 2>&1 || true
if [ "$(cat "$root/result" 2>/dev/null)" != 0 ]; then
    cat "$root/within.log"
    exit 1
fi
echo 'the unit and what the container file makes start, answer, come back and stop'
