//! "Workflow definitions (read, save, validate, versions, diff, restore, export, import)"; "export → import →
//! export is byte-identical"; "file-managed workflows are read-only".

use std::fs;

use serde_json::{Value, json};

use crate::support::{Answer, HeldBack, Project, Server, acme, api_sample, request};

const PATH: &str = "/workflows/api-sample/definition";

/// Asks with a TOML body.
fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], text: &str) -> Answer {
    let bearer = format!("Bearer {}", server.key);
    let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/toml")];
    all.extend(headers);
    request(&server.address, method, &format!("/api/v1{path}"), &all, text.as_bytes())
}

fn import(server: &Server, text: &str) -> Answer {
    send(server, "POST", "/workflows/import", &[], text)
}

fn save(server: &Server, made_from: &str, text: &str) -> Answer {
    send(server, "PUT", PATH, &[("If-Match", made_from)], text)
}

fn text(server: &Server) -> String {
    let answer = server.send("GET", PATH, &[("Accept", "application/toml")], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/toml")));
    answer.body
}

/// A server without workflow files, to which the sample was imported.
fn imported() -> (Project, Server) {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    let answer = import(&server, &api_sample("https://billing.example"));
    assert_eq!(answer.status, 201, "{}", answer.body);
    (project, server)
}

/// "An audit log of administrative changes": who has made which version, and from what. What changes nothing is none.
#[test]
fn who_saves_a_definition_is_in_the_audit_log() {
    let (_project, server) = imported();
    let first = text(&server);
    let changed = first.replace("name = \"Finish\"", "name = \"End\"");
    assert_ne!(first, changed);
    assert_eq!(save(&server, "\"1\"", &changed).status, 200);
    assert_eq!(save(&server, "\"2\"", &changed).status, 200, "the same again");
    assert_eq!(save(&server, "\"1\"", &first).status, 412, "made from an older one");
    let path = "/workflows/api-sample/versions/1/restore";
    assert_eq!(server.send("POST", path, &[("If-Match", "*")], b"").status, 200);
    let log = server.get("/audit").json();
    let shown = |it: &Value| {
        assert_eq!((&it["about"], &it["performed_by"]["first_name"]), (&json!("api-sample"), &json!("Test")));
        json!([it["change"], it["detail"]])
    };
    let is_of_workflow =
        |it: &&Value| it["change"].as_str().is_some_and(|change| change.starts_with("workflow."));
    let entries: Vec<_> = log.as_array().expect("a list").iter().filter(is_of_workflow).map(shown).collect();
    assert_eq!(
        entries,
        [
            json!(["workflow.restored", {"version": 3, "made_from": 2, "restores": 1}]),
            json!(["workflow.saved", {"version": 2, "made_from": 1}]),
            json!(["workflow.imported", {"version": 1}]),
        ]
    );
}

/// What a definition says is compared with the version after which it is saved, however long its body took.
#[test]
fn a_definition_is_read_after_the_version_that_it_follows() {
    let (_project, server) = imported();
    server.create_task(&acme());
    let bare = text(&server).replace("Company Name", "Client");
    let renaming = bare.replacen("name = \"Client\"", "name = \"Client\"\nwas = \"Company Name\"", 1);
    let bearer = format!("Bearer {}", server.key);
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/toml"), ("If-Match", "*")];
    let slow = HeldBack::new(&server.address, "PUT", &format!("/api/v1{PATH}"), &headers, bare.as_bytes());
    assert_eq!(save(&server, "\"1\"", &renaming).status, 200);
    let saved = slow.end();
    assert_eq!((saved.status, &saved.json()["version"]), (200, &json!(2)), "{}", saved.body);
    assert_eq!(server.task("42")["Client"], "Acme Corp", "the field is still the one that it was");
}

#[test]
fn export_import_export_is_byte_identical() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let exported = project.command(&["export", "api-sample"]);
    assert!(exported.starts_with("name = \"API Sample\"\n\n[[fields]]\n"), "{exported}");
    let server = project.serve(&key);
    assert_eq!(text(&server), exported, "the API's text of a file is the command's");
    let (other, second) = imported();
    assert_eq!(import(&second, &exported).json()["code"], "workflow_exists");
    assert_eq!(text(&second), exported);
    assert_eq!(other.command(&["export", "api-sample"]), exported);
    let key = second.key.clone();
    second.kill();
    let second = other.serve(&key);
    let shown = second.get(PATH);
    assert_eq!(shown.header("etag"), Some("\"1\""));
    let mut told = shown.json();
    let document = told.as_object_mut().and_then(|told| told.remove("document"));
    assert_eq!(document.map(|it| it["id"].clone()), Some(json!("api-sample")));
    let expected =
        json!({"workflow": "api-sample", "version": 1, "managed_by": "store", "toml": exported.as_str()});
    assert_eq!(told, expected, "after a restart");
    second.create_task(&acme());
    assert_eq!(second.performed("42", "finish")["state"], "failed", "its receiver does not exist");
    assert!(project.refused_command(&["export", "api-sampel"]).contains("did you mean “api-sample”?"));
}

#[test]
fn what_a_file_has_is_changed_there() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let server = project.serve(&key);
    let shown = server.get(PATH).json();
    assert_eq!(shown["managed_by"], "file");
    let file = shown["file"].as_str().expect("the file's name");
    assert!(file.ends_with("workflows/test.toml"), "{file}");
    let renamed = text(&server).replace("API Sample", "Renamed");
    let renamed = renamed.replacen("\n", "\nid = \"api-sample\"\n", 1);
    let restore = "/workflows/api-sample/versions/1/restore";
    for refused in [
        save(&server, "\"1\"", &renamed),
        import(&server, &renamed),
        server.send("POST", restore, &[("If-Match", "*")], b""),
    ] {
        let answer = refused.json();
        assert_eq!(
            (refused.status, &answer["code"], &answer["file"]),
            (409, &json!("file_managed"), &json!(file))
        );
        let message = answer["message"].as_str().expect("a message");
        assert!(message.contains(file) && message.contains("change it there"), "{message}");
    }
    assert_eq!(server.get("/workflows").json()[0]["name"], "API Sample");
    // Without its file it is the store's, and goes on from the version that the file had.
    let key = server.key.clone();
    server.kill();
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    let saved = save(&server, "\"1\"", &renamed).json();
    assert_eq!((&saved["version"], &saved["managed_by"]), (&json!(2), &json!("store")));
    let expected = json!({"id": "api-sample", "name": "Renamed", "version": 2, "archived": false, "managed_by": "store"});
    assert_eq!(server.get("/workflows").json(), json!([expected]));
}

#[test]
fn a_new_version_is_saved_by_who_knows_the_latest() {
    let (_project, server) = imported();
    let first = text(&server);
    let second = first.replace("color = \"yellow\"", "color = \"blue\"");
    let without = send(&server, "PUT", PATH, &[], &second);
    assert_eq!((without.status, &without.json()["code"]), (428, &json!("version_required")));
    assert_eq!(save(&server, "1", &second).json()["code"], "invalid_parameter");
    let saved = save(&server, "\"1\"", &second);
    assert_eq!((saved.status, saved.header("etag")), (200, Some("\"2\"")), "{}", saved.body);
    assert_eq!((&saved.json()["version"], &saved.json()["toml"]), (&json!(2), &json!(second)));
    let late = save(&server, "\"1\"", &first.replace("\"green\"", "\"red\""));
    let told = late.json();
    assert_eq!((late.status, &told["code"]), (412, &json!("version_conflict")));
    assert_eq!((&told["expected"], &told["current"]), (&json!(1), &json!(2)));
    assert_eq!(save(&server, "\"2\"", &second).json()["version"], 2, "what says the same is no new version");
    assert_eq!(save(&server, "*", &first).json()["version"], 3);
    assert_eq!(save(&server, "\"3\"", "name = 5").status, 422);
    let nowhere = send(&server, "PUT", "/workflows/nowhere/definition", &[("If-Match", "*")], &first);
    assert_eq!((nowhere.status, &nowhere.json()["code"]), (404, &json!("workflow_not_found")));
    let bearer = format!("Bearer {}", server.key);
    let headers = [("Authorization", &*bearer), ("Content-Type", "text/plain"), ("If-Match", "*")];
    let plain = request(&server.address, "PUT", &format!("/api/v1{PATH}"), &headers, first.as_bytes());
    assert_eq!((plain.status, &plain.json()["code"]), (415, &json!("unsupported_media_type")));
    let said = plain.json()["message"].clone();
    assert!(
        said.as_str().is_some_and(|it| it.contains("application/toml` or `Content-Type: application/json`")),
        "{said}"
    );
    assert_eq!(text(&server), first);
}

/// "Answers every problem as data."
#[test]
fn what_is_wrong_is_told_with_its_place_and_saves_nothing() {
    let (_project, server) = imported();
    let sound = text(&server);
    let validate = |text: &str| send(&server, "POST", &format!("{PATH}/validate"), &[], text).json();
    let told = validate(&sound);
    assert_eq!(
        (&told["valid"], &told["problems"], &told["stranded"]),
        (&json!(true), &json!([]), &json!([]))
    );
    assert_eq!(told["findings"], server.get("/workflows/api-sample/findings").json());
    assert_eq!(told["findings"][0]["code"], "call_after_move");
    let broken = sound
        .replace("from = [\"In Progress\"]", "from = [\"In Progres\"]")
        .replace("end = true", "endd = true");
    let told = validate(&broken);
    assert_eq!(told["valid"], false);
    let problems = told["problems"].as_array().expect("a list");
    let codes: Vec<_> = problems.iter().map(|problem| problem["code"].as_str().expect("a code")).collect();
    assert_eq!(codes, ["unknown_key", "unknown_stage"]);
    let at = broken.find("\"In Progres\"").expect("its place");
    let line = broken[..at].matches('\n').count() + 1;
    let expected = json!({
        "code": "unknown_stage", "message": "there is no stage “In Progres”", "line": line, "column": 9,
        "span": {"start": at, "end": at + 12}, "help": "did you mean “In Progress”?",
        "path": "/actions/1/from/0",
    });
    assert_eq!(problems[1], expected);
    let refused = save(&server, "\"1\"", &broken);
    assert_eq!((refused.status, &refused.json()["problems"]), (422, &told["problems"]));
    assert_eq!(refused.json()["code"], "invalid_definition");
    assert_eq!(
        import(&server, &broken.replace("API Sample", "Another")).json()["code"],
        "invalid_definition"
    );
    // What the step types do not take, they say; and the id of another workflow is a problem, too.
    let step = validate(&sound.replace("timeout = \"10s\"", "timeout = \"soon\""));
    assert_eq!(step["problems"][0]["code"], "invalid_param");
    let renamed = validate(&sound.replace("API Sample", "Another"));
    assert_eq!(renamed["problems"][0]["code"], "other_workflow");
    let with_id = sound.replace("name = \"API Sample\"", "name = \"API Sample\"\nid = \"another\"");
    let line = with_id.lines().position(|line| line == "id = \"another\"").expect("the id") + 1;
    let other = &validate(&with_id)["problems"][0];
    assert_eq!((&other["code"], &other["line"]), (&json!("other_workflow"), &json!(line)));
    assert_eq!(server.get("/workflows/api-sample/versions").json().as_array().expect("a list").len(), 1);
    assert_eq!(server.get("/workflows").json().as_array().expect("a list").len(), 1);
}

#[test]
fn versions_are_listed_compared_and_brought_back() {
    let (_project, server) = imported();
    let first = text(&server);
    let second = first
        .replace("name = \"Company Name\"", "name = \"Client\"\nid = \"company-name\"")
        .replace("{{Company Name}}", "{{Client}}")
        .replace("timeout = \"10s\"", "timeout = \"20s\"");
    assert_eq!(save(&server, "\"1\"", &second).status, 200);
    let at = |path: &str| server.get(&format!("/workflows/api-sample/versions{path}"));
    let numbers = || {
        let list = at("").json().as_array().expect("a list").clone();
        list.iter().map(|it| it["version"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers(), [2, 1]);
    let shown = at("/1").json();
    assert_eq!(
        (&shown["version"], &shown["toml"], &shown["by"]["first_name"]),
        (&json!(1), &json!(first), &json!("Test"))
    );
    assert!(shown["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{shown}");
    let diff = at("/2/diff?with=1").json();
    assert_eq!(diff, at("/2/diff").json(), "with the one before");
    assert_eq!((&diff["from"], &diff["to"], &diff["workflow"]), (&json!(1), &json!(2), &json!([])));
    let client = json!([{"id": "company-name", "name": "Client", "keys": ["name"]}]);
    let none = json!([]);
    let fields = json!({"added": none, "removed": none, "changed": client, "reordered": false});
    assert_eq!(diff["fields"], fields);
    let step = &diff["actions"]["changed"][0]["steps"]["changed"][0];
    assert_eq!((&step["id"], &step["keys"]), (&json!("tell-the-billing-system"), &json!(["params"])));
    let lines = diff["text"].as_str().expect("a text");
    assert!(lines.starts_with("--- version 1\n+++ version 2\n@@ "), "{lines}");
    assert!(
        lines.contains("\n-timeout = \"10s\"\n+headers = ")
            && lines.trim_end().ends_with("+timeout = \"20s\""),
        "{lines}"
    );
    let back = |made_from: &str, version: &str| {
        let path = format!("/workflows/api-sample/versions/{version}/restore");
        server.send("POST", &path, &[("If-Match", made_from)], b"")
    };
    assert_eq!(back("\"1\"", "1").status, 412);
    let restored = back("\"2\"", "1");
    assert_eq!((restored.status, &restored.json()["version"]), (200, &json!(3)), "{}", restored.body);
    assert_eq!((text(&server), numbers()), (first, vec![3, 2, 1]));
    assert_eq!(at("/3/diff?with=1").json()["text"], "");
    for (path, status, code) in [
        ("/4", 404, "version_not_found"),
        ("/x", 404, "version_not_found"),
        ("/1/diff", 404, "version_not_found"),
        ("/1/diff?with=x", 400, "invalid_parameter"),
    ] {
        let answer = at(path);
        assert_eq!((answer.status, &answer.json()["code"]), (status, &Value::from(code)), "{path}");
    }
}

/// "Publishing a version that would strand data is refused with the numbers (`stage_in_use: 12 tasks`, values that
/// break a new type or uniqueness)."
#[test]
fn a_version_that_would_strand_data_is_refused_with_the_numbers() {
    let (_project, server) = imported();
    let first = text(&server);
    let create = |id: &str, stage: &str, name: &str| {
        server.create_task(&json!({"Company ID": id, "Stage": stage, "Company Name": name}));
    };
    // More than one page of tasks, and one in another stage.
    (0..501).for_each(|number| create(&format!("T{number}"), "In Progress", "12"));
    create("43", "Not Started", "Acme");
    let without_stage = first
        .replace("[[stages]]\nname = \"In Progress\"\ncolor = \"yellow\"\n\n", "")
        .replace("from = [\"In Progress\"]", "from = [\"Not Started\"]")
        .replace("stage = \"In Progress\"", "stage = \"Completed\"");
    let retyped = first
        .replace("name = \"Company Name\"\ntype = \"text\"", "name = \"Company Name\"\ntype = \"number\"");
    let other_unique = first.replace("type = \"uniqueId\"", "type = \"text\"");
    for (text, code, part, tasks) in [
        (&without_stage, "stage_in_use", json!("in-progress"), 501),
        (&retyped, "values_break_type", json!("company-name"), 1),
        (&other_unique, "unique_id_in_use", Value::Null, 502),
    ] {
        let refused = save(&server, "\"1\"", text);
        let body = refused.json();
        assert_eq!((refused.status, &body["code"]), (409, &json!("data_stranded")), "{}", refused.body);
        let stranded = &body["stranded"][0];
        let told = send(&server, "POST", &format!("{PATH}/validate"), &[], text).json();
        assert_eq!((&told["valid"], &told["stranded"]), (&json!(true), &body["stranded"]));
        assert_eq!((&stranded["code"], &stranded["id"]), (&json!(code), &part));
        assert_eq!(stranded["tasks"], tasks);
        let said = format!("{code}: {tasks} task");
        assert!(body["message"].as_str().is_some_and(|message| message.contains(&said)), "{body}");
        assert_eq!(body["stranded"].as_array().map(Vec::len), Some(1), "{body}");
    }
    assert_eq!(text(&server), first, "nothing was published");
    server.send("DELETE", "/workflows/api-sample/tasks/43", &[], b"");
    assert_eq!(save(&server, "\"1\"", &retyped).json()["version"], 2, "every value is a number now");
    let back = server.send("POST", "/workflows/api-sample/versions/1/restore", &[("If-Match", "*")], b"");
    assert_eq!(back.json()["version"], 3);
}

/// What a file would strand does not keep the server down: its workflow goes on as it was, and says why.
#[test]
fn a_file_that_would_strand_data_is_not_published_and_the_server_starts() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let server = project.serve(&key);
    server.create_task(&acme());
    server.kill();
    let before = project.command(&["export", "api-sample"]);
    let moved = api_sample("https://billing.example").replace("\"In Progress\"", "\"Busy\"");
    project.write("workflows/test.toml", &moved);
    project.write("workflows/other.toml", "name = \"Other\"\n[[stages]]\nname = \"Open\"\n");
    let server = project.serve(&key);
    let listed = server.get("/workflows").json();
    let why = listed[0]["refused"].as_str().expect("why");
    assert!(why.starts_with("stage_in_use: 1 task in the stage “In Progress”"), "{why}");
    assert_eq!((&listed[1]["id"], listed[1].get("refused")), (&json!("other"), None), "the others go on");
    assert!(project.log().contains("a workflow file is not published; the workflow goes on as it was"));
    let shown = server.get(PATH).json();
    assert_eq!(
        (&shown["version"], &shown["toml"], &shown["refused"]),
        (&json!(1), &json!(before), &json!(why))
    );
    assert_eq!(shown["managed_by"], "file");
    assert_eq!(server.task("42")["Stage"], "In Progress");
    // Once no task is there, the next start publishes it.
    assert_eq!(server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.get("/workflows/api-sample/stages").json()[1]["name"], "Busy");
    let finish = json!({"id": "finish", "name": "Finish", "color": "green", "from": ["Busy"]});
    assert_eq!(server.get("/workflows/api-sample/actions").json()[1], finish);
    assert_eq!(server.get("/workflows").json()[0].get("refused"), None);
}

/// "A rename keeps the `id` or says `was = "Old name"`": what tasks hold goes along, in files and in the API.
#[test]
fn what_has_a_new_name_stays_the_same_thing() {
    let sample = api_sample("https://billing.example");
    let (project, key) = Project::new(&sample);
    let server = project.serve(&key);
    server.create_task(&acme());
    server.kill();
    let renamed = sample
        .replace("name = \"Company Name\"", "name = \"Client\"\nwas = \"Company Name\"")
        .replace("{{Company Name}}", "{{Client}}")
        .replace("name = \"In Progress\"", "name = \"Busy\"\nwas = \"In Progress\"")
        .replace("\"In Progress\"]", "\"Busy\"]")
        .replace("stage = \"In Progress\"", "stage = \"Busy\"");
    project.write("workflows/test.toml", &renamed);
    project.command(&["check"]);
    let server = project.serve(&key);
    let task = server.task("42");
    assert_eq!((&task["Stage"], &task["Client"]), (&json!("Busy"), &json!("Acme Corp")));
    assert_eq!(server.get(PATH).json()["version"], 2);
    server.kill();
    // The file stays as it is, or loses the words that were followed: nothing changes.
    let without = renamed.replace("was = \"Company Name\"\n", "").replace("was = \"In Progress\"\n", "");
    for file in [&renamed, &without] {
        project.write("workflows/test.toml", file);
        let server = project.serve(&key);
        assert_eq!(server.get(PATH).json()["version"], 2);
        assert_eq!(server.task("42")["Client"], "Acme Corp");
        server.kill();
    }
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    let again = text(&server)
        .replace("name = \"Client\"\nid = \"company-name\"", "name = \"Buyer\"\nwas = \"Client\"");
    let again = again.replace("{{Client}}", "{{Buyer}}");
    let saved = save(&server, "\"2\"", &again);
    assert_eq!(saved.status, 200, "{}", saved.body);
    assert_eq!(server.task("42")["Buyer"], "Acme Corp");
    let toml = saved.json()["toml"].as_str().expect("a text").to_owned();
    assert!(toml.contains("name = \"Buyer\"\nid = \"company-name\"\n") && !toml.contains("was"), "{toml}");
    let unknown = again.replace("was = \"Client\"", "was = \"Customer\"");
    assert_eq!(
        save(&server, "*", &unknown.replace("Buyer", "Other")).json()["problems"][0]["code"],
        "unknown_name"
    );
}

/// "A workflow whose latest version cannot be read is broken": until somebody saves one that can.
#[test]
fn a_version_that_cannot_be_read_is_mended_by_the_next() {
    let (project, server) = imported();
    let (first, key) = (text(&server), server.key.clone());
    assert_eq!(server.terminate(), Some(0));
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    database.execute("UPDATE workflow_version SET source = 'name = 5'", []).expect("damaged");
    drop(database);
    let server = project.serve(&key);
    assert_eq!(server.get(PATH).status, 409);
    let old = server.get("/workflows/api-sample/versions/1");
    assert_eq!((old.status, &old.json()["code"]), (409, &json!("not_possible_now")));
    assert_eq!(server.get("/workflows/api-sample/versions").json()[0]["version"], 1);
    assert_eq!(import(&server, &first).json()["code"], "workflow_exists");
    let mended = save(&server, "\"1\"", &first);
    assert_eq!((mended.status, &mended.json()["version"]), (200, &json!(2)), "{}", mended.body);
    server.create_task(&acme());
    assert_eq!(text(&server), first);
}
