//! Lines of the log that plugins write: to this process's log, or, in a process that runs a plugin for a server, to that.

use std::sync::OnceLock;

use onward_sdk::abi::{LOG_DEBUG, LOG_INFO, LOG_TRACE, LOG_WARN};

type Elsewhere = Box<dyn Fn(u32, &str) + Send + Sync>;

/// Where lines go that are about no call, when not to the log.
static ELSEWHERE: OnceLock<Elsewhere> = OnceLock::new();

/// From now on, lines that are about no call go there.
pub(super) fn send_to(elsewhere: impl Fn(u32, &str) + Send + Sync + 'static) {
    let _ = ELSEWHERE.set(Box::new(elsewhere));
}

/// A line that is about no call.
pub(super) fn say(level: u32, line: &str) {
    match ELSEWHERE.get() {
        Some(elsewhere) => elsewhere(level, line),
        None => log(level, line),
    }
}

/// Writes a line to the log, at a level of the boundary's: one that it does not know is the gravest.
pub(super) fn log(level: u32, line: &str) {
    match level {
        LOG_WARN => tracing::warn!("{line}"),
        LOG_INFO => tracing::info!("{line}"),
        LOG_DEBUG => tracing::debug!("{line}"),
        LOG_TRACE => tracing::trace!("{line}"),
        _ => tracing::error!("{line}"),
    }
}
