//! The JSON Schemas of an author's types, and the keys of a document that a schema does not know.

use std::{cell::Cell, collections::HashSet};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::{description::Hints, error::Problem};

/// The schema (draft 2020-12) of a type; none of `()`, which stands for nothing to say.
///
/// Objects of named fields are closed: a key that is not one of them is a mistake, whether or not the author wrote
/// `#[serde(deny_unknown_fields)]`. A schema knows nothing of `#[serde(alias)]`; a type that has one, or that is to take any key, says
/// `#[schemars(extend("additionalProperties" = true))]`.
pub fn of<T: JsonSchema>() -> Option<Value> {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    if schema["type"] == "null" {
        return None;
    }
    let mut combined = HashSet::new();
    combined_definitions(&schema, false, &mut combined);
    close(&mut schema, false, &combined);
    Some(schema)
}

/// Keywords whose schemas all speak of the same value as the schema that has them.
const COMBINING: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const DEFINITION: &str = "#/$defs/";

/// Each schema directly in this one, with whether it sees only a part of its value's keys.
fn inner(schema: &Map<String, Value>, is_part: bool) -> impl Iterator<Item = (&str, &Value, bool)> {
    let has_own = is_part || schema.contains_key("properties") || schema.contains_key("allOf");
    schema.iter().flat_map(move |(key, value)| {
        let is_combining = COMBINING.contains(&key.as_str());
        let children: Vec<&Value> = match (key.as_str(), value) {
            ("properties" | "$defs" | "patternProperties", Value::Object(schemas)) => {
                schemas.values().collect()
            }
            ("prefixItems", Value::Array(schemas)) => schemas.iter().collect(),
            (_, Value::Array(schemas)) if is_combining => schemas.iter().collect(),
            ("items" | "additionalProperties", Value::Object(_)) => vec![value],
            _ => Vec::new(),
        };
        children.into_iter().map(move |child| (key.as_str(), child, is_combining && has_own))
    })
}

/// The definitions that describe only a part of an object somewhere, and must not be closed for that.
fn combined_definitions(schema: &Value, is_part: bool, found: &mut HashSet<String>) {
    let Some(object) = schema.as_object() else { return };
    if let Some(name) = definition(object)
        && (is_part || object.contains_key("properties"))
    {
        found.insert(name.to_owned());
    }
    for (_, child, is_part) in inner(object, is_part) {
        combined_definitions(child, is_part, found);
    }
}

fn definition(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(DEFINITION)
}

/// Whether alternatives within a schema have keys that are not its own. Those that only say which of its keys must be there have none:
/// then a key that it does not know is simply one too many, and can be told with what may be meant.
fn brings_keys(schema: &Map<String, Value>, of: &Map<String, Value>) -> bool {
    let own = |key: &str| of.get("properties").is_some_and(|properties| properties.get(key).is_some());
    let others = ["$ref", "additionalProperties", "unevaluatedProperties", "patternProperties"];
    COMBINING.iter().filter_map(|key| schema.get(*key)?.as_array()).flatten().any(|inner| {
        let Some(inner) = inner.as_object() else { return false };
        let properties = inner.get("properties").and_then(Value::as_object);
        others.iter().any(|key| inner.contains_key(*key))
            || properties.is_some_and(|properties| properties.keys().any(|key| !own(key)))
            || brings_keys(inner, of)
    })
}

fn close(schema: &mut Value, is_part: bool, combined: &HashSet<String>) {
    let Some(object) = schema.as_object_mut() else { return };
    let has_own = is_part || object.contains_key("properties") || object.contains_key("allOf");
    let others = ["additionalProperties", "unevaluatedProperties", "patternProperties"];
    if object.contains_key("properties") && !is_part && !others.iter().any(|key| object.contains_key(*key)) {
        let combines = object.contains_key("$ref") || brings_keys(object, object);
        let key = if combines { "unevaluatedProperties" } else { "additionalProperties" };
        object.insert(key.to_owned(), false.into());
    }
    for (key, value) in object.iter_mut() {
        let is_combining = COMBINING.contains(&key.as_str());
        match (key.as_str(), value) {
            ("$defs", Value::Object(schemas)) => {
                schemas
                    .iter_mut()
                    .for_each(|(name, schema)| close(schema, combined.contains(name), combined));
            }
            ("properties" | "patternProperties", Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| close(schema, false, combined));
            }
            ("prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| close(schema, false, combined));
            }
            (_, Value::Array(schemas)) if is_combining => {
                schemas.iter_mut().for_each(|schema| close(schema, has_own, combined));
            }
            ("items" | "additionalProperties", value) => close(value, false, combined),
            _ => {}
        }
    }
}

/// Whether what a schema describes are objects: itself, or by each of its alternatives.
pub(crate) fn is_of_objects(schema: &Value) -> bool {
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    schema.get("type").is_some_and(|kind| kind == "object")
        || alternatives.is_some_and(|schemas| schemas.iter().all(is_of_objects))
}

/// What is wrong with the hints in a schema, each with its place in the schema.
pub(crate) fn wrong_hints(schema: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    look_for_hints(schema, "", &mut found);
    found
}

fn look_for_hints(schema: &Value, pointer: &str, found: &mut Vec<Problem>) {
    match schema {
        Value::Object(members) => {
            if let Err(error) = Hints::of(schema) {
                let pointer = format!("{pointer}/{}", Hints::KEY);
                found.push(Problem { pointer, message: error.to_string() });
            }
            for (key, value) in members.iter().filter(|(key, _)| key.as_str() != Hints::KEY) {
                look_for_hints(value, &format!("{pointer}/{}", escaped(key)), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look_for_hints(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A key as a JSON pointer has it (RFC 6901).
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The keys of a document that its schema knows not. Where alternatives leave open which keys there may be, nothing is said: reading
/// the document into its type will tell.
pub(crate) fn unknown_keys(schema: &Value, document: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    look_through(schema, document, &mut |part| {
        if let Part::Unknown { pointer, key, known } = part {
            found.push(Problem { pointer: pointer.to_owned(), message: unknown_key(key, names(known)) });
        }
    });
    found
}

/// A value of a document, as its schema sees it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Part<'v, 's> {
    /// `schema` is what stands for it where it is declared; `fitting` the one, by references and alternatives, that says what it may be.
    Known { pointer: &'v str, value: &'v Value, schema: &'s Value, fitting: Option<&'s Value> },
    /// The key is not one of those that there may be: the properties of the schema for the table that has it.
    Unknown { pointer: &'v str, key: &'v str, known: Option<&'s Map<String, Value>> },
}

impl Part<'_, '_> {
    /// What is declared of a known one; what cannot be read is nothing.
    #[must_use]
    pub fn hints(&self) -> Hints {
        let Self::Known { schema, fitting, .. } = self else { return Hints::default() };
        let own = schema.get(Hints::KEY).is_some();
        let of = if own { Some(*schema) } else { *fitting };
        of.and_then(|schema| Hints::known_of(schema).ok()).unwrap_or_default()
    }
}

/// Shows each value of a document, the document first. For the server's side of the boundary.
#[doc(hidden)]
pub fn look_through<'s>(schema: &'s Value, document: &Value, visit: &mut dyn FnMut(Part<'_, 's>)) {
    Search { root: schema, visit, left: Cell::new(LOOKS_MAX) }.look(schema, document, "");
}

/// Schemas that are looked at for one document: alternatives may refer to alternatives without end.
const LOOKS_MAX: usize = 100_000;

struct Search<'s, 'f> {
    root: &'s Value,
    left: Cell<usize>,
    visit: &'f mut dyn FnMut(Part<'_, 's>),
}

impl<'s> Search<'s, '_> {
    fn look(&mut self, schema: &'s Value, value: &Value, pointer: &str) {
        let fitting = self.fitting(schema, value, 0);
        (self.visit)(Part::Known { pointer, value, schema, fitting });
        let Some(schema) = fitting else { return };
        match value {
            Value::Object(members) => self.look_into_object(schema, members, pointer),
            Value::Array(items) => {
                let prefix = schema.get("prefixItems").and_then(Value::as_array);
                for (index, item) in items.iter().enumerate() {
                    let schema = prefix.and_then(|prefix| prefix.get(index)).or_else(|| schema.get("items"));
                    if let Some(schema) = schema {
                        self.look(schema, item, &format!("{pointer}/{index}"));
                    }
                }
            }
            _ => {}
        }
    }

    fn look_into_object(&mut self, schema: &'s Value, members: &Map<String, Value>, pointer: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in members {
            let pointer = format!("{pointer}/{}", escaped(key));
            match (properties.and_then(|properties| properties.get(key)), others) {
                (Some(schema), _) => self.look(schema, value, &pointer),
                (None, Some(Value::Bool(false))) => {
                    (self.visit)(Part::Unknown { pointer: &pointer, key, known: properties });
                }
                (None, Some(schema)) => self.look(schema, value, &pointer),
                (None, None) => {}
            }
        }
    }

    /// The one schema that says what a value may be, through references and alternatives.
    fn fitting(&self, schema: &'s Value, value: &Value, depth: usize) -> Option<&'s Value> {
        let object = schema.as_object()?;
        self.left.set(self.left.get().checked_sub(1)?);
        // A definition may refer to itself without end.
        let depth = (depth < 32).then_some(depth + 1)?;
        if object.contains_key("properties") || object.contains_key("items") {
            return Some(schema);
        }
        // A type that has itself in it refers to the whole.
        if object.get("$ref").is_some_and(|reference| reference == "#") {
            return self.fitting(self.root, value, depth);
        }
        if let Some(name) = definition(object) {
            return self.fitting(self.root.get("$defs")?.get(name)?, value, depth);
        }
        let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|key| object.get(*key)?.as_array()) else {
            return Some(schema);
        };
        let mut fitting = choices
            .iter()
            .filter_map(|choice| self.fitting(choice, value, depth))
            .filter(|choice| may_be(choice, value));
        let first = fitting.next();
        if fitting.next().is_some() { None } else { first }
    }
}

fn names(properties: Option<&Map<String, Value>>) -> impl Iterator<Item = &str> + Clone {
    properties.into_iter().flat_map(Map::keys).map(String::as_str)
}

/// Whether a value may be what a schema describes, by its type and its constant members.
fn may_be(schema: &Value, value: &Value) -> bool {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |kind: &Value| kind == name || (kind == "integer" && name == "number");
    let has_type = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is),
        Some(kind) => is(kind),
        None => true,
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let has_constants = properties.into_iter().flatten().all(|(key, schema)| match schema.get("const") {
        Some(constant) => value.get(key) == Some(constant),
        None => true,
    });
    // What has a single key by which it is known (an alternative by its name) must have it.
    let has_key = match required.map(Vec::as_slice) {
        Some([Value::String(key)]) if properties.is_some_and(|properties| properties.len() == 1) => {
            value.get(key).is_some()
        }
        _ => true,
    };
    has_type && has_constants && has_key
}

fn unknown_key<'k>(key: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let advice = match closest(key, known.clone()) {
        Some(nearest) => format!("did you mean “{nearest}”?"),
        None => match known.collect::<Vec<_>>().as_slice() {
            [] => "there is none here".to_owned(),
            known => format!("there are {}", known.join(", ")),
        },
    };
    format!("there is no key “{key}”: {advice}")
}

/// The nearest of some names to a misspelt one, if any is near.
fn closest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let name: String = name.chars().take(100).flat_map(char::to_lowercase).collect();
    let nearness = |known: &str| {
        let known = known.to_lowercase();
        let is_slip = name.len().max(known.len()) > 1 && strsim::osa_distance(&name, &known) <= 1;
        (is_slip, strsim::jaro_winkler(&name, &known))
    };
    known
        .map(|known| (nearness(known), known))
        .filter(|((is_slip, likeness), _)| *is_slip || *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map(|(_, known)| known)
}
