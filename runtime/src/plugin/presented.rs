//! What `onward plugin check` presents to a library: the tables of hosts of other versions, and requests over HTTP that nobody sends.

// Called by the other side of a C boundary, with its pointers.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    mem::offset_of,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use onward_sdk::abi::{Bytes, HTTP, HostV1, HttpV1, STATUS_OK};

use super::host::HOST;

/// Which host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// This server's version.
    Ours,
    /// A minor version that nobody has yet: its table is longer.
    Newer,
    /// One whose table ends after `log`. The members that it does not count are traps.
    Shorter,
    /// One that has nothing but `done`.
    Shortest,
}

/// A table that a library may be given: it stays as it is as long as the process lives.
#[derive(Clone, Copy)]
pub struct Table(*const HostV1);

// SAFETY: a table is only read, and there to stay.
unsafe impl Send for Table {}
// SAFETY: the same.
unsafe impl Sync for Table {}

impl Table {
    pub(super) const SERVER: Self = Self(&raw const HOST);

    pub(super) fn pointer(self) -> *const HostV1 {
        self.0
    }
}

impl Host {
    pub fn table(self) -> Table {
        Table(match self {
            Self::Ours => &raw const OURS,
            Self::Newer => (&raw const NEWER).cast(),
            Self::Shorter => &raw const SHORTER,
            Self::Shortest => &raw const SHORTEST,
        })
    }
}

/// How often a library has called a function that its host's table does not count.
pub fn trapped() -> u64 {
    TRAPPED.load(Ordering::Relaxed)
}

/// How many requests a library wanted to have sent.
pub fn requests() -> u64 {
    REQUESTS.load(Ordering::Relaxed)
}

static TRAPPED: AtomicU64 = AtomicU64::new(0);
static REQUESTS: AtomicU64 = AtomicU64::new(0);

static OURS: HostV1 = HostV1 { get_extension: Some(get_extension), ..HOST };

#[repr(C)]
struct Longer {
    known: HostV1,
    /// Functions that nobody knows.
    more: [Option<extern "C" fn() -> u64>; 8],
}

static NEWER: Longer = Longer {
    known: HostV1 { size: size_of::<Longer>() as u32, abi_minor: 1_000, ..OURS },
    more: [Some(trap_unknown); 8],
};

static SHORTER: HostV1 = HostV1 {
    size: offset_of!(HostV1, progress) as u32,
    progress: Some(trap_text),
    is_cancelled: Some(trap_cancelled),
    remaining_ns: Some(trap_remaining),
    get_extension: Some(trap_extension),
    ..HOST
};

static SHORTEST: HostV1 = HostV1 { size: offset_of!(HostV1, log) as u32, log: Some(trap_log), ..SHORTER };

fn trap() {
    TRAPPED.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn trap_unknown() -> u64 {
    trap();
    0
}

extern "C" fn trap_log(_: u64, _: u32, _: Bytes) {
    trap();
}

extern "C" fn trap_text(_: u64, _: Bytes) {
    trap();
}

extern "C" fn trap_cancelled(_: u64) -> u32 {
    trap();
    0
}

extern "C" fn trap_remaining(_: u64) -> u64 {
    trap();
    0
}

extern "C" fn trap_extension(_: Bytes) -> *const c_void {
    trap();
    ptr::null()
}

static STUB: HttpV1 = HttpV1 { size: size_of::<HttpV1>() as u32, flags: 0, send: Some(send) };

unsafe extern "C" fn get_extension(id: Bytes) -> *const c_void {
    // SAFETY: the library lends the bytes until this returns.
    let is_http = unsafe { id.as_slice() } == HTTP.as_bytes();
    if is_http { (&raw const STUB).cast() } else { ptr::null() }
}

/// What a library wants to have back with its answer.
struct Token(*mut c_void);

// SAFETY: the boundary says that the answer comes on a thread of the host's.
unsafe impl Send for Token {}

type Answered = unsafe extern "C" fn(*mut c_void, u32, Bytes);

/// Answers as a server would that has nothing to say.
unsafe extern "C" fn send(_: u64, _: Bytes, token: *mut c_void, answered: Option<Answered>) {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    let token = Token(token);
    thread::spawn(move || {
        let Token(token) = { token };
        if let Some(answered) = answered {
            let answer = br#"{"status":200,"headers":[["content-type","application/json"]],"body":"{}"}"#;
            // SAFETY: the library's function with its own token, once.
            unsafe { answered(token, STATUS_OK, Bytes::new(answer)) }
        }
    });
}
