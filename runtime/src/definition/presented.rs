//! Reads what people see of a workflow and the server only carries: where parts stand when it is drawn, what is asked before
//! an action, where its performer goes afterwards.

use super::{CONFIRM_CHARS_MAX, POSITION_MAX};
use crate::{
    model::{
        text::{closest, problem},
        workflow::{After, Position},
    },
    toml_file::{Problems, Table},
};

pub(super) fn position(table: &mut Table<'_>, problems: &mut Problems) -> Option<Position> {
    let [x, y] = table.pair("position", -POSITION_MAX..=POSITION_MAX, problems)?;
    Some(Position { x, y })
}

/// One paragraph.
pub(super) fn confirm(table: &mut Table<'_>, problems: &mut Problems) -> Option<String> {
    let confirm = table.text("confirm", problems)?;
    let text = &confirm.value;
    let is_sound = !text.trim().is_empty()
        && !text.chars().any(char::is_control)
        && problem(text, CONFIRM_CHARS_MAX).is_none();
    if !is_sound {
        let message = format!(
            "`confirm` must say something in one paragraph of at most {CONFIRM_CHARS_MAX} characters, without control \
             characters"
        );
        let help = Some("leave it out where nothing is to be asked".to_owned());
        problems.add_with_help("invalid_message", confirm.span, message, help);
    }
    Some(confirm.value)
}

pub(super) fn after(table: &mut Table<'_>, problems: &mut Problems) -> After {
    let Some(found) = table.text("after", problems) else { return After::default() };
    let known = After::ALL.into_iter().find(|after| after.name() == found.value);
    known.unwrap_or_else(|| {
        let message = format!("`after` cannot be `{}`", found.value);
        let help = closest(&found.value, After::ALL.map(After::name)).map_or_else(
            || {
                "\"stay\": on the task's page; \"list\": to the table; \"next\": to the next task of the list"
                    .to_owned()
            },
            |nearest| format!("did you mean `{nearest}`?"),
        );
        problems.add_with_help("invalid_value", found.span, message, Some(help));
        After::default()
    })
}
