//! Turns: one execution of a task at a time, in the order in which they came, and none before its
//! time.

use std::collections::BTreeMap;

use super::{Checked, Evidence, Violation};
use crate::{
    snapshot::{Attempt, Execution, Snapshot},
    workflow::{self, Kind},
};

type Lane<'a> = Vec<(&'a Attempt, &'a Execution)>;

/// The attempts of each task's executions.
fn lanes(snapshot: &Snapshot) -> BTreeMap<&str, Lane<'_>> {
    let mut lanes = BTreeMap::<&str, Lane<'_>>::new();
    for execution in snapshot.executions.values() {
        let attempts = snapshot.attempts_of(&execution.id).iter().map(|attempt| (attempt, execution));
        lanes.entry(&execution.task).or_default().extend(attempts);
    }
    lanes
}

/// "Several actions on one task: one at a time per task, FIFO."
pub(super) fn one_writer_at_a_time(evidence: &Evidence<'_>) -> Checked {
    for mut lane in lanes(evidence.snapshot).into_values() {
        // The end of a cancelled one is an instant that somebody else's clock reading gave it.
        lane.retain(|(_, execution)| !evidence.notes.cancelled.contains(&execution.id));
        lane.sort_by_key(|(attempt, _)| (attempt.started_at, attempt.ended_at));
        for pair in lane.windows(2) {
            let [(first, before), (second, after)] = pair else { continue };
            let overlap = before.id != after.id && first.ended_at.is_some_and(|end| end > second.started_at);
            if overlap {
                let what = format!(
                    "attempt {} began at {} within attempt {} of {}, which ended at {:?}",
                    second.number, second.started_at, first.number, before.id, first.ended_at
                );
                return Err(Violation::of(&after.id, what));
            }
        }
    }
    Ok(())
}

/// FIFO: an id is an execution's first place in line, so first attempts have the order of ids.
pub(super) fn first_come_first_begun(evidence: &Evidence<'_>) -> Checked {
    for mut lane in lanes(evidence.snapshot).into_values() {
        // One that was retried before it began has another first place.
        lane.retain(|(attempt, execution)| {
            attempt.number == 1 && evidence.notes.retries_of(&execution.id) == 0
        });
        lane.sort_by_key(|(_, execution)| &execution.id);
        for pair in lane.windows(2) {
            let [(first, before), (second, after)] = pair else { continue };
            if second.started_at < first.started_at {
                return Err(Violation::of(
                    &after.id,
                    format!("it began before {}, which came first", before.id),
                ));
            }
        }
    }
    Ok(())
}

/// A step after a delay does not begin before its instant.
pub(super) fn delays_are_waited_for(snapshot: &Snapshot) -> Checked {
    for execution in snapshot.executions.values() {
        let steps = workflow::steps(&execution.action);
        let attempts = snapshot.attempts_of(&execution.id);
        for rested in attempts.iter().filter(|attempt| attempt.outcome.as_deref() == Some("succeeded")) {
            let Some(Kind::Delay { millis }) = steps.get(rested.step).map(|step| step.kind) else { continue };
            let early = attempts.iter().find(|attempt| {
                attempt.step > rested.step && attempt.started_at < rested.started_at + millis
            });
            if let Some(early) = early {
                let what = format!(
                    "attempt {} began {} ms after the delay did",
                    early.number,
                    early.started_at - rested.started_at
                );
                return Err(Violation::of(&execution.id, what));
            }
        }
    }
    Ok(())
}
