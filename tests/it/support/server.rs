//! The real binary in a folder of its own: configured, started, asked, stopped, killed.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::client::{Answer, request};

const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(20);

/// The binary, and the plugins that stand beside it, built once. Cargo builds no other package's binary for a test.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // This test stands in target/PROFILE/deps.
        let test = std::env::current_exe().expect("the test's own path");
        let profile = test.parent().and_then(Path::parent).expect("target/PROFILE");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--package", "onward", "--package", "onward-plugin-*", "--target-dir"])
            .arg(profile.parent().expect("target"));
        // What cargo tells about this package would make build scripts run again, here and back.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_")
                || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
            {
                build.env_remove(name);
            }
        }
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        profile.join("onward")
    })
}

/// Runs the command line to its end.
pub(crate) fn onward(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary runs")
}

/// A folder with a configuration and workflow files.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// A second workflow.
pub(crate) const ORDERS: &str = "name = \"Orders\"\n[[stages]]\nname = \"Open\"\n";

/// What every test's `onward.toml` begins with: a free port, and receivers on this machine.
pub(crate) const CONFIG: &str =
    "egress.allow = [\"127.0.0.1\", \"localhost\"]\nserver.listen = \"127.0.0.1:0\"\n";

impl Project {
    /// With one workflow; the page's user; a key.
    pub(crate) fn new(workflow: &str) -> (Self, String) {
        let project = Self::bare();
        project.write("workflows/test.toml", workflow);
        let user =
            ["user", "add", "--id", "abc123", "--email", "user@example.com", "--first-name", "Example"];
        project.command(&[&user[..], &["--last-name", "User"]].concat());
        let key = project.command(&["key", "add", "Test"]).trim().to_owned();
        (project, key)
    }

    pub(crate) fn bare() -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder") };
        project.write("onward.toml", &format!("{CONFIG}[log]\nformat = \"json\"\n"));
        fs::create_dir_all(project.path("workflows")).expect("a folder");
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn config(&self) -> String {
        self.path("onward.toml").display().to_string()
    }

    /// Runs a command on this project that must succeed; its output.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = onward(&[arguments, &["--config", &self.config()]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a command on this project that must fail; what it says.
    pub(crate) fn refused_command(&self, arguments: &[&str]) -> String {
        let output = onward(&[arguments, &["--config", &self.config()]].concat());
        assert!(!output.status.success(), "{arguments:?} should have failed");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Sets a secret; whether that was done, and what was said.
    pub(crate) fn set_secret(&self, name: &str, value: &str) -> (bool, String) {
        let mut child = Command::new(binary())
            .args(["secret", "set", name, "--config", &self.config()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command");
        child.stdin.take().expect("an input").write_all(value.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("its end");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Starts a server that must come up.
    pub(crate) fn serve(&self, key: &str) -> Server {
        self.serve_in(key, &[])
    }

    fn start(&self, environment: &[(&str, &Path)]) -> Child {
        let ready = self.path("ready.json");
        let _ = fs::remove_file(&ready);
        let log = fs::File::options().create(true).append(true).open(self.path("server.log")).expect("a log");
        Command::new(binary())
            .args(["serve", "--config", &self.config(), "--ready-file"])
            .arg(&ready)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts")
    }

    /// Starts a server that must come up, with more in its environment.
    pub(crate) fn serve_in(&self, key: &str, environment: &[(&str, &Path)]) -> Server {
        self.try_serve(key, environment)
            .unwrap_or_else(|said| panic!("the server did not come up:\n{said}\n{}", self.log()))
    }

    /// Starts a server; if it ends instead of coming up, what it says.
    pub(crate) fn try_serve(&self, key: &str, environment: &[(&str, &Path)]) -> Result<Server, String> {
        let (ready, before) = (self.path("ready.json"), self.log().len());
        // A server from here on: ended with the test.
        let mut server =
            Server { child: Some(self.start(environment)), address: String::new(), key: key.to_owned() };
        let started = Instant::now();
        while !ready.exists() {
            if server.child().try_wait().expect("a status").is_some() {
                return Err(self.log()[before..].to_owned());
            }
            assert!(started.elapsed() < START_MAX, "the server does not come up:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        let ready: Value = serde_json::from_slice(&fs::read(ready).expect("the file")).expect("its JSON");
        let address = ready["address"].as_str().and_then(|url| url.strip_prefix("http://"));
        server.address = address.expect("an address").to_owned();
        Ok(server)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }
}

/// A running server. Killed when the test ends, however it ends.
pub(crate) struct Server {
    /// `None` for the same server, asked with another key.
    child: Option<Child>,
    pub(crate) address: String,
    pub(crate) key: String,
}

impl Server {
    /// A running server, asked with another key.
    pub(crate) fn of(server: &Self, key: &str) -> Self {
        Self { child: None, address: server.address.clone(), key: key.to_owned() }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("the server's own process")
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        all.extend(headers);
        request(&self.address, method, &format!("/api/v1{path}"), &all, body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    /// Creates a task that must be accepted.
    pub(crate) fn create_task(&self, task: &Value) {
        let answer = self.post("/workflows/api-sample/tasks", task);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Performs an action in the page's user's name, and waits for its end.
    pub(crate) fn perform(&self, task: &str, action: &str) -> Answer {
        let body =
            serde_json::json!({"task_id": task, "action_id": action, "performed_by": "user@example.com"});
        self.send(
            "POST",
            "/workflows/api-sample/executions",
            &[("Prefer", "wait=20")],
            body.to_string().as_bytes(),
        )
    }

    /// Performs an action in the page's user's name without waiting; the execution's id.
    pub(crate) fn begin(&self, task: &str, action: &str) -> String {
        let body =
            serde_json::json!({"task_id": task, "action_id": action, "performed_by": "user@example.com"});
        let answer = self.post("/workflows/api-sample/executions", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Performs an action and waits for its end or until it is parked; its detail.
    pub(crate) fn performed(&self, task: &str, action: &str) -> Value {
        let answer = self.perform(task, action);
        assert_eq!(answer.status, 201, "{}", answer.body);
        self.execution(answer.json()["id"].as_str().expect("an id"))
    }

    /// Asks for something to be done with an execution.
    pub(crate) fn ask(&self, id: &str, what: &str, body: &Value) -> Answer {
        let path = format!("/workflows/api-sample/executions/{id}/{what}");
        self.send("POST", &path, &[("Prefer", "wait=20")], body.to_string().as_bytes())
    }

    /// Waits until an execution is in a state.
    pub(crate) fn in_state(&self, id: &str, state: &str) -> Value {
        let started = Instant::now();
        loop {
            let execution = self.execution(id);
            if execution["state"] == state {
                return execution;
            }
            assert!(started.elapsed() < STOP_MAX, "not {state}: {execution}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn task(&self, id: &str) -> Value {
        self.get(&format!("/workflows/api-sample/tasks/{id}")).json()
    }

    pub(crate) fn execution(&self, id: &str) -> Value {
        self.get(&format!("/workflows/api-sample/executions/{id}")).json()
    }

    /// Waits until an execution is no longer pending.
    pub(crate) fn ended(&self, id: &str) -> Value {
        let started = Instant::now();
        loop {
            let execution = self.execution(id);
            if execution["status"] != "Pending" {
                return execution;
            }
            assert!(started.elapsed() < STOP_MAX, "still pending: {execution}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A line of the process's status: `VmRSS`, what it holds now, or `VmHWM`, the most it has held.
    pub(crate) fn memory_kib(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let line = status.lines().find_map(|found| found.strip_prefix(&format!("{line}:")));
        line.and_then(|text| text.split_whitespace().next()?.parse().ok()).expect("its memory")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server's own process").id()
    }

    /// As `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child().kill().expect("killed");
        self.child().wait().expect("ended");
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let started = Instant::now();
        loop {
            if let Some(status) = self.child().try_wait().expect("a status") {
                return status.code();
            }
            assert!(started.elapsed() < STOP_MAX, "the server did not stop");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
