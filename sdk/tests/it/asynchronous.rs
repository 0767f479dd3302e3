//! Steps that are futures.

use onward_sdk::{
    http::HttpError,
    testing::{Failure, Host, input, response},
};
use serde_json::json;

use crate::steps::made;

#[test]
fn many_run_at_once_on_threads_of_the_library() {
    let sleeps = made(&Host::new(), "sleeps", json!({}));
    let began = std::time::Instant::now();
    let runs: Vec<_> = (0..50).map(|_| sleeps.start(&input(json!({}), json!({"ms": 200})))).collect();
    for running in runs {
        let run = running.wait();
        assert_eq!(run.answer().task.expect("a patch")["Thread"], "onward-sdk-async");
        assert_eq!((run.dones(), run.logs().len()), (1, 1));
        assert_eq!(run.logs()[0].message, "slept");
    }
    assert!(began.elapsed().as_secs() < 5, "they waited for one another");
}

#[test]
fn cancelling_drops_the_future() {
    let host = Host::new();
    let sleeps = made(&host, "sleeps", json!({}));
    let running = sleeps.start(&input(json!({}), json!({"ms": 3_600_000})));
    running.wait_for_progress("sleeping");
    running.cancel();
    let run = running.wait();
    assert_eq!(run.error().code, "cancelled");
    assert_eq!(run.dones(), 1);
    // By the time of `done`, it was dropped.
    let told = sleeps.run(&input(json!({}), json!({"tell": true})));
    assert_eq!(told.answer().task.expect("a patch")["Dropped"], true);
}

#[test]
fn a_future_that_panics_when_it_is_dropped_is_cancelled_all_the_same() {
    let sleeps = made(&Host::new(), "sleeps", json!({}));
    let running = sleeps.start(&input(json!({}), json!({"ms": 3_600_000, "loud": true})));
    running.wait_for_progress("sleeping");
    running.cancel();
    let run = running.wait();
    assert_eq!(run.error().code, "cancelled");
    assert!(run.logs()[0].message.starts_with("a panic: in drop at "), "{run:?}");
}

#[test]
fn a_future_that_panics_ends_its_call_and_its_instance() {
    let host = Host::new();
    let bursts = made(&host, "bursts", json!({}));
    let run = bursts.run(&input(json!({}), json!({})));
    let Err(Failure::Panic(message)) = &run.result else { panic!("{run:?}") };
    assert!(message.starts_with("a panic: in a future at "), "{message}");
    assert_eq!(run.dones(), 1);
    assert!(matches!(bursts.run(&input(json!({}), json!({}))).result, Err(Failure::Panic(_))));
    // The runtime is as good as before.
    let sleeps = made(&host, "sleeps", json!({}));
    assert!(sleeps.run(&input(json!({}), json!({}))).result.is_ok());
    let loud = sleeps.run(&input(json!({}), json!({"loud": true})));
    assert!(matches!(loud.result, Err(Failure::Panic(_))), "{loud:?}");
}

#[test]
fn http_is_awaited() {
    let host = Host::new();
    host.on_http(|request| {
        // It comes when the future waits already.
        std::thread::sleep(std::time::Duration::from_millis(20));
        match request.url.as_str() {
            "https://a.example/" => Ok(response(200, json!("yes"))),
            _ => Err(HttpError::sent("timeout", "No answer.")),
        }
    });
    let asks = made(&host, "asks_later", json!({}));
    let run = |url: &str| asks.run(&input(json!({}), json!({"url": url})));
    assert_eq!(run("https://a.example/").answer().task.expect("a patch")["Found"], "\"yes\"");
    assert!(run("https://b.example/").error().unknown);
}
