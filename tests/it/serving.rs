//! Serving: order on one task, several tasks at once, limits, draining, the demo.

use std::{
    fs::File,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{CONFIG, Project, Receiver, Reply, acme, api_sample, eventually, request};

/// An action that stays possible: it moves nothing.
fn ping(receiver: &str) -> String {
    api_sample(receiver)
        + &format!(
            "\n[[actions]]\nname = \"Ping\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{receiver}/ping/{{{{Company ID}}}}\"\n"
        )
}

#[test]
fn actions_on_one_task_take_turns_and_answer_pending_while_they_wait() {
    let receiver = Receiver::start(Reply::new(200, "").after(Duration::from_millis(300)));
    let (project, key) = Project::new(&ping(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let body = json!({"task_id": "42", "action_id": "ping"});
    let first = server.post("/workflows/api-sample/executions", &body).json();
    let started = Instant::now();
    let second = server.perform("42", "ping").json();
    assert_eq!(second["status"], "Pending", "who waits behind his own task would wait for himself");
    assert!(started.elapsed() < Duration::from_millis(250));
    assert_eq!(server.ended(first["id"].as_str().expect("an id"))["status"], "Success");
    assert_eq!(server.ended(second["id"].as_str().expect("an id"))["status"], "Success");
    assert_eq!(receiver.received().len(), 2);
}

#[test]
fn a_queued_action_whose_stage_has_gone_fails_without_a_call() {
    let receiver = Receiver::start(
        Reply::new(200, r#"{"task":{"Stage":"Completed"}}"#).after(Duration::from_millis(200)),
    );
    let (project, key) = Project::new(&ping(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let body = json!({"task_id": "42", "action_id": "ping"});
    server.post("/workflows/api-sample/executions", &body);
    let second = server.post("/workflows/api-sample/executions", &body).json();
    let ended = server.ended(second["id"].as_str().expect("an id"));
    assert_eq!(ended["errors"], json!(["“Ping” is not offered in stage Completed"]));
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn beyond_the_limits_an_action_is_refused_with_retry_after() {
    let receiver = Receiver::start(Reply::new(200, "").after(Duration::from_millis(500)));
    let (project, key) = Project::new(&ping(&receiver.url()));
    let limits = "[engine]\nin_flight_max = 2\nqueued_max = 1\n";
    project.write("onward.toml", &format!("{CONFIG}{limits}"));
    let server = project.serve(&key);
    for id in ["42", "43", "44"] {
        server.create_task(&json!({"Company ID": id, "Stage": "In Progress"}));
    }
    let perform = |task: &str| {
        server.post("/workflows/api-sample/executions", &json!({"task_id": task, "action_id": "ping"}))
    };
    // Two run, one stands in line; neither another in line nor another that runs has a place.
    let answers = ["42", "43", "42", "42", "44"].map(perform);
    assert_eq!(answers.each_ref().map(|answer| answer.status), [201, 201, 201, 503, 503]);
    for refused in &answers[3..] {
        assert_eq!(
            (&refused.json()["code"], refused.header("retry-after")),
            (&json!("overloaded"), Some("1"))
        );
    }
    for accepted in &answers[..3] {
        assert_eq!(server.ended(accepted.json()["id"].as_str().expect("an id"))["status"], "Success");
    }
}

#[test]
fn a_call_without_an_answer_is_unknown_and_is_not_repeated() {
    let receiver = Receiver::start(Reply::Hangup);
    let (project, key) = Project::new(&ping(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let execution = server.perform("42", "ping").json();
    assert_eq!(execution["status"], "Fail");
    let detail = server.execution(execution["id"].as_str().expect("an id"));
    assert_eq!(detail["state"], "unknown");
    assert!(detail["errors"][0].as_str().is_some_and(|error| error.contains("sent, no answer")), "{detail}");
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn nobody_listening_is_a_failure_and_not_unknown() {
    let (project, key) = Project::new(&ping("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    let execution = server.perform("42", "ping").json();
    assert_eq!(server.execution(execution["id"].as_str().expect("an id"))["state"], "failed");
}

#[test]
fn sigterm_lets_what_runs_end_and_exits_0() {
    let receiver = Receiver::start(Reply::new(200, "").after(Duration::from_millis(400)));
    let (project, key) = Project::new(&ping(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let body = json!({"task_id": "42", "action_id": "ping"});
    let id = server.post("/workflows/api-sample/executions", &body).json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(server.terminate(), Some(0), "{}", project.log());
    let server = project.serve(&key);
    assert_eq!(server.execution(&id)["status"], "Success");
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn tasks_are_created_updated_listed_and_filtered() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    // As text: a float in this test would have lost the zero before it was sent.
    let body = br#"{"Company ID":42,"Contract Value":10000.50}"#;
    let update = server.send("POST", "/workflows/api-sample/tasks", &[], body);
    assert_eq!((update.status, &update.json()["Contract Value"]), (200, &json!("10000.50")));
    server.create_task(&json!({"Company ID": "43"}));
    let ids = |path: &str| -> Vec<String> {
        let list = server.get(&format!("/workflows/api-sample/tasks{path}")).json();
        let list: &Vec<Value> = list.as_array().expect("a list");
        list.iter().map(|task| task["Company ID"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(""), ["42", "43"]);
    assert_eq!(ids("?Stage=Not%20Started"), ["43"]);
    assert_eq!(ids("?Assigned%20To="), ["43"]);
    assert_eq!(ids("/active"), ["42", "43"]);
    let offered = server.get("/workflows/api-sample/tasks/43/actions").json();
    let shown = ["id", "name", "color"].map(|key| offered[0][key].as_str());
    assert_eq!((shown, offered.as_array().map(Vec::len)), (["start", "Start", "yellow"].map(Some), Some(1)));
}

/// A page shows the whole chain of steps while it runs, also those that never began.
#[test]
fn an_execution_says_what_it_is_of_and_which_steps_it_has() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    let failed = server.performed("42", "finish");
    assert_eq!(
        (&failed["state"], &failed["action"]),
        (&json!("failed"), &json!({"id": "finish", "name": "Finish"}))
    );
    let performer =
        json!({"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"});
    assert_eq!(failed["performed_by"], performer);
    let steps = failed["steps"].as_array().expect("a list");
    let types: Vec<_> = steps.iter().map(|step| step["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["move_to_stage", "api_call"]);
    assert_eq!(steps[1]["name"], "Tell the billing system");
    assert_eq!(steps[1]["id"], failed["attempts"][1]["step"]["id"]);
    // Of the version that it began with, also when there is another one.
    let id = failed["id"].as_str().expect("an id");
    let renamed = api_sample("http://127.0.0.1:9")
        .replace("[[actions.steps]]\ntype = \"move_to_stage\"\nstage = \"Completed\"\n", "");
    project.write("workflows/test.toml", &renamed);
    eventually("the new version is published", || {
        server.get("/workflows/api-sample/versions").json()[0]["version"] == 2
    });
    assert_eq!(server.execution(id)["steps"], failed["steps"]);
}

#[test]
fn a_list_longer_than_a_page_is_complete() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let folder = project.path("data/onward.db");
    server.create_task(&json!({"Company ID": "0"}));
    let connection = rusqlite::Connection::open(folder).expect("the database");
    connection
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
             INSERT INTO task (id, workflow_id, unique_id, stage_id, field_values, created_on, updated_on)
             SELECT randomblob(16), 'api-sample', i, 'not-started', '{}', 0, 0 FROM n",
        )
        .expect("inserted");
    drop(connection);
    let list = server.get("/workflows/api-sample/tasks").json();
    assert_eq!(list.as_array().expect("a list").len(), 1201);
}

/// "Step type missing (plugin gone): the server starts, the workflow is marked broken, performing answers
/// 409 `step_type_missing`."
#[test]
fn a_missing_step_type_breaks_only_what_needs_it() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let text = ping(&receiver.url())
        + "\n[[actions]]\nname = \"Post\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"carrier_pigeon\"\n";
    let (project, key) = Project::new(&text);
    let said = project.refused_command(&["check"]);
    assert!(said.contains("step_type_missing") && said.contains("carrier_pigeon"), "{said}");
    let server = project.serve(&key);
    server.create_task(&acme());
    let workflows = server.get("/workflows").json();
    assert!(workflows[0]["broken"].as_str().is_some_and(|why| why.contains("carrier_pigeon")), "{workflows}");
    let refused = server.perform("42", "post");
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("step_type_missing")));
    assert_eq!(server.perform("42", "ping").json()["status"], "Success");
}

/// Ends the demo with the test.
struct Demo(std::process::Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_says_what_to_try_and_it_works() {
    // Builds the binary, and shows where it is.
    let (project, _key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let binary = std::env::current_exe().expect("the test's path");
    let binary = binary.parent().and_then(|deps| deps.parent()).expect("target/PROFILE").join("onward");
    let ready = project.path("demo.json");
    let demo = Command::new(binary)
        .args(["demo", "--listen", "127.0.0.1:0", "--ready-file"])
        .arg(&ready)
        .stdout(File::create(project.path("said")).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the demo starts");
    let _demo = Demo(demo);
    let started = Instant::now();
    while !ready.exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "the demo did not come up");
        thread::sleep(Duration::from_millis(10));
    }
    let ready: Value = serde_json::from_slice(&std::fs::read(ready).expect("the file")).expect("its JSON");
    for key in ["address", "pid", "api_key", "email", "password", "receiver"] {
        assert!(!ready[key].is_null(), "{key} is missing");
    }
    let said = std::fs::read_to_string(project.path("said")).expect("what it said");
    for key in ["address", "api_key", "email", "password", "receiver"] {
        assert!(said.contains(ready[key].as_str().expect("a text")), "{key} is not said:\n{said}");
    }
    let address = ready["address"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
    let sign_in = json!({"email": ready["email"], "password": ready["password"]}).to_string();
    let json = [("Content-Type", "application/json")];
    let signed_in = request(address, "POST", "/api/v1/session", &json, sign_in.as_bytes());
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    let bearer = format!("Bearer {}", ready["api_key"].as_str().expect("a key"));
    let headers =
        [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), ("Prefer", "wait=10")];
    let body = br#"{"task_id":"42","action_id":"finish","performed_by":"user@example.com"}"#;
    let answer = request(address, "POST", "/api/v1/workflows/api-sample/executions", &headers, body);
    assert_eq!(answer.json()["status"], "Success", "{}", answer.body);
    let task = request(address, "GET", "/api/v1/workflows/api-sample/tasks/42", &headers, b"").json();
    assert_eq!((&task["Stage"], &task["Expected Close Date"]), (&json!("Completed"), &json!("2020-02-01")));
}
