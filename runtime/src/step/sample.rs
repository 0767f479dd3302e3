//! Step types for the tests of others.

use std::borrow::Cow;

use serde_json::json;

use super::{Description, Step, StepType, category};
use crate::model::{StepDefinition, Workflow, execution::Effects, workflow::ParamProblem};

/// Of a step type that nobody chooses.
pub fn description() -> Cow<'static, Description> {
    Cow::Owned(Description::built_in("Sample", category::TASK, "is tested", json!({})))
}

/// A newer version of a step type, which rejects what the older one took.
pub struct Rejects(pub &'static str);

impl StepType for Rejects {
    fn id(&self) -> &str {
        self.0
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        description()
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let message = "`colour` is missing".to_owned();
        Err(vec![ParamProblem { param: None, code: "missing_key", message, help: None }])
    }
}
