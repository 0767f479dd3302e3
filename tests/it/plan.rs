//! `onward plan` shows what the files would change, `onward apply` does it; `onward check --json`.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Project, acme, api_sample, eventually, onward};

const FILE: &str = "workflows/test.toml";
const OTHER: &str = "name = \"Other\"\n[[stages]]\nname = \"Open\"\n";

fn run(project: &Project, arguments: &[&str]) -> Output {
    onward(&[arguments, &["--config", &project.config()]].concat())
}

/// What a command prints, and its exit code.
fn printed(project: &Project, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(project, arguments);
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

fn json_of(project: &Project, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, text) = printed(project, arguments);
    (code, serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn a_plan_is_shown_applied_and_then_has_nothing_to_do() {
    let text = api_sample("https://billing.example");
    let project = Project::bare();
    project.write(FILE, &text);
    let (code, said) = printed(&project, &["plan"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("+ api-sample: a new workflow, from ")
            && said.ends_with("1 new, 0 changed, 0 unchanged\n"),
        "{said}"
    );
    assert!(!project.path("data").exists(), "a plan makes nothing");
    let (code, said) = printed(&project, &["apply"]);
    assert_eq!(code, Some(0));
    assert!(
        said.contains("+ api-sample: a new workflow")
            && said.ends_with("api-sample: version 1 is published\n"),
        "{said}"
    );
    assert_eq!(printed(&project, &["plan"]), (Some(0), "0 new, 0 changed, 1 unchanged\n".to_owned()));
    let changed = text
        .replace("name = \"Company Name\"", "name = \"Client\"\nwas = \"Company Name\"")
        .replace("{{Company Name}}", "{{Client}}")
        .replace("name = \"Contract Value\"\ntype = \"currency\"", "name = \"Worth\"\ntype = \"currency\"")
        .replace("timeout = \"10s\"", "timeout = \"20s\"");
    project.write(FILE, &changed);
    project.write("workflows/other.toml", OTHER);
    let (code, said) = printed(&project, &["plan"]);
    assert_eq!(code, Some(2));
    let lines = said.lines().filter(|line| !line.contains("from ")).collect::<Vec<_>>().join("\n");
    let expected = "  + field “Worth” (worth)\n  - field “Contract Value” (contract-value)\n  ~ field “Client” (company-name): \
                    name\n  ~ action “Finish” (finish)\n    ~ step “Tell the billing system” (tell-the-billing-system): \
                    params\n1 new, 1 changed, 0 unchanged";
    assert_eq!(lines, expected, "{said}");
    assert!(!said.contains("@@"), "{said}");
    let (_, with_diff) = printed(&project, &["plan", "--diff"]);
    assert!(
        with_diff.contains("    --- version 1\n") && with_diff.contains("    +timeout = \"20s\"\n"),
        "{with_diff}"
    );
    let (code, json) = json_of(&project, &["plan", "--json"]);
    assert_eq!((code, &json["to_do"], &json["refused"]), (Some(2), &json!(true), &Value::Null));
    let [other, sample] = &json["workflows"].as_array().expect("a list")[..] else { panic!("{json}") };
    assert_eq!(
        (&other["id"], &other["change"], &other["version"]),
        (&json!("other"), &json!("new"), &Value::Null)
    );
    assert_eq!((&sample["change"], &sample["version"]), (&json!("changed"), &json!(1)));
    let client = json!([{"id": "company-name", "name": "Client", "keys": ["name"]}]);
    assert_eq!(sample["difference"]["fields"]["changed"], client);
    let (code, json) = json_of(&project, &["apply", "--json"]);
    assert_eq!(code, Some(0));
    assert_eq!(json["applied"], json!([{"id": "other", "version": 1}, {"id": "api-sample", "version": 2}]));
    assert_eq!(printed(&project, &["plan"]).0, Some(0));
    let key = project.command(&["key", "add", "Test"]).trim().to_owned();
    let versions = project.serve(&key).get("/workflows/api-sample/versions").json();
    assert_eq!(versions[0]["by"]["first_name"], "Command line", "{versions}");
    assert_eq!(printed(&project, &["plan", "--diffs"]).0, Some(1), "2 is a plan with something to do alone");
}

#[test]
fn an_application_is_refused_whole() {
    let text = api_sample("https://billing.example");
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    server.kill();
    project.write(FILE, &text.replace("\"In Progress\"", "\"Busy\""));
    project.write("workflows/other.toml", OTHER);
    for command in ["plan", "apply"] {
        let output = run(&project, &[command]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("  ! stage_in_use: 1 task in the stage “In Progress”"), "{said}");
        assert!(said.contains("+ other: a new workflow"), "{said}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("1 workflow cannot be published"));
    }
    let (code, json) = json_of(&project, &["apply", "--json"]);
    assert_eq!((code, &json["applied"]), (Some(1), &json!([])));
    let stranded = &json["workflows"][1]["stranded"][0];
    assert_eq!((&stranded["code"], &stranded["tasks"]), (&json!("stage_in_use"), &json!(1)));
    // A file that is not sound, too: nothing of the others is published.
    project.write(FILE, "name = \"API Sample\"");
    let output = run(&project, &["apply"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("error[missing_key]: a workflow needs at least one stage"), "{said}");
    assert!(said.contains("1 file cannot be used; nothing was applied"), "{said}");
    let (_, json) = json_of(&project, &["plan", "--json"]);
    assert_eq!(json["errors"][0]["problems"][0]["code"], "missing_key");
    project.write(FILE, &text);
    assert_eq!(
        json_of(&project, &["plan", "--json"]).1["workflows"][0]["change"],
        "new",
        "it was not applied"
    );
}

#[test]
fn a_version_that_cannot_be_read_is_followed() {
    let (project, _) = Project::new(&api_sample("https://billing.example"));
    project.command(&["apply"]);
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    database.execute("UPDATE workflow_version SET source = 'name = 5'", []).expect("damaged");
    drop(database);
    let (code, said) = printed(&project, &["plan"]);
    assert_eq!(code, Some(2));
    assert!(
        said.starts_with("+ api-sample: follows version 1, which cannot be read on this server"),
        "{said}"
    );
    project.command(&["apply"]);
    assert_eq!(printed(&project, &["plan"]).0, Some(0));
}

#[test]
fn an_application_beside_a_server_is_taken_up_by_it() {
    let text = api_sample("https://billing.example");
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    let path = "/workflows/api-sample/definition";
    // Before the server has looked twice, and after it.
    for (version, color) in [(2, "blue"), (3, "teal")] {
        project.write(FILE, &text.replace("color = \"yellow\"", &format!("color = \"{color}\"")));
        assert_eq!(run(&project, &["apply"]).status.code(), Some(0));
        eventually("it is taken up", || server.get(path).json()["version"] == version);
    }
    let versions = server.get("/workflows/api-sample/versions").json();
    assert_eq!(versions.as_array().map(Vec::len), Some(3), "{versions}");
    // What was refused for the sake of a task is applied when the task is gone, and the server says so no more.
    server.create_task(&acme());
    project.write(FILE, &text.replace("\"In Progress\"", "\"Busy\""));
    let refused = || server.get("/workflows").json()[0]["refused"].clone();
    eventually("it is refused", || !refused().is_null());
    assert_eq!(server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    assert_eq!(run(&project, &["apply"]).status.code(), Some(0));
    eventually("it is refused no more", || refused().is_null());
    assert_eq!(server.get(path).json()["version"], 4);
}

#[test]
fn a_check_as_json_has_every_problem_and_every_warning() {
    let text = api_sample("https://billing.example");
    let project = Project::bare();
    project.write(FILE, &text);
    project.write("workflows/broken.toml", &OTHER.replace("name = \"Open\"", "nmae = \"Open\""));
    project.write("workflows/copy.toml", &text);
    let (code, json) = json_of(&project, &["check", "--json"]);
    assert_eq!((code, &json["sound"]), (Some(1), &json!(false)));
    let files = json["files"].as_array().expect("a list");
    let codes = |file: &Value, of: &str| -> Vec<Value> {
        file[of].as_array().expect("a list").iter().map(|it| it["code"].clone()).collect()
    };
    let of = |name: &str| {
        let found = files.iter().find(|it| it["file"].as_str().is_some_and(|file| file.ends_with(name)));
        found.unwrap_or_else(|| panic!("{name} in {json}"))
    };
    assert_eq!(of("copy.toml")["workflow"], "api-sample");
    assert_eq!(codes(of("copy.toml"), "warnings"), ["call_after_move"]);
    assert_eq!(codes(of("test.toml"), "problems"), ["duplicate_id"]);
    assert_eq!(codes(of("broken.toml"), "problems"), ["missing_key", "unknown_key"]);
    let unknown = &of("broken.toml")["problems"][1];
    assert_eq!(
        (&unknown["line"], &unknown["column"], &unknown["help"]),
        (&json!(3), &json!(1), &json!("did you mean `name`?"))
    );
    // The others are told to people, too, though one is broken.
    let (code, said) = printed(&project, &["check"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("copy.toml: workflow `api-sample` is sound"), "{said}");
    project.write("onward.toml", "[sevrer]\n[server]\nlisten = \"here\"\n");
    let (code, json) = json_of(&project, &["check", "--json"]);
    assert_eq!((code, json["files"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert_eq!(codes(&json["files"][0], "problems"), ["unknown_key", "invalid_value"]);
    assert_eq!(json["files"][0]["problems"][1]["line"], 3);
    for command in ["plan", "apply"] {
        let (code, planned) = json_of(&project, &[command, "--json"]);
        assert_eq!((code, &planned["errors"]), (Some(1), &json["files"]), "{command}");
    }
    project.write("onward.toml", "");
    for file in ["broken.toml", "copy.toml"] {
        std::fs::remove_file(project.path(&format!("workflows/{file}"))).expect("removed");
    }
    let (code, json) = json_of(&project, &["check", "--json"]);
    assert_eq!((code, &json["sound"]), (Some(0), &json!(true)));
}
