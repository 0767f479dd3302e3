//! Tables within a step's parameters, whose texts are templates: `auth = { basic = { … } }`, `tls = { … }`.

use serde_json::{Map, Value};

use crate::{
    model::template::{Destination, Template},
    step::params::Params,
};

/// A template that has a secret in it.
pub(super) fn credential(params: &mut Params<'_>, param: &'static str, source: &str) -> Option<Template> {
    let template = params.template(param, source, Destination::Call)?;
    if template.secrets().next().is_none() {
        params.problem(
            param,
            "plain_credential",
            "a credential stands here in plain text; set a secret and write {{secrets.NAME}}",
        );
        return None;
    }
    Some(template)
}

/// The keys of a table in a parameter.
pub(super) struct Keys {
    param: &'static str,
    kind: &'static str,
    table: Map<String, Value>,
}

impl Keys {
    pub(super) fn new(param: &'static str, kind: &'static str, table: Map<String, Value>) -> Self {
        Self { param, kind, table }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn optional(&mut self, params: &mut Params<'_>, key: &str) -> Option<String> {
        match self.table.shift_remove(key)? {
            Value::String(text) => Some(text),
            _ => {
                params.problem(self.param, "wrong_type", format!("`{key}` must be a text"));
                None
            }
        }
    }

    pub(super) fn required(&mut self, params: &mut Params<'_>, key: &str) -> Option<String> {
        if !self.has(key) {
            params.problem(self.param, "missing_key", format!("`{}` needs `{key}`", self.kind));
        }
        self.optional(params, key)
    }

    pub(super) fn text(&mut self, params: &mut Params<'_>, key: &str) -> Option<Template> {
        let source = self.required(params, key)?;
        params.template(self.param, &source, Destination::Call)
    }

    pub(super) fn credential(&mut self, params: &mut Params<'_>, key: &str) -> Option<Template> {
        let source = self.required(params, key)?;
        credential(params, self.param, &source)
    }

    pub(super) fn finish(self, params: &mut Params<'_>, known: &str) {
        for key in self.table.keys() {
            params.problem(
                self.param,
                "unknown_key",
                format!("`{}` has no `{key}`; it knows {known}", self.kind),
            );
        }
    }
}
