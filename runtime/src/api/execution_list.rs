//! Lists of executions: those of a workflow, by pages, the newest first unless asked otherwise.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    executions::summary,
    json as answer,
    need::Need,
    page::{CURSOR, LIMIT, ListQuery, invalid, unknown},
    route::{Operation, list_of, of, operation},
    task_summary::{Summaries, summaries},
};
use crate::{
    clock::Ids,
    model::{
        ActionId, Execution, ExecutionId, ExecutionList, State, Status, TaskId, Timestamp, Workflow,
        Workspace, document::ShownPerformer, workspace::Published,
    },
    store::LOOKED_AT_MAX,
};

const LIMIT_DEFAULT: usize = 50;

/// What may stand in the query beside `_limit` and `_cursor`. Executions have no fields, so that no name can be
/// taken for one.
const FILTERS: [&str; 6] = ["task", "action", "status", "state", "since", "until"];

/// How a query calls the order, and which there are: the first one where nothing is said.
const ORDER: &str = "_order";
const ORDERS: [&str; 2] = ["newest", "oldest"];

/// Says that a page has fewer than asked for although the list goes on.
const SHORT_PAGE: &str = "Onward-Short-Page";

/// How far the instant in an execution's id may be from the one at which it was created: an id does not go back
/// when a clock is set back.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// What the OpenAPI document says of the list; its parameters are `FILTERS`.
pub(super) fn documented() -> Operation {
    let text = || json!({"type": "string"});
    let instant = || json!({"type": "string", "format": "date-time"});
    operation("listExecutions", Need::View, "A workflow's executions")
        .refuses(&[Code::TaskNotFound])
        .pages()
        .query("task", text(), "A task, by its Unique ID or id")
        .query("action", text(), "An action's id")
        .query("status", of("Status"), "The public status")
        .query("state", of("State"), "The state behind it")
        .query("since", instant(), "Not before")
        .query("until", instant(), "Before")
        .query(ORDER, json!({"enum": ORDERS, "default": ORDERS[0]}), "Which is first")
        .answers(200, "The executions", list_of("ExecutionItem"))
}

pub(super) async fn list(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let Published { workflow, .. } = caller.workflow(&path)?;
    let query = ListQuery::read(&request)?;
    let list = execution_list(&api, &query, &workflow).await?;
    let limit = query.limit()?.unwrap_or(LIMIT_DEFAULT);
    let from = query.position(&list, |bytes| Some(ExecutionId::from_bytes(bytes.try_into().ok()?)))?;
    let mut rest = list.clone();
    match from {
        Some(from) if list.is_oldest_first => rest.after = from.max(list.after),
        Some(from) => rest.before = from.min(list.before),
        None => {}
    }
    // One more than asked for shows that there is a next page.
    let mut page = api.store().executions(rest, limit + 1).await?;
    let mut response = HttpResponse::Ok();
    if page.executions.len() > limit {
        page.executions.truncate(limit);
        page.next = page.executions.last().map(|last| last.id);
    } else if page.next.is_some() {
        response.insert_header((SHORT_PAGE, format!("{LOOKED_AT_MAX} executions were looked at")));
    }
    if let Some(next) = page.next {
        api.say_next(&mut response, &request, &query, &list, &next.to_bytes());
    }
    let tasks = summaries(&api, &workflow, page.executions.iter().map(|execution| execution.task)).await?;
    let shown = page.executions.iter().map(|execution| item(execution, &workflow, &caller.workspace, &tasks));
    answer(response, &shown.collect::<Vec<_>>())
}

async fn execution_list(
    api: &Api,
    query: &ListQuery,
    workflow: &Workflow,
) -> Result<ExecutionList, ApiError> {
    let known = FILTERS.into_iter().chain([ORDER, LIMIT, CURSOR]);
    if let Some((name, _)) = query.pairs().find(|(name, _)| known.clone().all(|known| known != *name)) {
        return Err(unknown(&format!("`{name}` is not a parameter of this list"), known, name));
    }
    let order = query.one(ORDER)?.unwrap_or(ORDERS[0]);
    if !ORDERS.contains(&order) {
        return Err(unknown(&format!("`{ORDER}`: there is no `{order}`"), ORDERS.into_iter(), order));
    }
    let wanted = Asked {
        task: query.one("task")?,
        action: query.one("action")?,
        states: states(query)?,
        since: query.one("since")?,
        until: query.one("until")?,
        is_oldest_first: order == ORDERS[1],
    };
    asked(api, workflow, wanted).await
}

/// What is asked for, as it was written.
pub(super) struct Asked<'a> {
    pub(super) task: Option<&'a str>,
    pub(super) action: Option<&'a str>,
    pub(super) states: Option<Vec<&'static str>>,
    pub(super) since: Option<&'a str>,
    pub(super) until: Option<&'a str>,
    pub(super) is_oldest_first: bool,
}

pub(super) async fn asked(
    api: &Api,
    workflow: &Workflow,
    wanted: Asked<'_>,
) -> Result<ExecutionList, ApiError> {
    let task = match wanted.task {
        Some(address) => Some(task(api, workflow, address).await?),
        None => None,
    };
    let (since, until) = (instant("since", wanted.since)?, instant("until", wanted.until)?);
    // A task's executions are younger than the task.
    let after = task.map_or(0, TaskId::as_u128).max(
        since.map_or(0, |since| Ids::first_at(since.saturating_sub(CLOCK_MARGIN).unwrap_or(Timestamp::MIN))),
    );
    let before =
        until.and_then(|until| until.checked_add(CLOCK_MARGIN).ok()).map_or(u128::MAX, Ids::first_at);
    Ok(ExecutionList {
        workflow: workflow.id.clone(),
        after: ExecutionId::from_u128(after),
        before: ExecutionId::from_u128(before),
        task,
        action: wanted.action.map(ActionId::new),
        states: wanted.states,
        since,
        until,
        is_oldest_first: wanted.is_oldest_first,
    })
}

/// By its Unique ID or id; one that is deleted by its id alone.
async fn task(api: &Api, workflow: &Workflow, address: &str) -> Result<TaskId, ApiError> {
    match (api.task(workflow, address).await, address.parse()) {
        (Ok(task), _) => Ok(task.id),
        (Err(error), Ok(id)) if error.is_not_found() => Ok(id),
        (Err(error), _) => Err(error),
    }
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        invalid(format!(
            "`{name}` takes an instant as in RFC 3339, such as 2020-01-31T09:30:00Z, not `{text}`"
        ))
    })
}

/// The states that are asked for by `status` and by `state`; both must hold.
fn states(query: &ListQuery) -> Result<Option<Vec<&'static str>>, ApiError> {
    let (status, state) = (query.one("status")?, query.one("state")?);
    let statuses = Status::ALL.into_iter().map(Status::as_str);
    if let Some(status) = status.filter(|status| statuses.clone().all(|known| known != *status)) {
        return Err(unknown(&format!("`status`: there is no `{status}`"), statuses, status));
    }
    let names = State::NAMES.into_iter().map(|(name, _)| name);
    if let Some(state) = state.filter(|state| names.clone().all(|known| known != *state)) {
        return Err(unknown(&format!("`state`: there is no `{state}`"), names, state));
    }
    let asked = State::NAMES.into_iter().filter(|(name, of)| {
        state.is_none_or(|state| state == *name) && status.is_none_or(|status| status == of.as_str())
    });
    Ok((status.is_some() || state.is_some()).then(|| asked.map(|(name, _)| name).collect()))
}

/// The public shape, and ours on top of it.
fn item(
    execution: &Execution,
    current: &Workflow,
    workspace: &Workspace,
    tasks: &Summaries,
) -> Map<String, Value> {
    // By the name it had when it was performed, as far as that version is at hand.
    let version = workspace.version(&execution.workflow, execution.version).map(|version| &**version);
    let action = version.unwrap_or(current).action(execution.action.as_str());
    let mut shown = summary(execution);
    shown.insert("state".to_owned(), json!(execution.state.name()));
    let action = json!({"id": execution.action.as_str(), "name": action.map(|action| &action.name)});
    shown.insert("action".to_owned(), action);
    shown.insert("task".to_owned(), json!(execution.task.to_string()));
    shown.insert("task_summary".to_owned(), json!(tasks.get(&execution.task)));
    shown.insert("performed_by".to_owned(), json!(ShownPerformer(&execution.performer)));
    shown.insert("created_at".to_owned(), json!(execution.created_at.to_string()));
    shown.insert("updated_at".to_owned(), json!(execution.updated_at.to_string()));
    shown
}
