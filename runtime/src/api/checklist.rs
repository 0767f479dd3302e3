//! A task's checklist: list, read, add, change, delete.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    query,
    route::{Route, at, list_of, of, operation},
    tasks::TaskAt,
};
use crate::{
    model::{
        Current, Directory, ItemId, Refusal, Workflow,
        checklist::{self, Item, ItemUpdate},
        document::ShownPerformer,
        perform::{self, Decide, ItemWriting},
    },
    store::TaskKey,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/tasks/{task}/checklist_items")
            .get(
                list,
                operation("listChecklistItems", Need::View, "A task's checklist")
                    .query("Stage", json!({"type": "string"}), "A stage, by its name")
                    .answers(200, "The items", list_of("ChecklistItem")),
            )
            .post(
                add,
                operation("addChecklistItem", Need::Edit, "Adds an item to this task alone")
                    .takes(of("NewChecklistItem"))
                    .refuses(&[Code::InvalidFields, Code::TooMany])
                    .answers(201, "The item", of("ChecklistItem")),
            ),
        at("/workflows/{workflow}/tasks/{task}/checklist_items/{item}")
            .get(
                read,
                operation("readChecklistItem", Need::View, "One item").answers(
                    200,
                    "The item",
                    of("ChecklistItem"),
                ),
            )
            .put(
                change,
                operation(
                    "changeChecklistItem",
                    Need::Edit,
                    "Sets an item's status or assignee; the title of an added one, too",
                )
                .takes(of("ChecklistItemChange"))
                .refuses(&[Code::InvalidFields])
                .answers(200, "The item", of("ChecklistItem")),
            )
            .delete(
                delete,
                operation("deleteChecklistItem", Need::Edit, "Deletes an item that was added")
                    .refuses(&[Code::TemplateItem])
                    .answers_nothing(),
            ),
    ]
}

/// An item in the public API's shape, and who set it last.
#[derive(Serialize)]
struct ShownItem<'a> {
    id: &'a str,
    title: &'a str,
    status: &'static str,
    /// Whether its title may be changed, and it be deleted.
    editable: bool,
    #[serde(rename = "Assigned To")]
    assigned_to: Option<&'a str>,
    #[serde(rename = "Stage")]
    stage: &'a str,
    updated_by: Option<ShownPerformer<'a>>,
    updated_on: Option<String>,
}

impl<'a> ShownItem<'a> {
    fn new(item: &'a Item, workflow: &'a Workflow, directory: &'a Directory) -> Self {
        // An item of somebody who has left is nobody's.
        let user = item.assigned_to.as_ref().and_then(|id| directory.user(id));
        let update = item.update.as_ref();
        Self {
            id: item.id.as_str(),
            title: &item.title,
            status: item.status.name(),
            editable: item.is_added,
            assigned_to: user.filter(|user| user.is_active).map(|user| user.email.as_str()),
            stage: workflow.stage_name(&item.stage),
            updated_by: update.map(|update| ShownPerformer(&update.by)),
            updated_on: update.map(|update| update.on.to_string()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// A stage's name.
    #[serde(rename = "Stage")]
    stage: Option<String>,
}

async fn list(api: web::Data<Api>, request: HttpRequest, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let Filter { stage } = query(&request)?;
    let items = items(&api, &at).await?;
    let directory = &at.caller.workspace.directory;
    let shown = items.iter().map(|item| ShownItem::new(item, &at.workflow, directory));
    let shown: Vec<_> =
        shown.filter(|item| stage.as_ref().is_none_or(|stage| *stage == item.stage)).collect();
    answer(HttpResponse::Ok(), &shown)
}

async fn read(api: web::Data<Api>, at: TaskAt, path: ItemPath) -> Result<HttpResponse, ApiError> {
    let id = id_in(&path);
    let item = items(&api, &at).await?.into_iter().find(|item| item.id == id);
    let item = item.ok_or(Refusal::ItemMissing { id })?;
    let directory = &at.caller.workspace.directory;
    answer(HttpResponse::Ok(), &ShownItem::new(&item, &at.workflow, directory))
}

async fn items(api: &Api, at: &TaskAt) -> Result<Vec<Item>, ApiError> {
    Ok(checklist::checklist(&at.workflow, api.store().checklist(at.task.id).await?))
}

type ItemPath = web::Path<(String, String, String)>;

fn id_in(path: &ItemPath) -> ItemId {
    ItemId::new(path.2.as_str())
}

async fn add(
    api: web::Data<Api>,
    at: TaskAt,
    Body(values): Body<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let (id, writing) = (api.shared.ids.item(), writing(&api, &at));
    let decide = Box::new(move |current: &Current<'_>| perform::add_item(&values, id, writing, current));
    written(&api, &at, decide, HttpResponse::Created()).await
}

async fn change(
    api: web::Data<Api>,
    at: TaskAt,
    path: ItemPath,
    Body(values): Body<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let (id, writing) = (id_in(&path), writing(&api, &at));
    let decide = Box::new(move |current: &Current<'_>| perform::change_item(&values, &id, writing, current));
    written(&api, &at, decide, HttpResponse::Ok()).await
}

async fn delete(api: web::Data<Api>, at: TaskAt, path: ItemPath) -> Result<HttpResponse, ApiError> {
    let (id, workflow) = (id_in(&path), Arc::clone(&at.workflow));
    let decide = Box::new(move |current: &Current<'_>| perform::remove_item(&id, &workflow, current));
    api.store().transact(TaskKey::Id(at.task.id), None, decide).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn writing(api: &Api, at: &TaskAt) -> ItemWriting {
    ItemWriting {
        update: ItemUpdate { by: at.caller.performer(), on: api.shared.clock.now() },
        workflow: Arc::clone(&at.workflow),
        directory: Arc::clone(&at.caller.workspace.directory),
    }
}

/// Has an item written, and shows it as it is then.
async fn written(
    api: &Api,
    at: &TaskAt,
    decide: Decide,
    response: HttpResponseBuilder,
) -> Result<HttpResponse, ApiError> {
    let committed = api.store().transact(TaskKey::Id(at.task.id), None, decide).await?;
    let item = committed.item.and_then(|kept| {
        let id = kept.id.clone();
        checklist::item(&at.workflow, vec![kept], &id)
    });
    let item = item.ok_or_else(|| ApiError::internal("a checklist item was written and is not there"))?;
    let directory = &at.caller.workspace.directory;
    answer(response, &ShownItem::new(&item, &at.workflow, directory))
}
