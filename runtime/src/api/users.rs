//! People: of the workspace, and as each workflow sees them.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    model::{Directory, Membership, RoleId, User, WorkflowId, Workspace, user::checked_name},
    store::admin::AdminChange,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/users").get(
            list_all,
            operation("listUsers", Need::Workspace, "Everybody in the workspace, with their roles").answers(
                200,
                "The users",
                list_of("UserWithRoles"),
            ),
        ),
        at("/users/{user}")
            .get(
                read_one,
                operation("readUser", Need::Workspace, "A user with their roles").answers(
                    200,
                    "The user",
                    of("UserWithRoles"),
                ),
            )
            .patch(
                change,
                operation(
                    "changeUser",
                    Need::Workspace,
                    "Makes a user an administrator of the workspace, or none",
                )
                .takes(of("ChangeUser"))
                .refuses(&[Code::LastAdministrator])
                .answers(200, "The user", of("UserWithRoles")),
            )
            .delete(
                remove,
                operation("removeUser", Need::Workspace, "A user leaves")
                    .refuses(&[Code::LastAdministrator])
                    .answers_nothing(),
            ),
        at("/workflows/{workflow}/users").get(
            list,
            operation("listWorkflowUsers", Need::View, "A workflow's users").answers(
                200,
                "The users",
                list_of("WorkflowUser"),
            ),
        ),
        at("/workflows/{workflow}/users/{user}")
            .get(
                read,
                operation("readWorkflowUser", Need::View, "A user as the workflow sees them").answers(
                    200,
                    "The user",
                    of("WorkflowUser"),
                ),
            )
            .put(
                set_role,
                operation("setRole", Need::Administer, "Gives a user a role in the workflow")
                    .refuses(&[Code::RoleNotFound])
                    .takes(of("SetRole"))
                    .answers(200, "The user", of("WorkflowUser")),
            )
            .delete(
                delete,
                operation("removeWorkflowUser", Need::Workspace, "A user leaves, the whole workspace")
                    .refuses(&[Code::LastAdministrator])
                    .answers_nothing(),
            ),
    ]
}

/// A user of the workspace.
pub(super) fn shown_user(user: &User) -> Value {
    json!({
        "id": user.id.as_str(),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_administrator": user.is_administrator,
    })
}

/// With their roles, by workflow.
fn shown_with_roles(user: &User, workspace: &Workspace) -> Value {
    let roles: Map<_, _> = workspace
        .workflows
        .iter()
        .map(|it| &it.workflow.id)
        .map(|id| (id.to_string(), json!(workspace.directory.role(id, &user.id).as_str())))
        .collect();
    let mut shown = shown_user(user);
    shown["roles"] = Value::Object(roles);
    shown
}

async fn list_all(caller: Caller) -> Result<HttpResponse, ApiError> {
    let workspace = &caller.workspace;
    let users = workspace.directory.active().into_iter().map(|user| shown_with_roles(user, workspace));
    answer(HttpResponse::Ok(), &users.collect::<Vec<_>>())
}

async fn read_one(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let user = find(&caller.workspace.directory, &path)?;
    answer(HttpResponse::Ok(), &shown_with_roles(&user, &caller.workspace))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeUser {
    is_administrator: bool,
}

async fn change(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: Body<ChangeUser>,
) -> Result<HttpResponse, ApiError> {
    let user = find(&caller.workspace.directory, &path)?;
    let is_administrator = body.0.is_administrator;
    let change = AdminChange::SetAdministrator { user: user.id.clone(), is_administrator };
    api.store().administer(change, caller.by(&api)).await?;
    api.shared.refresh().await?;
    let workspace = api.workspace().current();
    answer(HttpResponse::Ok(), &shown_with_roles(&*find(&workspace.directory, user.id.as_str())?, &workspace))
}

/// Deactivates: history keeps name and email, their tasks become unassigned, what they have begun goes on.
async fn remove(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    // Also one who has left: an earlier time may have stopped halfway through their tasks.
    let directory = &caller.workspace.directory;
    let user = directory.find_with_left(&path).ok_or_else(|| no_such_user(&path))?;
    api.shared.remove_user(user.id.clone(), caller.performer()).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn shown(user: &User, workflow: &WorkflowId, directory: &Directory) -> Value {
    json!({
        "id": user.id.as_str(),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role_id": directory.role(workflow, &user.id).as_str(),
        "saml_user_id": null,
    })
}

async fn list(path: web::Path<String>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let workflow = &caller.workflow(&path)?.workflow.id;
    let directory = &caller.workspace.directory;
    let users = directory.active().into_iter().map(|user| shown(user, workflow, directory));
    answer(HttpResponse::Ok(), &users.collect::<Vec<_>>())
}

pub(super) fn find(directory: &Directory, user: &str) -> Result<Arc<User>, ApiError> {
    directory.find(user).cloned().ok_or_else(|| no_such_user(user))
}

fn no_such_user(user: &str) -> ApiError {
    ApiError::new(Code::NoSuchUser, format!("there is no user `{user}`"))
}

async fn read(path: web::Path<(String, String)>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let workflow = &caller.workflow(&path.0)?.workflow.id;
    let directory = &caller.workspace.directory;
    answer(HttpResponse::Ok(), &shown(&*find(directory, &path.1)?, workflow, directory))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRole {
    role_id: String,
}

async fn set_role(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
    body: Body<SetRole>,
) -> Result<HttpResponse, ApiError> {
    let workflow = caller.workflow(&path.0)?.workflow;
    let user = find(&caller.workspace.directory, &path.1)?;
    let (id, role) = role_of(&caller, &path.0, &body.0.role_id)?;
    let membership = Membership { workflow: id, user: user.id.clone(), role };
    api.store().administer(AdminChange::SetRole(membership), caller.by(&api)).await?;
    api.shared.refresh().await?;
    answer(HttpResponse::Ok(), &shown(&user, &workflow.id, &api.workspace().current().directory))
}

/// A role of a workflow, by its id or its name.
pub(super) fn role_of(caller: &Caller, workflow: &str, role: &str) -> Result<(WorkflowId, RoleId), ApiError> {
    let workflow = caller.workflow(workflow)?.workflow;
    let found = workflow.roles.iter().find(|it| it.id.as_str() == role || it.name == role);
    let found = found.ok_or_else(|| {
        let known: Vec<_> = workflow.roles.iter().map(|role| role.id.as_str()).collect();
        let message =
            format!("the workflow `{}` has no role `{role}`; it has {}", workflow.id, known.join(", "));
        ApiError::new(Code::RoleNotFound, message)
    })?;
    Ok((workflow.id.clone(), found.id.clone()))
}

async fn delete(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.workflow(&path.0)?;
    remove(api, web::Path::from(path.into_inner().1), caller).await
}

/// A name that must be there.
pub(super) fn named(key: &str, name: Option<String>) -> Result<String, ApiError> {
    checked_name(&name.unwrap_or_default()).map_err(|problem| invalid(format!("`{key}` {problem}")))
}

pub(super) fn invalid(message: String) -> ApiError {
    ApiError::new(Code::InvalidUser, message)
}
