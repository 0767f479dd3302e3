//! "Custom format: method, templated body with JSON-aware escaping, content type, success rule (statuses, JSON
//! pointer), mapping from the response to fields with the same validation as a patch."

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{Project, Receiver, Reply, Server, acme, api_sample},
};

fn workflow(receiver: &str, lines: &str) -> String {
    let step =
        format!("type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/x\"\nformat = \"custom\"\n{lines}");
    api_sample(receiver) + &with_action(receiver, "Test", "", &[&step])
}

fn served(receiver: &Receiver, lines: &str) -> (Project, Server) {
    let (project, key) = Project::new(&workflow(&receiver.url(), lines));
    let server = project.serve(&key);
    let mut task = acme();
    task["Company Name"] = json!("A \"B\" & <C> \\ ü\u{1F600}");
    server.create_task(&task);
    (project, server)
}

/// A place in quotes becomes part of a text, one without a whole value of its type.
#[test]
fn a_json_body_is_json_whatever_the_values_are() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let body = r#"{"text": "{{Company Name}} ({{action}})", "n": {{Number of Employees}}, "v": {{Contract Value}},
        "flag": {{International?}}, "name": {{Company Name}}, "none": {{task.Expected Close Date}}, "by": {{user.email}}}"#;
    let lines = format!("method = \"PUT\"\nbody = '''{body}'''");
    let (_project, server) = served(&receiver, &lines);
    server.post("/workflows/api-sample/tasks", &json!({"Company ID": "42", "Expected Close Date": null}));
    let ended = server.performed("42", "test");
    assert_eq!(ended["status"], "Success", "{ended}");
    let call = receiver.received().remove(0);
    assert!(call.head.starts_with("PUT /x "));
    assert_eq!(call.header("content-type"), Some("application/json"));
    let sent: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!(
        sent,
        json!({
            "text": "A \"B\" & <C> \\ ü\u{1F600} (Test)", "n": 20, "v": 10000, "flag": false,
            "name": "A \"B\" & <C> \\ ü\u{1F600}", "none": null, "by": "user@example.com",
        })
    );
}

#[test]
fn a_body_is_escaped_as_its_content_type_says() {
    for (content_type, body, expected) in [
        (
            "application/x-www-form-urlencoded",
            "name={{Company Name}}&n=1",
            "name=A%20%22B%22%20%26%20%3CC%3E%20%5C%20%C3%BC%F0%9F%98%80&n=1",
        ),
        (
            "text/xml; charset=utf-8",
            "<n a=\\\"{{Company Name}}\\\"/>",
            "<n a=\"A &quot;B&quot; &amp; &lt;C&gt; \\ ü\u{1F600}\"/>",
        ),
        ("text/plain", "{{Company Name}}", "A \"B\" & <C> \\ ü\u{1F600}"),
    ] {
        let receiver = Receiver::start(Reply::new(200, ""));
        let (_project, server) =
            served(&receiver, &format!("content_type = \"{content_type}\"\nbody = \"{body}\""));
        assert_eq!(server.performed("42", "test")["status"], "Success");
        let call = receiver.received().remove(0);
        assert_eq!((call.header("content-type"), call.body.as_str()), (Some(content_type), expected));
    }
    let receiver = Receiver::start(Reply::new(200, ""));
    let (_project, server) = served(&receiver, "method = \"GET\"");
    assert_eq!(server.performed("42", "test")["status"], "Success");
    let call = receiver.received().remove(0);
    assert!(
        call.head.starts_with("GET /x ") && call.header("content-type").is_none() && call.body.is_empty()
    );
}

/// "Success rule (statuses, JSON pointer)."
#[test]
fn what_is_a_success_the_author_says() {
    let by_status = "success = { status = [\"2xx\", 404] }";
    let by_pointer = "success = { pointer = \"/ok\", equals = true }";
    let by_value = "success = { status = 200, pointer = \"/data/0/id\" }";
    for (rule, status, answer, expected) in [
        (by_status, 404, "gone", None),
        (by_status, 204, "", None),
        (by_status, 500, "", Some("http_status")),
        (by_status, 302, "", Some("http_status")),
        (by_pointer, 200, r#"{"ok":true}"#, None),
        (by_pointer, 200, r#"{"ok":false}"#, Some("not_successful")),
        (by_pointer, 200, "not JSON", Some("not_successful")),
        (by_pointer, 400, r#"{"ok":true}"#, Some("http_status")),
        (by_value, 200, r#"{"data":[{"id":7}]}"#, None),
        (by_value, 200, r#"{"data":[{"id":null}]}"#, Some("not_successful")),
        (by_value, 201, r#"{"data":[{"id":7}]}"#, Some("http_status")),
    ] {
        let receiver = Receiver::start(Reply::new(status, answer));
        let (_project, server) = served(&receiver, rule);
        let ended = server.performed("42", "test");
        assert_eq!(ended["code"].as_str(), expected, "{rule} {status} {answer}: {ended}");
    }
}

/// 410 is "gone for good", unless the author says that it is an answer like others.
#[test]
fn an_endpoint_that_answers_410_as_the_author_expects_is_called_again() {
    for (rule, second) in
        [("success = { status = [200, 410] }", None), ("method = \"PUT\"", Some("endpoint_disabled"))]
    {
        let receiver = Receiver::start(Reply::new(410, ""));
        let (_project, server) = served(&receiver, rule);
        server.performed("42", "test");
        assert_eq!(server.performed("42", "test")["code"].as_str(), second, "{rule}");
    }
}

/// "Mapping from the response to fields with the same validation as a patch."
#[test]
fn parts_of_an_answer_become_fields() {
    let lines = "response = { \"Company Name\" = \"/data/name\", \"Contract Value\" = \"/data/sums/1\", \"Stage\" = \"/stage\" }";
    let answer = json!({"data": {"name": "Mapped", "sums": [1, 25.50]}, "task": {"Company Name": "not by the contract"}});
    let receiver = Receiver::start(Reply::new(200, &answer.to_string()));
    let (_project, server) = served(&receiver, lines);
    let ended = server.performed("42", "test");
    let task = server.task("42");
    assert_eq!(
        (&task["Company Name"], &task["Contract Value"], &task["Stage"]),
        (&json!("Mapped"), &json!("25.5"), &json!("In Progress"))
    );
    let warnings = ended["attempts"][0]["warnings"].to_string();
    assert!(warnings.contains("nothing at `/stage`; “Stage” was left as it is"), "{warnings}");
    receiver.answer_with(Reply::new(200, r#"{"data":{"name":"never","sums":[0,"much"]}}"#));
    let refused = server.performed("42", "test");
    assert_eq!(
        (&refused["code"], &server.task("42")["Company Name"]),
        (&json!("invalid_fields"), &json!("Mapped"))
    );
    receiver.answer_with(Reply::new(200, "<html>"));
    assert_eq!(server.performed("42", "test")["code"], "invalid_answer");
}

#[test]
fn a_custom_format_that_cannot_work_is_refused_at_save() {
    for (lines, why) in [
        ("body = '''{\"a\": {{Company Name}}'''", "the body is not JSON, whatever its fields are"),
        ("body = '''{\"a\": x{{Company Name}}}'''", "the body is not JSON"),
        ("body = '''{\"a\": \"{{Compny Name}}\"}'''", "did you mean `{{Company Name}}`"),
        ("success = { status = \"ok\" }", "is no status"),
        ("success = { equals = 1 }", "`equals` needs a `pointer`"),
        ("success = { pointer = \"data\" }", "a JSON pointer begins with a slash"),
        ("success = { no_such = 200 }", "`success` has no `no_such`"),
        ("response = { \"Colour\" = \"/a\" }", "the workflow has no field “Colour”"),
        ("response = { \"Company Name\" = \"a\" }", "a JSON pointer begins with a slash"),
        ("method = \"TRACE\"", "must be one of POST, PUT, PATCH, DELETE, GET"),
    ] {
        let project = Project::bare();
        project.write("workflows/test.toml", &workflow("https://a.example", lines));
        let said = project.refused_command(&["check"]);
        assert!(said.contains(why), "{lines}: {said}");
    }
    let project = Project::bare();
    let text = workflow("https://a.example", "body = '''{\"a\": 1}'''").replace("format = \"custom\"", "");
    project.write("workflows/test.toml", &text);
    assert!(project.refused_command(&["check"]).contains("`body` means nothing in the default format"));
}

/// "Unset checkbox false": one that nobody ticked, and one that somebody has set to false, are the same to everybody.
#[test]
fn a_checkbox_that_nobody_ticked_is_false_wherever_it_is_read() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let call = format!(
        "type = \"api_call\"\nurl = \"{}/x?flag={{{{International?}}}}\"\nformat = \"custom\"\n\
         headers = {{ X-Flag = \"{{{{International?}}}}\" }}\nbody = '''[{{{{International?}}}}, \"{{{{International?}}}}\"]'''",
        receiver.url()
    );
    let note = "type = \"update_data\"\nfields = { \"Company Name\" = \"is {{International?}}\" }";
    let ticked = "\n[actions.requires]\nfields = [\"International?\"]\n";
    let text = api_sample(&receiver.url())
        + &with_action(&receiver.url(), "Test", "", &[&call, note])
        + &with_action(&receiver.url(), "Sign", ticked, &[note]);
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    let mut task = acme();
    for flag in [Some(json!(null)), Some(json!(false)), None] {
        match &flag {
            Some(flag) => task["International?"] = flag.clone(),
            None => drop(task.as_object_mut().expect("a task").remove("International?")),
        }
        server.create_task(&task);
        assert_eq!(server.performed("42", "test")["status"], "Success");
        let call = receiver.received().pop().expect("a call");
        assert!(call.head.starts_with("POST /x?flag=false "), "{}", call.head);
        assert_eq!((call.header("x-flag"), &*call.body), (Some("false"), r#"[false, "false"]"#));
        assert_eq!(server.task("42")["Company Name"], "is false");
        let refused = server.perform("42", "sign");
        let errors = refused.json()["errors"].clone();
        assert_eq!((refused.status, errors), (422, json!(["International? must be ticked"])), "{flag:?}");
        server.post("/workflows/api-sample/tasks", &json!({"Company ID": "42", "International?": true}));
        assert_eq!(server.performed("42", "sign")["status"], "Success");
        assert_eq!(server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    }
}
