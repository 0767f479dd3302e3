//! A receiver on a real socket: keeps every request exactly as it came, and answers what a test says.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status with further header lines and a body.
    Http { status: u16, headers: String, body: String, delay: Duration },
    /// Closes the connection without a word.
    Hangup,
    /// Never answers.
    Silence,
    /// Answers when the test has said another reply.
    Held,
    /// The first to one request, the second to all that come later.
    Then(Box<Reply>, Box<Reply>),
}

impl Reply {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self::Http { status, headers: String::new(), body: body.to_owned(), delay: Duration::ZERO }
    }

    pub(crate) fn only_once(self, then: Self) -> Self {
        Self::Then(Box::new(self), Box::new(then))
    }

    /// With header lines, each ending in CR LF.
    pub(crate) fn with_headers(self, lines: &str) -> Self {
        match self {
            Self::Http { status, body, delay, .. } => {
                Self::Http { status, headers: lines.to_owned(), body, delay }
            }
            other => other,
        }
    }

    pub(crate) fn after(self, by: Duration) -> Self {
        match self {
            Self::Http { status, headers, body, .. } => Self::Http { status, headers, body, delay: by },
            other => other,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The request line and headers, as they came.
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_name =
            |line: &&str| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        self.head.lines().find(is_name).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

pub(crate) struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    reply: Arc<Mutex<Reply>>,
}

impl Receiver {
    pub(crate) fn start(reply: Reply) -> Self {
        Self::start_at("127.0.0.1:0", reply)
    }

    pub(crate) fn start_at(address: &str, reply: Reply) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(Mutex::new(reply));
        let (all, what) = (Arc::clone(&received), Arc::clone(&reply));
        // Ends with the test's process.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (all, what) = (Arc::clone(&all), Arc::clone(&what));
                thread::spawn(move || serve(&socket, &all, &what));
            }
        });
        Self { address, received, reply }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("the list").clone()
    }

    /// Waits until so many requests have come.
    pub(crate) fn has_received(&self, count: usize) -> Vec<Received> {
        let started = std::time::Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "only {} requests came", received.len());
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn answer_with(&self, reply: Reply) {
        *self.reply.lock().expect("the reply") = reply;
    }
}

fn serve(socket: &TcpStream, all: &Mutex<Vec<Received>>, what: &Mutex<Reply>) {
    let mut reader = BufReader::new(socket);
    while let Some(request) = read(&mut reader) {
        all.lock().expect("the list").push(request);
        let reply = loop {
            let mut what = what.lock().expect("the reply");
            match what.clone() {
                Reply::Held => {}
                Reply::Then(first, then) => {
                    *what = *then;
                    break *first;
                }
                reply => break reply,
            }
            drop(what);
            thread::sleep(Duration::from_millis(2));
        };
        match reply {
            Reply::Held | Reply::Then(..) => unreachable!("another reply was waited for"),
            Reply::Hangup => return,
            Reply::Silence => thread::sleep(Duration::from_secs(60)),
            Reply::Http { status, headers, body, delay } => {
                thread::sleep(delay);
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
                if (&mut &*socket).write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Received> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { head, body: String::from_utf8_lossy(&body).into_owned(), bytes: body })
}
