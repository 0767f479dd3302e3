//! A task: one record of a workflow.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    field::FieldValue,
    id::{FieldId, StageId, TaskId, UserId, WorkflowId},
    patch::Patch,
    workflow::Workflow,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub workflow: WorkflowId,
    /// The value of the workflow's Unique ID field, by which the task is addressed.
    pub unique_id: Option<std::sync::Arc<str>>,
    pub stage: StageId,
    pub assigned_to: Option<UserId>,
    /// By field id, so that a renamed field keeps its values. Empty values are left out.
    pub values: BTreeMap<FieldId, FieldValue>,
    pub created_on: Timestamp,
    pub updated_on: Timestamp,
}

static EMPTY: FieldValue = FieldValue::Empty;

impl Task {
    /// A new task in the workflow's first stage, with no values.
    pub fn new(id: TaskId, workflow: &Workflow, now: Timestamp) -> Self {
        Self {
            id,
            workflow: workflow.id.clone(),
            unique_id: None,
            stage: workflow.first_stage().id.clone(),
            assigned_to: None,
            values: BTreeMap::new(),
            created_on: now,
            updated_on: now,
        }
    }

    pub fn value(&self, field: &FieldId) -> &FieldValue {
        self.values.get(field).unwrap_or(&EMPTY)
    }

    /// What the task is called in addresses: its Unique ID, else its id.
    pub fn address(&self) -> String {
        self.unique_id.as_deref().map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// The task with a checked patch applied; only what the patch names changes.
    pub fn patched(&self, patch: &Patch, workflow: &Workflow, now: Timestamp) -> Self {
        let mut task = self.clone();
        if let Some(stage) = &patch.stage {
            task.stage = stage.clone();
        }
        if let Some(assigned_to) = &patch.assigned_to {
            task.assigned_to = assigned_to.clone();
        }
        for (field, value) in &patch.values {
            if value.is_empty() {
                task.values.remove(field);
            } else {
                task.values.insert(field.clone(), value.clone());
            }
        }
        if let Some(unique) = workflow.unique_field() {
            task.unique_id = match task.value(&unique.id) {
                FieldValue::Text(text) => Some(text.clone()),
                _ => None,
            };
        }
        task.updated_on = now;
        task
    }
}
