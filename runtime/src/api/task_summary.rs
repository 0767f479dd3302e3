//! What tasks are called where something else speaks of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{Api, error::ApiError};
use crate::{
    model::{Task, TaskId, Workflow},
    store::TaskKey,
};

/// `null` stands for a task that is deleted.
pub(super) type Summaries = BTreeMap<TaskId, Value>;

/// Of tasks of one workflow, by their ids.
pub(super) async fn summaries(
    api: &Api,
    workflow: &Workflow,
    tasks: impl IntoIterator<Item = TaskId>,
) -> Result<Summaries, ApiError> {
    let tasks: BTreeSet<_> = tasks.into_iter().collect();
    let found = try_join_all(tasks.iter().map(|id| api.store().task(TaskKey::Id(*id)))).await?;
    let shown = found.into_iter().map(|task| task.map_or(Value::Null, |task| summary(&task, workflow)));
    Ok(tasks.into_iter().zip(shown).collect())
}

fn summary(task: &Task, workflow: &Workflow) -> Value {
    json!({"unique_id": task.unique_id, "title": task.title(workflow)})
}
