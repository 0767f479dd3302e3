//! A chain: the step actors of one action of one workflow version, on one thread.
//!
//! Built, last step first, when the action is first performed here, so that each step knows the
//! next; let go when nobody has performed it for a while. The router owns it.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, prelude::SendError};

use super::{
    EngineError, Run, Shared,
    router::{Reroute, RouterActor},
    step::{RunStep, StepActor},
};
use crate::{
    model::{State, Workflow, execution::Effects, perform::Plan, workflow::ParamProblem},
    step::Resources,
};

pub(super) struct Chain {
    pub(super) plan: Plan,
    shared: Arc<Shared>,
    steps: Vec<Addr<StepActor>>,
    used: Cell<Instant>,
}

impl Chain {
    /// Configures every step, and starts its actors.
    pub(super) fn build(
        workflow: &Arc<Workflow>,
        action: usize,
        shared: &Arc<Shared>,
        resources: &Rc<Resources>,
        router: &Addr<RouterActor>,
    ) -> Result<Self, EngineError> {
        let definitions = &workflow.actions[action].steps;
        let mut configured = Vec::with_capacity(definitions.len());
        let mut effects = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let step = shared.step_types.configure(definition, workflow).map_err(|problems| {
                let problems: Vec<_> = problems.iter().map(ParamProblem::sentence).collect();
                EngineError::StepTypeMissing(format!(
                    "the step “{}” cannot run: {}",
                    definition.name,
                    problems.join("; ")
                ))
            })?;
            effects.push(step.1);
            configured.push(step);
        }
        let zone = shared.workspace.current().zone.clone();
        let plan =
            Plan { workflow: Arc::clone(workflow), action, chain: Arc::<[Effects]>::from(effects), zone };
        let mut steps: Vec<Addr<StepActor>> = Vec::with_capacity(configured.len());
        for (index, step) in configured.into_iter().enumerate().rev() {
            let next = steps.last().cloned();
            let actor =
                StepActor::new(step, index, next, Arc::clone(shared), Rc::clone(resources), router.clone());
            steps.push(actor.start());
        }
        steps.reverse();
        Ok(Self { plan, shared: Arc::clone(shared), steps, used: Cell::new(Instant::now()) })
    }

    /// Hands a run to the actor of the step that it stands at; ends one that stands at none.
    pub(super) fn forward(&self, run: Box<Run>, router: &Addr<RouterActor>) {
        self.used.set(Instant::now());
        let step = match run.execution.state {
            State::Running { step, .. } => self.steps.get(step),
            _ => None,
        };
        match step {
            Some(step) => send(step, run, router),
            None => run.end(&self.shared),
        }
    }

    /// Whether an actor has stopped, so that the chain has to be built anew.
    pub(super) fn is_broken(&self) -> bool {
        self.steps.iter().any(|step| !step.connected())
    }

    pub(super) fn is_idle(&self, idle: Duration) -> bool {
        self.used.get().elapsed() >= idle
    }
}

/// Sends a run to a step. One whose actor is gone goes back to the router, which builds the chain
/// anew: the run is never lost on the way.
pub(super) fn send(step: &Addr<StepActor>, run: Box<Run>, router: &Addr<RouterActor>) {
    let run = match step.try_send(RunStep(run)) {
        Ok(()) => return,
        Err(SendError::Full(RunStep(run)) | SendError::Closed(RunStep(run))) => run,
    };
    tracing::warn!(execution = %run.execution.id, "a step's actor did not take its message; routing again");
    let router = router.clone();
    actix::spawn(async move {
        if router.send(Reroute(run)).await.is_err() {
            tracing::error!("the router is gone; its executions go on after a restart");
        }
    });
}
