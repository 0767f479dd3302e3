//! A task's history: every change, who made it and why.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::{Api, error::ApiError, json as answer, tasks::TaskAt};
use crate::{
    model::{
        Directory, HistoryEntry, Workflow,
        document::ShownPerformer,
        field::{FieldValue, Shown},
        history::{Author, Slot, SlotChange},
        id::{StageId, UserId},
        workflow::{ASSIGNED_TO, STAGE},
    },
    store::HISTORY_PAGE_MAX,
};

/// The whole history, oldest first.
pub(super) async fn list(api: web::Data<Api>, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let TaskAt { caller, workflow, task } = at;
    let directory = &caller.workspace.directory;
    let (mut shown, mut before) = (Vec::new(), None);
    loop {
        let page = api.store().history(task.id, before).await?;
        shown.extend(page.iter().map(|entry| shown_entry(entry, &workflow, directory)));
        match page.last() {
            Some(last) if page.len() == HISTORY_PAGE_MAX => before = Some(last.number),
            _ => break,
        }
    }
    shown.reverse();
    answer(HttpResponse::Ok(), &shown)
}

fn shown_entry(entry: &HistoryEntry, workflow: &Workflow, directory: &Directory) -> Value {
    let (performed_by, execution) = match &entry.author {
        Author::Performer(performer) => (Some(ShownPerformer(performer)), None),
        Author::Execution(id) => (None, Some(id.to_string())),
    };
    let changes: Map<_, _> =
        entry.changes.iter().map(|change| shown_change(change, workflow, directory)).collect();
    json!({
        "number": entry.number,
        "at": entry.at.to_string(),
        "cause": entry.cause.name(),
        "performed_by": performed_by,
        "execution_id": execution,
        "changes": changes,
    })
}

/// A slot by the name it has now, with what was before and after.
fn shown_change(change: &SlotChange, workflow: &Workflow, directory: &Directory) -> (String, Value) {
    let SlotChange { slot, before, after } = change;
    let show = |value| shown_value(slot, value, workflow, directory);
    let name = match slot {
        Slot::Stage => STAGE,
        Slot::AssignedTo => ASSIGNED_TO,
        // A field that the workflow no longer has is called by its id.
        Slot::Field(id) => workflow.field(id).map_or(id.as_str(), |field| &field.name),
    };
    (name.to_owned(), json!({"before": show(before), "after": show(after)}))
}

fn shown_value(slot: &Slot, value: &FieldValue, workflow: &Workflow, directory: &Directory) -> Value {
    let text = value.to_text();
    match slot {
        Slot::Field(id) => match workflow.field(id) {
            Some(field) => json!(Shown { kind: &field.kind, value, directory }),
            None => json!(text),
        },
        _ if value.is_empty() => Value::Null,
        Slot::Stage => json!(workflow.stage_name(&StageId::new(text))),
        Slot::AssignedTo => json!(directory.email(&UserId::new(text))),
    }
}
