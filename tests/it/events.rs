//! "Server-sent events with `Last-Event-ID`", for whoever may see what has changed.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{ORDERS, Project, Receiver, Reply, Server, acme, api_sample, eventually, request};

/// A stream as a browser reads it.
struct Stream {
    lines: BufReader<TcpStream>,
    /// As the last `id:` said.
    last: String,
}

impl Stream {
    /// Who comes back (`after`) reads what was missed next.
    fn open(server: &Server, key: &str, after: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(&server.address).expect("the server listens");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let header = after.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\n{header}\r\n"
        );
        socket.write_all(head.as_bytes()).expect("asked");
        let mut stream = Self { lines: BufReader::new(socket), last: String::new() };
        if after.is_none() {
            // The beginning says where the stream is.
            while stream.last.is_empty() {
                stream.line().expect("the beginning");
            }
        }
        stream
    }

    /// The next line; `None` after the end. The chunks' sizes are lines, too, and mean nothing to anybody here.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            // The server's process is gone.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("the stream neither goes on nor ends: {error}"),
        }
        let line = line.trim_end().to_owned();
        if let Some(id) = line.strip_prefix("id: ") {
            id.clone_into(&mut self.last);
        }
        Some(line)
    }

    /// The next event, as its name and data.
    fn event(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(name) = self.line()?.strip_prefix("event: ") {
                let data = self.line()?;
                let data = data.strip_prefix("data: ").expect("data");
                return Some((name.to_owned(), serde_json::from_str(data).expect("JSON")));
            }
        }
    }

    /// Events until one of a name for which something holds, which is the last.
    fn until(&mut self, name: &str, holds: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        loop {
            let event = self.event().expect("another event");
            let is_it = event.0 == name && holds(&event.1);
            events.push(event);
            if is_it {
                return events;
            }
        }
    }
}

fn served() -> (Project, String, Server, Receiver) {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Company Name":"changed"}}"#));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    (project, key, server, receiver)
}

#[test]
fn whoever_listens_hears_of_every_change_and_goes_on_where_the_stream_broke_off() {
    let (project, key, server, _receiver) = served();
    let mut stream = Stream::open(&server, &key, None);
    server.create_task(&acme());
    let created = stream.until("task", |task| task["unique_id"] == "42").pop().expect("it").1;
    assert_eq!((&created["workflow"], &created["revision"]), (&json!("api-sample"), &json!(1)));
    let id = server.begin("42", "finish");
    server.ended(&id);
    let heard = stream.until("execution", |it| it["state"] == "succeeded");
    let last = &heard.last().expect("it").1;
    assert_eq!(
        (&last["id"], &last["status"], &last["action"]),
        (&json!(id), &json!("Success"), &json!("finish"))
    );
    // The batch ends with its id; what comes after that is missed, and told to whoever comes back.
    let before = stream.last.clone();
    while stream.last == before {
        stream.line().expect("the id");
    }
    let known = stream.last.clone();
    drop(stream);
    server.send("DELETE", "/workflows/api-sample/tasks/42", &[], b"");
    let mut again =
        TcpStream::connect(&server.address).map(|_| Stream::open(&server, &key, None)).expect("it");
    server.create_task(&json!({"Company ID": "43"}));
    again.until("task", |task| task["unique_id"] == "43");
    let mut back = Stream::open(&server, &key, Some(&known));
    let missed = back.until("task", |task| task["unique_id"] == "43");
    assert!(
        missed.iter().any(|(_, data)| data["deleted"] == true && data["id"] == created["id"]),
        "{missed:?}"
    );
    // What another run of the server said is nothing that this one knows.
    server.kill();
    let server = project.serve(&key);
    let mut stream = Stream::open(&server, &key, Some(&known));
    assert_eq!(stream.event().expect("an event").0, "reset");
    let began = std::time::Instant::now();
    assert!(
        server.terminate().is_some() && began.elapsed() < Duration::from_secs(10),
        "streams keep nobody up"
    );
    while stream.line().is_some() {}
}

/// By that its listener knows that it is still there: a connection may be gone without saying so.
#[test]
fn a_stream_with_nothing_to_tell_beats() {
    let (_project, key, server, _receiver) = served();
    let mut stream = Stream::open(&server, &key, None);
    let known = stream.last.clone();
    let beat = stream.event().expect("an event");
    assert_eq!(beat, ("beat".to_owned(), json!({})));
    assert_eq!(stream.last, known, "a beat is no place to go on from");
}

/// Who looks at a task sees what others say of it and tick off, although the task itself is the same.
#[test]
fn comments_and_the_checklist_are_told_as_changes_of_their_task() {
    let (_project, key, server, _receiver) = served();
    server.create_task(&acme());
    let mut stream = Stream::open(&server, &key, None);
    let mut told = |method: &str, path: &str, body: &str| {
        let answer =
            server.send(method, &format!("/workflows/api-sample/tasks/42/{path}"), &[], body.as_bytes());
        assert!(answer.status < 300, "{} {}", answer.status, answer.body);
        let (_, task) = stream.until("task", |task| task["unique_id"] == "42").pop().expect("it");
        assert_eq!(task["revision"], 1);
    };
    told("POST", "comments", r#"{"body":"Call them."}"#);
    told("POST", "checklist_items", r#"{"title":"Call them","Stage":"Not Started"}"#);
    let item = &server.get("/workflows/api-sample/tasks/42/checklist_items").json()[0]["id"];
    let item = format!("checklist_items/{}", item.as_str().expect("an id"));
    told("PUT", &item, r#"{"status":"Completed"}"#);
    told("DELETE", &item, "");
}

/// Nobody hears of what they may not see, and who may not come in any more hears nothing.
#[test]
fn a_stream_has_only_what_its_listener_may_see_and_ends_with_their_key() {
    let (project, key, server, _receiver) = served();
    project.write("workflows/orders.toml", ORDERS);
    let elsewhere = project.command(&["key", "add", "elsewhere", "--workflow", "orders"]).trim().to_owned();
    let short = project.command(&["key", "add", "short"]).trim().to_owned();
    for key in [&elsewhere, &short] {
        eventually("it is known", || Server::of(&server, key).get("/workspace").status == 200);
    }
    let mut outsider = Stream::open(&server, &elsewhere, None);
    let mut insider = Stream::open(&server, &key, None);
    let mut revoked = Stream::open(&server, &short, None);
    server.create_task(&acme());
    insider.until("task", |task| task["unique_id"] == "42");
    let keys = server.get("/keys").json();
    let id =
        keys.as_array().expect("a list").iter().find(|it| it["name"] == "short").expect("it")["id"].clone();
    server.send("DELETE", &format!("/keys/{}", id.as_str().expect("an id")), &[], b"");
    let heard = outsider.until("workspace", |_| true);
    assert!(heard.iter().all(|(name, _)| name == "workspace"), "{heard:?}");
    server.create_task(&json!({"Company ID": "43"}));
    insider.until("task", |task| task["unique_id"] == "43");
    let mut heard = Vec::new();
    while let Some(event) = revoked.event() {
        heard.push(event);
    }
    assert!(heard.iter().all(|(_, data)| data["unique_id"] != "43"), "{heard:?}");
}

/// "A limit on everything": of one caller so many, so that nobody takes every place; whoever ends one may open another.
#[test]
fn a_caller_has_so_many_streams_at_a_time() {
    let (project, key, server, _receiver) = served();
    let other = project.command(&["key", "add", "other"]).trim().to_owned();
    let asks = |key: &str| Server::of(&server, key);
    eventually("it is known", || asks(&other).get("/workspace").status == 200);
    let mut streams: Vec<_> = (0..100).map(|_| Stream::open(&server, &key, None)).collect();
    let refused = server.get("/events");
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("too_many_streams")));
    assert!(refused.header("Retry-After").is_some(), "{}", refused.head);
    let is_open = |count: usize| {
        let bearer = format!("Bearer {key}");
        let metrics = request(&server.address, "GET", "/metrics", &[("Authorization", &bearer)], b"").body;
        metrics.lines().any(|line| line.split(' ').eq(["onward_event_streams", &count.to_string()]))
    };
    assert!(is_open(100));
    let mut of_another = Stream::open(&server, &other, None);
    assert!(is_open(101));
    // All of them hear what those hear that there are.
    server.create_task(&acme());
    for stream in streams.iter_mut().chain([&mut of_another]) {
        stream.until("task", |task| task["unique_id"] == "42");
    }
    streams.pop();
    let mut number = 100;
    eventually("its place is free", || {
        // The server hears that somebody has gone when it tells them something.
        number += 1;
        server.create_task(&json!({"Company ID": number.to_string()}));
        is_open(100)
    });
    drop(Stream::open(&server, &key, None));
}
