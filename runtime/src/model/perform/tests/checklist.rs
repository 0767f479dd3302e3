//! Comments and checklist items as they are written.

use super::*;
use crate::model::{
    ItemId,
    checklist::{ADDED_MAX, AddedItem, ItemStatus, ItemUpdate, TemplateItem},
    comment::COMMENTS_MAX,
};

fn update() -> ItemUpdate {
    ItemUpdate { by: sample::performer(), on: sample::now() }
}

/// The sample with an item in the stage in which its action is offered, which requires it.
fn workflow() -> Workflow {
    let mut workflow = sample::workflow();
    workflow.stages[1].checklist = vec![TemplateItem { id: ItemId::new("call"), title: "Call".to_owned() }];
    workflow.actions[1].requires.checklist = true;
    workflow
}

fn writing() -> ItemWriting {
    ItemWriting { update: update(), workflow: Arc::new(workflow()), directory: Arc::new(sample::directory()) }
}

fn kept(id: &str, is_added: bool, status: ItemStatus) -> KeptItem {
    let added = is_added.then(|| AddedItem { title: "Own".to_owned(), stage: StageId::new("in-progress") });
    KeptItem { id: ItemId::new(id), added, status, assigned_to: None, update: update() }
}

fn found(checklist: Vec<KeptItem>) -> Found {
    Found { task: Some(sample::task_in("in-progress")), checklist, ..Found::default() }
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn put(change: Result<Change, Refusal>) -> KeptItem {
    let change = change.expect("a change");
    assert!(change.task.is_none() && change.history.is_none(), "the task changed");
    match change.item {
        Some(ItemWrite::Put(item)) => item,
        other => panic!("nothing was put: {other:?}"),
    }
}

fn change_of(found: &Found, id: &str, value: Value) -> Result<Change, Refusal> {
    found.decide(|current| change_item(&object(value), &ItemId::new(id), writing(), current))
}

/// Of a template's item the row has neither title nor stage: those are the workflow's.
#[test]
fn what_a_template_says_is_not_kept() {
    let item = put(change_of(&found(Vec::new()), "call", json!({"status": "Completed", "title": "Call"})));
    assert_eq!(item, kept("call", false, ItemStatus::Completed));
    let own = found(vec![kept("1", true, ItemStatus::Skipped)]);
    let item = put(change_of(&own, "1", json!({"title": "New", "Stage": "In Progress"})));
    assert_eq!(item.added.map(|added| added.title).as_deref(), Some("New"));
    assert_eq!(item.status, ItemStatus::Skipped, "what was not named changed");
}

#[test]
fn who_changes_nothing_has_not_set_it() {
    let by = Performer { id: "earlier".to_owned(), ..sample::performer() };
    let earlier = ItemUpdate { by, on: sample::now() };
    let set = KeptItem { update: earlier.clone(), ..kept("call", false, ItemStatus::Skipped) };
    let changed =
        |status: &str| put(change_of(&found(vec![set.clone()]), "call", json!({"status": status}))).update;
    assert_eq!(changed("Skipped"), earlier);
    assert_eq!(changed("Blank"), update());
}

/// "Template items cannot be deleted."
#[test]
fn only_what_was_added_is_removed() {
    let found = found(vec![kept("1", true, ItemStatus::Blank), kept("call", false, ItemStatus::Blank)]);
    let remove = |id: &str| found.decide(|current| remove_item(&ItemId::new(id), &workflow(), current));
    let removed = remove("1").expect("removed").item;
    assert!(matches!(removed, Some(ItemWrite::Remove(id)) if id.as_str() == "1"));
    let refused = remove("call").expect_err("of the template");
    assert_eq!(refused, Refusal::ItemOfTemplate { title: "Call".to_owned() });
    assert_eq!(remove("2").expect_err("nothing"), Refusal::ItemMissing { id: ItemId::new("2") });
}

#[test]
fn a_task_has_so_many_items_of_its_own_and_so_many_comments() {
    let add = |count: usize| {
        let items = (0..count).map(|id| kept(&id.to_string(), true, ItemStatus::Blank));
        let found = found(items.chain([kept("call", false, ItemStatus::Blank)]).collect());
        let new = object(json!({"title": "One more", "Stage": "Completed"}));
        found.decide(|current| add_item(&new, ItemId::new("new"), writing(), current))
    };
    assert!(put(add(ADDED_MAX - 1)).added.is_some());
    assert!(matches!(add(ADDED_MAX), Err(Refusal::TooMany { most: 500, .. })));
    let write = |comments: u64| {
        let found = Found { comments, ..found(Vec::new()) };
        let (performer, now) = (sample::performer(), sample::now());
        let new = NewComment { body: "x".to_owned(), mentions: Vec::new(), performer, now };
        found.decide(|current| write_comment(new, current))
    };
    let last = write(COMMENTS_MAX - 1).expect("the last");
    assert!(last.task.is_none() && last.history.is_none(), "the task changed");
    assert_eq!(last.comment.map(|comment| comment.number), Some(COMMENTS_MAX));
    assert!(matches!(write(COMMENTS_MAX), Err(Refusal::TooMany { most: COMMENTS_MAX, .. })));
}

/// Somebody may have left since the directory was read.
#[test]
fn nobody_who_has_left_gets_an_item() {
    let left = crate::model::User { id: UserId::new("left"), ..sample::user() };
    let writing = ItemWriting { directory: Arc::new(Directory::new([left])), ..writing() };
    let values = object(json!({"Assigned To": "user@example.com"}));
    let changed =
        found(Vec::new()).decide(|current| change_item(&values, &ItemId::new("call"), writing, current));
    let Err(Refusal::Fields(errors)) = changed else { panic!("it was assigned: {changed:?}") };
    assert_eq!(errors.to_line(), "Assigned To is invalid: no user has this email");
}

/// At request, and again before the first step.
#[test]
fn an_action_that_requires_the_checklist_is_refused_while_it_is_open() {
    let plan = Plan { workflow: Arc::new(workflow()), ..plan() };
    let admit_with = |checklist| {
        let found = found(checklist);
        found.decide(|current| admit(admission(), &plan, true, &sample::directory(), current))
    };
    let open = || Refusal::Unmet(vec!["Checklist must be completed".to_owned()]);
    assert_eq!(admit_with(Vec::new()).expect_err("nobody has set it"), open());
    assert!(admit_with(vec![kept("call", false, ItemStatus::Skipped)]).is_ok());
    let begin_with = |checklist| {
        let queued = Found { execution: Some(execution(QUEUED)), ..found(checklist) };
        let begun =
            queued.decide(|current| begin(&plan, false, sample::now(), &sample::directory(), current));
        state(&begun.expect("a change")).clone()
    };
    let refused = begin_with(vec![kept("call", false, ItemStatus::Blank)]);
    assert!(refused.failure().is_some_and(|failure| failure.message == open().to_string()), "{refused:?}");
    assert!(begin_with(vec![kept("call", false, ItemStatus::Completed)]).failure().is_none());
}
