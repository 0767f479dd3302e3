//! A receiver that does, byte by byte, what a script says, and behaves well once it is told to.
//!
//! Plain or with TLS, on real sockets. It knows nothing of what the server makes of it.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::authority::{Authorities, Certificate};

/// Longer than any test; the threads end with its process.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(60);

/// Long enough for loopback to pass bytes on.
const PAUSE: Duration = Duration::from_millis(50);

/// What is done with a connection, from its beginning or from its next request on.
type Script = dyn Fn(&mut Connection) -> Then + Send + Sync;

/// What becomes of the connection after the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Its end is said.
    Close,
    /// It is reset.
    Reset,
    /// The next request on it is served.
    Keep,
    /// It stays open, and nothing more is read or said.
    Hold,
}

/// What is spoken below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    Tls(Certificate),
    /// The sender has to show a certificate, too.
    MutualTls,
    /// The URL says https and the script has the bare socket.
    TcpForTls,
}

/// A connection as a script sees it.
pub(crate) struct Connection {
    wire: Wire,
    /// Received and not yet taken.
    held: Vec<u8>,
    shared: Arc<Shared>,
}

/// What a receiver and its connections know of each other.
#[derive(Default)]
struct Shared {
    /// How many requests have begun to arrive.
    requests: Mutex<usize>,
    behaves: AtomicBool,
    /// The execution has ended, whatever the receiver made of it.
    ended: Mutex<bool>,
    has_ended: Condvar,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }
}

impl Connection {
    /// Waits for the first bytes of a request and takes no more than came with them; false at the connection's end.
    pub(crate) fn beginning(&mut self) -> bool {
        let began = !self.held.is_empty() || self.receive();
        if began {
            *self.shared.requests.lock().expect("the count") += 1;
        }
        began
    }

    /// Reads a whole request; its body.
    pub(crate) fn request(&mut self) -> Option<String> {
        if !self.beginning() {
            return None;
        }
        let end = loop {
            match self.held.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if self.receive() => {}
                None => return None,
            }
        };
        let head = String::from_utf8_lossy(&self.held[..end]).to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let end_of_body = end + length.unwrap_or(0);
        while self.held.len() < end_of_body {
            if !self.receive() {
                return None;
            }
        }
        let request: Vec<u8> = self.held.drain(..end_of_body).collect();
        Some(String::from_utf8_lossy(&request[end..]).into_owned())
    }

    /// Takes what comes next, whatever it is; false at the connection's end.
    pub(crate) fn receive(&mut self) -> bool {
        let mut piece = [0; 4096];
        match self.wire.read(&mut piece) {
            Ok(count @ 1..) => {
                self.held.extend_from_slice(&piece[..count]);
                true
            }
            _ => false,
        }
    }

    /// False once the other side is gone.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.write_all(bytes.as_ref()).is_ok()
    }

    /// Says it until the other side is gone, waiting in between.
    pub(crate) fn drip(&mut self, bytes: &str, every: Duration) {
        while self.say(bytes) {
            thread::sleep(every);
        }
    }

    /// Says it as fast as it is taken, until the other side is gone.
    pub(crate) fn pour(&mut self, bytes: &str) {
        let many = bytes.repeat(64 * 1024 / bytes.len());
        while self.say(&many) {}
    }

    /// Waits until the execution that called has ended.
    pub(crate) fn wait_for_end(&self) {
        let ended = self.shared.ended.lock().expect("the flag");
        let waited = self.shared.has_ended.wait_timeout_while(ended, SOCKET_TIMEOUT, |ended| !*ended);
        assert!(*waited.expect("the flag").0, "nobody said that it has ended");
    }

    fn end(self, how: Then) {
        match how {
            Then::Reset => {
                // It may overtake what was said.
                thread::sleep(PAUSE);
                let linger = Some(Duration::ZERO);
                socket2::SockRef::from(self.wire.tcp()).set_linger(linger).expect("a reset");
            }
            // What comes is not read: a sender that is held up stays held up.
            Then::Hold => thread::sleep(SOCKET_TIMEOUT),
            Then::Close | Then::Keep => {}
        }
    }
}

/// A listening receiver.
pub(crate) struct RawReceiver {
    address: SocketAddr,
    over: Over,
    shared: Arc<Shared>,
    /// Hears of every script that has done its moves.
    done: Mutex<mpsc::Receiver<()>>,
}

impl RawReceiver {
    pub(crate) fn start(
        over: Over,
        script: impl Fn(&mut Connection) -> Then + Send + Sync + 'static,
        authorities: &Authorities,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (tell, done) = mpsc::channel();
        let script = move |connection: &mut Connection| {
            let then = script(connection);
            // Nobody may be waiting for it.
            let _ = tell.send(());
            then
        };
        let shared = Arc::new(Shared::default());
        let first = match over {
            Over::Tls(certificate) => Some(authorities.server(certificate, false)),
            Over::MutualTls => Some(authorities.server(Certificate::Trusted, true)),
            Over::Tcp | Over::TcpForTls => None,
        };
        let later = (over != Over::Tcp).then(|| authorities.server(Certificate::Trusted, false));
        let script: Arc<Script> = Arc::new(script);
        let accepting = Arc::clone(&shared);
        // Ends with the test's process.
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let tls =
                    if accepting.behaves.load(Ordering::SeqCst) { later.clone() } else { first.clone() };
                let (shared, script) = (Arc::clone(&accepting), Arc::clone(&script));
                thread::spawn(move || {
                    if let Some(wire) = accept(tcp, tls) {
                        serve(Connection { wire, held: Vec::new(), shared }, &*script);
                    }
                });
            }
        });
        Self { address, over, shared, done: Mutex::new(done) }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.over == Over::Tcp { "http" } else { "https" };
        format!("{scheme}://{}", self.address)
    }

    /// How many requests have begun to arrive.
    pub(crate) fn requests(&self) -> usize {
        *self.shared.requests.lock().expect("the count")
    }

    /// Tells the scripts that wait for it that the execution has ended.
    pub(crate) fn ended(&self) {
        *self.shared.ended.lock().expect("the flag") = true;
        self.shared.has_ended.notify_all();
    }

    /// Waits until a script has done all its moves.
    pub(crate) fn wait_for_script(&self) {
        self.done.lock().expect("the channel").recv_timeout(SOCKET_TIMEOUT).expect("the script ends");
    }

    /// From now on every request gets an answer of its own: the Unique ID of its task, in the field `Answer`.
    pub(crate) fn behave(&self) {
        self.shared.behaves.store(true, Ordering::SeqCst);
    }
}

fn accept(tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> Option<Wire> {
    tcp.set_read_timeout(Some(SOCKET_TIMEOUT)).expect("a timeout");
    tcp.set_write_timeout(Some(SOCKET_TIMEOUT)).expect("a timeout");
    tcp.set_nodelay(true).expect("no delay");
    let Some(config) = tls else { return Some(Wire::Plain(tcp)) };
    let mut tls = StreamOwned::new(ServerConnection::new(config).expect("a TLS server"), tcp);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock).ok()?;
    }
    Some(Wire::Tls(Box::new(tls)))
}

fn serve(mut connection: Connection, script: &Script) {
    let mut kept = false;
    loop {
        // A connection that is kept may see the change while it waits.
        if kept && connection.held.is_empty() && !connection.receive() {
            return;
        }
        let then = if connection.shared.behaves.load(Ordering::SeqCst) {
            answer_well(&mut connection)
        } else {
            script(&mut connection)
        };
        if then != Then::Keep {
            return connection.end(then);
        }
        kept = true;
    }
}

fn answer_well(connection: &mut Connection) -> Then {
    let Some(body) = connection.request() else { return Then::Close };
    let request: Value = serde_json::from_str(&body).expect("the contract's document");
    let body = json!({"task": {"Answer": request["task"]["ID"]}}).to_string();
    connection.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    Then::Keep
}
