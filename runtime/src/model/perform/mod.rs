//! What a transaction on a task decides, as pure functions of the task and the execution as they
//! stand inside it: admit an execution, begin it when its turn comes, record a step's end, cancel,
//! retry, write or delete a task.
//!
//! The store calls the decision inside its transaction and writes the [`Change`] whole or not at
//! all; the engine only chooses which decision to ask for. A decision looks at the execution on disk
//! and never at what its caller remembers: what somebody else has ended meanwhile stays ended, and a
//! decision that was carried out although the store said it failed changes nothing when it comes
//! again.

mod admit;
mod checklist;
mod comment;
mod finish;
mod life;
mod revert;
mod task;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

pub use self::{
    admit::{Admission, IDEMPOTENCY_HOURS, IdempotencyKey, admit, begin, is_not_acknowledged},
    checklist::{ItemWrite, ItemWriting, add_item, change_item, remove_item},
    comment::{NewComment, write_comment},
    finish::{At, StepReport, finish},
    life::{RetryOnto, RetryTarget, block, cancel, dismiss, recover, retry, void, wake},
    task::{
        TaskWrite, Writing, cancel_schedule, delete_task, patch_by_hand, run_schedule, unassign, write_task,
    },
};
use super::{
    alert::Untold,
    attempt::Attempt,
    checklist::{KeptItem, is_open},
    comment::Comment,
    execution::{Effects, Execution, Failure},
    file::{Blob, FileRules},
    history::{Author, Cause, HistoryEntry, difference},
    id::{ExecutionId, ItemId, UserId},
    patch::FieldErrors,
    requirement,
    task::Task,
    user::{Directory, Performer},
    workflow::{Action, Workflow},
    workspace::date_in,
};

/// What a decision sees.
pub struct Current<'a> {
    /// The task the transaction is about; `None` when there is none (yet, or any more).
    pub task: Option<&'a Arc<Task>>,
    /// The execution the transaction is about.
    pub execution: Option<&'a Execution>,
    pub look: &'a dyn Look,
}

impl Current<'_> {
    /// What the files of a patch of this task are read against.
    fn files(&self) -> FileRules<'_> {
        FileRules { task: self.task.map(|task| &**task), bytes_max: self.look.file_bytes_max() }
    }
}

/// What a decision may look up inside its transaction.
pub trait Look {
    /// Whether another task of the workflow has this Unique ID.
    fn is_taken(&self, unique_id: &str) -> bool;

    /// Bytes that a new file may have.
    fn file_bytes_max(&self) -> usize;

    /// The next free number of the workflow's auto-incremented Unique ID.
    fn next_number(&self) -> u64;

    /// The task's history after the entry with a number, oldest first.
    fn history_after(&self, number: u64) -> Vec<HistoryEntry>;

    /// The task's executions that are waiting, blocked or between two tries.
    fn parked(&self) -> Vec<Execution>;

    /// What was admitted with an idempotency key, by the key's scope.
    fn admitted(&self, scope: &[u8; 32]) -> Option<Admitted>;

    fn execution(&self, id: ExecutionId) -> Option<Execution>;

    /// Whether a user has left.
    fn has_left(&self, user: &UserId) -> bool;

    /// How many comments the task has.
    fn comments(&self) -> u64;

    /// What is kept of the task's checklist items, in the order of their ids.
    fn checklist(&self) -> Vec<KeptItem>;
}

/// What a transaction writes.
#[derive(Debug, Default)]
pub struct Change {
    /// The task as it is from now on.
    pub task: Option<Task>,
    /// The task goes; its last state is kept for the executions that speak of it.
    pub deletes_task: bool,
    pub history: Option<HistoryEntry>,
    pub execution: Option<ExecutionWrite>,
    /// Executions of the task that end with it.
    pub others: Vec<Execution>,
    /// An attempt that ends, then one that begins.
    pub ended: Option<Attempt>,
    pub begun: Option<Attempt>,
    pub admitted: Option<Admitted>,
    /// Failures of which somebody is to be told.
    pub untold: Vec<Untold>,
    /// The bytes of the task's new files; those that are there already stay as they are.
    pub blobs: Vec<Blob>,
    /// One more comment on the task.
    pub comment: Option<Comment>,
    /// A change of the task's checklist.
    pub item: Option<ItemWrite>,
}

#[derive(Debug)]
pub enum ExecutionWrite {
    Insert(Execution),
    Update(Execution),
    /// It stays as it is on disk; the caller learns how that is.
    Keep(Execution),
}

/// An idempotency key that was used, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub scope: [u8; 32],
    pub body: [u8; 32],
    pub execution: ExecutionId,
    pub at: Timestamp,
}

/// Why a decision wrote nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the task does not exist")]
    TaskMissing,
    #[error("there is a task with this Unique ID already")]
    TaskExists,
    #[error("“{action}” is not offered in stage {stage}")]
    NotOffered { action: String, stage: String },
    #[error("{}", .0.join("; "))]
    Unmet(Vec<String>),
    #[error("{}", .0.to_line())]
    Fields(FieldErrors),
    #[error("the execution does not exist")]
    ExecutionMissing,
    #[error("the idempotency key was used for another request; use a new key for a new request")]
    KeyReused,
    #[error("the step “{step}”, where the execution failed, is not in the current version of the action")]
    StepGone { step: String },
    #[error("the execution has gone on since it was looked at; look at it again, then decide")]
    GoneOn,
    #[error("the task has no scheduled stage change")]
    NoSchedule,
    #[error("the task has no checklist item `{id}`")]
    ItemMissing { id: ItemId },
    #[error(
        "“{title}” is in the workflow's template: it can be skipped, and only the workflow can leave it out"
    )]
    ItemOfTemplate { title: String },
    #[error("the task has {most} {what} already, and can have no more")]
    TooMany { what: &'static str, most: u64 },
    #[error(transparent)]
    Illegal(#[from] super::execution::Illegal),
}

impl Refusal {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TaskMissing => "task_not_found",
            Self::TaskExists => "task_exists",
            Self::NotOffered { .. } => "action_not_available",
            Self::Unmet(_) => "requirements_not_met",
            Self::Fields(_) => "invalid_fields",
            Self::ExecutionMissing => "execution_not_found",
            Self::KeyReused => "idempotency_key_reused",
            Self::StepGone { .. } => "step_gone",
            Self::GoneOn => "gone_on",
            Self::NoSchedule => "schedule_not_found",
            Self::ItemMissing { .. } => "checklist_item_not_found",
            Self::ItemOfTemplate { .. } => "template_item",
            Self::TooMany { .. } => "too_many",
            Self::Illegal(_) => "illegal_transition",
        }
    }
}

/// A decision, as the store takes it. It runs on the store's own thread.
pub type Decide = Box<dyn FnOnce(&Current<'_>) -> Result<Change, Refusal> + Send>;

/// The code of an execution that was recorded although its caller was told that it was refused.
const NOT_ACKNOWLEDGED: &str = "not_acknowledged";

/// Code and message of what can no longer be done because the task is gone.
const TASK_DELETED: (&str, &str) = ("task_deleted", "the task was deleted meanwhile");

/// An action of a workflow version, with what its chain's steps do to the world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub workflow: Arc<Workflow>,
    pub action: usize,
    pub chain: Arc<[Effects]>,
    /// The workspace's: in which zone a day begins and ends.
    pub zone: TimeZone,
}

impl Plan {
    pub fn action(&self) -> &Action {
        &self.workflow.actions[self.action]
    }

    fn check(
        &self,
        task: &Task,
        performer: &Performer,
        directory: &Directory,
        now: Timestamp,
        look: &dyn Look,
    ) -> Result<(), Refusal> {
        let action = self.action();
        if !requirement::is_offered(action, task) {
            let stage = self.workflow.stage_name(&task.stage).to_owned();
            return Err(Refusal::NotOffered { action: action.name.clone(), stage });
        }
        let today = date_in(&self.zone, now);
        let has_open_items = || is_open(&self.workflow, &task.stage, &look.checklist());
        let unmet =
            requirement::unmet(action, task, &self.workflow, performer, directory, today, has_open_items);
        if unmet.is_empty() { Ok(()) } else { Err(Refusal::Unmet(unmet)) }
    }
}

impl Change {
    /// Writes nothing, and tells how the execution is.
    fn keep(execution: &Execution) -> Self {
        Self { execution: Some(ExecutionWrite::Keep(execution.clone())), ..Self::default() }
    }

    /// Notes what fails in this change, so that somebody is told; not the execution that it is about when
    /// somebody waits for its end.
    fn note_failures(&mut self, is_attended: bool) {
        let own = match &self.execution {
            Some(ExecutionWrite::Update(execution)) if !is_attended => Some(execution),
            _ => None,
        };
        self.untold = own.into_iter().chain(&self.others).filter_map(Untold::of).collect();
    }

    /// Puts the task into a new state, with the entry in its history; nothing when nothing differs.
    /// A change of the stage takes a scheduled one away; not one that is only taken back or made again.
    /// What somebody who has left had is nobody's when it is taken back.
    fn put(&mut self, mut after: Task, cause: Cause, author: Author, current: &Current<'_>) {
        let before = current.task;
        let is_assigned_anew = before.is_none_or(|task| task.assigned_to != after.assigned_to);
        if is_assigned_anew && after.assigned_to.as_ref().is_some_and(|user| current.look.has_left(user)) {
            after.assigned_to = None;
        }
        let changes = difference(before.map(|task| &**task), &after);
        let before_schedule = before.and_then(|task| task.schedule.as_ref());
        let is_taken_back = matches!(cause, Cause::Reverted | Cause::Redone);
        if before.is_some_and(|task| task.stage != after.stage)
            && after.schedule.as_ref() == before_schedule
            && !is_taken_back
        {
            after.schedule = None;
        }
        if changes.is_empty() {
            if after.schedule.as_ref() != before_schedule {
                self.task = Some(after);
            }
            return;
        }
        after.revision = before.map_or(0, |task| task.revision) + 1;
        self.history = Some(HistoryEntry {
            task: after.id,
            number: after.revision,
            at: after.updated_on,
            cause,
            author,
            changes,
        });
        self.task = Some(after);
    }

    /// Takes the task away, with its last history entry. Whoever is parked for it ends.
    fn delete(&mut self, task: &Task, author: Author, now: Timestamp, current: &Current<'_>) {
        self.deletes_task = true;
        self.task = None;
        self.history = Some(HistoryEntry {
            task: task.id,
            number: task.revision + 1,
            at: now,
            cause: Cause::Deleted,
            author,
            changes: Vec::new(),
        });
        for mut parked in current.look.parked() {
            if let Ok(state) = parked.state.next(task_deleted(), &[]) {
                parked.state = state;
                parked.updated_at = now;
                self.others.push(parked);
            }
        }
    }
}

fn task_deleted() -> super::execution::Event {
    let (code, message) = TASK_DELETED;
    super::execution::Event::Refused { code: code.to_owned(), message: message.to_owned() }
}

fn failure(step: usize, code: &str, message: &str) -> Failure {
    Failure { step, code: code.to_owned(), message: message.to_owned() }
}
