//! What else befalls an execution: it is woken, cancelled, retried, dismissed, cannot go on for want
//! of a step type, was cut off by a crash, or was recorded although nobody was told so.

use jiff::Timestamp;

use super::{
    Change, Current, ExecutionWrite, NOT_ACKNOWLEDGED, Plan, Refusal,
    admit::{advance, begin},
    failure,
    finish::unanswered,
    revert,
};
use crate::model::{
    execution::{Event, Execution, INTERRUPTED, State, StepEnd},
    id::{Place, StepId},
    user::Directory,
};

/// Wakes an execution whose instant has come, once: it stands in line again, at a place.
pub fn wake(place: Place, now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    match stored.state {
        State::Waiting { until, .. } if until <= now => {}
        _ => return Ok(Change::keep(stored)),
    }
    let state = stored.state.next(Event::Woken, &[])?;
    let execution = Execution { state, place, stage: None, updated_at: now, ..stored.clone() };
    Ok(Change { execution: Some(ExecutionWrite::Update(execution)), ..Change::default() })
}

/// A person asks to go on from the step that failed, on the version that `plan` is of. With its turn
/// already come it goes on in the same transaction.
pub fn retry(
    place: Place,
    target: &RetryTarget,
    plan: &Plan,
    has_turn: bool,
    now: Timestamp,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    if stored.place == place {
        // Carried out before, though the store said that it was not.
        return Ok(Change::keep(stored));
    }
    if stored.place != target.seen || stored.state != target.failed {
        return Err(Refusal::GoneOn);
    }
    let mut execution = Execution { place, stage: None, updated_at: now, ..stored.clone() };
    execution.state = execution.state.next(Event::Retried, &plan.chain)?;
    if let State::Queued { step: at, resumed } = &mut execution.state {
        if let RetryOnto::Version { version, step } = &target.onto {
            let there = plan.action().step_index(step);
            *at = there.ok_or_else(|| Refusal::StepGone { step: step.to_string() })?;
            execution.version = *version;
        }
        // One that never began still has its checks before it.
        *resumed = execution.began_after.is_some();
    }
    if !has_turn {
        return Ok(Change { execution: Some(ExecutionWrite::Update(execution)), ..Change::default() });
    }
    let current = Current { task: current.task, execution: Some(&execution), look: current.look };
    begin(plan, true, now, directory, &current)
}

/// How an execution is to go on after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryTarget {
    /// The place it had when whoever asks looked at it: it has another one once somebody has retried it.
    pub seen: Place,
    /// The state that it had then: one that had not failed yet may have failed since, at another step.
    pub failed: State,
    pub onto: RetryOnto,
}

/// On which version a retried execution goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryOnto {
    /// The one it began with.
    Pinned,
    /// Another one, at the step that has this id there.
    Version { version: u32, step: StepId },
}

/// Cancels what has not ended. In mid-call that is *unknown*: the call was sent. `plan` may be missing
/// when its version cannot be read; then nothing is taken back.
pub fn cancel(plan: Option<&Plan>, now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    let ended = unanswered(stored, now, "unknown");
    let mut execution = stored.clone();
    let mut change = Change { ended, ..Change::default() };
    end(&mut execution, Event::Cancelled, plan, now, current, &mut change)?;
    change.execution = Some(ExecutionWrite::Update(execution));
    Ok(change)
}

/// Closes a failure.
pub fn dismiss(now: Timestamp, current: &Current<'_>) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    let state = stored.state.next(Event::Dismissed, &[])?;
    let execution = Execution { state, updated_at: now, ..stored.clone() };
    Ok(Change { execution: Some(ExecutionWrite::Update(execution)), ..Change::default() })
}

/// Parks an execution whose steps cannot be built on this server; one whose last try was not answered ends.
/// `plan` as for [`cancel`].
pub fn block(
    plan: Option<&Plan>,
    why: &str,
    now: Timestamp,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    // It lets its turn go: others of its task may come before it goes on.
    let mut execution = Execution { stage: None, ..stored.clone() };
    let mut change = Change::default();
    let event = Event::Blocked { why: why.to_owned() };
    if end(&mut execution, event, plan, now, current, &mut change).is_err() {
        return Ok(Change::keep(stored));
    }
    change.execution = Some(ExecutionWrite::Update(execution));
    change.note_failures(false);
    Ok(change)
}

/// What a crash left: closes the attempt of an execution that was in mid-call. `title`: how the
/// step is called. `again`: when it is to be tried again, if its author wants that.
pub fn recover(
    plan: Option<&Plan>,
    title: &str,
    again: Option<Timestamp>,
    now: Timestamp,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    let mut execution = stored.clone();
    let ended = unanswered(stored, now, "unknown");
    let event = match stored.state {
        State::Running { mid_call: true, .. } => {
            let (code, message) = INTERRUPTED;
            let end = StepEnd::Unknown { code: code.to_owned(), message: message.to_owned() }.named(title);
            // There is no use in trying for a task that somebody has deleted.
            let again = again.filter(|_| current.task.is_some() || stored.task_deleted);
            again.map_or(Event::StepEnded(end.clone()), |until| Event::TriedInVain { end, until })
        }
        _ => Event::Crashed,
    };
    let mut change = Change { ended, ..Change::default() };
    end(&mut execution, event, plan, now, current, &mut change)?;
    change.execution = Some(ExecutionWrite::Update(execution));
    change.note_failures(false);
    Ok(change)
}

/// Takes back an admission or a Retry that was recorded although its caller was told otherwise: what
/// was refused must not run. `before`: what it was; `None` for a new execution, which ends as cancelled.
pub fn void(
    place: Place,
    before: Option<Execution>,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let Some(stored) = current.execution.filter(|stored| stored.place == place) else {
        return Ok(Change::default());
    };
    let Some(step) = stored.state.step().filter(|_| !stored.state.is_final()) else {
        return Ok(Change::keep(stored));
    };
    let mut change = Change { ended: unanswered(stored, now, "failed"), ..Change::default() };
    let message = "the store failed while this was being recorded; it was refused and did not begin";
    let refused = State::Cancelled(failure(step, NOT_ACKNOWLEDGED, message));
    let back = match before {
        Some(before) => Execution { attempts: stored.attempts, updated_at: now, ..before },
        None => Execution { state: refused, updated_at: now, ..stored.clone() },
    };
    // A Retry may have made changes again that its failure had taken back.
    revert::revert(&mut change, &back, plan, now, current);
    change.execution = Some(ExecutionWrite::Update(back));
    Ok(change)
}

/// Like [`advance`], for events after which no step begins.
fn end(
    execution: &mut Execution,
    event: Event,
    plan: Option<&Plan>,
    now: Timestamp,
    current: &Current<'_>,
    change: &mut Change,
) -> Result<(), Refusal> {
    match plan {
        Some(plan) => advance(execution, event, plan, now, current, change).map(|_| ()),
        None => {
            execution.state = execution.state.next(event, &[])?;
            execution.updated_at = now;
            Ok(())
        }
    }
}
