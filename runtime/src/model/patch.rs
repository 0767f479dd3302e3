//! A change of some of a task's fields, as the Tasks API and a step's answer write it: a JSON
//! object by field name. Reading it checks every value and finds every problem before anything is
//! applied.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    field::{Field, FieldType, FieldValue, Invalid},
    file::{self, Blob, FileRules},
    id::{FieldId, StageId, UserId},
    text::shortened,
    user::Directory,
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, TASK_URL, UPDATED_ON, Workflow},
};

/// How many unknown names are told one by one, and how much of each. A sender may name as many as fit into its body,
/// and whatever is told of them ends up in an error or an attempt.
const UNKNOWN_NAMES_MAX: usize = 100;
const UNKNOWN_NAME_CHARS_MAX: usize = 100;

/// Names of which errors are told: more than a workflow has fields.
const ERRORS_MAX: usize = 1_000;

/// A checked change: what it names is set, what it does not name stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    pub stage: Option<StageId>,
    /// `Some(None)` takes the assignee away.
    pub assigned_to: Option<Option<UserId>>,
    pub values: Vec<(FieldId, FieldValue)>,
    /// The bytes of the files that are new in it.
    pub blobs: Vec<Blob>,
}

/// What is wrong, field by field, in the order in which the fields were sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(Vec<(String, Vec<String>)>);

/// What is wrong with an assignee who is not here.
pub const NO_SUCH_USER: &str = "is invalid: no user has this email";

/// The outcome of reading a patch.
#[derive(Debug, Default)]
pub struct ReadPatch {
    pub patch: Patch,
    pub errors: FieldErrors,
    /// Names that the workflow does not have; the first hundred, each shortened where it is long.
    pub unknown: Vec<String>,
    /// How many more there are.
    pub unknown_more: usize,
    /// Names that only Onward sets.
    pub computed: Vec<String>,
}

impl Patch {
    /// Reads and checks a JSON object of values by field name.
    pub fn read(
        object: &Map<String, Value>,
        workflow: &Workflow,
        directory: &Directory,
        files: &FileRules<'_>,
    ) -> ReadPatch {
        let mut read = ReadPatch::default();
        for (name, value) in object {
            match name.as_str() {
                STAGE => read.stage(value, workflow),
                ASSIGNED_TO => read.assigned_to(value, directory),
                TASK_URL | CREATED_ON | UPDATED_ON => read.computed.push(name.clone()),
                _ => read.field(name, value, workflow, directory, files),
            }
        }
        read
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ReadPatch {
    fn stage(&mut self, value: &Value, workflow: &Workflow) {
        match read_stage(value, workflow) {
            Ok(stage) => self.patch.stage = Some(stage),
            Err(problem) => self.errors.add(STAGE, problem),
        }
    }

    fn assigned_to(&mut self, value: &Value, directory: &Directory) {
        match read_assignee(value, directory) {
            Ok(user) => self.patch.assigned_to = Some(user),
            Err(problem) => self.errors.add(ASSIGNED_TO, problem),
        }
    }

    fn field(
        &mut self,
        name: &str,
        value: &Value,
        workflow: &Workflow,
        directory: &Directory,
        files: &FileRules<'_>,
    ) {
        let Some(field) = workflow.field_named(name) else {
            if self.unknown.len() < UNKNOWN_NAMES_MAX {
                self.unknown.push(name.chars().take(UNKNOWN_NAME_CHARS_MAX).collect());
            } else {
                self.unknown_more += 1;
            }
            return;
        };
        match read_value(field, value, directory, files) {
            Ok((value, blobs)) => {
                self.patch.values.push((field.id.clone(), value));
                self.patch.blobs.extend(blobs);
            }
            Err(problems) => problems.into_iter().for_each(|problem| self.errors.add(name, problem.0)),
        }
    }
}

/// What somebody sets a field to, with the bytes of its new files; or everything that is wrong with it.
pub fn read_value(
    field: &Field,
    value: &Value,
    directory: &Directory,
    files: &FileRules<'_>,
) -> Result<(FieldValue, Vec<Blob>), Vec<Invalid>> {
    let (value, blobs) = match field.kind {
        FieldType::File { limit } => file::read(value, limit, files)?,
        _ => (field.kind.read(value, directory).map_err(|problem| vec![problem])?, Vec::new()),
    };
    if value.is_empty() && field.required {
        return Err(vec![Invalid("is required".to_owned())]);
    }
    Ok((value, blobs))
}

/// A stage by its name.
pub(super) fn read_stage(value: &Value, workflow: &Workflow) -> Result<StageId, String> {
    let stage = value.as_str().and_then(|name| workflow.stage_named(name));
    stage.map(|stage| stage.id.clone()).ok_or_else(|| {
        let names: Vec<_> = workflow.stages.iter().map(|stage| stage.name.as_str()).collect();
        format!("is invalid: it must be one of {}", names.join(", "))
    })
}

/// A user by email, or nobody.
pub(super) fn read_assignee(value: &Value, directory: &Directory) -> Result<Option<UserId>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        _ => {
            let user = value.as_str().and_then(|text| directory.find(text));
            user.map(|user| Some(user.id.clone())).ok_or_else(|| NO_SUCH_USER.to_owned())
        }
    }
}

impl FieldErrors {
    /// Names that no field has are told by their beginning, and without end they are not told at all.
    pub fn add(&mut self, field: &str, problem: impl Into<String>) {
        if self.0.len() >= ERRORS_MAX {
            return;
        }
        let field = &*shortened(field, UNKNOWN_NAME_CHARS_MAX);
        match self.0.iter_mut().find(|(name, _)| name == field) {
            Some((_, problems)) => problems.push(problem.into()),
            None => self.0.push((field.to_owned(), vec![problem.into()])),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(field, problems)| (field.as_str(), problems.as_slice()))
    }

    /// All of it in one line: `Contract Value is invalid; Stage is invalid`.
    pub fn to_line(&self) -> String {
        let mut line = String::new();
        for (field, problems) in self.iter() {
            for problem in problems {
                if !line.is_empty() {
                    line.push_str("; ");
                }
                line.push_str(field);
                line.push(' ');
                line.push_str(problem);
            }
        }
        line
    }
}

impl FromIterator<(String, Vec<String>)> for FieldErrors {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(errors: I) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, problems) in &self.0 {
            map.serialize_entry(field, problems)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::sample;

    fn read(value: Value) -> ReadPatch {
        let Value::Object(object) = value else { panic!("the test sends an object") };
        Patch::read(&object, &sample::workflow(), &sample::directory(), &FileRules::default())
    }

    #[test]
    fn every_problem_is_found_at_once() {
        let read = read(
            json!({"Stage": "Nowhere", "Contract Value": "much", "Company ID": null, "Assigned To": "x"}),
        );
        expect_test::expect![[r#"{"Stage":["is invalid: it must be one of Not Started, In Progress, Completed"],"Contract Value":["is invalid: it must be a decimal number of at most 64 digits"],"Company ID":["is required"],"Assigned To":["is invalid: no user has this email"]}"#]]
        .assert_eq(&serde_json::to_string(&read.errors).expect("serializable"));
    }

    #[test]
    fn unknown_and_computed_names_are_told_apart() {
        let read = read(json!({"Colour": "red", "Created On": "2020-01-01", "Company Name": "Acme"}));
        assert_eq!(read.unknown, ["Colour"]);
        assert_eq!(read.computed, ["Created On"]);
        assert!(read.errors.is_empty());
        assert_eq!(read.patch.values.len(), 1);
    }

    /// Architecture, style: a limit on everything.
    #[test]
    fn unknown_names_without_end_are_counted_and_not_kept() {
        let names =
            (0..UNKNOWN_NAMES_MAX + 7).map(|number| (format!("{number} {}", "x".repeat(999)), json!(1)));
        let read = read(Value::Object(names.collect()));
        assert_eq!((read.unknown.len(), read.unknown_more), (UNKNOWN_NAMES_MAX, 7));
        assert!(read.unknown.iter().all(|name| name.chars().count() == UNKNOWN_NAME_CHARS_MAX));
    }

    #[test]
    fn errors_have_a_limit() {
        let mut errors = FieldErrors::default();
        for number in 0..ERRORS_MAX + 7 {
            errors.add(&format!("{number} {}", "x".repeat(999)), "is unknown");
        }
        assert_eq!(errors.iter().count(), ERRORS_MAX);
        assert!(errors.iter().all(|(name, _)| name.chars().count() <= UNKNOWN_NAME_CHARS_MAX + 1));
    }

    #[test]
    fn null_clears_and_absence_leaves_alone() {
        let task = sample::task();
        let workflow = sample::workflow();
        let read = read(json!({"Company Name": null, "Assigned To": null}));
        let patched = task.patched(&read.patch, &workflow, task.updated_on);
        assert!(patched.value(&FieldId::new("company-name")).is_empty());
        assert_eq!(patched.assigned_to, None);
        assert_eq!(
            patched.value(&FieldId::new("contract-value")),
            task.value(&FieldId::new("contract-value"))
        );
        assert_eq!(patched.stage, task.stage);
    }
}
