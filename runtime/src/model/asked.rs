//! What a list may ask of each task beside filters by name: tests in the words of conditions, and a text that is looked
//! for; and how many tasks there are, counted by what they may be filtered by.
//!
//! Where a test is about what an index leads to, or about people, it becomes a [`Filter`]. All others are asked of the
//! value itself, as the conditions of actions are.

use jiff::civil::Date;

use super::{
    condition::{self, Operand, Operator, Test},
    field::{FieldType, FieldValue},
    id::{FieldId, StageId, UserId},
    list::{Comparison, Filter, Subject, TaskList},
    user::Directory,
    workflow::Workflow,
};

/// How a query calls the tests, and the text that is looked for.
pub const WHERE: &str = "_where";
pub const SEARCH: &str = "_search";

/// Tests of one list.
pub const TESTS_MAX: usize = 20;

/// Characters of a text that is looked for.
pub const SEARCH_CHARS_MAX: usize = 200;

/// A test that is asked of a field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTest {
    pub field: FieldId,
    operator: Operator,
    today: Date,
}

impl FieldTest {
    pub fn holds(&self, value: &FieldValue) -> bool {
        // People are asked for by filters: nobody has to be known here.
        self.operator.holds_of(value, &Directory::default(), self.today)
    }
}

/// A text that is looked for in every text of a task, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    folded: String,
    /// As it stands in a text of JSON.
    escaped: String,
    /// Fields whose values have texts in them.
    fields: Vec<FieldId>,
    /// Fields that hold people; and the people in whose name or email the text is, sorted.
    people_fields: Vec<FieldId>,
    people: Vec<UserId>,
}

/// How many tasks of a workflow there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// Of the whole workflow, by stages.
    pub all: Vec<(StageId, u64)>,
    /// Of those that everything asked lets pass.
    pub matching: u64,
    /// Of those that everything lets pass but what is asked of the stage; of the assignee.
    pub stages: Vec<(StageId, u64)>,
    pub assignees: Vec<(Option<UserId>, u64)>,
}

impl TaskList {
    /// Asks for one thing more.
    pub fn ask(&mut self, test: Test, workflow: &Workflow, directory: &Directory, today: Date) {
        let subject = match &test.subject {
            condition::Subject::Stage => Subject::Stage,
            condition::Subject::AssignedTo => Subject::AssignedTo,
            condition::Subject::Field(id) => match workflow.field(id).map(|field| &field.kind) {
                Some(FieldType::Person) => Subject::Field(id.clone(), Comparison::Person),
                Some(FieldType::UniqueId { .. }) => Subject::UniqueId,
                _ => return self.ask_value(id.clone(), test.operator, today),
            },
        };
        let filter = |empty: bool, operands: &[Operand]| {
            let mut keys: Vec<_> = operands.iter().flat_map(|operand| keys(operand, directory)).collect();
            keys.sort();
            keys.dedup();
            Filter { subject: subject.clone(), empty, keys }
        };
        match (&test.operator, test.subject) {
            (Operator::IsSet(false), _) => self.filters.push(filter(true, &[])),
            (Operator::IsSet(true), _) => self.none_of.push(filter(true, &[])),
            (Operator::Equals(operand), _) => self.filters.push(filter(false, std::slice::from_ref(operand))),
            (Operator::OneOf(operands), _) => self.filters.push(filter(false, operands)),
            (Operator::NotEquals(operand), _) => {
                self.none_of.push(filter(false, std::slice::from_ref(operand)));
            }
            (_, condition::Subject::Field(id)) => self.ask_value(id, test.operator, today),
            // Nothing else can be asked of a stage or a person.
            _ => self.filters.push(filter(false, &[])),
        }
    }

    fn ask_value(&mut self, field: FieldId, operator: Operator, today: Date) {
        self.tests.push(FieldTest { field, operator, today });
    }

    /// Whether all that is asked of a stage, or of an assignee, lets one pass.
    pub fn passes(&self, subject: &Subject, key: Option<&str>) -> bool {
        let about = |filter: &&Filter| filter.subject == *subject;
        self.filters.iter().filter(about).all(|filter| filter.passes(key))
            && !self.none_of.iter().filter(about).any(|filter| filter.passes(key))
    }

    /// The same list with every stage and every assignee.
    pub fn but_facets(&self) -> Self {
        let mut list = Self { not_in: Vec::new(), ..self.clone() };
        for filters in [&mut list.filters, &mut list.none_of] {
            filters.retain(|filter| !matches!(filter.subject, Subject::Stage | Subject::AssignedTo));
        }
        list
    }
}

impl Filter {
    /// Whether a task with this key passes.
    pub fn passes(&self, key: Option<&str>) -> bool {
        key.map_or(self.empty, |key| self.keys.iter().any(|passes| passes == key))
    }
}

fn keys(operand: &Operand, directory: &Directory) -> Vec<String> {
    match operand {
        Operand::Text(text) => vec![text.to_string()],
        Operand::Email(email) => directory.with_email(email).map(UserId::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Without a difference of upper and lower case; a letter at a time, so that a part of a text is a part of it then, too.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

impl Search {
    pub fn new(text: &str, workflow: &Workflow, directory: &Directory) -> Self {
        let folded = folded(text);
        let of = |wanted: fn(&FieldType) -> bool| {
            let fields = workflow.fields.iter().filter(|field| wanted(&field.kind));
            fields.map(|field| field.id.clone()).collect()
        };
        let mut people = directory.named_like(|name| self::folded(name).contains(&folded));
        people.sort();
        let quoted = serde_json::Value::from(folded.as_str()).to_string();
        Self {
            escaped: quoted[1..quoted.len() - 1].to_owned(),
            fields: of(has_text),
            people_fields: of(|kind| matches!(kind, FieldType::Person)),
            people,
            folded,
        }
    }

    /// Whether it is a person that is looked for.
    pub fn finds_person(&self, id: &str) -> bool {
        self.people.binary_search_by(|person| person.as_str().cmp(id)).is_ok()
    }

    /// Whether a text that has all values in it, as they are written in JSON, may have one in which the text is. Quick,
    /// for the many tasks that have none.
    pub fn may_be_in(&self, json: &str) -> bool {
        let may_be_person = !self.people.is_empty() && !self.people_fields.is_empty();
        may_be_person || folded(json).contains(&self.escaped)
    }

    /// Whether it stands in one of a task's values.
    pub fn finds<'v>(&self, value: impl Fn(&FieldId) -> Option<&'v FieldValue>) -> bool {
        let has = |text: &str| folded(text).contains(&self.folded);
        let in_value = |id: &FieldId| match value(id) {
            Some(FieldValue::Text(text)) => has(text),
            Some(FieldValue::List(items)) => items.iter().any(|item| has(item)),
            Some(FieldValue::Files(files)) => files.iter().any(|file| has(&file.filename)),
            Some(FieldValue::Flag(_) | FieldValue::Empty) | None => false,
        };
        let is_person = |id: &FieldId| match value(id) {
            Some(FieldValue::Text(person)) => self.finds_person(person),
            _ => false,
        };
        self.fields.iter().any(in_value) || self.people_fields.iter().any(is_person)
    }

    /// The fields that are looked into.
    pub fn fields(&self) -> impl Iterator<Item = &FieldId> {
        self.fields.iter().chain(&self.people_fields)
    }
}

/// What a person would look for by its text; numbers, too, and not times, which are shown in other forms.
fn has_text(kind: &FieldType) -> bool {
    match kind {
        FieldType::Text
        | FieldType::LongText
        | FieldType::Number
        | FieldType::Phone
        | FieldType::Currency
        | FieldType::SingleSelect { .. }
        | FieldType::MultipleSelect { .. }
        | FieldType::UniqueId { .. }
        | FieldType::File { .. }
        | FieldType::Email
        | FieldType::Url => true,
        FieldType::Date | FieldType::Datetime | FieldType::Person | FieldType::Checkbox => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    #[test]
    fn a_text_is_found_in_any_case_and_wherever_it_is_shown() {
        let (workflow, directory, task) = (sample::workflow(), sample::directory(), sample::task());
        let finds = |text: &str| {
            let search = Search::new(text, &workflow, &directory);
            let assigned = task.assigned_to.as_ref().is_some_and(|id| search.finds_person(id.as_str()));
            assigned || search.finds(|id| Some(task.value(id)))
        };
        for (text, expected) in [
            ("acme", true),
            ("ME CO", true),
            ("42", true),
            ("10000", true),
            ("10000.0", false),
            ("USER@", true),
            ("example user", true),
            ("2020-01", false),
            ("false", false),
            ("company-name", false),
        ] {
            assert_eq!(finds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_left_out_at_a_glance_has_nothing() {
        let (workflow, directory) = (sample::workflow(), sample::directory());
        for (text, value, expected) in [
            ("söhne", "Zoo & SÖHNE", true),
            (r#"a "b"#, r#"A "B" C"#, true),
            ("a\\b", "xA\\By", true),
            ("ΣΑΣ", "σας και", false),
            ("ΣΑΣ", "ΟΣΑΣ", true),
            ("acme", "Other", false),
        ] {
            let search = Search::new(text, &workflow, &directory);
            let stored = serde_json::json!({"company-name": value}).to_string();
            assert_eq!(search.may_be_in(&stored), expected, "{text} in {value}");
            let value = FieldValue::Text(value.into());
            assert_eq!(search.finds(|id| (id.as_str() == "company-name").then_some(&value)), expected);
        }
    }
}
