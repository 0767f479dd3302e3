//! The action contract, row by row: what the receiver is sent, and what its answer does.

use serde_json::{Value, json};

use crate::support::{Project, Receiver, Reply, Server, acme, api_sample};

/// The page's workflow with a field of each further type and an action that calls, then notes.
fn workflow(receiver: &str, step: &str) -> String {
    let field = |name: &str, rest: &str| format!("\n[[fields]]\nname = \"{name}\"\n{rest}\n");
    let options = "options = [\"Red\", \"Green\", \"Blue\"]";
    let mut text = api_sample(receiver);
    for (name, rest) in [
        ("Notes", "type = \"longText\"".to_owned()),
        ("Phone", "type = \"phone\"".to_owned()),
        ("Met On", "type = \"datetime\"".to_owned()),
        ("Owner", "type = \"person\"".to_owned()),
        ("Colour", format!("type = \"singleSelect\"\n{options}")),
        ("Tags", format!("type = \"multipleSelect\"\n{options}")),
        ("Contact", "type = \"email\"".to_owned()),
        ("Site", "type = \"url\"".to_owned()),
        ("Locked", "type = \"text\"\neditable = false".to_owned()),
        ("Needed", "type = \"text\"\nrequired = true".to_owned()),
    ] {
        text += &field(name, &rest);
    }
    text + &format!(
        "\n[[actions]]\nname = \"Call\"\nfrom = [\"Not Started\", \"In Progress\"]\n\
         [[actions.steps]]\ntype = \"api_call\"\nname = \"Tell\"\nurl = \"{receiver}/call\"\n{step}\n\
         [[actions.steps]]\ntype = \"update_data\"\nfields = {{ \"Locked\" = \"went on\" }}\n"
    )
}

struct Bench {
    receiver: Receiver,
    _project: Project,
    server: Server,
}

fn bench(step: &str) -> Bench {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&workflow(&receiver.url(), step));
    let server = project.serve(&key);
    let mut task = acme();
    task["Needed"] = json!("here");
    server.create_task(&task);
    Bench { receiver, _project: project, server }
}

impl Bench {
    /// The task as the receiver sees it.
    fn sent(&self) -> Value {
        self.receiver.answer_with(Reply::new(200, ""));
        self.server.performed("42", "call");
        let received = self.receiver.received();
        serde_json::from_str(&received.last().expect("a call").body).expect("JSON")
    }

    /// What an answer does: the execution's detail, and the task afterwards.
    fn answered(&self, status: u16, body: &str) -> (Value, Value) {
        self.receiver.answer_with(Reply::new(status, body));
        (self.server.performed("42", "call"), self.server.task("42"))
    }

    fn set(&self, values: Value) {
        let mut body = values;
        body["Company ID"] = json!("42");
        let answer = self.server.post("/workflows/api-sample/tasks", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// "Which task state is sent: the task as it is when that step runs."
#[test]
fn the_task_is_sent_as_the_steps_before_left_it() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let text = api_sample(&receiver.url())
        + &format!(
            "\n[[actions]]\nname = \"Twice\"\nfrom = [\"In Progress\"]\n\
             [[actions.steps]]\ntype = \"update_data\"\nfields = {{ \"Company Name\" = \"New\" }}\n\
             [[actions.steps]]\ntype = \"move_to_stage\"\nstage = \"Completed\"\n\
             [[actions.steps]]\ntype = \"api_call\"\nurl = \"{}/x\"\n",
            receiver.url()
        );
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    assert_eq!(server.performed("42", "twice")["status"], "Success");
    let sent: Value = serde_json::from_str(&receiver.received()[0].body).expect("JSON");
    assert_eq!((&sent["task"]["Stage"], &sent["task"]["Company Name"]), (&json!("Completed"), &json!("New")));
}

/// "User, when an API key performs the action without `performed_by`: the same four keys;
/// `first_name` is the key's name, `email` is null."
#[test]
fn a_key_that_performs_an_action_is_its_user() {
    let bench = bench("");
    let body = json!({"task_id": "42", "action_id": "call"});
    let headers = [("Prefer", "wait=20")];
    let path = "/workflows/api-sample/executions";
    bench.server.send("POST", path, &headers, body.to_string().as_bytes());
    let sent: Value = serde_json::from_str(&bench.receiver.has_received(1)[0].body).expect("JSON");
    let user = sent["user"].as_object().expect("an object");
    assert_eq!(user.keys().collect::<Vec<_>>(), ["id", "email", "first_name", "last_name"]);
    assert_eq!(
        (&user["email"], &user["first_name"], &user["last_name"]),
        (&json!(null), &json!("Test"), &json!(null))
    );
}

/// "Number, currency: strings, exact decimal as stored, no padding, no exponent"; "date / datetime:
/// `YYYY-MM-DD` / RFC 3339 UTC"; "empty: null; unset checkbox false; multiple select `[]`."
#[test]
fn each_type_is_sent_in_its_form() {
    let bench = bench("");
    let empty = bench.sent()["task"].clone();
    for (name, expected) in [
        ("Notes", json!(null)),
        ("Phone", json!(null)),
        ("Met On", json!(null)),
        ("Owner", json!(null)),
        ("Colour", json!(null)),
        ("Tags", json!([])),
        ("Contact", json!(null)),
        ("Site", json!(null)),
        ("International?", json!(false)),
    ] {
        assert_eq!(empty[name], expected, "{name}");
    }
    // As text: a float in this test would have lost the zeros before they were sent.
    let body = br#"{"Company ID":42,"Contract Value":10000.00,"Number of Employees":"1e3","Met On":"2020-01-31T10:30:00+01:00",
        "Owner":"USER@example.com","Colour":"Red","Tags":["Blue","Red"],"Phone":"+1 555 0100","International?":true}"#;
    let answer = bench.server.send("POST", "/workflows/api-sample/tasks", &[], body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sent = bench.sent()["task"].clone();
    for (name, expected) in [
        ("Contract Value", json!("10000.00")),
        ("Number of Employees", json!("1000")),
        ("Expected Close Date", json!("2020-01-31")),
        ("Met On", json!("2020-01-31T09:30:00Z")),
        ("Owner", json!("user@example.com")),
        ("Colour", json!("Red")),
        ("Tags", json!(["Blue", "Red"])),
        ("International?", json!(true)),
    ] {
        assert_eq!(sent[name], expected, "{name}");
    }
}

/// "Numbers accept number or numeric string; checkbox only a JSON boolean; date only `YYYY-MM-DD`",
/// and each other type only what it can keep; in an answer as in the Tasks API.
#[test]
fn each_type_takes_its_values_and_refuses_others_in_an_answer_as_in_the_api() {
    let bench = bench("");
    for (field, good, kept) in [
        ("Contract Value", "12.50", json!("12.50")),
        ("Contract Value", "\"7\"", json!("7")),
        ("International?", "true", json!(true)),
        ("Expected Close Date", "\"2020-02-29\"", json!("2020-02-29")),
        ("Tags", "[\"Green\"]", json!(["Green"])),
        ("Owner", "\"user@example.com\"", json!("user@example.com")),
        ("Contact", "\"a@b.example\"", json!("a@b.example")),
        ("Notes", "\"two\\nlines\"", json!("two\nlines")),
    ] {
        let (execution, task) = bench.answered(200, &format!("{{\"task\":{{\"{field}\":{good}}}}}"));
        assert_eq!((&execution["status"], &task[field]), (&json!("Success"), &kept), "{field} {good}");
    }
    for (field, bad) in [
        ("Contract Value", "true"),
        ("Contract Value", "\"a lot\""),
        ("International?", "\"true\""),
        ("International?", "1"),
        ("Expected Close Date", "\"2020-2-9\""),
        ("Expected Close Date", "20200209"),
        ("Expected Close Date", "\"2021-02-29\""),
        ("Met On", "\"2020-01-31\""),
        ("Owner", "\"nobody@example.com\""),
        ("Colour", "\"Mauve\""),
        ("Colour", "[\"Red\"]"),
        ("Tags", "\"Red\""),
        ("Tags", "[\"Red\",\"Red\"]"),
        ("Contact", "\"nobody\""),
        ("Site", "\"ftp://x.example\""),
        ("Phone", "\"call me\""),
        ("Notes", "5"),
        ("Company Name", "\"a\\u0000b\""),
    ] {
        let before = bench.server.task("42");
        let (execution, task) = bench.answered(200, &format!("{{\"task\":{{\"{field}\":{bad}}}}}"));
        assert_eq!((&execution["code"], &task), (&json!("invalid_fields"), &before), "{field} {bad}");
        let by_field = &execution["attempts"][0]["field_errors"];
        assert!(by_field[field][0].is_string(), "{field} {bad}: {by_field}");
        let body = format!("{{\"Company ID\":\"42\",\"{field}\":{bad}}}");
        let refused = bench.server.send("POST", "/workflows/api-sample/tasks", &[], body.as_bytes());
        assert_eq!(refused.status, 422, "{field} {bad}");
        assert_eq!(refused.json()["errors"][field], by_field[field], "one rule, two answers");
    }
}

/// "2xx with empty body, 204, no `task`, `"task": null`: success, task unchanged"; "2xx with a body
/// that is not a JSON object: success, task unchanged, a warning on the attempt."
#[test]
fn an_answer_without_a_patch_leaves_the_task_alone() {
    let bench = bench("");
    bench.set(json!({"Locked": "went on"}));
    let before = bench.server.task("42");
    for (status, body, warned) in [
        (200, "", false),
        (204, "", false),
        (200, "{}", false),
        (200, "{\"ok\":true}", false),
        (200, "{\"task\":null}", false),
        (202, " \r\n ", false),
        (200, "OK", true),
        (200, "[1,2]", true),
        (200, "\"task\"", true),
        (200, "{\"task\":", true),
        (200, "<html></html>", true),
    ] {
        let (execution, task) = bench.answered(status, body);
        assert_eq!((&execution["status"], &task), (&json!("Success"), &before), "{status} {body}");
        let warnings = execution["attempts"][0]["warnings"].as_array().expect("a list");
        assert_eq!(!warnings.is_empty(), warned, "{status} {body}: {warnings:?}");
    }
}

/// "`strict_response = true` makes it a failure"; "`task` present but not an object: failure."
#[test]
fn an_answer_that_breaks_the_contract_fails_the_step() {
    let strict = bench("strict_response = true");
    for body in ["OK", "[1]", "{\"task\":"] {
        let (execution, task) = strict.answered(200, body);
        assert_eq!((&execution["code"], &task["Locked"]), (&json!("invalid_answer"), &json!(null)), "{body}");
    }
    let lax = bench("");
    for body in ["{\"task\":[]}", "{\"task\":\"x\"}", "{\"task\":5}", "{\"task\":false}"] {
        let (execution, task) = lax.answered(200, body);
        assert_eq!((&execution["code"], &task["Locked"]), (&json!("invalid_answer"), &json!(null)), "{body}");
    }
}

/// "Unknown field in the patch: ignored, a visible warning; `strict_fields = true` makes it a failure."
#[test]
fn an_unknown_field_is_ignored_and_told_or_fails_a_strict_step() {
    let body = "{\"task\":{\"Color\":\"red\",\"Company Name\":\"New\"}}";
    let (execution, task) = bench("").answered(200, body);
    assert_eq!((&execution["status"], &task["Company Name"]), (&json!("Success"), &json!("New")));
    let warning = execution["attempts"][0]["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("“Color”"), "{warning}");
    let (execution, task) = bench("strict_fields = true").answered(200, body);
    assert_eq!((&execution["code"], &task["Company Name"]), (&json!("invalid_fields"), &json!("Acme Corp")));
}

/// "Invalid value for a known field, or one that breaks uniqueness: failure; nothing of the patch is
/// applied; errors per field as in the Tasks API's 422."
#[test]
fn one_bad_field_and_nothing_of_the_patch_is_applied() {
    let bench = bench("");
    bench.server.create_task(&json!({"Company ID": "43", "Needed": "x"}));
    let before = bench.server.task("42");
    let body = json!({"task": {
        "Stage": "Completed", "Company Name": "New", "Contract Value": "much", "Company ID": "43",
        "Assigned To": "nobody@example.com", "Needed": null,
    }});
    let (execution, task) = bench.answered(200, &body.to_string());
    assert_eq!((&execution["code"], &task), (&json!("invalid_fields"), &before));
    let by_field = execution["attempts"][0]["field_errors"].as_object().expect("by field");
    let fields: Vec<_> = by_field.keys().map(String::as_str).collect();
    assert_eq!(fields, ["Contract Value", "Assigned To", "Needed", "Company ID"]);
    assert_eq!(by_field["Company ID"], json!(["has already been taken"]));
    let told = execution["errors"][0].as_str().expect("an error");
    for field in ["Contract Value", "Company ID", "Assigned To", "Needed is required"] {
        assert!(told.contains(field), "{told}");
    }
}

/// "Omitted / null in the patch: unchanged / cleared"; "lists in the patch: replaced whole."
#[test]
fn null_clears_absence_leaves_and_lists_are_replaced() {
    let bench = bench("");
    bench.set(json!({"Tags": ["Red", "Green"], "Notes": "keep"}));
    let (execution, task) =
        bench.answered(200, r#"{"task":{"Company Name":null,"Tags":["Blue"],"International?":null}}"#);
    assert_eq!(execution["status"], "Success");
    assert_eq!((&task["Company Name"], &task["Notes"]), (&json!(null), &json!("keep")));
    assert_eq!((&task["Tags"], &task["International?"]), (&json!(["Blue"]), &json!(false)));
}

/// "Non-editable field in the patch: allowed; computed fields are ignored with a warning."
#[test]
fn a_non_editable_field_is_set_and_a_computed_one_is_not() {
    let bench = bench("");
    let (execution, task) =
        bench.answered(200, r#"{"task":{"Locked":"set","Created On":"1999-01-01","Task URL":"http://x"}}"#);
    assert_eq!(execution["status"], "Success");
    assert_ne!(task["Task URL"], "http://x");
    let history = bench.server.get("/workflows/api-sample/tasks/42/history").json();
    let set =
        history.as_array().expect("a list").iter().any(|entry| entry["changes"]["Locked"]["after"] == "set");
    assert!(set, "{history}");
    let warnings = execution["attempts"][0]["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

/// "`Stage`, `Assigned To` in the patch: allowed; must name a stage / a user; runs no action."
#[test]
fn an_answer_may_move_and_assign_the_task() {
    let bench = bench("");
    let (execution, task) = bench.answered(200, r#"{"task":{"Stage":"Completed","Assigned To":null}}"#);
    assert_eq!(execution["status"], "Success");
    assert_eq!((&task["Stage"], &task["Assigned To"]), (&json!("Completed"), &json!(null)));
    assert_eq!(bench.receiver.received().len(), 1, "moving ran an action");
    bench.set(json!({"Stage": "In Progress"}));
    for body in
        [r#"{"task":{"Stage":"Nowhere"}}"#, r#"{"task":{"Stage":null}}"#, r#"{"task":{"Assigned To":"x"}}"#]
    {
        let (execution, task) = bench.answered(200, body);
        assert_eq!(
            (&execution["code"], &task["Stage"]),
            (&json!("invalid_fields"), &json!("In Progress")),
            "{body}"
        );
    }
}

/// "3xx: failure that shows `Location`; redirects are never followed unless the step says so."
#[test]
fn a_redirect_is_a_failure_that_says_where_to() {
    let bench = bench("");
    let trap = Receiver::start(Reply::new(200, ""));
    for status in [301, 302, 303, 307, 308] {
        let to = format!("Location: {}/elsewhere\r\n", trap.url());
        bench.receiver.answer_with(Reply::new(status, "").with_headers(&to));
        let execution = bench.server.performed("42", "call");
        let told = execution["errors"][0].as_str().expect("an error");
        assert!(told.contains("/elsewhere") && told.contains(&status.to_string()), "{told}");
    }
    assert!(trap.received().is_empty(), "a redirect was followed");
}

/// "4xx, 5xx, TLS error, DNS error, refused: failure, the action aborts on this step, later steps do
/// not run"; the person is told the step, the host, the status and the receiver's own words.
#[test]
fn a_failure_aborts_and_tells_what_happened() {
    let bench = bench("");
    let (execution, task) = bench.answered(422, r#"{"errors":["no such company","and no budget"]}"#);
    let told = execution["errors"][0].as_str().expect("an error");
    for part in ["Step 1 “Tell”", "127.0.0.1:", "422", "no such company; and no budget"] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!((&execution["code"], &task["Locked"]), (&json!("http_status"), &json!(null)));
    for (url, code) in
        [("http://127.0.0.1:9", "connect_failed"), ("http://no-such-host.invalid", "resolve_failed")]
    {
        let (project, key) = Project::new(&workflow(url, ""));
        let server = project.serve(&key);
        server.create_task(&json!({"Company ID": "42", "Needed": "x", "Stage": "In Progress"}));
        let execution = server.performed("42", "call");
        assert_eq!((&execution["state"], &execution["code"]), (&json!("failed"), &json!(code)));
        assert_eq!(server.task("42")["Locked"], json!(null), "a later step ran");
    }
}

/// "Timeout after the request was sent, connection reset before the answer …: outcome unknown: the
/// execution fails, says “sent, no answer”, offers Retry; never silently re-sent."
#[test]
fn what_was_sent_and_not_answered_is_unknown() {
    let bench = bench("timeout = \"300ms\"");
    for (number, reply) in [Reply::Silence, Reply::Hangup].into_iter().enumerate() {
        bench.receiver.answer_with(reply);
        let execution = bench.server.performed("42", "call");
        assert_eq!((&execution["status"], &execution["state"]), (&json!("Fail"), &json!("unknown")));
        assert!(
            execution["errors"][0].as_str().expect("an error").contains("sent, no answer"),
            "{execution}"
        );
        assert_eq!(bench.receiver.received().len(), number + 1, "it was sent again");
    }
    bench.receiver.answer_with(Reply::new(200, ""));
    let execution = bench.server.performed("42", "call");
    assert_eq!(execution["status"], "Success", "the task was held up: {execution}");
}

/// "A person edits the task during a call: allowed; a patch touches only the fields it names."
#[test]
fn an_edit_during_a_call_stays() {
    let bench = bench("");
    bench.receiver.answer_with(Reply::Held);
    let id = bench.server.begin("42", "call");
    bench.receiver.has_received(1);
    bench.set(json!({"Company Name": "Edited", "Contract Value": "5"}));
    bench.receiver.answer_with(Reply::new(200, r#"{"task":{"Contract Value":"6"}}"#));
    assert_eq!(bench.server.ended(&id)["status"], "Success");
    let task = bench.server.task("42");
    assert_eq!((&task["Company Name"], &task["Contract Value"]), (&json!("Edited"), &json!("6")));
}
