//! Trying a step on a task: what it sends, what comes back, and what it would do.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, of, operation},
};
use crate::{
    engine::TryStep,
    model::{
        Right, Workflow,
        document::Answer,
        execution::StepEnd,
        perform::{self, StepReport},
        workspace::Published,
    },
    store::TaskKey,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/actions/{action}/steps/{step}/test").post(
            test,
            operation(
                "testStep",
                Need::AdministerAndPerform,
                "Runs one step on a task, to see what it sends and what comes back",
            )
            .takes(of("TestStep"))
            .refuses(&[Code::TaskNotFound, Code::UserNotFound, Code::InvalidFields])
            .answers(200, "What came of it", of("StepTrial")),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestStep {
    /// The task's Unique ID, else its id.
    task_id: String,
    /// In whose name: a user's email or id.
    performed_by: Option<String>,
    /// Whether the task is to be changed as the answer says.
    #[serde(default)]
    apply: bool,
}

async fn test(
    api: web::Data<Api>,
    path: web::Path<(String, String, String)>,
    caller: Caller,
    body: Body<TestStep>,
) -> Result<HttpResponse, ApiError> {
    // It makes a call, and may change a task, as whoever tries it says.
    let Published { version, workflow, .. } = caller.workflow(&path.0)?;
    let (action, step) = place(&workflow, &path.1, &path.2)?;
    let workspace = &caller.workspace;
    let performer = caller.performer_of(
        &workflow,
        Right::Perform(&workflow.actions[action].id),
        body.0.performed_by.as_deref(),
    )?;
    let task = api.task(&workflow, &body.0.task_id).await?;
    let (id, by) = (task.id, performer.clone());
    let tried = TryStep { workflow: Arc::clone(&workflow), version, action, step, task, performer };
    let report = api.engine.try_step(tried).await?;
    let mut is_applied = false;
    if let (true, true, Answer::Patch(patch)) = (body.0.apply, is_success(&report), &report.answer) {
        let (directory, now) = (Arc::clone(&workspace.directory), api.shared.clock.now());
        let decide = perform::patch_by_hand(patch.clone(), by, workflow, directory, now);
        api.store().transact(TaskKey::Id(id), None, decide).await?;
        is_applied = true;
    }
    answer(HttpResponse::Ok(), &shown(&report, is_applied))
}

fn place(workflow: &Workflow, action: &str, step: &str) -> Result<(usize, usize), ApiError> {
    let found = workflow.actions.iter().enumerate().find(|(_, it)| it.id.as_str() == action);
    let found = found.and_then(|(index, action)| {
        Some((index, action.steps.iter().position(|it| it.id.as_str() == step)?))
    });
    found.ok_or_else(|| {
        let message = format!("the workflow `{}` has no step `{step}` in an action `{action}`", workflow.id);
        ApiError::new(Code::StepNotFound, message)
    })
}

fn is_success(report: &StepReport) -> bool {
    report.end.reason().is_none()
}

fn shown(report: &StepReport, is_applied: bool) -> Value {
    let (code, message) = report.end.reason().unzip();
    let until = match &report.end {
        StepEnd::Wait { until } => Some(until.to_string()),
        _ => None,
    };
    let patch = match &report.answer {
        Answer::Patch(patch) => Some(patch),
        Answer::Unchanged | Answer::Unreadable(_) | Answer::Broken(_) => None,
    };
    json!({
        "outcome": report.end.outcome(),
        "code": code,
        "message": message,
        "ends_action": report.end == StepEnd::Stop,
        "waits_until": until,
        "patch": patch,
        "applied": is_applied,
        "deletes_task": report.deletes_task,
        "schedules": report.schedule.as_ref().map(|(stage, at)| json!({"stage": stage, "at": at.to_string()})),
        "warnings": report.warnings,
        "record": report.record.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
    })
}
