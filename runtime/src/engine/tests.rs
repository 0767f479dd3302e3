//! The engine with step types of the test's own, on a real store.

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use super::{EngineHandle, EngineSettings, Perform, Shared};
use crate::{
    clock::{Clock, Ids},
    egress::{Egress, EgressSettings, Trust},
    model::{
        ActionId, Execution, SharedWorkspace, State, StepDefinition, StepId, Task, Workflow,
        document::Answer, execution::Effects, perform::Change, sample, workflow::ParamProblem,
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

async fn engine(folder: &std::path::Path) -> (Arc<Shared>, EngineHandle) {
    let settings = SqliteSettings { queue_max: 64, task_cache_max: 64 };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder, &settings).expect("a store"));
    let task: Task = sample::task_in("in-progress");
    let put =
        Box::new(move |_: &crate::model::Current<'_>| Ok(Change { task: Some(task), ..Change::default() }));
    store.transact(TaskKey::New { workflow: sample::workflow().id }, put).await.expect("a task");
    let types = StepTypes::new(vec![
        Box::new(Does("panics", |_| panic!("on purpose"))),
        Box::new(Does("notes", |_| Outcome::done(Answer::read(br#"{"task":{"Company Name":"noted"}}"#)))),
    ]);
    let clock = Clock::default();
    let engine =
        EngineSettings { in_flight_max: 8, chain_idle: Duration::from_secs(60), store_queue_max: 64 };
    let ids = Ids::new(clock.clone(), None);
    let shared =
        Arc::new(Shared::new(store, Arc::new(SharedWorkspace::default()), types, clock, ids, engine));
    let egress = Egress::new(&EgressSettings::default(), &Trust::load(None).expect("the system's trust"));
    (Arc::clone(&shared), EngineHandle::start(shared, egress))
}

async fn perform(engine: &EngineHandle, types: &[&str]) -> Execution {
    let perform = Perform {
        workflow: workflow(types),
        // A version of its own for each chain.
        version: types.len() as u32 * 10 + u32::from(types[0] == "panics"),
        action: 1,
        task: sample::task().id,
        performer: sample::performer(),
    };
    let performed = engine.perform(perform).await.expect("admitted");
    performed.ended.expect("it has its turn").await.expect("it ends")
}

#[test]
fn a_panicking_step_fails_its_own_execution_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        for _ in 0..2 {
            let failed = perform(&engine, &["panics", "notes"]).await;
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
        assert_eq!(perform(&engine, &["notes"]).await.state, State::Succeeded);
        assert_eq!(shared.in_flight(), 0, "a place was not given back");
    });
}

#[test]
fn steps_run_in_order_and_each_is_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let ended = perform(&engine, &["notes", "notes", "notes"]).await;
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
        let perform = Perform {
            workflow: workflow(&["notes"]),
            version: 1,
            action: 1,
            task: sample::task().id,
            performer: sample::performer(),
        };
        assert!(matches!(engine.perform(perform).await, Err(super::EngineError::ShuttingDown)));
        assert!(shared.store.open_executions(None, 10).await.expect("an answer").is_empty());
    });
}
