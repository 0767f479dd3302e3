//! Documents as a schema wants them, and documents that are none.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Schemas within schemas that are followed; beyond, what is required is left out.
const LEVELS_MAX: usize = 16;

/// Values of a sample, those within others counted.
const VALUES_MAX: usize = 2_000;

/// How often a document is made until one fits.
const TRIES_MAX: usize = 40;

/// A document that a schema takes. `None`: none was found; an example of the author's would be one.
pub(super) fn of(schema: Option<&Value>, random: &mut Random) -> Option<Value> {
    let Some(schema) = schema else { return Some(json!({})) };
    let validator = jsonschema::draft202012::new(schema).ok()?;
    let mut made = || Maker { root: schema, random, left: VALUES_MAX }.value(schema, 0);
    (0..TRIES_MAX).map(|_| made()).find(|value| validator.is_valid(value))
}

struct Maker<'a> {
    root: &'a Value,
    random: &'a mut Random,
    /// How many values there may still be: a schema may ask for more than there is memory.
    left: usize,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value, level: usize) -> Value {
        let Some(object) = schema.as_object().filter(|_| level < LEVELS_MAX) else { return Value::Null };
        if self.left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        if let Some(constant) = object.get("const") {
            return constant.clone();
        }
        if let Some(value) = list(object, "enum").and_then(|all| self.random.one_of(all)) {
            return value.clone();
        }
        // What the author wrote is as near to what is meant as anything.
        let known =
            list(object, "examples").and_then(|all| self.random.one_of(all)).or(object.get("default"));
        if let Some(known) = known.filter(|_| self.random.is_heads()) {
            return known.clone();
        }
        let mut made = self.by_type(object, level);
        for schema in self.combined(object) {
            made = match (made, self.value(&schema, level + 1)) {
                (Value::Object(mut all), Value::Object(more)) => {
                    all.extend(more);
                    Value::Object(all)
                }
                (Value::Null, other) => other,
                (one, _) => one,
            };
        }
        made
    }

    /// Other schemas that speak of the same value: of alternatives, one.
    fn combined(&mut self, object: &Map<String, Value>) -> Vec<Value> {
        let mut found: Vec<Value> = list(object, "allOf").into_iter().flatten().cloned().collect();
        for key in ["anyOf", "oneOf"] {
            found.extend(list(object, key).and_then(|all| self.random.one_of(all)).cloned());
        }
        let reference = object.get("$ref").and_then(Value::as_str);
        let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
        found.extend(pointer.and_then(|pointer| self.root.pointer(pointer)).cloned());
        found
    }

    fn by_type(&mut self, object: &Map<String, Value>, level: usize) -> Value {
        let kinds: Vec<&str> = match object.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(kind)) => vec![kind],
            _ if object.contains_key("properties") => vec!["object"],
            _ => return Value::Null,
        };
        match self.random.one_of(&kinds).copied() {
            Some("object") => self.object(object, level),
            Some("array") => {
                let least = number(object, "minItems").unwrap_or(0.0) as usize;
                let count = least.saturating_add(self.random.below(3)).min(self.left);
                let prefix = list(object, "prefixItems").map_or(&[][..], Vec::as_slice);
                let any = json!({"type": "string"});
                let of = |at: usize| prefix.get(at).or(object.get("items")).unwrap_or(&any).clone();
                (0..count).map(|at| self.value(&of(at), level + 1)).collect()
            }
            Some("string") => self.text(object).into(),
            Some("integer") => (self.number(object).ceil() as i64).into(),
            Some("number") => json!(self.number(object)),
            Some("boolean") => self.random.is_heads().into(),
            _ => Value::Null,
        }
    }

    fn object(&mut self, object: &Map<String, Value>, level: usize) -> Value {
        let required = list(object, "required").map_or(&[][..], Vec::as_slice);
        let mut made = Map::new();
        for (key, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let is_required = required.iter().any(|it| it == key);
            if is_required || (level < LEVELS_MAX / 2 && self.random.is_heads()) {
                made.insert(key.clone(), self.value(schema, level + 1));
            }
        }
        if let Some(schema @ Value::Object(_)) = object.get("additionalProperties")
            && made.is_empty()
            && level < LEVELS_MAX / 2
        {
            made.insert("sample".to_owned(), self.value(schema, level + 1));
        }
        Value::Object(made)
    }

    fn text(&mut self, object: &Map<String, Value>) -> String {
        let hint = object.get("x-onward").and_then(|hints| hints.get("placeholder")).and_then(Value::as_str);
        let of_format = match object.get("format").and_then(Value::as_str) {
            Some("uri" | "url" | "iri" | "uri-reference") => Some("https://example.com/sample"),
            Some("email") => Some("user@example.com"),
            Some("date") => Some("2020-01-31"),
            Some("date-time") => Some("2020-01-31T12:00:00Z"),
            Some("time") => Some("12:00:00Z"),
            Some("duration") => Some("PT1H"),
            Some("uuid") => Some("01a00000-0000-7000-8000-000000000000"),
            Some("hostname") => Some("example.com"),
            Some("ipv4") => Some("192.0.2.1"),
            Some("ipv6") => Some("2001:db8::1"),
            _ => None,
        };
        let words = ["sample", "42", "Acme Corp", "Grüße, “世界”", "a", "https://example.com/"];
        let plain = || of_format.or(hint);
        let chosen = if self.random.below(3) > 0 { plain() } else { None };
        let word = chosen.or_else(|| self.random.one_of(&words).copied()).unwrap_or_default();
        let least = number(object, "minLength").unwrap_or(0.0) as usize;
        let most = number(object, "maxLength").map_or(usize::MAX, |most| most as usize);
        let mut text: String = word.chars().take(most).collect();
        let missing = least.min(1 << 16).saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('x', missing));
        text
    }

    fn number(&mut self, object: &Map<String, Value>) -> f64 {
        let least = number(object, "minimum").or(number(object, "exclusiveMinimum").map(|it| it + 1.0));
        let most = number(object, "maximum").or(number(object, "exclusiveMaximum").map(|it| it - 1.0));
        let low = least.or(most.map(|most| most.min(0.0))).unwrap_or(0.0);
        let high = most.unwrap_or(low + 100.0);
        let some = low + (high - low).max(0.0) * self.random.below(5) as f64 / 4.0;
        match number(object, "multipleOf") {
            Some(unit) if unit > 0.0 => (some / unit).ceil() * unit,
            _ => some.floor().max(low),
        }
    }
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Vec<Value>> {
    object.get(key)?.as_array()
}

fn number(object: &Map<String, Value>, key: &str) -> Option<f64> {
    object.get(key)?.as_f64()
}

/// What is no JSON object, or one that nobody would write; each with what it is.
pub(super) fn garbage(like: &Value, random: &mut Random) -> Vec<(String, Vec<u8>)> {
    let deep = 100_000;
    let mut all: Vec<(String, Vec<u8>)> = [
        ("no bytes", Vec::new()),
        ("a bracket alone", b"{".to_vec()),
        ("a text that is no JSON", b"nonsense".to_vec()),
        ("`null`", b"null".to_vec()),
        ("a list", b"[1,2]".to_vec()),
        ("a number", b"42".to_vec()),
        ("a string", b"\"text\"".to_vec()),
        ("a string that does not end", b"{\"a\":\"b\\".to_vec()),
        ("bytes that are no UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec()),
        ("NULs", vec![0; 64]),
        ("lists within lists, 100,000 deep", b"[".repeat(deep)),
        ("objects within objects, 100,000 deep", b"{\"a\":".repeat(deep)),
        ("a string of 1 MiB", format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes()),
        ("an object with 100,000 keys", keys(100_000).into_bytes()),
    ]
    .map(|(what, bytes)| (what.to_owned(), bytes))
    .into();
    let sound = like.to_string().into_bytes();
    for round in 0..40 {
        let mut bytes = sound.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *random.one_of(b"{}[]\",:\\0\x00\xff-").unwrap_or(&b'x');
            }
        }
        if round % 4 == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        all.push((format!("a sample with bytes changed: {}", String::from_utf8_lossy(&bytes)), bytes));
    }
    all
}

fn keys(count: usize) -> String {
    let keys: Vec<String> = (0..count).map(|number| format!("\"k{number}\":{number}")).collect();
    format!("{{{}}}", keys.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_the_schema_says() {
        for schema in [
            json!({"type": "object", "required": ["a", "b"], "properties": {
                "a": {"type": "string", "minLength": 30, "maxLength": 40},
                "b": {"type": "integer", "minimum": 7, "maximum": 9},
                "c": {"type": "array", "minItems": 2, "items": {"enum": ["x", "y"]}},
            }}),
            json!({"type": "object", "required": ["auth"], "properties": {"auth": {"$ref": "#/$defs/Auth"}}, "$defs": {
                "Auth": {"oneOf": [
                    {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "none"}}},
                    {"type": "object", "required": ["kind", "token"],
                     "properties": {"kind": {"const": "bearer"}, "token": {"type": "string"}}},
                ]},
            }}),
            json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "number", "exclusiveMinimum": 0}}),
            // Itself, without end where it need not be.
            json!({"type": "object", "properties": {"more": {"$ref": "#"}, "n": {"type": ["null", "number"]}}}),
        ] {
            let validator = jsonschema::draft202012::new(&schema).expect("a schema");
            for seed in 0..50 {
                let made = of(Some(&schema), &mut Random::new(seed, "test")).expect("one is found");
                assert!(validator.is_valid(&made), "{made}");
                assert_eq!(of(Some(&schema), &mut Random::new(seed, "test")), Some(made));
            }
        }
        assert_eq!(of(None, &mut Random::new(1, "")), Some(json!({})));
        let none = json!({"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^q{99}$", "type": "string"}}});
        assert_eq!(of(Some(&none), &mut Random::new(1, "")), None);
    }
}
