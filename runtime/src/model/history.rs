//! A task's history: every change of it, numbered, with what was before and who did it.
//!
//! The history is complete: applied one after the other, its entries give the task as it is. So it
//! tells who wrote a field last, which is what taking back an execution's changes depends on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    field::FieldValue,
    id::{ExecutionId, FieldId, TaskId},
    task::Task,
    user::Performer,
};

/// A place in a task that has a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Its value is the stage's id.
    Stage,
    /// Its value is the user's id.
    AssignedTo,
    Field(FieldId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotChange {
    pub slot: Slot,
    pub before: FieldValue,
    pub after: FieldValue,
}

/// Why a task changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Created,
    Changed,
    /// A failed execution's changes were taken back.
    Reverted,
    /// A retried execution's changes, once taken back, were made again.
    Redone,
    /// A scheduled stage change was due.
    Scheduled,
    Deleted,
}

/// Who changed a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A person or a key, directly or by a schedule.
    Performer(Performer),
    /// A step; in the name of the execution's performer.
    Execution(ExecutionId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub task: TaskId,
    /// Counted from 1 without a gap; the task's `revision` after it.
    pub number: u64,
    pub at: Timestamp,
    pub cause: Cause,
    pub author: Author,
    /// Empty for a deletion.
    pub changes: Vec<SlotChange>,
}

impl Cause {
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Changed, Self::Reverted, Self::Redone, Self::Scheduled, Self::Deleted];

    /// As the store and the API write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Reverted => "reverted",
            Self::Redone => "redone",
            Self::Scheduled => "scheduled",
            Self::Deleted => "deleted",
        }
    }
}

impl HistoryEntry {
    pub fn is_by(&self, execution: ExecutionId) -> bool {
        self.author == Author::Execution(execution)
    }
}

/// What differs between two states of a task; `None` is a task that is not there.
pub fn difference(before: Option<&Task>, after: &Task) -> Vec<SlotChange> {
    let mut slots = vec![Slot::Stage, Slot::AssignedTo];
    let fields = |task: &Task| task.values.keys().cloned().collect::<Vec<_>>();
    let mut named = fields(after);
    named.extend(before.map(fields).unwrap_or_default());
    named.sort();
    named.dedup();
    slots.extend(named.into_iter().map(Slot::Field));
    let value = |task: Option<&Task>, slot: &Slot| task.map(|task| task.slot(slot)).unwrap_or_default();
    let change = |slot: Slot| {
        let (before, after) = (value(before, &slot), after.slot(&slot));
        (before != after).then_some(SlotChange { slot, before, after })
    };
    slots.into_iter().filter_map(change).collect()
}

/// What it takes to undo the chosen entries, given all entries since before the first chosen one: each
/// slot that a chosen entry wrote last goes back to what it was before the chosen ones wrote it.
///
/// A slot that somebody else has written since stays; one that somebody else wrote in between goes
/// back to what that one wrote.
pub fn undo(entries: &[HistoryEntry], chosen: impl Fn(&HistoryEntry) -> bool) -> Vec<SlotChange> {
    // By slot, while the last writer is a chosen one: what was before it, and what is now.
    let mut undone = BTreeMap::<&Slot, (&FieldValue, &FieldValue)>::new();
    for entry in entries {
        let is_chosen = chosen(entry);
        for SlotChange { slot, before, after } in &entry.changes {
            if is_chosen {
                undone.entry(slot).or_insert((before, before)).1 = after;
            } else {
                undone.remove(slot);
            }
        }
    }
    let change = |(slot, (before, now)): (&Slot, (&FieldValue, &FieldValue))| SlotChange {
        slot: slot.clone(),
        before: now.clone(),
        after: before.clone(),
    };
    undone.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    const EXECUTION: ExecutionId = ExecutionId::from_u128(9);

    fn text(text: &str) -> FieldValue {
        if text.is_empty() { FieldValue::Empty } else { FieldValue::Text(text.into()) }
    }

    /// Entries of one field each, `x` by the execution, `o` by somebody else: `"x a- b"`, …
    fn entries(writes: &[(char, &str, &str, &str)]) -> Vec<HistoryEntry> {
        let entry = |(number, (by, field, before, after)): (usize, &(char, &str, &str, &str))| HistoryEntry {
            task: TaskId::from_u128(1),
            number: number as u64 + 1,
            at: sample::now(),
            cause: Cause::Changed,
            author: match by {
                'x' => Author::Execution(EXECUTION),
                _ => Author::Performer(sample::performer()),
            },
            changes: vec![SlotChange {
                slot: Slot::Field(FieldId::new(*field)),
                before: text(before),
                after: text(after),
            }],
        };
        writes.iter().enumerate().map(entry).collect()
    }

    /// "Per field, stage and assignee included, only where this execution was the last writer."
    #[test]
    fn only_what_nobody_has_changed_since_is_undone() {
        for (writes, expected) in [
            (&[('x', "a", "1", "2")][..], &[("a", "1")][..]),
            (&[('x', "a", "", "2")], &[("a", "")]),
            (&[('x', "a", "1", "2"), ('x', "a", "2", "3")], &[("a", "1")]),
            (&[('x', "a", "1", "2"), ('o', "a", "2", "3")], &[]),
            (&[('x', "a", "1", "2"), ('o', "b", "2", "3")], &[("a", "1")]),
            (&[('x', "a", "1", "2"), ('o', "a", "2", "3"), ('x', "a", "3", "4")], &[("a", "3")]),
            (&[('x', "a", "1", "2"), ('x', "a", "2", "1")], &[]),
        ] {
            let undone = undo(&entries(writes), |entry| entry.is_by(EXECUTION));
            let undone: Vec<_> = undone.into_iter().map(|change| (change.slot, change.after)).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(field, value)| (Slot::Field(FieldId::new(*field)), text(value)))
                .collect();
            assert_eq!(undone, expected, "{writes:?}");
        }
    }

    #[test]
    fn a_difference_leads_from_one_task_to_the_other() {
        let (task, workflow) = (sample::task(), sample::workflow());
        let made = difference(None, &task);
        assert!(made.iter().all(|change| change.before.is_empty() && !change.after.is_empty()));
        let bare = Task::new(task.id, &workflow, sample::now());
        let rebuilt = bare.with(&made, &workflow, task.updated_on);
        assert_eq!((rebuilt.stage, rebuilt.values), (task.stage.clone(), task.values.clone()));
        assert_eq!(
            (rebuilt.assigned_to, rebuilt.unique_id),
            (task.assigned_to.clone(), task.unique_id.clone())
        );
        assert!(difference(Some(&task), &task).is_empty());
    }
}
