//! A store of a few lines.

use super::*;

/// What is on disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) task: Option<Task>,
    pub(super) deleted: Vec<Task>,
    pub(super) history: Vec<HistoryEntry>,
    pub(super) executions: BTreeMap<ExecutionId, Execution>,
    pub(super) attempts: BTreeMap<(ExecutionId, u32), Attempt>,
    pub(super) admitted: BTreeMap<[u8; 32], Admitted>,
}

/// The disk, looked at from inside a transaction about a task.
pub(super) struct Seen<'a>(pub(super) &'a Disk, pub(super) TaskId);

impl Look for Seen<'_> {
    fn is_taken(&self, _: &str) -> bool {
        false
    }

    fn file_bytes_max(&self) -> usize {
        1024
    }

    fn next_number(&self) -> u64 {
        1
    }

    fn history_after(&self, number: u64) -> Vec<HistoryEntry> {
        let own = self.0.history.iter().filter(|entry| entry.task == self.1);
        own.filter(|entry| entry.number > number).cloned().collect()
    }

    fn parked(&self) -> Vec<Execution> {
        let is_parked = |state: &State| {
            matches!(state, State::Waiting { .. } | State::Blocked { .. } | State::Retrying { .. })
        };
        let all = self.0.executions.values().filter(|execution| execution.task == self.1);
        all.filter(|execution| is_parked(&execution.state)).cloned().collect()
    }

    fn admitted(&self, scope: &[u8; 32]) -> Option<Admitted> {
        self.0.admitted.get(scope).cloned()
    }

    fn execution(&self, id: ExecutionId) -> Option<Execution> {
        self.0.executions.get(&id).cloned()
    }

    fn has_left(&self, _: &UserId) -> bool {
        false
    }

    fn comments(&self) -> u64 {
        0
    }

    fn checklist(&self) -> Vec<KeptItem> {
        Vec::new()
    }
}

impl Disk {
    /// As a store: everything that the change says, or nothing.
    pub(super) fn write(&mut self, change: Change) -> Option<Execution> {
        for attempt in change.ended.into_iter().chain(change.begun) {
            self.attempts.insert((attempt.execution, attempt.number), attempt);
        }
        if let Some(admitted) = change.admitted {
            self.admitted.insert(admitted.scope, admitted);
        }
        self.history.extend(change.history);
        for other in change.others {
            self.executions.insert(other.id, other);
        }
        if change.deletes_task {
            self.deleted.extend(self.task.take());
        }
        if let Some(task) = change.task {
            self.task = Some(task);
        }
        match change.execution? {
            ExecutionWrite::Insert(execution) => {
                assert!(!self.executions.contains_key(&execution.id), "inserted twice");
                self.executions.insert(execution.id, execution.clone());
                Some(execution)
            }
            ExecutionWrite::Update(execution) => {
                assert!(self.executions.insert(execution.id, execution.clone()).is_some(), "not there");
                Some(execution)
            }
            ExecutionWrite::Keep(execution) => Some(execution),
        }
    }
}
