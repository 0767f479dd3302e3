//! What tasks are called where something else speaks of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Api, error::ApiError};
use crate::model::{Task, TaskId, Workflow};

/// Without those that are deleted.
pub(super) type Summaries = BTreeMap<TaskId, Value>;

/// Of tasks of one workflow, by their ids.
pub(super) async fn summaries(
    api: &Api,
    workflow: &Workflow,
    tasks: impl IntoIterator<Item = TaskId>,
) -> Result<Summaries, ApiError> {
    let mut ids: Vec<_> = tasks.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let found = api.store().tasks_by_id(ids).await?;
    Ok(found.iter().map(|task| (task.id, summary(task, workflow))).collect())
}

fn summary(task: &Task, workflow: &Workflow) -> Value {
    json!({"unique_id": task.unique_id, "title": task.title(workflow)})
}
