//! `update_data`: sets fields of the task to fixed values, or to what templates make of the task.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Map;

pub(crate) struct UpdateData;

/// What is set.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The fields by name, each with its value; a text may have places such as {{Field Name}}.
    #[schemars(schema_with = "fields", extend("x-onward" = {"widget": "fields"}))]
    fields: Map<String, Value>,
}

fn fields(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        // Null is what a place makes of a field that is empty.
        "additionalProperties": {"type": ["string", "number", "boolean", "array", "null"]},
    })
}

impl Step for UpdateData {
    const ID: &'static str = "update_data";
    const TITLE: &'static str = "Update data";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some(include_str!("update_data.svg"));
    const HELP: Option<&'static str> = Some(
        "Sets fields of the task, and `Assigned To`. A text may have places such as `{{Company Name}}`; one that is a single place takes \
         the field's value as it is, so an empty field empties another. All the fields are set or, where one does not take its value, none.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText { title: "A fixed value", config: "{}", params: r#"{"fields": {"Paid?": true}}"# },
        ExampleText {
            title: "Who did it",
            config: "{}",
            params: r#"{"fields": {"Approved By": "{{user.first_name}} {{user.last_name}}"}}"#,
        },
        ExampleText {
            title: "One field's value into another",
            config: "{}",
            params: r#"{"fields": {"Invoice Address": "{{Company Address}}"}}"#,
        },
    ];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let fields = &call.params.fields;
        if fields.contains_key("Stage") {
            return Err(StepError::new(
                "unknown_field",
                "“Stage” is no field: a step of its own moves the task, move_to_stage.",
            ));
        }
        Ok(Answer { task: Some(fields.clone()), ..Answer::new() })
    }
}
