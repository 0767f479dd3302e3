//! `kill -9`, and what is there afterwards.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Project, Receiver, Reply, Server, acme, api_sample};

const EXECUTIONS: &str = "/workflows/api-sample/executions";

#[test]
fn a_crash_in_mid_call_is_unknown_and_what_was_queued_goes_on() {
    let receiver = Receiver::start(Reply::Silence);
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let body = json!({"task_id": "42", "action_id": "finish"});
    let id = |answer: Value| answer["id"].as_str().expect("an id").to_owned();
    let cut_off = id(server.post(EXECUTIONS, &body).json());
    while receiver.received().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    server.kill();
    receiver.answer_with(Reply::new(200, ""));
    let server = project.serve(&key);
    let detail = server.execution(&cut_off);
    assert_eq!(detail["state"], "unknown");
    assert!(detail["errors"][0].as_str().is_some_and(|error| error.contains("Step 2")), "{detail}");
    assert_eq!(detail["attempts"][1]["outcome"], "unknown");
    thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.received().len(), 1, "a call that may have taken effect was repeated");
}

/// Keeps performing until told to stop; the ids of what was acknowledged.
fn keep_performing(server: &Server, task: &str, stop: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    let body = json!({"task_id": task, "action_id": "ping"});
    while !stop.load(Ordering::Relaxed) {
        // The server may be killed under the request; then nothing was acknowledged.
        let sent = std::panic::catch_unwind(|| server.post(EXECUTIONS, &body));
        let Ok(answer) = sent else { return };
        if answer.status == 201
            && let Ok(Value::Object(body)) = serde_json::from_str(&answer.body)
            && let Some(id) = body["id"].as_str()
        {
            acknowledged.lock().expect("the list").push(id.to_owned());
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_under_load() {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Expected Close Date":"2020-02-01"}}"#));
    let url = receiver.url();
    let workflow = api_sample(&url)
        + &format!(
            "\n[[actions]]\nname = \"Ping\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{url}/ping\"\n"
        );
    let (project, key) = Project::new(&workflow);
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..5 {
        let server = project.serve(&key);
        if round == 0 {
            for id in ["1", "2", "3", "4"] {
                let mut task = acme();
                task["Company ID"] = json!(id);
                server.create_task(&task);
            }
        }
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let performers: Vec<_> = ["1", "2", "3", "4"]
                .map(|task| scope.spawn(|| keep_performing(&server, task, &stop, &acknowledged)))
                .into_iter()
                .collect();
            thread::sleep(Duration::from_millis(150 + 37 * round));
            let killed = std::process::Command::new("kill").args(["-9", &server.pid().to_string()]).status();
            assert!(killed.expect("kill runs").success());
            stop.store(true, Ordering::Relaxed);
            for performer in performers {
                let _ = performer.join();
            }
        });
    }
    let server = project.serve(&key);
    let acknowledged = acknowledged.into_inner().expect("the list");
    assert!(acknowledged.len() > 20, "the load was too small to show anything: {}", acknowledged.len());
    // What was queued goes on after the restart: the calls are counted when all have ended.
    let ended: Vec<_> = acknowledged.iter().map(|id| server.ended(id)).collect();
    let mut called = HashSet::new();
    for received in receiver.received() {
        let id = received.header("webhook-id").expect("a webhook-id").to_owned();
        assert!(called.insert(id.clone()), "{id} was called twice");
    }
    for (id, execution) in acknowledged.iter().zip(ended) {
        let called = called.contains(&format!("msg_{id}_api-call"));
        match execution["state"].as_str() {
            Some("succeeded") => assert!(called, "{id} succeeded and was never called"),
            Some("unknown") => {}
            other => panic!("{id} is {other:?}: {execution}"),
        }
    }
}
