//! The receiver: notes every call in its ledger before anything else, then answers as chance has it,
//! well, badly or not at all. It outlives the servers that call it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{random::Random, workflow::STAGES};

/// Longer than the time that the workflow's calls have.
const HANG: Duration = Duration::from_millis(500);

/// A call, as the receiver knows it. Its place in the ledger is what it is called in the answer.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) webhook_id: String,
    pub(crate) body: String,
    /// Whether the whole request was read.
    pub(crate) is_complete: bool,
    /// What is answered; `None` for no, or no complete, answer.
    pub(crate) answer: Option<String>,
}

struct State {
    ledger: Vec<Call>,
    random: Random,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// What is done about a call.
enum Manner {
    Answers {
        status: u16,
        after: Duration,
        body: String,
    },
    Hangs,
    /// Ends the connection before the answer.
    Resets,
    /// Ends the connection in the answer's body.
    BreaksOff,
}

impl Receiver {
    pub(crate) fn start(random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { ledger: Vec::new(), random }));
        let shared = Arc::clone(&state);
        // Ends with the process.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&socket, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ledger(&self) -> Vec<Call> {
        locked(&self.state).ledger.clone()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls of one connection, until it ends.
fn serve(socket: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(socket);
    while let Some((webhook_id, body, is_complete)) = read(&mut reader) {
        let (number, manner) = {
            let mut state = locked(state);
            let manner = Manner::draw(&mut state.random);
            let answer = match &manner {
                Manner::Answers { body, .. } => Some(body.clone()),
                _ => None,
            };
            state.ledger.push(Call { at: now(), webhook_id, body, is_complete, answer });
            (state.ledger.len() - 1, manner)
        };
        let keep = is_complete && act(socket, number, &manner).unwrap_or(false);
        if !keep {
            return;
        }
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("a time of these days")
}

/// The next request: its `webhook-id`, its body, whether it is whole. `None` at the end, and for what
/// is too little to be called a request.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<(String, String, bool)> {
    let (mut webhook_id, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        let is_end = reader.read_line(&mut line).map_or(true, |bytes| bytes == 0);
        if is_end || !line.ends_with('\n') {
            return webhook_id.map(|id| (id, String::new(), false));
        }
        if line == "\r\n" {
            break;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => webhook_id = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    let is_complete = reader.read_exact(&mut body).is_ok();
    Some((webhook_id?, String::from_utf8_lossy(&body).into_owned(), is_complete))
}

/// Does as was decided; whether the connection may be used again.
fn act(mut socket: &TcpStream, number: usize, manner: &Manner) -> std::io::Result<bool> {
    match manner {
        Manner::Answers { status, after, body } => {
            thread::sleep(*after);
            let length = body.len();
            write!(
                socket,
                "HTTP/1.1 {status} Said\r\nX-Call: {number}\r\nLocation: /elsewhere\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            Ok(true)
        }
        Manner::Hangs => {
            thread::sleep(HANG);
            Ok(false)
        }
        Manner::Resets => Ok(false),
        Manner::BreaksOff => {
            write!(socket, "HTTP/1.1 200 OK\r\nX-Call: {number}\r\nContent-Length: 100\r\n\r\n{{\"task\":")?;
            Ok(false)
        }
    }
}

impl Manner {
    fn draw(random: &mut Random) -> Self {
        let answers = |status, body: String| Self::Answers { status, after: Duration::ZERO, body };
        match random.below(100) {
            0..28 => answers(200, String::new()),
            28..38 => answers(204, String::new()),
            38..62 => {
                let after = Duration::from_millis(random.below(20));
                Self::Answers { status: 200, after, body: document(random) }
            }
            62..72 => answers(400 + u16::from(random.chance(50)) * 100, r#"{"message":"no"}"#.to_owned()),
            72..75 => answers(302, String::new()),
            75..80 => Self::Hangs,
            80..85 => Self::Resets,
            85..90 => Self::BreaksOff,
            _ => {
                let after = Duration::from_millis(20 + random.below(150));
                Self::Answers { status: 200, after, body: document(random) }
            }
        }
    }
}

/// An answer's document, good or bad.
fn document(random: &mut Random) -> String {
    let number = random.below(1_000_000);
    let task = match random.below(12) {
        0 => Value::Null,
        1 => json!("not an object"),
        2 => return "not JSON".to_owned(),
        3 => json!({"Colour": "unknown", "Company Name": format!("unknown {number}")}),
        4 => json!({"Contract Value": "much", "Company Name": "never written"}),
        5 => json!({"Company ID": random.below(12).to_string()}),
        6 => json!({"Company ID": format!("renamed {number}")}),
        7 => json!({"Stage": random.pick(&STAGES), "Contract Value": number.to_string()}),
        8 => json!({"Stage": "No Such Stage", "International?": true}),
        9 => json!({"Assigned To": if random.chance(50) { Some("user@example.com") } else { None }}),
        _ => json!({"Company Name": format!("answered {number}"), "International?": random.chance(50)}),
    };
    json!({ "task": task }).to_string()
}
