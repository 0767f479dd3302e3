//! Whether the schemas of a description are what a form and a check can be made of.

use onward_sdk::description::{Description, Example, Hints};
use serde_json::{Value, json};

use super::{Failure, Findings, failed};
use crate::step::plugin::is_reserved;

/// The two schemas, and what they are of.
fn both(description: &Description) -> [(&'static str, Option<&Value>); 2] {
    [("config", description.config.as_ref()), ("params", description.params.as_ref())]
}

pub(super) fn check(description: &Description, findings: &mut Findings) -> Result<(), Failure> {
    for (of, schema) in both(description) {
        let Some(schema) = schema else { continue };
        check_one(of, schema, findings)?;
    }
    Ok(())
}

fn check_one(of: &str, schema: &Value, findings: &mut Findings) -> Result<(), Failure> {
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        return Err(failed(
            format!("the schema of `{of}` is no JSON Schema: at `{}`: {error}", error.instance_path()),
            "it is a JSON Schema of draft 2020-12, as `schemars` makes it of a type",
        ));
    }
    let mut found = None;
    visit(schema, "", &mut |schema, at| {
        if found.is_none() {
            found = problem(of, schema, at, findings);
        }
    });
    if let Some(failure) = found {
        return Err(failure);
    }
    if let Err(error) = jsonschema::draft202012::new(schema) {
        return Err(failed(
            format!("the schema of `{of}` cannot be used: {error}"),
            "a reference leads to a schema of its own, under `$defs`; a pattern is a regular expression",
        ));
    }
    if !is_of_objects(schema, schema, 0) {
        return Err(failed(
            format!("the schema of `{of}` is not one of objects"),
            "a form has named fields: `\"type\": \"object\"` with `properties`, or alternatives that are all such",
        ));
    }
    let is_open =
        ["additionalProperties", "unevaluatedProperties"].iter().all(|key| schema.get(*key).is_none());
    if is_open && schema.get("properties").is_some() {
        findings.notes.push(format!(
            "a key of `{of}` that is misspelt is not noticed: say `\"additionalProperties\": false`"
        ));
    }
    Ok(())
}

/// What is wrong with a schema by itself.
fn problem(of: &str, schema: &Value, at: &str, findings: &mut Findings) -> Option<Failure> {
    for key in ["$ref", "$dynamicRef"] {
        let reference = schema.get(key).and_then(Value::as_str).unwrap_or("#");
        if !reference.starts_with('#') {
            return Some(failed(
                format!("the schema of `{of}` refers to {reference}, at `{at}`"),
                "nothing is fetched: put that schema under `$defs` and refer to it by `#/$defs/…`",
            ));
        }
    }
    let hints = match Hints::of(schema) {
        Ok(hints) => hints,
        Err(error) => {
            return Some(failed(
                format!("the hints of `{of}` cannot be read, at `{at}/{}`: {error}", Hints::KEY),
                "see `Hints` in the sdk's documentation for the keys there are",
            ));
        }
    };
    let place = || format!("`{of}`, at `{at}`");
    if hints.secret && of == "params" {
        findings.notes.push(format!("a secret reaches a step in its configuration alone: {}", place()));
    }
    if hints.template.is_some() && of == "config" {
        findings
            .notes
            .push(format!("places such as {{{{Field}}}} are filled in in params alone: {}", place()));
    }
    let fields = schema.get("properties").and_then(Value::as_object);
    for (key, field) in fields.into_iter().flatten() {
        let shown = Hints::of(field).ok().and_then(|hints| hints.show_if).unwrap_or_default();
        let unknown = shown.keys().find(|other| fields.is_some_and(|fields| !fields.contains_key(*other)));
        if let Some(unknown) = unknown {
            findings
                .notes
                .push(format!("`{key}` is shown by `{unknown}`, which is none of its fields: {}", place()));
        }
    }
    None
}

/// Looks at a schema and at each within it, with its pointer.
fn visit(schema: &Value, at: &str, look: &mut impl FnMut(&Value, &str)) {
    let Some(object) = schema.as_object() else { return };
    look(schema, at);
    for (key, value) in object {
        match (key.as_str(), value) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(schemas),
            ) => {
                schemas.iter().for_each(|(name, schema)| visit(schema, &format!("{at}/{key}/{name}"), look));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    visit(schema, &format!("{at}/{key}/{index}"), look);
                }
            }
            (
                "items"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "unevaluatedItems"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else"
                | "propertyNames"
                | "contentSchema",
                schema,
            ) => visit(schema, &format!("{at}/{key}"), look),
            _ => {}
        }
    }
}

fn is_of_objects(root: &Value, schema: &Value, level: usize) -> bool {
    if level > 16 {
        return false;
    }
    let is_it = |schema: &Value| is_of_objects(root, schema, level + 1);
    let referred =
        schema.get("$ref").and_then(Value::as_str).and_then(|it| root.pointer(it.strip_prefix('#')?));
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    schema.get("type").is_some_and(|kind| kind == "object")
        || alternatives.is_some_and(|all| !all.is_empty() && all.iter().all(is_it))
        || referred.is_some_and(is_it)
}

/// The names of a schema's own keys.
fn keys(schema: Option<&Value>) -> Vec<&String> {
    schema.and_then(|it| it.get("properties")?.as_object()).into_iter().flat_map(|it| it.keys()).collect()
}

/// Keys that cannot stand beside those of every step in a workflow file.
pub(super) fn name_collisions(description: &Description, findings: &mut Findings) {
    let [(_, config), (_, params)] = both(description);
    let (config, params) = (keys(config), keys(params));
    for (of, all) in [("config", &config), ("params", &params)] {
        for key in all.iter().filter(|key| is_reserved(key)) {
            findings.notes.push(format!(
                "`{key}` of `{of}` is a key of every step: in workflow files it is written in a table, `{of} = {{ {key} = … }}`"
            ));
        }
    }
    for key in config.iter().filter(|key| params.contains(key) && !is_reserved(key)) {
        findings.notes.push(format!(
            "`{key}` is in `config` and in `params`: in workflow files it is written in a table of that name, `config = {{ {key} = … }}`"
        ));
    }
}

/// What an example gives; nothing is the same as an empty object.
pub(super) fn given(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}

pub(super) fn examples(description: &Description) -> Result<(), Failure> {
    for Example { title, config, params } in &description.examples {
        if title.trim().is_empty() {
            return Err(failed("an example has no title", "say what it is for"));
        }
        for (of, schema, value) in
            [("config", &description.config, given(config)), ("params", &description.params, given(params))]
        {
            let wrong = match schema {
                Some(schema) => jsonschema::draft202012::new(schema).ok().and_then(|it| {
                    it.validate(&value)
                        .err()
                        .map(|error| (error.instance_path().to_string(), error.to_string()))
                }),
                None if value == json!({}) => None,
                None => Some((String::new(), format!("the step type has no {of}"))),
            };
            if let Some((at, why)) = wrong {
                return Err(failed(
                    format!("the example “{title}” is none: {of}{at}: {why}"),
                    "an example is what somebody begins from: make it fit the schema",
                ));
            }
        }
    }
    Ok(())
}
