//! Answers that come before the request is fully sent.

use std::{io::Write, time::Instant};

use super::*;
use crate::egress::{error::Peer, record::Record, stream::EgressStream, transport::Transport};

const REFUSAL: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch";
/// More than the sockets' buffers take on loopback.
const UPLOAD_BYTES: usize = 32 << 20;

#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    Wait,
    HalfClose,
}

/// A server that reads only the head, answers with `pieces`, and then does not read on.
async fn check(then: Then, pieces: &'static [&'static str]) {
    let server = Server::new(move |mut tcp, _| async move {
        let mut head = [0; 64];
        tcp.read_exact(&mut head).await.unwrap();
        for piece in pieces {
            tcp.write_all(piece.as_bytes()).await.unwrap();
            sleep(PAUSE).await;
        }
        match then {
            Then::Close => drop(tcp),
            Then::Reset => reset(tcp),
            Then::Wait => sleep(LONG).await,
            Then::HalfClose => {
                tcp.shutdown().await.unwrap();
                sleep(LONG).await;
            }
        }
    })
    .await;
    let egress = egress();
    for accepted in 1..=2 {
        let exchange = egress.send(post(server.url(), vec![b'x'; UPLOAD_BYTES])).await;
        let response = exchange.result.as_ref().unwrap_or_else(|error| panic!("{error} {exchange:?}"));
        assert_eq!((response.status, &*response.body), (413, b"much".as_slice()));
        assert!(exchange.bytes_sent < UPLOAD_BYTES as u64, "{exchange:?}");
        assert_eq!(server.accepted.get(), accepted, "the connection is not used again");
    }
}

#[test]
fn a_refusal_in_the_middle_of_an_upload_is_the_answer() {
    run(async {
        for then in [Then::Close, Then::Reset, Then::Wait, Then::HalfClose] {
            check(then, &[REFUSAL]).await;
        }
        check(
            Then::Wait,
            &[
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Content Too L",
                "arge\r\nContent-Length: 4\r\n\r\nmu",
                "ch",
            ],
        )
        .await;
    });
}

/// The connection's end would be the answer's, but it was a reset: only the status is certain.
#[test]
fn a_refusal_without_a_length_that_ends_in_a_reset_is_incomplete() {
    run(async {
        let server = Server::new(move |mut tcp, _| async move {
            tcp.read_exact(&mut [0; 64]).await.unwrap();
            tcp.write_all(b"HTTP/1.1 413 Content Too Large\r\n\r\nmuch").await.unwrap();
            sleep(PAUSE).await;
        })
        .await;
        let exchange = egress().send(post(server.url(), vec![b'x'; UPLOAD_BYTES])).await;
        assert_error(&exchange, "response_incomplete", Certainty::Answered);
        assert_eq!(exchange.status(), Some(413));
    });
}

#[test]
fn an_upload_that_is_cut_off_without_an_answer_is_unknown() {
    run(async {
        for part in ["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 413 Content"] {
            let server = Server::new(move |mut tcp, _| async move {
                tcp.read_exact(&mut [0; 64]).await.unwrap();
                tcp.write_all(part.as_bytes()).await.unwrap();
                sleep(PAUSE).await;
            })
            .await;
            let exchange = egress().send(post(server.url(), vec![b'x'; UPLOAD_BYTES])).await;
            assert_error(&exchange, "connection_closed", Certainty::SentNoAnswer);
        }
    });
}

#[test]
fn noise_in_the_middle_of_an_upload_is_no_answer() {
    run(async {
        let server = Server::new(move |mut tcp, _| async move {
            tcp.read_exact(&mut [0; 64]).await.unwrap();
            tcp.write_all(b"what?").await.unwrap();
            sleep(LONG).await;
        })
        .await;
        let exchange = egress().send(post(server.url(), vec![b'x'; UPLOAD_BYTES])).await;
        assert_error(&exchange, "invalid_response", Certainty::SentNoAnswer);
    });
}

#[test]
fn an_upload_that_is_taken_slowly_arrives_whole() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            sleep(PAUSE * 3).await;
            let (_, body) = read_request(&mut tcp).await.unwrap();
            tcp.write_all(ok(&body.len().to_string()).as_bytes()).await.unwrap();
        })
        .await;
        let exchange = egress().send(post(server.url(), vec![b'x'; UPLOAD_BYTES])).await;
        assert_body(&exchange, &UPLOAD_BYTES.to_string());
        assert!(exchange.bytes_sent > UPLOAD_BYTES as u64);
    });
}

/// Writes through a stream of ours whose other end has written `answer` and then reset the connection, without the
/// runtime having had a turn to notice.
async fn write_to_reset(answer: &str) -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let (mut other, _) = listener.accept().unwrap();
    let mut stream = EgressStream::new(Transport::Plain(tcp), address, Peer("x".into()));
    let record = Rc::new(Record::new(1, false, Instant::now()));
    let exchange = async {
        stream.write_all(b"POST").await.unwrap();
        other.write_all(answer.as_bytes()).unwrap();
        socket2::SockRef::from(&other).set_linger(Some(Duration::ZERO)).unwrap();
        drop(other);
        stream.write_all(b" / HTTP/1.1").await?;
        stream.flush().await?;
        let mut read = vec![0; answer.len()];
        stream.read_exact(&mut read).await?;
        Ok(String::from_utf8(read).unwrap())
    };
    let read = Rc::clone(&record).scope(exchange).await;
    assert_eq!(record.bytes_sent.get(), 4);
    assert!(!record.stale.get(), "bytes were sent");
    read
}

#[test]
fn an_answer_before_a_failed_write_is_read() {
    run(async {
        assert_eq!(write_to_reset(REFUSAL).await.unwrap(), REFUSAL);
        for part in ["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 413", "noise"] {
            assert!(write_to_reset(part).await.is_err(), "{part}");
        }
    });
}
