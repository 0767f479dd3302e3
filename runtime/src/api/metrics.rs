//! `/metrics`, as Prometheus reads it.

use actix_web::{HttpResponse, http::header, web};

use super::{
    Api,
    error::ApiError,
    need::Need,
    route::{Route, at, operation},
};
use crate::metrics::{self, CONTENT_TYPE, Now};

pub(super) fn routes() -> Vec<Route> {
    let operation = operation("metrics", Need::Watch, "What an operator watches, for Prometheus");
    vec![at("/metrics").get(read, operation.answers_as(CONTENT_TYPE, "Everything"))]
}

/// Names of workflows and of hosts that are called stand in it, so it is not for everybody unless the operator says so.
async fn read(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let shared = &api.shared;
    let now = Now {
        in_flight: shared.in_flight(),
        queued: shared.queued(),
        store_waiting: api.store().waiting(),
        streams: api.streams.open(),
        endpoints: api.endpoints.list(),
        resident: metrics::resident(),
    };
    let text = shared.metrics.text(&now);
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).body(text))
}
