//! What a library says of its step types, and whether that can be used.

use std::{collections::HashSet, time::Duration};

use jsonschema::Draft;
use onward_sdk::description::{Description, Hints};
use serde_json::Value;

use super::{
    call::{self, CallError},
    load::Loaded,
};

/// How long a step type may take to say what it is.
pub const DESCRIBE_MAX: Duration = Duration::from_secs(10);

/// Of an id.
pub const ID_BYTES_MAX: usize = 64;

/// Characters of a title or a category.
pub const TITLE_CHARS_MAX: usize = 60;

/// Bytes of an icon.
pub const ICON_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a help.
pub const HELP_BYTES_MAX: usize = 64 * 1024;

/// Of a step type.
pub const EXAMPLES_MAX: usize = 50;

/// Bytes of a schema, as it is written.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// Has each step type say what it is.
///
/// # Errors
/// The first that does not.
pub fn of_loaded(loaded: &Loaded) -> Result<Vec<Description>, CallError> {
    loaded.steps.iter().map(|step| call::describe(*step, DESCRIBE_MAX)).collect()
}

/// Looks at what a library says of itself.
///
/// # Errors
/// The first that cannot be used, and what to do about it.
pub fn check(steps: &[Description]) -> Result<(), String> {
    let mut ids = HashSet::new();
    for step in steps {
        check_looks(step)?;
        if !ids.insert(&step.id) {
            return Err(format!("two of its step types are called `{}`", step.id));
        }
        check_schemas(step)?;
    }
    Ok(())
}

/// Of what people are shown of a step type.
///
/// # Errors
/// The first that cannot be used.
pub fn check_looks(step: &Description) -> Result<(), String> {
    let id = &step.id;
    if !is_id(id) {
        return Err(format!(
            "a step type's id has small letters, digits and `_`, begins with a letter and has at most {ID_BYTES_MAX} characters; \
             `{}` is none",
            id.escape_debug()
        ));
    }
    for (what, text) in [("title", &step.title), ("category", &step.category)] {
        let is_line = !text.trim().is_empty() && !text.contains(char::is_control);
        if !is_line || text.chars().count() > TITLE_CHARS_MAX {
            return Err(format!(
                "the {what} of `{id}` is to be a line of at most {TITLE_CHARS_MAX} characters"
            ));
        }
    }
    if step.help.as_ref().is_some_and(|help| help.len() > HELP_BYTES_MAX) {
        return Err(format!("the help of `{id}` has more than {HELP_BYTES_MAX} bytes"));
    }
    if step.examples.len() > EXAMPLES_MAX {
        return Err(format!("`{id}` has more than {EXAMPLES_MAX} examples"));
    }
    match step.icon.as_deref().and_then(icon_problem) {
        Some(problem) => Err(format!("the icon of `{id}` {problem}")),
        None => Ok(()),
    }
}

/// Of what a step's configuration and params may be.
///
/// # Errors
/// The first that cannot be used.
pub fn check_schemas(step: &Description) -> Result<(), String> {
    let id = &step.id;
    for (half, schema) in [("config", &step.config), ("params", &step.params)] {
        if let Some(schema) = schema {
            check_schema(schema).map_err(|why| format!("the schema of the {half} of `{id}` {why}"))?;
        }
    }
    Ok(())
}

/// Whether a step type may be called so.
pub fn is_id(id: &str) -> bool {
    id.len() <= ID_BYTES_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Why an icon cannot be shown, if so. It is looked at as a text: what is not plain is refused, whatever it would be for.
pub fn icon_problem(icon: &str) -> Option<String> {
    if icon.len() > ICON_BYTES_MAX {
        return Some(format!("has {} bytes, of at most {ICON_BYTES_MAX}", icon.len()));
    }
    let icon = icon.to_lowercase();
    let icon = icon.trim();
    let icon = match icon.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest.trim_start()),
        None => icon,
    };
    let is_svg =
        icon.strip_prefix("<svg").is_some_and(|rest| rest.starts_with([' ', '\n', '\r', '\t', '>', '/']));
    if !is_svg || !(icon.ends_with("</svg>") || (icon.ends_with("/>") && icon.matches('<').count() == 1)) {
        return Some("is no SVG document: it begins with `<svg` and ends with `</svg>`".to_owned());
    }
    let not_in_it =
        ["<script", "<foreignobject", "<iframe", "<image", "<!", "<?", "&#", "javascript:", "@import", "<a "];
    if let Some(found) = not_in_it.iter().find(|it| icon.contains(**it)) {
        return Some(format!("has `{found}` in it"));
    }
    let quotes = ['"', '\'', ' ', '\n', '\r', '\t'];
    for (key, what) in [("href", "href"), ("url(", "url()")] {
        for (at, _) in icon.match_indices(key) {
            let rest = icon[at + key.len()..].trim_start_matches(quotes);
            let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start_matches(quotes);
            if !rest.starts_with('#') {
                return Some(format!("has a reference to something outside of it (`{what}`)"));
            }
        }
    }
    // An attribute that begins so is a handler of events.
    let handler = icon.match_indices("on").any(|(at, _)| {
        let before = icon[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '/'));
        let name = icon[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        before && name.trim_start().starts_with('=')
    });
    if handler {
        return Some("has a handler of events (`on…=`)".to_owned());
    }
    if !icon.contains("xmlns") {
        Some("has no `xmlns`, so that it is no drawing by itself".to_owned())
    } else {
        None
    }
}

/// The error: what is wrong with it, after "the schema …".
fn check_schema(schema: &Value) -> Result<(), String> {
    if !schema.is_object() {
        return Err("is to be an object".to_owned());
    }
    let length = schema.to_string().len();
    if length > SCHEMA_BYTES_MAX {
        return Err(format!("has {length} bytes, of at most {SCHEMA_BYTES_MAX}"));
    }
    if let Some(reference) = foreign(schema) {
        return Err(format!(
            "refers to `{reference}`; a schema refers only to the whole of it (`#`) and to its own definitions (`#/$defs/NAME`)"
        ));
    }
    Looked { root: schema, unseen: HashSet::new() }.hints(schema, None)?;
    // The checker of schemas is of one draft, whatever the schema says of itself.
    let built = jsonschema::options().with_draft(Draft::Draft202012).build(schema);
    built.map(drop).map_err(|error| format!("is no JSON Schema (2020-12): {error}"))
}

/// A reference to something that is not in the schema.
fn foreign(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(key, value)| match value {
            // Nothing but the checker of schemas follows one.
            Value::String(reference) if key == "$dynamicRef" => Some(reference.as_str()),
            Value::String(reference) if key == "$ref" => {
                let name = reference.strip_prefix("#/$defs/");
                let is_own = reference == "#" || name.is_some_and(|name| !name.contains(['/', '~', '%']));
                (!is_own).then_some(reference.as_str())
            }
            value => foreign(value),
        }),
        Value::Array(items) => items.iter().find_map(foreign),
        _ => None,
    }
}

/// Keywords that do not say of which value of a document their schemas speak, before it is there and held to them.
const UNSEEN: [&str; 9] = [
    "patternProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "dependentSchemas",
    "unevaluatedItems",
];

/// Looks at what the server makes of values.
struct Looked<'s> {
    root: &'s Value,
    /// Definitions that were looked at as what would not be seen.
    unseen: HashSet<&'s str>,
}

impl<'s> Looked<'s> {
    /// `within`: the keyword in whose schemas it would not be seen.
    fn hints(&mut self, schema: &'s Value, within: Option<&'s str>) -> Result<(), String> {
        match schema {
            Value::Object(members) => {
                let hints = Hints::known_of(schema)
                    .map_err(|error| format!("has an `{}` that cannot be read: {error}", Hints::KEY))?;
                let is_any = hints.secret || hints.template.is_some() || hints.widget.is_some();
                if let Some(keyword) = within.filter(|_| is_any) {
                    return Err(format!(
                        "has an `{}` within `{keyword}`, where it would not be seen: declare the key in `properties`, or in an alternative \
                         of `oneOf`",
                        Hints::KEY
                    ));
                }
                let inner = members.iter().filter(|(key, _)| key.as_str() != Hints::KEY);
                for (key, value) in inner {
                    let unseen = UNSEEN.iter().find(|unseen| *unseen == key).copied();
                    self.hints_of(key, value, within.or(unseen))?;
                }
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.hints(item, within)),
            _ => Ok(()),
        }
    }

    /// Of what stands under a keyword. What is called as one is none where it is a property or a definition.
    fn hints_of(&mut self, keyword: &str, value: &'s Value, within: Option<&'s str>) -> Result<(), String> {
        match value {
            Value::Object(named) if ["properties", "$defs"].contains(&keyword) => {
                named.values().try_for_each(|schema| self.hints(schema, within))
            }
            // The others are looked at where they stand.
            Value::String(reference) if keyword == "$ref" && within.is_some() => {
                if !self.unseen.insert(reference) {
                    return Ok(());
                }
                let definition = reference.strip_prefix("#/$defs/").map(|name| &self.root["$defs"][name]);
                self.hints(definition.unwrap_or(self.root), within)
            }
            value => self.hints(value, within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_a_drawing_and_nothing_else() {
        let svg = |inside: &str| {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\">{inside}</svg>\n")
        };
        for good in [
            svg("<path d=\"M15 15l6 6\"/>"),
            format!("<?xml version=\"1.0\"?>\n{}", svg("")),
            svg("<use href=\"#a\"/><path fill=\"url(#b)\" data-icon=\"x\"/>"),
            include_str!("../../../examples/plugin-rust/src/look_up.svg").to_owned(),
        ] {
            assert_eq!(icon_problem(&good), None, "{good}");
        }
        for (bad, why) in [
            (String::new(), "no SVG"),
            ("<svg".to_owned(), "no SVG"),
            ("<svgx></svg>".to_owned(), "no SVG"),
            (svg("<SCRIPT>alert(1)</SCRIPT>"), "<script"),
            (svg("<rect onload = \"alert(1)\"/>"), "handler"),
            (svg("<rect x='1'onclick='alert(1)'/>"), "handler"),
            (svg("<use href=\"https://example.com/a.svg#b\"/>"), "outside"),
            (svg("<use xlink:href='data:x'/>"), "outside"),
            (svg("<rect fill=\"url( 'https://example.com/x' )\"/>"), "outside"),
            (svg("<!ENTITY x \"y\">"), "<!"),
            (svg("<rect x=\"&#106;\"/>"), "&#"),
            (svg(&"<g/>".repeat(5_000)), "bytes"),
            ("<svg viewBox=\"0 0 1 1\"></svg>".to_owned(), "xmlns"),
        ] {
            let problem = icon_problem(&bad).unwrap_or_else(|| panic!("{bad}"));
            assert!(problem.contains(why), "{problem}");
        }
    }

    #[test]
    fn what_a_step_type_says_of_itself_has_its_limits() {
        let described = |change: &dyn Fn(&mut Value)| {
            let mut step = serde_json::json!({"id": "a", "title": "T", "category": "task", "version": "1"});
            change(&mut step);
            check(&[serde_json::from_value(step).expect("a description")])
        };
        let long = |bytes: usize| Value::String("x".repeat(bytes));
        assert_eq!(described(&|step| step["help"] = long(HELP_BYTES_MAX)), Ok(()));
        let example = serde_json::json!({"title": "E", "config": {}, "params": {}});
        for (change, part) in [
            (
                &(|step: &mut Value| step["help"] = long(HELP_BYTES_MAX + 1)) as &dyn Fn(&mut Value),
                "the help of `a`",
            ),
            (&|step| step["examples"] = vec![example.clone(); EXAMPLES_MAX + 1].into(), "examples"),
            (
                &|step| step["params"] = serde_json::json!({"description": long(SCHEMA_BYTES_MAX)}),
                "bytes, of at most",
            ),
            (&|step| step["title"] = "a\nb".into(), "the title of `a`"),
        ] {
            let why = described(change).expect_err("refused");
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn an_id_is_as_workflow_files_have_it() {
        assert!(is_id("send_email2"));
        for bad in ["", "Send", "send-email", "2nd", "é", "a b", "_a"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
