//! The step, by the library's C functions, beside a Zapier that is a stub.

use onward_sdk::{
    description::{Escaping, Hints},
    http::{Body, HttpError, ResponseDocument},
    testing::{Failure, Host, Run, input, response},
};
use serde_json::{Value, json};

const HOOK: &str = "https://hooks.zapier.com/hooks/catch/1/hunter2/";

fn run(host: &Host, params: Value) -> Run {
    let plugin = host.load(crate::onward_plugin_v1_entry);
    let zap = plugin.step("zap").create(json!({"hook_url": HOOK})).expect("an instance");
    zap.run(&input(json!({"Company Name": "Acme"}), params))
}

fn answering(answer: Result<ResponseDocument, HttpError>) -> Host {
    let host = Host::new();
    host.on_http(move |_| answer.clone());
    host
}

fn taken() -> Host {
    answering(Ok(response(
        200,
        json!({"status": "success", "id": "0187", "request_id": "r", "attempt": "0187"}),
    )))
}

fn sent(host: &Host) -> String {
    let Body::Text(body) = &host.requests()[0].body else { panic!("no text was sent") };
    body.clone()
}

#[test]
fn it_says_what_it_takes() {
    let plugin = Host::new().load(crate::onward_plugin_v1_entry);
    let described = plugin.step("zap").describe().expect("a description");
    let (config, params) = (described.config.expect("a schema"), described.params.expect("a schema"));
    assert!(Hints::of(&config["properties"]["hook_url"]).expect("hints").secret);
    let hints = Hints::of(&params["properties"]["fields"]["additionalProperties"]).expect("hints");
    assert_eq!(hints.template, Some(Escaping::Text));
    assert_eq!((&config["required"], &params["required"]), (&json!(["hook_url"]), &Value::Null));
    assert!(described.icon.is_some() && described.help.is_some() && described.examples.len() == 2);
}

#[test]
fn the_contracts_document_is_sent() {
    let host = taken();
    assert_eq!(run(&host, json!({})).answer().note.as_deref(), Some("taken by Zapier as 0187"));
    let request = &host.requests()[0];
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", HOOK));
    let document = json!({
        "action": "Finish",
        "user": {"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"},
        "task": {"Stage": "In Progress", "Assigned To": "user@example.com", "Company Name": "Acme"},
    });
    assert_eq!(sent(&host), document.to_string());
}

#[test]
fn chosen_values_are_sent_as_they_are_written() {
    let host = taken();
    let fields: Value =
        serde_json::from_str(r#"{"fields": {"b": "Acme \"1\"", "a": 10000.00, "c": true}}"#).expect("JSON");
    assert!(run(&host, fields).result.is_ok());
    assert_eq!(sent(&host), r#"{"b":"Acme \"1\"","a":10000.00,"c":true}"#);
}

#[test]
fn each_refusal_has_its_sentence() {
    for (status, body, code, sentence) in [
        (404, json!(""), "zapier_no_hook", "knows this hook no more"),
        (410, json!(""), "zapier_no_hook", "copy the URL"),
        (413, json!(""), "zapier_too_large", "name the `fields`"),
        (400, json!(""), "http_status", "answered 400"),
        (302, json!(""), "http_status", "answered 302"),
        (200, json!({"status": "error"}), "zapier_refused", "its status is “error”"),
    ] {
        let error = run(&answering(Ok(response(status, body))), json!({})).error();
        assert_eq!(error.code, code);
        assert!(error.message.contains(sentence), "{error}");
        assert!(!error.retryable && !error.unknown, "{error}");
    }
}

#[test]
fn what_passes_by_itself_is_retryable_and_what_may_have_arrived_is_unknown() {
    let mut busy = response(429, json!({"status": "error"}));
    busy.headers.push(("Retry-After".to_owned(), "5".to_owned()));
    let error = run(&answering(Ok(busy)), json!({})).error();
    assert!(error.retryable && error.code == "zapier_busy", "{error}");
    assert_eq!((error.retry_after, error.details.as_deref()), (Some(5), Some(&json!({"status": 429}))));
    let mut down = response(502, json!(""));
    down.headers.push(("Date".to_owned(), "Sat, 28 Nov 2026 12:00:00 GMT".to_owned()));
    down.headers.push(("Retry-After".to_owned(), "Sat, 28 Nov 2026 12:00:09 GMT".to_owned()));
    let error = run(&answering(Ok(down)), json!({})).error();
    assert_eq!((error.retryable, error.retry_after), (true, Some(9)));
    for answer in [Ok(response(200, json!("<html>"))), Err(HttpError::sent("reset", "broke off"))] {
        let error = run(&answering(answer), json!({})).error();
        assert!(error.unknown && !error.retryable, "{error}");
    }
}

#[test]
fn no_error_shows_the_hook() {
    for (shown, message) in [
        (HOOK.to_owned(), "cannot reach …"),
        ("hooks.zapier.com:443/hooks/catch/1/hunter2/".to_owned(), "cannot reach hooks.zapier.com:443/…"),
    ] {
        let failed = HttpError::not_sent("connect_failed", format!("cannot reach {shown}"));
        let error = run(&answering(Err(failed)), json!({})).error();
        assert_eq!((error.message.as_str(), error.retryable), (message, true));
    }
    for url in ["http://hooks.zapier.com/hooks/catch/1/hunter2/", "hunter2"] {
        let plugin = Host::new().load(crate::onward_plugin_v1_entry);
        match plugin.step("zap").create(json!({"hook_url": url})) {
            Err(Failure::Error(error)) => {
                assert_eq!(error.problems()[0].pointer, "/hook_url");
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
