//! The other end goes away after each byte of the exchange: what is concluded is true at every one of them.

use std::cell::RefCell;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Close,
    Reset,
    /// It stays and says nothing more.
    Silence,
}

pub(super) const ENDS: [End; 3] = [End::Close, End::Reset, End::Silence];

impl End {
    async fn of(self, tcp: TcpStream) {
        // A reset overtakes what was said before it.
        sleep(PAUSE).await;
        match self {
            Self::Close => {}
            Self::Reset => reset(tcp),
            Self::Silence => sleep(LONG).await,
        }
    }
}

/// With an interim answer, and a body of a known length.
const SIZED: &str =
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;a=b\r\nworld\r\n0\r\n\r\n";

/// A server that answers the last of so many requests on a connection up to an offset, those before it as they should
/// be, and a count of the requests.
async fn cutting(answer: &'static str, offset: usize, end: End, last: usize) -> (Server, Rc<Cell<usize>>) {
    let requests = Rc::new(Cell::new(0));
    let count = Rc::clone(&requests);
    let server = Server::new(move |mut tcp, _| {
        let count = Rc::clone(&count);
        async move {
            for number in 1..=last {
                if read_request(&mut tcp).await.is_none() {
                    return;
                }
                count.set(count.get() + 1);
                let said = if number < last { answer } else { &answer[..offset] };
                tcp.write_all(said.as_bytes()).await.unwrap();
            }
            end.of(tcp).await;
        }
    });
    (server.await, requests)
}

/// On a new connection (`last` 1), or one that was kept.
async fn check_answer(egress: Egress, answer: &'static str, offset: usize, end: End, last: usize) {
    let context = format!("{answer:?} cut at {offset} by {end:?}, request {last}");
    let (server, requests) = cutting(answer, offset, end, last).await;
    let timeout = if end == End::Silence { SHORT * 4 } else { LONG };
    for _ in 1..last {
        assert_body(&egress.send(post(server.url(), "x")).await, "hello world");
    }
    let exchange = egress.send(Request { timeout, ..post(server.url(), "x") }).await;
    // Whatever it looks like, it was not sent again.
    assert_eq!((requests.get(), server.accepted.get()), (last, 1), "{context}");
    let last_head = answer.rfind("HTTP/1.1").unwrap();
    let head = last_head + answer[last_head..].find("\r\n\r\n").unwrap() + 4;
    let (status, certainty) =
        if offset < head { (None, Certainty::SentNoAnswer) } else { (Some(200), Certainty::Answered) };
    assert_eq!((exchange.status(), exchange.certainty()), (status, certainty), "{context}: {exchange:?}");
    assert_eq!(exchange.result.is_ok(), offset == answer.len(), "{context}: {exchange:?}");
    if let Some(answer) = exchange.answer() {
        assert!(b"hello world".starts_with(&answer.body), "{context}: {exchange:?}");
    }
}

/// So many checks at once, each with connections of its own.
async fn all<F: Future<Output = ()>>(count: usize, check: impl Fn(usize, Egress) -> F) {
    let trust = Trust::load(None).unwrap();
    let senders: Vec<_> = (0..count).map(|_| egress_trusting(&settings(), &trust)).collect();
    futures_util::future::join_all(senders.into_iter().enumerate().map(|(n, egress)| check(n, egress))).await;
}

fn check_answers(answer: &'static str, last: usize) {
    run(async {
        for end in ENDS {
            all(answer.len() + 1, |offset, egress| check_answer(egress, answer, offset, end, last)).await;
        }
    });
}

#[test]
fn an_answer_that_ends_at_any_of_its_bytes() {
    check_answers(SIZED, 1);
    check_answers(CHUNKED, 1);
}

#[test]
fn an_answer_on_a_kept_connection_that_ends_at_any_of_its_bytes() {
    check_answers(SIZED, 2);
    check_answers(CHUNKED, 2);
}

/// The receiver takes so many bytes and goes: whoever has taken one may have understood the rest, too.
#[test]
fn a_request_of_which_any_number_of_bytes_is_taken() {
    run(async {
        let whole = {
            let length = Rc::new(RefCell::new(0));
            let kept = Rc::clone(&length);
            let server = Server::new(move |mut tcp, _| {
                let kept = Rc::clone(&kept);
                async move {
                    let (head, body) = read_request(&mut tcp).await.unwrap();
                    *kept.borrow_mut() = head.len() + body.len();
                    tcp.write_all(ok("").as_bytes()).await.unwrap();
                }
            });
            let server = server.await;
            assert_body(&egress().send(post(server.url(), "a body")).await, "");
            *length.borrow()
        };
        for end in ENDS {
            all(whole - 1, |before, egress| async move {
                let taken = before + 1;
                let server = Server::new(move |mut tcp, _| async move {
                    tcp.read_exact(&mut vec![0; taken]).await.unwrap();
                    end.of(tcp).await;
                });
                let server = server.await;
                let timeout = if end == End::Silence { SHORT * 4 } else { LONG };
                let exchange = egress.send(Request { timeout, ..post(server.url(), "a body") }).await;
                assert_eq!(exchange.certainty(), Certainty::SentNoAnswer, "{taken} {end:?}: {exchange:?}");
                assert_eq!(server.accepted.get(), 1, "{taken} {end:?}");
            })
            .await;
        }
    });
}
