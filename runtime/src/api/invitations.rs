//! Links with which somebody becomes a user, or a user chooses a new password. Each is shown once, and followed once.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::{Caller, same_origin},
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, of, operation},
    users::{find, invalid, named, role_of, shown_user},
};
use crate::{
    credential,
    model::{Performer, RoleId, User, UserId, WorkflowId, user::checked_email},
    sessions::{self, Token, password_problem},
    store::admin::{AdminChange, By, Invitation},
};

/// How long a link may be followed.
const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
const NEW_PASSWORD_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// Links at a time that nobody has followed yet.
const INVITATIONS_MAX: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/invitations")
            .get(
                list,
                operation("listInvitations", Need::Workspace, "Links that nobody has followed yet").answers(
                    200,
                    "The invitations",
                    list_of("Invitation"),
                ),
            )
            .post(
                invite,
                operation("invite", Need::Workspace, "Makes a link with which somebody becomes a user")
                    .takes(of("Invite"))
                    .refuses(&[
                        Code::InvalidUser,
                        Code::NameTaken,
                        Code::WorkflowNotFound,
                        Code::StepTypeMissing,
                        Code::RoleNotFound,
                        Code::TooMany,
                    ])
                    .answers(201, "The invitation, with its link", of("NewInvitation")),
            ),
        at("/invitations/accept").post(
            accept,
            operation(
                "acceptInvitation",
                Need::Nothing,
                "Follows a link: makes a user, or sets a new password",
            )
            .takes(of("AcceptInvitation"))
            .refuses(&[Code::CrossOrigin, Code::InvitationNotFound, Code::NameTaken, Code::InvalidUser])
            .answers(201, "Who is signed in now", of("SignedIn")),
        ),
        at("/invitations/look").post(
            look,
            operation("lookAtInvitation", Need::Nothing, "Whom a link is for, and what following it does")
                .takes(of("InvitationToken"))
                .refuses(&[Code::CrossOrigin, Code::InvitationNotFound])
                .answers(200, "The invitation", of("InvitationView")),
        ),
        at("/invitations/{invitation}").delete(
            withdraw,
            operation("withdrawInvitation", Need::Workspace, "Makes a link worth nothing").answers_nothing(),
        ),
        at("/users/{user}/password_link").post(
            password_link,
            operation(
                "makePasswordLink",
                Need::Workspace,
                "Makes a link with which a user sets a new password",
            )
            .refuses(&[Code::TooMany])
            .answers(201, "The link", of("NewInvitation")),
        ),
    ]
}

fn shown(invitation: &Invitation, has_expired: bool) -> Value {
    json!({
        "id": invitation.id,
        "email": invitation.email,
        "is_new_password": invitation.user.is_some(),
        "is_administrator": invitation.is_administrator,
        "roles": invitation.shown_roles(),
        "created_at": invitation.created_at.to_string(),
        "expires_at": invitation.expires_at.to_string(),
        "has_expired": has_expired,
    })
}

async fn list(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let now = api.shared.clock.now();
    let all = api.store().invitations().await?;
    answer(HttpResponse::Ok(), &all.iter().map(|it| shown(it, it.expires_at <= now)).collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    email: String,
    #[serde(default)]
    is_administrator: bool,
    /// Role ids (or names) by workflow ids.
    #[serde(default)]
    roles: Map<String, Value>,
}

async fn invite(api: web::Data<Api>, caller: Caller, body: Body<Invite>) -> Result<HttpResponse, ApiError> {
    let Invite { email, is_administrator, roles } = body.0;
    let email = checked_email(&email).map_err(invalid)?;
    if caller.workspace.directory.find(&email).is_some() {
        return Err(ApiError::new(Code::NameTaken, format!("{email} is a user already")));
    }
    let role = |(workflow, role): (String, Value)| {
        let role = role.as_str().unwrap_or_default().to_owned();
        role_of(&caller, &workflow, &role)
    };
    let roles = roles.into_iter().map(role).collect::<Result<Vec<_>, _>>()?;
    let wanted = Wanted { user: None, email, is_administrator, roles };
    link(&api, &caller, wanted, INVITATION_LASTS).await
}

/// For a user who has forgotten theirs.
async fn password_link(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let user = find(&caller.workspace.directory, &path)?;
    let wanted = Wanted {
        user: Some(user.id.clone()),
        email: user.email.clone(),
        is_administrator: user.is_administrator,
        roles: Vec::new(),
    };
    link(&api, &caller, wanted, NEW_PASSWORD_LASTS).await
}

struct Wanted {
    user: Option<UserId>,
    email: String,
    is_administrator: bool,
    roles: Vec<(WorkflowId, RoleId)>,
}

async fn link(
    api: &Api,
    caller: &Caller,
    wanted: Wanted,
    lasts: SignedDuration,
) -> Result<HttpResponse, ApiError> {
    if api.store().invitations().await?.len() >= INVITATIONS_MAX {
        let message = format!("{INVITATIONS_MAX} links wait to be followed; withdraw some first");
        return Err(ApiError::new(Code::TooMany, message));
    }
    let (token, now) = (Token::new()?, api.shared.clock.now());
    let over = now + lasts;
    let Wanted { user, email, is_administrator, roles } = wanted;
    let invitation = Invitation {
        id: format!("inv_{}", credential::random_hex(6)?),
        hash: token.hash,
        user,
        email,
        is_administrator,
        roles,
        made_by: caller.id().to_owned(),
        created_at: now,
        // A key's links end with it at the latest.
        expires_at: caller.key().and_then(|key| key.expires_at).map_or(over, |end| end.min(over)),
    };
    if !api.store().administer(AdminChange::Invite(invitation.clone()), caller.by(api)).await? {
        return Err(caller.administers_no_more());
    }
    let mut body = shown(&invitation, false);
    body["link"] = json!(format!("{}/invitation#{}", api.public_url, token.text));
    body["token"] = json!(token.text);
    answer(HttpResponse::Created(), &body)
}

async fn withdraw(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let change = AdminChange::WithdrawInvitation(path.clone());
    if !api.store().administer(change, caller.by(&api)).await? {
        return Err(not_found());
    }
    Ok(HttpResponse::NoContent().finish())
}

fn not_found() -> ApiError {
    let message = "there is no such invitation: it was followed or withdrawn, who made it may not invite any more, or its time is \
         over; ask for another one";
    ApiError::new(Code::InvitationNotFound, message)
}

/// The invitation behind a link's token, while it may be followed.
async fn by_token(api: &Api, request: &HttpRequest, token: &str) -> Result<Invitation, ApiError> {
    if request.headers().contains_key("Origin") {
        same_origin(api, request)?;
    }
    let found = api.store().invitation(sessions::hash(token)).await?;
    found.filter(|it| it.expires_at > api.shared.clock.now()).ok_or_else(not_found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    token: String,
}

/// What a page needs to know before it asks for a name and a password.
async fn look(api: web::Data<Api>, request: HttpRequest, body: Body<Look>) -> Result<HttpResponse, ApiError> {
    let invitation = by_token(&api, &request, &body.0.token).await?;
    let shown = json!({
        "email": invitation.email,
        "is_new_password": invitation.user.is_some(),
        "expires_at": invitation.expires_at.to_string(),
    });
    answer(HttpResponse::Ok(), &shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accept {
    token: String,
    /// Of somebody who is not a user yet.
    first_name: Option<String>,
    last_name: Option<String>,
    password: String,
}

/// Whoever follows a link needs nothing else; they are signed in then.
async fn accept(
    api: web::Data<Api>,
    request: HttpRequest,
    body: Body<Accept>,
) -> Result<HttpResponse, ApiError> {
    let Accept { token, first_name, last_name, password } = body.0;
    let invitation = by_token(&api, &request, &token).await?;
    if let Some(problem) = password_problem(&password) {
        return Err(ApiError::new(Code::InvalidUser, problem));
    }
    let user = match &invitation.user {
        Some(id) => {
            let workspace = api.workspace().current();
            User::clone(workspace.directory.user(id).filter(|user| user.is_active).ok_or_else(not_found)?)
        }
        None => User {
            id: UserId::new(credential::random_hex(6)?),
            email: invitation.email.clone(),
            first_name: named("first_name", first_name)?,
            last_name: named("last_name", last_name)?,
            is_active: true,
            is_administrator: invitation.is_administrator,
        },
    };
    let password_hash = api.sessions.hash_password(password).await?;
    let (email, by) =
        (user.email.clone(), By { performer: Performer::from(&user), at: api.shared.clock.now() });
    let change = AdminChange::AcceptInvitation { invitation, user, password_hash };
    if !api.store().administer(change, by).await? {
        return Err(not_found());
    }
    api.shared.refresh().await?;
    // One who comes back is who they were.
    let workspace = api.workspace().current();
    let user = workspace.directory.find(&email).ok_or_else(not_found)?;
    let session = api.sessions.begin(&user.id).await?;
    let mut response = HttpResponse::Created();
    response.cookie(api.cookie(&session));
    answer(response, &json!({"user": shown_user(user)}))
}
