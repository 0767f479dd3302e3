//! The examples for operators: what they name is there, and what can be tried without their world is tried.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Project, api_sample, binary, onward};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The value of a unit's key.
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("the unit has no {key}"))
}

/// Whether `onward serve` knows every flag of a command.
fn knows_the_flags_of(command: &str) -> bool {
    let help = onward(&["serve", "--help"]);
    let help = String::from_utf8_lossy(&help.stdout);
    command
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .all(|flag| help.contains(&format!("{flag} ")))
}

#[test]
fn the_unit_starts_the_server_and_gives_it_time_to_stop() {
    let unit = text("systemd/onward.service");
    let command = value(&unit, "ExecStart");
    assert!(command.starts_with("/usr/local/bin/onward serve ") && knows_the_flags_of(command), "{command}");
    assert!(!knows_the_flags_of("--no-such-flag "), "anything is taken for a flag");
    assert!(command.ends_with("--config /etc/onward/onward.toml"), "{command}");
    let stop: u64 = value(&unit, "TimeoutStopSec").parse().expect("seconds");
    let defaults = include_str!("../../runtime/onward.default.toml");
    let drain = defaults.lines().find_map(|line| line.strip_prefix("drain_seconds = ")).expect("its default");
    assert!(stop >= drain.parse::<u64>().expect("seconds") + 10, "{stop} seconds are too few");
}

#[test]
fn the_units_configuration_is_sound_and_writes_where_the_unit_lets_it() {
    let (unit, config) = (text("systemd/onward.service"), text("systemd/onward.toml"));
    let folder = format!("/var/lib/{}", value(&unit, "StateDirectory"));
    assert!(config.contains(&format!("folder = \"{folder}\"")), "{config}");
    let project = Project::bare();
    project.write("workflows/test.toml", &api_sample("https://billing.example"));
    let here = |name: &str| project.path(name).display().to_string();
    let config = config.replace(&folder, &here("data")).replace("/etc/onward/workflows", &here("workflows"));
    assert!(!config.contains("\"/var/lib") && !config.contains("\"/etc"), "{config}");
    project.write("onward.toml", &config);
    project.command(&["check"]);
}

/// What systemd itself thinks of the unit. `.ci/run` sees to it that it is there (`ONWARD_SYSTEMD`); elsewhere it may be missing.
#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        assert!(std::env::var_os("ONWARD_SYSTEMD").is_none(), "systemd-analyze is not there");
        eprintln!("systemd-analyze is not there: the unit is only read by the other tests");
        return;
    }
    let project = Project::bare();
    // Verifying looks for the program and for the user.
    let unit =
        text("systemd/onward.service").replace("/usr/local/bin/onward", &binary().display().to_string());
    let unit = unit.replace("User=onward", "User=root").replace("Group=onward", "Group=root");
    project.write("onward.service", &unit);
    let path = project.path("onward.service").display().to_string();
    let verified =
        Command::new("systemd-analyze").args(["verify", "--man=no", &path]).output().expect("it runs");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let about_it: Vec<_> = said.lines().filter(|line| line.contains("onward")).collect();
    assert!(about_it.is_empty(), "{said}");
    let unit = example("systemd/onward.service").display().to_string();
    let security = ["security", "--offline=true", "--no-pager", "--threshold=20", &unit];
    let judged = Command::new("systemd-analyze").args(security).output().expect("it runs");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&[judged.stdout, judged.stderr].concat()));
}

/// The arguments of an instruction in its JSON form.
fn arguments(containerfile: &str, instruction: &str) -> Vec<String> {
    let line = containerfile.lines().find(|line| line.starts_with(instruction)).expect(instruction);
    serde_json::from_str(&line[line.find('[').expect("a list")..]).expect("its JSON form")
}

#[test]
fn the_containers_environment_is_one_that_the_server_reads() {
    let containerfile = text("container/Containerfile");
    let project = Project::bare();
    project.write("workflows/test.toml", &api_sample("https://billing.example"));
    let mut command = Command::new(binary());
    command.arg("check").current_dir(project.path(""));
    let variables: Vec<_> = containerfile
        .lines()
        .filter_map(|line| line.strip_prefix("ENV ")?.split_once('='))
        .inspect(|(name, _)| assert!(name.starts_with("ONWARD__"), "{name}"))
        .collect();
    assert_eq!(variables.len(), 4);
    for (name, value) in variables {
        let value = match value {
            "/var/lib/onward" => project.path("data").display().to_string(),
            "/etc/onward/workflows" => project.path("workflows").display().to_string(),
            other => other.to_owned(),
        };
        command.env(name, value);
    }
    let checked = command.output().expect("it runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // A misspelt one is refused, so that the above says something.
    let misspelt = command.env("ONWARD__SERVER__LISTN", "x").output().expect("it runs");
    let said = String::from_utf8_lossy(&misspelt.stderr);
    assert!(!misspelt.status.success() && said.contains("did you mean `ONWARD__SERVER__LISTEN`?"), "{said}");
}

#[test]
fn the_container_is_nobodys_root_and_can_load_libraries() {
    let containerfile = text("container/Containerfile");
    let starts = |with: &str| containerfile.lines().filter(|line| line.starts_with(with)).collect::<Vec<_>>();
    assert_eq!(starts("FROM ").len(), 2, "one stage to build, one to run");
    assert!(starts("FROM ").iter().all(|line| line.contains("bookworm")), "one glibc for both");
    assert!(
        starts("FROM ")[0].contains(concat!("rust:", env!("CARGO_PKG_RUST_VERSION"))),
        "the workspace's Rust"
    );
    let [user] = starts("USER ")[..] else { panic!("one user") };
    assert!(user.strip_prefix("USER ").is_some_and(|id| id.starts_with(|c: char| ('1'..='9').contains(&c))));
    assert_eq!(starts("VOLUME "), ["VOLUME /var/lib/onward"]);
    assert_eq!(
        [arguments(&containerfile, "ENTRYPOINT"), arguments(&containerfile, "CMD")].concat(),
        ["onward", "serve"]
    );
    assert_eq!(starts("STOPSIGNAL "), ["STOPSIGNAL SIGTERM"]);
}

#[test]
fn the_containers_health_check_tells_a_server_from_none() {
    let command = arguments(&text("container/Containerfile"), "HEALTHCHECK");
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let server = project.serve(&key);
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let is_well = || {
        let script = command[2].replace("/8080", &format!("/{port}"));
        let output = Command::new(&command[0]).args([&command[1], &script]).output().expect("bash runs");
        output.status.success()
    };
    assert!(is_well());
    assert_eq!(server.terminate(), Some(0));
    assert!(!is_well());
}
