//! How a step ends: its answer is checked and applied, its attempt closed, and the next step begun
//! or the execution ended, all in one transaction.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Change, Current, ExecutionWrite, Plan, Refusal, TASK_DELETED,
    admit::advance,
    task::{check_assignee, check_unique},
};
use crate::model::{
    attempt::{Attempt, AttemptEnd, AttemptFailure},
    document::Answer,
    execution::{Event, Execution, State, StepEnd},
    file::Blob,
    history::{Author, Cause},
    id::StageId,
    patch::{FieldErrors, Patch},
    schedule::Schedule,
    task::Task,
    user::Directory,
    workflow::Workflow,
};

/// Which run of which step of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub step: usize,
    /// Attempts begun when the step was begun: names the run among all runs of the execution.
    pub attempts: u32,
}

/// How a step's run ended, as the engine hands it to [`finish`].
#[derive(Debug, Clone)]
pub struct StepReport {
    pub end: StepEnd,
    pub answer: Answer,
    /// The stage the task must still be in, else the step fails with `stage_changed`.
    pub expect: Option<StageId>,
    /// Whether a field that the workflow does not have fails the step.
    pub strict_fields: bool,
    pub deletes_task: bool,
    /// When a step that failed is to be tried again.
    pub again: Option<Timestamp>,
    /// A stage by its name, and when the task is to move there.
    pub schedule: Option<(String, Timestamp)>,
    pub record: Option<String>,
    pub warnings: Vec<String>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Somebody waits for the execution's end.
    pub is_attended: bool,
}

impl At {
    /// The run that the execution stands in; `None` when it stands in none.
    pub fn of(execution: &Execution) -> Option<Self> {
        match execution.state {
            State::Running { step, .. } => Some(Self { step, attempts: execution.attempts }),
            _ => None,
        }
    }
}

/// What a successful step does to the task.
enum Effect {
    Nothing,
    /// With the bytes of its new files.
    Puts(Task, Vec<Blob>),
    Deletes,
}

/// Why a step whose run succeeded fails after all.
struct Failed {
    code: &'static str,
    message: String,
    fields: FieldErrors,
}

impl Failed {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: FieldErrors::default() }
    }
}

/// Records the end of a run. One that is no longer the execution's current run (it was cancelled, or
/// its end is on disk already) changes nothing.
pub fn finish(
    at: At,
    plan: &Plan,
    report: StepReport,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let stored = current.execution.ok_or(Refusal::ExecutionMissing)?;
    let State::Running { step, mid_call } = stored.state else { return Ok(Change::keep(stored)) };
    if At::of(stored) != Some(at) {
        return Ok(Change::keep(stored));
    }
    let mut execution = stored.clone();
    let mut change = Change::default();
    // There is no use in trying for a task that somebody has deleted.
    let has_task = current.task.is_some() || stored.task_deleted;
    let mut warnings = report.warnings.clone();
    let effect = match report.end {
        StepEnd::Failed { .. } | StepEnd::Unknown { .. } => Ok(Effect::Nothing),
        StepEnd::Done | StepEnd::Stop | StepEnd::Wait { .. } => {
            effect(&report, &execution, &plan.workflow, directory, current, &mut warnings)
        }
    };
    let (end, field_errors) = match effect {
        Ok(effect) => {
            carry_out(effect, &mut change, &mut execution, report.ended_at, current);
            (report.end, FieldErrors::default())
        }
        Err(Failed { code, message, fields }) => (StepEnd::Failed { code: code.to_owned(), message }, fields),
    };
    let (outcome, failure) = (end.outcome(), end.reason().map(AttemptFailure::from));
    let end = end.named(&plan.action().step_title(step));
    if !mid_call {
        // A step without effects leaves no record of its start: it could simply run again.
        execution.attempts += 1;
    }
    change.ended = Some(Attempt {
        execution: execution.id,
        number: execution.attempts,
        try_number: if mid_call { execution.tries } else { 1 },
        step,
        version: execution.version,
        started_at: report.started_at,
        end: Some(AttemptEnd {
            at: report.ended_at,
            outcome,
            failure,
            record: report.record,
            field_errors,
            warnings,
        }),
    });
    let event = match report.again {
        Some(until) if mid_call && has_task => Event::TriedInVain { end, until },
        _ => Event::StepEnded(end),
    };
    change.begun = advance(&mut execution, event, plan, report.ended_at, current, &mut change)?;
    change.execution = Some(ExecutionWrite::Update(execution));
    change.note_failures(report.is_attended);
    Ok(change)
}

fn carry_out(
    effect: Effect,
    change: &mut Change,
    execution: &mut Execution,
    now: Timestamp,
    current: &Current<'_>,
) {
    let author = Author::Execution(execution.id);
    match (effect, current.task) {
        (Effect::Puts(after, blobs), before) => {
            if before.is_some_and(|before| before.stage != after.stage) {
                execution.stage = Some(after.stage.clone());
            }
            change.blobs = blobs;
            change.put(after, Cause::Changed, author, current);
        }
        (Effect::Deletes, Some(task)) => {
            execution.task_deleted = true;
            change.delete(task, author, now, current);
        }
        (Effect::Deletes, None) | (Effect::Nothing, _) => {}
    }
}

/// What the step's answer means for the task. An error is the step's failure.
fn effect(
    report: &StepReport,
    execution: &Execution,
    workflow: &Workflow,
    directory: &Directory,
    current: &Current<'_>,
    warnings: &mut Vec<String>,
) -> Result<Effect, Failed> {
    if let Answer::Broken(problem) = &report.answer {
        return Err(Failed::new("invalid_answer", *problem));
    }
    let Some(task) = current.task else {
        if !execution.task_deleted {
            return Err(Failed::new(TASK_DELETED.0, TASK_DELETED.1));
        }
        if report.answer != Answer::Unchanged || report.schedule.is_some() {
            warnings.push("this action has deleted the task; the answer was ignored".to_owned());
        }
        return Ok(Effect::Nothing);
    };
    if let Some(expected) = report.expect.as_ref().filter(|expected| **expected != task.stage) {
        let (was, is) = (workflow.stage_name(expected), workflow.stage_name(&task.stage));
        let message = format!("the task was in stage {was} and is now in stage {is}");
        return Err(Failed::new("stage_changed", message));
    }
    if report.deletes_task {
        return Ok(Effect::Deletes);
    }
    let patched = patched(report, task, workflow, directory, current, warnings)?;
    match &report.schedule {
        None => Ok(patched.map_or(Effect::Nothing, |(task, blobs)| Effect::Puts(task, blobs))),
        Some((stage, at)) => {
            let stage = workflow.stage_named(stage).ok_or_else(|| {
                Failed::new(
                    "unknown_stage",
                    format!("the workflow has no stage “{stage}” to move the task to"),
                )
            })?;
            let performer = execution.performer.clone();
            let schedule = Schedule { stage: stage.id.clone(), at: *at, performer };
            let (task, blobs) = patched.unwrap_or_else(|| (Task::clone(task), Vec::new()));
            Ok(Effect::Puts(Task { schedule: Some(Arc::new(schedule)), ..task }, blobs))
        }
    }
}

/// The task as the answer's patch changes it, with the bytes of its new files; `None` when it says
/// nothing of it.
fn patched(
    report: &StepReport,
    task: &Arc<Task>,
    workflow: &Workflow,
    directory: &Directory,
    current: &Current<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<(Task, Vec<Blob>)>, Failed> {
    let object = match &report.answer {
        Answer::Unchanged | Answer::Broken(_) => return Ok(None),
        Answer::Unreadable(warning) => {
            warnings.push((*warning).to_owned());
            return Ok(None);
        }
        Answer::Patch(object) => object,
    };
    let read = Patch::read(object, workflow, directory, &current.files());
    let mut errors: FieldErrors = read.errors;
    for name in &read.unknown {
        if report.strict_fields {
            errors.add(name, "is unknown: the workflow has no such field");
        } else {
            warnings.push(format!("the workflow has no field “{name}”; it was ignored"));
        }
    }
    if read.unknown_more > 0 && !report.strict_fields {
        warnings.push(format!("and {} more unknown fields were ignored", read.unknown_more));
    }
    warnings.extend(read.computed.iter().map(|name| format!("“{name}” is set by Onward; it was ignored")));
    if read.patch.is_empty() && errors.is_empty() {
        return Ok(None);
    }
    let patched = task.patched(&read.patch, workflow, report.ended_at);
    check_unique(&patched, Some(task), workflow, current, &mut errors);
    check_assignee(&patched, current, &mut errors);
    if errors.is_empty() {
        Ok(Some((patched, read.patch.blobs)))
    } else {
        let message = format!("the task does not take what this step sets: {}", errors.to_line());
        Err(Failed { code: "invalid_fields", message, fields: errors })
    }
}

/// The attempt of an execution in mid-call, closed without an answer.
pub(super) fn unanswered(execution: &Execution, now: Timestamp, outcome: &'static str) -> Option<Attempt> {
    let State::Running { step, mid_call: true } = execution.state else { return None };
    Some(Attempt {
        execution: execution.id,
        number: execution.attempts,
        try_number: execution.tries,
        step,
        version: execution.version,
        started_at: execution.updated_at,
        end: Some(AttemptEnd::bare(now, outcome)),
    })
}
