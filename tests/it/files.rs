//! Fields for files: uploaded with a task, kept, removed, fetched; sent to a receiver and changed by it.

use serde_json::{Value, json};

use crate::support::{CONFIG, ORDERS, Project, Receiver, Reply, Server, api_sample, eventually, request};

const TASKS: &str = "/workflows/api-sample/tasks";

/// Four bytes that are no text, and their base64.
const PICTURE: [u8; 4] = [0x00, 0x9f, 0x92, 0x96];
const PICTURE_BASE64: &str = "AJ+Slg==";

/// The page's workflow with two fields for files, and actions that send, copy, clear and need them.
fn workflow(receiver: &str) -> String {
    api_sample(receiver)
        + &r#"
[[fields]]
name = "Papers"
type = "file"
limit = 2

[[fields]]
name = "Archive"
type = "file"

[[actions]]
name = "Call"
from = ["Not Started"]
[[actions.steps]]
type = "api_call"
url = "RECEIVER/{{Papers}}"

[[actions]]
name = "Store Away"
from = ["Not Started"]
[[actions.steps]]
type = "update_data"
fields = { "Archive" = "{{Papers}}", "Company Name" = "with {{Papers}}" }
[[actions.steps]]
type = "update_data"
fields = { "Papers" = [] }

[[actions]]
name = "Need"
from = ["Not Started"]
[actions.requires]
fields = ["Papers"]
[[actions.requires.conditions]]
message = "Archive first"
all = [{ field = "Archive", is_set = true }]
"#
        .replace("RECEIVER", receiver)
}

struct Bench {
    receiver: Receiver,
    project: Project,
    server: Server,
}

fn bench() -> Bench {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let server = project.serve(&key);
    Bench { receiver, project, server }
}

fn picture(filename: &str) -> Value {
    json!({"filename": filename, "contentType": "image/png", "base64contents": PICTURE_BASE64})
}

/// Writes a task that must be accepted; the task afterwards.
fn written(server: &Server, task: &str, papers: &Value) -> Value {
    let answer = server.post(TASKS, &json!({"Company ID": task, "Papers": papers}));
    assert!([200, 201].contains(&answer.status), "{}", answer.body);
    let task = server.task(task);
    assert_eq!(answer.json(), task);
    task
}

/// Where the bytes of a shown entry are.
fn address(entry: &Value) -> String {
    format!("/files/{}", entry["blobId"].as_str().expect("a blobId"))
}

/// "`GET /files/{blobId}`: the bytes. In a task a file field is `[{"blobId","filename","contentType"}]`;
/// uploading: an entry with `base64contents` (and `contentType`, `filename`) …; leaving an entry out
/// removes it". What was answered survives `kill -9`.
#[test]
fn a_file_is_uploaded_fetched_kept_and_removed() {
    let Bench { project, server, .. } = bench();
    let task =
        written(&server, "42", &json!([picture("a.png"), {"filename": "b", "base64contents": "aGk="}]));
    let papers = task["Papers"].clone();
    let shown = |entry: &Value| (entry["filename"].clone(), entry["contentType"].clone());
    assert_eq!(shown(&papers[0]), (json!("a.png"), json!("image/png")));
    assert_eq!(shown(&papers[1]), (json!("b"), json!("application/octet-stream")));
    assert_eq!(papers[0].as_object().expect("an entry").len(), 3);
    assert_eq!(task["Archive"], json!([]));

    let key = server.key.clone();
    server.kill();
    let server = project.serve(&key);
    assert_eq!(server.task("42")["Papers"], papers);
    let answer = server.get(&address(&papers[0]));
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, &PICTURE[..]));
    assert_eq!(server.get(&address(&papers[1])).body, "hi");

    // By the id alone, and as it was shown.
    let kept = written(&server, "42", &json!([{"blobId": papers[1]["blobId"]}]));
    assert_eq!(kept["Papers"], json!([papers[1]]));
    assert_eq!(written(&server, "42", &kept["Papers"])["Papers"], kept["Papers"]);
    // A patch that says nothing of the field leaves it alone.
    server.post(TASKS, &json!({"Company ID": "42", "Company Name": "Acme"}));
    assert_eq!(server.task("42")["Papers"], kept["Papers"]);
    assert_eq!(written(&server, "42", &json!(null))["Papers"], json!([]));

    // The history names what was there, and its bytes stay.
    let history = server.get("/workflows/api-sample/tasks/42/history").json();
    assert_eq!(history[1]["changes"]["Papers"], json!({"before": papers, "after": [papers[1]]}));
    assert_eq!(server.get(&address(&papers[0])).bytes, PICTURE);
}

/// Whoever may not view a workflow in which a task has a file, or had it, does not read it, though they know its id.
#[test]
fn a_file_is_read_by_who_may_view_a_workflow_that_has_it() {
    let bench = bench();
    let orders = format!("{ORDERS}[[fields]]\nname = \"Papers\"\ntype = \"file\"\n");
    bench.project.write("workflows/orders.toml", &orders);
    eventually("the other workflow is there", || bench.server.get("/workflows/orders/tasks").status == 200);
    let key = |workflow: &str| {
        let body = json!({"name": workflow, "scopes": ["read"], "workflows": [workflow]});
        Server::of(&bench.server, bench.server.post("/keys", &body).json()["key"].as_str().expect("a key"))
    };
    let (here, elsewhere) = (key("api-sample"), key("orders"));
    let path = format!(
        "/files/{}",
        written(&bench.server, "1", &json!([picture("a.png")]))["Papers"][0]["blobId"]
            .as_str()
            .expect("an id")
    );
    let refused = elsewhere.get(&path);
    assert_eq!((refused.status, &refused.json()["code"]), (404, &json!("file_not_found")));
    assert_eq!(here.get(&path).bytes, PICTURE);
    // The history goes on to name it.
    written(&bench.server, "1", &json!([]));
    assert_eq!((here.get(&path).status, elsewhere.get(&path).status), (200, 404));
    let again = bench.server.post("/workflows/orders/tasks", &json!({"Papers": [picture("b.png")]}));
    assert_eq!(again.status, 201, "{}", again.body);
    assert_eq!((here.get(&path).status, elsewhere.get(&path).status), (200, 200));
}

/// "An uploaded HTML cannot run in our origin": whatever a file is, it is saved and not shown.
#[test]
fn what_is_fetched_is_never_a_page_of_the_server() {
    let Bench { server, .. } = bench();
    let page = json!({"filename": "x.html", "contentType": "text/html", "base64contents": "PHNjcmlwdD4="});
    let task = written(&server, "42", &json!([page]));
    let path = address(&task["Papers"][0]);
    let answer = server.get(&path);
    for (name, value) in [
        ("content-type", "text/html"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{}", answer.head);
    }
    let unauthorized = request(&server.address, "GET", &format!("/api/v1{path}"), &[], b"");
    assert_eq!(unauthorized.status, 401);
    assert_eq!(server.send("DELETE", &path, &[], b"").status, 405);
    for unknown in [
        path.replace("/files/", "/files/0"),
        path.to_uppercase().replace("/FILES/", "/files/"),
        format!("/files/{}", "0".repeat(64)),
        "/files/..%2f".to_owned(),
    ] {
        let answer = server.get(&unknown);
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("file_not_found")), "{unknown}");
    }
}

/// "422 `{"errors": {"FIELD": ["is invalid"]}}`", every problem at once and nothing of the patch applied; a
/// file of another task cannot be taken hold of.
#[test]
fn a_patch_with_a_bad_entry_changes_nothing_and_keeps_nothing() {
    let Bench { server, .. } = bench();
    let other = written(&server, "41", &json!([picture("other.png")]));
    let task = written(&server, "42", &json!([{"filename": "own", "base64contents": "aGk="}]));
    let foreign = &other["Papers"][0];
    let new = json!({"filename": "new", "base64contents": "bmV3"});
    for (papers, expected) in [
        (
            json!([foreign]),
            json!(["is invalid: file 1 names a `blobId` that is not a file of this task; send its bytes \
                                   as `base64contents`"]),
        ),
        (
            json!([new, {"filename": "n", "base64contents": "§"}, {"base64contents": ""}]),
            json!(["is invalid: it has 3 files, at most 2 are possible"]),
        ),
        (
            json!([{"filename": "n", "base64contents": "§"}, {"filename": "../n", "base64contents": ""}]),
            json!([
                "is invalid: file 1 has `base64contents` that is not base64 (RFC 4648, without line breaks)",
                "is invalid: file 2 has a `filename` with a path or a control character in it"
            ]),
        ),
        (
            json!([new, {"filename": "n", "remoteUrl": "http://127.0.0.1/"}]),
            json!([
                "is invalid: file 2 could not be fetched: 127.0.0.1 is not called: 127.0.0.1 is in 127.0.0.0/8 (loopback), \
                 which calls do not reach; the operator of this server can allow it with files.remote_allow = [\"127.0.0.1:80\"]."
            ]),
        ),
    ] {
        let patch =
            json!({"Company ID": "42", "Company Name": "changed", "Archive": [new], "Papers": papers});
        let answer = server.post(TASKS, &patch);
        assert_eq!(
            (answer.status, &answer.json()["errors"]),
            (422, &json!({"Papers": expected})),
            "{papers}"
        );
        assert_eq!(server.task("42"), task);
    }
    // The SHA-256 of `new`, which came in good entries of refused patches.
    let new = "/files/11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";
    assert_eq!(server.get(new).status, 404);
    let archived = server
        .post(TASKS, &json!({"Company ID": "42", "Archive": [{"filename": "n", "base64contents": "bmV3"}]}));
    assert_eq!((archived.status, server.get(new).body.as_str()), (200, "new"));
}

/// The limits: `files.bytes_max` for a file, and room for one such file in a task's body beyond
/// `server.body_bytes_max`, which is a fifth of it by default. A workflow without files has no more room.
#[test]
fn a_file_of_the_size_that_is_allowed_can_be_sent() {
    let Bench { project, server, .. } = bench();
    let zeros = |bytes: usize| json!([{"filename": "zeros", "base64contents": "AAAA".repeat(bytes / 3)}]);
    let most = 5 * 1024 * 1024;
    let task = written(&server, "42", &zeros(most));
    let answer = server.get(&address(&task["Papers"][0]));
    assert_eq!(answer.bytes, vec![0; most / 3 * 3]);
    let answer = server.post(TASKS, &json!({"Company ID": "42", "Papers": zeros(most + 3)}));
    assert_eq!(
        answer.json()["errors"]["Papers"],
        json!([
            "is invalid: file 1 is larger than 5242880 bytes; the server's `files.bytes_max` sets this limit"
        ])
    );
    let answer = server.post(TASKS, &json!({"Company ID": "42", "Papers": zeros(most * 2)}));
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("body_too_large")));
    assert_eq!(
        answer.json()["message"],
        "the body is larger than 8039084 bytes; `server.body_bytes_max` and `files.bytes_max` set this limit"
    );
    // The room is for tasks, and for workflows with files.
    let large = json!({"task_id": "42", "action_id": "x".repeat(1024 * 1024)});
    assert_eq!(server.post("/workflows/api-sample/executions", &large).status, 413);
    server.terminate();

    project.write("onward.toml", &format!("{CONFIG}[files]\nbytes_max = 4\n"));
    let server = project.serve(project.command(&["key", "add", "Another"]).trim());
    written(&server, "42", &json!([picture("a.png")]));
    let answer = server.post(TASKS, &json!({"Company ID": "42", "Papers": zeros(6)}));
    assert_eq!(
        answer.json()["errors"]["Papers"],
        json!(["is invalid: file 1 is larger than 4 bytes; the server's `files.bytes_max` sets this limit"])
    );
}

/// "Both get the same document and may answer with the same document", with the same rules for files.
#[test]
fn a_receiver_gets_the_files_and_changes_them() {
    let Bench { receiver, server, .. } = bench();
    let task =
        written(&server, "42", &json!([picture("a b.png"), {"filename": "c", "base64contents": "aGk="}]));
    let papers = task["Papers"].clone();
    let answer =
        json!({"task": {"Papers": [papers[0], {"filename": "signed.txt", "base64contents": "bmV3"}]}});
    receiver.answer_with(Reply::new(200, &answer.to_string()));
    let ended = server.performed("42", "call");
    assert_eq!(ended["status"], "Success", "{ended}");
    let received = receiver.received();
    assert!(received[0].head.starts_with("POST /a%20b.png%2C%20c "), "{}", received[0].head);
    let document: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!((&document["task"]["Papers"], &document["task"]["Archive"]), (&papers, &json!([])));
    let now = server.task("42")["Papers"].clone();
    assert_eq!(
        (&now[0], &now[1]["filename"], now.as_array().map(Vec::len)),
        (&papers[0], &json!("signed.txt"), Some(2))
    );
    assert_eq!(server.get(&address(&now[1])).body, "new");

    // What it may not say fails the step, with the field's errors, and changes nothing.
    let answer = json!({"task": {"Company Name": "x", "Papers": [{"blobId": "0".repeat(64)}]}});
    receiver.answer_with(Reply::new(200, &answer.to_string()));
    let ended = server.performed("42", "call");
    let message = ended["errors"][0].as_str().unwrap_or_default();
    assert!(message.contains("Papers is invalid: file 1 names a `blobId`"), "{ended}");
    assert_eq!((&server.task("42")["Papers"], &server.task("42")["Company Name"]), (&now, &json!(null)));

    receiver.answer_with(Reply::new(200, r#"{"task":{"Papers":[]}}"#));
    assert_eq!(server.performed("42", "call")["status"], "Success");
    assert_eq!(server.task("42")["Papers"], json!([]));
}

/// A file field in steps (alone in a template it keeps its type), requirements, conditions, filters, and
/// the list of fields.
#[test]
fn files_are_copied_required_tested_filtered_and_described() {
    let Bench { server, .. } = bench();
    written(&server, "41", &json!([]));
    let refused = server.perform("41", "need");
    assert_eq!(refused.json()["errors"], json!(["Papers is required", "Archive first"]), "{}", refused.body);
    let papers = written(&server, "42", &json!([picture("a.png")]))["Papers"].clone();
    assert_eq!(server.performed("42", "store-away")["status"], "Success");
    let task = server.task("42");
    assert_eq!((&task["Archive"], &task["Papers"]), (&papers, &json!([])));
    assert_eq!(task["Company Name"], "with a.png");
    // From one field of the task to another one.
    written(&server, "42", &papers);
    assert_eq!(server.performed("42", "need")["status"], "Success");

    let ids = |query: &str| {
        let tasks = server.get(&format!("{TASKS}?{query}")).json();
        tasks.as_array().expect("a list").iter().map(|task| task["Company ID"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("Papers=a.png"), ids("Papers="), ids("Papers=b")),
        (vec![json!("42")], vec![json!("41")], vec![])
    );
    let fields = server.get("/workflows/api-sample/fields").json();
    let files: Vec<_> =
        fields.as_array().expect("a list").iter().filter(|field| field["type"] == "file").collect();
    assert_eq!((&files[0]["limit"], files[1].get("limit"), files.len()), (&json!(2), None, 2));
}

/// "Uploading: an entry with `base64contents` … or `remoteUrl`."
#[test]
fn a_file_that_is_named_by_its_address_is_fetched() {
    let receiver = Receiver::start(Reply::new(200, "the bytes"));
    let (project, key) = Project::new(&workflow(&receiver.url()));
    project.write(
        "onward.toml",
        &format!("{CONFIG}\n[files]\nremote_allow = [\"127.0.0.1\"]\nbytes_max = 100\n"),
    );
    let server = project.serve(&key);
    let url = format!("{}/papers/contract.pdf?x=1", receiver.url());
    let write = |papers: Value| server.post(TASKS, &json!({"Company ID": "42", "Papers": papers}));
    let written = write(
        json!([{"remoteUrl": url}, {"remoteUrl": url, "filename": "other.txt", "contentType": "text/plain"}]),
    );
    assert_eq!(written.status, 201, "{}", written.body);
    let papers = written.json()["Papers"].clone();
    assert_eq!(
        (&papers[0]["filename"], &papers[1]["filename"]),
        (&json!("contract.pdf"), &json!("other.txt"))
    );
    assert_eq!(papers[1]["contentType"], "text/plain");
    let blob = server.get(&format!("/files/{}", papers[0]["blobId"].as_str().expect("an id")));
    assert_eq!((blob.status, &*blob.body), (200, "the bytes"));
    assert!(receiver.received()[0].head.starts_with("GET /papers/contract.pdf?x=1 "));
    receiver.answer_with(Reply::new(404, "no"));
    let refused = write(json!([{"remoteUrl": url}]));
    assert_eq!(
        (refused.status, &refused.json()["errors"]["Papers"][0]),
        (422, &json!("is invalid: file 1 could not be fetched: it was answered with 404 Not Found"))
    );
    receiver.answer_with(Reply::new(200, &"x".repeat(101)));
    let refused = write(json!([{"remoteUrl": url}]));
    assert!(refused.body.contains("which is the limit"), "{}", refused.body);
    let both = write(json!([{"remoteUrl": url, "base64contents": "aGk="}]));
    assert!(both.body.contains("has both `remoteUrl` and `base64contents`"), "{}", both.body);
    assert_eq!(server.task("42")["Papers"], papers, "nothing of what was refused");
}
