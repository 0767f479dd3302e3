//! Whom a call trusts and who it is, beside what the settings say: `tls = { ca, certificate, key }`, all in PEM.

use std::sync::Arc;

use serde_json::{Value, json};

use super::keys::Keys;
use crate::{
    egress::{self, certificates},
    model::template::{Destination, Escape, RenderError, Scope, Template},
    step::{params::Params, schema},
};

pub(super) struct Tls {
    /// The authorities that are trusted instead of the others.
    ca: Option<Template>,
    /// The client's certificate and its key.
    identity: Option<(Template, Template)>,
}

impl Tls {
    /// `tls`, where there is one.
    pub(super) fn read(params: &mut Params<'_>) -> Option<Self> {
        let mut keys = Keys::new("tls", params.optional_table("tls", "{ ca = \"{{secrets.CA}}\" }")?);
        let ca = pem(params, &mut keys, "ca");
        let certificate = pem(params, &mut keys, "certificate");
        let key = keys.has("key").then(|| keys.credential(params, "key"));
        keys.finish(params, &["ca", "certificate", "key"]);
        let identity = match (certificate, key) {
            (None, None) if ca.is_none() => {
                params.problem(
                    "tls",
                    "invalid_param",
                    "`tls` needs `ca`, or `certificate` and `key`, or all three",
                );
                return None;
            }
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate?, key?)),
            _ => {
                params.problem("tls", "missing_key", "`tls` needs `certificate` and `key` together");
                return None;
            }
        };
        Some(Self { ca: ca.flatten(), identity })
    }

    pub(super) fn schema() -> Value {
        let keys = json!({
            "ca": schema::template("Authorities that are trusted instead of all others."),
            "certificate": schema::template("The client's certificate; needs `key`."),
            "key": schema::credential("The key of `certificate`."),
        });
        let mut schema = schema::object(keys, &[]);
        schema["minProperties"] = 1.into();
        schema["dependentRequired"] = json!({"certificate": ["key"], "key": ["certificate"]});
        schema::described(
            schema,
            "Whom the call trusts and who it is, where not as all others; texts in PEM.",
        )
    }

    /// The secrets that it needs.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.ca.iter().chain(identity).flat_map(Template::secrets)
    }

    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<Arc<egress::CallTls>, RenderError> {
        let text = |template: &Template| template.render(scope, Escape::Text);
        let identity = match &self.identity {
            Some((certificate, key)) => Some((text(certificate)?, text(key)?)),
            None => None,
        };
        Ok(Arc::new(egress::CallTls { authorities: self.ca.as_ref().map(text).transpose()?, identity }))
    }
}

/// Certificates: of a secret, or as they stand here, where anybody may read them. `None` where there are none.
fn pem(params: &mut Params<'_>, keys: &mut Keys, key: &'static str) -> Option<Option<Template>> {
    let source = keys.has(key).then(|| keys.optional(params, key))??;
    let place = keys.at(key);
    let template = params.template(&place, &source, Destination::Call);
    if !source.contains("{{")
        && let Err(problem) = certificates(source.as_bytes())
    {
        params.problem(
            &place,
            "invalid_param",
            format!(
                "`{key}`: the {problem}; write the text itself, or {{{{secrets.NAME}}}}, and no file's name"
            ),
        );
    }
    Some(template)
}
