//! The receivers of `examples/receivers`, whose verifiers nobody here wrote: what we sign, they accept; what somebody
//! else signs, they refuse. `.ci/run` installs what they need (`ONWARD_RECEIVERS` names the folder) and runs this.

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use self::support::{Project, acme, api_sample, eventually};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/receivers")
}

/// Where the packages are installed that the receivers need.
fn installed() -> PathBuf {
    let folder =
        std::env::var_os("ONWARD_RECEIVERS").expect("ONWARD_RECEIVERS names the folder with the packages");
    PathBuf::from(folder)
}

/// Starts a receiver on a free port; its URL.
fn start(mut command: Command) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let child = command.arg(port.to_string()).env("SECRET", SECRET).stderr(Stdio::null()).spawn();
    let running = Running(child.expect("the receiver starts"));
    eventually("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (running, format!("http://127.0.0.1:{port}"))
}

/// The whole way: signed by the new one, by both, and by somebody else.
fn verifies(command: Command) {
    let (_running, url) = start(command);
    let action = |name: &str, secrets: &str| {
        format!(
            "\n[[actions]]\nname = \"{name}\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{url}\"\nsigning_secret = {secrets}\n"
        )
    };
    let text = api_sample(&url)
        + &action("Right", "\"{{secrets.RIGHT}}\"")
        + &action("Both", "[\"{{secrets.OTHER}}\", \"{{secrets.RIGHT}}\"]")
        + &action("Wrong", "\"{{secrets.OTHER}}\"");
    let (project, key) = Project::new(&text);
    assert!(project.set_secret("RIGHT", SECRET).0);
    assert!(project.set_secret("OTHER", OTHER).0);
    let server = project.serve(&key);
    for (action, name) in [("right", "Über Øre 漢字 \"1\""), ("both", "Second")] {
        let mut task = acme();
        task["Company Name"] = json!(name);
        server.post("/workflows/api-sample/tasks", &task);
        let ended = server.performed("42", action);
        assert_eq!(ended["status"], "Success", "{action}: {ended}");
        assert_eq!(server.task("42")["Company Name"], json!(name.to_uppercase()), "{action}");
    }
    let refused = server.performed("42", "wrong");
    assert_eq!(refused["code"], "http_status", "{refused}");
    assert!(refused["errors"][0].as_str().expect("a message").contains("answered 401"), "{refused}");
}

#[test]
fn the_receiver_in_python_verifies_what_is_signed() {
    let mut command = Command::new(installed().join("venv/bin/python"));
    command.arg(examples().join("receiver.py"));
    verifies(command);
}

#[test]
fn the_receiver_in_node_verifies_what_is_signed() {
    // Where the packages are, as in a project of its own.
    let script = installed().join("receiver.mjs");
    std::fs::copy(examples().join("receiver.mjs"), &script).expect("copied");
    let mut command = Command::new("node");
    command.arg(script);
    verifies(command);
}
