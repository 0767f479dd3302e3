//! The engine on a store that does what it is asked and says that it failed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::*;
use crate::{
    engine::{EngineError, Performed, doubts::Doubt},
    model::{
        Blob, BlobId, Comment, ExecutionList, HistoryEntry, KeptItem, Place, TaskList, Timestamp, UserId,
        WorkflowId,
        asked::TaskCounts,
        id::KeyId,
        list::Position,
        perform::{self, Admitted, Decide, IdempotencyKey, Plan, RetryOnto, RetryTarget},
    },
    store::{
        Committed, Due, ExecutionDetail, ExecutionPage, NewVersion, Observer, Reply, StoreError, TaskPage,
        UntoldPage, VersionNote, VersionRow, WorkspaceRows,
        admin::{AdminChange, AuditEntry, By, Invitation, Session},
    },
};

/// Executes, and reports as failed, the transactions that a test says.
struct Liar {
    store: SqliteStore,
    /// How many come before the one.
    truthful: AtomicUsize,
    /// How long the one's answer takes after it is on disk, and whether it is true after all.
    late: Mutex<Duration>,
    is_true: AtomicBool,
    /// Cancels the execution between its commit and the answer's arrival.
    cancels: Mutex<Option<Arc<Shared>>>,
}

/// No transaction is lied about.
const NEVER: usize = usize::MAX;

impl Store for Liar {
    fn transact(&self, key: TaskKey, execution: Option<ExecutionId>, decide: Decide) -> Reply<Committed> {
        let lies = match self.truthful.load(Ordering::Relaxed) {
            NEVER => false,
            0 => {
                self.truthful.store(NEVER, Ordering::Relaxed);
                true
            }
            more => {
                self.truthful.store(more - 1, Ordering::Relaxed);
                false
            }
        };
        let done = self.store.transact(key, execution, decide);
        let cancels = self.cancels.lock().expect("the lock").take();
        let (late, is_true) = (*self.late.lock().expect("the lock"), self.is_true.load(Ordering::Relaxed));
        Box::pin(async move {
            let done = done.await?;
            if let (Some(shared), Some(execution)) = (cancels, &done.execution) {
                // As another worker thread would.
                shared.cancel(execution).await.expect("cancelled");
            }
            if lies {
                tokio::time::sleep(late).await;
            }
            if lies && !is_true {
                Err(StoreError::Disk("executed, but reported as failed".to_owned()))
            } else {
                Ok(done)
            }
        })
    }

    fn task(&self, key: TaskKey) -> Reply<Option<Arc<Task>>> {
        self.store.task(key)
    }

    fn tasks_by_id(&self, ids: Vec<TaskId>) -> Reply<Vec<Arc<Task>>> {
        self.store.tasks_by_id(ids)
    }

    fn tasks(&self, list: Arc<TaskList>, after: Option<Position>, most: usize) -> Reply<TaskPage> {
        self.store.tasks(list, after, most)
    }

    fn count_tasks(&self, list: Arc<TaskList>) -> Reply<TaskCounts> {
        self.store.count_tasks(list)
    }

    fn executions(&self, list: ExecutionList, most: usize) -> Reply<ExecutionPage> {
        self.store.executions(list, most)
    }

    fn execution(&self, id: ExecutionId) -> Reply<Option<Execution>> {
        self.store.execution(id)
    }

    fn execution_detail(&self, id: ExecutionId) -> Reply<Option<ExecutionDetail>> {
        self.store.execution_detail(id)
    }

    fn open_executions(&self, after: Option<Place>, most: usize) -> Reply<Vec<Execution>> {
        self.store.open_executions(after, most)
    }

    fn due(&self, now: Timestamp, workflows: Vec<WorkflowId>, most: usize) -> Reply<Due> {
        self.store.due(now, workflows, most)
    }

    fn history(&self, task: TaskId, before: Option<u64>) -> Reply<Vec<HistoryEntry>> {
        self.store.history(task, before)
    }

    fn comments(&self, task: TaskId, after: u64) -> Reply<Vec<Comment>> {
        self.store.comments(task, after)
    }

    fn checklist(&self, task: TaskId) -> Reply<Vec<KeptItem>> {
        self.store.checklist(task)
    }

    fn blob_workflows(&self, id: BlobId) -> Reply<Vec<WorkflowId>> {
        self.store.blob_workflows(id)
    }

    fn blob(&self, id: BlobId) -> Reply<Option<Blob>> {
        self.store.blob(id)
    }

    fn admitted(&self, scope: [u8; 32]) -> Reply<Option<Admitted>> {
        self.store.admitted(scope)
    }

    fn forget_admitted(&self, before: Timestamp, most: usize) -> Reply<usize> {
        self.store.forget_admitted(before, most)
    }

    fn forget_audit(&self, before: Timestamp, most: usize) -> Reply<usize> {
        self.store.forget_audit(before, most)
    }

    fn forget_revoked_keys(&self, before: Timestamp) -> Reply<()> {
        self.store.forget_revoked_keys(before)
    }

    fn version(&self, workflow: WorkflowId, version: u32) -> Reply<Option<VersionRow>> {
        self.store.version(workflow, version)
    }

    fn forget_records(
        &self,
        after: ExecutionId,
        before: ExecutionId,
        most: usize,
    ) -> Reply<Option<ExecutionId>> {
        self.store.forget_records(after, before, most)
    }

    fn disabled_endpoints(&self) -> Reply<Vec<String>> {
        self.store.disabled_endpoints()
    }

    fn disable_endpoint(&self, name: String) -> Reply<()> {
        self.store.disable_endpoint(name)
    }

    fn execution_before(&self, newest: u64) -> Reply<Option<ExecutionId>> {
        self.store.execution_before(newest)
    }

    fn greatest_id(&self) -> Reply<Option<u128>> {
        self.store.greatest_id()
    }

    fn workspace(&self) -> Reply<WorkspaceRows> {
        self.store.workspace()
    }

    fn workspace_revision(&self) -> Reply<u64> {
        self.store.workspace_revision()
    }

    fn versions(&self, workflow: WorkflowId, before: Option<u32>, most: usize) -> Reply<Vec<VersionNote>> {
        self.store.versions(workflow, before, most)
    }

    fn publish(&self, version: NewVersion) -> Reply<u32> {
        self.store.publish(version)
    }

    fn left_behind(&self, user: Option<UserId>, after: Option<TaskId>, most: usize) -> Reply<Vec<TaskId>> {
        self.store.left_behind(user, after, most)
    }

    fn untold_workflows(&self) -> Reply<Vec<WorkflowId>> {
        self.store.untold_workflows()
    }

    fn untold(&self, workflow: WorkflowId, after: u64, most: usize) -> Reply<UntoldPage> {
        self.store.untold(workflow, after, most)
    }

    fn forget_untold(&self, workflow: WorkflowId, up_to: u64, most: u64) -> Reply<u64> {
        self.store.forget_untold(workflow, up_to, most)
    }

    fn drop_untold(&self, workflow: WorkflowId, after: u64, keep: u64, most: u64) -> Reply<u64> {
        self.store.drop_untold(workflow, after, keep, most)
    }

    fn administer(&self, change: AdminChange, by: By) -> Reply<bool> {
        self.store.administer(change, by)
    }

    fn audit(&self, before: Option<u64>, most: usize) -> Reply<Vec<AuditEntry>> {
        self.store.audit(before, most)
    }

    fn keys_used(&self) -> Reply<Vec<(KeyId, Option<Timestamp>)>> {
        self.store.keys_used()
    }

    fn invitations(&self) -> Reply<Vec<Invitation>> {
        self.store.invitations()
    }

    fn invitation(&self, hash: [u8; 32]) -> Reply<Option<Invitation>> {
        self.store.invitation(hash)
    }

    fn password_hash(&self, user: UserId) -> Reply<Option<String>> {
        self.store.password_hash(user)
    }

    fn setup_token(&self, offered: String) -> Reply<Option<String>> {
        self.store.setup_token(offered)
    }

    fn add_session(&self, session: Session, password_hash: Option<String>) -> Reply<bool> {
        self.store.add_session(session, password_hash)
    }

    fn session(&self, hash: [u8; 32]) -> Reply<Option<Session>> {
        self.store.session(hash)
    }

    fn end_session(&self, hash: [u8; 32]) -> Reply<()> {
        self.store.end_session(hash)
    }

    fn forget_sessions(
        &self,
        created_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Reply<()> {
        self.store.forget_sessions(created_before, seen_before, now)
    }

    fn note_use(&self, keys: Vec<(KeyId, Timestamp)>, sessions: Vec<([u8; 32], Timestamp)>) -> Reply<()> {
        self.store.note_use(keys, sessions)
    }

    fn observe(&self, observer: Arc<dyn Observer>) {
        self.store.observe(observer);
    }

    fn waiting(&self) -> usize {
        self.store.waiting()
    }

    fn writable(&self) -> Reply<()> {
        self.store.writable()
    }

    fn close(&self) -> Reply<()> {
        self.store.close()
    }
}

/// An engine on a liar's store, with a task.
struct Stage {
    liar: Arc<Liar>,
    shared: Arc<Shared>,
    engine: EngineHandle,
    calls: Arc<AtomicUsize>,
}

impl Stage {
    async fn set(folder: &std::path::Path) -> Self {
        let (store, calls) = (open_sqlite(folder), Arc::new(AtomicUsize::new(0)));
        let truthful = AtomicUsize::new(NEVER);
        let liar = Arc::new(Liar {
            store,
            truthful,
            late: Mutex::default(),
            is_true: AtomicBool::default(),
            cancels: Mutex::default(),
        });
        let counted = Arc::clone(&calls);
        let types = StepTypes::new(vec![
            Does::outside("calls", move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Outcome::done(Answer::Unchanged))
            }),
            Does::quietly("waits", |call| {
                let until = call.resources.clock.now() + jiff::SignedDuration::from_millis(500);
                Outcome { end: StepEnd::Wait { until }, ..Outcome::done(Answer::Unchanged) }
            }),
        ]);
        let (shared, engine) = engine_on(Arc::<Liar>::clone(&liar), Clock::default(), types).await;
        Self { liar, shared, engine, calls }
    }

    /// Performs an action of two calls, lying about the transaction after so many.
    async fn perform(&self, truthful: usize) -> Result<Performed, EngineError> {
        self.perform_with(truthful, None).await
    }

    async fn perform_with(
        &self,
        truthful: usize,
        key: Option<IdempotencyKey>,
    ) -> Result<Performed, EngineError> {
        self.liar.truthful.store(truthful, Ordering::Relaxed);
        self.engine.perform(Perform { key, ..request(&self.shared, &["calls", "calls"]) }).await
    }
}

/// “Every acknowledged execution … ends in Success, Fail, or visibly waiting”, each step having run
/// once, whichever of its later transactions was *executed but reported as failed*.
#[test]
fn progress_executed_but_reported_as_failed_is_written_once() {
    for truthful in [1, 2] {
        let folder = tempfile::tempdir().expect("a folder");
        actix::System::new().block_on(async {
            let stage = Stage::set(folder.path()).await;
            let performed = stage.perform(truthful).await.expect("admitted");
            let ended = performed.ended.expect("it has its turn").await.expect("it ends");
            assert_eq!(ended.state, State::Succeeded);
            assert_eq!(stage.calls.load(Ordering::Relaxed), 2);
            let detail =
                stage.shared.store.execution_detail(ended.id).await.expect("an answer").expect("there");
            assert_eq!(detail.execution, ended);
            let attempts: Vec<_> =
                detail.attempts.iter().map(|attempt| (attempt.number, attempt.step)).collect();
            assert_eq!(attempts, [(1, 0), (2, 1)]);
            assert_eq!(stage.liar.truthful.load(Ordering::Relaxed), NEVER, "nothing was lied about");
            assert_eq!(stage.shared.in_flight(), 0);
        });
    }
}

/// “*Executed but reported as failed*”: an admission that is on disk all the same ends without a
/// restart, runs only if it was acknowledged, and does not stand in the way of the next.
#[test]
fn an_admission_executed_but_reported_as_failed_does_not_stay_pending() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let stage = Stage::set(folder.path()).await;
        // Whether it is refused or acknowledged after all is the engine's choice.
        let first = stage.perform(0).await;
        assert!(matches!(first, Ok(_) | Err(EngineError::Store(StoreError::Disk(_)))));
        assert_eq!(stage.liar.truthful.load(Ordering::Relaxed), NEVER, "nothing was lied about");
        let next = stage.perform(NEVER).await.expect("admitted");
        let next = next.execution.id;
        let started = Instant::now();
        loop {
            let open = stage.shared.store.open_executions(None, 10).await.expect("an answer");
            if open.is_empty() {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(5), "still pending: {:?}", open[0].state);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(stored(&stage.shared, next).await.state, State::Succeeded);
        // What was refused has not run; or, if it is carried out after all, once.
        let calls = stage.calls.load(Ordering::Relaxed);
        assert_eq!(calls, if first.is_ok() { 4 } else { 2 });
    });
}

/// Cancelled between the commit and the first byte.
#[test]
fn what_is_cancelled_before_its_call_is_not_called() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let stage = Stage::set(folder.path()).await;
        *stage.liar.cancels.lock().expect("the lock") = Some(Arc::clone(&stage.shared));
        let performed = stage.perform(NEVER).await.expect("admitted");
        let ended = performed.ended.expect("its turn").await.expect("ended");
        assert_eq!((ended.state.name(), stage.calls.load(Ordering::Relaxed)), ("unknown", 0));
    });
}

/// "Woken once", though the wake was carried out and reported as failed.
#[test]
fn a_wake_executed_but_reported_as_failed_is_not_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let stage = Stage::set(folder.path()).await;
        let parked = super::perform(&stage.shared, &stage.engine, &["waits", "calls"]).await;
        assert_eq!(parked.state.name(), "waiting");
        stage.liar.truthful.store(0, Ordering::Relaxed);
        let ended = until(&stage.shared, parked.id, State::is_final).await;
        assert_eq!(stage.liar.truthful.load(Ordering::Relaxed), NEVER, "nothing was lied about");
        assert_eq!(ended.state, State::Succeeded);
    });
}

/// "4xx and 503 are not stored."
#[test]
fn a_key_whose_request_was_answered_503_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let stage = Stage::set(folder.path()).await;
        let key = Some(IdempotencyKey { scope: [1; 32], body: [2; 32] });
        assert!(stage.perform_with(0, key).await.is_err(), "answered 503");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let again = stage.perform_with(NEVER, key).await.expect("admitted");
        let ended = until(&stage.shared, again.execution.id, State::is_final).await;
        assert_eq!((ended.state, again.is_repeated), (State::Succeeded, false));
    });
}

/// "Concurrent duplicates get the same execution", or the same refusal: one that comes while the first waits
/// for the store's answer hears what that one hears.
#[test]
fn a_duplicate_waits_for_the_answer_to_the_first() {
    for is_true in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        actix::System::new().block_on(async {
            let stage = Stage::set(folder.path()).await;
            let key = Some(IdempotencyKey { scope: [1; 32], body: [2; 32] });
            *stage.liar.late.lock().expect("the lock") = Duration::from_millis(300);
            stage.liar.is_true.store(is_true, Ordering::Relaxed);
            let duplicate = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                stage.engine.perform(Perform { key, ..request(&stage.shared, &["calls", "calls"]) }).await
            };
            let started = Instant::now();
            let (first, second) = futures_util::future::join(stage.perform_with(0, key), duplicate).await;
            assert!(started.elapsed() >= Duration::from_millis(300), "it did not wait");
            match (first, second) {
                (Ok(first), Ok(second)) => {
                    assert!(is_true && second.is_repeated);
                    assert_eq!(first.execution.id, second.execution.id);
                }
                (Err(EngineError::Store(StoreError::Disk(_))), Err(EngineError::InDoubt)) => {
                    assert!(!is_true)
                }
                (first, second) => {
                    panic!("{:?} {:?}", first.map(|it| it.execution), second.map(|it| it.execution))
                }
            }
        });
    }
}

/// A retry that was recorded and refused, before it is taken back.
async fn refused_retry(shared: &Shared, plan: &Plan, failed: &Execution) -> Doubt {
    let place = shared.ids.place();
    let target = RetryTarget { seen: failed.place, failed: failed.state.clone(), onto: RetryOnto::Pinned };
    let of = plan.clone();
    let decide: Decide = Box::new(move |current| {
        perform::retry(place, &target, &of, false, sample::now(), &sample::directory(), current)
    });
    let _ = shared.store.transact(TaskKey::Id(failed.task), Some(failed.id), decide).await;
    let (task, execution, before) = (failed.task, failed.id, Some(failed.clone()));
    Doubt { task, execution, place, before, plan: plan.clone() }
}

/// What was refused does not run, though the person has tried twice while the disk failed.
#[test]
fn two_doubts_of_one_execution_are_both_settled() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let failed = super::perform(&shared, &engine, &["panics"]).await;
        // So that the waker does not come between.
        shared.drain();
        let plan = Plan { chain: Arc::from([Effects::None]), ..shared.bare_plan(&failed).expect("its plan") };
        let first = refused_retry(&shared, &plan, &failed).await;
        let seen = stored(&shared, failed.id).await;
        assert_eq!(seen.state.name(), "queued");
        shared.doubt(first);
        // This one was not done at all.
        shared.doubt(refused_retry(&shared, &plan, &seen).await);
        shared.settle_doubts().await;
        assert_eq!(stored(&shared, failed.id).await.state.name(), "failed");
    });
}
