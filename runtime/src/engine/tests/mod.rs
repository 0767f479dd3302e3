//! The engine with step types of the tests' own, on a real store.

mod control;
mod damage;
mod faults;
mod lives;
mod retention;

use std::{borrow::Cow, path::Path, sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use super::{EngineHandle, EngineSettings, Perform, Shared};
use crate::{
    clock::{Clock, Ids},
    egress::{Egress, EgressSettings, Endpoints, HealthSettings, Trust},
    model::{
        ActionId, Current, Execution, ExecutionId, Refusal, SharedWorkspace, State, StepDefinition, StepId,
        Task, TaskId, Workflow,
        document::Answer,
        execution::{Effects, StepEnd},
        perform::{Change, ExecutionWrite},
        sample,
        workflow::ParamProblem,
    },
    step::{self, Call, Description, Outcome, Step, StepType, StepTypes, sample::Rejects},
    store::{
        Store, TaskKey,
        sqlite::{SqliteSettings, SqliteStore},
    },
    vault::Vault,
};

const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

type Run = dyn Fn(&Call<'_>) -> LocalBoxFuture<'static, Outcome> + Send + Sync;

/// A step type whose steps do what a function does.
#[derive(Clone)]
struct Does {
    id: &'static str,
    effects: Effects,
    run: Arc<Run>,
}

impl Does {
    /// Changes nothing but the task, and is done at once.
    fn quietly(
        id: &'static str,
        run: impl Fn(&Call<'_>) -> Outcome + Send + Sync + 'static,
    ) -> Box<dyn StepType> {
        let run = move |call: &Call<'_>| -> LocalBoxFuture<'static, Outcome> {
            let outcome = run(call);
            Box::pin(std::future::ready(outcome))
        };
        Box::new(Self { id, effects: Effects::None, run: Arc::new(run) })
    }

    /// Reaches outside.
    fn outside<F: Future<Output = Outcome> + 'static>(
        id: &'static str,
        run: impl Fn(&Call<'_>) -> F + Send + Sync + 'static,
    ) -> Box<dyn StepType> {
        let run = move |call: &Call<'_>| -> LocalBoxFuture<'static, Outcome> { Box::pin(run(call)) };
        Box::new(Self { id, effects: Effects::External, run: Arc::new(run) })
    }
}

impl StepType for Does {
    fn id(&self) -> &str {
        self.id
    }

    fn effects(&self) -> Effects {
        self.effects
    }

    fn description(&self) -> Cow<'_, Description> {
        step::sample::description()
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        Ok(Box::new(self.clone()))
    }
}

impl Step for Does {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        (self.run)(&call)
    }
}

/// What most tests need.
fn types() -> StepTypes {
    StepTypes::new(vec![
        Does::quietly("panics", |_| panic!("on purpose")),
        Does::quietly("notes", |_| Outcome::done(Answer::read(br#"{"task":{"Company Name":"noted"}}"#))),
        Does::quietly("waits", |call| {
            let until = call.resources.clock.now() + HOUR;
            Outcome { end: StepEnd::Wait { until }, ..Outcome::done(Answer::Unchanged) }
        }),
        // A call that nobody answers.
        Does::outside("hangs", |_| std::future::pending()),
        // One that ends without an answer, and is to be tried again.
        Does::outside("unanswered", |_| async {
            let again = Some(Duration::from_secs(600));
            Outcome { again, ..Outcome::unknown("timeout", "no answer") }
        }),
    ])
}

/// An action in stage In Progress with steps of the given types.
fn workflow(types: &[&str]) -> Arc<Workflow> {
    let mut workflow = sample::workflow();
    let steps = types.iter().enumerate().map(|(index, type_id)| StepDefinition {
        id: StepId::new(format!("step-{index}")),
        name: (*type_id).to_owned(),
        type_id: Arc::from(*type_id),
        params: serde_json::Map::new(),
    });
    workflow.actions[1].id = ActionId::new("test");
    workflow.actions[1].steps = steps.collect();
    Arc::new(workflow)
}

fn open_sqlite(folder: &Path) -> SqliteStore {
    let settings = SqliteSettings { queue_max: 64, task_cache_max: 64, file_bytes_max: 1024 };
    SqliteStore::open(folder, &settings).expect("a store")
}

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(open_sqlite(folder))
}

/// Puts a task into a store, whatever it says.
async fn put(store: &dyn Store, task: Task) {
    let workflow = task.workflow.clone();
    let put = move |_: &Current<'_>| -> Result<Change, Refusal> {
        Ok(Change { task: Some(task), ..Change::default() })
    };
    store.transact(TaskKey::New { workflow }, None, Box::new(put)).await.expect("a task");
}

/// Puts an execution of the sample's task into a store, as an earlier run would have left it.
async fn insert(store: &dyn Store, execution: Execution) {
    let task = execution.task;
    let insert = move |_: &Current<'_>| -> Result<Change, Refusal> {
        let execution = Some(ExecutionWrite::Insert(execution));
        Ok(Change { execution, ..Change::default() })
    };
    store.transact(TaskKey::Id(task), None, Box::new(insert)).await.expect("written");
}

/// A task beside the sample's.
fn another(id: u128) -> Task {
    Task {
        id: TaskId::from_u128(id),
        unique_id: Some(id.to_string().into()),
        ..sample::task_in("in-progress")
    }
}

async fn engine(folder: &Path) -> (Arc<Shared>, EngineHandle) {
    engine_on(open(folder), Clock::default(), types()).await
}

/// An engine on a store in which the sample's task is put.
async fn engine_on(store: Arc<dyn Store>, clock: Clock, types: StepTypes) -> (Arc<Shared>, EngineHandle) {
    put(&*store, sample::task_in("in-progress")).await;
    let settings = EngineSettings {
        in_flight_max: 8,
        queued_max: 8,
        chain_idle: Duration::from_secs(60),
        store_queue_max: 64,
    };
    let ids = Ids::new(clock.clone(), None);
    let workspace = Arc::new(SharedWorkspace::default());
    let shared = Arc::new(Shared::new(store, workspace, types, vault(), clock, ids, settings));
    (Arc::clone(&shared), started(&shared))
}

fn started(shared: &Arc<Shared>) -> EngineHandle {
    let trust = Trust::load(None).expect("the system's trust");
    let egress = Egress::new(&EgressSettings::default(), &trust, Endpoints::new(HealthSettings::default()));
    EngineHandle::start(Arc::clone(shared), egress)
}

/// Without a key, and so without secrets.
fn vault() -> Arc<Vault> {
    Arc::new(Vault::new("no-such-folder/secrets.key".into(), Path::new("no-such-folder"), None))
}

/// Everything anew but the store, as after a restart.
fn fresh(before: &Shared, clock: &Clock, types: StepTypes) -> Arc<Shared> {
    fresh_on(Arc::clone(&before.store), before, clock, types)
}

fn fresh_on(store: Arc<dyn Store>, before: &Shared, clock: &Clock, types: StepTypes) -> Arc<Shared> {
    let ids = Ids::new(clock.clone(), Some(before.ids.place().as_u128()));
    let workspace = Arc::clone(&before.workspace);
    Arc::new(Shared::new(store, workspace, types, vault(), clock.clone(), ids, before.settings.clone()))
}

/// After a restart; how many it found open.
async fn engine_again(
    before: &Shared,
    clock: &Clock,
    types: StepTypes,
) -> (Arc<Shared>, EngineHandle, usize) {
    let shared = fresh(before, clock, types);
    let open = shared.recover().await.expect("recovered");
    let engine = started(&shared);
    (shared, engine, open)
}

fn request(shared: &Shared, types: &[&str]) -> Perform {
    let workflow = workflow(types);
    // A version of its own for each chain.
    let version = types
        .iter()
        .flat_map(|name| name.bytes())
        .fold(1, |sum, byte| sum * 31 % 1_000_003 + u32::from(byte));
    shared.workspace.add_version(version, &workflow);
    Perform {
        workflow,
        version,
        action: 1,
        task: sample::task().id,
        performer: sample::performer(),
        key: None,
        depth: 0,
        is_awaited: true,
    }
}

async fn perform(shared: &Shared, engine: &EngineHandle, types: &[&str]) -> Execution {
    let performed = engine.perform(request(shared, types)).await.expect("admitted");
    performed.ended.expect("it has its turn").await.expect("it ends or is parked")
}

async fn stored(shared: &Shared, id: ExecutionId) -> Execution {
    shared.store.execution(id).await.expect("an answer").expect("the execution")
}

/// Waits until something is so.
async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect(what);
}

/// Waits until every place has been given back.
async fn idle(shared: &Shared) {
    eventually("every place is given back", async || shared.in_flight() == 0).await;
}

/// Waits until an execution on disk is as it should be.
async fn until(shared: &Shared, id: ExecutionId, is: impl Fn(&State) -> bool) -> Execution {
    eventually("it comes to that", async || is(&stored(shared, id).await.state)).await;
    stored(shared, id).await
}

fn is_retrying(state: &State) -> bool {
    matches!(state, State::Retrying { .. })
}
