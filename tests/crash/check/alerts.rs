//! "Unattended failures tell someone."

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Checked, Evidence, Violation};
use crate::{snapshot::Id, support::Receiver};

/// What the messages told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) executions: BTreeSet<Id>,
    /// Failures that were too many to be told one by one.
    pub(crate) unlisted: u64,
}

impl Told {
    pub(crate) fn by(receiver: &Receiver) -> Self {
        let (mut told, mut ids) = (Self::default(), BTreeSet::new());
        for message in receiver.received() {
            if !ids.insert(message.header("webhook-id").map(str::to_owned)) {
                continue;
            }
            let message: Value = serde_json::from_str(&message.body).expect("an alert is JSON");
            let failures = message["data"]["failures"].as_array().expect("a list");
            let count = message["data"]["count"].as_u64().expect("a number");
            told.unlisted += count - failures.len() as u64;
            let ids = failures.iter().filter_map(|failure| failure["execution"].as_str());
            told.executions.extend(ids.map(str::to_owned));
        }
        told
    }
}

/// Whoever waits hears of a failure, and who cancels or retries knows; of all others somebody is told, or
/// is still to be told: it stands in the store.
pub(super) fn failures_are_told(evidence: &Evidence<'_>) -> Checked {
    let Evidence { snapshot, notes, told, .. } = evidence;
    let by_key = notes.keys.values().filter(|key| key.is_awaited).flat_map(|key| &key.ids);
    let awaited: BTreeSet<_> = notes.awaited.iter().chain(by_key).collect();
    let is_missed = |id: &&Id| {
        let has_failed =
            snapshot.executions.get(*id).is_some_and(|it| matches!(it.state.as_str(), "failed" | "unknown"));
        let is_known = awaited.contains(id) || notes.cancelled.contains(*id) || notes.retries_of(id) > 0;
        has_failed && !is_known && !told.executions.contains(*id) && !snapshot.untold.contains(*id)
    };
    let missed: Vec<_> = notes.acknowledged.iter().filter(is_missed).collect();
    match missed.first() {
        Some(id) if missed.len() as u64 > told.unlisted => {
            Err(Violation::of(id, "it failed, nobody waited, and nobody is told"))
        }
        _ => Ok(()),
    }
}
