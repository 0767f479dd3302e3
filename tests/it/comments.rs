//! Comments on a task, as a client of the public API writes and reads them.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use crate::support::{Project, Server, acme, api_sample};

const COMMENTS: &str = "/workflows/api-sample/tasks/42/comments";

fn started() -> (Project, Server) {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&acme());
    (project, server)
}

fn write(server: &Server, body: &str) -> Value {
    let answer = server.post(COMMENTS, &json!({ "body": body }));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

fn listed(server: &Server) -> Vec<Value> {
    server.get(COMMENTS).json().as_array().expect("a list").clone()
}

fn bodies(server: &Server) -> Vec<String> {
    listed(server).iter().map(|comment| comment["body"].as_str().expect("a text").to_owned()).collect()
}

/// "`[{"author","body","timestamp"}]`; POST `{"body"}`; author is `API`; `@First Last` mentions", oldest first, and
/// all of it there after a crash.
#[test]
fn a_comment_is_listed_with_author_instant_and_whom_it_mentions() {
    let (project, server) = started();
    assert_eq!(server.get(COMMENTS).body, "[]");
    let before = (server.task("42"), server.get("/workflows/api-sample/tasks/42/history").json());
    let first = write(&server, "Is this “done”?\n@example USER, please look. mail@Example User");
    assert_eq!((&first["author"], &first["mentions"]), (&json!("API"), &json!(["abc123"])));
    assert_eq!(first["body"], "Is this “done”?\n@example USER, please look. mail@Example User");
    let timestamp = first["timestamp"].as_str().expect("an instant");
    timestamp.parse::<jiff::Timestamp>().expect("RFC 3339");
    let second = write(&server, "@Example Users is nobody");
    assert_eq!(second["mentions"], json!([]));
    assert_eq!(listed(&server), [first.clone(), second.clone()]);
    let after = (server.task("42"), server.get("/workflows/api-sample/tasks/42/history").json());
    assert_eq!(before, after, "a comment changed its task");
    let key = server.key.clone();
    server.kill();
    let server = project.serve(&key);
    assert_eq!(listed(&server), [first, second]);
}

/// "Lists are … complete without a limit": also where it has more than a page of the store, written by two at once.
#[test]
fn what_two_write_at_once_is_all_there_in_one_order() {
    let (_project, server) = started();
    thread::scope(|scope| {
        for writer in ["a", "b"] {
            let server = &server;
            scope
                .spawn(move || (0..100).for_each(|number| drop(write(server, &format!("{writer}{number}")))));
        }
    });
    let bodies = bodies(&server);
    // A whole number of pages.
    assert_eq!((bodies.len(), bodies.iter().collect::<BTreeSet<_>>().len()), (200, 200));
    for writer in ["a", "b"] {
        let own = bodies.iter().filter(|body| body.starts_with(writer));
        let expected = (0..100).map(|number| format!("{writer}{number}"));
        assert!(own.eq(expected.collect::<Vec<_>>().iter()), "not in the order in which they were written");
    }
    write(&server, "one more");
    assert_eq!(self::bodies(&server), [bodies, vec!["one more".to_owned()]].concat());
}

/// They go away with their task, and do not come back with another one of its Unique ID.
#[test]
fn a_deleted_tasks_comments_are_gone() {
    let (_project, server) = started();
    write(&server, "soon gone");
    assert_eq!(server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"").status, 204);
    for answer in [server.get(COMMENTS), server.post(COMMENTS, &json!({"body": "late"}))] {
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("task_not_found")));
    }
    server.create_task(&acme());
    assert_eq!(listed(&server), [] as [Value; 0]);
}

#[test]
fn a_comment_that_cannot_be_kept_is_refused_with_the_reason() {
    let (_project, server) = started();
    let long = format!(r#"{{"body":"{}"}}"#, "ü".repeat(16_001));
    for (body, status, code, said) in [
        (r#"{"body":""}"#, 422, "invalid_fields", "body is required"),
        (r#"{"body":" \n\t"}"#, 422, "invalid_fields", "body is required"),
        (r#"{"body":null}"#, 422, "invalid_fields", "body is required"),
        ("{}", 422, "invalid_fields", "body is required"),
        (r#"{"body":"a\u0000b"}"#, 422, "invalid_fields", "body contains a NUL character"),
        (&long, 422, "invalid_fields", "body is too long: 16001 characters, and 16000 are possible"),
        (r#"{"body":5}"#, 400, "invalid_body", "at `body`: invalid type"),
        (r#"{"body":"x","author":"me"}"#, 400, "invalid_body", "at `author`: unknown field"),
        (r#""x""#, 400, "invalid_body", "invalid type: string"),
        ("", 400, "invalid_json", "EOF"),
    ] {
        let answer = server.send("POST", COMMENTS, &[], body.as_bytes());
        let shown = (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned());
        assert_eq!(shown, (status, code.to_owned()), "{}: {}", &body[..body.len().min(40)], answer.body);
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with(said), "{message}");
    }
    let refused = server.post(COMMENTS, &json!({"body": ""})).json();
    assert_eq!(refused["errors"], json!({"body": ["is required"]}));
    let asked = server.get(&format!("{COMMENTS}?_colour=red"));
    assert_eq!((asked.status, &asked.json()["code"]), (400, &json!("invalid_parameter")));
    assert_eq!(server.send("PUT", COMMENTS, &[], b"{}").status, 405);
    assert_eq!(Server::of(&server, "onw_wrong").get(COMMENTS).status, 401);
    assert_eq!(listed(&server), [] as [Value; 0], "a refused comment was kept");
}
