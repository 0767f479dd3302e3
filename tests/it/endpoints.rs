//! "Per endpoint (host + port): a rate limit and a circuit breaker with a half-open probe; a 410 disables the endpoint."
//! "One slow or dead endpoint leaves executions for other endpoints at full speed."

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{CONFIG, Project, Receiver, Reply, Server, acme, api_sample, eventually},
};

/// A server with an action for each receiver, `one` and `two`.
fn served(one: &Receiver, two: &Receiver, limits: &str) -> (Project, Server) {
    let step = |url: &str| format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{url}/\"");
    let text = api_sample(&one.url())
        + &with_action("", "One", "", &[&step(&one.url())])
        + &with_action("", "Two", "", &[&step(&two.url())]);
    let (project, key) = Project::new(&text);
    project.write("onward.toml", &format!("{CONFIG}{limits}\n[log]\nformat = \"json\"\n"));
    let server = project.serve(&key);
    server.create_task(&acme());
    (project, server)
}

fn endpoint(server: &Server, receiver: &Receiver) -> Value {
    let name = receiver.url().replace("http://", "");
    let list = server.get("/endpoints").json();
    let found = list.as_array().expect("a list").iter().find(|it| it["endpoint"] == json!(name)).cloned();
    found.unwrap_or_default()
}

/// What the audit log says of endpoints, newest first.
fn enablings(server: &Server) -> Vec<Value> {
    let log = server.get("/audit").json();
    let entries = log.as_array().expect("a list").iter().filter(|it| it["change"] == "endpoint.enabled");
    let shown = entries.map(|it| {
        json!({"about": it["about"], "by": it["performed_by"]["first_name"], "was": it["detail"]["was"]})
    });
    shown.collect()
}

/// What somebody does by hand is in the audit log, though nothing of an open circuit is on disk.
#[test]
fn a_circuit_that_somebody_closes_is_in_the_audit_log() {
    let (one, two) = (Receiver::start(Reply::new(500, "")), Receiver::start(Reply::new(200, "")));
    let limits = "egress.endpoint_failures_max = 1\negress.endpoint_pause_seconds = 600";
    let (_project, server) = served(&one, &two, limits);
    assert_eq!(server.performed("42", "one")["code"], "http_status");
    assert_eq!(server.performed("42", "one")["code"], "endpoint_failing");
    let name = endpoint(&server, &one)["endpoint"].as_str().expect("a name").to_owned();
    for _ in 0..2 {
        // The second time there is nothing to close.
        assert_eq!(server.send("POST", &format!("/endpoints/{name}/enable"), &[], b"").status, 204);
        assert_eq!(endpoint(&server, &one)["circuit"], "closed");
        assert_eq!(enablings(&server), [json!({"about": name, "by": "Test", "was": "open"})]);
    }
    one.answer_with(Reply::new(200, ""));
    assert_eq!(server.performed("42", "one")["status"], "Success");
}

/// "Circuit breaker (closed, open, half-open with one probe) … one event per transition, not per failure."
#[test]
fn an_endpoint_that_fails_is_not_called_for_a_while_and_then_probed() {
    let (one, two) = (Receiver::start(Reply::new(500, "")), Receiver::start(Reply::new(200, "")));
    let limits = "egress.endpoint_failures_max = 3\negress.endpoint_pause_seconds = 1";
    let (project, server) = served(&one, &two, limits);
    for _ in 0..3 {
        assert_eq!(server.performed("42", "one")["code"], "http_status");
    }
    let open = endpoint(&server, &one);
    assert_eq!((&open["circuit"], &open["failures"]), (&json!("open"), &json!(3)));
    assert_eq!(open["last_failure"]["message"], "It answered with status 500.");
    assert_eq!(endpoint(&server, &two)["last_failure"], Value::Null);
    for _ in 0..3 {
        let refused = server.performed("42", "one");
        assert_eq!((&refused["state"], &refused["code"]), (&json!("failed"), &json!("endpoint_failing")));
        let message = refused["errors"][0].as_str().expect("a message");
        assert!(message.contains("has failed 3 times in a row and is not called now"), "{message}");
    }
    assert_eq!(one.received().len(), 3, "it was called while the circuit was open");
    assert_eq!(server.performed("42", "two")["status"], "Success", "another endpoint");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(server.performed("42", "one")["code"], "http_status", "the probe");
    assert_eq!(endpoint(&server, &one)["circuit"], "open");
    thread::sleep(Duration::from_millis(1100));
    one.answer_with(Reply::new(200, ""));
    assert_eq!(server.performed("42", "one")["status"], "Success");
    assert_eq!(endpoint(&server, &one)["circuit"], "closed");
    let said = |what: &str| project.log().lines().filter(|line| line.contains(what)).count();
    assert_eq!((said("is not called for a while"), said("is called again")), (1, 1), "{}", project.log());
}

/// "`410` disables; in the API and the log."
#[test]
fn an_endpoint_that_is_gone_is_called_again_when_somebody_enables_it() {
    let (one, two) = (Receiver::start(Reply::new(410, "moved")), Receiver::start(Reply::new(200, "")));
    let (project, server) = served(&one, &two, "");
    assert_eq!(server.performed("42", "one")["code"], "http_status");
    assert_eq!(server.performed("42", "one")["code"], "endpoint_disabled");
    assert_eq!(endpoint(&server, &one)["circuit"], "disabled");
    assert!(project.log().contains("an endpoint answered 410 Gone"));
    let key = server.key.clone();
    let is_kept = || {
        let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
        database.query_row("SELECT count(*) FROM disabled_endpoint", [], |row| row.get::<_, u32>(0)) == Ok(1)
    };
    eventually("it is on disk", is_kept);
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.performed("42", "one")["code"], "endpoint_disabled", "after a restart");
    one.answer_with(Reply::new(200, ""));
    let name = endpoint(&server, &one)["endpoint"].as_str().expect("a name").to_owned();
    let enable = |name: &str| server.send("POST", &format!("/endpoints/{name}/enable"), &[], b"");
    assert_eq!((enable(&name).status, enable("nowhere.example:80").status), (204, 404));
    assert_eq!(enable(&name).status, 204, "it is called already");
    assert_eq!(enablings(&server), [json!({"about": name, "by": "Test", "was": "disabled"})]);
    assert_eq!(server.performed("42", "one")["status"], "Success");
    assert_eq!(one.received().len(), 2);
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.performed("42", "one")["status"], "Success", "after another");
    for time in ["first", "second"] {
        one.answer_with(Reply::new(410, "moved"));
        assert_eq!(server.performed("42", "one")["code"], "http_status", "for the {time} time in this run");
        eventually("it is on disk", is_kept);
        if time == "first" {
            let path = format!("/endpoints/{name}/enable");
            assert_eq!(server.send("POST", &path, &[], b"").status, 204);
        }
    }
    server.kill();
    assert_eq!(project.serve(&key).performed("42", "one")["code"], "endpoint_disabled");
}

/// The middle one of how long it takes to perform an action, one after the other.
fn latency(server: &Server, task: &str, action: &str) -> Duration {
    let mut took: Vec<_> = (0..40)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(server.performed(task, action)["status"], "Success");
            started.elapsed()
        })
        .collect();
    took.sort();
    took[took.len() / 2]
}

/// With more calls to the dead endpoint than the server can do at a time in all.
#[test]
fn one_dead_endpoint_leaves_the_others_at_full_speed() {
    let (dead, alive) = (Receiver::start(Reply::Held), Receiver::start(Reply::new(200, "")));
    let limits =
        "engine.in_flight_max = 60\negress.endpoint_calls_max = 10\negress.endpoint_waiting_max = 10";
    let (_project, server) = served(&dead, &alive, limits);
    let before = latency(&server, "42", "two");
    let ids: Vec<_> = (100..200)
        .map(|task: u32| {
            server.create_task(&json!({"Company ID": task.to_string(), "Stage": "In Progress"}));
            server.begin(&task.to_string(), "one")
        })
        .collect();
    eventually("it is full", || {
        let view = endpoint(&server, &dead);
        view["calls"] == 10 && view["waiting"] == 10
    });
    let during = latency(&server, "42", "two");
    println!("another endpoint: {before:?} before, {during:?} while one is dead");
    assert!(
        during < before * 3 + Duration::from_millis(5),
        "{before:?} before, {during:?} while one is dead"
    );
    let busy = ids.iter().map(|id| server.execution(id)).filter(|it| it["code"] == "endpoint_busy").count();
    assert_eq!(busy, 80, "those for whom there was no place were told so");
    dead.answer_with(Reply::new(200, ""));
    for id in &ids {
        server.ended(id);
    }
}

/// "Rate limit."
#[test]
fn calls_to_an_endpoint_come_no_faster_than_its_rate() {
    let (one, two) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(200, "")));
    let (_project, server) = served(&one, &two, "egress.endpoint_rate_max = 10");
    let started = Instant::now();
    for _ in 0..6 {
        assert_eq!(server.performed("42", "one")["status"], "Success");
    }
    assert!(started.elapsed() >= Duration::from_millis(500), "{:?}", started.elapsed());
}
