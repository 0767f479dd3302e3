//! Requirements on an action: role of the performer, custom conditions, and all of them together.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{CONFIG, Project, Receiver, Reply, Server, acme, api_sample, onward};

const EXECUTIONS: &str = "/workflows/api-sample/executions";
const NOTICE_MAX: Duration = Duration::from_secs(20);

/// The page's workflow, a role of its own, and actions with requirements: "Approve" has one of each
/// kind, "Sign" needs a role, "Ship" a condition; "Call" needs nothing and calls the receiver.
fn workflow(receiver: &str) -> String {
    api_sample(receiver)
        + &r#"
[[roles]]
name = "Manager"

[[actions]]
name = "Approve"
from = ["In Progress"]
[actions.requires]
fields = ["Company Name", "Expected Close Date"]
assigned = true
roles = ["Manager", "Administrator"]
[[actions.requires.conditions]]
message = "Contract Value must be at least 1000, and International"
all = [{ field = "Contract Value", at_least = "1000" }, { field = "International?", equals = true }]
[[actions.requires.conditions]]
message = "Ask the board first"
any = [{ field = "Number of Employees", less_than = 500 }, { field = "Company Name", contains = "Corp" }]

[[actions]]
name = "Sign"
from = ["In Progress"]
requires = { roles = ["Manager"] }

[[actions]]
name = "Ship"
from = ["In Progress"]
[[actions.requires.conditions]]
message = "Contract Value must be 10000"
all = [{ field = "Contract Value", equals = "10000" }, { field = "Stage", not_equals = "Completed" }]

[[actions]]
name = "Call"
from = ["In Progress"]
[[actions.steps]]
type = "api_call"
url = "RECEIVER/call"
"#
        .replace("RECEIVER", receiver)
}

fn give_role(project: &Project, role: &str) -> String {
    project.command(&["user", "role", "user@example.com", "--workflow", "api-sample", "--role", role])
}

/// Performs an action until it is answered with a status: a running server notices within a moment
/// what a command beside it changed.
fn performs_with(server: &Server, action: &str, status: u16) -> Value {
    let started = Instant::now();
    loop {
        let answer = server.perform("42", action);
        if answer.status == status {
            return answer.json();
        }
        assert!(started.elapsed() < NOTICE_MAX, "still {}: {}", answer.status, answer.body);
        thread::sleep(Duration::from_millis(20));
    }
}

/// "422 `{"status":"Fail","errors":["Name is required","Checklist must be completed","Must be
/// assigned","<custom condition's message>"]}`": every unmet requirement at once.
#[test]
fn a_422_lists_every_unmet_requirement_at_once() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    let server = project.serve(&key);
    server.create_task(&json!({"Company ID": "42", "Stage": "In Progress", "Contract Value": "999.99"}));
    let answer = server.perform("42", "approve");
    assert_eq!(answer.status, 422);
    let body = answer.json();
    assert_eq!((&body["status"], &body["code"]), (&json!("Fail"), &json!("requirements_not_met")));
    assert_eq!(
        body["errors"],
        json!([
            "Company Name is required",
            "Expected Close Date is required",
            "Must be assigned",
            "Must be performed by Manager or Administrator",
            "Contract Value must be at least 1000, and International",
            "Ask the board first",
        ])
    );
    // Each that is met goes from the list: a value at its limit, a role given beside the server.
    let mut task = acme();
    task["Contract Value"] = json!("1000.00");
    task["International?"] = json!(true);
    server.post("/workflows/api-sample/tasks", &task);
    let body = server.perform("42", "approve").json();
    assert_eq!(body["errors"], json!(["Must be performed by Manager or Administrator"]));
    assert_eq!(give_role(&project, "Administrator"), "user@example.com is Administrator in API Sample\n");
    assert_eq!(performs_with(&server, "approve", 201)["status"], "Success");
}

/// "Role of the performer": of the user in `performed_by`; a key is nobody.
#[test]
fn the_role_is_the_performers_and_a_key_has_none() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    // Also before the first start: the file says which roles there are.
    give_role(&project, "Manager");
    let server = project.serve(&key);
    server.create_task(&acme());
    let by_key = server.post(EXECUTIONS, &json!({"task_id": "42", "action_id": "sign"}));
    assert_eq!(by_key.status, 422);
    assert_eq!(
        by_key.json()["errors"],
        json!(["Must be performed by Manager; an API key has no role: name a user in `performed_by`"])
    );
    assert_eq!(server.perform("42", "sign").json()["status"], "Success");
    give_role(&project, "Collaborator");
    let refused = performs_with(&server, "sign", 422);
    assert_eq!(refused["errors"], json!(["Must be performed by Manager"]));
}

/// "`GET …/tasks/{unique-id}/actions`: available now", for the key that asks.
#[test]
fn a_task_offers_what_its_values_and_the_caller_allow() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    give_role(&project, "Manager");
    let server = project.serve(&key);
    server.create_task(&acme());
    let offered_to = |query: &str| {
        let offered = server.get(&format!("/workflows/api-sample/tasks/42/actions{query}")).json();
        let names = offered.as_array().expect("a list").iter();
        names.map(|action| action["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let offered = || offered_to("");
    assert_eq!(offered(), ["finish", "ship", "call"]);
    let by_manager = offered_to("?_performed_by=user@example.com");
    assert!(by_manager.iter().any(|action| action == "sign"), "a role counts: {by_manager:?}");
    let wrong = |query: &str| server.get(&format!("/workflows/api-sample/tasks/42/actions?{query}"));
    assert_eq!((wrong("_performed_by=nobody").status, wrong("_colour=red").status), (422, 400));
    server.send(
        "POST",
        "/workflows/api-sample/tasks",
        &[],
        br#"{"Company ID":"42","Contract Value":10000.00}"#,
    );
    assert_eq!(offered(), ["finish", "ship", "call"], "10000.00 equals 10000");
    server.post("/workflows/api-sample/tasks", &json!({"Company ID": "42", "Contract Value": "10000.01"}));
    assert_eq!(offered(), ["finish", "call"]);
}

/// With `_unmet` a page can show what it cannot offer, and say why in the words of the refusal.
#[test]
fn what_a_task_does_not_offer_is_listed_with_the_reasons() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    give_role(&project, "Manager");
    let server = project.serve(&key);
    server.create_task(&json!({"Company ID": "42", "Stage": "In Progress"}));
    let path = "/workflows/api-sample/tasks/42/actions";
    let list = |query: &str| server.get(&format!("{path}{query}")).json();
    let by_id = |list: &Value, id: &str| {
        let found = list.as_array().expect("a list").iter().find(|action| action["id"] == id);
        found.cloned().unwrap_or_else(|| panic!("no {id} in {list}"))
    };
    let all = list("?_unmet=true");
    let refused = server.post(EXECUTIONS, &json!({"task_id": "42", "action_id": "approve"}));
    assert_eq!(refused.status, 422);
    let approve = by_id(&all, "approve");
    assert_eq!(approve["unmet"], refused.json()["errors"]);
    assert!(approve["unmet"].as_array().is_some_and(|unmet| unmet.len() > 3), "{approve}");
    assert_eq!(by_id(&all, "finish")["unmet"], json!([]));
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().expect("a list").iter().map(|action| action["id"].clone()).collect()
    };
    let possible: Vec<_> =
        all.as_array().expect("a list").iter().filter(|it| it["unmet"] == json!([])).collect();
    let now = list("");
    assert_eq!(names(&now), possible.iter().map(|it| it["id"].clone()).collect::<Vec<_>>());
    assert_eq!((&now, names(&now).is_empty()), (&list("?_unmet=false"), false));
    for action in now.as_array().expect("a list") {
        assert!(action["color"].is_string() && action.get("unmet").is_none(), "{action}");
    }
    // In somebody's name their role counts.
    let theirs = by_id(&list("?_unmet=true&_performed_by=user@example.com"), "sign");
    assert_eq!(theirs["unmet"], json!([]));
    assert_eq!(server.get(&format!("{path}?_unmet=perhaps")).status, 400);
}

/// "Availability and requirements are checked at request, and before the first step".
#[test]
fn a_queued_execution_is_checked_again_when_its_turn_comes() {
    let receiver = Receiver::start(
        Reply::new(200, r#"{"task":{"Contract Value":"10000.01"}}"#).after(Duration::from_millis(300)),
    );
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let perform = |action: &str| server.post(EXECUTIONS, &json!({"task_id": "42", "action_id": action}));
    let first = perform("call").json();
    let second = perform("ship");
    assert_eq!((second.status, &second.json()["status"]), (201, &json!("Pending")));
    let ended = server.ended(second.json()["id"].as_str().expect("an id"));
    assert_eq!(ended["code"], "requirements_not_met", "{ended}");
    assert_eq!(ended["errors"], json!(["Contract Value must be 10000"]));
    assert_eq!(ended["attempts"], json!([]), "a step ran");
    assert_eq!(server.execution(first["id"].as_str().expect("an id"))["status"], "Success");
}

/// A receiver that answers its one call when it is told to.
fn held_receiver() -> (String, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (release, released) = mpsc::channel();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a call");
        let _ = socket.read(&mut [0; 4096]);
        let _ = released.recv();
        let _ = socket.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    });
    (url, release)
}

/// As above: who lost the role while the execution stood in line may not perform it any more.
#[test]
fn a_role_lost_while_queued_counts_when_the_turn_comes() {
    let (url, release) = held_receiver();
    let (project, key) = Project::new(&workflow(&url));
    give_role(&project, "Manager");
    let server = project.serve(&key);
    server.create_task(&acme());
    let perform = |action: &str| {
        let body = json!({"task_id": "42", "action_id": action, "performed_by": "USER@example.com"});
        server.post(EXECUTIONS, &body).json()["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (perform("call"), perform("sign"));
    assert_eq!(server.execution(&second)["state"], "queued");
    give_role(&project, "Collaborator");
    performs_with(&server, "sign", 422);
    assert_eq!(server.execution(&first)["status"], "Pending", "the first ended too soon to show anything");
    release.send(()).expect("the receiver waits");
    let ended = server.ended(&second);
    assert_eq!(ended["errors"], json!(["Must be performed by Manager"]), "{ended}");
    assert_eq!(server.ended(&first)["status"], "Success");
}

/// "`[{"id","name","admin"}]`, at least Administrator (admin true) and Collaborator".
#[test]
fn a_workflows_roles_are_listed() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    let server = project.serve(&key);
    assert_eq!(
        server.get("/workflows/api-sample/roles").json(),
        json!([
            {"id": "administrator", "name": "Administrator", "admin": true},
            {"id": "collaborator", "name": "Collaborator", "admin": false},
            {"id": "manager", "name": "Manager", "admin": false},
        ])
    );
    assert_eq!(server.get("/workflows/nope/roles").status, 404);
}

/// A role is given only where workflow, user and role exist.
#[test]
fn a_misspelt_role_workflow_or_user_is_an_error_with_a_suggestion() {
    let (project, _key) = Project::new(&workflow("http://127.0.0.1:9"));
    let said = |user: &str, workflow: &str, role: &str| {
        let config = project.config();
        let output =
            onward(&["user", "role", user, "--workflow", workflow, "--role", role, "--config", &config]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (user, workflow, role, expected) in [
        (
            "user@example.com",
            "api-sampel",
            "Manager",
            "there is no workflow `api-sampel`: did you mean “api-sample”?",
        ),
        (
            "user@example.com",
            "api-sample",
            "Manger",
            "the workflow `api-sample` has no role “Manger”: did you mean “Manager”?",
        ),
        (
            "usr@example.com",
            "api-sample",
            "Manager",
            "there is no user `usr@example.com`: did you mean “user@example.com”?",
        ),
    ] {
        let said = said(user, workflow, role);
        assert!(said.contains(expected), "{said}");
    }
    project.write("workflows/broken.toml", "name = \"Broken\"\n");
    let said = said("user@example.com", "api-sample", "Manager");
    assert!(said.contains("some workflow files cannot be used: `onward check` says why"), "{said}");
}

/// "The workspace has a time zone (for dates)": in Kiritimati it is another day than in Pago Pago, always.
#[test]
fn today_is_the_workspaces_day() {
    let due = "\n[[actions]]\nname = \"Due\"\nfrom = [\"In Progress\"]\n[actions.requires]\nconditions = [\
               { message = \"not today\", all = [{ field = \"Expected Close Date\", equals = \"today\" }] }]\n";
    let (project, key) = Project::new(&(api_sample("http://127.0.0.1:9") + due));
    let mut task = acme();
    for (zone, hours, expected) in [("Pacific/Kiritimati", 14, 201), ("Pacific/Pago_Pago", 14, 422)] {
        project.write(
            "onward.toml",
            &format!("{CONFIG}[log]\nformat = \"json\"\n[workspace]\ntime_zone = \"{zone}\"\n"),
        );
        let server = project.serve(&key);
        let today =
            || jiff::tz::TimeZone::fixed(jiff::tz::offset(hours)).to_datetime(jiff::Timestamp::now()).date();
        // Not around midnight.
        let answer = loop {
            let day = today();
            task["Expected Close Date"] = json!(day.to_string());
            server.post("/workflows/api-sample/tasks", &task);
            let (offered, answer) =
                (server.get("/workflows/api-sample/tasks/42/actions"), server.perform("42", "due"));
            assert_eq!(offered.body.contains("due"), answer.status == 201);
            if day == today() {
                break answer;
            }
        };
        assert_eq!(answer.status, expected, "{zone}: {}", answer.body);
        server.kill();
    }
}

/// What a page asks before an action, and does after it, comes with the action; the API itself asks nothing.
#[test]
fn an_action_says_what_a_page_does_around_it() {
    let text = api_sample("http://127.0.0.1:9").replace(
        "name = \"Start\"\n",
        "name = \"Start\"\nconfirm = \"Has it come?\"\nafter = \"next\"\ncelebrate = true\n",
    );
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&json!({"Company ID": "42"}));
    let offered = server.get("/workflows/api-sample/tasks/42/actions").json();
    let around = ["confirm", "after", "celebrate"].map(|key| offered[0][key].clone());
    assert_eq!(around, [json!("Has it come?"), json!("next"), json!(true)], "{offered}");
    assert_eq!(server.perform("42", "start").json()["status"], "Success");
    let others = server.get("/workflows/api-sample/tasks/42/actions").json();
    let around = ["confirm", "after", "celebrate"].map(|key| others[0][key].clone());
    assert_eq!(around, [Value::Null, json!("stay"), json!(false)], "{others}");
}
