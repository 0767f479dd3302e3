//! "Bulk perform with progress."

use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{Answer, Project, Receiver, Reply, Server, api_sample, eventually, pinging},
};

const BULK: &str = "/workflows/api-sample/bulk_executions";
const STATUSES: &str = "/workflows/api-sample/executions/statuses";

fn served() -> (Project, Server, Receiver) {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{}/\"", receiver.url());
    let text = api_sample(&receiver.url())
        + &with_action("", "Test", "requires = { fields = [\"Company Name\"] }", &[&step]);
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    (project, server, receiver)
}

fn bulk(server: &Server, tasks: &[Value], key: Option<&str>) -> Answer {
    let body = json!({"action_id": "test", "task_ids": tasks}).to_string();
    let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
    server.send("POST", BULK, &headers, body.as_bytes())
}

#[test]
fn one_action_is_performed_on_many_tasks_and_each_answers_for_itself() {
    let (_project, server, receiver) = served();
    let tasks: Vec<_> = (0..100).map(|number| json!(number.to_string())).collect();
    for task in &tasks {
        // Every tenth has no name, which the action requires.
        let name = task.as_str().filter(|task| !task.ends_with('0')).unwrap_or_default();
        let task = json!({"Company ID": task, "Stage": "In Progress", "Company Name": name});
        assert_eq!(server.post("/workflows/api-sample/tasks", &task).status, 201);
    }
    let asked: Vec<_> = tasks.iter().cloned().chain([json!("nowhere"), json!(1.5)]).collect();
    let answer = bulk(&server, &asked, Some("once"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = answer.json();
    assert_eq!((&said["accepted"], &said["refused"]), (&json!(90), &json!(12)), "{said}");
    let all = said["executions"].as_array().expect("a list");
    assert_eq!((&all[0]["task_id"], &all[0]["code"]), (&json!("0"), &json!("requirements_not_met")));
    assert_eq!(all[0]["errors"], json!(["Company Name is required"]));
    assert_eq!((&all[1]["task_id"], &all[1]["status"]), (&json!("1"), &json!("Success")));
    assert_eq!((&all[100]["code"], &all[101]["task_id"]), (&json!("task_not_found"), &json!("1.5")));
    let ids: Vec<_> = all.iter().filter(|it| it["id"].is_string()).map(|it| it["id"].clone()).collect();
    let statuses = || server.post(STATUSES, &json!({"ids": ids})).json();
    eventually("all have ended", || {
        statuses().as_array().is_some_and(|all| all.iter().all(|it| it["status"] == "Success"))
    });
    let shown = statuses();
    assert_eq!(
        shown.as_array().map(|all| all.iter().map(|it| it["id"].clone()).collect::<Vec<_>>()),
        Some(ids)
    );
    assert_eq!(receiver.received().len(), 90);
    // The same request again is the same executions.
    let again = bulk(&server, &asked, Some("once")).json();
    for (one, other) in all.iter().zip(again["executions"].as_array().expect("a list")) {
        assert_eq!(one["id"], other["id"]);
    }
    assert_eq!(receiver.received().len(), 90);
    // A task by its other name is the same task, in the repeated request too.
    let id = server.get("/workflows/api-sample/executions?task=1").json()[0]["task"].clone();
    assert_ne!(id, "1");
    for _ in 0..2 {
        let both = bulk(&server, &[json!("1"), id.clone()], Some("both")).json();
        assert_eq!((&both["accepted"], &both["refused"]), (&json!(1), &json!(1)), "{both}");
        assert_eq!(both["executions"][1]["message"], "`task_ids` names this task twice");
    }
    assert_eq!(receiver.received().len(), 91);
    assert_eq!(
        bulk(&server, &asked[..1], Some("once")).json()["refused"],
        1,
        "what was refused is asked anew"
    );
}

#[test]
fn what_cannot_be_meant_is_refused_whole() {
    let (_project, server, receiver) = served();
    let many: Vec<_> = (0..1_001).map(|number| json!(number)).collect();
    for (tasks, status, code, why) in [
        (&[][..], 400, "invalid_body", "`task_ids` takes 1 to 1000 of them, not 0"),
        (&many, 400, "invalid_body", "`task_ids` takes 1 to 1000 of them, not 1001"),
        (&[json!("1"), json!(1)], 422, "invalid_fields", "task_ids names the task `1` twice"),
        (&[json!(null)], 400, "invalid_body", "at `task_ids[0]`"),
    ] {
        let refused = bulk(&server, tasks, None);
        assert_eq!((refused.status, refused.json()["code"].as_str()), (status, Some(code)), "{tasks:?}");
        assert!(refused.body.contains(why), "{}", refused.body);
    }
    let refused = bulk(&server, &many[..1], Some(&"x".repeat(256)));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some("invalid_parameter")));
    let body = json!({"action_id": "nothing", "task_ids": ["1"]});
    assert_eq!(server.post(BULK, &body).json()["code"], "action_not_found");
    let unknown = server.post(STATUSES, &json!({"ids": ["no id", "01a20e30-9274-7001-938c-98695e322d42"]}));
    assert_eq!((unknown.status, unknown.json()), (200, json!([])));
    assert_eq!(receiver.received().len(), 0);
}

/// "Retry all failed since …": the oldest first, and each by whoever may perform its action.
#[test]
fn what_has_failed_is_retried_at_once() {
    let receiver = Receiver::start(Reply::new(500, "broken"));
    let (project, key) = Project::new(&pinging(&receiver));
    let server = project.serve(&key);
    let mut failed = Vec::new();
    for task in ["1", "2", "3"] {
        server.create_task(&json!({"Company ID": task, "Stage": "In Progress"}));
        failed.push(server.performed(task, "ping")["id"].as_str().expect("an id").to_owned());
    }
    let dismissed = server.performed("3", "ping")["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.ask(&dismissed, "dismiss", &json!({})).status, 200);
    let retry = |body: Value| server.post("/workflows/api-sample/bulk_retries", &body);
    let ids = |answer: &Value| -> Vec<String> {
        let all = answer["executions"].as_array().expect("a list").iter();
        all.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    // What matches nothing retries nothing.
    for body in [
        json!({"action": "finish"}),
        json!({"state": "unknown"}),
        json!({"until": "2000-01-01T00:00:00Z"}),
        json!({"since": "2100-01-01T00:00:00Z"}),
    ] {
        let answer = retry(body.clone()).json();
        assert_eq!(answer, json!({"accepted": 0, "refused": 0, "more": false, "executions": []}), "{body}");
    }
    let of_one = retry(json!({"task": 2, "action": "ping", "state": "failed"})).json();
    assert_eq!((ids(&of_one), &of_one["accepted"]), (vec![failed[1].clone()], &json!(1)), "{of_one}");
    assert_eq!(server.ended(&failed[1])["state"], "failed");
    receiver.answer_with(Reply::new(200, ""));
    let all = retry(json!({})).json();
    assert_eq!(
        (ids(&all), &all["accepted"], &all["more"]),
        (failed.clone(), &json!(3), &json!(false)),
        "{all}"
    );
    for id in &failed {
        assert_eq!(server.ended(id)["status"], "Success");
    }
    assert_eq!(server.execution(&dismissed)["state"], "dismissed");
    assert_eq!(retry(json!({})).json()["executions"], json!([]), "nothing is left");
    for (body, status, code) in [
        (json!({"state": "dismissed"}), 400, "invalid_body"),
        (json!({"since": "yesterday"}), 400, "invalid_parameter"),
        (json!({"task": "77"}), 404, "task_not_found"),
        (json!({"action": "nothing"}), 404, "action_not_found"),
        (json!({"colour": "red"}), 400, "invalid_body"),
    ] {
        let answer = retry(body.clone());
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{body}");
    }
    // The same order is there for lists.
    let oldest = server.get("/workflows/api-sample/executions?_order=oldest&_limit=2");
    let listed = |answer: &Answer| -> Vec<String> {
        answer
            .json()
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    assert_eq!(listed(&oldest), failed[..2]);
    let cursor = oldest.header("onward-next-cursor").expect("a cursor");
    let rest =
        server.get(&format!("/workflows/api-sample/executions?_order=oldest&_limit=2&_cursor={cursor}"));
    assert_eq!(listed(&rest), [failed[2].clone(), dismissed]);
    assert_eq!(rest.header("onward-next-cursor"), None);
    assert_eq!(server.get("/workflows/api-sample/executions?_order=up").status, 400);
}
