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
            let message = unknown_key(key, known.iter().copied());
            found.push(Problem { pointer: pointer.to_owned(), message });
        }
    });
    found
}

/// A value of a document, as its schema sees it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Part<'v, 's> {
    /// `schemas`: all that speak of it, by references and alternatives, first those that stand where it is declared; `perhaps`: those of
    /// alternatives of which more than one may be meant.
    Known { pointer: &'v str, value: &'v Value, schemas: &'v [&'s Value], perhaps: &'v [&'s Value] },
    /// The key is not one of those that there may be in the table that has it.
    Unknown { pointer: &'v str, key: &'v str, known: &'v [&'s str] },
}

impl Part<'_, '_> {
    /// What is declared of a known one; what cannot be read is nothing. That it is a secret, one of its schemas says as well as all; and what
    /// may be a template is one. What else a value stands for, only those say that speak of it for certain.
    #[must_use]
    pub fn hints(&self) -> Hints {
        let Self::Known { schemas, perhaps, .. } = self else { return Hints::default() };
        let of = |schemas: &[&Value]| -> Vec<Hints> {
            let declared = schemas.iter().filter(|schema| schema.get(Hints::KEY).is_some());
            declared.filter_map(|schema| Hints::known_of(schema).ok()).collect()
        };
        let (certain, perhaps) = (of(schemas), of(perhaps));
        let secret = certain.iter().chain(&perhaps).any(|hints| hints.secret);
        let template = certain.iter().chain(&perhaps).find_map(|hints| hints.template);
        Hints { secret, template, ..certain.into_iter().next().unwrap_or_default() }
    }
}

/// Shows each value of a document, the document first. For the server's side of the boundary.
#[doc(hidden)]
pub fn look_through<'s>(schema: &'s Value, document: &Value, visit: &mut dyn FnMut(Part<'_, 's>)) {
    let declared = Applying { schemas: vec![schema], ..Applying::default() };
    Search { root: schema, visit, left: Cell::new(LOOKS_MAX) }.look(declared, document, "");
}

/// Whether a text may be what a schema within `root` describes. For the server's side of the boundary.
#[doc(hidden)]
pub fn takes_text(root: &Value, schema: &Value) -> bool {
    takes_text_within(root, schema, 0)
}

fn takes_text_within(root: &Value, schema: &Value, depth: usize) -> bool {
    let Some(object) = schema.as_object() else { return schema != &Value::Bool(false) };
    if depth >= DEPTH_MAX {
        return true;
    }
    let takes = |schema: &Value| takes_text_within(root, schema, depth + 1);
    let of_type = match object.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        Some(kind) => kind == "string",
        None => true,
    };
    let choices = ["oneOf", "anyOf"].into_iter().filter(|key| object.contains_key(*key));
    of_type
        && referred(root, object).into_iter().chain(listed(object, "allOf")).all(takes)
        && choices.into_iter().all(|key| listed(object, key).any(takes))
}

/// Schemas that are looked at for one document: alternatives may refer to alternatives without end.
const LOOKS_MAX: usize = 100_000;

/// The schemas that speak of a value.
#[derive(Default)]
struct Applying<'s> {
    schemas: Vec<&'s Value>,
    /// Those of alternatives of which more than one may be meant.
    perhaps: Vec<&'s Value>,
    /// Which keys there may be is not known: more than one alternative may be meant, or none.
    is_open: bool,
}

struct Search<'s, 'f> {
    root: &'s Value,
    left: Cell<usize>,
    visit: &'f mut dyn FnMut(Part<'_, 's>),
}

impl<'s> Search<'s, '_> {
    fn look(&mut self, declared: Applying<'s>, value: &Value, pointer: &str) {
        let applying = self.applying(&declared, value);
        let Applying { schemas, perhaps, .. } = &applying;
        (self.visit)(Part::Known { pointer, value, schemas, perhaps });
        match value {
            Value::Object(members) => self.look_into_object(&applying, members, pointer),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let declared = applying.within(|schema| {
                        let prefix = schema.get("prefixItems").and_then(|prefix| prefix.get(index));
                        prefix.or_else(|| schema.get("items"))
                    });
                    if !declared.is_empty() {
                        self.look(declared, item, &format!("{pointer}/{index}"));
                    }
                }
            }
            _ => {}
        }
    }

    fn applying(&self, declared: &Applying<'s>, value: &Value) -> Applying<'s> {
        let mut found = Applying { schemas: declared.schemas.clone(), ..Applying::default() };
        for schema in &declared.schemas {
            self.follow(schema, value, 0, &mut found);
        }
        for schema in &declared.perhaps {
            let mut of_one = Applying { schemas: vec![schema], ..Applying::default() };
            self.follow(schema, value, 0, &mut of_one);
            found.add_perhaps(of_one);
        }
        found
    }

    fn look_into_object(&mut self, applying: &Applying<'s>, members: &Map<String, Value>, pointer: &str) {
        for (key, value) in members {
            let pointer = format!("{pointer}/{}", escaped(key));
            let of_key = |schema: &'s Value| schema.get("properties")?.get(key);
            let declared = applying.within(of_key);
            let others = applying.within(|schema| match of_key(schema) {
                Some(_) => None,
                None => schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties")),
            });
            // What is closed by itself knows of no other's keys; `unevaluatedProperties` does.
            let is_closed = applying.schemas.iter().any(|schema| {
                let is_false = |key| schema.get(key) == Some(&Value::Bool(false));
                let is_own = is_false("additionalProperties") && of_key(schema).is_none();
                (is_own || (is_false("unevaluatedProperties") && declared.is_empty()))
                    && schema.get("patternProperties").is_none()
            });
            if is_closed && !applying.is_open {
                let names =
                    applying.schemas.iter().filter_map(|schema| schema.get("properties")?.as_object());
                let known: Vec<_> = names.flat_map(Map::keys).map(String::as_str).collect();
                (self.visit)(Part::Unknown { pointer: &pointer, key, known: &known });
            } else if !declared.is_empty() {
                self.look(declared, value, &pointer);
            } else if others.schemas.iter().chain(&others.perhaps).any(|schema| schema.is_object()) {
                self.look(others, value, &pointer);
            }
        }
    }

    /// Adds the schemas that speak of a value beside one that does, through references, combinations and alternatives.
    fn follow(&self, schema: &'s Value, value: &Value, depth: usize, found: &mut Applying<'s>) {
        let left = self.left.get().checked_sub(1);
        let (Some(object), Some(left), true) = (schema.as_object(), left, depth < DEPTH_MAX) else { return };
        self.left.set(left);
        for beside in referred(self.root, object).into_iter().chain(listed(object, "allOf")) {
            found.schemas.push(beside);
            self.follow(beside, value, depth + 1, found);
        }
        for choices in ["oneOf", "anyOf"].into_iter().filter(|key| object.contains_key(*key)) {
            let choices = listed(object, choices).map(|choice| {
                let mut of_choice = Applying { schemas: vec![choice], ..Applying::default() };
                self.follow(choice, value, depth + 1, &mut of_choice);
                of_choice
            });
            let (mut fitting, others): (Vec<_>, Vec<_>) =
                choices.partition(|choice| choice.schemas.iter().all(|schema| may_be(schema, value)));
            let bring_keys = fitting.iter().chain(&others).any(Applying::brings_keys);
            // Of those that may be meant, those that have all that they need.
            if fitting.iter().any(|choice| choice.is_whole(value)) {
                fitting.retain(|choice| choice.is_whole(value));
            }
            let is_one = fitting.len() == 1;
            found.is_open |= bring_keys && !is_one;
            for choice in fitting {
                if is_one {
                    found.add(choice);
                } else {
                    found.add_perhaps(choice);
                }
            }
        }
    }
}

/// What a schema within `root` refers to.
fn referred<'s>(root: &'s Value, schema: &Map<String, Value>) -> Option<&'s Value> {
    // A type that has itself in it refers to the whole.
    if schema.get("$ref").is_some_and(|reference| reference == "#") {
        return Some(root);
    }
    root.get("$defs")?.get(definition(schema)?)
}

/// A definition may refer to itself without end.
const DEPTH_MAX: usize = 32;

fn listed<'s>(schema: &'s Map<String, Value>, key: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

impl<'s> Applying<'s> {
    fn is_empty(&self) -> bool {
        self.schemas.is_empty() && self.perhaps.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.schemas.extend(other.schemas);
        self.perhaps.extend(other.perhaps);
        self.is_open |= other.is_open;
    }

    fn add_perhaps(&mut self, other: Self) {
        self.perhaps.extend(other.schemas.into_iter().chain(other.perhaps));
        self.is_open |= other.is_open;
    }

    /// What each says of something within the value.
    fn within(&self, of: impl Fn(&'s Value) -> Option<&'s Value>) -> Self {
        let all = |schemas: &[&'s Value]| schemas.iter().filter_map(|schema| of(schema)).collect();
        Self { schemas: all(&self.schemas), perhaps: all(&self.perhaps), is_open: false }
    }

    /// Whether they say more of an object than which of the keys that it has anyway must be there.
    fn brings_keys(&self) -> bool {
        let keywords = ["properties", "patternProperties", "additionalProperties", "unevaluatedProperties"];
        self.schemas.iter().any(|schema| keywords.iter().any(|key| schema.get(key).is_some()))
    }

    /// Whether a value has every key that is required of it.
    fn is_whole(&self, value: &Value) -> bool {
        let required = self.schemas.iter().filter_map(|schema| schema.get("required")?.as_array()).flatten();
        required.filter_map(Value::as_str).all(|key| value.get(key).is_some())
    }
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
    let is_required = |key: &String| required.is_some_and(|keys| keys.iter().any(|it| it == key));
    let has_constants = properties.into_iter().flatten().all(|(key, schema)| {
        match (schema.get("const"), value.get(key)) {
            (Some(constant), Some(member)) => member == constant,
            // It may be left out.
            (Some(_), None) => value.is_object() && !is_required(key),
            (None, _) => true,
        }
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
