//! The one thread that writes: takes what waits, gives each request a savepoint, flushes once, and
//! only then answers.

use std::{
    cell::RefCell,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{
    super::{Committed, StoreError, VersionRow},
    Shared,
    transaction::{Pending, Transaction},
};
use crate::model::{ApiKey, Execution, ExecutionId, Membership, Timestamp, User};

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// Sends an answer once its group's fate is known: `Err` takes back what was promised.
type AfterCommit = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does something on the connection; whether to keep it, and how to answer.
type Job = Box<dyn FnOnce(&Connection) -> (bool, AfterCommit) + Send>;

/// Something for the writer to do.
pub(super) enum Request {
    Transact {
        transaction: Transaction,
        reply: Answer,
    },
    /// Anything rare.
    Job(Job),
    Close,
}

impl Request {
    pub(super) fn job<T: Send + 'static>(
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self::Job(Box::new(move |connection| {
            let result = job(connection);
            let keep = result.is_ok();
            let answer = move |committed: Result<(), StoreError>| {
                let _ = reply.send(committed.and(result));
            };
            (keep, Box::new(answer))
        }))
    }
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    commits: Arc<AtomicU64>,
    group_max: usize,
    /// What this group has changed: not yet on disk, but the group's later requests see it.
    pub(super) pending: RefCell<Pending>,
    /// Executions that have been begun or queued here, as they are on disk: each is soon asked for again.
    pub(super) open: RefCell<HashMap<ExecutionId, Execution>>,
}

/// The answers of a group, kept back until it is on disk.
#[derive(Default)]
struct Group {
    transacted: Vec<(Answer, Committed)>,
    jobs: Vec<AfterCommit>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        commits: Arc<AtomicU64>,
        group_max: usize,
    ) -> Self {
        let (pending, open) = (RefCell::default(), RefCell::default());
        Self { connection, shared, commits, group_max, pending, open }
    }

    pub(super) fn run(self, queue: &Receiver<Request>) {
        let mut closing = false;
        while !closing {
            let Ok(first) = queue.recv() else { return };
            closing = self.group(first, queue);
        }
    }

    /// One commit: the first request and all that waits already. Whether the store is to close.
    fn group(&self, first: Request, queue: &Receiver<Request>) -> bool {
        let mut group = Group::default();
        let mut closing = false;
        let mut next = Some(first);
        let mut begun = self.execute("BEGIN IMMEDIATE");
        for _ in 0..self.group_max {
            let Some(request) = next.take().or_else(|| queue.try_recv().ok()) else { break };
            match (request, &begun) {
                (Request::Close, _) => closing = true,
                (request, Ok(())) => {
                    self.one(request, &mut group);
                    // A full disk or a failing one makes SQLite end the transaction by itself. What
                    // came after would then be committed one by one, and answered as failed.
                    if self.connection.is_autocommit() {
                        begun = Err(StoreError::Database(
                            "the transaction was given up by the database".to_owned(),
                        ));
                    }
                }
                (request, Err(error)) => refuse(request, error),
            }
        }
        let committed = begun.and_then(|()| self.execute("COMMIT"));
        if committed.is_err() {
            // A failed commit may leave the transaction open; without one this fails, harmlessly.
            let _ = self.execute("ROLLBACK");
        }
        self.answer(group, committed);
        closing
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// One request in its savepoint. A refused or failed one is answered at once: it promised nothing.
    fn one(&self, request: Request, group: &mut Group) {
        if let Err(error) = self.execute("SAVEPOINT request") {
            return refuse(request, &error);
        }
        let keep = match request {
            Request::Transact { transaction, reply } => {
                let decided = catch_unwind(AssertUnwindSafe(|| self.transact(transaction)));
                match decided.unwrap_or(Err(StoreError::Panicked)) {
                    Ok(committed) => {
                        group.transacted.push((reply, committed));
                        true
                    }
                    Err(error) => {
                        let _ = reply.send(Err(error));
                        false
                    }
                }
            }
            Request::Job(job) => {
                // A panic drops the job's reply with it; the writer goes on.
                match catch_unwind(AssertUnwindSafe(|| job(&self.connection))) {
                    Ok((keep, answer)) => {
                        group.jobs.push(answer);
                        keep
                    }
                    Err(_) => false,
                }
            }
            Request::Close => true,
        };
        if !keep {
            let _ = self.execute("ROLLBACK TO request");
        }
        let _ = self.execute("RELEASE request");
    }

    /// Tells everybody in the group how it went.
    fn answer(&self, group: Group, committed: Result<(), StoreError>) {
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        match &committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.keep(pending);
            }
            Err(error) => tracing::error!(%error, requests = group.transacted.len(), "a commit failed"),
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
        // Dropped with its reply: the asker sees that the store is closed to it.
        Request::Job(_) | Request::Close => {}
    }
}

fn bump_revision(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE workspace SET revision = revision + 1")?.execute([])?;
    Ok(())
}

pub(super) fn publish(connection: &Connection, row: &VersionRow, at: Timestamp) -> Result<u32, StoreError> {
    let sql = "INSERT INTO workflow_version (workflow_id, version, source, created_at)
               SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3 FROM workflow_version WHERE workflow_id = ?1
               RETURNING version";
    let version = connection
        .prepare_cached(sql)?
        .query_row(params![row.workflow.as_str(), row.source, at.as_millisecond()], |row| row.get(0))?;
    bump_revision(connection)?;
    Ok(version)
}

pub(super) fn add_user(
    connection: &Connection,
    user: &User,
    password_hash: Option<&str>,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO person (id, email, first_name, last_name, password_hash) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![user.id.as_str(), user.email, user.first_name, user.last_name, password_hash];
    insert_named(connection, sql, row, || {
        format!("a user with the id {} or the email {}", user.id, user.email)
    })
}

pub(super) fn add_key(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    let sql = "INSERT INTO api_key (id, name, hash) VALUES (?1, ?2, ?3)";
    insert_named(connection, sql, params![key.id.as_str(), key.name, key.hash], || {
        format!("an API key called {}", key.name)
    })
}

pub(super) fn set_role(connection: &Connection, membership: &Membership) -> Result<(), StoreError> {
    let Membership { workflow, user, role } = membership;
    let sql = "INSERT INTO membership (workflow_id, user_id, role_id) VALUES (?1, ?2, ?3)
               ON CONFLICT (workflow_id, user_id) DO UPDATE SET role_id = excluded.role_id";
    connection.prepare_cached(sql)?.execute([workflow.as_str(), user.as_str(), role.as_str()])?;
    bump_revision(connection)
}

fn insert_named(
    connection: &Connection,
    sql: &str,
    row: impl rusqlite::Params,
    what: impl Fn() -> String,
) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(row).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Exists { what: what() },
        _ => error.into(),
    })?;
    bump_revision(connection)
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
