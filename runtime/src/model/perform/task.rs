//! Tasks as people and programs write them: created, updated, deleted, moved when it was scheduled.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Change, Current, Refusal};
use crate::model::{
    field::{FieldType, FieldValue},
    history::{Author, Cause},
    id::TaskId,
    patch::{FieldErrors, NO_SUCH_USER, Patch},
    task::Task,
    user::{Directory, Performer},
    workflow::{ASSIGNED_TO, STAGE, Workflow},
};

/// What the Tasks API asks for when a task with the given Unique ID is, or is not, there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskWrite {
    /// Creates or updates.
    Upsert,
    /// Creates; refuses when there is one.
    Create,
    /// Updates; refuses when there is none.
    Update,
}

/// Who writes a task, and when.
#[derive(Debug, Clone)]
pub struct Writing {
    pub performer: Performer,
    pub now: Timestamp,
    /// The id of the task, if it is a new one.
    pub new_id: TaskId,
}

/// Creates or updates a task from a JSON object of values by field name. Unlike a step's answer,
/// which may know more fields than we do, a name that the workflow does not have is refused.
pub fn write_task(
    object: &Map<String, Value>,
    write: TaskWrite,
    writing: Writing,
    workflow: &Workflow,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let Writing { performer, now, new_id } = writing;
    if current.task.is_none() && write == TaskWrite::Update {
        return Err(Refusal::TaskMissing);
    }
    if current.task.is_some() && write == TaskWrite::Create {
        return Err(Refusal::TaskExists);
    }
    let read = Patch::read(object, workflow, directory, &current.files());
    let mut errors = read.errors;
    for name in &read.unknown {
        errors.add(name, "is unknown: the workflow has no such field");
    }
    let mut patch = read.patch;
    let base = match current.task {
        Some(task) => Arc::clone(task),
        None => {
            complete(&mut patch, &mut errors, workflow, current);
            Arc::new(Task::new(new_id, workflow, now))
        }
    };
    let task = base.patched(&patch, workflow, now);
    check_unique(&task, current.task, workflow, current, &mut errors);
    check_assignee(&task, current, &mut errors);
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    let mut change = Change { blobs: patch.blobs, ..Change::default() };
    let cause = if current.task.is_some() { Cause::Changed } else { Cause::Created };
    change.put(task, cause, Author::Performer(performer), current);
    Ok(change)
}

/// Writes what a step's answer says, in a person's name: names that the workflow does not have are left out, as
/// they are when the step runs.
pub fn patch_by_hand(
    mut patch: Map<String, Value>,
    performer: Performer,
    workflow: Arc<Workflow>,
    directory: Arc<Directory>,
    now: Timestamp,
) -> super::Decide {
    patch.retain(|name, _| name == STAGE || name == ASSIGNED_TO || workflow.field_named(name).is_some());
    Box::new(move |current| {
        let new_id = current.task.map(|task| task.id).ok_or(Refusal::TaskMissing)?;
        let writing = Writing { performer, now, new_id };
        write_task(&patch, TaskWrite::Update, writing, &workflow, &directory, current)
    })
}

/// Deletes a task. Its executions stay, with its last state.
pub fn delete_task(performer: Performer, now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let task = current.task.ok_or(Refusal::TaskMissing)?;
    let mut change = Change::default();
    change.delete(task, Author::Performer(performer), now, current);
    change.note_failures(false);
    Ok(change)
}

/// Takes a task from whoever has left; nothing when somebody else has it by now.
pub fn unassign(performer: Performer, now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let mut change = Change::default();
    let has_left = |task: &Task| task.assigned_to.as_ref().is_some_and(|user| current.look.has_left(user));
    let Some(task) = current.task.filter(|task| has_left(task)) else { return Ok(change) };
    let unassigned = Task { assigned_to: None, updated_on: now, ..Task::clone(task) };
    change.put(unassigned, Cause::Changed, Author::Performer(performer), current);
    Ok(change)
}

/// Moves a task whose scheduled stage change is due; nothing when there is none that is. A stage that
/// the workflow no longer has cannot be moved to: the schedule goes, the task stays.
pub fn run_schedule(workflow: &Workflow, now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let mut change = Change::default();
    let Some(task) = current.task else { return Ok(change) };
    let Some(schedule) = task.schedule.as_ref().filter(|schedule| schedule.at <= now) else {
        return Ok(change);
    };
    let stage = workflow.stage(&schedule.stage).map_or(&task.stage, |stage| &stage.id).clone();
    let moved = Task { stage, schedule: None, updated_on: now, ..Task::clone(task) };
    change.put(moved, Cause::Scheduled, Author::Performer(schedule.performer.clone()), current);
    Ok(change)
}

/// Takes a scheduled stage change away.
pub fn cancel_schedule(current: &Current<'_>) -> Result<Change, Refusal> {
    let task = current.task.ok_or(Refusal::TaskMissing)?;
    if task.schedule.is_none() {
        return Err(Refusal::NoSchedule);
    }
    Ok(Change { task: Some(Task { schedule: None, ..Task::clone(task) }), ..Change::default() })
}

/// Somebody may have left since the directory was read in which they were found.
pub(super) fn check_assignee(task: &Task, current: &Current<'_>, errors: &mut FieldErrors) {
    let is_the_same = current.task.is_some_and(|before| before.assigned_to == task.assigned_to);
    if !is_the_same && task.assigned_to.as_ref().is_some_and(|user| current.look.has_left(user)) {
        errors.add(ASSIGNED_TO, NO_SUCH_USER);
    }
}

pub(super) fn check_unique(
    task: &Task,
    before: Option<&Arc<Task>>,
    workflow: &Workflow,
    current: &Current<'_>,
    errors: &mut FieldErrors,
) {
    let (Some(field), Some(unique)) = (workflow.unique_field(), task.unique_id.as_deref()) else { return };
    let is_same = before.is_some_and(|before| before.unique_id.as_deref() == Some(unique));
    if !is_same && current.look.is_taken(unique) {
        errors.add(&field.name, "has already been taken");
    }
}

/// Gives a new task its number, and finds the required fields that nobody sent.
fn complete(patch: &mut Patch, errors: &mut FieldErrors, workflow: &Workflow, current: &Current<'_>) {
    for field in &workflow.fields {
        let is_set = patch.values.iter().any(|(id, value)| *id == field.id && !value.is_empty());
        let has_problem = errors.iter().any(|(name, _)| name == field.name);
        if is_set || has_problem {
            continue;
        }
        if field.kind == (FieldType::UniqueId { autoincrement: true }) {
            let number = current.look.next_number();
            patch.values.push((field.id.clone(), FieldValue::Text(number.to_string().into())));
        } else if field.required {
            errors.add(&field.name, "is required");
        }
    }
}
