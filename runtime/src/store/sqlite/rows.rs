//! Between rows and `model`: what the columns mean.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Row;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::super::StoreError;
use crate::model::{
    ActionId, Attempt, AttemptEnd, Execution, ExecutionId, Failure, FieldId, FieldValue, Performer, StageId,
    State, Task, TaskId, Timestamp, UserId, WorkflowId,
};

pub(super) const TASK_COLUMNS: &str =
    "id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on";

pub(super) const EXECUTION_COLUMNS: &str = "id, task_id, workflow_id, version, action_id, performer, state, step, flag, \
     wake_at, code, message, attempts, created_at, updated_at";

pub(super) const ATTEMPT_COLUMNS: &str =
    "execution_id, number, step, started_at, ended_at, outcome, record, warnings";

fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

fn instant(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(corrupt)
}

pub(super) fn task(row: &Row<'_>) -> Result<Task, StoreError> {
    let text = row.get_ref(5)?.as_str().map_err(corrupt)?;
    Ok(Task {
        id: TaskId::from_bytes(row.get(0)?),
        workflow: WorkflowId::new(row.get::<_, String>(1)?),
        unique_id: row.get::<_, Option<String>>(2)?.map(Arc::from),
        stage: StageId::new(row.get::<_, String>(3)?),
        assigned_to: row.get::<_, Option<String>>(4)?.map(UserId::new),
        values: values_from_json(text)?,
        created_on: instant(row.get(6)?)?,
        updated_on: instant(row.get(7)?)?,
    })
}

fn values_from_json(text: &str) -> Result<BTreeMap<FieldId, FieldValue>, StoreError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(corrupt)?;
    let value = |value: Value| match value {
        Value::Bool(flag) => Ok(FieldValue::Flag(flag)),
        Value::String(text) => Ok(FieldValue::Text(text.into())),
        Value::Array(items) => {
            let items = items.iter().map(|item| item.as_str().map(Arc::from));
            items
                .collect::<Option<_>>()
                .map(FieldValue::List)
                .ok_or_else(|| corrupt("a list of other than texts"))
        }
        other => Err(corrupt(format!("a field's value {other}"))),
    };
    object.into_iter().map(|(id, stored)| Ok((FieldId::new(id), value(stored)?))).collect()
}

/// The task's values as a JSON object by field id.
pub(super) fn values_to_json(task: &Task) -> Result<String, StoreError> {
    serde_json::to_string(&Values(&task.values)).map_err(corrupt)
}

struct Values<'a>(&'a BTreeMap<FieldId, FieldValue>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, value) in self.0 {
            match value {
                FieldValue::Empty => {}
                FieldValue::Text(text) => map.serialize_entry(id.as_str(), &**text)?,
                FieldValue::Flag(flag) => map.serialize_entry(id.as_str(), flag)?,
                FieldValue::List(items) => {
                    map.serialize_entry(id.as_str(), &items.iter().map(|item| &**item).collect::<Vec<_>>())?;
                }
            }
        }
        map.end()
    }
}

/// A performer as the row keeps it: the contract's four values.
pub(super) fn performer_to_json(performer: &Performer) -> Result<String, StoreError> {
    serde_json::to_string(&crate::model::document::ShownPerformer(performer)).map_err(corrupt)
}

fn performer_from_json(text: &str) -> Result<Performer, StoreError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(corrupt)?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(Performer {
        id: text("id").ok_or_else(|| corrupt("a performer without id"))?,
        email: text("email"),
        first_name: text("first_name"),
        last_name: text("last_name"),
    })
}

pub(super) fn execution(row: &Row<'_>) -> Result<Execution, StoreError> {
    Ok(Execution {
        id: ExecutionId::from_bytes(row.get(0)?),
        task: TaskId::from_bytes(row.get(1)?),
        workflow: WorkflowId::new(row.get::<_, String>(2)?),
        version: row.get(3)?,
        action: ActionId::new(row.get::<_, String>(4)?),
        performer: performer_from_json(row.get_ref(5)?.as_str().map_err(corrupt)?)?,
        state: state(row)?,
        attempts: row.get(12)?,
        created_at: instant(row.get(13)?)?,
        updated_at: instant(row.get(14)?)?,
    })
}

fn state(row: &Row<'_>) -> Result<State, StoreError> {
    let (name, step, flag): (String, usize, bool) = (row.get(6)?, row.get(7)?, row.get(8)?);
    let failure = || -> Result<Failure, StoreError> {
        let message = row.get::<_, Option<String>>(11)?.unwrap_or_default();
        Ok(Failure { step, code: row.get::<_, Option<String>>(10)?.unwrap_or_default(), message })
    };
    Ok(match name.as_str() {
        "queued" => State::Queued { step, resumed: flag },
        "running" => State::Running { step, mid_call: flag },
        "waiting" => {
            State::Waiting { step, until: instant(row.get::<_, Option<i64>>(9)?.unwrap_or_default())? }
        }
        "succeeded" => State::Succeeded,
        "failed" => State::Failed(failure()?),
        "unknown" => State::Unknown(failure()?),
        "cancelled" => State::Cancelled(failure()?),
        "dismissed" => State::Dismissed(failure()?),
        other => return Err(corrupt(format!("an execution's state `{other}`"))),
    })
}

/// The columns `state, step, flag, wake_at, code, message`.
pub(super) struct StateColumns<'a> {
    pub name: &'static str,
    pub step: usize,
    pub flag: bool,
    pub wake_at: Option<i64>,
    pub code: Option<&'a str>,
    pub message: Option<&'a str>,
}

impl<'a> From<&'a State> for StateColumns<'a> {
    fn from(state: &'a State) -> Self {
        let (step, flag, wake_at) = match state {
            State::Queued { step, resumed } => (*step, *resumed, None),
            State::Running { step, mid_call } => (*step, *mid_call, None),
            State::Waiting { step, until } => (*step, false, Some(until.as_millisecond())),
            other => (other.failure().map_or(0, |failure| failure.step), false, None),
        };
        let failure = state.failure();
        Self {
            name: state.name(),
            step,
            flag,
            wake_at,
            code: failure.map(|failure| failure.code.as_str()),
            message: failure.map(|failure| failure.message.as_str()),
        }
    }
}

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let end = match row.get::<_, Option<i64>>(4)? {
        None => None,
        Some(at) => Some(AttemptEnd {
            at: instant(at)?,
            outcome: outcome(&row.get::<_, String>(5)?)?,
            record: row.get(6)?,
            warnings: match row.get::<_, Option<String>>(7)? {
                Some(text) => serde_json::from_str(&text).map_err(corrupt)?,
                None => Vec::new(),
            },
        }),
    };
    Ok(Attempt {
        execution: ExecutionId::from_bytes(row.get(0)?),
        number: row.get(1)?,
        step: row.get(2)?,
        started_at: instant(row.get(3)?)?,
        end,
    })
}

fn outcome(name: &str) -> Result<&'static str, StoreError> {
    ["succeeded", "failed", "unknown"]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| corrupt(format!("an attempt's outcome `{name}`")))
}

/// Warnings as the column keeps them: nothing for none.
pub(super) fn warnings_to_json(warnings: &[String]) -> Result<Option<String>, StoreError> {
    if warnings.is_empty() { Ok(None) } else { serde_json::to_string(warnings).map(Some).map_err(corrupt) }
}
