//! What a blocking step is given, and what its host gets.

use std::time::Duration;

use onward_sdk::{
    Level, StepError,
    document::{Input, Instant},
    http::{Body, HttpError, ResponseDocument},
    testing::{Failure, Host, Log, input, response},
};
use serde_json::json;

use crate::steps::{made, onward_plugin_v1_entry};

fn log(level: Level, message: &str) -> Log {
    Log { level, message: message.to_owned() }
}

#[test]
fn a_run_is_told_everything_and_everything_it_says_is_heard() {
    let host = Host::new();
    host.limit(Some(Duration::from_secs(30)));
    let works = made(&host, "works", json!({"greeting": "Hello", "token": "secret"}));
    let run = works.run(&input(json!({"Stage": "Open"}), json!({"text": "Ada"})));
    let task = run.answer().task.expect("a patch");
    assert_eq!(task["Said"], "Hello Ada");
    assert_eq!(
        task["About"],
        json!({
            "action": "Finish", "email": "user@example.com", "stage": "Open", "execution": "execution-1", "attempt": 1,
            "workflow": "sample", "left": 30, "cancelled": false, "token": "secret",
            "soon": "2020-01-15T09:30:01.500Z", "step": "step-1", "today": "2020-01-15", "last_stage": "Open",
        })
    );
    assert_eq!(run.progress(), ["half of it"]);
    assert_eq!(run.logs(), [log(Level::Warn, "working"), log(Level::Info, "reading{page=3}: read rows=20")]);
    assert_eq!(run.dones(), 1);
}

#[test]
fn the_server_says_what_time_it_is_and_which_stage_the_execution_has_seen() {
    let works = made(&Host::new(), "works", json!({"greeting": "Hello"}));
    let mut told = input(json!({"Stage": "Open"}), json!({"text": ""})).at("2026-11-28T23:59:59.25Z");
    told.today = Some("2026-11-29".to_owned());
    told.last_stage = Some("New".to_owned());
    let about = |input: &Input| works.run(input).answer().task.expect("a patch")["About"].clone();
    let said = about(&told);
    assert_eq!(said["soon"], "2026-11-29T00:00:00.750Z");
    assert_eq!((&said["today"], &said["last_stage"]), (&json!("2026-11-29"), &json!("New")));
    // An older server says none of it.
    (told.now, told.today, told.last_stage) = (None, None, None);
    let before = Instant::after(Duration::ZERO);
    let said = about(&told);
    assert!(said["soon"].as_str() > Some(before.as_str()), "{said}");
    assert_eq!((&said["today"].as_str().map(str::len), &said["last_stage"]), (&Some(10), &json!("Open")));
}

#[test]
fn the_hosts_time_alone_counts() {
    let host = Host::new();
    let asks = made(&host, "asks", json!({}));
    let waiting = json!({"url": "", "until_cancelled": true});
    host.limit(Some(Duration::from_secs(3600)));
    let running = asks.start(&input(json!({}), waiting));
    running.wait_for_progress("waiting");
    host.advance(Duration::from_secs(3600));
    assert_eq!(running.wait().error(), StepError::cancelled());
}

#[test]
fn a_run_is_cancelled_from_another_thread() {
    let host = Host::new();
    let asks = made(&host, "asks", json!({}));
    let params = json!({"url": "", "until_cancelled": true});
    let runs: Vec<_> = (0..3).map(|_| asks.start(&input(json!({}), params.clone()))).collect();
    for running in &runs {
        running.wait_for_progress("waiting");
    }
    for running in runs {
        running.cancel();
        running.cancel();
        let run = running.wait();
        assert_eq!(run.error().code, "cancelled");
        assert_eq!(run.dones(), 1);
    }
}

#[test]
fn configurations_that_cannot_be_are_refused_with_their_places() {
    let host = Host::new();
    let plugin = host.load(onward_plugin_v1_entry);
    let refused = |config: serde_json::Value| match plugin.step("works").create(config) {
        Err(Failure::Error(error)) => error,
        other => panic!("{other:?}"),
    };
    let error = refused(json!({"greting": "Hello"}));
    assert_eq!(error.code, "invalid_config");
    assert_eq!(error.problems()[0].pointer, "/greting");
    assert_eq!(error.problems()[0].message, "there is no key “greting”: did you mean “greeting”?");
    assert_eq!(error.problems()[1].message, "missing field `greeting`");
    // The step's own check is told in the same way.
    let error = refused(json!({"greeting": ""}));
    assert_eq!(error, StepError::config("/greeting", "it is empty"));
    for bytes in [&b"\xff\xfe"[..], b"{", b""] {
        let Err(Failure::Error(error)) = plugin.step("works").create_of(bytes) else { panic!("{bytes:?}") };
        assert_eq!(error.code, "invalid_config", "{bytes:?}");
    }
}

#[test]
fn an_input_that_cannot_be_is_an_error() {
    let host = Host::new();
    let works = made(&host, "works", json!({"greeting": "Hello"}));
    for bytes in [&b"{\"action\": \"\xff\"}"[..], b"", b"{}", b"[1]"] {
        assert_eq!(works.run_of(bytes.to_vec()).error().code, "invalid_input", "{bytes:?}");
    }
    let error = works.run(&input(json!({}), json!({"text": "a", "txet": "b"}))).error();
    assert_eq!(error.to_string(), "invalid_params: /txet: there is no key “txet”: did you mean “text”?");
    // What a newer host says beyond what is known is no mistake.
    let mut newer = serde_json::to_value(input(json!({}), json!({"text": "a"}))).expect("JSON");
    newer["moon"] = "full".into();
    newer["workflow"]["owner"] = "Ada".into();
    assert!(works.run_of(newer.to_string().into_bytes()).result.is_ok());
}

#[test]
fn a_large_answer_arrives_whole() {
    const LARGE: usize = 100_000_000;
    let asks = made(&Host::new(), "asks", json!({}));
    let run = asks.run(&input(json!({}), json!({"url": "", "large": LARGE})));
    let task = run.answer().task.expect("a patch");
    assert_eq!(task["Large"].as_str().expect("a text").len(), LARGE);
}

#[test]
fn http_goes_through_the_host() {
    let host = Host::new();
    host.on_http(|request| match request.url.as_str() {
        "https://a.example/" => Ok(response(200, json!({"found": 1}))),
        "https://bytes.example/" => {
            Ok(ResponseDocument { status: 200, headers: Vec::new(), body: Body::Bytes(vec![0xff]) })
        }
        "https://busy.example/" => Ok(response(503, json!({"busy": true}))),
        "https://reset.example/" => Err(HttpError::sent("connection_reset", "It broke off.")),
        _ => Err(HttpError::not_sent("refused_address", "It is not allowed.")),
    });
    let asks = made(&host, "asks", json!({}));
    let run = |url: &str| asks.run(&input(json!({}), json!({"url": url})));
    let found = run("https://a.example/").answer().task.expect("a patch");
    assert_eq!(found["Found"], json!({"found": 1}));
    let request = &host.requests()[0];
    assert_eq!((request.method.as_str(), request.timeout_ms), ("POST", Some(2000)));
    let headers = [("Authorization", "Bearer t"), ("Content-Type", "application/json")];
    assert_eq!(request.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let sent =
        Body::Text(json!({"task": {"Stage": "In Progress", "Assigned To": "user@example.com"}}).to_string());
    assert_eq!(request.body, sent);

    assert_eq!(run("https://bytes.example/").error().code, "unreadable_answer");
    let busy = run("https://busy.example/").error();
    assert_eq!((busy.code.as_str(), busy.retryable, busy.unknown), ("http_status", true, false));
    let reset = run("https://reset.example/").error();
    assert_eq!((reset.code.as_str(), reset.retryable, reset.unknown), ("connection_reset", false, true));
    let refused = run("https://10.0.0.1/").error();
    assert_eq!((refused.code.as_str(), refused.retryable, refused.unknown), ("refused_address", true, false));
}

#[test]
fn a_host_without_http_says_so() {
    let host = Host::without_http();
    for id in ["asks", "asks_later"] {
        let error =
            made(&host, id, json!({})).run(&input(json!({}), json!({"url": "https://a.example/"}))).error();
        assert_eq!((error.code.as_str(), error.unknown), ("http_unavailable", false));
    }
}
