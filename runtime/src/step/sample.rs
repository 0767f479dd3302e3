//! Step types for the tests of others.

use super::{Step, StepType};
use crate::model::{StepDefinition, Workflow, execution::Effects, workflow::ParamProblem};

/// A newer version of a step type, which rejects what the older one took.
pub struct Rejects(pub &'static str);

impl StepType for Rejects {
    fn id(&self) -> &'static str {
        self.0
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let message = "`colour` is missing".to_owned();
        Err(vec![ParamProblem { param: None, code: "missing_key", message, help: None }])
    }
}
