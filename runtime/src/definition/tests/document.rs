//! Documents: what they say that a file leaves out, and how a report points into one.

use expect_test::expect;
use serde_json::{Map, Value, json};

use super::*;
use crate::{egress::Guard, publish::Steps, step::sample::shipped};

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value}") };
    object
}

/// Every problem, as `path code: message (help)`.
fn told(value: Value) -> String {
    let types = shipped(&Guard::default());
    let source = Source::Document(object(value));
    let report =
        read_source("the definition", &source, None, &Steps(&types), &|_| None).expect_err("a report");
    assert!(report.is_of_document());
    let line = |(problem, path): (&Diagnostic, Option<String>)| {
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}: {}{help}\n", path.as_deref().unwrap_or("-"), problem.code, problem.message)
    };
    report.with_paths().into_iter().map(line).collect()
}

#[test]
fn a_document_says_what_follows_from_names() {
    let text = "name = \"Orders\"\nstages = [{ name = \"Open\", checklist = [\"Call\"] }]\n\
                fields = [{ name = \"Title\", type = \"text\" }]\nroles = [{ name = \"Boss\" }]\n[[actions]]\n\
                name = \"Move\"\nfrom = [\"Open\"]\n[[actions.steps]]\ntype = \"delete_task\"\n";
    let workflow = read("file.toml", text, &Anything).unwrap_or_else(|report| panic!("{report}"));
    let expected = json!({
        "name": "Orders", "id": "orders",
        "fields": [{"name": "Title", "id": "title", "type": "text"}],
        "stages": [{
            "name": "Open", "id": "open", "color": "gray", "checklist": [{"title": "Call", "id": "call"}],
        }],
        "roles": [{"name": "Boss", "id": "boss"}],
        "actions": [{
            "name": "Move", "id": "move", "color": "gray", "from": ["Open"],
            "steps": [{"type": "delete_task", "name": "Delete task", "id": "delete-task"}],
        }],
    });
    assert_eq!(Value::Object(document(&workflow)), expected);
    let bare = read("file.toml", "name = \"A\"\nstages = [{ name = \"B\" }]", &Anything).expect("sound");
    assert_eq!(
        Value::Object(document(&bare)),
        json!({
            "name": "A", "id": "a", "fields": [], "stages": [{"name": "B", "id": "b", "color": "gray"}], "roles": [],
            "actions": [],
        })
    );
}

#[test]
fn a_problem_is_at_a_place_in_the_document() {
    let said = told(json!({
        "name": "Orders",
        "fields": [{"name": "A/B", "type": "text"}, {"type": "number"}, {"name": "C", "type": "txt"}],
        "stages": [{"name": "Open", "color": null, "position": [1, 2.5]}, {"name": "Open", "endd": true}],
        "actions": [
            {"name": "Go", "position": [0, 100_001]},
            {"name": "Do", "from": ["Open", "Opne"], "after": "nxt", "confirm": " ", "celebrate": 1, "steps": [
                {"type": "api_call", "timeout": "soon", "headers": {"X": 1}},
                {"name": "No type"},
                {"type": "api_call", "url": "https://a.example/", "auth": {"bearer": "plain"}},
                {"type": "pause"},
            ], "requires": {"conditions": [{"message": "No", "all": [{"field": "A/B", "eqals": 1}]}]}},
        ],
        "alerts": {"every": "soon"},
    }));
    expect![[r#"
        /fields/1/name missing_key: `name` is missing
        /fields/2/type unknown_type: there is no field type `txt` (did you mean `text`?)
        /stages/0/position wrong_type: `position` must be a list of two whole numbers, and this is of type array
        /stages/1/name duplicate_name: a second stage is called “Open”
        /stages/1/endd unknown_key: `endd` is not a key of this table (did you mean `end`?)
        /actions/0/from missing_key: `from` is missing: the stages in which the action is offered, such as from = ["In Progress"]
        /actions/0/position out_of_range: `position` must be two whole numbers from -100000 to 100000
        /actions/1/from/1 unknown_stage: there is no stage “Opne” (did you mean “Open”?)
        /actions/1/after invalid_value: `after` cannot be `nxt` (did you mean `next`?)
        /actions/1/confirm invalid_message: `confirm` must say something in one paragraph of at most 300 characters, without control characters (leave it out where nothing is to be asked)
        /actions/1/celebrate wrong_type: `celebrate` must be true or false, and this is of type integer
        /actions/1/steps/1/type missing_key: `type` is missing
        /actions/1/requires/conditions/0/all/0/eqals unknown_operator: there is no operator `eqals` (did you mean `equals`?)
        /alerts/every out_of_range: `every` must be a duration above 0 and up to 7d, such as "500ms", "30s", "2h" or "3d"
    "#]].assert_eq(&said);
}

/// The fields are known here, so the steps are looked at.
#[test]
fn a_problem_of_a_step_is_at_its_parameter() {
    let said = told(json!({
        "name": "Orders",
        "fields": [{"name": "A/B", "type": "number"}],
        "stages": [{"name": "Open"}],
        "actions": [{"name": "Do", "from": ["Open"], "steps": [
            {"type": "api_call", "timeout": "soon", "headers": {"X": 1, "Host": "a"}},
            {"name": "No type"},
            {"type": "api_call", "url": "https://a.example/{{Nothing}}", "auth": {"bearer": "plain"}},
            {"type": "update_data", "fields": {"A/B": "many", "C": 1}},
            {"type": "api_call", "url": "https://a.example/", "auth": {"basic": {"user": "a"}}},
        ]}],
    }));
    expect![[r#"
        /actions/0/steps/0/url missing_key: `url` is missing (Where the call goes: http:// or https://, or a secret that begins so.)
        /actions/0/steps/0/timeout invalid_param: `timeout` must be a duration above 0 and up to 10m, such as "500ms", "30s", "2h" or "3d"
        /actions/0/steps/0/headers/X wrong_type: the value of `X` must be a text
        /actions/0/steps/0/headers/Host invalid_param: the header `Host` is set by Onward itself
        /actions/0/steps/1/type missing_key: `type` is missing
        /actions/0/steps/2/url invalid_template: `{{Nothing}}` names no field of this workflow; there are its fields (also as task.NAME), action, user.id, user.email, user.first_name, user.last_name, execution.id, Stage, Assigned To and secrets.NAME
        /actions/0/steps/2/auth/bearer plain_credential: a credential stands here in plain text; set a secret and write {{secrets.NAME}}
        /actions/0/steps/3/fields/A~1B invalid_value: the value for “A/B” is invalid: it must be a decimal number of at most 64 digits
        /actions/0/steps/3/fields/C unknown_field: the workflow has no field “C” (there are A/B, Assigned To)
        /actions/0/steps/4/auth/basic missing_key: `basic` needs `password`
    "#]].assert_eq(&said);
}

#[test]
fn a_problem_of_a_whole_step_is_at_the_step() {
    let steps = json!([{"type": "delete_task"}, {"type": "pause"}]);
    let action = json!({"name": "Do", "from": ["Open"], "steps": steps});
    let said = told(json!({"name": "Orders", "stages": [{"name": "Open"}], "actions": [action]}));
    assert!(
        said.starts_with("/actions/0/steps/1 step_type_missing: there is no step type `pause`"),
        "{said}"
    );
}

#[test]
fn a_document_has_no_nulls_in_lists_and_is_not_too_large_or_deep() {
    expect![[r#"
        /stages/1 wrong_type: a list must not have a null in it (leave it out)
        /actions/0/steps/0/a~1b/c/1 wrong_type: a list must not have a null in it (leave it out)
    "#]]
    .assert_eq(&told(json!({
        "name": "Orders", "stages": [{"name": "Open"}, null],
        "actions": [{"steps": [{"type": "api_call", "a/b": {"c": [1, null]}}]}],
    })));
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let said = told(json!({"name": "Orders", "stages": [{"name": "Open"}], "deep": deep}));
    assert!(said.starts_with("- toml_syntax: "), "{said}");
    // A long key over many nulls: what is told is no longer for it.
    let many: Vec<_> = (0..5_000).map(|_| json!([1, null])).collect();
    let said = told(json!({"name": "Orders", "x".repeat(400_000): many}));
    assert!(said.len() < 400_000, "{} bytes", said.len());
    assert!(said.contains("a list must not have a null in it"), "{}", &said[..200]);
    let long = "x".repeat(crate::toml_file::FILE_BYTES_MAX);
    let said = told(json!({"name": long, "stages": [{"name": "Open"}]}));
    assert!(said.contains(" file_too_large: "), "{said}");
}

#[test]
fn the_report_of_a_document_shows_no_lines() {
    let source =
        Source::Document(object(json!({"name": "Orders", "stages": [{"name": "Open", "colour": "red"}]})));
    let report = read_source("the definition", &source, None, &Anything, &|_| None).expect_err("refused");
    expect![[r#"
        error[unknown_key] at /stages/0/colour: `colour` is not a key of this table
          = help: did you mean `color`?

        1 problem in the definition"#]]
    .assert_eq(&report.to_string());
    let sound = Source::Document(object(json!({"name": "Orders", "stages": [{"name": "Open"}]})));
    let other = WorkflowId::new("other");
    let report =
        read_source("the definition", &sound, Some(&other), &Anything, &|_| None).expect_err("refused");
    expect![[r#"
        error[other_workflow] at /name: this is the workflow `orders`, and a version of `other` is to be saved
          = help: write id = "other"; the id stays when the name changes

        1 problem in the definition"#]]
    .assert_eq(&report.to_string());
}
