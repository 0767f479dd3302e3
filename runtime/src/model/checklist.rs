//! A task's checklist: what is to be done in a stage beside its values.
//!
//! The workflow has a template for each stage; every task has those items, without anything on disk until
//! somebody sets one. People add items of their own to a task. What is on disk of a template's item is only
//! what was set, by the item's id: its title and stage are those of the version that is looked at. So an item
//! that a later version renames keeps its status, one that it moves to another stage goes there, and one that it
//! leaves out is in no list and required of nobody, and has its status again when a version has it again.
//! Executions that go on with an older version see that version's.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    id::{ItemId, StageId, UserId},
    patch::{self, FieldErrors},
    text,
    user::{Directory, Performer},
    workflow::{ASSIGNED_TO, STAGE, Workflow},
};

pub const TITLE_CHARS_MAX: usize = 300;

/// Items that people may add to one task.
pub const ADDED_MAX: usize = 500;

/// How an item's values are called, beside `Stage` and `Assigned To`.
pub const TITLE: &str = "title";
pub const STATUS: &str = "status";

/// What is shown with them and set by nobody.
pub const ID: &str = "id";
pub const EDITABLE: &str = "editable";
pub const UPDATED_BY: &str = "updated_by";
pub const UPDATED_ON: &str = "updated_on";

/// An item that every task of the workflow has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateItem {
    pub id: ItemId,
    pub title: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemStatus {
    #[default]
    Blank,
    Skipped,
    Completed,
}

impl ItemStatus {
    pub const ALL: [Self; 3] = [Self::Blank, Self::Skipped, Self::Completed];

    /// As the store and the API write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "Blank",
            Self::Skipped => "Skipped",
            Self::Completed => "Completed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Who set an item last, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemUpdate {
    pub by: Performer,
    pub on: Timestamp,
}

/// What is on disk of an item that somebody has set or added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptItem {
    pub id: ItemId,
    /// `None` for one of the template.
    pub added: Option<AddedItem>,
    pub status: ItemStatus,
    pub assigned_to: Option<UserId>,
    pub update: ItemUpdate,
}

/// What an item has of its own when it is not of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedItem {
    pub title: String,
    pub stage: StageId,
}

/// An item as a task has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: ItemId,
    pub title: String,
    pub stage: StageId,
    pub status: ItemStatus,
    pub assigned_to: Option<UserId>,
    /// Somebody has added it. One of the template can be set, but neither renamed nor deleted.
    pub is_added: bool,
    /// `None` while nobody has set it.
    pub update: Option<ItemUpdate>,
}

impl Item {
    /// An item of the template, with what is kept of it.
    fn of_template(template: &TemplateItem, stage: &StageId, kept: Option<KeptItem>) -> Self {
        let kept = kept.map(|kept| (kept.status, kept.assigned_to, Some(kept.update)));
        let (status, assigned_to, update) = kept.unwrap_or_default();
        let (id, title, stage) = (template.id.clone(), template.title.clone(), stage.clone());
        Self { id, title, stage, status, assigned_to, is_added: false, update }
    }

    /// One that somebody has added.
    fn of_a_task(added: AddedItem, kept: KeptItem) -> Self {
        let (AddedItem { title, stage }, KeptItem { id, status, assigned_to, update, .. }) = (added, kept);
        Self { id, title, stage, status, assigned_to, is_added: true, update: Some(update) }
    }

    /// What is kept of it after an update.
    pub fn kept(self, update: ItemUpdate) -> KeptItem {
        let Self { id, title, stage, status, assigned_to, is_added, .. } = self;
        let added = is_added.then_some(AddedItem { title, stage });
        KeptItem { id, added, status, assigned_to, update }
    }
}

/// A task's whole checklist, stage by stage: the template's items in its order, then the added ones. `kept`: in
/// the order of their ids, which is the order in which items were added.
pub fn checklist(workflow: &Workflow, kept: Vec<KeptItem>) -> Vec<Item> {
    let (mut added, mut set) = (Vec::new(), HashMap::new());
    for mut kept in kept {
        match kept.added.take() {
            Some(of_a_task) => added.push(Item::of_a_task(of_a_task, kept)),
            None => drop(set.insert(kept.id.clone(), kept)),
        }
    }
    let templates =
        workflow.stages.iter().flat_map(|stage| stage.checklist.iter().map(|template| (template, &stage.id)));
    let mut items: Vec<_> = templates
        .map(|(template, stage)| Item::of_template(template, stage, set.remove(&template.id)))
        .collect();
    items.extend(added);
    // Items of a stage that the workflow no longer has come last.
    let place = |item: &Item| workflow.stages.iter().position(|stage| stage.id == item.stage);
    items.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
    items
}

/// One item of a task's checklist, as it is in the whole of it; no other is made.
pub fn item(workflow: &Workflow, kept: Vec<KeptItem>, id: &ItemId) -> Option<Item> {
    let mut kept = kept.into_iter().find(|kept| kept.id == *id);
    if let Some(added) = kept.as_mut().and_then(|kept| kept.added.take()) {
        return kept.map(|kept| Item::of_a_task(added, kept));
    }
    let (stage, template) = workflow.stages.iter().find_map(|stage| {
        stage.checklist.iter().find(|template| template.id == *id).map(|template| (stage, template))
    })?;
    Some(Item::of_template(template, &stage.id, kept))
}

/// Whether something of a stage's checklist is still to be done: what others have is not looked at.
pub fn is_open(workflow: &Workflow, stage: &StageId, kept: &[KeptItem]) -> bool {
    let is_blank = |kept: &&KeptItem| kept.status == ItemStatus::Blank;
    let (added, set): (Vec<_>, Vec<_>) = kept.iter().partition(|kept| kept.added.is_some());
    if added.iter().filter(|kept| is_blank(kept)).any(|kept| is_added_to(kept, stage)) {
        return true;
    }
    let done: HashSet<_> = set.iter().filter(|kept| !is_blank(kept)).map(|kept| &kept.id).collect();
    let templates = workflow.stage(stage).map(|stage| stage.checklist.as_slice()).unwrap_or_default();
    templates.iter().any(|template| !done.contains(&template.id))
}

fn is_added_to(kept: &KeptItem, stage: &StageId) -> bool {
    kept.added.as_ref().is_some_and(|added| added.stage == *stage)
}

/// What is wrong with an item's title, if anything is.
pub fn title_problem(title: &str) -> Option<&'static str> {
    if title.trim().is_empty() { Some("is required") } else { text::problem(title, TITLE_CHARS_MAX) }
}

/// What somebody writes of an item: what it names is set, what it does not name stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemPatch {
    pub title: Option<String>,
    pub stage: Option<StageId>,
    pub status: Option<ItemStatus>,
    /// `Some(None)` takes the assignee away.
    pub assigned_to: Option<Option<UserId>>,
}

impl ItemPatch {
    /// Reads and checks a JSON object; every problem at once. What is shown and set by nobody is left out, so
    /// that a client may send back what it got.
    pub fn read(
        object: &Map<String, Value>,
        workflow: &Workflow,
        directory: &Directory,
    ) -> (Self, FieldErrors) {
        let (mut read, mut errors) = (Self::default(), FieldErrors::default());
        for (name, value) in object {
            let done = match name.as_str() {
                TITLE => read_title(value).map(|title| read.title = Some(title)),
                STATUS => read_status(value).map(|status| read.status = Some(status)),
                STAGE => patch::read_stage(value, workflow).map(|stage| read.stage = Some(stage)),
                ASSIGNED_TO => {
                    patch::read_assignee(value, directory).map(|user| read.assigned_to = Some(user))
                }
                ID | EDITABLE | UPDATED_BY | UPDATED_ON => Ok(()),
                _ => Err("is unknown: a checklist item has no such key".to_owned()),
            };
            if let Err(problem) = done {
                errors.add(name, problem);
            }
        }
        (read, errors)
    }
}

fn read_title(value: &Value) -> Result<String, String> {
    let Some(title) = value.as_str() else { return Err("is invalid: it must be a text".to_owned()) };
    match title_problem(title) {
        Some(problem) => Err(problem.to_owned()),
        None => Ok(title.to_owned()),
    }
}

fn read_status(value: &Value) -> Result<ItemStatus, String> {
    value.as_str().and_then(ItemStatus::named).ok_or_else(|| {
        let names = ItemStatus::ALL.map(ItemStatus::name).join(", ");
        format!("is invalid: it must be one of {names}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::sample;

    fn template(id: &str, title: &str) -> TemplateItem {
        TemplateItem { id: ItemId::new(id), title: title.to_owned() }
    }

    fn workflow() -> Workflow {
        let mut workflow = sample::workflow();
        workflow.stages[0].checklist = vec![template("call", "Call"), template("check", "Check")];
        workflow.stages[1].checklist = vec![template("pack", "Pack")];
        workflow
    }

    fn update() -> ItemUpdate {
        ItemUpdate { by: sample::performer(), on: sample::now() }
    }

    fn kept(id: &str, added_to: Option<&str>, status: ItemStatus) -> KeptItem {
        let added =
            added_to.map(|stage| AddedItem { title: format!("Own {id}"), stage: StageId::new(stage) });
        KeptItem { id: ItemId::new(id), added, status, assigned_to: None, update: update() }
    }

    fn shown(workflow: &Workflow, kept: Vec<KeptItem>) -> Vec<String> {
        let line = |item: &Item| format!("{} {} {}", item.stage, item.title, item.status.name());
        checklist(workflow, kept).iter().map(line).collect()
    }

    #[test]
    fn every_task_has_the_templates_items_and_its_own_stage_by_stage() {
        let kept = vec![
            kept("1", Some("not-started"), ItemStatus::Blank),
            kept("2", Some("gone"), ItemStatus::Blank),
            kept("3", Some("not-started"), ItemStatus::Skipped),
            kept("check", None, ItemStatus::Completed),
        ];
        assert_eq!(
            shown(&workflow(), kept),
            [
                "not-started Call Blank",
                "not-started Check Completed",
                "not-started Own 1 Blank",
                "not-started Own 3 Skipped",
                "in-progress Pack Blank",
                "gone Own 2 Blank",
            ]
        );
    }

    /// A version's template says what its items are called, where they stand, and whether they are there.
    #[test]
    fn a_later_version_renames_moves_and_leaves_out_and_what_was_set_stays() {
        let kept = || ["call", "check", "pack"].map(|id| kept(id, None, ItemStatus::Completed)).to_vec();
        let mut later = workflow();
        later.stages[0].checklist = vec![template("call", "Call them"), template("pack", "Pack")];
        later.stages[1].checklist = vec![template("weigh", "Weigh")];
        let expected =
            ["not-started Call them Completed", "not-started Pack Completed", "in-progress Weigh Blank"];
        assert_eq!(shown(&later, kept()), expected);
        let again =
            ["not-started Call Completed", "not-started Check Completed", "in-progress Pack Completed"];
        assert_eq!(shown(&workflow(), kept()), again);
    }

    /// "Every item of the task's current stage must be Completed or Skipped."
    #[test]
    fn a_stages_checklist_is_open_while_an_item_of_it_is_blank() {
        let (first, second) = (StageId::new("not-started"), StageId::new("in-progress"));
        let is_open = |stage: &StageId, kept: &[KeptItem]| is_open(&workflow(), stage, kept);
        assert!(is_open(&first, &[]));
        assert!(!is_open(&StageId::new("completed"), &[]), "nothing is to be done there");
        let mut done =
            vec![kept("call", None, ItemStatus::Completed), kept("check", None, ItemStatus::Skipped)];
        assert!(!is_open(&first, &done));
        assert!(is_open(&second, &done));
        done.push(kept("1", Some("not-started"), ItemStatus::Blank));
        assert!(is_open(&first, &done));
    }

    /// One item, and one stage, are what they are in the whole checklist.
    #[test]
    fn a_part_is_as_the_whole_has_it() {
        let statuses = [ItemStatus::Blank, ItemStatus::Skipped];
        let all = ["call", "check", "pack", "gone"].map(|id| (id, None)).into_iter().chain([
            ("1", Some("not-started")),
            ("2", Some("in-progress")),
            ("3", Some("gone")),
        ]);
        let all: Vec<_> = all.collect();
        // Each of them blank, skipped, or not there.
        for choice in 0..3_usize.pow(all.len() as u32) {
            let chosen = |(place, (id, added_to)): (usize, &(&str, Option<&str>))| {
                let status = statuses.get(choice / 3_usize.pow(place as u32) % 3)?;
                Some(kept(id, *added_to, *status))
            };
            let kept: Vec<_> = all.iter().enumerate().filter_map(chosen).collect();
            let whole = checklist(&workflow(), kept.clone());
            for (id, _) in &all {
                let id = ItemId::new(*id);
                let expected = whole.iter().find(|item| item.id == id).cloned();
                assert_eq!(item(&workflow(), kept.clone(), &id), expected, "{id} of {kept:?}");
            }
            for stage in ["not-started", "in-progress", "completed", "gone"].map(StageId::new) {
                let here = whole.iter().filter(|item| item.stage == stage);
                let expected = here.clone().any(|item| item.status == ItemStatus::Blank);
                assert_eq!(is_open(&workflow(), &stage, &kept), expected, "{stage} of {kept:?}");
            }
        }
    }

    #[test]
    fn every_problem_of_an_item_is_found_at_once() {
        let read = |value: Value| {
            let object = value.as_object().expect("an object").clone();
            ItemPatch::read(&object, &workflow(), &sample::directory())
        };
        let (_, errors) = read(json!({
            "title": " ", "Stage": "Nowhere", "Assigned To": "x", "status": "Done", "colour": "red",
        }));
        expect_test::expect![[r#"{"title":["is required"],"Stage":["is invalid: it must be one of Not Started, In Progress, Completed"],"Assigned To":["is invalid: no user has this email"],"status":["is invalid: it must be one of Blank, Skipped, Completed"],"colour":["is unknown: a checklist item has no such key"]}"#]]
            .assert_eq(&serde_json::to_string(&errors).expect("serializable"));
        for (title, expected) in [
            (json!(5), "title is invalid: it must be a text"),
            (json!(null), "title is invalid: it must be a text"),
            (json!("a\0b"), "title contains a NUL character"),
            (json!("x".repeat(TITLE_CHARS_MAX + 1)), "title is too long"),
            (json!("ü".repeat(TITLE_CHARS_MAX)), ""),
        ] {
            assert_eq!(read(json!({"title": title})).1.to_line(), expected);
        }
        let (read, errors) =
            read(json!({"id": "x", "editable": true, "updated_by": null, "updated_on": null}));
        assert_eq!((read, errors), (ItemPatch::default(), FieldErrors::default()));
    }
}
