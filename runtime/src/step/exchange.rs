//! One exchange with another server as people may see it, and as an attempt keeps it.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use serde::Serialize;

use super::header::is_credential;
use crate::{
    egress::{CallTls, Exchange, Request, Response, Route, Timing},
    model::secret::Redactor,
};

/// Bytes of a body that an attempt keeps.
const RECORD_BODY_BYTES_MAX: usize = 16 * 1024;

/// An exchange as people may see it.
pub(super) struct Seen<'a> {
    pub(super) request: Cow<'a, Request>,
    proxy: Option<String>,
    pub(super) answer: Option<Cow<'a, Response>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(request: &'a Request, exchange: &'a Exchange, redactor: &Redactor) -> Self {
        let answer = exchange.answer();
        let proxy = request.route.as_ref().map(|route| match route {
            Route::Direct => "direct".to_owned(),
            Route::Through(proxy) => redactor.redact(&proxy.origin()),
        });
        if redactor.is_empty() {
            return Self { request: Cow::Borrowed(request), proxy, answer: answer.map(Cow::Borrowed) };
        }
        let headers = |headers: &[(String, String)]| {
            let redacted = headers.iter().map(|(name, value)| (name.clone(), redactor.redact(value)));
            redacted.collect::<Vec<_>>()
        };
        // No more of it is looked at than may be shown; what is cut off so may be in the middle of a secret, like
        // what the receiver did not send.
        let body = |body: &[u8], is_whole: bool| {
            let shown = &body[..body.len().min(RECORD_BODY_BYTES_MAX)];
            let text = String::from_utf8_lossy(shown);
            let is_whole = is_whole && shown.len() == body.len();
            Bytes::from(if is_whole { redactor.redact(&text) } else { redactor.redact_cut(&text) })
        };
        let request = Request {
            url: redactor.redact(&request.url),
            headers: headers(&request.headers),
            body: body(&request.body, true),
            ..request.clone()
        };
        let answer = answer.map(|answer| Response {
            headers: headers(&answer.headers),
            body: body(&answer.body, exchange.partial.is_none()),
            ..answer.clone()
        });
        Self { request: Cow::Owned(request), proxy, answer: answer.map(Cow::Owned) }
    }

    /// What is kept of it, as JSON.
    pub(super) fn record(&self, exchange: &Exchange) -> Option<String> {
        let request = &self.request;
        let record = Record {
            request: RequestRecord {
                method: &request.method,
                url: &request.url,
                headers: shown(&request.headers),
                body: capped(&request.body),
                tls: request.tls.as_deref().map(TlsRecord::from),
                proxy: self.proxy.as_deref(),
            },
            response: self.answer.as_deref().map(|response| ResponseRecord {
                status: response.status,
                headers: shown(&response.headers),
                body: capped(&response.body),
                incomplete: exchange.partial.is_some(),
            }),
            timing: TimingRecord::from(&exchange.timing),
            bytes_sent: exchange.bytes_sent,
            bytes_received: exchange.bytes_received,
        };
        serde_json::to_string(&record).ok()
    }
}

#[derive(Serialize)]
struct Record<'a> {
    request: RequestRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseRecord<'a>>,
    timing: TimingRecord,
    bytes_sent: u64,
    bytes_received: u64,
}

/// In microseconds. What did not happen, because a kept connection was used or it was not reached, is left out.
#[derive(Serialize)]
struct TimingRecord {
    queue_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_us: Option<u64>,
    total_us: u64,
}

impl From<&Timing> for TimingRecord {
    fn from(timing: &Timing) -> Self {
        let micros = |time: Duration| time.as_micros() as u64;
        Self {
            queue_us: micros(timing.queue),
            dns_us: timing.dns.map(micros),
            connect_us: timing.connect.map(micros),
            tls_us: timing.tls.map(micros),
            first_byte_us: timing.first_byte.map(micros),
            total_us: micros(timing.total),
        }
    }
}

#[derive(Serialize)]
struct RequestRecord<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Cow<'a, str>,
    /// What the step brings for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsRecord>,
    /// The step's own: `direct`, or where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
}

#[derive(Serialize)]
struct TlsRecord {
    /// Authorities of its own.
    ca: bool,
    /// A certificate that says who calls.
    certificate: bool,
}

impl From<&CallTls> for TlsRecord {
    fn from(tls: &CallTls) -> Self {
        Self { ca: tls.authorities.is_some(), certificate: tls.identity.is_some() }
    }
}

#[derive(Serialize)]
struct ResponseRecord<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
    body: Cow<'a, str>,
    /// There is more of it than came, or than was read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
}

fn capped(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&body[..body.len().min(RECORD_BODY_BYTES_MAX)])
}

/// Headers as they may be kept: what could be a credential is not.
fn shown(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    // The signature is of this call alone, and says nothing of the secret. Of keys, too many are left out rather than one
    // too few.
    let is_hidden = |name: &str| {
        !name.eq_ignore_ascii_case("webhook-signature")
            && (is_credential(name) || name.to_ascii_lowercase().contains("key"))
    };
    let value = |name: &str, value| if is_hidden(name) { "[redacted]" } else { value };
    headers.iter().map(|(name, text)| (name.as_str(), value(name, text.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_may_carry_a_credential_are_not_kept() {
        for (name, is_kept) in [
            ("Authorization", false),
            ("X-Password", false),
            ("Set-Cookie", false),
            ("Idempotency-Key", false),
            ("x-signature", false),
            ("Webhook-Signature", true),
            ("content-type", true),
        ] {
            let headers = [(name.to_owned(), "a value".to_owned())];
            let expected = if is_kept { "a value" } else { "[redacted]" };
            assert_eq!(shown(&headers), [(name, expected)]);
        }
    }
}
