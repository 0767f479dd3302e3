//! The receiver: answers every call with a change of the task, and counts.

use std::{
    io::{Read, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

static TOTAL: AtomicU64 = AtomicU64::new(0);
static MALFORMED: AtomicU64 = AtomicU64::new(0);

/// The answer to a call: a day of its own, so that nearly every answer changes the task.
fn answer(number: u64) -> String {
    let body = format!("{{\"task\": {{\"Expected Close Date\": \"2020-02-{:02}\"}}}}", number % 28 + 1);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address").port());
        while let Ok((socket, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(socket));
        }
    }));
}

async fn serve(mut socket: TcpStream) {
    let _ = socket.set_nodelay(true);
    let mut bytes = Vec::with_capacity(4096);
    loop {
        let Some((head, length, is_count)) = head(&bytes) else {
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        if bytes.len() < head + length {
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        }
        let counted = format!("{} {}", TOTAL.load(Ordering::Relaxed), MALFORMED.load(Ordering::Relaxed));
        let written = if is_count {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{counted}", counted.len());
            socket.write_all(answer.as_bytes()).await
        } else {
            let number = TOTAL.fetch_add(1, Ordering::Relaxed);
            if !bytes[head..].starts_with(b"{\"action\":\"") {
                MALFORMED.fetch_add(1, Ordering::Relaxed);
            }
            socket.write_all(answer(number).as_bytes()).await
        };
        if written.is_err() {
            return;
        }
        bytes.drain(..head + length);
    }
}

/// The head's and the body's length, once the head is whole; whether it asks for the count.
fn head(bytes: &[u8]) -> Option<(usize, usize, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok()).unwrap_or(0);
    Some((head, length, request.method == Some("GET")))
}

/// Calls that a receiver got, and those whose body was not the contract's.
pub(crate) fn count(port: u16) -> (u64, u64) {
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the receiver listens");
    socket.write_all(b"GET /count HTTP/1.1\r\nHost: x\r\n\r\n").expect("asked");
    socket.shutdown(std::net::Shutdown::Write).expect("half-closed");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let counts = answer.rsplit("\r\n").next().expect("a body");
    let (total, malformed) = counts.split_once(' ').expect("two counts");
    (total.parse().expect("a count"), malformed.parse().expect("a count"))
}
