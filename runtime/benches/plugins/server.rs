//! The server itself: the release binary on a folder of its own.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

pub(crate) use crate::program::PATH;
use crate::{
    children::Guard,
    load::Target,
    program::{self, TASKS_PATH},
};

/// Tasks that the load is for.
pub(crate) const TASKS: usize = 1_000;

const WORKFLOW: &str = r#"
name = "Bench"
[[fields]]
name = "Company ID"
type = "uniqueId"
[[fields]]
name = "Company Name"
type = "text"
[[fields]]
name = "Contract Value"
type = "currency"
[[fields]]
name = "Expected Close Date"
type = "date"
[[stages]]
name = "Open"
"#;

/// Where a server is to be.
pub(crate) struct Place {
    folder: TempDir,
}

/// One that runs.
pub(crate) struct Server {
    child: Guard,
    port: u16,
    key: String,
    /// Kept as long as it runs, where nobody else has it.
    place: Option<Place>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        for folder in ["plugins", "workflows"] {
            fs::create_dir(place.folder.path().join(folder)).expect("a folder");
        }
        place.configure(&[]);
        place
    }

    /// Where plugins are looked for.
    pub(crate) fn plugins(&self) -> std::path::PathBuf {
        self.folder.path().join("plugins")
    }

    /// Where it keeps what they have said of themselves.
    pub(crate) fn copies(&self) -> std::path::PathBuf {
        self.folder.path().join("data/plugins")
    }

    /// These run in its process, the others not.
    pub(crate) fn configure(&self, in_process: &[&str]) {
        let text = format!(
            "[egress]\nallow = [\"127.0.0.1\"]\n[server]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"error\"\n\
             [plugins]\nfolder = {:?}\nin_process = {in_process:?}\n",
            self.plugins()
        );
        fs::write(self.config(), text).expect("written");
    }

    /// Gives it a workflow of these actions: their names, and the TOML of each of their steps.
    pub(crate) fn actions(&self, actions: &[(&str, Vec<String>)]) {
        let mut text = WORKFLOW.to_owned();
        for (name, steps) in actions {
            text.push_str(&format!("[[actions]]\nname = {name:?}\nfrom = [\"Open\"]\n"));
            steps.iter().for_each(|step| text.push_str(&format!("[[actions.steps]]\n{step}\n")));
        }
        fs::write(self.folder.path().join("workflows/bench.toml"), text).expect("written");
    }

    fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("onward.toml")
    }

    /// Starts it; how long that took until it has answered.
    pub(crate) fn start(&self) -> (Server, Duration) {
        let config = self.config();
        let began = Instant::now();
        let (child, port) = program::serve(onward(), &config);
        let server = Server { child, port, key: String::new(), place: None };
        assert!(server.send("GET", "/livez", "").starts_with("HTTP/1.1 200"));
        (server, began.elapsed())
    }

    /// Starts it, with a key and tasks.
    pub(crate) fn start_with_tasks(&self) -> Server {
        let key = program::key(onward(), &self.config());
        let mut server = self.start().0;
        server.key = key;
        (0..TASKS).for_each(|task| server.create_task(&format!("T{task}")));
        server
    }
}

/// The server's program, as cargo has built it for this benchmark.
fn onward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_onward"))
}

impl Server {
    pub(crate) fn target<'a>(&'a self, action: &'a str) -> Target<'a> {
        Target { port: self.port, path: PATH, key: &self.key, action }
    }

    pub(crate) fn create_task(&self, id: &str) {
        let body = json!({"Company ID": id, "Company Name": "Acme Corp", "Contract Value": "10000"});
        let answer = self.send("POST", TASKS_PATH, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// Performs an action, and does not wait for its end.
    pub(crate) fn perform(&self, task: &str, action: &str) {
        let body = json!({"task_id": task, "action_id": action});
        let answer = self.send("POST", PATH, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    fn send(&self, method: &str, path: &str, body: &str) -> String {
        program::send(self.port, &self.key, [method, path, body])
    }

    /// Lets it have its place for itself.
    pub(crate) fn keep(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }
}
