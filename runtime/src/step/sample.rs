//! Step types for the tests of others.

use serde_json::json;

use super::{Category, Description, Step, StepType};
use crate::model::{StepDefinition, Workflow, execution::Effects, workflow::ParamProblem};

/// Of a step type that nobody chooses.
pub fn description() -> Description {
    Description { name: "Sample", category: Category::Task, summary: "is tested", schema: json!({}) }
}

/// A newer version of a step type, which rejects what the older one took.
pub struct Rejects(pub &'static str);

impl StepType for Rejects {
    fn id(&self) -> &'static str {
        self.0
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Description {
        description()
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let message = "`colour` is missing".to_owned();
        Err(vec![ParamProblem { param: None, code: "missing_key", message, help: None }])
    }
}
