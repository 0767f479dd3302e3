//! Interim answers (1xx) never become the answer, however they come.

use futures_util::future::join_all;

use super::*;

/// awc alone returns `100 Continue` as the answer and lends the connection to the next request, which then reads the
/// answer to this one.
#[test]
fn r001_a_late_answer_never_reaches_another_request() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            while let Some((_, body)) = read_request(&mut tcp).await {
                tcp.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
                sleep(PAUSE * 3).await;
                tcp.write_all(ok(&body).as_bytes()).await.unwrap();
            }
        })
        .await;
        let egress = egress();
        for number in 0..3 {
            let body = format!("in turn {number}");
            assert_body(&egress.send(post(server.url(), body.clone())).await, &body);
        }
        assert_eq!(server.accepted.get(), 1);
        for _ in 0..2 {
            let all = (0..8).map(async |number| {
                let body = format!("at once {number}");
                assert_body(&egress.send(post(server.url(), body.clone())).await, &body);
            });
            join_all(all).await;
        }
        assert_eq!(server.accepted.get(), 8);
    });
}

#[test]
fn interim_answers_are_dropped_wherever_they_are_split() {
    const ANSWER: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n\
                          HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            while let Some((_, body)) = read_request(&mut tcp).await {
                let (first, second) = ANSWER.split_at(body.parse().unwrap());
                tcp.write_all(first.as_bytes()).await.unwrap();
                sleep(Duration::from_millis(2)).await;
                tcp.write_all(second.as_bytes()).await.unwrap();
            }
        })
        .await;
        let egress = egress();
        let all = (1..ANSWER.len()).map(async |split| {
            let exchange = egress.send(post(server.url(), split.to_string())).await;
            assert_body(&exchange, "hello");
            assert_eq!(exchange.bytes_received, ANSWER.len() as u64);
        });
        join_all(all).await;
        let accepted = server.accepted.get();
        assert_body(&egress.send(post(server.url(), "1")).await, "hello");
        assert_eq!(server.accepted.get(), accepted, "the connections are kept");
    });
}

#[test]
fn an_answer_byte_by_byte() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            read_request(&mut tcp).await;
            for byte in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" {
                tcp.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_body(&egress().send(post(server.url(), "")).await, "hi");
    });
}

#[test]
fn the_time_to_the_first_byte_is_that_of_the_final_answer() {
    run(async {
        let server = Server::dripping(&[
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"",
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ])
        .await;
        let exchange = egress().send(post(server.url(), "")).await;
        assert_body(&exchange, "");
        assert!(exchange.timing.first_byte.unwrap() >= PAUSE * 3, "{exchange:?}");
        assert!(exchange.timing.first_byte.unwrap() <= exchange.timing.total);
    });
}

#[test]
fn switching_protocols_is_a_final_answer() {
    run(async {
        let server = Server::answering(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        )
        .await;
        let egress = egress();
        for accepted in 1..=2 {
            let exchange = egress.send(post(server.url(), "")).await;
            assert_eq!(exchange.status(), Some(101), "{exchange:?}");
            assert_eq!(server.accepted.get(), accepted, "such a connection is not kept");
        }
    });
}

#[test]
fn heads_without_end_are_refused() {
    run(async {
        for piece in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nA: b\r\nA: b",
            "HTTP/1.1 200 OK\r\nA: b",
        ] {
            let server = Server::new(move |mut tcp, _| async move {
                read_request(&mut tcp).await;
                let filler = if piece.ends_with('\n') { piece } else { "b" };
                tcp.write_all(piece.as_bytes()).await.unwrap();
                while tcp.write_all(filler.repeat(500).as_bytes()).await.is_ok() {}
            })
            .await;
            let exchange = egress().send(post(server.url(), "")).await;
            assert_error(&exchange, "response_head_too_large", Certainty::SentNoAnswer);
            assert!(exchange.bytes_received < 80_000, "{exchange:?}");
        }
    });
}

#[test]
fn an_interim_answer_alone_is_no_answer() {
    run(async {
        let server = Server::dripping(&[b"HTTP/1.1 100 Continue\r\n\r\n"]).await;
        assert_error(
            &egress().send(post(server.url(), "")).await,
            "connection_closed",
            Certainty::SentNoAnswer,
        );
    });
}
