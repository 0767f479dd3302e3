//! What must hold before an action may run: the stage, and the action's own requirements.

use super::{
    id::FieldId,
    task::Task,
    workflow::{Action, Workflow},
};

/// Requirements of an action, beside being offered in the task's stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// Fields that must have a value.
    pub fields: Vec<FieldId>,
    /// The task must be assigned to somebody.
    pub assigned: bool,
}

/// Whether the action is offered in the stage that the task is in.
pub fn is_offered(action: &Action, task: &Task) -> bool {
    action.from.contains(&task.stage)
}

/// Every requirement that does not hold, as the person reads it. Empty when all hold.
pub fn unmet(action: &Action, task: &Task, workflow: &Workflow) -> Vec<String> {
    let mut unmet = Vec::new();
    for id in &action.requires.fields {
        if task.value(id).is_empty() {
            let name = workflow.field(id).map_or(id.as_str(), |field| &field.name);
            unmet.push(format!("{name} is required"));
        }
    }
    if action.requires.assigned && task.assigned_to.is_none() {
        unmet.push("Must be assigned".to_owned());
    }
    unmet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    #[test]
    fn all_unmet_requirements_are_listed() {
        let workflow = sample::workflow();
        let mut action = workflow.actions[1].clone();
        action.requires = Requirements {
            fields: vec![FieldId::new("company-name"), FieldId::new("expected-close-date")],
            assigned: true,
        };
        assert_eq!(unmet(&action, &sample::task(), &workflow), [""; 0]);
        let bare = Task::new(sample::task().id, &workflow, sample::now());
        assert_eq!(
            unmet(&action, &bare, &workflow),
            ["Company Name is required", "Expected Close Date is required", "Must be assigned"]
        );
    }
}
