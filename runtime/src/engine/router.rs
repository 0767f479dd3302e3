//! The router: finds or builds the chain that an action needs, has the execution admitted, and
//! hands it to its first step. One per worker thread.

use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use super::{
    EngineError, Performed, Run, Shared, TryStep,
    chain::Chain,
    disk,
    enter::{self, Entry, Waiting},
    held,
    lanes::{Ready, Turn},
    recovery, step, waker,
};
use crate::{
    model::{
        ActionId, Execution, State, Workflow, WorkflowId,
        perform::{self, StepReport},
    },
    step::{
        Resources,
        trial::{self, Trial},
    },
};

/// How often idle chains are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// An action performed, or a failed execution that is to go on.
#[derive(Message)]
#[rtype(result = "Result<Performed, EngineError>")]
pub(super) struct Route {
    pub(super) workflow: Arc<Workflow>,
    pub(super) version: u32,
    /// The action's index in the workflow.
    pub(super) action: usize,
    pub(super) entry: Entry,
    pub(super) is_awaited: bool,
    /// What asked for it.
    pub(super) span: tracing::Span,
}

/// A run whose step's actor was gone.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Reroute(pub(super) Box<Run>);

/// An execution that was queued in the store, whose turn and permit have come.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Resume {
    pub(super) execution: Execution,
    pub(super) ready: Ready,
    pub(super) permit: OwnedSemaphorePermit,
}

/// One step that is to be tried on a task.
#[derive(Message)]
#[rtype(result = "Result<StepReport, EngineError>")]
pub(super) struct Try(pub(super) TryStep);

/// Which chain: of which action of which workflow version.
type ChainKey = (WorkflowId, u32, ActionId);

pub(super) struct RouterActor {
    shared: Arc<Shared>,
    resources: Rc<Resources>,
    chains: HashMap<ChainKey, Rc<Chain>>,
}

impl RouterActor {
    pub(super) fn new(shared: Arc<Shared>, resources: Resources) -> Self {
        Self { shared, resources: Rc::new(resources), chains: HashMap::new() }
    }

    fn chain(
        &mut self,
        workflow: &Arc<Workflow>,
        version: u32,
        action: usize,
        router: &Addr<Self>,
    ) -> Result<Rc<Chain>, EngineError> {
        let key = (workflow.id.clone(), version, workflow.actions[action].id.clone());
        if let Some(chain) = self.chains.get(&key).filter(|chain| !chain.is_broken()) {
            return Ok(Rc::clone(chain));
        }
        let chain = Rc::new(Chain::build(workflow, action, &self.shared, &self.resources, router)?);
        self.chains.insert(key, Rc::clone(&chain));
        Ok(chain)
    }
}

impl RouterActor {
    /// The chain that an execution in the store runs on.
    fn chain_of(&mut self, execution: &Execution, router: &Addr<Self>) -> Result<Rc<Chain>, EngineError> {
        let Some(plan) = self.shared.bare_plan(execution) else {
            let (version, workflow) = (execution.version, &execution.workflow);
            let message =
                format!("version {version} of the workflow `{workflow}` cannot be read on this server");
            return Err(EngineError::StepTypeMissing(message));
        };
        self.chain(&plan.workflow, execution.version, plan.action, router)
    }
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.shared.settings.in_flight_max);
        ctx.run_interval(SWEEP_EVERY, |router, ctx| {
            let idle = router.shared.settings.chain_idle;
            // Runs that are under way do not need the chain's actors to end, only to go on.
            router.chains.retain(|_, chain| Rc::strong_count(chain) > 1 || !chain.is_idle(idle));
            if router.shared.is_draining() && router.shared.in_flight() == 0 {
                ctx.stop();
            }
        });
        actix::spawn(recovery::take_up(Arc::clone(&self.shared), ctx.address()));
        actix::spawn(waker::run(Arc::clone(&self.shared)));
        actix::spawn(held::run(Arc::clone(&self.shared)));
    }
}

impl Handler<Route> for RouterActor {
    type Result = ResponseFuture<Result<Performed, EngineError>>;

    fn handle(&mut self, route: Route, ctx: &mut Self::Context) -> Self::Result {
        let router = ctx.address();
        match self.chain(&route.workflow, route.version, route.action, &router) {
            Ok(chain) => {
                let shared = Arc::clone(&self.shared);
                let enter = enter::enter(shared, chain, route.entry, route.is_awaited, router);
                Box::pin(enter.instrument(route.span))
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl Handler<Try> for RouterActor {
    type Result = ResponseFuture<Result<StepReport, EngineError>>;

    fn handle(&mut self, Try(asked): Try, _: &mut Self::Context) -> Self::Result {
        let (shared, resources) = (Arc::clone(&self.shared), Rc::clone(&self.resources));
        Box::pin(async move {
            // It takes a place like one that runs.
            let _permit = enter::permit(&shared)?;
            let workspace = shared.workspace.current();
            let TryStep { workflow, version, action, step, task, performer } = asked;
            let trial = Trial {
                workflow: &workflow,
                version,
                action,
                step,
                task: &task,
                performer,
                workspace: &workspace,
                place: shared.ids.place(),
            };
            trial::run(&shared.step_types, &resources, trial).await.map_err(EngineError::StepTypeMissing)
        })
    }
}

impl Handler<Reroute> for RouterActor {
    type Result = ();

    fn handle(&mut self, Reroute(run): Reroute, ctx: &mut Self::Context) {
        let router = ctx.address();
        let (workflow, action) = (Arc::clone(&run.plan.workflow), run.plan.action);
        match self.chain(&workflow, run.execution.version, action, &router) {
            Ok(chain) => chain.forward(run, &router),
            Err(error) => {
                tracing::error!(%error, "a chain could not be built again; it goes on after a restart")
            }
        }
    }
}

impl Handler<Resume> for RouterActor {
    type Result = ();

    fn handle(&mut self, resume: Resume, ctx: &mut Self::Context) {
        let router = ctx.address();
        let Resume { execution, ready, permit } = resume;
        if let State::Retrying { until, .. } = execution.state
            && !ready.has_paused
            && until > self.shared.clock.now()
        {
            // Left by an earlier run: the rest of its pause.
            return self.shared.hold(&execution, until, ready);
        }
        let Ready { turn, ended, .. } = ready;
        let span = step::span(&execution);
        match self.chain_of(&execution, &router) {
            Ok(chain) => {
                let waiting = Waiting { turn, permit, ended };
                let begin = enter::begin(Arc::clone(&self.shared), chain, execution, waiting, router);
                actix::spawn(begin.instrument(span));
            }
            Err(error) => {
                let block = block(Arc::clone(&self.shared), execution, error.to_string(), turn);
                actix::spawn(block.instrument(span));
            }
        }
    }
}

/// Parks an execution whose chain cannot be built here; the next start tries again.
async fn block(shared: Arc<Shared>, execution: Execution, why: String, _held: Turn) {
    tracing::error!(why, "an execution cannot go on; it is blocked until its step types are there");
    let now = shared.clock.now();
    let blocked = disk::persist(&shared, execution.task, execution.id, || {
        let (why, plan) = (why.clone(), shared.bare_plan(&execution));
        Box::new(move |current| perform::block(plan.as_ref(), &why, now, current))
    });
    let _ = blocked.await;
}
