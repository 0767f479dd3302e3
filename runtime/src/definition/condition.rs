//! Reads, and writes, a custom condition of an action: its message, its tests, and each test's operator and value
//! as the type of the tested field takes them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{MESSAGE_CHARS_MAX, TESTS_MAX, VALUES_MAX, read::Known, requires::unknown, toml_text};
use crate::{
    model::{
        Condition, Directory, Field, FieldType, FieldValue, Stage, Workflow,
        condition::{Operand, Operator, Subject, Test, Tests},
        text::{self, closest},
        workflow::{ASSIGNED_TO, STAGE},
    },
    toml_file::{self, At, Diagnostic, Entry, Problems, Table},
};

pub(super) const IS_SET: &str = "is_set";
const EQUALS: &str = "equals";
const NOT_EQUALS: &str = "not_equals";
pub(super) const ONE_OF: &str = "one_of";
const AT_LEAST: &str = "at_least";
const AT_MOST: &str = "at_most";
const MORE_THAN: &str = "more_than";
const LESS_THAN: &str = "less_than";
pub(super) const CONTAINS: &str = "contains";

/// The value of a date that is another one each day.
pub(super) const TODAY: &str = "today";

pub(super) const OPERATORS: [&str; 9] =
    [IS_SET, EQUALS, NOT_EQUALS, ONE_OF, AT_LEAST, AT_MOST, MORE_THAN, LESS_THAN, CONTAINS];

/// What a test is about, as the definition knows it.
enum Tested<'a> {
    Field(&'a Field),
    Stage(&'a [Stage]),
    AssignedTo,
}

pub(super) fn condition(
    mut table: Table<'_>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Condition> {
    let message = message(&mut table, problems);
    let (all, any) = (tests("all", &mut table, known, problems), tests("any", &mut table, known, problems));
    let span = table.span.clone();
    table.finish(problems);
    let tests = match (all, any) {
        (Some(all), None) => Tests::All(all.value),
        (None, Some(any)) => Tests::Any(any.value),
        (Some(_), Some(any)) => {
            let help = Some("write two conditions, each with a message of its own".to_owned());
            let message = "a condition has `all` or `any`, not both";
            problems.add_with_help("conflicting_keys", any.span, message, help);
            return None;
        }
        (None, None) => {
            let help = Some("such as all = [{ field = \"…\", equals = \"…\" }]".to_owned());
            let message = "`all` or `any` is missing: the tests of the condition";
            problems.add_with_help("missing_key", span, message, help);
            return None;
        }
    };
    Some(Condition { message: message?, tests })
}

/// What the performer reads when the condition does not hold.
fn message(table: &mut Table<'_>, problems: &mut Problems) -> Option<String> {
    let message = table.required_text("message", problems)?;
    let problem = if message.value.trim().is_empty() {
        Some("must not be empty: it is what the performer reads".to_owned())
    } else if message.value.chars().any(char::is_control) {
        Some("must be one line without control characters".to_owned())
    } else {
        text::problem(&message.value, MESSAGE_CHARS_MAX)
            .map(|_| format!("must have at most {MESSAGE_CHARS_MAX} characters"))
    };
    if let Some(problem) = problem {
        problems.add("invalid_message", message.span, format!("`message` {problem}"));
    }
    Some(message.value)
}

/// The tests under a key, and where the key stands; `None` when it is not there.
fn tests(
    key: &'static str,
    table: &mut Table<'_>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<At<Vec<Test>>> {
    let (place, problems_before) = (table.place(key), problems.0.len());
    let tables = table.tables(key, &format!("{key} = [{{ … }}]"), TESTS_MAX, problems);
    let span = place?;
    if tables.is_empty() && problems.0.len() == problems_before {
        problems.add("missing_key", span.clone(), format!("`{key}` must have at least one test"));
    }
    let tests = tables.into_iter().filter_map(|table| test(table, known, problems)).collect();
    Some(At { value: tests, span })
}

/// Everything that is wrong with one test, of a step that takes tests as conditions have them. Nothing is said of where.
pub fn test_problems(test: &Value, workflow: &Workflow) -> Vec<Diagnostic> {
    self::test_of(test, workflow).err().unwrap_or_default()
}

/// One test as conditions have them, from JSON.
///
/// # Errors
/// Everything that is wrong with it. Nothing is said of where.
pub fn test_of(test: &Value, workflow: &Workflow) -> Result<Test, Vec<Diagnostic>> {
    const KEY: &str = "test";
    let text = toml_text::entry(KEY, test);
    let known =
        Known { fields: &workflow.fields, untyped: &[], stages: &workflow.stages, roles: &workflow.roles };
    let root = toml_file::parse(&text).map_err(|problems| problems.0)?;
    let mut problems = Problems::default();
    let mut root = Table::new(root.get_ref(), 0..0);
    let table = root.table(KEY, &mut problems);
    let read = table.and_then(|table| self::test(table, &known, &mut problems));
    read.filter(|_| problems.0.is_empty()).ok_or(problems.0)
}

fn test(mut table: Table<'_>, known: &Known<'_>, problems: &mut Problems) -> Option<Test> {
    let field = table.required_text("field", problems);
    let tested = field.and_then(|name| Tested::named(&name, known, problems));
    let span = table.span.clone();
    let (operators, unknown): (Vec<_>, Vec<_>) =
        table.entries().partition(|entry| OPERATORS.contains(&entry.key.value.as_str()));
    for Entry { key, .. } in &unknown {
        if problems.is_full() {
            break;
        }
        let help = closest(&key.value, OPERATORS.into_iter().chain(["field"])).map_or_else(
            || format!("the operators are {}", OPERATORS.join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        let message = format!("there is no operator `{}`", key.value);
        problems.add_with_help("unknown_operator", key.span.clone(), message, Some(help));
    }
    if operators.is_empty() && unknown.is_empty() {
        let help = Some(format!("the operators are {}", OPERATORS.join(", ")));
        problems.add_with_help("missing_key", span, "the test has no operator", help);
    }
    let mut operators = operators.into_iter();
    let first = operators.next();
    for Entry { key, .. } in operators {
        let message = format!("`{}` is a second operator; a test has one", key.value);
        problems.add_with_help(
            "second_operator",
            key.span,
            message,
            Some("write a test for each".to_owned()),
        );
    }
    let (tested, entry) = (tested?, first?);
    Some(Test { operator: tested.operator(&entry, problems)?, subject: tested.subject() })
}

impl<'a> Tested<'a> {
    fn named(name: &At<String>, known: &Known<'a>, problems: &mut Problems) -> Option<Self> {
        match name.value.as_str() {
            STAGE => return Some(Self::Stage(known.stages)),
            ASSIGNED_TO => return Some(Self::AssignedTo),
            _ => {}
        }
        let field = known.fields.iter().find(|field| field.name == name.value);
        if field.is_none() {
            let names = known.fields.iter().map(|field| field.name.as_str()).chain([STAGE, ASSIGNED_TO]);
            unknown("field", "unknown_field", name, names, problems);
        }
        field.filter(|field| !known.untyped.contains(&field.id)).map(Self::Field)
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Field(field) => Subject::Field(field.id.clone()),
            Self::Stage(_) => Subject::Stage,
            Self::AssignedTo => Subject::AssignedTo,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Field(field) => &field.name,
            Self::Stage(_) => STAGE,
            Self::AssignedTo => ASSIGNED_TO,
        }
    }

    /// The operators that say something about it. A stage and a checkbox always have a value.
    fn operators(&self) -> &'static [&'static str] {
        let kind = match self {
            Self::Stage(_) => return &[EQUALS, NOT_EQUALS, ONE_OF],
            Self::AssignedTo => &FieldType::Person,
            Self::Field(field) => &field.kind,
        };
        match kind {
            FieldType::Text
            | FieldType::LongText
            | FieldType::Phone
            | FieldType::UniqueId { .. }
            | FieldType::Email
            | FieldType::Url => &[IS_SET, EQUALS, NOT_EQUALS, ONE_OF, CONTAINS],
            FieldType::Number | FieldType::Currency | FieldType::Date | FieldType::Datetime => {
                &[IS_SET, EQUALS, NOT_EQUALS, ONE_OF, AT_LEAST, AT_MOST, MORE_THAN, LESS_THAN]
            }
            FieldType::Person | FieldType::SingleSelect { .. } => &[IS_SET, EQUALS, NOT_EQUALS, ONE_OF],
            FieldType::MultipleSelect { .. } => &[IS_SET, EQUALS, NOT_EQUALS, CONTAINS],
            FieldType::Checkbox => &[EQUALS, NOT_EQUALS],
            FieldType::File { .. } => &[IS_SET],
        }
    }

    fn operator(&self, entry: &Entry, problems: &mut Problems) -> Option<Operator> {
        let key = entry.key.value.as_str();
        if !self.operators().contains(&key) {
            let of_type = match self {
                Self::Field(field) => format!(", of type {},", field.kind.name()),
                Self::Stage(_) | Self::AssignedTo => String::new(),
            };
            let message = format!("“{}”{of_type} cannot be tested with `{key}`", self.name());
            let help = Some(format!("possible for it: {}", self.operators().join(", ")));
            problems.add_with_help("wrong_operator", entry.key.span.clone(), message, help);
            return None;
        }
        Some(match key {
            IS_SET => Operator::IsSet(flag(entry, problems)?),
            ONE_OF => {
                Operator::OneOf(self.list(entry, problems, |item, problems| self.operand(item, problems))?)
            }
            CONTAINS => Operator::Contains(self.part(&entry.value, problems)?),
            EQUALS => Operator::Equals(self.whole(entry, problems)?),
            NOT_EQUALS => Operator::NotEquals(self.whole(entry, problems)?),
            AT_LEAST => Operator::AtLeast(self.operand(&entry.value, problems)?),
            AT_MOST => Operator::AtMost(self.operand(&entry.value, problems)?),
            MORE_THAN => Operator::MoreThan(self.operand(&entry.value, problems)?),
            LESS_THAN => Operator::LessThan(self.operand(&entry.value, problems)?),
            _ => return None,
        })
    }

    /// The whole of a value: for a multiple select, all its options.
    fn whole(&self, entry: &Entry, problems: &mut Problems) -> Option<Operand> {
        let Self::Field(Field { kind: FieldType::MultipleSelect { options }, .. }) = self else {
            return self.operand(&entry.value, problems);
        };
        let mut chosen: Vec<Arc<str>> =
            self.list(entry, problems, |item, problems| self.option(item, options, problems))?;
        chosen.sort();
        chosen.dedup();
        Some(Operand::Options(chosen))
    }

    /// One value of the tested field.
    fn operand(&self, value: &At<Value>, problems: &mut Problems) -> Option<Operand> {
        let kind = match self {
            Self::Stage(stages) => return self.stage(value, stages, problems),
            Self::AssignedTo => &FieldType::Person,
            Self::Field(field) => &field.kind,
        };
        match kind {
            FieldType::SingleSelect { options } => self.option(value, options, problems).map(Operand::Text),
            FieldType::Date if value.value == TODAY => Some(Operand::Today),
            // Who is a user of the server, the file cannot know.
            FieldType::Person => match self.read(&FieldType::Email, value, problems)? {
                FieldValue::Text(email) => Some(Operand::Email(email)),
                _ => None,
            },
            _ => match (kind, self.read(kind, value, problems)?) {
                (_, FieldValue::Flag(flag)) => Some(Operand::Flag(flag)),
                (FieldType::Number | FieldType::Currency, FieldValue::Text(text)) => {
                    Some(Operand::Number(text))
                }
                (FieldType::Date, FieldValue::Text(text)) => text.parse().ok().map(Operand::Date),
                (FieldType::Datetime, FieldValue::Text(text)) => text.parse().ok().map(Operand::Instant),
                (_, FieldValue::Text(text)) => Some(Operand::Text(text)),
                (_, FieldValue::List(_) | FieldValue::Files(_) | FieldValue::Empty) => None,
            },
        }
    }

    /// A part of a value: of a text, or an option of a multiple select.
    fn part(&self, value: &At<Value>, problems: &mut Problems) -> Option<Arc<str>> {
        if let Self::Field(Field { kind: FieldType::MultipleSelect { options }, .. }) = self {
            return self.option(value, options, problems);
        }
        match self.read(&FieldType::LongText, value, problems)? {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A value as a type reads it, never empty.
    fn read(&self, kind: &FieldType, value: &At<Value>, problems: &mut Problems) -> Option<FieldValue> {
        let (problem, help) = match kind.read(&value.value, &Directory::default()) {
            Ok(FieldValue::Empty) => {
                let is_set = self.operators().contains(&IS_SET);
                (
                    "is empty".to_owned(),
                    is_set.then(|| "`is_set = false` tests for an empty value".to_owned()),
                )
            }
            Ok(read) => return Some(read),
            Err(problem) => (problem.0, None),
        };
        let message = format!("the value for “{}” {problem}", self.name());
        problems.add_with_help("invalid_value", value.span.clone(), message, help);
        None
    }

    fn option(&self, value: &At<Value>, options: &[String], problems: &mut Problems) -> Option<Arc<str>> {
        let FieldValue::Text(name) = self.read(&FieldType::Text, value, problems)? else { return None };
        if !options.iter().any(|option| **option == *name) {
            let name = At { value: name.to_string(), span: value.span.clone() };
            unknown("option", "unknown_option", &name, options.iter().map(String::as_str), problems);
            return None;
        }
        Some(name)
    }

    fn stage(&self, value: &At<Value>, stages: &[Stage], problems: &mut Problems) -> Option<Operand> {
        let FieldValue::Text(name) = self.read(&FieldType::Text, value, problems)? else { return None };
        let stage = stages.iter().find(|stage| *stage.name == *name);
        if stage.is_none() {
            let name = At { value: name.to_string(), span: value.span.clone() };
            unknown("stage", "unknown_stage", &name, stages.iter().map(|stage| &*stage.name), problems);
        }
        stage.map(|stage| Operand::Text(stage.id.as_str().into()))
    }

    /// The items of a list that has some, each read with its place.
    fn list<T>(
        &self,
        entry: &Entry,
        problems: &mut Problems,
        read: impl Fn(&At<Value>, &mut Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let (key, span) = (&entry.key.value, entry.value.span.clone());
        let Value::Array(items) = &entry.value.value else {
            let message = format!("`{key}` must be a list of values for “{}”", self.name());
            problems.add("wrong_type", span, message);
            return None;
        };
        if items.is_empty() {
            problems.add("missing_key", span, format!("`{key}` must have at least one value"));
            return None;
        }
        if items.len() > VALUES_MAX {
            problems.add(
                "too_many",
                span,
                format!("{} values; at most {VALUES_MAX} are possible", items.len()),
            );
            return None;
        }
        let places = items.iter().zip(&entry.items);
        let read = places.map(|(item, span)| read(&At { value: item.clone(), span: span.clone() }, problems));
        // Every item is read, so that each bad one is noted.
        read.collect::<Vec<_>>().into_iter().collect()
    }
}

/// A test's operator and value as a file has them: what [`condition`] reads back as the same.
pub(super) fn written(test: &Test, workflow: &Workflow) -> (&'static str, Value) {
    let operand = |operand: &Operand| written_operand(operand, &test.subject, workflow);
    match &test.operator {
        Operator::IsSet(is_set) => (IS_SET, json!(is_set)),
        Operator::Equals(value) => (EQUALS, operand(value)),
        Operator::NotEquals(value) => (NOT_EQUALS, operand(value)),
        Operator::OneOf(values) => (ONE_OF, values.iter().map(operand).collect()),
        Operator::AtLeast(value) => (AT_LEAST, operand(value)),
        Operator::AtMost(value) => (AT_MOST, operand(value)),
        Operator::MoreThan(value) => (MORE_THAN, operand(value)),
        Operator::LessThan(value) => (LESS_THAN, operand(value)),
        Operator::Contains(part) => (CONTAINS, json!(part)),
    }
}

fn written_operand(operand: &Operand, subject: &Subject, workflow: &Workflow) -> Value {
    match operand {
        // A stage is known by its id, and written by its name.
        Operand::Text(id) if *subject == Subject::Stage => {
            let stage = workflow.stages.iter().find(|stage| stage.id.as_str() == &**id);
            json!(stage.map_or(&**id, |stage| &stage.name))
        }
        Operand::Text(text) | Operand::Number(text) | Operand::Email(text) => json!(text),
        Operand::Date(date) => json!(date.to_string()),
        Operand::Today => json!(TODAY),
        Operand::Instant(instant) => json!(instant.to_string()),
        Operand::Flag(flag) => json!(flag),
        Operand::Options(options) => json!(options),
    }
}

fn flag(entry: &Entry, problems: &mut Problems) -> Option<bool> {
    let flag = entry.value.value.as_bool();
    if flag.is_none() {
        let message = format!("`{}` must be true or false", entry.key.value);
        problems.add("wrong_type", entry.value.span.clone(), message);
    }
    flag
}
