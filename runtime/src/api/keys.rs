//! API keys: which there are, new ones, taking one away.

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

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
    credential,
    model::{ApiKey, Scope, WorkflowId, id::KeyId, user::checked_name},
    store::admin::AdminChange,
};

/// Keys of a workspace.
const KEYS_MAX: usize = 10_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/keys")
            .get(
                list,
                operation("listKeys", Need::Workspace, "API keys, without their secrets").answers(
                    200,
                    "The keys",
                    list_of("Key"),
                ),
            )
            .post(
                add,
                operation("addKey", Need::Workspace, "Makes an API key; its secret is in this answer alone")
                    .takes(of("AddKey"))
                    .refuses(&[Code::InvalidKey, Code::NameTaken])
                    .answers(201, "The key", of("NewKey")),
            ),
        at("/keys/{key}").delete(
            revoke,
            operation("revokeKey", Need::Workspace, "Takes a key away at once").answers_nothing(),
        ),
    ]
}

fn shown(key: &ApiKey, used_at: Option<Timestamp>, now: Timestamp) -> Value {
    json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        "workflows": key.workflows.as_ref().map(|ids| ids.iter().map(WorkflowId::as_str).collect::<Vec<_>>()),
        "expires_at": key.expires_at.map(|at| at.to_string()),
        "has_expired": key.has_expired(now),
        "last_used_at": used_at.map(|at| at.to_string()),
    })
}

async fn list(api: web::Data<Api>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let (used, now) = (api.sessions.keys_used().await?, api.shared.clock.now());
    let keys: std::collections::HashMap<_, _> =
        caller.workspace.keys.values().map(|key| (&key.id, key)).collect();
    // In the order of their ids, which says nothing, but stays.
    let shown = used.iter().filter_map(|(id, at)| Some(shown(keys.get(id)?, *at, now)));
    answer(HttpResponse::Ok(), &shown.collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddKey {
    name: String,
    /// All, if left out.
    scopes: Option<Vec<String>>,
    /// All, if left out or null.
    workflows: Option<Vec<String>>,
    expires_at: Option<String>,
}

/// The secret is in this answer, and in no other.
async fn add(api: web::Data<Api>, caller: Caller, body: Body<AddKey>) -> Result<HttpResponse, ApiError> {
    if caller.workspace.keys.len() >= KEYS_MAX {
        return Err(ApiError::new(Code::InvalidKey, format!("there are {KEYS_MAX} keys; revoke some first")));
    }
    let now = api.shared.clock.now();
    let (key, secret) = credential::new_key(&body.0.name)?;
    let key = limited(key, &body.0, &caller, now)?;
    if !api.store().administer(AdminChange::AddKey(key.clone()), caller.by(&api)).await? {
        return Err(caller.administers_no_more());
    }
    api.shared.refresh().await?;
    let mut body = shown(&key, None, now);
    body["key"] = json!(secret);
    answer(HttpResponse::Created(), &body)
}

fn limited(key: ApiKey, asked: &AddKey, caller: &Caller, now: Timestamp) -> Result<ApiKey, ApiError> {
    let invalid = |message: String| ApiError::new(Code::InvalidKey, message);
    let name = checked_name(&asked.name).map_err(|problem| invalid(format!("`name` {problem}")))?;
    let scopes = match &asked.scopes {
        None => key.scopes.clone(),
        Some(names) => Scope::all_named(names).map_err(|problem| invalid(format!("`scopes`: {problem}")))?,
    };
    let has = |scope: &Scope| caller.key().is_none_or(|own| own.scopes.contains(scope));
    if let Some(more) = scopes.iter().find(|scope| !has(scope)) {
        return Err(invalid(format!("`scopes`: the key that asks has no `{}` itself", more.name())));
    }
    if let Some(id) = asked.workflows.iter().flatten().find(|id| caller.workspace.workflow(id).is_none()) {
        return Err(invalid(format!("`workflows`: there is no workflow `{id}`")));
    }
    let workflows =
        asked.workflows.as_ref().map(|ids| ids.iter().map(|id| WorkflowId::new(id.as_str())).collect());
    let expires_at = match asked.expires_at.as_deref().map(str::parse::<Timestamp>) {
        None => None,
        Some(Ok(at)) if at > now => Timestamp::from_millisecond(at.as_millisecond()).ok(),
        Some(_) => {
            return Err(invalid(
                "`expires_at` takes an instant to come, such as 2030-01-31T00:00:00Z".to_owned(),
            ));
        }
    };
    let outlives = |own: &ApiKey| own.expires_at.is_some_and(|end| expires_at.is_none_or(|at| at > end));
    if caller.key().is_some_and(outlives) {
        return Err(invalid("`expires_at`: the key that asks ends before that itself".to_owned()));
    }
    Ok(ApiKey { name, scopes, workflows, expires_at, ..key })
}

async fn revoke(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let change = AdminChange::RevokeKey(KeyId::new(path.as_str()));
    if !api.store().administer(change, caller.by(&api)).await? {
        return Err(ApiError::new(Code::KeyNotFound, format!("there is no key `{path}`")));
    }
    // From the next request on it opens nothing.
    api.shared.refresh().await?;
    Ok(HttpResponse::NoContent().finish())
}
