//! The step types of the plugins that ship with the server, each in a running one: in its process, and in processes of their own.

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{Project, Received, Receiver, Reply, Server, acme, api_sample, eventually},
};

const IN_CHILDREN: &str = "[plugins]\nin_child = [\"onward-plugin-task\", \"onward-plugin-flow\", \"onward-plugin-slack\", \
                           \"onward-plugin-zapier\", \"onward-plugin-email\"]\n";

struct Bench {
    receiver: Receiver,
    project: Project,
    server: Server,
}

impl Bench {
    /// With actions of these steps, by their names.
    fn start(actions: &[(&str, &[&str])], plugins: &str) -> Self {
        let receiver = Receiver::start(Reply::new(200, "ok"));
        let actions = actions.iter().map(|(name, steps)| with_action(&receiver.url(), name, "", steps));
        let text = api_sample(&receiver.url()) + &actions.collect::<String>();
        let (project, key) = Project::new(&text);
        let config = std::fs::read_to_string(project.path("onward.toml")).expect("the file");
        project.write("onward.toml", &(config + plugins));
        for (name, path) in [("SLACK", "/services/T0/B0/s3cr3t-hook"), ("ZAP", "/hooks/catch/s3cr3t-zap")] {
            assert!(project.set_secret(name, &format!("{}{path}", receiver.url())).0);
        }
        assert!(project.set_secret("SLACK_TOKEN", "xoxb-s3cr3t-token").0);
        let server = project.serve(&key);
        Self { receiver, project, server }
    }

    /// The page's task anew, with these fields; the action performed on it.
    fn perform(&self, action: &str, task: Value) -> Value {
        self.create(task);
        self.server.performed("42", action)
    }

    fn create(&self, task: Value) {
        self.server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"");
        let mut whole = acme();
        whole.as_object_mut().expect("an object").extend(task.as_object().expect("an object").clone());
        self.server.create_task(&whole);
    }

    fn set(&self, values: &Value) {
        let mut body = values.clone();
        body["Company ID"] = json!("42");
        let answer = self.server.post("/workflows/api-sample/tasks", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn end(execution: &Value) -> (&str, &str) {
    (execution["state"].as_str().unwrap_or_default(), execution["code"].as_str().unwrap_or_default())
}

fn note(execution: &Value) -> &str {
    let attempts = execution["attempts"].as_array().expect("a list");
    attempts.last().and_then(|attempt| attempt["record"]["note"].as_str()).unwrap_or_default()
}

fn told(execution: &Value) -> &str {
    execution["errors"][0].as_str().unwrap_or_default()
}

#[test]
fn what_changes_the_task() {
    let call = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/call\"";
    let move_on = "type = \"move_to_stage\"\nstage = \"Completed\"";
    let actions: &[(&str, &[&str])] = &[
        ("Move", &[call, move_on]),
        ("Mine", &["type = \"assign_to\"\nuser = \"{{user.email}}\""]),
        ("Nobodys", &["type = \"assign_to\"\nuser = \"\""]),
        ("Named", &["type = \"assign_to\"\nuser = \"{{Company Name}}\""]),
        (
            "Update",
            &[
                "type = \"update_data\"\nfields = { \"Company Name\" = \"{{Number of Employees}} people\", \"Contract Value\" = \
                      \"{{Number of Employees}}\", \"International?\" = true }",
            ],
        ),
        (
            "Spoil",
            &[
                "type = \"update_data\"\nfields = { \"Company Name\" = \"new\", \"Expected Close Date\" = \"{{Company Name}}\" }",
            ],
        ),
        ("Delete", &["type = \"delete_task\"", call]),
        ("Later", &["type = \"schedule_stage_change\"\nstage = \"Completed\"\nin = \"300ms\""]),
    ];
    for plugins in ["", IN_CHILDREN] {
        let bench = Bench::start(actions, plugins);
        let moved = bench.perform("move", json!({}));
        assert_eq!(
            (end(&moved), &bench.server.task("42")["Stage"]),
            (("succeeded", ""), &json!("Completed"))
        );
        // Somebody else moves it during the call.
        let before = bench.receiver.received().len();
        bench.receiver.answer_with(Reply::Held);
        bench.create(json!({}));
        let id = bench.server.begin("42", "move");
        bench.receiver.has_received(before + 1);
        bench.set(&json!({"Stage": "Not Started"}));
        bench.receiver.answer_with(Reply::new(200, ""));
        let changed = bench.server.ended(&id);
        assert_eq!(end(&changed), ("failed", "stage_changed"), "{changed}");
        assert_eq!(bench.server.task("42")["Stage"], "Not Started", "{changed}");

        let mine = bench.perform("mine", json!({"Assigned To": null}));
        assert_eq!(note(&mine), "assigned to user@example.com", "{mine}");
        assert_eq!(bench.server.task("42")["Assigned To"], "user@example.com");
        bench.perform("nobodys", json!({}));
        assert_eq!(bench.server.task("42")["Assigned To"], Value::Null);
        assert_eq!(end(&bench.perform("named", json!({}))), ("failed", "invalid_user"));
        let stranger = bench.perform("named", json!({"Company Name": "nobody@example.com"}));
        assert_eq!(end(&stranger), ("failed", "invalid_fields"), "{stranger}");

        assert_eq!(end(&bench.perform("update", json!({}))), ("succeeded", ""));
        let task = bench.server.task("42");
        assert_eq!(
            (&task["Company Name"], &task["Contract Value"], &task["International?"]),
            (&json!("20 people"), &json!("20"), &json!(true))
        );
        assert_eq!(end(&bench.perform("spoil", json!({}))), ("failed", "invalid_fields"));
        assert_eq!(bench.server.task("42")["Company Name"], "Acme Corp", "nothing of it was to be set");

        let before = bench.receiver.received().len();
        assert_eq!(end(&bench.perform("delete", json!({}))), ("succeeded", ""));
        assert_eq!(bench.server.get("/workflows/api-sample/tasks/42").status, 404);
        assert!(bench.receiver.received()[before].body.contains("Acme Corp"), "the last state is sent");

        assert_eq!(end(&bench.perform("later", json!({}))), ("succeeded", ""));
        eventually("the task moves", || bench.server.task("42")["Stage"] == "Completed");
    }
}

#[test]
fn what_waits_and_what_decides() {
    let call = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/call\"";
    let large = "all = [{ field = \"Contract Value\", at_least = \"1000\" }]";
    let (stops, fails) = (
        format!("type = \"condition\"\n{large}"),
        format!(
            "type = \"condition\"\n{large}\notherwise = \"fail\"\nmessage = \"{{{{Company Name}}}} pays too little.\""
        ),
    );
    let actions: &[(&str, &[&str])] = &[
        ("Wait", &["type = \"delay\"\nfor = \"200ms\"", call]),
        ("Stop", &[&stops, call]),
        ("Fail", &[&fails, call]),
    ];
    for plugins in ["", IN_CHILDREN] {
        let bench = Bench::start(actions, plugins);
        let waiting = bench.perform("wait", json!({}));
        let id = waiting["id"].as_str().expect("an id");
        assert_eq!(bench.server.ended(id)["state"], "succeeded");
        assert_eq!(bench.receiver.received().len(), 1);

        for (action, value, expected, calls) in [
            ("stop", "10000", ("succeeded", ""), 2),
            ("stop", "999.99", ("succeeded", ""), 2),
            ("fail", "1000.00", ("succeeded", ""), 3),
            ("fail", "999.99", ("failed", "condition_not_met"), 3),
        ] {
            let ended = bench.perform(action, json!({"Contract Value": value}));
            assert_eq!(end(&ended), expected, "{action}, {value}: {ended}");
            assert_eq!(bench.receiver.received().len(), calls, "{action}, {value}");
            assert!(
                expected.0 == "succeeded" || told(&ended).contains("Acme Corp pays too little."),
                "{ended}"
            );
        }
    }
}

const FOREIGN: &str = "<!channel> \"A\" & B";

impl Bench {
    /// The last call that came: its first line, all of it, and its body.
    fn sent(&self) -> (String, Received, Value) {
        let call = self.receiver.received().pop().expect("a call");
        let body = serde_json::from_str(&call.body).expect("JSON");
        (call.head.lines().next().unwrap_or_default().to_owned(), call, body)
    }

    /// No secret is in what is kept of the executions, nor in the log.
    fn hides_secrets(&self) {
        let list = self.server.get("/workflows/api-sample/executions").json();
        let ids = list.as_array().expect("a list").iter().filter_map(|it| it["id"].as_str());
        let details: String = ids.map(|id| self.server.execution(id).to_string()).collect();
        assert!(details.contains("[redacted]"), "{details}");
        assert!(!(details + &self.project.log()).contains("s3cr3t"));
    }
}

#[test]
fn messages_are_posted_to_slack() {
    let actions: &[(&str, &[&str])] = &[
        (
            "Hook",
            &[
                "type = \"slack_post\"\nwebhook_url = \"{{secrets.SLACK}}\"\ntext = \"*{{Company Name}}* has signed <!here>\"",
            ],
        ),
        (
            "Channel",
            &[
                "type = \"slack_post\"\ntoken = \"{{secrets.SLACK_TOKEN}}\"\napi_url = \"RECEIVER/api\"\nchannel = \"#sales\"\n\
                       text = \"{{Company Name}}\"",
            ],
        ),
    ];
    for plugins in ["", IN_CHILDREN] {
        let bench = Bench::start(actions, plugins);
        let task = json!({"Company Name": FOREIGN});
        let ended = bench.perform("hook", task.clone());
        assert_eq!(
            (end(&ended), note(&ended)),
            (("succeeded", ""), "posted to the webhook's channel"),
            "{ended}"
        );
        let (line, call, body) = bench.sent();
        assert_eq!(line, "POST /services/T0/B0/s3cr3t-hook HTTP/1.1");
        assert_eq!(body, json!({"text": "*&lt;!channel&gt; \"A\" &amp; B* has signed <!here>"}));
        assert_eq!(call.header("onward-depth"), Some("1"));

        bench.receiver.answer_with(Reply::new(200, r#"{"ok":true,"channel":"C1","ts":"1.2"}"#));
        let ended = bench.perform("channel", task.clone());
        assert_eq!((end(&ended), note(&ended)), (("succeeded", ""), "posted to C1 as 1.2"), "{ended}");
        let (line, call, body) = bench.sent();
        assert_eq!(line, "POST /api/chat.postMessage HTTP/1.1");
        assert_eq!(call.header("authorization"), Some("Bearer xoxb-s3cr3t-token"));
        assert_eq!(body["channel"], "#sales");
        bench.receiver.answer_with(Reply::new(200, r#"{"ok":false,"error":"not_in_channel"}"#));
        let refused = bench.perform("channel", task);
        assert_eq!(end(&refused).0, "failed", "{refused}");
        assert!(told(&refused).contains("invite it there"), "{refused}");
        bench.hides_secrets();
    }
}

#[test]
fn zaps_are_started() {
    let actions: &[(&str, &[&str])] = &[
        ("Zap", &["type = \"zap\"\nhook_url = \"{{secrets.ZAP}}\""]),
        (
            "Chosen",
            &[
                "type = \"zap\"\nhook_url = \"{{secrets.ZAP}}\"\nfields = { company = \"{{Company Name}}\", source = \"Onward\" }",
            ],
        ),
    ];
    for plugins in ["", IN_CHILDREN] {
        let bench = Bench::start(actions, plugins);
        let task = json!({"Company Name": FOREIGN});
        bench.receiver.answer_with(Reply::new(200, r#"{"status":"success","id":"z1"}"#));
        let ended = bench.perform("zap", task.clone());
        assert_eq!((end(&ended), note(&ended)), (("succeeded", ""), "taken by Zapier as z1"), "{ended}");
        let (line, _, body) = bench.sent();
        assert_eq!(line, "POST /hooks/catch/s3cr3t-zap HTTP/1.1");
        assert_eq!((&body["action"], &body["task"]["Company Name"]), (&json!("Zap"), &json!(FOREIGN)));
        bench.perform("chosen", task.clone());
        assert_eq!(bench.sent().2, json!({"company": FOREIGN, "source": "Onward"}));
        // Nobody knows whether it arrived.
        bench.receiver.answer_with(Reply::Hangup);
        assert_eq!(end(&bench.perform("zap", task.clone())).0, "unknown");
        bench.receiver.answer_with(Reply::new(410, ""));
        assert_eq!(end(&bench.perform("chosen", task)), ("failed", "zapier_no_hook"));
        bench.hides_secrets();
    }
}

#[test]
fn each_of_them_is_there_and_says_what_it_is() {
    let bench = Bench::start(&[], IN_CHILDREN);
    let types = bench.server.get("/step-types").json();
    let ids: Vec<_> = types.as_array().expect("a list").iter().filter_map(|it| it["id"].as_str()).collect();
    let expected = [
        "api_call",
        "assign_to",
        "condition",
        "delay",
        "delete_task",
        "email_notification",
        "move_to_stage",
        "schedule_stage_change",
        "slack_post",
        "update_data",
        "zap",
    ];
    assert_eq!(ids, expected);
    for shown in types.as_array().expect("a list").iter().filter(|it| it["plugin"].is_object()) {
        assert!(shown["icon"].as_str().is_some_and(|it| it.contains("<svg")), "{shown}");
        assert!(shown["help"].is_string() && shown["name"].is_string(), "{shown}");
    }
    let plugins = bench.server.get("/plugins").json();
    assert_eq!(plugins.as_array().map(Vec::len), Some(5), "{plugins}");
    for plugin in plugins.as_array().expect("a list") {
        assert_eq!((&plugin["state"], &plugin["origin"]), (&json!("loaded"), &json!("shipped")), "{plugin}");
        assert_eq!(plugin["isolation"], "process", "{plugin}");
    }
}
