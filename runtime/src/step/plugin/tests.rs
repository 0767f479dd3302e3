//! How a plugin's step is written, and what is said of one that is not as its type wants it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{StepId, sample},
    plugin::runner::{Run, RunnerState, Running, Use},
};

/// Runs nothing: these tests are of what comes before.
struct Idle;

impl Runner for Idle {
    fn run(&self, _: Run) -> Running {
        unreachable!("nothing is run here")
    }

    fn forget(&self, _: &Use) {}

    fn state(&self) -> RunnerState {
        RunnerState::Ready
    }

    fn stop(&self) {}
}

/// A type with every kind of key, and with names that are taken.
fn description() -> Value {
    json!({
        "id": "acme_post", "title": "Post", "category": "integration", "version": "1.0.0",
        "help": "# Post\n\nPosts to Acme. And more.\n",
        "examples": [{"title": "Plain", "config": {"server": "a", "name": "n"}, "params": {"text": "Hi", "depth": 2}}],
        "config": {
            "type": "object", "additionalProperties": false, "required": ["server", "token"],
            "properties": {
                "server": {"type": "string", "minLength": 1},
                "token": {"type": "string", "x-onward": {"secret": true}},
                "name": {"type": "string"},
                "depth": {"type": "integer", "minimum": 1, "maximum": 3},
                "more": {"$ref": "#/$defs/More"},
                "all": {"type": "array", "x-onward": {"widget": "condition"}},
                "for": {"type": ["string", "integer"], "maximum": 86400, "pattern": "^[0-9]+[smhd]$", "x-onward": {"widget": "duration"}},
            },
            "$defs": {"More": {"type": "object", "properties": {"again": {"$ref": "#/$defs/More"}, "all": {"$ref": "#"}}}},
        },
        "params": {
            "type": "object", "additionalProperties": false, "required": ["text"],
            "properties": {
                "text": {"type": "string", "maxLength": 20, "x-onward": {"template": "text"}},
                "to": {"type": "array", "items": {"type": "string"}, "x-onward": {"template": "text"}},
                "stage": {"type": "string", "x-onward": {"widget": "stage"}},
                "fields": {"type": "object", "x-onward": {"widget": "fields"}},
                "into": {"type": "string", "x-onward": {"widget": "field"}},
                "who": {"type": "string", "x-onward": {"template": "text", "widget": "user"}},
                "depth": {"type": "integer"},
                "timeout": {"type": "integer"},
            },
        },
    })
}

fn post() -> PluginType {
    of(description())
}

fn of(description: Value) -> PluginType {
    let description = serde_json::from_value(description).expect("a description");
    let plugin = PluginName { name: "acme".to_owned(), version: "1.0.0".to_owned() };
    PluginType::new(&description, plugin, Arc::new(Idle), 0).expect("a step type")
}

fn step(params: &Value) -> StepDefinition {
    StepDefinition {
        id: StepId::new("post"),
        name: "Post".to_owned(),
        type_id: "acme_post".into(),
        params: params.as_object().expect("an object").clone(),
    }
}

/// Place, code, message and help of each problem.
fn problems(params: Value) -> Vec<(String, &'static str, String)> {
    let configured = post().configure(&step(&params), &sample::workflow());
    let told = |problem: ParamProblem| {
        let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
        (problem.param.unwrap_or_default(), problem.code, format!("{}{help}", problem.message))
    };
    configured.err().unwrap_or_default().into_iter().map(told).collect()
}

fn sound() -> Value {
    json!({"server": "acme.example", "token": "{{secrets.ACME}}", "text": "Hello {{Company Name}}"})
}

/// The same with other keys.
fn with(others: Value) -> Value {
    let mut params = sound();
    others.as_object().expect("an object").iter().for_each(|(key, value)| params[key] = value.clone());
    params
}

fn places(params: Value) -> BTreeSet<(String, &'static str)> {
    problems(params).into_iter().map(|(place, code, _)| (place, code)).collect()
}

#[test]
fn keys_stand_side_by_side_and_in_tables_where_their_names_are_taken() {
    assert_eq!(problems(sound()), []);
    let tables = json!({
        "config": {"name": "n", "depth": 2, "server": "acme.example"}, "params": {"depth": 7, "timeout": 1},
        "token": "{{secrets.ACME}}", "text": "x", "timeout": "5s", "retry": {"tries": 3},
    });
    assert_eq!(problems(tables), []);
    let found = problems(with(json!({"depth": 1})));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.as_str(), found[0].1), ("depth", "wrong_type"));
    assert!(found[0].2.contains("config = { depth = … } or params = { depth = … }"), "{}", found[0].2);
    assert_eq!(
        places(with(json!({"config": {"depth": 9}}))),
        [("config/depth".to_owned(), "invalid_param")].into()
    );
    assert_eq!(places(with(json!({"params": 1}))), [("params".to_owned(), "wrong_type")].into());
    let found = problems(with(json!({"config": {"server": "other"}})));
    assert_eq!((found[0].0.as_str(), found[0].1), ("server", "wrong_type"), "{found:?}");
    assert_eq!(found[0].2, "`server` stands here and in the table `config`: leave one of them out");
}

#[test]
fn a_key_whose_name_is_taken_is_missed_where_it_is_to_stand() {
    let mut description = description();
    description["params"]["required"] = json!(["text", "timeout"]);
    let found: Vec<_> = of(description)
        .configure(&step(&with(json!({"timeout": "5s"}))), &sample::workflow())
        .err()
        .into_iter()
        .flatten()
        .map(|problem| (problem.param.unwrap_or_default(), problem.message))
        .collect();
    assert_eq!(
        found,
        [("params/timeout".to_owned(), "`timeout` is missing: write params = { timeout = … }".to_owned())]
    );
}

/// What a template will make is not known yet, so neither is which alternative is meant: its keys are not wrong for that.
#[test]
fn keys_of_an_alternative_with_a_template_in_it_are_known() {
    let mut description = description();
    description["params"] = json!({
        "properties": {"text": {"type": "string", "x-onward": {"template": "text"}}},
        "unevaluatedProperties": false,
        "oneOf": [
            {"properties": {"by": {"const": "count"}, "count": {"type": "integer", "x-onward": {"template": "text"}}}, "required": ["by", "count"]},
            {"properties": {"by": {"const": "label"}, "label": {"type": "string"}}, "required": ["by", "label"]},
        ],
    });
    let of_type = of(description);
    let told = |others: Value| {
        let configured = of_type.configure(&step(&with(others)), &sample::workflow());
        let problems = configured.err().into_iter().flatten();
        problems.map(|problem| (problem.param.unwrap_or_default(), problem.code)).collect::<Vec<_>>()
    };
    assert_eq!(told(json!({"by": "count", "count": "{{Number of Employees}}"})), []);
    assert_eq!(told(json!({"by": "label", "label": "x"})), []);
    // What is missing is told once, and no key that is there.
    assert_eq!(told(json!({"by": "label", "text": "x"})), [(String::new(), "invalid_param")]);
    assert_eq!(
        told(json!({"by": "label", "label": "x", "lable": "y"})),
        [("lable".to_owned(), "unknown_key")]
    );
}

/// A key that alternatives declare differently may be what each of them says.
#[test]
fn a_key_of_several_alternatives_is_of_each_in_the_files_schema() {
    let mut description = description();
    description["config"] = json!({"oneOf": [
        {"properties": {"kind": {"const": "a"}, "size": {"type": "integer"}}, "required": ["kind"]},
        {"properties": {"kind": {"const": "b"}, "size": {"type": "integer"}}, "required": ["kind"]},
        {"properties": {"kind": {"const": "c"}, "size": {"type": "string", "description": "A size."}}, "required": ["kind"]},
    ]});
    let schema = of(description).description().schema.clone();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (kind, size) in [("a", json!(1)), ("b", json!(1)), ("c", json!("x"))] {
        assert!(validator.is_valid(&json!({"text": "x", "kind": kind, "size": size})), "{kind} {schema:#}");
    }
    assert!(!validator.is_valid(&json!({"text": "x", "kind": "d"})));
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let found = problems(json!({
        "sever": "x", "token": "plain", "text": "{{Compny Name}}", "to": ["a", "{{secrets.X}}"], "stage": "Opn", "into": "Company Nme", "who": "jane",
        "all": [{"field": "Stage", "equals": "In Progres"}, {"field": "Nobody", "is_set": true}, {"field": "Company Name", "is_set": true}],
        "for": "3d", "fields": {"Company Nme": "x", "Number of Employees": "many", "Company Name": "{{nobody}}"}, "timeout": "0s",
    }));
    let expected = [
        ("all/0", "unknown_stage"),
        ("all/1", "unknown_field"),
        ("for", "invalid_param"),
        ("into", "unknown_field"),
        ("who", "invalid_param"),
        ("fields/Company Name", "invalid_template"),
        ("fields/Company Nme", "unknown_field"),
        ("fields/Number of Employees", "invalid_value"),
        ("server", "missing_key"),
        ("sever", "unknown_key"),
        ("stage", "unknown_stage"),
        ("text", "invalid_template"),
        ("timeout", "invalid_param"),
        ("to/1", "invalid_template"),
        ("token", "plain_credential"),
    ];
    let places: BTreeSet<_> = found.iter().map(|(place, code, _)| (place.as_str(), *code)).collect();
    assert_eq!(places, expected.into(), "{found:#?}");
    let said = |place: &str| &found.iter().find(|(at, ..)| at == place).expect(place).2;
    assert!(said("sever").contains("server"), "{}", said("sever"));
    assert!(said("for").contains("1d"), "{}", said("for"));
    assert!(said("all/0").contains("In Progress"), "{}", said("all/0"));
    assert!(said("to/1").contains("takes secrets only where it asks for one"), "{}", said("to/1"));
}

#[test]
fn what_a_template_makes_is_not_judged_before_it_is_made() {
    let long = "{{Company Name}} and {{Company Name}}";
    assert_eq!(problems(with(json!({"text": long}))), []);
    let found = problems(with(json!({"text": "a text of more than twenty characters"})));
    assert_eq!((found[0].0.as_str(), found[0].1), ("text", "invalid_param"));
    // What is said of a value does not repeat it.
    assert!(!found[0].2.contains("more than twenty characters"), "{}", found[0].2);
}

#[test]
fn a_secret_stands_only_where_one_is_asked_for() {
    assert_eq!(
        places(with(json!({"server": "{{secrets.HOST}}"}))),
        [("server".to_owned(), "invalid_template")].into()
    );
    assert_eq!(
        places(with(json!({"token": "Bearer {{secrets.ACME}}"}))),
        BTreeSet::new(),
        "beside a text that is no secret"
    );
}

#[test]
fn its_schema_is_of_what_stands_in_a_file() {
    let post = post();
    let schema = &post.description().schema.clone();
    assert!(jsonschema::meta::is_valid(schema), "{schema:#}");
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let wrong: Vec<_> = validator.iter_errors(&sound()).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{schema:#}");
    let tables =
        with(json!({"config": {"name": "n", "depth": 2}, "params": {"depth": 7}, "retry": {"tries": 2}}));
    assert!(validator.is_valid(&tables));
    for wrong in
        [json!({"config": {"depth": 9}}), json!({"sever": 1}), json!({"more": {"all": {"depth": 9}}})]
    {
        assert!(!validator.is_valid(&with(wrong.clone())), "{wrong}");
    }
    assert!(
        validator.is_valid(&with(
            json!({"more": {"again": {}, "all": {"server": "x", "token": "{{secrets.X}}"}}})
        ))
    );
    assert_eq!(schema["required"], json!(["server", "token", "text"]));
    assert_eq!(post.description().summary, "Posts to Acme. And more");
    let example = &post.description().examples[0];
    assert_eq!(
        Value::Object(example.params.clone()),
        json!({"server": "a", "config": {"name": "n"}, "text": "Hi", "params": {"depth": 2}})
    );
}

#[test]
fn a_linter_is_told_what_may_be_done_twice() {
    let codes = |params: Value| post().lint(&step(&params)).iter().map(|it| it.code).collect::<Vec<_>>();
    assert_eq!(codes(sound()), [""; 0]);
    assert_eq!(codes(with(json!({"retry": {"tries": 3}}))), ["may_repeat"]);
    assert_eq!(codes(with(json!({"retry": {"tries": 3, "deduplicated": true}}))), [""; 0]);
}

#[test]
fn a_linter_is_told_where_it_moves_tasks() {
    let moves_to = |params: Value| post().moves_to(&step(&params));
    assert_eq!(moves_to(sound()), None);
    assert_eq!(moves_to(with(json!({"stage": "Completed"}))).as_deref(), Some("Completed"));
    assert_eq!(moves_to(with(json!({"fields": {"Stage": "Completed"}}))).as_deref(), Some("Completed"));
}
