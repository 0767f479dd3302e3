//! `/livez`: the process answers. `/readyz`: it takes requests, and its store reads and writes.

use std::time::Duration;

use actix_web::{HttpResponse, http::header, web};

use super::{
    Api, Code,
    error::ApiError,
    need::Need,
    route::{Route, at, operation},
};

/// How long the store may take to show that it reads and writes.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Vec<Route> {
    let text = "text/plain; charset=utf-8";
    let alive = operation("livez", Need::Nothing, "Whether the process answers").answers_as(text, "It does");
    let is_ready =
        operation("readyz", Need::Nothing, "Whether it takes requests, and its store reads and writes");
    vec![at("/livez").get(live, alive), at("/readyz").get(ready, is_ready.answers_as(text, "It does"))]
}

async fn live() -> HttpResponse {
    ok()
}

async fn ready(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    if api.shared.is_draining() {
        return Err(ApiError::new(Code::ShuttingDown, "the server is shutting down"));
    }
    let store = async {
        api.store().workspace_revision().await?;
        api.store().writable().await
    };
    tokio::time::timeout(STORE_ANSWERS_WITHIN, store).await.map_err(|_| {
        let seconds = STORE_ANSWERS_WITHIN.as_secs();
        let message = format!("the store has not shown within {seconds} s that it can write");
        ApiError::new(Code::StoreUnavailable, message)
    })??;
    Ok(ok())
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body("ok\n")
}
