//! The canonical writer: a [`Workflow`] becomes the one text that says it.
//!
//! What is read from that text is equal to what was written, and is written as the same text again. What
//! would be understood anyway (a default, an id that follows from the name) is left out. Comments are not part
//! of a workflow, so the text has none.

use serde_json::{Map, Value};

use super::{
    toml_text::{entry, fits, key},
    written::{Detail, tree},
};
use crate::model::Workflow;

/// What is written below a header of its own, always; the lists item by item.
const PARTS: [&str; 8] = [
    "fields",
    "stages",
    "roles",
    "actions",
    "actions.requires",
    "actions.requires.conditions",
    STEPS,
    "alerts",
];

const STEPS: &str = "actions.steps";

/// The text of a workflow file that says this workflow.
pub fn write(workflow: &Workflow) -> String {
    let mut text = Text(String::new());
    text.table("", &tree(workflow, Detail::File));
    text.0
}

struct Text(String);

impl Text {
    fn header(&mut self, header: &str) {
        self.0.push('\n');
        self.0.push_str(header);
        self.0.push('\n');
    }

    /// The keys of a table, then its parts, since what follows a header belongs to it.
    fn table(&mut self, path: &str, table: &Map<String, Value>) {
        let mut parts = Vec::new();
        for (name, value) in table {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if PARTS.contains(&&*path) {
                parts.push((path, value));
            } else {
                self.0.push_str(&entry(name, value));
            }
        }
        for (path, value) in parts {
            self.part(&path, value);
        }
    }

    fn part(&mut self, path: &str, value: &Value) {
        match value {
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_object) {
                    self.header(&format!("[[{path}]]"));
                    if path == STEPS { self.params(path, item) } else { self.table(path, item) }
                }
            }
            Value::Object(table) => {
                // One that has parts alone is there by theirs.
                if table.keys().any(|name| !PARTS.contains(&&*format!("{path}.{name}"))) {
                    self.header(&format!("[{path}]"));
                }
                self.table(path, table);
            }
            _ => {}
        }
    }

    /// Those that fit a line first, since what follows a header belongs to it; then a table for each other one.
    fn params(&mut self, path: &str, params: &Map<String, Value>) {
        let mut tables = Vec::new();
        for (name, value) in params {
            match value {
                Value::Object(table) if !fits(name, value) => tables.push((name, table)),
                _ => self.0.push_str(&entry(name, value)),
            }
        }
        for (name, table) in tables {
            let path = format!("{path}.{}", key(name));
            self.header(&format!("[{path}]"));
            self.params(&path, table);
        }
    }
}
