//! The OpenAPI document: made of the same calls that register the routes.

use actix_web::{HttpResponse, http::header, web};
use serde_json::{Map, Value, json};

use super::{
    Api, BASE, Code,
    auth::cookie_name,
    metrics,
    need::Need,
    probes,
    route::{Route, at, of, operation, refusal},
    schemas::schemas,
};

pub(super) fn routes() -> Vec<Route> {
    let operation = operation("openapi", Need::Nothing, "This document");
    vec![at("/openapi.json").get(read, operation.answers(200, "OpenAPI 3.1", of("Document")))]
}

async fn read(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(api.document.clone())
}

/// The whole of it, for a server that is reached at `public_url`: by https its cookie has another name.
pub fn document(public_url: &str) -> Value {
    let mut paths = Map::new();
    let below = super::routes().into_iter().map(|route| (BASE, route));
    let beside = probes::routes().into_iter().chain(metrics::routes()).map(|route| ("", route));
    for (base, route) in below.chain(beside) {
        let (path, operations) = route.document();
        paths.insert(format!("{base}{path}"), Value::Object(operations.clone()));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Onward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A person performs an action on a task, and its steps run.",
        },
        // Paths are put behind it as they are.
        "servers": [{"url": Some(super::split(public_url).1).filter(|path| !path.is_empty()).unwrap_or("/")}],
        "security": [{"key": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": {"NotNow": not_now()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(public_url)},
            },
        },
    })
}

/// What the server cannot do although nothing is wrong with what it is asked.
fn not_now() -> Value {
    let codes =
        Code::ALL.iter().filter(|code| code.status().is_server_error() && **code != Code::NotImplemented);
    refusal(&codes.map(|code| code.as_str()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::api::schemas::EXAMPLES;

    fn operations(document: &Value) -> Vec<(String, Value)> {
        let paths = document["paths"].as_object().expect("paths");
        let all = paths.iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().expect("operations");
            operations.iter().map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
        });
        all.collect()
    }

    #[test]
    fn every_operation_is_named_once_and_has_an_answer_and_examples() {
        let document = document("http://localhost");
        let mut ids = HashSet::new();
        for (name, operation) in operations(&document) {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            assert!(ids.insert(id.clone()), "{id} is there twice");
            let answers = operation["responses"].as_object().expect("answers");
            assert!(
                answers.keys().any(|status| status.starts_with('2')) && answers.contains_key("5XX"),
                "{name}"
            );
            assert!(!answers.contains_key("default"), "{name}: any status would do");
            let contents =
                answers.values().chain([&operation["requestBody"]]).filter_map(|it| it.get("content"));
            for content in contents.filter_map(|it| it.get("application/json")) {
                assert!(content.get("example").is_some(), "{name} has no example");
            }
        }
        assert!(ids.len() > 60, "{}", ids.len());
    }

    /// What an operation may be refused for follows from what it is.
    #[test]
    fn an_operation_says_what_it_may_be_refused_for() {
        let all: HashMap<_, _> = operations(&document("")).into_iter().collect();
        let statuses = |name: &str| {
            let answers = all[name]["responses"].as_object().expect("answers");
            answers.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        for (name, expected) in [
            ("get /livez", "200 5XX"),
            ("get /api/v1/workspace", "200 401 5XX"),
            ("get /api/v1/workflows/{workflow}/tasks", "200 400 401 404 409 422 5XX"),
            ("post /api/v1/session", "201 400 401 403 408 413 415 429 5XX"),
            ("delete /api/v1/keys/{key}", "204 401 403 404 5XX"),
            ("post /api/v1/keys", "201 400 401 403 408 409 413 415 422 5XX"),
            (
                "put /api/v1/workflows/{workflow}/definition",
                "200 400 401 403 404 408 409 412 413 415 422 428 5XX",
            ),
        ] {
            assert_eq!(statuses(name), expected, "{name}");
        }
        let not_found = &all["get /api/v1/workflows/{workflow}/tasks/{task}"]["responses"]["404"];
        assert_eq!(not_found["description"], "`workflow_not_found`, `task_not_found`");
    }

    /// What is referred to is there, and what is there is referred to.
    #[test]
    fn every_shape_is_there_and_used() {
        fn references(value: &Value, found: &mut HashSet<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = document("http://localhost");
        let mut found = HashSet::new();
        references(&document, &mut found);
        for reference in &found {
            let pointer = reference.strip_prefix('#').expect("of this document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for name in schemas().keys() {
            assert!(found.contains(&format!("#/components/schemas/{name}")), "{name} is used nowhere");
        }
        for name in EXAMPLES.keys() {
            assert!(schemas().contains_key(name), "an example of {name}, which is no shape");
        }
    }
}
