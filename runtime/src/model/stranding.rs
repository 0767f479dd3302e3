//! What a new version of a workflow would leave stranded: tasks in a stage that is gone, values that their
//! field's new type does not take, tasks that would no longer be known by their Unique ID.
//!
//! Removing a field strands nothing: nobody sees its values any more, and they are there again when it comes back.

use std::fmt;

use serde_json::Value;

use super::{
    field::{Field, FieldType, FieldValue},
    task::Task,
    user::Directory,
    workflow::{Stage, Workflow},
};

/// Counts over the tasks of a workflow what its next version would strand.
#[derive(Debug)]
pub struct Stranding<'w> {
    gone: Vec<(&'w Stage, u64)>,
    /// As each was, and as it is to be.
    retyped: Vec<(&'w Field, &'w Field, u64)>,
    /// The Unique ID that is to be, if it is another one than now.
    unique: Option<(Option<&'w Field>, u64)>,
}

/// Tasks that a new version would strand, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranded {
    pub why: Why,
    /// The stage or the field; `None` where there is to be no Unique ID.
    pub id: Option<String>,
    pub name: Option<String>,
    pub tasks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    StageInUse,
    ValuesBreakType,
    UniqueIdInUse,
}

impl<'w> Stranding<'w> {
    /// `None` where no task can be stranded, whatever tasks there are.
    pub fn between(before: &'w Workflow, after: &'w Workflow) -> Option<Self> {
        let gone = before.stages.iter().filter(|stage| after.stage(&stage.id).is_none());
        let retyped = before.fields.iter().filter_map(|field| {
            let now = after.field(&field.id)?;
            (now.kind != field.kind).then_some((field, now, 0))
        });
        let id = |workflow: &'w Workflow| workflow.unique_field().map(|field| &field.id);
        let is_other = id(before) != id(after);
        let (gone, retyped): (Vec<_>, Vec<_>) = (gone.map(|stage| (stage, 0)).collect(), retyped.collect());
        let unique = is_other.then(|| (after.unique_field(), 0));
        let may = !gone.is_empty() || !retyped.is_empty() || unique.is_some();
        may.then_some(Self { gone, retyped, unique })
    }

    /// Takes one more task into account.
    pub fn count(&mut self, task: &Task, directory: &Directory) {
        for (stage, tasks) in &mut self.gone {
            let is_to_come = task.schedule.as_ref().is_some_and(|schedule| schedule.stage == stage.id);
            *tasks += u64::from(task.stage == stage.id || is_to_come);
        }
        for (before, after, tasks) in &mut self.retyped {
            *tasks += u64::from(!fits(task.value(&after.id), &before.kind, &after.kind, directory));
        }
        if let Some((field, tasks)) = &mut self.unique {
            let known_by = field.map(|field| task.value(&field.id).to_text()).unwrap_or_default();
            *tasks += u64::from(task.unique_id.as_deref().unwrap_or_default() != known_by);
        }
    }

    /// What would be stranded by all the tasks that were counted; empty for nothing.
    pub fn found(&self) -> Vec<Stranded> {
        let stranded = |why, part: Option<(&str, &str)>, tasks| Stranded {
            why,
            id: part.map(|(id, _)| id.to_owned()),
            name: part.map(|(_, name)| name.to_owned()),
            tasks,
        };
        let gone = self
            .gone
            .iter()
            .map(|(stage, tasks)| stranded(Why::StageInUse, Some((stage.id.as_str(), &stage.name)), *tasks));
        let retyped = self.retyped.iter().map(|(_, field, tasks)| {
            stranded(Why::ValuesBreakType, Some((field.id.as_str(), &field.name)), *tasks)
        });
        let unique = self.unique.iter().map(|(field, tasks)| {
            let field = field.map(|field| (field.id.as_str(), field.name.as_str()));
            stranded(Why::UniqueIdInUse, field, *tasks)
        });
        gone.chain(retyped).chain(unique).filter(|stranded| stranded.tasks > 0).collect()
    }
}

/// Whether a value that was kept for a field of one type is one of another type, just as it is kept.
fn fits(value: &FieldValue, before: &FieldType, after: &FieldType, directory: &Directory) -> bool {
    let json = match (value, after) {
        (FieldValue::Empty, _) => return true,
        (FieldValue::Files(files), FieldType::File { limit }) => {
            return limit.is_none_or(|limit| files.len() <= limit as usize);
        }
        (FieldValue::Files(_), _) => return false,
        // A person is kept by id: as a text it would be an id that says nothing to anybody.
        (FieldValue::Text(_), _) if *before == FieldType::Person => return false,
        (FieldValue::Text(text), _) => Value::from(&**text),
        (FieldValue::Flag(flag), _) => Value::from(*flag),
        (FieldValue::List(items), _) => items.iter().map(|item| Value::from(&**item)).collect(),
    };
    after.read(&json, directory).is_ok_and(|read| read == *value)
}

impl Why {
    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::StageInUse => "stage_in_use",
            Self::ValuesBreakType => "values_break_type",
            Self::UniqueIdInUse => "unique_id_in_use",
        }
    }
}

impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, name) = (self.why.code(), self.name.as_deref().unwrap_or("none"));
        let tasks = if self.tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", self.tasks) };
        match self.why {
            Why::StageInUse => write!(
                f,
                "{code}: {tasks} in the stage “{name}”, or to be moved there; move them elsewhere first, or say which \
                 stage it is now: was = \"{name}\""
            ),
            Why::ValuesBreakType => write!(
                f,
                "{code}: {tasks} with a value for “{name}” that its new type does not take; change those first, or \
                 add another field"
            ),
            Why::UniqueIdInUse => write!(
                f,
                "{code}: {tasks} known by another value than the new Unique ID (“{name}”) would have; keep the old one"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{FieldId, Schedule, StageId, sample};

    /// What a change of the sample would strand of its task, as code and count.
    fn stranded(task: &Task, change: impl FnOnce(&mut Workflow)) -> Vec<(&'static str, u64)> {
        let (before, mut after) = (sample::workflow(), sample::workflow());
        change(&mut after);
        let Some(mut stranding) = Stranding::between(&before, &after) else { return Vec::new() };
        stranding.count(task, &Directory::default());
        stranding.count(&Task::new(task.id, &before, sample::now()), &Directory::default());
        stranding.found().iter().map(|found| (found.why.code(), found.tasks)).collect()
    }

    fn retyped(field: &str, kind: FieldType) -> impl FnOnce(&mut Workflow) {
        let id = FieldId::new(field);
        move |workflow| {
            workflow.fields.iter_mut().filter(|it| it.id == id).for_each(|it| it.kind = kind.clone())
        }
    }

    #[test]
    fn a_stage_may_go_when_no_task_is_in_it_or_will_be() {
        let task = Task { stage: StageId::new("in-progress"), ..sample::task() };
        let without =
            |id: &'static str| move |it: &mut Workflow| it.stages.retain(|stage| stage.id.as_str() != id);
        assert_eq!(stranded(&task, without("completed")), []);
        assert_eq!(stranded(&task, without("in-progress")), [("stage_in_use", 1)]);
        let schedule =
            Schedule { stage: StageId::new("completed"), at: sample::now(), performer: sample::performer() };
        let scheduled = Task { schedule: Some(Arc::new(schedule)), ..task };
        assert_eq!(stranded(&scheduled, without("completed")), [("stage_in_use", 1)]);
    }

    #[test]
    fn a_type_may_change_when_every_value_is_one_of_the_new_type() {
        let mut task = sample::task();
        let id = FieldId::new("company-name");
        let mut of = |value: FieldValue, kind: FieldType| {
            task.values.insert(id.clone(), value);
            stranded(&task, retyped("company-name", kind)).len()
        };
        let text = |text: &str| FieldValue::Text(text.into());
        let select = |options: &[&str]| FieldType::SingleSelect {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        };
        assert_eq!(of(text("Acme"), FieldType::LongText), 0);
        assert_eq!(of(text("Acme"), FieldType::Number), 1);
        assert_eq!(of(text("12.50"), FieldType::Number), 0);
        // It would be kept as 7 from now on.
        assert_eq!(of(text("007"), FieldType::Number), 1);
        assert_eq!(of(text("Acme"), select(&["Acme", "Other"])), 0);
        assert_eq!(of(text("Acme"), select(&["Other"])), 1);
        assert_eq!(of(text("true"), FieldType::Checkbox), 1);
        assert_eq!(of(FieldValue::Empty, FieldType::Checkbox), 0);
        assert_eq!(of(FieldValue::List(vec!["Acme".into()]), FieldType::LongText), 1);
        assert!(!fits(&text("abc123"), &FieldType::Person, &FieldType::Text, &Directory::default()));
    }

    #[test]
    fn a_task_stays_known_by_its_unique_id() {
        let task = Task { unique_id: Some("42".into()), ..sample::task() };
        assert_eq!(stranded(&task, retyped("company-id", FieldType::Text)), [("unique_id_in_use", 1)]);
        assert_eq!(stranded(&task, |workflow| drop(workflow.fields.remove(0))), [("unique_id_in_use", 1)]);
        let fresh = Task { unique_id: None, ..task };
        assert_eq!(stranded(&fresh, |workflow| drop(workflow.fields.remove(0))), []);
    }

    #[test]
    fn what_cannot_strand_a_task_needs_no_look_at_them() {
        let (before, mut after) = (sample::workflow(), sample::workflow());
        after.fields.remove(1);
        after.actions.clear();
        after.stages[0].name = "Renamed".to_owned();
        assert!(Stranding::between(&before, &after).is_none());
    }
}
