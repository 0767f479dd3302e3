//! The boundary itself: what a plugin's library and its host hand to each other. Plain C and UTF-8 JSON, so that any language
//! with C's calling convention can be on either side; `include/onward_plugin.h` is made of this file.
//!
//! Rules of both sides:
//!
//! - **One export.** A library exports [`ENTRY`], and has a note ([`NOTE_SECTION`]) that says who it is, which the host reads
//!   before any of the library's code runs.
//! - **Versions.** The major version is in the name of the export. A minor version only appends members to structs: each
//!   begins with its size, as its author's compiler has it. Whoever reads a struct copies as many bytes as both sides know and
//!   takes the rest for absent; nobody takes a reference to a struct of the other side. A member that is a null function is absent.
//! - **Memory.** Neither side frees what the other has allocated. Bytes are borrowed for the one call in which they are handed
//!   over; who needs them longer copies them.
//! - **Calls.** A call id stands for one call of a function that has one. It is never used again, so that what comes late is
//!   known to be late: the host takes the first [`HostV1::done`] of a call, and ignores and counts what comes after it.
//! - **Threads.** The host calls `describe`, `create`, `run` and `destroy` on threads of its own on which they may block. `run` may be
//!   called many times at once, for one instance too. `cancel` may be called while `run` runs, must return soon, and may come
//!   after the call's end. `destroy` is called once, after every call of the instance has ended and
//!   its `run` has returned. The functions of [`HostV1`] may be called on
//!   any thread, until the library's last call has ended, and do not block.
//! - **Unwinding.** No exception and no panic may leave a function of either side.

use std::ffi::c_void;

/// The version that this crate is for. Within a major version a library of any minor version works with a host of any.
pub const ABI_MAJOR: u32 = 1;
/// The newest minor version of [`ABI_MAJOR`] that this crate knows.
pub const ABI_MINOR: u32 = 0;

/// The name of a library's one export, an [`EntryV1`].
pub const ENTRY: &str = "onward_plugin_v1_entry";

/// What [`PluginV1::magic`] is.
pub const MAGIC: [u8; 8] = *b"ONWARD\0\x01";

/// The ELF section of the note: a JSON object with `name` and `version` of the plugin, `abi` (`[1, 0]`), `target` (the triple it was
/// built for), and, where it has them, `sdk` and `compiler`. NULs may follow it: in C, a text's length is known with its end only.
pub const NOTE_SECTION: &str = ".note.onward";
/// The owner of the note, by its name.
pub const NOTE_OWNER: &str = "Onward";
/// The type of the note.
pub const NOTE_TYPE: u32 = 1;

/// The longest that a note's JSON may be.
pub const NOTE_BYTES_MAX: usize = 4096;

/// How a call has ended: what the bytes of [`HostV1::done`] are. A host takes any other number for [`STATUS_ERROR`].
///
/// Of `describe`: the document that says what the step type is. Of `run`: the answer.
pub const STATUS_OK: u32 = 0;
/// A JSON object with `code`, `message` (for the person who clicked), and perhaps `retryable`, `details`, and `unknown`: true where
/// a step of external effects cannot say whether it had them, so that nobody takes its failure for nothing done.
pub const STATUS_ERROR: u32 = 1;
/// What the code had to say when it came to a point that it does not know: a text. The instance is not used again.
pub const STATUS_PANIC: u32 = 2;

/// A level of [`HostV1::log`]: somebody must act. A host takes a number that it does not know for this one.
pub const LOG_ERROR: u32 = 1;
/// A level of [`HostV1::log`]: not as it should be.
pub const LOG_WARN: u32 = 2;
/// A level of [`HostV1::log`]: what was done.
pub const LOG_INFO: u32 = 3;
/// A level of [`HostV1::log`]: for who looks for a mistake.
pub const LOG_DEBUG: u32 = 4;
/// A level of [`HostV1::log`]: every move.
pub const LOG_TRACE: u32 = 5;

/// What [`HostV1::remaining_ns`] says where there is no limit.
pub const NO_DEADLINE: u64 = u64::MAX;

/// Bytes of somebody else's, UTF-8 unless it is said otherwise: borrowed for the call in which they are handed over.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// May be anything, null too, where `len` is 0.
    pub ptr: *const u8,
    /// How many there are.
    pub len: usize,
}

/// What a host offers. It stays where it is as long as the library is loaded.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HostV1 {
    /// Bytes of this struct in the host.
    pub size: u32,
    /// The host's minor version.
    pub abi_minor: u32,
    /// Ends a call. The host has copied the bytes when this returns.
    pub done: Option<unsafe extern "C" fn(call: u64, status: u32, answer: Bytes)>,
    /// A line for the host's log. `call` is 0 where it is about none.
    pub log: Option<unsafe extern "C" fn(call: u64, level: u32, message: Bytes)>,
    /// How far a call has come, in words for people.
    pub progress: Option<unsafe extern "C" fn(call: u64, message: Bytes)>,
    /// Not 0: nobody wants the call's answer any more.
    pub is_cancelled: Option<unsafe extern "C" fn(call: u64) -> u32>,
    /// How long the call may still take, in nanoseconds; 0 where its time is over, [`NO_DEADLINE`] where it has no limit.
    pub remaining_ns: Option<unsafe extern "C" fn(call: u64) -> u64>,
    /// Something more that a host may offer, by its name and version, such as [`HTTP`]; null where it does not. It is a struct that
    /// begins with its size, as all do.
    pub get_extension: Option<unsafe extern "C" fn(id: Bytes) -> *const c_void>,
}

/// One step type.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct StepV1 {
    /// Bytes of this struct in the library.
    pub size: u32,
    /// 0: none are known yet.
    pub flags: u32,
    /// Says what the step type is, by `done`.
    pub describe: Option<unsafe extern "C" fn(call: u64, host: *const HostV1)>,
    /// Makes an instance for a configuration, a JSON object. Not null: it is made, and `done` is not called. Null: `done` was called
    /// with the error. Asked for one step of one version of a workflow, and again when a secret in it has changed.
    pub create: Option<unsafe extern "C" fn(call: u64, config: Bytes, host: *const HostV1) -> *mut c_void>,
    /// Runs it once on an input, a JSON object. `done` ends the call, before `run` returns or after it.
    pub run:
        Option<unsafe extern "C" fn(instance: *mut c_void, call: u64, input: Bytes, host: *const HostV1)>,
    /// May be absent. Asks a call of `run` to end soon: its time is over, or nobody wants its answer any more.
    pub cancel: Option<unsafe extern "C" fn(instance: *mut c_void, call: u64)>,
    /// Gives an instance back.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
}

/// What a library offers. It stays where it is as long as the library is loaded.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PluginV1 {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// Bytes of this struct in the library.
    pub size: u32,
    /// The library's minor version.
    pub abi_minor: u32,
    /// How many step types there are.
    pub n_steps: usize,
    /// So many pointers to step types, none of them null.
    pub steps: *const *const StepV1,
}

/// The export. Called once, before everything else. Null: the library cannot be used here, and has said why to the host's log.
pub type EntryV1 = unsafe extern "C" fn(host: *const HostV1) -> *const PluginV1;

/// The extension by which a step calls other servers: through the host's client and under its policy.
pub const HTTP: &str = "http/1";

/// The extension [`HTTP`].
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HttpV1 {
    /// Bytes of this struct in the host.
    pub size: u32,
    /// 0: none are known yet.
    pub flags: u32,
    /// Sends a request for a call: a JSON object with `method`, `url`, and perhaps `headers` (a list of pairs), `body` (a text) or
    /// `body_base64`, `timeout_ms`. It returns at once; `answered` is called exactly once, on a thread of the host's, with the `token`, and must
    /// return soon. With [`STATUS_OK`]: a JSON object with `status`, `headers` and `body` or `body_base64`. With [`STATUS_ERROR`]:
    /// one with `code`, `message` and `sent`, which is false where the request certainly did not reach anybody.
    pub send: Option<
        unsafe extern "C" fn(
            call: u64,
            request: Bytes,
            token: *mut c_void,
            answered: Option<unsafe extern "C" fn(token: *mut c_void, status: u32, answer: Bytes)>,
        ),
    >,
}
