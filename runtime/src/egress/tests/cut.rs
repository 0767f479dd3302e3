//! Below TLS: the wire ends after any of the other end's bytes, in the handshake and in the records. Nobody concludes
//! that nothing was sent where the request has arrived, nor that there was an answer where there was not the whole of it.

use futures_util::{StreamExt, stream};
use tokio::io::copy;

use super::{
    offsets::{ENDS, End},
    secure::Authority,
    *,
};

const AT_ONCE: usize = 32;

/// Passes each connection on to a server, and of what that says so many bytes. Counts those.
async fn cutting(to: u16, offset: usize, end: End) -> (Server, Rc<Cell<usize>>) {
    let passed = Rc::new(Cell::new(0));
    let count = Rc::clone(&passed);
    let server = Server::new(move |client, _| {
        let count = Rc::clone(&count);
        async move {
            let (mut from, mut onward) = TcpStream::connect(("127.0.0.1", to)).await.unwrap().into_split();
            let (mut asking, mut answered) = client.into_split();
            let asked = actix_rt::spawn(async move {
                let _ = copy(&mut asking, &mut onward).await;
            });
            let mut buffer = vec![0; 16 * 1024];
            while count.get() < offset {
                let most = buffer.len().min(offset - count.get());
                let Ok(length @ 1..) = from.read(&mut buffer[..most]).await else { return };
                if answered.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
                count.set(count.get() + length);
            }
            sleep(PAUSE).await;
            match end {
                End::Close => drop(answered.shutdown().await),
                End::Reset => {
                    socket2::SockRef::from(answered.as_ref()).set_linger(Some(Duration::ZERO)).unwrap()
                }
                End::Silence => sleep(LONG).await,
            }
            asked.abort();
        }
    });
    (server.await, passed)
}

/// A server that reads one request on each connection, and counts them.
async fn answering(authority: &Authority) -> (Server, Rc<Cell<usize>>) {
    let requests = Rc::new(Cell::new(0));
    let count = Rc::clone(&requests);
    let server = authority.serve(move |mut tls, _| {
        let count = Rc::clone(&count);
        async move {
            if read_request(&mut tls).await.is_some() {
                count.set(count.get() + 1);
                let _ = tls.write_all(ok("hello world").as_bytes()).await;
                let _ = tls.flush().await;
                sleep(LONG).await;
            }
        }
    });
    (server.await, requests)
}

#[test]
fn a_wire_below_tls_that_ends_at_any_of_its_bytes() {
    run(async {
        let authority = Authority::new(&["127.0.0.1"]);
        let (server, _) = answering(&authority).await;
        let (whole, passed) = cutting(server.port, usize::MAX, End::Silence).await;
        let url = |port: u16| format!("https://127.0.0.1:{port}/");
        assert_body(&authority.trusted().send(post(url(whole.port), "x")).await, "hello world");
        let total = passed.get();
        // Each byte of the answer's record and of the tickets, and some of the handshake's; a signature's length varies.
        let answer = total.saturating_sub(150);
        let seen = Cell::new([0; 4]);
        for end in ENDS {
            let offsets = (0..answer).step_by(11).chain(answer..total + 9);
            let checks = offsets.map(|offset| {
                let (authority, seen) = (&authority, &seen);
                async move {
                    let (server, requests) = answering(authority).await;
                    let (wire, passed) = cutting(server.port, offset, end).await;
                    let timeout = if end == End::Silence { SHORT * 3 } else { LONG };
                    let exchange =
                        authority.trusted().send(Request { timeout, ..post(url(wire.port), "x") }).await;
                    let context = format!("{offset} of {total}, {end:?}: {exchange:?}");
                    assert!(requests.get() <= 1 && wire.accepted.get() <= 1, "sent again: {context}");
                    let found = match exchange.certainty() {
                        Certainty::NotSent => {
                            assert_eq!(requests.get(), 0, "it has arrived: {context}");
                            0
                        }
                        Certainty::SentNoAnswer => 1,
                        Certainty::Answered if exchange.result.is_err() => 2,
                        Certainty::Answered => 3,
                    };
                    if found >= 2 {
                        assert_eq!((exchange.status(), requests.get()), (Some(200), 1), "{context}");
                    }
                    if found == 3 {
                        assert_body(&exchange, "hello world");
                    }
                    let mut counts = seen.get();
                    counts[found] += 1;
                    seen.set(counts);
                    assert!(passed.get() <= offset);
                }
            });
            // So few that none is late because of the others.
            stream::iter(checks).buffer_unordered(AT_ONCE).collect::<()>().await;
        }
        let [not_sent, no_answer, incomplete, whole] = seen.get();
        assert!(not_sent > 0 && no_answer > 0 && whole > 0, "{not_sent} {no_answer} {incomplete} {whole}");
        // A record is read whole or not at all, so of this answer, which is one, there never is a part.
        assert_eq!(incomplete, 0);
    });
}
