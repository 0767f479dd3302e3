//! The table of hostile receivers. To add one, add a row: its name, its moves, what becomes of the connection, and
//! how the execution ends.

use std::{net::TcpListener, sync::OnceLock};

use super::case::{Case, Ending, Move, answer, case, failed, succeeded, unknown};
use crate::support::{Certificate, Connection, Over, Then};
use Move::{Again, Answer, Beginning, Do, Drip, Ended, Head, Hello, Pause, Pour, Raw, Request};
use Then::{Close, Hold, Keep, Reset};

const CHUNKED: &str = "Transfer-Encoding: chunked";
/// The answer to the case's own request.
const OWN: &str = r#"{"task":{"Answer":"own"}}"#;
/// What is no request's answer, or comes too late to be it.
const STRAY: &str = r#"{"task":{"Answer":"stray"}}"#;

pub(super) fn cases() -> Vec<Case> {
    let parts = [
        before_an_answer(),
        floods_before_an_answer(),
        interim(),
        in_a_good_answer(),
        too_much_of_a_good_answer(),
        odd_good_answers(),
        in_a_refusal(),
        redirects(),
        early(),
        in_the_handshake(),
        secure(),
    ];
    parts.into_iter().flatten().collect()
}

/// Bytes left and no complete answer head came.
fn before_an_answer() -> Vec<Case> {
    const ENDED: Ending = unknown("connection_closed", "sent, no answer: 127.0.0.1");
    const NOT_HTTP: Ending = unknown("invalid_response", "did not answer with HTTP");
    const IN_TIME: Ending = unknown("timeout", "did not answer within 2 s. Whether it did what was asked");
    vec![
        case("closes without a word", [Request], Close, ENDED),
        case("resets without a word", [Request], Reset, ENDED),
        case("resets in the middle of the request", [Beginning], Reset, ENDED).upload(),
        case("takes no more than the beginning", [Beginning], Hold, IN_TIME).upload(),
        case("never answers", [Request], Hold, IN_TIME),
        case("resets in the status line", [Request, Raw("HTTP/1.1 20")], Reset, ENDED),
        case("closes in the headers", [Request, Raw("HTTP/1.1 200 OK\r\nA: b\r\n")], Close, ENDED),
        case("resets in the headers", [Request, Raw("HTTP/1.1 200 OK\r\nA: b\r\n")], Reset, ENDED),
        case("drips its headers", [Request, Raw("HTTP/1.1 200 OK\r\n"), Drip("A: b\r\n")], Close, IN_TIME),
        case("speaks HTTP/0.9", [Request, Raw("<html>hello</html>")], Close, NOT_HTTP),
        case("speaks HTTP/2", [Request, Raw("HTTP/2 200\r\n\r\n")], Hold, NOT_HTTP),
        case("is another protocol, which speaks first", [Raw("SSH-2.0-x\r\n"), Request], Hold, NOT_HTTP),
        case("answers a TLS alert", [Request, Raw("\x15\x03\x01\0\x02\x02\x32")], Close, NOT_HTTP),
        case("has letters for a status", [Request, Head("abc OK", "A: b")], Close, NOT_HTTP),
        case("has letters for a length", [Request, Head("200 OK", "Content-Length: x")], Hold, NOT_HTTP),
        case("has a length beyond numbers", [Request, Head("200 OK", LENGTH_BEYOND)], Hold, NOT_HTTP),
        case("has two lengths", [Request, Head("200 OK", TWO_LENGTHS), Raw(STRAY)], Keep, NOT_HTTP),
        case("has a header without a name", [Request, Head("200 OK", "no name")], Hold, NOT_HTTP),
    ]
}

const LENGTH_BEYOND: &str = "Content-Length: 99999999999999999999";
const TWO_LENGTHS: &str = "Content-Length: 2\r\nContent-Length: 27";

fn floods_before_an_answer() -> Vec<Case> {
    const OVER: Ending = unknown("response_head_too_large", "head is too large (it is over 65536 bytes)");
    const LINES: Ending = unknown("response_head_too_large", "head is too large (it has too many lines)");
    const BEFORE: Ending =
        unknown("response_head_too_large", "the interim answers before it are over 65536 bytes");
    const STATUS: Move = Raw("HTTP/1.1 200 OK\r\n");
    let rows = vec![
        case("has headers without end", [Request, STATUS, Pour("A: b\r\n")], Close, OVER),
        case("has one header without end", [Request, STATUS, Raw("A: "), Pour("b")], Close, OVER),
        case("has a thousand headers", [Request, STATUS, Again("A: b\r\n", 1000), Raw("\r\n")], Hold, LINES),
        case("says 102 without end", [Request, Pour("HTTP/1.1 102 Processing\r\n\r\n")], Close, BEFORE),
    ];
    rows.into_iter().map(Case::flood).collect()
}

/// Interim answers are dropped: the final one counts.
fn interim() -> Vec<Case> {
    const CONTINUE: Move = Raw("HTTP/1.1 100 Continue\r\n\r\n");
    const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const LATE: Ending = unknown("timeout", "sent, no answer: 127.0.0.1");
    const ENDED: Ending = unknown("connection_closed", "ended the connection before it answered");
    const SWITCHED: Ending = failed("http_status", "answered 101 Switching Protocols");
    let final_one = Answer("200 OK", OWN);
    vec![
        case("says 100 first", [Request, CONTINUE, final_one], Keep, succeeded("")).status(200).answer("own"),
        case("says 100, and waits", [Request, CONTINUE, Pause, final_one], Keep, succeeded(""))
            .status(200)
            .answer("own"),
        case("says 103 many times", [Request, Again(HINTS, 500), final_one], Keep, succeeded(""))
            .status(200)
            .answer("own"),
        case(
            "says 100 in time and 200 too late",
            [Request, CONTINUE, Ended, Answer("200 OK", STRAY)],
            Keep,
            LATE,
        ),
        case("says 100 and no more", [Request, CONTINUE], Close, ENDED),
        case("says 102 all the time", [Request, Drip(PROCESSING)], Close, LATE),
        case("switches protocols", [Request, Head("101 Switch", "Upgrade: x")], Hold, SWITCHED).status(101),
    ]
}

/// A complete 2xx head came. The receiver has very likely done it: a body that is not whole is no failure.
fn in_a_good_answer() -> Vec<Case> {
    const BROKEN: Ending = unknown("response_incomplete", "sent, no complete answer: 127.0.0.1");
    const IN_TIME: Ending = unknown(
        "timeout",
        "answered with status 200, but did not finish the answer within 2 s. It has probably",
    );
    const LONG: Move = Head("200 OK", "Content-Length: 99999");
    const CHUNKS: Move = Head("200 OK", CHUNKED);
    let rows = vec![
        case("resets after the head", [Request, LONG], Reset, BROKEN),
        case("resets in the body", [Request, LONG, Raw("{")], Reset, BROKEN),
        case(
            "resets in a body without a length",
            [Request, Head("200 OK", "A: b"), Raw("{}")],
            Reset,
            BROKEN,
        ),
        case("closes after the head", [Request, LONG], Close, BROKEN),
        case("closes in the body", [Request, LONG, Raw("{")], Close, BROKEN),
        case("says nothing after the head", [Request, LONG], Hold, IN_TIME),
        case("drips its body", [Request, LONG, Drip(" ")], Close, IN_TIME),
        case("drips its chunks", [Request, CHUNKS, Drip("1\r\n \r\n")], Close, IN_TIME),
        case("has a chunk without a size", [Request, CHUNKS, Raw("zz\r\n{}")], Hold, BROKEN),
        case("has a chunk beyond its size", [Request, CHUNKS, Raw("1\r\n{}\r\n0\r\n\r\n")], Keep, BROKEN),
        case("has a size beyond numbers", [Request, CHUNKS, Raw("fffffffffffffffff\r\n{}")], Hold, BROKEN),
        case("closes between chunks", [Request, CHUNKS, Raw("2\r\n{}\r\n")], Close, BROKEN),
        case("extends a chunk without end", [Request, CHUNKS, Raw("2;"), Pour("a")], Close, IN_TIME).flood(),
    ];
    rows.into_iter().map(|row| row.status(200)).collect()
}

/// More than the step takes.
fn too_much_of_a_good_answer() -> Vec<Case> {
    const SMALL: &str = "max_response_bytes = 1000";
    const OVER: Ending = failed("response_too_large", "status 200 and a body of more than 1000 bytes");
    const OVER_USUAL: Ending =
        failed("response_too_large", "of more than 1048576 bytes, which is the limit.");
    const UNTIL_CLOSE: Move = Head("200 OK", "A: b");
    const CHUNKS: Move = Head("200 OK", CHUNKED);
    const HUGE: Move = Head("200 OK", "Content-Length: 9999999999");
    let rows = vec![
        case("has a body without end", [Request, UNTIL_CLOSE, Pour(" ")], Close, OVER).with(SMALL),
        case("has chunks without end", [Request, CHUNKS, Pour("1\r\n \r\n")], Close, OVER).with(SMALL),
        case("announces a huge body", [Request, HUGE, Pour(" ")], Close, OVER).with(SMALL),
        case("has too much for any step", [Request, UNTIL_CLOSE, Pour(" ")], Close, OVER_USUAL)
            .with("timeout = \"20s\""),
    ];
    rows.into_iter().map(|row| row.status(200).flood()).collect()
}

/// A 2xx answer came whole, and is odd.
fn odd_good_answers() -> Vec<Case> {
    const GOOD: Move = Answer("200 OK", OWN);
    const AGAIN: Move = Answer("200 OK", STRAY);
    const DONE: Ending = succeeded("");
    const BOTH: Move = Head("200 OK", "Content-Length: 3\r\nTransfer-Encoding: chunked");
    const COMPRESSED: &str = "the answer is compressed";
    const MANY: &str = "F 99 is unknown";
    let rows = vec![
        case("answers, then resets", [Request, GOOD], Reset, DONE).answer("own"),
        case("answers twice", [Request, GOOD, AGAIN], Keep, DONE).answer("own").then_next(),
        case("answers again, later", [Request, GOOD, Ended, AGAIN], Keep, DONE).answer("own").then_next(),
        case("says more than its length", [Request, GOOD, Raw(STRAY)], Keep, DONE).answer("own").then_next(),
        case("has a length and chunks", [Request, BOTH, Do(own_chunk)], Keep, DONE).answer("own"),
        case("sends a bomb", [Request, Do(bomb)], Keep, succeeded(COMPRESSED)).flood(),
        case("sends a strict step a bomb", [Request, Do(bomb)], Keep, failed("invalid_answer", COMPRESSED))
            .with("strict_response = true"),
        case("nests lists without end", [Request, Do(nested)], Keep, succeeded("is not JSON")).flood(),
        case("names 50000 fields", [Request, Do(many_fields)], Keep, succeeded("and 49900 more")).flood(),
        case("names a strict step 50000", [Request, Do(many_fields)], Keep, failed("invalid_fields", MANY))
            .with("strict_fields = true"),
    ];
    rows.into_iter().map(|row| row.status(200)).collect()
}

fn own_chunk(connection: &mut Connection) {
    connection.say(format!("{:x}\r\n{OWN}\r\n0\r\n\r\n", OWN.len()));
}

/// A gzip member of a megabyte, of which 150 times as much would come. Its end is missing: a bomb need not end well.
fn bomb(connection: &mut Connection) {
    let mut bits = Vec::new();
    let mut push = |code: u32, length: u32| bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
    // A last block with fixed codes; a space; then 258 bytes from a distance of 1, over and over.
    push(0b110, 3);
    push(0x30 + u32::from(b' '), 8);
    for _ in 0..16 {
        push(0b1100_0101, 8);
        push(0, 5);
    }
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    let packed: Vec<u8> = bits.chunks(8).map(byte).collect();
    // Eight times that is a whole number of bytes, which can be repeated.
    let (begin, over_and_over) = (&packed[..2], &packed[2..15]);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    bytes.extend_from_slice(begin);
    bytes.extend(over_and_over.repeat(75_000));
    let length = bytes.len();
    connection.say(format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"));
    connection.say(bytes);
}

fn nested(connection: &mut Connection) {
    answer(connection, "200 OK", &"[".repeat(1 << 20));
}

fn many_fields(connection: &mut Connection) {
    let fields: Vec<_> = (0..50_000).map(|number| format!("\"F {number}\":1")).collect();
    answer(connection, "200 OK", &format!("{{\"task\":{{{}}}}}", fields.join(",")));
}

/// A complete head that is not 2xx: the receiver refused, whatever becomes of the body.
fn in_a_refusal() -> Vec<Case> {
    const ERROR: Ending =
        failed("http_status", "500 Internal Server Error: no such comp… (the rest of its answer is missing)");
    const FLOODED: Ending = failed("http_status", "answered 503 Service Unavailable: never never");
    const LONG: Move = Head("500 No", "Content-Length: 99");
    const CHUNKS: Move = Head("500 No", CHUNKED);
    const WORDS: Move = Raw("no such comp");
    vec![
        case("refuses, and resets in the body", [Request, LONG, WORDS], Reset, ERROR).status(500),
        case("refuses, and closes in the body", [Request, LONG, WORDS], Close, ERROR).status(500),
        case("refuses, and says no more", [Request, LONG, WORDS], Hold, ERROR).status(500),
        case("refuses in bad chunks", [Request, CHUNKS, Raw("c\r\n"), WORDS, Raw("\r\nzz\r\n")], Hold, ERROR)
            .status(500),
        case("refuses without end", [Request, Head("503 No", "A: b"), Pour("never ")], Close, FLOODED)
            .status(503)
            .flood(),
    ]
}

/// Shown, and never followed.
fn redirects() -> Vec<Case> {
    const CODE: &str = "http_status";
    const METADATA: Move = Head("307 Away", "Location: http://169.254.169.254/latest/\r\nContent-Length: 0");
    const METADATA_SHOWN: Ending = failed(
        CODE,
        "answered 307 Temporary Redirect to http://169.254.169.254/latest/; redirects are not followed",
    );
    const UNFINISHED: Move = Head("301 Away", "Location: http://elsewhere/\r\nContent-Length: 9");
    const UNFINISHED_SHOWN: Ending =
        failed(CODE, "answered 301 Moved Permanently to http://elsewhere/; redirects");
    const TRAP_SHOWN: Ending = failed(CODE, "answered 302 Found to http://127.0.0.1:");
    const FAR_SHOWN: Ending = failed(CODE, "aaa…; redirects are not followed");
    let nowhere = failed(CODE, "answered 308 Permanent Redirect to nowhere");
    vec![
        case("redirects to a private address", [Request, Do(to_trap)], Keep, TRAP_SHOWN).status(302),
        case("redirects to the machine's metadata", [Request, METADATA], Keep, METADATA_SHOWN).status(307),
        case("redirects and says no more", [Request, UNFINISHED], Hold, UNFINISHED_SHOWN).status(301),
        case("redirects nowhere", [Request, Answer("308 Away", "")], Keep, nowhere).status(308),
        case("redirects to a very long place", [Request, Do(to_far)], Keep, FAR_SHOWN).status(303),
    ]
}

/// Somewhere private that a redirect points to and nobody must go.
pub(super) fn trap() -> &'static TcpListener {
    static TRAP: OnceLock<TcpListener> = OnceLock::new();
    TRAP.get_or_init(|| {
        let trap = TcpListener::bind("127.0.0.1:0").expect("a free port");
        trap.set_nonblocking(true).expect("set");
        trap
    })
}

fn to_trap(connection: &mut Connection) {
    let address = trap().local_addr().expect("an address");
    connection.say(format!("HTTP/1.1 302 Found\r\nLocation: http://{address}/\r\nContent-Length: 0\r\n\r\n"));
}

fn to_far(connection: &mut Connection) {
    let place = "a".repeat(50_000);
    connection.say(format!("HTTP/1.1 303 Away\r\nLocation: http://{place}\r\nContent-Length: 0\r\n\r\n"));
}

/// A final answer while the request is still being sent.
fn early() -> Vec<Case> {
    const REFUSED: Ending = failed("http_status", "answered 413 Payload Too Large: too much");
    const REFUSE: Move = Answer("413 No", "too much");
    const CONTINUE: Move = Raw("HTTP/1.1 100 Continue\r\n\r\n");
    let accepted = succeeded("");
    vec![
        case("refuses early and closes", [Beginning, REFUSE], Close, REFUSED).status(413).upload(),
        case("refuses early and resets", [Beginning, REFUSE], Reset, REFUSED).status(413).upload(),
        case("refuses early and reads no more", [Beginning, REFUSE], Hold, REFUSED).status(413).upload(),
        case("says 100 and refuses early", [Beginning, CONTINUE, Pause, REFUSE], Hold, REFUSED)
            .status(413)
            .upload(),
        case("refuses unread and closes", [Beginning, REFUSE], Close, REFUSED).status(413),
        case("accepts early", [Beginning, Answer("200 OK", "{}")], Hold, accepted).status(200).upload(),
    ]
}

/// Nothing of the request leaves before a connection is secure.
fn in_the_handshake() -> Vec<Case> {
    const SLOW: &str = "did not finish the TLS handshake within 2 s. Check the URL's port and scheme.";
    const UNFINISHED: Ending = failed("connect_timeout", SLOW);
    const HURRIED: Ending = failed("timeout", "took nothing of the request within 0.5 s");
    const ENDED: Ending = failed("tls_failed", "ended during the TLS handshake");
    const NOT_TLS: Ending = failed("tls_failed", "it does not speak TLS there");
    // A record of 16 kB that a long message begins.
    const RECORD: Move = Raw("\x16\x03\x03\x3f\x7f\x02\0\x3f\x7b\x03\x03");
    // The connection's limit is to run out first.
    const LONG: &str = "timeout = \"5s\"";
    let rows = vec![
        case("never begins the handshake", [Hello], Hold, UNFINISHED).with(LONG),
        case("never ends the handshake", [Hello, RECORD], Hold, UNFINISHED).with(LONG),
        case("drips the handshake", [Hello, RECORD, Drip("a")], Close, UNFINISHED).with(LONG),
        case("does not shake hands in a hurry", [Hello], Hold, HURRIED).with("timeout = \"500ms\""),
        case("closes in the handshake", [Hello], Close, ENDED),
        case("resets in the handshake", [Hello], Reset, ENDED),
        case("does not speak TLS", [Hello, Answer("400 Bad Request", "")], Hold, NOT_TLS),
    ];
    rows.into_iter().map(|row| row.over(Over::TcpForTls).unsent()).collect()
}

fn secure() -> Vec<Case> {
    const TRUSTED: Over = Over::Tls(Certificate::Trusted);
    const BROKEN: Ending = unknown("response_incomplete", "sent, no complete answer");
    const REFUSED: Ending = failed("http_status", "answered 413 Payload Too Large: too much");
    let refused = |says| failed("tls_failed", says);
    let unsent = |row: Case, certificate| row.over(Over::Tls(certificate)).unsent();
    vec![
        unsent(
            case(
                "is vouched for by nobody known",
                [],
                Hold,
                refused("an authority this server does not know"),
            ),
            Certificate::UnknownAuthority,
        ),
        unsent(
            case("has another name's certificate", [], Hold, refused("its certificate is for another name")),
            Certificate::WrongName,
        ),
        unsent(
            case("has an expired certificate", [], Hold, refused("its certificate has expired")),
            Certificate::Expired,
        ),
        case("resets a secure connection", [Request], Reset, unknown("connection_closed", "sent, no answer"))
            .over(TRUSTED),
        case(
            "ends a secure body without a farewell",
            [Request, Head("200 OK", "A: b"), Raw("{}")],
            Close,
            BROKEN,
        )
        .status(200)
        .over(TRUSTED),
        case("refuses a secure upload early", [Beginning, Answer("413 No", "too much")], Hold, REFUSED)
            .status(413)
            .over(TRUSTED)
            .upload(),
    ]
}
