//! Onward itself: the release binary on a folder of its own, and what the system says of its process.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

pub(crate) use crate::program::PATH;
use crate::{
    children::Guard,
    program::{self, TASKS_PATH},
};

/// Microseconds of one tick of the kernel's accounting (USER_HZ = 100).
const TICK_MICROS: f64 = 10_000.0;

const WORKFLOW: &str = r#"
name = "Bench"
[[fields]]
name = "Company ID"
type = "uniqueId"
[[fields]]
name = "Company Name"
type = "text"
[[fields]]
name = "Number of Employees"
type = "number"
[[fields]]
name = "Contract Value"
type = "currency"
[[fields]]
name = "International?"
type = "checkbox"
[[fields]]
name = "Expected Close Date"
type = "date"
[[stages]]
name = "Open"
[[stages]]
name = "Completed"
end = true
[[actions]]
name = "Finish"
from = ["Open"]
[[actions.steps]]
type = "api_call"
url = "http://127.0.0.1:RECEIVER/hook"
[[actions]]
name = "Stall"
from = ["Open"]
[[actions.steps]]
type = "api_call"
url = "http://127.0.0.1:DEAD/hook"
timeout = "5m"
"#;

pub(crate) struct Server {
    child: Guard,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) key: String,
}

impl Server {
    /// With an action that calls the receiver, and one that calls somebody who is dead.
    pub(crate) fn start(receiver: u16, dead: u16, tasks: usize) -> Self {
        let (binary, folder) = (binary(), tempfile::tempdir().expect("a folder"));
        let config = folder.path().join("onward.toml");
        fs::write(&config, "[egress]\nallow = [\"127.0.0.1\"]\n[server]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"error\"\n").expect("written");
        fs::create_dir(folder.path().join("workflows")).expect("a folder");
        let workflow = WORKFLOW.replace("RECEIVER", &receiver.to_string()).replace("DEAD", &dead.to_string());
        fs::write(folder.path().join("workflows/bench.toml"), workflow).expect("written");
        let key = program::key(Command::new(&binary), &config);
        let (child, port) = program::serve(Command::new(&binary), &config);
        let server = Self { child, folder, port, key };
        for task in 0..tasks {
            server.create_task(&format!("T{task}"));
        }
        server
    }

    pub(crate) fn create_task(&self, id: &str) {
        let body = json!({
            "Company ID": id, "Company Name": "Acme Corp", "Number of Employees": "20",
            "Contract Value": "10000", "International?": false, "Expected Close Date": "2020-01-31",
        });
        let answer = self.send("POST", TASKS_PATH, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// Calls that an endpoint has, and those that wait.
    pub(crate) fn endpoint(&self, name: &str) -> (u64, u64) {
        let answer = self.send("GET", "/api/v1/endpoints", "");
        let list: Value =
            serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
        let found = list.as_array().expect("a list").iter().find(|it| it["endpoint"] == name);
        found.map_or((0, 0), |it| {
            (it["calls"].as_u64().unwrap_or_default(), it["waiting"].as_u64().unwrap_or_default())
        })
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> String {
        program::send(self.port, &self.key, [method, path, body])
    }

    pub(crate) fn close_date(&self, task: &str) -> String {
        let answer = self.send("GET", &format!("{TASKS_PATH}/{task}"), "");
        let body = answer.split("\r\n\r\n").nth(1).expect("a body");
        let task: Value = serde_json::from_str(body).expect("JSON");
        task["Expected Close Date"].as_str().unwrap_or_default().to_owned()
    }

    /// Succeeded executions on disk.
    pub(crate) fn succeeded(&self) -> u64 {
        let database = self.folder.path().join("data/onward.db");
        let connection = rusqlite::Connection::open(database).expect("the database");
        let sql = "SELECT count(*) FROM execution WHERE state = 'succeeded'";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count") as u64
    }

    /// `VmRSS` now, or `VmHWM`, the most so far.
    pub(crate) fn memory_kib(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with(key)).expect("the line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Processor time used so far, by thread name, in ticks.
    pub(crate) fn thread_ticks(&self) -> BTreeMap<String, u64> {
        let mut ticks = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.0.id())).expect("its threads").flatten()
        {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let Some((before, after)) = stat.rsplit_once(')') else { continue };
            let name = before.split_once('(').map_or("?", |(_, name)| name).to_owned();
            let fields: Vec<_> = after.split_whitespace().collect();
            // utime and stime, fields 14 and 15 of the whole line.
            let used: u64 = fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
            *ticks.entry(name).or_default() += used;
        }
        ticks
    }

    /// Microseconds per action since `before`, by thread name.
    pub(crate) fn thread_micros(&self, before: &BTreeMap<String, u64>, actions: u64) -> Vec<(String, f64)> {
        let used = |(name, ticks): (String, u64)| {
            let used = ticks.saturating_sub(before.get(&name).copied().unwrap_or_default());
            (name, used as f64 * TICK_MICROS / actions as f64)
        };
        self.thread_ticks().into_iter().map(used).filter(|(_, micros)| *micros > 0.05).collect()
    }
}

/// The release binary: `ONWARD_BIN`, or built now.
fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("ONWARD_BIN") {
        return binary.into();
    }
    let target = crate::target();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--release", "--package", "onward", "--package", "onward-plugin-*", "--target-dir"])
        .arg(&target);
    // What cargo tells about this package would make build scripts run again, here and back.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
        {
            build.env_remove(name);
        }
    }
    let built = build.status().expect("cargo runs");
    assert!(built.success(), "the server could not be built");
    target.join("release/onward")
}
