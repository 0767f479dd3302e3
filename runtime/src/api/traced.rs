//! A request that was let in as a span of a trace: the one that its headers name, or one of its own.

use std::{collections::HashMap, future::Future};

use actix_web::{HttpRequest, HttpResponse};
use tracing::{Instrument, Span};

use super::need::Need;
use crate::telemetry::traces::{self, TRACES};

pub(super) async fn traced(
    need: Need,
    request: &HttpRequest,
    answer: impl Future<Output = HttpResponse>,
) -> HttpResponse {
    if !traces::are_on() {
        return answer.await;
    }
    let span = begin(need, request);
    let response = answer.instrument(span.clone()).await;
    let status = response.status();
    let code = i64::from(status.as_u16());
    traces::ended(&span, "http.response.status_code", code, status.is_server_error());
    response
}

fn begin(need: Need, request: &HttpRequest) -> Span {
    let (method, route) = (request.method(), request.match_pattern().unwrap_or_default());
    let span = tracing::info_span!(
        target: TRACES,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = %method,
        http.route = route,
    );
    // Nobody decides which of our spans are sent.
    if need != Need::Nothing {
        let text = |name: &str| request.headers().get(name)?.to_str().ok().map(str::to_owned);
        let headers = traces::HEADERS.into_iter().filter_map(|name| Some((name.to_owned(), text(name)?)));
        traces::follow(&span, &headers.collect::<HashMap<_, _>>());
    }
    span
}
