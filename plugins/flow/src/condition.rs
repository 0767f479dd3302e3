//! `condition`: the action goes on only where something holds of the task.
//!
//! Its tests are written as those of an action's conditions, and are read once, when an instance is made.

use std::cmp::Ordering;

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError, Value, document::Task};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::value::{has_order, order, strict_order};

/// What must hold, and what becomes of the action where it does not.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend(
    "if" = {"required": ["any"]},
    "then" = {"not": {"required": ["all"]}},
    "else" = {"required": ["all"]},
))]
pub(crate) struct Config {
    /// Tests of the task, which must all hold. There is `all` or `any`, not both.
    #[schemars(length(min = 1, max = 50), extend("x-onward" = {"widget": "condition"}))]
    all: Option<Vec<Test>>,
    /// Tests of the task, of which one must hold.
    #[schemars(length(min = 1, max = 50), extend("x-onward" = {"widget": "condition"}))]
    any: Option<Vec<Test>>,
    /// What becomes of the action where it does not hold: it ends as a success and the steps that follow do not run ("stop"), or it fails
    /// ("fail").
    #[serde(default)]
    otherwise: Otherwise,
}

/// What is told.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// What whoever performed the action reads where it does not hold; else they read which test does not.
    #[schemars(extend("x-onward" = {"template": "text", "placeholder": "{{Company Name}} has no contract yet."}))]
    message: Option<String>,
}

#[derive(Deserialize, Serialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Otherwise {
    #[default]
    Stop,
    Fail,
}

/// A field and one operator.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline, extend("minProperties" = 2, "maxProperties" = 2))]
struct Test {
    /// The name of a field, `Stage` or `Assigned To`.
    field: String,
    /// Whether it has a value.
    is_set: Option<bool>,
    /// It has this value; of a multiple select, these options and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "value")]
    equals: Option<Value>,
    /// It has another value, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "value")]
    not_equals: Option<Value>,
    /// It has one of these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "values")]
    one_of: Option<Vec<Value>>,
    /// It is this number, date or instant, or a greater or later one. A date may be "today".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ordered")]
    at_least: Option<Value>,
    /// It is this number, date or instant, or a smaller or earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ordered")]
    at_most: Option<Value>,
    /// It is a greater number, or a later date or instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ordered")]
    more_than: Option<Value>,
    /// It is a smaller number, or an earlier date or instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ordered")]
    less_than: Option<Value>,
    /// It has this text in it; of a multiple select, this option.
    contains: Option<String>,
}

fn value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number", "boolean", "array"], "items": {"type": "string"}})
}

fn values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "minItems": 1, "maxItems": 500, "items": {"type": ["string", "number"]}})
}

fn ordered(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number"]})
}

/// A question about a task.
enum Operator {
    IsSet(bool),
    Equals(Value),
    NotEquals(Value),
    OneOf(Vec<Value>),
    AtLeast(Value),
    AtMost(Value),
    MoreThan(Value),
    LessThan(Value),
    Contains(String),
}

/// The field of each, and what is asked of it.
type Tests = Vec<(String, Operator)>;

pub(crate) struct Condition {
    tests: Tests,
    /// All of them must hold, and not only one.
    are_all: bool,
    otherwise: Otherwise,
}

impl Step for Condition {
    const ID: &'static str = "condition";
    const TITLE: &'static str = "Condition";
    const CATEGORY: &'static str = "flow";
    const ICON: Option<&'static str> = Some(include_str!("condition.svg"));
    const HELP: Option<&'static str> = Some(
        "The steps that follow run only where the tests hold. Else the action ends here: as a success, or with `otherwise = \"fail\"` as a \
         failure with a message.\n\n\
         A test names a field, `Stage` or `Assigned To` (a user by email), and has one operator: `is_set`, `equals`, `not_equals`, `one_of`, \
         `at_least`, `at_most`, `more_than`, `less_than`, `contains`. Numbers are compared exactly, as decimals, also where a text field has one, dates \
         also with `\"today\"`, the day it is in the workspace's time zone, and emails in any case. A field without a value differs from every \
         value; a checkbox that nobody ticked is false.\n\n\
         Unlike what an action requires, which is looked at before it begins, this is looked at when the step's turn comes, after the \
         steps before it and after delays.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "Only large contracts go on",
            config: r#"{"all": [{"field": "Contract Value", "at_least": "10000"}]}"#,
            params: "{}",
        },
        ExampleText {
            title: "A reminder, unless somebody has answered during the delay",
            config: r#"{"all": [{"field": "Stage", "equals": "Waiting"}, {"field": "Answered On", "is_set": false}]}"#,
            params: r#"{"message": "{{Company Name}} has answered: no reminder."}"#,
        },
        ExampleText {
            title: "What must not be",
            config: r#"{"any": [{"field": "Due", "at_least": "today"}, {"field": "Paid?", "equals": true}], "otherwise": "fail"}"#,
            params: r#"{"message": "{{Company Name}} is overdue."}"#,
        },
    ];
    type Config = Config;
    type Params = Params;

    fn new(config: Config, _: &Context) -> Result<Self, StepError> {
        let Config { all, any, otherwise } = config;
        let (tests, key) = match (all, any) {
            (Some(all), None) => (all, "all"),
            (None, Some(any)) => (any, "any"),
            (Some(_), Some(_)) => {
                let message = "there is `all` or `any`, not both: write two steps, one after the other";
                return Err(StepError::config("/any", message));
            }
            (None, None) => {
                let message = "the tests are missing, such as all = [{ field = \"…\", equals = \"…\" }]";
                return Err(StepError::config("/all", message));
            }
        };
        if tests.is_empty() {
            return Err(StepError::config(format!("/{key}"), "there must be at least one test"));
        }
        let tests = tests.into_iter().enumerate().map(|(at, test)| test.read(&format!("/{key}/{at}")));
        Ok(Self { tests: tests.collect::<Result<_, _>>()?, are_all: key == "all", otherwise })
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let today = call.today();
        let mut failed = Vec::new();
        for (field, operator) in &self.tests {
            if !operator.holds(value_of(&call.task, field)?, &today) {
                failed.push(format!("“{field}” {}", operator.not()));
            }
        }
        let holds = if self.are_all { failed.is_empty() } else { failed.len() < self.tests.len() };
        if holds {
            return Ok(Answer::new());
        }
        let message = call.params.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        let message = message
            .map_or_else(|| format!("The action does not go on: {}.", failed.join(", ")), str::to_owned);
        match self.otherwise {
            Otherwise::Stop => Ok(Answer::new().stop().note(message)),
            Otherwise::Fail => Err(StepError::new("condition_not_met", message)),
        }
    }
}

/// What the task holds; nothing where that is empty.
fn value_of<'t>(task: &'t Task, field: &str) -> Result<&'t Value, StepError> {
    let value = task.fields.get(field).ok_or_else(|| {
        StepError::new(
            "unknown_field",
            format!("The task has no field “{field}”, which the condition asks for: ask who administers the workflow."),
        )
    })?;
    let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    Ok(if is_empty { &Value::Null } else { value })
}

impl Test {
    fn read(self, place: &str) -> Result<(String, Operator), StepError> {
        let Self { field, is_set, equals, not_equals, one_of, .. } = self;
        let found = [
            is_set.map(Operator::IsSet),
            equals.map(Operator::Equals),
            not_equals.map(Operator::NotEquals),
            one_of.map(Operator::OneOf),
            self.at_least.map(Operator::AtLeast),
            self.at_most.map(Operator::AtMost),
            self.more_than.map(Operator::MoreThan),
            self.less_than.map(Operator::LessThan),
            self.contains.map(Operator::Contains),
        ];
        let mut found = found.into_iter().flatten();
        let (Some(operator), None) = (found.next(), found.next()) else {
            let message = "a test has one operator: is_set, equals, not_equals, one_of, at_least, at_most, more_than, less_than or contains";
            return Err(StepError::config(place, message));
        };
        operator.check().map_err(|message| StepError::config(place, message))?;
        Ok((field, operator))
    }
}

impl Operator {
    /// What is wrong with its value, whatever the field.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) | Self::MoreThan(value) | Self::LessThan(value) => {
                let has_order = has_order(value);
                let message =
                    || format!("{value} has no order: a number, a date, an instant or \"today\" is expected");
                has_order.then_some(()).ok_or_else(message)
            }
            Self::Equals(value) | Self::NotEquals(value) => {
                let is_empty = value.as_str().is_some_and(str::is_empty);
                let message = || "is_set tests whether a field has a value".to_owned();
                (!is_empty).then_some(()).ok_or_else(message)
            }
            Self::OneOf(values) if values.is_empty() => Err("one_of must have at least one value".to_owned()),
            Self::Contains(part) if part.is_empty() => Err("contains must have a text".to_owned()),
            Self::OneOf(_) | Self::Contains(_) | Self::IsSet(_) => Ok(()),
        }
    }

    fn holds(&self, held: &Value, today: &str) -> bool {
        let is = |value: &Value| order(held, value, today) == Some(Ordering::Equal);
        let strict = |value: &Value| strict_order(held, value, today);
        match self {
            Self::IsSet(wanted) => held.is_null() != *wanted,
            Self::Equals(value) => is(value),
            Self::NotEquals(value) => !is(value),
            Self::OneOf(values) => values.iter().any(is),
            Self::AtLeast(value) => strict(value).is_some_and(Ordering::is_ge),
            Self::AtMost(value) => strict(value).is_some_and(Ordering::is_le),
            Self::MoreThan(value) => strict(value).is_some_and(Ordering::is_gt),
            Self::LessThan(value) => strict(value).is_some_and(Ordering::is_lt),
            Self::Contains(part) => match held {
                Value::String(text) => text.contains(part.as_str()),
                Value::Array(items) => items.iter().any(|item| item == part),
                _ => false,
            },
        }
    }

    /// That it does not hold, after the field's name.
    fn not(&self) -> String {
        match self {
            Self::IsSet(true) => "has no value".to_owned(),
            Self::IsSet(false) => "has a value".to_owned(),
            Self::Equals(value) => format!("is not {}", shown(value)),
            Self::NotEquals(value) => format!("is {}", shown(value)),
            Self::OneOf(values) => {
                let values: Vec<_> = values.iter().map(shown).collect();
                format!("is none of {}", values.join(", "))
            }
            Self::AtLeast(value) => format!("is not at least {}", shown(value)),
            Self::AtMost(value) => format!("is not at most {}", shown(value)),
            Self::MoreThan(value) => format!("is not more than {}", shown(value)),
            Self::LessThan(value) => format!("is not less than {}", shown(value)),
            Self::Contains(part) => format!("does not contain “{part}”"),
        }
    }
}

/// A value as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if has_order(value) => text.clone(),
        Value::String(text) => format!("“{text}”"),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" and "),
        other => other.to_string(),
    }
}
