//! The parts of a workflow, for whoever works with its tasks: stages, actions, fields and roles.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    auth::Caller,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, operation},
};
use crate::model::{Action, Field, FieldType, Role, Stage};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/stages").get(
            stages,
            operation("listStages", Need::View, "A workflow's stages").answers(
                200,
                "The stages",
                list_of("Stage"),
            ),
        ),
        at("/workflows/{workflow}/actions").get(
            actions,
            operation("listActions", Need::View, "A workflow's actions").answers(
                200,
                "The actions",
                list_of("Action"),
            ),
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

async fn stages(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let shown = |stage: &Stage| json!({"id": stage.id.as_str(), "name": stage.name, "color": stage.color, "end": stage.end});
    let stages: Vec<_> = published.workflow.stages.iter().map(shown).collect();
    answer(HttpResponse::Ok(), &stages)
}

async fn actions(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let workflow = &caller.workflow(&path)?.workflow;
    let shown = |action: &Action| {
        let from: Vec<_> = action.from.iter().map(|stage| workflow.stage_name(stage)).collect();
        json!({"id": action.id.as_str(), "name": action.name, "color": action.color, "from": from})
    };
    answer(HttpResponse::Ok(), &workflow.actions.iter().map(shown).collect::<Vec<_>>())
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
