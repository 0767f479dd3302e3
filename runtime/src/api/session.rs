//! Signing in and out, and who one is.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time},
    web,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, Code,
    auth::{Caller, same_origin},
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, of, operation},
    users::shown_user,
    workflows::shown_workspace,
};
use crate::{
    model::{Action, Right, RoleId, User, workspace::Published},
    sessions::{Token, password_problem},
    store::admin::AdminChange,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/session")
            .post(
                sign_in,
                operation("signIn", Need::Nothing, "Signs in: sets the session's cookie")
                    .takes(of("SignIn"))
                    .refuses(&[Code::WrongPassword, Code::CrossOrigin, Code::TooManyAttempts])
                    .answers(201, "Who is signed in", of("SignedIn")),
            )
            .get(
                read,
                operation("readSession", Need::Known, "Who is asking, and what they may do where").answers(
                    200,
                    "The caller",
                    of("Session"),
                ),
            )
            .delete(sign_out, operation("signOut", Need::Session, "Signs out").answers_nothing()),
        at("/session/password").put(
            change_password,
            operation("changePassword", Need::Session, "Sets a new password and ends the other sessions")
                .takes(of("ChangePassword"))
                .refuses(&[Code::InvalidUser, Code::TooManyAttempts])
                .answers_nothing(),
        ),
    ]
}

impl Api {
    /// The cookie of a session; only we read it, and it comes back only with what our own pages ask for.
    pub(super) fn cookie(&self, token: &Token) -> Cookie<'static> {
        let mut cookie = Cookie::new(self.cookie_name(), token.text.clone());
        let most = i64::try_from(self.sessions.longest().as_secs()).unwrap_or(i64::MAX);
        cookie.set_max_age(time::Duration::seconds(most));
        self.guarded(cookie)
    }

    fn guarded(&self, mut cookie: Cookie<'static>) -> Cookie<'static> {
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.is_secure());
        cookie.set_path("/");
        cookie
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: String,
    password: String,
}

async fn sign_in(
    api: web::Data<Api>,
    request: HttpRequest,
    body: Body<SignIn>,
) -> Result<HttpResponse, ApiError> {
    // Nobody is to be signed in as somebody else by another page.
    if request.headers().contains_key("Origin") {
        same_origin(&api, &request)?;
    }
    let (workspace, from) = (api.workspace().current(), api.client_address(&request));
    let SignIn { email, password } = body.0;
    let (user, token) = api.sessions.sign_in(&workspace, email.trim(), &password, &from).await?;
    tracing::info!(user = %user.id, from, "signed in");
    let mut response = HttpResponse::Created();
    response.cookie(api.cookie(&token));
    answer(response, &json!({"user": shown_user(&user)}))
}

/// Who is asking, and what they may do where.
async fn read(caller: Caller) -> Result<HttpResponse, ApiError> {
    let workflows: Vec<_> = caller.workflows().map(|published| rights_in(published, &caller)).collect();
    let key = caller.key().map(|key| json!({"id": key.id.as_str(), "name": key.name}));
    answer(
        HttpResponse::Ok(),
        &json!({
            "user": caller.signed_in().map(|(user, _)| shown_user(user)),
            "key": key,
            "is_administrator": caller.administers(),
            "workspace": shown_workspace(&caller.workspace),
            "workflows": workflows,
        }),
    )
}

fn rights_in(published: &Published, caller: &Caller) -> Value {
    let workflow = &published.workflow;
    let may_perform = |action: &&Action| caller.may(workflow, Right::Perform(&action.id));
    let perform: Vec<_> =
        workflow.actions.iter().filter(may_perform).map(|action| action.id.as_str()).collect();
    // A key has scopes and no role.
    let user = caller.signed_in();
    let role = user.map(|(user, _)| caller.workspace.directory.role(&workflow.id, &user.id));
    json!({
        "id": workflow.id.as_str(),
        "name": workflow.name,
        "role_id": role.as_ref().map(RoleId::as_str),
        "edit": caller.may(workflow, Right::Edit),
        "administer": caller.may(workflow, Right::Administer),
        "perform": perform,
    })
}

async fn sign_out(api: web::Data<Api>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let (_, session) = signed_in(&caller)?;
    api.sessions.end(session).await?;
    let mut cookie = Cookie::new(api.cookie_name(), "");
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(api.guarded(cookie)).finish())
}

fn signed_in(caller: &Caller) -> Result<(&Arc<User>, [u8; 32]), ApiError> {
    caller.signed_in().ok_or_else(|| ApiError::internal("the operation has let in who is not signed in"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    current_password: String,
    new_password: String,
}

/// Ends the user's other sessions.
async fn change_password(
    api: web::Data<Api>,
    request: HttpRequest,
    caller: Caller,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, ApiError> {
    let (user, session) = signed_in(&caller)?;
    let ChangePassword { current_password, new_password } = body.0;
    if let Some(problem) = password_problem(&new_password) {
        return Err(ApiError::new(Code::InvalidUser, problem));
    }
    let from = api.client_address(&request);
    if !api.sessions.confirm(user, &current_password, &from).await? {
        return Err(ApiError::new(Code::InvalidUser, "the current password is another one"));
    }
    let password_hash = api.sessions.hash_password(new_password).await?;
    let change = AdminChange::SetPassword { user: user.id.clone(), password_hash, keeps: Some(session) };
    api.store().administer(change, caller.by(&api)).await?;
    api.shared.refresh().await?;
    Ok(HttpResponse::NoContent().finish())
}
