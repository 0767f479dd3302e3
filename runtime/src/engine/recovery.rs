//! What a start finds unfinished: executions in mid-call become *unknown*, the others take their
//! places in the lanes, in their order, before anybody new can enter. They stay in the store until
//! their turn comes.

use std::{sync::Arc, time::Duration};

use actix::Addr;
use futures_util::{StreamExt, stream};

use super::{
    Shared, disk,
    router::{Resume, RouterActor},
};
use crate::{
    crash_point::crash_point,
    model::{Execution, ExecutionId, State, TaskId, perform},
    store::{StoreError, TaskKey},
};

/// Rows read at a time.
const PAGE: usize = 1_000;

/// What became of an unfinished execution.
enum Recovered {
    /// It had its task's turn, and goes on first.
    HadTurn(TaskId, ExecutionId),
    Waits(TaskId, ExecutionId),
    /// It has ended, or waits for the clock.
    IsParked,
}

impl Shared {
    /// Reads what is unfinished. Called once, before any engine starts. Answers how many there are.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let (mut after, mut count) = (None, 0);
        let (mut had_turns, mut waited) = (Vec::new(), Vec::new());
        loop {
            let page = self.store.open_executions(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            count += page.len();
            let writes = stream::iter(page).map(|execution| self.recover_one(execution));
            // Side by side, so that they share commits.
            let recovered: Vec<_> = writes.buffered(self.writes_at_once()).collect().await;
            for recovered in recovered {
                match recovered? {
                    Recovered::HadTurn(task, id) => had_turns.push((task, id)),
                    Recovered::Waits(task, id) => waited.push((task, id)),
                    Recovered::IsParked => {}
                }
            }
        }
        // Who had a turn keeps it: nobody is to come between two of its steps.
        for (task, id) in had_turns.into_iter().chain(waited) {
            self.lanes.enter_stored(task, id);
        }
        Ok(count)
    }

    /// What the crash made of an execution. One about which nothing can be written, because what it needs
    /// cannot be read, is left as it is: it must not keep the others from going on.
    async fn recover_one(&self, execution: Execution) -> Result<Recovered, StoreError> {
        let id = execution.id;
        match self.write_recovered(execution).await {
            Err(error) if !error.may_pass() && !matches!(error, StoreError::Closed) => {
                tracing::error!(%error, execution = %id, "an execution cannot be recovered; it stays as it is on disk");
                Ok(Recovered::IsParked)
            }
            recovered => recovered,
        }
    }

    async fn write_recovered(&self, execution: Execution) -> Result<Recovered, StoreError> {
        let (task, id) = (execution.task, execution.id);
        let step = match execution.state {
            // Only who has, or had, the turn knows the stage: it was cut off by the crash before last.
            State::Queued { .. } if execution.stage.is_some() => return Ok(Recovered::HadTurn(task, id)),
            State::Queued { .. } => return Ok(Recovered::Waits(task, id)),
            State::Retrying { .. } => return Ok(Recovered::HadTurn(task, id)),
            State::Running { step, .. } | State::Blocked { step, .. } => step,
            _ => return Ok(Recovered::IsParked),
        };
        let had_turn = matches!(execution.state, State::Running { .. });
        let plan = self.bare_plan(&execution);
        let title =
            plan.as_ref().map_or_else(|| format!("Step {}", step + 1), |plan| plan.action().step_title(step));
        let again = plan.as_ref().and_then(|plan| self.again_after_crash(plan, step, execution.tries));
        let now = self.clock.now();
        let again = again.map(|pause| now.checked_add(pause).unwrap_or(now));
        let decide: perform::Decide =
            Box::new(move |current| perform::recover(plan.as_ref(), &title, again, now, current));
        crash_point("recover.before");
        let committed = self.store.transact(TaskKey::Id(execution.task), Some(execution.id), decide).await?;
        crash_point("recover.after");
        let is_open = committed.execution.is_some_and(|execution| {
            matches!(execution.state, State::Queued { .. } | State::Retrying { .. })
        });
        Ok(match (is_open, had_turn) {
            (false, _) => Recovered::IsParked,
            (true, true) => Recovered::HadTurn(task, id),
            (true, false) => Recovered::Waits(task, id),
        })
    }

    /// After how long a step that a crash cut off is to be tried again, where its author wants that.
    fn again_after_crash(&self, plan: &perform::Plan, step: usize, tries: u32) -> Option<Duration> {
        let (step, _) = self.step_types.configure(plan.action().steps.get(step)?, &plan.workflow).ok()?;
        step.again_after_crash(tries)
    }
}

/// One thread's share: takes up stored executions whose turn has come, as fast as places become free.
pub(super) async fn take_up(shared: Arc<Shared>, router: Addr<RouterActor>) {
    loop {
        let mut ready = shared.lanes.next_ready().await;
        // Before it asks for another one: those who keep one must not wait for each other.
        ready.keeps = None;
        if shared.is_draining() {
            // It is on disk; the next start goes on with it.
            return;
        }
        let Ok(permit) = Arc::clone(&shared.permits).acquire_owned().await else { return };
        let (shared, router) = (Arc::clone(&shared), router.clone());
        actix::spawn(async move {
            let Some(execution) = disk::read(&shared, ready.execution).await else { return };
            if router.send(Resume { execution, ready, permit }).await.is_err() {
                tracing::error!("the router is gone; its executions go on after a restart");
            }
        });
    }
}
