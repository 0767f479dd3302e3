//! The people of the workspace, as each workflow sees them.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{Api, Code, auth::Caller, error::ApiError, json as answer, resource};
use crate::model::{Directory, Performer, User, WorkflowId};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/workflows/{workflow}/users").route(web::get().to(list))).service(
        resource("/workflows/{workflow}/users/{user}")
            .route(web::get().to(read))
            .route(web::delete().to(delete)),
    );
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

async fn list(api: web::Data<Api>, path: web::Path<String>, _: Caller) -> Result<HttpResponse, ApiError> {
    let workflow = &api.workflow(&path)?.workflow.id;
    let directory = &api.workspace().current().directory;
    let users = directory.active().into_iter().map(|user| shown(user, workflow, directory));
    answer(HttpResponse::Ok(), &users.collect::<Vec<_>>())
}

fn find(directory: &Directory, user: &str) -> Result<Arc<User>, ApiError> {
    directory.find(user).cloned().ok_or_else(|| no_such_user(user))
}

fn no_such_user(user: &str) -> ApiError {
    ApiError::new(Code::NoSuchUser, format!("there is no user `{user}`"))
}

async fn read(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    _: Caller,
) -> Result<HttpResponse, ApiError> {
    let workflow = &api.workflow(&path.0)?.workflow.id;
    let directory = &api.workspace().current().directory;
    answer(HttpResponse::Ok(), &shown(&*find(directory, &path.1)?, workflow, directory))
}

/// Deactivates: history keeps name and email, their tasks become unassigned, what they have begun goes on.
async fn delete(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    api.workflow(&path.0)?;
    let workspace = api.workspace().current();
    // Also one who has left: an earlier time may have stopped halfway through their tasks.
    let user = workspace.directory.find_with_left(&path.1).ok_or_else(|| no_such_user(&path.1))?;
    api.shared.remove_user(user.id.clone(), Performer::from(&*caller.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
