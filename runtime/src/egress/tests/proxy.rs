//! Calls through a proxy: a tunnel to the address that was checked.

use std::{cell::RefCell, rc::Rc};

use tokio::io::copy_bidirectional;

use super::*;
use crate::egress::{Proxy, Route};

/// A proxy that keeps the heads of what it is asked, and answers with a line; with 2xx it does its work.
async fn proxy(answer: &'static str) -> (u16, Rc<RefCell<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Rc::new(RefCell::new(Vec::new())));
    let all = Rc::clone(&asked);
    actix_rt::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let all = Rc::clone(&all);
            actix_rt::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.split(' ').nth(1).unwrap().to_owned();
                all.borrow_mut().push(head);
                client.write_all(format!("{answer}\r\n\r\n").as_bytes()).await.unwrap();
                if answer.contains(" 200") {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (port, asked)
}

fn through(port: u16, resolves: bool, except: &[&str]) -> Egress {
    let proxy =
        Proxy::new(&format!("http://us%20er:p%40ss@127.0.0.1:{port}"), resolves, except.iter().copied());
    egress_with(&EgressSettings { proxy: Some(proxy.unwrap()), ..settings() })
}

#[test]
fn a_call_goes_through_the_proxy_to_the_address_that_was_checked() {
    run(async {
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let (port, asked) = proxy("HTTP/1.1 200 Connection established\r\nX-Proxy: yes").await;
        let egress = through(port, false, &[]);
        let exchange = egress.send(post(format!("http://localhost:{}/x", server.port), "hello")).await;
        assert_body(&exchange, "ok");
        // The kept connection is a tunnel already.
        assert_body(&egress.send(post(format!("http://localhost:{}/y", server.port), "")).await, "ok");
        let asked = asked.borrow();
        let target = format!("127.0.0.1:{}", server.port);
        assert_eq!(
            *asked,
            [format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic dXMgZXI6cEBzcw==\r\n\r\n"
            )]
        );
        assert_eq!(exchange.remote.map(|remote| remote.to_string()), Some(target));
        assert!(exchange.bytes_sent < 300, "the tunnel's own bytes are no part of the request");
    });
}

#[test]
fn a_blocked_address_is_not_asked_for_and_a_name_is_left_to_the_proxy_only_if_it_may() {
    run(async {
        let (port, asked) = proxy("HTTP/1.1 502 Bad Gateway").await;
        let egress = through(port, false, &[]);
        assert_error(&egress.send(post("http://10.0.0.1/", "")).await, "egress_blocked", Certainty::NotSent);
        let remote = through(port, true, &[]);
        assert_error(&remote.send(post("http://10.0.0.1/", "")).await, "egress_blocked", Certainty::NotSent);
        assert!(asked.borrow().is_empty());
        let exchange = remote.send(post("http://no-such-host.invalid:81/", "")).await;
        assert_error(&exchange, "proxy_failed", Certainty::NotSent);
        assert!(asked.borrow()[0].starts_with("CONNECT no-such-host.invalid:81 HTTP/1.1\r\n"));
    });
}

#[test]
fn what_the_proxy_does_instead_is_said() {
    run(async {
        for (answer, said) in [
            (
                "HTTP/1.1 407 Proxy Authentication Required",
                "the proxy answered 407 Proxy Authentication Required",
            ),
            ("HTTP/1.0 403", "the proxy answered 403"),
            ("SSH-2.0-OpenSSH", "does not answer like an HTTP proxy"),
        ] {
            let (port, _) = proxy(answer).await;
            let exchange = through(port, false, &[]).send(post("http://127.0.0.1:9/", "")).await;
            assert_error(&exchange, "proxy_failed", Certainty::NotSent);
            let error = exchange.result.unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let exchange = through(nobody, false, &[]).send(post("http://127.0.0.1:9/", "")).await;
        assert_error(&exchange, "proxy_failed", Certainty::NotSent);
        let error = exchange.result.unwrap_err().to_string();
        assert!(error.contains("the proxy cannot be connected to (Connection refused"), "{error}");
    });
}

#[test]
fn what_is_excepted_is_called_directly() {
    run(async {
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let (port, asked) = proxy("HTTP/1.1 502 Bad Gateway").await;
        for (except, host) in [
            ("127.0.0.0/8", "127.0.0.1"),
            (".localhost", "LOCALHOST"),
            ("*", "127.0.0.1"),
            ("*.LOCALHOST.", "localhost"),
        ] {
            let egress = through(port, false, &["other.example", except]);
            assert_body(&egress.send(post(format!("http://{host}:{}/", server.port), "")).await, "");
        }
        assert!(asked.borrow().is_empty());
    });
}

#[test]
fn what_is_no_proxy_is_refused() {
    for url in [
        "",
        "proxy:3128",
        "https://proxy:3128",
        "http://proxy",
        "http://:3128",
        "http://proxy:x",
        "http://a:b%@proxy:1",
        "http://proxy:1/x",
    ] {
        assert!(Proxy::new(url, false, []).is_err(), "{url}");
    }
    let proxy = Proxy::new("http://user:secret@[::1]:3128/", false, []).unwrap();
    assert_eq!(format!("{proxy:?}"), "Proxy(::1:3128)");
}

#[test]
fn a_calls_own_proxy_is_called_as_far_as_endpoints_are_and_shared_with_no_other_call() {
    run(async {
        let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let (port, asked) = proxy("HTTP/1.1 200 OK").await;
        let (nobody, of_nobody) = proxy("HTTP/1.1 502 Bad Gateway").await;
        let egress = through(nobody, false, &[]);
        let own = |url: String| Some(Route::Through(Proxy::new(&url, false, []).unwrap().into()));
        let with = |route| Request { route, ..post(server.url(), "") };
        assert_body(&egress.send(with(own(format!("http://127.0.0.1:{port}")))).await, "");
        assert_body(&egress.send(with(Some(Route::Direct))).await, "");
        assert_eq!((asked.borrow().len(), of_nobody.borrow().len()), (1, 0));
        assert_error(&egress.send(with(None)).await, "proxy_failed", Certainty::NotSent);
        let blocked = egress.send(with(own("http://10.0.0.1:3128".to_owned()))).await;
        assert_error(&blocked, "egress_blocked", Certainty::NotSent);
        let said = blocked.result.unwrap_err().to_string();
        assert!(said.starts_with("10.0.0.1 is not called"), "{said}");
        // Neither says that the endpoint fails.
        let failing = own(format!("http://127.0.0.1:{nobody}"));
        assert_error(&egress.send(with(failing)).await, "proxy_failed", Certainty::NotSent);
        assert_body(&egress.send(with(Some(Route::Direct))).await, "");
    });
}
