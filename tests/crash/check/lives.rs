//! How executions live and end: none is lost, none comes from nowhere, and each says truly how it
//! ended.

use super::{Checked, Evidence, Violation};
use crate::{
    snapshot::{Attempt, Execution, Snapshot},
    workflow,
};

/// "Every acknowledged execution ends Success, Fail or visibly waiting." One idempotency key is one
/// execution.
pub(super) fn acknowledged_ones_are_there(evidence: &Evidence<'_>) -> Checked {
    if let Some(wrong) = evidence.notes.wrong.first() {
        return Err(Violation::new(wrong.clone()));
    }
    let executions = &evidence.snapshot.executions;
    if let Some(lost) = evidence.notes.acknowledged.iter().find(|id| !executions.contains_key(*id)) {
        return Err(Violation::of(lost, "it was acknowledged and is not there"));
    }
    let has_succeeded = |id: &str| executions.get(id).is_some_and(|found| found.state == "succeeded");
    if let Some(untrue) = evidence.notes.succeeded.iter().find(|id| !has_succeeded(id)) {
        return Err(Violation::of(untrue, "somebody was told of its success"));
    }
    let is_at_rest = |execution: &&Execution| {
        matches!(
            execution.state.as_str(),
            "succeeded" | "failed" | "unknown" | "cancelled" | "dismissed" | "waiting"
        )
    };
    if let Some(open) = executions.values().find(|execution| !is_at_rest(execution)) {
        return Err(Violation::of(&open.id, format!("it is {} for ever", open.state)));
    }
    for (key, used) in &evidence.notes.keys {
        if used.ids.len() > 1 {
            return Err(Violation::new(format!("the key `{key}` was answered with {:?}", used.ids)));
        }
    }
    Ok(())
}

/// There are no more executions than were asked for: what was refused is not there, what was asked
/// for twice with one key is there once.
pub(super) fn nobody_runs_unasked(evidence: &Evidence<'_>) -> Checked {
    let (there, asked) = (evidence.snapshot.executions.len(), evidence.notes.executions_max());
    if there > asked {
        return Err(Violation::new(format!("{there} executions, but at most {asked} were asked for")));
    }
    match evidence.snapshot.admitted.iter().find(|id| !evidence.snapshot.executions.contains_key(*id)) {
        Some(id) => Err(Violation::of(id, "an idempotency key leads to it, and it is not there")),
        None => Ok(()),
    }
}

/// Attempts are numbered from 1 without a gap; none is open when everything is at rest.
pub(super) fn attempts_are_numbered(evidence: &Evidence<'_>) -> Checked {
    let snapshot = evidence.snapshot;
    if let Some(id) = snapshot.attempts.keys().find(|id| !snapshot.executions.contains_key(*id)) {
        return Err(Violation::of(id, "it has attempts and is not there"));
    }
    for execution in snapshot.executions.values() {
        let attempts = snapshot.attempts_of(&execution.id);
        if attempts.iter().map(|attempt| attempt.number).ne(1..=attempts.len())
            || execution.attempts != attempts.len()
        {
            let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
            let what = format!("it has begun {} attempts, and there are {numbers:?}", execution.attempts);
            return Err(Violation::of(&execution.id, what));
        }
        if let Some(open) = attempts.iter().find(|attempt| attempt.ended_at.is_none()) {
            return Err(Violation::of(&execution.id, format!("attempt {} never ended", open.number)));
        }
    }
    Ok(())
}

fn is(attempt: &Attempt, outcome: &str) -> bool {
    attempt.outcome.as_deref() == Some(outcome)
}

/// Each step succeeds at most once; a success has all of them, in order; who waits has those before;
/// nobody ends as if the last attempt had gone another way.
pub(super) fn ends_have_their_attempts(evidence: &Evidence<'_>) -> Checked {
    for execution in evidence.snapshot.executions.values() {
        let attempts = evidence.snapshot.attempts_of(&execution.id);
        let succeeded: Vec<_> =
            attempts.iter().filter(|attempt| is(attempt, "succeeded")).map(|attempt| attempt.step).collect();
        let steps = match execution.state.as_str() {
            "succeeded" => workflow::steps(&execution.action).len(),
            _ => execution.step,
        };
        if !succeeded.iter().copied().eq(0..steps) {
            let what =
                format!("it is {} at step {steps}, and the steps {succeeded:?} succeeded", execution.state);
            return Err(Violation::of(&execution.id, what));
        }
        let is_told = match (execution.state.as_str(), attempts.last()) {
            ("unknown", last) => last.is_some_and(|last| is(last, "unknown")),
            ("succeeded" | "waiting", last) => last.is_some_and(|last| is(last, "succeeded")),
            _ => true,
        };
        if !is_told {
            let what = format!("it is {}, and its last attempt is {:?}", execution.state, attempts.last());
            return Err(Violation::of(&execution.id, what));
        }
    }
    Ok(())
}

/// An attempt of a step that may be tried again without a person asking.
fn tried_again<'a>(snapshot: &'a Snapshot, execution: &str, number: usize) -> Option<&'a Attempt> {
    let attempt = snapshot.attempts_of(execution).iter().find(|attempt| attempt.number == number)?;
    let action = &snapshot.executions.get(execution)?.action;
    workflow::steps(action).get(attempt.step).filter(|step| step.tries > 1).map(|_| attempt)
}

/// "The *unknown* ones are exactly those in mid-call", but where the step is to be tried again.
pub(super) fn unknown_are_those_in_mid_call(evidence: &Evidence<'_>) -> Checked {
    let snapshot = evidence.snapshot;
    for (id, number) in evidence.just_interrupted {
        if let Some(attempt) = tried_again(snapshot, id, *number) {
            if !is(attempt, "unknown") {
                return Err(Violation::of(id, format!("attempt {number} was cut off, and is not unknown")));
            }
            continue;
        }
        let is_unknown = snapshot.executions.get(id).is_some_and(|execution| {
            execution.state == "unknown"
                && execution.code.as_deref() == Some("interrupted")
                && execution.attempts == *number
        });
        if !is_unknown {
            return Err(Violation::of(
                id,
                format!("it was in mid-call in attempt {number}, and is not unknown"),
            ));
        }
    }
    for execution in snapshot.executions.values() {
        let here = |attempt: &Attempt| (execution.id.clone(), attempt.number);
        if execution.code.as_deref() == Some("interrupted")
            && !evidence.interrupted.contains(&(execution.id.clone(), execution.attempts))
        {
            return Err(Violation::of(&execution.id, "it is `interrupted` and was not in mid-call"));
        }
        for attempt in snapshot.attempts_of(&execution.id) {
            let is_cut_off = is(attempt, "unknown") && !attempt.has_record;
            if is_cut_off
                && !evidence.interrupted.contains(&here(attempt))
                && !evidence.notes.cancelled.contains(&execution.id)
            {
                let what = format!("attempt {} is unknown, and nothing has cut it off", attempt.number);
                return Err(Violation::of(&execution.id, what));
            }
        }
    }
    Ok(())
}
