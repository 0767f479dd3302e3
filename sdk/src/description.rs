//! What a step type says of itself: the document that `describe` answers.
//!
//! The sdk makes it of the author's trait and types; the server reads it with the same types. A form is made of its schemas, and
//! configurations are checked against them before the step sees them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a step type says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// As workflow files name the type: `send_email`.
    pub id: String,
    /// As people know it: `Send email`.
    pub title: String,
    /// With which others it stands where a step is chosen: `integration`, `task`, `timing`, or a name of the author's.
    pub category: String,
    /// An SVG document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// What it does and how it is used, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Uses of it to begin from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// Of the plugin.
    pub version: String,
    /// Whether it does something that cannot be taken back or done twice unnoticed.
    #[serde(default)]
    pub effects: Effects,
    /// Whether a run that succeeded may have deleted the task. That it may move the task follows from its schemas: it has a field of
    /// [`Hints::STAGE`], or of [`Hints::FIELDS`] with a `Stage` in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletes_task: bool,
    /// The JSON Schema (draft 2020-12) of what an instance is made of; none where it takes no configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// The JSON Schema (draft 2020-12) of what each run is given; none where it takes no params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// What running a step does outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// Nothing that another system notices: it may run again after a crash.
    None,
    /// Something: a run that a crash has cut off is never repeated unless the step asks for it where it is used.
    #[default]
    External,
}

/// A use of the step to begin from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What it is for.
    pub title: String,
    /// Its configuration.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
    /// Its params.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub params: Value,
}

/// What the author of a type says of one of its fields beyond what JSON Schema has words for: what stands in a schema under
/// [`Hints::KEY`].
///
/// ```
/// use onward_sdk::{description::Hints, schema};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Params {
///     /// What is written to them.
///     #[schemars(extend("x-onward" = {"template": "text", "widget": "textarea", "placeholder": "Dear …"}))]
///     message: String,
/// }
///
/// let schema = schema::of::<Params>().expect("it has fields");
/// let hints = Hints::of(&schema["properties"]["message"]).expect("they are well written");
/// assert_eq!(hints.widget.as_deref(), Some("textarea"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hints {
    /// It is not shown, not logged, and not kept in a workflow: a secret of the server's is named instead (`{{secrets.NAME}}`), and
    /// resolved for `new` alone. For configurations alone. A [`Secret`](crate::Secret) has it of itself; nothing else is to be said of a
    /// credential.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// It may have places such as `{{Company Name}}`, which the server fills in before each run, escaped for what the text is
    /// written in; the result is a text. Of a list, each text in it; of a table, what its
    /// `additionalProperties` say. For params alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Escaping>,
    /// How it is entered, where its type does not tell: `textarea`, `code`, `password`, `radio`, …; a form takes one that it does not know
    /// for none. [`Self::STAGE`], [`Self::FIELD`], [`Self::FIELDS`], [`Self::USER`], [`Self::DURATION`] and [`Self::CONDITION`] say what it stands for, too: a
    /// workflow is held to that when it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget: Option<String>,
    /// The heading under which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it stands among the others, smaller ones first; 0 where it says nothing. Equal ones stand as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i32>,
    /// What is shown where nothing was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// It is shown only while other fields of the same object have these values: `{"auth": "basic"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_if: Option<serde_json::Map<String, Value>>,
}

impl Hints {
    /// The key in a schema.
    pub const KEY: &str = "x-onward";

    /// A [widget](Self::widget): the name of one of the workflow's stages. A step with such a param may move tasks there.
    pub const STAGE: &str = "stage";

    /// A [widget](Self::widget): the name of one of the workflow's fields, or `Assigned To`.
    pub const FIELD: &str = "field";

    /// A [widget](Self::widget): a table by the names of the workflow's fields and `Assigned To`. Each text in it is a template, and one that is
    /// a single place has the value's type. Where it has a `Stage`, the step moves tasks.
    pub const FIELDS: &str = "fields";

    /// A [widget](Self::widget): the email of one of the server's users.
    pub const USER: &str = "user";

    /// A [widget](Self::widget): how long something lasts, `"30s"`, `"2h"`, `"3d"`, or a number of seconds, of which `minimum` and `maximum`
    /// speak. A [`Span`](crate::Span) has it of itself.
    pub const DURATION: &str = "duration";

    /// A [widget](Self::widget): a list of tests of the task, as `all` and `any` of an action's conditions have them: `field`, and one of
    /// `is_set`, `equals`, `not_equals`, `one_of`, `at_least`, `at_most`, `more_than`, `less_than`, `contains`.
    pub const CONDITION: &str = "condition";

    /// A schema's own, without what only a newer version knows. For the server's side of the boundary.
    ///
    /// # Errors
    ///
    /// Where what is known is not written as this type says.
    #[doc(hidden)]
    pub fn known_of(schema: &Value) -> Result<Self, serde_json::Error> {
        const KNOWN: [&str; 7] = ["secret", "template", "widget", "group", "order", "placeholder", "showIf"];
        let Some(Value::Object(hints)) = schema.get(Self::KEY) else { return Self::of(schema) };
        let known = hints.iter().filter(|(key, _)| KNOWN.contains(&key.as_str()));
        Self::deserialize(Value::Object(known.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    /// A schema's own; none are the same as empty ones.
    ///
    /// # Errors
    ///
    /// Where they are not written as this type says.
    pub fn of(schema: &Value) -> Result<Self, serde_json::Error> {
        schema.get(Self::KEY).map_or_else(|| Ok(Self::default()), Self::deserialize)
    }
}

/// What a text with places is written in, so that what is put into it cannot become a part of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escaping {
    /// For people: nothing is escaped.
    Text,
    /// A URL: percent-encoded.
    Url,
    /// JSON: escaped as in a string.
    Json,
    /// HTML: entities.
    Html,
    /// The value of a header: line breaks are refused.
    Header,
}
