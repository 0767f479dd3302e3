//! From an exchange to what it means: success with an answer, failure in the receiver's words, or
//! *unknown* when it was sent and no complete answer came.
//!
//! What counts is how far the exchange came, never why it ended:
//!
//! | what came | it is |
//! |---|---|
//! | nothing of the request left | failed: it did not happen |
//! | no complete answer head | unknown: "sent, no answer" |
//! | a complete head, not 2xx, whatever its body | failed: the receiver refused |
//! | a complete 2xx head, part of its body | unknown: "sent, no complete answer" |
//! | a 2xx answer over the limit | failed: it is our limit |
//! | a complete 2xx answer | by the action contract |

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::{
    egress::{CallTls, Certainty, Exchange, Request, Response, Route, SendError, Timing},
    model::{document::Answer, execution::StepEnd, secret::Redactor},
    step::Outcome,
};

use super::{ApiCall, is_credential};

/// Characters of the receiver's words that a message shows.
const WORDS_CHARS_MAX: usize = 500;

/// For the person who has to decide about a retry: after no answer, after the beginning of a good one, and after a
/// good one that was not read.
const DONE_OR_NOT: &str = "Whether it did what was asked is not known: look there before you retry.";
const DONE_PROBABLY: &str =
    "It has probably done what was asked, but what it said of the task is lost: look there before you retry.";
const DONE_UNREAD: &str =
    "It has probably done what was asked. Raise the step's `max_response_bytes` to have such an answer read.";

/// Bytes of a body that an attempt keeps.
const RECORD_BODY_BYTES_MAX: usize = 16 * 1024;

impl ApiCall {
    /// What people are shown of it is without secrets, even where the receiver has repeated them.
    pub(super) fn outcome(&self, request: &Request, exchange: &Exchange, redactor: &Redactor) -> Outcome {
        let seen = Seen::new(request, exchange, redactor);
        let record = record(&seen, exchange);
        let outcome = match &exchange.result {
            Ok(response) if self.is_success(response.status) => self.accepted(response, redactor),
            Ok(response) => {
                let shown = seen.answer.as_deref().unwrap_or(response);
                Outcome::failed("http_status", redactor.redact(&refusal(&seen.request, shown, true)))
            }
            Err(error) => {
                let end = self.broken(&seen, exchange, error, redactor);
                Outcome { end, ..Outcome::done(Answer::Unchanged) }
            }
        };
        Outcome { record, strict_fields: self.strict_fields, ..outcome }
    }

    pub(super) fn is_success(&self, status: u16) -> bool {
        self.custom.as_ref().map_or((200..300).contains(&status), |custom| custom.is_success(status))
    }

    /// What an answer that succeeded means for the task. What of it is a secret goes nowhere.
    fn accepted(&self, response: &Response, redactor: &Redactor) -> Outcome {
        let outcome = match &self.custom {
            Some(custom) => custom.accepted(response, redactor),
            None => self.by_contract(response),
        };
        if redactor.is_empty() {
            return outcome;
        }
        let Outcome { mut end, mut answer, mut warnings, .. } = outcome;
        if let StepEnd::Failed { message, .. } = &mut end {
            *message = redactor.redact(message);
        }
        if let Answer::Patch(patch) = &mut answer {
            let redacted = redactor.redact_object(patch.clone());
            if redacted != *patch {
                warnings.push("the answer repeated a secret, which was taken out of it".to_owned());
                *patch = redacted;
            }
        }
        Outcome { end, warnings, ..Outcome::done(answer) }
    }

    fn by_contract(&self, response: &Response) -> Outcome {
        let answer = match Answer::read(&response.body) {
            Answer::Unreadable(_) if response.header("content-encoding").is_some() => Answer::Unreadable(
                "the answer is compressed, which nobody asked for; the task was left unchanged",
            ),
            answer => answer,
        };
        match answer {
            Answer::Unreadable(problem) if self.strict_response => Outcome::done(Answer::Broken(problem)),
            answer => Outcome::done(answer),
        }
    }

    /// What it means that there is no complete answer.
    fn broken(
        &self,
        seen: &Seen<'_>,
        exchange: &Exchange,
        error: &SendError,
        redactor: &Redactor,
    ) -> StepEnd {
        let code = error.code().to_owned();
        let partial = exchange.partial.as_ref().and(seen.answer.as_deref());
        // A host's name may be a secret, too.
        let error = Said(error, redactor.redact(&error.to_string()));
        match (exchange.certainty(), partial) {
            (Certainty::NotSent, _) => StepEnd::Failed { code, message: error.to_string() },
            // It refused, and said so in its first line: what is missing is only more of its words.
            (_, Some(partial)) if !self.is_success(partial.status) => {
                let message = redactor.redact(&refusal(&seen.request, partial, false));
                StepEnd::Failed { code: "http_status".to_owned(), message }
            }
            (_, Some(_)) if matches!(error.0, SendError::ResponseTooLarge { .. }) => {
                StepEnd::Failed { code, message: format!("{error} {DONE_UNREAD}") }
            }
            (_, Some(_)) => StepEnd::Unknown {
                code,
                message: format!("sent, no complete answer: {error} {DONE_PROBABLY}"),
            },
            (_, None) => {
                StepEnd::Unknown { code, message: format!("sent, no answer: {error} {DONE_OR_NOT}") }
            }
        }
    }
}

/// An exchange as people may see it.
struct Seen<'a> {
    request: Cow<'a, Request>,
    proxy: Option<String>,
    answer: Option<Cow<'a, Response>>,
}

impl<'a> Seen<'a> {
    fn new(request: &'a Request, exchange: &'a Exchange, redactor: &Redactor) -> Self {
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
}

/// An error, and how it is told.
struct Said<'a>(&'a SendError, String);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

/// `billing.example answered 500 Internal Server Error: no such company`. Says so where it is not
/// whole.
fn refusal(request: &Request, response: &Response, is_whole: bool) -> String {
    let mut message = format!("{} answered {}", authority(&request.url), response.status);
    if !response.reason.is_empty() {
        message.push(' ');
        message.push_str(response.reason);
    }
    if (300..400).contains(&response.status) {
        let location = response.header("location").and_then(clean);
        let location = location.as_deref().unwrap_or("nowhere");
        message.push_str(&format!(" to {location}; redirects are not followed"));
        return message;
    }
    if let Some(words) = words(&response.body) {
        message.push_str(": ");
        message.push_str(if is_whole { &words } else { words.trim_end_matches('…') });
        message.push_str(if is_whole { "" } else { "…" });
    }
    if !is_whole {
        message.push_str(" (the rest of its answer is missing)");
    }
    message
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// What the receiver said, for a person: the message of a JSON error, else the text itself.
fn words(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => said(&value).unwrap_or_else(|| value.to_string()),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    clean(&text)
}

/// In one line, without what cannot be read, and not too long; `None` when nothing is left.
fn clean(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut readable = line.chars().filter(|c| !c.is_control());
    let mut clean: String = readable.by_ref().take(WORDS_CHARS_MAX).collect();
    if readable.next().is_some() {
        clean.push('…');
    }
    (!clean.is_empty()).then_some(clean)
}

fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(said).collect::<Vec<_>>().join("; ")),
        Value::Object(object) => {
            ["message", "error", "errors", "detail", "title"].iter().find_map(|key| said(object.get(*key)?))
        }
        _ => None,
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

fn record(seen: &Seen<'_>, exchange: &Exchange) -> Option<String> {
    let request = &seen.request;
    let record = Record {
        request: RequestRecord {
            method: &request.method,
            url: &request.url,
            headers: shown(&request.headers),
            body: capped(&request.body),
            tls: request.tls.as_deref().map(TlsRecord::from),
            proxy: seen.proxy.as_deref(),
        },
        response: seen.answer.as_deref().map(|response| ResponseRecord {
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

    #[test]
    fn the_receivers_own_words_are_found() {
        for (body, expected) in [
            (r#"{"message":"no such company"}"#, Some("no such company")),
            (r#"{"error":{"message":"nested"}}"#, Some("nested")),
            (r#"{"errors":["one","two"]}"#, Some("one; two")),
            ("plain\n  text", Some("plain text")),
            (r#"{"code":7}"#, Some(r#"{"code":7}"#)),
            ("", None),
        ] {
            assert_eq!(words(body.as_bytes()).as_deref(), expected, "{body}");
        }
        let long = "x".repeat(WORDS_CHARS_MAX + 1);
        assert_eq!(words(long.as_bytes()).map(|words| words.chars().count()), Some(WORDS_CHARS_MAX + 1));
    }
}
