//! The workspace, its workflows, and which of them are archived.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    json as answer,
    need::Need,
    query,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    model::{
        WorkflowId, Workspace,
        workspace::{BrokenVersion, FileNote, Published},
    },
    publish,
    shown::finding,
    store::admin::AdminChange,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workspace").get(
            workspace,
            operation("readWorkspace", Need::Known, "The workspace").answers(
                200,
                "The workspace",
                of("Workspace"),
            ),
        ),
        at("/workflows").get(
            list,
            operation("listWorkflows", Need::Known, "Workflows that one may see")
                .query(
                    "_archived",
                    json!({"type": "boolean"}),
                    "Those that are archived, instead of the others",
                )
                .answers(200, "The workflows", list_of("Workflow")),
        ),
        at("/workflows/{workflow}/archive").post(
            archive,
            operation("archiveWorkflow", Need::Administer, "Puts it away: nothing new is done in it")
                .answers(200, "The workflow", of("Workflow"))
                .refuses(&[Code::FileManaged]),
        ),
        at("/workflows/{workflow}/unarchive").post(
            unarchive,
            operation("unarchiveWorkflow", Need::Administer, "Takes it back").answers(
                200,
                "The workflow",
                of("Workflow"),
            ),
        ),
        at("/workflows/{workflow}/findings").get(
            findings,
            operation("listFindings", Need::Administer, "What is sound in it and yet may not be meant")
                .answers(200, "The findings", list_of("Finding")),
        ),
    ]
}

async fn workspace(caller: Caller) -> Result<HttpResponse, ApiError> {
    answer(HttpResponse::Ok(), &shown_workspace(&caller.workspace))
}

pub(super) fn shown_workspace(workspace: &Workspace) -> Value {
    json!({"id": "workspace", "name": workspace.name})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(rename = "_archived", default)]
    archived: bool,
}

async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let asked: Listed = query(&request)?;
    let workspace = &caller.workspace;
    let published = caller.workflows().map(|published| shown(workspace, published));
    // Nobody knows what is in them, nor who may see it.
    let unreadable = workspace.unreadable.iter().filter(|_| caller.administers());
    let unreadable = unreadable.map(|(id, broken)| unreadable_one(workspace, id, broken));
    let listed = published.chain(unreadable).filter(|it| it["archived"] == asked.archived);
    answer(HttpResponse::Ok(), &listed.collect::<Vec<_>>())
}

fn shown(workspace: &Workspace, published: &Published) -> Value {
    let Published { version, workflow, broken } = published;
    let mut shown = noted(workspace, &workflow.id, &workflow.name, *version);
    if let Some(why) = broken {
        shown["broken"] = json!(why);
    }
    shown
}

fn unreadable_one(workspace: &Workspace, id: &WorkflowId, broken: &BrokenVersion) -> Value {
    let mut shown = noted(workspace, id, id.as_str(), broken.version);
    shown["broken"] = json!(broken.why);
    shown
}

/// What the workspace knows of a workflow, whatever that says.
fn noted(workspace: &Workspace, id: &WorkflowId, name: &str, version: u32) -> Value {
    let file = workspace.files.get(id);
    let mut shown = json!({
        "id": id.as_str(),
        "name": name,
        "version": version,
        "archived": workspace.archived.contains(id),
        "managed_by": managed_by(file),
    });
    if let Some(note) = file {
        shown["file"] = json!(note.file);
        if let Some(why) = &note.refused {
            shown["refused"] = json!(why);
        }
    }
    shown
}

/// Who changes a workflow.
pub(super) fn managed_by(file: Option<&FileNote>) -> &'static str {
    if file.is_some() { "file" } else { "store" }
}

async fn archive(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    publish::not_of_a_file(&WorkflowId::new(path.as_str()), &caller.workspace)?;
    set_archived(&api, &path, &caller, true).await
}

/// Also of one that a file has by now: nobody else could take it back.
async fn unarchive(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    set_archived(&api, &path, &caller, false).await
}

async fn set_archived(
    api: &Api,
    id: &str,
    caller: &Caller,
    is_archived: bool,
) -> Result<HttpResponse, ApiError> {
    // One that cannot be read can be taken back, and then mended.
    let workflow = match caller.may_mend(id) {
        true => WorkflowId::new(id),
        false => caller.workflow(id)?.workflow.id.clone(),
    };
    let change = AdminChange::SetArchived { workflow: workflow.clone(), is_archived };
    api.store().administer(change, caller.by(api)).await?;
    api.shared.refresh().await?;
    let workspace = api.workspace().current();
    let shown = match (workspace.workflow(id), workspace.unreadable.get(&workflow)) {
        (Some(published), _) => shown(&workspace, published),
        (None, Some(broken)) => unreadable_one(&workspace, &workflow, broken),
        (None, None) => return Err(ApiError::internal("the workflow is gone")),
    };
    answer(HttpResponse::Ok(), &shown)
}

/// What is sound in the published version and yet may not be meant.
async fn findings(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let findings = api.shared.findings(&published.workflow);
    answer(
        HttpResponse::Ok(),
        &findings.iter().map(|it| finding(it, Some(&published.workflow))).collect::<Vec<_>>(),
    )
}
