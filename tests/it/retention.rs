//! "Retention by age and count" of what is kept of calls.

use serde_json::json;

use crate::support::{CONFIG, Project, Receiver, Reply, acme, api_sample, eventually};

#[test]
fn the_newest_records_are_kept_and_the_others_forgotten_from_the_start_on() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let step = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{}/\"", receiver.url());
    let text = api_sample(&receiver.url()) + &crate::rules::with_action("", "Test", "", &[&step]);
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    let ids: Vec<_> = (0..4).map(|_| server.performed("42", "test")["id"].clone()).collect();
    server.kill();
    let with_records = |limit: &str, expected: [bool; 4]| {
        project.write("onward.toml", &format!("{CONFIG}{limit}"));
        let server = project.serve(&key);
        let has = || {
            let of = |id: &serde_json::Value| server.execution(id.as_str().expect("an id"));
            ids.iter().map(|id| of(id)["attempts"][0]["record"]["request"].is_object()).collect::<Vec<_>>()
        };
        eventually(limit, || has() == expected);
        // What happened stays; only what was sent and answered goes.
        let first = server.execution(ids[0].as_str().expect("an id"));
        assert_eq!(
            (&first["status"], &first["attempts"][0]["outcome"]),
            (&json!("Success"), &json!("succeeded"))
        );
        server.kill();
    };
    with_records("retention.records_max = 0\nretention.records_days = 0\n", [true; 4]);
    with_records("retention.records_max = 100\nretention.records_days = 1\n", [true; 4]);
    with_records("retention.records_max = 2\nretention.records_days = 1\n", [false, false, true, true]);
    with_records("retention.records_max = 1\nretention.records_days = 0\n", [false, false, false, true]);
}
