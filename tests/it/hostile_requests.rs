//! Requests that nobody should send: over every route that takes a body, a path's parts, or a query. Each is refused with
//! a code and a reason, nothing is changed, and the server goes on.

mod mutations;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use self::mutations::mutations;
use crate::support::{Answer, Project, Server, acme, api_sample, request};

const WORKFLOW: &str = "/workflows/api-sample";

/// What an error repeats of a request is little.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long any of them may take, on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(5);

const MORE: &str = r#"
[[fields]]
name = "Papers"
type = "file"

[[stages]]
name = "Review"
checklist = ["Look"]

[[roles]]
name = "Viewer"
edit = false
perform = []
"#;

const PASSWORD: &str = "a long password";

fn serve() -> (Project, Server) {
    let (project, key) = Project::new(&(api_sample("http://127.0.0.1:9") + MORE));
    let server = project.serve(&key);
    server.create_task(&acme());
    (project, server)
}

/// A request that is understood and accepted, as often as something is wrong with it.
struct Sound {
    method: &'static str,
    path: String,
    /// Who asks, where it is not the key.
    session: Option<String>,
    body: Value,
}

impl Sound {
    fn headers<'a>(&'a self, bearer: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut headers = match &self.session {
            Some(cookie) => vec![("Cookie", cookie.as_str()), ("Origin", "http://test")],
            None => vec![("Authorization", bearer)],
        };
        headers.extend(more);
        headers
    }
}

/// What the requests below need.
struct Needed {
    /// An execution that failed, and can be retried.
    failed: String,
    /// Of an invitation that nobody has followed.
    token: String,
    /// Of somebody who is signed in.
    cookie: String,
}

impl Needed {
    fn on(server: &Server) -> Self {
        let done = |path: &str, body: Value| {
            let answer = server.post(path, &body);
            assert!(answer.status < 300, "{path}: {}", answer.body);
            answer
        };
        let text = |answer: &Answer, key: &str| answer.json()[key].as_str().expect("a text").to_owned();
        for (task, stage) in [("43", "Not Started"), ("44", "In Progress")] {
            server.create_task(&json!({"Company ID": task, "Stage": stage}));
        }
        // Nobody answers at its step's address.
        let failed = text(&server.perform("44", "finish"), "id");
        assert_eq!(server.ended(&failed)["status"], "Fail");
        let token = text(&done("/invitations", json!({"email": "another@example.com"})), "token");
        let link = text(&done("/users/abc123/password_link", json!({})), "token");
        let signed_in = done("/invitations/accept", json!({"token": link, "password": PASSWORD}));
        let cookie = signed_in.header("set-cookie").and_then(|set| set.split(';').next());
        Self { failed, token, cookie: cookie.expect("a cookie").to_owned() }
    }

    /// Every route that takes a body, with one that it accepts.
    fn sound(&self) -> Vec<Sound> {
        let Self { failed, token, cookie } = self;
        let own = |(method, path, body): (&'static str, String, Value)| Sound {
            method,
            path: format!("{WORKFLOW}{path}"),
            session: None,
            body,
        };
        let of_all = |(method, path, body): (&'static str, &str, Value)| Sound {
            method,
            path: path.to_owned(),
            session: None,
            body,
        };
        let mut all: Vec<_> = of_a_workflow(failed).into_iter().map(own).collect();
        all.extend(of_the_workspace(token).into_iter().map(of_all));
        all.push(Sound {
            method: "PUT",
            path: "/session/password".to_owned(),
            session: Some(cookie.clone()),
            body: json!({"current_password": PASSWORD, "new_password": "another password"}),
        });
        all
    }
}

fn of_a_workflow(failed: &str) -> Vec<(&'static str, String, Value)> {
    let at = str::to_owned;
    vec![
        ("POST", at("/tasks"), json!({"Company ID": "77", "Company Name": "x", "Papers": []})),
        ("PUT", at("/tasks"), json!({"Company ID": "42", "Company Name": "x"})),
        ("PUT", at("/tasks/42"), json!({"Company Name": "x"})),
        (
            "POST",
            at("/executions"),
            json!({"task_id": "42", "action_id": "finish", "performed_by": "abc123"}),
        ),
        (
            "POST",
            at("/bulk_executions"),
            json!({"task_ids": ["43"], "action_id": "start", "performed_by": "abc123"}),
        ),
        ("POST", at("/executions/statuses"), json!({"ids": [failed]})),
        ("POST", format!("/executions/{failed}/retry"), json!({"version": "current"})),
        (
            "POST",
            at("/bulk_retries"),
            json!({"action": "finish", "state": "unknown", "task": "44", "since": "2020-01-31T00:00:00Z", "until": null}),
        ),
        ("POST", at("/tasks/42/comments"), json!({"body": "Hello"})),
        (
            "POST",
            at("/tasks/42/checklist_items"),
            json!({"title": "Weigh", "Stage": "Review", "status": "Blank"}),
        ),
        ("PUT", at("/tasks/42/checklist_items/look"), json!({"status": "Completed", "Assigned To": null})),
        ("POST", at("/actions/start/steps/move-to-stage/test"), json!({"task_id": "42", "apply": true})),
        ("POST", at("/step_tests"), json!({"action": "start", "step": "move-to-stage", "task_id": "42"})),
        ("PUT", at("/users/abc123"), json!({"role_id": "administrator"})),
    ]
}

fn of_the_workspace(token: &str) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("PATCH", "/users/abc123", json!({"is_administrator": true})),
        ("PUT", "/secrets/HOSTILE", json!({"value": "not so secret"})),
        ("POST", "/keys", json!({"name": "k", "scopes": ["read"], "workflows": ["api-sample"]})),
        (
            "POST",
            "/invitations",
            json!({"email": "new@example.com", "is_administrator": false, "roles": {"api-sample": "viewer"}}),
        ),
        ("POST", "/invitations/look", json!({"token": token})),
        (
            "POST",
            "/invitations/accept",
            json!({"token": token, "first_name": "A", "last_name": "B", "password": PASSWORD}),
        ),
        ("POST", "/session", json!({"email": "user@example.com", "password": PASSWORD})),
    ]
}

/// None that takes JSON is left out.
#[test]
fn every_route_that_takes_a_body_is_asked() {
    let (_project, server) = serve();
    let document = server.get("/openapi.json").json();
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let content = &operation["requestBody"]["content"];
            // Definitions are asked by their own tests, and nobody is to be set up here.
            let is_other = content.get("application/toml").is_some() || path.ends_with("/setup");
            if content.get("application/json").is_some() && !is_other {
                let parts = path.trim_start_matches("/api/v1").split('/').map(str::to_owned);
                routes.insert((method.to_uppercase(), parts.collect::<Vec<_>>()));
            }
        }
    }
    let is_at = |route: &[String], path: &str| {
        let parts: Vec<_> = path.split('/').collect();
        let alike = |(part, of): (&String, &&str)| part == of || part.starts_with('{');
        route.len() == parts.len() && route.iter().zip(&parts).all(alike)
    };
    let asked = Needed::on(&server).sound();
    for (method, route) in &routes {
        let is_asked = asked.iter().any(|sound| sound.method == method && is_at(route, &sound.path));
        assert!(is_asked, "{method} {}", route.join("/"));
    }
    assert!(routes.len() > 15, "{}", routes.len());
}

/// What is wrong with an answer to a request that had to be refused; `None` when all is well.
fn misjudged(answer: &Answer) -> Option<String> {
    let body = serde_json::from_str::<Map<String, Value>>(&answer.body).unwrap_or_default();
    let has = |key: &str| body.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let shown: String = answer.body.chars().take(300).collect();
    match answer.status {
        400..500 if !has("code") || !has("message") => {
            Some(format!("{} without a code and a message: {shown}", answer.status))
        }
        400..500 if answer.body.len() > ANSWER_BYTES_MAX => {
            Some(format!("{} bytes: {shown}", answer.body.len()))
        }
        400..500 => None,
        other => Some(format!("{other}: {shown}")),
    }
}

/// All that a request could change, as it is shown.
fn state(server: &Server) -> Vec<(String, Value)> {
    let of_tasks = ["comments", "checklist_items", "history", "actions"]
        .map(|what| ["42", "43", "44"].map(|task| format!("{WORKFLOW}/tasks/{task}/{what}")));
    let others = ["/tasks", "/executions", "/users", "/versions"].map(|path| format!("{WORKFLOW}{path}"));
    let of_all = ["/users", "/invitations", "/secrets", "/endpoints", "/audit", "/keys"].map(str::to_owned);
    let paths = of_tasks.into_iter().flatten().chain(others).chain(of_all);
    let shown = |path: String| {
        let mut shown = server.get(&path).json();
        for part in shown.as_array_mut().into_iter().flatten() {
            // These change whenever somebody looks.
            part.as_object_mut().map(|key| key.remove("last_used_at"));
            part.pointer_mut("/last_failure")
                .and_then(Value::as_object_mut)
                .map(|last| last.remove("ago_ms"));
        }
        (path, shown)
    };
    paths.map(shown).collect()
}

/// Sends many requests, each of which must be refused; afterwards the server must be as it was.
struct Attack<'a> {
    server: &'a Server,
    before: Vec<(String, Value)>,
    cases: usize,
    wrong: Vec<String>,
}

impl<'a> Attack<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, before: state(server), cases: 0, wrong: Vec::new() }
    }

    fn refused(&mut self, what: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let bearer = format!("Bearer {}", self.server.key);
        let all: Vec<_> = [("Authorization", bearer.as_str())].iter().chain(headers).copied().collect();
        self.asked(what, method, path, &all, body);
    }

    fn asked(&mut self, what: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let started = Instant::now();
        let answer = request(&self.server.address, method, &format!("/api/v1{path}"), headers, body);
        if started.elapsed() > TIME_MAX {
            self.wrong.push(format!("{method} {path}, {what}: it took {:?}", started.elapsed()));
        }
        self.judge(what, method, path, &answer);
    }

    fn judge(&mut self, what: &str, method: &str, path: &str, answer: &Answer) {
        self.cases += 1;
        let shown: String = path.chars().take(80).collect();
        self.wrong.extend(misjudged(answer).map(|problem| format!("{method} {shown}, {what}: {problem}")));
    }

    /// `least`: how many cases there must have been.
    fn ends(self, project: &Project, least: usize) {
        assert!(self.cases >= least, "only {} cases", self.cases);
        let (wrong, cases) = (self.wrong.len(), self.cases);
        assert!(wrong == 0, "{wrong} of {cases} were judged wrongly:\n{}", self.wrong.join("\n"));
        for ((path, before), (_, after)) in self.before.iter().zip(state(self.server)) {
            assert_eq!(*before, after, "{path} was changed");
        }
        let log = project.log();
        assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// And what is not broken is accepted, in the very state in which all the broken ones were refused.
#[test]
fn broken_bodies_are_refused_on_every_route() {
    let (project, server) = serve();
    let (needed, bearer) = (Needed::on(&server), format!("Bearer {}", server.key));
    let mut attack = Attack::new(&server);
    let all = needed.sound();
    for sound in &all {
        let mut refused = |what: &str, more: &[(&str, &str)], body: &[u8]| {
            attack.asked(what, sound.method, &sound.path, &sound.headers(&bearer, more), body);
        };
        for (what, body) in mutations(&sound.body) {
            refused(&what, &[JSON], &body);
        }
        let text = sound.body.to_string();
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json5", "", "ü"]
        {
            refused(content_type, &[("Content-Type", content_type)], text.as_bytes());
        }
        refused("no content type", &[], text.as_bytes());
        refused("zipped", &[JSON, ("Content-Encoding", "gzip")], &[0x1f, 0x8b, 8, 0, 0]);
    }
    attack.ends(&project, 500);
    for sound in &all {
        let Sound { method, path, body, .. } = sound;
        let (at, headers) = (format!("/api/v1{path}"), sound.headers(&bearer, &[JSON]));
        let answer = request(&server.address, method, &at, &headers, body.to_string().as_bytes());
        assert!((200..300).contains(&answer.status), "{method} {path} with {body}: {}", answer.body);
        // Of many, those that there are.
        let answer = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
        assert!(answer != json!([]) && answer.get("refused").is_none_or(|refused| *refused == 0), "{answer}");
    }
}

/// A definition in JSON, where a new one is made and where one is saved.
#[test]
fn broken_documents_are_refused() {
    let (project, server) = serve();
    let sound = json!({"name": "Documents", "stages": [{"name": "Open"}], "actions": [{"name": "Close", "from": ["Open"]}]});
    let imported = server.send("POST", "/workflows/import", &[], sound.to_string().as_bytes());
    assert_eq!(imported.status, 201, "{}", imported.body);
    let mut another = sound.clone();
    another["name"] = json!("Another");
    let mut attack = Attack::new(&server);
    for (what, body) in mutations(&another) {
        attack.refused(&what, "POST", "/workflows/import", &[JSON], &body);
    }
    for (what, body) in mutations(&sound) {
        let headers = [JSON, ("If-Match", "*")];
        attack.refused(&what, "PUT", "/workflows/documents/definition", &headers, &body);
    }
    attack.ends(&project, 60);
    assert_eq!(server.get("/workflows/documents/versions").json().as_array().map(Vec::len), Some(1));
    assert_eq!(server.get("/workflows/another").status, 404);
}

/// What may stand in a path where a name belongs.
fn path_parts() -> Vec<(&'static str, String)> {
    vec![
        ("half an escape", "%".to_owned()),
        ("a wrong escape", "%zz".to_owned()),
        ("NUL", "%00".to_owned()),
        ("a line break", "a%0d%0aX-Evil:%201".to_owned()),
        ("not UTF-8", "%ff%fe".to_owned()),
        ("an overlong escape", "%c0%80".to_owned()),
        ("folders", "..%2f..%2fetc%2fpasswd".to_owned()),
        ("a very long name", "x".repeat(30_000)),
        ("very many digits", "9".repeat(10_000)),
        ("a template", "%7B%7Bsecrets.A%7D%7D".to_owned()),
        ("quotes", "'%22;DROP%20TABLE%20tasks".to_owned()),
    ]
}

#[test]
fn broken_paths_are_refused_on_every_route() {
    let (project, server) = serve();
    let mut attack = Attack::new(&server);
    let routes = [
        ("GET", "/#"),
        ("GET", "/workflows/#/tasks"),
        ("GET", "/workflows/#/stages"),
        ("GET", "/workflows/api-sample/tasks/#"),
        ("DELETE", "/workflows/api-sample/tasks/#"),
        ("GET", "/workflows/api-sample/tasks/#/actions"),
        ("GET", "/workflows/api-sample/tasks/#/history"),
        ("GET", "/workflows/api-sample/tasks/#/comments"),
        ("GET", "/workflows/api-sample/tasks/42/checklist_items/#"),
        ("DELETE", "/workflows/api-sample/tasks/42/checklist_items/#"),
        ("GET", "/workflows/api-sample/executions/#"),
        ("POST", "/workflows/api-sample/executions/#/cancel"),
        ("POST", "/workflows/api-sample/executions/#/dismiss"),
        ("GET", "/workflows/api-sample/users/#"),
        ("DELETE", "/users/#"),
        ("POST", "/users/#/password_link"),
        ("DELETE", "/keys/#"),
        ("DELETE", "/invitations/#"),
        ("DELETE", "/secrets/#"),
        ("POST", "/endpoints/#/enable"),
        ("GET", "/files/#"),
    ];
    for (method, route) in routes {
        for (what, part) in path_parts() {
            attack.refused(what, method, &route.replace('#', &part), &[], b"");
        }
    }
    attack.ends(&project, 200);
}

#[test]
fn broken_queries_are_refused() {
    let (project, server) = serve();
    let mut attack = Attack::new(&server);
    let task = format!("{WORKFLOW}/tasks/42");
    let long = "x".repeat(30_000);
    for (path, queries) in [
        (
            format!("{WORKFLOW}/tasks"),
            ["Colour=red", "Stage=%ff", "_performed_by=x", "%00=x", &*long].as_slice(),
        ),
        (format!("{WORKFLOW}/tasks/active"), &["Colour=red", "Stage=%zz", "Stage=%", &long]),
        (
            format!("{task}/actions"),
            &[
                "_performed_by=%ff",
                "_performed_by=%00",
                "_performed_by=a&_performed_by=b",
                "performed_by=a",
                &long,
            ],
        ),
        (
            format!("{task}/checklist_items"),
            &["Stage=a&Stage=b", "stage=Review", "Stage=%ff", "Stage=%e2%82", &long],
        ),
        (format!("{task}/comments"), &["a=b", "_nothing=1", "%ff", &long]),
        (
            "/audit".to_owned(),
            &[
                "_limit=0",
                "_limit=-1",
                "_limit=1001",
                "_limit=1.5",
                "_limit=",
                "_limit=ten",
                "_limit=1&_limit=2",
                "_limit=99999999999999999999999999",
                "_cursor=-1",
                "_cursor=18446744073709551616",
                "_cursor=x",
                "limit=1",
            ],
        ),
    ] {
        for query in queries {
            attack.refused(&query[..query.len().min(40)], "GET", &format!("{path}?{query}"), &[], b"");
        }
    }
    attack.ends(&project, 30);
}

#[test]
fn broken_headers_are_refused() {
    let (project, server) = serve();
    let mut attack = Attack::new(&server);
    let perform = json!({"task_id": "42", "action_id": "finish"}).to_string();
    let many_digits = "9".repeat(5_000);
    let wait = format!("wait={many_digits}");
    for (name, value) in [
        ("Idempotency-Key", ""),
        ("Idempotency-Key", &*many_digits),
        ("Idempotency-Key", "\u{fc}"),
        ("Prefer", "wait=-1"),
        ("Prefer", "wait=soon"),
        ("Prefer", &wait),
        ("Onward-Depth", "-1"),
        ("Onward-Depth", "deep"),
        ("Onward-Depth", &many_digits),
    ] {
        let path = format!("{WORKFLOW}/executions");
        attack.refused(name, "POST", &path, &[JSON, (name, value)], perform.as_bytes());
    }
    for authorization in ["Bearer", "Bearer ", "Bearer \u{fc}", "Basic eDp5", &*many_digits, "Bearer onw_\t"]
    {
        let headers = [("Authorization", authorization)];
        let answer = request(&server.address, "GET", "/api/v1/workflows", &headers, b"");
        attack.judge("a wrong credential", "GET", "/workflows", &answer);
    }
    attack.ends(&project, 15);
}

/// What a client sends that does not keep to HTTP; the answer's status and all of its text.
fn raw(server: &Server, sent: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(&server.address).expect("the server listens");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let _ = socket.write_all(sent);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text)
}

/// A body that does not come as its head says gets our own error. What is no HTTP request at all is refused by the HTTP
/// library, with a status and without a body: it does not know which API was meant.
#[test]
fn broken_messages_are_refused() {
    let (project, server) = serve();
    let mut attack = Attack::new(&server);
    let head = format!(
        "POST /api/v1{WORKFLOW}/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\n",
        server.key
    );
    let body = r#"{"Company ID":"77"}"#;
    for (what, rest) in [
        ("cut off", format!("Content-Length: 100\r\n\r\n{body}")),
        ("no body", "Content-Length: 100\r\n\r\n".to_owned()),
        ("a chunk cut off", format!("Transfer-Encoding: chunked\r\n\r\nff\r\n{body}")),
        ("no last chunk", format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())),
        ("a chunk of no size", format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n")),
        ("a chunk of a huge size", format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{body}")),
        ("a huge length", "Content-Length: 9999999999\r\n\r\n{".to_owned()),
    ] {
        let (status, text) = raw(&server, format!("{head}{rest}").as_bytes());
        attack.cases += 1;
        let is_ours =
            (400..500).contains(&status) && text.contains("\"code\":") && text.contains("\"message\":");
        if !is_ours {
            attack.wrong.push(format!("{what}: {}", &text[..text.len().min(300)]));
        }
    }
    let long = "x".repeat(100_000);
    for (what, sent) in [
        ("two lengths", format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}")),
        ("a length that is none", format!("{head}Content-Length: two\r\n\r\n{{}}")),
        (
            "a length and chunks",
            format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("a path with NUL", "GET /api/v1/\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        ("a path of 100,000 bytes", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a huge header", format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}{long}\r\n\r\n")),
        ("very many headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(1_000))),
        ("no HTTP", "\u{16}\u{3}\u{1}hello\r\n\r\n".to_owned()),
    ] {
        let (status, text) = raw(&server, sent.as_bytes());
        attack.cases += 1;
        if !(400..500).contains(&status) {
            attack.wrong.push(format!("{what}: {}", &text[..text.len().min(300)]));
        }
    }
    attack.ends(&project, 15);
}
