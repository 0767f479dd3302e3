//! Reads a stage's `checklist`: the items that every task has for it.

use super::{
    CHECKLIST_MAX,
    read::{Taken, id_of, written_id},
};
use crate::{
    model::{
        ItemId,
        checklist::{TITLE_CHARS_MAX, TemplateItem, title_problem},
    },
    toml_file::{At, Problems, Table, TextOrTable},
};

/// `taken`: the ids of the workflow's items so far, since a task's items are addressed by them alone. Titles differ
/// within a stage.
pub(super) fn template(
    stage: &mut Table<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Vec<TemplateItem> {
    taken.names.clear();
    let items = stage.texts_or_tables("checklist", CHECKLIST_MAX, problems);
    items.into_iter().filter_map(|item| template_item(item, taken, problems)).collect()
}

fn template_item(item: TextOrTable<'_>, taken: &mut Taken, problems: &mut Problems) -> Option<TemplateItem> {
    let (title, id) = match item {
        TextOrTable::Text(title) => (title, None),
        TextOrTable::Table(mut table) => {
            let title = table.required_text("title", problems);
            let id = written_id("id", &mut table, problems);
            table.finish(problems);
            (title?, id)
        }
    };
    if !check_title(&title, problems) {
        return None;
    }
    let id = id.unwrap_or_else(|| id_of(&title, problems));
    taken.add("checklist item", &title, &id, problems);
    Some(TemplateItem { id: ItemId::new(id), title: title.value })
}

fn check_title(title: &At<String>, problems: &mut Problems) -> bool {
    let problem = match title_problem(&title.value) {
        Some(_) if title.value.trim().is_empty() => "an item's title must not be empty".to_owned(),
        Some(_) => {
            format!("an item's title must have at most {TITLE_CHARS_MAX} characters, and no NUL among them")
        }
        None => return true,
    };
    problems.add("invalid_name", title.span.clone(), problem);
    false
}
