//! Files that a task's body names by their addresses (`remoteUrl`): fetched before the task is written, and from then on
//! like those whose bytes were sent. With a guard of their own: who changes tasks is not who writes steps.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{Api, error::ApiError};
use crate::{
    egress::{Exchange, Request},
    model::{
        FieldErrors, FieldType, Workflow,
        file::{CONTENT_TYPE, CONTENTS, FILENAME, REMOTE_URL},
    },
};

/// Files that one body may have fetched: each is held in memory until the task is written.
const FETCHED_MAX: usize = 10;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Puts the bytes of what is named by an address in its place. All problems at once, by field.
pub(super) async fn fetch(
    api: &Api,
    workflow: &Workflow,
    values: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    let is_file = |name: &str| {
        workflow.field_named(name).is_some_and(|field| matches!(field.kind, FieldType::File { .. }))
    };
    let fields = values.iter_mut().filter(|(name, _)| is_file(name));
    let entries = fields.flat_map(|(name, value)| {
        value.as_array_mut().into_iter().flatten().enumerate().map(move |(index, entry)| (name, index, entry))
    });
    let is_remote = |entry: &Value| entry.get(REMOTE_URL).is_some_and(Value::is_string);
    let remote: Vec<_> = entries.filter(|(_, _, entry)| is_remote(entry)).collect();
    if remote.is_empty() {
        return Ok(());
    }
    let _room = api.bodies.upload()?;
    let mut errors = FieldErrors::default();
    for (count, (name, index, entry)) in remote.into_iter().enumerate() {
        let fetched = match count < FETCHED_MAX {
            true => fetch_one(api, entry).await,
            false => Err(format!("is more than the {FETCHED_MAX} that are fetched at a time")),
        };
        if let Err(problem) = fetched {
            errors.add(name, format!("is invalid: file {} {problem}", index + 1));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::fields(&errors)) }
}

async fn fetch_one(api: &Api, entry: &mut Value) -> Result<(), String> {
    let Some(object) = entry.as_object_mut() else { return Ok(()) };
    if object.get(CONTENTS).is_some_and(|contents| !contents.is_null()) {
        return Err(format!("has both `{REMOTE_URL}` and `{CONTENTS}`"));
    }
    let Some(Value::String(url)) = object.remove(REMOTE_URL) else { return Ok(()) };
    let request = Request {
        method: "GET".to_owned(),
        url: url.clone(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
        timeout: TIMEOUT,
        response_bytes_max: api.bodies.file_bytes_max(),
        tls: None,
        route: None,
        gone_is_an_answer: true,
    };
    let Exchange { result, .. } = api.files.send(request).await;
    let answer = result.map_err(|error| format!("could not be fetched: {error}"))?;
    if !(200..300).contains(&answer.status) {
        return Err(format!(
            "could not be fetched: it was answered with {} {}",
            answer.status, answer.reason
        ));
    }
    let said = |key: &str| !object.get(key).is_none_or(Value::is_null);
    let (has_type, has_name) = (said(CONTENT_TYPE), said(FILENAME));
    if let (false, Some(content_type)) = (has_type, answer.header("content-type")) {
        object.insert(CONTENT_TYPE.to_owned(), json!(content_type));
    }
    if !has_name {
        object.insert(FILENAME.to_owned(), json!(filename(&url)));
    }
    object.insert(CONTENTS.to_owned(), json!(BASE64_STANDARD.encode(&answer.body)));
    Ok(())
}

/// The last part of an address's path.
fn filename(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let last = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next());
    last.filter(|name| !name.is_empty()).unwrap_or("file").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_its_address_ends() {
        for (url, expected) in [
            ("https://a.example/b/c.pdf?x=/y#z", "c.pdf"),
            ("https://a.example/", "file"),
            ("https://a.example", "file"),
            ("https://a.example/b/", "file"),
            ("https://a.example?x=1", "file"),
        ] {
            assert_eq!(filename(url), expected, "{url}");
        }
    }
}
