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

use std::fmt;

use serde_json::Value;

use crate::{
    egress::{Certainty, Exchange, Request, Response, SendError},
    model::{document::Answer, execution::StepEnd, secret::Redactor},
    step::{Outcome, exchange::Seen},
};

use super::ApiCall;

/// Characters of the receiver's words that a message shows.
const WORDS_CHARS_MAX: usize = 500;

/// For the person who has to decide about a retry: after no answer, after the beginning of a good one, and after a
/// good one that was not read.
const DONE_OR_NOT: &str = "Whether it did what was asked is not known: look there before you retry.";
const DONE_PROBABLY: &str =
    "It has probably done what was asked, but what it said of the task is lost: look there before you retry.";
const DONE_UNREAD: &str =
    "It has probably done what was asked. Raise the step's `max_response_bytes` to have such an answer read.";

impl ApiCall {
    /// What people are shown of it is without secrets, even where the receiver has repeated them.
    pub(super) fn outcome(&self, request: &Request, exchange: &Exchange, redactor: &Redactor) -> Outcome {
        let seen = Seen::new(request, exchange, redactor);
        let record = seen.record(exchange);
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
