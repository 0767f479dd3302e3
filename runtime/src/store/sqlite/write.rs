//! The one thread that writes: takes what waits, gives each request a savepoint, flushes once, and
//! only then answers.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{
    super::{Commit, Committed, NewVersion, StoreError},
    Shared, admin,
    rows::performer_to_json,
    transaction::{Pending, Transaction},
    trouble,
};
use crate::{
    crash_point::crash_point,
    model::{Execution, ExecutionId, Timestamp, WorkflowId},
};

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// Sends an answer once its group's fate is known: `Err` takes back what was promised.
type AfterCommit = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does something on the connection, or hears why there is no transaction to do it in; whether to
/// keep it, and how to answer.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (Result<(), StoreError>, AfterCommit) + Send>;

/// How long after a commit that failed, and may be on disk all the same, another is tried that writes
/// over it.
const SETTLE_EVERY: Duration = Duration::from_millis(500);

/// Something for the writer to do.
pub(super) enum Request {
    Transact {
        transaction: Transaction,
        reply: Answer,
    },
    /// Anything rare.
    Job(Job),
    /// A job that writes something that is no row.
    Probe(Job),
    Close,
}

impl Request {
    pub(super) fn job<T: Send + 'static>(
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self::Job(boxed(job, reply))
    }

    pub(super) fn probe(reply: oneshot::Sender<Result<(), StoreError>>) -> Self {
        Self::Probe(boxed(probe, reply))
    }
}

fn boxed<T: Send + 'static>(
    job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    reply: oneshot::Sender<Result<T, StoreError>>,
) -> Job {
    Box::new(move |connection| {
        let result = connection.and_then(|connection| {
            catch_unwind(AssertUnwindSafe(|| job(connection))).unwrap_or(Err(StoreError::Panicked))
        });
        let kept = result.as_ref().map(|_| ()).map_err(Clone::clone);
        let answer = move |committed: Result<(), StoreError>| {
            let _ = reply.send(committed.and(result));
        };
        (kept, Box::new(answer))
    })
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    commits: Arc<AtomicU64>,
    group_max: usize,
    /// What this group has changed: not yet on disk, but the group's later requests see it.
    pub(super) pending: RefCell<Pending>,
    /// Executions whose steps run here, as they are on disk: each is soon asked for again.
    pub(super) running: RefCell<HashMap<ExecutionId, Execution>>,
    /// A commit failed and no later one has succeeded: a crash now could bring it back.
    unsettled: Cell<bool>,
}

/// The answers of a group, kept back until it is on disk.
#[derive(Default)]
struct Group {
    transacted: Vec<(Answer, Committed)>,
    jobs: Vec<AfterCommit>,
    has_probed: bool,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        commits: Arc<AtomicU64>,
        group_max: usize,
    ) -> Self {
        Self {
            connection,
            shared,
            commits,
            group_max,
            pending: RefCell::default(),
            running: RefCell::default(),
            unsettled: Cell::new(false),
        }
    }

    pub(super) fn run(self, queue: &Receiver<Request>) {
        let mut closing = false;
        while !closing {
            let first = if self.unsettled.get() {
                match queue.recv_timeout(SETTLE_EVERY) {
                    Err(RecvTimeoutError::Timeout) => {
                        self.settle();
                        continue;
                    }
                    received => received.ok(),
                }
            } else {
                queue.recv().ok()
            };
            let Some(first) = first else { return };
            closing = self.group(first, queue);
        }
    }

    /// One commit: the first request and all that waits already. Whether the store is to close.
    fn group(&self, first: Request, queue: &Receiver<Request>) -> bool {
        let mut group = Group::default();
        let mut closing = false;
        let mut next = Some(first);
        let rows = self.connection.total_changes();
        let mut begun = self.begin();
        // Told at the end: who comes back meanwhile is not to hear of what is over.
        let mut refused = Vec::new();
        for _ in 0..self.group_max {
            let Some(request) = next.take().or_else(|| queue.try_recv().ok()) else { break };
            if !matches!(request, Request::Close) {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            match (request, &begun) {
                (Request::Close, _) => closing = true,
                (request, Ok(())) => begun = self.one(request, &mut group),
                (request, Err(_)) => refused.push(request),
            }
        }
        // The commit of nothing does not reach the disk, and says nothing about it.
        let has_written = group.has_probed || self.connection.total_changes() != rows;
        crash_point("commit.before");
        let flushing = Instant::now();
        let committed = begun.and_then(|()| self.commit(has_written));
        let took = flushing.elapsed();
        crash_point("commit.after");
        if committed.is_err() {
            // A failed commit may leave the transaction open; without one this fails, harmlessly.
            let _ = self.execute("ROLLBACK");
        }
        if committed.is_err() || has_written {
            self.shared.health.note(&committed);
        }
        if self.unsettled.get() {
            // Before anybody is told that nothing was written.
            self.settle();
        }
        if let Err(error) = &committed {
            for request in refused {
                refuse(request, error);
            }
        }
        self.answer(group, committed, took);
        closing
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map(|_| ()).map_err(|error| trouble::named(error.into(), &self.connection))
    }

    fn begin(&self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            // The last group's transaction could not be ended; inside it none can begin, ever.
            self.execute("ROLLBACK")?;
        }
        self.execute("BEGIN IMMEDIATE")
    }

    fn commit(&self, has_written: bool) -> Result<(), StoreError> {
        let committed = self.execute("COMMIT");
        if committed.is_err() || has_written {
            self.unsettled.set(committed.is_err());
        }
        committed
    }

    /// A commit whose flush failed may be on disk, whole: a crash would bring back what was answered
    /// as failed. A commit that succeeds writes over it.
    fn settle(&self) {
        let settled = self.begin().and_then(|()| probe(&self.connection));
        match settled.and_then(|()| self.commit(true)) {
            Ok(()) => self.shared.health.note(&Ok(())),
            Err(_) => {
                let _ = self.execute("ROLLBACK");
            }
        }
    }

    /// One request in its savepoint. A refused or failed one is answered at once: it promised nothing.
    /// An error says that the whole group's transaction is lost.
    fn one(&self, request: Request, group: &mut Group) -> Result<(), StoreError> {
        if let Err(error) = self.execute("SAVEPOINT request") {
            refuse(request, &error);
            return Err(error);
        }
        let kept = match request {
            Request::Transact { transaction, reply } => {
                let decided = catch_unwind(AssertUnwindSafe(|| self.transact(transaction)));
                match decided.unwrap_or(Err(StoreError::Panicked)) {
                    Ok(committed) => {
                        group.transacted.push((reply, committed));
                        Ok(())
                    }
                    Err(error) => {
                        let error = trouble::named(error, &self.connection);
                        let _ = reply.send(Err(error.clone()));
                        Err(error)
                    }
                }
            }
            Request::Job(job) => {
                let (kept, answer) = job(Ok(&self.connection));
                group.jobs.push(answer);
                kept
            }
            Request::Probe(job) => {
                let (kept, answer) = job(Ok(&self.connection));
                group.jobs.push(answer);
                group.has_probed |= kept.is_ok();
                kept
            }
            Request::Close => Ok(()),
        };
        // A full disk or a failing one makes SQLite end the transaction by itself. What came after
        // would then be committed one by one, and answered as failed.
        if self.connection.is_autocommit() {
            let given_up = StoreError::Database("the transaction was given up by the database".to_owned());
            return Err(kept.err().unwrap_or(given_up));
        }
        if kept.is_err() {
            // What cannot be taken back must not be committed with the others.
            self.execute("ROLLBACK TO request")?;
        }
        self.execute("RELEASE request")
    }

    fn tell(&self, group: &Group, pending: &Pending, took: Duration) {
        let Pending { tasks, deleted, executions } = pending;
        let requests = group.transacted.len() + group.jobs.len();
        let commit = Commit { requests, took, tasks, deleted, executions };
        let observers = self.shared.observers.lock().unwrap_or_else(PoisonError::into_inner);
        observers.iter().for_each(|observer| observer.committed(&commit));
    }

    /// Tells everybody in the group how it went.
    fn answer(&self, group: Group, committed: Result<(), StoreError>, took: Duration) {
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        match &committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.tell(&group, &pending, took);
                self.keep(pending);
            }
            Err(error) => tracing::debug!(%error, requests = group.transacted.len(), "a commit failed"),
        }
        for (reply, answer) in group.transacted {
            let _ = reply.send(committed.clone().map(|()| answer));
        }
        for answer in group.jobs {
            answer(committed.clone());
        }
    }
}

fn refuse(request: Request, error: &StoreError) {
    match request {
        Request::Transact { reply, .. } => {
            let _ = reply.send(Err(error.clone()));
        }
        Request::Job(job) | Request::Probe(job) => {
            let (_, answer) = job(Err(error.clone()));
            answer(Err(error.clone()));
        }
        Request::Close => {}
    }
}

/// Writes the least that a commit can: the schema's version, as it is.
pub(super) fn probe(connection: &Connection) -> Result<(), StoreError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(connection.pragma_update(None, "user_version", version)?)
}

pub(super) fn bump_revision(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE workspace SET revision = revision + 1")?.execute([])?;
    Ok(())
}

pub(super) fn publish(connection: &Connection, new: &NewVersion) -> Result<u32, StoreError> {
    let sql = "SELECT coalesce(max(version), 0) FROM workflow_version WHERE workflow_id = ?1";
    let latest = connection.prepare_cached(sql)?.query_row([new.workflow.as_str()], |row| row.get(0))?;
    if latest != new.after {
        return Err(StoreError::Outdated { after: new.after, latest });
    }
    let version = latest + 1;
    let by = new.by.as_ref().map(performer_to_json).transpose()?;
    let sql = "INSERT INTO workflow_version (workflow_id, version, source, created_at, made_by)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![new.workflow.as_str(), version, new.source, new.at.as_millisecond(), by];
    connection.prepare_cached(sql)?.execute(row)?;
    if let Some(by) = &new.by {
        admin::log_version(connection, new, version, by)?;
    }
    bump_revision(connection)?;
    Ok(version)
}

pub(super) fn disable_endpoint(connection: &Connection, name: &str) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO disabled_endpoint (name) VALUES (?1)";
    connection.prepare_cached(sql)?.execute([name])?;
    Ok(())
}

pub(super) fn forget_admitted(
    connection: &Connection,
    before: Timestamp,
    most: usize,
) -> Result<usize, StoreError> {
    let sql =
        "DELETE FROM admitted WHERE scope IN (SELECT scope FROM admitted WHERE at < ?1 ORDER BY at LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![before.as_millisecond(), most])?)
}

pub(super) fn forget_records(
    connection: &Connection,
    after: ExecutionId,
    before: ExecutionId,
    most: usize,
) -> Result<Option<ExecutionId>, StoreError> {
    // Executions that are open keep theirs: somebody may be about to decide by them.
    let sql = "WITH old AS (SELECT execution_id, number FROM attempt
                            WHERE execution_id > ?1 AND execution_id < ?2 ORDER BY execution_id, number LIMIT ?3)
               SELECT max(execution_id), count(*) FROM old";
    let (last, count): (Option<[u8; 16]>, usize) = connection
        .prepare_cached(sql)?
        .query_row(params![after.to_bytes(), before.to_bytes(), most], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let Some(last) = last else { return Ok(None) };
    let sql = "UPDATE attempt SET record = NULL
               WHERE execution_id > ?1 AND execution_id <= ?2 AND record IS NOT NULL
                 AND (SELECT state FROM execution WHERE id = execution_id)
                     IN ('succeeded', 'failed', 'unknown', 'cancelled', 'dismissed')";
    connection.prepare_cached(sql)?.execute(params![after.to_bytes(), last])?;
    Ok((count == most).then(|| ExecutionId::from_bytes(last)))
}

pub(super) fn forget_untold(
    connection: &Connection,
    workflow: &WorkflowId,
    up_to: u64,
    most: u64,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM untold WHERE id IN
               (SELECT id FROM untold WHERE workflow_id = ?1 AND id <= ?2 ORDER BY id LIMIT ?3)";
    Ok(connection.prepare_cached(sql)?.execute(params![workflow.as_str(), up_to, most])? as u64)
}

pub(super) fn drop_untold(
    connection: &Connection,
    workflow: &WorkflowId,
    after: u64,
    keep: u64,
    most: u64,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM untold WHERE id IN
               (SELECT id FROM untold WHERE workflow_id = ?1 AND id > ?2 ORDER BY id DESC LIMIT ?3 OFFSET ?4)";
    Ok(connection.prepare_cached(sql)?.execute(params![workflow.as_str(), after, most, keep])? as u64)
}
