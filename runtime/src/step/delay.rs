//! `delay`: the action goes on later. The execution is parked in the store meanwhile.

use std::{borrow::Cow, future::ready, time::Duration};

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::{Call, Description, Outcome, Step, StepType, category, params::Params, schema};
use crate::model::{
    StepDefinition, Timestamp, Workflow, document::Answer, execution::Effects, execution::StepEnd,
    workflow::ParamProblem,
};

/// The longest wait: a year, and a day for leap years.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(367 * 24 * 60 * 60);

pub(super) struct DelayType;

struct Delay {
    wait: Duration,
}

impl StepType for DelayType {
    fn id(&self) -> &str {
        "delay"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "Delay",
            category::TIMING,
            "the next step begins later; other actions on the task go on meanwhile",
            schema::object(json!({"for": schema::duration("How long to wait.", WAIT_MAX)}), &["for"]),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let mut params = Params::new(step, workflow);
        let wait = params.required_duration("for", WAIT_MAX);
        params.finish(|| Some(Box::new(Delay { wait: wait? }) as Box<dyn Step>))
    }
}

impl Step for Delay {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        let until = after(call.resources.clock.now(), self.wait);
        Box::pin(ready(Outcome { end: StepEnd::Wait { until }, ..Outcome::done(Answer::Unchanged) }))
    }
}

/// An instant some time later; the last there is where that would be beyond it.
pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
