//! Definitions as documents: what a program reads, changes and saves as JSON is what a person reads and saves as TOML.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Project, Server, api_sample, request};

const PATH: &str = "/workflows/everything/definition";

/// Something of everything that a workflow file can say.
const EVERYTHING: &str = include_str!("everything.toml");

/// A server without workflow files, and the text as it was imported.
fn imported() -> (Project, Server) {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    fs::remove_file(project.path("workflows/test.toml")).expect("removed");
    let server = project.serve(&key);
    let bearer = format!("Bearer {}", server.key);
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/toml")];
    let path = "/api/v1/workflows/import";
    let answer = request(&server.address, "POST", path, &headers, EVERYTHING.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.body);
    (project, server)
}

fn put(server: &Server, made_from: &str, document: &Value) -> crate::support::Answer {
    server.send("PUT", PATH, &[("If-Match", made_from)], document.to_string().as_bytes())
}

/// "TOML → document → PUT → the same canonical TOML."
#[test]
fn a_document_says_all_that_a_file_does() {
    let (project, server) = imported();
    let shown = server.get(PATH).json();
    assert_eq!(shown["toml"], EVERYTHING, "the file is as the server writes it");
    let document = &shown["document"];
    assert_eq!(server.get("/workflows/everything/versions/1").json()["document"], *document);
    // Nothing is left to be inferred.
    let parts = |of: &Value, key: &str| of[key].as_array().unwrap_or_else(|| panic!("{key}")).clone();
    for key in ["fields", "stages", "roles", "actions"] {
        for part in parts(document, key) {
            assert!(part["id"].is_string() && part["name"].is_string(), "{part}");
            assert!(!["stages", "actions"].contains(&key) || part["color"].is_string(), "{part}");
        }
    }
    for step in parts(document, "actions").iter().flat_map(|action| parts(action, "steps")) {
        assert!(step["id"].is_string() && step["name"].is_string() && step["type"].is_string(), "{step}");
    }
    // It is what the schema of workflow files says, too.
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/schemas/workflow.json"))
            .expect("the schema"),
    )
    .expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}");
    // The same again is no new version; from scratch it is the same workflow.
    let same = put(&server, "\"1\"", document);
    assert_eq!((same.status, &same.json()["version"]), (200, &json!(1)), "{}", same.body);
    let mut other = document.clone();
    (other["name"], other["id"]) = (json!("Other"), json!("other"));
    let added = server.post("/workflows/import", &other);
    assert_eq!(added.status, 201, "{}", added.body);
    let expected = EVERYTHING.replacen("name = \"Everything\"", "name = \"Other\"", 1);
    assert_eq!(added.json()["toml"], expected);
    let taken = server.post("/workflows/import", &other);
    assert_eq!((taken.status, &taken.json()["code"]), (409, &json!("workflow_exists")));
    // "PUT of the document with another `name` (its `id` stays)."
    let mut renamed = document.clone();
    renamed["name"] = json!("Renamed");
    renamed["stages"][0]["name"] = json!("Inbox");
    let refused = put(&server, "\"1\"", &renamed);
    assert_eq!((refused.status, &refused.json()["problems"][0]["code"]), (422, &json!("unknown_stage")));
    renamed = serde_json::from_str(&renamed.to_string().replace("\"Open\"", "\"Inbox\"")).expect("JSON");
    let saved = put(&server, "\"1\"", &renamed).json();
    assert_eq!((&saved["version"], &saved["workflow"]), (&json!(2), &json!("everything")), "{saved}");
    let diff = server.get("/workflows/everything/versions/2/diff").json();
    assert_eq!(diff["stages"]["changed"], json!([{"id": "open", "name": "Inbox", "keys": ["name"]}]));
    assert_eq!(diff["actions"]["removed"], json!([]));
    assert_eq!(project.command(&["export", "everything"]), saved["toml"].as_str().expect("a text"));
}

/// "A JSON pointer into the document to the thing concerned", for a document and for a text.
#[test]
fn what_is_wrong_and_what_is_found_has_its_path() {
    let (_project, server) = imported();
    let document = server.get(PATH).json()["document"].clone();
    let mut broken = document.clone();
    broken["actions"][0]["steps"][0].as_object_mut().expect("a step").remove("url");
    broken["stages"][1]["color"] = json!("gren");
    let told = server.post(&format!("{PATH}/validate"), &broken).json();
    let expected = json!({
        "code": "unknown_color", "message": "there is no colour `gren`", "path": "/stages/1/color", "line": null,
        "column": null, "span": null, "help": "did you mean `green`?",
    });
    assert_eq!((&told["valid"], &told["problems"][0]), (&json!(false), &expected));
    assert_eq!(told["problems"][1]["path"], "/actions/0/steps/0/url", "{told}");
    let refused = put(&server, "*", &broken);
    assert_eq!((refused.status, &refused.json()["problems"]), (422, &told["problems"]));
    let message = refused.json()["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("error[unknown_color] at /stages/1/color: there is no colour"), "{message}");
    let sound = server.post(&format!("{PATH}/validate"), &document).json();
    assert_eq!(sound["valid"], true, "{sound}");
    let findings = sound["findings"].as_array().expect("findings");
    let paths: Vec<_> = findings.iter().map(|it| (it["code"].clone(), it["path"].clone())).collect();
    let expected = [
        ("nobody_may_perform", "/actions/0"),
        ("missing_secret", "/actions/0/steps/0"),
        ("missing_secret", "/alerts"),
    ];
    assert_eq!(paths, expected.map(|(code, path)| (json!(code), json!(path))));
    assert_eq!(server.get("/workflows/everything/findings").json()[0]["path"], findings[0]["path"]);
    // A body that is no document at all.
    for (body, status, code) in [
        ("[]", 400, "invalid_body"),
        ("{\"name\":", 400, "invalid_json"),
        ("{\"name\":\"A\",\"name\":\"B\"}", 400, "invalid_body"),
        ("{}", 422, "invalid_definition"),
    ] {
        let answer = server.send("PUT", PATH, &[("If-Match", "*")], body.as_bytes());
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{body}");
    }
    let long = json!({"name": "x".repeat(1024 * 1024)});
    assert_eq!(put(&server, "*", &long).status, 413);
}
