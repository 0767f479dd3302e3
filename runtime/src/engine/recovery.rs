//! What a start finds unfinished: executions in mid-call become *unknown*, the others take their
//! places in the lanes, in their order, before anybody new can enter.

use std::sync::{Arc, PoisonError};

use actix::Addr;
use futures_util::{StreamExt, stream};

use super::{
    Shared,
    lanes::Place,
    router::{Resume, RouterActor},
};
use crate::{
    model::{Execution, ExecutionId, State, perform},
    store::{StoreError, TaskKey},
};

/// Recovered executions that run at a time, beside those newly admitted. A number of their own: a
/// new execution that stands behind a recovered one must not take the place it needs.
pub(super) const AT_ONCE: usize = 256;

/// Rows read at a time.
const PAGE: usize = 1_000;

/// Crashed executions whose end is written at a time; the store's queue may be short.
const WRITES_AT_ONCE: usize = 64;

/// An unfinished execution, with its place in its task's lane.
pub(super) struct Pending {
    execution: Execution,
    place: Place,
}

impl Shared {
    /// Reads what is unfinished. Called once, before any engine starts. Answers how many there are.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let (mut after, mut count) = (None::<ExecutionId>, 0);
        loop {
            let page = self.store.open_executions(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.id);
            count += page.len();
            // Side by side, so that they share commits; then the lanes, in the page's order.
            let writes = stream::iter(page).map(|execution| self.recover_one(execution));
            let recovered: Vec<_> =
                writes.buffered(WRITES_AT_ONCE.min(self.settings.store_queue_max)).collect().await;
            for execution in recovered {
                self.enter_lane(execution?);
            }
        }
    }

    /// What the crash made of an execution, on disk.
    async fn recover_one(&self, execution: Execution) -> Result<Execution, StoreError> {
        let State::Running { step, .. } = execution.state else { return Ok(execution) };
        let title = self.step_title(&execution, step);
        let (before, now) = (execution.clone(), self.clock.now());
        let decide: perform::Decide = Box::new(move |_| Ok(perform::recover(before, &title, now)));
        let committed = self.store.transact(TaskKey::Id(execution.task), decide).await?;
        Ok(committed.execution.unwrap_or(execution))
    }

    fn enter_lane(&self, execution: Execution) {
        if !execution.state.is_final() {
            let (place, ()) = self.lanes.enter(execution.task, || ());
            self.pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(Pending { execution, place });
        }
    }

    fn step_title(&self, execution: &Execution, step: usize) -> String {
        let workspace = self.workspace.current();
        let workflow = workspace.version(&execution.workflow, execution.version);
        let action = workflow.and_then(|workflow| workflow.action(execution.action.as_str()));
        action.map_or_else(|| format!("Step {}", step + 1), |action| action.step_title(step))
    }

    fn next_pending(&self) -> Option<Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// One thread's share: takes up what is pending, oldest first, as fast as places become free. In this
/// order whoever holds a turn has a place before those who wait for it.
pub(super) async fn take_up(shared: Arc<Shared>, router: Addr<RouterActor>) {
    loop {
        let Ok(permit) = Arc::clone(&shared.recovering).acquire_owned().await else { return };
        let Some(Pending { execution, place }) = shared.next_pending() else { return };
        let workspace = shared.workspace.current();
        let workflow = workspace.version(&execution.workflow, execution.version).cloned();
        let action = workflow
            .as_ref()
            .and_then(|workflow| workflow.actions.iter().position(|action| action.id == execution.action));
        let (Some(workflow), Some(action)) = (workflow, action) else {
            tracing::error!(execution = %execution.id, "its workflow version cannot be read; it stays pending");
            continue;
        };
        let router = router.clone();
        actix::spawn(async move {
            let turn = match place {
                Place::Now(turn) => turn,
                Place::Queued(turn) => match turn.await {
                    Ok(turn) => turn,
                    Err(_) => return,
                },
            };
            if router.send(Resume { execution, workflow, action, turn, permit }).await.is_err() {
                tracing::error!("the router is gone; its executions go on after a restart");
            }
        });
    }
}
