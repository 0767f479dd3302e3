//! What may not be meant in an API Call.

use serde_json::Value;

use super::super::{header::is_credential, retry};
use crate::{lint::StepFinding, model::StepDefinition};

pub(super) fn findings(step: &StepDefinition) -> Vec<StepFinding> {
    let mut findings = Vec::new();
    let headers = step.params.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        if is_credential(name) && value.as_str().is_some_and(is_plain) {
            findings.push(plain(format!("the header `{name}` seems to have a credential in plain text")));
        }
    }
    let url = step.params.get("url").and_then(Value::as_str).unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if is_credential(name) && is_plain(value) {
            findings.push(plain(format!("`{name}` in the URL seems to be a credential in plain text")));
        }
    }
    if written(url).any(|part| part.contains('#')) {
        findings.push(StepFinding {
            code: "fragment_not_sent",
            reason: "the URL has a `#`, and what stands behind one is not sent".to_owned(),
            remedy: "leave it out, or write %23 where a `#` is meant".to_owned(),
        });
    }
    findings.extend(retry::may_repeat(
        step,
        "let the receiver look at `webhook-id`, which is the same over all tries",
    ));
    findings
}

fn plain(reason: String) -> StepFinding {
    let remedy = "set a secret and write {{secrets.NAME}} in its place".to_owned();
    StepFinding { code: "plain_credential", reason, remedy }
}

/// What stands beside the places of a template.
fn written(template: &str) -> impl Iterator<Item = &str> {
    template.split("{{").map(|part| part.split_once("}}").map_or(part, |(_, rest)| rest))
}

/// Nothing that comes from elsewhere.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains("{{")
}
