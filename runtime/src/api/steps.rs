//! Trying a step on a task, saved or not: what it sends, what comes back, and what it would do.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    definitions::{published_in, sound},
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, of, operation},
};
use crate::{
    definition::Source,
    engine::TryStep,
    model::{
        Right, Workflow,
        document::Answer,
        execution::StepEnd,
        perform::{self, StepReport},
        workspace::Published,
    },
    publish,
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
        at("/workflows/{workflow}/step_tests").post(
            test_unsaved,
            operation(
                "tryStep",
                Need::AdministerAndPerform,
                "Runs one step of a definition that need not be saved on a task",
            )
            .takes(of("TryStep"))
            .refuses(&[
                Code::StepNotFound,
                Code::TaskNotFound,
                Code::UserNotFound,
                Code::InvalidFields,
                Code::InvalidDefinition,
                Code::ApplyNeedsSaved,
            ])
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

/// The same of a step that need not be saved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestUnsaved {
    /// What would be saved; without it, what is.
    document: Option<Map<String, Value>>,
    action: String,
    step: String,
    task_id: String,
    performed_by: Option<String>,
    #[serde(default)]
    apply: bool,
}

async fn test(
    api: web::Data<Api>,
    path: web::Path<(String, String, String)>,
    caller: Caller,
    body: Body<TestStep>,
) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path.0)?;
    let trial = Trial { saved: &published, workflow: &published.workflow, action: &path.1, step: &path.2 };
    trial.run(&api, &caller, &body.0).await
}

async fn test_unsaved(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: Body<TestUnsaved>,
) -> Result<HttpResponse, ApiError> {
    let saved = caller.workflow(&path)?;
    let TestUnsaved { document, action, step, task_id, performed_by, apply } = body.0;
    let workflow = match document {
        None => Arc::clone(&saved.workflow),
        Some(_) if apply => {
            let message =
                "what an unsaved step says is not carried out; save the definition, or leave out `apply`";
            return Err(ApiError::new(Code::ApplyNeedsSaved, message));
        }
        Some(document) => {
            let source = Source::Document(document);
            let id = &saved.workflow.id;
            let published = published_in(&caller.workspace);
            Arc::new(sound(publish::check(&source, Some(id), &api.shared.step_types, &published))?)
        }
    };
    let trial = Trial { saved: &saved, workflow: &workflow, action: &action, step: &step };
    trial.run(&api, &caller, &TestStep { task_id, performed_by, apply }).await
}

/// A step that is to be tried.
struct Trial<'a> {
    saved: &'a Published,
    /// What says the step; the saved one, or one that may come after it.
    workflow: &'a Arc<Workflow>,
    action: &'a str,
    step: &'a str,
}

impl Trial<'_> {
    /// It makes a call, and may change a task, as whoever tries it says.
    async fn run(&self, api: &Api, caller: &Caller, asked: &TestStep) -> Result<HttpResponse, ApiError> {
        let Self { saved, workflow, .. } = self;
        let (action, step) = place(workflow, self.action, self.step)?;
        let id = &workflow.actions[action].id;
        // Who may perform an action that is there is what is published, whatever the unsaved roles say.
        let judged = if saved.workflow.action(id.as_str()).is_some() { &saved.workflow } else { workflow };
        let performer = caller.performer_of(judged, Right::Perform(id), asked.performed_by.as_deref())?;
        let task = api.task(&saved.workflow, &asked.task_id).await?;
        let (id, by) = (task.id, performer.clone());
        let (workflow, version) = (Arc::clone(workflow), saved.version);
        let tried = TryStep { workflow: Arc::clone(&workflow), version, action, step, task, performer };
        let report = api.engine.try_step(tried).await?;
        let mut is_applied = false;
        if let (true, true, Answer::Patch(patch)) = (asked.apply, is_success(&report), &report.answer) {
            let (directory, now) = (Arc::clone(&caller.workspace.directory), api.shared.clock.now());
            let decide = perform::patch_by_hand(patch.clone(), by, workflow, directory, now);
            api.store().transact(TaskKey::Id(id), None, decide).await?;
            is_applied = true;
        }
        answer(HttpResponse::Ok(), &shown(&report, is_applied))
    }
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
