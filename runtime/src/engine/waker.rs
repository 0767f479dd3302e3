//! What the clock calls for: waiting executions are woken, scheduled stage changes carried out, and
//! what was recorded although its caller was told otherwise is taken back.
//!
//! Everything it knows is in the store, so a restart changes nothing. Every engine has one; they take
//! turns, so that one goes on when another's thread is gone.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use super::Shared;
use crate::{
    crash_point::crash_point,
    model::{Execution, Place, State, TaskId, Timestamp, WorkflowId, perform},
    store::{Due, StoreError, TaskKey},
};

/// The longest it rests: the system's clock may have been set meanwhile.
const REST_MAX: Duration = Duration::from_secs(1);

/// How many of each kind one round wakes.
const AT_ONCE: usize = 500;

/// Writes side by side; the store's queue may be short.
const WRITES_AT_ONCE: usize = 64;

/// Recorded, and its caller was told that it was not: to be taken back when the store works again.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub(super) task: TaskId,
    pub(super) execution: crate::model::ExecutionId,
    pub(super) place: Place,
    /// The state before; `None` for a new execution.
    pub(super) before: Option<State>,
}

/// Runs until the server drains.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.is_draining() {
        let rest = {
            let _turn = shared.waking.lock().await;
            round(&shared).await.unwrap_or_else(|error| {
                tracing::error!(%error, "what is due could not be read or written; it is tried again");
                REST_MAX
            })
        };
        // A new wait may be shorter than the rest; whoever begins one says so.
        let _ = tokio::time::timeout(rest, shared.wakes.notified()).await;
    }
}

/// Does what is due; how long there is nothing more.
async fn round(shared: &Arc<Shared>) -> Result<Duration, StoreError> {
    settle_doubts(shared).await?;
    let now = shared.clock.now();
    let Due { executions, schedules, next } = shared.store.due(now, AT_ONCE).await?;
    let is_full = executions.len() == AT_ONCE || schedules.len() == AT_ONCE;
    let writes = WRITES_AT_ONCE.min(shared.settings.store_queue_max);
    let woken = stream::iter(executions).map(|execution| wake(shared, execution, now));
    let moved = stream::iter(schedules).map(|(task, workflow)| move_task(shared, task, workflow, now));
    let woken: Vec<_> = woken.buffered(writes).collect().await;
    let moved: Vec<_> = moved.buffered(writes).collect().await;
    woken.into_iter().chain(moved).collect::<Result<(), _>>()?;
    let until = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
    let rest = until.into_iter().chain(shared.release_due()).min().unwrap_or(REST_MAX);
    Ok(if is_full { Duration::ZERO } else { rest.min(REST_MAX) })
}

/// Wakes an execution, and puts it at the back of its task's line.
async fn wake(shared: &Arc<Shared>, execution: Execution, now: Timestamp) -> Result<(), StoreError> {
    let place = shared.ids.place();
    let (task, id) = (execution.task, execution.id);
    crash_point("wake.before");
    let decide: perform::Decide = Box::new(move |current| perform::wake(place, now, current));
    let committed = match shared.store.transact(TaskKey::Id(task), Some(id), decide).await {
        Err(StoreError::Refused(refusal)) => {
            tracing::error!(%refusal, execution = %id, "a waiting execution cannot be woken");
            return Ok(());
        }
        committed => committed?,
    };
    crash_point("wake.after");
    // Somebody may have cancelled it since it was read.
    if committed
        .execution
        .is_some_and(|woken| matches!(woken.state, State::Queued { .. }) && woken.place == place)
    {
        tracing::debug!(execution = %id, "an execution was woken");
        shared.lanes.enter_stored(task, id);
    }
    Ok(())
}

/// Carries a scheduled stage change out.
async fn move_task(
    shared: &Arc<Shared>,
    task: TaskId,
    workflow: WorkflowId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let workspace = shared.workspace.current();
    let Some(published) = workspace.workflow(workflow.as_str()) else {
        tracing::error!(%task, %workflow, "a scheduled stage change waits: its workflow cannot be read");
        return Ok(());
    };
    let workflow = Arc::clone(&published.workflow);
    let decide: perform::Decide = Box::new(move |current| perform::run_schedule(&workflow, now, current));
    crash_point("schedule.before");
    shared.store.transact(TaskKey::Id(task), None, decide).await?;
    crash_point("schedule.after");
    Ok(())
}

async fn settle_doubts(shared: &Arc<Shared>) -> Result<(), StoreError> {
    while let Some(doubt) = shared.first_doubt() {
        let Doubt { task, execution, place, before } = doubt;
        let now = shared.clock.now();
        let decide: perform::Decide = Box::new(move |current| perform::void(place, before, now, current));
        match shared.store.transact(TaskKey::Id(task), Some(execution), decide).await {
            Ok(_) | Err(StoreError::Refused(_)) => shared.forget_doubt(execution),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
