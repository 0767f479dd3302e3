//! What is wrong in a document, told with its place.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{
    Secret,
    description::{Escaping, Hints},
    schema,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Config {
    /// Where.
    url: String,
    #[serde(default)]
    retries: Option<Retries>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    auth: Auth,
    #[serde(default)]
    token: Option<Secret>,
    #[serde(flatten)]
    paging: Paging,
    #[serde(default)]
    next: Option<Box<Config>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Retries {
    times: u8,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Target {
    name: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(dead_code)]
enum Auth {
    #[default]
    None,
    Basic {
        user: String,
    },
    Token(TokenAuth),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct TokenAuth {
    value: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Paging {
    #[serde(default)]
    page: u32,
}

fn problems(document: Value) -> Vec<(String, String)> {
    match Reader::<Config>::new("invalid_config").read(document) {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert_eq!(error.code, "invalid_config");
            error.problems().into_iter().map(|problem| (problem.pointer, problem.message)).collect()
        }
    }
}

fn found(document: Value) -> Vec<(String, String)> {
    let mut problems = problems(document);
    problems.sort();
    problems
}

#[test]
fn what_is_as_it_should_be_is_read() {
    for document in [
        json!({"url": "x"}),
        json!({"url": "x", "retries": null, "token": null, "page": 3, "headers": {"anything": "at all"}}),
        json!({"url": "x", "retries": {"times": 3}, "targets": [{"name": "a"}], "next": {"url": "y"}}),
        json!({"url": "x", "auth": {"kind": "none"}}),
        json!({"url": "x", "auth": {"kind": "basic", "user": "u"}}),
        json!({"url": "x", "auth": {"kind": "token", "value": "v"}}),
    ] {
        assert_eq!(found(document.clone()), [], "{document}");
    }
}

#[test]
fn unknown_keys_are_refused_everywhere_and_all_at_once() {
    let wrong = json!({
        "url": "x", "retires": {}, "retries": {"times": 1, "tmies": 2}, "targets": [{"name": "a"}, {"name": "b", "zzz": 1}],
        "next": {"url": "y", "a/b~c": 1}, "auth": {"kind": "basic", "user": "u", "usr": "u"},
    });
    let found: Vec<_> =
        found(wrong).into_iter().map(|(pointer, message)| format!("{pointer} {message}")).collect();
    assert_eq!(found[0], "/auth/usr there is no key “usr”: did you mean “user”?");
    assert!(found[1].starts_with("/next/a~1b~0c there is no key “a/b~c”: there are url, "), "{}", found[1]);
    assert_eq!(found[2], "/retires there is no key “retires”: did you mean “retries”?");
    assert_eq!(found[3], "/retries/tmies there is no key “tmies”: did you mean “times”?");
    assert_eq!(found[4], "/targets/1/zzz there is no key “zzz”: there are name");
    assert_eq!(found.len(), 5);
}

#[test]
fn a_value_of_another_type_is_told_with_its_place() {
    // What serde says of a number depends on how serde_json is built.
    for (wrong, place, message) in [
        (json!({}), "", "missing field `url`"),
        (json!({"url": 3}), "/url", "expected a string"),
        (json!({"url": "x", "targets": [{"name": "a"}, {}]}), "/targets/1", "missing field `name`"),
        (json!({"url": "x", "retries": {"times": 256}}), "/retries/times", ""),
        (json!({"url": "x", "auth": {"kind": "bsic"}}), "/auth/kind", "unknown variant `bsic`"),
    ] {
        let found = found(wrong.clone());
        let [(pointer, said)] = found.as_slice() else { panic!("not one problem of {wrong}: {found:?}") };
        assert_eq!(pointer, place, "{wrong}");
        assert!(said.contains(message), "{wrong}: {said}");
    }
}

#[test]
fn serde_is_not_asked_to_say_again_what_is_said() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Strict {
        name: String,
    }
    let error =
        Reader::<Strict>::new("invalid_params").read(json!({"name": "a", "nmae": 1})).expect_err("a key");
    assert_eq!(error.to_string(), "invalid_params: /nmae: there is no key “nmae”: did you mean “name”?");
}

#[test]
fn a_type_may_be_left_open() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[schemars(extend("additionalProperties" = true))]
    #[allow(dead_code)]
    struct Open {
        #[serde(alias = "label")]
        name: String,
    }
    let reader = Reader::<Open>::new("invalid_config");
    assert_eq!(reader.read(json!({"label": "a", "more": 1})).expect("it is read").name, "a");
}

#[test]
fn nothing_to_say_is_said_by_nothing() {
    let reader = Reader::<()>::new("invalid_params");
    for nothing in [Value::Null, json!({})] {
        assert_eq!(reader.read(nothing), Ok(()));
    }
    let error = reader.read(json!({"a": 1})).expect_err("a key");
    assert_eq!(error.problems()[0].pointer, "/a");
    assert_eq!(reader.read(json!([])).expect_err("a list").problems()[0].pointer, "");
    assert_eq!(reader.read_bytes(b"\xff").expect_err("no UTF-8").problems()[0].pointer, "");
}

#[test]
fn a_schema_is_closed_where_its_type_is() {
    let schema = schema::of::<Config>().expect("a schema");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["url"]["description"], "Where.");
    assert_eq!(schema["properties"]["headers"]["additionalProperties"]["type"], "string");
    assert_eq!(schema["$defs"]["Target"]["additionalProperties"], false);
    let auth = schema["$defs"]["Auth"]["oneOf"].as_array().expect("alternatives");
    assert_eq!(auth[1]["additionalProperties"], false, "{schema:#}");
    // The tag and the members of another definition together.
    assert_eq!(auth[2]["unevaluatedProperties"], false, "{schema:#}");
    assert!(schema["$defs"]["TokenAuth"].get("additionalProperties").is_none(), "{schema:#}");
    let names: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
    assert_eq!(names[..4], ["url", "retries", "headers", "targets"]);
    assert_eq!(schema::of::<()>(), None);
}

/// A rule on which keys must be there has no keys of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [{"required": ["webhook"]}, {"required": ["token"]}]))]
struct Ruled {
    webhook: Option<String>,
    token: Option<String>,
}

#[test]
fn a_rule_on_keys_leaves_a_schema_closed() {
    let schema = schema::of::<Ruled>().expect("a schema");
    assert_eq!(
        (&schema["additionalProperties"], &schema["unevaluatedProperties"]),
        (&json!(false), &Value::Null)
    );
    let reader = Reader::<Ruled>::new("invalid_config");
    let error = reader.read(json!({"tokn": "x"})).expect_err("a misspelt key");
    assert_eq!(error.problems()[0].message, "there is no key “tokn”: did you mean “token”?");
    let ruled = reader.read(json!({"token": "x"})).expect("read");
    assert_eq!((ruled.webhook, ruled.token.as_deref()), (None, Some("x")));
}

#[test]
fn a_hint_that_is_none_is_found() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Params {
        #[schemars(extend("x-onward" = {"template": "text", "showIf": {"kind": "a"}, "order": -1}))]
        good: String,
        #[schemars(extend("x-onward" = {"colour": "text"}))]
        misspelt: String,
        #[schemars(extend("x-onward" = {"template": "latex"}))]
        unknown: Option<String>,
    }
    let wrong = schema::wrong_hints(&schema::of::<Params>().expect("a schema"));
    let places: Vec<_> = wrong.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(places, ["/properties/misspelt/x-onward", "/properties/unknown/x-onward"]);
}

/// What is flattened into a type stands beside its own keys: by a key of its own, and as alternatives.
#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Flat {
    url: String,
    #[serde(flatten)]
    by: By,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
#[allow(dead_code)]
enum By {
    Password { user: String, password: Secret },
    Token(TokenBy),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)]
struct TokenBy {
    token: Secret,
}

/// Where in a document its schema has secrets, and what it does not know.
fn secrets(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    schema::look_through(schema, document, &mut |part| match part {
        schema::Part::Known { pointer, .. } if part.hints().secret => found.push(pointer.to_owned()),
        schema::Part::Unknown { pointer, .. } => found.push(format!("unknown {pointer}")),
        schema::Part::Known { .. } => {}
    });
    found
}

#[test]
fn what_stands_behind_alternatives_is_seen_beside_keys_of_its_own() {
    let schema = schema::of::<Flat>().expect("a schema");
    for (document, seen) in [
        (json!({"url": "u", "by": "password", "user": "a", "password": "b"}), vec!["/password"]),
        (json!({"url": "u", "by": "token", "token": "b"}), vec!["/token"]),
        // The key is another alternative's.
        (json!({"url": "u", "by": "token", "token": "b", "user": "a"}), vec!["/token", "unknown /user"]),
        (json!({"url": "u", "by": "token", "token": "b", "urll": "a"}), vec!["/token", "unknown /urll"]),
        // Which is meant is not known, and what is said of it neither.
        (json!({"url": "u", "by": "tokn", "zzz": "b"}), vec![]),
    ] {
        assert_eq!(secrets(&schema, &document), seen, "{document} {schema:#}");
    }
    let untagged = json!({
        "properties": {"a": {"type": "string"}},
        "anyOf": [
            {"properties": {"b": {"x-onward": {"secret": true}}, "c": {}}, "required": ["b", "c"]},
            {"properties": {"b": {"type": "string"}, "d": {}}, "required": ["b", "d"]},
            {"allOf": [{"$ref": "#/$defs/deep"}]},
        ],
        "unevaluatedProperties": false,
        "$defs": {"deep": {"properties": {"e": {"x-onward": {"secret": true}}}, "required": ["e"]}},
    });
    for (document, seen) in [
        (json!({"b": "x", "c": 1}), vec!["/b"]),
        (json!({"b": "x", "d": 1, "zzz": 1}), vec!["unknown /zzz"]),
        (json!({"e": "x"}), vec!["/e"]),
        // It may be the one that has a secret here: whoever writes it in the open is told so.
        (json!({"b": "x"}), vec!["/b"]),
    ] {
        assert_eq!(secrets(&untagged, &document), seen, "{document}");
    }
}

#[test]
fn a_secret_is_seen_wherever_it_may_stand() {
    for (schema, document, seen) in [
        // For all other keys, beside some that are known by a pattern.
        (
            json!({"patternProperties": {"^x-": {}}, "additionalProperties": {"x-onward": {"secret": true}}}),
            json!({"a": "b"}),
            vec!["/a"],
        ),
        // In an alternative whose name need not be written.
        (
            json!({"oneOf": [
                {"properties": {"by": {"const": "token"}, "token": {"x-onward": {"secret": true}}}},
                {"properties": {"by": {"const": "none"}}, "required": ["by"]},
            ]}),
            json!({"token": "b"}),
            vec!["/token"],
        ),
    ] {
        assert_eq!(secrets(&schema, &document), seen, "{document} {schema:#}");
    }
}

/// What only one of them says of a value does not bind the others.
#[test]
fn of_alternatives_that_may_all_be_meant_only_secrets_and_templates_count() {
    let schema = json!({"properties": {"for": {"anyOf": [
        {"type": "string", "x-onward": {"widget": "duration", "template": "text"}},
        {"type": "string", "maxLength": 9},
        {"type": "integer", "x-onward": {"widget": "stage"}},
    ]}}});
    let hints = |document: Value| {
        let mut found = Hints::default();
        schema::look_through(&schema, &document, &mut |part| {
            if matches!(part, schema::Part::Known { pointer: "/for", .. }) {
                found = part.hints();
            }
        });
        found
    };
    let ambiguous = hints(json!({"for": "tomorrow"}));
    assert_eq!((ambiguous.widget.as_deref(), ambiguous.template), (None, Some(Escaping::Text)));
    assert_eq!(hints(json!({"for": 3})).widget.as_deref(), Some("stage"));
}

#[test]
fn a_schema_says_whether_it_takes_a_text() {
    let root = json!({"$defs": {"count": {"type": "integer"}, "name": {"type": ["string", "null"]}, "round": {"$ref": "#/$defs/round"}}});
    for (schema, takes) in [
        (json!({"type": "integer"}), false),
        (json!({"type": ["null", "string"]}), true),
        (json!({"anyOf": [{"$ref": "#/$defs/count"}, {"type": "null"}]}), false),
        (json!({"oneOf": [{"$ref": "#/$defs/count"}, {"$ref": "#/$defs/name"}]}), true),
        (json!({"allOf": [{"$ref": "#/$defs/name"}, {"type": "number"}]}), false),
        (json!({"$ref": "#/$defs/round"}), true),
        (json!({}), true),
        (json!(false), false),
    ] {
        assert_eq!(schema::takes_text(&root, &schema), takes, "{schema}");
    }
}
