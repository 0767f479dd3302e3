//! How an execution comes to be, and how it begins when its turn comes.

use jiff::Timestamp;

use super::{
    Admitted, Change, Current, ExecutionWrite, NOT_ACKNOWLEDGED, Plan, Refusal, revert, task_deleted,
};
use crate::model::{
    attempt::Attempt,
    execution::{Event, Execution, State},
    user::Directory,
};

/// How long a used idempotency key is remembered.
pub const IDEMPOTENCY_HOURS: i64 = 24;

/// What a client sends so that a repeated request is one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// A digest of principal, route and key.
    pub scope: [u8; 32],
    /// A digest of the request's body.
    pub body: [u8; 32],
}

/// A new execution that asks to be admitted.
#[derive(Debug, Clone)]
pub struct Admission {
    pub execution: Execution,
    pub key: Option<IdempotencyKey>,
}

/// Admits an execution if the action is possible now. With its turn already come, its first step
/// begins in the same transaction. A request that was admitted before, by its idempotency key,
/// answers the execution of then.
pub fn admit(
    admission: Admission,
    plan: &Plan,
    has_turn: bool,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let Admission { mut execution, key } = admission;
    if let Some(there) = current.execution {
        // Carried out before, though the store said that it was not.
        return Ok(Change::keep(there));
    }
    if let Some(earlier) = key.map(|key| admitted_before(&key, &execution, current)).transpose()?.flatten() {
        return Ok(Change::keep(&earlier));
    }
    let task = current.task.ok_or(Refusal::TaskMissing)?;
    plan.check(task, &execution.performer, directory, execution.created_at, current.look)?;
    let mut change = Change::default();
    if has_turn {
        execution.stage = Some(task.stage.clone());
        execution.began_after = Some(task.revision);
        let now = execution.created_at;
        change.begun = advance(&mut execution, Event::Turn, plan, now, current, &mut Change::default())?;
    }
    change.admitted = key.map(|key| Admitted {
        scope: key.scope,
        body: key.body,
        execution: execution.id,
        at: execution.created_at,
    });
    change.execution = Some(ExecutionWrite::Insert(execution));
    Ok(change)
}

/// Whether an execution was recorded although its caller was told otherwise, and taken back.
pub fn is_not_acknowledged(execution: &Execution) -> bool {
    matches!(&execution.state, State::Cancelled(failure) if failure.code == NOT_ACKNOWLEDGED)
}

impl Admitted {
    /// Whether the key still stands for what it was used for.
    pub fn is_remembered(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < jiff::SignedDuration::from_hours(IDEMPOTENCY_HOURS)
    }
}

/// What the key was used for, while it is remembered.
fn admitted_before(
    key: &IdempotencyKey,
    execution: &Execution,
    current: &Current<'_>,
) -> Result<Option<Execution>, Refusal> {
    let earlier = current.look.admitted(&key.scope).filter(|it| it.is_remembered(execution.created_at));
    let Some(earlier) = earlier else { return Ok(None) };
    let found = current.look.execution(earlier.execution);
    // Whoever sent that one was told that it was refused, and a refused request has not used its key.
    if found.as_ref().is_some_and(is_not_acknowledged) {
        return Ok(None);
    }
    if earlier.body == key.body { Ok(found) } else { Err(Refusal::KeyReused) }
}

/// Begins, or goes on with, an execution whose turn came. One that has not run yet is checked once
/// more, and fails if the action is no longer possible. `is_attended`: somebody waits for its end.
pub fn begin(
    plan: &Plan,
    is_attended: bool,
    now: Timestamp,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    let resumed = match stored.state {
        State::Queued { resumed, .. } => resumed,
        // When the next try is due its pause says, which the system's clock cannot shorten or stretch.
        State::Retrying { .. } => true,
        _ => return Ok(Change::keep(stored)),
    };
    let mut execution = stored.clone();
    let mut change = Change::default();
    let event = match current.task {
        None if execution.task_deleted => Event::Turn,
        None => task_deleted(),
        Some(task) => match (resumed, plan.check(task, &execution.performer, directory, now, current.look)) {
            (false, Err(refusal)) => {
                Event::Refused { code: refusal.code().to_owned(), message: refusal.to_string() }
            }
            _ => {
                if execution.stage.is_none() {
                    let redone = revert::redo(&mut change, &execution, plan, now, current);
                    execution.stage = Some(redone.unwrap_or_else(|| task.stage.clone()));
                }
                execution.began_after.get_or_insert(task.revision);
                Event::Turn
            }
        },
    };
    change.begun = advance(&mut execution, event, plan, now, current, &mut change)?;
    change.execution = Some(ExecutionWrite::Update(execution));
    change.note_failures(is_attended);
    Ok(change)
}

/// Moves the execution on, and takes its changes back where it ends as a failure and its action says
/// so; the attempt that begins when the next step is external.
pub(super) fn advance(
    execution: &mut Execution,
    event: Event,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
    change: &mut Change,
) -> Result<Option<Attempt>, Refusal> {
    let tried = if matches!(execution.state, State::Retrying { .. }) { execution.tries } else { 0 };
    execution.state = execution.state.next(event, &plan.chain)?;
    execution.updated_at = now;
    if execution.state.failure().is_some() {
        revert::revert(change, execution, plan, now, current);
    }
    let State::Running { step, mid_call: true } = execution.state else { return Ok(None) };
    execution.attempts += 1;
    execution.tries = tried + 1;
    Ok(Some(Attempt {
        execution: execution.id,
        number: execution.attempts,
        try_number: execution.tries,
        step,
        version: execution.version,
        started_at: now,
        end: None,
    }))
}
