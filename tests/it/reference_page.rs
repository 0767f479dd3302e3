//! The reference page, sentence by sentence, against the real server and a receiver on a real socket.

use serde_json::json;

use crate::support::{Project, Receiver, Reply, Server, acme, api_sample};

/// A server with the page's workflow and task, calling a receiver.
fn page(reply: Reply) -> (Receiver, Project, Server) {
    let receiver = Receiver::start(reply);
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    (receiver, project, server)
}

/// "Flowdash will call your API every time a user performs the specified action."
#[test]
fn the_api_is_called_every_time_a_user_performs_the_action() {
    let (receiver, _project, server) = page(Reply::new(200, ""));
    for id in ["42", "43", "44"] {
        let mut task = acme();
        task["Company ID"] = json!(id);
        server.post("/workflows/api-sample/tasks", &task);
        assert_eq!(server.perform(id, "finish").json()["status"], "Success");
    }
    assert_eq!(receiver.received().len(), 3);
}

/// "The request body will include the name of the action, the user who performed the action, as well
/// as a JSON representation of the task."
#[test]
fn the_request_body_is_the_pages_byte_for_byte() {
    let (receiver, _project, server) = page(Reply::new(200, ""));
    server.perform("42", "finish");
    let received = receiver.received();
    let expected = concat!(
        r#"{"action":"Finish","user":{"id":"abc123","email":"user@example.com","first_name":"Example","#,
        r#""last_name":"User"},"task":{"Stage":"Completed","Assigned To":"user@example.com","Company ID":"42","#,
        r#""Company Name":"Acme Corp","Number of Employees":"20","Contract Value":"10000","International?":false,"#,
        r#""Expected Close Date":"2020-01-31"}}"#
    );
    assert_eq!(received[0].body, expected);
    assert!(received[0].head.starts_with("POST /finish HTTP/1.1\r\n"), "{}", received[0].head);
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    assert!(received[0].header("webhook-id").is_some_and(|id| id.starts_with("msg_")));
    assert!(received[0].header("webhook-timestamp").is_some_and(|at| at.parse::<u64>().is_ok()));
}

/// "You can specify the URL of your API endpoint as well as any additional headers."
#[test]
fn the_url_and_the_additional_headers_are_used() {
    let (receiver, _project, server) = page(Reply::new(200, ""));
    server.perform("42", "finish");
    assert_eq!(receiver.received()[0].header("X-Company"), Some("Acme Corp"));
}

/// "If your application responds with a 2xx code, Flowdash will interpret the API call as successful
/// and move on to the next step in the action."
#[test]
fn any_2xx_moves_on_to_the_next_step() {
    for status in [200, 201, 202, 204, 299] {
        let receiver = Receiver::start(Reply::new(status, ""));
        let workflow = api_sample(&receiver.url())
            + "\n[[actions.steps]]\ntype = \"update_data\"\nfields = { \"Company Name\" = \"Next\" }\n";
        let (project, key) = Project::new(&workflow);
        let server = project.serve(&key);
        server.create_task(&acme());
        assert_eq!(server.perform("42", "finish").json()["status"], "Success", "{status}");
        assert_eq!(server.task("42")["Company Name"], "Next", "{status}");
    }
}

/// "If your application responds with a non-2xx code, Flowdash will abort the action on the current
/// step and alert the user that an error has occurred."
#[test]
fn every_class_of_non_2xx_aborts_on_the_current_step_and_tells_the_user() {
    for status in [301, 302, 400, 401, 404, 409, 410, 422, 429, 500, 502, 503] {
        let receiver = Receiver::start(Reply::new(status, r#"{"message":"no such company"}"#));
        let workflow = api_sample(&receiver.url())
            + "\n[[actions.steps]]\ntype = \"update_data\"\nfields = { \"Company Name\" = \"Next\" }\n";
        let (project, key) = Project::new(&workflow);
        let server = project.serve(&key);
        server.create_task(&acme());
        let answer = server.perform("42", "finish");
        assert_eq!(answer.status, 201);
        let execution = answer.json();
        assert_eq!(execution["status"], "Fail", "{status}");
        let error = execution["errors"][0].as_str().expect("an error");
        assert!(error.starts_with("Step 2 “Tell the billing system”: 127.0.0.1:"), "{error}");
        assert!(error.contains(&format!("answered {status}")), "{error}");
        if status >= 400 {
            assert!(error.ends_with("no such company"), "{error}");
        }
        let task = server.task("42");
        assert_eq!(task["Company Name"], "Acme Corp", "a later step ran after {status}");
        assert_eq!(task["Stage"], "Completed", "the earlier step's change stays");
        assert_eq!(receiver.received().len(), 1, "a failed call was repeated");
    }
}

/// "You can also modify the task in your response in the success case."
#[test]
fn the_responses_task_changes_the_task() {
    let (_receiver, _project, server) =
        page(Reply::new(200, r#"{"task": {"Expected Close Date": "2020-02-01"}}"#));
    assert_eq!(server.perform("42", "finish").json()["status"], "Success");
    let task = server.task("42");
    assert_eq!(task["Expected Close Date"], "2020-02-01");
    assert_eq!(task["Contract Value"], "10000", "what the response does not name stays");
}

/// "… in the success case": not in any other.
#[test]
fn a_failures_task_changes_nothing() {
    let (_receiver, _project, server) =
        page(Reply::new(500, r#"{"task": {"Expected Close Date": "2020-02-01"}}"#));
    assert_eq!(server.perform("42", "finish").json()["status"], "Fail");
    assert_eq!(server.task("42")["Expected Close Date"], "2020-01-31");
}
