//! Executions: perform an action, see how it went.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Api, BASE, Code,
    auth::Caller,
    body::{Body, OptionalBody},
    error::ApiError,
    execution_detail, execution_list, json as answer,
    need::Need,
    route::{Operation, Route, at, of, operation},
};
use crate::{
    engine::{Perform, Performed, Retry},
    model::{
        DEPTH_HEADER, Execution, Refusal, Right, State, StepId, Workflow, WorkflowId,
        perform::{IdempotencyKey, RetryOnto, RetryTarget},
        template::percent_encode,
        workspace::Published,
    },
    publish,
    store::ExecutionDetail,
};

/// How often a repeated request looks whether the execution has ended.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Characters of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// The longest that `Prefer: wait` may ask for.
const WAIT_SECONDS_MAX: u64 = 60;

pub(super) fn routes() -> Vec<Route> {
    let wait = format!(
        "`wait=N`: answers when it has ended or is parked, after N seconds (at most {WAIT_SECONDS_MAX}) at the \
         latest; `Pending` at once, without `Preference-Applied`, where it stands in line behind another one of its task"
    );
    let waits = |operation: Operation| operation.header("Prefer", json!({"type": "string"}), &wait);
    let create_one = waits(operation("createExecution", Need::Perform, "Performs an action on a task"))
        .takes(of("NewExecution"))
        .answers(201, "The execution", of("Execution"))
        .refuses(&[
            Code::InvalidParameter,
            Code::TaskNotFound,
            Code::ActionNotFound,
            Code::UserNotFound,
            Code::ActionNotAvailable,
            Code::RequirementsNotMet,
            Code::IdempotencyKeyReused,
        ]);
    let retry_one = waits(operation("retryExecution", Need::Perform, "Goes on from the step that failed"))
        .may_take(of("RetryExecution"))
        .answers(201, "The execution", of("Execution"))
        .refuses(&[Code::InvalidParameter, Code::StepGone, Code::NotPossibleNow, Code::TaskNotFound]);
    let changes = |operation: Operation| {
        operation.answers(200, "The execution", of("Execution")).refuses(&[Code::NotPossibleNow])
    };
    vec![
        at("/workflows/{workflow}/executions")
            .get(execution_list::list, execution_list::documented())
            .post(create, keyed(create_one, "A repeated request with it is the same execution")),
        at("/workflows/{workflow}/executions/{execution}").get(
            execution_detail::read,
            operation("readExecution", Need::View, "An execution with its attempts").answers(
                200,
                "The execution",
                of("ExecutionDetail"),
            ),
        ),
        at("/workflows/{workflow}/executions/{execution}/retry").post(retry, retry_one),
        at("/workflows/{workflow}/executions/{execution}/cancel").post(
            cancel,
            changes(operation("cancelExecution", Need::Perform, "Ends an execution")).also_archived(),
        ),
        at("/workflows/{workflow}/executions/{execution}/dismiss").post(
            dismiss,
            changes(operation("dismissExecution", Need::Perform, "Closes a failure")).also_archived(),
        ),
    ]
}

/// An operation that takes an `Idempotency-Key`, and what that does for it.
pub(super) fn keyed(operation: Operation, says: &str) -> Operation {
    let pattern = "^[!-~]([ -~]*[!-~])?$";
    let key = json!({"type": "string", "maxLength": IDEMPOTENCY_KEY_CHARS_MAX, "pattern": pattern});
    operation.header("Idempotency-Key", key, says)
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
pub(super) struct Address(pub(super) String);

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
    let depth = depth(&request)?;
    let asked = &body.0;
    let key = idempotency_key(
        &request,
        &caller,
        Asked {
            task: &asked.task_id.0,
            action: &asked.action_id,
            performed_by: asked.performed_by.as_deref(),
            is_one_of_many: false,
        },
    )?;
    if let Some(performed) = api.performed_before(key.as_ref()).await? {
        return answer_performed(&api, &path, performed, wait).await;
    }
    let published = caller.workflow(&path)?;
    let action = action(&published, &body.0.action_id)?;
    let right = Right::Perform(&published.workflow.actions[action].id);
    let performer = caller.performer_of(&published.workflow, right, body.0.performed_by.as_deref())?;
    let task = api.task(&published.workflow, &body.0.task_id.0).await?;
    let Published { version, workflow, .. } = published;
    let (task, is_awaited) = (task.id, wait.is_some());
    let perform = Perform { workflow, version, action, task, performer, key, depth, is_awaited };
    let performed = api.engine.perform(perform).await?;
    answer_performed(&api, &path, performed, wait).await
}

/// 201 with the execution as it is, or as it has become when its end was to be waited for.
async fn answer_performed(
    api: &Api,
    workflow: &str,
    performed: Performed,
    wait: Option<Duration>,
) -> Result<HttpResponse, ApiError> {
    let Performed { mut execution, ended, is_repeated } = performed;
    // Behind another execution of its task the answer comes at once, whatever was preferred.
    let wait = wait.filter(|_| ended.is_some() || is_repeated);
    if let Some(wait) = wait {
        // The end, or the time, whichever is first; without an end it is still pending.
        match ended {
            Some(ended) => {
                if let Ok(Ok(last)) = tokio::time::timeout(wait, ended).await {
                    execution = last;
                }
            }
            None => execution = api.settled(execution, wait).await?,
        }
    }
    let mut response = HttpResponse::Created();
    if let Some(wait) = wait {
        response.insert_header(("Preference-Applied", format!("wait={}", wait.as_secs())));
    }
    response.insert_header((header::LOCATION, api.location(workflow, &execution)));
    answer(response, &summary(&execution))
}

fn no_execution(workflow: &str, id: &str) -> ApiError {
    let message = format!("the workflow `{workflow}` has no execution `{id}`");
    ApiError::new(Code::ExecutionNotFound, message)
}

impl Api {
    fn location(&self, workflow: &str, execution: &Execution) -> String {
        let mut location = format!("{}{BASE}/workflows/", self.public_path());
        percent_encode(workflow, &mut location);
        location.push_str("/executions/");
        location.push_str(&execution.id.to_string());
        location
    }

    /// An execution of a workflow, with its attempts.
    pub(super) async fn execution(
        &self,
        caller: &Caller,
        workflow: &str,
        id: &str,
    ) -> Result<ExecutionDetail, ApiError> {
        let published = caller.workflow(workflow)?;
        let found = match id.parse() {
            Ok(id) => self.store().execution_detail(id).await?,
            Err(_) => None,
        };
        found
            .filter(|found| found.execution.workflow == published.workflow.id)
            .ok_or_else(|| no_execution(workflow, id))
    }

    /// An execution without them, for somebody who decides about it: who may perform its action.
    async fn decided(&self, caller: &Caller, workflow: &str, id: &str) -> Result<Execution, ApiError> {
        let published = caller.workflow(workflow)?;
        let found = match id.parse() {
            Ok(id) => self.store().execution(id).await?,
            Err(_) => None,
        };
        let execution = found
            .filter(|found| found.workflow == published.workflow.id)
            .ok_or_else(|| no_execution(workflow, id))?;
        caller.allow(&published.workflow, Right::Perform(&execution.action))?;
        Ok(execution)
    }

    /// What an earlier request with the same idempotency key has brought. Looked for first: such a request
    /// answers as it did then, whatever has become of its task, its action or its user.
    pub(super) async fn performed_before(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Performed>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        let (earlier, now) = (self.store().admitted(key.scope).await?, self.shared.clock.now());
        let Some(earlier) = earlier.filter(|earlier| earlier.is_remembered(now)) else { return Ok(None) };
        let Some(execution) = self.shared.admitted(earlier.execution).await? else { return Ok(None) };
        if earlier.body != key.body {
            return Err(Refusal::KeyReused.into());
        }
        Ok(Some(Performed { execution, ended: None, is_repeated: true }))
    }

    /// An execution that somebody else waits for: looked at again and again until it is final or
    /// parked, or the time is over. Not one that stands behind another: who asks may be what that one
    /// waits for.
    async fn settled(&self, execution: Execution, wait: Duration) -> Result<Execution, ApiError> {
        let until = Instant::now() + wait;
        let mut execution = execution;
        while matches!(execution.state, State::Running { .. } | State::Retrying { .. })
            && Instant::now() < until
        {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some(found) = self.store().execution(execution.id).await? {
                execution = found;
            }
        }
        Ok(execution)
    }

    /// A version of a workflow, also one that no open execution has kept.
    pub(super) async fn version(
        &self,
        workflow: &WorkflowId,
        version: u32,
    ) -> Result<Arc<Workflow>, ApiError> {
        let shared = &self.shared;
        let found = publish::version(&*shared.store, &shared.workspace, workflow, version);
        found.await?.ok_or_else(|| {
            let message =
                format!("version {version} of the workflow `{workflow}` cannot be read on this server");
            ApiError::new(Code::StepTypeMissing, message)
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct RetryExecution {
    #[serde(default)]
    version: RetryVersion,
}

/// Which version of the action a Retry goes on with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RetryVersion {
    /// The one that the execution began with.
    #[default]
    Pinned,
    /// The one that is published now.
    Current,
}

async fn retry(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    caller: Caller,
    body: OptionalBody<RetryExecution>,
) -> Result<HttpResponse, ApiError> {
    let wait = preferred_wait(&request)?;
    let (workflow_id, id) = path.into_inner();
    let execution = api.decided(&caller, &workflow_id, &id).await?;
    let performed = match body.0.version {
        RetryVersion::Pinned => api.retried(execution, wait.is_some()).await?,
        RetryVersion::Current => {
            let pinned = api.version(&execution.workflow, execution.version).await?;
            let Published { workflow, version, .. } = caller.workflow(&workflow_id)?;
            let onto = RetryOnto::Version { version, step: failed_step(&execution, &pinned)? };
            api.retried_onto(execution, onto, workflow, version, wait.is_some()).await?
        }
    };
    answer_performed(&api, &workflow_id, performed, wait).await
}

impl Api {
    /// Goes on with an execution on the version that it began with.
    pub(super) async fn retried(
        &self,
        execution: Execution,
        is_awaited: bool,
    ) -> Result<Performed, ApiError> {
        let (workflow, version) =
            (self.version(&execution.workflow, execution.version).await?, execution.version);
        self.retried_onto(execution, RetryOnto::Pinned, workflow, version, is_awaited).await
    }

    async fn retried_onto(
        &self,
        execution: Execution,
        onto: RetryOnto,
        workflow: Arc<Workflow>,
        version: u32,
        is_awaited: bool,
    ) -> Result<Performed, ApiError> {
        let mut actions = workflow.actions.iter();
        let action = actions.position(|action| action.id == execution.action).ok_or_else(|| {
            ApiError::new(
                Code::StepGone,
                format!("the workflow no longer has the action `{}`", execution.action),
            )
        })?;
        let target = RetryTarget { seen: execution.place, failed: execution.state.clone(), onto };
        let retry = Retry { execution, target, workflow, version, action, is_awaited };
        Ok(self.engine.retry(retry).await?)
    }
}

/// The id of the step at which an execution failed.
fn failed_step(execution: &Execution, workflow: &Workflow) -> Result<StepId, ApiError> {
    let action = workflow.action(execution.action.as_str());
    let step = execution.state.step().and_then(|step| action?.steps.get(step));
    step.map(|step| step.id.clone()).ok_or_else(|| {
        ApiError::new(
            Code::NotPossibleNow,
            format!("the execution is {} and failed at no step", execution.state.name()),
        )
    })
}

async fn cancel(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let execution = api.decided(&caller, &path.0, &path.1).await?;
    // Its action says whether its changes are taken back.
    let _ = api.version(&execution.workflow, execution.version).await;
    answer(HttpResponse::Ok(), &summary(&api.shared.cancel(&execution).await?))
}

async fn dismiss(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let execution = api.decided(&caller, &path.0, &path.1).await?;
    answer(HttpResponse::Ok(), &summary(&api.shared.dismiss(&execution).await?))
}

/// `Onward-Depth`, as a call of a step brings it to a receiver that performs an action in turn.
pub(super) fn depth(request: &HttpRequest) -> Result<u32, ApiError> {
    let Some(value) = request.headers().get(DEPTH_HEADER) else { return Ok(0) };
    value.to_str().ok().and_then(|value| value.trim().parse().ok()).ok_or_else(|| {
        let message = format!("`{DEPTH_HEADER}` takes the number that a call of ours came with");
        ApiError::new(Code::InvalidParameter, message)
    })
}

/// What an `Idempotency-Key` is for.
pub(super) struct Asked<'a> {
    pub(super) task: &'a str,
    pub(super) action: &'a str,
    pub(super) performed_by: Option<&'a str>,
    /// The same key is for other tasks of the request, too.
    pub(super) is_one_of_many: bool,
}

/// The `Idempotency-Key` that a request came with.
pub(super) fn key_of(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let Some(value) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let is_key = |key: &&str| {
        (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len())
            && key.bytes().all(|c| (b' '..=b'~').contains(&c))
    };
    let key = value.to_str().ok().map(str::trim).filter(is_key).ok_or_else(|| {
        let message =
            format!("`Idempotency-Key` takes 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters");
        ApiError::new(Code::InvalidParameter, message)
    });
    key.map(Some)
}

/// `Idempotency-Key`: who sends what, where, so that a repeated request is the same one.
pub(super) fn idempotency_key(
    request: &HttpRequest,
    caller: &Caller,
    asked: Asked<'_>,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(key) = key_of(request)? else { return Ok(None) };
    let digest = |parts: &[&str]| -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finalize().into()
    };
    // What is asked for, not how it was written: white space and the order of keys say nothing.
    let Asked { task, action, performed_by, is_one_of_many } = asked;
    let body = digest(&[task, action, performed_by.map_or("-", |_| "+"), performed_by.unwrap_or_default()]);
    let mut scope = vec![caller.id(), request.path(), key];
    scope.extend(is_one_of_many.then_some(task));
    Ok(Some(IdempotencyKey { scope: digest(&scope), body }))
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

/// The action's index in its workflow.
pub(super) fn action(published: &Published, id: &str) -> Result<usize, ApiError> {
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

/// The public shape.
pub(super) fn summary(execution: &Execution) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(execution.id.to_string()));
    shown.insert("status".to_owned(), json!(execution.state.status().as_str()));
    if let Some(failure) = execution.state.failure() {
        shown.insert("errors".to_owned(), json!([failure.message]));
    }
    shown
}
