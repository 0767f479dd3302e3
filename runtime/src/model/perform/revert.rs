//! `on_failure = "revert"`: a failed execution's changes of the task are taken back, and made again
//! when a person retries it.
//!
//! Only slots that the execution wrote last are touched, in the transaction that records the failure.
//! Deletions, schedules and calls are never undone.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Change, Current, Plan};
use crate::model::{
    execution::Execution,
    history::{Author, Cause, HistoryEntry, Slot, SlotChange, undo},
    id::StageId,
    task::Task,
    workflow::{OnFailure, Workflow},
};

/// Takes back what the execution has changed, where nobody has changed it since.
pub(super) fn revert(
    change: &mut Change,
    execution: &Execution,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
) {
    if plan.action().on_failure != OnFailure::Revert {
        return;
    }
    let is_own = |entry: &HistoryEntry| entry.is_by(execution.id);
    write(change, execution, plan, now, current, Cause::Reverted, is_own);
}

/// Makes again what an earlier [`revert`] took back: a retried step is to find the task as the steps
/// before it left it, also on a version that no longer takes anything back. The stage, if that moved
/// the task.
pub(super) fn redo(
    change: &mut Change,
    execution: &Execution,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
) -> Option<StageId> {
    let is_revert = |entry: &HistoryEntry| entry.is_by(execution.id) && entry.cause == Cause::Reverted;
    write(change, execution, plan, now, current, Cause::Redone, is_revert);
    change.task.as_ref().map(|task| task.stage.clone())
}

fn write(
    change: &mut Change,
    execution: &Execution,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
    cause: Cause,
    chosen: impl Fn(&HistoryEntry) -> bool,
) {
    // A change that this transaction makes already is not undone in it: a step that failed makes none.
    let Some(task) = current.task.filter(|_| change.task.is_none() && !change.deletes_task) else { return };
    let Some(began_after) = execution.began_after else { return };
    let mut changes = undo(&current.look.history_after(began_after), chosen);
    changes.retain(|change| is_possible(change, task, &plan.workflow, current));
    let after = task.with(&changes, &plan.workflow, now);
    change.put(after, cause, Author::Execution(execution.id), current);
}

/// A Unique ID that another task has taken meanwhile cannot come back, nor can a stage that is gone.
fn is_possible(change: &SlotChange, task: &Arc<Task>, workflow: &Workflow, current: &Current<'_>) -> bool {
    let text = change.after.to_text();
    match &change.slot {
        Slot::Stage => workflow.stage(&StageId::new(text)).is_some(),
        Slot::Field(id) if workflow.unique_field().is_some_and(|field| field.id == *id) => {
            task.unique_id.as_deref() == Some(text.as_str()) || !current.look.is_taken(&text)
        }
        Slot::AssignedTo | Slot::Field(_) => true,
    }
}
