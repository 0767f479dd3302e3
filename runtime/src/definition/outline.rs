//! Where the parts of a sound workflow stand in its text, for what is told of them later.

use std::ops::Range;

use super::{ACTIONS_MAX, STAGES_MAX, STEPS_MAX};
use crate::{
    lint::Part,
    model::{ActionId, StageId, Workflow},
    toml_file::{self, Problems, Table, line_and_column},
};

/// The line and the column of a part; the workflow is what was read from the text.
pub fn place(source: &str, workflow: &Workflow, part: &Part) -> Option<(usize, usize)> {
    let root = toml_file::parse(source).ok()?;
    let span = span(Table::new(root.get_ref(), 0..0), workflow, part)?;
    Some(line_and_column(source, span.start))
}

/// The JSON pointer to a part, in a workflow's document.
pub fn path(workflow: &Workflow, part: &Part) -> Option<String> {
    let stage = |id: &StageId| workflow.stages.iter().position(|stage| stage.id == *id);
    let action = |id: &ActionId| workflow.actions.iter().position(|action| action.id == *id);
    Some(match part {
        Part::Whole => String::new(),
        Part::Alerts => "/alerts".to_owned(),
        Part::Stage(id) => format!("/stages/{}", stage(id)?),
        Part::Action(id) => format!("/actions/{}", action(id)?),
        Part::Step(of, id) => {
            let action = action(of)?;
            format!("/actions/{action}/steps/{}", workflow.actions[action].step_index(id)?)
        }
    })
}

/// Where the workflow says its id, or else its name, from which the id follows.
pub(super) fn id_span(source: &str) -> Option<Range<usize>> {
    let root = toml_file::parse(source).ok()?;
    let root = Table::new(root.get_ref(), 0..0);
    root.value_place("id").or_else(|| root.value_place("name"))
}

fn span(mut root: Table<'_>, workflow: &Workflow, part: &Part) -> Option<Range<usize>> {
    let stage = |id: &StageId| workflow.stages.iter().position(|stage| stage.id == *id);
    let action = |id: &ActionId| workflow.actions.iter().position(|action| action.id == *id);
    let table = match part {
        Part::Whole => return root.value_place("name"),
        Part::Alerts => return root.value_place("alerts"),
        Part::Stage(id) => nth(&mut root, "stages", STAGES_MAX, stage(id)?)?,
        Part::Action(id) => nth(&mut root, "actions", ACTIONS_MAX, action(id)?)?,
        Part::Step(of, id) => {
            let index = workflow.actions[action(of)?].steps.iter().position(|step| step.id == *id)?;
            nth(&mut nth(&mut root, "actions", ACTIONS_MAX, action(of)?)?, "steps", STEPS_MAX, index)?
        }
    };
    table.value_place("name").or_else(|| table.value_place("type"))
}

fn nth<'a>(table: &mut Table<'a>, key: &'static str, most: usize, index: usize) -> Option<Table<'a>> {
    // There are none that count: it was read before.
    table.tables(key, key, most, &mut Problems::default()).into_iter().nth(index)
}
