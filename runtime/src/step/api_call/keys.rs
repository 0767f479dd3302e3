//! Tables within a step's parameters, whose texts are templates: `auth = { basic = { … } }`, `tls = { … }`.

use serde_json::{Map, Value};

use crate::{
    model::template::{Destination, Template},
    step::{
        params::{Params, last_key},
        setting,
    },
};

/// The keys of a table in a parameter.
pub(super) struct Keys {
    /// Where the table stands: `tls`, `auth/basic`.
    path: &'static str,
    table: Map<String, Value>,
}

impl Keys {
    pub(super) fn new(path: &'static str, table: Map<String, Value>) -> Self {
        Self { path, table }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key stands.
    pub(super) fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.path)
    }

    pub(super) fn optional(&mut self, params: &mut Params<'_>, key: &str) -> Option<String> {
        match self.table.shift_remove(key)? {
            Value::String(text) => Some(text),
            _ => {
                params.problem(&self.at(key), "wrong_type", format!("`{key}` must be a text"));
                None
            }
        }
    }

    pub(super) fn required(&mut self, params: &mut Params<'_>, key: &str) -> Option<String> {
        if !self.has(key) {
            params.problem(self.path, "missing_key", format!("`{}` needs `{key}`", last_key(self.path)));
        }
        self.optional(params, key)
    }

    pub(super) fn text(&mut self, params: &mut Params<'_>, key: &str) -> Option<Template> {
        let source = self.required(params, key)?;
        params.template(&self.at(key), &source, Destination::Call)
    }

    pub(super) fn credential(&mut self, params: &mut Params<'_>, key: &str) -> Option<Template> {
        let source = self.required(params, key)?;
        setting::credential(params, &self.at(key), &source)
    }

    pub(super) fn finish(self, params: &mut Params<'_>, known: &[&str]) {
        for key in self.table.keys() {
            let message = format!("`{}` has no `{key}`", last_key(self.path));
            params.unknown(&self.at(key), message, known);
        }
    }
}
