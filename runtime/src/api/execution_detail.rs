//! One execution as a page shows it: how it is doing, its whole chain of steps, and every attempt.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::{
    Api, auth::Caller, error::ApiError, executions::summary, json as answer, task_summary::summaries,
};
use crate::{
    model::{Action, Attempt, Execution, State, Workflow, document::ShownPerformer},
    store::ExecutionDetail,
};

pub(super) async fn read(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let found = api.execution(&caller, &path.0, &path.1).await?;
    // Steps are named by the version that they ran on; where it cannot be read they stay unnamed.
    let mut versions = BTreeMap::new();
    let pinned = found.execution.version;
    for version in found.attempts.iter().map(|attempt| attempt.version).chain([pinned]) {
        if let Entry::Vacant(unread) = versions.entry(version) {
            unread.insert(api.version(&found.execution.workflow, version).await.ok());
        }
    }
    let task = found.execution.task;
    let workflow = caller.workflow(&path.0)?.workflow;
    let mut shown = detail(&found, &versions);
    let summary = summaries(&api, &workflow, [task]).await?.remove(&task);
    shown.insert("task_summary".to_owned(), json!(summary));
    answer(HttpResponse::Ok(), &shown)
}

/// The versions that an execution's attempts ran on, as far as they can be read.
type Versions = BTreeMap<u32, Option<Arc<Workflow>>>;

/// The public shape, and ours on top of it.
fn detail(found: &ExecutionDetail, versions: &Versions) -> Map<String, Value> {
    let ExecutionDetail { execution, attempts } = found;
    let mut shown = summary(execution);
    if let Some(failure) = execution.state.failure() {
        shown.insert("code".to_owned(), json!(failure.code));
    }
    shown.insert("state".to_owned(), json!(execution.state.name()));
    let action = action_on(execution.version, execution, versions);
    let named = json!({"id": execution.action.as_str(), "name": action.map(|action| &action.name)});
    shown.insert("action".to_owned(), named);
    shown.insert("action_id".to_owned(), json!(execution.action.as_str()));
    shown.insert("performed_by".to_owned(), json!(ShownPerformer(&execution.performer)));
    shown.insert("steps".to_owned(), action.map(steps).unwrap_or_else(|| json!([])));
    shown.insert("version".to_owned(), json!(execution.version));
    shown.insert("depth".to_owned(), json!(execution.depth));
    match &execution.state {
        State::Waiting { until, .. } => {
            shown.insert("wakes_at".to_owned(), json!(until.to_string()));
        }
        State::Retrying { until, failure, .. } => {
            shown.insert("next_try_at".to_owned(), json!(until.to_string()));
            shown.insert("last_try".to_owned(), json!({"code": failure.code, "message": failure.message}));
        }
        State::Blocked { why, .. } => {
            shown.insert("blocked_by".to_owned(), json!(why));
        }
        _ => {}
    }
    shown.insert("task".to_owned(), json!(execution.task.to_string()));
    shown.insert("created_at".to_owned(), json!(execution.created_at.to_string()));
    shown.insert("updated_at".to_owned(), json!(execution.updated_at.to_string()));
    // Several tries of a step in a row are one attempt.
    let tries = attempts.chunk_by(|_, next| next.try_number > 1);
    let attempts: Vec<_> = tries.filter_map(|tries| shown_attempt(tries, execution, versions)).collect();
    shown.insert("attempts".to_owned(), Value::Array(attempts));
    shown
}

/// The action as a version has it, if that can be read.
fn action_on<'v>(version: u32, execution: &Execution, versions: &'v Versions) -> Option<&'v Action> {
    versions.get(&version)?.as_ref()?.action(execution.action.as_str())
}

/// All the steps of an action, those that have not begun, too.
fn steps(action: &Action) -> Value {
    let shown = action
        .steps
        .iter()
        .map(|step| json!({"id": step.id.as_str(), "name": step.name, "type": &*step.type_id}));
    shown.collect()
}

/// `tries`: in their order, at least one. The last one's end is the attempt's.
fn shown_attempt(tries: &[Attempt], execution: &Execution, versions: &Versions) -> Option<Value> {
    let (attempt, earlier) = tries.split_last()?;
    let action = action_on(attempt.version, execution, versions);
    let step = action.and_then(|action| action.steps.get(attempt.step));
    let mut shown = shown_try(attempt);
    shown["step"] = json!({
        "number": attempt.step + 1,
        "id": step.map(|step| step.id.as_str()),
        "name": step.map(|step| step.name.as_str()),
        "type": step.map(|step| &*step.type_id),
    });
    shown["version"] = json!(attempt.version);
    shown["earlier_tries"] = earlier.iter().map(shown_try).collect();
    Some(shown)
}

fn shown_try(attempt: &Attempt) -> Value {
    let end = attempt.end.as_ref();
    let failure = end.and_then(|end| end.failure.as_ref());
    let record = end.and_then(|end| end.record.as_deref());
    let record = record.and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "number": attempt.number,
        "try": attempt.try_number,
        "started_at": attempt.started_at.to_string(),
        "ended_at": end.map(|end| end.at.to_string()),
        "outcome": end.map_or("running", |end| end.outcome),
        "code": failure.map(|failure| &failure.code),
        "message": failure.map(|failure| &failure.message),
        "field_errors": end.map(|end| &end.field_errors),
        "warnings": end.map(|end| end.warnings.as_slice()).unwrap_or_default(),
        "curl": record.as_ref().and_then(curl),
        "record": record,
    })
}

/// A command that makes the same call, but for what is redacted.
fn curl(record: &Value) -> Option<String> {
    let request = record.get("request")?;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let (method, url) = (request["method"].as_str()?, request["url"].as_str()?);
    let mut command = format!("curl -X {method} {}", quoted(url));
    for header in request["headers"].as_array()? {
        let (name, value) = (header[0].as_str()?, header[1].as_str()?);
        command.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    match request["body"].as_str()? {
        "" => {}
        body => command.push_str(&format!(" --data-raw {}", quoted(body))),
    }
    match request["proxy"].as_str() {
        None => {}
        Some("direct") => command.push_str(" --noproxy '*'"),
        Some(proxy) => command.push_str(&format!(" --proxy {}", quoted(proxy))),
    }
    // Files that whoever runs it must have.
    if request["tls"]["ca"] == true {
        command.push_str(" --cacert ca.pem");
    }
    if request["tls"]["certificate"] == true {
        command.push_str(" --cert certificate.pem --key key.pem");
    }
    Some(command)
}
