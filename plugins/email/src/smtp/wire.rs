//! A connection to a mail server: lines that are written and replies that are read, within the time of a call.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
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
/// How long one address of several is waited for.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// What a server says to a command.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// The whole, as people read it, without some texts: servers repeat what they were told. They are hidden before it is cut,
    /// so that no part of one is left.
    pub(crate) fn text_without(&self, hidden: &[String]) -> String {
        let mut text = format!("{} {}", self.code, self.lines.join(" "));
        for hidden in hidden.iter().filter(|hidden| !hidden.is_empty()) {
            text = text.replace(hidden.as_str(), "…");
        }
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        plain.trim().trim_end_matches('.').to_owned()
    }
}

/// Until when something is waited for: the call's end, or somebody who cancels it.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'c> {
    pub(crate) deadline: Instant,
    pub(crate) context: &'c Context,
}

impl Patience<'_> {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// How long something may be waited for, before this is asked again.
    fn slice(&self) -> io::Result<Duration> {
        if self.context.is_cancelled() {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "the step was cancelled"));
        }
        let left = self.left();
        if left.is_zero() { Err(out_of_time()) } else { Ok(left.min(SLICE)) }
    }

    /// The addresses of a host. The system is asked on a thread of its own: it takes as long as it likes.
    pub(crate) fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        beside(|| self.slice(), move || Ok((host.as_str(), port).to_socket_addrs()?.collect()))
    }
}

/// Does what blocks on a thread of its own, and waits for it slice by slice. What comes too late is dropped there.
fn beside<T: Send + 'static>(
    slice: impl Fn() -> io::Result<Duration>,
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, ended) = mpsc::channel();
    thread::Builder::new().spawn(move || done.send(act()))?;
    loop {
        match ended.recv_timeout(slice()?) {
            Ok(ended) => return ended,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("nothing came of it")),
        }
    }
}

/// How long one of so many addresses that are left is waited for.
fn share(left: Duration, addresses: usize) -> Duration {
    (left / u32::try_from(addresses.max(1)).unwrap_or(u32::MAX)).min(CONNECT_MAX)
}

/// A socket whose reads and writes end with the call.
struct Timed<'c> {
    socket: TcpStream,
    patience: Patience<'c>,
}

impl Timed<'_> {
    fn patiently<T>(&mut self, mut act: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            let slice = Some(self.patience.slice()?);
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
    pub(crate) fn connect(addresses: &[SocketAddr], patience: Patience<'c>) -> io::Result<Self> {
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for (at, address) in addresses.iter().copied().enumerate() {
            patience.slice()?;
            let share = share(patience.left(), addresses.len() - at).max(Duration::from_millis(1));
            match beside(|| patience.slice(), move || TcpStream::connect_timeout(&address, share)) {
                Ok(socket) => {
                    // A failure costs nothing but time.
                    let _ = socket.set_nodelay(true);
                    return Ok(Self { timed: Timed { socket, patience }, tls: None, received: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        patience.slice()?;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_blocks_is_not_waited_for_longer_than_the_call_may() {
        let (_never, blocked) = mpsc::channel::<()>();
        let slices = Cell::new(0);
        let slice = || {
            slices.set(slices.get() + 1);
            if slices.get() > 3 { Err(out_of_time()) } else { Ok(Duration::from_millis(1)) }
        };
        let ended = beside(slice, move || blocked.recv().map_err(io::Error::other));
        assert_eq!((ended.expect_err("given up").kind(), slices.get()), (ErrorKind::TimedOut, 4));
        assert_eq!(beside(|| Ok(SLICE), || Ok(7)).expect("an answer"), 7);
    }

    #[test]
    fn no_address_takes_the_time_of_the_others() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(54), 1), seconds(5));
        assert_eq!(share(seconds(9), 3), seconds(3));
        assert_eq!(share(seconds(0), 0), seconds(0));
    }
}
