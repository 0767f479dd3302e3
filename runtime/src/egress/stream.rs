//! The connection that awc writes a request to and reads its answer from.
//!
//! It drops interim answers (awc would take one for the answer and lend the connection, the true answer still to
//! come, to the next request), finds answers that come before the request is fully sent, and counts what passes. It
//! does not parse: awc does. It knows the exchange it serves from [`Record::current`].

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_rt::net::{ActixStream, Ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    SendError,
    error::Peer,
    head::{self, Beginning},
    record::Record,
    transport::Transport,
};

/// How many bytes of heads, interim ones included, an answer may begin with. awc's own limit is twice that.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How much is read at once while a head comes in pieces; on the stack.
const PIECE_BYTES: usize = 2048;

/// One connection. It serves one exchange at a time and rests in awc's pool in between.
pub(super) struct EgressStream {
    transport: Transport,
    remote: SocketAddr,
    peer: Peer,
    /// The exchange whose bytes pass; 0 before the first.
    exchange: u64,
    /// It has served another exchange before.
    reused: bool,
    state: State,
    /// Received but not yet handed to awc: a head in pieces, or what came with an interim one. Mostly empty.
    held: Vec<u8>,
    /// Bytes of interim heads dropped in this exchange.
    dropped: usize,
    /// The answer came before the request was fully sent, so the rest of the request stays here.
    unfinished: bool,
    /// Why the request cannot be sent on; an answer may still be waiting to be read.
    write_failed: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The final head is still to come.
    Head,
    /// The final head is complete: bytes pass as they are.
    Passing,
}

/// What a look for an early answer found.
enum Early {
    Answer,
    NotYet,
    Never,
}

impl EgressStream {
    pub(super) fn new(transport: Transport, remote: SocketAddr, peer: Peer) -> Self {
        Self {
            transport,
            remote,
            peer,
            exchange: 0,
            reused: false,
            state: State::Head,
            held: Vec::new(),
            dropped: 0,
            unfinished: false,
            write_failed: None,
        }
    }

    /// Takes on a new exchange, at its first write.
    fn begin(&mut self, record: &Record) {
        self.reused = self.exchange != 0;
        self.exchange = record.id;
        self.state = State::Head;
        self.dropped = 0;
        record.remote.set(Some(self.remote));
    }

    /// awc's pool looks whether a resting connection may serve again: only one with nothing to read may. Bytes that
    /// nobody asked for are shown as an end, and the pool lets the connection go.
    fn poll_resting(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unfinished || !self.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready_unless(self.transport.poll_read(cx, buf), || self.transport.is_quiet())
    }

    fn poll_head(
        &mut self,
        record: &Record,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            // The usual case: the whole head comes in one piece and is examined where awc wants it.
            let before = buf.filled().len();
            ready!(self.transport.poll_read(cx, buf))?;
            let piece = &mut buf.filled_mut()[before..];
            record.received(piece.len());
            if piece.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match head::examine(piece, record.bodiless) {
                Beginning::Final => {
                    self.state = State::Passing;
                    return Poll::Ready(Ok(()));
                }
                _ => self.held.extend_from_slice(piece),
            }
            buf.set_filled(before);
        }
        loop {
            if self.advance(record)? {
                self.hand_out(buf);
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_piece(record, cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Drops interim heads from what is held; true when a final one stands there complete.
    fn advance(&mut self, record: &Record) -> io::Result<bool> {
        loop {
            if self.held.is_empty() {
                return Ok(false);
            }
            match head::examine(&self.held, record.bodiless) {
                Beginning::Interim(length) => {
                    self.held.drain(..length);
                    self.dropped += length;
                    record.first_byte.set((!self.held.is_empty()).then(|| record.started.elapsed()));
                }
                Beginning::Final => break,
                Beginning::FinalUntilClose => {
                    head::downgrade(&mut self.held);
                    break;
                }
                Beginning::NotHttp => return Err(self.invalid(record, "it begins otherwise")),
                Beginning::Incomplete if self.held.len() + self.dropped <= HEAD_BYTES_MAX => {
                    return Ok(false);
                }
                Beginning::Incomplete => {
                    return Err(self.too_large(record, "it is over"));
                }
            }
            if self.dropped > HEAD_BYTES_MAX {
                return Err(self.too_large(record, "the interim answers before it are over"));
            }
        }
        self.state = State::Passing;
        Ok(true)
    }

    fn invalid(&self, record: &Record, reason: &str) -> io::Error {
        let (peer, reason) = (self.peer.clone(), reason.to_owned());
        record.failure.set(Some(SendError::InvalidResponse { peer, reason }));
        io::ErrorKind::InvalidData.into()
    }

    fn too_large(&self, record: &Record, what: &str) -> io::Error {
        let (peer, reason) = (self.peer.clone(), format!("{what} {HEAD_BYTES_MAX} bytes"));
        record.failure.set(Some(SendError::HeadTooLarge { peer, reason }));
        io::ErrorKind::InvalidData.into()
    }

    /// Reads once into what is held and tells how many bytes came.
    fn poll_piece(&mut self, record: &Record, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [std::mem::MaybeUninit::uninit(); PIECE_BYTES];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(self.transport.poll_read(cx, &mut piece))?;
        self.held.extend_from_slice(piece.filled());
        record.received(piece.filled().len());
        Poll::Ready(Ok(piece.filled().len()))
    }

    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.drain(..count);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }

    /// Looks for a final answer while the request cannot be sent on.
    fn poll_early(&mut self, record: &Record, cx: &mut Context<'_>) -> Early {
        loop {
            match self.state {
                State::Passing => {
                    self.unfinished = true;
                    return Early::Answer;
                }
                State::Head => match self.advance(record) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        self.write_failed.get_or_insert(error);
                        return Early::Never;
                    }
                },
            }
            match self.poll_piece(record, cx) {
                Poll::Pending => return Early::NotYet,
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Early::Never,
            }
        }
    }

    /// What awc is told when the request cannot be sent on: that it was (`done`), where an answer is already there,
    /// so that awc goes on to read it.
    fn poll_blocked<T>(&mut self, record: &Record, cx: &mut Context<'_>, done: T) -> Poll<io::Result<T>> {
        match (self.poll_early(record, cx), self.write_failed.take()) {
            (Early::Answer, _) => Poll::Ready(Ok(done)),
            (Early::Never, Some(error)) => Poll::Ready(Err(error)),
            (Early::Never | Early::NotYet, None) => Poll::Pending,
            (Early::NotYet, failed) => {
                // The reset that broke the write is also an event for the reader, which will wake us.
                self.write_failed = failed;
                Poll::Pending
            }
        }
    }

    fn poll_send(&mut self, record: &Record, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.write_failed.is_some() {
            return self.poll_blocked(record, cx, data.len());
        }
        match self.transport.poll_write(cx, data) {
            Poll::Ready(Ok(count)) => {
                record.sent(count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err((error, count))) => {
                record.sent(count);
                if record.bytes_sent.get() == 0 {
                    return Poll::Ready(Err(error));
                }
                self.write_failed = Some(error);
                self.poll_blocked(record, cx, data.len())
            }
            Poll::Pending if record.bytes_sent.get() == 0 => Poll::Pending,
            Poll::Pending => self.poll_blocked(record, cx, data.len()),
        }
    }
}

/// A pending poll of a connection that is nevertheless not quiet is an end.
fn ready_unless(polled: Poll<io::Result<()>>, quiet: impl FnOnce() -> bool) -> Poll<io::Result<()>> {
    if polled.is_pending() && !quiet() { Poll::Ready(Ok(())) } else { polled }
}

impl AsyncRead for EgressStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(record) = Record::current().filter(|record| record.id == this.exchange) else {
            return this.poll_resting(cx, buf);
        };
        if this.state == State::Head {
            return this.poll_head(&record, cx, buf);
        }
        if !this.held.is_empty() {
            this.hand_out(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(this.transport.poll_read(cx, buf))?;
        record.received(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EgressStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(record) = Record::current() else {
            return Poll::Ready(Err(io::Error::other("no exchange")));
        };
        if record.id != this.exchange {
            this.begin(&record);
        }
        if this.unfinished {
            return Poll::Ready(Ok(data.len()));
        }
        let polled = this.poll_send(&record, cx, data);
        if this.reused && record.bytes_sent.get() == 0 && matches!(polled, Poll::Ready(Err(_))) {
            record.stale.set(true);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unfinished {
            return Poll::Ready(Ok(()));
        }
        let polled = match this.write_failed {
            Some(_) => Poll::Pending,
            None => this.transport.poll_flush(cx),
        };
        // Only TLS gets here: it takes more than it can pass on at once.
        match (polled, Record::current()) {
            (Poll::Ready(Ok(())), _) => Poll::Ready(Ok(())),
            (polled, None) => polled,
            (polled, Some(record)) => {
                if let Poll::Ready(Err(error)) = polled {
                    this.write_failed = Some(error);
                }
                this.poll_blocked(&record, cx, ())
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_shutdown(cx)
    }
}

impl ActixStream for EgressStream {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.transport.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.transport.poll_write_ready(cx)
    }
}

impl fmt::Debug for EgressStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressStream").field("remote", &self.remote).finish_non_exhaustive()
    }
}
