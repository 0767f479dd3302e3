//! What tasks are called where something else speaks of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::{Api, error::ApiError};
use crate::{
    model::{Task, TaskId, Workflow},
    store::TaskKey,
};

/// `null` stands for a task that is deleted.
pub(super) type Summaries = BTreeMap<TaskId, Value>;

/// Tasks that are asked for at a time: a long list leaves others their place in the store's queue.
const AT_ONCE: usize = 16;

/// Of tasks of one workflow, by their ids.
pub(super) async fn summaries(
    api: &Api,
    workflow: &Workflow,
    tasks: impl IntoIterator<Item = TaskId>,
) -> Result<Summaries, ApiError> {
    let tasks: BTreeSet<_> = tasks.into_iter().collect();
    let asked = stream::iter(tasks).map(async |id| Ok((id, api.store().task(TaskKey::Id(id)).await?)));
    let shown = |(id, task): (TaskId, Option<Arc<Task>>)| {
        (id, task.map_or(Value::Null, |task| summary(&task, workflow)))
    };
    asked.buffered(AT_ONCE).map_ok(shown).try_collect().await
}

fn summary(task: &Task, workflow: &Workflow) -> Value {
    json!({"unique_id": task.unique_id, "title": task.title(workflow)})
}
