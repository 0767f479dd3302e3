//! A definition as it comes: the text of a file, or a document, which says the same in JSON.
//!
//! There is one reader, of TOML. A document is put into TOML, each value where it stood, and what the report says of a place
//! leads back to it as a JSON pointer.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::toml_text;
use crate::toml_file::{Diagnostic, Diagnostics, escaped};

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
        note_nulls(&format!("/{}", escaped(key)), value, &mut problems);
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

/// Notes the nulls in lists, where one cannot be as if it were not there.
fn note_nulls(path: &str, value: &Value, problems: &mut Vec<Diagnostic>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}/{index}");
                if item.is_null() {
                    let message = "a list must not have a null in it".to_owned();
                    let help = Some("leave it out".to_owned());
                    let key = Some((0..0, path));
                    problems.push(Diagnostic { code: "wrong_type", message, span: 0..0, help, key });
                    return;
                }
                note_nulls(&path, item, problems);
            }
        }
        Value::Object(table) => {
            for (key, value) in table {
                note_nulls(&format!("{path}/{}", escaped(key)), value, problems);
            }
        }
        _ => {}
    }
}
