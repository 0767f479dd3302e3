//! Lists as queries: which index leads to the tasks asked for, what is asked of each, and in which order they come.
//!
//! Only how a list is found stands here. By what values are compared is the model's: [`Comparison::key`] is a
//! function of these queries, `text_key(JSON)` and its like.

use std::sync::Arc;

use rusqlite::{
    Connection, Row,
    functions::FunctionFlags,
    params_from_iter,
    types::{FromSql, Value, ValueRef},
};

use super::{
    super::{ExecutionPage, LOOKED_AT_MAX, StoreError, TaskPage},
    asked, read, rows,
};
use crate::model::{
    ExecutionId, ExecutionList, FieldValue, State, Status, TaskId, TaskList,
    list::{Comparison, Filter, Order, OrderBy, Position, SORTED_CHARS_MAX, SortKey, Subject},
};

/// Stages or users that an index is asked for one by one; where there are more, all tasks are looked at.
const ARMS_MAX: usize = 100;

/// Gives a connection the functions that make keys of values.
pub(super) fn add_keys(connection: &Connection) -> Result<(), rusqlite::Error> {
    for comparison in Comparison::ALL {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(key_function(comparison), 1, flags, move |context| {
            let value = match context.get_raw(0) {
                ValueRef::Null => FieldValue::Empty,
                json => value(json).map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))?,
            };
            Ok(comparison.key(&value))
        })?;
    }
    Ok(())
}

fn value(json: ValueRef<'_>) -> Result<FieldValue, StoreError> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(error.to_string());
    let text = json.as_str().map_err(|error| corrupt(&error))?;
    rows::value_from_json(serde_json::from_str(text).map_err(|error| corrupt(&error))?)
}

fn key_function(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Text => "text_key",
        Comparison::Number => "number_key",
        Comparison::Instant => "instant_key",
        Comparison::Flag => "flag_key",
        Comparison::Person => "person_key",
    }
}

/// A query with the values that its places stand for.
#[derive(Default)]
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// A place for a value.
    fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn places<'a>(&mut self, values: impl Iterator<Item = &'a str>) -> String {
        values.map(|value| self.place(value.to_owned())).collect::<Vec<_>>().join(", ")
    }

    fn all<T>(
        &self,
        connection: &Connection,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        read::all(connection, &self.sql, params_from_iter(&self.values), read)
    }
}

/// How the tasks of a list are found: by an index, for each of some values where it is not by the workflow alone.
struct Way {
    index: &'static str,
    /// The column and its values.
    by: Option<(&'static str, Vec<String>)>,
    /// Whether it leads past tasks that are not in the list.
    is_exact: bool,
}

impl Way {
    /// The way past the fewest tasks, as far as the list itself says that.
    fn to(list: &TaskList, connection: &Connection) -> Result<Self, StoreError> {
        let keys = |subject: Subject| {
            let mut filters = list.filters.iter();
            let found = filters.find(|filter| filter.subject == subject && !filter.empty);
            found.map(|filter| filter.keys.clone()).filter(|keys| keys.len() <= ARMS_MAX)
        };
        let is_more = asked::is_needed(list) || !list.none_of.is_empty();
        let is_only = |filters: usize| list.filters.len() == filters && list.not_in.is_empty() && !is_more;
        if let Some(ids) = keys(Subject::UniqueId) {
            return Ok(Self { index: "task_unique_id", by: Some(("unique_id", ids)), is_exact: true });
        }
        if let Some(users) = keys(Subject::AssignedTo) {
            let by = Some(("assigned_to", users));
            return Ok(Self { index: "task_assigned", by, is_exact: is_only(1) });
        }
        let (mut stages, filters) = match keys(Subject::Stage) {
            Some(stages) => (stages, 1),
            None if list.not_in.is_empty() => {
                return Ok(Self { index: "task_workflow", by: None, is_exact: is_only(0) });
            }
            None => (stages_in_use(list, connection)?, 0),
        };
        stages.retain(|stage| list.not_in.iter().all(|left_out| left_out.as_str() != stage));
        let is_exact = list.filters.len() == filters && !is_more;
        match stages.len() {
            0..=ARMS_MAX => Ok(Self { index: "task_stage", by: Some(("stage_id", stages)), is_exact }),
            _ => Ok(Self { index: "task_workflow", by: None, is_exact: false }),
        }
    }
}

/// The stages that a workflow's tasks are in, also those that it no longer has: one look into the index for each.
fn stages_in_use(list: &TaskList, connection: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = "WITH RECURSIVE used (stage) AS (
                   SELECT min(stage_id) FROM task WHERE workflow_id = ?1
                   UNION ALL
                   SELECT (SELECT min(stage_id) FROM task WHERE workflow_id = ?1 AND stage_id > used.stage)
                   FROM used WHERE used.stage IS NOT NULL)
               SELECT stage FROM used WHERE stage IS NOT NULL";
    read::all(connection, sql, [list.workflow.as_str()], |row| Ok(row.get(0)?))
}

pub(super) fn tasks(
    connection: &Connection,
    list: &Arc<TaskList>,
    after: Option<&Position>,
    most: usize,
) -> Result<TaskPage, StoreError> {
    // One transaction: that the list ends here is said of the tasks that were looked at.
    let transaction = connection.unchecked_transaction()?;
    asked::add(&transaction, list)?;
    let (query, look_up_to) = tasks_query(&transaction, list, after, most)?;
    let is_by_id = list.order.by == OrderBy::Created;
    let tasks = query.all(&transaction, |row| {
        let task = rows::task(row)?;
        let key = if is_by_id { None } else { sort_key(row.get_ref(KEY_COLUMN)?)? };
        let position = Position { key, task: task.id };
        Ok((task, position))
    })?;
    let next = match tasks.last() {
        Some((_, last)) if tasks.len() == most => Some(last.clone()),
        _ => look_up_to.map(|task| Position { key: None, task }),
    };
    Ok(TaskPage { tasks, next })
}

/// The query for a page, and the last task that it looks at, if there are more.
fn tasks_query(
    connection: &Connection,
    list: &TaskList,
    after: Option<&Position>,
    most: usize,
) -> Result<(Query, Option<TaskId>), StoreError> {
    let way = Way::to(list, connection)?;
    if list.order.by != OrderBy::Created {
        return Ok((by_key(list, &way, after, most), None));
    }
    let look_up_to = if way.is_exact { None } else { nth_after(connection, list, &way, after)? };
    Ok((by_id(list, &way, after, look_up_to, most), look_up_to))
}

/// Up to where tasks are looked at on a way; `None` where that is its end.
fn nth_after(
    connection: &Connection,
    list: &TaskList,
    way: &Way,
    after: Option<&Position>,
) -> Result<Option<TaskId>, StoreError> {
    let mut query = Query::default();
    let (from, order) = start(&mut query, &list.order, after);
    let conditions = [in_workflow(&mut query, list), from].join(" AND ");
    let arms = arms(&mut query, way, "id", &conditions);
    query.sql = format!("{arms} ORDER BY id {order} LIMIT 1 OFFSET {}", LOOKED_AT_MAX - 1);
    let found = query.all(connection, |row| Ok(TaskId::from_bytes(row.get(0)?)))?;
    Ok(found.first().copied())
}

/// What keeps tasks up to a position out, in the order of ids, and the direction of it.
fn start(query: &mut Query, order: &Order, after: Option<&Position>) -> (String, &'static str) {
    let (than, direction) = if order.descending { ("<", "DESC") } else { (">", "ASC") };
    match after {
        Some(after) => (format!("id {than} {}", query.place(after.task.to_bytes().to_vec())), direction),
        None => ("true".to_owned(), direction),
    }
}

/// The tasks in the order of their ids. Each arm has that order from its index, so that they are merged, and
/// nothing past the page is read.
fn by_id(list: &TaskList, way: &Way, after: Option<&Position>, up_to: Option<TaskId>, most: usize) -> Query {
    let mut query = Query::default();
    let (from, order) = start(&mut query, &list.order, after);
    let mut conditions = vec![from];
    if let Some(up_to) = up_to {
        let than = if list.order.descending { ">=" } else { "<=" };
        conditions.push(format!("id {than} {}", query.place(up_to.to_bytes().to_vec())));
    }
    conditions.extend(filters(&mut query, list));
    let arms = arms(&mut query, way, rows::TASK_COLUMNS, &conditions.join(" AND "));
    query.sql = format!("{arms} ORDER BY id {order} LIMIT {}", query.place(most as i64));
    query
}

/// In a row of [`by_key`], after the task's columns.
const KEY_COLUMN: usize = 10;

/// The tasks in the order of their keys: all of them are looked at, and the first of them kept.
fn by_key(list: &TaskList, way: &Way, after: Option<&Position>, most: usize) -> Query {
    let mut query = Query::default();
    let key = key_expression(&mut query, &list.order.by);
    let conditions = filters(&mut query, list).join(" AND ");
    let arms = arms(&mut query, way, &format!("id, {key} AS sort_key"), &conditions);
    let (than, direction) = if list.order.descending { ("<", "DESC") } else { (">", "ASC") };
    let after = match after {
        None => "true".to_owned(),
        Some(Position { key, task }) => {
            let id = query.place(task.to_bytes().to_vec());
            let key = match key {
                None => None,
                Some(SortKey::Number(number)) => Some(query.place(*number)),
                Some(SortKey::Text(text)) => Some(query.place(text.clone())),
            };
            match key {
                None => format!("sort_key IS NULL AND id > {id}"),
                Some(key) => {
                    format!("(sort_key {than} {key} OR sort_key IS NULL OR (sort_key = {key} AND id > {id}))")
                }
            }
        }
    };
    let most = query.place(most as i64);
    let order = format!("ORDER BY sort_key IS NULL, sort_key {direction}, id");
    // A limit of its own keeps the inner query apart, so that each key is made once.
    query.sql = format!(
        "WITH listed AS MATERIALIZED (
             SELECT id, sort_key FROM (SELECT * FROM ({arms}) LIMIT -1) WHERE {after} {order} LIMIT {most})
         SELECT {}, sort_key FROM listed CROSS JOIN task USING (id) {order}",
        rows::TASK_COLUMNS
    );
    query
}

fn in_workflow(query: &mut Query, list: &TaskList) -> String {
    format!("workflow_id = {}", query.place(list.workflow.to_string()))
}

/// What a list asks of each task.
fn filters(query: &mut Query, list: &TaskList) -> Vec<String> {
    let mut conditions = vec![in_workflow(query, list)];
    if !list.not_in.is_empty() {
        let stages = query.places(list.not_in.iter().map(|stage| stage.as_str()));
        conditions.push(format!("stage_id NOT IN ({stages})"));
    }
    conditions.extend(list.filters.iter().map(|filter| condition(query, filter)));
    // What is compared with no value is not known to SQL; here it does not pass the filter.
    let none_of = list.none_of.iter();
    conditions.extend(none_of.map(|filter| format!("NOT ifnull({}, false)", condition(query, filter))));
    conditions.extend(asked::is_needed(list).then(|| asked::CONDITION.to_owned()));
    conditions
}

/// The same as a part of another query, with its values.
pub(super) fn conditions(list: &TaskList) -> (String, Vec<Value>) {
    let mut query = Query::default();
    let conditions = filters(&mut query, list).join(" AND ");
    (conditions, query.values)
}

/// The tasks on a way as one query or several, without their order.
fn arms(query: &mut Query, way: &Way, columns: &str, conditions: &str) -> String {
    let select = format!("SELECT {columns} FROM task INDEXED BY {} WHERE {conditions}", way.index);
    match &way.by {
        None => select,
        Some((_, keys)) if keys.is_empty() => {
            format!("SELECT {columns} FROM task WHERE {conditions} AND false")
        }
        Some((column, keys)) => {
            let arm = |key: &String| format!("{select} AND {column} = {}", query.place(key.clone()));
            keys.iter().map(arm).collect::<Vec<_>>().join(" UNION ALL ")
        }
    }
}

fn condition(query: &mut Query, filter: &Filter) -> String {
    if !filter.empty && filter.keys.is_empty() {
        return "false".to_owned();
    }
    let key = match &filter.subject {
        Subject::Stage => "stage_id".to_owned(),
        Subject::AssignedTo => "assigned_to".to_owned(),
        Subject::UniqueId => "unique_id".to_owned(),
        Subject::Field(id, comparison) => field_key(query, id.as_str(), *comparison),
    };
    let keys = query.places(filter.keys.iter().map(String::as_str));
    match filter.empty {
        false => format!("{key} IN ({keys})"),
        true if filter.keys.is_empty() => format!("{key} IS NULL"),
        true => format!("({key} IS NULL OR {key} IN ({keys}))"),
    }
}

fn field_key(query: &mut Query, id: &str, comparison: Comparison) -> String {
    format!("{}(field_values -> {})", key_function(comparison), query.place(id.to_owned()))
}

fn key_expression(query: &mut Query, by: &OrderBy) -> String {
    let cut = |text: &str| format!("substr({text}, 1, {SORTED_CHARS_MAX})");
    let email = |user: &str| format!("(SELECT email FROM person WHERE person.id = {user})");
    match by {
        OrderBy::Created => "NULL".to_owned(),
        OrderBy::Updated => "updated_on".to_owned(),
        OrderBy::Stage(stages) => {
            let places = stages
                .iter()
                .enumerate()
                .map(|(place, stage)| format!(" WHEN {} THEN {place}", query.place(stage.to_string())));
            format!("CASE stage_id{} END", places.collect::<String>())
        }
        OrderBy::AssignedTo => cut(&email("assigned_to")),
        OrderBy::Field(id, Comparison::Person) => {
            cut(&email(&field_key(query, id.as_str(), Comparison::Person)))
        }
        OrderBy::Field(id, comparison) => cut(&field_key(query, id.as_str(), *comparison)),
    }
}

fn sort_key(value: ValueRef<'_>) -> Result<Option<SortKey>, StoreError> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(SortKey::Number(number))),
        other => {
            let text =
                String::column_result(other).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(Some(SortKey::Text(text)))
        }
    }
}

pub(super) fn executions(
    connection: &Connection,
    list: &ExecutionList,
    most: usize,
) -> Result<ExecutionPage, StoreError> {
    let (sql, looked_at_max) = executions_query(list);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([list.after.to_bytes(), list.before.to_bytes()])?;
    let mut page = ExecutionPage::default();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if is_listed(row, list)? {
            match rows::execution(row) {
                Ok(execution) => page.executions.push(execution),
                Err(error @ StoreError::Corrupt(_)) => {
                    tracing::error!(%error, "an execution is left out of a list")
                }
                Err(error) => return Err(error),
            }
        }
        if page.executions.len() == most || looked_at == looked_at_max {
            page.next = Some(ExecutionId::from_bytes(row.get(0)?));
            break;
        }
    }
    Ok(page)
}

/// The executions among which those of a list are, in its order, and how many of them are looked at. Those that are
/// open are few, and have an index; those that have failed have one, too, so that they are found among very many.
fn executions_query(list: &ExecutionList) -> (String, usize) {
    let only = |is: &dyn Fn(&str, Status) -> bool| {
        let states = list.states.as_ref();
        states.is_some_and(|states| {
            State::NAMES.iter().all(|(name, status)| !states.contains(name) || is(name, *status))
        })
    };
    let (index, among, looked_at_max) = if only(&|_, status| status == Status::Pending) {
        ("INDEXED BY execution_open", read::OPEN, usize::MAX)
    } else if only(&|name, _| FAILED.contains(&name)) {
        ("INDEXED BY execution_failed", "state IN ('failed', 'unknown')", LOOKED_AT_MAX)
    } else {
        ("", "true", LOOKED_AT_MAX)
    };
    let columns = rows::EXECUTION_COLUMNS;
    let order = if list.is_oldest_first { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT {columns} FROM execution {index} WHERE {among} AND id > ?1 AND id < ?2 ORDER BY id {order}"
    );
    (sql, looked_at_max)
}

/// The states of the index `execution_failed`.
const FAILED: [&str; 2] = ["failed", "unknown"];

/// By the columns alone, since most rows that are looked at are not listed.
fn is_listed(row: &Row<'_>, list: &ExecutionList) -> Result<bool, StoreError> {
    let is = |column: &str, wanted: &str| {
        Ok::<_, StoreError>(row.get_ref(column)?.as_str().is_ok_and(|text| text == wanted))
    };
    if let Some(task) = list.task
        && row.get::<_, [u8; 16]>("task_id")? != task.to_bytes()
    {
        return Ok(false);
    }
    if let Some(action) = &list.action
        && !is("action_id", action.as_str())?
    {
        return Ok(false);
    }
    if let Some(states) = &list.states {
        let state = row.get_ref("state")?;
        if !state.as_str().is_ok_and(|state| states.contains(&state)) {
            return Ok(false);
        }
    }
    // One that cannot be read is in no span of time.
    let created_at = rows::instant(row.get("created_at")?);
    Ok(is("workflow_id", list.workflow.as_str())?
        && created_at.is_ok_and(|at| {
            list.since.is_none_or(|since| at >= since) && list.until.is_none_or(|until| at < until)
        }))
}

#[cfg(test)]
mod tests;
