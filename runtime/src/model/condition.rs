//! Custom conditions: what must hold of a task before an action may run, with a message of the
//! workflow's author for when it does not.
//!
//! A condition refers to fields, stages and options by what stays when they are renamed. Which
//! operator a field may be tested with, and how a value is written, is decided when the definition
//! is read; here every test is already possible.
//!
//! # Empty values
//!
//! A field without a value differs from every value: `not_equals` and `is_set = false` hold, nothing
//! else does. So `at_most = "100"` does not hold of a number that nobody entered. A checkbox is never
//! without a value: one that nobody ticked is false, as the contract shows it. A value that is not of
//! the field's type (any more) cannot be compared, and differs from every value too.

use std::{cmp::Ordering, sync::Arc};

use jiff::{Timestamp, civil::Date};

use super::{field::FieldValue, id::FieldId, task::Task, text, user::Directory};

/// What must hold, and what the performer is told when it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub message: String,
    pub tests: Tests,
}

/// How the tests of a condition go together. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tests {
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// One question about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub subject: Subject,
    pub operator: Operator,
}

/// What of the task is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Field(FieldId),
    Stage,
    AssignedTo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    IsSet(bool),
    Equals(Operand),
    NotEquals(Operand),
    OneOf(Vec<Operand>),
    AtLeast(Operand),
    AtMost(Operand),
    MoreThan(Operand),
    LessThan(Operand),
    /// A text has this text in it, or a multiple select this option.
    Contains(Arc<str>),
}

/// A value to compare with. Its kind says how the task's value is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Compared exactly: texts, options, Unique IDs; a stage by its id.
    Text(Arc<str>),
    /// A decimal in its plain form (see [`text::plain_decimal`]), compared by what it is worth.
    Number(Arc<str>),
    Date(Date),
    /// The day it is, in the workspace's time zone.
    Today,
    Instant(Timestamp),
    Flag(bool),
    /// All the options of a multiple select, in any order.
    Options(Vec<Arc<str>>),
    /// A person by email, in any case.
    Email(Arc<str>),
}

/// What the task holds, without a copy of it.
#[derive(Clone, Copy)]
enum Held<'a> {
    Nothing,
    Text(&'a str),
    Flag(bool),
    List(&'a [Arc<str>]),
    /// Which ones, no test asks.
    Files,
}

impl Condition {
    pub fn holds(&self, task: &Task, directory: &Directory, today: Date) -> bool {
        match &self.tests {
            Tests::All(tests) => tests.iter().all(|test| test.holds(task, directory, today)),
            Tests::Any(tests) => tests.iter().any(|test| test.holds(task, directory, today)),
        }
    }
}

impl Test {
    pub fn holds(&self, task: &Task, directory: &Directory, today: Date) -> bool {
        self.operator.holds(self.subject.held(task), directory, today)
    }
}

impl Operator {
    /// Of a field's value, whichever task has it.
    pub fn holds_of(&self, value: &FieldValue, directory: &Directory, today: Date) -> bool {
        self.holds(Held::of(value), directory, today)
    }

    fn holds(&self, held: Held<'_>, directory: &Directory, today: Date) -> bool {
        let order = |operand: &Operand| operand.order(held, directory, today);
        match self {
            Self::IsSet(wanted) => held.is_something() == *wanted,
            Self::Equals(operand) => order(operand) == Some(Ordering::Equal),
            Self::NotEquals(operand) => order(operand) != Some(Ordering::Equal),
            Self::OneOf(operands) => operands.iter().any(|it| order(it) == Some(Ordering::Equal)),
            Self::AtLeast(operand) => order(operand).is_some_and(Ordering::is_ge),
            Self::AtMost(operand) => order(operand).is_some_and(Ordering::is_le),
            Self::MoreThan(operand) => order(operand).is_some_and(Ordering::is_gt),
            Self::LessThan(operand) => order(operand).is_some_and(Ordering::is_lt),
            Self::Contains(part) => match held {
                Held::Text(text) => text.contains(&**part),
                Held::List(items) => items.contains(part),
                Held::Nothing | Held::Flag(_) | Held::Files => false,
            },
        }
    }
}

impl Subject {
    fn held<'a>(&self, task: &'a Task) -> Held<'a> {
        match self {
            Self::Field(id) => Held::of(task.value(id)),
            Self::Stage => Held::Text(task.stage.as_str()),
            Self::AssignedTo => task.assigned_to.as_ref().map_or(Held::Nothing, |id| Held::Text(id.as_str())),
        }
    }
}

impl<'a> Held<'a> {
    fn of(value: &'a FieldValue) -> Self {
        match value {
            FieldValue::Empty => Self::Nothing,
            FieldValue::Text(text) => Self::Text(text),
            FieldValue::Flag(flag) => Self::Flag(*flag),
            FieldValue::List(items) => Self::List(items),
            FieldValue::Files(_) => Self::Files,
        }
    }

    fn is_something(self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Operand {
    /// Where the task's value stands relative to this one; `None` when they cannot be compared.
    /// Where there is no order, what differs is `None` too.
    fn order(&self, held: Held<'_>, directory: &Directory, today: Date) -> Option<Ordering> {
        let equal = |equal: bool| equal.then_some(Ordering::Equal);
        match (self, held) {
            (Self::Text(wanted), Held::Text(text)) => equal(text == &**wanted),
            (Self::Number(wanted), Held::Text(text)) => text::compare_decimals(text, wanted),
            (Self::Date(wanted), Held::Text(text)) => text.parse::<Date>().ok().map(|date| date.cmp(wanted)),
            (Self::Today, Held::Text(text)) => text.parse::<Date>().ok().map(|date| date.cmp(&today)),
            (Self::Instant(wanted), Held::Text(text)) => {
                text.parse::<Timestamp>().ok().map(|instant| instant.cmp(wanted))
            }
            (Self::Email(wanted), Held::Text(id)) => {
                let email = directory.find(id).map(|user| user.email.to_lowercase());
                equal(email.is_some_and(|email| email == wanted.to_lowercase()))
            }
            (Self::Flag(wanted), Held::Flag(flag)) => equal(flag == *wanted),
            (Self::Flag(wanted), Held::Nothing) => equal(!wanted),
            // Neither has an option twice.
            (Self::Options(wanted), Held::List(items)) => {
                equal(items.len() == wanted.len() && items.iter().all(|item| wanted.contains(item)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{
        Field, FieldType, Patch, StageId, User, UserId, Workflow,
        file::FileRules,
        id::{TaskId, slug},
        sample,
    };

    /// A workflow with a field of each type, called as its type is.
    fn workflow() -> Workflow {
        let options = || vec!["Red".to_owned(), "Green".to_owned(), "Blue".to_owned()];
        let fields = FieldType::NAMES.map(|name| {
            let kind = match name {
                "text" => FieldType::Text,
                "longText" => FieldType::LongText,
                "number" => FieldType::Number,
                "phone" => FieldType::Phone,
                "currency" => FieldType::Currency,
                "date" => FieldType::Date,
                "datetime" => FieldType::Datetime,
                "person" => FieldType::Person,
                "singleSelect" => FieldType::SingleSelect { options: options() },
                "multipleSelect" => FieldType::MultipleSelect { options: options() },
                "checkbox" => FieldType::Checkbox,
                "uniqueId" => FieldType::UniqueId { autoincrement: false },
                "file" => FieldType::File { limit: None },
                "email" => FieldType::Email,
                "url" => FieldType::Url,
                other => panic!("a type that this test does not know: {other}"),
            };
            let id = FieldId::new(slug(name));
            Field { id, name: name.to_owned(), kind, required: false, editable: true }
        });
        Workflow { fields: fields.to_vec(), ..sample::workflow() }
    }

    /// A task that holds a value, as the API takes it, under a name.
    fn task(name: &str, value: &Value) -> Task {
        let (workflow, object) = (workflow(), json!({ name: value }));
        let (object, files) =
            (object.as_object().expect("an object"), FileRules { task: None, bytes_max: 9 });
        let read = Patch::read(object, &workflow, &sample::directory(), &files);
        assert!(read.errors.is_empty(), "{}", read.errors.to_line());
        Task::new(TaskId::from_u128(1), &workflow, sample::now()).patched(
            &read.patch,
            &workflow,
            sample::now(),
        )
    }

    fn field(name: &str) -> Subject {
        Subject::Field(FieldId::new(slug(name)))
    }

    const TODAY: Date = jiff::civil::date(2020, 1, 31);

    #[test]
    fn a_date_is_compared_with_today() {
        for (value, order) in
            [("2020-01-30", "past"), ("2020-01-31", "today"), ("2020-02-01", "to come"), ("", "")]
        {
            let task = task("date", &json!(value));
            let tests = [
                (Operator::LessThan(Operand::Today), order == "past"),
                (Operator::Equals(Operand::Today), order == "today"),
                (Operator::AtLeast(Operand::Today), order == "today" || order == "to come"),
                (Operator::NotEquals(Operand::Today), order != "today"),
            ];
            for (operator, expected) in tests {
                assert_eq!(holds(field("date"), &operator, &task), expected, "{value} {operator:?}");
            }
        }
    }

    fn holds(subject: Subject, operator: &Operator, task: &Task) -> bool {
        Test { subject, operator: operator.clone() }.holds(task, &sample::directory(), TODAY)
    }

    fn number(text: &str) -> Operand {
        Operand::Number(text.into())
    }

    fn date(text: &str) -> Operand {
        Operand::Date(text.parse().expect("a date"))
    }

    fn instant(text: &str) -> Operand {
        Operand::Instant(text.parse().expect("an instant"))
    }

    fn options(names: &[&str]) -> Operand {
        Operand::Options(names.iter().map(|name| Arc::from(*name)).collect())
    }

    /// "Number and currency exactly as decimals … never through a float", dates and datetimes by time:
    /// what an operand makes of a smaller, an equal and a greater value.
    #[test]
    fn what_has_an_order_is_compared_by_what_it_is_worth() {
        let long = "0".repeat(20);
        for (name, smaller, equal, greater, operand) in [
            ("number", "9", "10", "11", number("10")),
            ("number", "9999.99", "10000.00", "10000.01", number("10000")),
            ("currency", "9999.99", "10000", "10000.01", number("10000.00")),
            ("currency", "-10", "-9.50", "-9.49", number("-9.5")),
            (
                "number",
                "9007199254740992",
                "9007199254740993",
                "9007199254740994",
                number("9007199254740993"),
            ),
            (
                "number",
                &format!("0.{long}1"),
                &format!("0.{long}20"),
                &format!("0.{long}3"),
                number(&format!("0.{long}2")),
            ),
            ("date", "2019-12-31", "2020-01-01", "2020-01-02", date("2020-01-01")),
            (
                "datetime",
                "2020-01-31T09:30:00Z",
                "2020-01-31T10:30:00.500+01:00",
                "2020-01-31T09:30:01Z",
                instant("2020-01-31T09:30:00.5Z"),
            ),
        ] {
            let task = |value: &str| task(name, &json!(value));
            let tasks = [task(smaller), task(equal), task(greater)];
            for (operator, expected) in [
                (Operator::Equals(operand.clone()), [false, true, false]),
                (Operator::NotEquals(operand.clone()), [true, false, true]),
                (Operator::OneOf(vec![operand.clone()]), [false, true, false]),
                (Operator::AtLeast(operand.clone()), [false, true, true]),
                (Operator::AtMost(operand.clone()), [true, true, false]),
                (Operator::MoreThan(operand.clone()), [false, false, true]),
                (Operator::LessThan(operand.clone()), [true, false, false]),
            ] {
                let found = tasks.each_ref().map(|task| holds(field(name), &operator, task));
                assert_eq!(found, expected, "{name} {operator:?}");
            }
        }
    }

    /// Text "by exact text", checkbox "by boolean", people by email, selects by option.
    #[test]
    fn what_has_no_order_is_equal_or_not() {
        let text = |text: &str| Operand::Text(text.into());
        for (name, value, same, other) in [
            ("text", json!("Acme"), text("Acme"), text("acme")),
            ("text", json!("10000.00"), text("10000.00"), text("10000")),
            ("longText", json!("a b"), text("a b"), text("a  b")),
            ("phone", json!("555-0100"), text("555-0100"), text("5550100")),
            ("uniqueId", json!(42), text("42"), text("042")),
            ("email", json!("a@b.example"), text("a@b.example"), text("A@b.example")),
            ("url", json!("https://a.example"), text("https://a.example"), text("https://a.example/")),
            ("singleSelect", json!("Red"), text("Red"), text("Blue")),
            ("multipleSelect", json!(["Blue", "Red"]), options(&["Red", "Blue"]), options(&["Red"])),
            ("multipleSelect", json!(["Red"]), options(&["Red"]), options(&["Red", "Blue"])),
            ("checkbox", json!(true), Operand::Flag(true), Operand::Flag(false)),
            ("checkbox", json!(false), Operand::Flag(false), Operand::Flag(true)),
            (
                "person",
                json!("abc123"),
                Operand::Email("User@Example.com".into()),
                Operand::Email("x@y.example".into()),
            ),
        ] {
            let task = task(name, &value);
            for (operator, expected) in [
                (Operator::Equals(same.clone()), true),
                (Operator::Equals(other.clone()), false),
                (Operator::NotEquals(same.clone()), false),
                (Operator::NotEquals(other.clone()), true),
                (Operator::OneOf(vec![other.clone(), same.clone()]), true),
                (Operator::OneOf(vec![other.clone()]), false),
                (Operator::IsSet(true), true),
                (Operator::IsSet(false), false),
            ] {
                assert_eq!(holds(field(name), &operator, &task), expected, "{name} {value} {operator:?}");
            }
        }
    }

    /// "Text contains, or a multiple select contains the option".
    #[test]
    fn a_text_contains_a_part_and_a_multiple_select_an_option() {
        for (name, value, part, expected) in [
            ("text", json!("Acme Corp"), "me C", true),
            ("text", json!("Acme Corp"), "corp", false),
            ("email", json!("user@example.com"), "@example.com", true),
            ("multipleSelect", json!(["Green", "Red"]), "Red", true),
            ("multipleSelect", json!(["Green", "Red"]), "Blue", false),
            ("multipleSelect", json!(["Green"]), "Gree", false),
            ("multipleSelect", json!([]), "Red", false),
            ("text", json!(null), "a", false),
        ] {
            let operator = Operator::Contains(part.into());
            assert_eq!(holds(field(name), &operator, &task(name, &value)), expected, "{name} {value} {part}");
        }
    }

    /// The rule for empty values at the top of this file.
    #[test]
    fn an_empty_field_differs_from_every_value() {
        let text = || Operand::Text("Red".into());
        for (name, operand) in [
            ("text", text()),
            ("number", number("0")),
            ("currency", number("0")),
            ("date", date("2020-01-01")),
            ("datetime", instant("2020-01-01T00:00:00Z")),
            ("person", Operand::Email("user@example.com".into())),
            ("singleSelect", text()),
            ("multipleSelect", options(&["Red"])),
            ("uniqueId", text()),
        ] {
            let empty = task(name, &json!(null));
            for (operator, expected) in [
                (Operator::IsSet(true), false),
                (Operator::IsSet(false), true),
                (Operator::Equals(operand.clone()), false),
                (Operator::NotEquals(operand.clone()), true),
                (Operator::OneOf(vec![operand.clone()]), false),
                (Operator::AtLeast(operand.clone()), false),
                (Operator::AtMost(operand.clone()), false),
                (Operator::MoreThan(operand.clone()), false),
                (Operator::LessThan(operand.clone()), false),
                (Operator::Contains("".into()), false),
            ] {
                assert_eq!(holds(field(name), &operator, &empty), expected, "{name} {operator:?}");
            }
        }
        let none = task("file", &json!(null));
        assert!(holds(field("file"), &Operator::IsSet(false), &none));
        assert!(!holds(field("file"), &Operator::IsSet(true), &none));
        let one = task("file", &json!([{"filename": "n", "base64contents": "aGk="}]));
        assert!(holds(field("file"), &Operator::IsSet(true), &one));
        assert!(!holds(field("file"), &Operator::Contains("n".into()), &one));
        let unticked = task("checkbox", &json!(null));
        assert!(holds(field("checkbox"), &Operator::Equals(Operand::Flag(false)), &unticked));
        assert!(holds(field("checkbox"), &Operator::NotEquals(Operand::Flag(true)), &unticked));
        assert!(!holds(field("checkbox"), &Operator::Equals(Operand::Flag(true)), &unticked));
    }

    #[test]
    fn a_value_of_another_type_differs_from_every_value() {
        let mut task = task("text", &json!("much"));
        task.values.insert(FieldId::new("number"), FieldValue::Text("much".into()));
        for (operator, expected) in [
            (Operator::Equals(number("1")), false),
            (Operator::NotEquals(number("1")), true),
            (Operator::AtLeast(number("1")), false),
            (Operator::LessThan(number("1")), false),
            (Operator::IsSet(true), true),
        ] {
            assert_eq!(holds(field("number"), &operator, &task), expected, "{operator:?}");
        }
    }

    /// "`field` may also be `Stage` or `Assigned To` (by stage name / user email)"; a stage by its id,
    /// so that a rename changes nothing.
    #[test]
    fn the_stage_and_the_assignee_are_tested_too() {
        let completed = || Operand::Text("completed".into());
        let email = |email: &str| Operand::Email(email.into());
        let assigned = sample::task();
        let unassigned = Task { assigned_to: None, ..sample::task() };
        let left = Task { assigned_to: Some(UserId::new("gone")), ..sample::task() };
        let moved = Task { stage: StageId::new("in-progress"), ..sample::task() };
        for (subject, operator, task, expected) in [
            (Subject::Stage, Operator::Equals(completed()), &assigned, true),
            (Subject::Stage, Operator::Equals(completed()), &moved, false),
            (Subject::Stage, Operator::OneOf(vec![completed()]), &moved, false),
            (Subject::AssignedTo, Operator::Equals(email("USER@example.com")), &assigned, true),
            (Subject::AssignedTo, Operator::Equals(email("other@example.com")), &assigned, false),
            (Subject::AssignedTo, Operator::IsSet(true), &assigned, true),
            (Subject::AssignedTo, Operator::IsSet(true), &unassigned, false),
            (Subject::AssignedTo, Operator::NotEquals(email("user@example.com")), &unassigned, true),
            (Subject::AssignedTo, Operator::Equals(email("user@example.com")), &left, false),
        ] {
            assert_eq!(holds(subject.clone(), &operator, task), expected, "{subject:?} {operator:?}");
        }
        // A person's id is no email, even where it looks like one.
        let directory = Directory::new([User {
            id: UserId::new("a@example.com"),
            email: "b@example.com".to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            is_active: true,
            is_administrator: false,
        }]);
        let task = Task { assigned_to: Some(UserId::new("a@example.com")), ..sample::task() };
        let is = |email: &str| {
            let operator = Operator::Equals(Operand::Email(email.into()));
            Test { subject: Subject::AssignedTo, operator }.holds(&task, &directory, TODAY)
        };
        assert!(is("b@example.com") && !is("a@example.com"));
    }

    #[test]
    fn all_needs_every_test_and_any_needs_one() {
        let test = |low: &str| Test { subject: field("number"), operator: Operator::AtLeast(number(low)) };
        let (task, message) = (task("number", &json!("10")), String::new());
        for (lows, all, any) in
            [(["5", "10"], true, true), (["5", "11"], false, true), (["11", "12"], false, false)]
        {
            let tests = lows.map(test).to_vec();
            let holds = |tests| {
                Condition { message: message.clone(), tests }.holds(&task, &sample::directory(), TODAY)
            };
            assert_eq!((holds(Tests::All(tests.clone())), holds(Tests::Any(tests))), (all, any), "{lows:?}");
        }
    }
}
