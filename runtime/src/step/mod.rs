//! What a step is: configured once, run for each execution, answering by the action contract.
//!
//! A step knows nothing of chains, stores or the API. It gets the task as it is, does its one
//! thing, and says what came of it; whether that changes the task is decided by `model`. The engine
//! runs steps; whoever reads a workflow asks [`StepTypes`] whether its steps are sound.

mod api_call;
mod delay;
mod delete_task;
mod move_to_stage;
mod params;
mod retry;
#[cfg(test)]
pub mod sample;
mod schedule_stage_change;
mod schema;
pub mod trial;
mod update_data;

use std::{sync::Arc, time::Duration};

pub use self::{api_call::Tokens, retry::PAUSE_MAX};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::{
    clock::Clock,
    egress::{Egress, Guard},
    lint::StepFinding,
    model::{
        Action, Directory, Execution, Secrets, StageId, StepDefinition, Task, Timestamp, Workflow,
        document::Answer,
        execution::{Effects, StepEnd},
        perform::StepReport,
        text::closest,
        workflow::ParamProblem,
    },
};

/// A kind of step.
pub trait StepType: Send + Sync {
    /// As workflow files write it: `api_call`.
    fn id(&self) -> &'static str;

    fn effects(&self) -> Effects;

    /// What it is, for those who choose and configure one.
    fn description(&self) -> Description;

    /// Reads and checks a step's parameters; every problem at once.
    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>>;

    /// The stage, by its name, that a step moves tasks to, if it does.
    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        let _ = step;
        None
    }

    /// Whether a task is gone after a step.
    fn deletes_task(&self) -> bool {
        false
    }

    /// What is sound in a step and yet may not be meant.
    fn lint(&self, step: &StepDefinition) -> Vec<StepFinding> {
        let _ = step;
        Vec::new()
    }
}

/// What people and their editors are told of a step type.
#[derive(Debug, Clone)]
pub struct Description {
    /// As people read it: `API call`.
    pub name: &'static str,
    pub category: Category,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The JSON Schema (2020-12) of its parameters, an object. It has every parameter that the type reads; what depends
    /// on the workflow, `configure` alone can tell.
    pub schema: Value,
}

/// Which step types stand together where one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// It changes the task.
    Task,
    /// It says when the action goes on.
    Timing,
    /// It reaches another program.
    Integration,
}

impl Category {
    /// What [`Self::name`] may be.
    pub const NAMES: [&str; 3] = ["task", "timing", "integration"];

    /// Stable, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Timing => "timing",
            Self::Integration => "integration",
        }
    }
}

/// One configured step. It lives on one thread and may run for many executions at a time.
pub trait Step {
    /// Runs it once. A panic fails this execution and nothing else.
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome>;

    /// After how long a run is to be tried again that a crash has cut off, where the author of the
    /// workflow wants that; `tries`: how often it was tried so far.
    fn again_after_crash(&self, tries: u32) -> Option<Duration> {
        let _ = tries;
        None
    }
}

/// What a run is about.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub execution: &'a Execution,
    pub workflow: &'a Workflow,
    pub action: &'a Action,
    pub step: &'a StepDefinition,
    /// As it is now; the last state of one that this execution has deleted.
    pub task: &'a Task,
    pub directory: &'a Directory,
    pub secrets: &'a Secrets,
    pub resources: &'a Resources,
}

/// What steps may use of the server. One per thread.
pub struct Resources {
    pub egress: Egress,
    pub clock: Clock,
    /// Of all threads.
    pub tokens: Tokens,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub end: StepEnd,
    /// What it says of the task; heard only when the step succeeded.
    pub answer: Answer,
    /// The stage the task must still be in when the answer is applied.
    pub expect: Option<StageId>,
    pub strict_fields: bool,
    /// The task is to go.
    pub deletes_task: bool,
    /// After how long a run that failed is to be tried again, without a person asking.
    pub again: Option<Duration>,
    /// The stage, by its name, that the task is to move to at an instant.
    pub schedule: Option<(String, Timestamp)>,
    /// What is kept of the run, as JSON.
    pub record: Option<String>,
    pub warnings: Vec<String>,
}

impl Outcome {
    pub fn done(answer: Answer) -> Self {
        Self {
            end: StepEnd::Done,
            answer,
            expect: None,
            strict_fields: false,
            deletes_task: false,
            again: None,
            schedule: None,
            record: None,
            warnings: Vec::new(),
        }
    }

    /// It reached outside, and nobody knows what came of it.
    pub fn unknown(code: &str, message: impl Into<String>) -> Self {
        let end = StepEnd::Unknown { code: code.to_owned(), message: message.into() };
        Self { end, ..Self::done(Answer::Unchanged) }
    }

    /// As it is to be recorded.
    pub fn into_report(self, started_at: Timestamp, ended_at: Timestamp) -> StepReport {
        let Self { end, answer, expect, strict_fields, deletes_task, again, schedule, record, warnings } =
            self;
        let again = again.map(|pause| ended_at.checked_add(pause).unwrap_or(Timestamp::MAX));
        StepReport {
            end,
            answer,
            expect,
            strict_fields,
            deletes_task,
            again,
            schedule,
            record,
            warnings,
            started_at,
            ended_at,
            is_attended: false,
        }
    }

    pub fn failed(code: &str, message: impl Into<String>) -> Self {
        let end = StepEnd::Failed { code: code.to_owned(), message: message.into() };
        Self { end, ..Self::done(Answer::Unchanged) }
    }
}

/// The step types that this server has.
#[derive(Clone)]
pub struct StepTypes {
    types: Arc<[Box<dyn StepType>]>,
    guard: Guard,
}

impl StepTypes {
    /// `guard`: which addresses they may call.
    pub fn built_in(guard: &Guard) -> Self {
        let types = Self::new(vec![
            Box::new(api_call::ApiCallType { guard: guard.clone() }),
            Box::new(delay::DelayType),
            Box::new(delete_task::DeleteTaskType),
            Box::new(move_to_stage::MoveToStageType),
            Box::new(schedule_stage_change::ScheduleStageChangeType),
            Box::new(update_data::UpdateDataType),
        ]);
        Self { guard: guard.clone(), ..types }
    }

    pub fn new(types: Vec<Box<dyn StepType>>) -> Self {
        Self { types: types.into(), guard: Guard::default() }
    }

    /// Why a URL would not be called; `None` where nothing is known against it.
    pub fn url_problem(&self, url: &str) -> Option<String> {
        self.guard.check_url(url).err()
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &dyn StepType> {
        self.types.iter().map(|step_type| &**step_type)
    }

    pub fn get(&self, id: &str) -> Option<&dyn StepType> {
        self.iter().find(|step_type| step_type.id() == id)
    }

    /// Reads and checks a step's parameters, with what its type does to the world.
    pub fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<(Box<dyn Step>, Effects), Vec<ParamProblem>> {
        match self.get(&step.type_id) {
            Some(step_type) => match step_type.configure(step, workflow) {
                Ok(step) => Ok((step, step_type.effects())),
                Err(problems) => Err(explained(problems, step, step_type)),
            },
            None => {
                let known: Vec<_> = self.iter().map(|step_type| step_type.id()).collect();
                let help = closest(&step.type_id, known.iter().copied()).map_or_else(
                    || format!("this server has {}", known.join(", ")),
                    |nearest| format!("did you mean `{nearest}`?"),
                );
                Err(vec![ParamProblem {
                    param: None,
                    code: "step_type_missing",
                    message: format!("there is no step type `{}`", step.type_id),
                    help: Some(help),
                }])
            }
        }
    }
}

/// Says of parameters that are missing what they are.
fn explained(
    mut problems: Vec<ParamProblem>,
    step: &StepDefinition,
    step_type: &dyn StepType,
) -> Vec<ParamProblem> {
    let schema = step_type.description().schema;
    for problem in problems.iter_mut().filter(|it| it.code == "missing_key" && it.help.is_none()) {
        let missing = problem.param.as_ref().filter(|param| !step.params.contains_key(*param));
        let words = missing.and_then(|param| schema["properties"][param]["description"].as_str());
        problem.help = words.map(str::to_owned);
    }
    problems
}
