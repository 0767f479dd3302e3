//! The functions that a library is given.

// Called by the other side of a C boundary, with its pointers.
#![allow(unsafe_code)]

use std::{ffi::c_void, ptr};

use onward_sdk::{
    abi::{ABI_MINOR, Bytes, HTTP, HostV1, HttpV1, NO_DEADLINE, STATUS_ERROR, STATUS_OK},
    http::{HttpError, RequestDocument},
};

use super::{
    calls::{self, Ended, Library},
    runner::{HttpAnswer, HttpRequest},
};
use crate::model::text::shortened;

/// The longest answer that is taken of a call.
pub(super) const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest request that is taken, with its body.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Characters of a line that a library logs.
pub(super) const LINE_CHARS_MAX: usize = 4_000;

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

unsafe extern "C" fn done(call: u64, status: u32, answer: Bytes) {
    let bytes = if answer.len > ANSWER_BYTES_MAX {
        Err(answer.len)
    } else {
        // SAFETY: the library lends the bytes until this returns.
        Ok(unsafe { answer.as_slice() }.to_vec())
    };
    calls::end(call, Ended { status, bytes });
}

/// A text of somebody else's, as the log may show it.
pub(super) fn readable(text: &str) -> String {
    shortened(text, LINE_CHARS_MAX).replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

/// The same of a library's bytes.
///
/// # Safety
///
/// The bytes can be read.
unsafe fn line(bytes: Bytes) -> String {
    // Each character has at most four bytes.
    let most = Bytes { len: bytes.len.min(4 * LINE_CHARS_MAX), ..bytes };
    // SAFETY: the caller's promise, of no more than it was made for.
    let text = String::from_utf8_lossy(unsafe { most.as_slice() });
    readable(&text)
}

unsafe extern "C" fn log(call: u64, level: u32, message: Bytes) {
    // SAFETY: the library lends the bytes until this returns.
    let message = unsafe { line(message) };
    match calls::listener(call) {
        Some(listener) => listener.log(level, &message),
        None => Library::of(call).say(level, &message),
    }
}

unsafe extern "C" fn progress(call: u64, message: Bytes) {
    // SAFETY: the library lends the bytes until this returns.
    let progress = unsafe { line(message) };
    if let Some(listener) = calls::listener(call) {
        listener.progress(&progress);
    }
}

unsafe extern "C" fn is_cancelled(call: u64) -> u32 {
    calls::is_cancelled(call).into()
}

unsafe extern "C" fn remaining_ns(call: u64) -> u64 {
    // The greatest number is not a time.
    let bounded =
        |remaining: std::time::Duration| u64::try_from(remaining.as_nanos()).unwrap_or(NO_DEADLINE - 1);
    calls::remaining(call).map_or(NO_DEADLINE, bounded)
}

unsafe extern "C" fn get_extension(id: Bytes) -> *const c_void {
    // SAFETY: the library lends the bytes until this returns.
    if unsafe { id.as_slice() } == HTTP.as_bytes() {
        return (&raw const HTTP_V1).cast();
    }
    ptr::null()
}

static HTTP_V1: HttpV1 = HttpV1 { size: size_of::<HttpV1>() as u32, flags: 0, send: Some(send) };

type Answered = unsafe extern "C" fn(token: *mut c_void, status: u32, answer: Bytes);

/// What a library wants to hear of a request: exactly once, so also when this is dropped, and on a thread that it may hold for a moment.
struct Reply {
    call: u64,
    answered: Answered,
    token: *mut c_void,
    is_given: bool,
}

// SAFETY: the boundary says that the token is handed back on a thread of the host's.
unsafe impl Send for Reply {}

impl Reply {
    fn give(mut self, answer: HttpAnswer) {
        self.hand_over(answer);
    }

    fn hand_over(&mut self, answer: HttpAnswer) {
        self.is_given = true;
        let reply = Self { is_given: true, ..*self };
        Library::of(self.call).callbacks.call(move || reply.call(answer));
    }

    fn call(self, answer: HttpAnswer) {
        let written = match answer {
            Ok(response) => serde_json::to_vec(&response).map(|bytes| (STATUS_OK, bytes)),
            Err(error) => serde_json::to_vec(&error).map(|bytes| (STATUS_ERROR, bytes)),
        };
        let (status, bytes) = written.unwrap_or_else(|_| (STATUS_ERROR, b"{}".to_vec()));
        // SAFETY: the library's function with its own token, once; the bytes live until it returns.
        unsafe { (self.answered)(self.token, status, Bytes::new(&bytes)) }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_given {
            // Whoever had it may have begun to send it.
            let why = "Nobody waits for the answer any more; whether the request was sent is not known.";
            self.hand_over(Err(HttpError::sent("cancelled", why)));
        }
    }
}

unsafe extern "C" fn send(call: u64, request: Bytes, token: *mut c_void, answered: Option<Answered>) {
    // Without it nobody would hear of the answer, and the token would be nobody's.
    let Some(answered) = answered else { return };
    let reply = Reply { call, answered, token, is_given: false };
    let refuse =
        |reply: Reply, code: &str, message: String| reply.give(Err(HttpError::not_sent(code, message)));
    if request.len > REQUEST_BYTES_MAX {
        let message =
            format!("The request has {} bytes; at most {REQUEST_BYTES_MAX} are taken.", request.len);
        return refuse(reply, "request_too_large", message);
    }
    // SAFETY: the library lends the bytes until this returns.
    let document = match serde_json::from_slice::<RequestDocument>(unsafe { request.as_slice() }) {
        Ok(document) => document,
        Err(error) => {
            return refuse(reply, "invalid_request", format!("The request cannot be read: {error}."));
        }
    };
    let request = HttpRequest { request: document, answer: Box::new(move |answer| reply.give(answer)) };
    match calls::sender(call) {
        Some(sender) => sender.request(request),
        None => request.refuse_ended(),
    }
}
