//! The functions that a library under test is given, and what it did with them, call by call.

// Is called by the other side of a C boundary, with its pointers.
#![allow(unsafe_code)]

use std::{
    collections::HashMap,
    ffi::c_void,
    ptr,
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Log, stub::Shared};
use crate::{
    abi::{ABI_MINOR, Bytes, HTTP, HostV1, HttpV1, NO_DEADLINE, STATUS_ERROR, STATUS_OK},
    host::Level,
    http::{HttpError, RequestDocument},
};

/// Every call of this process: the functions of a host are told no more than its id. They stay, so that what comes late is counted.
static CALLS: LazyLock<Mutex<HashMap<u64, Arc<Record>>>> = LazyLock::new(Mutex::default);
static NEWEST: AtomicU64 = AtomicU64::new(0);
/// What was said about no call.
static STRAY: Mutex<Vec<Log>> = Mutex::new(Vec::new());

pub(super) static HOST: HostV1 = HostV1 {
    size: size_of::<HostV1>() as u32,
    abi_minor: ABI_MINOR,
    done: Some(done),
    log: Some(log),
    progress: Some(progress),
    is_cancelled: Some(is_cancelled),
    remaining_ns: Some(remaining_ns),
    get_extension: Some(get_extension),
};

/// The same, which has no extensions.
pub(super) static HOST_ALONE: HostV1 = HostV1 { get_extension: None, ..HOST };

static HTTP_TABLE: HttpV1 = HttpV1 { size: size_of::<HttpV1>() as u32, flags: 0, send: Some(send) };

/// A call.
pub(super) struct Record {
    pub(super) id: u64,
    host: Arc<Shared>,
    /// At which of its host's time it ends.
    deadline: Option<Duration>,
    state: Mutex<Seen>,
    changed: Condvar,
}

/// What a library said of a call.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) ended: Option<(u32, Vec<u8>)>,
    pub(super) dones: usize,
    pub(super) logs: Vec<Log>,
    pub(super) progress: Vec<String>,
    pub(super) cancelled: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Record {
    pub(super) fn begin(host: &Arc<Shared>) -> Arc<Self> {
        let id = NEWEST.fetch_add(1, Ordering::Relaxed) + 1;
        let record = Arc::new(Self {
            id,
            host: Arc::clone(host),
            deadline: host.deadline(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        locked(&CALLS).insert(id, Arc::clone(&record));
        record
    }

    fn of(call: u64) -> Option<Arc<Self>> {
        locked(&CALLS).get(&call).cloned()
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        locked(&self.state)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.notify_all();
    }

    pub(super) fn cancel(&self) {
        self.change(|seen| seen.cancelled = true);
    }

    /// Waits until something holds; false where it did not in time.
    pub(super) fn wait(&self, patience: Duration, mut holds: impl FnMut(&Seen) -> bool) -> bool {
        let until = Instant::now() + patience;
        let mut seen = self.seen();
        while !holds(&seen) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (seen, _) = self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(self.host.now()))
    }
}

pub(super) fn stray_logs() -> Vec<Log> {
    locked(&STRAY).clone()
}

/// What a library hands over, as a text; it promises UTF-8.
fn text(bytes: Bytes) -> String {
    // SAFETY: the library's promise, for this call.
    let bytes = unsafe { bytes.as_slice() };
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|error| format!("(not UTF-8) {error}"))
}

unsafe extern "C" fn done(call: u64, status: u32, answer: Bytes) {
    // SAFETY: the library's promise, for this call.
    let answer = unsafe { answer.as_slice() }.to_vec();
    let Some(record) = Record::of(call) else { return };
    record.change(|seen| {
        seen.dones += 1;
        seen.ended.get_or_insert((status, answer));
    });
}

unsafe extern "C" fn log(call: u64, level: u32, message: Bytes) {
    let line = Log { level: Level::from(level), message: text(message) };
    match Record::of(call) {
        Some(record) => record.change(|seen| seen.logs.push(line)),
        None => locked(&STRAY).push(line),
    }
}

unsafe extern "C" fn progress(call: u64, message: Bytes) {
    let message = text(message);
    if let Some(record) = Record::of(call) {
        record.change(|seen| seen.progress.push(message));
    }
}

unsafe extern "C" fn is_cancelled(call: u64) -> u32 {
    let record = Record::of(call);
    u32::from(
        record.is_none_or(|record| record.seen().cancelled || record.remaining() == Some(Duration::ZERO)),
    )
}

unsafe extern "C" fn remaining_ns(call: u64) -> u64 {
    let Some(record) = Record::of(call) else { return 0 };
    record.remaining().map_or(NO_DEADLINE, |left| u64::try_from(left.as_nanos()).unwrap_or(NO_DEADLINE - 1))
}

unsafe extern "C" fn get_extension(id: Bytes) -> *const c_void {
    if text(id) == HTTP { ptr::from_ref(&HTTP_TABLE).cast() } else { ptr::null() }
}

type Answered = unsafe extern "C" fn(*mut c_void, u32, Bytes);

/// What `send` is to tell of, and how: moved to the thread that does.
struct Token(*mut c_void, Answered);

// SAFETY: the library promises to be told on any thread.
unsafe impl Send for Token {}

impl Token {
    fn answer(self, status: u32, json: &[u8]) {
        // SAFETY: the library's function and its token, once, with bytes that live until it returns.
        unsafe { (self.1)(self.0, status, Bytes::new(json)) }
    }
}

unsafe extern "C" fn send(call: u64, request: Bytes, token: *mut c_void, answered: Option<Answered>) {
    let Some(answered) = answered else { return };
    let token = Token(token, answered);
    // SAFETY: the library's promise, for this call.
    let request = serde_json::from_slice::<RequestDocument>(unsafe { request.as_slice() });
    let record = Record::of(call);
    std::thread::spawn(move || {
        let result = match (record, request) {
            (Some(record), Ok(request)) => record.host.answer(request),
            (None, _) => Err(HttpError::not_sent("no_call", "There is no such call.")),
            (_, Err(error)) => Err(HttpError::not_sent("invalid_request", error.to_string())),
        };
        let (status, json) = match &result {
            Ok(response) => (STATUS_OK, serde_json::to_vec(response)),
            Err(error) => (STATUS_ERROR, serde_json::to_vec(error)),
        };
        token.answer(status, &json.unwrap_or_default());
    });
}
