//! What stands in the database, read at one moment: from the file of a running server, or from a
//! copy that was made of a dead one's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};

/// An id as the API shows it.
pub(crate) type Id = String;

#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) id: Id,
    pub(crate) task: Id,
    pub(crate) action: String,
    pub(crate) state: String,
    pub(crate) step: usize,
    /// While it runs: whether it is in mid-call.
    pub(crate) flag: bool,
    pub(crate) code: Option<String>,
    pub(crate) attempts: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) number: usize,
    pub(crate) step: usize,
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) outcome: Option<String>,
    pub(crate) has_record: bool,
    pub(crate) request_body: Option<String>,
    pub(crate) response_body: Option<String>,
    /// What the receiver called this call in its answer.
    pub(crate) call: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) unique_id: Option<String>,
    /// Stage, assignee and fields, as the history names them. Nothing is left out but what is empty.
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) revision: u64,
    pub(crate) is_deleted: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) at: i64,
    pub(crate) cause: String,
    pub(crate) execution: Option<Id>,
    /// Before and after, by slot.
    pub(crate) changes: BTreeMap<String, [Value; 2]>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) executions: BTreeMap<Id, Execution>,
    pub(crate) attempts: BTreeMap<Id, Vec<Attempt>>,
    pub(crate) tasks: BTreeMap<Id, Task>,
    pub(crate) history: BTreeMap<Id, Vec<Entry>>,
    /// Executions that the idempotency keys lead to.
    pub(crate) admitted: Vec<Id>,
    /// Executions of whose failure somebody is still to be told.
    pub(crate) untold: BTreeSet<Id>,
}

impl Snapshot {
    /// Of a dead server's data folder. A copy is opened, so that the next start finds what was left.
    pub(crate) fn of_dead(data: &Path) -> Self {
        let copy = tempfile::tempdir().expect("a folder");
        for name in ["onward.db", "onward.db-wal"] {
            if data.join(name).exists() {
                fs::copy(data.join(name), copy.path().join(name)).expect("copied");
            }
        }
        let connection = Connection::open(copy.path().join("onward.db")).expect("the copy opens");
        Self::read(&connection).expect("the copy can be read")
    }

    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let transaction = connection.unchecked_transaction()?;
        let mut snapshot = Self::default();
        let sql = "SELECT hex(id), hex(task_id), action_id, state, step, flag, code, attempts FROM execution";
        for execution in all(&transaction, sql, execution)? {
            snapshot.executions.insert(execution.id.clone(), execution);
        }
        let sql = "SELECT hex(execution_id), number, step, started_at, ended_at, outcome, record IS NOT NULL,
                          record ->> '$.request.body', iif(record ->> '$.response.incomplete', NULL, record ->> '$.response.body'),
                          (SELECT value ->> 1 FROM json_each(record, '$.response.headers') WHERE value ->> 0 = 'x-call')
                   FROM attempt ORDER BY execution_id, number";
        for (id, attempt) in all(&transaction, sql, attempt)? {
            snapshot.attempts.entry(id).or_default().push(attempt);
        }
        for (table, is_deleted) in [("task", false), ("deleted_task", true)] {
            let sql = format!(
                "SELECT hex(id), unique_id, stage_id, assigned_to, field_values, revision FROM {table}"
            );
            snapshot.tasks.extend(all(&transaction, &sql, |row| task(row, is_deleted))?);
        }
        let sql = "SELECT hex(task_id), number, at, cause, hex(execution_id), changes
                   FROM task_history ORDER BY task_id, number";
        for (id, entry) in all(&transaction, sql, entry)? {
            snapshot.history.entry(id).or_default().push(entry);
        }
        snapshot.admitted = all(&transaction, "SELECT hex(execution_id) FROM admitted", |row| id(row, 0))?;
        let untold = all(&transaction, "SELECT hex(execution_id) FROM untold", |row| id(row, 0))?;
        snapshot.untold = untold.into_iter().collect();
        Ok(snapshot)
    }

    /// Executions in mid-call, and the numbers of their attempts.
    pub(crate) fn mid_call(&self) -> impl Iterator<Item = (Id, usize)> {
        let is_mid_call = |execution: &&Execution| execution.state == "running" && execution.flag;
        self.executions.values().filter(is_mid_call).map(|found| (found.id.clone(), found.attempts))
    }

    pub(crate) fn attempts_of(&self, execution: &str) -> &[Attempt] {
        self.attempts.get(execution).map_or(&[], Vec::as_slice)
    }
}

/// A connection for looking at a running server's database.
pub(crate) fn reader(data: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(data.join("onward.db"), flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    statement.query_map([], |row| read(row))?.collect()
}

/// The API's form of an id's hexadecimal digits.
fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Id> {
    let hex: String = row.get(column)?;
    let hex = hex.to_ascii_lowercase();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    Ok(Execution {
        id: id(row, 0)?,
        task: id(row, 1)?,
        action: row.get(2)?,
        state: row.get(3)?,
        step: row.get(4)?,
        flag: row.get(5)?,
        code: row.get(6)?,
        attempts: row.get(7)?,
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<(Id, Attempt)> {
    let attempt = Attempt {
        number: row.get(1)?,
        step: row.get(2)?,
        started_at: row.get(3)?,
        ended_at: row.get(4)?,
        outcome: row.get(5)?,
        has_record: row.get(6)?,
        request_body: row.get(7)?,
        response_body: row.get(8)?,
        call: row.get::<_, Option<String>>(9)?.and_then(|number| number.parse().ok()),
    };
    Ok((id(row, 0)?, attempt))
}

fn task(row: &Row<'_>, is_deleted: bool) -> rusqlite::Result<(Id, Task)> {
    let fields: String = row.get(4)?;
    let fields: Map<String, Value> = serde_json::from_str(&fields).expect("a task's values are JSON");
    let mut values: BTreeMap<_, _> = fields.into_iter().collect();
    values.insert("Stage".to_owned(), Value::String(row.get(2)?));
    if let Some(assigned_to) = row.get(3)? {
        values.insert("Assigned To".to_owned(), Value::String(assigned_to));
    }
    Ok((id(row, 0)?, Task { unique_id: row.get(1)?, values, revision: row.get(5)?, is_deleted }))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(Id, Entry)> {
    let changes: String = row.get(5)?;
    let is_by_execution = !row.get::<_, String>(4)?.is_empty();
    let entry = Entry {
        number: row.get(1)?,
        at: row.get(2)?,
        cause: row.get(3)?,
        execution: is_by_execution.then(|| id(row, 4)).transpose()?,
        changes: serde_json::from_str(&changes).expect("changes are pairs"),
    };
    Ok((id(row, 0)?, entry))
}
