//! "Retries: … opt-in per step": by the server itself, and what holds between two tries.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    rules::{CALL, NOTE, RENAME, bench, bench_with, with_action},
    support::Reply,
};

/// "Retries: … opt-in per step: on 408/425/429/5xx/timeout, exponential with jitter, `max(backoff,
/// Retry-After)`, capped; same `webhook-id`"; a back-off holds the turn.
#[test]
fn a_step_that_may_be_retried_is_and_keeps_its_turn() {
    let retry = format!("{CALL}\nretry = {{ tries = 3, first = \"200ms\" }}");
    let bench = bench_with("", &[&retry, RENAME], &with_action("", "Other", "", &[NOTE]));
    bench.receiver.answer_with(Reply::new(503, "").with_headers("Retry-After: 1\r\n"));
    let began = Instant::now();
    let id = bench.server.begin("42", "test");
    let between = bench.server.in_state(&id, "retrying");
    assert!(between["next_try_at"].is_string() && between["last_try"]["code"] == "http_status", "{between}");
    let behind = bench.server.begin("42", "other");
    bench.receiver.answer_with(Reply::new(200, ""));
    assert_eq!(bench.server.execution(&behind)["state"], "queued", "the turn was let go");
    assert_eq!(bench.server.ended(&id)["status"], "Success");
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After was not kept");
    assert_eq!(bench.server.ended(&behind)["status"], "Success");
    let received = bench.receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    // A refusal for good is not tried again; a receiver that stays away is tried three times.
    bench.receiver.answer_with(Reply::new(404, ""));
    assert_eq!(bench.server.performed("42", "test")["state"], "failed");
    bench.receiver.answer_with(Reply::Hangup);
    let given_up = bench.server.performed("42", "test");
    assert_eq!((&given_up["state"], bench.receiver.received().len()), (&json!("unknown"), 2 + 1 + 3));
    // "Shown as tries of one attempt."
    let tries = |attempts: &Value| {
        let shown = attempts.as_array().expect("a list").iter();
        let numbers = |attempt: &Value| {
            let earlier = attempt["earlier_tries"].as_array().expect("a list").iter();
            earlier.chain([attempt]).map(|one| one["try"].as_u64().expect("a number")).collect::<Vec<_>>()
        };
        shown.map(numbers).collect::<Vec<_>>()
    };
    assert_eq!(tries(&given_up["attempts"]), [[1, 2, 3]]);
    // A person's retry is an attempt of its own, with tries of its own.
    let id = given_up["id"].as_str().expect("an id");
    let again = bench.server.ask(id, "retry", &json!({})).json();
    assert_eq!(again["status"], "Fail", "{again}");
    assert_eq!(tries(&bench.server.ended(id)["attempts"]), [[1, 2, 3], [1, 2, 3]]);
    bench.receiver.answer_with(Reply::new(200, ""));
    let ended = bench.server.performed("42", "test");
    assert_eq!(tries(&ended["attempts"]), [[1], [1]]);
}

/// "An `external` one that was in mid-call becomes *unknown*, unless the step opted into `retry`, which
/// covers crashes as it covers timeouts"; a restart in the middle of a back-off keeps the schedule.
#[test]
fn a_crash_in_a_call_that_may_be_retried_is_retried() {
    let retry = format!("{CALL}\nretry = {{ tries = 3, first = \"600ms\" }}");
    let bench = bench("", &[&retry, RENAME]);
    bench.receiver.answer_with(Reply::Silence);
    let id = bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    let bench = bench.restarted();
    assert_eq!(bench.server.execution(&id)["state"], "retrying");
    bench.receiver.answer_with(Reply::new(200, ""));
    let bench = bench.restarted();
    assert_eq!(bench.server.ended(&id)["status"], "Success");
    assert_eq!(bench.receiver.received().len(), 2);
    let attempts = bench.server.execution(&id)["attempts"].clone();
    let (attempt, earlier) = (&attempts[0], &attempts[0]["earlier_tries"]);
    assert_eq!((&attempt["outcome"], &earlier[0]["outcome"]), (&json!("succeeded"), &json!("unknown")));
}

/// A try that was not answered cannot be taken for one that failed: cancelled between two tries, the
/// execution is *unknown*.
#[test]
fn cancelling_between_two_tries_lets_the_turn_go() {
    let retry = format!("{CALL}\nretry = {{ tries = 3, first = \"10m\", most = \"15m\" }}");
    let bench = bench_with("", &[&retry], &with_action("", "Other", "", &[NOTE]));
    for (reply, state) in [(Reply::new(500, ""), "cancelled"), (Reply::Hangup, "unknown")] {
        bench.receiver.answer_with(reply);
        let id = bench.server.begin("42", "test");
        bench.server.in_state(&id, "retrying");
        assert_eq!(bench.server.ask(&id, "cancel", &json!({})).status, 200);
        assert_eq!(bench.server.execution(&id)["state"], state);
        assert_eq!(bench.server.performed("42", "other")["status"], "Success", "the turn was not let go");
    }
}

/// After a Retry the execution has other words, or none; those of each attempt stay its own.
#[test]
fn each_attempt_keeps_why_it_failed() {
    let bench = bench("", &[NOTE, CALL]);
    bench.receiver.answer_with(Reply::new(409, r#"{"message":"the books are closed"}"#));
    let failed = bench.server.performed("42", "test");
    let id = failed["id"].as_str().expect("an id");
    bench.receiver.answer_with(Reply::new(200, ""));
    bench.server.ask(id, "retry", &json!({}));
    let ended = bench.server.ended(id);
    assert_eq!((&ended["status"], &ended["errors"]), (&json!("Success"), &Value::Null));
    let attempts = ended["attempts"].as_array().expect("a list");
    let codes: Vec<_> = attempts.iter().map(|attempt| &attempt["code"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("http_status"), &Value::Null]);
    let said = attempts[1]["message"].as_str().expect("words");
    assert!(said.contains("409") && !said.contains("Step 2"), "the attempt has its step already: {said}");
}
