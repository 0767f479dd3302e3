//! The OpenAPI document, and the server behind it, by somebody else's eyes: a validator of documents, and a fuzzer that asks
//! for what the document says, and for what it forbids. `.ci/run` installs both (`ONWARD_FUZZ` names the folder of their
//! programs) and runs this; `ONWARD_FUZZ_SECONDS` says for how long.

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::json;

use self::support::{CONFIG, Project, Receiver, Reply, Server, acme, api_sample, request};

/// Requests that a minute of it has at least, or it has not asked.
const REQUESTS_MIN: u64 = 500;

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

fn served() -> (Project, Server, Receiver, String) {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    project.write("onward.toml", &format!("{CONFIG}\n[log]\nformat = \"json\"\n"));
    let server = project.serve(&key);
    server.create_task(&acme());
    server.post("/workflows/api-sample/tasks", &json!({"Company ID": "1", "Stage": "In Progress"}));
    (project, server, receiver, key)
}

#[test]
fn the_document_is_openapi() {
    let (project, server, _receiver, _) = served();
    let checked = Command::new(program("openapi-spec-validator")).arg(document(&project, &server)).output();
    let checked = checked.expect("the validator runs");
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn the_server_does_what_the_document_says_whatever_it_is_asked() {
    let (project, server, _receiver, key) = served();
    let seconds = std::env::var("ONWARD_FUZZ_SECONDS").unwrap_or_else(|_| "60".to_owned());
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let fuzzed = Command::new(program("st"))
        .env("SCHEMATHESIS_HOOKS", here.join("hooks.py"))
        .current_dir(project.path("."))
        .arg("--config-file")
        .arg(here.join("schemathesis.toml"))
        .arg("run")
        .arg(document(&project, &server))
        .args(["--url", &format!("http://{}", server.address)])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "20"])
        .args(["--workers", "2", "--continue-on-failure", "--no-color", "--max-time", &seconds])
        .args(["--generation-database", "none", "--request-timeout", "30"])
        .output()
        .expect("the fuzzer runs");
    let said = said(&fuzzed);
    assert!(fuzzed.status.success(), "{said}");
    let passed = said.lines().find_map(|line| line.trim().split_once(" generated, ")?.0.parse::<u64>().ok());
    assert!(passed.is_some_and(|passed| passed >= REQUESTS_MIN), "{said}");
    println!("{passed:?} requests");
    let log = project.log();
    assert!(!log.contains("\"ERROR\""), "{log}");
    // It may have taken everything away but the workflow; what is left still works.
    let after = json!({"Company ID": "after", "Stage": "In Progress", "Assigned To": null});
    assert!(server.post("/workflows/api-sample/tasks", &after).status < 300);
    assert_eq!(server.performed("after", "finish")["status"], "Success");
}
