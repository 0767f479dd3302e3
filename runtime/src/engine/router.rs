//! The router: finds or builds the chain that an action needs, has the execution admitted, and
//! hands it to its first step. One per worker thread.

use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Instrument;

use super::{
    EngineError, Perform, Performed, Run, Shared,
    chain::Chain,
    lanes::{Place, Turn},
    recovery, step,
};
use crate::{
    model::{
        ActionId, Execution, State, Workflow, WorkflowId,
        perform::{self, Decide},
    },
    step::Resources,
    store::{StoreError, TaskKey},
};

/// How often idle chains are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// An action performed.
#[derive(Message)]
#[rtype(result = "Result<Performed, EngineError>")]
pub(super) struct Route(pub(super) Perform);

/// A run whose step's actor was gone.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Reroute(pub(super) Box<Run>);

/// An execution of the time before the start, whose turn and permit have come.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Resume {
    pub(super) execution: Execution,
    pub(super) workflow: Arc<Workflow>,
    pub(super) action: usize,
    pub(super) turn: Turn,
    pub(super) permit: OwnedSemaphorePermit,
}

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
    }
}

impl Handler<Route> for RouterActor {
    type Result = ResponseFuture<Result<Performed, EngineError>>;

    fn handle(&mut self, Route(perform): Route, ctx: &mut Self::Context) -> Self::Result {
        let router = ctx.address();
        match self.chain(&perform.workflow, perform.version, perform.action, &router) {
            Ok(chain) => Box::pin(admit(Arc::clone(&self.shared), chain, perform, router)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
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
        let Resume { execution, workflow, action, turn, permit } = resume;
        match self.chain(&workflow, execution.version, action, &router) {
            Ok(chain) => {
                let span = span(&execution);
                let begin = begin(Arc::clone(&self.shared), chain, execution, turn, permit, router);
                actix::spawn(begin.instrument(span));
            }
            Err(error) => {
                tracing::error!(%error, execution = %execution.id, "an execution cannot go on; it stays pending");
            }
        }
    }
}

fn span(execution: &Execution) -> tracing::Span {
    tracing::info_span!("execution", id = %execution.id, action = %execution.action)
}

/// Makes the execution durable, and begins it if its turn has come.
async fn admit(
    shared: Arc<Shared>,
    chain: Rc<Chain>,
    perform: Perform,
    router: Addr<RouterActor>,
) -> Result<Performed, EngineError> {
    if shared.is_draining() {
        return Err(EngineError::ShuttingDown);
    }
    let permit = Arc::clone(&shared.permits).try_acquire_owned();
    let in_flight_max = shared.settings.in_flight_max;
    let permit = permit.map_err(|_| EngineError::Overloaded { in_flight_max })?;
    // The id is made while the lane is held, so that the ids of a task's executions have the order
    // of their turns, also after a restart.
    let (place, id) = shared.lanes.enter(perform.task, || shared.ids.execution());
    let now = shared.clock.now();
    let execution = Execution {
        id,
        task: perform.task,
        workflow: perform.workflow.id.clone(),
        version: perform.version,
        action: perform.workflow.actions[perform.action].id.clone(),
        performer: perform.performer,
        state: State::Queued { step: 0, resumed: false },
        attempts: 0,
        created_at: now,
        updated_at: now,
    };
    let span = span(&execution);
    let (plan, has_turn) = (chain.plan.clone(), matches!(place, Place::Now(_)));
    let decide: Decide = Box::new(move |current| perform::admit(execution, &plan, has_turn, current));
    let committed = shared.store.transact(TaskKey::Id(perform.task), decide).await?;
    let (Some(execution), Some(task)) = (committed.execution, committed.task) else {
        return Err(StoreError::Corrupt("an admission without its execution".to_owned()).into());
    };
    match place {
        Place::Now(turn) => {
            let (sender, ended) = oneshot::channel();
            let plan = chain.plan.clone();
            let run =
                Run { execution: execution.clone(), plan, task, turn, permit, ended: Some(sender), span };
            chain.forward(Box::new(run), &router);
            Ok(Performed { execution, ended: Some(ended) })
        }
        Place::Queued(turn) => {
            let waiting = execution.clone();
            let wait = async move {
                if let Ok(turn) = turn.await {
                    begin(shared, chain, waiting, turn, permit, router).await;
                }
            };
            actix::spawn(wait.instrument(span));
            Ok(Performed { execution, ended: None })
        }
    }
}

/// Begins, or goes on with, an execution whose turn has come.
async fn begin(
    shared: Arc<Shared>,
    chain: Rc<Chain>,
    execution: Execution,
    turn: Turn,
    permit: OwnedSemaphorePermit,
    router: Addr<RouterActor>,
) {
    if shared.is_draining() {
        // It is on disk; the next start goes on with it.
        return;
    }
    let now = shared.clock.now();
    let committed = step::persist(&shared, execution.task, || {
        let (execution, plan) = (execution.clone(), chain.plan.clone());
        Box::new(move |current| perform::begin(execution, &plan, now, current))
    });
    let Some(committed) = committed.await else { return };
    let (Some(execution), Some(task)) = (committed.execution, committed.task) else { return };
    let (plan, span) = (chain.plan.clone(), tracing::Span::current());
    chain.forward(Box::new(Run { execution, plan, task, turn, permit, ended: None, span }), &router);
}
