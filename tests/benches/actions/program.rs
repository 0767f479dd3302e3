//! A server's program, started on a folder of its own, and what is sent to it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::children::Guard;

/// Of the workflow `bench`.
pub(crate) const PATH: &str = "/api/v1/workflows/bench/executions";
pub(crate) const TASKS_PATH: &str = "/api/v1/workflows/bench/tasks";

const START_MAX: Duration = Duration::from_secs(60);

/// A new API key.
pub(crate) fn key(mut program: Command, config: &Path) -> String {
    let key = program.args(["key", "add", "bench", "--config"]).arg(config).output();
    String::from_utf8(key.expect("a key").stdout).expect("UTF-8").trim().to_owned()
}

/// Starts it, and waits until it takes requests; its port.
pub(crate) fn serve(mut program: Command, config: &Path) -> (Guard, u16) {
    let ready = config.with_file_name("ready.json");
    let _none_yet = fs::remove_file(&ready);
    let began = Instant::now();
    let child = program
        .args(["serve", "--config"])
        .arg(config)
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
    let ready: Value = serde_json::from_slice(&fs::read(ready).expect("the file")).expect("JSON");
    let port = ready["address"].as_str().and_then(|url| url.rsplit(':').next()?.parse().ok());
    (child, port.expect("a port"))
}

/// One request; the whole answer, its head included.
pub(crate) fn send(port: u16, key: &str, [method, path, body]: [&str; 3]) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).expect("taken");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer
}
