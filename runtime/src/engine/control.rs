//! What people do to executions and their tasks beside performing actions: cancel, dismiss, delete.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::future::{AbortHandle, AbortRegistration};

use super::{EngineError, Shared};
use crate::{
    model::{
        Execution, ExecutionId, Performer, State, TaskId, UserId,
        perform::{self, Plan},
    },
    store::{StoreError, TaskKey},
};

/// Calls that are under way, by their executions, so that they can be dropped.
#[derive(Default)]
pub(super) struct Calls(Mutex<HashMap<ExecutionId, Call>>);

enum Call {
    Running(AbortHandle),
    /// It was cancelled before it was here to be dropped: it must not begin.
    Cancelled,
}

/// Takes a call off the list when it ends, however it ends.
pub(super) struct CallGuard<'a> {
    calls: &'a Calls,
    execution: ExecutionId,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, execution: ExecutionId) -> (CallGuard<'_>, AbortRegistration) {
        let (handle, registration) = AbortHandle::new_pair();
        if let Some(Call::Cancelled) = self.lock().insert(execution, Call::Running(handle.clone())) {
            handle.abort();
        }
        (CallGuard { calls: self, execution }, registration)
    }

    /// Drops a call, or notes that it is not to begin.
    fn cancel(&self, execution: ExecutionId) {
        match self.lock().entry(execution).or_insert(Call::Cancelled) {
            Call::Running(handle) => handle.abort(),
            Call::Cancelled => {}
        }
    }

    /// Whether an execution was cancelled while nobody could be told.
    pub(super) fn was_cancelled(&self, execution: ExecutionId) -> bool {
        matches!(self.lock().remove(&execution), Some(Call::Cancelled))
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.execution);
    }
}

impl Shared {
    /// Cancels an execution: at once where it waits or stands between steps; in mid-call the call is
    /// dropped and the execution ends as *unknown*.
    pub async fn cancel(&self, execution: &Execution) -> Result<Execution, EngineError> {
        let plan = self.bare_plan(execution);
        let now = self.clock.now();
        let is_here = Arc::new(AtomicBool::new(false));
        let was_here = Arc::clone(&is_here);
        let decide: perform::Decide = Box::new(move |current| {
            let state = current.execution.map(|execution| &execution.state);
            let runs = matches!(state, Some(State::Running { .. } | State::Retrying { .. }));
            was_here.store(runs, Ordering::Relaxed);
            perform::cancel(plan.as_ref(), now, current)
        });
        let cancelled = self.decide(execution, decide).await?;
        // Its end is on disk; whatever a call still brings is not heard.
        if is_here.load(Ordering::Relaxed) && !self.release(&cancelled) {
            self.calls.cancel(execution.id);
        }
        Ok(cancelled)
    }

    /// Closes a failure.
    pub async fn dismiss(&self, execution: &Execution) -> Result<Execution, EngineError> {
        let now = self.clock.now();
        self.decide(execution, Box::new(move |current| perform::dismiss(now, current))).await
    }

    /// Deletes a task for good. What was parked for it ends; what runs or is queued ends in its turn.
    pub async fn delete_task(&self, task: TaskId, performer: Performer) -> Result<(), EngineError> {
        let now = self.clock.now();
        let decide: perform::Decide = Box::new(move |current| perform::delete_task(performer, now, current));
        self.store.transact(TaskKey::Id(task), None, decide).await?;
        self.task_is_gone(task);
        Ok(())
    }

    /// What is assigned to a user who has left becomes nobody's. Executions in their name go on as they
    /// were recorded. Asked again, it does what an earlier time has left.
    pub async fn unassign_tasks(&self, user: UserId, performer: Performer) -> Result<(), EngineError> {
        let workspace = self.workspace.current();
        for (task, workflow) in self.store.assigned_tasks(user.clone()).await? {
            let Some(published) = workspace.workflow(workflow.as_str()) else { continue };
            let (user, performer) = (user.clone(), performer.clone());
            let (workflow, now) = (Arc::clone(&published.workflow), self.clock.now());
            let decide: perform::Decide =
                Box::new(move |current| perform::unassign(&user, performer, &workflow, now, current));
            self.store.transact(TaskKey::Id(task), None, decide).await?;
        }
        Ok(())
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
}
