//! Secrets by name: set, listed with where each is used, removed. No value is ever answered.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, Code, auth::Caller, body::Body, error::ApiError, json as answer, resource};
use crate::model::secret::{self, name_problem, value_problem};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/secrets").route(web::get().to(list)))
        .service(resource("/secrets/{secret}").route(web::put().to(put)).route(web::delete().to(delete)));
}

/// Where each secret is used, by what is published or still runs.
fn users(api: &Api) -> BTreeMap<String, Vec<Value>> {
    let workspace = api.workspace().current();
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for workflow in workspace.versions.values() {
        for used in secret::uses(workflow) {
            let place = json!({"workflow": workflow.id.as_str(), "action": used.action, "step": used.step});
            let places = users.entry(used.secret).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    users
}

async fn list(api: web::Data<Api>, _: Caller) -> Result<HttpResponse, ApiError> {
    let mut users = users(&api);
    let secrets = &api.workspace().current().secrets;
    let mut shown: Vec<_> = secrets
        .names()
        .map(|(name, source)| {
            let used_by = users.remove(name).unwrap_or_default();
            json!({"name": name, "source": source.name(), "used_by": used_by})
        })
        .collect();
    // Those that steps need and nobody has set.
    let missing =
        users.into_iter().map(|(name, used_by)| json!({"name": name, "source": null, "used_by": used_by}));
    shown.extend(missing);
    answer(HttpResponse::Ok(), &shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutSecret {
    value: String,
}

async fn put(
    api: web::Data<Api>,
    path: web::Path<String>,
    _: Caller,
    body: Body<PutSecret>,
) -> Result<HttpResponse, ApiError> {
    let name = path.into_inner();
    let problem = name_problem(&name).map(str::to_owned).or_else(|| value_problem(&body.0.value));
    if let Some(problem) = problem {
        return Err(ApiError::new(Code::InvalidSecret, problem));
    }
    let row = api.shared.vault.seal(&name, &body.0.value).map_err(ApiError::internal)?;
    api.store().put_secrets(vec![row]).await?;
    api.shared.refresh().await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(api: web::Data<Api>, path: web::Path<String>, _: Caller) -> Result<HttpResponse, ApiError> {
    let name = path.into_inner();
    if let Some(places) = users(&api).remove(&name) {
        let places = Value::from(places);
        let message = format!("the secret {name} is used by {places}; change that first");
        return Err(ApiError::new(Code::SecretInUse, message));
    }
    if !api.store().remove_secret(name.clone()).await? {
        return Err(ApiError::new(Code::SecretNotFound, format!("the store has no secret {name}")));
    }
    api.shared.refresh().await?;
    Ok(HttpResponse::NoContent().finish())
}
