//! What a step type is called and how it looks: what people, and the web UI, are shown.

use onward_sdk::description::Description;

use super::{Failure, Findings, failed};
use crate::plugin::describing::{ID_BYTES_MAX, TITLE_CHARS_MAX, icon_problem, is_id};

pub(super) fn id(id: &str) -> Result<(), Failure> {
    if !is_id(id) {
        return Err(failed(
            format!("“{id}” is no id of a step type"),
            format!(
                "it has small letters, digits and `_`, begins with a letter, and has at most {ID_BYTES_MAX} characters"
            ),
        ));
    }
    Ok(())
}

pub(super) fn check(description: &Description, findings: &mut Findings) -> Result<(), Failure> {
    let Description { title, category, version, help, icon, .. } = description;
    for (what, text) in [("title", title), ("category", category), ("version", version)] {
        let is_shown = !text.trim().is_empty() && !text.contains(char::is_control);
        if !is_shown || text.chars().count() > TITLE_CHARS_MAX {
            return Err(failed(
                format!("its {what} is “{text}”"),
                format!("it is one line of 1 to {TITLE_CHARS_MAX} characters"),
            ));
        }
    }
    if help.as_deref().is_none_or(|help| help.trim().is_empty()) {
        findings.notes.push("it has no help: say what it does and how it is used".to_owned());
    }
    if description.examples.is_empty() {
        findings.notes.push("it has no examples to begin from".to_owned());
    }
    match icon.as_deref().and_then(icon_problem) {
        None => Ok(()),
        Some(problem) => Err(failed(
            format!("its icon {problem}"),
            "it is a small SVG drawing without scripts, events, and references to anything outside of it",
        )),
    }
}
