//! What a library says of its step types, and whether that can be used.

use std::{collections::HashSet, time::Duration};

use jsonschema::Draft;
use onward_sdk::description::{Description, Hints};
use serde_json::Value;

use super::{
    call::{self, CallError},
    load::Loaded,
};

/// How long a step type may take to say what it is.
pub const DESCRIBE_MAX: Duration = Duration::from_secs(10);

/// Characters of an id, a title or a category.
pub const TEXT_CHARS_MAX: usize = 100;

/// Bytes of an icon.
pub const ICON_BYTES_MAX: usize = 64 * 1024;

/// Has each step type say what it is.
///
/// # Errors
/// The first that does not.
pub fn of_loaded(loaded: &Loaded) -> Result<Vec<Description>, CallError> {
    loaded.steps.iter().map(|step| call::describe(*step, DESCRIBE_MAX)).collect()
}

/// Looks at what a library says of itself.
///
/// # Errors
/// The first that cannot be used, and what to do about it.
pub fn check(steps: &[Description]) -> Result<(), String> {
    let mut ids = HashSet::new();
    for step in steps {
        let id = &step.id;
        if !is_id(id) {
            return Err(format!(
                "a step type's id has small letters, digits and `_`, begins with a letter and has at most {TEXT_CHARS_MAX} characters; \
                 `{}` is none",
                id.escape_debug()
            ));
        }
        if !ids.insert(id) {
            return Err(format!("two of its step types are called `{id}`"));
        }
        for (what, text) in [("title", &step.title), ("category", &step.category)] {
            if text.trim().is_empty()
                || text.chars().count() > TEXT_CHARS_MAX
                || text.contains(char::is_control)
            {
                return Err(format!(
                    "the {what} of `{id}` is to be a line of at most {TEXT_CHARS_MAX} characters"
                ));
            }
        }
        if step.icon.as_ref().is_some_and(|icon| icon.len() > ICON_BYTES_MAX) {
            return Err(format!("the icon of `{id}` has more than {ICON_BYTES_MAX} bytes"));
        }
        for (half, schema) in [("config", &step.config), ("params", &step.params)] {
            if let Some(schema) = schema {
                check_schema(schema).map_err(|why| format!("the schema of the {half} of `{id}` {why}"))?;
            }
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    id.len() <= TEXT_CHARS_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The error: what is wrong with it, after "the schema …".
fn check_schema(schema: &Value) -> Result<(), String> {
    if !schema.is_object() {
        return Err("is to be an object".to_owned());
    }
    if let Some(reference) = foreign(schema) {
        return Err(format!("refers to `{reference}`; a schema refers only to its own parts (`#/$defs/…`)"));
    }
    if let Err(error) = hints(schema) {
        return Err(format!("has an `{}` that cannot be read: {error}", Hints::KEY));
    }
    // The checker of schemas is of one draft, whatever the schema says of itself.
    let built = jsonschema::options().with_draft(Draft::Draft202012).build(schema);
    built.map(drop).map_err(|error| format!("is no JSON Schema (2020-12): {error}"))
}

/// A reference to something that is not in the schema.
fn foreign(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(key, value)| match value {
            Value::String(reference) if ["$ref", "$dynamicRef"].contains(&key.as_str()) => {
                Some(reference.as_str()).filter(|reference| !reference.starts_with('#'))
            }
            value => foreign(value),
        }),
        Value::Array(items) => items.iter().find_map(foreign),
        _ => None,
    }
}

fn hints(schema: &Value) -> Result<(), serde_json::Error> {
    match schema {
        Value::Object(members) => {
            Hints::known_of(schema)?;
            members
                .iter()
                .filter(|(key, _)| key.as_str() != Hints::KEY)
                .try_for_each(|(_, value)| hints(value))
        }
        Value::Array(items) => items.iter().try_for_each(hints),
        _ => Ok(()),
    }
}
