//! The first run: whoever has the link that the server tells where it is started makes the first user, who administers the
//! workspace. Once there is a user, by whatever way, there is nothing to set up.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Api, Code,
    auth::same_origin,
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, of, operation},
    users::{invalid, named, shown_user},
};
use crate::{
    credential,
    model::{Performer, User, UserId, user::checked_email},
    sessions::password_problem,
    store::admin::{AdminChange, By},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/setup")
            .get(
                read,
                operation("readSetup", Need::Nothing, "Whether the first user is still to be made").answers(
                    200,
                    "Whether it is needed",
                    of("Setup"),
                ),
            )
            .post(
                set_up,
                operation("setUp", Need::Nothing, "Makes the first user, who administers the workspace")
                    .takes(of("SetUp"))
                    .refuses(&[
                        Code::CrossOrigin,
                        Code::WrongSetupToken,
                        Code::SetupDone,
                        Code::InvalidUser,
                        Code::TooManyAttempts,
                    ])
                    .answers(201, "Who is signed in now", of("SignedIn")),
            ),
    ]
}

async fn read(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    answer(HttpResponse::Ok(), &json!({"needed": api.workspace().current().directory.is_empty()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUp {
    token: String,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    password: String,
}

/// Whoever has the link needs nothing else; they are signed in then.
async fn set_up(
    api: web::Data<Api>,
    request: HttpRequest,
    body: Body<SetUp>,
) -> Result<HttpResponse, ApiError> {
    if request.headers().contains_key("Origin") {
        same_origin(&api, &request)?;
    }
    if !api.workspace().current().directory.is_empty() {
        return Err(done());
    }
    let SetUp { token, email, first_name, last_name, password } = body.0;
    let from = api.client_address(&request);
    if !api.sessions.is_setup_token(&token, &from).await? {
        let message = "this is not the link that the server told when it started; its log has the link, and so has its output";
        return Err(ApiError::new(Code::WrongSetupToken, message));
    }
    if let Some(problem) = password_problem(&password) {
        return Err(ApiError::new(Code::InvalidUser, problem));
    }
    let user = User {
        id: UserId::new(credential::random_hex(6)?),
        email: checked_email(&email).map_err(invalid)?,
        first_name: named("first_name", first_name)?,
        last_name: named("last_name", last_name)?,
        is_active: true,
        is_administrator: true,
    };
    let password_hash = api.sessions.hash_password(password).await?;
    let by = By { performer: Performer::from(&user), at: api.shared.clock.now() };
    let change = AdminChange::SetUp { user: user.clone(), password_hash };
    if !api.store().administer(change, by).await? {
        return Err(done());
    }
    api.shared.refresh().await?;
    tracing::info!(user = %user.id, from, "the first user is made");
    let session = api.sessions.begin(&user.id).await?;
    let mut response = HttpResponse::Created();
    response.cookie(api.cookie(&session));
    answer(response, &json!({"user": shown_user(&user)}))
}

fn done() -> ApiError {
    ApiError::new(
        Code::SetupDone,
        "there is a user already; sign in, or ask an administrator for an invitation",
    )
}
