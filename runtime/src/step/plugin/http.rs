//! Requests that plugins have sent by the server's own client: its rules of who may be called, its proxy, its record.

use std::time::Duration;

use onward_sdk::http::{HttpError, RequestDocument, ResponseDocument};
use serde_json::value::RawValue;
use tracing::Instrument;

use crate::{
    egress::{Certainty, Exchange, Request},
    model::{DEPTH_HEADER, secret::Redactor},
    plugin::runner::{HttpAnswer, HttpRequest},
    step::{Call, exchange::Seen, header, trace},
};

/// Bytes of an answer that a plugin is given.
const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Headers of a request.
const HEADERS_MAX: usize = 100;

/// Sends a request and hands on what came of it; what the attempt keeps of it, if it was begun.
pub(super) async fn send(
    call: &Call<'_>,
    HttpRequest { request, answer }: HttpRequest,
    left: Duration,
    redactor: &Redactor,
) -> Option<Box<RawValue>> {
    let mut request = match checked(call, request, left) {
        Ok(request) => request,
        Err(problem) => {
            answer(Err(problem));
            return None;
        }
    };
    let span = trace::begin(&mut request);
    let exchange = call.resources.egress.send(request.clone()).instrument(span.clone()).await;
    trace::end(&span, &exchange);
    let record = Seen::new(&request, &exchange, redactor).record(&exchange);
    answer(answered(exchange));
    record.and_then(|record| RawValue::from_string(record).ok())
}

/// The error: why it is not sent.
fn checked(call: &Call<'_>, document: RequestDocument, left: Duration) -> Result<Request, HttpError> {
    let RequestDocument { method, url, mut headers, body, timeout_ms } = document;
    let invalid = |what: String| HttpError::not_sent("invalid_request", what);
    if headers.len() > HEADERS_MAX {
        return Err(invalid(format!("a request has at most {HEADERS_MAX} headers")));
    }
    for (name, value) in &headers {
        if let Some(problem) = header::problem(name) {
            return Err(invalid(format!("the header `{name}` {problem}")));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(invalid(format!("the value of the header `{name}` has a control character")));
        }
    }
    let depth = call.depth().map_err(|error| HttpError::not_sent("too_deep", error.to_string()))?;
    headers.push((DEPTH_HEADER.to_owned(), depth.to_string()));
    let timeout = timeout_ms.map_or(left, Duration::from_millis).min(left);
    Ok(Request {
        method,
        url,
        headers,
        body: body.into_bytes().into(),
        timeout,
        response_bytes_max: RESPONSE_BYTES_MAX,
        tls: None,
        route: None,
        gone_is_an_answer: true,
    })
}

fn answered(exchange: Exchange) -> HttpAnswer {
    let certainty = exchange.certainty();
    match exchange.result {
        Ok(response) => Ok(ResponseDocument {
            status: response.status,
            headers: response.headers,
            body: response.body.to_vec().into(),
        }),
        Err(error) => Err(HttpError {
            code: error.code().to_owned(),
            message: error.to_string(),
            sent: certainty != Certainty::NotSent,
        }),
    }
}
