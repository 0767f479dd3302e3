//! How a key and a value are written in TOML, each value in one form alone. The canonical writer calls it.
//!
//! It does not know what a workflow is. TOML has no null: it is written as an empty text.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::Value;

/// Characters of a line, beyond which a list or a table is written over several.
const LINE_CHARS_MAX: usize = 100;

/// A key, quoted where it must be.
pub(super) fn key(name: &str) -> Cow<'_, str> {
    let is_bare =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { Cow::Borrowed(name) } else { Cow::Owned(quoted(name)) }
}

/// One entry of a table, with the end of its line.
pub(super) fn entry(name: &str, value: &Value) -> String {
    let key = key(name);
    match value {
        Value::String(text) if is_multi_line(text) => format!("{key} = '''\n{text}'''\n"),
        Value::Array(items) if !fits(name, value) => {
            let items: String = items.iter().map(|item| format!("    {},\n", inline(item))).collect();
            format!("{key} = [\n{items}]\n")
        }
        _ => format!("{key} = {}\n", inline(value)),
    }
}

/// One entry of a table on one line, however long it is.
pub(super) fn line(name: &str, value: &Value) -> String {
    format!("{} = {}\n", key(name), inline(value))
}

/// Whether an entry can be read on one line.
pub(super) fn fits(name: &str, value: &Value) -> bool {
    !has_multi_line(value) && format!("{} = {}", key(name), inline(value)).chars().count() <= LINE_CHARS_MAX
}

/// A value without a line break.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => quoted(""),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let entry = |(name, value): (&String, &Value)| format!("{} = {}", key(name), inline(value));
            format!("{{ {} }}", table.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn has_multi_line(value: &Value) -> bool {
    match value {
        Value::String(text) => is_multi_line(text),
        Value::Array(items) => items.iter().any(has_multi_line),
        Value::Object(table) => table.values().any(has_multi_line),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a text has lines, and can stand between `'''` just as it is.
fn is_multi_line(text: &str) -> bool {
    text.contains('\n')
        && !text.contains("'''")
        && !text.ends_with('\'')
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// On one line: as it is where it has quotes or backslashes, as bodies in JSON do, else with escapes.
fn quoted(text: &str) -> String {
    let is_literal =
        text.contains(['"', '\\']) && !text.contains('\'') && !text.chars().any(char::is_control);
    if is_literal {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                // Writing into a text cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
