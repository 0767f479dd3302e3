//! Executions between two tries of a step: they keep their tasks' turns, and nothing else that others
//! need.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Shared, lanes::Ready};
use crate::model::{Execution, ExecutionId, TaskId, Timestamp};

/// By when the next try is due. In memory only: the store has the instants, for the next start.
#[derive(Default)]
pub(super) struct Held(Mutex<BTreeMap<(Instant, ExecutionId), Ready>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, ExecutionId), Ready>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Keeps an execution's turn until it is to be tried again. A pause is a duration: once begun, the
    /// system's clock does not change it.
    pub(super) fn hold(&self, until: Timestamp, ready: Ready) {
        let pause = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        let id = ready.execution;
        self.held.lock().insert((Instant::now() + pause, id), ready);
        // Somebody may have cancelled it just before it was here to be found.
        if self.calls.was_cancelled(id) {
            self.hand_on(|_, execution| execution == id);
        }
        self.wakes.notify_one();
    }

    /// Hands on those whose next try is due; how long until the next one is.
    pub(super) fn release_due(self: &Arc<Self>) -> Option<Duration> {
        let mut held = self.held.lock();
        let now = Instant::now();
        while let Some(first) = held.first_entry() {
            let (due, _) = *first.key();
            if due > now {
                return Some(due - now);
            }
            self.lanes.make_ready(Ready { has_paused: true, ..first.remove() });
        }
        None
    }

    /// Lets go of an execution that has ended between two tries: its turn passes on. Whether it was here.
    pub(super) fn release(&self, execution: &Execution) -> bool {
        let mut held = self.held.lock();
        let key = held.keys().find(|(_, id)| *id == execution.id).copied();
        let released = key.and_then(|key| held.remove(&key));
        drop(held);
        let Some(Ready { turn, ended, .. }) = released else { return false };
        drop(turn);
        if let Some(ended) = ended {
            // Nobody may be waiting any more.
            let _ = ended.send(execution.clone());
        }
        true
    }

    /// A task is gone: what was to be tried again for it goes on to its end.
    pub(super) fn task_is_gone(&self, task: TaskId) {
        self.hand_on(|of, _| of == task);
    }

    /// Hands executions on before their time; what is on disk decides what becomes of them.
    fn hand_on(&self, which: impl Fn(TaskId, ExecutionId) -> bool) {
        let mut held = self.held.lock();
        let keys: Vec<_> = held
            .iter()
            .filter(|((_, id), ready)| which(ready.turn.task(), *id))
            .map(|(key, _)| *key)
            .collect();
        for ready in keys.iter().filter_map(|key| held.remove(key)).collect::<Vec<_>>() {
            self.lanes.make_ready(Ready { has_paused: true, ..ready });
        }
    }
}
