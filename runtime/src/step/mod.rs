//! What a step is: configured once, run for each execution, answering by the action contract.
//!
//! A step knows nothing of chains, stores or the API. It gets the task as it is, does its one
//! thing, and says what came of it; whether that changes the task is decided by `model`. The engine
//! runs steps; whoever reads a workflow asks [`StepTypes`] whether its steps are sound.

mod api_call;
mod move_to_stage;
mod params;
mod update_data;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::{
    clock::Clock,
    egress::Egress,
    model::{
        Action, Directory, ExecutionId, Performer, StageId, StepDefinition, Task, Workflow,
        document::Answer,
        execution::{Effects, StepEnd},
        workflow::ParamProblem,
    },
};

/// A kind of step.
pub trait StepType: Send + Sync {
    /// As workflow files write it: `api_call`.
    fn id(&self) -> &'static str;

    fn effects(&self) -> Effects;

    /// Reads and checks a step's parameters; every problem at once.
    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>>;
}

/// One configured step. It lives on one thread and may run for many executions at a time.
pub trait Step {
    /// Runs it once. A panic fails this execution and nothing else.
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome>;
}

/// What a run is about.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub execution: ExecutionId,
    pub workflow: &'a Workflow,
    pub action: &'a Action,
    pub step: &'a StepDefinition,
    pub performer: &'a Performer,
    /// As it is now.
    pub task: &'a Task,
    pub directory: &'a Directory,
    pub resources: &'a Resources,
}

/// What steps may use of the server. One per thread.
pub struct Resources {
    pub egress: Egress,
    pub clock: Clock,
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
    /// What is kept of the run, as JSON.
    pub record: Option<String>,
    pub warnings: Vec<String>,
}

impl Outcome {
    pub fn done(answer: Answer) -> Self {
        let end = StepEnd::Done;
        Self { end, answer, expect: None, strict_fields: false, record: None, warnings: Vec::new() }
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
}

impl StepTypes {
    pub fn built_in() -> Self {
        Self::new(vec![
            Box::new(api_call::ApiCallType),
            Box::new(move_to_stage::MoveToStageType),
            Box::new(update_data::UpdateDataType),
        ])
    }

    pub fn new(types: Vec<Box<dyn StepType>>) -> Self {
        Self { types: types.into() }
    }

    pub fn get(&self, id: &str) -> Option<&dyn StepType> {
        self.types.iter().find(|step_type| step_type.id() == id).map(|step_type| &**step_type)
    }

    pub fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        match self.get(&step.type_id) {
            Some(step_type) => step_type.configure(step, workflow),
            None => {
                let known: Vec<_> = self.types.iter().map(|step_type| step_type.id()).collect();
                Err(vec![ParamProblem {
                    param: None,
                    code: "step_type_missing",
                    message: format!("there is no step type `{}`", step.type_id),
                    help: Some(format!("this server has {}", known.join(", "))),
                }])
            }
        }
    }
}
