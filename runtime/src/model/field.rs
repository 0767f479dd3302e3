//! Fields: their types, which values each type takes, and how a value is written.
//!
//! A value is kept in the form in which it is shown: a number is its exact decimal text, a date its
//! ISO text. So a stored value needs no type to be read back.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    file::FileEntry,
    id::{FieldId, UserId},
    text,
    user::Directory,
};

/// Characters that a value may have, by type.
pub const TEXT_CHARS_MAX: usize = 10_000;
pub const LONG_TEXT_CHARS_MAX: usize = 100_000;
pub const UNIQUE_ID_CHARS_MAX: usize = 128;
pub const PHONE_CHARS_MAX: usize = 40;
pub const EMAIL_CHARS_MAX: usize = 254;
pub const URL_CHARS_MAX: usize = 2_000;

/// A task is listed under `tasks/active`, so no task may be called that.
pub const REFUSED_UNIQUE_ID: &str = "active";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub id: FieldId,
    pub name: String,
    pub kind: FieldType,
    pub required: bool,
    /// Whether people may edit it. Steps and the API always may.
    pub editable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    Text,
    LongText,
    Number,
    Phone,
    Currency,
    Date,
    Datetime,
    Person,
    SingleSelect {
        options: Vec<String>,
    },
    MultipleSelect {
        options: Vec<String>,
    },
    Checkbox,
    UniqueId {
        autoincrement: bool,
    },
    /// `limit`: how many files it takes; [`super::file::ENTRIES_MAX`] where it says nothing. Without a
    /// file it is shown as `[]`, as a multiple select without an option is.
    File {
        limit: Option<u32>,
    },
    Email,
    Url,
}

/// A field's value. Numbers, dates, people (by id) and choices are texts that were checked on the
/// way in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldValue {
    #[default]
    Empty,
    Text(Arc<str>),
    Flag(bool),
    List(Vec<Arc<str>>),
    /// In the order in which they were sent; never none.
    Files(Vec<FileEntry>),
}

/// What is wrong with a value, as a phrase that follows the field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn invalid<T>(problem: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(problem.into()))
}

impl FieldType {
    /// The names of the field types as files and the API write them.
    pub const NAMES: [&str; 15] = [
        "text",
        "longText",
        "number",
        "phone",
        "currency",
        "date",
        "datetime",
        "person",
        "singleSelect",
        "multipleSelect",
        "checkbox",
        "uniqueId",
        "file",
        "email",
        "url",
    ];

    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "longText",
            Self::Number => "number",
            Self::Phone => "phone",
            Self::Currency => "currency",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Person => "person",
            Self::SingleSelect { .. } => "singleSelect",
            Self::MultipleSelect { .. } => "multipleSelect",
            Self::Checkbox => "checkbox",
            Self::UniqueId { .. } => "uniqueId",
            Self::File { .. } => "file",
            Self::Email => "email",
            Self::Url => "url",
        }
    }

    /// Checks what somebody sent for a field and brings it into the form that is kept.
    ///
    /// `null`, an empty text and an empty list all mean *empty*. Numbers are read from their text
    /// (`serde_json` is built with `arbitrary_precision`), so that `10000.00` keeps its zeros.
    ///
    /// Files are refused here: what may be sent depends on those that the task has, so a patch reads
    /// them with [`super::file`].
    pub fn read(&self, value: &Value, directory: &Directory) -> Result<FieldValue, Invalid> {
        match value {
            Value::Null => return Ok(FieldValue::Empty),
            Value::String(text) if text.is_empty() => return Ok(FieldValue::Empty),
            _ => {}
        }
        match (self, value) {
            (Self::Checkbox, Value::Bool(flag)) => Ok(FieldValue::Flag(*flag)),
            (Self::Checkbox, _) => invalid("is invalid: it must be true or false"),
            (Self::MultipleSelect { options }, Value::Array(items)) => read_choices(items, options),
            (Self::MultipleSelect { .. }, _) => invalid("is invalid: it must be a list of options"),
            (Self::Number | Self::Currency, Value::Number(number)) => read_number(&number.to_string()),
            // One with an exponent has more than one way to be written, and so says nobody's id.
            (Self::UniqueId { .. }, Value::Number(number)) if !number.to_string().contains(['e', 'E']) => {
                self.read_text(&number.to_string(), directory)
            }
            (_, Value::String(text)) => self.read_text(text, directory),
            _ => invalid(format!("is invalid: it must be {}", self.expectation())),
        }
    }

    fn read_text(&self, value: &str, directory: &Directory) -> Result<FieldValue, Invalid> {
        if let Some(problem) = text::problem(value, self.chars_max()) {
            return invalid(problem);
        }
        let well_formed = match self {
            Self::Text | Self::LongText => true,
            Self::Number | Self::Currency => return read_number(value),
            Self::UniqueId { .. } => return read_unique_id(value),
            Self::Person => return read_person(value, directory),
            Self::SingleSelect { options } => return read_choice(value, options).map(FieldValue::Text),
            Self::Datetime => return read_datetime(value),
            Self::Date => is_date(value),
            Self::Phone => is_phone(value),
            Self::Email => is_email(value),
            Self::Url => is_url(value),
            Self::Checkbox | Self::MultipleSelect { .. } | Self::File { .. } => false,
        };
        if well_formed {
            Ok(FieldValue::Text(value.into()))
        } else {
            invalid(format!("is invalid: it must be {}", self.expectation()))
        }
    }

    /// What a field of this type holds, as everybody is told it: a checkbox that nobody ticked is false, whether somebody
    /// has said so or not.
    pub fn held<'v>(&self, value: &'v FieldValue) -> &'v FieldValue {
        static UNTICKED: FieldValue = FieldValue::Flag(false);
        match (self, value) {
            (Self::Checkbox, FieldValue::Empty) => &UNTICKED,
            _ => value,
        }
    }

    /// What is missing where an action requires the field, as a phrase that follows its name: a value; of a checkbox, which
    /// always has one, that it is ticked.
    pub fn lack(&self, value: &FieldValue) -> Option<&'static str> {
        match self.held(value) {
            FieldValue::Empty => Some("is required"),
            FieldValue::Flag(false) => Some("must be ticked"),
            _ => None,
        }
    }

    fn chars_max(&self) -> usize {
        match self {
            Self::LongText => LONG_TEXT_CHARS_MAX,
            Self::UniqueId { .. } => UNIQUE_ID_CHARS_MAX,
            Self::Phone => PHONE_CHARS_MAX,
            Self::Email => EMAIL_CHARS_MAX,
            Self::Url => URL_CHARS_MAX,
            _ => TEXT_CHARS_MAX,
        }
    }

    fn expectation(&self) -> &'static str {
        match self {
            Self::Text | Self::LongText => "a text",
            Self::Number | Self::Currency => "a decimal number of at most 64 digits",
            Self::Phone => "a phone number",
            Self::Date => "a date written YYYY-MM-DD",
            Self::Datetime => "an instant written as in RFC 3339, such as 2020-01-31T09:30:00Z",
            Self::Person => "the email of a user",
            Self::SingleSelect { .. } => "one of its options",
            Self::MultipleSelect { .. } => "a list of its options",
            Self::Checkbox => "true or false",
            Self::UniqueId { .. } => "a text or a whole number",
            Self::File { .. } => "a list of files",
            Self::Email => "an email address",
            Self::Url => "an http or https URL",
        }
    }
}

fn read_number(value: &str) -> Result<FieldValue, Invalid> {
    match text::plain_decimal(value) {
        Some(number) => Ok(FieldValue::Text(number.into())),
        None => invalid(format!("is invalid: it must be {}", FieldType::Number.expectation())),
    }
}

fn read_unique_id(value: &str) -> Result<FieldValue, Invalid> {
    if value == REFUSED_UNIQUE_ID {
        return invalid("is reserved: a task cannot be called `active`");
    }
    if value.trim() != value || value.chars().any(char::is_control) {
        return invalid("is invalid: it must not begin or end with a space, nor contain control characters");
    }
    Ok(FieldValue::Text(value.into()))
}

fn read_person(value: &str, directory: &Directory) -> Result<FieldValue, Invalid> {
    match directory.find(value) {
        Some(user) => Ok(FieldValue::Text(user.id.as_str().into())),
        None => invalid("is invalid: no user has this email"),
    }
}

fn read_datetime(value: &str) -> Result<FieldValue, Invalid> {
    match value.parse::<Timestamp>() {
        Ok(instant) => Ok(FieldValue::Text(instant.to_string().into())),
        Err(_) => invalid(format!("is invalid: it must be {}", FieldType::Datetime.expectation())),
    }
}

fn read_choice(value: &str, options: &[String]) -> Result<Arc<str>, Invalid> {
    if options.iter().any(|option| option == value) {
        Ok(value.into())
    } else {
        invalid(format!("is invalid: it must be one of {}", options.join(", ")))
    }
}

fn read_choices(items: &[Value], options: &[String]) -> Result<FieldValue, Invalid> {
    let mut chosen: Vec<Arc<str>> = Vec::with_capacity(items.len().min(options.len()));
    for item in items {
        let Value::String(text) = item else {
            return invalid("is invalid: it must be a list of options");
        };
        let choice = read_choice(text, options)?;
        if chosen.contains(&choice) {
            return invalid(format!("is invalid: it names {text} twice"));
        }
        chosen.push(choice);
    }
    Ok(if chosen.is_empty() { FieldValue::Empty } else { FieldValue::List(chosen) })
}

fn is_date(value: &str) -> bool {
    // The parser takes other ISO forms too; the length leaves only YYYY-MM-DD.
    value.len() == 10 && value.as_bytes()[4] == b'-' && value.parse::<Date>().is_ok()
}

fn is_phone(value: &str) -> bool {
    value.bytes().filter(u8::is_ascii_digit).count() >= 3
        && value.chars().all(|c| c.is_ascii_digit() || " +-().x#*/".contains(c))
}

/// A light check: only sending a mail tells whether an address exists.
/// Whether it looks like an email address.
pub fn is_email(value: &str) -> bool {
    match value.rsplit_once('@') {
        Some((local, domain)) => {
            !local.is_empty()
                && !domain.is_empty()
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !value.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;".contains(c))
        }
        None => false,
    }
}

fn is_url(value: &str) -> bool {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', '?', '#', ':'])
            && !rest.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

/// A value together with its field: how the contract's document and the Tasks API write it.
#[derive(Debug)]
pub struct Shown<'a> {
    pub kind: &'a FieldType,
    pub value: &'a FieldValue,
    pub directory: &'a Directory,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.kind.held(self.value)) {
            (FieldType::MultipleSelect { .. } | FieldType::File { .. }, FieldValue::Empty) => {
                serializer.collect_seq([""; 0])
            }
            (FieldType::Person, FieldValue::Text(id)) => {
                self.directory.email(&UserId::new(Arc::clone(id))).serialize(serializer)
            }
            (_, FieldValue::Empty) => serializer.serialize_none(),
            (_, FieldValue::Text(text)) => serializer.serialize_str(text),
            (_, FieldValue::Flag(flag)) => serializer.serialize_bool(*flag),
            (_, FieldValue::List(items)) => serializer.collect_seq(items.iter().map(|item| &**item)),
            (_, FieldValue::Files(files)) => serializer.collect_seq(files),
        }
    }
}

impl FieldValue {
    /// As a text within another text: nothing for empty, options and the names of files joined by commas.
    pub fn to_text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => items.join(", "),
            Self::Files(files) => files.iter().map(|file| &*file.filename).collect::<Vec<_>>().join(", "),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::sample;

    /// What a type makes of a JSON text: the value as the document shows it, or the complaint.
    fn read(kind: &FieldType, json: &str) -> String {
        let directory = sample::directory();
        let value = serde_json::from_str(json).expect("the test's JSON");
        match kind.read(&value, &directory) {
            Ok(value) => serde_json::to_string(&Shown { kind, value: &value, directory: &directory })
                .expect("serializable"),
            Err(problem) => format!("! {problem}"),
        }
    }

    #[test]
    fn each_type_takes_what_the_contract_says() {
        let options = || vec!["Red".to_owned(), "Blue".to_owned()];
        for (kind, json, expected) in [
            (FieldType::Number, "10000.00", r#""10000.00""#),
            (FieldType::Number, r#""20""#, r#""20""#),
            (
                FieldType::Currency,
                "123456789012345678901234567890.01",
                r#""123456789012345678901234567890.01""#,
            ),
            (FieldType::Date, r#""2020-02-29""#, r#""2020-02-29""#),
            (FieldType::Datetime, r#""2020-01-31T10:30:00+01:00""#, r#""2020-01-31T09:30:00Z""#),
            (FieldType::Checkbox, "null", "false"),
            (FieldType::Checkbox, "true", "true"),
            (FieldType::Person, r#""USER@example.com""#, r#""user@example.com""#),
            (FieldType::SingleSelect { options: options() }, r#""Red""#, r#""Red""#),
            (FieldType::MultipleSelect { options: options() }, r#"["Blue","Red"]"#, r#"["Blue","Red"]"#),
            (FieldType::MultipleSelect { options: options() }, "null", "[]"),
            (FieldType::UniqueId { autoincrement: false }, "42", r#""42""#),
            (FieldType::File { limit: None }, "null", "[]"),
            (FieldType::Text, r#""""#, "null"),
            (FieldType::Email, r#""a@b.example""#, r#""a@b.example""#),
            (FieldType::Url, r#""https://example.com/a?b""#, r#""https://example.com/a?b""#),
            (FieldType::Phone, r#""+1 (555) 010-99""#, r#""+1 (555) 010-99""#),
        ] {
            assert_eq!(read(&kind, json), expected, "{} {json}", kind.name());
        }
    }

    #[test]
    fn each_type_refuses_what_it_cannot_keep() {
        let options = vec!["Red".to_owned(), "Blue".to_owned()];
        for (kind, value) in [
            (FieldType::Text, json!(5)),
            (FieldType::Text, json!("a\0b")),
            (FieldType::Text, json!("x".repeat(TEXT_CHARS_MAX + 1))),
            (FieldType::Number, json!("twelve")),
            (FieldType::Number, json!(true)),
            (FieldType::Date, json!("31.01.2020")),
            (FieldType::Date, json!("2020-02-30")),
            (FieldType::Date, json!("20200131")),
            (FieldType::Datetime, json!("2020-01-31")),
            (FieldType::Checkbox, json!("true")),
            (FieldType::Person, json!("nobody@example.com")),
            (FieldType::SingleSelect { options: options.clone() }, json!("Green")),
            (FieldType::MultipleSelect { options: options.clone() }, json!("Red")),
            (FieldType::MultipleSelect { options }, json!(["Red", "Red"])),
            (FieldType::UniqueId { autoincrement: true }, json!("active")),
            (FieldType::UniqueId { autoincrement: false }, json!(" 42")),
            (FieldType::UniqueId { autoincrement: false }, serde_json::from_str("1e5").expect("a number")),
            (
                FieldType::UniqueId { autoincrement: false },
                serde_json::from_str(&"9".repeat(UNIQUE_ID_CHARS_MAX + 1)).expect("a number"),
            ),
            (FieldType::Email, json!("nobody")),
            (FieldType::File { limit: None }, json!([{"filename": "n", "base64contents": ""}])),
            (FieldType::Url, json!("ftp://example.com")),
            (FieldType::Phone, json!("call me")),
        ] {
            assert!(kind.read(&value, &sample::directory()).is_err(), "{} took {value}", kind.name());
        }
    }
}
