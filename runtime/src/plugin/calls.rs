//! Calls of plugins that have not ended. A library knows a call by its number alone, which is never used again: so what comes late, or
//! twice, finds nothing, and is counted.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use onward_sdk::{abi::LOG_WARN, http::HttpError};
use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::Span;

use super::{
    callbacks::Callbacks,
    lines::{self, Rate},
    runner::{HttpRequest, REQUESTS_MAX, Use},
};

/// Bits of a call's number that count the calls; the others are the library's.
const COUNT_BITS: u32 = 48;

/// How a library has ended a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// One of the boundary's.
    pub(super) status: u32,
    /// What it handed over; or how much, where that was more than is taken.
    pub(super) bytes: Result<Vec<u8>, usize>,
}

/// Whoever hears what a library says and asks during a call, on whichever thread that comes. It does not block.
pub(super) trait Listener: Send + Sync {
    fn log(&self, level: u32, line: &str);

    fn progress(&self, words: &str);

    /// Sends a request, or answers it with why not.
    fn request(&self, request: HttpRequest);
}

/// A listener of this process: lines go to the log, about a span, and requests to whoever drives the run.
pub(super) struct Here {
    span: Span,
    /// Whose secrets are not to stand in a line.
    used: Option<Arc<Use>>,
    requests: Option<mpsc::Sender<HttpRequest>>,
    rate: Mutex<Rate>,
}

impl Here {
    /// One that has no client.
    pub(super) fn alone(span: Span) -> Self {
        Self { span, used: None, requests: None, rate: Mutex::default() }
    }

    /// One whose requests come out at the other end.
    pub(super) fn new(span: Span, used: Arc<Use>) -> (Self, mpsc::Receiver<HttpRequest>) {
        let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
        (Self { span, used: Some(used), requests: Some(requests), rate: Mutex::default() }, receiver)
    }

    fn allows(&self) -> bool {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).allows()
    }

    fn redacted<'l>(&self, line: &'l str) -> Cow<'l, str> {
        match &self.used {
            // It may have been too long, and cut.
            Some(used) if !used.redactor.is_empty() => used.redactor.redact_cut(line).into(),
            _ => line.into(),
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _about = self.span.enter();
        self.rate.get_mut().unwrap_or_else(PoisonError::into_inner).tell();
    }
}

impl Listener for Here {
    fn log(&self, level: u32, line: &str) {
        let _about = self.span.enter();
        if self.allows() {
            lines::log(level, &self.redacted(line));
        }
    }

    fn progress(&self, words: &str) {
        let _about = self.span.enter();
        if self.allows() {
            tracing::info!(progress = &*self.redacted(words), "a step goes on");
        }
    }

    fn request(&self, request: HttpRequest) {
        let Some(requests) = &self.requests else {
            return request
                .refuse("http_unavailable", "No request can be sent while a step type is asked what it is.");
        };
        match requests.try_send(request) {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => request.refuse(
                "http_busy",
                format!("{REQUESTS_MAX} requests of this call wait to be sent; send the next ones later."),
            ),
            Err(TrySendError::Closed(request)) => request.refuse_ended(),
        }
    }
}

impl HttpRequest {
    /// Answers that it was not sent.
    pub(super) fn refuse(self, code: &str, message: impl Into<String>) {
        (self.answer)(Err(HttpError::not_sent(code, message)));
    }

    /// Answers that nobody sends it any more.
    pub(super) fn refuse_ended(self) {
        self.refuse("cancelled", "The call has ended, or nobody wants its answer any more.");
    }
}

/// A library, as its calls know it.
pub(super) struct Library {
    name: String,
    number: u64,
    newest: AtomicU64,
    stray: AtomicU64,
    /// Of the lines that are about no call.
    rate: Mutex<Rate>,
    /// Where its own functions are called that must return soon.
    pub(super) callbacks: Callbacks,
}

/// Every library that has calls: none is ever unloaded. The first one is nobody's.
static LIBRARIES: LazyLock<Mutex<Vec<Arc<Library>>>> = LazyLock::new(|| {
    let nobody = Library {
        name: "a plugin".to_owned(),
        number: 0,
        newest: AtomicU64::new(0),
        stray: AtomicU64::new(0),
        rate: Mutex::default(),
        callbacks: Callbacks::new("plugin"),
    };
    Mutex::new(vec![Arc::new(nobody)])
});

impl Library {
    /// A library that is loaded.
    pub(super) fn new(name: &str) -> Arc<Self> {
        let mut all = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u64::try_from(all.len()).unwrap_or(u64::MAX);
        if number >= 1 << (u64::BITS - COUNT_BITS) {
            return Arc::clone(&all[0]);
        }
        let library = Arc::new(Self {
            name: name.to_owned(),
            number,
            newest: AtomicU64::new(0),
            stray: AtomicU64::new(0),
            rate: Mutex::default(),
            callbacks: Callbacks::new(name),
        });
        all.push(Arc::clone(&library));
        library
    }

    /// The one that a call is of; of a number that nobody has given, nobody.
    pub(super) fn of(call: u64) -> Arc<Self> {
        let all = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
        let number = usize::try_from(call >> COUNT_BITS).unwrap_or_default();
        Arc::clone(all.get(number).unwrap_or(&all[0]))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A line of it that is about no call.
    pub(super) fn say(&self, level: u32, line: &str) {
        if self.rate.lock().unwrap_or_else(PoisonError::into_inner).allows() {
            lines::say(level, line);
        }
    }

    /// How often it has ended a call that was not open: late, twice, or one that never began.
    pub(super) fn stray(&self) -> u64 {
        self.stray.load(Ordering::Relaxed)
    }

    /// Warned of ever more rarely: it may be each call.
    fn strayed(&self) {
        let count = self.stray.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            let Self { name, .. } = self;
            lines::say(
                LOG_WARN,
                &format!(
                    "{name} has ended a call late, twice, or one that never began; that was ignored ({count} so far)"
                ),
            );
        }
    }
}

/// A call that has begun.
struct Open {
    ended: Box<dyn FnOnce(Ended) + Send>,
    deadline: Option<Instant>,
    /// Nobody hears of its end.
    is_retired: bool,
    listener: Arc<dyn Listener>,
}

static OPEN: LazyLock<Mutex<HashMap<u64, Open>>> = LazyLock::new(Mutex::default);

fn open() -> MutexGuard<'static, HashMap<u64, Open>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a call; `ended` hears of its end, on whichever thread that comes.
pub(super) fn begin(
    library: &Library,
    deadline: Option<Instant>,
    listener: Arc<dyn Listener>,
    ended: impl FnOnce(Ended) + Send + 'static,
) -> u64 {
    let count = library.newest.fetch_add(1, Ordering::Relaxed) + 1;
    let id = library.number << COUNT_BITS | count;
    let ended = Box::new(ended);
    open().insert(id, Open { ended, deadline, is_retired: false, listener });
    id
}

/// Ends a call, once. Also one that nobody wants to hear of is told to what it was begun with, which lets go of what it kept for it.
pub(super) fn end(id: u64, ended: Ended) {
    // Told without the lock: whoever hears of it may begin another.
    let found = open().remove(&id);
    if found.as_ref().is_none_or(|open| open.is_retired) {
        Library::of(id).strayed();
    }
    if let Some(open) = found {
        (open.ended)(ended);
    }
}

/// Nobody wants the answer of a call any more. What is to hear of its end is kept until that comes, since it may hold what the library still
/// uses. Whether it had not ended.
pub(super) fn retire(id: u64) -> bool {
    let mut all = open();
    let Some(open) = all.get_mut(&id) else { return false };
    open.is_retired = true;
    true
}

/// Takes a call off that the library has come back from without ending it, as it is to do.
pub(super) fn close(id: u64) {
    let _closed = open().remove(&id);
}

/// Whether nobody wants its answer: so it is of one that has ended.
pub(super) fn is_cancelled(id: u64) -> bool {
    open().get(&id).is_none_or(|open| open.is_retired)
}

/// How long it may still take; `None`: as long as it wants.
pub(super) fn remaining(id: u64) -> Option<Duration> {
    match open().get(&id) {
        Some(open) => open.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
        None => Some(Duration::ZERO),
    }
}

/// Whoever hears what a library says during a call.
pub(super) fn listener(id: u64) -> Option<Arc<dyn Listener>> {
    open().get(&id).map(|open| Arc::clone(&open.listener))
}

/// Whoever sends the requests of a call that somebody waits for.
pub(super) fn sender(id: u64) -> Option<Arc<dyn Listener>> {
    open().get(&id).filter(|open| !open.is_retired).map(|open| Arc::clone(&open.listener))
}
