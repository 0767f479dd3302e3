//! The workspace, its workflows, their stages, fields and roles.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api,
    auth::Caller,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    model::{Field, FieldType, Role, Stage, Workspace},
    shown,
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
            operation("listWorkflows", Need::Known, "Workflows that one may see").answers(
                200,
                "The workflows",
                list_of("Workflow"),
            ),
        ),
        at("/workflows/{workflow}/stages").get(
            stages,
            operation("listStages", Need::View, "A workflow's stages").answers(
                200,
                "The stages",
                list_of("Stage"),
            ),
        ),
        at("/workflows/{workflow}/findings").get(
            findings,
            operation("listFindings", Need::Administer, "What is sound in it and yet may not be meant")
                .answers(200, "The findings", list_of("Finding")),
        ),
        at("/workflows/{workflow}/fields").get(
            fields,
            operation("listFields", Need::View, "A workflow's fields").answers(
                200,
                "The fields",
                list_of("Field"),
            ),
        ),
        at("/workflows/{workflow}/roles").get(
            roles,
            operation("listRoles", Need::View, "A workflow's roles").answers(
                200,
                "The roles",
                list_of("Role"),
            ),
        ),
    ]
}

async fn workspace(caller: Caller) -> Result<HttpResponse, ApiError> {
    answer(HttpResponse::Ok(), &shown_workspace(&caller.workspace))
}

pub(super) fn shown_workspace(workspace: &Workspace) -> Value {
    json!({"id": "workspace", "name": workspace.name})
}

async fn list(caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflows().map(|published| {
        let workflow = &published.workflow;
        let mut shown = json!({"id": workflow.id.as_str(), "name": workflow.name});
        if let Some(why) = &published.broken {
            shown["broken"] = json!(why);
        }
        if let Some(why) = caller.workspace.files.get(&workflow.id).and_then(|note| note.refused.as_ref()) {
            shown["refused"] = json!(why);
        }
        shown
    });
    // Nobody knows what is in them, nor who may see it.
    let unreadable = caller
        .workspace
        .unreadable
        .iter()
        .filter(|_| caller.administers())
        .map(|(id, why)| json!({"id": id.as_str(), "name": id.as_str(), "broken": why}));
    answer(HttpResponse::Ok(), &published.chain(unreadable).collect::<Vec<_>>())
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
        &findings.iter().map(|it| shown::finding(it, Some(&published.workflow))).collect::<Vec<_>>(),
    )
}

async fn stages(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let shown = |stage: &Stage| json!({"id": stage.id.as_str(), "name": stage.name, "color": stage.color, "end": stage.end});
    let stages: Vec<_> = published.workflow.stages.iter().map(shown).collect();
    answer(HttpResponse::Ok(), &stages)
}

async fn fields(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    answer(HttpResponse::Ok(), &published.workflow.fields.iter().map(field).collect::<Vec<_>>())
}

async fn roles(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let shown = |role: &Role| json!({"id": role.id.as_str(), "name": role.name, "admin": role.admin});
    answer(HttpResponse::Ok(), &published.workflow.roles.iter().map(shown).collect::<Vec<_>>())
}

fn field(field: &Field) -> Value {
    let mut shown = json!({
        "id": field.id.as_str(),
        "name": field.name,
        "type": field.kind.name(),
        "required": field.required,
        "editable": field.editable,
    });
    match &field.kind {
        FieldType::SingleSelect { options } | FieldType::MultipleSelect { options } => {
            shown["options"] = json!(options)
        }
        FieldType::UniqueId { autoincrement } => shown["autoincrement"] = json!(autoincrement),
        FieldType::File { limit: Some(limit) } => shown["limit"] = json!(limit),
        _ => {}
    }
    shown
}
