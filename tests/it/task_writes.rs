//! Changing a task that is named by the path, and making one only where there is none.

use serde_json::{Value, json};

use crate::support::{Answer, Project, Server, acme, api_sample};

const TASKS: &str = "/workflows/api-sample/tasks";

fn put(server: &Server, path: &str, body: &Value) -> Answer {
    server.send("PUT", path, &[], body.to_string().as_bytes())
}

#[test]
fn a_task_is_changed_by_its_address_whatever_it_is_called_afterwards() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    server.create_task(&json!({"Company ID": "43", "Company Name": "Initech"}));
    let changed =
        put(&server, &format!("{TASKS}/42"), &json!({"Company Name": "Acme Inc", "Stage": "Completed"}));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(
        (&changed.json()["Company Name"], &changed.json()["Stage"], &changed.json()["Company ID"]),
        (&json!("Acme Inc"), &json!("Completed"), &json!("42"))
    );
    let taken = put(&server, &format!("{TASKS}/42"), &json!({"Company ID": "43"}));
    assert_eq!(
        (taken.status, &taken.json()["errors"]),
        (422, &json!({"Company ID": ["has already been taken"]}))
    );
    let renamed = put(&server, &format!("{TASKS}/42"), &json!({"Company ID": "44"}));
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    assert_eq!(server.get(&format!("{TASKS}/42")).status, 404);
    assert_eq!(server.task("44")["Company Name"], "Acme Inc");
    for (address, body, status, code) in [
        ("42", json!({"Company Name": "Nobody"}), 404, "task_not_found"),
        ("44", json!({"Contract Value": "much"}), 422, "invalid_fields"),
        ("44", json!({"No Such Field": "1"}), 422, "invalid_fields"),
    ] {
        let refused = put(&server, &format!("{TASKS}/{address}"), &body);
        assert_eq!((refused.status, &refused.json()["code"]), (status, &json!(code)), "{}", refused.body);
    }
}

#[test]
fn a_task_is_found_by_its_id_whatever_its_unique_id_becomes() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    let read = server.get(&format!("{TASKS}/42"));
    let id = read.header("onward-task-id").expect("its id").to_owned();
    assert_eq!(put(&server, &format!("{TASKS}/42"), &json!({"Company ID": "43"})).status, 200);
    assert_eq!(server.get(&format!("{TASKS}/42")).status, 404);
    let found = server.get(&format!("{TASKS}/{id}"));
    assert_eq!((&found.json()["Company ID"], found.header("onward-task-id")), (&json!("43"), Some(&*id)));
}

#[test]
fn a_task_without_a_unique_id_can_be_changed_too() {
    let workflow =
        "name = \"Notes\"\n[[fields]]\nname = \"Text\"\ntype = \"text\"\n[[stages]]\nname = \"Open\"\n";
    let (project, key) = Project::new(workflow);
    let server = project.serve(&key);
    let made = server.post("/workflows/notes/tasks", &json!({"Text": "one"}));
    assert_eq!(made.status, 201, "{}", made.body);
    let url = made.json()["Task URL"].as_str().expect("its address").to_owned();
    let (_, id) = url.rsplit_once('/').expect("an address");
    let changed = put(&server, &format!("/workflows/notes/tasks/{id}"), &json!({"Text": "two"}));
    assert_eq!((changed.status, &changed.json()["Text"]), (200, &json!("two")), "{}", changed.body);
}

#[test]
fn with_if_none_match_a_task_is_made_and_none_is_changed() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let make = |name: &str, tag: &str| {
        let body = json!({"Company ID": "42", "Company Name": name}).to_string();
        server.send("POST", TASKS, &[("If-None-Match", tag)], body.as_bytes())
    };
    assert_eq!(make("Acme", "*").status, 201);
    let there = make("Somebody else", "*");
    assert_eq!((there.status, &there.json()["code"]), (412, &json!("task_exists")), "{}", there.body);
    assert_eq!(server.task("42")["Company Name"], "Acme");
    assert_eq!(make("Acme", "\"3\"").json()["code"], "invalid_parameter");
}
