//! What people do to executions and their tasks beside performing actions: cancel, dismiss, delete; and
//! what is done when somebody leaves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{EngineError, Shared};
use crate::{
    model::{
        Execution, Performer, Place, TaskId, UserId,
        perform::{self, Plan},
    },
    store::{
        StoreError, TaskKey,
        admin::{AdminChange, By},
    },
};

/// Tasks of people who have left that are looked up at a time.
const LEFT_BEHIND_AT_ONCE: usize = 500;

/// The runs that are here, by their places in line, so that a cancellation reaches the one that it is
/// about: an execution that is retried has another place.
#[derive(Default)]
pub(super) struct Runs(Mutex<HashMap<Place, CancellationToken>>);

/// A run on the list, until this is dropped.
pub(super) struct Listed {
    runs: Arc<Runs>,
    place: Place,
    cancelled: CancellationToken,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, HashMap<Place, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the run is on disk as one that runs: whoever sees it there finds it here.
    pub(super) fn enter(self: &Arc<Self>, place: Place) -> Listed {
        let cancelled = CancellationToken::new();
        self.lock().insert(place, cancelled.clone());
        Listed { runs: Arc::clone(self), place, cancelled }
    }

    /// A run's end is on disk: its call is dropped, or does not begin.
    pub(super) fn cancel(&self, place: Place) {
        if let Some(cancelled) = self.lock().get(&place) {
            cancelled.cancel();
        }
    }
}

impl Listed {
    /// Makes a call unless it is cancelled; `None` when it was, before or under way.
    pub(super) async fn until_cancelled<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        if self.cancelled.is_cancelled() {
            return None;
        }
        self.cancelled.run_until_cancelled(call).await
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.place);
    }
}

/// Does something to its end, also when whoever asked for it goes away meanwhile.
async fn to_the_end<T: 'static>(
    work: impl Future<Output = Result<T, EngineError>> + 'static,
) -> Result<T, EngineError> {
    match actix::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(EngineError::ShuttingDown),
        },
    }
}

impl Shared {
    /// Cancels an execution: at once where it waits or stands between steps; in mid-call the call is
    /// dropped and the execution ends as *unknown*.
    pub async fn cancel(self: &Arc<Self>, execution: &Execution) -> Result<Execution, EngineError> {
        let (shared, execution) = (Arc::clone(self), execution.clone());
        to_the_end(async move {
            let (plan, now) = (shared.bare_plan(&execution), shared.clock.now());
            let decide: perform::Decide =
                Box::new(move |current| perform::cancel(plan.as_ref(), now, current));
            let cancelled = shared.decide(&execution, decide).await?;
            shared.runs.cancel(cancelled.place);
            shared.release(&cancelled);
            Ok(cancelled)
        })
        .await
    }

    /// Closes a failure.
    pub async fn dismiss(&self, execution: &Execution) -> Result<Execution, EngineError> {
        let now = self.clock.now();
        self.decide(execution, Box::new(move |current| perform::dismiss(now, current))).await
    }

    /// Deletes a task for good. What was parked for it ends; what runs or is queued ends in its turn.
    pub async fn delete_task(
        self: &Arc<Self>,
        task: TaskId,
        performer: Performer,
    ) -> Result<(), EngineError> {
        let shared = Arc::clone(self);
        to_the_end(async move {
            let now = shared.clock.now();
            let decide: perform::Decide =
                Box::new(move |current| perform::delete_task(performer, now, current));
            shared.store.transact(TaskKey::Id(task), None, decide).await?;
            shared.task_is_gone(task);
            Ok(())
        })
        .await
    }

    /// A user leaves: nothing new is done in their name, and what is assigned to them becomes nobody's.
    /// Executions in their name go on as they were recorded. Asked again, it does what an earlier time left.
    pub async fn remove_user(
        self: &Arc<Self>,
        user: UserId,
        performer: Performer,
    ) -> Result<(), EngineError> {
        let shared = Arc::clone(self);
        to_the_end(async move {
            // From here on nobody assigns another task to them; whatever comes between, it is done some time.
            let by = By { performer: performer.clone(), at: shared.clock.now() };
            shared.store.administer(AdminChange::RemoveUser(user.clone()), by).await?;
            shared.is_left_behind.store(true, Ordering::Relaxed);
            shared.refresh().await?;
            shared.unassign_left(Some(user), &performer).await
        })
        .await
    }

    /// What an earlier run, or a store that failed, has left to people who have left becomes nobody's.
    pub async fn unassign_left_behind(&self) {
        if self.is_left_behind.swap(false, Ordering::Relaxed) {
            // It says itself what it cannot do.
            let _ = self.unassign_left(None, &Performer::server()).await;
        }
    }

    /// What is assigned to a user who has left, or to any. Done to the last task that can be written; what
    /// failed and may pass is done later.
    async fn unassign_left(&self, user: Option<UserId>, performer: &Performer) -> Result<(), EngineError> {
        let (mut after, mut outcome) = (None, Ok(()));
        loop {
            let page = self.store.left_behind(user.clone(), after, LEFT_BEHIND_AT_ONCE).await;
            let page = page.inspect_err(|error| self.note_left_behind(error))?;
            let Some(last) = page.last() else { return outcome };
            after = Some(*last);
            let writes = stream::iter(page).map(|task| self.unassign(task, performer.clone()));
            let written: Vec<_> = writes.buffered(self.writes_at_once()).collect().await;
            for error in written.into_iter().filter_map(Result::err) {
                self.note_left_behind(&error);
                outcome = Err(error.into());
            }
        }
    }

    async fn unassign(&self, task: TaskId, performer: Performer) -> Result<(), StoreError> {
        let now = self.clock.now();
        let decide: perform::Decide = Box::new(move |current| perform::unassign(performer, now, current));
        self.store.transact(TaskKey::Id(task), None, decide).await?;
        Ok(())
    }

    fn note_left_behind(&self, error: &StoreError) {
        if error.may_pass() {
            tracing::info!(%error, "a task of somebody who has left could not be unassigned; it is tried again");
            self.is_left_behind.store(true, Ordering::Relaxed);
        } else {
            tracing::error!(%error, "a task of somebody who has left could not be unassigned");
        }
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
        Some(Plan {
            workflow: Arc::clone(workflow),
            action,
            chain: Arc::new([]),
            zone: workspace.zone.clone(),
        })
    }
}
