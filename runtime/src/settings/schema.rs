//! The JSON Schema (2020-12) of `onward.toml`, for editors: made of the keys, so that each stands in one place.

use serde_json::{Map, Value, json};

use super::{
    LOG_FORMATS,
    keys::{ITEMS_MAX, Kind, keys},
};

/// What some texts are, as far as a regular expression can tell.
const PATTERNS: [(&str, &str); 4] = [
    ("egress.proxy", "^(environment|http://.+)?$"),
    ("server.listen", r"^([0-9.]+|\[[0-9A-Fa-f:.%]+\]):[0-9]{1,5}$"),
    ("server.public_url", r"^([Hh][Tt][Tt][Pp][Ss]?://[^/?#]+(/[^/?#]+)*/?)?$"),
    ("traces.endpoint", r"^([Hh][Tt][Tt][Pp][Ss]?://[^/?#][^?#]*)?$"),
];

/// The schema of the configuration file.
pub fn schema() -> Value {
    let mut sections = Map::new();
    for key in keys() {
        let mut schema = of_kind(&key.kind);
        schema["description"] = key.comment.as_str().into();
        if key.name() == "log.format" {
            schema["enum"] = LOG_FORMATS.iter().map(|(name, _)| *name).collect();
        }
        if let Some((_, pattern)) = PATTERNS.iter().find(|(name, _)| *name == key.name()) {
            schema["pattern"] = (*pattern).into();
        }
        let empty = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let table = sections.entry(key.section).or_insert(empty);
        schema["default"] = key.default;
        table["properties"][key.key] = schema;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Onward configuration",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    })
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Number(range) => json!({"type": "integer", "minimum": range.start(), "maximum": range.end()}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::List => {
            json!({"type": ["array", "string"], "items": {"type": "string"}, "maxItems": ITEMS_MAX})
        }
        Kind::Pins => json!({
            "type": "array",
            "maxItems": ITEMS_MAX,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"description": "As the plugin's note has it.", "type": "string"},
                    "sha256": {"description": "Of its file.", "type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
                },
                "required": ["name", "sha256"],
                "additionalProperties": false,
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_with_words_a_type_and_its_default() {
        let schema = schema();
        let mut count = 0;
        for (section, properties) in schema["properties"].as_object().expect("sections") {
            for (key, property) in properties["properties"].as_object().expect("keys") {
                let words = property["description"].as_str().unwrap_or_default();
                assert!(words.len() > 10, "{section}.{key}: {words}");
                assert!(!property["type"].is_null() && !property["default"].is_null(), "{section}.{key}");
                count += 1;
            }
        }
        assert_eq!(count, keys().len());
    }

    #[test]
    fn limits_and_choices_are_those_of_the_check() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
        let limit = "/properties/engine/properties/in_flight_max";
        assert_eq!(
            (at(&format!("{limit}/minimum")), at(&format!("{limit}/maximum"))),
            (json!(1), json!(1_000_000))
        );
        assert_eq!(at("/properties/log/properties/format/enum"), json!(["auto", "pretty", "json"]));
        let pause = "/properties/egress/properties/endpoint_pause_seconds/description";
        assert!(at(pause).as_str().is_some_and(|words| words.starts_with("After so many failures")));
    }
}
