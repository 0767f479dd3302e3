//! Where an answer's body ends, and what becomes of one that does not end as it should.

use super::*;

/// A server that sends `pieces` and closes gives this body, and the connection is done with.
fn check(pieces: &'static [&'static [u8]], expected: &str) {
    run(async {
        let server = Server::dripping(pieces).await;
        assert_body(&egress().send(post(server.url(), "x")).await, expected);
    });
}

/// A server that sends `pieces` and closes: the status is known, the answer is incomplete.
fn check_broken(pieces: &'static [&'static [u8]]) {
    run(async {
        let server = Server::dripping(pieces).await;
        let exchange = egress().send(post(server.url(), "x")).await;
        assert_error(&exchange, "response_incomplete", Certainty::Answered);
        assert_eq!(exchange.status(), Some(200));
    });
}

#[test]
fn ways_to_end_a_body() {
    check(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"he", b"llo"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], "");
    check(&[b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"], "hello");
    check(&[b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"hel", b"lo"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\n\r\nhello"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\nX: y\r", b"\n\r\nhello"], "hello");
    check(&[b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"], "");
    check(
        &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"],
        "hello",
    );
    check(
        &[
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"3\r\nh",
            b"el\r\n2\r",
            b"\nlo\r\n0\r\n",
            b"\r\n",
        ],
        "hello",
    );
    check(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], "");
}

#[test]
fn bodies_cut_short() {
    check_broken(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"]);
    check_broken(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"]);
    check_broken(&[b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhell"]);
    check_broken(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]);
    check_broken(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]);
    check_broken(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"]);
}

#[test]
fn answers_that_have_no_body_whatever_their_heads_say() {
    run(async {
        for status in ["204 No Content", "304 Not Modified"] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n");
            let server = Server::answering(answer.leak()).await;
            let exchange = egress().send(post(server.url(), "")).await;
            assert!(exchange.result.unwrap().body.is_empty(), "{status}");
        }
        let server = Server::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let egress = egress();
        for _ in 0..2 {
            assert_eq!(egress.send(post(server.url(), "")).await.status(), Some(204));
        }
        assert_eq!(server.accepted.get(), 1, "its connection is kept");
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
        for _ in 0..2 {
            let head = Request { method: "HEAD".to_owned(), ..post(server.url(), "") };
            assert_body(&egress.send(head).await, "");
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn a_body_as_long_as_the_limit_passes_and_a_longer_one_does_not() {
    run(async {
        for head in [
            "Content-Length: 5\r\n\r\nhello",
            "Connection: close\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        ] {
            let server = Server::new(move |mut tcp, _| async move {
                read_request(&mut tcp).await;
                tcp.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.unwrap();
            })
            .await;
            let exact = Request { response_bytes_max: 5, ..post(server.url(), "") };
            assert_body(&egress().send(exact).await, "hello");
            let exchange = egress().send(Request { response_bytes_max: 4, ..post(server.url(), "") }).await;
            assert_error(&exchange, "response_too_large", Certainty::Answered);
            assert_eq!(exchange.status(), Some(200));
            let kept = exchange.partial.expect("its head came").body;
            assert_eq!(&*kept, if head.contains("Length") { "" } else { "hell" }.as_bytes(), "{head}");
        }
    });
}

#[test]
fn an_endless_body_is_left_at_the_limit_and_a_length_above_it_at_once() {
    run(async {
        let server = Server::new(|mut tcp, number| async move {
            read_request(&mut tcp).await;
            let head = if number == 0 { "Content-Length: 9000000" } else { "Connection: close" };
            tcp.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
            if number > 0 {
                // Ends because the other side has closed the connection.
                while tcp.write_all(&[b'x'; 4096]).await.is_ok() {}
            }
            assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0);
        })
        .await;
        for received in [100, 300_000] {
            let exchange =
                egress().send(Request { response_bytes_max: 100_000, ..post(server.url(), "") }).await;
            assert_error(&exchange, "response_too_large", Certainty::Answered);
            assert!(exchange.bytes_received < received, "{exchange:?}");
        }
    });
}

#[test]
fn the_time_limit_covers_the_body() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            read_request(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 99999\r\n\r\n").await.unwrap();
            while tcp.write_all(b"x").await.is_ok() {
                sleep(PAUSE).await;
            }
        })
        .await;
        let exchange = egress().send(Request { timeout: SHORT, ..post(server.url(), "") }).await;
        assert_error(&exchange, "timeout", Certainty::Answered);
        assert_eq!(exchange.status(), Some(202));
        let partial = exchange.partial.as_ref().expect("its head came");
        assert!(partial.body.starts_with(b"x") && !partial.headers.is_empty(), "{partial:?}");
        assert!(exchange.timing.total >= SHORT && exchange.timing.total < SHORT * 4, "{exchange:?}");
        assert!(exchange.timing.first_byte.is_some());
    });
}

#[test]
fn no_answer_at_all() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            read_request(&mut tcp).await;
            assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0);
        })
        .await;
        let exchange = egress().send(Request { timeout: SHORT, ..post(server.url(), "x") }).await;
        assert_error(&exchange, "timeout", Certainty::SentNoAnswer);
        assert_eq!(exchange.status(), None);
        assert!(exchange.timing.total < SHORT * 4);
    });
}

#[test]
fn a_reset_in_the_middle() {
    run(async {
        for (head, code, certainty) in [
            ("", "connection_closed", Certainty::SentNoAnswer),
            ("HTTP/1.1 20", "connection_closed", Certainty::SentNoAnswer),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "connection_closed", Certainty::SentNoAnswer),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "response_incomplete", Certainty::Answered),
            ("HTTP/1.1 200 OK\r\n\r\nhe", "response_incomplete", Certainty::Answered),
        ] {
            let server = Server::new(move |mut tcp, _| async move {
                read_request(&mut tcp).await;
                tcp.write_all(head.as_bytes()).await.unwrap();
                sleep(PAUSE).await;
                reset(tcp);
            })
            .await;
            let exchange = egress().send(post(server.url(), "x")).await;
            assert_error(&exchange, code, certainty);
            let partial = exchange.partial.map(|partial| partial.body);
            assert_eq!(partial.as_deref(), (certainty == Certainty::Answered).then_some(b"he".as_slice()));
        }
    });
}

#[test]
fn what_is_not_http() {
    run(async {
        for answer in [
            "SSH-2.0-OpenSSH_9.6\r\n",
            "<html>",
            "H",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 abc OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ] {
            let server = Server::new(move |mut tcp, _| async move {
                read_request(&mut tcp).await;
                tcp.write_all(answer.as_bytes()).await.unwrap();
            })
            .await;
            let exchange = egress().send(post(server.url(), "")).await;
            // One letter is not enough to tell.
            let code = if answer == "H" { "connection_closed" } else { "invalid_response" };
            assert_error(&exchange, code, Certainty::SentNoAnswer);
        }
    });
}
