//! How an execution gets into its task's lane from outside: a new one is admitted, a failed one is
//! retried. It is on disk, at its place in line, before anybody hears of it.

use std::{rc::Rc, sync::Arc};

use actix::Addr;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Instrument;

use super::{
    EngineError, Performed, Run, Shared,
    chain::Chain,
    control::Listed,
    disk,
    doubts::Doubt,
    is_attended,
    lanes::{Standing, Turn},
    router::RouterActor,
    step,
};
use crate::{
    crash_point::crash_point,
    model::{
        Directory, Execution, ExecutionId, Performer, Place, State, Task, TaskId, Timestamp,
        perform::{self, Admission, Decide, IdempotencyKey, Plan, RetryTarget},
    },
    store::{Committed, StoreError, TaskKey},
};

/// Who asks to enter.
pub(super) enum Entry {
    New { task: TaskId, version: u32, performer: Performer, key: Option<IdempotencyKey>, depth: u32 },
    Retry { execution: Box<Execution>, target: RetryTarget },
}

impl Entry {
    fn task(&self) -> TaskId {
        match self {
            Self::New { task, .. } => *task,
            Self::Retry { execution, .. } => execution.task,
        }
    }

    fn id(&self, place: Place) -> ExecutionId {
        match self {
            Self::New { .. } => place.into(),
            Self::Retry { execution, .. } => execution.id,
        }
    }

    fn before(&self) -> Option<Execution> {
        match self {
            Self::New { .. } => None,
            Self::Retry { execution, .. } => Some(Execution::clone(execution)),
        }
    }

    fn has_key(&self) -> bool {
        matches!(self, Self::New { key: Some(_), .. })
    }

    fn crash_points(&self) -> (&'static str, &'static str) {
        match self {
            Self::New { .. } => ("admit.before", "admit.after"),
            Self::Retry { .. } => ("retry.before", "retry.after"),
        }
    }

    fn decide(
        self,
        place: Place,
        plan: Plan,
        has_turn: bool,
        now: Timestamp,
        directory: Arc<Directory>,
    ) -> Decide {
        match self {
            Self::New { task, version, performer, key, depth } => {
                let execution = Execution {
                    id: place.into(),
                    task,
                    workflow: plan.workflow.id.clone(),
                    version,
                    action: plan.action().id.clone(),
                    performer,
                    state: State::Queued { step: 0, resumed: false },
                    attempts: 0,
                    place,
                    stage: None,
                    began_after: None,
                    task_deleted: false,
                    tries: 0,
                    depth,
                    created_at: now,
                    updated_at: now,
                };
                let admission = Admission { execution, key };
                Box::new(move |current| perform::admit(admission, &plan, has_turn, &directory, current))
            }
            Self::Retry { target, .. } => Box::new(move |current| {
                perform::retry(place, &target, &plan, has_turn, now, &directory, current)
            }),
        }
    }
}

/// Makes the execution durable, and begins it if its turn has come.
pub(super) async fn enter(
    shared: Arc<Shared>,
    chain: Rc<Chain>,
    entry: Entry,
    is_awaited: bool,
    router: Addr<RouterActor>,
) -> Result<Performed, EngineError> {
    if shared.is_draining() {
        return Err(EngineError::ShuttingDown);
    }
    if shared.is_in_doubt() {
        return Err(EngineError::InDoubt);
    }
    let task = entry.task();
    // The place is made while the lane is held, so that the places of a task's executions have the
    // order of their turns, also after a restart.
    let (standing, place) = shared.lanes.enter(task, || shared.ids.place());
    let id = entry.id(place);
    let entered = match standing {
        Standing::Now(turn) => {
            Entered::Begins { turn, permit: permit(&shared)?, listed: shared.runs.enter(place) }
        }
        Standing::Queued(turn) => Entered::Waits { turn, line: line(&shared)? },
    };
    let has_turn = matches!(entered, Entered::Begins { .. });
    let committed = record(&shared, &chain, entry, place, id, has_turn).await?;
    let execution = committed
        .execution
        .ok_or_else(|| StoreError::Corrupt("an admission without its execution".to_owned()))?;
    if execution.id != id {
        // The idempotency key was used before, for this one.
        let execution = shared.admitted(execution.id).await?.ok_or(EngineError::InDoubt)?;
        return Ok(Performed { execution, ended: None, is_repeated: true });
    }
    let span = step::span(&execution);
    let ended = match entered {
        Entered::Begins { turn, permit, listed } => {
            let (sender, ended) = is_awaited.then(oneshot::channel).unzip();
            let waiting = Waiting { turn, permit, ended: sender };
            go_on(&chain, execution.clone(), committed.task, waiting, listed, span, &router);
            ended
        }
        Entered::Waits { turn, line } => {
            let waiting = execution.clone();
            let wait = async move {
                if let Ok(turn) = turn.await {
                    let Ok(permit) = Arc::clone(&shared.permits).acquire_owned().await else { return };
                    drop(line);
                    let held = Waiting { turn, permit, ended: None };
                    begin(shared, chain, waiting, held, router).await;
                }
            };
            actix::spawn(wait.instrument(span));
            None
        }
    };
    Ok(Performed { execution, ended, is_repeated: false })
}

/// Where an execution stands, with the place that it needs there: one among those who run, or one among
/// those who wait for their turn.
enum Entered {
    Begins { turn: Turn, permit: OwnedSemaphorePermit, listed: Listed },
    Waits { turn: oneshot::Receiver<Turn>, line: OwnedSemaphorePermit },
}

fn line(shared: &Shared) -> Result<OwnedSemaphorePermit, EngineError> {
    let queued_max = shared.settings.queued_max;
    Arc::clone(&shared.line).try_acquire_owned().map_err(|_| EngineError::LineFull { queued_max })
}

pub(super) fn permit(shared: &Shared) -> Result<OwnedSemaphorePermit, EngineError> {
    let in_flight_max = shared.settings.in_flight_max;
    Arc::clone(&shared.permits).try_acquire_owned().map_err(|_| EngineError::Overloaded { in_flight_max })
}

/// One transaction. When the store fails in a way that leaves open whether it was carried out, it is
/// taken back later: whoever is told that it was refused must be told the truth.
async fn record(
    shared: &Arc<Shared>,
    chain: &Chain,
    entry: Entry,
    place: Place,
    id: ExecutionId,
    has_turn: bool,
) -> Result<Committed, EngineError> {
    let (task, before, points, has_key) =
        (entry.task(), entry.before(), entry.crash_points(), entry.has_key());
    let directory = Arc::clone(&shared.workspace.current().directory);
    let decide = entry.decide(place, chain.plan.clone(), has_turn, shared.clock.now(), directory);
    // Who repeats it must not be told that it was admitted before this one is.
    let _asked = has_key.then(|| shared.doubts.asking(id));
    crash_point(points.0);
    let committed = shared.store.transact(TaskKey::Id(task), Some(id), decide).await;
    crash_point(points.1);
    if committed.as_ref().is_err_and(StoreError::may_have_been_done) {
        shared.doubt(Doubt { task, execution: id, place, before, plan: chain.plan.clone() });
    }
    Ok(committed?)
}

/// What an execution that is to go on holds.
pub(super) struct Waiting {
    pub(super) turn: Turn,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) ended: Option<oneshot::Sender<Execution>>,
}

/// Begins, or goes on with, an execution whose turn has come.
pub(super) async fn begin(
    shared: Arc<Shared>,
    chain: Rc<Chain>,
    execution: Execution,
    waiting: Waiting,
    router: Addr<RouterActor>,
) {
    if shared.is_draining() {
        // It is on disk; the next start goes on with it.
        return;
    }
    let now = shared.clock.now();
    let listed = shared.runs.enter(execution.place);
    crash_point("begin.before");
    let committed = disk::persist(&shared, execution.task, execution.id, || {
        let (plan, directory) = (chain.plan.clone(), Arc::clone(&shared.workspace.current().directory));
        let is_attended = is_attended(&waiting.ended);
        Box::new(move |current| perform::begin(&plan, is_attended, now, &directory, current))
    });
    let Some(Committed { execution: Some(execution), task, .. }) = committed.await else { return };
    crash_point("begin.after");
    go_on(&chain, execution, task, waiting, listed, tracing::Span::current(), &router);
}

/// Hands a begun execution to its chain; one that was cancelled or refused has ended.
fn go_on(
    chain: &Chain,
    execution: Execution,
    task: Option<Arc<Task>>,
    waiting: Waiting,
    listed: Listed,
    span: tracing::Span,
    router: &Addr<RouterActor>,
) {
    let Waiting { turn, permit, ended } = waiting;
    let run = Run { execution, plan: chain.plan.clone(), task, turn, permit, listed, ended, span };
    chain.forward(Box::new(run), router);
}
