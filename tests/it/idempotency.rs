//! `Idempotency-Key`: a repeated request is one request.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    rules::{CALL, EXECUTIONS, NOTE, bench, with_action},
    support::{Reply, Server, acme, api_sample},
};

fn keyed(server: &Server, key: &str, body: &Value) -> crate::support::Answer {
    server.send(
        "POST",
        EXECUTIONS,
        &[("Idempotency-Key", key), ("Prefer", "wait=20")],
        body.to_string().as_bytes(),
    )
}

/// "Idempotency-Key: scope (principal, route, key), 24 h, stored in the admitting transaction; another
/// body with the same key: 422; 4xx and 503 are not stored; concurrent duplicates get the same
/// execution."
#[test]
fn a_repeated_request_is_one_request() {
    let bench = bench("", &[CALL]);
    let body = json!({"task_id": "42", "action_id": "test"});
    let first = keyed(&bench.server, "k1", &body);
    assert_eq!((first.status, &first.json()["status"]), (201, &json!("Success")));
    let again = keyed(&bench.server, "k1", &json!({"action_id": "test", "task_id": 42}));
    assert_eq!((again.status, again.json()), (201, first.json()), "the same request, written otherwise");
    let other = keyed(&bench.server, "k1", &json!({"task_id": "42", "action_id": "finish"}));
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")));
    let someone =
        keyed(&bench.server, "k1", &json!({"task_id": "42", "action_id": "test", "performed_by": "abc123"}));
    assert_eq!(someone.status, 422);
    assert_eq!(keyed(&bench.server, "k2", &body).status, 201);
    assert_eq!(bench.receiver.received().len(), 2);
    // A refused request has not used its key.
    let refused = json!({"task_id": "42", "action_id": "start"});
    assert_eq!(keyed(&bench.server, "k3", &refused).status, 422);
    assert_eq!(keyed(&bench.server, "k3", &body).status, 201);
    // Another key of the workspace is another principal.
    let other_key = bench.project.command(&["key", "add", "Other"]).trim().to_owned();
    let bench = bench.restarted();
    let elsewhere = Server::of(&bench.server, &other_key);
    let by_other = keyed(&elsewhere, "k1", &body);
    assert_ne!(by_other.json()["id"], first.json()["id"]);
    assert_eq!(
        keyed(&bench.server, "k1", &body).json()["id"],
        first.json()["id"],
        "forgotten over a restart"
    );
    for bad in ["", &"x".repeat(256)] {
        assert_eq!(keyed(&bench.server, bad, &body).status, 400, "{bad}");
    }
    // The task is gone; what was done with the key is still known.
    assert_eq!(bench.server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    assert_eq!(keyed(&bench.server, "k1", &body).json()["id"], first.json()["id"]);
    assert_eq!(keyed(&bench.server, "k9", &body).status, 404);
}

#[test]
fn concurrent_duplicates_get_the_same_execution() {
    let bench = bench("", &[CALL]);
    bench.receiver.answer_with(Reply::new(200, "").after(Duration::from_millis(200)));
    let body = json!({"task_id": "42", "action_id": "test"});
    let answers = thread::scope(|scope| {
        let asking: Vec<_> =
            (0..8).map(|_| scope.spawn(|| keyed(&bench.server, "same", &body).json())).collect();
        asking.into_iter().map(|asked| asked.join().expect("an answer")).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0]["status"], "Success", "who repeats a request may wait for it, too");
    assert_eq!(bench.receiver.received().len(), 1);
}

/// "An execution queued behind its own task answers Pending at once, so that a receiver calling
/// back cannot deadlock": also when the call back is repeated.
#[test]
fn a_repeated_call_back_is_answered_at_once() {
    let bench = bench("", &[CALL]);
    bench.receiver.answer_with(Reply::Held);
    bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let ask = || {
        let began = Instant::now();
        let headers = [("Idempotency-Key", "back"), ("Prefer", "wait=4")];
        let answer = bench.server.send("POST", EXECUTIONS, &headers, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["status"]), (201, &json!("Pending")));
        began.elapsed()
    };
    assert!(ask() < Duration::from_secs(1));
    let repeated = ask();
    assert!(repeated < Duration::from_secs(1), "the repeated one waited {repeated:?}");
}

/// "another body with the same key: 422."
#[test]
fn another_body_with_the_same_key_is_422_whatever_it_names() {
    let bench = bench("", &[NOTE]);
    let body = json!({"task_id": "42", "action_id": "test"});
    assert_eq!(keyed(&bench.server, "k", &body).status, 201);
    let seen: Vec<_> = [
        json!({"task_id": "43", "action_id": "test"}),
        json!({"task_id": "42", "action_id": "nope"}),
        json!({"task_id": "42", "action_id": "test", "performed_by": "nobody"}),
    ]
    .iter()
    .map(|other| {
        let a = keyed(&bench.server, "k", other);
        (a.status, a.json()["code"].clone())
    })
    .collect();
    assert!(seen.iter().all(|(status, code)| *status == 422 && code == "idempotency_key_reused"), "{seen:?}");
}

/// "Scope (principal, route, key)."
#[test]
fn the_same_key_on_another_route_is_another_request() {
    let bench = bench("", &[NOTE]);
    let body = json!({"task_id": "42", "action_id": "test"});
    let first = keyed(&bench.server, "k", &body).json()["id"].clone();
    let elsewhere = api_sample("http://127.0.0.1:9").replacen("API Sample", "Elsewhere", 1)
        + &with_action("", "Test", "", &[NOTE]);
    bench.project.write("workflows/elsewhere.toml", &elsewhere);
    let bench = bench.restarted();
    bench.server.post("/workflows/elsewhere/tasks", &acme());
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json")];
    let body = body.to_string();
    let there = bench.server.send("POST", "/workflows/elsewhere/executions", &headers, body.as_bytes());
    assert_eq!(there.status, 201, "{}", there.body);
    assert_ne!(there.json()["id"], first);
}

/// "24 h": a day later, by the store, the same key is a new request.
#[test]
fn a_day_later_the_key_is_a_new_one() {
    let bench = bench("", &[NOTE]);
    let body = json!({"task_id": "42", "action_id": "test"});
    let first = keyed(&bench.server, "k", &body).json()["id"].clone();
    let database = rusqlite::Connection::open(bench.project.path("data/onward.db")).expect("the database");
    database.busy_timeout(Duration::from_secs(5)).expect("set");
    let earlier = |millis: i64| {
        assert_eq!(database.execute("UPDATE admitted SET at = at - ?1", [millis]).expect("aged"), 1);
        keyed(&bench.server, "k", &body).json()["id"].clone()
    };
    const HOUR: i64 = 3_600_000;
    assert_eq!(earlier(23 * HOUR), first);
    assert_ne!(earlier(HOUR), first);
}
