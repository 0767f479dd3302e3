//! Requests that were perhaps recorded although their callers were told that they were refused. What
//! was refused must not run: each is taken back as soon as the store works again.
//!
//! In memory only: after a crash nobody knows which these were, and the next start runs them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use super::{EngineError, Shared, disk::DOUBTFUL_TRIES_MAX};
use crate::{
    model::{
        Execution, ExecutionId, Place, TaskId,
        perform::{self, Plan},
    },
    store::{StoreError, TaskKey},
};

/// While so many wait, new requests are refused unseen.
const DOUBTS_MAX: usize = 10_000;

#[derive(Clone)]
pub(super) struct Doubt {
    pub(super) task: TaskId,
    pub(super) execution: ExecutionId,
    pub(super) place: Place,
    /// What it was before; `None` for a new execution.
    pub(super) before: Option<Execution>,
    pub(super) plan: Plan,
}

/// By their places: an execution may be in doubt more than once.
#[derive(Default)]
pub(super) struct Doubts {
    open: Mutex<HashMap<Place, (Doubt, u32)>>,
    /// Requests that the store has not answered yet, whose repetitions wait for that.
    asked: Mutex<HashMap<ExecutionId, watch::Sender<()>>>,
}

/// A request that the store has not answered yet, until this is dropped.
pub(super) struct Asked<'a>(&'a Doubts, ExecutionId);

impl Doubts {
    fn open(&self) -> MutexGuard<'_, HashMap<Place, (Doubt, u32)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<ExecutionId, watch::Sender<()>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn asking(&self, execution: ExecutionId) -> Asked<'_> {
        self.asked().insert(execution, watch::Sender::new(()));
        Asked(self, execution)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.asked().remove(&self.1);
    }
}

impl Shared {
    pub(super) fn doubt(&self, doubt: Doubt) {
        self.doubts.open().insert(doubt.place, (doubt, DOUBTFUL_TRIES_MAX));
        self.wakes.notify_one();
    }

    /// What was admitted with an idempotency key, for a request that repeats it: waits until the first one
    /// is answered. `None` when that was refused and taken back: then its key is not used.
    pub async fn admitted(&self, execution: ExecutionId) -> Result<Option<Execution>, EngineError> {
        let answered = self.doubts.asked().get(&execution).map(watch::Sender::subscribe);
        if let Some(mut answered) = answered {
            // It never changes; it ends.
            let _ = answered.changed().await;
        }
        if self.doubts.open().values().any(|(doubt, _)| doubt.execution == execution) {
            return Err(EngineError::InDoubt);
        }
        // After that: what was taken back meanwhile says so.
        let found = self.store.execution(execution).await?;
        Ok(found.filter(|execution| !perform::is_not_acknowledged(execution)))
    }

    /// Whether there are as many doubts as can be kept.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubts.open().len() >= DOUBTS_MAX
    }

    /// Takes back what can be; the rest waits for the next time.
    pub(super) async fn settle_doubts(&self) {
        let doubts: Vec<_> = self.doubts.open().values().map(|(doubt, _)| doubt.clone()).collect();
        let settling = stream::iter(doubts).map(|doubt| self.settle(doubt));
        settling.buffered(self.writes_at_once()).for_each(|()| std::future::ready(())).await;
    }

    async fn settle(&self, doubt: Doubt) {
        let Doubt { task, execution, place, before, plan } = doubt;
        let now = self.clock.now();
        let decide: perform::Decide =
            Box::new(move |current| perform::void(place, before, &plan, now, current));
        let settled = self.store.transact(TaskKey::Id(task), Some(execution), decide).await;
        let mut open = self.doubts.open();
        match settled {
            Ok(_) | Err(StoreError::Refused(_)) => {
                open.remove(&place);
            }
            Err(error) if error.may_pass() => {}
            Err(error) => match open.get_mut(&place) {
                Some((_, left)) if *left > 0 => *left -= 1,
                _ => {
                    tracing::error!(%error, %execution, "what was refused cannot be taken back; the next start runs it");
                    open.remove(&place);
                }
            },
        }
    }
}
