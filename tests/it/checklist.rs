//! A task's checklist, as a client of the public API sees it: the workflow's template, items of its own, and actions
//! that require it.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Project, Receiver, Reply, Server, acme, api_sample, onward};

const TASKS: &str = "/workflows/api-sample/tasks";
const ITEMS: &str = "/workflows/api-sample/tasks/42/checklist_items";

/// The page's workflow with a checklist in two of its stages, an action that requires it, and one that takes a while.
fn workflow(receiver: &str) -> String {
    let stage = |name: &str| format!("[[stages]]\nname = \"{name}\"\n");
    let with = |source: String, name: &str, checklist: &str| {
        assert!(source.contains(&stage(name)), "the sample has no stage {name} like this");
        source.replace(&stage(name), &format!("{}checklist = {checklist}\n", stage(name)))
    };
    let source = with(api_sample(receiver), "Not Started", r#"["Call the customer"]"#);
    let checklist = r#"["Check the address", { title = "Ask the board", id = "board" }]"#;
    let actions = "\n[[actions]]\nname = \"Ship\"\nfrom = [\"In Progress\"]\nrequires = { checklist = true }\n\
                   \n[[actions]]\nname = \"Wait\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
                   url = \"RECEIVER/wait\"\n";
    with(source, "In Progress", checklist) + &actions.replace("RECEIVER", receiver)
}

fn started() -> (Project, Server) {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    (project, server)
}

fn item(id: &str) -> String {
    format!("{ITEMS}/{id}")
}

fn put(server: &Server, id: &str, body: &Value) -> Answer {
    server.send("PUT", &item(id), &[], body.to_string().as_bytes())
}

fn set(server: &Server, id: &str, status: &str) -> Value {
    let answer = put(server, id, &json!({ "status": status }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn add(server: &Server, body: &Value) -> Value {
    let answer = server.post(ITEMS, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

/// Each item as `id, status`.
fn statuses(server: &Server, query: &str) -> Vec<String> {
    let items = server.get(&format!("{ITEMS}{query}")).json();
    let text = |item: &Value, key: &str| item[key].as_str().expect("a text").to_owned();
    let items = items.as_array().unwrap_or_else(|| panic!("not a list: {items}")).iter();
    items.map(|item| format!("{} {}", text(item, "id"), text(item, "status"))).collect()
}

fn offers(server: &Server, action: &str) -> bool {
    server.get(&format!("{TASKS}/42/actions")).body.contains(&format!("\"{action}\""))
}

/// `{"id","title","status":"Blank"|"Skipped"|"Completed","editable","Assigned To","Stage"}`, of every stage, and with
/// `?Stage=` of one.
#[test]
fn every_task_has_the_templates_items() {
    let (_project, server) = started();
    let untouched = json!({
        "id": "board", "title": "Ask the board", "status": "Blank", "editable": false, "Assigned To": null,
        "Stage": "In Progress", "updated_by": null, "updated_on": null,
    });
    assert_eq!(statuses(&server, ""), ["call-the-customer Blank", "check-the-address Blank", "board Blank"]);
    assert_eq!(statuses(&server, "?Stage=Not%20Started"), ["call-the-customer Blank"]);
    assert_eq!(statuses(&server, "?Stage=Nowhere"), [""; 0]);
    assert_eq!(server.get(&item("board")).json(), untouched);
    let before = (server.task("42"), server.get(&format!("{TASKS}/42/history")).json());
    let changed =
        put(&server, "board", &json!({"status": "Skipped", "Assigned To": "USER@example.com"})).json();
    assert_eq!(
        (&changed["status"], &changed["Assigned To"]),
        (&json!("Skipped"), &json!("user@example.com"))
    );
    assert_eq!((&changed["editable"], &changed["updated_by"]["first_name"]), (&json!(false), &json!("Test")));
    let after = (server.task("42"), server.get(&format!("{TASKS}/42/history")).json());
    assert_eq!(before, after, "an item changed its task");
    assert_eq!(server.get(&item("board")).json(), changed);
    // Sent back as it came, with one value changed, as clients do.
    let mut back = changed.clone();
    back["status"] = json!("Completed");
    assert_eq!(put(&server, "board", &back).json()["Assigned To"], "user@example.com");
    let cleared = put(&server, "board", &json!({"Assigned To": null})).json();
    assert_eq!((&cleared["Assigned To"], &cleared["status"]), (&Value::Null, &json!("Completed")));
}

/// "POST needs `title` and `Stage`"; what is added can be renamed and deleted, and is there after a crash.
#[test]
fn a_task_has_items_of_its_own() {
    let (project, server) = started();
    let added = add(&server, &json!({"title": "Ring the bell", "Stage": "In Progress"}));
    let id = added["id"].as_str().expect("an id").to_owned();
    assert_eq!((&added["editable"], &added["status"]), (&json!(true), &json!("Blank")));
    let full = json!({
        "title": "Sing", "Stage": "Completed", "status": "Skipped", "Assigned To": "user@example.com",
    });
    let full = add(&server, &full);
    assert_eq!((&full["status"], &full["Assigned To"]), (&json!("Skipped"), &json!("user@example.com")));
    let renamed = put(&server, &id, &json!({"title": "Ring it twice", "status": "Completed"})).json();
    assert_eq!((&renamed["title"], &renamed["Stage"]), (&json!("Ring it twice"), &json!("In Progress")));
    let second = full["id"].as_str().expect("an id").to_owned();
    let expected = [
        "call-the-customer Blank",
        "check-the-address Blank",
        "board Blank",
        &format!("{id} Completed"),
        &format!("{second} Skipped"),
    ];
    assert_eq!(statuses(&server, ""), expected);
    let key = server.key.clone();
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.get(&item(&id)).json(), renamed);
    assert_eq!(server.send("DELETE", &item(&id), &[], b"").status, 204);
    assert_eq!(server.send("DELETE", &item(&id), &[], b"").status, 404);
    assert_eq!(statuses(&server, "?Stage=In%20Progress"), ["check-the-address Blank", "board Blank"]);
}

/// "Checklist must be completed", of the stage that the task is in; its own items count as the template's do.
#[test]
fn an_action_that_requires_the_checklist_waits_for_it() {
    let (_project, server) = started();
    let refused = server.perform("42", "ship");
    assert_eq!((refused.status, &refused.json()["status"]), (422, &json!("Fail")));
    assert_eq!(refused.json()["errors"], json!(["Checklist must be completed"]));
    set(&server, "check-the-address", "Completed");
    assert_eq!(server.perform("42", "ship").status, 422);
    assert!(!offers(&server, "ship") && offers(&server, "wait"));
    set(&server, "board", "Skipped");
    assert!(offers(&server, "ship"), "the other stage's item counts");
    let own = add(&server, &json!({"title": "Ring the bell", "Stage": "In Progress"}));
    assert_eq!(server.perform("42", "ship").status, 422);
    set(&server, own["id"].as_str().expect("an id"), "Completed");
    assert_eq!(server.perform("42", "ship").json()["status"], "Success");
    set(&server, "board", "Blank");
    assert_eq!(server.perform("42", "ship").status, 422);
}

/// "Checked at request, and before the first step".
#[test]
fn the_checklist_is_looked_at_again_when_the_turn_comes() {
    let receiver = Receiver::start(Reply::new(204, "").after(Duration::from_millis(500)));
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    set(&server, "check-the-address", "Completed");
    set(&server, "board", "Completed");
    let first = server.begin("42", "wait");
    let second = server.begin("42", "ship");
    assert_eq!(server.execution(&second)["state"], "queued");
    set(&server, "board", "Blank");
    assert_eq!(server.execution(&first)["status"], "Pending", "the first ended too soon to show anything");
    let ended = server.ended(&second);
    assert_eq!(
        (&ended["status"], &ended["code"]),
        (&json!("Fail"), &json!("requirements_not_met")),
        "{ended}"
    );
    assert_eq!(ended["errors"], json!(["Checklist must be completed"]));
    assert_eq!(ended["attempts"], json!([]), "a step ran");
}

/// By its id an item keeps what was set, whatever a later version calls it; one that the version does not have is in
/// no list and required of nobody, and comes back as it was.
#[test]
fn a_later_version_renames_leaves_out_and_brings_back() {
    let (project, server) = started();
    let (key, first) = (server.key.clone(), workflow("http://127.0.0.1:9"));
    set(&server, "check-the-address", "Completed");
    set(&server, "board", "Skipped");
    server.kill();
    let later = first.replace(
        r#"["Check the address", { title = "Ask the board", id = "board" }]"#,
        r#"[{ title = "Ask them", id = "board" }, "Weigh it"]"#,
    );
    assert_ne!(first, later);
    project.write("workflows/test.toml", &later);
    let server = project.serve(&key);
    assert_eq!(statuses(&server, "?Stage=In%20Progress"), ["board Skipped", "weigh-it Blank"]);
    assert_eq!(server.get(&item("board")).json()["title"], "Ask them");
    let gone = server.get(&item("check-the-address"));
    assert_eq!((gone.status, &gone.json()["code"]), (404, &json!("checklist_item_not_found")));
    assert_eq!(put(&server, "check-the-address", &json!({"status": "Blank"})).status, 404);
    set(&server, "weigh-it", "Completed");
    assert!(offers(&server, "ship"), "an item that is left out is required");
    server.kill();
    project.write("workflows/test.toml", &first);
    let server = project.serve(&key);
    assert_eq!(statuses(&server, "?Stage=In%20Progress"), ["check-the-address Completed", "board Skipped"]);
}

#[test]
fn a_deleted_tasks_items_are_gone() {
    let (_project, server) = started();
    set(&server, "board", "Completed");
    add(&server, &json!({"title": "Ring the bell", "Stage": "Completed"}));
    assert_eq!(server.send("DELETE", &format!("{TASKS}/42"), &[], b"").status, 204);
    for answer in [
        server.get(ITEMS),
        server.get(&item("board")),
        put(&server, "board", &json!({"status": "Blank"})),
        server.post(ITEMS, &json!({"title": "x", "Stage": "Completed"})),
    ] {
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("task_not_found")));
    }
    server.create_task(&acme());
    assert_eq!(statuses(&server, ""), ["call-the-customer Blank", "check-the-address Blank", "board Blank"]);
}

/// Two that set the same item's status and assignee at once both have their way, and no item is added twice or lost.
#[test]
fn what_two_do_at_once_is_all_done() {
    let (_project, server) = started();
    for round in 0..20 {
        let status = if round % 2 == 0 { "Completed" } else { "Blank" };
        let assignee = if round % 2 == 0 { json!("user@example.com") } else { Value::Null };
        thread::scope(|scope| {
            scope.spawn(|| set(&server, "board", status));
            scope.spawn(|| assert_eq!(put(&server, "board", &json!({"Assigned To": assignee})).status, 200));
            scope.spawn(|| add(&server, &json!({"title": "Same", "Stage": "Completed"})));
        });
        let board = server.get(&item("board")).json();
        assert_eq!((&board["status"], &board["Assigned To"]), (&json!(status), &assignee), "round {round}");
    }
    assert_eq!(statuses(&server, "?Stage=Completed").len(), 20);
}

/// Who leaves has nothing left to do.
#[test]
fn an_item_of_somebody_who_has_left_is_nobodys() {
    let (_project, server) = started();
    let assigned = json!({"Assigned To": "user@example.com"});
    assert_eq!(put(&server, "board", &assigned).json()["Assigned To"], "user@example.com");
    assert_eq!(server.send("DELETE", "/workflows/api-sample/users/abc123", &[], b"").status, 204);
    assert_eq!(server.get(&item("board")).json()["Assigned To"], Value::Null);
    let refused = put(&server, "board", &assigned);
    let errors = json!({"Assigned To": ["is invalid: no user has this email"]});
    assert_eq!((refused.status, &refused.json()["errors"]), (422, &errors));
}

#[test]
fn bad_items_get_a_status_a_code_and_the_reason() {
    let (_project, server) = started();
    let own = add(&server, &json!({"title": "Own", "Stage": "Completed"}));
    let own = item(own["id"].as_str().expect("an id"));
    let (board, before) = (item("board"), server.get(ITEMS).json());
    let long = format!(r#"{{"title":"{}","Stage":"Completed"}}"#, "x".repeat(301));
    let no_stage = r#"{"Stage":["is invalid: it must be one of Not Started, In Progress, Completed"]}"#;
    for (method, path, body, status, code, errors) in [
        ("POST", ITEMS, "{}", 422, "invalid_fields", r#"{"title":["is required"],"Stage":["is required"]}"#),
        ("POST", ITEMS, r#"{"title":"x","Stage":"Nowhere"}"#, 422, "invalid_fields", no_stage),
        ("POST", ITEMS, &long, 422, "invalid_fields", r#"{"title":["is too long"]}"#),
        (
            "POST",
            ITEMS,
            r#"{"title":"a\u0000b","Stage":"Completed","status":"Done","Assigned To":"x","colour":1}"#,
            422,
            "invalid_fields",
            r#"{"title":["contains a NUL character"],"status":["is invalid: it must be one of Blank, Skipped, Completed"],"Assigned To":["is invalid: no user has this email"],"colour":["is unknown: a checklist item has no such key"]}"#,
        ),
        ("POST", ITEMS, "[]", 400, "invalid_body", "null"),
        (
            "PUT",
            &board,
            r#"{"title":"Mine","Stage":"Completed"}"#,
            422,
            "invalid_fields",
            r#"{"Stage":["cannot be changed: an item stays in its stage"],"title":["cannot be changed: the workflow's template says it"]}"#,
        ),
        ("PUT", &own, r#"{"title":""}"#, 422, "invalid_fields", r#"{"title":["is required"]}"#),
        ("PUT", &item("nothing"), r#"{"status":"Blank"}"#, 404, "checklist_item_not_found", "null"),
        ("GET", &item("%00"), "", 404, "checklist_item_not_found", "null"),
        ("DELETE", &board, "", 409, "template_item", "null"),
        ("DELETE", &item("nothing"), "", 404, "checklist_item_not_found", "null"),
        ("GET", &format!("{ITEMS}?stage=Completed"), "", 400, "invalid_parameter", "null"),
        ("PATCH", &own, "{}", 405, "method_not_allowed", "null"),
    ] {
        let answer = server.send(method, path, &[], body.as_bytes());
        let json = answer.json();
        assert_eq!((answer.status, json["code"].as_str()), (status, Some(code)), "{method} {path}: {json}");
        let errors: Value = serde_json::from_str(errors).expect("JSON");
        assert_eq!(json["errors"], errors, "{method} {path}: {json}");
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_eq!(Server::of(&server, "onw_wrong").get(ITEMS).status, 401);
    assert_eq!(server.get(ITEMS).json(), before, "a refused request changed something");
}

/// A workflow file says it all wrong, and hears it all.
#[test]
fn a_template_that_cannot_be_is_refused_with_its_place() {
    let project = Project::bare();
    let broken = workflow("http://127.0.0.1:9").replace("Ask the board", "Check the address");
    project.write("workflows/broken.toml", &broken);
    let output = onward(&["check", "--config", &project.config()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("error[duplicate_name]: a second checklist item is called “Check the address”"),
        "{said}"
    );
}
