//! Every operation of the document, asked by everybody: with the right that it says it is answered, with any other it is
//! not.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::asks::{Ask, ROWS, Row, World};
use crate::support::{Answer, request};

/// Somebody who asks, and the rights that they have.
struct Who {
    name: String,
    /// A header that says who they are.
    shown: Option<(&'static str, String)>,
    may: BTreeSet<&'static str>,
}

impl Who {
    fn person(world: &World, name: &str, invitation: &Value, may: &[&'static str]) -> Self {
        let cookie = world.person(&format!("{name}@example.com"), invitation);
        let may = ["known", "session"].iter().chain(may).copied().collect();
        Self { name: name.to_owned(), shown: Some(("Cookie", cookie)), may }
    }

    fn key(world: &World, scopes: &[&str], workflows: Option<&str>) -> Self {
        let made = world.key(&json!({"scopes": scopes, "workflows": workflows.map(|id| [id])}));
        let bearer = format!("Bearer {}", made["key"].as_str().expect("a key"));
        let name = format!("a key with {scopes:?} in {workflows:?}");
        let has = |scope: &str| scopes.contains(&scope);
        let is_here = workflows.is_none_or(|id| id == "api-sample");
        let rights = [
            ("known", true),
            ("view", is_here && has("read")),
            ("edit", is_here && has("read") && has("edit")),
            ("perform", is_here && has("read") && has("perform")),
            ("administer", is_here && has("read") && has("administer")),
            ("administer_and_perform", is_here && has("read") && has("perform") && has("administer")),
            ("administer_workspace", workflows.is_none() && has("administer")),
            ("watch", workflows.is_none() && (has("read") || has("administer"))),
        ];
        let may = rights.into_iter().filter(|(_, has)| *has).map(|(right, _)| right).collect();
        Self { name, shown: Some(("Authorization", bearer)), may }
    }

    /// Whether the operation with this right at this path is to answer them.
    fn is_allowed(&self, right: &str, path: &str) -> bool {
        right == "none" || self.may.contains(right) && (self.may.contains("view") || !is_in_workflow(path))
    }

    /// How they are refused.
    fn refusal(&self, right: &str, path: &str) -> (u16, &'static str) {
        match right {
            _ if self.shown.is_none() => (401, "unauthorized"),
            "administer_workspace" if !self.may.contains(right) => (403, "forbidden"),
            _ if self.may.contains("view") => (403, "forbidden"),
            _ if is_in_workflow(path) => (404, "workflow_not_found"),
            _ if path.contains("{blob}") => (404, "file_not_found"),
            _ => (403, "forbidden"),
        }
    }
}

fn is_in_workflow(path: &str) -> bool {
    path.contains("{workflow}")
}

/// Nobody, a person for each role, and a key for each choice of scopes.
fn everybody(world: &World) -> Vec<Who> {
    let role = |role: &str| json!({"roles": {"api-sample": role}});
    let person = |name, invitation: &Value, may| Who::person(world, name, invitation, may);
    let own = &["view", "edit", "perform", "administer", "administer_and_perform"];
    let all = &[&own[..], &["administer_workspace", "watch"]].concat();
    let mut all = vec![
        Who { name: "nobody".to_owned(), shown: None, may: BTreeSet::new() },
        person("outsider", &role("outsider"), &[]),
        person("viewer", &role("viewer"), &["view"]),
        person("editor", &role("editor"), &["view", "edit"]),
        person("performer", &role("performer"), &["view", "perform"]),
        // Of other actions than those that are asked for.
        person("signer", &role("signer"), &["view"]),
        person("collaborator", &json!({}), &own[..3]),
        person("boss", &role("boss"), own),
        person("administrator", &json!({"is_administrator": true}), all),
    ];
    let scopes = ["read", "edit", "perform", "administer"];
    for chosen in 0..1 << scopes.len() {
        let is_chosen = |(index, _): &(usize, _)| chosen >> index & 1 == 1;
        let chosen: Vec<_> = scopes.into_iter().enumerate().filter(is_chosen).map(|(_, it)| it).collect();
        all.push(Who::key(world, &chosen, None));
    }
    for chosen in [&scopes[..], &["read"], &["read", "administer"]] {
        all.push(Who::key(world, chosen, Some("api-sample")));
    }
    all.push(Who::key(world, &scopes, Some("elsewhere")));
    all
}

/// The scopes that the document is to tell for a right.
fn scopes(right: &str, path: &str) -> Value {
    let own: &[&str] = match right {
        "session" => return Value::Null,
        "view" | "watch" => &["read"],
        "edit" => &["read", "edit"],
        "perform" => &["read", "perform"],
        "administer" => &["read", "administer"],
        "administer_and_perform" => &["read", "perform", "administer"],
        "administer_workspace" if is_in_workflow(path) => &["read", "administer"],
        "administer_workspace" => &["administer"],
        _ => &[],
    };
    json!(own)
}

/// One operation of the document.
struct Operation<'d> {
    method: String,
    path: &'d str,
    document: &'d Value,
}

impl Operation<'_> {
    /// Only the head of an answer that does not end.
    fn ask(&self, world: &World, who: &Who, ask: &Ask) -> Answer {
        let mut headers = ask.headers().to_vec();
        headers.extend(who.shown.iter().map(|(name, value)| (*name, value.as_str())));
        let (address, path) = (&world.server.address, ask.path(self.path));
        if self.document["operationId"] == "streamEvents" {
            return head(address, &path, &headers);
        }
        request(address, &self.method, &path, &headers, ask.body())
    }

    fn is_as_it_says(&self, world: &World, everybody: &[Who], row: &Row) {
        let &Row(id, right, status, make) = row;
        assert_eq!(self.document["x-onward-right"], right, "{id}: the right that the document says");
        assert_eq!(self.document["x-onward-scopes"], scopes(right, self.path), "{id}");
        assert!(self.document["responses"].get(status.to_string()).is_some(), "{id}: {status}");
        let mut prepared = None;
        for who in everybody {
            let ask = prepared.take().unwrap_or_else(|| make(world));
            let answer = self.ask(world, who, &ask);
            let said = format!("{id}, {right}, {}: {} {}", who.name, answer.head, answer.body);
            if who.is_allowed(right, self.path) {
                assert_eq!(answer.status, status, "{said}");
            } else {
                let (status, code) = who.refusal(right, self.path);
                assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{said}");
                // Who was refused has used nothing up.
                prepared = Some(ask);
            }
        }
    }
}

/// The head of an answer whose body goes on, or the whole of a refusal.
fn head(address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut socket = TcpStream::connect(address).expect("the server listens");
    let text = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{lines}\r\n");
    socket.write_all(text.as_bytes()).expect("the request is taken");
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = socket.read(&mut piece).expect("an answer");
        assert!(length > 0, "cut off");
        answer.extend_from_slice(&piece[..length]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    Answer { status, head: head.to_owned(), body: body.to_owned(), bytes: Vec::new() }
}

#[test]
fn every_operation_asks_for_the_right_that_it_says_and_for_no_other() {
    let world = World::new();
    let everybody = everybody(&world);
    let document = world.server.get("/openapi.json").json();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, document) in methods.as_object().expect("operations") {
            operations.push(Operation { method: method.to_uppercase(), path, document });
        }
    }
    // The one that ends the session that asks comes last.
    operations.sort_by_key(|operation| operation.document["operationId"] == "signOut");
    assert_eq!(operations.len(), ROWS.len(), "each of the document's operations has its row");
    for operation in operations {
        let id = &operation.document["operationId"];
        let row = ROWS.iter().find(|row| id == row.0);
        operation.is_as_it_says(&world, &everybody, row.unwrap_or_else(|| panic!("{id} has no row")));
        if id == "archiveWorkflow" {
            world.take_back();
        }
    }
}
