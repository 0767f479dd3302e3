//! The JSON Schema (2020-12) of `onward.toml`, for editors: made of `onward.default.toml`, so that keys, defaults and
//! comments stand in one place, and of the limits that numbers are checked against.

use std::cell::RefCell;

use serde_json::{Map, Value, json};

use super::{DEFAULTS, LOG_FORMATS, SettingsError, ranges, raw};

/// The schema of the configuration file. The error: `onward.default.toml` is not what it should be.
pub fn schema() -> Result<Value, SettingsError> {
    let invalid =
        |problem: String| SettingsError::Invalid { place: "onward.default.toml".to_owned(), problem };
    let values: toml::Table = toml::from_str(DEFAULTS).map_err(|error| invalid(error.to_string()))?;
    let raw: raw::Settings = toml::from_str(DEFAULTS).map_err(|error| invalid(error.to_string()))?;
    let limits = limits(&raw)?;
    let mut sections = Map::new();
    for Documented { section, key, comment } in documented(DEFAULTS) {
        let default = values.get(section).and_then(|section| section.get(key));
        let default = default.ok_or_else(|| invalid(format!("{section}.{key} is no key")))?;
        let mut schema =
            of_default(default).ok_or_else(|| invalid(format!("{section}.{key} has no type")))?;
        schema["description"] = comment.into();
        let name = format!("{section}.{key}");
        if let Some((_, least, most)) = limits.iter().find(|(key, _, _)| *key == name) {
            (schema["minimum"], schema["maximum"]) = (json!(least), json!(most));
        }
        if name == "log.format" {
            schema["enum"] = LOG_FORMATS.iter().map(|(name, _)| *name).collect();
        }
        let empty = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let table = sections.entry(section).or_insert(empty);
        table["properties"][key] = schema;
    }
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Onward configuration",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    }))
}

/// Keys with the least and the most that each may be, as the check asks for them.
fn limits(raw: &raw::Settings) -> Result<Vec<(&'static str, u64, u64)>, SettingsError> {
    let limits = RefCell::new(Vec::new());
    ranges(raw, &|key, _, least, most| {
        limits.borrow_mut().push((key, least, most));
        Ok(())
    })?;
    Ok(limits.into_inner())
}

/// The type of a key that has this default.
fn of_default(default: &toml::Value) -> Option<Value> {
    Some(match default {
        toml::Value::String(text) => json!({"type": "string", "default": text}),
        toml::Value::Integer(number) => json!({"type": "integer", "minimum": 0, "default": number}),
        toml::Value::Boolean(flag) => json!({"type": "boolean", "default": flag}),
        // One text may have the items with commas between them.
        toml::Value::Array(items) if items.is_empty() => {
            json!({"type": ["array", "string"], "items": {"type": "string"}, "default": []})
        }
        _ => return None,
    })
}

/// A key with the comment above it, or above the keys right before it.
struct Documented<'a> {
    section: &'a str,
    key: &'a str,
    comment: String,
}

fn documented(defaults: &str) -> Vec<Documented<'_>> {
    let (mut keys, mut section) = (Vec::new(), "");
    let (mut comment, mut is_over) = (String::new(), false);
    for line in defaults.lines() {
        if let Some(words) = line.strip_prefix('#') {
            if std::mem::take(&mut is_over) {
                comment.clear();
            }
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(words.trim());
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push(Documented { section, key, comment: comment.clone() });
            is_over = true;
        } else {
            section = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(section);
            comment.clear();
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_with_words_a_type_and_its_default() {
        let schema = schema().expect("a schema");
        let defaults: toml::Table = toml::from_str(DEFAULTS).expect("TOML");
        let keys = |value: &toml::Value| value.as_table().map_or(0, toml::Table::len);
        let mut count = 0;
        for (section, properties) in schema["properties"].as_object().expect("sections") {
            for (key, property) in properties["properties"].as_object().expect("keys") {
                let words = property["description"].as_str().unwrap_or_default();
                assert!(words.len() > 10, "{section}.{key}: {words}");
                assert!(!property["type"].is_null() && !property["default"].is_null(), "{section}.{key}");
                count += 1;
            }
        }
        assert_eq!(count, defaults.values().map(keys).sum::<usize>());
    }

    #[test]
    fn limits_and_choices_are_those_of_the_check() {
        let schema = schema().expect("a schema");
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
