//! A task: one record of a workflow.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    field::{FieldType, FieldValue},
    history::{Slot, SlotChange},
    id::{FieldId, StageId, TaskId, UserId, WorkflowId},
    patch::Patch,
    schedule::Schedule,
    workflow::Workflow,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub workflow: WorkflowId,
    /// The value of the workflow's Unique ID field, by which the task is addressed.
    pub unique_id: Option<Arc<str>>,
    pub stage: StageId,
    pub assigned_to: Option<UserId>,
    /// By field id, so that a renamed field keeps its values. Empty values are left out.
    pub values: BTreeMap<FieldId, FieldValue>,
    /// A stage change that is to come.
    pub schedule: Option<Arc<Schedule>>,
    /// How many entries its history has; grows by one with each change.
    pub revision: u64,
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
            schedule: None,
            revision: 0,
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

    /// What people call it: the value of the first field of one line of text.
    pub fn title(&self, workflow: &Workflow) -> Option<&str> {
        let field = workflow.fields.iter().find(|field| matches!(field.kind, FieldType::Text))?;
        match self.value(&field.id) {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn slot(&self, slot: &Slot) -> FieldValue {
        let text = |id: &str| FieldValue::Text(id.into());
        match slot {
            Slot::Stage => text(self.stage.as_str()),
            Slot::AssignedTo => {
                self.assigned_to.as_ref().map_or(FieldValue::Empty, |user| text(user.as_str()))
            }
            Slot::Field(field) => self.value(field).clone(),
        }
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
            task.set(field, value);
        }
        task.settled(workflow, now)
    }

    /// The task with slots set to what they are after the changes.
    pub fn with(&self, changes: &[SlotChange], workflow: &Workflow, now: Timestamp) -> Self {
        let mut task = self.clone();
        for SlotChange { slot, after, .. } in changes {
            match (slot, after) {
                (Slot::Stage, FieldValue::Text(id)) => task.stage = StageId::new(Arc::clone(id)),
                // A task is always in a stage.
                (Slot::Stage, _) => {}
                (Slot::AssignedTo, FieldValue::Text(id)) => {
                    task.assigned_to = Some(UserId::new(Arc::clone(id)))
                }
                (Slot::AssignedTo, _) => task.assigned_to = None,
                (Slot::Field(field), value) => task.set(field, value),
            }
        }
        task.settled(workflow, now)
    }

    fn set(&mut self, field: &FieldId, value: &FieldValue) {
        if value.is_empty() {
            self.values.remove(field);
        } else {
            self.values.insert(field.clone(), value.clone());
        }
    }

    /// With what follows from the values brought up to date.
    fn settled(mut self, workflow: &Workflow, now: Timestamp) -> Self {
        if let Some(unique) = workflow.unique_field() {
            self.unique_id = match self.value(&unique.id) {
                FieldValue::Text(text) => Some(text.clone()),
                _ => None,
            };
        }
        self.updated_on = now;
        self
    }
}
