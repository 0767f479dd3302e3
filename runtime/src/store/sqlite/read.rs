//! The store's queries. Each runs on a reading connection, or on the writer's inside a transaction.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{ExecutionDetail, StoreError, TASKS_PAGE_MAX, TaskKey, VersionRow, WorkspaceRows},
    rows,
};
use crate::model::{ApiKey, Execution, ExecutionId, Task, TaskId, User, UserId, WorkflowId, id::KeyId};

/// Runs a query whose rows `read` understands.
fn all<T>(
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

pub(super) fn tasks(
    connection: &Connection,
    workflow: &WorkflowId,
    after: Option<TaskId>,
) -> Result<Vec<Task>, StoreError> {
    let columns = rows::TASK_COLUMNS;
    let sql = format!("SELECT {columns} FROM task WHERE workflow_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    let after = after.map_or([0; 16], TaskId::to_bytes);
    all(connection, &sql, params![workflow.as_str(), after, TASKS_PAGE_MAX], rows::task)
}

pub(super) fn execution(
    connection: &Connection,
    id: ExecutionId,
) -> Result<Option<ExecutionDetail>, StoreError> {
    // One transaction, so that the attempts are those of the state that is shown.
    let transaction = connection.unchecked_transaction()?;
    let sql = format!("SELECT {} FROM execution WHERE id = ?1", rows::EXECUTION_COLUMNS);
    let found = all(&transaction, &sql, [id.to_bytes()], rows::execution)?;
    let Some(execution) = found.into_iter().next() else { return Ok(None) };
    let sql =
        format!("SELECT {} FROM attempt WHERE execution_id = ?1 ORDER BY number", rows::ATTEMPT_COLUMNS);
    let attempts = all(&transaction, &sql, [id.to_bytes()], rows::attempt)?;
    Ok(Some(ExecutionDetail { execution, attempts }))
}

pub(super) fn open_executions(
    connection: &Connection,
    after: Option<ExecutionId>,
    most: usize,
) -> Result<Vec<Execution>, StoreError> {
    let sql = format!(
        "SELECT {} FROM execution WHERE state IN ('queued', 'running', 'waiting') AND id > ?1 ORDER BY id LIMIT ?2",
        rows::EXECUTION_COLUMNS
    );
    let after = after.map_or([0; 16], ExecutionId::to_bytes);
    all(connection, &sql, params![after, most], rows::execution)
}

pub(super) fn greatest_id(connection: &Connection) -> Result<Option<u128>, StoreError> {
    let sql = "SELECT max(id) FROM (SELECT max(id) AS id FROM task UNION ALL SELECT max(id) FROM execution)";
    let greatest: Option<[u8; 16]> = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(greatest.map(u128::from_be_bytes))
}

pub(super) fn workspace(connection: &Connection) -> Result<WorkspaceRows, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let versions = all(
        &transaction,
        "SELECT workflow_id, version, source FROM workflow_version AS this
         WHERE version = (SELECT max(version) FROM workflow_version WHERE workflow_id = this.workflow_id)
            OR EXISTS (SELECT 1 FROM execution
                       WHERE state IN ('queued', 'running', 'waiting')
                         AND workflow_id = this.workflow_id AND version = this.version)
         ORDER BY workflow_id, version",
        [],
        |row| {
            let workflow = WorkflowId::new(row.get::<_, String>(0)?);
            Ok(VersionRow { workflow, version: row.get(1)?, source: row.get(2)? })
        },
    )?;
    let users =
        all(&transaction, "SELECT id, email, first_name, last_name FROM person ORDER BY id", [], |row| {
            let id = UserId::new(row.get::<_, String>(0)?);
            Ok(User { id, email: row.get(1)?, first_name: row.get(2)?, last_name: row.get(3)? })
        })?;
    let keys = all(&transaction, "SELECT id, name, hash FROM api_key ORDER BY id", [], |row| {
        Ok(ApiKey { id: KeyId::new(row.get::<_, String>(0)?), name: row.get(1)?, hash: row.get(2)? })
    })?;
    Ok(WorkspaceRows { revision: workspace_revision(&transaction)?, versions, users, keys })
}

pub(super) fn workspace_revision(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT revision FROM workspace";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}
