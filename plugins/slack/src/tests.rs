//! The step, by the library's C functions, beside a Slack that is a stub.

use onward_sdk::{
    StepError,
    description::{Escaping, Hints},
    http::{Body, HttpError, ResponseDocument},
    testing::{Failure, Host, Run, input, response},
};
use serde_json::{Value, json};

const HOOK: &str = "https://hooks.slack.com/services/T0/B0/hunter2";

fn run(host: &Host, config: Value, params: Value) -> Run {
    let plugin = host.load(crate::onward_plugin_v1_entry);
    plugin.step("slack_post").create(config).expect("an instance").run(&input(json!({}), params))
}

fn by_webhook(host: &Host, params: Value) -> Run {
    run(host, json!({"webhook_url": HOOK}), params)
}

fn by_token(host: &Host, params: Value) -> Run {
    run(host, json!({"token": "xoxb-hunter2", "api_url": "http://127.0.0.1:9/api/"}), params)
}

fn text(status: u16, body: &str) -> ResponseDocument {
    ResponseDocument { status, headers: Vec::new(), body: Body::Text(body.to_owned()) }
}

/// A host that gives one answer.
fn answering(answer: Result<ResponseDocument, HttpError>) -> Host {
    let host = Host::new();
    host.on_http(move |_| answer.clone());
    host
}

fn sent(host: &Host) -> Value {
    let Body::Text(body) = &host.requests()[0].body else { panic!("no text was sent") };
    serde_json::from_str(body).expect("JSON")
}

fn hello() -> Value {
    json!({"text": "Hello"})
}

fn hello_to(channel: &str) -> Value {
    json!({"channel": channel, "text": "Hello"})
}

#[test]
fn it_says_what_it_takes() {
    let plugin = Host::new().load(crate::onward_plugin_v1_entry);
    let described = plugin.step("slack_post").describe().expect("a description");
    let (config, params) = (described.config.expect("a schema"), described.params.expect("a schema"));
    for key in ["webhook_url", "token"] {
        assert!(Hints::of(&config["properties"][key]).expect("hints").secret, "{key}");
    }
    for (key, escaping) in [("channel", Escaping::Text), ("text", Escaping::Html), ("blocks", Escaping::Json)]
    {
        assert_eq!(Hints::of(&params["properties"][key]).expect("hints").template, Some(escaping), "{key}");
    }
    assert_eq!(config["properties"]["api_url"]["default"], "https://slack.com/api");
    assert_eq!((&config["required"], &params["required"]), (&Value::Null, &json!(["text"])));
    assert!(described.icon.is_some() && described.help.is_some() && described.examples.len() == 3);
}

#[test]
fn a_webhook_gets_the_message() {
    let host = answering(Ok(text(200, "ok")));
    // As the server renders “*{{Company Name}}*” with `<!channel> & "Sons"`.
    let rendered = "*&lt;!channel&gt; &amp; &quot;Sons&quot; &#39;t* <https://a.example|link>";
    let run = by_webhook(&host, json!({"text": rendered}));
    assert_eq!(run.answer().note.as_deref(), Some("posted to the webhook's channel"));
    let request = &host.requests()[0];
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", HOOK));
    assert_eq!(request.headers, [("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())]);
    let message = "*&lt;!channel&gt; &amp; \"Sons\" 't* <https://a.example|link>";
    assert_eq!(sent(&host), json!({"text": message}));
}

#[test]
fn a_token_posts_into_a_channel() {
    let host = answering(Ok(response(200, json!({"ok": true, "channel": "C1", "ts": "1503435956.000247"}))));
    let run = by_token(&host, hello_to(" #sales "));
    assert_eq!(run.answer().note.as_deref(), Some("posted to C1 as 1503435956.000247"));
    let request = &host.requests()[0];
    assert_eq!(request.url, "http://127.0.0.1:9/api/chat.postMessage");
    assert!(request.headers.contains(&("Authorization".to_owned(), "Bearer xoxb-hunter2".to_owned())));
    assert_eq!(sent(&host), json!({"text": "Hello", "channel": "#sales"}));
}

#[test]
fn blocks_are_a_list_or_an_object_that_has_one() {
    for blocks in [r#"[{"type": "divider"}]"#, r#"{"blocks": [{"type": "divider"}]}"#] {
        let host = answering(Ok(text(200, "ok")));
        let run = by_webhook(&host, json!({"text": "Hello", "blocks": blocks}));
        assert!(run.result.is_ok(), "{run:?}");
        assert_eq!(sent(&host)["blocks"], json!([{"type": "divider"}]));
    }
    for (blocks, message) in [
        ("[{]", "no JSON: key must be a string at line 1"),
        ("3", "are to be a list"),
        (r#"{"blocks": 1}"#, "are to be a list"),
    ] {
        let host = answering(Ok(text(200, "ok")));
        let error = by_webhook(&host, json!({"text": "Hello", "blocks": blocks})).error();
        assert_eq!(error.code, "invalid_blocks");
        assert!(error.message.contains(message), "{error}");
        assert!(host.requests().is_empty());
    }
}

#[test]
fn what_is_missing_is_said_before_anything_is_sent() {
    let host = answering(Ok(text(200, "ok")));
    for (error, message) in [
        (by_webhook(&host, json!({"text": " "})).error(), "no text"),
        (by_token(&host, hello()).error(), "is not said"),
        (by_token(&host, hello_to("")).error(), "is not said"),
        (by_webhook(&host, hello_to("#sales")).error(), "its own channel"),
    ] {
        assert!(error.message.contains(message) && !error.retryable, "{error}");
    }
    assert!(host.requests().is_empty());
}

#[test]
fn each_error_of_a_webhook_has_its_sentence() {
    for (status, body, sentence) in [
        (404, "no_service", "knows this webhook no more"),
        (400, "invalid_payload", "look at the step's blocks"),
        (404, "channel_not_found", "knows no such channel"),
        (410, "channel_is_archived", "is archived"),
        (403, "action_prohibited", "does not let this be posted"),
        (403, "invalid_token", "does not take the credential"),
        (400, "no_text", "without a text"),
        (200, "something_new", "Slack refused the message: something_new."),
    ] {
        let error = by_webhook(&answering(Ok(text(status, body))), hello()).error();
        assert_eq!(error.code, format!("slack_{body}"));
        assert!(error.message.contains(sentence) && error.message.contains(body), "{error}");
        assert!(!error.retryable && !error.unknown, "{error}");
    }
}

#[test]
fn each_error_of_the_api_has_its_sentence_though_it_comes_with_200() {
    for (name, sentence) in [
        ("channel_not_found", "knows no such channel"),
        ("not_in_channel", "invite it there"),
        ("is_archived", "is archived"),
        ("invalid_auth", "does not take the credential"),
        ("missing_scope", "the scope chat:write"),
        ("restricted_action", "does not let this be posted"),
        ("invalid_blocks", "look at the step's blocks"),
        ("msg_too_long", "too long"),
        ("user_not_found", "no such user"),
    ] {
        let answer = json!({"ok": false, "error": name, "needed": "chat:write", "response_metadata": {"messages": ["why"]}});
        let error = by_token(&answering(Ok(response(200, answer))), hello_to("C1")).error();
        assert_eq!(error.code, format!("slack_{name}"));
        assert!(error.message.contains(sentence), "{error}");
        let details = json!({"error": name, "needed": "chat:write", "messages": ["why"]});
        assert_eq!(error.details.as_deref(), Some(&details));
        assert!(!error.retryable && !error.unknown, "{error}");
    }
}

#[test]
fn what_passes_by_itself_is_retryable() {
    let mut busy = response(429, json!({"ok": false, "error": "ratelimited"}));
    busy.headers.push(("retry-after".to_owned(), "30".to_owned()));
    for error in [
        by_token(&answering(Ok(busy.clone())), hello_to("C1")).error(),
        by_webhook(&answering(Ok(busy)), hello()).error(),
    ] {
        assert!(error.retryable && error.message.contains("in 30 seconds"), "{error}");
        assert_eq!((error.retry_after, error.details.as_deref()), (Some(30), Some(&json!({"status": 429}))));
    }
    let mut down = text(503, "");
    down.headers.push(("Date".to_owned(), "Sat, 28 Nov 2026 12:00:00 GMT".to_owned()));
    down.headers.push(("Retry-After".to_owned(), "Sat, 28 Nov 2026 12:00:09 GMT".to_owned()));
    let error = by_webhook(&answering(Ok(down)), hello()).error();
    assert_eq!((error.retryable, error.retry_after), (true, Some(9)));
    for answer in [
        text(503, "<html>busy</html>"),
        text(429, ""),
        response(200, json!({"ok": false, "error": "ratelimited"})),
        response(200, json!({"ok": false, "error": "service_unavailable"})),
    ] {
        let error = by_token(&answering(Ok(answer)), hello_to("C1")).error();
        assert!(error.retryable && !error.unknown, "{error}");
    }
    assert!(!by_webhook(&answering(Ok(text(302, ""))), hello()).error().retryable);
}

#[test]
fn what_may_have_been_posted_is_unknown() {
    for answer in [
        response(200, json!({"ok": false, "error": "fatal_error"})),
        text(200, "<html>Welcome to our network</html>"),
        text(200, "{}"),
    ] {
        let error = by_token(&answering(Ok(answer)), hello_to("C1")).error();
        assert!(error.unknown && !error.retryable, "{error}");
    }
    assert!(by_webhook(&answering(Ok(text(200, "<html>"))), hello()).error().unknown);
    let lost = Err(HttpError::sent("timeout", "no answer came in time"));
    assert!(by_webhook(&answering(lost), hello()).error().unknown);
}

#[test]
fn no_error_shows_a_secret() {
    let failed =
        |url: &str| Err(HttpError::not_sent("connect_failed", format!("cannot reach {url}: refused")));
    let error = by_webhook(&answering(failed(HOOK)), hello()).error();
    assert_eq!(error.message, "cannot reach …: refused");
    assert!(error.retryable);
    let error = by_webhook(&answering(failed("hooks.slack.com:443/services/T0/B0/hunter2")), hello()).error();
    assert_eq!(error.message, "cannot reach hooks.slack.com:443/…: refused");
    let error = by_token(&answering(failed("xoxb-hunter2")), hello_to("C1")).error();
    assert_eq!(error.message, "cannot reach …: refused");
}

#[test]
fn what_cannot_be_is_refused_before_a_run() {
    let refused = |config: Value| -> StepError {
        match Host::new().load(crate::onward_plugin_v1_entry).step("slack_post").create(config) {
            Err(Failure::Error(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    for (config, pointer) in [
        (json!({}), "/webhook_url"),
        (json!({"webhook_url": HOOK, "token": "hunter2"}), "/token"),
        (json!({"webhook_url": "http://hooks.slack.com/hunter2"}), "/webhook_url"),
        (json!({"webhook_url": "hunter2"}), "/webhook_url"),
        (json!({"token": "hunter2", "api_url": "http://slack.com/api"}), "/api_url"),
        (json!({"webhook": "hunter2"}), "/webhook"),
    ] {
        let error = refused(config);
        assert_eq!(error.problems()[0].pointer, pointer);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
