//! No route forgets to ask for a right.

use serde_json::{Value, json};

use super::bench;
use crate::support::request;

/// What anybody may ask who is signed in, whatever their roles: of themselves, and of what they may see, which can be nothing.
const FOR_ALL: [&str; 5] = ["readSession", "readWorkspace", "listWorkflows", "listStepTypes", "readFile"];

/// What would end the session that asks, and what does not end.
const NOT_ASKED: [&str; 3] = ["signOut", "changePassword", "streamEvents"];

/// Each route of the document, so that one which forgets to ask for a right is found: nobody without a session has an answer
/// (unless the document says so), and somebody who may see no workflow changes nothing and sees nothing.
#[test]
fn no_route_answers_whoever_has_no_right() {
    let bench = bench();
    let outsider = bench.person("outsider", Some("Outsider"));
    let document = bench.server.get("/openapi.json").json();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let known =
            path.replace("{workflow}", "api-sample").replace("{task}", "42").replace("{user}", "outsider");
        let part = |part| if str::starts_with(part, '{') { "1" } else { part };
        let address = known.split('/').map(part).collect::<Vec<_>>().join("/");
        for (method, operation) in operations.as_object().expect("operations") {
            let Some(id) = operation["operationId"].as_str() else { continue };
            if NOT_ASKED.contains(&id) || operation["security"] == json!([]) {
                continue;
            }
            asked += 1;
            let (method, body) = (method.to_uppercase(), example(operation));
            let nobody = request(&bench.server.address, &method, &address, &[body.0], body.1.as_bytes());
            assert_eq!(nobody.status, 401, "{id}, {method} {address}: {}", nobody.body);
            let headers = [body.0, ("Cookie", &outsider.cookie), ("Origin", "http://test")];
            let answer = request(&bench.server.address, &method, &address, &headers, body.1.as_bytes());
            if FOR_ALL.contains(&id) {
                assert!([200, 404].contains(&answer.status), "{id}, {method} {address}: {}", answer.body);
                continue;
            }
            // Whether the thing itself is there does not matter: that is not looked at before.
            let code = answer.json()["code"].clone();
            let refused = ["forbidden", "workflow_not_found"].iter().any(|refused| code == *refused);
            assert!(refused, "{id}, {method} {address}: {}", answer.body);
        }
    }
    assert!(asked > 50, "{asked} of the document's operations");
}

/// The body that the document shows for an operation, with its type.
fn example(operation: &Value) -> ((&'static str, &str), String) {
    let Some(content) = operation["requestBody"]["content"].as_object() else {
        return (("Content-Type", "application/json"), String::new());
    };
    let (kind, content) = content.iter().next().expect("a type");
    let example = &content["example"];
    (("Content-Type", kind), example.as_str().map_or_else(|| example.to_string(), str::to_owned))
}
