//! "Permission table role × (view, edit tasks, perform each action, administer)".

use serde_json::{Value, json};

use super::{Bench, EXECUTIONS, Person, TASKS, bench, workflow};
use crate::support::{Answer, Project, Receiver, Reply, acme, eventually};

/// A right, what is asked with it, and what that answers where it is allowed.
type Ask = (&'static str, fn(&Person<'_>) -> Answer, u16);
const ASKS: [Ask; 19] = [
    ("view", |it| it.get(TASKS), 200),
    ("view", |it| it.get("/workflows/api-sample/tasks/42/history"), 200),
    ("view", |it| it.get("/workflows/api-sample/fields"), 200),
    ("view", |it| it.get("/workflows/api-sample/users"), 200),
    ("edit", |it| it.send("POST", TASKS, &json!({"Company ID": "43"})), 201),
    ("edit", |it| it.send("PUT", TASKS, &json!({"Company ID": "42", "Company Name": "x"})), 200),
    ("edit", |it| it.send("DELETE", "/workflows/api-sample/tasks/43", &Value::Null), 204),
    ("view", |it| it.get("/workflows/api-sample/tasks/42/comments"), 200),
    ("edit", |it| it.send("POST", "/workflows/api-sample/tasks/42/comments", &json!({"body": "Hi"})), 201),
    ("note", |it| it.perform("note"), 201),
    ("sign", |it| it.perform("sign"), 201),
    ("note", |it| it.perform_on_many("note"), 200),
    ("sign", |it| it.perform_on_many("sign"), 200),
    ("administer", |it| it.get("/workflows/api-sample/definition"), 200),
    ("administer", |it| it.get("/workflows/api-sample/versions"), 200),
    (
        "administer",
        |it| {
            let step = "/workflows/api-sample/actions/note/steps/update-data/test";
            it.send("POST", step, &json!({"task_id": "42"}))
        },
        200,
    ),
    ("administer", |it| it.get("/workflows/api-sample/findings"), 200),
    (
        "administer",
        |it| it.send("PUT", "/workflows/api-sample/users/target", &json!({"role_id": "viewer"})),
        200,
    ),
    ("workspace", |it| it.get("/secrets"), 200),
];

/// "By trying every permission from every role."
#[test]
fn every_role_may_what_the_table_says_and_nothing_else() {
    let bench = bench();
    bench.person("target", None);
    let all = ["view", "edit", "note", "sign", "administer", "workspace"];
    for (name, role, may) in [
        ("viewer", Some("Viewer"), &all[..1]),
        ("clerk", Some("Clerk"), &all[..3]),
        ("collaborator", None, &all[..4]),
        ("boss", Some("Boss"), &all[..5]),
        ("outsider", Some("Outsider"), &[]),
        ("administrator", None, &all),
    ] {
        let person = bench.person(name, role);
        if name == "administrator" {
            bench.project.command(&["user", "administrator", "administrator@example.com"]);
            eventually("it is known", || person.get("/session").json()["is_administrator"] == true);
        }
        for (index, (right, ask, allowed)) in ASKS.iter().enumerate() {
            let answer = ask(&person);
            let is_seen = may.contains(&"view") || *right == "workspace";
            let expected = if may.contains(right) {
                *allowed
            } else if is_seen {
                403
            } else {
                404
            };
            assert_eq!(answer.status, expected, "{name}, {right} (ask {index}): {}", answer.body);
            if expected == 403 {
                assert_eq!(answer.json()["code"], "forbidden");
            }
        }
        let seen = person.get("/workflows").json().as_array().map(Vec::len);
        assert_eq!(seen, Some(usize::from(may.contains(&"view"))), "{name}");
        // What can be done now is what may be done.
        if may.contains(&"view") {
            let offered = person.get("/workflows/api-sample/tasks/42/actions").json().to_string();
            for action in ["note", "sign"] {
                assert_eq!(offered.contains(action), may.contains(&action), "{name}: {offered}");
            }
            let all = person.get("/workflows/api-sample/tasks/42/actions?_unmet=true").json();
            let sign = all.as_array().and_then(|all| all.iter().find(|it| it["id"] == "sign"));
            let unmet = sign.expect("what the stage offers")["unmet"].to_string();
            assert_eq!(unmet.contains("may not perform “Sign”"), !may.contains(&"sign"), "{name}: {unmet}");
        }
    }
    // Each execution is in the name of who performed it.
    let history = bench.server.get("/workflows/api-sample/tasks/42/history").json();
    assert!(history.to_string().contains("clerk@example.com"), "{history}");
    let comments = bench.server.get("/workflows/api-sample/tasks/42/comments").json();
    assert_eq!(comments[0]["author"], "clerk Test");
}

#[test]
fn who_is_signed_in_acts_in_their_own_name() {
    let bench = bench();
    bench.person("other", None);
    let boss = bench.person("boss", Some("Boss"));
    let perform = |name: &str| {
        let body =
            json!({"task_id": "42", "action_id": "note", "performed_by": format!("{name}@example.com")});
        boss.send("POST", EXECUTIONS, &body)
    };
    assert_eq!(perform("boss").status, 201);
    let refused = perform("other");
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")), "{}", refused.body);
    assert!(refused.body.contains("acts in their own name"), "{}", refused.body);
    let executions = bench.server.get(EXECUTIONS).json();
    assert_eq!(executions[0]["performed_by"]["email"], "boss@example.com");
    assert_eq!(executions.as_array().map(Vec::len), Some(1));
}

/// What somebody may not perform they cannot retry, and it does not stand before what they may.
#[test]
fn what_has_failed_is_retried_by_who_may_perform_it() {
    let receiver = Receiver::start(Reply::new(500, ""));
    let calls = ["Ping", "Pong"].map(|name| {
        format!(
            "\n[[actions]]\nname = \"{name}\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\n\
             type = \"api_call\"\nurl = \"{}/x\"\n",
            receiver.url()
        )
    });
    let role = "\n[[roles]]\nname = \"Ponger\"\nperform = [\"Pong\"]\n";
    let (project, key) = Project::new(&(workflow() + &calls.concat() + role));
    let server = project.serve(&key);
    server.create_task(&acme());
    let bench = Bench { project, key, server };
    let ids = ["ping", "ping", "pong"].map(|action| bench.server.performed("42", action)["id"].clone());
    let path = "/workflows/api-sample/bulk_retries";
    let viewer = bench.person("viewer", Some("Viewer"));
    let refused = viewer.send("POST", path, &json!({}));
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")), "{}", refused.body);
    let ponger = bench.person("ponger", Some("Ponger"));
    let retried = ponger.send("POST", path, &json!({})).json();
    assert_eq!((&retried["accepted"], &retried["refused"]), (&json!(1), &json!(0)), "{retried}");
    assert_eq!(retried["executions"][0]["id"], ids[2]);
    let of_another = ponger.send("POST", path, &json!({"action": "ping"}));
    assert_eq!((of_another.status, &of_another.json()["code"]), (403, &json!("forbidden")));
}

/// Roles of a document that is not saved give nobody a right that they do not have.
#[test]
fn an_unsaved_document_gives_no_right() {
    let bench = bench();
    bench.person("clerk", Some("Clerk"));
    let mut document = bench.server.get("/workflows/api-sample/definition").json()["document"].clone();
    let roles = document["roles"].as_array_mut().expect("roles");
    let clerk = roles.iter_mut().find(|role| role["name"] == "Clerk").expect("the clerk's");
    clerk.as_object_mut().expect("a role").remove("perform");
    let trial = |action: &str| {
        let body = json!({
            "document": document, "action": action, "step": "update-data", "task_id": "42",
            "performed_by": "clerk@example.com",
        });
        bench.server.post("/workflows/api-sample/step_tests", &body)
    };
    assert_eq!(trial("note").status, 200);
    let refused = trial("sign");
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")), "{}", refused.body);
}
