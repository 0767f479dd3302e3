//! The OpenAPI document, and the server behind it, by somebody else's eyes: a validator of documents, and a fuzzer that asks
//! for what the document says, and for what it forbids. `.ci/run` installs both (`ONWARD_FUZZ` names the folder of their
//! programs) and runs this; `ONWARD_FUZZ_SECONDS` says for how long, and `ONWARD_FUZZ_SEED` with which seed.

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use self::support::{CONFIG, Project, Receiver, Reply, Server, request};

/// Requests that a minute of it has at least, or it has not asked.
const REQUESTS_MIN: u64 = 500;

/// Operations that the fuzzer is told to leave alone (schemathesis.toml says why).
const NOT_ASKED: [&str; 2] = ["streamEvents", "revokeKey"];

/// Operations that never succeed here: they are for who is signed in, and the fuzzer comes with a key; or for a server
/// that has nobody yet.
const NEVER_DONE: [&str; 3] = ["signOut", "changePassword", "setUp"];

const ORDERS: &str = include_str!("orders.toml");

fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("ONWARD_FUZZ").expect("ONWARD_FUZZ names the folder of the programs");
    PathBuf::from(folder).join(name)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The document, as anybody may read it, in a file.
fn document(project: &Project, server: &Server) -> PathBuf {
    let answer = request(&server.address, "GET", "/api/v1/openapi.json", &[], b"");
    assert_eq!(answer.status, 200);
    project.write("openapi.json", &answer.body);
    project.path("openapi.json")
}

/// A server on which every operation has something to find.
struct Bench {
    project: Project,
    server: Server,
    works: Receiver,
    refuses: Receiver,
}

impl Bench {
    fn new() -> Self {
        let (works, refuses) =
            (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(500, "not today")));
        let orders = ORDERS.replace("http://WORKS", &works.url()).replace("http://REFUSES", &refuses.url());
        let (project, key) = Project::new(&orders);
        project.write("onward.toml", &format!("{CONFIG}\n[log]\nformat = \"json\"\n"));
        for id in ["changed", "leaves", "leaves-too"] {
            let email = format!("{id}@example.com");
            let names = ["--first-name", "Example", "--last-name", "User"];
            project.command(&[&["user", "add", "--id", id, "--email", &email][..], &names].concat());
        }
        let server = project.serve(&key);
        Self { project, server, works, refuses }
    }

    /// Something that must be done, and what is answered.
    fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("Prefer", "wait=20"), ("If-Match", "*")];
        let answer = self.server.send(method, path, &headers, body.to_string().as_bytes());
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    fn performed(&self, task: &str, action: &str) -> String {
        let asked = json!({"task_id": task, "action_id": action, "performed_by": "abc123"});
        text(&self.done("POST", "/workflows/orders/executions", &asked)["id"])
    }

    /// Puts there what the fuzzer is to find; what it is to call it, beside what schemathesis.toml says.
    fn furnish(&self) -> Vec<(&'static str, String)> {
        let post = |path: &str, body: Value| self.done("POST", path, &body);
        let papers = json!([{"filename": "a.txt", "base64contents": "aGk="}]);
        let task = |id: &str, papers: &Value| {
            let values = json!({"Company ID": id, "Stage": "In Progress", "Papers": papers});
            post("/workflows/orders/tasks", values)
        };
        let blob = text(&task("42", &papers)["Papers"][0]["blobId"]);
        for id in ["43", "spare", "scheduled", "to-cancel"] {
            task(id, &json!([]));
        }
        let item = json!({"title": "Weigh it", "Stage": "In Progress"});
        let item = text(&post("/workflows/orders/tasks/42/checklist_items", item)["id"]);
        self.performed("scheduled", "schedule");
        self.performed("to-cancel", "schedule");
        self.performed("43", "finish");
        let (failed, to_retry) = (self.performed("43", "fail"), self.performed("43", "fail"));
        let waiting = self.performed("42", "wait");
        let bearer = format!("Bearer {}", self.server.key);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/toml")];
        for name in ["Spare", "Put away"] {
            let text = format!("name = \"{name}\"\n[[stages]]\nname = \"Open\"\n");
            let path = "/api/v1/workflows/import";
            let made = request(&self.server.address, "POST", path, &headers, text.as_bytes());
            assert_eq!(made.status, 201, "{}", made.body);
        }
        self.done("PUT", "/secrets/SPARE", &json!({"value": "a long value"}));
        // Who signs in as the document's example says.
        let link = post("/users/abc123/password_link", json!({}));
        post("/invitations/accept", json!({"token": link["token"], "password": "a good password"}));
        let invited = |email: &str| post("/invitations", json!({"email": email}));
        vec![
            ("ONWARD_FUZZ_BLOB", blob),
            ("ONWARD_FUZZ_ITEM", item),
            ("ONWARD_FUZZ_FAILED", failed),
            ("ONWARD_FUZZ_TO_RETRY", to_retry),
            ("ONWARD_FUZZ_WAITING", waiting),
            ("ONWARD_FUZZ_ENDPOINT", self.works.url().trim_start_matches("http://").to_owned()),
            ("ONWARD_FUZZ_INVITATION", text(&invited("withdrawn@example.com")["id"])),
            ("ONWARD_FUZZ_LOOKED_AT", text(&invited("looked-at@example.com")["token"])),
            ("ONWARD_FUZZ_TOKEN", text(&invited("newcomer@example.com")["token"])),
        ]
    }

    /// Lets the fuzzer ask; what it says, and what each operation answered, by its id and by status.
    fn fuzzed(&self) -> (Output, BTreeMap<String, BTreeMap<String, u64>>) {
        let seconds = std::env::var("ONWARD_FUZZ_SECONDS").unwrap_or_else(|_| "80".to_owned());
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let asked = self.project.path("asked.json");
        let fuzzed = Command::new(program("st"))
            .env("SCHEMATHESIS_HOOKS", here.join("hooks.py"))
            .env("ONWARD_FUZZ_ASKED", &asked)
            .envs(self.furnish())
            .current_dir(self.project.path("."))
            .arg("--config-file")
            .arg(here.join("schemathesis.toml"))
            .arg("run")
            .arg(document(&self.project, &self.server))
            .args(["--url", &format!("http://{}", self.server.address), "--seed", &seed()])
            .args(["--header", &format!("Authorization: Bearer {}", self.server.key)])
            .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "20"])
            // One at a time: two threads that read source code break one another in Python 3.11.
            .args(["--workers", "1", "--continue-on-failure", "--no-color", "--max-time", &seconds])
            .args(["--generation-database", "none", "--request-timeout", "30"])
            .output()
            .expect("the fuzzer runs");
        let asked = std::fs::read(asked).unwrap_or_else(|error| panic!("{error}: {}", said(&fuzzed)));
        (fuzzed, serde_json::from_slice(&asked).expect("counts"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// With which the fuzzer begins: another one each time, unless one is to be repeated.
fn seed() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").subsec_nanos();
    let seed = std::env::var("ONWARD_FUZZ_SEED").unwrap_or_else(|_| now.to_string());
    // Past the test harness, so that a run that passes says it, too.
    eprintln!("ONWARD_FUZZ_SEED={seed}");
    seed
}

/// The ids of the document's operations.
fn operations(server: &Server) -> Vec<String> {
    let document = server.get("/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().flat_map(|path| path.as_object().expect("operations").values());
    operations.map(|operation| text(&operation["operationId"])).collect()
}

#[test]
fn the_document_is_openapi() {
    let bench = Bench::new();
    let checked =
        Command::new(program("openapi-spec-validator")).arg(document(&bench.project, &bench.server)).output();
    let checked = checked.expect("the validator runs");
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn the_server_does_what_the_document_says_whatever_it_is_asked() {
    let bench = Bench::new();
    let (fuzzed, answers) = bench.fuzzed();
    let said = said(&fuzzed);
    assert!(fuzzed.status.success(), "{said}");
    let passed = said.lines().find_map(|line| line.trim().split_once(" generated, ")?.0.parse::<u64>().ok());
    assert!(passed.is_some_and(|passed| passed >= REQUESTS_MIN), "{said}");
    println!("{passed:?} requests");
    let done = |id: &str| answers.get(id).is_some_and(|by| by.keys().any(|status| status.starts_with('2')));
    for id in operations(&bench.server).iter().map(String::as_str).filter(|id| !NOT_ASKED.contains(id)) {
        assert!(answers.contains_key(id), "{id} was not asked");
        assert_eq!(done(id), !NEVER_DONE.contains(&id), "{id} answered {:?}", answers[id]);
    }
    let log = bench.project.log();
    assert!(!log.contains("\"ERROR\""), "{log}");
    // It may have taken everything away but the workflow; what is left still works.
    bench.done(
        "POST",
        "/workflows/orders/tasks",
        &json!({"Company ID": "after", "Stage": "In Progress", "Assigned To": null}),
    );
    let (works, refuses) = (bench.works.received().len(), bench.refuses.received().len());
    bench.done("POST", "/workflows/orders/executions", &json!({"task_id": "after", "action_id": "finish"}));
    assert_eq!((bench.works.received().len(), bench.refuses.received().len()), (works + 1, refuses));
}
