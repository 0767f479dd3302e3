//! What may become of a sound body on its way.

use serde_json::{Value, json};

/// What has become of a sound body: what was done to it, and its bytes.
pub(super) fn mutations(sound: &Value) -> Vec<(String, Vec<u8>)> {
    let (text, keys) = (sound.to_string(), sound.as_object().expect("an object"));
    let (first, value) = keys.iter().next().expect("a key");
    let with = |key: &str, value: Value| {
        let mut changed = keys.clone();
        changed.insert(key.to_owned(), value);
        Value::Object(changed).to_string()
    };
    // As it is written, since not all of it is JSON.
    let raw = |value: &str| with(first, json!("HERE")).replace("\"HERE\"", value);
    let twice = format!("{{{}:{value},{}", json!(first), &text[1..]);
    let digits = "9".repeat(10_000);
    let (lists, objects) = ("[".repeat(100_000), "{\"a\":".repeat(100_000));
    let mut bodies: Vec<(String, Vec<u8>)> = [
        ("cut off", text[..text.len() - 1].to_owned()),
        ("its values in a list", Value::Array(keys.values().cloned().collect()).to_string()),
        ("in a list", format!("[{text}]")),
        ("a text", json!(text).to_string()),
        ("a number", "5".to_owned()),
        ("null", "null".to_owned()),
        ("a key twice", twice),
        ("a key twice, deep in a value", raw("{\"a\":[{\"b\":1,\"b\":2}]}")),
        ("an unknown key", with("Nobody knows this", json!("x"))),
        ("a key with NUL", with("a\0b", json!("x"))),
        ("a huge key", with(&"k".repeat(500_000), json!("x"))),
        ("a number of 10,000 digits", raw(&digits)),
        ("a number beyond all floats", raw("1e999999999")),
        ("a number below all floats", raw("-1e999999999")),
        (
            "very many keys",
            format!("{{{}\"z\":1}}", (0..60_000).map(|key| format!("\"{key}\":1,")).collect::<String>()),
        ),
        ("not a number", raw("NaN")),
        ("a raw value", raw("{\"$serde_json::private::RawValue\":\"1\"}")),
        ("deep lists", raw(&lists)),
        ("deep objects", raw(&objects)),
        ("half a surrogate", raw("\"\\ud800\"")),
        ("a raw control character", raw("\"\u{1}\"")),
        ("single quotes", text.replace('"', "'")),
        ("a comma at the end", format!("{},}}", &text[..text.len() - 1])),
        ("a comment", format!("/* x */{text}")),
        ("more behind it", format!("{text}{text}")),
        ("a byte order mark", format!("\u{feff}{text}")),
    ]
    .map(|(what, body)| (what.to_owned(), body.into_bytes()))
    .into();
    bodies.push(("bytes that are not UTF-8".to_owned(), raw("\"a_b\"").replace('_', "\u{1}").into_bytes()));
    if let Some((_, body)) = bodies.last_mut() {
        body.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = 0xff);
    }
    bodies.push(("UTF-16".to_owned(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    for (key, value) in keys {
        for wrong in [json!({"wrong": [1]}), json!([[{"wrong": null}]])] {
            bodies.push((format!("{wrong} at `{key}`"), with(key, wrong).into_bytes()));
        }
        if value.is_string() {
            bodies.push((
                format!("a huge text at `{key}`"),
                with(key, json!("x".repeat(300_000))).into_bytes(),
            ));
            bodies.push((format!("NUL at `{key}`"), with(key, json!("a\0b")).into_bytes()));
        }
    }
    bodies
}
