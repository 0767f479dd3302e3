//! Bad input: each a clear error with a code, and nothing half-applied.

use serde_json::{Value, json};

use crate::support::{Project, Receiver, Reply, acme, api_sample, configure, onward, request};

const TASKS: &str = "/workflows/api-sample/tasks";
const EXECUTIONS: &str = "/workflows/api-sample/executions";

fn code(body: &Value) -> &str {
    body["code"].as_str().unwrap_or("no code")
}

#[test]
fn bad_requests_get_a_status_and_a_code() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let before = server.task("42");
    let deep = format!("{{\"Company ID\":{}", "[".repeat(50_000));
    for (method, path, body, status, expected) in [
        ("POST", TASKS, "{\"Company ID\":", 400, "invalid_json"),
        ("POST", TASKS, deep.as_str(), 400, "invalid_json"),
        ("POST", TASKS, "[]", 400, "invalid_body"),
        ("POST", TASKS, r#"{"Company ID":"42","Colour":"red"}"#, 422, "invalid_fields"),
        ("POST", TASKS, r#"{"Company ID":"42","Company Name":5}"#, 422, "invalid_fields"),
        ("POST", TASKS, r#"{"Company ID":"42","Company Name":"a\u0000b"}"#, 422, "invalid_fields"),
        (
            "POST",
            TASKS,
            r#"{"Company ID":"42","Company Name":"new","Contract Value":"much"}"#,
            422,
            "invalid_fields",
        ),
        ("POST", TASKS, r#"{"Company Name":"nobody"}"#, 422, "invalid_fields"),
        ("POST", TASKS, r#"{"Company ID":"active"}"#, 422, "invalid_fields"),
        ("PUT", TASKS, r#"{"Company ID":"77","Company Name":"x"}"#, 404, "task_not_found"),
        ("PUT", TASKS, r#"{"Company Name":"x"}"#, 422, "invalid_fields"),
        ("PUT", TASKS, r#"{"Company ID":["x"]}"#, 422, "invalid_fields"),
        ("GET", "/workflows/api-sample/tasks/77", "", 404, "task_not_found"),
        ("GET", "/workflows/api-sample/tasks/%00", "", 404, "task_not_found"),
        ("GET", "/workflows/api-sample/tasks?Colour=red", "", 400, "invalid_parameter"),
        ("GET", "/workflows/nope/tasks", "", 404, "workflow_not_found"),
        ("GET", "/workflows/api-sample/executions/nope", "", 404, "execution_not_found"),
        ("GET", "/nope", "", 404, "not_found"),
        ("GET", "/workflows/api-sample/users/nobody", "", 404, "no_such_user"),
        ("PATCH", TASKS, "{}", 405, "method_not_allowed"),
        ("POST", "/workflows/api-sample/data_syncs", "{}", 501, "not_implemented"),
        ("POST", EXECUTIONS, r#"{"task_id":"42"}"#, 400, "invalid_body"),
        ("POST", EXECUTIONS, r#"{"task_id":"42","action_id":"finish","extra":1}"#, 400, "invalid_body"),
        ("POST", EXECUTIONS, r#"{"task_id":["42"],"action_id":"finish"}"#, 400, "invalid_body"),
        ("POST", EXECUTIONS, r#"{"task_id":"77","action_id":"finish"}"#, 404, "task_not_found"),
        ("POST", EXECUTIONS, r#"{"task_id":"42","action_id":"nope"}"#, 404, "action_not_found"),
        ("POST", EXECUTIONS, r#"{"task_id":"42","action_id":"start"}"#, 422, "action_not_available"),
        (
            "POST",
            EXECUTIONS,
            r#"{"task_id":"42","action_id":"finish","performed_by":"x"}"#,
            422,
            "user_not_found",
        ),
    ] {
        let answer = server.send(method, path, &[], body.as_bytes());
        let shown = &body[..body.len().min(80)];
        assert_eq!((answer.status, code(&answer.json())), (status, expected), "{method} {path} {shown}");
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_eq!(server.task("42"), before, "a refused request changed the task");
    assert!(receiver.received().is_empty(), "a refused request called the receiver");
}

#[test]
fn a_key_is_needed_and_must_be_known() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    for headers in [&[][..], &[("Authorization", "Bearer onw_wrong")], &[("Authorization", "Basic abc")]] {
        let answer = request(&server.address, "GET", "/api/v1/workflows", headers, b"");
        assert_eq!((answer.status, code(&answer.json())), (401, "unauthorized"), "{headers:?}");
    }
    let listed = server.get("/workflows").json();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["name"]), (Some(1), &json!("API Sample")));
}

#[test]
fn a_huge_body_and_another_media_type_are_refused() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let answer = server.send("POST", TASKS, &[], &vec![b' '; 2 * 1024 * 1024]);
    assert_eq!((answer.status, code(&answer.json())), (413, "body_too_large"));
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "text/plain")];
    let answer = request(&server.address, "POST", &format!("/api/v1{TASKS}"), &headers, b"{}");
    assert_eq!((answer.status, code(&answer.json())), (415, "unsupported_media_type"));
}

/// Starts a server that must not come up; what it says.
fn refused(project: &Project) -> String {
    let output = onward(&["serve", "--config", &project.config()]);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_broken_workflow_file_stops_the_start_and_says_where() {
    let broken = api_sample("http://127.0.0.1:9").replace("{{Company Name}}", "{{Compny Name}}");
    let project = Project::bare();
    project.write("workflows/broken.toml", &broken);
    for said in [refused(&project), {
        let output = onward(&["check", "--config", &project.config()]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }] {
        assert!(said.contains("error[invalid_template]"), "{said}");
        assert!(said.contains("broken.toml:72:"), "{said}");
        assert!(said.contains("did you mean `{{Company Name}}`?"), "{said}");
    }
    assert!(!project.path("data/onward.db").exists(), "something was half-applied");
}

#[test]
fn a_workflow_file_in_another_encoding_is_refused_with_its_line() {
    let project = Project::bare();
    std::fs::write(project.path("workflows/latin.toml"), b"# A\nname = \"Gr\xfcn\"\n").expect("written");
    let said = project.refused_command(&["check"]);
    assert!(said.contains("latin.toml") && said.contains("line 2") && said.contains("UTF-8"), "{said}");
}

#[test]
fn one_server_per_data_folder_and_per_port() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let said = refused(&project);
    assert!(said.contains("data_folder_locked") && said.contains(&server.pid().to_string()), "{said}");
    let other = Project::bare();
    other.write("onward.toml", &format!("[server]\nlisten = \"{}\"\n", server.address));
    let said = refused(&other);
    assert!(said.contains("port_in_use") && said.contains("server.listen"), "{said}");
}

#[test]
fn a_newer_or_a_foreign_database_is_refused() {
    let (project, _key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let database = project.path("data/onward.db");
    let connection = rusqlite::Connection::open(&database).expect("the database");
    connection.pragma_update(None, "user_version", 99).expect("updated");
    drop(connection);
    let said = refused(&project);
    assert!(said.contains("newer version of Onward"), "{said}");
    let foreign = Project::bare();
    foreign.write("data/onward.db", &"not a database ".repeat(100));
    let said = refused(&foreign);
    assert!(said.contains("not an Onward database"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let project = Project::bare();
    project.write("data", "a file where the folder should be");
    let said = refused(&project);
    assert!(said.contains("data_folder_unusable") && said.contains("store.folder"), "{said}");
    // Also where copies of plugins would be made in it.
    project.write("plugins/README.md", "none yet");
    configure(&project, "", "");
    let said = refused(&project);
    assert!(said.contains("data_folder_unusable") && said.contains("store.folder"), "{said}");
}
