//! One action on many tasks, and how many executions are doing.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    bulk_retries,
    error::ApiError,
    executions::{Address, Asked, action, depth, idempotency_key, key_of, keyed, summary},
    json as answer,
    need::Need,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    engine::{Perform, Performed},
    model::{
        Execution, FieldErrors, Performer, Right, TaskId, perform::IdempotencyKey, workspace::Published,
    },
};

/// Tasks, or executions, of one request.
pub(super) const AT_ONCE_MAX: usize = 1_000;

/// How many of them are under way at a time, so that one request does not take every place there is, nor all that their
/// endpoint has.
pub(super) const SIDE_BY_SIDE: usize = 32;

/// How long the next one waits for one that takes its time.
const WAIT_MAX: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Vec<Route> {
    let many =
        operation("performOnMany", Need::Perform, "Performs an action on many tasks; some may be refused")
            .takes(of("NewBulk"))
            .answers(200, "What became of each, in the order of the tasks", of("Bulk"))
            .refuses(&[
                Code::InvalidParameter,
                Code::ActionNotFound,
                Code::InvalidFields,
                Code::UserNotFound,
            ]);
    vec![
        at("/workflows/{workflow}/bulk_executions")
            .post(perform, keyed(many, "A repeated request with it performs nothing twice")),
        at("/workflows/{workflow}/bulk_retries").post(bulk_retries::retry, bulk_retries::documented()),
        at("/workflows/{workflow}/executions/statuses").post(
            statuses,
            operation("readStatuses", Need::View, "How many executions are doing")
                .takes(of("ExecutionIds"))
                .answers(200, "Those that there are, in the order of the ids", list_of("Execution")),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBulk {
    action_id: String,
    /// Unique IDs, else ids.
    task_ids: Vec<Address>,
    /// In whose name: a user's email or id.
    performed_by: Option<String>,
}

/// What is the same for each task.
struct Bulk<'a> {
    api: &'a Api,
    request: &'a HttpRequest,
    caller: &'a Caller,
    published: Published,
    action: usize,
    performer: Performer,
    asked: &'a NewBulk,
    depth: u32,
}

/// A task of a bulk, before anything is performed.
enum Named {
    /// An earlier request with this key has performed it.
    Before(Box<Execution>),
    ToPerform(TaskId, Option<IdempotencyKey>),
}

impl Named {
    fn task(&self) -> TaskId {
        match self {
            Self::Before(execution) => execution.task,
            Self::ToPerform(task, _) => *task,
        }
    }
}

async fn perform(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    body: Body<NewBulk>,
) -> Result<HttpResponse, ApiError> {
    let asked = &body.0;
    limited("task_ids", asked.task_ids.len())?;
    let mut seen = HashSet::new();
    if let Some(twice) = asked.task_ids.iter().find(|address| !seen.insert(&address.0)) {
        let mut errors = FieldErrors::default();
        errors.add("task_ids", format!("names the task `{}` twice", twice.0));
        return Err(ApiError::fields(&errors));
    }
    // What is wrong for one is wrong for all.
    key_of(&request)?;
    let published = caller.workflow(&path)?;
    let action = action(&published, &asked.action_id)?;
    let right = Right::Perform(&published.workflow.actions[action].id);
    let performer = caller.performer_of(&published.workflow, right, asked.performed_by.as_deref())?;
    let depth = depth(&request)?;
    let bulk =
        Bulk { api: &api, request: &request, caller: &caller, published, action, performer, asked, depth };
    let named = stream::iter(&asked.task_ids).map(|address| bulk.find(address));
    let mut named: Vec<_> = named.buffered(SIDE_BY_SIDE).collect().await;
    each_once(&mut named);
    let all = stream::iter(named).map(|named| bulk.perform(named));
    let all: Vec<_> = all.buffered(SIDE_BY_SIDE).collect().await;
    let accepted = all.iter().filter(|one| one.is_ok()).count();
    let shown = asked.task_ids.iter().zip(&all).map(|(address, one)| {
        let mut shown = one.as_ref().map_or_else(ApiError::body, summary);
        shown.insert("task_id".to_owned(), json!(address.0));
        shown
    });
    let shown: Vec<_> = shown.collect();
    let body = json!({"accepted": accepted, "refused": all.len() - accepted, "executions": shown});
    answer(HttpResponse::Ok(), &body)
}

fn limited(what: &str, count: usize) -> Result<(), ApiError> {
    if (1..=AT_ONCE_MAX).contains(&count) {
        return Ok(());
    }
    Err(ApiError::new(Code::InvalidBody, format!("`{what}` takes 1 to {AT_ONCE_MAX} of them, not {count}")))
}

/// A task that is named in two ways is performed by its first name alone, in a repeated request too.
fn each_once(named: &mut [Result<Named, ApiError>]) {
    let mut tasks = HashSet::new();
    for one in named {
        if one.as_ref().is_ok_and(|named| !tasks.insert(named.task())) {
            *one = Err(ApiError::new(Code::InvalidFields, "`task_ids` names this task twice"));
        }
    }
}

impl Bulk<'_> {
    async fn find(&self, address: &Address) -> Result<Named, ApiError> {
        let Self { api, request, caller, asked, .. } = self;
        let key = Asked {
            task: &address.0,
            action: &asked.action_id,
            performed_by: asked.performed_by.as_deref(),
            is_one_of_many: true,
        };
        let key = idempotency_key(request, caller, key)?;
        if let Some(performed) = api.performed_before(key.as_ref()).await? {
            return Ok(Named::Before(Box::new(performed.execution)));
        }
        Ok(Named::ToPerform(api.task(&self.published.workflow, &address.0).await?.id, key))
    }

    /// On disk when this returns.
    async fn perform(&self, named: Result<Named, ApiError>) -> Result<Execution, ApiError> {
        let (task, key) = match named? {
            Named::Before(execution) => return Ok(*execution),
            Named::ToPerform(task, key) => (task, key),
        };
        let Published { version, workflow, .. } = &self.published;
        let perform = Perform {
            workflow: Arc::clone(workflow),
            version: *version,
            action: self.action,
            task,
            performer: self.performer.clone(),
            key,
            depth: self.depth,
            is_awaited: true,
        };
        Ok(waited(self.api.engine.perform(perform).await?).await)
    }
}

/// The execution as it has become, or as it is after a while.
pub(super) async fn waited(performed: Performed) -> Execution {
    let Performed { execution, ended, .. } = performed;
    let Some(ended) = ended else { return execution };
    tokio::time::timeout(WAIT_MAX, ended).await.ok().and_then(Result::ok).unwrap_or(execution)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecutionIds {
    ids: Vec<String>,
}

/// For whoever follows a bulk: the public shape of each, in one request.
async fn statuses(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: Body<ExecutionIds>,
) -> Result<HttpResponse, ApiError> {
    let ids = &body.0.ids;
    limited("ids", ids.len())?;
    let workflow = caller.workflow(&path)?.workflow;
    let found = stream::iter(ids.iter().filter_map(|id| id.parse().ok())).map(|id| api.store().execution(id));
    let mut found = found.buffered(SIDE_BY_SIDE);
    let mut shown = Vec::<Map<String, Value>>::with_capacity(ids.len());
    while let Some(execution) = found.next().await {
        shown.extend(execution?.filter(|it| it.workflow == workflow.id).as_ref().map(summary));
    }
    answer(HttpResponse::Ok(), &shown)
}
