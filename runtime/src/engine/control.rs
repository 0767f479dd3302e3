//! What people do to executions beside performing actions: cancel, dismiss. And what the engines of
//! all threads share to do it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::{AbortHandle, AbortRegistration};

use super::{EngineError, Shared, lanes::Ready, waker::Doubt};
use crate::{
    model::{Execution, ExecutionId, State, Timestamp, perform, perform::Plan},
    store::{StoreError, TaskKey},
};

/// Recorded requests whose callers were told otherwise; while so many wait, new ones are refused
/// unseen.
const DOUBTS_MAX: usize = 10_000;

/// Calls that are under way, by their executions, so that they can be dropped.
#[derive(Default)]
pub(super) struct Calls(Mutex<HashMap<ExecutionId, AbortHandle>>);

/// Takes a call off the list when it ends, however it ends.
pub(super) struct CallGuard<'a> {
    calls: &'a Calls,
    execution: ExecutionId,
}

impl Calls {
    pub(super) fn enter(&self, execution: ExecutionId) -> (CallGuard<'_>, AbortRegistration) {
        let (handle, registration) = AbortHandle::new_pair();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(execution, handle);
        (CallGuard { calls: self, execution }, registration)
    }

    fn drop_call(&self, execution: ExecutionId) {
        if let Some(handle) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&execution) {
            handle.abort();
        }
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.execution);
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Instant, ExecutionId), Ready>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests that were recorded although their callers were told otherwise.
#[derive(Default)]
pub(super) struct Doubts(Mutex<VecDeque<Doubt>>);

/// Executions between two tries, by when the next one is due.
#[derive(Default)]
pub(super) struct Held(Mutex<BTreeMap<(Instant, ExecutionId), Ready>>);

impl Shared {
    /// Keeps an execution's turn until it is to be tried again. A pause is a duration: once begun, the
    /// system's clock does not change it.
    pub(super) fn hold(self: &Arc<Self>, until: Timestamp, ready: Ready) {
        let pause = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        let id = ready.execution;
        self.held.lock().insert((Instant::now() + pause, id), ready);
        self.wakes.notify_one();
        // Somebody may have cancelled it just before it was here to be found.
        let shared = Arc::clone(self);
        actix::spawn(async move {
            if let Ok(Some(found)) = shared.store.execution(id).await
                && !matches!(found.execution.state, State::Retrying { .. })
            {
                shared.release(&found.execution);
            }
        });
    }

    /// Hands on those whose next try is due; how long until the next one is.
    pub(super) fn release_due(&self) -> Option<Duration> {
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

    /// Lets go of an execution that has ended between two tries; its turn passes on.
    fn release(&self, execution: &Execution) {
        let mut held = self.held.lock();
        let key = held.keys().find(|(_, id)| *id == execution.id).copied();
        let released = key.and_then(|key| held.remove(&key));
        drop(held);
        if let Some(Ready { turn, ended, .. }) = released {
            drop(turn);
            if let Some(ended) = ended {
                // Nobody may be waiting any more.
                let _ = ended.send(execution.clone());
            }
        }
    }

    /// Cancels an execution: at once where it waits or stands between steps; in mid-call the call is
    /// dropped and the execution ends as *unknown*.
    pub async fn cancel(&self, execution: &Execution) -> Result<Execution, EngineError> {
        let plan = self.bare_plan(execution);
        let now = self.clock.now();
        let decide: perform::Decide = Box::new(move |current| perform::cancel(plan.as_ref(), now, current));
        let cancelled = self.decide(execution, decide).await?;
        // Its end is on disk; whatever the call still brings is not heard.
        self.calls.drop_call(execution.id);
        self.release(&cancelled);
        Ok(cancelled)
    }

    /// Closes a failure.
    pub async fn dismiss(&self, execution: &Execution) -> Result<Execution, EngineError> {
        let now = self.clock.now();
        self.decide(execution, Box::new(move |current| perform::dismiss(now, current))).await
    }

    async fn decide(&self, execution: &Execution, decide: perform::Decide) -> Result<Execution, EngineError> {
        let committed = self.store.transact(TaskKey::Id(execution.task), Some(execution.id), decide).await?;
        committed
            .execution
            .ok_or_else(|| StoreError::Corrupt("a decision without its execution".to_owned()).into())
    }

    /// The action of an execution, for decisions after which no step begins; `None` when its version
    /// cannot be read.
    pub(super) fn bare_plan(&self, execution: &Execution) -> Option<Plan> {
        let workspace = self.workspace.current();
        let workflow = workspace.version(&execution.workflow, execution.version)?;
        let action = workflow.actions.iter().position(|action| action.id == execution.action)?;
        Some(Plan { workflow: Arc::clone(workflow), action, chain: Arc::new([]) })
    }

    /// Notes that something was perhaps recorded though its caller is told otherwise.
    pub(super) fn doubt(&self, doubt: Doubt) {
        self.doubts.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(doubt);
        self.wakes.notify_one();
    }

    /// Whether there are as many doubts as can be kept.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubts.0.lock().unwrap_or_else(PoisonError::into_inner).len() >= DOUBTS_MAX
    }

    pub(super) fn first_doubt(&self) -> Option<Doubt> {
        self.doubts.0.lock().unwrap_or_else(PoisonError::into_inner).front().cloned()
    }

    pub(super) fn forget_doubt(&self, execution: ExecutionId) {
        self.doubts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|doubt| doubt.execution != execution);
    }
}
