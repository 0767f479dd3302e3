//! Each step, by the library's C functions.

use onward_sdk::{
    Answer, Effects, StepError,
    description::{Description, Hints},
    document::Input,
    testing::{Host, Plugin, Run, input},
};
use serde_json::{Value, json};

fn plugin() -> Plugin {
    Host::new().load(crate::onward_plugin_v1_entry)
}

fn run_with(step: &str, input: &Input) -> Run {
    plugin().step(step).create(json!({})).expect("an instance").run(input)
}

fn run(step: &str, params: Value) -> Run {
    run_with(step, &input(json!({"Company Name": "Acme"}), params))
}

fn described(step: &str) -> Description {
    plugin().step(step).describe().expect("a description")
}

#[test]
fn all_of_them_only_change_the_task_and_one_deletes_it() {
    let plugin = plugin();
    let ids = ["move_to_stage", "assign_to", "update_data", "delete_task", "schedule_stage_change"];
    assert_eq!(plugin.ids(), ids);
    for id in ids {
        let description = described(id);
        assert_eq!((description.effects, description.category.as_str()), (Effects::None, "task"), "{id}");
        assert_eq!(description.deletes_task, id == "delete_task", "{id}");
        assert!(description.icon.expect("an icon").starts_with("<svg "), "{id}");
        assert!(description.help.is_some() && !description.examples.is_empty(), "{id}");
        assert_eq!(description.config, None, "{id}");
    }
}

#[test]
fn what_names_a_part_of_the_workflow_says_so() {
    for (id, key, widget) in [
        ("move_to_stage", "stage", Hints::STAGE),
        ("schedule_stage_change", "stage", Hints::STAGE),
        ("schedule_stage_change", "in", Hints::DURATION),
        ("assign_to", "user", Hints::USER),
        ("update_data", "fields", Hints::FIELDS),
    ] {
        let schema = described(id).params.expect("a schema");
        let property = &schema["properties"][key];
        let hints = Hints::of(property).expect("hints");
        assert_eq!(hints.widget.as_deref(), Some(widget), "{id}: {property}");
        assert!(property["description"].is_string(), "{id}: {property}");
        assert!(
            schema["required"].as_array().is_some_and(|keys| keys.contains(&json!(key))),
            "{id}: {schema}"
        );
    }
}

#[test]
fn a_move_expects_the_stage_that_the_execution_saw_last() {
    let mut told = input(json!({"Stage": "Open"}), json!({"stage": "Done"}));
    let moved = Answer::new().set("Stage", "Done");
    assert_eq!(run_with("move_to_stage", &told).answer(), moved.clone().expect("Open"));
    // Somebody has moved it since: the server finds that it is not where it is expected.
    told.last_stage = Some("New".to_owned());
    assert_eq!(run_with("move_to_stage", &told).answer(), moved.expect("New"));
}

#[test]
fn a_task_becomes_somebodys_or_nobodys() {
    let jane = Answer::new().set("Assigned To", "jane@example.com").note("assigned to jane@example.com");
    let nobody = Answer::new().clear("Assigned To").note("assigned to nobody");
    for (user, answer) in
        [("jane@example.com", &jane), (" jane@example.com\n", &jane), ("", &nobody), (" ", &nobody)]
    {
        assert_eq!(run("assign_to", json!({"user": user})).answer(), *answer, "{user:?}");
    }
    let help = described("assign_to").help.expect("help");
    assert!(help.contains("an API key that acts for nobody"), "{help}");
    let error = run("assign_to", json!({"user": "Jane"})).error();
    let message = "“Jane” is not the email of a user, so the task cannot be assigned to it.";
    assert_eq!(error, StepError::new("invalid_user", message));
    assert_eq!(run("assign_to", json!({})).error().code, "invalid_params");
}

#[test]
fn fields_are_set_to_what_is_given_as_it_is_written() {
    let fields = r#"{"Contract Value": 10000.00, "Big": 9007199254740993.10, "Paid?": true, "Tags": ["a"], "Note": null,
        "Assigned To": "jane@example.com", "Name": "Acme"}"#;
    let fields: Value = serde_json::from_str(fields).expect("JSON");
    let answer = run("update_data", json!({"fields": fields})).answer();
    assert_eq!(answer.task.as_ref(), fields.as_object());
    let task = Value::from(answer.task.expect("a patch")).to_string();
    assert!(task.starts_with(r#"{"Contract Value":10000.00,"Big":9007199254740993.10,"#), "{task}");
}

#[test]
fn a_stage_is_no_field() {
    let error = run("update_data", json!({"fields": {"Stage": "Done"}})).error();
    assert_eq!(error.code, "unknown_field");
    assert!(error.message.contains("move_to_stage"), "{error}");
}

#[test]
fn a_task_is_deleted() {
    assert_eq!(run("delete_task", json!({})).answer(), Answer::new().delete());
    assert_eq!(run("delete_task", json!({"stage": "Done"})).error().code, "invalid_params");
}

#[test]
fn a_change_is_scheduled_from_the_servers_time_on() {
    for (pause, at) in [
        (json!("3d"), "2026-12-01T10:30:00Z"),
        (json!(90), "2026-11-28T10:31:30Z"),
        (json!("250ms"), "2026-11-28T10:30:00.250Z"),
    ] {
        let told = input(json!({}), json!({"stage": "Done", "in": pause})).at("2026-11-28T10:30:00Z");
        assert_eq!(run_with("schedule_stage_change", &told).answer(), Answer::new().schedule("Done", at));
    }
    for wrong in ["0s", "368d", "soon"] {
        let error = run("schedule_stage_change", json!({"stage": "Done", "in": wrong})).error();
        assert_eq!(error.problems()[0].pointer, "/in");
        assert!(error.message.contains("above 0 and up to 367d"), "{error}");
    }
}
