//! A step actor: owns one configured step, runs it, has the outcome recorded, and forwards.

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Instant};

use actix::{Actor, Addr, Context, Handler, Message};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{Run, Shared, chain, disk, is_attended, router::RouterActor};
use crate::{
    crash_point::crash_point,
    model::{
        Execution, State,
        execution::Effects,
        perform::{self, At, StepReport},
    },
    step::{Call, Outcome, Resources, Step},
    store::Committed,
    telemetry::traces,
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
        let step = &run.plan.action().steps[self.place.index];
        let (step_name, step_type) = (&*step.name, &*step.type_id);
        let index = self.place.index;
        let span = tracing::info_span!(parent: &run.span, "step", index, step_name, step_type);
        // Not the actor's own future: runs go on side by side, and end even when the chain is let go.
        actix::spawn(Rc::clone(&self.place).run(run).instrument(span));
    }
}

impl Place {
    async fn run(self: Rc<Self>, mut run: Box<Run>) {
        let Some(at) = At::of(&run.execution) else { return run.end(&self.shared) };
        let (started_at, began) = (self.shared.clock.now(), Instant::now());
        let outcome = self.outcome(&run).await;
        let report = outcome.into_report(started_at, self.shared.clock.now());
        let took = began.elapsed();
        crash_point("finish.before");
        let Some(committed) = self.record(&run, at, report).await else { return };
        crash_point("finish.after");
        run.task = committed.task;
        if let Some(execution) = committed.execution {
            run.execution = execution;
        }
        let step_type = &run.plan.action().steps[self.index].type_id;
        let outcome = outcome_of(&run.execution.state);
        self.shared.metrics.step_ended(step_type, outcome, took);
        note_in_trace(&run, outcome);
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
            secrets: &workspace.secrets,
            zone: &run.plan.zone,
            resources: &self.resources,
        };
        // A person may cancel it; then it is dropped, and its end is on disk already.
        if self.effects == Effects::External {
            crash_point("send.before");
        }
        let outcome = run.listed.until_cancelled(self.guarded(call)).await;
        if self.effects == Effects::External {
            crash_point("send.after");
        }
        outcome.unwrap_or_else(|| Outcome::unknown("cancelled", "the call was dropped"))
    }

    /// Runs the step so that a panic of its code fails this execution and nothing else.
    async fn guarded(&self, call: Call<'_>) -> Outcome {
        // It may panic before it returns its future, too.
        let running = AssertUnwindSafe(async { self.step.run(call).await });
        running.catch_unwind().await.unwrap_or_else(|payload| {
            let said = payload.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
            // It may quote what it was about.
            let redactor = call.secrets.redactor(call.secrets.names().map(|(name, _)| name));
            let said = said.map(|said| redactor.redact(&said));
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
        disk::persist(&self.shared, run.execution.task, run.execution.id, || {
            // Who waited may have gone while the store could not write.
            let report = StepReport { is_attended: is_attended(&run.ended), ..report.clone() };
            let plan = run.plan.clone();
            let directory = Arc::clone(&self.shared.workspace.current().directory);
            Box::new(move |current| perform::finish(at, &plan, report, &directory, current))
        })
        .await
    }
}

/// Notes in a trace how a step has ended, and its execution, if that has.
fn note_in_trace(run: &Run, outcome: &'static str) {
    if traces::are_on() {
        let state = &run.execution.state;
        let has_failed = matches!(state, State::Failed(_) | State::Unknown(_));
        traces::ended(&tracing::Span::current(), "onward.outcome", outcome, has_failed);
        if state.is_final() {
            traces::ended(&run.span, "onward.outcome", outcome, has_failed);
        }
    }
}

/// How a step has ended, from what its execution has become.
fn outcome_of(state: &State) -> &'static str {
    match state {
        State::Failed(_) => "failed",
        State::Unknown(_) => "unknown",
        State::Cancelled(_) | State::Dismissed(_) => "cancelled",
        State::Retrying { .. } => "to_be_tried_again",
        State::Queued { .. }
        | State::Running { .. }
        | State::Waiting { .. }
        | State::Blocked { .. }
        | State::Succeeded => "succeeded",
    }
}

pub(super) fn span(execution: &Execution) -> tracing::Span {
    let (workflow, task) = (&execution.workflow, execution.task);
    tracing::info_span!("execution", id = %execution.id, action = %execution.action, %workflow, %task)
}
