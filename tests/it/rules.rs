//! The rules of executions: turns, waiting, Retry, cancel, revert, idempotency, deletion, schedules.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Project, Receiver, Reply, Server, acme, api_sample, eventually};

pub(crate) const EXECUTIONS: &str = "/workflows/api-sample/executions";

/// The page's workflow and one more action, offered in In Progress, with the given lines and steps.
pub(crate) fn with_action(receiver: &str, name: &str, lines: &str, steps: &[&str]) -> String {
    let mut text = format!("\n[[actions]]\nname = \"{name}\"\nfrom = [\"In Progress\"]\n{lines}\n");
    for step in steps {
        text += &format!("[[actions.steps]]\n{}\n", step.replace("RECEIVER", receiver));
    }
    text
}

pub(crate) const CALL: &str = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/call\"";
const COMPLETE: &str = "type = \"move_to_stage\"\nstage = \"Completed\"";
pub(crate) const RENAME: &str = "type = \"update_data\"\nfields = { \"Company Name\" = \"Renamed\" }";
pub(crate) const NOTE: &str = "type = \"update_data\"\nfields = { \"Contract Value\" = \"1\" }";

pub(crate) struct Bench {
    pub(crate) receiver: Receiver,
    pub(crate) project: Project,
    pub(crate) server: Server,
}

/// A server with an action `test` of these steps, and the page's task.
pub(crate) fn bench(lines: &str, steps: &[&str]) -> Bench {
    bench_with(lines, steps, "")
}

pub(crate) fn bench_with(lines: &str, steps: &[&str], more: &str) -> Bench {
    let receiver = Receiver::start(Reply::new(200, ""));
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", lines, steps) + more;
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    Bench { receiver, project, server }
}

impl Bench {
    fn set(&self, values: Value) {
        let mut body = values;
        body["Company ID"] = json!("42");
        let answer = self.server.post("/workflows/api-sample/tasks", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn task(&self) -> Value {
        self.server.task("42")
    }

    fn history(&self) -> Vec<Value> {
        let history = self.server.get("/workflows/api-sample/tasks/42/history").json();
        history.as_array().expect("a list").clone()
    }

    /// The same project, served again.
    pub(crate) fn restarted(self) -> Self {
        let Self { receiver, project, server } = self;
        let key = server.key.clone();
        server.kill();
        let server = project.serve(&key);
        Self { receiver, project, server }
    }
}

/// "Turn: … FIFO"; "a failed execution never blocks the queue."
#[test]
fn executions_of_a_task_run_in_their_order_and_a_failure_blocks_nobody() {
    let bench = bench("", &[CALL]);
    bench.receiver.answer_with(Reply::Held);
    let ids: Vec<_> = (0..5).map(|_| bench.server.begin("42", "test")).collect();
    bench.receiver.has_received(1);
    bench.receiver.answer_with(Reply::new(500, ""));
    for id in &ids {
        assert_eq!(bench.server.ended(id)["state"], "failed");
    }
    let called: Vec<_> =
        bench.receiver.received().iter().map(|call| call.header("webhook-id").map(str::to_owned)).collect();
    let expected: Vec<_> = ids.iter().map(|id| Some(format!("msg_{id}_call"))).collect();
    assert_eq!(called, expected);
}

/// "`delay` and other long waits release it; on waking the execution queues at the back."
#[test]
fn a_delay_lets_the_turn_go_and_queues_at_the_back_afterwards() {
    let bench =
        bench_with("", &["type = \"delay\"\nfor = \"400ms\"", CALL], &with_action("", "Other", "", &[NOTE]));
    let waiting = bench.server.perform("42", "test").json();
    assert_eq!(waiting["status"], "Pending", "who prefers to wait is told when it is parked");
    let id = waiting["id"].as_str().expect("an id");
    let parked = bench.server.execution(id);
    assert_eq!(parked["state"], "waiting");
    assert!(parked["wakes_at"].is_string(), "{parked}");
    assert_eq!(bench.server.performed("42", "other")["status"], "Success", "the turn was held");
    assert!(bench.receiver.received().is_empty(), "woken too early");
    assert_eq!(bench.server.ended(id)["status"], "Success");
    assert_eq!(bench.receiver.received().len(), 1);
}

/// "Waiting executions parked in the store and woken once, on time, after any restart."
#[test]
fn a_parked_execution_survives_a_kill_and_is_woken_once() {
    let bench = bench("", &[RENAME, "type = \"delay\"\nfor = \"1500ms\"", CALL]);
    let began = Instant::now();
    let id = bench.server.begin("42", "test");
    bench.server.in_state(&id, "waiting");
    let bench = bench.restarted();
    assert!(bench.receiver.received().is_empty());
    assert_eq!(bench.server.ended(&id)["status"], "Success");
    assert!(began.elapsed() >= Duration::from_millis(1500), "woken too early");
    let bench = bench.restarted();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(bench.receiver.received().len(), 1, "woken twice");
    assert_eq!(bench.server.execution(&id)["attempts"].as_array().expect("a list").len(), 3);
}

/// "Availability and requirements are checked at request, and before the first step; never on resume
/// or Retry."
#[test]
fn what_is_required_is_not_asked_again_on_resume_or_retry() {
    let lines = "requires = { fields = [\"Company Name\"], assigned = true }";
    let bench = bench(lines, &["type = \"delay\"\nfor = \"300ms\"", CALL]);
    bench.receiver.answer_with(Reply::new(500, ""));
    let id = bench.server.begin("42", "test");
    bench.server.in_state(&id, "waiting");
    bench.set(json!({"Assigned To": null, "Company Name": null, "Stage": "Not Started"}));
    let failed = bench.server.ended(&id);
    assert_eq!(
        (&failed["code"], failed["attempts"].as_array().expect("a list").len()),
        (&json!("http_status"), 2)
    );
    bench.receiver.answer_with(Reply::new(200, ""));
    assert_eq!(bench.server.ask(&id, "retry", &json!({})).json()["status"], "Success");
    let refused = bench.server.post(EXECUTIONS, &json!({"task_id": "42", "action_id": "test"}));
    assert_eq!(refused.status, 422);
}

/// "`stage_changed` compares with the stage this execution last saw (at start, resume, Retry) or last
/// wrote"; "`move_to_stage` fails with `stage_changed`; other steps go on."
#[test]
fn a_move_is_refused_after_somebody_elses_move_and_a_retry_looks_anew() {
    let bench = bench("", &[CALL, RENAME, COMPLETE]);
    bench.receiver.answer_with(Reply::Held);
    let id = bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    bench.set(json!({"Stage": "Not Started"}));
    bench.receiver.answer_with(Reply::new(200, ""));
    let failed = bench.server.ended(&id);
    assert_eq!(failed["code"], "stage_changed");
    assert_eq!(bench.task()["Company Name"], "Renamed", "other steps go on");
    assert_eq!(bench.task()["Stage"], "Not Started", "somebody else's move was undone");
    assert_eq!(bench.server.ask(&id, "retry", &json!({})).json()["status"], "Success");
    assert_eq!(bench.task()["Stage"], "Completed");
    assert_eq!(bench.receiver.received().len(), 1, "a step before the failed one ran again");
}

/// "Retry from the failed step"; "`webhook-id` …: the same over automatic tries *and* a person's Retry."
#[test]
fn a_retry_goes_on_from_the_failed_step_under_the_same_webhook_id() {
    let bench = bench("", &[NOTE, CALL, RENAME]);
    bench.receiver.answer_with(Reply::new(503, "busy"));
    let failed = bench.server.performed("42", "test");
    assert_eq!(failed["status"], "Fail");
    let id = failed["id"].as_str().expect("an id");
    bench.receiver.answer_with(Reply::new(200, ""));
    let retried = bench.server.ask(id, "retry", &json!({"version": "pinned"}));
    assert_eq!((retried.status, &retried.json()["status"]), (201, &json!("Success")));
    let received = bench.receiver.received();
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    let attempts = bench.server.execution(id)["attempts"].clone();
    let steps: Vec<_> = attempts
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| attempt["step"]["number"].clone())
        .collect();
    assert_eq!(steps, [1, 2, 2, 3]);
    for (what, code) in [("retry", 409), ("dismiss", 409), ("cancel", 409)] {
        let refused = bench.server.ask(id, what, &json!({}));
        assert_eq!((refused.status, &refused.json()["code"]), (code, &json!("not_possible_now")), "{what}");
    }
    assert_eq!(bench.server.ask(id, "retry", &json!({"version": "newest"})).status, 400);
    assert_eq!(bench.server.ask("nope", "retry", &json!({})).status, 404);
}

/// "Pinned version by default; “current” maps by step id and is offered only if that step still
/// exists"; "the execution keeps the version it began with."
#[test]
fn a_retry_runs_on_the_version_it_began_with_or_on_the_current_one() {
    let bench = bench("", &[CALL, NOTE]);
    bench.receiver.answer_with(Reply::new(500, ""));
    let ids: Vec<_> = (0..3)
        .map(|_| bench.server.performed("42", "test")["id"].as_str().expect("an id").to_owned())
        .collect();
    let url = bench.receiver.url();
    let edit = |steps: &[&str]| api_sample(&url) + &with_action(&url, "Test", "", steps);
    // The call has moved behind another step, and goes elsewhere.
    let moved = CALL.replace("/call", "/elsewhere");
    bench.project.write("workflows/test.toml", &edit(&[RENAME, &moved]));
    let bench = bench.restarted();
    bench.receiver.answer_with(Reply::new(200, ""));
    assert_eq!(bench.server.ask(&ids[0], "retry", &json!({})).json()["status"], "Success");
    assert_eq!(bench.task()["Contract Value"], "1", "the step after it in the version it began with");
    assert_eq!(
        bench.server.ask(&ids[1], "retry", &json!({"version": "current"})).json()["status"],
        "Success"
    );
    assert_eq!(bench.task()["Company Name"], "Acme Corp", "a step before the failed one ran");
    let attempts = bench.server.execution(&ids[1])["attempts"].clone();
    let ran = |at: usize| (attempts[at]["version"].clone(), attempts[at]["step"]["number"].clone());
    assert_eq!([ran(0), ran(1)], [(json!(1), json!(1)), (json!(2), json!(2))]);
    let named = |at: usize| attempts[at]["step"]["id"].clone();
    assert_eq!([named(0), named(1)], ["call", "call"], "each by the version that it ran on");
    let paths: Vec<_> =
        bench.receiver.received().iter().map(|call| call.head.split(' ').nth(1).map(str::to_owned)).collect();
    assert_eq!(paths[3..], [Some("/call".to_owned()), Some("/elsewhere".to_owned())]);
    bench.project.write("workflows/test.toml", &edit(&[RENAME]));
    let bench = bench.restarted();
    let gone = bench.server.ask(&ids[2], "retry", &json!({"version": "current"}));
    assert_eq!((gone.status, &gone.json()["code"]), (409, &json!("step_gone")));
    assert_eq!(bench.server.ask(&ids[2], "retry", &json!({})).json()["status"], "Success");
}

/// "Dismiss closes a failure."
#[test]
fn a_dismissed_failure_is_closed() {
    let bench = bench("", &[CALL]);
    bench.receiver.answer_with(Reply::Hangup);
    let failed = bench.server.performed("42", "test");
    let id = failed["id"].as_str().expect("an id");
    let dismissed = bench.server.ask(id, "dismiss", &json!({}));
    assert_eq!((dismissed.status, &dismissed.json()["status"]), (200, &json!("Fail")));
    assert_eq!(bench.server.execution(id)["state"], "dismissed");
    assert_eq!(bench.server.ask(id, "retry", &json!({})).json()["code"], "not_possible_now");
}

/// "Cancel acts between steps; in mid-call it drops the call and records unknown."
#[test]
fn cancelling_ends_what_waits_at_once_and_a_call_as_unknown() {
    let bench =
        bench_with("", &[CALL], &with_action("", "Later", "", &["type = \"delay\"\nfor = \"1h\"", NOTE]));
    let parked = bench.server.begin("42", "later");
    bench.server.in_state(&parked, "waiting");
    bench.receiver.answer_with(Reply::Held);
    let calling = bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    let queued = bench.server.begin("42", "test");
    let last = bench.server.begin("42", "later");
    for (id, state) in [(&parked, "cancelled"), (&queued, "cancelled"), (&calling, "unknown")] {
        assert_eq!(bench.server.ask(id, "cancel", &json!({})).status, 200);
        let ended = bench.server.execution(id);
        assert_eq!((&ended["state"], &ended["status"]), (&json!(state), &json!("Fail")));
    }
    // The turn went on to whoever was next and not cancelled.
    bench.server.in_state(&last, "waiting");
    assert_eq!(bench.server.execution(&calling)["attempts"][0]["outcome"], "unknown");
    bench.receiver.answer_with(Reply::new(200, r#"{"task":{"Company Name":"late"}}"#));
    let again = bench.server.ask(&calling, "retry", &json!({}));
    assert_eq!(again.json()["status"], "Success", "{}", again.body);
    assert_eq!(bench.receiver.received().len(), 2, "the cancelled queued one was run");
}

/// "`on_failure = "revert"` …: one transaction after the failure; per field, stage and assignee
/// included, only where this execution was the last writer; … recorded in the history."
#[test]
fn a_failed_action_takes_back_what_nobody_has_changed_since() {
    let assign = "type = \"update_data\"\nfields = { \"Assigned To\" = \"\", \"Company Name\" = \"Renamed\", \"Contract Value\" = \"1\" }";
    let bench = bench("on_failure = \"revert\"", &[assign, COMPLETE, CALL]);
    bench.receiver.answer_with(Reply::Held);
    let id = bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    assert_eq!(bench.task()["Stage"], "Completed", "each step commits");
    bench.set(json!({"Contract Value": "77"}));
    bench.receiver.answer_with(Reply::new(500, ""));
    assert_eq!(bench.server.ended(&id)["status"], "Fail");
    let task = bench.task();
    for (field, expected) in [
        ("Stage", json!("In Progress")),
        ("Assigned To", json!("user@example.com")),
        ("Company Name", json!("Acme Corp")),
        ("Contract Value", json!("77")),
    ] {
        assert_eq!(task[field], expected, "{field}");
    }
    let history = bench.history();
    let last = history.last().expect("an entry");
    assert_eq!((&last["cause"], &last["execution_id"]), (&json!("reverted"), &json!(id)));
    // Retried, the failed step finds the task as the steps before it had left it.
    bench.receiver.answer_with(Reply::new(200, ""));
    assert_eq!(bench.server.ask(&id, "retry", &json!({})).json()["status"], "Success");
    let sent: Value = serde_json::from_str(&bench.receiver.received()[1].body).expect("JSON");
    assert_eq!(
        (&sent["task"]["Stage"], &sent["task"]["Company Name"]),
        (&json!("Completed"), &json!("Renamed"))
    );
    assert_eq!(bench.task()["Contract Value"], "77");
}

/// "Earlier steps' changes after an abort: stay (each successful step commits)."
#[test]
fn without_revert_what_was_done_stays() {
    let bench = bench("", &[RENAME, CALL]);
    bench.receiver.answer_with(Reply::new(500, ""));
    bench.server.performed("42", "test");
    assert_eq!(bench.task()["Company Name"], "Renamed");
}

/// "Prefer: wait=N (at most 60): the same 201 whatever the outcome, `Preference-Applied`; returns when
/// final, when parked, or at N."
#[test]
fn a_preference_to_wait_is_answered_at_the_end_or_at_its_time() {
    let bench = bench("", &[CALL]);
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let send = |prefer: &str| bench.server.send("POST", EXECUTIONS, &[("Prefer", prefer)], body.as_bytes());
    for status in [200, 500] {
        bench.receiver.answer_with(Reply::new(status, ""));
        let answer = send("wait=30");
        assert_eq!((answer.status, answer.header("preference-applied")), (201, Some("wait=30")));
        assert_eq!(answer.json()["status"], if status == 200 { "Success" } else { "Fail" });
    }
    assert_eq!(send("wait=9999").header("preference-applied"), Some("wait=60"));
    assert_eq!(send("wait=soon").status, 400);
    bench.receiver.answer_with(Reply::Held);
    let began = Instant::now();
    let answer = send("wait=1");
    assert_eq!((answer.status, &answer.json()["status"]), (201, &json!("Pending")));
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&began.elapsed()));
    bench.receiver.answer_with(Reply::new(200, ""));
    assert_eq!(bench.server.ended(answer.json()["id"].as_str().expect("an id"))["status"], "Success");
}

/// "Disconnecting cancels nothing."
#[test]
fn who_hangs_up_cancels_nothing() {
    let bench = bench("", &[CALL, RENAME]);
    bench.receiver.answer_with(Reply::Held);
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let mut socket = TcpStream::connect(&bench.server.address).expect("the server listens");
    let request = format!(
        "POST /api/v1{EXECUTIONS} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nPrefer: wait=20\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        bench.server.key,
        body.len()
    );
    socket.write_all(request.as_bytes()).expect("sent");
    bench.receiver.has_received(1);
    drop(socket);
    bench.receiver.answer_with(Reply::new(200, ""));
    let started = Instant::now();
    while bench.task()["Company Name"] != "Renamed" {
        assert!(started.elapsed() < Duration::from_secs(10), "the execution went with its client");
        thread::sleep(Duration::from_millis(5));
    }
}

/// "`delete_task` removes the task and keeps executions with the last snapshot; … a later API Call
/// sends the last snapshot and its answer is ignored; a re-created Unique ID is a new task."
#[test]
fn an_action_may_delete_its_task_and_go_on() {
    let bench = bench("", &[RENAME, "type = \"delete_task\"", "type = \"delay\"\nfor = \"300ms\"", CALL]);
    bench.receiver.answer_with(Reply::new(200, r#"{"task":{"Company Name":"ghost"}}"#));
    let id = bench.server.begin("42", "test");
    bench.server.in_state(&id, "waiting");
    assert_eq!(bench.server.get("/workflows/api-sample/tasks/42").status, 404);
    bench.server.create_task(&acme());
    let bench = bench.restarted();
    let ended = bench.server.ended(&id);
    assert_eq!(ended["status"], "Success", "{ended}");
    let sent: Value = serde_json::from_str(&bench.receiver.received()[0].body).expect("JSON");
    assert_eq!(
        (&sent["task"]["Company ID"], &sent["task"]["Company Name"]),
        (&json!("42"), &json!("Renamed"))
    );
    let warnings = ended["attempts"][3]["warnings"].as_array().expect("a list");
    assert!(warnings[0].as_str().is_some_and(|warning| warning.contains("ignored")), "{warnings:?}");
    assert_eq!(bench.task()["Company Name"], "Acme Corp", "a new task was taken for the old one");
    assert_eq!(bench.history().len(), 1);
}

/// "Task deleted meanwhile: the remaining steps fail"; "queued ones fail `task_deleted`."
#[test]
fn a_deletion_by_somebody_else_fails_what_was_to_come() {
    let bench =
        bench_with("", &[CALL, RENAME], &with_action("", "Later", "", &["type = \"delay\"\nfor = \"1h\""]));
    let parked = bench.server.begin("42", "later");
    bench.server.in_state(&parked, "waiting");
    bench.receiver.answer_with(Reply::Held);
    let calling = bench.server.begin("42", "test");
    bench.receiver.has_received(1);
    let queued = bench.server.begin("42", "test");
    assert_eq!(bench.server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    assert_eq!(bench.server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 404);
    assert_eq!(bench.server.execution(&parked)["code"], "task_deleted", "it would wait for nothing");
    bench.receiver.answer_with(Reply::new(200, ""));
    for id in [&calling, &queued] {
        assert_eq!(bench.server.ended(id)["code"], "task_deleted");
    }
    assert_eq!(bench.receiver.received().len(), 1);
}

/// "`schedule_stage_change`: one per task; a new one replaces it; any other stage change cancels it;
/// visible, cancellable, in the name of the original performer."
#[test]
fn a_scheduled_stage_change_is_seen_carried_out_replaced_and_cancelled() {
    let schedule =
        |wait: &str| format!("type = \"schedule_stage_change\"\nstage = \"Completed\"\nin = \"{wait}\"");
    let (soon, late) = (schedule("700ms"), schedule("2h"));
    let bench = bench_with("", &[&soon], &with_action("", "Later", "", &[&late]));
    let path = "/workflows/api-sample/tasks/42/schedule";
    assert_eq!(bench.server.get(path).json()["code"], "schedule_not_found");
    bench.server.performed("42", "later");
    let seen = bench.server.get(path).json();
    assert_eq!(
        (&seen["Stage"], &seen["performed_by"]["email"]),
        (&json!("Completed"), &json!("user@example.com"))
    );
    assert_eq!(bench.server.send("DELETE", path, &[], b"").status, 204);
    assert_eq!(bench.server.send("DELETE", path, &[], b"").status, 404);
    bench.server.performed("42", "later");
    bench.set(json!({"Stage": "Not Started"}));
    assert_eq!(bench.server.get(path).status, 404, "another stage change left it");
    bench.set(json!({"Stage": "In Progress"}));
    bench.server.performed("42", "later");
    bench.server.performed("42", "test");
    let bench = bench.restarted();
    let started = Instant::now();
    while bench.task()["Stage"] != "Completed" {
        assert!(started.elapsed() < Duration::from_secs(10), "it was not carried out");
        thread::sleep(Duration::from_millis(10));
    }
    let history = bench.history();
    let last = history.last().expect("an entry");
    assert_eq!(
        (&last["cause"], &last["performed_by"]["email"]),
        (&json!("scheduled"), &json!("user@example.com"))
    );
    assert_eq!(bench.server.get(path).status, 404);
}

/// "Each task's history is that of a single writer and its value equals the replay of its history."
#[test]
fn a_tasks_history_tells_every_change_and_its_author() {
    let bench = bench("", &[RENAME, COMPLETE]);
    let id = bench.server.performed("42", "test")["id"].clone();
    bench.set(json!({"Company Name": null}));
    bench.set(json!({"Company Name": null}));
    let history = bench.history();
    let told: Vec<_> =
        history.iter().map(|entry| (entry["number"].as_u64(), entry["cause"].as_str())).collect();
    let changed = |number| (Some(number), Some("changed"));
    assert_eq!(
        told,
        [(Some(1), Some("created")), changed(2), changed(3), changed(4)],
        "what changes nothing is no entry"
    );
    assert_eq!((&history[1]["execution_id"], &history[2]["execution_id"]), (&id, &id));
    assert_eq!(history[1]["changes"], json!({"Company Name": {"before": "Acme Corp", "after": "Renamed"}}));
    assert_eq!(history[2]["changes"], json!({"Stage": {"before": "In Progress", "after": "Completed"}}));
    assert_eq!(history[3]["performed_by"]["first_name"], "Test");
    assert_eq!(history[0]["changes"]["Assigned To"]["after"], "user@example.com");
}

/// "User deleted: deactivated; history keeps name and email; tasks become unassigned; pending executions
/// run as recorded": one that waits, and one that has not begun.
#[test]
fn who_leaves_leaves_the_history_and_what_was_asked_for() {
    let bench = bench("requires = { roles = [\"Collaborator\"] }", &[CALL]);
    let users = "/workflows/api-sample/users";
    let user = json!({"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User",
                      "role_id": "collaborator", "saml_user_id": null});
    assert_eq!(bench.server.get(users).json(), json!([user]));
    assert_eq!(bench.server.get(&format!("{users}/user@example.com")).json(), user);
    bench.receiver.answer_with(Reply::Held);
    let ids = [bench.server.begin("42", "test"), bench.server.begin("42", "test")];
    bench.receiver.has_received(1);
    assert_eq!(bench.server.execution(&ids[1])["state"], "queued");
    let leave = |user: &str| bench.server.send("DELETE", &format!("{users}/{user}"), &[], b"").status;
    // Also when an earlier time stopped halfway, and whichever name they are given.
    assert_eq!((leave("abc123"), leave("abc123"), leave("User@Example.com")), (204, 204, 204));
    assert_eq!(bench.server.get(&format!("{users}/abc123")).status, 404);
    assert_eq!((bench.server.get(users).json(), &bench.task()["Assigned To"]), (json!([]), &json!(null)));
    let history = bench.history();
    let last = history.last().expect("an entry");
    assert_eq!(last["changes"]["Assigned To"]["before"], "user@example.com");
    assert_eq!(last["performed_by"]["first_name"], "Test");
    let refused = bench.server.perform("42", "test");
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("user_not_found")));
    bench.receiver.answer_with(Reply::new(200, ""));
    for id in &ids {
        assert_eq!(bench.server.ended(id)["status"], "Success");
    }
    for (call, assigned_to) in bench.receiver.received().iter().zip([json!("user@example.com"), json!(null)])
    {
        let sent: Value = serde_json::from_str(&call.body).expect("JSON");
        assert_eq!(
            (&sent["user"]["email"], &sent["task"]["Assigned To"]),
            (&json!("user@example.com"), &assigned_to)
        );
    }
}

/// "Tasks become unassigned", also where a crash came in between.
#[test]
fn what_a_crash_left_to_somebody_who_has_left_becomes_nobodys() {
    let bench = bench("", &[CALL]);
    let database = bench.project.path("data/onward.db");
    let Bench { receiver, project, server } = bench;
    let key = server.key.clone();
    server.kill();
    let connection = rusqlite::Connection::open(database).expect("the database");
    let left = "UPDATE person SET is_active = 0; UPDATE workspace SET revision = revision + 1";
    connection.execute_batch(left).expect("they have left");
    drop(connection);
    let server = project.serve(&key);
    let bench = Bench { receiver, project, server };
    eventually("it is nobody's", || bench.task()["Assigned To"].is_null());
    assert_eq!(bench.history().last().expect("an entry")["performed_by"]["first_name"], "Onward");
}
