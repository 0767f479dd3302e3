//! Workflow files: a TOML text becomes a [`Workflow`], or a report of every problem at its place; and a
//! [`Workflow`] becomes its canonical text. The same keys and limits are a JSON Schema for editors.
//!
//! Step types are not known here: whoever reads passes a [`StepCheck`].

mod checklist;
mod condition;
mod document;
mod identity;
mod names;
mod outline;
mod presented;
mod read;
mod requires;
mod roles;
mod schema;
mod toml_text;
mod write;
mod written;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use self::outline::id_span;
pub use self::{
    condition::{test_of, test_problems},
    document::Source,
    outline::{path, place},
    schema::{StepSchema, schema},
    write::write,
    written::document,
};
use crate::{
    model::{StepDefinition, Workflow, WorkflowId, workflow::ParamProblem},
    toml_file::{self, Diagnostic, Diagnostics, FILE_BYTES_MAX},
};

/// Limits of one workflow.
pub const FIELDS_MAX: usize = 500;
pub const STAGES_MAX: usize = 100;
pub const ACTIONS_MAX: usize = 200;
pub const STEPS_MAX: usize = 50;
pub const ROLES_MAX: usize = 50;
/// Checklist items of one stage.
pub const CHECKLIST_MAX: usize = 100;
/// Of one action.
pub const CONDITIONS_MAX: usize = 50;
/// Of one condition.
pub const TESTS_MAX: usize = 50;
/// Of one test: the values of `one_of`, the options of a multiple select.
pub const VALUES_MAX: usize = 500;
/// Of one select field.
pub const OPTIONS_MAX: usize = 500;
pub const OPTION_CHARS_MAX: usize = 300;
pub const MESSAGE_CHARS_MAX: usize = 300;
pub const NAME_CHARS_MAX: usize = 100;
/// Of what is asked before an action.
pub const CONFIRM_CHARS_MAX: usize = 300;
/// How far from the middle a part may stand when it is drawn, in each direction.
pub const POSITION_MAX: i32 = 100_000;
/// The longest that failures may wait to be told together.
pub const ALERTS_EVERY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whether a step's parameters are sound. Asked when the workflow itself is.
pub trait StepCheck {
    /// `action`: the index of the step's action.
    fn check(&self, step: &StepDefinition, action: usize, workflow: &Workflow) -> Vec<ParamProblem>;

    /// Why a URL of the workflow itself would not be called.
    fn url_problem(&self, url: &str) -> Option<String> {
        let _ = url;
        None
    }

    /// Whether what is read is what was published: then it is held only to what was asked of it then.
    fn is_published(&self) -> bool {
        false
    }
}

/// Reads a definition. `name` is what the report calls the text: a file's path. `latest`: the version that this one is
/// to follow, where there is one; a field, a stage or an action without an `id` is the one that has its name there, or
/// that had the name which `was` says.
pub fn read(
    name: &str,
    source: &str,
    steps: &dyn StepCheck,
    latest: &dyn Fn(&WorkflowId) -> Option<Arc<Workflow>>,
) -> Result<Workflow, Diagnostics> {
    if source.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; a workflow may have {FILE_BYTES_MAX}", source.len());
        let too_large = Diagnostic { code: "file_too_large", message, span: 0..0, help: None, key: None };
        return Err(Diagnostics::new(name, "", vec![too_large]));
    }
    read_any(name, source, steps, latest)
}

/// The same of a text or a document, `of` that workflow, if one is said: it has its id, then.
pub fn read_source(
    name: &str,
    source: &Source,
    of: Option<&WorkflowId>,
    steps: &dyn StepCheck,
    latest: &dyn Fn(&WorkflowId) -> Option<Arc<Workflow>>,
) -> Result<Workflow, Diagnostics> {
    let text = source.toml(name)?;
    let read = read(name, &text, steps, latest).and_then(|workflow| match of {
        Some(id) if *id != workflow.id => Err(other_workflow(name, &text, &workflow, id)),
        _ => Ok(workflow),
    });
    read.map_err(|report| match source {
        Source::Text(_) => report,
        Source::Document(_) => report.of_document(),
    })
}

fn other_workflow(name: &str, text: &str, found: &Workflow, id: &WorkflowId) -> Diagnostics {
    let message = format!("this is the workflow `{}`, and a version of `{id}` is to be saved", found.id);
    let help = Some(format!("write id = \"{id}\"; the id stays when the name changes"));
    let span = id_span(text).unwrap_or_default();
    let other = Diagnostic { code: "other_workflow", message, span, help, key: None };
    Diagnostics::new(name, text, vec![other])
}

/// Whether a definition says the workflow's id, which else follows from its name.
pub fn has_id(source: &str) -> bool {
    toml_file::parse(source).is_ok_and(|root| root.get_ref().contains_key("id"))
}

/// Reads what the store has: of any length, because [`write`] may need more bytes than the author did.
pub fn read_back(name: &str, source: &str, steps: &dyn StepCheck) -> Result<Workflow, Diagnostics> {
    read_any(name, source, steps, &|_| None)
}

fn read_any(
    name: &str,
    source: &str,
    steps: &dyn StepCheck,
    latest: &dyn Fn(&WorkflowId) -> Option<Arc<Workflow>>,
) -> Result<Workflow, Diagnostics> {
    read::workflow(source, steps, latest).map_err(|problems| Diagnostics::new(name, source, problems))
}
