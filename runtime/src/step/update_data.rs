//! `update_data`: sets fields of the task to fixed or templated values.

use std::{borrow::Cow, future::ready};

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value, json};

use super::{Call, Description, Outcome, Step, StepType, category, params::Params, schema, setting};
use crate::model::{
    StepDefinition, Workflow,
    document::Answer,
    execution::Effects,
    template::{Destination, Scope, Template},
    workflow::{ASSIGNED_TO, ParamProblem, STAGE},
};

pub(super) struct UpdateDataType;

struct UpdateData {
    fields: Vec<(String, Setting)>,
}

enum Setting {
    Fixed(Value),
    Templated(Template),
}

impl StepType for UpdateDataType {
    fn id(&self) -> &str {
        "update_data"
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "Update data",
            category::TASK,
            "sets fields of the task",
            schema::object(
                json!({"fields": {
                    "description": "The fields by name, each with its value; a text may have places such as {{Field Name}}.",
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": ["string", "number", "boolean", "array"]},
                    schema::HINTS: {"widget": "fields"},
                }}),
                &["fields"],
            ),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let mut params = Params::new(step, workflow);
        let mut fields = Vec::new();
        let table = params.table("fields");
        if table.is_empty() {
            params.problem("fields", "missing_key", "`fields` must name at least one field and its value");
        }
        for (name, value) in table {
            let place = format!("fields/{name}");
            let field = workflow.field_named(&name);
            let is_known = name == ASSIGNED_TO || field.is_some();
            if !is_known {
                params.unknown_field("fields", &name);
            }
            let setting = match &value {
                Value::String(source) => {
                    params.template(&place, source, Destination::Task).map(Setting::Templated)
                }
                _ => Some(Setting::Fixed(value)),
            };
            let Some(setting) = setting else { continue };
            // Of what nobody knows, nobody knows what it takes.
            let fixed = setting.fixed().filter(|_| is_known);
            for problem in fixed.iter().flat_map(|value| setting::problems(field, value)) {
                params.problem(&place, "invalid_value", format!("the value for “{name}” {problem}"));
            }
            fields.push((name, setting));
        }
        params.finish(|| Some(Box::new(UpdateData { fields }) as Box<dyn Step>))
    }

    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        step.params.get("fields")?.get(STAGE)?.as_str().map(str::to_owned)
    }
}

impl Setting {
    /// What it sets for every task; `None` where that depends on the task.
    fn fixed(&self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Templated(template) => template.fixed().map(Value::from),
        }
    }
}

impl Step for UpdateData {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        let scope = Scope::from(&call);
        let value = |setting: &Setting| match setting {
            Setting::Fixed(value) => value.clone(),
            Setting::Templated(template) => template.render_value(&scope),
        };
        let patch: Map<_, _> =
            self.fields.iter().map(|(name, setting)| (name.clone(), value(setting))).collect();
        Box::pin(ready(Outcome { strict_fields: true, ..Outcome::done(Answer::Patch(patch)) }))
    }
}
