//! A small HTTP/1.1 client over a plain socket: what is sent is exactly what a test says.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough for a server to have read what was sent.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as it came.
    pub(crate) head: String,
    /// As text; what is none shows as question marks.
    pub(crate) body: String,
    /// As it came, chunks and all.
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }
}

/// Sends one request on a connection of its own, and reads the answer to its end.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut socket = begin(address, method, path, headers, body.len());
    // A server may refuse a large body before it has all of it.
    let _ = socket.write_all(body);
    answer(socket)
}

/// A request of which the last byte of the body has not been sent.
pub(crate) struct HeldBack {
    socket: TcpStream,
    last: u8,
}

impl HeldBack {
    pub(crate) fn new(
        address: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Self {
        let (last, rest) = body.split_last().expect("a body");
        // So that the server reads the head, and begins.
        let (first, rest) = rest.split_first().expect("more of it");
        let mut socket = begin(address, method, path, headers, body.len());
        socket.write_all(&[*first]).expect("taken");
        thread::sleep(PAUSE);
        socket.write_all(rest).expect("taken");
        Self { socket, last: *last }
    }

    pub(crate) fn end(mut self) -> Answer {
        let _ = self.socket.write_all(&[self.last]);
        answer(self.socket)
    }
}

fn begin(address: &str, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> TcpStream {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    socket.set_write_timeout(Some(TIMEOUT)).expect("a timeout");
    socket.write_all(head.as_bytes()).expect("the head is taken");
    socket
}

fn answer(mut socket: TcpStream) -> Answer {
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    parse(&answer)
}

fn parse(answer: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an HTTP answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let (head, body) = (head.to_owned(), if is_chunked { unchunked(body) } else { body.to_owned() });
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("the head's end");
    Answer { status, head, body, bytes: answer[end + 4..].to_vec() }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
        if size == 0 {
            return whole;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    panic!("a chunked body was cut off: {whole}");
}
