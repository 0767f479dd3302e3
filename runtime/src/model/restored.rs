//! What a restored backup means for an execution that was open when the backup was made.
//!
//! Between the backup and its restoring a server went on: the execution's steps may have run, and
//! nothing on disk says so. So it is *unknown*, and a person decides whether it goes on.

use jiff::Timestamp;

use super::{
    attempt::{Attempt, AttemptEnd},
    execution::{Execution, Failure, State},
};

/// The code of an execution that a restored backup left in doubt.
pub const RESTORED: &str = "restored";

/// The execution as it stands once a backup made at `made_at` is restored at `now`, with those of its
/// attempts that this closes. `None` when it stays as it is: it had ended, or it waits for an
/// instant that is still to come, so that it cannot have gone on.
pub fn restored(
    mut execution: Execution,
    attempts: Vec<Attempt>,
    made_at: Timestamp,
    now: Timestamp,
) -> Option<(Execution, Vec<Attempt>)> {
    let step = match execution.state {
        State::Queued { step, .. } | State::Running { step, .. } | State::Blocked { step, .. } => step,
        State::Retrying { ref failure, .. } => failure.step,
        State::Waiting { step, until } if until <= now => step,
        State::Waiting { .. }
        | State::Succeeded
        | State::Failed(_)
        | State::Unknown(_)
        | State::Cancelled(_)
        | State::Dismissed(_) => return None,
    };
    let message = format!(
        "restored from a backup made at {made_at}; what this execution did since then is not known. \
         Check, then retry or dismiss"
    );
    execution.state = State::Unknown(Failure { step, code: RESTORED.to_owned(), message });
    execution.updated_at = now;
    let begun = attempts.into_iter().filter(|attempt| attempt.end.is_none());
    let closed = begun.map(|attempt| {
        let end = AttemptEnd::bare(now, "unknown");
        Attempt { end: Some(end), ..attempt }
    });
    Some((execution, closed.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExecutionId, sample};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    /// Nothing may be silently repeated: what was open and may have run meanwhile is unknown, at its step.
    #[test]
    fn what_may_have_run_since_the_backup_is_unknown() {
        let (made_at, now) = (at("2020-01-15T12:00:00Z"), at("2020-01-16T12:00:00Z"));
        for (state, expected) in [
            (State::Queued { step: 1, resumed: false }, Some(1)),
            (State::Running { step: 0, mid_call: false }, Some(0)),
            (State::Running { step: 1, mid_call: true }, Some(1)),
            (State::Waiting { step: 1, until: at("2020-01-16T11:59:59Z") }, Some(1)),
            (State::Waiting { step: 1, until: now }, Some(1)),
            (State::Waiting { step: 1, until: at("2020-01-16T12:00:01Z") }, None),
            (State::Succeeded, None),
        ] {
            let found = restored(sample::execution(10, state.clone()), Vec::new(), made_at, now);
            let Some((execution, _)) = found else {
                assert_eq!(expected, None, "{state:?} stayed");
                continue;
            };
            let State::Unknown(failure) = &execution.state else { panic!("{:?}", execution.state) };
            assert_eq!((Some(failure.step), failure.code.as_str()), (expected, RESTORED), "{state:?}");
            assert!(failure.message.contains("a backup made at 2020-01-15T12:00:00Z"), "{}", failure.message);
            assert_eq!(execution.updated_at, now);
        }
    }

    #[test]
    fn only_an_attempt_without_an_end_is_closed() {
        let ended = AttemptEnd::bare(sample::now(), "succeeded");
        let attempt = |number, end| Attempt {
            execution: ExecutionId::from_u128(10),
            number,
            try_number: 1,
            version: 1,
            step: 0,
            started_at: sample::now(),
            end,
        };
        let running = sample::execution(10, State::Running { step: 1, mid_call: true });
        let attempts = vec![attempt(1, Some(ended)), attempt(2, None)];
        let (_, closed) = restored(running, attempts, sample::now(), sample::now()).expect("it was open");
        assert_eq!(closed.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2]);
        assert_eq!(closed[0].end.as_ref().map(|end| end.outcome), Some("unknown"));
    }
}
