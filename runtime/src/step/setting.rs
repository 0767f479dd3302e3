//! Values that stand in a step's parameters: credentials, and what a field is to be set to.

use serde_json::Value;

use super::params::Params;
use crate::model::{
    Directory, Field, FieldId, FieldType,
    field::Invalid,
    file::FileRules,
    patch,
    template::{Destination, Template},
    workflow::ASSIGNED_TO,
};

/// A template that has a secret in it.
pub(super) fn credential(params: &mut Params<'_>, param: &str, source: &str) -> Option<Template> {
    let template = params.template(param, source, Destination::Call)?;
    if template.secrets().next().is_none() {
        params.problem(
            param,
            "plain_credential",
            "a credential stands here in plain text; set a secret and write {{secrets.NAME}}",
        );
        return None;
    }
    Some(template)
}

/// Why a field would never take a value; `field`: `None` for who a task is assigned to. What a workflow cannot know is not
/// looked at: who is a user, and which files a task has.
pub(super) fn problems(field: Option<&Field>, value: &Value) -> Vec<Invalid> {
    let person = Field {
        id: FieldId::new(ASSIGNED_TO),
        name: ASSIGNED_TO.to_owned(),
        kind: FieldType::Person,
        required: false,
        editable: true,
    };
    let field = field.unwrap_or(&person);
    match (&field.kind, value) {
        (FieldType::Person, Value::String(text)) if !text.is_empty() => Vec::new(),
        (FieldType::File { .. }, Value::Array(files)) if !files.is_empty() => Vec::new(),
        _ => {
            let read = patch::read_value(field, value, &Directory::default(), &FileRules::default());
            read.err().unwrap_or_default()
        }
    }
}
