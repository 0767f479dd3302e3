//! Descriptions that mean no good: whatever a library says it is, it is read, or refused.

use onward_sdk::description::Description;
use serde_json::{Value, json};

use super::{Findings, random::Random, sample, schema, words};

fn sound() -> Value {
    json!({
        "id": "send", "title": "Send", "category": "task", "version": "1", "effects": "none", "help": "Sends.",
        "icon": "<svg xmlns='http://www.w3.org/2000/svg'><path d='M1 1'/></svg>",
        "examples": [{"title": "One", "config": {"url": "https://example.com"}, "params": {"to": ["a"]}}],
        "config": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
            "required": ["url"], "properties": {
                "url": {"type": "string", "format": "uri", "pattern": "^https://", "x-onward": {"order": 1, "placeholder": "x"}},
                "token": {"type": "string", "x-onward": {"secret": true, "showIf": {"url": "x"}}},
            }},
        "params": {"type": "object", "$defs": {"Who": {"type": "string", "minLength": 1}},
            "properties": {
                "to": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Who"}},
                "how": {"oneOf": [{"const": "now"}, {"type": "object", "properties": {"at": {"type": "integer", "minimum": 0}}}]},
            }},
    })
}

/// What may stand where something else is meant to.
fn hostile() -> Vec<Value> {
    let deep =
        (0..100).fold(json!({}), |inner, _| json!({"properties": {"a": inner}, "allOf": [{"items": true}]}));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}\u{202e}<script>"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/properties/to"}),
        json!({"$ref": "#/$defs/Who/../Who"}),
        json!({"$dynamicRef": "#x"}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"$id": "https://example.com/", "$anchor": "a", "$schema": "http://json-schema.org/draft-04/schema#"}),
        json!({"allOf": [{"$ref": "#"}], "anyOf": [{"$ref": "#"}]}),
        json!({"not": {}, "if": true, "then": false}),
        json!({"type": "string", "pattern": "(a+)+$", "minLength": 1_000_000_000}),
        json!({"type": "string", "pattern": "("}),
        json!({"type": "array", "minItems": 1_000_000_000, "items": {"$ref": "#"}}),
        json!({"type": "object", "minProperties": 1_000_000, "required": ["a", "a"]}),
        json!({"type": ["object", "null", "object"], "enum": []}),
        json!({"type": "integer", "minimum": 1e308, "maximum": -1e308, "multipleOf": 0}),
        json!({"x-onward": {"secret": "yes"}}),
        json!({"x-onward": {"order": 99_999_999_999_u64}}),
        deep,
    ]
}

/// Puts something in the place of a part.
fn spoil(value: &mut Value, with: &[Value], random: &mut Random) {
    let inner: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    let count = inner.len();
    let chosen = inner.into_iter().nth(random.below(count));
    match chosen {
        Some(inner) if random.below(4) > 0 => spoil(inner, with, random),
        _ => *value = random.one_of(with).cloned().unwrap_or_default(),
    }
}

#[test]
fn no_description_takes_the_reader_down() {
    let (mut read, mut refused) = (0, 0);
    let (with, mut random) = (hostile(), Random::new(7, "descriptions"));
    for round in 0..2_000 {
        let mut document = sound();
        for _ in 0..=random.below(3) {
            // Most of it is in the schemas; what else is wrong is soon refused.
            let part = ["config", "params", "examples", "icon", "help"]
                [random.below(if round % 3 == 0 { 5 } else { 2 })];
            spoil(&mut document[part], &with, &mut random);
        }
        let mut bytes = document.to_string().into_bytes();
        if round % 5 == 0 {
            let at = random.below(bytes.len());
            bytes[at] = [0, 0xff, b'"', b'{'][random.below(4)];
        }
        let Ok(description) = serde_json::from_slice::<Description>(&bytes) else { continue };
        read += 1;
        let mut findings = Findings::default();
        let results = [
            words::id(&description.id),
            words::check(&description, &mut findings),
            schema::check(&description, &mut findings),
            schema::examples(&description),
        ];
        schema::name_collisions(&description, &mut findings);
        if results.iter().all(Result::is_ok) {
            // What is found sound is what samples are made of.
            for schema in [&description.config, &description.params] {
                sample::of(schema.as_ref(), &mut random);
            }
        } else {
            refused += 1;
        }
    }
    assert!(read > 1_000 && refused > 300 && refused < read, "{read}, {refused}");
}
