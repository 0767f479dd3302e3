//! The endpoints that steps call, how they are doing, and calling one again.

use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, operation},
};
use crate::{
    egress::{Circuit, EndpointView, HealthSettings},
    endpoints,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/endpoints").get(
            list,
            operation("listEndpoints", Need::Workspace, "How the endpoints that steps call are doing")
                .answers(200, "The endpoints", list_of("Endpoint")),
        ),
        at("/endpoints/{endpoint}/enable").post(
            enable,
            operation("enableEndpoint", Need::Workspace, "Has an endpoint called again, whatever it did")
                .answers_nothing(),
        ),
    ]
}

fn shown(view: &EndpointView, settings: &HealthSettings) -> Value {
    let again_in_ms = match view.circuit {
        Circuit::Open { until } => Some(until.saturating_duration_since(Instant::now()).as_millis() as u64),
        _ => None,
    };
    json!({
        "endpoint": view.endpoint,
        "circuit": view.circuit.name(),
        "failures": view.failures,
        "last_failure": view.last_failure.as_ref().map(|last| {
            json!({"message": last.message, "ago_ms": last.at.elapsed().as_millis() as u64})
        }),
        "called_again_in_ms": again_in_ms,
        "calls": view.calls,
        "waiting": view.waiting,
        "calls_max": settings.calls_max,
        "waiting_max": settings.waiting_max,
        "rate_max": (settings.rate_max > 0).then_some(settings.rate_max),
    })
}

async fn list(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let settings = api.endpoints.settings();
    let shown: Vec<_> = api.endpoints.list().iter().map(|view| shown(view, settings)).collect();
    answer(HttpResponse::Ok(), &shown)
}

async fn enable(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    if !endpoints::enable(api.store(), &api.endpoints, &path, caller.by(&api)).await? {
        let message = format!("no endpoint `{path}` was called since the server began");
        return Err(ApiError::new(Code::EndpointNotFound, message));
    }
    Ok(HttpResponse::NoContent().finish())
}
