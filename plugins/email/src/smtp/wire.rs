//! A connection to a mail server: lines that are written and replies that are read, within the time of a call.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use onward_sdk::Context;
use rustls::{ClientConfig, ClientConnection, Stream, pki_types::ServerName};

/// Bytes of a line of a reply; RFC 5321 has 512.
const LINE_BYTES_MAX: usize = 4096;
/// Lines of a reply.
const LINES_MAX: usize = 200;
/// How long nothing is looked at but the socket.
const SLICE: Duration = Duration::from_millis(200);

/// What a server says to a command.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// The whole, as people read it.
    pub(crate) fn text(&self) -> String {
        let text = format!("{} {}", self.code, self.lines.join(" "));
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        plain.trim().trim_end_matches('.').to_owned()
    }
}

/// A socket whose reads and writes end with the call.
struct Timed<'c> {
    socket: TcpStream,
    deadline: Instant,
    context: &'c Context,
}

impl Timed<'_> {
    /// How long the socket may be waited for, before this is asked again.
    fn slice(&self) -> io::Result<Duration> {
        if self.context.is_cancelled() {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "the step was cancelled"));
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(out_of_time()) } else { Ok(left.min(SLICE)) }
    }

    fn patiently<T>(&mut self, mut act: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            let slice = Some(self.slice()?);
            self.socket.set_read_timeout(slice)?;
            self.socket.set_write_timeout(slice)?;
            match act(&mut self.socket) {
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                ended => return ended,
            }
        }
    }
}

fn out_of_time() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "it took too long")
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.read(into))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Wire<'c> {
    timed: Timed<'c>,
    tls: Option<Box<ClientConnection>>,
    /// What was received and not yet read.
    received: Vec<u8>,
}

impl<'c> Wire<'c> {
    /// Connects to the first of some addresses that takes it.
    pub(crate) fn connect(
        addresses: &[SocketAddr],
        deadline: Instant,
        context: &'c Context,
    ) -> io::Result<Self> {
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(out_of_time());
            }
            match TcpStream::connect_timeout(address, left) {
                Ok(socket) => {
                    // A failure costs nothing but time.
                    let _ = socket.set_nodelay(true);
                    return Ok(Self {
                        timed: Timed { socket, deadline, context },
                        tls: None,
                        received: Vec::new(),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// By which address the server sees us.
    pub(crate) fn own_address(&self) -> io::Result<SocketAddr> {
        self.timed.socket.local_addr()
    }

    /// Goes on in TLS.
    pub(crate) fn encrypt(
        &mut self,
        config: &Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        // What was said in the open must not count as said in private: whoever is in between could have added it.
        if !self.received.is_empty() {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "more came before the encryption than should",
            ));
        }
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut self.timed)?;
        }
        self.tls = Some(Box::new(tls));
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                let mut stream = Stream::new(&mut **tls, &mut self.timed);
                stream.write_all(bytes)?;
                stream.flush()
            }
            None => self.timed.write_all(bytes),
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut chunk = [0; 1024];
        let count = match &mut self.tls {
            Some(tls) => Stream::new(&mut **tls, &mut self.timed).read(&mut chunk)?,
            None => self.timed.read(&mut chunk)?,
        };
        if count == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server hung up"));
        }
        self.received.extend_from_slice(&chunk[..count]);
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.received.len() > LINE_BYTES_MAX {
                return Err(unreadable());
            }
            self.read_more()?;
        }
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
            let code: u16 = code.and_then(|code| code.parse().ok()).ok_or_else(unreadable)?;
            let is_last = match line.as_bytes().get(3) {
                Some(b'-') => false,
                Some(b' ') | None => true,
                Some(_) => return Err(unreadable()),
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if is_last {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= LINES_MAX {
                return Err(unreadable());
            }
        }
    }
}

fn unreadable() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "what it says is not SMTP")
}
