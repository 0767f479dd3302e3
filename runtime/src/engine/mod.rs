//! The engine: takes *action performed* messages, makes them durable, and runs each action's chain
//! of steps.
//!
//! Everyone else sees [`EngineHandle`] and [`Shared`]; which actors there are is the engine's own
//! matter. There is one engine per worker thread, so that accept, route, call and answer stay on one
//! thread; only the lanes and the store are shared. The way of a message: [`EngineHandle::perform`]
//! → `router` → `chain` → `step` → store.

mod chain;
mod control;
mod disk;
mod doubts;
mod enter;
mod held;
mod lanes;
mod recovery;
mod router;
mod step;
mod waker;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Addr, MailboxError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use self::{
    control::{Listed, Runs},
    doubts::Doubts,
    enter::Entry,
    held::Held,
    lanes::{Lanes, Ready, Turn},
    router::RouterActor,
};
use crate::{
    clock::{Clock, Ids},
    egress::Egress,
    lint::{Facts, Finding, lint},
    metrics::Metrics,
    model::{
        Execution, Performer, SharedWorkspace, State, Task, TaskId, Workflow,
        perform::{IdempotencyKey, Plan, RetryTarget, StepReport},
    },
    publish,
    step::{Resources, StepTypes, Tokens},
    store::{Store, StoreError},
    vault::Vault,
};

/// Writes side by side of one kind, so that they share commits; the store's queue may be shorter.
const WRITES_AT_ONCE: usize = 64;

#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Executions whose steps run; one more is refused.
    pub in_flight_max: usize,
    /// Executions that wait for their turn behind others of their tasks; one more is refused.
    pub queued_max: usize,
    /// After this long without an execution a chain is let go.
    pub chain_idle: Duration,
    /// Writes that the store lets wait.
    pub store_queue_max: usize,
}

/// What the engines of all threads share.
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub workspace: Arc<SharedWorkspace>,
    pub step_types: StepTypes,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub ids: Ids,
    settings: EngineSettings,
    /// For the steps of all threads.
    tokens: Tokens,
    lanes: Arc<Lanes>,
    /// Places for those whose steps run, and for those who wait for their turn.
    permits: Arc<Semaphore>,
    line: Arc<Semaphore>,
    draining: AtomicBool,
    pub metrics: Arc<Metrics>,
    runs: Arc<Runs>,
    doubts: Doubts,
    /// Executions between two tries, with their turns.
    held: Held,
    /// Word for whoever looks after those: one more is there, and perhaps due sooner.
    held_anew: Notify,
    /// Held by the one waker that is at work.
    waking: tokio::sync::Mutex<()>,
    /// Word for the waker: something may be due sooner than it thinks.
    wakes: Notify,
    /// Tasks may be assigned to people who have left.
    is_left_behind: AtomicBool,
}

impl Shared {
    pub fn new(
        store: Arc<dyn Store>,
        workspace: Arc<SharedWorkspace>,
        step_types: StepTypes,
        vault: Arc<Vault>,
        clock: Clock,
        ids: Ids,
        settings: EngineSettings,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(settings.in_flight_max));
        let line = Arc::new(Semaphore::new(settings.queued_max));
        Self {
            store,
            workspace,
            step_types,
            vault,
            clock,
            ids,
            permits,
            line,
            settings,
            tokens: Tokens::default(),
            lanes: Lanes::new(),
            draining: AtomicBool::new(false),
            metrics: Arc::default(),
            runs: Arc::default(),
            doubts: Doubts::default(),
            held: Held::default(),
            held_anew: Notify::new(),
            waking: tokio::sync::Mutex::default(),
            wakes: Notify::new(),
            is_left_behind: AtomicBool::new(true),
        }
    }

    /// Reads the workspace anew from the store. Answers its revision.
    pub async fn refresh(&self) -> Result<u64, StoreError> {
        publish::refresh(&*self.store, &self.step_types, &self.vault, &self.workspace).await
    }

    /// What may not be meant in a workflow, with all that the workspace knows.
    pub fn findings(&self, workflow: &Workflow) -> Vec<Finding> {
        let workspace = self.workspace.current();
        let directory = &workspace.directory;
        let held = directory.active().into_iter().map(|user| directory.role(&workflow.id, &user.id));
        let facts = Facts { secrets: Some(&workspace.secrets), held_roles: Some(held.collect()) };
        lint(workflow, &self.step_types, &facts)
    }

    /// From now on nothing new begins; what runs goes on to its end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.held.clear();
        self.wakes.notify_waiters();
        self.held_anew.notify_waiters();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Executions whose steps run.
    pub fn in_flight(&self) -> usize {
        self.settings.in_flight_max - self.permits.available_permits()
    }

    /// Executions that wait for their turn.
    pub fn queued(&self) -> usize {
        self.settings.queued_max - self.line.available_permits()
    }

    fn writes_at_once(&self) -> usize {
        WRITES_AT_ONCE.min(self.settings.store_queue_max)
    }

    /// Tells the waker to look at the clock again, after a test has moved it.
    #[cfg(test)]
    fn clock_moved(&self) {
        self.wakes.notify_one();
    }
}

/// A request to perform an action.
pub struct Perform {
    pub workflow: Arc<Workflow>,
    pub version: u32,
    /// The action's index in the workflow.
    pub action: usize,
    pub task: TaskId,
    pub performer: Performer,
    /// So that a repeated request is one request.
    pub key: Option<IdempotencyKey>,
    /// How many executions led to it, one calling for the next.
    pub depth: u32,
    /// Whether whoever asks waits for the end, and hears of a failure.
    pub is_awaited: bool,
}

/// A request to go on with a failed execution.
pub struct Retry {
    pub execution: Execution,
    pub target: RetryTarget,
    /// The version and action it is to go on with.
    pub workflow: Arc<Workflow>,
    pub version: u32,
    pub action: usize,
    /// As for [`Perform`].
    pub is_awaited: bool,
}

/// A step that is to be tried on a task, without a trace in it.
pub struct TryStep {
    pub workflow: Arc<Workflow>,
    pub version: u32,
    /// The action's index in the workflow, and the step's in the action.
    pub action: usize,
    pub step: usize,
    pub task: Arc<Task>,
    pub performer: Performer,
}

/// An admitted execution: on disk.
pub struct Performed {
    pub execution: Execution,
    /// Answers when it ended or was parked. `None` when nobody waits, or when it stands in line behind
    /// another execution of its task: who waits for that could wait for himself.
    pub ended: Option<oneshot::Receiver<Execution>>,
    /// It was admitted before, with the same idempotency key.
    pub is_repeated: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{in_flight_max} executions are under way already; try again in a moment")]
    Overloaded { in_flight_max: usize },
    #[error("{queued_max} executions wait for their turn already; try again in a moment")]
    LineFull { queued_max: usize },
    #[error("the store has failed too often; it must work again before anything new is taken")]
    InDoubt,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("{0}")]
    StepTypeMissing(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the engine's router does not answer: {0}")]
    Router(#[from] MailboxError),
}

/// The way into the engine of one worker thread. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    router: Addr<RouterActor>,
}

impl EngineHandle {
    /// Starts an engine on the current arbiter's thread.
    pub fn start(shared: Arc<Shared>, egress: Egress) -> Self {
        let resources = Resources { egress, clock: shared.clock.clone(), tokens: shared.tokens.clone() };
        Self { router: RouterActor::new(shared, resources).start() }
    }

    /// Admits an execution; on disk when this returns. Dropping the future cancels nothing.
    pub async fn perform(&self, perform: Perform) -> Result<Performed, EngineError> {
        let Perform { workflow, version, action, task, performer, key, depth, is_awaited } = perform;
        let span = tracing::Span::current();
        let entry = Entry::New { task, version, performer, key, depth };
        self.router.send(router::Route { workflow, version, action, entry, is_awaited, span }).await?
    }

    /// Runs one step once, and says what came of it.
    pub async fn try_step(&self, step: TryStep) -> Result<StepReport, EngineError> {
        self.router.send(router::Try(step)).await?
    }

    /// Goes on with a failed execution from the step that failed; on disk when this returns.
    pub async fn retry(&self, retry: Retry) -> Result<Performed, EngineError> {
        let Retry { execution, target, workflow, version, action, is_awaited } = retry;
        let span = tracing::Span::current();
        let entry = Entry::Retry { execution: Box::new(execution), target };
        self.router.send(router::Route { workflow, version, action, entry, is_awaited, span }).await?
    }
}

/// Whether somebody waits for an execution's end, and hears of its failure.
fn is_attended(ended: &Option<oneshot::Sender<Execution>>) -> bool {
    ended.as_ref().is_some_and(|ended| !ended.is_closed())
}

/// An execution on its way through its chain, with all that it holds.
pub(crate) struct Run {
    execution: Execution,
    plan: Plan,
    /// As of its last transaction; the last state of one that it has deleted. `None` for one that was
    /// deleted by somebody else: then no step runs any more.
    task: Option<Arc<Task>>,
    /// Held until the end: the task's turn, a place among those in flight, who waits for the end.
    turn: Turn,
    permit: OwnedSemaphorePermit,
    listed: Listed,
    ended: Option<oneshot::Sender<Execution>>,
    span: tracing::Span,
}

impl Run {
    /// The execution is over or parked, or nothing more can be done for it here.
    fn end(self, shared: &Arc<Shared>) {
        let Self { execution, turn, permit, listed, ended, .. } = self;
        drop(listed);
        match execution.state.failure() {
            Some(failure) => tracing::info!(
                code = failure.code,
                step = failure.step,
                "execution failed: {}",
                failure.message
            ),
            None => tracing::debug!(state = execution.state.name(), "execution ended"),
        }
        if matches!(execution.state, State::Waiting { .. }) {
            shared.wakes.notify_one();
        }
        if let State::Retrying { until, .. } = execution.state {
            // Its turn it keeps; its place goes to others that run, if there is one for those who wait.
            let keeps = Some(Arc::clone(&shared.line).try_acquire_owned().unwrap_or(permit));
            let ready = Ready { execution: execution.id, turn, ended, has_paused: false, keeps };
            return shared.hold(&execution, until, ready);
        }
        // The turn first: who hears of the end may perform the next action at once.
        drop(turn);
        drop(permit);
        if let Some(ended) = ended {
            // Nobody may be waiting any more.
            let _ = ended.send(execution);
        }
    }
}
