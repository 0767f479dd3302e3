//! Secrets by name: set, listed with where each is used, removed. No value is ever answered.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
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
    model::secret::{SecretUse, name_problem, value_problem},
    publish,
    store::admin::{AdminChange, By},
    vault::VaultLock,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/secrets").get(
            list,
            operation(
                "listSecrets",
                Need::Workspace,
                "Names of secrets, where each comes from and where it is used; never a value",
            )
            .answers(200, "The secrets", list_of("Secret")),
        ),
        at("/secrets/{secret}")
            .put(
                put,
                operation("putSecret", Need::Workspace, "Sets a secret")
                    .takes(of("PutSecret"))
                    .refuses(&[Code::InvalidSecret])
                    .answers_nothing(),
            )
            .delete(
                delete,
                operation("removeSecret", Need::Workspace, "Removes a secret that nothing uses")
                    .refuses(&[Code::SecretInUse, Code::SecretNotFound])
                    .answers_nothing(),
            ),
    ]
}

fn shown(used: &SecretUse) -> Value {
    let (action, step) = used.step.as_ref().map(|(action, step)| (action, step)).unzip();
    json!({"workflow": used.workflow.as_str(), "action": action, "step": step})
}

async fn list(api: web::Data<Api>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut uses = publish::secret_uses(api.store()).await?;
    let secrets = &caller.workspace.secrets;
    let mut list: Vec<_> = secrets
        .names()
        .map(|(name, source)| {
            let used_by: Vec<_> = uses.remove(name).unwrap_or_default().iter().map(shown).collect();
            json!({"name": name, "source": source.name(), "used_by": used_by})
        })
        .collect();
    // Those that steps need and nobody has set.
    let missing = uses.into_iter().map(|(name, used_by)| {
        json!({"name": name, "source": null, "used_by": used_by.iter().map(shown).collect::<Vec<_>>()})
    });
    list.extend(missing);
    answer(HttpResponse::Ok(), &list)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutSecret {
    value: String,
}

/// Waited for on another thread: a command beside the server may hold it for a while.
async fn locked(api: &Api) -> Result<VaultLock, ApiError> {
    let vault = Arc::clone(&api.shared.vault);
    let held = web::block(move || vault.lock()).await.map_err(ApiError::internal)?;
    held.map_err(ApiError::internal)
}

async fn put(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: Body<PutSecret>,
) -> Result<HttpResponse, ApiError> {
    let name = path.into_inner();
    let problem = name_problem(&name).map(str::to_owned).or_else(|| value_problem(&body.0.value));
    if let Some(problem) = problem {
        return Err(ApiError::new(Code::InvalidSecret, problem));
    }
    let (shared, held, value) = (Arc::clone(&api.shared), locked(&api).await?, body.0.value);
    let by = caller.by(&api);
    // To its end, though the client hangs up: what is encrypted is written before anybody changes the key.
    let work = async move {
        let row = shared.vault.seal(&held, &name, &value).map_err(ApiError::internal)?;
        shared.store.administer(AdminChange::PutSecrets(vec![row]), by).await?;
        drop(held);
        shared.refresh().await?;
        Ok::<_, ApiError>(())
    };
    actix_web::rt::spawn(work).await.map_err(ApiError::internal)??;
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    // To its end, as above.
    let work = removed(api.clone(), locked(&api).await?, path.into_inner(), caller.by(&api));
    actix_web::rt::spawn(work).await.map_err(ApiError::internal)??;
    Ok(HttpResponse::NoContent().finish())
}

async fn removed(api: web::Data<Api>, held: VaultLock, name: String, by: By) -> Result<(), ApiError> {
    if let Some(places) = publish::secret_uses(api.store()).await?.remove(&name) {
        let places: Vec<_> = places.iter().map(ToString::to_string).collect();
        let message = format!("the secret {name} is used by {}; change that first", places.join(", "));
        return Err(ApiError::new(Code::SecretInUse, message));
    }
    let is_removed = api.store().administer(AdminChange::RemoveSecret(name.clone()), by).await?;
    drop(held);
    if !is_removed {
        return Err(ApiError::new(Code::SecretNotFound, format!("the store has no secret {name}")));
    }
    api.shared.refresh().await?;
    Ok(())
}
