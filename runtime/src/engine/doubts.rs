//! Requests that were perhaps recorded although their callers were told that they were refused. What
//! was refused must not run: each is taken back as soon as the store works again.
//!
//! In memory only: after a crash nobody knows which these were, and the next start runs them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Shared;
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

#[derive(Default)]
pub(super) struct Doubts(Mutex<HashMap<ExecutionId, Doubt>>);

impl Doubts {
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Doubt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub(super) fn doubt(&self, doubt: Doubt) {
        self.doubts.lock().insert(doubt.execution, doubt);
        self.wakes.notify_one();
    }

    /// Whether an execution waits to be taken back.
    pub fn is_doubted(&self, execution: ExecutionId) -> bool {
        self.doubts.lock().contains_key(&execution)
    }

    /// Whether there are as many doubts as can be kept.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubts.lock().len() >= DOUBTS_MAX
    }

    /// Takes back what can be; the rest waits for the next time.
    pub(super) async fn settle_doubts(self: &Arc<Self>) {
        let doubts: Vec<_> = self.doubts.lock().values().cloned().collect();
        for Doubt { task, execution, place, before, plan } in doubts {
            let now = self.clock.now();
            let decide: perform::Decide =
                Box::new(move |current| perform::void(place, before, &plan, now, current));
            match self.store.transact(TaskKey::Id(task), Some(execution), decide).await {
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) if error.may_pass() => return,
                Err(error) => {
                    tracing::error!(%error, %execution, "what was refused cannot be taken back; the next start runs it");
                }
            }
            self.doubts.lock().remove(&execution);
        }
    }
}
