//! A task's checklist as people and programs write it: items set, added, changed, removed.
//!
//! The task stays as it is, and its history says nothing of it: applied one after the other, the history's
//! entries give the task, and the checklist is no part of that. Who has set an item last stands with the item.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Change, Current, Refusal};
use crate::model::{
    checklist::{ADDED_MAX, Item, ItemPatch, ItemUpdate, KeptItem, TITLE, item},
    id::ItemId,
    patch::{FieldErrors, NO_SUCH_USER},
    user::Directory,
    workflow::{ASSIGNED_TO, STAGE, Workflow},
};

/// What becomes of an item on disk.
#[derive(Debug)]
pub enum ItemWrite {
    /// It is there from now on, in the place of what was kept of it.
    Put(KeptItem),
    Remove(ItemId),
}

/// Who sets an item, and in which version of the workflow.
#[derive(Debug, Clone)]
pub struct ItemWriting {
    pub update: ItemUpdate,
    pub workflow: Arc<Workflow>,
    pub directory: Arc<Directory>,
}

/// Adds an item to the task's own.
pub fn add_item(
    object: &Map<String, Value>,
    id: ItemId,
    writing: ItemWriting,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let ItemWriting { update, workflow, directory } = writing;
    current.task.ok_or(Refusal::TaskMissing)?;
    let (patch, mut errors) = ItemPatch::read(object, &workflow, &directory);
    for name in [TITLE, STAGE].into_iter().filter(|name| !object.contains_key(*name)) {
        errors.add(name, "is required");
    }
    check_assignee(&patch, current, &mut errors);
    let ItemPatch { title: Some(title), stage: Some(stage), status, assigned_to } = patch else {
        return Err(Refusal::Fields(errors));
    };
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    if current.look.checklist().iter().filter(|kept| kept.added.is_some()).count() >= ADDED_MAX {
        return Err(Refusal::TooMany { what: "checklist items of its own", most: ADDED_MAX as u64 });
    }
    let (status, assigned_to) = (status.unwrap_or_default(), assigned_to.flatten());
    Ok(put(Item { id, title, stage, status, assigned_to, is_added: true, update: None }, update))
}

/// Changes what a JSON object names of an item. Where that changes nothing, who has set it before has set it last.
pub fn change_item(
    object: &Map<String, Value>,
    id: &ItemId,
    writing: ItemWriting,
    current: &Current<'_>,
) -> Result<Change, Refusal> {
    let ItemWriting { update, workflow, directory } = writing;
    let mut item = find(id, &workflow, current)?;
    let (patch, mut errors) = ItemPatch::read(object, &workflow, &directory);
    check_assignee(&patch, current, &mut errors);
    if patch.stage.is_some_and(|stage| stage != item.stage) {
        errors.add(STAGE, "cannot be changed: an item stays in its stage");
    }
    if !item.is_added && patch.title.as_ref().is_some_and(|title| *title != item.title) {
        errors.add(TITLE, "cannot be changed: the workflow's template says it");
    }
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    let before = item.clone();
    item.title = patch.title.unwrap_or(item.title);
    item.status = patch.status.unwrap_or(item.status);
    item.assigned_to = patch.assigned_to.unwrap_or(item.assigned_to);
    let update = before.update.clone().filter(|_| item == before).unwrap_or(update);
    Ok(put(item, update))
}

/// Removes an item that somebody has added.
pub fn remove_item(id: &ItemId, workflow: &Workflow, current: &Current<'_>) -> Result<Change, Refusal> {
    let item = find(id, workflow, current)?;
    if !item.is_added {
        return Err(Refusal::ItemOfTemplate { title: item.title });
    }
    Ok(Change { item: Some(ItemWrite::Remove(item.id)), ..Change::default() })
}

fn put(item: Item, update: ItemUpdate) -> Change {
    Change { item: Some(ItemWrite::Put(item.kept(update))), ..Change::default() }
}

fn find(id: &ItemId, workflow: &Workflow, current: &Current<'_>) -> Result<Item, Refusal> {
    current.task.ok_or(Refusal::TaskMissing)?;
    item(workflow, current.look.checklist(), id).ok_or_else(|| Refusal::ItemMissing { id: id.clone() })
}

/// Somebody may have left since the directory was read in which they were found.
fn check_assignee(patch: &ItemPatch, current: &Current<'_>, errors: &mut FieldErrors) {
    if patch.assigned_to.iter().flatten().any(|user| current.look.has_left(user)) {
        errors.add(ASSIGNED_TO, NO_SUCH_USER);
    }
}
