//! A workflow: its fields, stages and actions. One value is one immutable version.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    alert::AlertRule,
    checklist::TemplateItem,
    field::{Field, FieldType},
    id::{ActionId, FieldId, RoleId, StageId, StepId, WorkflowId},
    requirement::Requirements,
    role::Role,
};

/// Names that every task has beside its fields.
pub const STAGE: &str = "Stage";
pub const ASSIGNED_TO: &str = "Assigned To";
pub const TASK_URL: &str = "Task URL";
pub const CREATED_ON: &str = "Created On";
pub const UPDATED_ON: &str = "Updated On";

/// Names that no field may take.
pub const RESERVED_NAMES: [&str; 5] = [STAGE, ASSIGNED_TO, TASK_URL, CREATED_ON, UPDATED_ON];

#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    pub id: WorkflowId,
    pub name: String,
    /// In the order in which a task shows them.
    pub fields: Vec<Field>,
    /// In the order of the board; a new task starts in the first. Never empty.
    pub stages: Vec<Stage>,
    pub actions: Vec<Action>,
    /// Those that every workflow has, then its own.
    pub roles: Vec<Role>,
    pub alerts: AlertRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub id: StageId,
    pub name: String,
    pub color: String,
    /// A task in an end stage is no longer active.
    pub end: bool,
    /// What every task has on its checklist for this stage.
    pub checklist: Vec<TemplateItem>,
    pub position: Option<Position>,
}

/// Where a part stands when the workflow is drawn; nothing but a drawing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub x: i32,
    pub y: i32,
}

/// A button on a task: what happens, in order, when somebody presses it.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub id: ActionId,
    pub name: String,
    pub color: String,
    /// The stages in which it is offered.
    pub from: Vec<StageId>,
    pub requires: Requirements,
    pub on_failure: OnFailure,
    /// What somebody is asked before they perform it.
    pub confirm: Option<String>,
    pub after: After,
    /// Whether its success is a reason to be glad.
    pub celebrate: bool,
    pub position: Option<Position>,
    pub steps: Vec<StepDefinition>,
}

/// Where somebody goes who has performed an action with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum After {
    /// Nowhere: the task's page stays.
    #[default]
    Stay,
    /// To the tasks' table.
    List,
    /// To the next task of the same list.
    Next,
}

impl After {
    pub const ALL: [Self; 3] = [Self::Stay, Self::List, Self::Next];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stay => "stay",
            Self::List => "list",
            Self::Next => "next",
        }
    }
}

/// What becomes of the changes that an execution has made when it ends as a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// They stay: each step that succeeded has committed.
    #[default]
    Keep,
    /// The fields it set get their earlier values back, where nobody has changed them since.
    Revert,
}

/// One configured use of a step type. What `params` means only its type knows.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDefinition {
    pub id: StepId,
    pub name: String,
    pub type_id: Arc<str>,
    pub params: Map<String, Value>,
}

impl Workflow {
    pub fn field(&self, id: &FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == *id)
    }

    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field by whose value tasks are addressed, if the workflow has one.
    pub fn unique_field(&self) -> Option<&Field> {
        self.fields.iter().find(|field| matches!(field.kind, FieldType::UniqueId { .. }))
    }

    pub fn stage(&self, id: &StageId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    pub fn stage_named(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The stage a new task starts in.
    pub fn first_stage(&self) -> &Stage {
        &self.stages[0]
    }

    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == *id)
    }

    pub fn action(&self, id: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.id.as_str() == id)
    }

    /// The actions offered in a stage, in the workflow's order.
    pub fn actions_in<'a>(&'a self, stage: &'a StageId) -> impl Iterator<Item = &'a Action> {
        self.actions.iter().filter(move |action| action.from.contains(stage))
    }

    /// A stage's name, or its id if this version no longer has the stage.
    pub fn stage_name<'a>(&'a self, id: &'a StageId) -> &'a str {
        self.stage(id).map_or(id.as_str(), |stage| &stage.name)
    }
}

impl Action {
    /// Where the action has the step with this id.
    pub fn step_index(&self, id: &StepId) -> Option<usize> {
        self.steps.iter().position(|step| step.id == *id)
    }

    /// How the step is called when something is said about it: its number and name.
    pub fn step_title(&self, index: usize) -> String {
        match self.steps.get(index) {
            Some(step) => format!("Step {} “{}”", index + 1, step.name),
            None => format!("Step {}", index + 1),
        }
    }
}

/// What is wrong with a step's parameters, as its type says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamProblem {
    /// The parameter, or a key in one, as `auth/bearer`; `None` when it is about the step as a whole.
    pub param: Option<String>,
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ParamProblem {
    /// What is wrong and what to do about it, in one sentence.
    pub fn sentence(&self) -> String {
        match &self.help {
            Some(help) => format!("{} ({help})", self.message),
            None => self.message.clone(),
        }
    }
}
