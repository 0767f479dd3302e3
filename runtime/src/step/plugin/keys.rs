//! The keys of a plugin's step in a workflow file. Those of its configuration and of its params stand side by side, as those of a built-in
//! step do; only where a name is taken (`name`, `timeout`, one that both have) a key stands in a table `config` or `params`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use onward_sdk::description::{Description, Hints};
use serde_json::{Map, Value, json};

use super::super::{
    params::OF_EVERY_STEP,
    retry::RetryPolicy,
    schema::{self, duration_or},
};
use super::{TIMEOUT_DEFAULT, TIMEOUT_MAX};
use crate::model::execution::Effects;

/// What the server reads of every plugin's step.
const OF_THE_SERVER: [&str; 2] = ["timeout", RETRY];

/// Only of types that reach outside.
const RETRY: &str = "retry";

/// Whether a key of a step in a workflow file is the server's, whatever the step's type.
pub fn is_reserved(key: &str) -> bool {
    OF_EVERY_STEP.contains(&key)
        || OF_THE_SERVER.contains(&key)
        || Half::BOTH.iter().any(|half| half.name() == key)
}

/// The two documents that a plugin's step is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Half {
    /// Once, for an instance.
    Config,
    /// With each run.
    Params,
}

impl Half {
    pub(super) const BOTH: [Self; 2] = [Self::Config, Self::Params];

    /// The table in which its keys may stand.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Params => "params",
        }
    }

    fn schema(self, description: &Description) -> Option<&Value> {
        match self {
            Self::Config => description.config.as_ref(),
            Self::Params => description.params.as_ref(),
        }
    }
}

/// Which keys belong to which half.
#[derive(Debug)]
pub(super) struct Keys {
    effects: Effects,
    config: BTreeSet<String>,
    params: BTreeSet<String>,
}

/// A step's keys, each in its half.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) config: Map<String, Value>,
    pub(super) params: Map<String, Value>,
    /// Which of the keys stand in a table.
    nested: BTreeSet<(Half, String)>,
    /// And which beside the others.
    beside: BTreeSet<(Half, String)>,
    /// Keys that are not where they must be, and why.
    pub(super) problems: Vec<(String, String)>,
}

impl Split {
    pub(super) fn of(&self, half: Half) -> &Map<String, Value> {
        match half {
            Half::Config => &self.config,
            Half::Params => &self.params,
        }
    }

    fn of_mut(&mut self, half: Half) -> &mut Map<String, Value> {
        match half {
            Half::Config => &mut self.config,
            Half::Params => &mut self.params,
        }
    }

    /// Where what a JSON pointer names stands in the file: `server`, `params/name`.
    pub(super) fn place(&self, half: Half, pointer: &str) -> String {
        let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let path = parts.collect::<Vec<_>>();
        let is_nested = path.first().is_some_and(|key| self.nested.contains(&(half, key.clone())));
        let table = is_nested.then(|| half.name().to_owned());
        table.into_iter().chain(path).collect::<Vec<_>>().join("/")
    }
}

impl Keys {
    pub(super) fn of(description: &Description, effects: Effects) -> Self {
        let of = |half: Half| {
            let mut keys = BTreeSet::new();
            if let Some(schema) = half.schema(description) {
                properties(schema, &mut |name, _| {
                    keys.insert(name.to_owned());
                });
            }
            keys
        };
        Self { effects, config: of(Half::Config), params: of(Half::Params) }
    }

    /// Whether a key must stand in its table, because its name is taken beside the others.
    pub(super) fn is_taken(&self, key: &str) -> bool {
        is_reserved(key) || (self.config.contains(key) && self.params.contains(key))
    }

    fn has(&self, half: Half, key: &str) -> bool {
        match half {
            Half::Config => self.config.contains(key),
            Half::Params => self.params.contains(key),
        }
    }

    /// Every key that may stand beside the others.
    pub(super) fn beside(&self) -> Vec<&str> {
        let own = self.config.union(&self.params).map(String::as_str).filter(|key| !self.is_taken(key));
        let is_read = |key: &&str| *key != RETRY || self.effects == Effects::External;
        own.chain(OF_THE_SERVER.into_iter().filter(is_read)).chain(OF_EVERY_STEP).collect()
    }

    /// Puts each key into its half. One that nobody knows is a param: what it could be, the schema says.
    pub(super) fn split(&self, values: Map<String, Value>) -> Split {
        let mut split = Split::default();
        for (key, value) in values {
            let table = Half::BOTH.into_iter().find(|half| half.name() == key);
            match (table, value) {
                (Some(half), Value::Object(inner)) => {
                    for (key, value) in inner {
                        split.nested.insert((half, key.clone()));
                        split.of_mut(half).insert(key, value);
                    }
                }
                (Some(half), _) => {
                    let message = format!("`{key}` must be a table of the step's {}", half.name());
                    split.problems.push((key, message));
                }
                (None, _) if self.config.contains(&key) && self.params.contains(&key) => {
                    let message = format!(
                        "both the step's configuration and its params have `{key}`: write it in a table, as config = {{ {key} = … }} \
                         or params = {{ {key} = … }}"
                    );
                    split.problems.push((key, message));
                }
                (None, value) => {
                    let half = if self.has(Half::Config, &key) { Half::Config } else { Half::Params };
                    split.beside.insert((half, key.clone()));
                    split.of_mut(half).insert(key, value);
                }
            }
        }
        for (half, key) in split.beside.intersection(&split.nested) {
            let message =
                format!("`{key}` stands here and in the table `{}`: leave one of them out", half.name());
            split.problems.push((key.clone(), message));
        }
        split
    }

    /// A use as its author writes it in two documents, in one as a file has it.
    pub(super) fn joined(&self, config: &Value, params: &Value) -> Map<String, Value> {
        let mut joined = Map::new();
        for (half, document) in [(Half::Config, config), (Half::Params, params)] {
            for (key, value) in document.as_object().into_iter().flatten() {
                if self.is_taken(key) {
                    let table = joined.entry(half.name()).or_insert_with(|| json!({}));
                    table[key] = value.clone();
                } else {
                    joined.insert(key.clone(), value.clone());
                }
            }
        }
        joined
    }

    /// The schema of what stands in a file, of the schemas of both halves.
    pub(super) fn schema(&self, description: &Description) -> Value {
        let id = &description.id;
        let mut of_file = OfFile::default();
        for half in Half::BOTH {
            if let Some(schema) = half.schema(description) {
                of_file.add(self, id, half, schema);
            }
        }
        let OfFile { mut properties, required, tables, definitions } = of_file;
        for (half, (inner, required)) in tables {
            let table = schema::object(
                Value::Object(inner),
                &required.iter().map(String::as_str).collect::<Vec<_>>(),
            );
            let said = "Keys whose names are taken beside the others.";
            properties.insert(half.name().to_owned(), schema::described(table, said));
        }
        let timeout = duration_or("How long a run may take.", TIMEOUT_DEFAULT, TIMEOUT_MAX);
        properties.insert("timeout".to_owned(), timeout);
        if self.effects == Effects::External {
            properties.insert(RETRY.to_owned(), RetryPolicy::schema());
        }
        let required = required.iter().map(String::as_str).collect::<Vec<_>>();
        let mut whole = schema::object(Value::Object(properties), &required);
        if !definitions.is_empty() {
            whole["$defs"] = Value::Object(definitions);
        }
        whole
    }
}

/// Shows every key that a schema declares at its top, with its own schema.
fn properties<'s>(root: &'s Value, show: &mut dyn FnMut(&str, &'s Value)) {
    let (mut left, mut seen) = (vec![root], HashSet::new());
    while let Some(schema) = left.pop() {
        // A schema may refer to itself, in as many ways as it likes.
        if !seen.insert(std::ptr::from_ref(schema)) {
            continue;
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            show(name, inner);
        }
        let alternatives =
            ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        let definition = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        let referred = definition.and_then(|name| root["$defs"].get(name));
        let first = left.len();
        left.extend(alternatives.chain(referred));
        // In the order in which they stand.
        left[first..].reverse();
    }
}

/// The parts of a file's schema.
#[derive(Default)]
struct OfFile {
    properties: Map<String, Value>,
    required: Vec<String>,
    tables: BTreeMap<Half, (Map<String, Value>, Vec<String>)>,
    definitions: Map<String, Value>,
}

impl OfFile {
    fn add(&mut self, keys: &Keys, id: &str, half: Half, schema: &Value) {
        let whole = format!("{id}.{}", half.name());
        let mut is_whole_needed = false;
        let mut moved = |schema: &Value| {
            let mut schema = schema.clone();
            is_whole_needed |= move_references(&mut schema, &whole);
            as_written(&mut schema);
            schema
        };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        properties(schema, &mut |name, inner| {
            let inner = moved(inner);
            let is_required = required.contains(&name);
            let (into, of_required) = if keys.is_taken(name) {
                let table = self.tables.entry(half).or_default();
                (&mut table.0, &mut table.1)
            } else {
                (&mut self.properties, &mut self.required)
            };
            if let Some(there) = into.get_mut(name) {
                return or_also(there, inner);
            }
            into.insert(name.to_owned(), inner);
            if is_required {
                of_required.push(name.to_owned());
            }
        });
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            self.definitions.insert(format!("{whole}.{name}"), moved(definition));
        }
        if is_whole_needed {
            let mut all = schema.clone();
            if let Some(all) = all.as_object_mut() {
                all.shift_remove("$defs");
                all.shift_remove("$schema");
            }
            move_references(&mut all, &whole);
            as_written(&mut all);
            self.definitions.insert(whole, all);
        }
    }
}

/// Keywords that do not say what a value may be.
const WORDS: [&str; 5] = ["title", "description", "default", "examples", Hints::KEY];

/// Makes of what a value must be what its author must write: in the place of a secret its name, and in the place of a template's text
/// perhaps something that is filled in.
fn as_written(schema: &mut Value) {
    let hints = Hints::known_of(schema).unwrap_or_default();
    let of_items = schema.get("items").is_some();
    match schema {
        Value::Object(members) if hints.secret => {
            members.retain(|key, _| WORDS.contains(&key.as_str()));
            members.insert("type".to_owned(), "string".into());
            members.insert("pattern".to_owned(), schema::SECRET_PATTERN.into());
        }
        Value::Object(members) if hints.template.is_some() && of_items => {
            members.entry("items").and_modify(or_template);
        }
        Value::Object(_) if hints.template.is_some() => or_template(schema),
        Value::Object(members) => {
            members
                .iter_mut()
                .filter(|(key, _)| key.as_str() != Hints::KEY)
                .for_each(|(_, inner)| as_written(inner));
        }
        Value::Array(items) => items.iter_mut().for_each(as_written),
        _ => {}
    }
}

/// The same, or a text with something to fill in.
fn or_template(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let (words, rest): (Map<_, _>, Map<_, _>) =
        std::mem::take(members).into_iter().partition(|(key, _)| WORDS.contains(&key.as_str()));
    *members = words;
    if rest.len() == 1 && rest.get("type").is_some_and(|kind| kind == "string") {
        members.extend(rest);
        return;
    }
    members.insert("anyOf".to_owned(), json!([rest, {"type": "string", "pattern": r"\{\{"}]));
}

/// The same, or what another alternative says of the same key.
fn or_also(schema: &mut Value, other: Value) {
    if *schema == other {
        return;
    }
    let words = schema.as_object().into_iter().flatten().filter(|(key, _)| WORDS.contains(&key.as_str()));
    let mut both: Map<_, _> = words.map(|(key, word)| (key.clone(), word.clone())).collect();
    both.insert("anyOf".to_owned(), json!([schema.take(), other]));
    *schema = Value::Object(both);
}

/// Makes a schema's references lead to definitions that begin with a name of their own; whether one leads to the whole schema.
fn move_references(schema: &mut Value, whole: &str) -> bool {
    match schema {
        Value::Object(members) => {
            let mut leads_to_all = false;
            for (key, value) in members {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        leads_to_all |= reference == "#";
                        let name = reference.strip_prefix("#/$defs/").map(|name| format!(".{name}"));
                        *reference = format!("#/$defs/{whole}{}", name.unwrap_or_default());
                    }
                    value => leads_to_all |= move_references(value, whole),
                }
            }
            leads_to_all
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| any | move_references(item, whole)),
        _ => false,
    }
}
