//! A definition as it comes: the text of a file, or a document, which says the same in JSON.
//!
//! There is one reader, of TOML. A document is put into TOML, each value where it stood, and what the report says of a place
//! leads back to it as a JSON pointer.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::toml_text;
use crate::toml_file::{Diagnostic, Diagnostics, PROBLEMS_MAX, Segment, along};

/// What is to be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// TOML.
    Text(String),
    /// The same keys in JSON. One whose value is null is as if it were not there, for TOML has no null.
    Document(Map<String, Value>),
}

impl Source {
    /// `name`: what the report calls it.
    pub(super) fn toml(&self, name: &str) -> Result<Cow<'_, str>, Diagnostics> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Document(document) => toml(document)
                .map(Cow::Owned)
                .map_err(|problems| Diagnostics::new(name, "", problems).of_document()),
        }
    }
}

fn toml(document: &Map<String, Value>) -> Result<String, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    for (key, value) in document {
        note_nulls(value, &mut vec![Segment::Key(key)], &mut problems);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let said = document.iter().filter(|(_, value)| !value.is_null());
    Ok(said.map(|(key, value)| toml_text::line(key, &without_nulls(value))).collect())
}

/// The keys that have a value, at every depth.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(table) => {
            let said = table.iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        _ => value.clone(),
    }
}

/// Notes the nulls in lists, where one cannot be as if it were not there: one of each list, as far as a report shows them.
fn note_nulls<'a>(value: &'a Value, way: &mut Vec<Segment<'a>>, problems: &mut Vec<Diagnostic>) {
    // One more says that there are more.
    if problems.len() > PROBLEMS_MAX {
        return;
    }
    let mut within = |segment: Segment<'a>, value: &'a Value, problems: &mut Vec<Diagnostic>| {
        way.push(segment);
        if value.is_null() && matches!(segment, Segment::Index(_)) {
            let message = "a list must not have a null in it".to_owned();
            let help = Some("leave it out".to_owned());
            let key = Some((0..0, along(way)));
            problems.push(Diagnostic { code: "wrong_type", message, span: 0..0, help, key });
        } else {
            note_nulls(value, way, problems);
        }
        way.pop();
    };
    match value {
        Value::Array(items) => {
            let first = items.iter().position(Value::is_null).map_or(items.len(), |null| null + 1);
            for (index, item) in items[..first].iter().enumerate() {
                within(Segment::Index(index), item, problems);
            }
        }
        Value::Object(table) => {
            table.iter().for_each(|(key, value)| within(Segment::Key(key), value, problems));
        }
        _ => {}
    }
}
