//! Texts with places in them: `https://example.com/companies/{{Company ID}}`.
//!
//! A bare name is a field, spaces and all, unless it is `action`, or one that every task has, or begins with `user.`,
//! `execution.`, `secrets.` or `task.`; no field has such a name. `task.NAME` is always a field. Names are checked when a template is
//! read, so that a misspelt one is an error at save time and never an empty text at send time.

mod url;

use std::{convert::Infallible, fmt::Write as _};

pub use self::url::{URL_PATTERN, UrlProblem};
use super::{
    field::{FieldType, FieldValue},
    id::{ExecutionId, FieldId, UserId},
    secret::{self, Secrets},
    task::Task,
    text,
    user::{Directory, Performer},
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, TASK_URL, UPDATED_ON, Workflow},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Action,
    UserId,
    UserEmail,
    UserFirstName,
    UserLastName,
    ExecutionId,
    Stage,
    AssignedTo,
    Field(FieldId),
    Secret(String),
}

/// How a value is written so that it cannot break out of the place it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    Text,
    /// Percent-encoded, all but the unreserved characters of RFC 3986.
    Url,
    /// As a header's value: CR, LF and other control characters are refused.
    Header,
    /// As text in HTML or XML, also between quotes.
    Html,
}

/// What the places are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub action: &'a str,
    pub performer: &'a Performer,
    pub execution: ExecutionId,
    pub task: &'a Task,
    pub workflow: &'a Workflow,
    pub directory: &'a Directory,
    pub secrets: &'a Secrets,
}

/// Places of their own, which are no fields: what a template may have beside them.
const PLACES: [(&str, Place); 8] = [
    ("action", Place::Action),
    ("user.id", Place::UserId),
    ("user.email", Place::UserEmail),
    ("user.first_name", Place::UserFirstName),
    ("user.last_name", Place::UserLastName),
    ("execution.id", Place::ExecutionId),
    (STAGE, Place::Stage),
    (ASSIGNED_TO, Place::AssignedTo),
];

/// What places begin with that are no fields by their whole names.
const PREFIXES: [&str; 4] = ["user.", "execution.", "secrets.", "task."];

/// Whether a bare name is not a field's, whatever fields there are.
pub fn is_taken(name: &str) -> bool {
    PLACES.iter().any(|(taken, _)| *taken == name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{{` without a closing `}}}}`")]
    Unclosed,
    #[error("`{{{{}}}}` names nothing; write a field's name between the braces")]
    Nameless,
    #[error("`{{{{{name}}}}}` names no field of this workflow{}", suggest(.suggestion))]
    Unknown { name: String, suggestion: Option<String> },
    #[error(
        "`{{{{{0}}}}}` may not stand here: every task has it, but only lists and requests for tasks show it"
    )]
    OnlyShown(String),
    #[error("`{{{{{0}}}}}` may not stand here: a task's values are shown, and a secret is not")]
    SecretShown(String),
    #[error("`{{{{{0}}}}}` may not stand here: this step type takes secrets only where it asks for one")]
    SecretGiven(String),
    #[error("`{{{{{name}}}}}`: {problem}")]
    SecretName { name: String, problem: &'static str },
    #[error(
        "`{{{{{0}}}}}` may not stand here, where there is no task: only secrets, as `{{{{secrets.NAME}}}}`"
    )]
    OnlySecrets(String),
}

/// Why a template cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The value may not stand where the template puts it.
    #[error(
        "a value for `{place}` contains a line break or another control character, which a header cannot carry"
    )]
    Control { place: String },
    #[error("there is no secret `{0}`; an administrator can set it with `onward secret set {0}`")]
    SecretMissing(String),
}

/// Where a template's text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Into a task, where people see it.
    Task,
    /// To a receiver.
    Call,
    /// To a plugin, which is given secrets only where it says so.
    Params,
}

fn suggest(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(
        || {
            let places: Vec<_> = PLACES.iter().map(|(name, _)| *name).collect();
            format!("; there are its fields (also as task.NAME), {} and secrets.NAME", places.join(", "))
        },
        |name| format!("; did you mean `{{{{{name}}}}}`?"),
    )
}

impl Template {
    /// The error: everything that is wrong with it.
    pub fn parse(source: &str, to: Destination, workflow: &Workflow) -> Result<Self, Vec<TemplateError>> {
        Self::read(source, |name| Place::parse(name, to, workflow))
    }

    /// A text that goes to a receiver, with no places but secrets.
    pub fn of_secrets(source: &str) -> Result<Self, Vec<TemplateError>> {
        Self::read(source, |name| match name.strip_prefix("secrets.") {
            Some(secret) => Place::secret(name, secret, Destination::Call),
            None => Err(TemplateError::OnlySecrets(name.to_owned())),
        })
    }

    fn read(
        source: &str,
        place: impl Fn(&str) -> Result<Place, TemplateError>,
    ) -> Result<Self, Vec<TemplateError>> {
        let (mut parts, mut errors) = (Vec::new(), Vec::new());
        let mut rest = source;
        while let Some(open) = rest.find("{{") {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inside = &rest[open + 2..];
            let Some(close) = inside.find("}}") else {
                errors.push(TemplateError::Unclosed);
                break;
            };
            match place(inside[..close].trim()) {
                Ok(place) => parts.push(Part::Place(place)),
                Err(error) => errors.push(error),
            }
            rest = &inside[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if errors.is_empty() { Ok(Self { parts }) } else { Err(errors) }
    }

    /// The text from which [`Self::of_secrets`] reads this one.
    pub fn source_of_secrets(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(Place::Secret(name)) => format!("{{{{secrets.{name}}}}}"),
            Part::Place(_) => String::new(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Whether it says the same for every task: the text, if so.
    pub fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The secrets that it needs.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(Place::Secret(name)) => Some(name.as_str()),
            Part::Place(_) | Part::Text(_) => None,
        })
    }

    /// Whether it begins with a secret.
    pub fn begins_with_secret(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Place(Place::Secret(_))))
    }

    /// The secret that is all it says, if so.
    pub fn sole_secret(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Place(Place::Secret(name))] => Some(name),
            _ => None,
        }
    }

    pub fn render(&self, scope: &Scope<'_>, escape: Escape) -> Result<String, RenderError> {
        let mut out = String::new();
        render_parts(&self.parts, scope, escape, &mut out)?;
        Ok(out)
    }

    /// Renders a URL. One that begins with a secret has its scheme and host from there, and perhaps all of it.
    pub fn render_url(&self, scope: &Scope<'_>) -> Result<String, RenderError> {
        let Some(Part::Place(first @ Place::Secret(_))) = self.parts.first() else {
            return self.render(scope, Escape::Url);
        };
        let mut out = first.text(scope)?;
        render_parts(&self.parts[1..], scope, Escape::Url, &mut out)?;
        Ok(out)
    }

    /// Renders a URL that has no places but secrets: [`Self::of_secrets`].
    pub fn render_secret_url(&self, secrets: &Secrets) -> Result<String, RenderError> {
        let mut out = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Place(Place::Secret(name)) if index == 0 => out.push_str(secret_text(name, secrets)?),
                Part::Place(Place::Secret(name)) => percent_encode(secret_text(name, secrets)?, &mut out),
                Part::Place(_) => {}
            }
        }
        Ok(out)
    }

    /// Renders a JSON document: a place between quotes becomes a part of that text, another one a whole value: a
    /// number, true or false, null where the field is empty, else a text.
    pub fn render_json(&self, scope: &Scope<'_>) -> Result<String, RenderError> {
        self.as_json(|place, is_in| match is_in {
            true => {
                let text = serde_json::Value::String(place.text(scope)?).to_string();
                Ok(text[1..text.len() - 1].to_owned())
            }
            false => Ok(place.json(scope)?.to_string()),
        })
    }

    /// The document with a value for each place: whether it is JSON does not depend on the task.
    pub fn json_outline(&self) -> String {
        let outline =
            self.as_json(|_, is_in| Ok::<_, Infallible>(if is_in { "x" } else { "null" }.to_owned()));
        outline.unwrap_or_else(|never| match never {})
    }

    /// `written`: a place, and whether it stands between quotes.
    fn as_json<E>(&self, written: impl Fn(&Place, bool) -> Result<String, E>) -> Result<String, E> {
        let (mut out, mut is_in) = (String::new(), false);
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    out.push_str(text);
                    is_in = in_quotes(text, is_in);
                }
                Part::Place(place) => out.push_str(&written(place, is_in)?),
            }
        }
        Ok(out)
    }

    /// Renders into a JSON value. A template that is exactly one place keeps that place's type: a
    /// checkbox stays a boolean, an empty field null.
    pub fn render_value(&self, scope: &Scope<'_>) -> serde_json::Value {
        if let [Part::Place(Place::Field(id))] = self.parts.as_slice() {
            return field_value(id, scope);
        }
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                // It has no secrets: they may not go into a task.
                Part::Place(place) => out.push_str(&place.text(scope).unwrap_or_default()),
            }
        }
        serde_json::Value::String(out)
    }
}

/// A field's value with its JSON type; a person by email, as the contract shows it.
fn field_value(id: &FieldId, scope: &Scope<'_>) -> serde_json::Value {
    match held(id, scope) {
        FieldValue::Empty => serde_json::Value::Null,
        FieldValue::Flag(flag) => serde_json::Value::Bool(*flag),
        FieldValue::List(items) => items.iter().map(|item| item.to_string()).collect(),
        FieldValue::Files(files) => serde_json::json!(files),
        FieldValue::Text(_) => serde_json::Value::String(field_text(id, scope)),
    }
}

fn held<'s>(id: &FieldId, scope: &Scope<'s>) -> &'s FieldValue {
    let value = scope.task.value(id);
    scope.workflow.field(id).map_or(value, |field| field.kind.held(value))
}

fn field_text(id: &FieldId, scope: &Scope<'_>) -> String {
    let value = held(id, scope);
    let is_person = scope.workflow.field(id).is_some_and(|field| field.kind == FieldType::Person);
    match value {
        FieldValue::Text(user) if is_person => {
            scope.directory.email(&UserId::new(user.clone())).unwrap_or_default().to_owned()
        }
        _ => value.to_text(),
    }
}

impl Place {
    fn parse(name: &str, to: Destination, workflow: &Workflow) -> Result<Self, TemplateError> {
        if name.is_empty() {
            return Err(TemplateError::Nameless);
        }
        if let Some((_, place)) = PLACES.into_iter().find(|(known, _)| *known == name) {
            return Ok(place);
        }
        if let Some(secret) = name.strip_prefix("secrets.") {
            return Self::secret(name, secret, to);
        }
        let field = name.strip_prefix("task.").unwrap_or(name);
        match field {
            STAGE => Ok(Self::Stage),
            ASSIGNED_TO => Ok(Self::AssignedTo),
            CREATED_ON | UPDATED_ON | TASK_URL => Err(TemplateError::OnlyShown(name.to_owned())),
            _ => workflow.field_named(field).map(|field| Self::Field(field.id.clone())).ok_or_else(|| {
                TemplateError::Unknown { name: name.to_owned(), suggestion: closest(name, workflow) }
            }),
        }
    }

    fn secret(name: &str, secret: &str, to: Destination) -> Result<Self, TemplateError> {
        match (secret::name_problem(secret), to) {
            (_, Destination::Task) => Err(TemplateError::SecretShown(name.to_owned())),
            (_, Destination::Params) => Err(TemplateError::SecretGiven(name.to_owned())),
            (Some(problem), _) => Err(TemplateError::SecretName { name: name.to_owned(), problem }),
            (None, Destination::Call) => Ok(Self::Secret(secret.to_owned())),
        }
    }

    fn text(&self, scope: &Scope<'_>) -> Result<String, RenderError> {
        let performer = scope.performer;
        Ok(match self {
            Self::Action => scope.action.to_owned(),
            Self::UserId => performer.id.clone(),
            Self::UserEmail => performer.email.clone().unwrap_or_default(),
            Self::UserFirstName => performer.first_name.clone().unwrap_or_default(),
            Self::UserLastName => performer.last_name.clone().unwrap_or_default(),
            Self::ExecutionId => scope.execution.to_string(),
            Self::Stage => scope.workflow.stage_name(&scope.task.stage).to_owned(),
            Self::AssignedTo => {
                let assignee = scope.task.assigned_to.as_ref();
                assignee.and_then(|id| scope.directory.email(id)).unwrap_or_default().to_owned()
            }
            Self::Field(id) => field_text(id, scope),
            Self::Secret(name) => secret_text(name, scope.secrets)?.to_owned(),
        })
    }

    /// As a JSON value of its own.
    fn json(&self, scope: &Scope<'_>) -> Result<serde_json::Value, RenderError> {
        let Self::Field(id) = self else { return Ok(self.text(scope)?.into()) };
        let value = field_value(id, scope);
        let is_number = scope
            .workflow
            .field(id)
            .is_some_and(|field| matches!(field.kind, FieldType::Number | FieldType::Currency));
        // Kept as it was entered, which may not be how JSON writes a number.
        let number = value.as_str().filter(|_| is_number).and_then(|text| serde_json::from_str(text).ok());
        Ok(number.map_or(value, serde_json::Value::Number))
    }

    fn write(&self, out: &mut String, scope: &Scope<'_>, escape: Escape) -> Result<(), RenderError> {
        let text = self.text(scope)?;
        match escape {
            Escape::Text => out.push_str(&text),
            Escape::Url => percent_encode(&text, out),
            Escape::Header if text.chars().any(|c| c.is_control() && c != '\t') => {
                return Err(RenderError::Control { place: self.name(scope) });
            }
            Escape::Header => out.push_str(&text),
            Escape::Html => html_escape(&text, out),
        }
        Ok(())
    }

    fn name(&self, scope: &Scope<'_>) -> String {
        match self {
            Self::Field(id) => {
                scope.workflow.field(id).map_or_else(|| id.to_string(), |field| field.name.clone())
            }
            Self::AssignedTo => ASSIGNED_TO.to_owned(),
            Self::Secret(name) => format!("secrets.{name}"),
            _ => "action or user".to_owned(),
        }
    }
}

fn secret_text<'s>(name: &str, secrets: &'s Secrets) -> Result<&'s str, RenderError> {
    secrets.get(name).map(AsRef::as_ref).ok_or_else(|| RenderError::SecretMissing(name.to_owned()))
}

fn html_escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

fn render_parts(
    parts: &[Part],
    scope: &Scope<'_>,
    escape: Escape,
    out: &mut String,
) -> Result<(), RenderError> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Place(place) => place.write(out, scope, escape)?,
        }
    }
    Ok(())
}

/// Whether JSON text stands between quotes after a part of it.
fn in_quotes(text: &str, mut is_in: bool) -> bool {
    let mut is_escaped = false;
    for c in text.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_in => is_escaped = true,
            '"' => is_in = !is_in,
            _ => {}
        }
    }
    is_in
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The known name nearest to a misspelt one.
fn closest(name: &str, workflow: &Workflow) -> Option<String> {
    // Which secrets there are, nobody knows here.
    if let Some((word, secret)) = name.split_once('.')
        && text::closest(word, ["secrets"]).is_some()
    {
        return Some(format!("secrets.{secret}"));
    }
    let fields = workflow.fields.iter().map(|field| field.name.as_str());
    text::closest(name, fields.chain(PLACES.iter().map(|(name, _)| *name))).map(str::to_owned)
}

#[cfg(test)]
mod tests;
