//! A server to test, a receiver for it to call, and a client that asks.

mod authority;
mod client;
mod disk;
mod load;
mod plugin;
mod preload;
mod raw;
mod receiver;
mod resolver;
mod server;
mod tool;

use std::{
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::{
    authority::{Authorities, Certificate},
    client::{Answer, HeldBack, request},
    disk::{Disk, Fault, On, all_is_moved, hold_the_write_lock},
    load::{Ledger, create_tasks, number, pinging, under_load},
    plugin::{install, install_tool, plugin},
    raw::{Connection, Over, RawReceiver, Then},
    receiver::{Received, Receiver, Reply},
    resolver::Resolver,
    server::{CONFIG, ORDERS, Project, Server, binary, onward},
    tool::{AS_THE_TASK_SAYS, Tool, action, children, configure, parent, told, workflow},
};

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WAIT_MAX, "this did not come about: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The reference page's workflow, calling a receiver.
pub(crate) fn api_sample(receiver: &str) -> String {
    include_str!("../../../examples/api-sample/workflows/api-sample.toml")
        .replace("http://127.0.0.1:4180", receiver)
}

/// The reference page's task, before it is finished.
pub(crate) fn acme() -> serde_json::Value {
    serde_json::json!({
        "Stage": "In Progress", "Assigned To": "user@example.com", "Company ID": "42", "Company Name": "Acme Corp",
        "Number of Employees": "20", "Contract Value": "10000", "International?": false,
        "Expected Close Date": "2020-01-31",
    })
}
