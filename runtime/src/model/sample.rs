//! The reference page's workflow, user and task, for the tests of this crate.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::model::{
    requirement::Requirements,
    workflow::{After, OnFailure, StepDefinition},
};

pub(crate) fn workflow() -> Workflow {
    let field = |name: &str, kind: FieldType| Field {
        id: FieldId::new(id::slug(name)),
        name: name.to_owned(),
        required: matches!(kind, FieldType::UniqueId { .. }),
        kind,
        editable: true,
    };
    let stage = |name: &str, end| Stage {
        id: StageId::new(id::slug(name)),
        name: name.to_owned(),
        color: "gray".to_owned(),
        end,
        checklist: Vec::new(),
        position: None,
    };
    Workflow {
        id: WorkflowId::new("api-sample"),
        name: "API Sample".to_owned(),
        fields: vec![
            field("Company ID", FieldType::UniqueId { autoincrement: false }),
            field("Company Name", FieldType::Text),
            field("Number of Employees", FieldType::Number),
            field("Contract Value", FieldType::Currency),
            field("International?", FieldType::Checkbox),
            field("Expected Close Date", FieldType::Date),
        ],
        stages: vec![stage("Not Started", false), stage("In Progress", false), stage("Completed", true)],
        actions: vec![
            action("Start", "not-started", &[("move", "move_to_stage")]),
            action("Finish", "in-progress", &[("move", "move_to_stage"), ("call", "api_call")]),
        ],
        roles: Role::built_in().to_vec(),
        alerts: AlertRule::default(),
    }
}

fn action(name: &str, from: &str, steps: &[(&str, &str)]) -> Action {
    Action {
        id: ActionId::new(id::slug(name)),
        name: name.to_owned(),
        color: "green".to_owned(),
        from: vec![StageId::new(from)],
        requires: Requirements::default(),
        on_failure: OnFailure::default(),
        confirm: None,
        after: After::default(),
        celebrate: false,
        position: None,
        steps: steps
            .iter()
            .map(|(id, type_id)| StepDefinition {
                id: StepId::new(*id),
                name: (*id).to_owned(),
                type_id: Arc::from(*type_id),
                params: serde_json::Map::new(),
            })
            .collect(),
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId::new("abc123"),
        email: "user@example.com".to_owned(),
        first_name: "Example".to_owned(),
        last_name: "User".to_owned(),
        is_active: true,
        is_administrator: false,
    }
}

pub(crate) fn directory() -> Directory {
    Directory::new([user()])
}

pub(crate) fn performer() -> Performer {
    Performer::from(&**directory().find("abc123").expect("the sample's user"))
}

pub(crate) fn now() -> Timestamp {
    "2020-01-15T12:00:00Z".parse().expect("an instant")
}

/// The page's task, in stage Completed.
pub(crate) fn task() -> Task {
    let workflow = workflow();
    let values = json!({
        "Stage": "Completed", "Assigned To": "user@example.com", "Company ID": "42", "Company Name": "Acme Corp",
        "Number of Employees": "20", "Contract Value": "10000", "Expected Close Date": "2020-01-31",
    });
    let read = Patch::read(
        values.as_object().expect("an object"),
        &workflow,
        &directory(),
        &file::FileRules::default(),
    );
    assert!(read.errors.is_empty(), "{}", read.errors.to_line());
    Task::new(TaskId::from_u128(1), &workflow, now()).patched(&read.patch, &workflow, now())
}

/// The page's task in another stage.
pub(crate) fn task_in(stage: &str) -> Task {
    Task { stage: StageId::new(stage), ..task() }
}

/// An execution of the page's action on the page's task.
pub(crate) fn execution(number: u128, state: State) -> Execution {
    Execution {
        id: ExecutionId::from_u128(number),
        task: task().id,
        workflow: workflow().id,
        version: 1,
        action: ActionId::new("finish"),
        performer: performer(),
        state,
        attempts: 0,
        place: Place::from_u128(number),
        stage: Some(StageId::new("in-progress")),
        began_after: Some(0),
        task_deleted: false,
        tries: 0,
        depth: 0,
        created_at: now(),
        updated_at: now(),
    }
}
