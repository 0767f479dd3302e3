//! When connections are made, kept, left and lost.

use std::{sync::mpsc, thread::JoinHandle, time::Instant};

use super::*;
use crate::egress::{clients::CLIENTS_MAX, transport::BLIND};

#[test]
fn a_connection_is_kept_for_the_next_call() {
    run(async {
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let egress = egress();
        for number in 0..5 {
            let exchange = egress.clone().send(post(server.url(), "x")).await;
            assert_body(&exchange, "");
            assert_eq!(exchange.timing.dns.is_some(), number == 0, "{exchange:?}");
            assert_eq!(exchange.timing.connect.is_some(), number == 0, "{exchange:?}");
            assert_eq!(exchange.timing.tls, None);
            assert_eq!(exchange.remote.unwrap().port(), server.port);
        }
        assert_eq!(server.accepted.get(), 1);
    });
}

#[test]
fn a_connection_whose_answer_says_close_is_not_kept() {
    run(async {
        let server =
            Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        let egress = egress();
        for accepted in 1..=2 {
            assert_body(&egress.send(post(server.url(), "")).await, "");
            assert_eq!(server.accepted.get(), accepted);
        }
    });
}

/// The server ends each connection after one answer; however it does so, no call may suffer.
#[test]
fn a_connection_that_ended_between_two_calls_is_no_error() {
    run(async {
        for (resets, pause) in
            [(false, PAUSE), (true, PAUSE), (false, Duration::ZERO), (true, Duration::ZERO)]
        {
            let server = Server::new(move |mut tcp, _| async move {
                read_request(&mut tcp).await;
                tcp.write_all(ok("x").as_bytes()).await.unwrap();
                if resets {
                    reset(tcp);
                }
            })
            .await;
            let egress = egress();
            for _ in 0..20 {
                assert_body(&egress.send(post(server.url(), "")).await, "x");
                sleep(pause).await;
            }
            assert_eq!(server.accepted.get(), 20);
        }
    });
}

/// A server in a thread that answers one request on each of `connections` connections and resets or closes it when
/// told to by a send; it tells when it has.
fn on_command(
    connections: usize,
    resets: bool,
) -> (String, mpsc::Sender<()>, mpsc::Receiver<()>, JoinHandle<()>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (end, ending) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                tcp.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            tcp.write_all(ok("x").as_bytes()).unwrap();
            let _ = ending.recv();
            if resets {
                socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(tcp);
            let _ = ended.send(());
        }
    });
    (url, end, ends, thread)
}

/// The runtime has had no turn since the end came, so that its own view of the socket is old.
#[test]
fn an_end_that_the_runtime_has_not_seen_yet_is_noticed() {
    run(async {
        let (url, end, ended, server) = on_command(2, false);
        let egress = egress();
        assert_body(&egress.send(post(&url, "")).await, "x");
        end.send(()).unwrap();
        ended.recv().unwrap();
        assert_body(&egress.send(post(&url, "")).await, "x");
        drop(end);
        server.join().unwrap();
    });
}

/// A reset that came after the last look: the write fails with nothing sent, and a fresh connection is used.
#[test]
fn a_kept_connection_that_takes_no_byte_is_replaced() {
    run(async {
        let (url, end, ended, server) = on_command(2, true);
        let egress = egress();
        assert_body(&egress.send(post(&url, "")).await, "x");
        end.send(()).unwrap();
        ended.recv().unwrap();
        BLIND.set(true);
        let exchange = egress.send(post(&url, "")).await;
        assert_body(&exchange, "x");
        assert!(exchange.timing.connect.is_some());
        drop(end);
        server.join().unwrap();
    });
}

#[test]
fn bytes_that_nobody_asked_for_end_a_connection() {
    run(async {
        for extra in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "\r\n"] {
            let written = Rc::new(Cell::new(0));
            let count = Rc::clone(&written);
            let server = Server::new(move |mut tcp, number| {
                let count = Rc::clone(&count);
                async move {
                    read_request(&mut tcp).await;
                    tcp.write_all(ok(&number.to_string()).as_bytes()).await.unwrap();
                    sleep(PAUSE).await;
                    tcp.write_all(extra.as_bytes()).await.unwrap();
                    count.set(number + 1);
                    read_request(&mut tcp).await;
                }
            })
            .await;
            let egress = egress();
            for number in 0..3 {
                let exchange = egress.send(post(server.url(), "")).await;
                assert_body(&exchange, &number.to_string());
                while written.get() <= number {
                    sleep(PAUSE).await;
                }
            }
        }
    });
}

/// What comes in one piece with an answer is discarded with it, and the connection is sound.
#[test]
fn a_second_answer_at_once_reaches_nobody() {
    run(async {
        let server = Server::answering(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        )
        .await;
        let egress = egress();
        for _ in 0..3 {
            assert_body(&egress.send(post(server.url(), "")).await, "x");
        }
    });
}

/// The request left on a kept connection, and then that ended: the receiver may have acted on it.
#[test]
fn a_kept_connection_that_ends_after_the_request_left_is_unknown() {
    run(async {
        let server = Server::new(|mut tcp, _| async move {
            read_request(&mut tcp).await;
            tcp.write_all(ok("x").as_bytes()).await.unwrap();
            read_request(&mut tcp).await;
        })
        .await;
        let egress = egress();
        assert_body(&egress.send(post(server.url(), "")).await, "x");
        assert_error(
            &egress.send(post(server.url(), "")).await,
            "connection_closed",
            Certainty::SentNoAnswer,
        );
        assert_eq!(server.accepted.get(), 1, "it is not sent again");
    });
}

#[test]
fn a_call_that_was_given_up_leaves_no_connection() {
    run(async {
        let server = Server::new(|mut tcp, number| async move {
            while read_request(&mut tcp).await.is_some() {
                sleep(SHORT * 2).await;
                let _ = tcp.write_all(ok(&number.to_string()).as_bytes()).await;
            }
        })
        .await;
        let egress = egress();
        let late = egress.send(Request { timeout: SHORT, ..post(server.url(), "") }).await;
        assert_error(&late, "timeout", Certainty::SentNoAnswer);
        assert_body(&egress.send(post(server.url(), "")).await, "1");
    });
}

#[test]
fn idle_connections_are_closed() {
    run(async {
        let closed = Rc::new(Cell::new(None));
        let seen = Rc::clone(&closed);
        let server = Server::new(move |mut tcp, _| {
            let seen = Rc::clone(&seen);
            async move {
                while read_request(&mut tcp).await.is_some() {
                    tcp.write_all(ok("x").as_bytes()).await.unwrap();
                }
                seen.set(Some(Instant::now()));
            }
        })
        .await;
        let idle_timeout = Duration::from_millis(60);
        let egress = egress_with(&EgressSettings { idle_timeout, ..settings() });
        for round in 1..=2 {
            assert_body(&egress.send(post(server.url(), "")).await, "x");
            let done = Instant::now();
            while closed.get().is_none() {
                assert!(done.elapsed() < LONG, "it is still open");
                sleep(PAUSE).await;
            }
            assert!(closed.take().unwrap() - done > idle_timeout / 2);
            assert_eq!(server.accepted.get(), round);
        }
    });
}

#[test]
fn a_connection_that_rested_too_long_is_not_used_even_if_its_client_is_busy() {
    run(async {
        let server = Server::new(|mut tcp, number| async move {
            while let Some((_, body)) = read_request(&mut tcp).await {
                if body == "slow" {
                    sleep(Duration::from_millis(200)).await;
                }
                tcp.write_all(ok(&number.to_string()).as_bytes()).await.unwrap();
            }
        })
        .await;
        let egress = egress_with(&EgressSettings { idle_timeout: Duration::from_millis(100), ..settings() });
        let slow = egress.send(post(server.url(), "slow"));
        let quick = async {
            sleep(PAUSE).await;
            assert_body(&egress.send(post(server.url(), "")).await, "1");
            sleep(Duration::from_millis(130)).await;
            assert_body(&egress.send(post(server.url(), "")).await, "2");
        };
        futures_util::future::join(slow, quick).await;
    });
}

#[test]
fn the_number_of_clients_is_limited() {
    run(async {
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let host = |number: usize| format!("127.0.{}.{}", number / 250, number % 250 + 1);
        let hosts: Vec<_> = (0..=CLIENTS_MAX).map(host).collect();
        let guard = Guard::new(hosts.iter().map(String::as_str)).unwrap();
        let egress = egress_with(&EgressSettings { guard, ..settings() });
        let url = |number: usize| format!("http://{}:{}/", hosts[number], server.port);
        // Only 127.0.0.1 is listened on; the others are refused, and count all the same.
        assert_body(&egress.send(post(url(0), "")).await, "");
        for number in 1..CLIENTS_MAX {
            assert_error(&egress.send(post(url(number), "")).await, "connect_failed", Certainty::NotSent);
        }
        assert_body(&egress.send(post(url(0), "")).await, "");
        assert_eq!(server.accepted.get(), 1, "there is room for all of them");
        for number in 1..=CLIENTS_MAX {
            egress.send(post(url(number), "")).await.result.unwrap_err();
        }
        assert_body(&egress.send(post(url(0), "")).await, "");
        assert_eq!(server.accepted.get(), 2, "the least recently used one made room");
    });
}

#[test]
fn hosts_that_cannot_be_reached() {
    run(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let exchange = egress().send(post(format!("http://{free}/"), "x")).await;
        assert_error(&exchange, "connect_failed", Certainty::NotSent);
        assert!(exchange.result.unwrap_err().to_string().contains(&free.to_string()));
        let exchange = egress().send(post("http://nosuchhost.invalid/?key=secret", "x")).await;
        assert_error(&exchange, "resolve_failed", Certainty::NotSent);
        let text = exchange.result.unwrap_err().to_string();
        assert!(text.contains("nosuchhost.invalid") && !text.contains("secret"), "{text}");
    });
}

/// A listener whose queue is full drops what comes: connecting hangs, as behind a firewall.
#[test]
fn a_host_that_swallows_connections() {
    run(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(1).unwrap();
        let address = full.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(tcp) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
            filling.push(tcp.unwrap());
        }
        let egress = egress_with(&EgressSettings { connect_timeout: SHORT, ..settings() });
        let exchange = egress.send(post(format!("http://{address}/"), "x")).await;
        assert_error(&exchange, "connect_timeout", Certainty::NotSent);
        let hurried = Request { timeout: SHORT / 3, ..post(format!("http://{address}/"), "x") };
        let exchange = egress.send(hurried).await;
        assert_error(&exchange, "timeout", Certainty::NotSent);
        let text = exchange.result.expect_err("nobody answers").to_string();
        assert!(text.contains("took nothing of the request within 0.05 s"), "{text}");
    });
}

#[test]
fn every_address_of_a_name_is_tried() {
    run(async {
        // localhost may be ::1 first, where nobody listens.
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_body(&egress().send(post(format!("http://localhost:{}/", server.port), "")).await, "");
    });
}

#[test]
fn an_ipv6_literal() {
    run(async {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else {
            return; // This machine has no IPv6.
        };
        let address = listener.local_addr().unwrap();
        actix_rt::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let (head, _) = read_request(&mut tcp).await.unwrap();
            let host = format!("host: {address}\r\n");
            tcp.write_all(ok(if head.contains(&host) { "right" } else { "wrong" }).as_bytes()).await.unwrap();
        });
        assert_body(&egress().send(post(format!("http://{address}/"), "")).await, "right");
    });
}
