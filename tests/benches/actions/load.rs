//! The load: connections that perform one action after another and check each answer.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What one run counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) count: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: String,
    pub(crate) seconds: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

/// Whom is called, with which key, and for which action.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) key: &'a str,
    pub(crate) action: &'a str,
}

/// Runs the load in a process of its own.
pub(crate) fn run(target: Target<'_>, connections: usize, seconds: f64, tasks: usize) -> Run {
    let binary = std::env::current_exe().expect("this binary's path");
    let numbers = [connections.to_string(), seconds.to_string(), tasks.to_string()];
    let Target { port, path, key, action } = target;
    let output = Command::new(binary)
        .args(["load", &port.to_string(), path, key, action])
        .args(numbers)
        .output()
        .expect("the load runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("the load failed ({error}): {}", String::from_utf8_lossy(&output.stderr))
    })
}

pub(crate) fn main(arguments: &[String]) {
    let [port, path, key, action, connections, seconds, tasks] = arguments else { panic!("seven arguments") };
    let (port, connections): (u16, usize) =
        (port.parse().expect("a port"), connections.parse().expect("a count"));
    let (seconds, tasks): (f64, usize) = (seconds.parse().expect("seconds"), tasks.parse().expect("a count"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run = runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(seconds);
        let share = tasks / connections;
        let all: Vec<_> = (0..connections)
            .map(|index| {
                let tasks = index * share..(index + 1) * share;
                let own = tasks.map(|task| request(path, key, action, task)).collect();
                tokio::task::spawn_local(perform(port, own, until))
            })
            .collect();
        let (mut latencies, mut run) = (Vec::new(), Run::default());
        for connection in all {
            let (own, errors, first_error) = connection.await.expect("a connection's result");
            latencies.extend(own);
            run.errors += errors;
            if run.first_error.is_empty() {
                run.first_error = first_error;
            }
        }
        run.seconds = began.elapsed().as_secs_f64();
        latencies.sort_unstable();
        run.count = latencies.len() as u64;
        run.p50_us = latencies.get(latencies.len() / 2).copied().unwrap_or_default();
        run.p99_us = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
        run
    }));
    println!("{}", serde_json::to_string(&run).expect("serializable"));
}

fn request(path: &str, key: &str, action: &str, task: usize) -> Vec<u8> {
    let body = format!(r#"{{"task_id":"T{task}","action_id":"{action}"}}"#);
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Prefer: wait=10\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection: its good answers' latencies in microseconds, and what went wrong.
async fn perform(port: u16, requests: Vec<Vec<u8>>, until: Instant) -> (Vec<u64>, u64, String) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
    socket.set_nodelay(true).expect("no delay");
    let (mut latencies, mut errors, mut first_error) = (Vec::with_capacity(1 << 14), 0, String::new());
    let mut bytes = Vec::with_capacity(4096);
    for request in requests.iter().cycle() {
        let began = Instant::now();
        if began >= until {
            break;
        }
        socket.write_all(request).await.expect("taken");
        bytes.clear();
        let (status, head) = loop {
            assert!(
                socket.read_buf(&mut bytes).await.expect("an answer") > 0,
                "the server closed the connection"
            );
            if let Some(whole) = whole(&bytes) {
                break whole;
            }
        };
        let is_success = bytes[head..].windows(18).any(|window| window == br#""status":"Success""#);
        if status == 201 && is_success {
            latencies.push(began.elapsed().as_micros() as u64);
        } else {
            errors += 1;
            if first_error.is_empty() {
                first_error = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
    }
    (latencies, errors, first_error)
}

/// Status and the head's length, once the whole answer is there.
fn whole(bytes: &[u8]) -> Option<(u16, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).ok()? else { return None };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    let length: usize = std::str::from_utf8(length.value).ok()?.parse().ok()?;
    (bytes.len() >= head + length).then_some((response.code?, head))
}
