//! Routes of the public API that this version does not have: they say so.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{Code, error::ApiError, need::Need};

const ROUTES: [&str; 3] = [
    "/workflows/{workflow}/analytics/exports",
    "/workflows/{workflow}/analytics/exports/{export}",
    "/workflows/{workflow}/data_syncs",
];

pub(super) fn configure(config: &mut web::ServiceConfig) {
    for route in ROUTES {
        config.route(route, web::to(not_built));
    }
}

pub(super) async fn not_built(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Need::Known.admit(&request).await?;
    let message =
        format!("{} {} is not built yet in this version of Onward", request.method(), request.path());
    Err(ApiError::new(Code::NotImplemented, message))
}
