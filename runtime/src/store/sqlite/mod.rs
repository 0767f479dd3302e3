//! The store inside: SQLite in WAL mode with `synchronous = FULL`.
//!
//! One thread writes. What arrives while it flushes goes into its next commit, each request in a
//! savepoint of its own, so that one bad request cannot fail its group. Reads have threads and
//! connections of their own and never wait for the writer. A last thread moves the WAL into the
//! database, off the commit's way.

mod admin;
mod asked;
pub mod backup;
mod counts;
mod list;
mod open;
mod part;
mod read;
pub mod restore;
mod rows;
mod threads;
mod transaction;
mod trouble;
mod wal;
mod write;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use quick_cache::sync::Cache;
use tokio::sync::oneshot;

pub(super) use self::open::FILE_NAME;
use self::{
    threads::{Threads, Work},
    transaction::Transaction,
    trouble::Health,
};
use super::{
    Committed, Due, ExecutionDetail, ExecutionPage, HISTORY_PAGE_MAX, NewVersion, Observer, Reply, Store,
    StoreError, TaskKey, TaskPage, UntoldPage, VERSIONS_PAGE_MAX, VersionNote, VersionRow, WorkspaceRows,
    admin::{AdminChange, AuditEntry, By, Invitation, Session},
};
use crate::model::{
    Blob, BlobId, Comment, Execution, ExecutionId, ExecutionList, HistoryEntry, KeptItem, Place, Task,
    TaskId, TaskList, Timestamp, UserId, WorkflowId,
    asked::TaskCounts,
    id::KeyId,
    list::Position,
    perform::{Admitted, Decide},
};

/// How the store is to be run.
#[derive(Debug, Clone)]
pub struct SqliteSettings {
    /// Writes that may wait for the writer; one more is refused.
    pub queue_max: usize,
    /// Tasks kept in memory.
    pub task_cache_max: usize,
    /// Bytes that a file may have. Its bytes are a row: kept in the transaction of the task that names it,
    /// and in the one file that a backup copies.
    pub file_bytes_max: usize,
}

pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
    writes: std::sync::mpsc::SyncSender<write::Request>,
    reads: std::sync::mpsc::SyncSender<Work>,
    queue_max: usize,
}

/// What the threads share: the tasks as of the last commit. Only the writer puts tasks in, after
/// its commit, so that a reader's older row can never replace a newer one.
struct Shared {
    tasks: Cache<TaskId, Arc<Task>>,
    by_unique_id: Cache<(WorkflowId, Arc<str>), TaskId>,
    health: Health,
    file_bytes_max: usize,
    observers: Mutex<Vec<Arc<dyn Observer>>>,
    /// Writes that wait for the writer.
    waiting: AtomicUsize,
}

impl Shared {
    fn cached(&self, key: &TaskKey) -> Option<Arc<Task>> {
        match key {
            TaskKey::Id(id) => self.tasks.get(id),
            TaskKey::Unique { workflow, value } => {
                let id = self.by_unique_id.get(&(workflow.clone(), Arc::clone(value)))?;
                // A task that has since got another Unique ID is no longer found by this one.
                self.tasks.get(&id).filter(|task| task.unique_id.as_ref() == Some(value))
            }
            TaskKey::New { .. } => None,
        }
    }

    fn put(&self, task: Arc<Task>) {
        if let Some(unique) = &task.unique_id {
            self.by_unique_id.insert((task.workflow.clone(), Arc::clone(unique)), task.id);
        }
        self.tasks.insert(task.id, task);
    }

    fn forget(&self, id: TaskId) {
        self.tasks.remove(&id);
    }
}

impl SqliteStore {
    /// Whether a folder has a database.
    pub fn is_there(folder: &Path) -> bool {
        folder.join(FILE_NAME).exists()
    }

    /// Opens, or makes, the database in a folder and brings its schema up to date.
    pub fn open(folder: &Path, settings: &SqliteSettings) -> Result<Self, StoreError> {
        let file = open::database_file(folder)?;
        let writer = open::writer(&file)?;
        let shared = Arc::new(Shared {
            tasks: Cache::new(settings.task_cache_max),
            by_unique_id: Cache::new(settings.task_cache_max),
            health: Health::default(),
            file_bytes_max: settings.file_bytes_max,
            observers: Mutex::default(),
            waiting: AtomicUsize::new(0),
        });
        let (threads, writes, reads) = threads::start(&file, writer, &shared, settings)?;
        Ok(Self { shared, threads: Mutex::new(Some(threads)), writes, reads, queue_max: settings.queue_max })
    }

    /// Runs something on a reading connection.
    fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<T> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // The asker may have gone; then nobody wants the answer.
            let _ = reply.send(job(connection));
        });
        let sent = send(&self.reads, work, self.queue_max);
        Box::pin(async move {
            sent?;
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }

    /// Runs something on the writer's connection, in a savepoint of its group's transaction.
    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<T> {
        self.ask_writer(|reply| write::Request::job(job, reply))
    }

    fn ask_writer<T: Send + 'static>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> write::Request,
    ) -> Reply<T> {
        let (reply, answer) = oneshot::channel();
        // Before it is there: the writer may take it at once.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = send(&self.writes, request(reply), self.queue_max);
        if sent.is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Box::pin(async move {
            sent?;
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }
}

fn send<T>(queue: &std::sync::mpsc::SyncSender<T>, item: T, waiting_max: usize) -> Result<(), StoreError> {
    use std::sync::mpsc::TrySendError;
    queue.try_send(item).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::Busy { waiting_max },
        TrySendError::Disconnected(_) => StoreError::Closed,
    })
}

impl Store for SqliteStore {
    fn transact(&self, key: TaskKey, execution: Option<ExecutionId>, decide: Decide) -> Reply<Committed> {
        let transaction = Transaction { key, execution, decide };
        self.ask_writer(|reply| write::Request::Transact { transaction, reply })
    }

    fn task(&self, key: TaskKey) -> Reply<Option<Arc<Task>>> {
        if let Some(task) = self.shared.cached(&key) {
            return Box::pin(std::future::ready(Ok(Some(task))));
        }
        self.read(move |connection| Ok(read::task(connection, &key)?.map(Arc::new)))
    }

    fn tasks_by_id(&self, ids: Vec<TaskId>) -> Reply<Vec<Arc<Task>>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for key in ids.into_iter().map(TaskKey::Id) {
            match self.shared.cached(&key) {
                Some(task) => found.push(task),
                None => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Box::pin(std::future::ready(Ok(found)));
        }
        self.read(move |connection| {
            for key in missing {
                found.extend(read::task(connection, &key)?.map(Arc::new));
            }
            Ok(found)
        })
    }

    fn tasks(&self, list: Arc<TaskList>, after: Option<Position>, most: usize) -> Reply<TaskPage> {
        self.read(move |connection| list::tasks(connection, &list, after.as_ref(), most))
    }

    fn count_tasks(&self, list: Arc<TaskList>) -> Reply<TaskCounts> {
        self.read(move |connection| counts::tasks(connection, &list))
    }

    fn executions(&self, list: ExecutionList, most: usize) -> Reply<ExecutionPage> {
        self.read(move |connection| list::executions(connection, &list, most))
    }

    fn execution(&self, id: ExecutionId) -> Reply<Option<Execution>> {
        self.read(move |connection| read::execution(connection, id))
    }

    fn execution_detail(&self, id: ExecutionId) -> Reply<Option<ExecutionDetail>> {
        self.read(move |connection| read::execution_detail(connection, id))
    }

    fn open_executions(&self, after: Option<Place>, most: usize) -> Reply<Vec<Execution>> {
        self.read(move |connection| read::open_executions(connection, after, most))
    }

    fn due(&self, now: Timestamp, workflows: Vec<WorkflowId>, most: usize) -> Reply<Due> {
        self.read(move |connection| read::due(connection, now, &workflows, most))
    }

    fn history(&self, task: TaskId, before: Option<u64>) -> Reply<Vec<HistoryEntry>> {
        self.read(move |connection| read::history(connection, task, before, HISTORY_PAGE_MAX))
    }

    fn comments(&self, task: TaskId, after: u64) -> Reply<Vec<Comment>> {
        self.read(move |connection| read::comments(connection, task, after))
    }

    fn checklist(&self, task: TaskId) -> Reply<Vec<KeptItem>> {
        self.read(move |connection| read::checklist(connection, task))
    }

    fn blob_workflows(&self, id: BlobId) -> Reply<Vec<WorkflowId>> {
        self.read(move |connection| read::blob_workflows(connection, id))
    }

    fn blob(&self, id: BlobId) -> Reply<Option<Blob>> {
        self.read(move |connection| read::blob(connection, id))
    }

    fn admitted(&self, scope: [u8; 32]) -> Reply<Option<Admitted>> {
        self.read(move |connection| read::admitted(connection, &scope))
    }

    fn forget_admitted(&self, before: Timestamp, most: usize) -> Reply<usize> {
        self.write(move |connection| write::forget_admitted(connection, before, most))
    }

    fn forget_records(
        &self,
        after: ExecutionId,
        before: ExecutionId,
        most: usize,
    ) -> Reply<Option<ExecutionId>> {
        self.write(move |connection| write::forget_records(connection, after, before, most))
    }

    fn execution_before(&self, newest: u64) -> Reply<Option<ExecutionId>> {
        self.read(move |connection| read::execution_before(connection, newest))
    }

    fn greatest_id(&self) -> Reply<Option<u128>> {
        self.read(read::greatest_id)
    }

    fn workspace(&self) -> Reply<WorkspaceRows> {
        self.read(read::workspace)
    }

    fn version(&self, workflow: WorkflowId, version: u32) -> Reply<Option<VersionRow>> {
        self.read(move |connection| read::version(connection, &workflow, version))
    }

    fn workspace_revision(&self) -> Reply<u64> {
        self.read(read::workspace_revision)
    }

    fn versions(&self, workflow: WorkflowId, before: Option<u32>, most: usize) -> Reply<Vec<VersionNote>> {
        self.read(move |connection| {
            read::versions(connection, &workflow, before, most.min(VERSIONS_PAGE_MAX))
        })
    }

    fn publish(&self, version: NewVersion) -> Reply<u32> {
        self.write(move |connection| write::publish(connection, &version))
    }

    fn left_behind(&self, user: Option<UserId>, after: Option<TaskId>, most: usize) -> Reply<Vec<TaskId>> {
        // Behind every write that waits.
        self.write(move |connection| read::left_behind(connection, user.as_ref(), after, most))
    }

    fn untold_workflows(&self) -> Reply<Vec<WorkflowId>> {
        self.read(read::untold_workflows)
    }

    fn untold(&self, workflow: WorkflowId, after: u64, most: usize) -> Reply<UntoldPage> {
        self.read(move |connection| read::untold(connection, &workflow, after, most))
    }

    fn forget_untold(&self, workflow: WorkflowId, up_to: u64, most: u64) -> Reply<u64> {
        self.write(move |connection| write::forget_untold(connection, &workflow, up_to, most))
    }

    fn drop_untold(&self, workflow: WorkflowId, after: u64, keep: u64, most: u64) -> Reply<u64> {
        self.write(move |connection| write::drop_untold(connection, &workflow, after, keep, most))
    }

    fn disabled_endpoints(&self) -> Reply<Vec<String>> {
        self.read(read::disabled_endpoints)
    }

    fn disable_endpoint(&self, name: String) -> Reply<()> {
        self.write(move |connection| write::disable_endpoint(connection, &name))
    }

    fn administer(&self, change: AdminChange, by: By) -> Reply<bool> {
        self.write(move |connection| admin::administer(connection, &change, &by))
    }

    fn audit(&self, before: Option<u64>, most: usize) -> Reply<Vec<AuditEntry>> {
        self.read(move |connection| admin::audit(connection, before, most))
    }

    fn forget_audit(&self, before: Timestamp, most: usize) -> Reply<usize> {
        self.write(move |connection| admin::forget_audit(connection, before, most))
    }

    fn forget_revoked_keys(&self, before: Timestamp) -> Reply<()> {
        self.write(move |connection| admin::forget_revoked_keys(connection, before))
    }

    fn keys_used(&self) -> Reply<Vec<(KeyId, Option<Timestamp>)>> {
        self.read(admin::keys_used)
    }

    fn invitations(&self) -> Reply<Vec<Invitation>> {
        self.read(admin::invitations)
    }

    fn invitation(&self, hash: [u8; 32]) -> Reply<Option<Invitation>> {
        self.read(move |connection| admin::invitation(connection, &hash))
    }

    fn password_hash(&self, user: UserId) -> Reply<Option<String>> {
        self.read(move |connection| admin::password_hash(connection, &user))
    }

    fn setup_token(&self, offered: String) -> Reply<Option<String>> {
        self.write(move |connection| admin::setup_token(connection, &offered))
    }

    fn add_session(&self, session: Session, password_hash: Option<String>) -> Reply<bool> {
        self.write(move |connection| admin::add_session(connection, &session, password_hash.as_deref()))
    }

    fn session(&self, hash: [u8; 32]) -> Reply<Option<Session>> {
        self.read(move |connection| admin::session(connection, &hash))
    }

    fn end_session(&self, hash: [u8; 32]) -> Reply<()> {
        self.write(move |connection| admin::end_session(connection, &hash))
    }

    fn forget_sessions(
        &self,
        created_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Reply<()> {
        self.write(move |connection| admin::forget_sessions(connection, created_before, seen_before, now))
    }

    fn note_use(&self, keys: Vec<(KeyId, Timestamp)>, sessions: Vec<([u8; 32], Timestamp)>) -> Reply<()> {
        self.write(move |connection| admin::note_use(connection, &keys, &sessions))
    }

    fn observe(&self, observer: Arc<dyn Observer>) {
        self.shared.observers.lock().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    fn writable(&self) -> Reply<()> {
        if self.shared.health.has_just_written() {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.ask_writer(write::Request::probe)
    }

    fn close(&self) -> Reply<()> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writes = self.writes.clone();
        Box::pin(async move {
            if let Some(threads) = threads {
                // Waits for a place in the queue: what was asked before is done first. A writer that
                // is gone already needs no word.
                let _ = writes.send(write::Request::Close);
                threads.join();
            }
            Ok(())
        })
    }
}
