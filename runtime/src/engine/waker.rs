//! What the clock calls for: waiting executions are woken, scheduled stage changes carried out; and what
//! was refused and yet recorded is taken back.
//!
//! Every engine has a waker; they take turns, so that one goes on when another's thread is gone. What
//! one cannot do holds up nothing else.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use super::{Shared, disk};
use crate::{
    crash_point::crash_point,
    model::{Execution, State, TaskId, Timestamp, WorkflowId, perform},
    store::{Due, TaskKey},
};

/// The longest it rests: the system's clock may have been set meanwhile.
const REST_MAX: Duration = Duration::from_secs(1);

/// How many of each kind one round wakes.
const AT_ONCE: usize = 500;

/// Runs until the server drains.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.is_draining() {
        let rest = {
            let _turn = shared.waking.lock().await;
            round(&shared).await
        };
        // A new wait may be shorter than the rest; whoever begins one says so.
        let _ = tokio::time::timeout(rest, shared.wakes.notified()).await;
    }
}

/// Does what is due; how long there is nothing more.
async fn round(shared: &Arc<Shared>) -> Duration {
    shared.settle_doubts().await;
    let now = shared.clock.now();
    let workspace = shared.workspace.current();
    let readable = workspace.workflows.iter().map(|published| published.workflow.id.clone());
    let Due { executions, schedules, next } = match shared.store.due(now, readable.collect(), AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "what is due could not be read; it is tried again");
            return REST_MAX;
        }
    };
    let is_full = executions.len() == AT_ONCE || schedules.len() == AT_ONCE;
    let writes = shared.writes_at_once();
    let woken = stream::iter(executions).map(|execution| wake(shared, execution, now));
    let moved = stream::iter(schedules).map(|(task, workflow)| move_task(shared, task, workflow, now));
    let woken: Vec<_> = woken.buffered(writes).collect().await;
    let moved: Vec<_> = moved.buffered(writes).collect().await;
    if is_full && woken.into_iter().chain(moved).any(|is_done| is_done) {
        return Duration::ZERO;
    }
    let until_next = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
    until_next.unwrap_or(REST_MAX).min(REST_MAX)
}

/// Wakes an execution, and puts it at the back of its task's line. Whether that could be done.
async fn wake(shared: &Arc<Shared>, execution: Execution, now: Timestamp) -> bool {
    let place = shared.ids.place();
    let (task, id) = (execution.task, execution.id);
    crash_point("wake.before");
    let woken =
        disk::persist(shared, task, id, || Box::new(move |current| perform::wake(place, now, current)));
    let Some(woken) = woken.await else { return false };
    crash_point("wake.after");
    // Somebody may have cancelled it since it was read.
    let is_queued = |woken: Execution| matches!(woken.state, State::Queued { .. }) && woken.place == place;
    if woken.execution.is_some_and(is_queued) {
        tracing::debug!(execution = %id, "an execution was woken");
        shared.lanes.enter_stored(task, id);
    }
    true
}

/// Carries a scheduled stage change out. Whether that could be done.
async fn move_task(shared: &Arc<Shared>, task: TaskId, workflow: WorkflowId, now: Timestamp) -> bool {
    let workspace = shared.workspace.current();
    let Some(published) = workspace.workflow(workflow.as_str()) else { return false };
    let workflow = Arc::clone(&published.workflow);
    let decide: perform::Decide = Box::new(move |current| perform::run_schedule(&workflow, now, current));
    crash_point("schedule.before");
    let moved = shared.store.transact(TaskKey::Id(task), None, decide).await;
    crash_point("schedule.after");
    moved
        .inspect_err(
            |error| tracing::error!(%error, %task, "a scheduled stage change waits; it is tried again"),
        )
        .is_ok()
}
