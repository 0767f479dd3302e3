//! The receiver's ledger and the attempt log: whatever one knows, the other must.

use std::collections::BTreeSet;

use super::{Checked, Evidence, Violation, by_step};
use crate::{
    receiver::Call,
    snapshot::{Attempt, Snapshot},
    workflow::{self, Kind},
};

/// The attempts of a step of an execution, given the step's id.
fn attempts_of<'a>(snapshot: &'a Snapshot, execution: &str, step: &str) -> Vec<&'a Attempt> {
    let Some(found) = snapshot.executions.get(execution) else { return Vec::new() };
    let index = workflow::steps(&found.action).iter().position(|known| known.id == step);
    snapshot.attempts_of(execution).iter().filter(|attempt| Some(attempt.step) == index).collect()
}

/// "The receiver's ledger and the attempt log agree, no call unrecorded": the start of each call is on
/// disk before it is made.
pub(crate) fn none_is_unrecorded(snapshot: &Snapshot, ledger: &[Call]) -> Checked {
    for ((execution, step), calls) in by_step(ledger) {
        let attempts = attempts_of(snapshot, execution, step);
        for (position, (number, call)) in calls.iter().enumerate() {
            let Some(attempt) = attempts.get(position) else {
                return Err(Violation::of(
                    execution,
                    format!(
                        "call {number} of step `{step}` is not recorded: {} attempts, {} calls",
                        attempts.len(),
                        calls.len()
                    ),
                ));
            };
            if attempt.started_at > call.at {
                return Err(Violation::of(
                    execution,
                    format!("call {number} was made before its attempt began"),
                ));
            }
        }
    }
    Ok(())
}

/// How often a step may have been called: for each time that a person asked, as often as its author wants.
fn calls_max(evidence: &Evidence<'_>, execution: &str, tries: usize) -> usize {
    (1 + evidence.notes.retries_of(execution)) * tries
}

/// "No external step ran twice without opt-in": once, and once more for each Retry by a person.
pub(super) fn none_ran_twice(evidence: &Evidence<'_>) -> Checked {
    for ((execution, step), calls) in by_step(evidence.ledger) {
        let found = evidence.snapshot.executions.get(execution);
        let steps = found.map_or(&[][..], |found| workflow::steps(&found.action));
        let tries = steps.iter().find(|known| known.id == step).map_or(1, |known| known.tries);
        let (times, most) = (calls.len(), calls_max(evidence, execution, tries));
        if times > most {
            let what = format!("step `{step}` was called {times} times, and may have been {most} times");
            return Err(Violation::of(execution, what));
        }
    }
    for execution in evidence.snapshot.executions.values() {
        for (index, step) in workflow::steps(&execution.action).iter().enumerate() {
            let attempts = evidence.snapshot.attempts_of(&execution.id);
            let begun = attempts.iter().filter(|attempt| attempt.step == index).count();
            if begun > calls_max(evidence, &execution.id, step.tries) {
                return Err(Violation::of(&execution.id, format!("step `{}` began {begun} times", step.id)));
            }
        }
    }
    Ok(())
}

/// What an attempt says was asked and answered is what the receiver read and said; a success has
/// exactly one whole call; a call without a recorded answer has an attempt without one.
pub(super) fn answers_are_those_of_the_calls(evidence: &Evidence<'_>) -> Checked {
    let calls = by_step(evidence.ledger);
    let mut claimed = BTreeSet::new();
    for execution in evidence.snapshot.executions.values() {
        for (index, step) in workflow::steps(&execution.action).iter().enumerate() {
            if step.kind != Kind::Call {
                continue;
            }
            let attempts = evidence.snapshot.attempts_of(&execution.id);
            let attempts: Vec<_> = attempts.iter().filter(|attempt| attempt.step == index).collect();
            let calls = calls.get(&(execution.id.as_str(), step.id)).map_or(&[][..], Vec::as_slice);
            for attempt in &attempts {
                answer_is_the_calls(attempt, calls, &mut claimed).map_err(|what| {
                    Violation::of(&execution.id, format!("attempt {}: {what}", attempt.number))
                })?;
            }
            let unanswered = attempts.iter().filter(|attempt| attempt.call.is_none()).count();
            let unclaimed = calls.iter().filter(|(number, _)| !claimed.contains(number)).count();
            if unclaimed > unanswered {
                let what = format!(
                    "step `{}`: {unclaimed} calls for {unanswered} attempts without an answer",
                    step.id
                );
                return Err(Violation::of(&execution.id, what));
            }
        }
    }
    Ok(())
}

fn answer_is_the_calls(
    attempt: &Attempt,
    calls: &[(usize, &Call)],
    claimed: &mut BTreeSet<usize>,
) -> Result<(), String> {
    let Some(answered) = attempt.call else {
        return match attempt.outcome.as_deref() {
            Some("succeeded") => Err("succeeded without an answer".to_owned()),
            _ => Ok(()),
        };
    };
    if !claimed.insert(answered) {
        return Err(format!("two attempts have the answer of call {answered}"));
    }
    let Some((_, call)) = calls.iter().find(|(number, _)| *number == answered) else {
        return Err(format!("it has the answer of call {answered}, which was not for this step"));
    };
    if !call.is_complete || attempt.request_body.as_deref() != Some(call.body.as_str()) {
        return Err(format!("what was sent is not what call {answered} brought"));
    }
    if attempt.response_body != call.answer {
        return Err(format!("the answer is not what call {answered} was answered with"));
    }
    Ok(())
}
