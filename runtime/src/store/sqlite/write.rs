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
    super::{Committed, StoreError, TaskKey, VersionRow},
    Shared, read, rows,
};
use crate::model::{
    ApiKey, Attempt, Change, Current, Execution, Task, TaskId, Timestamp, User, WorkflowId,
    perform::{Decide, ExecutionWrite},
};

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// Sends an answer once its group's fate is known: `Err` takes back what was promised.
type AfterCommit = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does something on the connection; whether to keep it, and how to answer.
type Job = Box<dyn FnOnce(&Connection) -> (bool, AfterCommit) + Send>;

/// Something for the writer to do.
pub(super) enum Request {
    Transact {
        key: TaskKey,
        decide: Decide,
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
    connection: Connection,
    shared: Arc<Shared>,
    commits: Arc<AtomicU64>,
    group_max: usize,
    /// Tasks that this group has changed: not yet on disk, but the group's later requests see them.
    pending: RefCell<HashMap<TaskId, Arc<Task>>>,
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
        Self { connection, shared, commits, group_max, pending: RefCell::default() }
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
            Request::Transact { key, decide, reply } => {
                let decided = catch_unwind(AssertUnwindSafe(|| self.transact(key, decide)));
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

    fn transact(&self, key: TaskKey, decide: Decide) -> Result<Committed, StoreError> {
        let task = self.current(&key)?;
        let workflow = task.as_ref().map(|task| task.workflow.clone()).or_else(|| workflow_of(&key));
        // The decision asks plain questions; a question that the database could not answer fails the
        // request afterwards.
        let trouble = RefCell::new(None);
        let asked = |answer: Result<u64, StoreError>| {
            answer.unwrap_or_else(|error| {
                trouble.replace(Some(error));
                0
            })
        };
        let is_taken = |unique: &str| match &workflow {
            Some(workflow) => asked(read::is_taken(&self.connection, workflow, unique).map(u64::from)) == 1,
            None => false,
        };
        let next_number =
            || workflow.as_ref().map_or(0, |workflow| asked(next_number(&self.connection, workflow)));
        let change =
            decide(&Current { task: task.as_ref(), is_taken: &is_taken, next_number: &next_number })?;
        if let Some(error) = trouble.take() {
            return Err(error);
        }
        self.write(change, task)
    }

    /// The task as the group sees it: changed by an earlier request, in memory, or on disk.
    fn current(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        let pending = self.pending.borrow();
        match key {
            TaskKey::Id(id) => {
                if let Some(task) = pending.get(id) {
                    return Ok(Some(Arc::clone(task)));
                }
            }
            // The group may have moved a Unique ID to another task: the database knows.
            TaskKey::Unique { .. } if !pending.is_empty() => {
                return Ok(read::task(&self.connection, key)?.map(Arc::new));
            }
            TaskKey::Unique { .. } | TaskKey::New { .. } => {}
        }
        if let Some(task) = self.shared.cached(key) {
            return Ok(Some(task));
        }
        let task = read::task(&self.connection, key)?.map(Arc::new);
        if let (Some(task), true) = (&task, pending.is_empty()) {
            self.shared.put(Arc::clone(task));
        }
        Ok(task)
    }

    fn write(&self, change: Change, before: Option<Arc<Task>>) -> Result<Committed, StoreError> {
        let created = before.is_none() && change.task.is_some();
        if let Some(attempt) = &change.ended {
            write_attempt(&self.connection, attempt)?;
        }
        if let Some(attempt) = &change.begun {
            write_attempt(&self.connection, attempt)?;
        }
        let execution = match change.execution {
            Some(ExecutionWrite::Insert(execution)) => {
                insert_execution(&self.connection, &execution)?;
                Some(execution)
            }
            Some(ExecutionWrite::Update(execution)) => {
                update_execution(&self.connection, &execution)?;
                Some(execution)
            }
            None => None,
        };
        let task = match change.task {
            None => before,
            Some(task) => {
                write_task(&self.connection, &task, before.as_deref())?;
                let task = Arc::new(task);
                // Last, so that nothing after it can fail and leave it here though it was undone.
                self.pending.borrow_mut().insert(task.id, Arc::clone(&task));
                Some(task)
            }
        };
        Ok(Committed { task, execution, created })
    }

    /// Tells everybody in the group how it went.
    fn answer(&self, group: Group, committed: Result<(), StoreError>) {
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        match &committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                for task in pending.into_values() {
                    self.shared.put(task);
                }
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

fn workflow_of(key: &TaskKey) -> Option<WorkflowId> {
    match key {
        TaskKey::Id(_) => None,
        TaskKey::Unique { workflow, .. } | TaskKey::New { workflow } => Some(workflow.clone()),
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

fn write_task(connection: &Connection, task: &Task, before: Option<&Task>) -> Result<(), StoreError> {
    let values = rows::values_to_json(task)?;
    let assigned_to = task.assigned_to.as_ref().map(|user| user.as_str());
    let Some(before) = before else {
        let sql = "INSERT INTO task (id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        connection.prepare_cached(sql)?.execute(params![
            task.id.to_bytes(),
            task.workflow.as_str(),
            task.unique_id.as_deref(),
            task.stage.as_str(),
            assigned_to,
            values,
            task.created_on.as_millisecond(),
            task.updated_on.as_millisecond(),
        ])?;
        return Ok(());
    };
    // Setting an indexed column, even to what it was, costs a look into the index.
    if before.unique_id != task.unique_id {
        let sql = "UPDATE task SET unique_id = ?2 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), task.unique_id.as_deref()])?;
    }
    let sql =
        "UPDATE task SET stage_id = ?2, assigned_to = ?3, field_values = ?4, updated_on = ?5 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        task.id.to_bytes(),
        task.stage.as_str(),
        assigned_to,
        values,
        task.updated_on.as_millisecond(),
    ])?;
    Ok(())
}

fn insert_execution(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    let state = rows::StateColumns::from(&execution.state);
    let sql =
        "INSERT INTO execution (id, task_id, workflow_id, version, action_id, performer, state, step, flag,
                                      wake_at, code, message, attempts, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    connection.prepare_cached(sql)?.execute(params![
        execution.id.to_bytes(),
        execution.task.to_bytes(),
        execution.workflow.as_str(),
        execution.version,
        execution.action.as_str(),
        rows::performer_to_json(&execution.performer)?,
        state.name,
        state.step,
        state.flag,
        state.wake_at,
        state.code,
        state.message,
        execution.attempts,
        execution.created_at.as_millisecond(),
        execution.updated_at.as_millisecond(),
    ])?;
    Ok(())
}

fn update_execution(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    let state = rows::StateColumns::from(&execution.state);
    let sql = "UPDATE execution SET state = ?2, step = ?3, flag = ?4, wake_at = ?5, code = ?6, message = ?7,
                                    attempts = ?8, updated_at = ?9 WHERE id = ?1";
    let changed = connection.prepare_cached(sql)?.execute(params![
        execution.id.to_bytes(),
        state.name,
        state.step,
        state.flag,
        state.wake_at,
        state.code,
        state.message,
        execution.attempts,
        execution.updated_at.as_millisecond(),
    ])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!("execution {} is not there", execution.id)))
    }
}

/// Inserts an attempt, or closes the one that was begun.
fn write_attempt(connection: &Connection, attempt: &Attempt) -> Result<(), StoreError> {
    let end = attempt.end.as_ref();
    let warnings = end.map(|end| rows::warnings_to_json(&end.warnings)).transpose()?.flatten();
    let sql =
        "INSERT INTO attempt (execution_id, number, step, started_at, ended_at, outcome, record, warnings)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (execution_id, number) DO UPDATE
               SET ended_at = excluded.ended_at, outcome = excluded.outcome,
                   record = excluded.record, warnings = excluded.warnings";
    connection.prepare_cached(sql)?.execute(params![
        attempt.execution.to_bytes(),
        attempt.number,
        attempt.step,
        attempt.started_at.as_millisecond(),
        end.map(|end| end.at.as_millisecond()),
        end.map(|end| end.outcome),
        end.and_then(|end| end.record.as_deref()),
        warnings,
    ])?;
    Ok(())
}

/// The next free number of a workflow's auto-incremented Unique ID; skips those given by hand.
fn next_number(connection: &Connection, workflow: &WorkflowId) -> Result<u64, StoreError> {
    let sql = "INSERT INTO task_number (workflow_id, next) VALUES (?1, 2)
               ON CONFLICT (workflow_id) DO UPDATE SET next = next + 1 RETURNING next - 1";
    loop {
        let number: u64 = connection.prepare_cached(sql)?.query_row([workflow.as_str()], |row| row.get(0))?;
        if !read::is_taken(connection, workflow, &number.to_string())? {
            return Ok(number);
        }
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
