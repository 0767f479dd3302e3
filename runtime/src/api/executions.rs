//! Executions: perform an action, see how it went.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Api, Code, auth::Caller, body::Body, error::ApiError, json as answer, resource};
use crate::{
    engine::Perform,
    model::{Attempt, Execution, Performer, Workspace, template::percent_encode, workspace::Published},
    store::ExecutionDetail,
};

/// The longest that `Prefer: wait` may ask for.
const WAIT_SECONDS_MAX: u64 = 60;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/workflows/{workflow}/executions").route(web::post().to(create)))
        .service(resource("/workflows/{workflow}/executions/{execution}").route(web::get().to(read)));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateExecution {
    /// The task's Unique ID, else its id.
    task_id: Address,
    action_id: String,
    /// In whose name: a user's email or id.
    performed_by: Option<String>,
}

/// A Unique ID may be a number; clients send it as one.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
struct Address(String);

impl TryFrom<Value> for Address {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err("it must be the task's Unique ID or id, as a text or a number"),
        }
    }
}

async fn create(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    body: Body<CreateExecution>,
) -> Result<HttpResponse, ApiError> {
    let wait = preferred_wait(&request)?;
    let published = api.workflow(&path)?;
    let performer = performer(&api.workspace().current(), &caller, body.0.performed_by.as_deref())?;
    let action = action(&published, &body.0.action_id)?;
    let task = api.task(&published.workflow, &body.0.task_id.0).await?;
    let Published { version, workflow } = published;
    let perform = Perform { workflow, version, action, task: task.id, performer };
    let performed = api.engine.perform(perform).await?;
    let mut execution = performed.execution;
    // Behind another execution of its task the answer comes at once, whatever was preferred.
    let wait = wait.filter(|_| performed.ended.is_some());
    if let (Some(wait), Some(ended)) = (wait, performed.ended) {
        // The end, or the time, whichever is first; without an end it is still pending.
        if let Ok(Ok(last)) = tokio::time::timeout(wait, ended).await {
            execution = last;
        }
    }
    let mut response = HttpResponse::Created();
    if let Some(wait) = wait {
        response.insert_header(("Preference-Applied", format!("wait={}", wait.as_secs())));
    }
    response.insert_header((header::LOCATION, location(&path, &execution)));
    answer(response, &summary(&execution))
}

fn location(workflow: &str, execution: &Execution) -> String {
    let mut location = "/api/v1/workflows/".to_owned();
    percent_encode(workflow, &mut location);
    location.push_str("/executions/");
    location.push_str(&execution.id.to_string());
    location
}

/// `Prefer: wait=N` (RFC 7240); other preferences are not ours and are ignored.
fn preferred_wait(request: &HttpRequest) -> Result<Option<Duration>, ApiError> {
    let preferences = request.headers().get_all("Prefer").filter_map(|value| value.to_str().ok());
    for preference in preferences.flat_map(|value| value.split([',', ';'])) {
        let Some((name, value)) = preference.split_once('=') else { continue };
        if !name.trim().eq_ignore_ascii_case("wait") {
            continue;
        }
        let seconds = value.trim().trim_matches('"').parse::<u64>().map_err(|_| {
            let message = format!("`Prefer: wait=SECONDS` takes a whole number up to {WAIT_SECONDS_MAX}");
            ApiError::new(Code::InvalidParameter, message)
        })?;
        return Ok(Some(Duration::from_secs(seconds.min(WAIT_SECONDS_MAX))));
    }
    Ok(None)
}

fn performer(
    workspace: &Workspace,
    caller: &Caller,
    performed_by: Option<&str>,
) -> Result<Performer, ApiError> {
    let Some(name) = performed_by else { return Ok(Performer::from(&*caller.0)) };
    workspace.directory.find(name).map(|user| Performer::from(&**user)).ok_or_else(|| {
        let message = format!("`performed_by`: there is no user `{name}`");
        ApiError::refused_execution(Code::UserNotFound, vec![message])
    })
}

/// The action's index in its workflow.
fn action(published: &Published, id: &str) -> Result<usize, ApiError> {
    let actions = &published.workflow.actions;
    actions.iter().position(|action| action.id.as_str() == id).ok_or_else(|| {
        let known: Vec<_> = actions.iter().map(|action| action.id.as_str()).collect();
        let message = format!(
            "the workflow `{}` has no action `{id}`; it has {}",
            published.workflow.id,
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
        ApiError::new(Code::ActionNotFound, message)
    })
}

fn summary(execution: &Execution) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(execution.id.to_string()));
    shown.insert("status".to_owned(), json!(execution.state.status().as_str()));
    if let Some(failure) = execution.state.failure() {
        shown.insert("errors".to_owned(), json!([failure.message]));
    }
    shown
}

async fn read(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    _: Caller,
) -> Result<HttpResponse, ApiError> {
    let (workflow, id) = path.into_inner();
    let published = api.workflow(&workflow)?;
    let mut found = None;
    if let Ok(id) = id.parse() {
        found = api.store().execution(id).await?;
    }
    let found = found.filter(|found| found.execution.workflow == published.workflow.id).ok_or_else(|| {
        ApiError::new(Code::ExecutionNotFound, format!("the workflow `{workflow}` has no execution `{id}`"))
    })?;
    answer(HttpResponse::Ok(), &detail(&found, &api.workspace().current()))
}

/// The public shape, and ours on top of it.
fn detail(found: &ExecutionDetail, workspace: &Workspace) -> Map<String, Value> {
    let ExecutionDetail { execution, attempts } = found;
    let mut shown = summary(execution);
    if let Some(failure) = execution.state.failure() {
        shown.insert("code".to_owned(), json!(failure.code));
    }
    shown.insert("state".to_owned(), json!(execution.state.name()));
    shown.insert("action_id".to_owned(), json!(execution.action.as_str()));
    shown.insert("version".to_owned(), json!(execution.version));
    shown.insert("created_at".to_owned(), json!(execution.created_at.to_string()));
    shown.insert("updated_at".to_owned(), json!(execution.updated_at.to_string()));
    let attempts: Vec<_> =
        attempts.iter().map(|attempt| shown_attempt(attempt, execution, workspace)).collect();
    shown.insert("attempts".to_owned(), Value::Array(attempts));
    shown
}

fn shown_attempt(attempt: &Attempt, execution: &Execution, workspace: &Workspace) -> Value {
    let workflow = workspace.version(&execution.workflow, execution.version);
    let action = workflow.and_then(|workflow| workflow.action(execution.action.as_str()));
    let step = action.and_then(|action| action.steps.get(attempt.step));
    let end = attempt.end.as_ref();
    json!({
        "number": attempt.number,
        "step": {
            "number": attempt.step + 1,
            "id": step.map(|step| step.id.as_str()),
            "name": step.map(|step| step.name.as_str()),
            "type": step.map(|step| &*step.type_id),
        },
        "started_at": attempt.started_at.to_string(),
        "ended_at": end.map(|end| end.at.to_string()),
        "outcome": end.map_or("running", |end| end.outcome),
        "warnings": end.map(|end| end.warnings.as_slice()).unwrap_or_default(),
        "record": end.and_then(|end| end.record.as_deref()).and_then(|text| serde_json::from_str::<Value>(text).ok()),
    })
}
