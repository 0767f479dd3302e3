//! Between rows and `model`: what the columns mean.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Row;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};

use super::super::StoreError;
use crate::model::{
    ActionId, Attempt, AttemptEnd, AttemptFailure, Comment, Execution, ExecutionId, Failure, FieldErrors,
    FieldId, FieldValue, FileEntry, HistoryEntry, ItemId, KeptItem, Performer, Place, Schedule, StageId,
    State, Task, TaskId, Timestamp, Untold, UserId, WorkflowId,
    checklist::{AddedItem, ItemStatus, ItemUpdate},
    file,
    history::{Author, Cause, Slot, SlotChange},
};

pub(super) const TASK_COLUMNS: &str = "id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on, schedule, revision";

pub(super) const EXECUTION_COLUMNS: &str = "id, task_id, workflow_id, version, action_id, performer, state, step, flag, \
     wake_at, code, message, attempts, created_at, updated_at, place, stage_seen, task_deleted, tries, \
     began_after, depth";

pub(super) const ATTEMPT_COLUMNS: &str = "execution_id, number, step, started_at, ended_at, outcome, record, warnings, field_errors, version, try, code, message";

pub(super) const UNTOLD_COLUMNS: &str =
    "workflow_id, action_id, task_id, execution_id, at, step, code, message, is_unknown";

pub(super) const HISTORY_COLUMNS: &str = "task_id, number, at, cause, execution_id, performer, changes";

pub(super) const COMMENT_COLUMNS: &str = "task_id, number, body, mentions, performer, at";

pub(super) const CHECKLIST_ITEM_COLUMNS: &str = "id, title, stage_id, status, assigned_to, performer, at";

/// How `task_history.changes` calls the slots that are no fields; no field's id has a capital.
const STAGE_SLOT: &str = "Stage";
const ASSIGNED_TO_SLOT: &str = "Assigned To";

pub(super) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

pub(super) fn instant(millis: i64) -> Result<Timestamp, StoreError> {
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
        schedule: row
            .get::<_, Option<String>>(8)?
            .map(|text| schedule_from_json(&text))
            .transpose()?
            .map(Arc::new),
        revision: row.get(9)?,
        created_on: instant(row.get(6)?)?,
        updated_on: instant(row.get(7)?)?,
    })
}

pub(super) fn schedule_to_json(schedule: &Schedule) -> Result<String, StoreError> {
    let performer: Value = serde_json::from_str(&performer_to_json(&schedule.performer)?).map_err(corrupt)?;
    let (stage, at) = (schedule.stage.as_str(), schedule.at.as_millisecond());
    Ok(json!({"stage": stage, "at": at, "performer": performer}).to_string())
}

fn schedule_from_json(text: &str) -> Result<Schedule, StoreError> {
    let object: Value = serde_json::from_str(text).map_err(corrupt)?;
    let stage = object["stage"].as_str().ok_or_else(|| corrupt("a schedule without a stage"))?;
    let at = object["at"].as_i64().ok_or_else(|| corrupt("a schedule without an instant"))?;
    Ok(Schedule {
        stage: StageId::new(stage),
        at: instant(at)?,
        performer: performer_from_json(&object["performer"].to_string())?,
    })
}

fn values_from_json(text: &str) -> Result<BTreeMap<FieldId, FieldValue>, StoreError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(corrupt)?;
    object.into_iter().map(|(id, stored)| Ok((FieldId::new(id), value_from_json(stored)?))).collect()
}

pub(super) fn value_from_json(value: Value) -> Result<FieldValue, StoreError> {
    match value {
        Value::Null => Ok(FieldValue::Empty),
        Value::Bool(flag) => Ok(FieldValue::Flag(flag)),
        Value::String(text) => Ok(FieldValue::Text(text.into())),
        Value::Array(items) => {
            // A list of files is one of objects; neither list is ever kept without an item.
            if items.first().is_some_and(Value::is_object) {
                let files = items.iter().map(file_from_json).collect::<Option<_>>();
                return files.map(FieldValue::Files).ok_or_else(|| corrupt("a list of other than files"));
            }
            let items = items.iter().map(|item| item.as_str().map(Arc::from));
            items
                .collect::<Option<_>>()
                .map(FieldValue::List)
                .ok_or_else(|| corrupt("a list of other than texts"))
        }
        other => Err(corrupt(format!("a field's value {other}"))),
    }
}

fn file_from_json(entry: &Value) -> Option<FileEntry> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    Some(FileEntry {
        blob: text(file::BLOB_ID)?.parse().ok()?,
        filename: text(file::FILENAME)?.into(),
        content_type: text(file::CONTENT_TYPE)?.into(),
    })
}

/// The task's values as a JSON object by field id.
pub(super) fn values_to_json(task: &Task) -> Result<String, StoreError> {
    serde_json::to_string(&Values(&task.values)).map_err(corrupt)
}

struct Values<'a>(&'a BTreeMap<FieldId, FieldValue>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            map.serialize_entry(id.as_str(), &Stored(value))?;
        }
        map.end()
    }
}

/// A value as columns keep it.
struct Stored<'a>(&'a FieldValue);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldValue::Empty => serializer.serialize_none(),
            FieldValue::Text(text) => serializer.serialize_str(text),
            FieldValue::Flag(flag) => serializer.serialize_bool(*flag),
            FieldValue::List(items) => serializer.collect_seq(items.iter().map(|item| &**item)),
            FieldValue::Files(files) => serializer.collect_seq(files),
        }
    }
}

/// What an entry of the history changes, as the row keeps it: `{"company-name": ["Acme", "New"]}`.
pub(super) fn changes_to_json(changes: &[SlotChange]) -> Result<String, StoreError> {
    serde_json::to_string(&Changes(changes)).map_err(corrupt)
}

struct Changes<'a>(&'a [SlotChange]);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|SlotChange { slot, before, after }| {
            let slot = match slot {
                Slot::Stage => STAGE_SLOT,
                Slot::AssignedTo => ASSIGNED_TO_SLOT,
                Slot::Field(id) => id.as_str(),
            };
            (slot, [Stored(before), Stored(after)])
        }))
    }
}

pub(super) fn history_entry(row: &Row<'_>) -> Result<HistoryEntry, StoreError> {
    let cause: String = row.get(3)?;
    let author = match row.get::<_, Option<[u8; 16]>>(4)? {
        Some(id) => Author::Execution(ExecutionId::from_bytes(id)),
        None => Author::Performer(performer_from_json(&row.get::<_, String>(5)?)?),
    };
    let changes: Map<String, Value> =
        serde_json::from_str(row.get_ref(6)?.as_str().map_err(corrupt)?).map_err(corrupt)?;
    Ok(HistoryEntry {
        task: TaskId::from_bytes(row.get(0)?),
        number: row.get(1)?,
        at: instant(row.get(2)?)?,
        cause: Cause::ALL
            .into_iter()
            .find(|known| known.name() == cause)
            .ok_or_else(|| corrupt(format!("a history's cause `{cause}`")))?,
        author,
        changes: changes.into_iter().map(slot_change).collect::<Result<_, _>>()?,
    })
}

fn slot_change((slot, values): (String, Value)) -> Result<SlotChange, StoreError> {
    let slot = match slot.as_str() {
        STAGE_SLOT => Slot::Stage,
        ASSIGNED_TO_SLOT => Slot::AssignedTo,
        _ => Slot::Field(FieldId::new(slot)),
    };
    let Value::Array(values) = values else { return Err(corrupt("a change that is not a pair")) };
    let [before, after] =
        <[Value; 2]>::try_from(values).map_err(|_| corrupt("a change that is not a pair"))?;
    Ok(SlotChange { slot, before: value_from_json(before)?, after: value_from_json(after)? })
}

/// A performer as the row keeps it: the contract's four values.
pub(super) fn performer_to_json(performer: &Performer) -> Result<String, StoreError> {
    serde_json::to_string(&crate::model::document::ShownPerformer(performer)).map_err(corrupt)
}

pub(super) fn performer_from_json(text: &str) -> Result<Performer, StoreError> {
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
        place: Place::from_bytes(row.get(15)?),
        stage: row.get::<_, Option<String>>(16)?.map(StageId::new),
        task_deleted: row.get(17)?,
        tries: row.get(18)?,
        began_after: row.get(19)?,
        depth: row.get(20)?,
        created_at: instant(row.get(13)?)?,
        updated_at: instant(row.get(14)?)?,
    })
}

fn wake_at(row: &Row<'_>) -> Result<Timestamp, StoreError> {
    instant(row.get::<_, Option<i64>>(9)?.unwrap_or_default())
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
        "retrying" => State::Retrying { until: wake_at(row)?, failure: failure()?, is_unknown: flag },
        "waiting" => State::Waiting { step, until: wake_at(row)? },
        "blocked" => {
            let why = row.get::<_, Option<String>>(11)?.unwrap_or_default();
            State::Blocked { step, resumed: flag, why }
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
            State::Retrying { until, failure, is_unknown } => {
                (failure.step, *is_unknown, Some(until.as_millisecond()))
            }
            State::Waiting { step, until } => (*step, false, Some(until.as_millisecond())),
            State::Blocked { step, resumed, .. } => (*step, *resumed, None),
            other => (other.failure().map_or(0, |failure| failure.step), false, None),
        };
        let failure = match state {
            State::Retrying { failure, .. } => Some(failure),
            _ => state.failure(),
        };
        let message = match state {
            State::Blocked { why, .. } => Some(why.as_str()),
            _ => failure.map(|failure| failure.message.as_str()),
        };
        Self {
            name: state.name(),
            step,
            flag,
            wake_at,
            code: failure.map(|failure| failure.code.as_str()),
            message,
        }
    }
}

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let end = match row.get::<_, Option<i64>>(4)? {
        None => None,
        Some(at) => Some(AttemptEnd {
            at: instant(at)?,
            outcome: outcome(&row.get::<_, String>(5)?)?,
            failure: match (row.get(11)?, row.get(12)?) {
                (Some(code), Some(message)) => Some(AttemptFailure { code, message }),
                _ => None,
            },
            record: row.get(6)?,
            field_errors: match row.get::<_, Option<String>>(8)? {
                Some(text) => field_errors_from_json(&text)?,
                None => FieldErrors::default(),
            },
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
        version: row.get(9)?,
        try_number: row.get(10)?,
        started_at: instant(row.get(3)?)?,
        end,
    })
}

pub(super) fn untold(row: &Row<'_>) -> Result<Untold, StoreError> {
    Ok(Untold {
        workflow: WorkflowId::new(row.get::<_, String>(0)?),
        action: ActionId::new(row.get::<_, String>(1)?),
        task: TaskId::from_bytes(row.get(2)?),
        execution: ExecutionId::from_bytes(row.get(3)?),
        at: instant(row.get(4)?)?,
        failure: Failure { step: row.get(5)?, code: row.get(6)?, message: row.get(7)? },
        is_unknown: row.get(8)?,
    })
}

pub(super) fn comment(row: &Row<'_>) -> Result<Comment, StoreError> {
    let mentions: Vec<String> =
        serde_json::from_str(row.get_ref(3)?.as_str().map_err(corrupt)?).map_err(corrupt)?;
    Ok(Comment {
        task: TaskId::from_bytes(row.get(0)?),
        number: row.get(1)?,
        body: row.get(2)?,
        mentions: mentions.into_iter().map(UserId::new).collect(),
        performer: performer_from_json(row.get_ref(4)?.as_str().map_err(corrupt)?)?,
        at: instant(row.get(5)?)?,
    })
}

pub(super) fn mentions_to_json(mentions: &[UserId]) -> String {
    json!(mentions.iter().map(UserId::as_str).collect::<Vec<_>>()).to_string()
}

pub(super) fn checklist_item(row: &Row<'_>) -> Result<KeptItem, StoreError> {
    let added = match (row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?) {
        (Some(title), Some(stage)) => Some(AddedItem { title, stage: StageId::new(stage) }),
        _ => None,
    };
    let status: String = row.get(3)?;
    Ok(KeptItem {
        id: ItemId::new(row.get::<_, String>(0)?),
        added,
        status: ItemStatus::named(&status)
            .ok_or_else(|| corrupt(format!("a checklist item's status `{status}`")))?,
        assigned_to: row.get::<_, Option<String>>(4)?.map(UserId::new),
        update: ItemUpdate {
            by: performer_from_json(row.get_ref(5)?.as_str().map_err(corrupt)?)?,
            on: instant(row.get(6)?)?,
        },
    })
}

fn outcome(name: &str) -> Result<&'static str, StoreError> {
    ["succeeded", "failed", "unknown"]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| corrupt(format!("an attempt's outcome `{name}`")))
}

fn field_errors_from_json(text: &str) -> Result<FieldErrors, StoreError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(corrupt)?;
    object
        .into_iter()
        .map(|(field, problems)| Ok((field, serde_json::from_value(problems).map_err(corrupt)?)))
        .collect()
}

/// Field errors as the column keeps them: nothing for none.
pub(super) fn field_errors_to_json(errors: &FieldErrors) -> Result<Option<String>, StoreError> {
    if errors.is_empty() { Ok(None) } else { serde_json::to_string(errors).map(Some).map_err(corrupt) }
}

/// Warnings as the column keeps them: nothing for none.
pub(super) fn warnings_to_json(warnings: &[String]) -> Result<Option<String>, StoreError> {
    if warnings.is_empty() { Ok(None) } else { serde_json::to_string(warnings).map(Some).map_err(corrupt) }
}
