//! What Slack answers, in words for whoever performed the action.

use onward_sdk::{StepError, http::Response};
use serde::Deserialize;
use serde_json::json;

/// What a webhook answers: `ok`, or the name of an error as a text.
pub(crate) fn of_webhook(response: &Response) -> Result<(), StepError> {
    let text = response.text();
    let text = text.trim();
    match response.status {
        429 => Err(too_many(response)),
        200..300 if text.is_empty() || text == "ok" => Ok(()),
        200..300 if is_name(text) => Err(named(text)),
        200..300 => Err(unreadable()),
        _ if is_name(text) => Err(named(text)),
        _ => Err(status(response)),
    }
}

/// What the API answers, also where something is wrong, with 200.
#[derive(Deserialize)]
struct Answered {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
    /// Which scope a token has not.
    needed: Option<String>,
    response_metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    messages: Vec<String>,
}

/// What the API answers; where the message is.
pub(crate) fn of_api(response: &Response) -> Result<String, StepError> {
    if response.status == 429 {
        return Err(too_many(response));
    }
    let answered = serde_json::from_slice::<Answered>(&response.body);
    match answered {
        Ok(Answered { ok: true, channel, ts, .. }) if (200..300).contains(&response.status) => {
            let channel = channel.unwrap_or_else(|| "the channel".to_owned());
            Ok(ts.map_or_else(|| format!("posted to {channel}"), |ts| format!("posted to {channel} as {ts}")))
        }
        Ok(Answered { ok: false, error: Some(error), needed, response_metadata, .. }) if is_name(&error) => {
            let mut details = json!({"error": error});
            if let Some(needed) = needed {
                details["needed"] = needed.into();
            }
            if let Some(metadata) = response_metadata.filter(|metadata| !metadata.messages.is_empty()) {
                details["messages"] = metadata.messages.into();
            }
            Err(named(&error).with_details(details))
        }
        _ if (200..300).contains(&response.status) => Err(unreadable()),
        _ => Err(status(response)),
    }
}

/// Whether a text may be the name of an error, and not a page of somebody in between.
fn is_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (2..=64).contains(&text.len()) && text.bytes().all(is_fine)
}

fn named(name: &str) -> StepError {
    let sentence = match name {
        "channel_not_found" => {
            "Slack knows no such channel, or the bot may not see it: look at the channel's name, and invite the bot."
        }
        "not_in_channel" => "The bot is not in the channel: invite it there in Slack.",
        "is_archived" | "channel_is_archived" => "The channel is archived in Slack: choose another one.",
        "no_service" | "no_active_hooks" | "no_team" | "team_disabled" => {
            "Slack knows this webhook no more: make a new one in Slack, and set its URL as the secret."
        }
        "invalid_token" | "invalid_auth" | "not_authed" | "token_revoked" | "token_expired"
        | "account_inactive" => {
            "Slack does not take the credential: set a new token, or webhook, as the secret."
        }
        "missing_scope" | "no_permission" | "not_allowed_token_type" | "access_denied" => {
            "The token may not post: give the bot the scope chat:write in Slack, and install it again."
        }
        "action_prohibited"
        | "restricted_action"
        | "posting_to_general_channel_denied"
        | "ekm_access_denied" => "Who administers Slack does not let this be posted to the channel.",
        "invalid_payload" | "invalid_blocks" | "invalid_blocks_format" | "invalid_arguments" => {
            "Slack does not understand the message: look at the step's blocks."
        }
        "no_text" | "missing_text_or_fallback_or_attachments" => "Slack takes no message without a text.",
        "msg_too_long" | "msg_blocks_too_long" => "The message is too long for Slack.",
        "too_many_attachments" => "The message has too many blocks for Slack.",
        "user_not_found" => "Slack knows no such user.",
        "rate_limited" | "ratelimited" | "message_limit_exceeded" => "Slack takes no more messages for now.",
        "fatal_error" | "internal_error" | "rollup_error" => {
            "Slack had a fault, and does not say whether it has posted the message."
        }
        "service_unavailable" | "team_added_to_org" => "Slack takes no messages for a while.",
        "request_timeout" => "Slack did not get the message in time.",
        _ => "Slack refused the message",
    };
    let message =
        if sentence.ends_with('.') { format!("{sentence} ({name})") } else { format!("{sentence}: {name}.") };
    let error = StepError::new(format!("slack_{name}"), message).with_details(json!({"error": name}));
    match name {
        // "It's possible some aspect of the operation succeeded before the error was raised."
        "fatal_error" | "internal_error" | "rollup_error" => error.unknown(),
        "rate_limited" | "ratelimited" | "service_unavailable" | "team_added_to_org" | "request_timeout" => {
            error.retryable()
        }
        _ => error,
    }
}

fn too_many(response: &Response) -> StepError {
    let seconds = response.retry_after();
    let when = seconds.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} seconds"));
    let message = format!("Slack takes no more messages for now: try again {when}.");
    let error = StepError::new("slack_ratelimited", message).with_details(json!({"status": 429}));
    passing(error, response)
}

/// One that may pass, and not sooner than Slack says.
fn passing(error: StepError, response: &Response) -> StepError {
    match response.retry_after() {
        Some(seconds) => error.retryable_after(seconds),
        None => error.retryable(),
    }
}

fn status(response: &Response) -> StepError {
    let error = StepError::new("http_status", format!("Slack answered {}.", response.status))
        .with_details(json!({"status": response.status}));
    if matches!(response.status, 408 | 425 | 500..) { passing(error, response) } else { error }
}

/// Whoever answered so, the message may have been posted.
fn unreadable() -> StepError {
    let message = "What came back is not an answer of Slack's: look whether the message is there.";
    StepError::new("unreadable_answer", message).unknown()
}
