//! A call as a span of a trace, which the receiver may go on with.

use tracing::Span;

use crate::{
    egress::{self, Exchange, Request},
    telemetry::traces::{self, TRACES},
};

/// Begins the span, and names it in the request's headers, unless the author has one of these names.
pub(super) fn begin(request: &mut Request) -> Span {
    if !traces::are_on() {
        return Span::none();
    }
    let (host, port) = egress::host_and_port(&request.url).unwrap_or_default();
    let span = tracing::info_span!(
        target: TRACES,
        "call",
        otel.name = %request.method,
        otel.kind = "client",
        http.request.method = %request.method,
        server.address = host,
        server.port = port,
    );
    let is_given = |name: &str| traces::HEADERS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    if !request.headers.iter().any(|(name, _)| is_given(name)) {
        request.headers.extend(traces::headers(&span));
    }
    span
}

pub(super) fn end(span: &Span, exchange: &Exchange) {
    match (exchange.status(), &exchange.result) {
        (Some(status), _) => {
            traces::ended(span, "http.response.status_code", i64::from(status), status >= 400);
        }
        (None, Err(error)) => traces::ended(span, "error.type", error.code(), true),
        (None, Ok(_)) => {}
    }
}
