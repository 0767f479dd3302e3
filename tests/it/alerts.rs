//! "Unattended failures tell someone: a rule per workflow (log, webhook, …), digested."

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    rules::{CALL, EXECUTIONS, with_action},
    support::{Project, Receiver, Reply, Server, acme, api_sample, eventually},
};

const UNATTENDED: &str = "execution failed unattended";

struct Bench {
    /// Fails every action.
    receiver: Receiver,
    /// Is told.
    told: Receiver,
    project: Project,
    server: Server,
}

/// A server whose action `test` fails, with these lines of `[alerts]`.
fn bench(alerts: &str) -> Bench {
    let (receiver, told) = (Receiver::start(Reply::new(500, "no")), Receiver::start(Reply::new(204, "")));
    let text = api_sample(&receiver.url())
        + &with_action(&receiver.url(), "Test", "", &[CALL])
        + &with_action("", "Later", "", &["type = \"delay\"\nfor = \"1h\""]);
    let text = format!("{text}\n[alerts]\n{}\n", alerts.replace("TOLD", &told.url()));
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    Bench { receiver, told, project, server }
}

impl Bench {
    fn fails(&self) -> String {
        let id = self.server.begin("42", "test");
        self.server.ended(&id);
        id
    }

    /// What was told so far.
    fn messages(&self) -> Vec<Value> {
        self.told.received().iter().map(|call| serde_json::from_str(&call.body).expect("JSON")).collect()
    }
}

fn executions(message: &Value) -> Vec<&str> {
    let failures = message["data"]["failures"].as_array().expect("a list");
    failures.iter().map(|failure| failure["execution"].as_str().expect("an id")).collect()
}

/// The first at once, those that come soon after it together.
#[test]
fn a_webhook_is_told_of_the_first_failure_at_once_and_of_the_next_together() {
    let bench = bench("webhook = \"TOLD/alerts\"\nevery = \"3s\"");
    let first = bench.fails();
    eventually("somebody is told", || bench.messages().len() == 1);
    let (message, server) = (&bench.messages()[0], &bench.server);
    let failure = &message["data"]["failures"][0];
    let detail = server.execution(&first);
    assert_eq!(
        (&message["type"], &message["data"]["workflow"]),
        (&json!("executions.failed"), &json!({"id": "api-sample", "name": "API Sample"}))
    );
    assert_eq!(
        failure,
        &json!({
            "execution": first,
            "execution_url": format!("http://{}/api/v1/workflows/api-sample/executions/{first}", server.address),
            "task": detail["task"],
            "action": "Test",
            "state": "failed",
            "step": 1,
            "code": "http_status",
            "message": detail["errors"][0],
            "failed_at": detail["updated_at"],
        })
    );
    let text = message["text"].as_str().expect("a text");
    assert!(
        text.starts_with("An execution of “API Sample” failed while nobody was waiting. Test: Step 1"),
        "{text}"
    );
    let call = bench.told.received().remove(0);
    assert!(call.head.starts_with("POST /alerts "), "{}", call.head);
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert!(call.header("webhook-id").is_some_and(|id| id.starts_with("msg_alert_")));

    let more: Vec<_> = (0..3).map(|_| bench.fails()).collect();
    eventually("somebody is told again", || bench.messages().len() == 2);
    let message = &bench.messages()[1];
    assert_eq!(
        (executions(message), &message["data"]["count"]),
        (more.iter().map(String::as_str).collect(), &json!(3))
    );
    assert!(message["text"].as_str().expect("a text").starts_with("3 executions of “API Sample” failed"));
    for id in more.iter().chain([&first]) {
        assert_eq!(
            bench.project.log().lines().filter(|line| line.contains(UNATTENDED) && line.contains(id)).count(),
            1
        );
    }
}

/// A chat's webhook is a credential: it is a secret, used in the alerts and shown nowhere.
#[test]
fn a_webhook_may_be_a_secret() {
    let bench = bench("webhook = \"{{secrets.CHAT}}/x?key={{secrets.CHAT_KEY}}\"");
    let findings = bench.server.get("/workflows/api-sample/findings").json().to_string();
    assert!(findings.contains("there is no secret CHAT; the alerts' webhook is not told"), "{findings}");
    bench.fails();
    eventually("it is said", || bench.project.log().contains("there is no secret `CHAT`"));
    let chat_key = "ch4t-k3y/+";
    assert!(bench.project.set_secret("CHAT_KEY", chat_key).0);
    assert!(bench.project.set_secret("CHAT", &bench.told.url()).0);
    eventually("somebody is told", || bench.messages().len() == 1);
    assert!(bench.told.received()[0].head.starts_with("POST /x?key=ch4t-k3y%2F%2B "));
    assert!(!bench.project.log().contains(chat_key));
    let used = bench.server.get("/secrets").json()[0].clone();
    let places = json!([{"workflow": "api-sample", "action": null, "step": null}]);
    assert_eq!((&used["name"], &used["used_by"]), (&json!("CHAT"), &places));
}

/// Who waits for an end hears of the failure; whoever cancels knows.
#[test]
fn a_failure_that_somebody_waits_for_is_told_to_nobody_else() {
    let bench = bench("webhook = \"TOLD\"\nevery = \"1s\"");
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let headers = [("Prefer", "wait=10"), ("Content-Type", "application/json")];
    let attended = bench.server.send("POST", EXECUTIONS, &headers, body.as_bytes()).json();
    assert_eq!(attended["status"], "Fail");
    bench.receiver.answer_with(Reply::Held);
    let cancelled = bench.server.begin("42", "test");
    bench.receiver.has_received(2);
    assert_eq!(bench.server.ask(&cancelled, "cancel", &json!({})).status, 200);
    bench.receiver.answer_with(Reply::new(500, ""));
    let unattended = bench.fails();
    eventually("somebody is told", || !bench.messages().is_empty());
    assert_eq!(executions(&bench.messages()[0]), [unattended.as_str()]);
}

/// Nothing is lost: not while the receiver does not take it, and not with a crash.
#[test]
fn what_could_not_be_told_is_told_after_a_crash() {
    let bench = bench("webhook = \"TOLD\"\nlog = false");
    bench.told.answer_with(Reply::new(503, ""));
    let first = bench.fails();
    eventually("it was tried", || !bench.messages().is_empty());
    eventually("it is said", || {
        bench.project.log().contains("the alerts' webhook was not told: it answered 503")
    });
    bench.receiver.answer_with(Reply::Held);
    let cut_off = bench.server.begin("42", "test");
    bench.receiver.has_received(2);
    let Bench { receiver: _receiver, told, project, server } = bench;
    let key = server.key.clone();
    server.kill();
    let tried = told.received().len();
    told.answer_with(Reply::new(200, ""));
    let _server = project.serve(&key);
    eventually("somebody is told", || told.received().len() > tried);
    let message: Value = serde_json::from_str(&told.received()[tried].body).expect("JSON");
    assert_eq!(executions(&message), [first.as_str(), cut_off.as_str()]);
    assert_eq!(message["data"]["failures"][1]["state"], "unknown");
    assert!(!project.log().contains(UNATTENDED), "`log = false` was written to the log");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(told.received().len(), tried + 1, "told twice");
}

/// By default the log is told; a deletion fails what was parked for the task.
#[test]
fn by_default_the_log_is_told() {
    let bench = bench("every = \"1s\"");
    let id = bench.fails();
    let said =
        |id: &str| bench.project.log().lines().any(|line| line.contains(UNATTENDED) && line.contains(id));
    eventually("it is in the log", || said(&id));
    let parked = bench.server.begin("42", "later");
    bench.server.in_state(&parked, "waiting");
    assert_eq!(bench.server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    eventually("it is in the log, too", || said(&parked));
    assert_eq!(bench.messages(), Vec::<Value>::new());
}

/// Who has stopped waiting does not hear of it.
#[test]
fn a_failure_after_the_wait_is_over_is_told() {
    let bench = bench("webhook = \"TOLD\"");
    bench.receiver.answer_with(Reply::new(500, "").after(Duration::from_millis(1500)));
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let headers = [("Prefer", "wait=1"), ("Content-Type", "application/json")];
    let waited = bench.server.send("POST", EXECUTIONS, &headers, body.as_bytes()).json();
    assert_eq!(waited["status"], "Pending");
    eventually("somebody is told", || bench.messages().len() == 1);
    assert_eq!(executions(&bench.messages()[0]), [waited["id"].as_str().expect("an id")]);
}

/// A message that is sent again is the same one, so that its receiver can tell.
#[test]
fn a_message_that_was_not_taken_is_sent_again_as_it_was() {
    let bench = bench("webhook = \"TOLD\"\nevery = \"1s\"");
    bench.told.answer_with(Reply::new(503, ""));
    let first = bench.fails();
    eventually("it was tried", || bench.told.received().len() == 1);
    let second = bench.fails();
    bench.told.answer_with(Reply::new(204, ""));
    eventually("it is told, and the next", || bench.told.received().len() == 3);
    let ids: Vec<_> =
        bench.told.received().iter().map(|call| call.header("webhook-id").map(str::to_owned)).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
    let messages = bench.messages();
    assert_eq!(messages[0], messages[1]);
    assert_eq!(
        (executions(&messages[1]), executions(&messages[2])),
        (vec![first.as_str()], vec![second.as_str()])
    );
}
