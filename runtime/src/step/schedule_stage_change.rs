//! `schedule_stage_change`: the task is to move to a stage later, unless its stage changes before.

use std::{borrow::Cow, future::ready, time::Duration};

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::{
    Call, Description, Outcome, Step, StepType, category,
    delay::{WAIT_MAX, after},
    params::Params,
    schema,
};
use crate::model::{StepDefinition, Workflow, document::Answer, execution::Effects, workflow::ParamProblem};

pub(super) struct ScheduleStageChangeType;

struct ScheduleStageChange {
    /// The target's name in this version of the workflow.
    stage: String,
    wait: Duration,
}

impl StepType for ScheduleStageChangeType {
    fn id(&self) -> &str {
        "schedule_stage_change"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "Schedule stage change",
            category::TASK,
            "the task moves later, unless its stage changes before",
            schema::object(
                json!({
                    "stage": schema::stage(),
                    "in": schema::duration("How long from now the task moves.", WAIT_MAX),
                }),
                &["stage", "in"],
            ),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let mut params = Params::new(step, workflow);
        let stage = params.stage("stage");
        let wait = params.required_duration("in", WAIT_MAX);
        params.finish(|| Some(Box::new(ScheduleStageChange { stage: stage?, wait: wait? }) as Box<dyn Step>))
    }

    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        step.params.get("stage")?.as_str().map(str::to_owned)
    }
}

impl Step for ScheduleStageChange {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        let schedule = Some((self.stage.clone(), after(call.resources.clock.now(), self.wait)));
        Box::pin(ready(Outcome { schedule, ..Outcome::done(Answer::Unchanged) }))
    }
}
