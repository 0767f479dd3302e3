//! "Test a step: API and `onward step test`, the same code path as live; shows exact bytes, headers, signature and
//! answer; leaves the task alone unless told."

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{Project, Receiver, Reply, acme, api_sample},
};

#[test]
fn a_step_is_tried_as_it_runs_and_the_task_stays_unless_told() {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Company Name":"Tried","Colour":"red"}}"#));
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/x/{{Company ID}}\"\n\
                signing_secret = \"{{secrets.SIGNING}}\"\nheaders = { X-Token = \"{{secrets.TOKEN}}\" }";
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[step]);
    let (project, key) = Project::new(&text);
    assert!(project.set_secret("SIGNING", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").0);
    assert!(project.set_secret("TOKEN", "abc/def+ghi").0);
    let server = project.serve(&key);
    server.create_task(&acme());
    let path = "/workflows/api-sample/actions/test/steps/call/test";
    let tried = server.post(path, &json!({"task_id": "42", "performed_by": "user@example.com"})).json();
    assert_eq!((&tried["outcome"], &tried["applied"]), (&json!("succeeded"), &json!(false)), "{tried}");
    assert_eq!(tried["patch"], json!({"Company Name": "Tried", "Colour": "red"}));
    assert_eq!(server.task("42")["Company Name"], "Acme Corp");
    let call = receiver.received().remove(0);
    let sent = &tried["record"]["request"];
    assert_eq!(
        (&sent["body"], &sent["url"]),
        (&json!(call.body), &json!(format!("{}/x/42", receiver.url())))
    );
    for header in sent["headers"].as_array().expect("a list") {
        let (name, shown) = (header[0].as_str().expect("a name"), header[1].as_str().expect("a value"));
        let expected = if name == "X-Token" { "[redacted]" } else { call.header(name).expect("it was sent") };
        assert_eq!(shown, expected, "{name}");
    }
    let body: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!(body["user"]["email"], "user@example.com");
    // Nothing of it is an execution.
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    let executions: u32 =
        database.query_row("SELECT count(*) FROM execution", [], |row| row.get(0)).expect("a count");
    assert_eq!(executions, 0);

    let applied = server.post(path, &json!({"task_id": "42", "apply": true})).json();
    assert_eq!((&applied["applied"], &server.task("42")["Company Name"]), (&json!(true), &json!("Tried")));
    receiver.answer_with(Reply::new(500, "no"));
    let failed = server.post(path, &json!({"task_id": "42", "apply": true})).json();
    assert_eq!((&failed["outcome"], &failed["code"]), (&json!("failed"), &json!("http_status")));
    for (path, body, code) in [
        (path, json!({"task_id": "43"}), "task_not_found"),
        (path, json!({"task_id": "42", "performed_by": "nobody"}), "user_not_found"),
        ("/workflows/api-sample/actions/test/steps/no/test", json!({"task_id": "42"}), "step_not_found"),
    ] {
        assert_eq!(server.post(path, &body).json()["code"], code);
    }
}

/// "Trying a step that is not saved": the step of a document, on a task, and nothing is changed.
#[test]
fn a_step_is_tried_before_it_is_saved() {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Company Name":"Tried"}}"#));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let mut document = server.get("/workflows/api-sample/definition").json()["document"].clone();
    let call = json!({"type": "api_call", "id": "call", "name": "Call", "url": format!("{}/new/{{{{Company ID}}}}", receiver.url())});
    let action = json!({"name": "New", "id": "new", "from": ["Completed"], "steps": [call]});
    document["actions"].as_array_mut().expect("actions").push(action);
    let path = "/workflows/api-sample/step_tests";
    let body =
        |document: &Value| json!({"document": document, "action": "new", "step": "call", "task_id": "42"});
    let tried = server.post(path, &body(&document)).json();
    assert_eq!((&tried["outcome"], &tried["applied"]), (&json!("succeeded"), &json!(false)), "{tried}");
    assert_eq!(tried["patch"], json!({"Company Name": "Tried"}));
    assert_eq!(tried["record"]["request"]["url"], format!("{}/new/42", receiver.url()));
    let call: Value = serde_json::from_str(&receiver.received().remove(0).body).expect("JSON");
    assert_eq!((&call["action"], &call["task"]["Company ID"]), (&json!("New"), &json!("42")));
    assert_eq!(server.task("42")["Company Name"], "Acme Corp");
    // What is saved, as the other route tries it.
    let saved =
        json!({"action": "finish", "step": "tell-the-billing-system", "task_id": "42", "apply": true});
    let applied = server.post(path, &saved).json();
    assert_eq!((&applied["applied"], &server.task("42")["Company Name"]), (&json!(true), &json!("Tried")));

    let mut applying = body(&document);
    applying["apply"] = json!(true);
    let mut broken = document.clone();
    broken["actions"][2]["steps"][0].as_object_mut().expect("a step").remove("url");
    let mut other = document.clone();
    other["id"] = json!("other");
    for (body, status, code) in [
        (applying, 422, "apply_needs_saved"),
        (body(&broken), 422, "invalid_definition"),
        (body(&other), 422, "invalid_definition"),
        (json!({"action": "new", "step": "call", "task_id": "42"}), 404, "step_not_found"),
        (
            json!({"action": "finish", "step": "tell-the-billing-system", "task_id": "43"}),
            404,
            "task_not_found",
        ),
        (json!({"action": "finish"}), 400, "invalid_body"),
    ] {
        let answer = server.post(path, &body);
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{}", answer.body);
    }
    let refused = server.post(path, &body(&broken)).json();
    assert_eq!(refused["problems"][0]["path"], "/actions/2/steps/0/url", "{refused}");
    assert_eq!(receiver.received().len(), 2, "nothing else was called");
}

#[test]
fn a_step_is_tried_from_the_command_line_before_it_is_published() {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Company Name":"Tried"}}"#));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/x\"";
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[step]);
    project.write("workflows/test.toml", &text);
    let test = ["step", "test", "api-sample", "test", "call", "--task", "42"];
    let said = project.command(&test);
    for part in [
        &format!("POST {}/x\n", receiver.url()),
        "Content-Type: application/json\n",
        "{\"action\":\"Test\",\"user\":{\"id\":\"onward\"",
        "answered 200 after ",
        "succeeded: the next step would run\nit would change the task: {\"Company Name\":\"Tried\"}\n",
        "the task stays as it is; --apply changes it\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(server.task("42")["Company Name"], "Acme Corp");
    project.command(&[&test[..], &["--apply"]].concat());
    receiver.answer_with(Reply::new(404, "no such company"));
    let said = project.refused_command(&["step", "test", "api-sample", "test", "1", "--task", "42"]);
    assert!(said.contains("the step would have stopped the action"), "{said}");
    let said = project.refused_command(&["step", "test", "api-sample", "test", "9", "--task", "42"]);
    assert!(said.contains("the action has no step `9`; it has call"), "{said}");
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.task("42")["Company Name"], "Tried");
}

/// "Copy as curl": the command makes the same call, whatever is in it.
#[test]
fn an_attempt_can_be_copied_as_a_command() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/x?a=1&b=%27\"\nheaders = { X-Quote = \"it's $HOME\" }";
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[step]);
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    let mut task = acme();
    task["Company Name"] = json!("O'Neill `id` $(id) \"x\"");
    server.create_task(&task);
    let ended = server.performed("42", "test");
    let command = ended["attempts"][0]["curl"].as_str().expect("a command");
    let made =
        std::process::Command::new("sh").args(["-c", &format!("{command} -s")]).status().expect("a shell");
    assert!(made.success(), "{command}");
    let calls = receiver.received();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].body, calls[1].body);
    assert_eq!(calls[0].head.lines().next(), calls[1].head.lines().next());
    for name in ["x-quote", "webhook-id", "content-type"] {
        assert_eq!(calls[0].header(name), calls[1].header(name), "{name}");
    }
}
