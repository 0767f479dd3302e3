//! A step actor: owns one configured step, runs it, has the outcome recorded, and forwards.

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use actix::{Actor, Addr, Context, Handler, Message};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{Run, STORE_RETRY_FIRST, STORE_RETRY_LAST, Shared, chain, router::RouterActor};
use crate::{
    model::{
        State, TaskId,
        perform::{self, Decide, StepReport},
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
    index: usize,
    next: Option<Addr<StepActor>>,
    shared: Arc<Shared>,
    resources: Rc<Resources>,
    router: Addr<RouterActor>,
}

impl StepActor {
    pub(super) fn new(
        step: Box<dyn Step>,
        index: usize,
        next: Option<Addr<StepActor>>,
        shared: Arc<Shared>,
        resources: Rc<Resources>,
        router: Addr<RouterActor>,
    ) -> Self {
        Self { place: Rc::new(Place { step, index, next, shared, resources, router }) }
    }
}

impl Actor for StepActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Everyone in flight may stand at this step.
        ctx.set_mailbox_capacity(self.place.shared.settings.in_flight_max + super::recovery::AT_ONCE);
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
        let started_at = self.shared.clock.now();
        let outcome = self.outcome(&run).await;
        let report = StepReport {
            end: outcome.end,
            answer: outcome.answer,
            expect: outcome.expect,
            strict_fields: outcome.strict_fields,
            record: outcome.record,
            warnings: outcome.warnings,
            started_at,
            ended_at: self.shared.clock.now(),
        };
        let Some(committed) = self.record(&run, report).await else { return };
        if let Some(task) = committed.task {
            run.task = task;
        }
        if let Some(execution) = committed.execution {
            run.execution = execution;
        }
        match (&run.execution.state, &self.next) {
            (State::Running { .. }, Some(next)) => chain::send(next, run, &self.router),
            _ => run.end(),
        }
    }

    async fn outcome(&self, run: &Run) -> Outcome {
        let (workspace, action) = (self.shared.workspace.current(), run.plan.action());
        let call = Call {
            execution: run.execution.id,
            workflow: &run.plan.workflow,
            action,
            step: &action.steps[self.index],
            performer: &run.execution.performer,
            task: &run.task,
            directory: &workspace.directory,
            resources: &self.resources,
        };
        // The step's own code may panic before it returns its future, too.
        let running = AssertUnwindSafe(async { self.step.run(call).await });
        running.catch_unwind().await.unwrap_or_else(|payload| {
            let said = payload.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
            tracing::error!(step_type = &*call.step.type_id, said, "a step panicked");
            let what = said.map(|said| format!(": {said}")).unwrap_or_default();
            let message = format!("the step type `{}` has a bug and panicked{what}", call.step.type_id);
            Outcome::failed("step_panicked", message)
        })
    }

    async fn record(&self, run: &Run, report: StepReport) -> Option<Committed> {
        let workspace = self.shared.workspace.current();
        persist(&self.shared, run.execution.task, || {
            let (execution, plan, report) = (run.execution.clone(), run.plan.clone(), report.clone());
            let directory = Arc::clone(&workspace.directory);
            Box::new(move |current| perform::finish(execution, &plan, report, &directory, current))
        })
        .await
    }
}

/// Writes what has happened already and cannot be refused any more. While the store cannot, it is
/// tried again and again: the execution stays where it is, visibly running. `None` only when the
/// store is closed or we have a bug; then the next start goes on with it.
pub(super) async fn persist(shared: &Shared, task: TaskId, decide: impl Fn() -> Decide) -> Option<Committed> {
    let mut pause = STORE_RETRY_FIRST;
    loop {
        match shared.store.transact(TaskKey::Id(task), decide()).await {
            Ok(committed) => return Some(committed),
            Err(StoreError::Closed) => return None,
            // Trying again would end the same way, and would hold the task's turn for ever.
            Err(error @ (StoreError::Refused(_) | StoreError::Panicked | StoreError::Corrupt(_))) => {
                tracing::error!(%error, "an execution cannot be recorded; the next start decides what became of it");
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "an execution's progress could not be written; it is tried again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(STORE_RETRY_LAST);
            }
        }
    }
}
