//! `delete_task`: the task goes. Later steps of the action see its last state.

use std::{borrow::Cow, future::ready};

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::{Call, Description, Outcome, Step, StepType, category, params::Params, schema};
use crate::model::{StepDefinition, Workflow, document::Answer, execution::Effects, workflow::ParamProblem};

pub(super) struct DeleteTaskType;

struct DeleteTask;

impl StepType for DeleteTaskType {
    fn id(&self) -> &str {
        "delete_task"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "Delete task",
            category::TASK,
            "deletes the task; later steps still see its last state",
            schema::object(json!({}), &[]),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        Params::new(step, workflow).finish(|| Some(Box::new(DeleteTask) as Box<dyn Step>))
    }

    fn deletes_task(&self) -> bool {
        true
    }
}

impl Step for DeleteTask {
    fn run<'a>(&'a self, _: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(ready(Outcome { deletes_task: true, ..Outcome::done(Answer::Unchanged) }))
    }
}
