//! Secrets by name: values that steps send and nobody is shown.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{template::percent_encode, workflow::Workflow};

/// The fewest bytes of a value: what is shorter would stand by chance in what is recorded, and is too
/// easily guessed.
pub const SECRET_BYTES_MIN: usize = 6;
pub const SECRET_BYTES_MAX: usize = 16 * 1024;
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
        let values = names.into_iter().filter_map(|name| self.get(name));
        let mut forms: Vec<_> = values.flat_map(|value| forms(value)).collect();
        // The longest first, so that no part of one is left.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Redactor(forms)
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
    match value.len() {
        0..SECRET_BYTES_MIN => Some(format!("a secret has at least {SECRET_BYTES_MIN} bytes")),
        SECRET_BYTES_MIN..=SECRET_BYTES_MAX => None,
        _ => Some(format!("a secret has at most {SECRET_BYTES_MAX} bytes")),
    }
}

/// Takes secrets out of texts, however they are written there.
#[derive(Debug, Default)]
pub struct Redactor(Vec<String>);

impl Redactor {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, form| {
            if text.contains(form.as_str()) { text.replace(form.as_str(), REDACTED) } else { text }
        })
    }
}

/// How a value may be written: as it is, in JSON, percent-encoded (in either case), and within base64
/// of either alphabet, wherever in it the value begins.
fn forms(value: &str) -> Vec<String> {
    let mut encoded = String::new();
    percent_encode(value, &mut encoded);
    let json = Value::from(value).to_string();
    let mut forms = vec![
        value.to_owned(),
        json[1..json.len() - 1].to_owned(),
        encoded.to_lowercase(),
        encoded.replace("%20", "+"),
        encoded,
    ];
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        let whole = BASE64_STANDARD.encode(&bytes);
        // Characters in which nothing but the value has a part.
        let from = (before * 8).div_ceil(6);
        let part = whole[from..bytes.len() * 8 / 6].to_owned();
        forms.push(part.replace('+', "-").replace('/', "_"));
        forms.push(part);
    }
    forms
}

/// A place where a workflow uses a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    pub secret: String,
    /// The action's name, and the step's.
    pub action: String,
    pub step: String,
}

/// Where a workflow uses which secrets, in the order of its steps.
pub fn uses(workflow: &Workflow) -> Vec<SecretUse> {
    let mut uses = Vec::new();
    for action in &workflow.actions {
        for step in &action.steps {
            let mut names = Vec::new();
            step.params.values().for_each(|value| names_in(value, &mut names));
            names.sort();
            names.dedup();
            let used = |secret| SecretUse { secret, action: action.name.clone(), step: step.name.clone() };
            uses.extend(names.into_iter().map(used));
        }
    }
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

    const VALUE: &str = "s3cret \"/?ä";

    fn secrets() -> Secrets {
        BTreeMap::from([("TOKEN".to_owned(), (Arc::from(VALUE), Source::Store))]).into()
    }

    fn redactor() -> Redactor {
        let secrets = secrets();
        secrets.redactor(["TOKEN", "NO_SUCH"])
    }

    /// "Redacted … in plain, base64 and percent-encoded form, even when the receiver echoes them."
    #[test]
    fn a_secret_is_taken_out_however_it_is_written() {
        let url = |text: &str| {
            let mut out = String::new();
            percent_encode(text, &mut out);
            out
        };
        let standard = |text: &str| BASE64_STANDARD.encode(text);
        for written in [
            VALUE.to_owned(),
            url(VALUE),
            url(VALUE).to_lowercase(),
            url(VALUE).replace("%20", "+"),
            serde_json::json!({ "you sent": VALUE }).to_string(),
            standard(VALUE),
            standard(&format!("user:{VALUE}")),
            standard(&format!("u:{VALUE}:more")),
            standard(&format!("us:{VALUE}")),
            standard(&format!("user:{VALUE}")).replace('+', "-").replace('/', "_"),
        ] {
            let shown = redactor().redact(format!("before {written} after"));
            assert!(shown.contains(REDACTED), "{written}: {shown}");
            for form in ["s3cret", "%C3%A4", "czNjcmV0", "NzY3JldC", "M2NyZX"] {
                assert!(!shown.contains(form), "{written}: {shown}");
            }
            assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown}");
        }
        assert_eq!(redactor().redact("nothing of it".to_owned()), "nothing of it");
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
        assert!(value_problem("12345").is_some() && value_problem("123456").is_none());
        assert!(value_problem(&"x".repeat(SECRET_BYTES_MAX + 1)).is_some());
    }

    #[test]
    fn a_workflow_knows_where_it_uses_a_secret() {
        let mut workflow = sample::workflow();
        let params = serde_json::json!({
            "url": "https://a.example/{{ secrets.PATH }}/{{Company ID}}",
            "headers": {"Authorization": "Bearer {{secrets.TOKEN}}", "X": ["{{secrets.TOKEN}}"]},
        });
        workflow.actions[1].steps[1].params = params.as_object().expect("an object").clone();
        let used: Vec<_> = uses(&workflow)
            .into_iter()
            .map(|it| format!("{} in {} of {}", it.secret, it.step, it.action))
            .collect();
        assert_eq!(used, ["PATH in call of Finish", "TOKEN in call of Finish"]);
    }
}
