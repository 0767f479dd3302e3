//! Exchanges against servers written by hand, on real sockets: what a server sends, byte by byte, is the point.

mod body;
mod connection;
mod cut;
mod early;
mod interim;
mod offsets;
mod proxy;
mod request;
mod secure;

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

use super::{Certainty, Egress, EgressSettings, Endpoints, Exchange, Guard, HealthSettings, Request, Trust};

/// Long enough for loopback to pass bytes on, so that two writes are two reads.
const PAUSE: Duration = Duration::from_millis(10);
/// For calls that are to run into it.
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

fn run<F: Future>(test: F) -> F::Output {
    actix_rt::System::new().block_on(test)
}

fn settings() -> EgressSettings {
    let guard = Guard::new(["127.0.0.1", "::1", "localhost"]).expect("a guard");
    EgressSettings { connect_timeout: Duration::from_secs(10), guard, ..EgressSettings::default() }
}

fn egress() -> Egress {
    egress_with(&settings())
}

fn egress_with(settings: &EgressSettings) -> Egress {
    egress_trusting(settings, &Trust::load(settings.extra_ca_file.as_deref()).unwrap())
}

fn egress_trusting(settings: &EgressSettings, trust: &Trust) -> Egress {
    Egress::new(
        settings,
        trust,
        Endpoints::new(HealthSettings { failures_max: 0, ..HealthSettings::default() }),
    )
}

fn post(url: impl Into<String>, body: impl Into<bytes::Bytes>) -> Request {
    Request {
        method: "POST".to_owned(),
        url: url.into(),
        headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
        body: body.into(),
        timeout: LONG,
        response_bytes_max: 1 << 20,
        tls: None,
        route: None,
        gone_is_an_answer: false,
    }
}

/// A server on 127.0.0.1 that hands every connection, with its number from 0, to a script.
struct Server {
    port: u16,
    accepted: Rc<Cell<usize>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn new<S, F>(script: S) -> Self
    where
        S: Fn(TcpStream, usize) -> F + 'static,
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Rc::new(Cell::new(0));
        let count = Rc::clone(&accepted);
        let task = actix_rt::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tcp.set_nodelay(true).unwrap();
                let number = count.replace(count.get() + 1);
                actix_rt::spawn(script(tcp, number));
            }
        });
        Self { port, accepted, task }
    }

    /// Answers every request on every connection with the same bytes.
    async fn answering(answer: &'static str) -> Self {
        Self::new(move |mut tcp, _| async move {
            while read_request(&mut tcp).await.is_some() {
                tcp.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    /// Answers one request with pieces, a pause between them, and then closes.
    async fn dripping(pieces: &'static [&'static [u8]]) -> Self {
        Self::new(move |mut tcp, _| async move {
            read_request(&mut tcp).await;
            for piece in pieces {
                tcp.write_all(piece).await.unwrap();
                sleep(PAUSE).await;
            }
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request with its `Content-Length` body; `None` at the connection's end.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Makes closing a connection reset it.
fn reset(tcp: TcpStream) {
    socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
}

#[track_caller]
fn assert_body(exchange: &Exchange, expected: &str) {
    let response = exchange.result.as_ref().unwrap_or_else(|error| panic!("{error} {exchange:?}"));
    assert_eq!((response.status, &*response.body), (200, expected.as_bytes()), "{exchange:?}");
    assert_eq!(exchange.certainty(), Certainty::Answered);
}

#[track_caller]
fn assert_error(exchange: &Exchange, code: &str, certainty: Certainty) {
    let error = exchange.result.as_ref().expect_err("there is an answer");
    assert_eq!((error.code(), exchange.certainty()), (code, certainty), "{error} {exchange:?}");
    assert_eq!(exchange.bytes_sent == 0, certainty == Certainty::NotSent, "{exchange:?}");
}
