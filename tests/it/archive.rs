//! An archived workflow: it can be read, and what waits in it goes on to its end; nothing new is done in it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{Answer, Project, Server, acme, api_sample, request},
};

const WORKFLOW: &str = "/workflows/api-sample";

/// A server without workflow files, to which a workflow was imported whose action `rest` waits for three seconds.
fn imported() -> (Project, Server) {
    let steps = [
        "type = \"delay\"\nfor = \"3s\"",
        "type = \"update_data\"\nfields = { \"Company Name\" = \"Rested\" }",
    ];
    let text = api_sample("https://billing.example")
        + &with_action("", "Rest", "", &steps)
        + &with_action("", "Sleep", "", &["type = \"delay\"\nfor = \"3d\""]);
    let (project, key) = Project::new(&text);
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    let bearer = format!("Bearer {}", server.key);
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/toml")];
    let path = "/api/v1/workflows/import";
    let answer = request(&server.address, "POST", path, &headers, text.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.body);
    (project, server)
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.post(&format!("{WORKFLOW}{path}"), body)
}

fn refused(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (409, &json!("workflow_archived")), "{}", answer.body);
    assert!(
        body["message"].as_str().is_some_and(|it| it.contains("/workflows/api-sample/unarchive")),
        "{body}"
    );
}

fn listed(server: &Server, query: &str) -> Vec<(Value, Value)> {
    let list = server.get(&format!("/workflows{query}")).json();
    list.as_array().expect("a list").iter().map(|it| (it["id"].clone(), it["archived"].clone())).collect()
}

/// What would begin something new, or change what is there.
fn nothing_is_done(server: &Server, failed: &str) {
    refused(&post(server, "/tasks", &json!({"Company ID": "43"})));
    refused(&server.send("DELETE", &format!("{WORKFLOW}/tasks/42"), &[], b""));
    refused(&server.send("DELETE", &format!("{WORKFLOW}/tasks/42/schedule"), &[], b""));
    let put = |path: &str, body: Value| {
        server.send("PUT", &format!("{WORKFLOW}{path}"), &[], body.to_string().as_bytes())
    };
    refused(&put("/tasks/42", json!({"Company Name": "Other"})));
    refused(&put("/tasks", json!({"Company ID": "42", "Company Name": "Other"})));
    refused(&put("/tasks/42/checklist_items/call-them", json!({"status": "Completed"})));
    refused(&post(
        server,
        "/tasks/42/checklist_items",
        &json!({"title": "Call them", "Stage": "Not Started"}),
    ));
    refused(&post(server, "/bulk_retries", &json!({})));
    refused(&post(server, "/tasks/42/comments", &json!({"body": "Called them"})));
    refused(&post(server, "/executions", &json!({"task_id": "42", "action_id": "finish"})));
    refused(&post(server, "/bulk_executions", &json!({"task_ids": ["42"], "action_id": "finish"})));
    refused(&post(server, &format!("/executions/{failed}/retry"), &json!({})));
    let trial = json!({"action": "rest", "step": "delay", "task_id": "42"});
    refused(&post(server, "/step_tests", &trial));
}

#[test]
fn what_is_archived_can_be_read_and_goes_to_its_end_and_nothing_new_is_done() {
    let (project, server) = imported();
    server.create_task(&acme());
    let begin = |action: &str| {
        let begun = post(&server, "/executions", &json!({"task_id": "42", "action_id": action}));
        assert_eq!(begun.status, 201, "{}", begun.body);
        begun.json()["id"].as_str().expect("an id").to_owned()
    };
    let (rest, sleep) = (begin("rest"), begin("sleep"));
    let document = server.get(&format!("{WORKFLOW}/definition")).json()["document"].clone();
    let archived = post(&server, "/archive", &json!({})).json();
    let expected = json!({"id": "api-sample", "name": "API Sample", "version": 1, "archived": true, "managed_by": "store"});
    assert_eq!(archived, expected);
    assert_eq!(post(&server, "/archive", &json!({})).json(), expected, "once more changes nothing");

    assert_eq!(listed(&server, ""), []);
    assert_eq!(listed(&server, "?_archived=true"), [(json!("api-sample"), json!(true))]);
    assert_eq!(server.get("/workflows?_archived=perhaps").status, 400);
    assert_eq!(server.get("/workflows?archived=true").status, 400);
    for path in ["/tasks", "/tasks/42", "/tasks/42/actions", "/executions", "/definition", "/versions/1"] {
        assert_eq!(server.get(&format!("{WORKFLOW}{path}")).status, 200, "{path}");
    }
    assert!(project.command(&["export", "api-sample"]).starts_with("name = \"API Sample\""));

    nothing_is_done(&server, &sleep);
    let save = |server: &Server| {
        let mut changed = document.clone();
        changed["stages"][0]["color"] = json!("pink");
        let body = changed.to_string();
        server.send("PUT", &format!("{WORKFLOW}/definition"), &[("If-Match", "*")], body.as_bytes())
    };
    refused(&save(&server));
    let restore = format!("{WORKFLOW}/versions/1/restore");
    refused(&server.send("POST", &restore, &[("If-Match", "*")], b""));

    // What waits goes on, also over a restart; somebody may end it.
    let key = server.key.clone();
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.ended(&rest)["state"], "succeeded");
    assert_eq!(server.task("42")["Company Name"], "Rested");
    server.in_state(&sleep, "waiting");
    assert_eq!(post(&server, &format!("/executions/{sleep}/cancel"), &json!({})).status, 200);

    let back = post(&server, "/unarchive", &json!({})).json();
    assert_eq!((&back["archived"], &back["version"]), (&json!(false), &json!(1)));
    assert_eq!(listed(&server, ""), [(json!("api-sample"), json!(false))]);
    assert_eq!(listed(&server, "?_archived=true"), []);
    assert_eq!(save(&server).json()["version"], 2);
    server.create_task(&json!({"Company ID": "43"}));
    let log = server.get("/audit").json();
    let changes: Vec<_> = log
        .as_array()
        .expect("a list")
        .iter()
        .filter(|it| it["about"] == "api-sample")
        .map(|it| it["change"].as_str().expect("a change").to_owned())
        .collect();
    assert_eq!(changes, ["workflow.saved", "workflow.unarchived", "workflow.archived", "workflow.imported"]);
}

#[test]
fn what_a_file_has_is_not_archived() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let server = project.serve(&key);
    let answer = post(&server, "/archive", &json!({}));
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("file_managed")));
    let listed = server.get("/workflows").json()[0].clone();
    assert_eq!((&listed["managed_by"], &listed["archived"]), (&json!("file"), &json!(false)));
    assert!(listed["file"].as_str().is_some_and(|file| file.ends_with("test.toml")), "{listed}");
    assert_eq!(server.post("/workflows/nowhere/archive", &json!({})).json()["code"], "workflow_not_found");
    // One that was archived before a file had it is taken back all the same.
    let text =
        server.send("GET", &format!("{WORKFLOW}/definition"), &[("Accept", "application/toml")], b"").body;
    server.kill();
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    assert_eq!(post(&server, "/archive", &json!({})).json()["archived"], true);
    server.kill();
    project.write("workflows/test.toml", &text);
    let server = project.serve(&key);
    assert_eq!(server.get("/workflows?_archived=true").json()[0]["managed_by"], "file");
    assert_eq!(post(&server, "/unarchive", &json!({})).json()["archived"], false);
}
