//! Calls of plugins that have not ended. A library knows a call by its number alone, which is never used again: so what comes late, or
//! twice, finds nothing, and is counted.

use std::{
    collections::HashMap,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::Span;

/// How a library has ended a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// One of the boundary's.
    pub(super) status: u32,
    /// What it handed over; or how much, where that was more than is taken.
    pub(super) bytes: Result<Vec<u8>, usize>,
}

/// A call that has begun.
struct Open {
    ended: Box<dyn FnOnce(Ended) + Send>,
    deadline: Option<Instant>,
    is_cancelled: bool,
    span: Span,
}

static OPEN: LazyLock<Mutex<HashMap<u64, Open>>> = LazyLock::new(Mutex::default);
static NEWEST: AtomicU64 = AtomicU64::new(0);
static STRAY: AtomicU64 = AtomicU64::new(0);

fn open() -> MutexGuard<'static, HashMap<u64, Open>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a call; `ended` hears of its end, on whichever thread that comes. Lines that the library logs are about `span`.
pub(super) fn begin(
    deadline: Option<Instant>,
    span: Span,
    ended: impl FnOnce(Ended) + Send + 'static,
) -> u64 {
    let id = NEWEST.fetch_add(1, Ordering::Relaxed) + 1;
    let ended = Box::new(ended);
    open().insert(id, Open { ended, deadline, is_cancelled: false, span });
    id
}

/// Ends a call, once.
pub(super) fn end(id: u64, ended: Ended) {
    // Told without the lock: whoever hears of it may begin another.
    let found = open().remove(&id);
    match found {
        Some(open) => (open.ended)(ended),
        None => {
            STRAY.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Takes a call off, of which nobody wants to hear any more. Whether it had not ended.
pub(super) fn retire(id: u64) -> bool {
    open().remove(&id).is_some()
}

/// Notes that nobody wants the answer any more. The library may still end the call.
pub(super) fn cancel(id: u64) {
    if let Some(open) = open().get_mut(&id) {
        open.is_cancelled = true;
    }
}

/// Whether nobody wants its answer: so it is of one that has ended.
pub(super) fn is_cancelled(id: u64) -> bool {
    open().get(&id).is_none_or(|open| open.is_cancelled)
}

/// How long it may still take; `None`: as long as it wants.
pub(super) fn remaining(id: u64) -> Option<Duration> {
    match open().get(&id) {
        Some(open) => open.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
        None => Some(Duration::ZERO),
    }
}

/// What a line of its log is about.
pub(super) fn span(id: u64) -> Span {
    open().get(&id).map_or_else(Span::none, |open| open.span.clone())
}

/// How often a call was ended that was not open: late, twice, or never begun.
pub(super) fn stray() -> u64 {
    STRAY.load(Ordering::Relaxed)
}
