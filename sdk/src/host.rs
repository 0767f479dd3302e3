//! The host as a library sees it: its functions, those of an older one that it has not included.

// Calls functions of the other side of a C boundary.
#![allow(unsafe_code)]

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    abi::{self, Bytes, HostV1},
    table::{self, Table},
};

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Level {
    /// Somebody must act.
    Error = abi::LOG_ERROR,
    /// Not as it should be.
    Warn = abi::LOG_WARN,
    /// What was done.
    Info = abi::LOG_INFO,
    /// For who looks for a mistake.
    Debug = abi::LOG_DEBUG,
    /// Every move.
    Trace = abi::LOG_TRACE,
}

impl From<u32> for Level {
    /// A number that is none is the gravest.
    fn from(number: u32) -> Self {
        match number {
            abi::LOG_WARN => Self::Warn,
            abi::LOG_INFO => Self::Info,
            abi::LOG_DEBUG => Self::Debug,
            abi::LOG_TRACE => Self::Trace,
            _ => Self::Error,
        }
    }
}

/// A copy of a host's functions, which stay good as long as the library is loaded. What the host has not, does nothing.
#[derive(Clone, Copy)]
pub(crate) struct Host(HostV1);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("abi_minor", &self.0.abi_minor).finish_non_exhaustive()
    }
}

impl Host {
    /// `None`: it is no host's table, or it has no `done`, without which nothing can be told.
    ///
    /// # Safety
    ///
    /// That of [`table::read`]; and the functions are those of a host, which keeps the rules of [`abi`].
    pub(crate) unsafe fn read(host: *const HostV1) -> Option<Self> {
        // SAFETY: the caller's promise.
        let table = unsafe { table::read(host) }?;
        table.done.map(|_| Self(table))
    }

    /// Ends a call.
    pub(crate) fn done(&self, call: u64, status: u32, answer: &[u8]) {
        if let Some(done) = self.0.done {
            // SAFETY: a host's function, and bytes that live until it returns.
            unsafe { done(call, status, Bytes::new(answer)) }
        }
    }

    pub(crate) fn log(&self, call: u64, level: Level, message: &str) {
        if let Some(log) = self.0.log {
            // SAFETY: a host's function, and bytes that live until it returns.
            unsafe { log(call, level as u32, Bytes::new(message.as_bytes())) }
        }
    }

    pub(crate) fn progress(&self, call: u64, message: &str) {
        if let Some(progress) = self.0.progress {
            // SAFETY: a host's function, and bytes that live until it returns.
            unsafe { progress(call, Bytes::new(message.as_bytes())) }
        }
    }

    pub(crate) fn is_cancelled(&self, call: u64) -> bool {
        // SAFETY: a host's function.
        self.0.is_cancelled.is_some_and(|is_cancelled| unsafe { is_cancelled(call) } != 0)
    }

    /// `None`: without a limit.
    pub(crate) fn remaining(&self, call: u64) -> Option<Duration> {
        // SAFETY: a host's function.
        let nanoseconds =
            self.0.remaining_ns.map_or(abi::NO_DEADLINE, |remaining| unsafe { remaining(call) });
        (nanoseconds != abi::NO_DEADLINE).then(|| Duration::from_nanos(nanoseconds))
    }

    /// # Safety
    ///
    /// The extension of this name is a table of this type.
    pub(crate) unsafe fn extension<T: Table>(&self, id: &str) -> Option<T> {
        let get = self.0.get_extension?;
        // SAFETY: a host's function, and bytes that live until it returns.
        let extension = unsafe { get(Bytes::new(id.as_bytes())) };
        // SAFETY: null, or such a table, by the caller's promise and the host's.
        unsafe { table::read(extension.cast::<T>()) }
    }
}

#[cfg(test)]
mod tests {
    use std::{mem::offset_of, ptr};

    use super::*;

    unsafe extern "C" fn done(_: u64, _: u32, _: Bytes) {}
    unsafe extern "C" fn cancelled(_: u64) -> u32 {
        1
    }
    unsafe extern "C" fn second(_: u64) -> u64 {
        1_000_000_000
    }

    fn of(size: usize, done_too: bool) -> Option<Host> {
        let table = HostV1 {
            size: size as u32,
            abi_minor: 0,
            done: done_too.then_some(done as unsafe extern "C" fn(u64, u32, Bytes)),
            log: None,
            progress: None,
            is_cancelled: Some(cancelled),
            remaining_ns: Some(second),
            get_extension: None,
        };
        // SAFETY: a whole table, which may say that it is shorter.
        unsafe { Host::read(&raw const table) }
    }

    #[test]
    fn what_a_host_has_not_does_nothing() {
        let host = of(offset_of!(HostV1, log), true).expect("a host");
        host.log(1, Level::Error, "nobody hears it");
        host.progress(1, "nobody sees it");
        assert!(!host.is_cancelled(1));
        assert_eq!(host.remaining(1), None);
        // SAFETY: there are none.
        assert!(unsafe { host.extension::<abi::HttpV1>(abi::HTTP) }.is_none());
        let whole = of(size_of::<HostV1>(), true).expect("a host");
        assert!(whole.is_cancelled(1));
        assert_eq!(whole.remaining(1), Some(Duration::from_secs(1)));
    }

    #[test]
    fn who_cannot_be_answered_is_no_host() {
        assert!(of(size_of::<HostV1>(), false).is_none());
        assert!(of(offset_of!(HostV1, done), true).is_none());
        // SAFETY: null is allowed.
        assert!(unsafe { Host::read(ptr::null()) }.is_none());
    }
}
