//! A third party's library in a running server: from the folder of plugins to the task that its answer changes.

use serde_json::{Value, json};

use crate::support::{AS_THE_TASK_SAYS, Receiver, Reply, Tool, action, eventually, install_tool, told};

const SECRET: &str = "s3cr3t-Value_of.it";

/// In a process of its own, and in the server's.
const ISOLATIONS: [(&str, &str); 2] = [("", "process"), ("in_process = [\"tool\"]", "in-process")];

/// An action whose second step shows whether it was come to.
fn then_marked(name: &str, step_type: &str) -> String {
    let first = format!("type = \"{step_type}\"\nname = \"Tool\"\n{AS_THE_TASK_SAYS}");
    action(name, &[&first, "type = \"update_data\"\nfields = { \"Amount\" = \"99\" }"])
}

fn outcomes(execution: &Value) -> Vec<&str> {
    let attempts = execution["attempts"].as_array().expect("a list");
    attempts.iter().map(|attempt| attempt["outcome"].as_str().expect("a text")).collect()
}

#[test]
fn a_library_in_the_folder_is_used_like_the_built_in_step_types() {
    for (plugins, isolation) in ISOLATIONS {
        let tool = Tool::start(plugins, &[told("Test", "tool", "label = \"x\"")]);
        let shown = tool.plugin("tool");
        assert_eq!(shown["state"], "loaded", "{shown}");
        assert_eq!(
            (&shown["isolation"], &shown["origin"], &shown["pin"], &shown["step_types"]),
            (&json!(isolation), &json!("folder"), &json!("unpinned"), &json!(["tool", "quiet"]))
        );
        let types = tool.server.get("/step-types").json();
        let of = |id: &str| {
            types.as_array().expect("a list").iter().find(|it| it["id"] == id).expect("it is there").clone()
        };
        assert_eq!(of("tool")["plugin"], json!({"name": "tool", "version": "1.0.0"}));
        assert_eq!((&of("tool")["effects"], &of("quiet")["effects"]), (&json!("external"), &json!("none")));
        assert_eq!(of("tool")["summary"], "Does what it is told");
        let properties = &of("tool")["schema"]["properties"];
        assert_eq!(properties["token"]["type"], "string", "{properties}");
        assert!(properties["retry"].is_object() && properties["timeout"].is_object(), "{properties}");
        assert!(of("quiet")["schema"]["properties"].get("retry").is_none());

        let say = r#"{"task":{"Note":"from it","Amount":"12.50"},"note":"all good","colour":"red"}"#;
        let ended = tool.perform("test", "answer", say);
        assert_eq!(ended["status"], "Success", "{ended}");
        let task = tool.server.task("1");
        assert_eq!((&task["Note"], &task["Amount"]), (&json!("from it"), &json!("12.50")));
        let attempt = &ended["attempts"][0];
        assert_eq!(attempt["step"]["type"], "tool");
        assert_eq!(attempt["record"]["plugin"], json!({"name": "tool", "version": "1.0.0"}));
        assert_eq!(attempt["record"]["params"], json!({"do": "answer", "say": say}));
        assert_eq!(attempt["record"]["note"], "all good");
        assert_eq!(attempt["warnings"], json!(["the answer's `colour` means nothing here"]));
        assert_eq!(tool.processes().len(), usize::from(isolation == "process"));

        let input = tool.perform("test", "input", "");
        let input = input["attempts"][0]["record"]["note"].as_str().expect("a note");
        let input: Value = serde_json::from_str(input).expect("the document");
        assert_eq!((&input["action"], &input["attempt"]), (&json!("Test"), &json!(1)));
        assert_eq!(input["user"]["email"], "user@example.com");
        assert_eq!((&input["task"]["Stage"], &input["task"]["Amount"]), (&json!("Open"), &json!("7")));
        assert_eq!(input["workflow"]["name"], "API Sample");
    }
}

#[test]
fn what_an_answer_asks_for_is_done() {
    for (plugins, isolation) in ISOLATIONS {
        let tool = Tool::start(plugins, &[then_marked("Test", "tool"), then_marked("Quiet", "quiet")]);
        for name in ["test", "quiet"] {
            let stopped = tool.perform(name, "answer", r#"{"stop":true,"task":{"Note":"stopped"}}"#);
            assert_eq!((&stopped["state"], outcomes(&stopped).len()), (&json!("succeeded"), 1), "{stopped}");

            let parked = tool.perform(name, "answer", r#"{"wait_until":"2999-01-01T00:00:00Z"}"#);
            assert_eq!(parked["state"], "waiting", "{isolation}: {parked}");
            assert!(parked["wakes_at"].as_str().is_some_and(|at| at.starts_with("2999")), "{parked}");
            let past = tool.perform(name, "answer", r#"{"wait_until":"2001-01-01T00:00:00Z"}"#);
            let past = tool.server.ended(past["id"].as_str().expect("an id"));
            assert_eq!(outcomes(&past), ["succeeded", "succeeded"], "{past}");

            let id = tool.task("answer", r#"{"schedule":{"stage":"Done","at":"2999-01-01T00:00:00Z"}}"#);
            assert_eq!(tool.server.performed(&id, name)["state"], "succeeded");
            let shown = tool.server.get(&format!("/workflows/api-sample/tasks/{id}/schedule")).json();
            assert_eq!(shown["Stage"], "Done", "{shown}");
            let id = tool.task("answer", r#"{"schedule":{"stage":"Done","at":"2001-01-01T00:00:00Z"}}"#);
            assert_eq!(tool.server.performed(&id, name)["state"], "succeeded");
            eventually("what is due is done", || tool.server.task(&id)["Stage"] == "Done");

            let id = tool.task("answer", r#"{"expect":"Elsewhere","task":{"Stage":"Done"}}"#);
            let failed = tool.server.performed(&id, name);
            assert_eq!((&failed["code"], outcomes(&failed).len()), (&json!("stage_changed"), 1), "{failed}");
            assert_eq!(tool.server.task(&id)["Stage"], "Open");
            let moved = tool.perform(name, "answer", r#"{"expect":"Open","task":{"Stage":"Elsewhere"}}"#);
            assert_eq!(moved["state"], "succeeded", "{moved}");

            let id = tool.task("answer", r#"{"delete":true,"note":"gone"}"#);
            let deleted = tool.server.performed(&id, name);
            assert_eq!(deleted["attempts"][0]["outcome"], "succeeded", "{deleted}");
            assert_eq!(tool.server.get(&format!("/workflows/api-sample/tasks/{id}")).status, 404);

            for (say, code, part) in [
                (r#"{"task":{"Amount":"many"}}"#, "invalid_fields", "Amount is invalid"),
                (r#"{"expect":"Nowhere"}"#, "invalid_answer", "there is no stage “Nowhere”"),
                (r#"{"wait_until":"soon"}"#, "invalid_answer", "`wait_until` is no instant: soon"),
                ("nonsense", "plugin_answer_unreadable", "cannot be read"),
            ] {
                let failed = tool.perform(name, "answer", say);
                let told = failed["errors"][0].as_str().expect("an error");
                assert_eq!(failed["state"], "failed", "{failed}");
                assert!(failed["code"] == code && told.contains(part), "{say}: {failed}");
            }
        }
    }
}

/// Whatever is kept, shown or logged of an execution.
fn all_that_is_seen(tool: &Tool, execution: &Value) -> String {
    let task = tool.server.get("/workflows/api-sample/tasks").body;
    let history = tool.server.get("/workflows/api-sample/tasks/1/history").body;
    [execution.to_string(), task, history, tool.plugin("tool").to_string(), tool.project.log()].concat()
}

/// "A step sees only the secrets its own config names, at `create`; they are redacted in logs, attempts and traces."
#[test]
fn a_secret_is_for_the_library_alone() {
    for (plugins, isolation) in ISOLATIONS {
        let (project, key) = Tool::project(
            plugins,
            &[told("Test", "tool", "token = \"{{secrets.TOKEN}}\""), told("Bare", "tool", "")],
            "",
        );
        assert!(project.set_secret("TOKEN", SECRET).0);
        install_tool(&project);
        let tool = Tool::of(project, &key);
        let ended = tool.perform("test", "length", "");
        let note = &ended["attempts"][0]["record"]["note"];
        let expected = format!("instance 1, run 1, a token of {}, ending in it", SECRET.len());
        assert_eq!(note, &json!(expected), "{isolation}: {ended}");

        for (how, code) in [
            ("answer", None),
            ("error", Some("step_failed")),
            ("panic", Some("plugin_panicked")),
            ("stage", Some("invalid_answer")),
            ("schedule", Some("invalid_answer")),
            ("wait", Some("invalid_answer")),
            // It would end the server, too.
            ("words", (isolation == "process").then_some("plugin_died")),
        ] {
            if how == "words" && isolation != "process" {
                continue;
            }
            let before = tool.project.log().len();
            let ended = tool.perform("test", "repeat", how);
            assert_eq!(ended.get("code").and_then(Value::as_str), code, "{ended}");
            assert!(ended.to_string().contains("[redacted]"), "{how}: {ended}");
            eventually("it is logged", || tool.project.log()[before..].contains("it is [redacted]"));
            if how == "words" {
                assert!(ended["errors"][0].as_str().is_some_and(|it| it.contains("last words")), "{ended}");
                eventually("it is logged", || tool.project.log().contains("printed: [redacted]"));
            }
            // What a library prints in the server's own process, nobody sees before it is there.
            let seen = all_that_is_seen(&tool, &ended).replace(&format!("printed: {SECRET}"), "");
            assert!(!seen.contains(SECRET), "{isolation}, {how}: {ended}");
            assert!(isolation != "process" || !tool.project.log().contains(SECRET), "{how}");
        }
        let bare = tool.perform("bare", "repeat", "answer");
        assert_eq!(bare["attempts"][0]["record"]["note"], "it is none");
    }
}

#[test]
fn a_secret_that_was_changed_is_the_next_runs() {
    let (project, key) = Tool::project(
        "",
        &[told("Test", "tool", "token = \"{{secrets.TOKEN}}\"")],
        "[secrets]\nfolder = \"secrets\"",
    );
    project.write("secrets/TOKEN", "first-value");
    install_tool(&project);
    let tool = Tool::of(project, &key);
    let said = |tool: &Tool| tool.perform("test", "length", "")["attempts"][0]["record"]["note"].clone();
    assert_eq!(said(&tool), "instance 1, run 1, a token of 11, ending in ue");
    assert_eq!(said(&tool), "instance 1, run 2, a token of 11, ending in ue");
    tool.project.write("secrets/TOKEN", "another value!");
    eventually("it is read", || {
        said(&tool).as_str().is_some_and(|note| note.ends_with("of 14, ending in e!"))
    });
    std::fs::remove_file(tool.project.path("secrets/TOKEN")).expect("removed");
    eventually("nobody has it any more", || {
        let ended = tool.perform("test", "length", "");
        let told = ended["errors"][0].as_str().unwrap_or_default();
        ended["code"] == "secret_missing" && told.contains("onward secret set TOKEN")
    });
    // By the API, it is known at once, and the instance is made once.
    let changed = tool.server.send("PUT", "/secrets/TOKEN", &[], br#"{"value":"the third one"}"#);
    assert_eq!(changed.status, 204, "{}", changed.body);
    assert_eq!(said(&tool), "instance 3, run 1, a token of 13, ending in ne");
    assert_eq!(said(&tool), "instance 3, run 2, a token of 13, ending in ne");
}

#[test]
fn params_are_rendered_as_their_type_says_and_held_to_its_schema() {
    let step = "type = \"tool\"\nname = \"Tool\"\ndo = \"input\"\ntext = \"<{{Say}}>\"\nurl = \"http://x/{{Say}}?a={{Say}}\"\n\
                json = '{\"a\": {{Say}}, \"b\": {{Amount}}}'\nhtml = \"<b>{{Say}}</b>\"\nheader = \"{{Note}}\"\ncode = \"{{Do}}\"\n\
                list = [\"{{Note}}\", \"as it is\"]";
    let tool = Tool::start("", &[action("Test", &[step])]);
    let task = |id: &str, code: &str, note: &str| {
        let say = "a \"b\" <i> & /ü";
        tool.server.create_task(&json!({"Id": id, "Do": code, "Say": say, "Note": note, "Amount": "7"}));
        tool.server.performed(id, "test")
    };
    let ended = task("1", "42", "ok");
    let params = &ended["attempts"][0]["record"]["params"];
    let expected = json!({
        "do": "input",
        "text": "<a \"b\" <i> & /ü>",
        "url": "http://x/a%20%22b%22%20%3Ci%3E%20%26%20%2F%C3%BC?a=a%20%22b%22%20%3Ci%3E%20%26%20%2F%C3%BC",
        "json": r#"{"a": "a \"b\" <i> & /ü", "b": 7}"#,
        "html": "<b>a &quot;b&quot; &lt;i&gt; &amp; /ü</b>",
        "header": "ok",
        "code": "42",
        "list": ["ok", "as it is"],
    });
    assert_eq!(params, &expected, "{ended}");
    // The library was given what is kept.
    let input = ended["attempts"][0]["record"]["note"].as_str().expect("a note");
    let input: Value = serde_json::from_str(input).expect("the document");
    assert_eq!(input["params"], expected);
    for (id, code, note, part) in [
        ("2", "4x2", "ok", "`code`"),
        ("3", "42", "much too long", "`list/0`"),
        ("4", "42", "a\r\nX-Evil: 1", "line break"),
    ] {
        let failed = task(id, code, note);
        assert_eq!(
            (&failed["state"], &failed["code"]),
            (&json!("failed"), &json!("invalid_params")),
            "{failed}"
        );
        let told = failed["errors"][0].as_str().expect("an error");
        assert!(told.contains(part), "{told}");
    }
}

/// A workflow file with an action `test` that has the task's word.
fn calling(lines: &str) -> Vec<String> {
    vec![told("Test", "tool", lines), told("Short", "tool", "timeout = \"1s\"")]
}

fn get(receiver: &Receiver, path: &str) -> String {
    json!({"method": "GET", "url": format!("{}{path}", receiver.url()), "timeout_ms": 20_000}).to_string()
}

/// "`http/1`: egress through the host's policy."
#[test]
fn what_a_library_sends_goes_the_way_of_the_server() {
    let receiver = Receiver::start(Reply::new(200, &format!("you said {SECRET}")));
    for (plugins, isolation) in ISOLATIONS {
        let (project, key) = Tool::project(plugins, &calling("token = \"{{secrets.TOKEN}}\""), "");
        assert!(project.set_secret("TOKEN", SECRET).0);
        install_tool(&project);
        let tool = Tool::of(project, &key);
        let before = receiver.received().len();
        let ended = tool.perform("test", "authorized", &format!("{}/hook", receiver.url()));
        assert_eq!(ended["state"], "succeeded", "{isolation}: {ended}");
        let call = receiver.received().remove(before);
        assert!(call.head.starts_with("POST /hook "), "{}", call.head);
        assert_eq!(call.header("authorization"), Some(&*format!("Bearer {SECRET}")));
        assert_eq!((call.header("onward-depth"), &*call.body), (Some("1"), &*format!("say {SECRET}")));
        let exchanges = ended["attempts"][0]["record"]["exchanges"].as_array().expect("a list");
        assert_eq!(exchanges.len(), 1);
        let (request, response) = (&exchanges[0]["request"], &exchanges[0]["response"]);
        assert_eq!((&request["method"], &request["body"]), (&json!("POST"), &json!("say [redacted]")));
        assert_eq!((&response["status"], &response["body"]), (&json!(200), &json!("you said [redacted]")));
        for header in ["Authorization", "X-Other"] {
            let headers = request["headers"].as_array().expect("a list");
            let shown = headers.iter().find(|it| it[0] == header).expect("it is shown");
            assert_eq!(shown[1], "[redacted]", "{request}");
        }
        assert!(!all_that_is_seen(&tool, &ended).contains(SECRET));

        // Several at once, of which none waits for another's answer.
        receiver.answer_with(Reply::Held);
        let many = tool.begin("test", "many", &get(&receiver, "/many"));
        receiver.has_received(before + 9);
        receiver.answer_with(Reply::new(200, &format!("you said {SECRET}")));
        let many = tool.server.ended(&many);
        assert_eq!(many["attempts"][0]["record"]["note"], "8 answers", "{many}");
        assert_eq!(many["attempts"][0]["record"]["exchanges"].as_array().expect("a list").len(), 8);

        // One that is slower than the step may be: nobody knows what came of it.
        receiver.answer_with(Reply::Held);
        let slow = tool.perform("short", "http", &get(&receiver, "/slow"));
        let note = slow["attempts"][0]["record"]["note"].as_str().unwrap_or_default().to_owned();
        let is_told = slow["state"] == "unknown" && slow["code"] == "plugin_timed_out"
            || slow["state"] == "succeeded" && note.contains("\"timeout\"");
        assert!(is_told, "{slow}");

        // One that the call does not wait for: it is answered, and nobody is held up.
        let left = tool.perform("test", "leave", &get(&receiver, "/left"));
        assert_eq!(
            (&left["state"], &left["attempts"][0]["record"]["note"]),
            (&json!("succeeded"), &json!("left"))
        );
        eventually("it is told", || tool.project.log().contains("late answer: 1 "));
        assert!(tool.project.log().contains("cancelled"), "{}", tool.project.log());
        receiver.answer_with(Reply::new(200, &format!("you said {SECRET}")));
        assert_eq!(tool.perform("test", "http", &get(&receiver, "/after"))["state"], "succeeded");
    }
}

#[test]
fn what_is_not_allowed_is_not_sent_for_a_library_either() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Tool::project("", &calling(""), "");
    let allowed = std::fs::read_to_string(project.path("onward.toml")).expect("the file");
    let (_, rest) = allowed.split_once('\n').expect("lines");
    project.write("onward.toml", rest);
    install_tool(&project);
    let tool = Tool::of(project, &key);
    for (request, code) in [
        (get(&receiver, "/x"), "egress_blocked"),
        (r#"{"method":"GET","url":"http://169.254.169.254/"}"#.to_owned(), "egress_blocked"),
        (r#"{"method":"GET","url":"file:///etc/passwd"}"#.to_owned(), "invalid_url"),
        (r#"{"method":"GET","url":"http://x/","headers":[["Host","y"]]}"#.to_owned(), "invalid_request"),
        (
            r#"{"method":"GET","url":"http://x/","headers":[["Webhook-Id","y"]]}"#.to_owned(),
            "invalid_request",
        ),
    ] {
        let ended = tool.perform("test", "http", &request);
        let note = ended["attempts"][0]["record"]["note"].as_str().expect("a note");
        let answer: Value = serde_json::from_str(note).expect("an error");
        assert_eq!((&answer["code"], &answer["sent"]), (&json!(code), &json!(false)), "{request}: {answer}");
    }
    assert!(receiver.received().is_empty());
}
