//! The engine with step types of the test's own, on a real store.

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use super::{EngineHandle, EngineSettings, Perform, Shared};
use crate::{
    clock::{Clock, Ids},
    egress::{Egress, EgressSettings, Trust},
    model::{
        ActionId, Execution, ExecutionId, SharedWorkspace, State, StepDefinition, StepId, Task, Workflow,
        document::Answer,
        execution::{Effects, StepEnd},
        perform::Change,
        sample,
        workflow::ParamProblem,
    },
    step::{Call, Outcome, Step, StepType, StepTypes},
    store::{
        Store, TaskKey,
        sqlite::{SqliteSettings, SqliteStore},
    },
};

/// A step type whose steps do what a function does.
struct Does(&'static str, fn(&Call<'_>) -> Outcome);

impl StepType for Does {
    fn id(&self) -> &'static str {
        self.0
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        Ok(Box::new(DoesIt(self.1)))
    }
}

struct DoesIt(fn(&Call<'_>) -> Outcome);

impl Step for DoesIt {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move { (self.0)(&call) })
    }
}

const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// A call that nobody answers.
struct Hangs;

impl StepType for Hangs {
    fn id(&self) -> &'static str {
        "hangs"
    }

    fn effects(&self) -> Effects {
        Effects::External
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        Ok(Box::new(Hang))
    }
}

struct Hang;

impl Step for Hang {
    fn run<'a>(&'a self, _: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(std::future::pending())
    }
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

fn open(folder: &std::path::Path) -> Arc<dyn Store> {
    let settings = SqliteSettings { queue_max: 64, task_cache_max: 64, file_bytes_max: 1024 };
    Arc::new(SqliteStore::open(folder, &settings).expect("a store"))
}

async fn engine(folder: &std::path::Path) -> (Arc<Shared>, EngineHandle) {
    engine_on(open(folder), Clock::default()).await
}

/// An engine on a store in which the sample's task is put.
async fn engine_on(store: Arc<dyn Store>, clock: Clock) -> (Arc<Shared>, EngineHandle) {
    let task: Task = sample::task_in("in-progress");
    let put =
        Box::new(move |_: &crate::model::Current<'_>| Ok(Change { task: Some(task), ..Change::default() }));
    store.transact(TaskKey::New { workflow: sample::workflow().id }, None, put).await.expect("a task");
    let types = StepTypes::new(vec![
        Box::new(Does("panics", |_| panic!("on purpose"))),
        Box::new(Does("notes", |_| Outcome::done(Answer::read(br#"{"task":{"Company Name":"noted"}}"#)))),
        Box::new(Does("waits", |call| {
            let until = call.resources.clock.now() + HOUR;
            Outcome { end: StepEnd::Wait { until }, ..Outcome::done(Answer::Unchanged) }
        })),
        Box::new(Hangs),
    ]);
    let engine = EngineSettings {
        in_flight_max: 8,
        queued_max: 8,
        chain_idle: Duration::from_secs(60),
        store_queue_max: 64,
    };
    let ids = Ids::new(clock.clone(), None);
    let shared =
        Arc::new(Shared::new(store, Arc::new(SharedWorkspace::default()), types, clock, ids, engine));
    let egress = Egress::new(&EgressSettings::default(), &Trust::load(None).expect("the system's trust"));
    (Arc::clone(&shared), EngineHandle::start(shared, egress))
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
    }
}

async fn perform(shared: &Shared, engine: &EngineHandle, types: &[&str]) -> Execution {
    let performed = engine.perform(request(shared, types)).await.expect("admitted");
    performed.ended.expect("it has its turn").await.expect("it ends or is parked")
}

async fn stored(shared: &Shared, id: ExecutionId) -> Execution {
    shared.store.execution(id).await.expect("an answer").expect("the execution").execution
}

/// Waits until every place has been given back.
async fn idle(shared: &Shared) {
    let waiting = async {
        while shared.in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("a place was not given back");
}

/// Waits until an execution on disk is as it should be.
async fn until(shared: &Shared, id: ExecutionId, is: impl Fn(&State) -> bool) -> Execution {
    let waiting = async {
        loop {
            let execution = stored(shared, id).await;
            if is(&execution.state) {
                return execution;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it came to that")
}

#[test]
fn a_panicking_step_fails_its_own_execution_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        for _ in 0..2 {
            let failed = perform(&shared, &engine, &["panics", "notes"]).await;
            let failure = failed.state.failure().expect("a failure");
            assert_eq!((failure.code.as_str(), failure.step), ("step_panicked", 0));
            assert!(failure.message.contains("on purpose"), "{}", failure.message);
        }
        let task =
            shared.store.task(TaskKey::Id(sample::task().id)).await.expect("an answer").expect("the task");
        assert_eq!(
            task.value(&crate::model::FieldId::new("company-name")).to_text(),
            "Acme Corp",
            "a later step ran"
        );
        assert_eq!(perform(&shared, &engine, &["notes"]).await.state, State::Succeeded);
        assert_eq!(shared.in_flight(), 0, "a place was not given back");
    });
}

#[test]
fn steps_run_in_order_and_each_is_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let ended = perform(&shared, &engine, &["notes", "notes", "notes"]).await;
        assert_eq!(ended.state, State::Succeeded);
        let detail = shared.store.execution(ended.id).await.expect("an answer").expect("the execution");
        assert_eq!(detail.execution, ended);
        assert_eq!(detail.attempts.iter().map(|attempt| attempt.step).collect::<Vec<_>>(), [0, 1, 2]);
    });
}

#[test]
fn while_draining_nothing_is_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        shared.drain();
        let perform = request(&shared, &["notes"]);
        assert!(matches!(engine.perform(perform).await, Err(super::EngineError::ShuttingDown)));
        assert!(shared.store.open_executions(None, 10).await.expect("an answer").is_empty());
    });
}

/// "Wakes are UTC instants, fired once, late after a forward jump, never twice after a backward one."
#[test]
fn a_waiting_execution_is_woken_once_by_the_clock_whatever_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let (shared, engine) = engine_on(open(folder.path()), clock.clone()).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        assert_eq!(parked.state, State::Waiting { step: 1, until: sample::now() + HOUR });
        assert_eq!(shared.in_flight(), 0, "a parked execution holds a place");
        // Somebody else's turn comes meanwhile: waiting has let it go.
        assert_eq!(perform(&shared, &engine, &["notes"]).await.state, State::Succeeded);
        for moved_to in [sample::now() - HOUR, sample::now() + HOUR - jiff::SignedDuration::from_millis(1)] {
            clock.move_to(moved_to);
            shared.clock_moved();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(stored(&shared, parked.id).await.state, parked.state, "woken too early");
        }
        clock.move_to(sample::now() + HOUR * 48);
        shared.clock_moved();
        let ended = until(&shared, parked.id, State::is_final).await;
        assert_eq!(ended.state, State::Succeeded);
        for moved_to in [sample::now(), sample::now() + HOUR * 49] {
            clock.move_to(moved_to);
            shared.clock_moved();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let detail = shared.store.execution(parked.id).await.expect("an answer").expect("the execution");
        assert_eq!(detail.attempts.len(), 2, "a step ran twice");
    });
}

/// "Parked in the store and woken … after any restart"; "on waking the execution queues at the back."
#[test]
fn a_restart_wakes_what_became_due_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let store = open(folder.path());
        let (shared, engine) = engine_on(Arc::clone(&store), Clock::standing(sample::now())).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        shared.drain();
        let (restarted, _engine, open) =
            engine_on_again(store, Clock::standing(sample::now() + HOUR * 2), &shared).await;
        assert_eq!(open, 1);
        let ended = until(&restarted, parked.id, State::is_final).await;
        assert_eq!(ended.state, State::Succeeded);
        assert!(ended.place > parked.place, "it kept its old place in line");
    });
}

/// As after a restart: the same store, everything else anew.
async fn engine_on_again(
    store: Arc<dyn Store>,
    clock: Clock,
    before: &Shared,
) -> (Arc<Shared>, EngineHandle, usize) {
    let shared = Arc::new(fresh(&store, &clock, before));
    let open = shared.recover().await.expect("recovered");
    let egress = Egress::new(&EgressSettings::default(), &Trust::load(None).expect("the system's trust"));
    (Arc::clone(&shared), EngineHandle::start(shared, egress), open)
}

/// "Cancel … in mid-call drops the call and records unknown."
#[test]
fn a_call_under_way_is_dropped_and_its_turn_passes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        let behind = engine.perform(request(&shared, &["notes"])).await.expect("admitted");
        assert!(behind.ended.is_none(), "it has not its turn yet");
        let cancelled = shared.cancel(&hanging.execution).await.expect("cancelled");
        assert_eq!(cancelled.state.name(), "unknown");
        let told = hanging.ended.expect("its end").await.expect("told");
        assert_eq!(told.state, cancelled.state);
        assert_eq!(until(&shared, behind.execution.id, State::is_final).await.state, State::Succeeded);
        idle(&shared).await;
        assert!(shared.cancel(&hanging.execution).await.is_err(), "cancelled twice");
    });
}

/// "Step type missing (plugin gone): … parked executions wait as `blocked` and go on when it returns."
#[test]
fn a_missing_step_type_blocks_until_a_start_that_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let store = open(folder.path());
        let (shared, engine) = engine_on(Arc::clone(&store), Clock::standing(sample::now())).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        shared.drain();
        let later = Clock::standing(sample::now() + HOUR * 2);
        let without = Shared { step_types: StepTypes::new(Vec::new()), ..fresh(&store, &later, &shared) };
        let without = Arc::new(without);
        let egress =
            || Egress::new(&EgressSettings::default(), &Trust::load(None).expect("the system's trust"));
        without.recover().await.expect("recovered");
        let _engine = EngineHandle::start(Arc::clone(&without), egress());
        let blocked = until(&without, parked.id, |state| matches!(state, State::Blocked { .. })).await;
        let State::Blocked { why, .. } = &blocked.state else { panic!("not blocked") };
        assert!(why.contains("there is no step type `waits`"), "{why}");
        idle(&without).await;
        without.drain();
        let (back, _engine, _) = engine_on_again(store, later, &shared).await;
        assert_eq!(until(&back, parked.id, State::is_final).await.state, State::Succeeded);
    });
}

fn fresh(store: &Arc<dyn Store>, clock: &Clock, before: &Shared) -> Shared {
    let ids = Ids::new(clock.clone(), Some(before.ids.place().as_u128()));
    let (workspace, types) = (Arc::clone(&before.workspace), before.step_types.clone());
    Shared::new(Arc::clone(store), workspace, types, clock.clone(), ids, before.settings.clone())
}

/// A line that is full of one task's executions refuses no other task.
#[test]
fn a_full_line_of_one_task_does_not_refuse_another() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let other = Task {
            id: crate::model::TaskId::from_u128(2),
            unique_id: Some("2".into()),
            ..sample::task_in("in-progress")
        };
        let put = Box::new(move |_: &crate::model::Current<'_>| {
            Ok(Change { task: Some(other), ..Change::default() })
        });
        shared
            .store
            .transact(TaskKey::New { workflow: sample::workflow().id }, None, put)
            .await
            .expect("a task");
        for _ in 0..9 {
            engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        }
        assert_eq!(shared.in_flight(), 1);
        let elsewhere = Perform { task: crate::model::TaskId::from_u128(2), ..request(&shared, &["notes"]) };
        let error = engine.perform(elsewhere).await.err().map(|error| error.to_string());
        assert_eq!(error, None, "seven of eight places are free");
    });
}

/// "durations are monotonic": a back-off does not grow with a clock that is set back.
#[test]
fn a_back_off_ends_when_its_time_is_over_whatever_the_clock_does() {
    struct Refused;
    impl StepType for Refused {
        fn id(&self) -> &'static str {
            "refused"
        }
        fn effects(&self) -> Effects {
            Effects::External
        }
        fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
            Ok(Box::new(Refused))
        }
    }
    impl Step for Refused {
        fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
            let again = (call.execution.tries < 2).then_some(Duration::from_millis(100));
            Box::pin(async move { Outcome { again, ..Outcome::failed("http_status", "503") } })
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let (first, _engine) = engine_on(open(folder.path()), clock.clone()).await;
        first.drain();
        let types = StepTypes::new(vec![Box::new(Refused)]);
        let shared = Arc::new(Shared { step_types: types, ..fresh(&first.store, &clock, &first) });
        let egress = Egress::new(&EgressSettings::default(), &Trust::load(None).expect("the system's trust"));
        let engine = EngineHandle::start(Arc::clone(&shared), egress);
        let performed = engine.perform(request(&shared, &["refused"])).await.expect("admitted");
        until(&shared, performed.execution.id, |state| matches!(state, State::Retrying { .. })).await;
        clock.move_to(sample::now() - HOUR);
        shared.clock_moved();
        let ended = tokio::time::timeout(Duration::from_secs(3), performed.ended.expect("its turn")).await;
        assert!(ended.is_ok(), "100 ms of back-off hold the turn for an hour");
    });
}
