//! A step actor: owns one configured step, runs it, has the outcome recorded, and forwards.

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr, Context, Handler, Message};
use futures_util::{
    FutureExt,
    future::{Abortable, Aborted},
};
use tracing::Instrument;

use super::{Run, STORE_RETRY_FIRST, STORE_RETRY_LAST, Shared, chain, router::RouterActor};
use crate::{
    crash_point::crash_point,
    model::{
        Execution, ExecutionId, State, TaskId,
        execution::Effects,
        perform::{self, At, Decide, StepReport},
    },
    step::{Call, Outcome, Resources, Step},
    store::{Committed, StoreError, TaskKey},
};

/// Runs this actor's step for an execution.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct RunStep(pub(super) Box<Run>);

pub(super) struct StepActor {
    place: Rc<Place>,
}

/// What a run of the step needs, shared by the runs that are under way.
struct Place {
    step: Box<dyn Step>,
    effects: Effects,
    index: usize,
    next: Option<Addr<StepActor>>,
    shared: Arc<Shared>,
    resources: Rc<Resources>,
    router: Addr<RouterActor>,
}

impl StepActor {
    pub(super) fn new(
        (step, effects): (Box<dyn Step>, Effects),
        index: usize,
        next: Option<Addr<StepActor>>,
        shared: Arc<Shared>,
        resources: Rc<Resources>,
        router: Addr<RouterActor>,
    ) -> Self {
        Self { place: Rc::new(Place { step, effects, index, next, shared, resources, router }) }
    }
}

impl Actor for StepActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Everyone in flight may stand at this step.
        ctx.set_mailbox_capacity(self.place.shared.settings.in_flight_max);
    }
}

impl Handler<RunStep> for StepActor {
    type Result = ();

    fn handle(&mut self, RunStep(run): RunStep, _: &mut Self::Context) {
        let span = tracing::info_span!(parent: &run.span, "step", index = self.place.index);
        // Not the actor's own future: runs go on side by side, and end even when the chain is let go.
        actix::spawn(Rc::clone(&self.place).run(run).instrument(span));
    }
}

impl Place {
    async fn run(self: Rc<Self>, mut run: Box<Run>) {
        let Some(at) = At::of(&run.execution) else { return run.end(&self.shared) };
        let started_at = self.shared.clock.now();
        let outcome = self.outcome(&run).await;
        let report = outcome.into_report(started_at, self.shared.clock.now());
        crash_point("finish.before");
        let Some(committed) = self.record(&run, at, report).await else { return };
        crash_point("finish.after");
        run.task = committed.task;
        if let Some(execution) = committed.execution {
            run.execution = execution;
        }
        match (&run.execution.state, &self.next) {
            (State::Running { .. }, Some(next)) => chain::send(next, run, &self.router),
            _ => run.end(&self.shared),
        }
    }

    async fn outcome(&self, run: &Run) -> Outcome {
        let (workspace, action) = (self.shared.workspace.current(), run.plan.action());
        let Some(task) = &run.task else { return Outcome::failed("task_deleted", "the task was deleted") };
        let call = Call {
            execution: &run.execution,
            workflow: &run.plan.workflow,
            action,
            step: &action.steps[self.index],
            task,
            directory: &workspace.directory,
            resources: &self.resources,
        };
        if self.effects == Effects::None {
            return self.guarded(call).await;
        }
        // A person may cancel it; then the call is dropped, and its end is on disk already.
        let (_listed, registration) = self.shared.calls.enter(run.execution.id);
        crash_point("send.before");
        let outcome = Abortable::new(self.guarded(call), registration).await;
        crash_point("send.after");
        outcome.unwrap_or_else(|Aborted| Outcome::failed("cancelled", "the call was dropped"))
    }

    /// Runs the step so that a panic of its code fails this execution and nothing else.
    async fn guarded(&self, call: Call<'_>) -> Outcome {
        // It may panic before it returns its future, too.
        let running = AssertUnwindSafe(async { self.step.run(call).await });
        running.catch_unwind().await.unwrap_or_else(|payload| {
            let said = payload.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
            tracing::error!(step_type = &*call.step.type_id, said, "a step panicked");
            let what = said.map(|said| format!(": {said}")).unwrap_or_default();
            let message = format!("the step type `{}` has a bug and panicked{what}", call.step.type_id);
            match self.effects {
                Effects::None => Outcome::failed("step_panicked", message),
                // It may have reached outside before.
                Effects::External => Outcome::unknown("step_panicked", message),
            }
        })
    }

    async fn record(&self, run: &Run, at: At, report: StepReport) -> Option<Committed> {
        let workspace = self.shared.workspace.current();
        persist(&self.shared, run.execution.task, run.execution.id, || {
            let (plan, report) = (run.plan.clone(), report.clone());
            let directory = Arc::clone(&workspace.directory);
            Box::new(move |current| perform::finish(at, &plan, report, &directory, current))
        })
        .await
    }
}

pub(super) fn span(execution: &Execution) -> tracing::Span {
    tracing::info_span!("execution", id = %execution.id, action = %execution.action)
}

/// How often a write is tried again that fails for a reason which may not pass.
const DOUBTFUL_TRIES_MAX: u32 = 5;

/// How long to wait before a store that failed is tried again.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(STORE_RETRY_FIRST)
    }
}

impl Pause {
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(STORE_RETRY_LAST);
    }
}

/// Writes what has happened already and cannot be refused any more. While the store cannot, it is
/// tried again and again: the execution stays where it is, visibly running. `None` only when the
/// store is closed or damaged or we have a bug; then the next start goes on with it.
pub(super) async fn persist(
    shared: &Shared,
    task: TaskId,
    execution: ExecutionId,
    decide: impl Fn() -> Decide,
) -> Option<Committed> {
    let (mut pause, mut left) = (Pause::default(), DOUBTFUL_TRIES_MAX);
    loop {
        match shared.store.transact(TaskKey::Id(task), Some(execution), decide()).await {
            Ok(committed) => return Some(committed),
            Err(StoreError::Closed) => return None,
            // The store itself says, once, that it cannot write.
            Err(error) if error.may_pass() || left > 0 => {
                tracing::debug!(%error, "an execution's progress could not be written; it is tried again");
                left = if error.may_pass() { left } else { left - 1 };
                pause.wait().await;
            }
            // Trying again would end the same way, and would hold the task's turn for ever.
            Err(error) => {
                tracing::error!(%error, "an execution cannot be recorded; the next start decides what became of it");
                return None;
            }
        }
    }
}
