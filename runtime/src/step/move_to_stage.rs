//! `move_to_stage`: puts the task into another stage.

use std::{borrow::Cow, future::ready};

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, json};

use super::{Call, Description, Outcome, Step, StepType, category, params::Params, schema};
use crate::model::{
    StepDefinition, Workflow,
    document::Answer,
    execution::Effects,
    workflow::{ParamProblem, STAGE},
};

pub(super) struct MoveToStageType;

struct MoveToStage {
    /// The target's name in this version of the workflow.
    stage: String,
}

impl StepType for MoveToStageType {
    fn id(&self) -> &str {
        "move_to_stage"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "Move to stage",
            category::TASK,
            "moves the task; fails if somebody else has moved it meanwhile",
            schema::object(json!({"stage": schema::stage()}), &["stage"]),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let mut params = Params::new(step, workflow);
        let stage = params.stage("stage");
        params.finish(|| Some(Box::new(MoveToStage { stage: stage? }) as Box<dyn Step>))
    }

    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        step.params.get("stage")?.as_str().map(str::to_owned)
    }
}

impl Step for MoveToStage {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        let patch = Map::from_iter([(STAGE.to_owned(), self.stage.clone().into())]);
        // Somebody else's move since this execution last looked must not be undone by ours.
        let expect = Some(call.execution.stage.clone().unwrap_or_else(|| call.task.stage.clone()));
        Box::pin(ready(Outcome { expect, ..Outcome::done(Answer::Patch(patch)) }))
    }
}
