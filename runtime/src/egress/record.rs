//! What is counted and timed while one exchange runs.
//!
//! awc gives no way to tell a connection which request it serves, so the record travels in a task-local around awc's
//! future: whatever polls a connection inside it works for this exchange. Knows nothing of awc, URLs or policy.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use super::SendError;

tokio::task_local! {
    static CURRENT: Rc<Record>;
}

/// One exchange, as its connection and its connector see it.
pub(super) struct Record {
    /// Never 0, and unique among the exchanges that can meet the same connection.
    pub(super) id: u64,
    pub(super) started: Instant,
    /// The request is a HEAD: its answer has no body whatever its head says.
    pub(super) bodiless: bool,
    pub(super) bytes_sent: Cell<u64>,
    pub(super) bytes_received: Cell<u64>,
    pub(super) remote: Cell<Option<SocketAddr>>,
    pub(super) dns: Cell<Option<Duration>>,
    pub(super) connect: Cell<Option<Duration>>,
    pub(super) tls: Cell<Option<Duration>>,
    pub(super) first_byte: Cell<Option<Duration>>,
    /// A kept-alive connection broke before it took one byte of the request: another one may be tried.
    pub(super) stale: Cell<bool>,
    /// The connection's end was read.
    pub(super) ended: Cell<bool>,
    /// The reason for a failure that awc would only blur.
    pub(super) failure: Cell<Option<SendError>>,
}

impl Record {
    pub(super) fn new(id: u64, bodiless: bool, started: Instant) -> Self {
        Self {
            id,
            started,
            bodiless,
            bytes_sent: Cell::default(),
            bytes_received: Cell::default(),
            remote: Cell::default(),
            dns: Cell::default(),
            connect: Cell::default(),
            tls: Cell::default(),
            first_byte: Cell::default(),
            stale: Cell::default(),
            ended: Cell::default(),
            failure: Cell::default(),
        }
    }

    /// Runs `future` as this record's exchange.
    pub(super) async fn scope<F: Future>(self: Rc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The record of the exchange that is being polled, if any.
    pub(super) fn current() -> Option<Rc<Self>> {
        CURRENT.try_with(Rc::clone).ok()
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_sent.set(self.bytes_sent.get() + bytes as u64);
    }

    /// Counts bytes of the answer; none means that the connection ended.
    pub(super) fn received(&self, bytes: usize) {
        if bytes == 0 {
            self.ended.set(true);
            return;
        }
        self.bytes_received.set(self.bytes_received.get() + bytes as u64);
        if self.first_byte.get().is_none() {
            self.first_byte.set(Some(self.started.elapsed()));
        }
    }
}
