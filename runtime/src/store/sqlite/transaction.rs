//! One transaction on a task: what it is about is looked up, the decision is asked, and what it says
//! is written. Runs on the writer's thread, in the savepoint that the writer has made.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use rusqlite::{Connection, params};

use super::{
    super::{Committed, StoreError, TaskKey},
    read, rows,
    write::Writer,
};
use crate::model::{
    Attempt, Blob, Change, Comment, Current, Execution, ExecutionId, HistoryEntry, KeptItem, StageId, State,
    Task, TaskId, Untold, UserId, WorkflowId,
    history::Author,
    perform::{Admitted, Decide, ExecutionWrite, ItemWrite, Look},
};

/// What a transaction is about, and what is to be decided in it.
pub(super) struct Transaction {
    pub(super) key: TaskKey,
    pub(super) execution: Option<ExecutionId>,
    pub(super) decide: Decide,
}

/// What a group has changed and has not committed yet.
#[derive(Default)]
pub(super) struct Pending {
    /// `None` for a task that was deleted.
    pub(super) tasks: HashMap<TaskId, Option<Arc<Task>>>,
    /// Where those were that were deleted.
    pub(super) deleted: HashMap<TaskId, WorkflowId>,
    pub(super) executions: HashMap<ExecutionId, Execution>,
}

/// A decision's questions. They have plain answers; one that the database could not give fails the
/// request afterwards.
struct Lookups<'a> {
    writer: &'a Writer,
    task: Option<&'a Task>,
    workflow: Option<&'a WorkflowId>,
    trouble: RefCell<Option<StoreError>>,
}

impl Writer {
    pub(super) fn transact(&self, transaction: Transaction) -> Result<Committed, StoreError> {
        let Transaction { key, execution, decide } = transaction;
        let task = self.task(&key)?;
        let execution = execution.map(|id| self.execution(id)).transpose()?.flatten();
        let workflow = task.as_ref().map(|task| &task.workflow).or_else(|| workflow_of(&key));
        let lookups = Lookups { writer: self, task: task.as_deref(), workflow, trouble: RefCell::default() };
        let current = Current { task: task.as_ref(), execution: execution.as_ref(), look: &lookups };
        let change = decide(&current)?;
        if let Some(error) = lookups.trouble.take() {
            return Err(error);
        }
        self.write(change, task, execution.as_ref())
    }

    /// What the group has changed is on disk: those who ask next see it.
    pub(super) fn keep(&self, pending: Pending) {
        for (id, task) in pending.tasks {
            match task {
                Some(task) => self.shared.put(task),
                None => self.shared.forget(id),
            }
        }
        let mut running = self.running.borrow_mut();
        for (id, execution) in pending.executions {
            // Those that wait for something may be many.
            match execution.state {
                State::Running { .. } => running.insert(id, execution),
                _ => running.remove(&id),
            };
        }
    }

    /// The task as the group sees it: changed by an earlier request, in memory, or on disk.
    fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        let pending = self.pending.borrow();
        match key {
            TaskKey::Id(id) => {
                if let Some(task) = pending.tasks.get(id) {
                    return Ok(task.clone());
                }
            }
            // The group may have moved a Unique ID to another task: the database knows.
            TaskKey::Unique { .. } if !pending.tasks.is_empty() => {
                return Ok(read::task(&self.connection, key)?.map(Arc::new));
            }
            TaskKey::Unique { .. } | TaskKey::New { .. } => {}
        }
        if let Some(task) = self.shared.cached(key) {
            return Ok(Some(task));
        }
        let task = read::task(&self.connection, key)?.map(Arc::new);
        if let (Some(task), true) = (&task, pending.tasks.is_empty()) {
            self.shared.put(Arc::clone(task));
        }
        Ok(task)
    }

    /// The execution as the group sees it.
    fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        if let Some(execution) = self.pending.borrow().executions.get(&id) {
            return Ok(Some(execution.clone()));
        }
        if let Some(execution) = self.running.borrow().get(&id) {
            return Ok(Some(execution.clone()));
        }
        read::execution(&self.connection, id)
    }

    fn write(
        &self,
        change: Change,
        task_before: Option<Arc<Task>>,
        execution_before: Option<&Execution>,
    ) -> Result<Committed, StoreError> {
        let connection = &self.connection;
        let created = task_before.is_none() && change.task.is_some();
        // What is kept beside the task changes nothing in it, and is told all the same.
        let is_told = change.comment.is_some() || change.item.is_some();
        for attempt in change.ended.iter().chain(&change.begun) {
            write_attempt(connection, attempt)?;
        }
        if let Some(admitted) = &change.admitted {
            put_admitted(connection, admitted)?;
        }
        if let Some(task) = change.task.as_ref().or(task_before.as_deref()) {
            change.blobs.iter().try_for_each(|blob| put_blob(connection, blob, task))?;
        }
        let entry = change.history.as_ref().map(|entry| insert_history(connection, entry)).transpose()?;
        for untold in &change.untold {
            insert_untold(connection, untold)?;
        }
        for other in &change.others {
            update_execution(connection, other, None)?;
        }
        if let Some(comment) = &change.comment {
            insert_comment(connection, comment)?;
        }
        let item = write_item(connection, change.item, task_before.as_deref())?;
        let (execution, is_written) = match change.execution {
            Some(ExecutionWrite::Insert(execution)) => {
                insert_execution(connection, &execution)?;
                (Some(execution), true)
            }
            Some(ExecutionWrite::Update(execution)) => {
                update_execution(connection, &execution, execution_before)?;
                (Some(execution), true)
            }
            Some(ExecutionWrite::Keep(execution)) => (Some(execution), false),
            None => (None, false),
        };
        let task = match (change.task, &task_before) {
            (Some(task), _) => {
                write_task(connection, &task, task_before.as_deref(), entry)?;
                Some(Arc::new(task))
            }
            (None, Some(before)) if change.deletes_task => {
                delete_task(connection, before, entry)?;
                None
            }
            (None, _) => task_before.clone(),
        };
        let last = match (&task, &execution) {
            (None, Some(execution)) if execution.task_deleted => match &task_before {
                Some(before) => Some(Arc::clone(before)),
                None => read::deleted_task(connection, execution.task)?.map(Arc::new),
            },
            _ => task.clone(),
        };
        // Last, so that nothing after it can fail and leave it here though it was undone.
        let mut pending = self.pending.borrow_mut();
        let id = task.as_ref().or(task_before.as_ref()).map(|task| task.id);
        if let (None, Some(before)) = (&task, &task_before) {
            pending.deleted.insert(before.id, before.workflow.clone());
        }
        if let Some(id) = id.filter(|_| is_told || changed(&task, &task_before)) {
            pending.tasks.insert(id, task);
        }
        let written = execution.iter().filter(|_| is_written).chain(&change.others);
        pending.executions.extend(written.map(|execution| (execution.id, execution.clone())));
        Ok(Committed { task: last, execution, created, comment: change.comment, item })
    }
}

/// Whether the task is another one than before.
fn changed(task: &Option<Arc<Task>>, before: &Option<Arc<Task>>) -> bool {
    match (task, before) {
        (Some(task), Some(before)) => !Arc::ptr_eq(task, before),
        (None, None) => false,
        _ => true,
    }
}

impl Lookups<'_> {
    fn answer<T: Default>(&self, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| {
            self.trouble.replace(Some(error));
            T::default()
        })
    }
}

impl Look for Lookups<'_> {
    fn is_taken(&self, unique_id: &str) -> bool {
        self.workflow
            .is_some_and(|workflow| self.answer(read::is_taken(&self.writer.connection, workflow, unique_id)))
    }

    fn file_bytes_max(&self) -> usize {
        self.writer.shared.file_bytes_max
    }

    fn next_number(&self) -> u64 {
        self.workflow.map_or(0, |workflow| self.answer(next_number(&self.writer.connection, workflow)))
    }

    fn history_after(&self, number: u64) -> Vec<HistoryEntry> {
        self.task.map_or_else(Vec::new, |task| {
            self.answer(read::history_after(&self.writer.connection, task.id, number))
        })
    }

    fn parked(&self) -> Vec<Execution> {
        self.task.map_or_else(Vec::new, |task| self.answer(read::parked(&self.writer.connection, task.id)))
    }

    fn admitted(&self, scope: &[u8; 32]) -> Option<Admitted> {
        self.answer(read::admitted(&self.writer.connection, scope))
    }

    fn execution(&self, id: ExecutionId) -> Option<Execution> {
        self.answer(self.writer.execution(id))
    }

    fn has_left(&self, user: &UserId) -> bool {
        self.answer(read::has_left(&self.writer.connection, user))
    }

    fn comments(&self) -> u64 {
        self.task.map_or(0, |task| self.answer(read::comment_count(&self.writer.connection, task.id)))
    }

    fn checklist(&self) -> Vec<KeptItem> {
        self.task.map_or_else(Vec::new, |task| self.answer(read::checklist(&self.writer.connection, task.id)))
    }
}

fn workflow_of(key: &TaskKey) -> Option<&WorkflowId> {
    match key {
        TaskKey::Id(_) => None,
        TaskKey::Unique { workflow, .. } | TaskKey::New { workflow } => Some(workflow),
    }
}

/// `entry`: the number of the row of the entry that its history has got.
fn write_task(
    connection: &Connection,
    task: &Task,
    before: Option<&Task>,
    entry: Option<i64>,
) -> Result<(), StoreError> {
    let values = rows::values_to_json(task)?;
    let assigned_to = task.assigned_to.as_ref().map(|user| user.as_str());
    let scheduled_at = task.schedule.as_ref().map(|schedule| schedule.at.as_millisecond());
    let schedule = task.schedule.as_deref().map(rows::schedule_to_json).transpose()?;
    let Some(before) = before else {
        let sql = "INSERT INTO task (id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on,
                                     schedule, scheduled_at, revision,
                                     last_entry)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        connection.prepare_cached(sql)?.execute(params![
            task.id.to_bytes(),
            task.workflow.as_str(),
            task.unique_id.as_deref(),
            task.stage.as_str(),
            assigned_to,
            values,
            task.created_on.as_millisecond(),
            task.updated_on.as_millisecond(),
            schedule,
            scheduled_at,
            task.revision,
            entry,
        ])?;
        return Ok(());
    };
    // Setting an indexed column, even to what it was, costs a look into the index.
    if before.unique_id != task.unique_id {
        let sql = "UPDATE task SET unique_id = ?2 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), task.unique_id.as_deref()])?;
    }
    if before.schedule != task.schedule {
        let sql = "UPDATE task SET schedule = ?2, scheduled_at = ?3 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), schedule, scheduled_at])?;
    }
    if before.assigned_to != task.assigned_to {
        let sql = "UPDATE task SET assigned_to = ?2 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), assigned_to])?;
    }
    if before.stage != task.stage {
        let sql = "UPDATE task SET stage_id = ?2 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), task.stage.as_str()])?;
    }
    let sql = "UPDATE task SET field_values = ?2, updated_on = ?3, revision = ?4,
                               last_entry = coalesce(?5, last_entry)
               WHERE id = ?1";
    let changed = connection.prepare_cached(sql)?.execute(params![
        task.id.to_bytes(),
        values,
        task.updated_on.as_millisecond(),
        task.revision,
        entry,
    ])?;
    there(changed, || format!("task {}", task.id))
}

/// Keeps the last state of a task, for the executions that speak of it, and takes the task away, with what people
/// wrote about it: a deletion is for good, and of comments and checklist nothing that stays speaks. Its files are nobody's
/// any more, unless another task has them, too.
fn delete_task(connection: &Connection, task: &Task, entry: Option<i64>) -> Result<(), StoreError> {
    let columns = rows::TASK_COLUMNS;
    let sql = format!(
        "INSERT INTO deleted_task ({columns}, last_entry)
         SELECT {columns}, ?2 FROM task WHERE id = ?1"
    );
    connection.prepare_cached(&sql)?.execute(params![task.id.to_bytes(), entry])?;
    for sql in [
        "DELETE FROM comment WHERE task_id = ?1",
        "DELETE FROM checklist_item WHERE task_id = ?1",
        "DELETE FROM task_blob WHERE task_id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([task.id.to_bytes()])?;
    }
    let deleted =
        connection.prepare_cached("DELETE FROM task WHERE id = ?1")?.execute([task.id.to_bytes()])?;
    there(deleted, || format!("task {}", task.id))
}

/// An update must have met its row.
fn there(changed: usize, what: impl Fn() -> String) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Corrupt(format!("{} is not there", what()))) }
}

/// The number of the entry's row.
fn insert_history(connection: &Connection, entry: &HistoryEntry) -> Result<i64, StoreError> {
    let (execution, performer) = match &entry.author {
        Author::Execution(id) => (Some(id.to_bytes()), None),
        Author::Performer(performer) => (None, Some(rows::performer_to_json(performer)?)),
    };
    let sql =
        "INSERT INTO task_history (task_id, number, at, cause, execution_id, performer, changes, previous)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT last_entry FROM task WHERE id = ?1))";
    connection.prepare_cached(sql)?.execute(params![
        entry.task.to_bytes(),
        entry.number,
        entry.at.as_millisecond(),
        entry.cause.name(),
        execution,
        performer,
        rows::changes_to_json(&entry.changes)?,
    ])?;
    Ok(connection.last_insert_rowid())
}

fn insert_comment(connection: &Connection, comment: &Comment) -> Result<(), StoreError> {
    let columns = rows::COMMENT_COLUMNS;
    let sql = format!("INSERT INTO comment ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let Comment { task, number, body, mentions, performer, at } = comment;
    connection.prepare_cached(&sql)?.execute(params![
        task.to_bytes(),
        number,
        body,
        rows::mentions_to_json(mentions),
        rows::performer_to_json(performer)?,
        at.as_millisecond(),
    ])?;
    Ok(())
}

/// Writes what becomes of an item of the task's checklist; the item, where it is put.
fn write_item(
    connection: &Connection,
    write: Option<ItemWrite>,
    task: Option<&Task>,
) -> Result<Option<KeptItem>, StoreError> {
    let (Some(write), Some(task)) = (write, task) else { return Ok(None) };
    match write {
        ItemWrite::Put(item) => {
            put_item(connection, task.id, &item)?;
            Ok(Some(item))
        }
        ItemWrite::Remove(id) => {
            let sql = "DELETE FROM checklist_item WHERE task_id = ?1 AND id = ?2";
            let removed =
                connection.prepare_cached(sql)?.execute(params![task.id.to_bytes(), id.as_str()])?;
            there(removed, || format!("checklist item {id}"))?;
            Ok(None)
        }
    }
}

fn put_item(connection: &Connection, task: TaskId, item: &KeptItem) -> Result<(), StoreError> {
    let columns = rows::CHECKLIST_ITEM_COLUMNS;
    let sql = format!(
        "INSERT OR REPLACE INTO checklist_item (task_id, {columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    );
    connection.prepare_cached(&sql)?.execute(params![
        task.to_bytes(),
        item.id.as_str(),
        item.added.as_ref().map(|added| &added.title),
        item.added.as_ref().map(|added| added.stage.as_str()),
        item.status.name(),
        item.assigned_to.as_ref().map(UserId::as_str),
        rows::performer_to_json(&item.update.by)?,
        item.update.on.as_millisecond(),
    ])?;
    Ok(())
}

/// Keeps a file's bytes, and which task has them. Those that are there stay as they are: the id is their
/// digest.
fn put_blob(connection: &Connection, blob: &Blob, task: &Task) -> Result<(), StoreError> {
    let sql = "INSERT INTO blob (id, content_type, size, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING";
    let Blob { id, content_type, bytes } = blob;
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), content_type, bytes.len(), &bytes[..]])?;
    let sql = "INSERT OR IGNORE INTO task_blob (blob_id, workflow_id, task_id) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![
        id.to_bytes(),
        task.workflow.as_str(),
        task.id.to_bytes()
    ])?;
    Ok(())
}

fn put_admitted(connection: &Connection, admitted: &Admitted) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO admitted (scope, body, execution_id, at) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![
        admitted.scope,
        admitted.body,
        admitted.execution.to_bytes(),
        admitted.at.as_millisecond(),
    ])?;
    Ok(())
}

fn insert_untold(connection: &Connection, untold: &Untold) -> Result<(), StoreError> {
    let columns = rows::UNTOLD_COLUMNS;
    let sql = format!("INSERT INTO untold ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    let Untold { workflow, action, task, execution, at, failure, is_unknown } = untold;
    connection.prepare_cached(&sql)?.execute(params![
        workflow.as_str(),
        action.as_str(),
        task.to_bytes(),
        execution.to_bytes(),
        at.as_millisecond(),
        failure.step,
        failure.code,
        failure.message,
        is_unknown,
    ])?;
    Ok(())
}

pub(super) fn insert_execution(connection: &Connection, execution: &Execution) -> Result<(), StoreError> {
    let state = rows::StateColumns::from(&execution.state);
    let sql =
        "INSERT INTO execution (id, task_id, workflow_id, version, action_id, performer, state, step, flag,
                                wake_at, code, message, attempts, created_at, updated_at, place, stage_seen,
                                task_deleted, tries, began_after, depth)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
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
        execution.place.to_bytes(),
        execution.stage.as_ref().map(StageId::as_str),
        execution.task_deleted,
        execution.tries,
        execution.began_after,
        execution.depth,
    ])?;
    Ok(())
}

pub(super) fn update_execution(
    connection: &Connection,
    execution: &Execution,
    before: Option<&Execution>,
) -> Result<(), StoreError> {
    let state = rows::StateColumns::from(&execution.state);
    // Setting an indexed column, even to what it was, costs a look into the index.
    if before.is_none_or(|before| before.place != execution.place || before.version != execution.version) {
        let sql = "UPDATE execution SET place = ?2, version = ?3 WHERE id = ?1";
        let row = params![execution.id.to_bytes(), execution.place.to_bytes(), execution.version];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    let sql = "UPDATE execution SET state = ?2, step = ?3, flag = ?4, wake_at = ?5, code = ?6, message = ?7,
                                    attempts = ?8, updated_at = ?9, stage_seen = ?10, task_deleted = ?11,
                                    tries = ?12, began_after = ?13
               WHERE id = ?1";
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
        execution.stage.as_ref().map(StageId::as_str),
        execution.task_deleted,
        execution.tries,
        execution.began_after,
    ])?;
    there(changed, || format!("execution {}", execution.id))
}

/// Inserts an attempt, or closes the one that was begun.
pub(super) fn write_attempt(connection: &Connection, attempt: &Attempt) -> Result<(), StoreError> {
    let end = attempt.end.as_ref();
    let warnings = end.map(|end| rows::warnings_to_json(&end.warnings)).transpose()?.flatten();
    let field_errors = end.map(|end| rows::field_errors_to_json(&end.field_errors)).transpose()?.flatten();
    let failure = end.and_then(|end| end.failure.as_ref());
    let sql =
        "INSERT INTO attempt (execution_id, number, step, started_at, ended_at, outcome, record, warnings,
                                   field_errors, version, try, code, message)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (execution_id, number) DO UPDATE
               SET ended_at = excluded.ended_at, outcome = excluded.outcome,
                   record = excluded.record, warnings = excluded.warnings,
                   field_errors = excluded.field_errors, code = excluded.code, message = excluded.message";
    connection.prepare_cached(sql)?.execute(params![
        attempt.execution.to_bytes(),
        attempt.number,
        attempt.step,
        attempt.started_at.as_millisecond(),
        end.map(|end| end.at.as_millisecond()),
        end.map(|end| end.outcome),
        end.and_then(|end| end.record.as_deref()),
        warnings,
        field_errors,
        attempt.version,
        attempt.try_number,
        failure.map(|failure| failure.code.as_str()),
        failure.map(|failure| failure.message.as_str()),
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
