//! From an exchange to what it means: success with an answer, failure in the receiver's words, or
//! *unknown* when it was sent and nobody answered.

use serde::Serialize;
use serde_json::Value;

use crate::{
    egress::{Certainty, Exchange, Request, Response},
    model::{document::Answer, execution::StepEnd},
    step::Outcome,
};

use super::ApiCall;

/// Characters of the receiver's words that a message shows.
const WORDS_CHARS_MAX: usize = 500;

/// Bytes of a body that an attempt keeps.
const RECORD_BODY_BYTES_MAX: usize = 16 * 1024;

impl ApiCall {
    pub(super) fn outcome(&self, request: &Request, exchange: &Exchange) -> Outcome {
        let record = record(request, exchange);
        let outcome = match &exchange.result {
            Ok(response) => self.answered(request, response),
            Err(error) => {
                let (code, message) = (error.code().to_owned(), error.to_string());
                let end = match exchange.certainty() {
                    Certainty::SentNoAnswer => {
                        StepEnd::Unknown { code, message: format!("sent, no answer: {message}") }
                    }
                    Certainty::NotSent | Certainty::Answered => StepEnd::Failed { code, message },
                };
                Outcome { end, ..Outcome::done(Answer::Unchanged) }
            }
        };
        Outcome { record, strict_fields: self.strict_fields, ..outcome }
    }

    fn answered(&self, request: &Request, response: &Response) -> Outcome {
        if !(200..300).contains(&response.status) {
            return Outcome::failed("http_status", refusal(request, response));
        }
        match Answer::read(&response.body) {
            Answer::Unreadable(problem) if self.strict_response => Outcome::done(Answer::Broken(problem)),
            answer => Outcome::done(answer),
        }
    }
}

/// `billing.example answered 500 Internal Server Error: no such company`.
fn refusal(request: &Request, response: &Response) -> String {
    let mut message = format!("{} answered {}", authority(&request.url), response.status);
    if !response.reason.is_empty() {
        message.push(' ');
        message.push_str(response.reason);
    }
    if (300..400).contains(&response.status) {
        let location = response.headers.iter().find(|(name, _)| name == "location");
        let location = location.map_or("nowhere", |(_, value)| value.as_str());
        message.push_str(&format!(" to {location}; redirects are not followed"));
    } else if let Some(words) = words(&response.body) {
        message.push_str(": ");
        message.push_str(&words);
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
    let clean: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut words: String = clean.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect();
    if clean.chars().count() > WORDS_CHARS_MAX {
        words.push('…');
    }
    (!words.is_empty()).then_some(words)
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
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_us: Option<u64>,
    total_us: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

#[derive(Serialize)]
struct RequestRecord<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct ResponseRecord<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
    body: std::borrow::Cow<'a, str>,
}

fn record(request: &Request, exchange: &Exchange) -> Option<String> {
    let record = Record {
        request: RequestRecord {
            method: &request.method,
            url: &request.url,
            headers: shown(&request.headers),
            body: capped(&request.body),
        },
        response: exchange.result.as_ref().ok().map(|response| ResponseRecord {
            status: response.status,
            headers: shown(&response.headers),
            body: capped(&response.body),
        }),
        first_byte_us: exchange.timing.first_byte.map(|time| time.as_micros() as u64),
        total_us: exchange.timing.total.as_micros() as u64,
        bytes_sent: exchange.bytes_sent,
        bytes_received: exchange.bytes_received,
    };
    serde_json::to_string(&record).ok()
}

fn capped(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&body[..body.len().min(RECORD_BODY_BYTES_MAX)])
}

/// Headers as they may be kept: what could be a credential is not.
fn shown(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    let is_credential = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["auth", "cookie", "token", "secret", "key", "signature"].iter().any(|word| name.contains(word))
    };
    let value = |name: &str, value| if is_credential(name) { "[redacted]" } else { value };
    headers.iter().map(|(name, text)| (name.as_str(), value(name, text.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
