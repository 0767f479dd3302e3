//! The end of a process, and of those runs that end with it.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use tokio::time::{timeout, timeout_at};

use super::{
    after,
    call::Stage,
    frame::{Frame, Problem},
    keeper::Keeper,
    process::Event,
};
use crate::plugin::runner::{AGAIN_MAX, ENDS_WITHIN, RunError, RunnerState};

/// How long a process may take to end when the server stops.
const STOP_END_MAX: Duration = Duration::from_secs(1);

/// How long what it has said last is waited for after its end.
const LAST_FRAMES_MAX: Duration = Duration::from_secs(2);

/// What is known of a process that is buried.
struct Rest {
    has_ended: bool,
    has_closed: bool,
    is_garbled: bool,
    /// Why it has ended, where it has said so.
    refusal: Option<Problem>,
}

/// Why a process is buried.
pub(super) enum Why {
    /// It has ended by itself.
    Ended,
    /// It says nothing more that is understood: perhaps since it is about to end, and otherwise it is ended for this.
    Silent(String),
    /// It is ended for this.
    Killed(String),
}

impl Keeper {
    /// Ends a process that has ended, or that is not left alive, and tells those whose runs end with it.
    pub(super) async fn bury(&mut self, why: Why) {
        self.shared.gate.close();
        self.collect();
        let Some(live) = &self.live else { return };
        if let Why::Killed(_) = &why {
            live.process.kill();
        }
        let number = live.process.number;
        let rest = Rest {
            has_ended: matches!(why, Why::Ended),
            has_closed: live.has_closed,
            is_garbled: live.is_garbled,
            refusal: None,
        };
        let rest = self.hear_the_rest(number, rest).await;
        let Some(live) = self.live.take() else { return };
        let (status, words) = live.process.end().await;
        if let Some(problem) = rest.refusal {
            return self.refused(&problem);
        }
        let name = self.name();
        let how = match (why, status) {
            (Why::Killed(why), _) => format!("The plugin {name}'s process was ended: {why}"),
            (Why::Silent(why), _) if !rest.has_ended => {
                format!("The plugin {name}'s process was ended: {why}")
            }
            (_, Ok(status)) => format!("The plugin {name}'s process ended by itself ({status})"),
            (_, Err(error)) => {
                format!("The plugin {name}'s process has ended, nobody knows how ({error})")
            }
        };
        let words =
            if words.is_empty() { String::new() } else { format!("; its last words were “{words}”") };
        self.ended(&format!("{how}{words}."), rest.has_closed && !rest.is_garbled, Instant::now());
    }

    /// Waits until a process has ended and has said all, which counts: for a moment only, since what it has begun may keep its connection
    /// open.
    async fn hear_the_rest(&mut self, number: u64, mut rest: Rest) -> Rest {
        let until = Instant::now() + LAST_FRAMES_MAX;
        while !(rest.has_ended && rest.has_closed) {
            if rest.has_ended
                && let Some(live) = &self.live
            {
                // Also what it has begun.
                live.process.kill();
            }
            let Ok(Some((process, event))) = timeout_at(until.into(), self.happened.recv()).await else {
                break;
            };
            match event {
                _ if process != number => {}
                Event::Said(id, frame) if frame.is_of_a_run() => drop(self.hear(id, frame)),
                Event::Said(_, Frame::Refused(problem)) if self.is_starting() => rest.refusal = Some(problem),
                Event::Closed(_) => rest.has_closed = true,
                Event::Garbage(_) => (rest.has_closed, rest.is_garbled) = (true, true),
                Event::Ended => rest.has_ended = true,
                _ => {}
            }
        }
        rest
    }

    /// The process is gone, which nobody wanted. `is_whole`: all that it had said was heard, so that what it had begun is known.
    pub(super) fn ended(&mut self, why: &str, is_whole: bool, now: Instant) {
        tracing::warn!("{why}");
        let open: Vec<_> = self.calls.iter().map(|(id, call)| (*id, call.stage)).collect();
        for (id, stage) in open.into_iter().rev() {
            match stage {
                Stage::Waiting => {}
                Stage::Handed | Stage::HandedLate if !is_whole => self.lost(id, why),
                Stage::Begun => self.lost(id, why),
                Stage::HandedLate => {
                    let message = format!("The plugin {} did not begin this in its time.", self.name());
                    self.done(id, Err(RunError::NotBegun { code: "plugin_busy", message }));
                }
                // The library has not seen it: the next process may.
                Stage::Handed => {
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.stage = Stage::Waiting;
                        self.waiting.push_front(id);
                    }
                }
            }
        }
        self.times.retain(|(_, id)| !self.late.contains(id));
        self.late.clear();
        self.ends.push_back(now);
        self.ends.retain(|end| now.duration_since(*end) < ENDS_WITHIN);
        let count = self.ends.len();
        if count >= self.settings.ends_max {
            return self.quarantine(
                &format!("It has ended {count} times within {ENDS_WITHIN:?}, at last so: {why}"),
                now,
            );
        }
        let doubled = u32::try_from(count).unwrap_or(u32::MAX).checked_sub(2);
        if let Some(exponent) = doubled {
            let pause =
                self.settings.again_first.saturating_mul(2_u32.saturating_pow(exponent)).min(AGAIN_MAX);
            self.not_before = Some((now + pause, false));
            self.shared.set(RunnerState::BackingOff { why: why.to_owned() });
        }
    }

    /// A run that had begun, or may have.
    fn lost(&mut self, id: u64, why: &str) {
        self.done(id, Err(RunError::Died(format!("{why} What it had done of this is not known."))));
    }

    /// Its process has said that the library cannot be loaded, which another one would not do better.
    pub(super) fn refused(&mut self, problem: &Problem) {
        let why = format!("It cannot be loaded: {}: {}.", problem.code, problem.message);
        self.quarantine(&why, Instant::now());
    }

    /// Nothing is run for a while.
    pub(super) fn quarantine(&mut self, why: &str, now: Instant) {
        tracing::error!(plugin = self.name(), why, "a plugin is not run for a while");
        self.not_before = Some((after(now, self.settings.quarantine), true));
        let said = why.to_owned();
        let why = format!(
            "The plugin {} is not run for {:?}: {why} Look at the log, replace it or what it needs, and restart the server.",
            self.name(),
            self.settings.quarantine
        );
        self.shared.set(RunnerState::Quarantined { why });
        let open: Vec<_> = self.calls.keys().copied().collect();
        for id in open {
            let error = self.quarantined();
            self.done(id, Err(error));
        }
        for asked in std::mem::take(&mut self.asked) {
            let _nobody_waits = asked.send(Err(RunError::Died(said.clone())));
        }
    }

    pub(super) fn quarantined(&self) -> RunError {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let message = match &*state {
            RunnerState::Quarantined { why } | RunnerState::BackingOff { why } => why.clone(),
            RunnerState::Ready => String::new(),
        };
        RunError::NotBegun { code: "plugin_quarantined", message }
    }

    /// Ends all.
    pub(super) async fn shut(&mut self) {
        self.shared.gate.close();
        self.collect();
        let stopped = format!("The plugin {} was stopped", self.program.library.note.name);
        let open: Vec<_> = self.calls.iter().map(|(id, call)| (*id, call.stage)).collect();
        for (id, stage) in open {
            let error = match stage {
                Stage::Waiting => {
                    RunError::NotBegun { code: "plugin_stopped", message: format!("{stopped}.") }
                }
                _ => RunError::Died(format!("{stopped} before this had ended.")),
            };
            self.done(id, Err(error));
        }
        let Some(live) = self.live.as_mut() else { return };
        let number = live.process.number;
        live.process.close();
        let end = async {
            while let Some(event) = self.happened.recv().await {
                if matches!(event, (process, Event::Ended) if process == number) {
                    return;
                }
            }
        };
        let _killed_then = timeout(STOP_END_MAX, end).await;
        self.live = None;
    }
}
