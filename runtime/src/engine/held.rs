//! Executions between two tries of a step: they keep their tasks' turns, and nothing else that others
//! need.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Shared, disk, lanes::Ready};
use crate::{
    model::{Execution, Place, State, TaskId, Timestamp},
    step::PAUSE_MAX,
};

/// By when the next try is due, and their places in line. In memory only: the store has the instants,
/// for the next start.
#[derive(Default)]
pub(super) struct Held(Mutex<BTreeMap<(Instant, Place), Ready>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, Place), Ready>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets all go: they are on disk, and the next start goes on with them. Called while draining.
    pub(super) fn clear(&self) {
        // Not while it is locked: turns pass on.
        let held = std::mem::take(&mut *self.lock());
        drop(held);
    }
}

#[cfg(test)]
impl Shared {
    pub(super) fn held_is_empty(&self) -> bool {
        self.held.lock().is_empty()
    }

    /// Takes out all.
    pub(super) fn take_held(&self) -> Vec<Ready> {
        self.take_out(|_, _| true)
    }
}

/// How long it rests while nothing is held.
const REST: Duration = Duration::from_secs(60);

/// Hands on whose next try is due, until the server drains. Every engine has one, so that one goes on when
/// another's thread is gone.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.is_draining() {
        let rest = shared.release_due().unwrap_or(REST);
        let _ = tokio::time::timeout(rest, shared.held_anew.notified()).await;
    }
}

impl Shared {
    /// Keeps an execution's turn until it is to be tried again. A pause is a duration: once begun, the
    /// system's clock does not change it; and none is longer than a step may ask for, though the clock was
    /// set back while the server was not running.
    pub(super) fn hold(self: &Arc<Self>, execution: &Execution, until: Timestamp, ready: Ready) {
        let pause = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        let mut held = self.held.lock();
        if self.is_draining() {
            return drop((held, ready));
        }
        held.insert((Instant::now() + pause.min(PAUSE_MAX), execution.place), ready);
        drop(held);
        self.held_anew.notify_one();
        actix::spawn(look_again(Arc::clone(self), execution.clone()));
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

    /// Lets go of an execution that has ended between two tries: its turn passes on.
    pub(super) fn release(&self, execution: &Execution) {
        for Ready { turn, ended, .. } in self.take_out(|_, place| place == execution.place) {
            drop(turn);
            if let Some(ended) = ended {
                // Nobody may be waiting any more.
                let _ = ended.send(execution.clone());
            }
        }
    }

    /// A task is gone: what was to be tried again for it goes on to its end.
    pub(super) fn task_is_gone(&self, task: TaskId) {
        self.hand_on(|of, _| of == task);
    }

    /// Hands executions on before their time; what is on disk decides what becomes of them.
    fn hand_on(&self, which: impl Fn(TaskId, Place) -> bool) {
        for ready in self.take_out(which) {
            self.lanes.make_ready(Ready { has_paused: true, ..ready });
        }
    }

    fn take_out(&self, which: impl Fn(TaskId, Place) -> bool) -> Vec<Ready> {
        let mut held = self.held.lock();
        held.extract_if(.., |(_, place), ready| which(ready.turn.task(), *place))
            .map(|(_, ready)| ready)
            .collect()
    }
}

/// Somebody may have ended it just before it was here to be found.
async fn look_again(shared: Arc<Shared>, execution: Execution) {
    let Some(found) = disk::read(&shared, execution.id).await else { return };
    if found.place != execution.place || !matches!(found.state, State::Retrying { .. }) {
        shared.hand_on(|_, place| place == execution.place);
    }
}
