//! Lines of the log that plugins write: to this process's log, or, in a process that runs a plugin for a server, to that.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

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

/// Lines of one run, and those of one library or process that are about none, all of which go to the log within a second.
const LINES_MAX: usize = 200;

/// How much is said: what is too much does not fill the log.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    lines: usize,
}

impl Rate {
    pub(super) fn allows(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() >= Duration::from_secs(1)) {
            self.tell();
            self.since = Some(Instant::now());
        }
        self.lines += 1;
        self.lines <= LINES_MAX
    }

    /// Says how many were left out.
    pub(super) fn tell(&mut self) {
        let left_out = std::mem::take(&mut self.lines).saturating_sub(LINES_MAX);
        if left_out > 0 {
            say(
                LOG_WARN,
                &format!("a plugin says more than goes to the log: {left_out} lines were left out"),
            );
        }
    }
}

impl Drop for Rate {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Writes a line to the log, at a level of the boundary's: one that it does not know is the gravest.
pub(super) fn log(level: u32, line: &str) {
    let line = indented(line);
    match level {
        LOG_WARN => tracing::warn!("{line}"),
        LOG_INFO => tracing::info!("{line}"),
        LOG_DEBUG => tracing::debug!("{line}"),
        LOG_TRACE => tracing::trace!("{line}"),
        _ => tracing::error!("{line}"),
    }
}

/// What has more lines than one does not look as if the server had written the others.
fn indented(line: &str) -> String {
    line.trim_end().replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_without_end_is_cut_by_the_second() {
        let mut rate = Rate::default();
        assert_eq!((0..1_000).filter(|_| rate.allows()).count(), LINES_MAX);
        rate.since = Instant::now().checked_sub(Duration::from_secs(1));
        assert!(rate.allows(), "in the next second");
        assert_eq!(rate.lines, 1);
    }

    #[test]
    fn no_line_looks_like_the_servers() {
        let forged = "one\n2026-11-28T00:00:00Z ERROR onward: two\n";
        assert_eq!(indented(forged), "one\n    2026-11-28T00:00:00Z ERROR onward: two");
    }
}
