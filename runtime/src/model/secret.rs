//! Secrets by name: values that steps send and nobody is shown.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::{id::WorkflowId, template::Template, workflow::Workflow};

/// The fewest characters of a value: what is shorter would stand by chance in what is recorded, and is too
/// easily guessed.
pub const SECRET_CHARS_MIN: usize = 6;
pub const SECRET_CHARS_MAX: usize = 16 * 1024;
pub const SECRET_NAME_CHARS_MAX: usize = 64;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// Where a secret's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Store,
    Folder,
    Environment,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Folder => "folder",
            Self::Environment => "environment",
        }
    }
}

/// The values that there are now. Never printed.
#[derive(Clone, Default)]
pub struct Secrets(Arc<BTreeMap<String, (Arc<str>, Source)>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl From<BTreeMap<String, (Arc<str>, Source)>> for Secrets {
    fn from(secrets: BTreeMap<String, (Arc<str>, Source)>) -> Self {
        Self(Arc::new(secrets))
    }
}

impl Secrets {
    pub fn get(&self, name: &str) -> Option<&Arc<str>> {
        self.0.get(name).map(|(value, _)| value)
    }

    /// Their names, and where each comes from.
    pub fn names(&self) -> impl Iterator<Item = (&str, Source)> {
        self.0.iter().map(|(name, (_, source))| (name.as_str(), *source))
    }

    /// Takes secrets out of texts, those that have the given names.
    pub fn redactor<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Redactor {
        let mut values: Vec<_> = names.into_iter().filter_map(|name| self.get(name).cloned()).collect();
        values.sort();
        values.dedup();
        Redactor(values.iter().map(Hidden::new).collect())
    }
}

/// Why a secret cannot have a name; `None` when it can.
pub fn name_problem(name: &str) -> Option<&'static str> {
    let is_letter = |c: u8| c.is_ascii_alphabetic() || c == b'_';
    let is_name = name.bytes().all(|c| is_letter(c) || c.is_ascii_digit())
        && name.bytes().next().is_some_and(is_letter)
        && name.len() <= SECRET_NAME_CHARS_MAX;
    (!is_name).then_some("a secret's name has letters, digits and `_`, does not begin with a digit, and has at most 64 characters")
}

/// Why a secret cannot have a value; `None` when it can.
pub fn value_problem(value: &str) -> Option<String> {
    match value.chars().count() {
        0..SECRET_CHARS_MIN => Some(format!("a secret has at least {SECRET_CHARS_MIN} characters")),
        SECRET_CHARS_MIN..=SECRET_CHARS_MAX => None,
        _ => Some(format!("a secret has at most {SECRET_CHARS_MAX} characters")),
    }
}

/// Takes secrets out of texts, however they are written there.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Hidden>);

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({})", self.0.len())
    }
}

/// A value that is to be found.
#[derive(Clone)]
struct Hidden {
    value: Arc<str>,
    /// The value, and what base64 of either alphabet has of it, wherever in the bytes that were encoded it begins; all
    /// without backslashes, of which a text may have any number.
    forms: Vec<String>,
}

/// Of a value that a text's end cuts off, so many characters are too many.
const CUT_CHARS: usize = 3;

impl Redactor {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same, and another value.
    pub fn and(&self, value: Option<&Arc<str>>) -> Self {
        let others = value.into_iter().map(Hidden::new);
        Self(self.0.iter().cloned().chain(others).collect())
    }

    /// From now on, what another one takes out, too.
    pub fn add(&mut self, other: &Self) {
        let is_new = |it: &&Hidden| !self.0.iter().any(|known| known.value == it.value);
        let new: Vec<_> = other.0.iter().filter(is_new).cloned().collect();
        self.0.extend(new);
    }

    pub fn redact(&self, text: &str) -> String {
        self.replaced(text, false)
    }

    /// Of a text that has no end: what may be the beginning of a secret there is taken out, too.
    pub fn redact_cut(&self, text: &str) -> String {
        self.replaced(text, true)
    }

    fn replaced(&self, text: &str, is_cut: bool) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let longest = self.0.iter().filter_map(|hidden| hidden.found_in(rest, is_cut)).max();
            match longest {
                Some(length) => {
                    out.push_str(REDACTED);
                    rest = &rest[length..];
                }
                None => {
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        out
    }

    /// A JSON value without secrets, in its texts and its keys.
    pub fn redact_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.redact_json(item)).collect(),
            Value::Object(object) => Value::Object(self.redact_object(object)),
            // A number may be one, too.
            Value::Number(number) => {
                let text = number.to_string();
                let redacted = self.redact(&text);
                if redacted == text { Value::Number(number) } else { Value::String(redacted) }
            }
            other => other,
        }
    }

    pub fn redact_object(&self, object: Map<String, Value>) -> Map<String, Value> {
        object.into_iter().map(|(key, value)| (self.redact(&key), self.redact_json(value))).collect()
    }
}

impl Hidden {
    fn new(value: &Arc<str>) -> Self {
        let mut forms = vec![value.replace('\\', "")];
        // As HTTP leaves it of a header.
        if value.trim() != &**value {
            return Self {
                forms: Self::new(&value.trim().into()).forms.into_iter().chain(forms).collect(),
                value: Arc::clone(value),
            };
        }
        for before in 0..3_usize {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(value.as_bytes());
            let whole = BASE64_STANDARD.encode(&bytes);
            // Characters in which nothing but the value has a part.
            let from = (before * 8).div_ceil(6);
            let part = whole[from..(bytes.len() * 8 / 6).max(from)].to_owned();
            forms.push(part.replace('+', "-").replace('/', "_"));
            forms.push(part);
        }
        // What is shorter stands in texts by chance.
        forms.retain(|form| form.chars().count() > CUT_CHARS);
        Self { value: Arc::clone(value), forms }
    }

    /// How long what a text begins with is, if that is the value in some form; never nothing.
    fn found_in(&self, text: &str, is_cut: bool) -> Option<usize> {
        let raw = text.starts_with(&*self.value).then_some(self.value.len());
        let written = self.forms.iter().filter_map(|form| written_in(text, form, is_cut));
        written.chain(raw).filter(|length| *length > 0).max()
    }
}

/// How long what a text begins with is, if it is a form: each character as it is, percent-encoded, as JSON escapes it, or
/// as HTML and XML do.
fn written_in(text: &str, form: &str, is_cut: bool) -> Option<usize> {
    let (first, expected) = (text.as_bytes().first()?, form.as_bytes().first()?);
    if first != expected && !b"\\%&+".contains(first) {
        return None;
    }
    // What may come next: `%25` is written for a `%`, or is the value's own.
    let mut chars = form.chars();
    let mut rests: Vec<_> = after(text, chars.next()?).collect();
    let mut ends_within = false;
    for (c, matched) in chars.zip(1..) {
        if rests.is_empty() {
            break;
        }
        // The text may end in the middle of what a character is written as.
        ends_within |= is_cut && matched >= CUT_CHARS && rests.iter().any(|rest| is_beginning(rest));
        rests = rests.into_iter().flat_map(|rest| after(rest, c)).collect();
        // What comes next is known by its length.
        rests.sort_unstable_by_key(|rest| rest.len());
        rests.dedup_by_key(|rest| rest.len());
    }
    let whole = rests.iter().map(|rest| text.len() - rest.len()).max();
    whole.or_else(|| ends_within.then_some(text.len()))
}

fn is_beginning(rest: &str) -> bool {
    const LONGEST: usize = 2 * (BACKSLASHES_MAX + 5);
    rest.is_empty() || rest.len() < LONGEST && rest.starts_with(['%', '\\', '&', '\u{fffd}'])
}

/// JSON in JSON in JSON has seven; of more it is none.
const BACKSLASHES_MAX: usize = 16;
/// What is percent-encoded, or escaped for HTML, may be so again.
const LEVELS: usize = 4;

/// What comes after a character, in each way in which it may be written here.
fn after(text: &str, c: char) -> impl Iterator<Item = &str> {
    let bare = without_backslashes(text);
    let escaped = (bare.len() < text.len()).then(|| after_escape(bare, c)).flatten();
    let nested = (0..LEVELS)
        .filter_map(move |level| after_percent(bare, c, level).or_else(|| after_entity(bare, c, level)));
    let space = bare.strip_prefix('+').filter(|_| c == ' ');
    escaped.into_iter().chain(nested).chain(space).chain(bare.strip_prefix(c))
}

fn without_backslashes(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..BACKSLASHES_MAX {
        let mut written = (0..LEVELS)
            .filter_map(|level| after_percent(rest, '\\', level).or_else(|| after_entity(rest, '\\', level)));
        let Some(after) = rest.strip_prefix('\\').or_else(|| written.next()) else { break };
        rest = after;
    }
    rest
}

/// `%26`; at the next level `%2526`.
fn after_percent(text: &str, c: char, level: usize) -> Option<&str> {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().try_fold(text, |text, byte| {
        let inner = (0..level).try_fold(text.strip_prefix('%')?, |inner, _| inner.strip_prefix("25"))?;
        let digits = inner.get(..2)?;
        (u8::from_str_radix(digits, 16) == Ok(byte)).then(|| &inner[2..])
    })
}

/// `&lt;`, `&#60;`, `&#x3c;`; at the next level `&amp;lt;`. JSON may have `\u0026` for the `&`, here without its backslash.
fn after_entity(text: &str, c: char, level: usize) -> Option<&str> {
    const NAME_BYTES_MAX: usize = 8;
    let rest = text.strip_prefix('&').or_else(|| text.strip_prefix("u0026"))?;
    let rest = (0..level).try_fold(rest, |rest, _| rest.strip_prefix("amp;"))?;
    let end = rest.bytes().take(NAME_BYTES_MAX + 1).position(|byte| byte == b';')?;
    let (name, after) = (&rest[..end], &rest[end + 1..]);
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => number.parse().ok(),
    });
    let meant = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => number.and_then(char::from_u32),
    };
    (meant == Some(c)).then_some(after)
}

/// What comes after one or more backslashes.
fn after_escape(text: &str, c: char) -> Option<&str> {
    let short = match c {
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        _ => None,
    };
    if let Some(after) = short.and_then(|short| text.strip_prefix(short)) {
        return Some(after);
    }
    let (mut units, mut rest) = ([0; 2], text);
    for (index, unit) in c.encode_utf16(&mut units).iter().enumerate() {
        if index > 0 {
            rest = rest.trim_start_matches('\\');
        }
        let digits = rest.strip_prefix('u')?.get(..4)?;
        if u16::from_str_radix(digits, 16) != Ok(*unit) {
            return None;
        }
        rest = &rest[5..];
    }
    Some(rest)
}

/// A place where a workflow uses a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    pub secret: String,
    pub workflow: WorkflowId,
    /// The action's name, and the step's; `None` where it is the alerts' webhook.
    pub step: Option<(String, String)>,
}

impl fmt::Display for SecretUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some((action, step)) => write!(f, "“{step}” in “{action}” of {}", self.workflow),
            None => write!(f, "the alerts of {}", self.workflow),
        }
    }
}

/// Where a workflow uses which secrets, in the order of its steps, and in its alerts.
pub fn uses(workflow: &Workflow) -> Vec<SecretUse> {
    let mut uses = Vec::new();
    for action in &workflow.actions {
        for step in &action.steps {
            let mut names = Vec::new();
            step.params.values().for_each(|value| names_in(value, &mut names));
            names.sort();
            names.dedup();
            let step = Some((action.name.clone(), step.name.clone()));
            let used = |secret| SecretUse { secret, workflow: workflow.id.clone(), step: step.clone() };
            uses.extend(names.into_iter().map(used));
        }
    }
    let of_alerts = workflow.alerts.webhook.iter().flat_map(Template::secrets);
    uses.extend(of_alerts.map(|secret| SecretUse {
        secret: secret.to_owned(),
        workflow: workflow.id.clone(),
        step: None,
    }));
    uses
}

fn names_in(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let places = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
            let secrets = places.filter_map(|(place, _)| place.trim().strip_prefix("secrets."));
            names.extend(secrets.map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Object(object) => object.values().for_each(|value| names_in(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    const VALUE: &str = "S3cret \"/?äK\\n+%😀&<'%25";

    fn secrets() -> Secrets {
        BTreeMap::from([("TOKEN".to_owned(), (Arc::from(VALUE), Source::Store))]).into()
    }

    fn redactor() -> Redactor {
        secrets().redactor(["TOKEN", "NO_SUCH"])
    }

    fn percent(text: &str, is_bare: impl Fn(u8) -> bool) -> String {
        text.bytes()
            .map(|b| if is_bare(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    }

    fn html(text: &str) -> String {
        text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\'', "&#39;")
    }

    fn ascii_json(text: &str) -> String {
        let mut units = [0; 2];
        Value::from(text)
            .to_string()
            .chars()
            .map(|c| match c {
                c if c.is_ascii() => c.to_string(),
                c => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            })
            .collect()
    }

    /// "Redacted … in plain, base64 and percent-encoded form, even when the receiver echoes them."
    #[test]
    fn a_secret_is_taken_out_however_it_is_written() {
        let encoded = percent(VALUE, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        // As JavaScript's `encodeURIComponent`, and with lower-case digits.
        let component = percent(VALUE, |b| b.is_ascii_alphanumeric() || b"-._~!'()*".contains(&b));
        let lower = encoded.replace("%2F", "%2f").replace("%C3", "%c3").replace("%3F", "%3f");
        let json = serde_json::json!({ "you sent": VALUE }).to_string();
        let standard = |text: &str| BASE64_STANDARD.encode(text);
        for written in [
            VALUE.to_owned(),
            encoded.clone(),
            component,
            lower,
            encoded.replace("%20", "+"),
            json.clone(),
            json.replace('/', "\\/"),
            Value::from(json).to_string(),
            ascii_json(VALUE),
            ascii_json(VALUE)
                .to_uppercase()
                .replace("\\U", "\\u")
                .replace("S3CRET", "S3cret")
                .replace("\\N", "\\n"),
            html(VALUE),
            html(&html(VALUE)),
            html(VALUE).replace('&', "\\u0026"),
            percent(&percent(VALUE, |b| b.is_ascii_alphanumeric()), |b| b.is_ascii_alphanumeric()),
            VALUE.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
            VALUE.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
            standard(VALUE).replace('/', "\\/"),
            percent(&standard(&format!("user:{VALUE}")), |b| b.is_ascii_alphanumeric()),
            standard(VALUE),
            standard(&format!("user:{VALUE}")),
            standard(&format!("u:{VALUE}:more")),
            standard(&format!("us:{VALUE}")),
            standard(&format!("user:{VALUE}")).replace('+', "-").replace('/', "_"),
        ] {
            let shown = redactor().redact(&format!("before {written} after"));
            assert!(shown.contains(REDACTED), "{written}: {shown}");
            for form in ["S3cret", "%C3%A4", "%c3%a4", "UzNjcmV0", "MzY3JldC", "TM2NyZX", "00e4"] {
                assert!(!shown.contains(form), "{written}: {shown}");
            }
            assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown}");
        }
        for kept in ["nothing of it", "S3cre", "s3cret \"/?äK", "%", "\\", "", "\\u00"] {
            assert_eq!(redactor().redact(kept), kept);
        }
    }

    /// HTTP leaves out what is white at the ends of a header's value.
    #[test]
    fn a_secret_is_found_without_the_white_space_around_it() {
        let secrets: Secrets =
            BTreeMap::from([("X".to_owned(), (Arc::from(" s3cret-token \n"), Source::Store))]).into();
        for written in ["<s3cret-token>", "< s3cret-token \n>", "<czNjcmV0LXRva2Vu>"] {
            let shown = secrets.redactor(["X"]).redact(written);
            assert!(!shown.contains("token") && !shown.contains("czNj"), "{shown}");
        }
    }

    #[test]
    fn backslashes_and_percent_signs_of_a_value_are_found_as_they_are_and_escaped() {
        for value in ["\\\\server\\share", "a\\\nb\\ü", "100%25 of 100%", "\\\\\\\\\\\\\\"] {
            let secrets: Secrets =
                BTreeMap::from([("X".to_owned(), (Arc::from(value), Source::Store))]).into();
            let redactor = secrets.redactor(["X"]);
            let json = Value::from(value).to_string();
            for written in [value.to_owned(), json.clone(), ascii_json(value), Value::from(json).to_string()]
            {
                let shown = redactor.redact(&format!("<{written}>"));
                let is_all_backslashes = value.chars().all(|c| c == '\\');
                assert!(
                    shown.contains(REDACTED) || is_all_backslashes && written != value,
                    "{written}: {shown}"
                );
                assert!(!shown.contains("server") && !shown.contains("of 100"), "{written}: {shown}");
            }
        }
    }

    /// What is looked through may be a megabyte of what almost is one.
    #[test]
    fn looking_for_a_secret_takes_no_longer_than_the_text_is_long() {
        let secrets: Secrets =
            BTreeMap::from([("X".to_owned(), (Arc::from("aaaaaaab\\\\%%&&"), Source::Store))]).into();
        let redactor = secrets.redactor(["X"]);
        for text in ["\\", "%", "&", "a", "&#x", "%25"] {
            let text = text.repeat(256 * 1024);
            let started = std::time::Instant::now();
            assert_eq!(redactor.redact(&text), text);
            assert!(started.elapsed().as_secs() < 10, "{}: {:?}", &text[..2], started.elapsed());
        }
    }

    /// Where an answer breaks off in the middle of one, its beginning is not shown.
    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_what_came_is_taken_out() {
        let whole = format!("you sent {VALUE}");
        for cut in 0..whole.len() {
            let Some(text) = whole.get(..cut) else { continue };
            let shown = redactor().redact_cut(text);
            assert!(!shown.contains("S3c"), "{shown}");
        }
        let encoded = BASE64_STANDARD.encode(VALUE);
        let percent = percent(VALUE, |b| b.is_ascii_alphanumeric());
        for written in [encoded, percent, ascii_json(VALUE), html(VALUE)] {
            for cut in 0..=written.len() {
                let Some(text) = written.get(..cut) else { continue };
                let shown = redactor().redact_cut(text);
                assert!(cut <= CUT_CHARS || shown.len() <= REDACTED.len() + CUT_CHARS, "{text}: {shown}");
            }
            // As a body that ends in the middle of a character.
            for cut in 0..=written.len() {
                let text = String::from_utf8_lossy(&written.as_bytes()[..cut]);
                let shown = redactor().redact_cut(&text);
                assert!(
                    cut <= CUT_CHARS + 1 || shown.len() <= REDACTED.len() + CUT_CHARS + 1,
                    "{text}: {shown}"
                );
            }
        }
    }

    #[test]
    fn a_patch_has_no_secret_in_its_values_or_its_keys() {
        let secrets: Secrets =
            BTreeMap::from([("PIN".to_owned(), (Arc::from("12345678"), Source::Store))]).into();
        let redactor = secrets.redactor(["PIN"]);
        let patch = serde_json::json!({"a": ["x12345678y", {"12345678": true}], "b": 12345678, "c": 9});
        let expected =
            serde_json::json!({"a": ["x[redacted]y", {"[redacted]": true}], "b": "[redacted]", "c": 9});
        assert_eq!(redactor.redact_json(patch), expected);
        assert_eq!(format!("{redactor:?}"), "Redactor(1)");
    }

    #[test]
    fn nobody_prints_a_value() {
        let secrets = secrets();
        assert_eq!(format!("{secrets:?}"), "{\"TOKEN\"}");
    }

    #[test]
    fn names_and_values_have_limits() {
        for name in ["A", "_a9", "BILLING_TOKEN", &"x".repeat(64)] {
            assert_eq!(name_problem(name), None, "{name}");
        }
        for name in ["", "9a", "a-b", "a.b", "ä", "a b", &"x".repeat(65)] {
            assert!(name_problem(name).is_some(), "{name}");
        }
        for (short, enough) in [("12345", "123456"), ("äöüßé", "äöüßéè")] {
            assert!(value_problem(short).is_some() && value_problem(enough).is_none());
        }
        assert_eq!(value_problem(&"ä".repeat(SECRET_CHARS_MAX)), None);
        assert!(value_problem(&"x".repeat(SECRET_CHARS_MAX + 1)).is_some());
    }

    #[test]
    fn a_workflow_knows_where_it_uses_a_secret() {
        let mut workflow = sample::workflow();
        let params = serde_json::json!({
            "url": "https://a.example/{{ secrets.PATH }}/{{Company ID}}",
            "headers": {"Authorization": "Bearer {{secrets.TOKEN}}", "X": ["{{secrets.TOKEN}}"]},
        });
        workflow.actions[1].steps[1].params = params.as_object().expect("an object").clone();
        workflow.alerts.webhook = Template::of_secrets("https://a.example/{{secrets.CHAT}}").ok();
        let used: Vec<_> = uses(&workflow).into_iter().map(|it| format!("{}: {it}", it.secret)).collect();
        let of = &workflow.id;
        assert_eq!(
            used,
            [
                format!("PATH: “call” in “Finish” of {of}"),
                format!("TOKEN: “call” in “Finish” of {of}"),
                format!("CHAT: the alerts of {of}"),
            ]
        );
    }
}
