//! The server itself: the release binary on a folder of its own.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{children::Guard, load::Target};

pub(crate) const PATH: &str = "/api/v1/workflows/bench/executions";

/// Tasks that the load is for.
pub(crate) const TASKS: usize = 1_000;

const TASKS_PATH: &str = "/api/v1/workflows/bench/tasks";
const START_MAX: Duration = Duration::from_secs(60);

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
        let ready = self.folder.path().join("ready.json");
        let _none_yet = fs::remove_file(&ready);
        let began = Instant::now();
        let child = onward()
            .args(["serve", "--config"])
            .arg(&config)
            .arg("--ready-file")
            .arg(&ready)
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let child = Guard(child);
        while !ready.exists() {
            assert!(began.elapsed() < START_MAX, "the server did not come up");
            thread::sleep(Duration::from_micros(200));
        }
        let server = Server { child, port: port(&ready), key: String::new(), place: None };
        assert!(server.send("GET", "/livez", "").starts_with("HTTP/1.1 200"));
        (server, began.elapsed())
    }

    /// Starts it, with a key and tasks.
    pub(crate) fn start_with_tasks(&self) -> Server {
        let key = onward().args(["key", "add", "bench", "--config"]).arg(self.config()).output();
        let key = String::from_utf8(key.expect("a key").stdout).expect("UTF-8").trim().to_owned();
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

fn port(ready: &Path) -> u16 {
    let ready: Value = serde_json::from_slice(&fs::read(ready).expect("the file")).expect("JSON");
    ready["address"].as_str().and_then(|url| url.rsplit(':').next()?.parse().ok()).expect("a port")
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

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        socket.write_all(request.as_bytes()).expect("taken");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        answer
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
