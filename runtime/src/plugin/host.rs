//! The functions that a library is given.

// Called by the other side of a C boundary, with its pointers.
#![allow(unsafe_code)]

use std::{ffi::c_void, ptr};

use onward_sdk::abi::{ABI_MINOR, Bytes, HostV1, LOG_DEBUG, LOG_INFO, LOG_TRACE, LOG_WARN, NO_DEADLINE};

use super::calls::{self, Ended};
use crate::model::text::shortened;

/// The longest answer that is taken of a call.
pub(super) const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Characters of a line that a library logs.
const LINE_CHARS_MAX: usize = 4_000;

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

/// A text of a library's, as the log may show it.
///
/// # Safety
///
/// The bytes can be read.
unsafe fn line(bytes: Bytes) -> String {
    // Each character has at most four bytes.
    let most = Bytes { len: bytes.len.min(4 * LINE_CHARS_MAX), ..bytes };
    // SAFETY: the caller's promise, of no more than it was made for.
    let text = String::from_utf8_lossy(unsafe { most.as_slice() });
    shortened(&text, LINE_CHARS_MAX).replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

unsafe extern "C" fn log(call: u64, level: u32, message: Bytes) {
    // SAFETY: the library lends the bytes until this returns.
    let message = unsafe { line(message) };
    let _about = calls::span(call).entered();
    match level {
        LOG_WARN => tracing::warn!("{message}"),
        LOG_INFO => tracing::info!("{message}"),
        LOG_DEBUG => tracing::debug!("{message}"),
        LOG_TRACE => tracing::trace!("{message}"),
        _ => tracing::error!("{message}"),
    }
}

unsafe extern "C" fn progress(call: u64, message: Bytes) {
    // SAFETY: the library lends the bytes until this returns.
    let progress = unsafe { line(message) };
    let _about = calls::span(call).entered();
    tracing::info!(progress, "a step goes on");
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

/// There are none yet.
unsafe extern "C" fn get_extension(_: Bytes) -> *const c_void {
    ptr::null()
}
