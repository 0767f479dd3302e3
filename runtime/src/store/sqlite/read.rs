//! The store's queries. Each runs on a reading connection, or on the writer's inside a transaction.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::{
    super::{
        COMMENTS_PAGE_MAX, Due, ExecutionDetail, SecretRow, StoreError, TaskKey, UntoldPage, VersionNote,
        VersionRow, WorkspaceRows,
    },
    admin, rows,
};
use crate::model::{
    Blob, BlobId, Comment, Execution, ExecutionId, HistoryEntry, KeptItem, Membership, Place, RoleId, Task,
    TaskId, Timestamp, User, UserId, WorkflowId, perform::Admitted,
};

/// Executions that are not final; written as the partial index `execution_open` is.
pub(super) const OPEN: &str = "state IN ('queued', 'running', 'retrying', 'waiting', 'blocked')";

/// Runs a query whose rows `read` understands.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// Like [`all`], for rows that are looked through without anybody asking for one, up to `most`: those that
/// cannot be read must not keep the others from being seen, however many they are.
fn readable<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    most: usize,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let (mut found, mut left_out) = (Vec::new(), 0_u64);
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        match read(row) {
            Ok(row) => found.push(row),
            Err(error @ StoreError::Corrupt(_)) => {
                if left_out == 0 {
                    tracing::error!(%error, "a row is left out");
                }
                left_out += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if left_out > 1 {
        tracing::error!(left_out, "and more rows are left out");
    }
    Ok(found)
}

pub(super) fn task(connection: &Connection, key: &TaskKey) -> Result<Option<Task>, StoreError> {
    let columns = rows::TASK_COLUMNS;
    let found = match key {
        TaskKey::Id(id) => all(
            connection,
            &format!("SELECT {columns} FROM task WHERE id = ?1"),
            [id.to_bytes()],
            rows::task,
        )?,
        TaskKey::Unique { workflow, value } => all(
            connection,
            &format!("SELECT {columns} FROM task WHERE workflow_id = ?1 AND unique_id = ?2"),
            [workflow.as_str(), value],
            rows::task,
        )?,
        TaskKey::New { .. } => Vec::new(),
    };
    Ok(found.into_iter().next())
}

pub(super) fn is_taken(
    connection: &Connection,
    workflow: &WorkflowId,
    unique_id: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM task WHERE workflow_id = ?1 AND unique_id = ?2";
    let found =
        connection.prepare_cached(sql)?.query_row([workflow.as_str(), unique_id], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

pub(super) fn execution_detail(
    connection: &Connection,
    id: ExecutionId,
) -> Result<Option<ExecutionDetail>, StoreError> {
    // One transaction, so that the attempts are those of the state that is shown.
    let transaction = connection.unchecked_transaction()?;
    let Some(execution) = execution(&transaction, id)? else { return Ok(None) };
    let sql =
        format!("SELECT {} FROM attempt WHERE execution_id = ?1 ORDER BY number", rows::ATTEMPT_COLUMNS);
    let attempts = all(&transaction, &sql, [id.to_bytes()], rows::attempt)?;
    Ok(Some(ExecutionDetail { execution, attempts }))
}

pub(super) fn execution(connection: &Connection, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
    let sql = format!("SELECT {} FROM execution WHERE id = ?1", rows::EXECUTION_COLUMNS);
    Ok(all(connection, &sql, [id.to_bytes()], rows::execution)?.into_iter().next())
}

pub(super) fn open_executions(
    connection: &Connection,
    after: Option<Place>,
    most: usize,
) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {} FROM execution WHERE {OPEN} AND place > ?1 ORDER BY place",
        rows::EXECUTION_COLUMNS
    );
    let after = after.map_or([0; 16], Place::to_bytes);
    readable(connection, &sql, params![after], most, rows::execution)
}

/// A task's executions that are waiting, blocked or between two tries.
pub(super) fn parked(connection: &Connection, task: TaskId) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {} FROM execution WHERE state IN ('waiting', 'blocked', 'retrying') AND task_id = ?1 ORDER BY place",
        rows::EXECUTION_COLUMNS
    );
    readable(connection, &sql, [task.to_bytes()], usize::MAX, rows::execution)
}

pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    workflows: &[WorkflowId],
    most: usize,
) -> Result<Due, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let now = now.as_millisecond();
    let sql = format!(
        "SELECT {} FROM execution WHERE state = 'waiting' AND wake_at <= ?1 ORDER BY wake_at",
        rows::EXECUTION_COLUMNS
    );
    let executions = readable(&transaction, &sql, params![now], most, rows::execution)?;
    let workflows = json!(workflows.iter().map(WorkflowId::as_str).collect::<Vec<_>>()).to_string();
    let sql = "SELECT id, workflow_id FROM task
               WHERE scheduled_at <= ?1 AND workflow_id IN (SELECT value FROM json_each(?2))
               ORDER BY scheduled_at LIMIT ?3";
    let schedules = all(&transaction, sql, params![now, workflows, most], |row| {
        Ok((TaskId::from_bytes(row.get(0)?), WorkflowId::new(row.get::<_, String>(1)?)))
    })?;
    let sql = "SELECT min(at) FROM (
                   SELECT min(wake_at) AS at FROM execution WHERE state = 'waiting' AND wake_at > ?1
                   UNION ALL SELECT min(scheduled_at) FROM task WHERE scheduled_at > ?1)";
    let next: Option<i64> = transaction.prepare_cached(sql)?.query_row([now], |row| row.get(0))?;
    Ok(Due { executions, schedules, next: next.map(rows::instant).transpose()? })
}

/// A task's history, newest first: up to `most` entries before one, from the last where none is given.
pub(super) fn history(
    connection: &Connection,
    task: TaskId,
    before: Option<u64>,
    most: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    // Entries have no index by task: one leads to the one before it.
    let sql = format!(
        "WITH RECURSIVE
             last (id) AS (SELECT last_entry FROM task WHERE id = ?1
                           UNION ALL SELECT last_entry FROM deleted_task WHERE id = ?1),
             entry AS (SELECT * FROM task_history WHERE id = (SELECT id FROM last)
                       UNION ALL
                       SELECT earlier.* FROM entry JOIN task_history AS earlier ON earlier.id = entry.previous)
         SELECT {} FROM entry WHERE number < ?2 LIMIT ?3",
        rows::HISTORY_COLUMNS
    );
    let before = before.map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
    all(connection, &sql, params![task.to_bytes(), before, most], rows::history_entry)
}

/// A task's history after the entry with a number, oldest first.
pub(super) fn history_after(
    connection: &Connection,
    task: TaskId,
    number: u64,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let sql = format!(
        "WITH RECURSIVE
             entry AS (SELECT * FROM task_history WHERE id = (SELECT last_entry FROM task WHERE id = ?1)
                       UNION ALL
                       SELECT earlier.* FROM entry JOIN task_history AS earlier ON earlier.id = entry.previous
                       WHERE earlier.number > ?2)
         SELECT {} FROM entry WHERE number > ?2 ORDER BY number",
        rows::HISTORY_COLUMNS
    );
    all(connection, &sql, params![task.to_bytes(), number], rows::history_entry)
}

pub(super) fn deleted_task(connection: &Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    let sql = format!("SELECT {} FROM deleted_task WHERE id = ?1", rows::TASK_COLUMNS);
    Ok(all(connection, &sql, [id.to_bytes()], rows::task)?.into_iter().next())
}

pub(super) fn admitted(connection: &Connection, scope: &[u8; 32]) -> Result<Option<Admitted>, StoreError> {
    let sql = "SELECT scope, body, execution_id, at FROM admitted WHERE scope = ?1";
    let found = all(connection, sql, [scope], |row| {
        let execution = ExecutionId::from_bytes(row.get(2)?);
        Ok(Admitted { scope: row.get(0)?, body: row.get(1)?, execution, at: rows::instant(row.get(3)?)? })
    })?;
    Ok(found.into_iter().next())
}

pub(super) fn comments(
    connection: &Connection,
    task: TaskId,
    after: u64,
) -> Result<Vec<Comment>, StoreError> {
    let sql = format!(
        "SELECT {} FROM comment WHERE task_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        rows::COMMENT_COLUMNS
    );
    all(connection, &sql, params![task.to_bytes(), after, COMMENTS_PAGE_MAX], rows::comment)
}

/// How many comments a task has: they are numbered from 1, and none goes without its task.
pub(super) fn comment_count(connection: &Connection, task: TaskId) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(number), 0) FROM comment WHERE task_id = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([task.to_bytes()], |row| row.get(0))?)
}

pub(super) fn checklist(connection: &Connection, task: TaskId) -> Result<Vec<KeptItem>, StoreError> {
    let sql =
        format!("SELECT {} FROM checklist_item WHERE task_id = ?1 ORDER BY id", rows::CHECKLIST_ITEM_COLUMNS);
    all(connection, &sql, [task.to_bytes()], rows::checklist_item)
}

pub(super) fn blob(connection: &Connection, id: BlobId) -> Result<Option<Blob>, StoreError> {
    let sql = "SELECT content_type, bytes FROM blob WHERE id = ?1";
    let found = all(connection, sql, [id.to_bytes()], |row| {
        let (content_type, bytes) = (row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?);
        Ok(Blob { id, content_type: content_type.into(), bytes: bytes.into() })
    })?;
    Ok(found.into_iter().next())
}

/// From one workflow to the next, so that it costs nothing how many tasks of each have the file.
pub(super) const BLOB_WORKFLOWS: &str = "WITH RECURSIVE found (id) AS (
    SELECT min(workflow_id) FROM task_blob WHERE blob_id = ?1
    UNION ALL
    SELECT (SELECT min(workflow_id) FROM task_blob WHERE blob_id = ?1 AND workflow_id > found.id)
    FROM found WHERE found.id IS NOT NULL
) SELECT id FROM found WHERE id IS NOT NULL";

pub(super) fn blob_workflows(connection: &Connection, id: BlobId) -> Result<Vec<WorkflowId>, StoreError> {
    all(connection, BLOB_WORKFLOWS, [id.to_bytes()], |row| Ok(WorkflowId::new(row.get::<_, String>(0)?)))
}

pub(super) fn disabled_endpoints(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut rows = connection.prepare_cached("SELECT name FROM disabled_endpoint ORDER BY name")?;
    Ok(rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

pub(super) fn execution_before(
    connection: &Connection,
    newest: u64,
) -> Result<Option<ExecutionId>, StoreError> {
    let sql = "SELECT id FROM execution ORDER BY id DESC LIMIT 1 OFFSET ?1";
    let found = connection.prepare_cached(sql)?.query_row([newest], |row| row.get(0)).optional()?;
    Ok(found.map(ExecutionId::from_bytes))
}

pub(super) fn greatest_id(connection: &Connection) -> Result<Option<u128>, StoreError> {
    let sql = format!(
        "SELECT max(id) FROM (SELECT max(id) AS id FROM task UNION ALL SELECT max(id) FROM deleted_task
                              UNION ALL SELECT max(id) FROM execution
                              UNION ALL SELECT max(place) FROM execution WHERE {OPEN})"
    );
    let greatest: Option<[u8; 16]> = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(greatest.map(u128::from_be_bytes))
}

pub(super) fn version(
    connection: &Connection,
    workflow: &WorkflowId,
    version: u32,
) -> Result<Option<VersionRow>, StoreError> {
    let sql = "SELECT source FROM workflow_version WHERE workflow_id = ?1 AND version = ?2";
    let source = connection
        .prepare_cached(sql)?
        .query_row(params![workflow.as_str(), version], |row| row.get(0))
        .optional()?;
    Ok(source.map(|source| VersionRow { workflow: workflow.clone(), version, source }))
}

pub(super) fn versions(
    connection: &Connection,
    workflow: &WorkflowId,
    before: Option<u32>,
    most: usize,
) -> Result<Vec<VersionNote>, StoreError> {
    let sql = "SELECT version, created_at, made_by FROM workflow_version
               WHERE workflow_id = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3";
    let (before, most) = (before.unwrap_or(u32::MAX), i64::try_from(most).unwrap_or(i64::MAX));
    all(connection, sql, params![workflow.as_str(), before, most], |row| {
        let by = row.get::<_, Option<String>>(2)?.map(|by| rows::performer_from_json(&by)).transpose()?;
        Ok(VersionNote { version: row.get(0)?, at: rows::instant(row.get(1)?)?, by })
    })
}

pub(super) fn workspace(connection: &Connection) -> Result<WorkspaceRows, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let versions = all(
        &transaction,
        &format!(
            "SELECT workflow_id, version, source FROM workflow_version AS this
             WHERE version = (SELECT max(version) FROM workflow_version WHERE workflow_id = this.workflow_id)
                OR (workflow_id, version) IN (SELECT DISTINCT workflow_id, version FROM execution WHERE {OPEN})
             ORDER BY workflow_id, version"
        ),
        [],
        |row| {
            let workflow = WorkflowId::new(row.get::<_, String>(0)?);
            Ok(VersionRow { workflow, version: row.get(1)?, source: row.get(2)? })
        },
    )?;
    let users = all(
        &transaction,
        "SELECT id, email, first_name, last_name, is_active, is_administrator FROM person ORDER BY id",
        [],
        |row| {
            let id = UserId::new(row.get::<_, String>(0)?);
            let (email, first_name) = (row.get(1)?, row.get(2)?);
            let (last_name, is_active, is_administrator) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok(User { id, email, first_name, last_name, is_active, is_administrator })
        },
    )?;
    let keys = admin::keys(&transaction)?;
    let memberships = memberships(&transaction)?;
    let secrets =
        all(&transaction, "SELECT name, key, nonce, sealed FROM secret ORDER BY name", [], |row| {
            Ok(SecretRow { name: row.get(0)?, key: row.get(1)?, nonce: row.get(2)?, sealed: row.get(3)? })
        })?;
    let sql = "SELECT workflow_id FROM archived_workflow ORDER BY workflow_id";
    let archived = all(&transaction, sql, [], |row| Ok(WorkflowId::new(row.get::<_, String>(0)?)))?;
    let revision = workspace_revision(&transaction)?;
    Ok(WorkspaceRows { revision, versions, users, memberships, keys, secrets, archived })
}

fn memberships(connection: &Connection) -> Result<Vec<Membership>, StoreError> {
    let sql = "SELECT workflow_id, user_id, role_id FROM membership ORDER BY workflow_id, user_id";
    all(connection, sql, [], |row| {
        let (workflow, user) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let role = RoleId::new(row.get::<_, String>(2)?);
        Ok(Membership { workflow: WorkflowId::new(workflow), user: UserId::new(user), role })
    })
}

pub(super) fn workspace_revision(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT revision FROM workspace";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

pub(super) fn untold_workflows(connection: &Connection) -> Result<Vec<WorkflowId>, StoreError> {
    let sql = "SELECT DISTINCT workflow_id FROM untold";
    all(connection, sql, [], |row| Ok(WorkflowId::new(row.get::<_, String>(0)?)))
}

pub(super) fn untold(
    connection: &Connection,
    workflow: &WorkflowId,
    after: u64,
    most: usize,
) -> Result<UntoldPage, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let sql =
        format!("SELECT {} FROM untold WHERE workflow_id = ?1 AND id > ?2 ORDER BY id", rows::UNTOLD_COLUMNS);
    let listed = readable(&transaction, &sql, params![workflow.as_str(), after], most, rows::untold)?;
    let sql = "SELECT count(*), coalesce(max(id), 0) FROM untold WHERE workflow_id = ?1 AND id > ?2";
    let (count, up_to) = transaction
        .prepare_cached(sql)?
        .query_row(params![workflow.as_str(), after], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(UntoldPage { listed, count, up_to })
}

pub(super) fn has_left(connection: &Connection, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT is_active FROM person WHERE id = ?1";
    let is_active: Option<bool> =
        connection.prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0)).optional()?;
    Ok(is_active == Some(false))
}

/// Tasks that are assigned to a user who has left, or to any.
pub(super) fn left_behind(
    connection: &Connection,
    user: Option<&UserId>,
    after: Option<TaskId>,
    most: usize,
) -> Result<Vec<TaskId>, StoreError> {
    let sql = "SELECT id FROM task
               WHERE assigned_to IN (SELECT id FROM person WHERE is_active = 0 AND id = coalesce(?1, id))
               AND id > ?2 ORDER BY id LIMIT ?3";
    let (user, after) = (user.map(UserId::as_str), after.map_or([0; 16], TaskId::to_bytes));
    all(connection, sql, params![user, after, most], |row| Ok(TaskId::from_bytes(row.get(0)?)))
}
