//! A request as a span of a trace: the one that its headers name, or one of its own.

use std::collections::HashMap;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use tracing::{Instrument, Span};

use crate::telemetry::traces::{self, TRACES};

pub(super) async fn traced(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if !traces::are_on() {
        return next.call(request).await;
    }
    let span = begin(&request);
    let answered = next.call(request).instrument(span.clone()).await;
    if let Ok(response) = &answered {
        let status = response.status();
        let code = i64::from(status.as_u16());
        traces::ended(&span, "http.response.status_code", code, status.is_server_error());
    }
    answered
}

fn begin(request: &ServiceRequest) -> Span {
    let (method, route) = (request.method(), request.match_pattern().unwrap_or_default());
    let span = tracing::info_span!(
        target: TRACES,
        "request",
        otel.name = format!("{method} {route}").trim_end(),
        otel.kind = "server",
        http.request.method = %method,
        http.route = route,
        url.path = request.path(),
    );
    let header = |name: &str| Some((name.to_owned(), request.headers().get(name)?.to_str().ok()?.to_owned()));
    traces::follow(&span, &traces::HEADERS.into_iter().filter_map(header).collect::<HashMap<_, _>>());
    span
}
