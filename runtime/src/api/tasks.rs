//! Tasks: read, upsert, update, delete; the actions that a task offers now.

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{self, HeaderValue},
    web,
};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    error::ApiError,
    history, json as answer,
    need::Need,
    query, remote_files,
    route::{Operation, Route, at, list_of, of, operation},
    task_counts, task_list,
};
use crate::model::{
    Action, Directory, FieldErrors, FieldValue, Refusal, Right, Task, TaskId, Workflow, checklist,
    document::{ShownPerformer, ShownTask},
    perform::{self, TaskWrite, Writing},
    requirement,
    workspace::Published,
};
use crate::store::TaskKey;

/// By what a task is found whatever its Unique ID becomes, in the head of an answer.
const ID: &str = "Onward-Task-Id";

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/tasks")
            .get(
                task_list::all,
                task_list::documented("listTasks", "A workflow's tasks; all of them without `_limit`"),
            )
            .post(
                upsert,
                operation(
                    "upsertTask",
                    Need::Edit,
                    "Makes a task, or changes the one that has this Unique ID",
                )
                .header("If-None-Match", json!({"const": "*"}), "Makes a new task, and changes none")
                .takes_values(of("TaskValues"))
                .answers(200, "The task that was changed", of("Task"))
                .answers(201, "The new task", of("Task"))
                .refuses(&[Code::InvalidParameter, Code::TaskExists, Code::InvalidFields]),
            )
            .put(
                update,
                operation("updateTask", Need::Edit, "Changes the task that has this Unique ID")
                    .takes_values(of("TaskValues"))
                    .answers(200, "The task", of("Task"))
                    .refuses(&[Code::TaskNotFound, Code::InvalidFields]),
            ),
        at("/workflows/{workflow}/tasks/active").get(
            task_list::active,
            task_list::documented("listActiveTasks", "Those that are not in an end stage"),
        ),
        at("/workflows/{workflow}/tasks/{task}")
            .get(read, operation("readTask", Need::View, "One task").answers(200, "The task", of("Task")))
            .put(
                change,
                operation("changeTask", Need::Edit, "Changes this task, its Unique ID too")
                    .takes_values(of("TaskValues"))
                    .answers(200, "The task", of("Task"))
                    .refuses(&[Code::InvalidFields]),
            )
            .delete(delete, operation("deleteTask", Need::Edit, "Deletes a task for good").answers_nothing()),
        at("/workflows/{workflow}/task_counts").get(task_counts::read, task_counts::documented()),
        at("/workflows/{workflow}/tasks/{task}/schedule")
            .get(
                schedule,
                operation("readSchedule", Need::View, "The stage change that is to come")
                    .refuses(&[Code::ScheduleNotFound])
                    .answers(200, "The change", of("Schedule")),
            )
            .delete(
                cancel_schedule,
                operation("cancelSchedule", Need::Edit, "Cancels it")
                    .refuses(&[Code::ScheduleNotFound])
                    .answers_nothing(),
            ),
        at("/workflows/{workflow}/tasks/{task}/history").get(
            history::list,
            operation("readHistory", Need::View, "Every change of the task").answers(
                200,
                "The changes, oldest first",
                list_of("HistoryEntry"),
            ),
        ),
        at("/workflows/{workflow}/tasks/{task}/actions").get(actions, documented_actions()),
    ]
}

fn documented_actions() -> Operation {
    operation("listTaskActions", Need::View, "What can be done with the task now")
        .query("_performed_by", json!({"type": "string"}), "A user, by email or id, whose rights count")
        .query(
            "_unmet",
            json!({"type": "boolean", "default": false}),
            "Also what the stage offers and cannot be performed now, each with the reasons in `unmet`",
        )
        .answers(200, "The actions", list_of("TaskAction"))
        .refuses(&[Code::UserNotFound])
}

impl Api {
    fn task_url(&self, workflow: &Workflow, task: &Task) -> String {
        let mut url = format!("{}/workflows/", self.public_url);
        crate::model::template::percent_encode(workflow.id.as_str(), &mut url);
        url.push_str("/tasks/");
        crate::model::template::percent_encode(&task.address(), &mut url);
        url
    }

    /// A task by its Unique ID, else by its id.
    pub(super) async fn task(&self, workflow: &Workflow, address: &str) -> Result<Arc<Task>, ApiError> {
        let unique = TaskKey::Unique { workflow: workflow.id.clone(), value: address.into() };
        let mut found = None;
        if workflow.unique_field().is_some() && !address.contains('\0') {
            found = self.store().task(unique).await?;
        }
        if let (None, Ok(id)) = (&found, address.parse::<TaskId>()) {
            found = self.store().task(TaskKey::Id(id)).await?.filter(|task| task.workflow == workflow.id);
        }
        found.ok_or_else(|| {
            ApiError::new(
                Code::TaskNotFound,
                format!("the workflow `{}` has no task `{address}`", workflow.id),
            )
        })
    }

    pub(super) fn shown(
        &self,
        task: &Task,
        workflow: &Workflow,
        directory: &Directory,
    ) -> Result<Vec<u8>, ApiError> {
        let url = self.task_url(workflow, task);
        serde_json::to_vec(&ShownTask { task, workflow, directory, url: Some(&url) })
            .map_err(ApiError::internal)
    }
}

/// The task that a route's path names, for whoever was let in.
pub(super) struct TaskAt {
    pub(super) caller: Caller,
    pub(super) workflow: Arc<Workflow>,
    pub(super) task: Arc<Task>,
}

impl FromRequest for TaskAt {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let path = web::Path::<(String, String)>::from_request(request, payload);
        let api = request.app_data::<web::Data<Api>>().cloned();
        Box::pin(async move {
            let caller = caller.await?;
            let api = api.ok_or_else(|| ApiError::internal("the API has no data"))?;
            let (workflow, address) = path.await.map_err(ApiError::internal)?.into_inner();
            let Published { workflow, .. } = caller.workflow(&workflow)?;
            let task = api.task(&workflow, &address).await?;
            Ok(Self { caller, workflow, task })
        })
    }
}

async fn read(api: web::Data<Api>, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let body = api.shown(&at.task, &at.workflow, &at.caller.workspace.directory)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((ID, at.task.id.to_string()));
    Ok(response.body(body))
}

/// Deletes for good; executions of the task keep its last state.
async fn delete(api: web::Data<Api>, at: TaskAt) -> Result<HttpResponse, ApiError> {
    api.shared.delete_task(at.task.id, at.caller.performer()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The stage change that is to come.
async fn schedule(at: TaskAt) -> Result<HttpResponse, ApiError> {
    let schedule = at.task.schedule.as_deref().ok_or(Refusal::NoSchedule)?;
    let shown = json!({
        "Stage": at.workflow.stage_name(&schedule.stage),
        "at": schedule.at.to_string(),
        "performed_by": ShownPerformer(&schedule.performer),
    });
    answer(HttpResponse::Ok(), &shown)
}

async fn cancel_schedule(api: web::Data<Api>, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let decide = Box::new(|current: &perform::Current<'_>| perform::cancel_schedule(current));
    api.store().transact(TaskKey::Id(at.task.id), None, decide).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whose rights count, where it is not the key's own, and what is listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    /// A user's email or id.
    #[serde(rename = "_performed_by")]
    performed_by: Option<String>,
    /// Also what cannot be performed now, with the reasons.
    #[serde(rename = "_unmet", default)]
    unmet: bool,
}

/// What can be done with the task now, by the key or by whom `_performed_by` names; with `_unmet` also what its stage
/// offers and something stands against.
async fn actions(api: web::Data<Api>, request: HttpRequest, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let asked: Offered = query(&request)?;
    let workspace = &at.caller.workspace;
    let (workflow, performed_by) = (&at.workflow, asked.performed_by.as_deref());
    let performer = at.caller.performer_of(workflow, Right::View, performed_by)?;
    let (directory, today) = (&workspace.directory, workspace.date(api.shared.clock.now()));
    let is_open = is_checklist_open(&api, &at).await?;
    let unmet = |action: &Action| {
        let may = at.caller.performer_of(workflow, Right::Perform(&action.id), performed_by);
        let mut unmet: Vec<_> = may.err().map(|refused| refused.message().to_owned()).into_iter().collect();
        let requires =
            requirement::unmet(action, &at.task, workflow, &performer, directory, today, || is_open);
        unmet.extend(requires);
        unmet
    };
    let offered = workflow.actions_in(&at.task.stage).map(|action| (action, unmet(action)));
    let shown = offered.filter(|(_, unmet)| asked.unmet || unmet.is_empty()).map(|(action, unmet)| {
        let mut shown = json!({
            "id": action.id.as_str(),
            "name": action.name,
            "color": action.color,
            "confirm": action.confirm,
            "after": action.after.name(),
            "celebrate": action.celebrate,
        });
        if asked.unmet {
            shown["unmet"] = json!(unmet);
        }
        shown
    });
    answer(HttpResponse::Ok(), &shown.collect::<Vec<_>>())
}

/// Whether something of the checklist is to be done in the task's stage; looked at only where an action asks.
async fn is_checklist_open(api: &Api, at: &TaskAt) -> Result<bool, ApiError> {
    let (workflow, stage) = (&at.workflow, &at.task.stage);
    if !workflow.actions_in(stage).any(|action| action.requires.checklist) {
        return Ok(false);
    }
    Ok(checklist::is_open(workflow, stage, &api.store().checklist(at.task.id).await?))
}

async fn upsert(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    Body(values): Body<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let write = match request.headers().get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) {
        None => TaskWrite::Upsert,
        Some(b"*") => TaskWrite::Create,
        Some(_) => {
            let message = "`If-None-Match` is `*`, for a task that is not there yet, or is left out";
            return Err(ApiError::new(Code::InvalidParameter, message));
        }
    };
    write_keyed(&api, &caller, &path, values, write).await
}

async fn update(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    Body(values): Body<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    write_keyed(&api, &caller, &path, values, TaskWrite::Update).await
}

/// The task that the path names, whatever the body says of its Unique ID.
async fn change(
    api: web::Data<Api>,
    at: TaskAt,
    Body(values): Body<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    write(&api, &at.caller, &at.workflow, TaskKey::Id(at.task.id), values, TaskWrite::Update).await
}

/// The task that the body names by its Unique ID.
async fn write_keyed(
    api: &Api,
    caller: &Caller,
    workflow: &str,
    values: Map<String, Value>,
    how: TaskWrite,
) -> Result<HttpResponse, ApiError> {
    let Published { workflow, .. } = caller.workflow(workflow)?;
    let key = key(&workflow, &values, how, &caller.workspace.directory)?;
    write(api, caller, &workflow, key, values, how).await
}

async fn write(
    api: &Api,
    caller: &Caller,
    workflow: &Arc<Workflow>,
    key: TaskKey,
    mut values: Map<String, Value>,
    how: TaskWrite,
) -> Result<HttpResponse, ApiError> {
    remote_files::fetch(api, workflow, &mut values).await?;
    let workspace = &caller.workspace;
    let writing =
        Writing { performer: caller.performer(), now: api.shared.clock.now(), new_id: api.shared.ids.task() };
    let decide = {
        let (workflow, directory) = (Arc::clone(workflow), Arc::clone(&workspace.directory));
        Box::new(move |current: &perform::Current<'_>| {
            perform::write_task(&values, how, writing, &workflow, &directory, current)
        })
    };
    let committed = api.store().transact(key, None, decide).await?;
    let task = committed.task.ok_or_else(|| ApiError::internal("a task was written and is not there"))?;
    let body = api.shown(&task, workflow, &workspace.directory)?;
    let mut response = if committed.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}

/// Which task a body is about, by its Unique ID.
fn key(
    workflow: &Workflow,
    object: &Map<String, Value>,
    write: TaskWrite,
    directory: &Directory,
) -> Result<TaskKey, ApiError> {
    let new = || TaskKey::New { workflow: workflow.id.clone() };
    let mut errors = FieldErrors::default();
    let Some(field) = workflow.unique_field() else {
        if write == TaskWrite::Update {
            errors.add(
                "Unique ID",
                "is required: this workflow has no such field, so no task can be named here",
            );
            return Err(ApiError::fields(&errors));
        }
        return Ok(new());
    };
    match object.get(&field.name).map(|value| field.kind.read(value, directory)) {
        Some(Ok(FieldValue::Text(value))) => Ok(TaskKey::Unique { workflow: workflow.id.clone(), value }),
        None | Some(Ok(_)) if write == TaskWrite::Update => {
            errors.add(&field.name, "is required");
            Err(ApiError::fields(&errors))
        }
        Some(Err(problem)) if write == TaskWrite::Update => {
            errors.add(&field.name, problem.0);
            Err(ApiError::fields(&errors))
        }
        // Whether it is required, and whether it is valid, the decision says together with all else.
        None | Some(_) => Ok(new()),
    }
}
