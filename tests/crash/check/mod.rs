//! What must hold when everything has come to rest. Each check quotes its rule; the first thing found
//! ends the run.

mod alerts;
mod calls;
mod history;
mod lives;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::{alerts::Told, calls::none_is_unrecorded};
use crate::{
    notes::Notes,
    receiver::Call,
    snapshot::{Id, Snapshot},
};

/// What is wrong, and with which execution or task.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) what: String,
    pub(crate) about: Option<Id>,
}

pub(crate) type Checked = Result<(), Violation>;

impl Violation {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), about: None }
    }

    fn of(id: &str, what: impl Into<String>) -> Self {
        Self { what: what.into(), about: Some(id.to_owned()) }
    }
}

/// A call under way at a kill, as the disk knew it: an execution, and the number of its attempt.
pub(crate) type MidCall = (Id, usize);

/// All that the checks look at.
pub(crate) struct Evidence<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) notes: &'a Notes,
    pub(crate) ledger: &'a [Call],
    pub(crate) told: &'a Told,
    /// In mid-call at some kill, ever.
    pub(crate) interrupted: &'a BTreeSet<MidCall>,
    /// In mid-call at a kill since the last check: nobody has touched them since.
    pub(crate) just_interrupted: &'a BTreeSet<MidCall>,
}

impl Evidence<'_> {
    pub(crate) fn check(&self) -> Checked {
        lives::acknowledged_ones_are_there(self)?;
        lives::nobody_runs_unasked(self)?;
        lives::attempts_are_numbered(self)?;
        lives::ends_have_their_attempts(self)?;
        lives::unknown_are_those_in_mid_call(self)?;
        calls::none_is_unrecorded(self.snapshot, self.ledger)?;
        calls::none_ran_twice(self)?;
        calls::answers_are_those_of_the_calls(self)?;
        history::values_equal_the_replay(self.snapshot)?;
        history::edits_are_kept(self)?;
        history::writers_are_steps(self.snapshot)?;
        turns::one_writer_at_a_time(self)?;
        turns::first_come_first_begun(self)?;
        turns::delays_are_waited_for(self.snapshot)?;
        alerts::failures_are_told(self)
    }
}

/// Calls of the ledger by what they are for: an execution and a step's id.
fn by_step(ledger: &[Call]) -> BTreeMap<(&str, &str), Vec<(usize, &Call)>> {
    let mut calls = BTreeMap::<_, Vec<_>>::new();
    for (number, call) in ledger.iter().enumerate() {
        let name = call.webhook_id.strip_prefix("msg_").and_then(|name| name.split_once('_'));
        calls.entry(name.unwrap_or(("", &call.webhook_id))).or_default().push((number, call));
    }
    calls
}

#[cfg(test)]
mod tests;
