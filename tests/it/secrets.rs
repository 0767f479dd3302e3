//! "Secrets: `{{secrets.NAME}}` from an encrypted store, environment or file; never returned; redacted; where-used;
//! removal refused while used"; and what is signed with them.

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{CONFIG, Project, Receiver, Reply, Server, acme, api_sample, eventually},
};

const TOKEN: &str = "Tok \"en\"/with+all=Of it";

/// A workflow that sends `TOKEN` in a URL and in headers.
fn sending(receiver: &str) -> String {
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/{{secrets.TOKEN}}\"\n\
                headers = { Authorization = \"Bearer {{secrets.TOKEN}}\" }";
    api_sample(receiver) + &with_action(receiver, "Test", "", &[step])
}

fn is_set(project: &Project, name: &str, value: &str) {
    let (is_set, said) = project.set_secret(name, value);
    assert!(is_set, "{said}");
    assert!(!said.contains(value), "{said}");
}

/// Everything that may hold what was said: the API's answers, the log, the database.
fn shown(project: &Project, server: &Server, execution: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    let sql = "SELECT group_concat(coalesce(record, '') || coalesce(warnings, ''), ' ') FROM attempt";
    let records: String = database.query_row(sql, [], |row| row.get(0)).expect("records");
    let execution = server.execution(execution).to_string();
    vec![execution, project.log(), records, server.get("/secrets").body]
}

/// "Never returned; redacted in attempts, logs … in plain, base64 and percent-encoded form, even when the receiver
/// echoes them."
#[test]
fn a_secret_is_sent_and_never_shown() {
    let encoded = "Tok%20%22en%22%2Fwith%2Ball%3DOf%20it";
    // What `user:` and the token are in base64.
    let base64 = "dXNlcjpUb2sgImVuIi93aXRoK2FsbD1PZiBpdA==";
    let echo = json!({"message": format!("no: {TOKEN} {encoded} {} {base64}", encoded.replace("%2F", "%2f").replace("%2B", "%2b"))});
    let receiver = Receiver::start(Reply::new(401, &echo.to_string()));
    let (project, key) = Project::new(&sending(&receiver.url()));
    is_set(&project, "TOKEN", &format!("{TOKEN}\n"));
    let server = project.serve(&key);
    server.create_task(&acme());
    let ended = server.performed("42", "test");
    let call = receiver.received().remove(0);
    assert!(call.head.starts_with(&format!("POST /{encoded} ")), "{}", call.head);
    assert_eq!(call.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    let id = ended["id"].as_str().expect("an id");
    assert!(
        ended["errors"][0].as_str().expect("a message").contains("answered 401 Unauthorized: no: [redacted]")
    );
    for text in shown(&project, &server, id) {
        for form in ["with+all", "with%2Ball", "with%2ball", "d2l0aCthbGw", "aXRoK2Fs", "dGgrYWxs"] {
            assert!(!text.contains(form), "{form}: {text}");
        }
    }
    // In the database it is encrypted, and the key is not there.
    let bytes =
        [std::fs::read(project.path("data/onward.db")), std::fs::read(project.path("data/onward.db-wal"))];
    for bytes in bytes.into_iter().flatten() {
        assert!(!bytes.windows(8).any(|window| window == b"with+all"), "it is on disk as it is");
    }
}

/// "Even when the receiver echoes them": in an answer that changes the task, as a value and as a name, and in one that
/// breaks off in its middle.
#[test]
fn a_secret_that_an_answer_repeats_does_not_come_into_the_task() {
    let echo = json!({"task": {"Company Name": format!("was {TOKEN}"), TOKEN: "x"}});
    let receiver = Receiver::start(Reply::new(200, &echo.to_string()));
    let (project, key) = Project::new(&sending(&receiver.url()));
    is_set(&project, "TOKEN", TOKEN);
    let server = project.serve(&key);
    server.create_task(&acme());
    let ended = server.performed("42", "test");
    assert_eq!(ended["status"], "Success");
    assert_eq!(server.task("42")["Company Name"], "was [redacted]");
    let warnings = ended["attempts"][0]["warnings"].to_string();
    assert!(warnings.contains("the answer repeated a secret"), "{warnings}");
    let history = server.get("/workflows/api-sample/tasks/42/history").body;
    for text in shown(&project, &server, ended["id"].as_str().expect("an id")).into_iter().chain([history]) {
        assert!(!text.contains("with+all") && !text.contains("with%2Ball"), "{text}");
    }
}

/// A URL that is a secret as a whole, as chat systems give them.
#[test]
fn a_url_may_be_a_secret() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"{{secrets.HOOK}}?task={{Company ID}}\"";
    let text = api_sample("https://billing.example") + &with_action("", "Test", "", &[step]);
    let (project, key) = Project::new(&text);
    is_set(&project, "HOOK", &format!("{}/hooks/T0K3N", receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let ended = server.performed("42", "test");
    assert_eq!(ended["status"], "Success", "{ended}");
    assert!(receiver.received()[0].head.starts_with("POST /hooks/T0K3N?task=42 "));
    assert!(!ended.to_string().contains("T0K3N"), "{ended}");
    project.write("workflows/test.toml", &text.replace("{{secrets.HOOK}}", "{{Company Name}}"));
    let said = project.refused_command(&["check"]);
    assert!(said.contains("does not begin with http:// or https://, or with a secret that does"), "{said}");
}

/// "Removed: `secret_missing`"; "rotated in mid-retry: the next try uses the new value."
#[test]
fn the_next_try_uses_the_new_value_and_a_missing_one_is_said() {
    let receiver = Receiver::start(Reply::new(503, ""));
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/\"\nretry = { tries = 9, first = \"1s\" }\n\
                headers = { X-Token = \"{{secrets.TOKEN}}\" }";
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[step]);
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    let missing = server.performed("42", "test");
    assert_eq!(missing["code"], "secret_missing");
    assert!(
        missing["errors"][0].as_str().expect("a message").contains("`onward secret set TOKEN`"),
        "{missing}"
    );
    assert_eq!(receiver.received().len(), 0);
    // Also beside the running server.
    is_set(&project, "TOKEN", "the first value");
    eventually("it is known", || server.get("/secrets").json()[0]["source"] == "store");
    let id = server.begin("42", "test");
    receiver.has_received(1);
    assert_eq!(server.send("PUT", "/secrets/TOKEN", &[], br#"{"value":"the second value"}"#).status, 204);
    receiver.answer_with(Reply::new(200, ""));
    assert_eq!(server.ended(&id)["status"], "Success");
    let sent: Vec<_> =
        receiver.received().iter().map(|call| call.header("x-token").map(str::to_owned)).collect();
    assert_eq!(sent.first(), Some(&Some("the first value".to_owned())));
    assert_eq!(sent.last(), Some(&Some("the second value".to_owned())));
}

/// "Where-used; removal refused while used; values under 6 bytes refused."
#[test]
fn a_secret_in_use_is_not_removed() {
    let (project, key) = Project::new(&sending("http://127.0.0.1:9"));
    for (name, value, why) in [
        ("SHORT", "12345", "at least 6 characters"),
        ("9LIVES", "a long value", "does not begin with a digit"),
    ] {
        let (is_set, said) = project.set_secret(name, value);
        assert!(!is_set && said.contains(why), "{said}");
    }
    is_set(&project, "TOKEN", TOKEN);
    is_set(&project, "SPARE", "not used by anybody");
    let listed = project.command(&["secret", "list"]);
    assert_eq!(listed, "SPARE  (store)  not used\nTOKEN  (store)  “Call” in “Test” of api-sample\n");
    let said = project.refused_command(&["secret", "remove", "TOKEN"]);
    assert!(said.contains("secret_in_use: TOKEN is used by “Call” in “Test” of api-sample"), "{said}");
    let server = project.serve(&key);
    let listed = server.get("/secrets").json();
    let used_by = json!([{"workflow": "api-sample", "action": "Test", "step": "Call"}]);
    assert_eq!(
        listed,
        json!([{"name": "SPARE", "source": "store", "used_by": []}, {"name": "TOKEN", "source": "store", "used_by": used_by}])
    );
    let delete = |name: &str| server.send("DELETE", &format!("/secrets/{name}"), &[], b"");
    assert_eq!((delete("TOKEN").status, &delete("TOKEN").json()["code"]), (409, &json!("secret_in_use")));
    assert_eq!((delete("SPARE").status, delete("SPARE").status), (204, 404));
    let put = |name: &str, body: &str| server.send("PUT", &format!("/secrets/{name}"), &[], body.as_bytes());
    assert_eq!(put("NEW", r#"{"value":"123456"}"#).status, 204);
    for (name, body) in [("NEW", r#"{"value":"12345"}"#), ("a-b", r#"{"value":"123456"}"#)] {
        assert_eq!(
            (put(name, body).status, &put(name, body).json()["code"]),
            (422, &json!("invalid_secret"))
        );
    }
    assert_eq!(put("NEW", r#"{"text":"123456"}"#).status, 400);
}

/// "From an encrypted store (key from file or environment, rotation), environment or file."
#[test]
fn secrets_come_from_a_folder_and_the_environment_and_their_key_changes() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/\"\n\
                headers = { X-A = \"{{secrets.STORED}}\", X-B = \"{{secrets.MOUNTED}}\", X-C = \"{{secrets.GIVEN}}\" }";
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[step]);
    let (project, key) = Project::new(&text);
    project
        .write("onward.toml", &format!("{CONFIG}secrets.folder = \"mounted\"\n[log]\nformat = \"json\"\n"));
    project.write("mounted/MOUNTED", "from a file\n");
    is_set(&project, "STORED", "from the store");
    let given = project.path("from the environment");
    let server = project.serve_in(&key, &[("ONWARD_SECRET_GIVEN", given.as_path())]);
    server.create_task(&acme());
    let sends = || {
        let count = receiver.received().len();
        assert_eq!(server.performed("42", "test")["status"], "Success");
        let call = receiver.received().remove(count);
        ["x-a", "x-b", "x-c"].map(|name| call.header(name).expect("a header").to_owned())
    };
    let expected = ["from the store".to_owned(), "from a file".to_owned(), given.display().to_string()];
    assert_eq!(sends(), expected);
    let key_file = project.path("data/secrets.key");
    let before = std::fs::read_to_string(&key_file).expect("the key");
    assert_eq!(project.command(&["secret", "rotate-key"]), "1 secrets are encrypted with a new key\n");
    let after = std::fs::read_to_string(&key_file).expect("the key");
    assert!(before != after && after.lines().count() == before.lines().count());
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(sends(), expected, "the running server goes on");
}

/// "Standard Webhooks signing and rotation": the new and the old secret sign, the same id over every try.
#[test]
fn a_call_is_signed_with_the_new_and_the_old_secret() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = |secrets: &str| {
        format!("type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/\"\nsigning_secret = {secrets}")
    };
    let text = |secrets: &str| {
        api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[&step(secrets)])
    };
    let (project, key) = Project::new(&text("[\"{{secrets.NEW}}\", \"{{secrets.OLD}}\"]"));
    is_set(&project, "NEW", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    is_set(&project, "OLD", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let server = project.serve(&key);
    server.create_task(&acme());
    let ended = server.performed("42", "test");
    assert_eq!(ended["status"], "Success", "{ended}");
    let call = receiver.received().remove(0);
    let signatures = call.header("webhook-signature").expect("signatures");
    assert_eq!(signatures.split(' ').filter(|signature| signature.starts_with("v1,")).count(), 2);
    let recorded = &ended["attempts"][0]["record"]["request"]["headers"];
    assert!(
        recorded.as_array().expect("a list").contains(&json!(["webhook-signature", signatures])),
        "{recorded}"
    );
    assert_eq!(server.send("PUT", "/secrets/NEW", &[], br#"{"value":"not a signing secret"}"#).status, 204);
    let refused = server.performed("42", "test");
    assert_eq!(refused["code"], "invalid_signing_secret");
    assert_eq!(receiver.received().len(), 1);
    for (secrets, why) in [
        ("\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", "must be a reference such as"),
        ("\"x{{secrets.NEW}}\"", "must be a reference such as"),
        ("[]", "must be a reference such as"),
        ("5", "must be a reference such as"),
    ] {
        project.write("workflows/test.toml", &text(secrets));
        let said = project.refused_command(&["check"]);
        assert!(said.contains(why), "{secrets}: {said}");
    }
    let _: Value = serde_json::from_str(&call.body).expect("JSON");
}
