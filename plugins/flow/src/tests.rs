//! Each step, by the library's C functions.

use onward_sdk::{
    Answer, Effects, StepError,
    description::Hints,
    testing::{Failure, Host, Plugin, input},
};
use serde_json::{Value, json};

fn plugin() -> Plugin {
    Host::new().load(crate::onward_plugin_v1_entry)
}

/// A task with a value of each kind.
fn task() -> Value {
    json!({
        "Stage": "Waiting", "Assigned To": "user@example.com", "Name": "Acme Corp", "Value": "10000.00", "Due": "2020-01-16",
        "Answered": null, "Note": "", "Paid?": false, "Tags": ["a", "b"], "None": [], "Papers": [{"blobId": "1"}],
    })
}

fn condition(config: Value, params: Value) -> Result<Answer, StepError> {
    let instance = plugin().step("condition").create(config).expect("an instance");
    match instance.run(&input(task(), params)).result {
        Ok(answer) => Ok(answer),
        Err(Failure::Error(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// Why a configuration cannot be.
fn refused(config: Value) -> StepError {
    match plugin().step("condition").create(config) {
        Err(Failure::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn holds(test: &Value) -> bool {
    let answer = condition(json!({"all": [test]}), json!({})).expect("an answer");
    assert_eq!(answer.stop, answer.note.is_some(), "{answer:?}");
    !answer.stop
}

#[test]
fn they_only_say_how_the_action_goes_on() {
    let plugin = plugin();
    assert_eq!(plugin.ids(), ["delay", "condition"]);
    for (id, category) in [("delay", "timing"), ("condition", "flow")] {
        let described = plugin.step(id).describe().expect("a description");
        assert_eq!((described.effects, described.category.as_str()), (Effects::None, category));
        assert!(described.icon.expect("an icon").starts_with("<svg "), "{id}");
        assert!(described.help.is_some() && described.examples.len() > 1, "{id}");
    }
    let config = plugin.step("condition").describe().expect("a description").config.expect("a schema");
    assert_eq!(config["properties"]["otherwise"]["default"], "stop");
    assert_eq!(config["required"], Value::Null);
    for key in ["all", "any"] {
        let property = &config["properties"][key];
        assert_eq!(property["items"]["required"], json!(["field"]), "{property}");
        assert_eq!(
            Hints::of(property).expect("hints").widget.as_deref(),
            Some(Hints::CONDITION),
            "{property}"
        );
    }
}

#[test]
fn a_delay_counts_from_the_servers_time_on() {
    let delay = plugin().step("delay").create(json!({})).expect("an instance");
    for (pause, at) in [
        (json!("3d"), "2026-12-01T10:30:00Z"),
        (json!(30), "2026-11-28T10:30:30Z"),
        (json!("367d"), "2027-11-30T10:30:00Z"),
    ] {
        let told = input(json!({}), json!({"for": pause})).at("2026-11-28T10:30:00Z");
        assert_eq!(delay.run(&told).answer(), Answer::new().wait_until(at));
    }
    for wrong in [json!("0s"), json!("368d"), json!(-1), json!("a while")] {
        let error = delay.run(&input(json!({}), json!({"for": wrong}))).error();
        assert_eq!(error.problems()[0].pointer, "/for");
        assert!(error.message.contains("above 0 and up to 367d"), "{error}");
    }
    assert!(delay.run(&input(json!({}), json!({}))).error().message.contains("missing field `for`"));
}

#[test]
fn each_operator_holds_of_what_it_should() {
    for test in [
        json!({"field": "Name", "is_set": true}),
        json!({"field": "Answered", "is_set": false}),
        json!({"field": "Note", "is_set": false}),
        json!({"field": "None", "is_set": false}),
        json!({"field": "Papers", "is_set": true}),
        json!({"field": "Name", "equals": "Acme Corp"}),
        json!({"field": "Value", "equals": "10000"}),
        json!({"field": "Value", "equals": 10000}),
        json!({"field": "Paid?", "equals": false}),
        json!({"field": "Tags", "equals": ["b", "a"]}),
        json!({"field": "Assigned To", "equals": "User@Example.com"}),
        json!({"field": "Name", "not_equals": "acme corp"}),
        json!({"field": "Answered", "not_equals": "x"}),
        json!({"field": "Stage", "one_of": ["Open", "Waiting"]}),
        json!({"field": "Value", "at_least": "10000"}),
        json!({"field": "Value", "at_most": 10000.0}),
        json!({"field": "Value", "more_than": "9999.99"}),
        json!({"field": "Due", "less_than": "2020-01-17"}),
        json!({"field": "Due", "more_than": "today"}),
        json!({"field": "Name", "contains": "Corp"}),
        json!({"field": "Tags", "contains": "b"}),
    ] {
        assert!(holds(&test), "{test}");
    }
}

#[test]
fn each_operator_does_not_hold_of_what_it_should_not() {
    for test in [
        json!({"field": "Name", "is_set": false}),
        json!({"field": "Answered", "is_set": true}),
        json!({"field": "Name", "equals": "acme corp"}),
        json!({"field": "Answered", "equals": "x"}),
        json!({"field": "Paid?", "equals": true}),
        json!({"field": "Tags", "equals": ["a"]}),
        json!({"field": "Value", "not_equals": "10000"}),
        json!({"field": "Stage", "one_of": ["Open"]}),
        json!({"field": "Answered", "one_of": ["Open"]}),
        json!({"field": "Value", "at_least": "10000.01"}),
        json!({"field": "Answered", "at_most": "10000"}),
        json!({"field": "Name", "at_least": "1"}),
        json!({"field": "Value", "more_than": "10000"}),
        json!({"field": "Due", "at_most": "today"}),
        json!({"field": "Name", "contains": "corp"}),
        json!({"field": "Tags", "contains": "c"}),
        json!({"field": "Answered", "contains": "a"}),
        json!({"field": "Papers", "contains": "1"}),
    ] {
        assert!(!holds(&test), "{test}");
    }
}

#[test]
fn all_must_hold_or_any() {
    let (right, wrong) =
        (json!({"field": "Name", "is_set": true}), json!({"field": "Stage", "equals": "Open"}));
    for (config, stops) in [
        (json!({"all": [right, right]}), false),
        (json!({"all": [right, wrong]}), true),
        (json!({"any": [wrong, right]}), false),
        (json!({"any": [wrong, wrong]}), true),
    ] {
        let answer = condition(config.clone(), json!({})).expect("an answer");
        assert_eq!(answer.stop, stops, "{config}");
    }
}

#[test]
fn where_it_does_not_hold_people_are_told_why() {
    let tests = json!([
        {"field": "Value", "at_least": "20000"}, {"field": "Name", "is_set": true}, {"field": "Stage", "one_of": ["Open", "New"]},
    ]);
    let why = "The action does not go on: “Value” is not at least 20000, “Stage” is none of “Open”, “New”.";
    let stopped = condition(json!({"all": tests}), json!({}));
    assert_eq!(stopped, Ok(Answer::new().stop().note(why)));
    let failed = condition(json!({"all": tests, "otherwise": "fail"}), json!({"message": " "}));
    assert_eq!(failed, Err(StepError::new("condition_not_met", why)));
    let params = json!({"message": "Acme Corp is too small."});
    let failed = condition(json!({"all": tests, "otherwise": "fail"}), params.clone());
    assert_eq!(failed, Err(StepError::new("condition_not_met", "Acme Corp is too small.")));
    let stopped = condition(json!({"all": tests, "otherwise": "stop"}), params);
    assert_eq!(stopped, Ok(Answer::new().stop().note("Acme Corp is too small.")));
}

#[test]
fn a_field_that_is_not_there_is_no_empty_one() {
    let tests = json!([{"field": "Name", "is_set": true}, {"field": "Nmae", "is_set": false}]);
    let error = condition(json!({"any": tests}), json!({})).expect_err("no such field");
    assert_eq!(error.code, "unknown_field");
    assert!(error.message.contains("“Nmae”"), "{error}");
}

#[test]
fn what_cannot_be_a_condition_is_refused_at_its_place() {
    let named = json!({"field": "Name", "is_set": true});
    for (config, pointer, message) in [
        (json!({}), "/all", "the tests are missing"),
        (json!({"all": [named], "any": [named]}), "/any", "not both"),
        (json!({"any": []}), "/any", "at least one test"),
        (json!({"all": [named, {"field": "Name"}]}), "/all/1", "one operator"),
        (json!({"all": [{"field": "Name", "is_set": true, "equals": "x"}]}), "/all/0", "one operator"),
        (json!({"all": [{"field": "Name", "at_least": "much"}]}), "/all/0", "\"much\" has no order"),
        (json!({"all": [{"field": "Name", "equals": ""}]}), "/all/0", "is_set"),
        (json!({"all": [{"field": "Name", "one_of": []}]}), "/all/0", "at least one value"),
        (json!({"all": [{"field": "Name", "contains": ""}]}), "/all/0", "must have a text"),
        (json!({"all": [{"field": "Name", "equal": "x"}]}), "/all/0/equal", "did you mean “equals”?"),
        (json!({"all": [named], "otherwise": "go"}), "/otherwise", "unknown variant"),
    ] {
        let error = refused(config.clone());
        let problem = &error.problems()[0];
        assert_eq!(problem.pointer, pointer, "{config}: {error}");
        assert!(problem.message.contains(message), "{config}: {error}");
    }
}
