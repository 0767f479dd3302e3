//! What people know: what they asked for, and what they were told. The checks hold the server to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::Id;

/// An `Idempotency-Key` that was used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key {
    /// The executions that it was answered with.
    pub(crate) ids: BTreeSet<Id>,
    /// Whether some request with it may have been carried out unknown to its sender.
    pub(crate) is_in_doubt: bool,
    /// Whether some request with it waited for the end.
    pub(crate) is_awaited: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Executions that were answered with a 201.
    pub(crate) acknowledged: BTreeSet<Id>,
    /// The same, in the order of the answers.
    pub(crate) recent: Vec<Id>,
    /// Executions whose end somebody waits, or has waited, for.
    pub(crate) awaited: BTreeSet<Id>,
    /// Executions whose success somebody was told of.
    pub(crate) succeeded: BTreeSet<Id>,
    /// Company names that somebody wrote, and was told so.
    pub(crate) written: BTreeSet<String>,
    /// Requests without a key whose senders do not know what became of them.
    pub(crate) in_doubt: usize,
    pub(crate) keys: BTreeMap<String, Key>,
    /// Requests with keys, to be repeated.
    pub(crate) keyed: Vec<(String, String)>,
    /// How often each execution was retried, at most.
    pub(crate) retries: BTreeMap<Id, usize>,
    /// Executions that were perhaps cancelled.
    pub(crate) cancelled: BTreeSet<Id>,
    /// Answers that must not come.
    pub(crate) wrong: Vec<String>,
    pub(crate) requests: u64,
}

impl Notes {
    pub(crate) fn retries_of(&self, execution: &str) -> usize {
        self.retries.get(execution).copied().unwrap_or(0)
    }

    /// The most executions that there can be.
    pub(crate) fn executions_max(&self) -> usize {
        let keys = self.keys.values().filter(|key| key.is_in_doubt && key.ids.is_empty()).count();
        self.acknowledged.len() + self.in_doubt + keys
    }
}
