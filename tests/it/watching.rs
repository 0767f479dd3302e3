//! "Changes to workflow files are picked up while running; an invalid file keeps the last good version and says so."

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Project, Server, acme, api_sample, eventually, request};

const FILE: &str = "workflows/test.toml";
const PATH: &str = "/workflows/api-sample/definition";

/// A server with the sample as its one file, and that file's text.
fn started() -> (Project, Server, String) {
    let text = api_sample("https://billing.example");
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    (project, server, text)
}

fn listed(server: &Server) -> Vec<Value> {
    server.get("/workflows").json().as_array().expect("a list").clone()
}

fn version(server: &Server) -> Value {
    server.get(PATH).json()["version"].clone()
}

/// How often the log says something.
fn said(project: &Project, words: &str) -> usize {
    project.log().matches(words).count()
}

#[test]
fn a_changed_file_is_published_while_the_server_runs() {
    let (project, server, text) = started();
    server.create_task(&acme());
    let renamed = text.replace("name = \"Finish\"", "name = \"Complete\"\nwas = \"Finish\"");
    project.write(FILE, &renamed);
    eventually("it is published", || version(&server) == 2);
    let actions = server.get("/workflows/api-sample/tasks/42/actions").json();
    assert_eq!((&actions[0]["id"], &actions[0]["name"]), (&json!("finish"), &json!("Complete")), "{actions}");
    // A comment is no news.
    project.write(FILE, &format!("# Edited.\n{renamed}"));
    project.write("workflows/other.toml", "name = \"Other\"\n[[stages]]\nname = \"Open\"\n");
    eventually("the new file is a workflow", || listed(&server).len() == 2);
    let other = server.get("/workflows/other/definition").json();
    assert_eq!((&other["version"], &other["managed_by"]), (&json!(1), &json!("file")));
    assert_eq!(version(&server), 2);
}

#[test]
fn a_file_that_is_not_sound_keeps_the_last_good_version_and_says_so() {
    let (project, server, text) = started();
    let before = server.get(PATH).json()["toml"].clone();
    // Each kind of problem is in the report, those of steps, too.
    let broken = text
        .replace("from = [\"In Progress\"]", "from = [\"In Progres\"]")
        .replace("timeout = \"10s\"", "timeout = \"soon\"");
    project.write(FILE, &broken);
    eventually("it is refused", || !listed(&server)[0]["refused"].is_null());
    let shown = server.get(PATH).json();
    assert_eq!((&shown["version"], &shown["toml"]), (&json!(1), &before));
    let why = shown["refused"].as_str().expect("why");
    for words in
        ["error[unknown_stage]", "test.toml:62:", "did you mean “In Progress”?", "error[invalid_param]"]
    {
        assert!(why.contains(words), "{words}: {why}");
    }
    // The others go on, and nothing is said twice.
    project.write("workflows/other.toml", "name = \"Other\"\n[[stages]]\nname = \"Open\"\n");
    eventually("the other one is there", || listed(&server).len() == 2);
    assert_eq!(said(&project, "a workflow file is not sound"), 1, "{}", project.log());
    assert_eq!(listed(&server)[0]["refused"], json!(why));
    project.write(FILE, &text.replace("color = \"yellow\"", "color = \"blue\""));
    eventually("it is sound again", || version(&server) == 2);
    assert!(listed(&server)[0]["refused"].is_null());
    assert_eq!(said(&project, "a workflow file is sound again"), 1);
    // What was published again says nothing new.
    project.write(FILE, "name = 5");
    eventually("it is refused again", || !listed(&server)[0]["refused"].is_null());
    project.write(FILE, &text.replace("color = \"yellow\"", "color = \"blue\""));
    eventually("it is good again", || listed(&server)[0]["refused"].is_null());
    assert_eq!(version(&server), 2);
    // The same for the workflow that a file has had, once it has another.
    let other = "name = \"Another\"\n[[stages]]\nname = \"Open\"\n";
    project.write(FILE, other);
    eventually("it has another workflow", || listed(&server).len() == 3);
    project.write(FILE, "name = 5");
    let refused = || listed(&server).iter().filter(|it| !it["refused"].is_null()).count();
    eventually("it is bad", || refused() == 2);
    project.write(FILE, other);
    eventually("it is good", || refused() == 0);
}

#[test]
fn a_file_that_would_strand_data_is_refused_until_it_would_not() {
    let (project, server, text) = started();
    server.create_task(&acme());
    project.write(FILE, &text.replace("\"In Progress\"", "\"Busy\""));
    eventually("it is refused", || !listed(&server)[0]["refused"].is_null());
    let why = listed(&server)[0]["refused"].as_str().expect("why").to_owned();
    assert!(why.starts_with("stage_in_use: 1 task in the stage “In Progress”"), "{why}");
    assert_eq!(said(&project, "a workflow file is not published"), 1);
    let mapped = text
        .replace("name = \"In Progress\"", "name = \"Busy\"\nwas = \"In Progress\"")
        .replace("\"In Progress\"]", "\"Busy\"]")
        .replace("stage = \"In Progress\"", "stage = \"Busy\"");
    project.write(FILE, &mapped);
    eventually("it is published", || version(&server) == 2);
    assert!(listed(&server)[0]["refused"].is_null());
    assert_eq!(server.task("42")["Stage"], "Busy");
}

#[test]
fn a_workflow_stays_a_files_until_the_next_start() {
    let (project, server, text) = started();
    let exported = server.get(PATH).json()["toml"].as_str().expect("a text").to_owned();
    fs::remove_file(project.path(FILE)).expect("removed");
    eventually("it is seen", || said(&project, "a workflow file is gone") == 1);
    assert_eq!(server.get(PATH).json()["managed_by"], "file");
    let save = |server: &Server| {
        let headers = [("If-Match", "*"), ("Content-Type", "application/toml")];
        crate::support::request(
            &server.address,
            "PUT",
            &format!("/api/v1{PATH}"),
            &[&headers[..], &[("Authorization", &format!("Bearer {}", server.key))]].concat(),
            exported.as_bytes(),
        )
    };
    assert_eq!(save(&server).json()["code"], "file_managed");
    // Under another name it comes back, as a move or an editor's save has it.
    project.write("workflows/moved.toml", &text.replace("color = \"yellow\"", "color = \"blue\""));
    eventually("it is published", || version(&server) == 2);
    let file = server.get(PATH).json()["file"].as_str().expect("a file").to_owned();
    assert!(file.ends_with("workflows/moved.toml"), "{file}");
    // Another file cannot take it.
    project.write("workflows/a-copy.toml", &text);
    eventually("it is refused", || said(&project, "both define the workflow `api-sample`") == 1);
    assert_eq!((version(&server), server.get(PATH).json()["refused"].clone()), (json!(2), Value::Null));
    let key = server.key.clone();
    server.kill();
    for file in ["workflows/moved.toml", "workflows/a-copy.toml"] {
        fs::remove_file(project.path(file)).expect("removed");
    }
    let server = project.serve(&key);
    assert_eq!(server.get(PATH).json()["managed_by"], "store");
    assert_eq!(save(&server).json()["version"], 3);
}

/// "A half-written file (an editor's save) must not be published."
#[test]
fn a_file_is_published_when_it_is_whole() {
    let (project, server, _) = started();
    let path = project.path("workflows/slow.toml");
    let mut text = "name = \"Slow\"\n[[stages]]\nname = \"Open\"\n".to_owned();
    // Each piece leaves a sound workflow, and comes before two looks can have found the one before.
    for number in 0..8 {
        text.push_str(&format!("[[stages]]\nname = \"Stage {number}\"\n"));
        fs::write(&path, &text).expect("written");
        thread::sleep(Duration::from_millis(400));
        assert_eq!(listed(&server).len(), 1, "after {number}");
    }
    eventually("it is whole", || listed(&server).len() == 2);
    let stages = server.get("/workflows/slow/stages").json();
    assert_eq!(stages.as_array().map(Vec::len), Some(9));
    assert_eq!(server.get("/workflows/slow/versions").json().as_array().map(Vec::len), Some(1));
}

/// A workflow whose file says no id is found by its name; another name alone must not leave its tasks behind.
#[test]
fn a_workflow_under_a_new_name_is_not_taken_for_another() {
    let (project, server, text) = started();
    server.create_task(&acme());
    let renamed = text.replace("name = \"API Sample\"", "name = \"Sampling\"");
    assert_ne!(renamed, text);
    project.write(FILE, &renamed);
    let refused = || listed(&server)[0]["refused"].as_str().map(str::to_owned);
    eventually("it is refused", || refused().is_some());
    let why = refused().expect("why");
    assert!(why.contains("write `id = \"api-sample\"`") && why.contains("or `id = \"sampling\"`"), "{why}");
    let planned = project.refused_command(&["plan"]);
    assert!(planned.contains("1 workflow cannot be published"), "{planned}");
    assert_eq!((listed(&server).len(), version(&server)), (1, json!(1)));
    project.write(FILE, &format!("id = \"api-sample\"\n{renamed}"));
    eventually("it has its new name", || listed(&server)[0]["name"] == "Sampling");
    assert!(refused().is_none());
    // Another one it is, where the file says so.
    project.write(FILE, &format!("id = \"sampling\"\n{renamed}"));
    eventually("there are two", || listed(&server).len() == 2);
    assert_eq!(server.task("42")["Company ID"], "42");
}

/// What the store manages is nobody's file's; and a file that cannot be used now is still there.
#[test]
fn a_file_that_is_like_another_workflow_takes_nothing_from_it() {
    let (project, server, text) = started();
    let stored = "name = \"Leads\"\nid = \"leads\"\n[[fields]]\nname = \"Lead\"\ntype = \"text\"\n[[stages]]\nname = \"New\"\n";
    let bearer = format!("Bearer {}", server.key);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/toml")];
    let imported = request(&server.address, "POST", "/api/v1/workflows/import", &headers, stored.as_bytes());
    assert_eq!(imported.status, 201, "{}", imported.body);
    let like = stored.replace("id = \"leads\"\n", "").replace("Leads", "Leads 2");
    project.write("workflows/leads2.toml", &like);
    eventually("it is another one", || listed(&server).len() == 3);
    assert!(listed(&server).iter().all(|it| it["refused"].is_null()), "{:?}", listed(&server));
    let shown = server.get("/workflows/leads/definition").json();
    assert_eq!(shown["managed_by"], "store", "{shown}");
    project.write(FILE, "name = ");
    eventually("it is refused", || listed(&server).iter().any(|it| !it["refused"].is_null()));
    project.write("workflows/copy.toml", &text.replace("name = \"API Sample\"", "name = \"Copy\""));
    eventually("the copy is one of its own", || listed(&server).iter().any(|it| it["id"] == "copy"));
    let refused = server.get(PATH).json()["refused"].as_str().expect("why").to_owned();
    assert!(refused.contains("test.toml"), "{refused}");
}
