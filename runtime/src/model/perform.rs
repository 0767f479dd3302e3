//! What a transaction on a task decides, as pure functions of the task as it stands inside it:
//! admit an execution, begin it when its turn comes, record a step's end, write a task.
//!
//! The store calls the decision inside its transaction and writes the [`Change`] whole or not at
//! all; the engine only chooses which decision to ask for.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    document::Answer,
    execution::{Attempt, AttemptEnd, Effects, Event, Execution, State, StepEnd},
    field::{FieldType, FieldValue},
    id::{StageId, TaskId},
    patch::{FieldErrors, Patch},
    requirement,
    task::Task,
    user::Directory,
    workflow::{Action, Workflow},
};

/// What a decision sees.
pub struct Current<'a> {
    /// The task the transaction is about; `None` when there is none (yet).
    pub task: Option<&'a Arc<Task>>,
    /// Whether another task of the workflow has this Unique ID.
    pub is_taken: &'a dyn Fn(&str) -> bool,
    /// The next free number of the workflow's auto-incremented Unique ID.
    pub next_number: &'a dyn Fn() -> u64,
}

/// What a transaction writes.
#[derive(Debug, Default)]
pub struct Change {
    /// The task as it is from now on.
    pub task: Option<Task>,
    pub execution: Option<ExecutionWrite>,
    /// An attempt that ends, then one that begins.
    pub ended: Option<Attempt>,
    pub begun: Option<Attempt>,
}

#[derive(Debug)]
pub enum ExecutionWrite {
    Insert(Execution),
    Update(Execution),
}

/// Why a decision wrote nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the task does not exist")]
    TaskMissing,
    #[error("“{action}” is not offered in stage {stage}")]
    NotOffered { action: String, stage: String },
    #[error("{}", .0.join("; "))]
    Unmet(Vec<String>),
    #[error("{}", .0.to_line())]
    Fields(FieldErrors),
    #[error(transparent)]
    Illegal(#[from] super::execution::Illegal),
}

/// A decision, as the store takes it. It runs on the store's own thread.
pub type Decide = Box<dyn FnOnce(&Current<'_>) -> Result<Change, Refusal> + Send>;

/// An action of a workflow version, with what its chain's steps do to the world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub workflow: Arc<Workflow>,
    pub action: usize,
    pub chain: Arc<[Effects]>,
}

impl Plan {
    pub fn action(&self) -> &Action {
        &self.workflow.actions[self.action]
    }

    fn check(&self, task: &Task) -> Result<(), Refusal> {
        let action = self.action();
        if !requirement::is_offered(action, task) {
            let stage = self.workflow.stage_name(&task.stage).to_owned();
            return Err(Refusal::NotOffered { action: action.name.clone(), stage });
        }
        let unmet = requirement::unmet(action, task, &self.workflow);
        if unmet.is_empty() { Ok(()) } else { Err(Refusal::Unmet(unmet)) }
    }
}

/// Admits an execution if the action is possible now. With its turn already come, its first step
/// begins in the same transaction.
pub fn admit(
    mut execution: Execution,
    plan: &Plan,
    has_turn: bool,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    plan.check(current.task.ok_or(Refusal::TaskMissing)?)?;
    let mut change = Change::default();
    if has_turn {
        let now = execution.created_at;
        change.begun = advance(&mut execution, Event::Turn, plan, now)?;
    }
    change.execution = Some(ExecutionWrite::Insert(execution));
    Ok(change)
}

/// Begins, or goes on with, an execution whose turn came. One that has not run yet is checked once
/// more, and fails if the action is no longer possible.
pub fn begin(
    mut execution: Execution,
    plan: &Plan,
    now: Timestamp,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let first = matches!(execution.state, State::Queued { resumed: false, .. });
    let check = match current.task {
        None => Err(Refusal::TaskMissing),
        Some(task) if first => plan.check(task),
        Some(_) => Ok(()),
    };
    let event = match check {
        Ok(()) => Event::Turn,
        Err(refusal) => Event::Refused { code: refusal.code().to_owned(), message: refusal.to_string() },
    };
    let begun = advance(&mut execution, event, plan, now)?;
    Ok(Change { begun, execution: Some(ExecutionWrite::Update(execution)), ..Change::default() })
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
    pub record: Option<String>,
    pub warnings: Vec<String>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}

/// Records a step's end: checks and applies its answer, closes its attempt, and begins the next
/// step or ends the execution, in one transaction.
pub fn finish(
    mut execution: Execution,
    plan: &Plan,
    report: StepReport,
    directory: &Directory,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let State::Running { step, mid_call } = execution.state else {
        let event = Event::StepEnded(report.end);
        return Err(execution
            .state
            .next(event, &plan.chain)
            .err()
            .map_or(Refusal::TaskMissing, Refusal::Illegal));
    };
    let mut warnings = report.warnings.clone();
    let applied = match report.end {
        StepEnd::Done | StepEnd::Stop | StepEnd::Wait { .. } => {
            apply(&report, &plan.workflow, directory, current, &mut warnings)
        }
        StepEnd::Failed { .. } | StepEnd::Unknown { .. } => Ok(None),
    };
    let (end, task) = match applied {
        Ok(task) => (report.end, task),
        Err((code, message)) => (StepEnd::Failed { code: code.to_owned(), message }, None),
    };
    let outcome = match end {
        StepEnd::Failed { .. } => "failed",
        StepEnd::Unknown { .. } => "unknown",
        _ => "succeeded",
    };
    let end = end.named(&plan.action().step_title(step));
    if !mid_call {
        // A step without effects leaves no record of its start: it could simply run again.
        execution.attempts += 1;
    }
    let ended = Attempt {
        execution: execution.id,
        number: execution.attempts,
        step,
        started_at: report.started_at,
        end: Some(AttemptEnd { at: report.ended_at, outcome, record: report.record, warnings }),
    };
    let begun = advance(&mut execution, Event::StepEnded(end), plan, report.ended_at)?;
    Ok(Change { task, execution: Some(ExecutionWrite::Update(execution)), ended: Some(ended), begun })
}

/// What a crash left: closes the attempt of an execution that was in mid-call. `title`: how the
/// step is called.
pub fn recover(mut execution: Execution, title: &str, now: Timestamp) -> Change {
    let mid_call = matches!(execution.state, State::Running { mid_call: true, .. });
    let step = match execution.state {
        State::Running { step, .. } => step,
        _ => 0,
    };
    if let Ok(state) = execution.state.next(Event::Crashed, &[]) {
        execution.state = state;
    }
    if let State::Unknown(failure) = &mut execution.state {
        failure.message = format!("{title}: {}", failure.message);
    }
    let ended = mid_call.then(|| Attempt {
        execution: execution.id,
        number: execution.attempts,
        step,
        started_at: execution.updated_at,
        end: Some(AttemptEnd { at: now, outcome: "unknown", record: None, warnings: Vec::new() }),
    });
    execution.updated_at = now;
    Change { execution: Some(ExecutionWrite::Update(execution)), ended, ..Change::default() }
}

/// Moves the execution on; the attempt that begins when the next step is external.
fn advance(
    execution: &mut Execution,
    event: Event,
    plan: &Plan,
    now: Timestamp,
) -> Result<Option<Attempt>, Refusal> {
    execution.state = execution.state.next(event, &plan.chain)?;
    execution.updated_at = now;
    let State::Running { step, mid_call: true } = execution.state else { return Ok(None) };
    execution.attempts += 1;
    Ok(Some(Attempt {
        execution: execution.id,
        number: execution.attempts,
        step,
        started_at: now,
        end: None,
    }))
}

/// The task as the step's answer changes it; `None` when it stays. An error is the step's failure.
fn apply(
    report: &StepReport,
    workflow: &Workflow,
    directory: &Directory,
    current: &Current<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<Task>, (&'static str, String)> {
    let task = current.task.ok_or(("task_deleted", "the task was deleted meanwhile".to_owned()))?;
    if let Some(expected) = report.expect.as_ref().filter(|expected| **expected != task.stage) {
        let (was, is) = (workflow.stage_name(expected), workflow.stage_name(&task.stage));
        return Err(("stage_changed", format!("the task was in stage {was} and is now in stage {is}")));
    }
    let object = match &report.answer {
        Answer::Unchanged => return Ok(None),
        Answer::Unreadable(warning) => {
            warnings.push((*warning).to_owned());
            return Ok(None);
        }
        Answer::Broken(problem) => return Err(("invalid_answer", (*problem).to_owned())),
        Answer::Patch(object) => object,
    };
    let read = Patch::read(object, workflow, directory);
    let mut errors = read.errors;
    for name in &read.unknown {
        if report.strict_fields {
            errors.add(name, "is unknown: the workflow has no such field");
        } else {
            warnings.push(format!("the workflow has no field “{name}”; it was ignored"));
        }
    }
    warnings.extend(read.computed.iter().map(|name| format!("“{name}” is set by Onward; it was ignored")));
    if read.patch.is_empty() && errors.is_empty() {
        return Ok(None);
    }
    let patched = task.patched(&read.patch, workflow, report.ended_at);
    check_unique(&patched, Some(task), workflow, current, &mut errors);
    if errors.is_empty() {
        Ok(Some(patched))
    } else {
        Err(("invalid_fields", format!("the answer's task is invalid: {}", errors.to_line())))
    }
}

fn check_unique(
    task: &Task,
    before: Option<&Arc<Task>>,
    workflow: &Workflow,
    current: &Current<'_>,
    errors: &mut FieldErrors,
) {
    let (Some(field), Some(unique)) = (workflow.unique_field(), task.unique_id.as_deref()) else { return };
    let is_same = before.is_some_and(|before| before.unique_id.as_deref() == Some(unique));
    if !is_same && (current.is_taken)(unique) {
        errors.add(&field.name, "has already been taken");
    }
}

/// What the Tasks API asks for when a task with the given Unique ID is, or is not, there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskWrite {
    /// Creates or updates.
    Upsert,
    /// Updates; refuses when there is none.
    Update,
}

/// Creates or updates a task from a JSON object of values by field name. Unlike a step's answer,
/// which may know more fields than we do, a name that the workflow does not have is refused.
pub fn write_task(
    object: &Map<String, Value>,
    write: TaskWrite,
    new_id: TaskId,
    workflow: &Workflow,
    directory: &Directory,
    now: Timestamp,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    if current.task.is_none() && write == TaskWrite::Update {
        return Err(Refusal::TaskMissing);
    }
    let read = Patch::read(object, workflow, directory);
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
    if errors.is_empty() {
        Ok(Change { task: Some(task), ..Change::default() })
    } else {
        Err(Refusal::Fields(errors))
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
            let number = (current.next_number)();
            patch.values.push((field.id.clone(), FieldValue::Text(number.to_string().into())));
        } else if field.required {
            errors.add(&field.name, "is required");
        }
    }
}

impl Refusal {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TaskMissing => "task_not_found",
            Self::NotOffered { .. } => "action_not_available",
            Self::Unmet(_) => "requirements_not_met",
            Self::Fields(_) => "invalid_fields",
            Self::Illegal(_) => "illegal_transition",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{id::ExecutionId, sample};

    fn plan() -> Plan {
        let workflow = Arc::new(sample::workflow());
        Plan { workflow, action: 1, chain: Arc::new([Effects::None, Effects::External]) }
    }

    fn execution(state: State) -> Execution {
        Execution {
            id: ExecutionId::from_u128(9),
            task: sample::task().id,
            workflow: sample::workflow().id,
            version: 1,
            action: plan().action().id.clone(),
            performer: sample::performer(),
            state,
            attempts: 1,
            created_at: sample::now(),
            updated_at: sample::now(),
        }
    }

    fn in_store<T>(task: Option<Task>, taken: &[&str], decide: impl FnOnce(&Current<'_>) -> T) -> T {
        let task = task.map(Arc::new);
        decide(&Current { task: task.as_ref(), is_taken: &|id| taken.contains(&id), next_number: &|| 7 })
    }

    fn report(answer: Value) -> StepReport {
        StepReport {
            end: StepEnd::Done,
            answer: Answer::read(json!({ "task": answer }).to_string().as_bytes()),
            expect: None,
            strict_fields: false,
            record: None,
            warnings: Vec::new(),
            started_at: sample::now(),
            ended_at: sample::now(),
        }
    }

    fn finished(task: Task, answer: Value) -> Change {
        let state = State::Running { step: 1, mid_call: true };
        in_store(Some(task), &["43"], |current| {
            finish(execution(state), &plan(), report(answer), &sample::directory(), current)
                .expect("a change")
        })
    }

    fn state(change: &Change) -> &State {
        match &change.execution {
            Some(ExecutionWrite::Insert(execution) | ExecutionWrite::Update(execution)) => &execution.state,
            None => panic!("no execution was written"),
        }
    }

    #[test]
    fn an_action_is_admitted_only_in_its_stages() {
        let fresh = || execution(State::Queued { step: 0, resumed: false });
        let change = in_store(Some(sample::task_in("in-progress")), &[], |current| {
            admit(fresh(), &plan(), true, current)
        });
        assert_eq!(state(&change.expect("offered")), &State::Running { step: 0, mid_call: false });
        let refused = in_store(Some(sample::task()), &[], |current| admit(fresh(), &plan(), true, current));
        assert_eq!(
            refused.expect_err("not offered").to_string(),
            "“Finish” is not offered in stage Completed"
        );
    }

    #[test]
    fn a_queued_execution_whose_stage_has_gone_fails_without_running_a_step() {
        let queued = execution(State::Queued { step: 0, resumed: false });
        let change =
            in_store(Some(sample::task()), &[], |current| begin(queued, &plan(), sample::now(), current));
        let change = change.expect("a change");
        assert_eq!(state(&change).failure().expect("failed").code, "action_not_available");
        assert!(change.begun.is_none());
    }

    #[test]
    fn an_answer_changes_the_task_and_ends_the_execution() {
        let change = finished(sample::task(), json!({"Expected Close Date": "2020-02-01"}));
        assert_eq!(state(&change), &State::Succeeded);
        let task = change.task.expect("changed");
        assert_eq!(task.value(&crate::model::FieldId::new("expected-close-date")).to_text(), "2020-02-01");
    }

    #[test]
    fn one_bad_field_refuses_the_whole_patch() {
        for (answer, message) in [
            (json!({"Stage": "In Progress", "Contract Value": "much"}), "Contract Value is invalid"),
            (json!({"Company ID": "43"}), "Company ID has already been taken"),
            (json!({"Company ID": null}), "Company ID is required"),
        ] {
            let change = finished(sample::task(), answer);
            assert!(change.task.is_none());
            let failure = state(&change).failure().expect("failed");
            assert_eq!((failure.code.as_str(), failure.step), ("invalid_fields", 1));
            assert!(failure.message.contains(message), "{}", failure.message);
        }
    }

    #[test]
    fn an_unknown_field_is_ignored_with_a_warning() {
        let change = finished(sample::task(), json!({"Colour": "red"}));
        assert_eq!(state(&change), &State::Succeeded);
        let warnings = change.ended.and_then(|attempt| attempt.end).expect("ended").warnings;
        assert_eq!(warnings, ["the workflow has no field “Colour”; it was ignored"]);
    }

    #[test]
    fn a_strict_step_fails_on_an_unknown_field() {
        let report =
            StepReport { strict_fields: true, ..report(json!({"Colour": "red", "Company Name": "new"})) };
        let running = execution(State::Running { step: 1, mid_call: true });
        let change = in_store(Some(sample::task()), &[], |current| {
            finish(running, &plan(), report, &sample::directory(), current).expect("a change")
        });
        assert!(change.task.is_none());
        assert_eq!(state(&change).failure().expect("failed").code, "invalid_fields");
    }

    #[test]
    fn a_move_after_somebody_elses_move_fails() {
        let report =
            StepReport { expect: Some(StageId::new("in-progress")), ..report(json!({"Stage": "Completed"})) };
        let running = execution(State::Running { step: 0, mid_call: false });
        let change = in_store(Some(sample::task_in("not-started")), &[], |current| {
            finish(running, &plan(), report, &sample::directory(), current).expect("a change")
        });
        assert_eq!(state(&change).failure().expect("failed").code, "stage_changed");
    }

    #[test]
    fn a_new_task_needs_its_required_fields() {
        let write = |object: Value| {
            let object = object.as_object().cloned().expect("an object");
            in_store(None, &["42"], |current| {
                let (workflow, directory) = (sample::workflow(), sample::directory());
                write_task(
                    &object,
                    TaskWrite::Upsert,
                    TaskId::from_u128(2),
                    &workflow,
                    &directory,
                    sample::now(),
                    current,
                )
            })
        };
        assert!(write(json!({"Company ID": "44"})).is_ok());
        assert_eq!(write(json!({})).expect_err("incomplete").to_string(), "Company ID is required");
        assert_eq!(
            write(json!({"Company ID": "44", "Nmae": "x"})).expect_err("unknown").to_string(),
            "Nmae is unknown: the workflow has no such field"
        );
    }
}
