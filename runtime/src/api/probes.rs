//! `/livez`: the process answers. `/readyz`: it takes requests and its store reads.

use actix_web::{HttpResponse, http::header, web};

use super::{Api, Code, error::ApiError};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.route("/livez", web::get().to(live)).route("/readyz", web::get().to(ready));
}

async fn live() -> HttpResponse {
    ok()
}

async fn ready(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    if api.shared.is_draining() {
        return Err(ApiError::new(Code::ShuttingDown, "the server is shutting down"));
    }
    api.store().workspace_revision().await?;
    Ok(ok())
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body("ok\n")
}
