//! The workspace, its workflows, their stages, fields and roles.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api,
    auth::Caller,
    error::ApiError,
    json as answer,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    model::{Field, FieldType, Right, Role},
    shown,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workspace").get(
            workspace,
            operation("readWorkspace", "The workspace").for_all().answers(
                200,
                "The workspace",
                of("Workspace"),
            ),
        ),
        at("/workflows").get(
            list,
            operation("listWorkflows", "Workflows that one may see").for_all().answers(
                200,
                "The workflows",
                list_of("Workflow"),
            ),
        ),
        at("/workflows/{workflow}/stages").get(
            stages,
            operation("listStages", "A workflow's stages").for_all().answers(
                200,
                "The stages",
                list_of("Stage"),
            ),
        ),
        at("/workflows/{workflow}/findings").get(
            findings,
            operation("listFindings", "What is sound in it and yet may not be meant").answers(
                200,
                "The findings",
                list_of("Finding"),
            ),
        ),
        at("/workflows/{workflow}/fields").get(
            fields,
            operation("listFields", "A workflow's fields").for_all().answers(
                200,
                "The fields",
                list_of("Field"),
            ),
        ),
        at("/workflows/{workflow}/roles").get(
            roles,
            operation("listRoles", "A workflow's roles").for_all().answers(200, "The roles", list_of("Role")),
        ),
    ]
}

async fn workspace(api: web::Data<Api>, _: Caller) -> Result<HttpResponse, ApiError> {
    let workspace = api.workspace().current();
    answer(HttpResponse::Ok(), &json!({"id": "workspace", "name": workspace.name}))
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
    let published = caller.workflow(&path, Right::Administer)?;
    let findings = api.shared.findings(&published.workflow);
    answer(HttpResponse::Ok(), &findings.iter().map(shown::finding).collect::<Vec<_>>())
}

async fn stages(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path, Right::View)?;
    let stages: Vec<_> = published.workflow.stages.iter().map(|stage| json!({"name": stage.name})).collect();
    answer(HttpResponse::Ok(), &stages)
}

async fn fields(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path, Right::View)?;
    answer(HttpResponse::Ok(), &published.workflow.fields.iter().map(field).collect::<Vec<_>>())
}

async fn roles(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path, Right::View)?;
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
