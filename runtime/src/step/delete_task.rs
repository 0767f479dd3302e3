//! `delete_task`: the task goes. Later steps of the action see its last state.

use std::future::ready;

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::{Call, Category, Description, Outcome, Step, StepType, params::Params, schema};
use crate::model::{StepDefinition, Workflow, document::Answer, execution::Effects, workflow::ParamProblem};

pub(super) struct DeleteTaskType;

struct DeleteTask;

impl StepType for DeleteTaskType {
    fn id(&self) -> &'static str {
        "delete_task"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Description {
        Description {
            name: "Delete task",
            category: Category::Task,
            summary: "deletes the task; later steps still see its last state",
            schema: schema::object(json!({}), &[]),
        }
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
