//! The words in which a step type says what parameters it takes: JSON Schema (2020-12).
//!
//! Each type writes its schema beside the code that reads the parameters, and a test holds the two together. An editor
//! completes and checks workflow files by it, and a form can be made of it.

use std::time::Duration;

use onward_sdk::description::Hints;
use serde_json::{Map, Value, json};

use crate::model::{duration, template};

/// A keyword of our own: what a value stands for, where its type does not tell. The same as plugins' authors write
/// ([`Hints`]).
pub(super) const HINTS: &str = Hints::KEY;

/// A text with a secret in it.
pub(super) const SECRET_PATTERN: &str = r"\{\{\s*secrets\.";

/// A table with these keys and no others.
pub(super) fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A schema with a description, and perhaps with more.
pub(super) fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

pub(super) fn text(description: &str) -> Value {
    json!({"description": description, "type": "string"})
}

pub(super) fn template(description: &str) -> Value {
    json!({"description": description, "type": "string", HINTS: {"template": "text"}})
}

/// A template that is a URL to call.
pub(super) fn url(description: &str) -> Value {
    json!({"description": description, "type": "string", "pattern": template::URL_PATTERN, HINTS: {"template": "url"}})
}

/// A text that must have a secret in it: it stands nowhere in plain text.
pub(super) fn credential(description: &str) -> Value {
    json!({
        "description": format!("{description} It must have a secret in it: {{{{secrets.NAME}}}}."),
        "type": "string",
        "pattern": SECRET_PATTERN,
        HINTS: {"secret": true},
    })
}

/// False where it is left out.
pub(super) fn flag(description: &str) -> Value {
    json!({"description": description, "type": "boolean", "default": false})
}

pub(super) fn duration(description: &str, most: Duration) -> Value {
    let written = duration::written(most);
    json!({
        "description": format!("{description} Such as \"30s\", \"2h\" or \"3d\", or a number of seconds; {written} at most."),
        "type": ["string", "integer"],
        "pattern": duration::PATTERN,
        "minimum": 1,
        "maximum": most.as_secs(),
    })
}

pub(super) fn duration_or(description: &str, default: Duration, most: Duration) -> Value {
    let mut schema = duration(description, most);
    schema["default"] = duration::written(default).into();
    schema
}

/// Texts by names that the author chooses.
pub(super) fn texts_by_name(description: &str, most: usize) -> Value {
    json!({
        "description": description,
        "type": "object",
        "maxProperties": most,
        "additionalProperties": {"type": "string"},
    })
}

/// Exactly one of some keys, each with its own schema.
pub(super) fn one_of(description: &str, kinds: Map<String, Value>) -> Value {
    let mut schema = object(Value::Object(kinds), &[]);
    schema["minProperties"] = 1.into();
    schema["maxProperties"] = 1.into();
    described(schema, description)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        egress::Guard,
        model::{StepDefinition, StepId, sample},
        step::{StepType, params::OF_EVERY_STEP, sample::shipped},
    };

    /// The parameters that a type's code takes, as it tells somebody who wrote another one.
    fn taken(step_type: &dyn StepType, others: Value) -> BTreeSet<String> {
        let mut params = others.as_object().expect("an object").clone();
        params.insert("zzzz".to_owned(), 1.into());
        let id = step_type.id();
        let step = StepDefinition { id: StepId::new(id), name: id.to_owned(), type_id: id.into(), params };
        let problems = step_type.configure(&step, &sample::workflow()).err().expect("refused");
        let unknown = problems.iter().find(|problem| problem.param.as_deref() == Some("zzzz"));
        let help = unknown.and_then(|problem| problem.help.as_deref()).expect("help");
        match help.strip_prefix("it knows ") {
            Some(names) => {
                let names = names.split(", ").filter(|name| !OF_EVERY_STEP.contains(name));
                names.map(str::to_owned).collect()
            }
            None => BTreeSet::new(),
        }
    }

    /// A schema's properties, and those of the tables in them as `auth.basic.user`.
    fn properties(schema: &Value) -> BTreeSet<String> {
        let properties = schema["properties"].as_object().expect("properties");
        properties.keys().cloned().collect()
    }

    #[test]
    fn a_schema_has_each_parameter_that_the_code_takes_and_no_other() {
        let mut with_parameters = 0;
        for step_type in shipped(&Guard::default()).iter() {
            let schema = step_type.description().schema.clone();
            let mut all = taken(step_type, json!({}));
            let is_custom = schema["properties"].get("format").is_some();
            if is_custom {
                let default = all.clone();
                all.extend(taken(step_type, json!({"format": "custom"})));
                // What the other format alone takes is refused in this one.
                let refused = schema["else"]["properties"].as_object().expect("an else");
                let refused = refused.iter().filter(|(_, schema)| **schema == json!(false));
                let of_custom: BTreeSet<_> = all.difference(&default).cloned().collect();
                assert_eq!(refused.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), of_custom);
            }
            assert_eq!(properties(&schema), all, "{}", step_type.id());
            with_parameters += usize::from(!all.is_empty());
        }
        assert_eq!(with_parameters, 11);
    }

    /// The tables within parameters, and what their code says it knows.
    #[test]
    fn a_schema_has_the_keys_of_the_tables_in_parameters() {
        let types = shipped(&Guard::default());
        let api_call = types.get("api_call").expect("a type");
        let schema = api_call.description().schema.clone();
        for (path, params) in [
            ("retry", json!({"retry": {"zzzz": 1}})),
            ("tls", json!({"tls": {"zzzz": 1}})),
            ("success", json!({"format": "custom", "success": {"zzzz": 1}})),
            ("auth/properties/basic", json!({"auth": {"basic": {"zzzz": 1}}})),
            ("auth/properties/api_key", json!({"auth": {"api_key": {"zzzz": 1}}})),
            ("auth/properties/oauth2", json!({"auth": {"oauth2": {"zzzz": 1}}})),
        ] {
            let params = params.as_object().expect("an object").clone();
            let step = StepDefinition { params, ..sample::workflow().actions[1].steps[1].clone() };
            let problems = api_call.configure(&step, &sample::workflow()).err().expect("refused");
            let said =
                problems.iter().map(|it| format!("{} {}", it.message, it.help.as_deref().unwrap_or("")));
            let said = said.collect::<Vec<_>>().join("\n");
            let (_, known) = said.split_once("it knows ").expect("what it knows");
            let known = known.lines().next().unwrap_or_default().trim();
            let table = schema.pointer(&format!("/properties/{path}")).expect(path);
            let known = known.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(properties(table), known, "{path}: {said}");
        }
    }
}
