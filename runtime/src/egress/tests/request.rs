//! What a receiver sees of a request.

use super::*;

/// Answers every request with what was received.
async fn echo() -> Server {
    Server::new(|mut tcp, _| async move {
        while let Some((head, body)) = read_request(&mut tcp).await {
            tcp.write_all(ok(&(head + &body)).as_bytes()).await.unwrap();
        }
    })
    .await
}

async fn echoed(request: Request) -> String {
    let exchange = egress().send(request).await;
    let text = String::from_utf8(exchange.result.as_ref().unwrap().body.to_vec()).unwrap();
    assert_eq!(exchange.bytes_sent, text.len() as u64, "{exchange:?}");
    text.to_ascii_lowercase()
}

#[test]
fn nothing_is_added_that_was_not_asked_for() {
    run(async {
        let server = echo().await;
        let text = echoed(post(server.url() + "a?b=c#d", "Body")).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "body");
        let mut lines: Vec<_> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
        lines[1..].sort_unstable();
        let host = format!("host: 127.0.0.1:{}", server.port);
        let agent = concat!("user-agent: onward/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            lines,
            ["post /a?b=c http/1.1", "content-length: 4", "content-type: text/plain", &host, agent]
        );
    });
}

#[test]
fn the_callers_headers_are_sent_as_they_are() {
    run(async {
        let server = echo().await;
        let headers = [
            ("User-Agent", "mine"),
            ("X-A", "1"),
            ("X-A", "2"),
            ("Accept-Encoding", "br"),
            ("X-É".trim_end_matches('É'), "né"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let text = echoed(Request { headers, ..post(server.url(), "") }).await;
        for line in [
            "user-agent: mine\r\n",
            "x-a: 1\r\nx-a: 2\r\n",
            "accept-encoding: br\r\n",
            "x-: né\r\n",
            "content-length: 0\r\n",
        ] {
            assert!(text.contains(line), "{line:?} {text}");
        }
        assert_eq!(text.matches("user-agent").count(), 1);
    });
}

#[test]
fn a_get_has_no_length() {
    run(async {
        let server = echo().await;
        let text = echoed(Request { method: "GET".to_owned(), ..post(server.url(), "") }).await;
        assert!(text.starts_with("get / http/1.1\r\n") && !text.contains("content-length"), "{text}");
    });
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    run(async {
        let server = echo().await;
        let egress = egress();
        let good = post(server.url(), "");
        let bad = Request { url: format!("http://a:b@127.0.0.1:{}/", server.port), ..good.clone() };
        assert_error(&egress.send(bad).await, "invalid_url", Certainty::NotSent);
        let bad = Request { method: "A B".to_owned(), ..good.clone() };
        assert_error(&egress.send(bad).await, "invalid_method", Certainty::NotSent);
        let bad = Request { headers: vec![("a".to_owned(), "b\r\nc: d".to_owned())], ..good };
        assert_error(&egress.send(bad).await, "invalid_header", Certainty::NotSent);
        assert_eq!(server.accepted.get(), 0);
    });
}

#[test]
fn a_redirect_is_an_answer() {
    run(async {
        let server = Server::answering(
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let response = egress().send(post(server.url(), "")).await.result.unwrap();
        assert_eq!((response.status, response.reason), (302, "Found"));
        assert!(response.headers.contains(&("location".to_owned(), "/x".to_owned())), "{response:?}");
        assert_eq!(server.accepted.get(), 1);
    });
}
