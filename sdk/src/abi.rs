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
//!   called many times at once, for one instance too. `cancel` may be called while `run` runs, and must return soon. It may
//!   come after the call's end, and before `run` was entered: a library that looks at [`HostV1::is_cancelled`] when its `run` begins
//!   misses none. `destroy` is called once, after every call of the instance has ended and its `run` has returned. The functions of
//!   [`HostV1`] may be called on any thread, until the library's last call has ended, and do not block.
//! - **Unwinding.** No exception and no panic may leave a function of either side.
//!
//! # Documents
//!
//! All are UTF-8 JSON objects, here with every member, and with comments that are none of them. A member that is said to be "perhaps" there
//! may be left out. Whoever reads one passes over members that it does not know.
//!
//! What `describe` ends its call with:
//!
//! ```jsonc
//! {
//!   "id": "send_letter", // as workflow files name the step type: small letters, digits and `_`; never changed once somebody uses it
//!   "title": "Send a letter", // as people know it
//!   "category": "integration", // with which others it stands: `task`, `timing`, `integration`, or a name of your own
//!   "icon": "<svg xmlns='http://www.w3.org/2000/svg'/>", // perhaps: a small SVG document
//!   "help": "Sends a letter.", // perhaps: Markdown
//!   "examples": [ // perhaps: uses of it to begin from, each with a config and params as the schemas have them
//!     {"title": "To the customer", "config": {"token": "{{secrets.POST}}"}, "params": {"text": "Dear {{Company Name}}"}}
//!   ],
//!   "version": "1.0.0", // of the plugin
//!   "effects": "external", // or "none": it does nothing that another system notices, and may run again after a crash. Where it is left out, it is "external"
//!   "deletes_task": true, // perhaps: a run that succeeded may have deleted the task
//!   "config": { // perhaps: the JSON Schema (draft 2020-12) of what `create` is given, an object; without it there is nothing to configure
//!     "type": "object",
//!     "additionalProperties": false, // so that a misspelt key is noticed
//!     "required": ["token"],
//!     "properties": {
//!       "token": {
//!         "type": "string",
//!         "description": "The key to the post office.", // the help in the form
//!         "x-onward": { // hints, each of them perhaps
//!           "secret": true, // in `config` alone: the workflow names a secret of the server's, `create` is given its value
//!           "group": "Access", // the heading under which it stands
//!           "order": 1, // smaller ones first; 0 where it says nothing
//!           "placeholder": "{{secrets.POST}}",
//!           "showIf": {"kind": "registered"} // shown only while other fields of the same object have these values
//!         }
//!       },
//!       "kind": {"enum": ["registered", "plain"], "default": "plain"}
//!     }
//!   },
//!   "params": { // perhaps: the same of what each run is given
//!     "type": "object",
//!     "additionalProperties": false,
//!     "required": ["text"],
//!     "properties": {
//!       "text": {
//!         "type": "string",
//!         "x-onward": {
//!           "template": "text", // in `params` alone: it may have places such as {{Company Name}}, filled in before each run and escaped for "text" (not at all), "url", "json", "html" or "header"
//!           "widget": "textarea" // how it is entered: "textarea", "code", "password", "radio". What it stands for, too: "stage", "field" and "user" (a name or an email), "fields" (a table by fields), "duration" ("30s" or seconds), "condition" (a list of tests)
//!         }
//!       }
//!     }
//!   }
//! }
//! ```
//!
//! What `create` is given is one object as the schema `config` has it, with the secrets in it.
//!
//! What `run` is given:
//!
//! ```jsonc
//! {
//!   "action": "Finish", // the action that is performed
//!   "user": { // who performs it; of an API key, `first_name` is the key's name, and `email` and `last_name` are null
//!     "id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"
//!   },
//!   "task": { // fields by their names, after these two; numbers are texts as they were entered, dates YYYY-MM-DD, what is empty is null, a checkbox is true or false, a selection of many is a list
//!     "Stage": "Open", "Assigned To": null, "Company Name": "Acme Corp", "Contract Value": "10000.00", "Paid?": false, "Tags": ["a"]
//!   },
//!   "params": {"text": "Dear Acme Corp"}, // as the schema `params` has them
//!   "execution": "01k9", // an id: with the step's it is the same over all tries, a key by which others know a repetition
//!   "attempt": 1, // which try this is
//!   "workflow": {"id": "companies", "name": "Companies", "version": 3},
//!   "step": "step-1", // perhaps: the step's id in its action
//!   "now": "2026-11-28T10:30:00Z", // perhaps: the server's time, in UTC
//!   "today": "2026-11-28", // perhaps: the day in the workspace's time zone
//!   "last_stage": "Open" // perhaps: the stage in which the execution last saw the task
//! }
//! ```
//!
//! What `run` ends its call with where it succeeded; each member perhaps, so that `{}` leaves the task as it is:
//!
//! ```jsonc
//! {
//!   "task": {"Reference": "INV-1", "Note": null}, // fields to change; null empties one
//!   "delete": true, // the task is to go
//!   "wait_until": "2026-12-01T10:30:00Z", // the next step is not to begin before
//!   "schedule": {"stage": "No answer", "at": "2026-12-05T10:30:00Z"}, // the stage is to change later
//!   "expect": "Open", // the stage in which the task must still be, or the step fails
//!   "stop": true, // the action ends here, and has succeeded; not together with `wait_until`
//!   "note": "sent as 42" // shown to people beside the step
//! }
//! ```
//!
//! What `create` and `run` end their call with where they failed, and `describe`, too:
//!
//! ```jsonc
//! {
//!   "code": "no_such_customer", // short and stable, for programs: small letters, digits and `_`
//!   "message": "The post office has no customer 42.", // for the person who clicked: what is wrong, and what to do
//!   "retryable": true, // perhaps: another try may succeed without anybody changing anything
//!   "retry_after": 30, // perhaps: the seconds for which whoever refused asks not to be asked again
//!   "unknown": true, // perhaps: a step of external effects cannot say whether it had them, so that nobody takes its failure for nothing done
//!   "details": {"problems": [{"pointer": "/token", "message": "it has no letters"}]} // perhaps: anything more. Of a configuration that cannot be (`invalid_config`): what is wrong, each with its place as a JSON pointer
//! }
//! ```
//!
//! A request of the extension `http/1`:
//!
//! ```jsonc
//! {
//!   "method": "POST",
//!   "url": "https://post.example/letters",
//!   "headers": [["Content-Type", "text/plain"], ["Idempotency-Key", "01k9.step-1"]], // perhaps
//!   "body": "Dear Acme Corp", // perhaps: a text, or other bytes as `body_base64`
//!   "timeout_ms": 5000 // perhaps: less than what the call has left
//! }
//! ```
//!
//! Its answer, with any HTTP status:
//!
//! ```jsonc
//! {
//!   "status": 200,
//!   "headers": [["Content-Type", "image/png"]], // perhaps
//!   "body_base64": "iVBORw==" // perhaps: bytes, or a text as `body`
//! }
//! ```
//!
//! And where there is none:
//!
//! ```jsonc
//! {
//!   "code": "connect_failed", // such as `timeout` or `refused_address`
//!   "message": "post.example cannot be reached.",
//!   "sent": false // false where the request certainly reached nobody; where it is left out, it is true
//! }
//! ```

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
/// A JSON object with `code`, `message` (for the person who clicked), and perhaps `retryable`, `retry_after`, `details`, and `unknown`: true
/// where a step of external effects cannot say whether it had them, so that nobody takes its failure for nothing done.
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
