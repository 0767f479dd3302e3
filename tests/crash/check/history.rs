//! A task and its history: the history of one writer, and nothing beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Checked, Evidence, Violation};
use crate::snapshot::{Entry, Snapshot, Task};

/// "Each task's history is that of a single writer and its value equals the replay of its history."
pub(super) fn values_equal_the_replay(snapshot: &Snapshot) -> Checked {
    for (id, task) in &snapshot.tasks {
        let entries = snapshot.history.get(id).map_or(&[][..], Vec::as_slice);
        replay(task, entries).map_err(|what| Violation::of(id, format!("task {id}: {what}")))?;
    }
    match snapshot.history.keys().find(|id| !snapshot.tasks.contains_key(*id)) {
        Some(id) => Err(Violation::of(id, format!("the history of {id}, which there never was"))),
        None => Ok(()),
    }
}

fn replay(task: &Task, entries: &[Entry]) -> Result<(), String> {
    let mut values = BTreeMap::<String, Value>::new();
    for (position, entry) in entries.iter().enumerate() {
        let number = entry.number;
        if number != position as u64 + 1 {
            return Err(format!("entry {number} stands at place {}", position + 1));
        }
        let (is_first, is_last) = (position == 0, position + 1 == entries.len());
        if (entry.cause == "created") != is_first
            || (entry.cause == "deleted") != (is_last && task.is_deleted)
        {
            return Err(format!("entry {number} of {} says `{}`", entries.len(), entry.cause));
        }
        for (slot, [before, after]) in &entry.changes {
            let was = values.remove(slot).unwrap_or_default();
            if was != *before {
                return Err(format!("entry {number} found {slot} to be {before}; it was {was}"));
            }
            if !after.is_null() {
                values.insert(slot.clone(), after.clone());
            }
        }
    }
    if values != task.values {
        return Err(format!("it is {:?}; its history makes it {values:?}", task.values));
    }
    let unique_id = values.get("company-id").and_then(Value::as_str);
    if task.unique_id.as_deref() != unique_id {
        return Err(format!("it is addressed as {:?} and its field is {unique_id:?}", task.unique_id));
    }
    // Its last state is kept as it was before the deletion, which has an entry of its own.
    let expected = task.revision + u64::from(task.is_deleted);
    match entries.last() {
        Some(last) if last.number == expected => Ok(()),
        last => Err(format!("revision {}, but its last entry is {last:?}", task.revision)),
    }
}

/// "What is acknowledged stays", also what people write themselves.
pub(super) fn edits_are_kept(evidence: &Evidence<'_>) -> Checked {
    let entries = evidence.snapshot.history.values().flatten();
    let names: BTreeSet<_> =
        entries.filter_map(|entry| entry.changes.get("company-name")?[1].as_str()).collect();
    match evidence.notes.written.iter().find(|name| !names.contains(name.as_str())) {
        Some(lost) => Err(Violation::new(format!("the name “{lost}” was accepted and is in no history"))),
        None => Ok(()),
    }
}

/// What an execution has changed, it has changed with a step that succeeded and at its end.
pub(super) fn writers_are_steps(snapshot: &Snapshot) -> Checked {
    for (task, entries) in &snapshot.history {
        for entry in entries {
            let Some(id) = &entry.execution else { continue };
            let is_own = snapshot.executions.get(id).is_some_and(|execution| execution.task == *task);
            if !is_own {
                return Err(Violation::of(id, format!("it changed the task {task}, which is not its own")));
            }
            if !matches!(entry.cause.as_str(), "changed" | "deleted") {
                continue;
            }
            let is_end = snapshot.attempts_of(id).iter().any(|attempt| {
                attempt.ended_at == Some(entry.at) && attempt.outcome.as_deref() == Some("succeeded")
            });
            if !is_end {
                let what = format!("entry {} of task {task} is of no step's success", entry.number);
                return Err(Violation::of(id, what));
            }
        }
    }
    Ok(())
}
