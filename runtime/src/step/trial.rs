//! Trying one step on a task, to see what it sends and what comes back: by the code that runs it live, and without a
//! trace in the task or in the store.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::{Call, Outcome, Resources, StepTypes};
use crate::model::{
    Execution, ExecutionId, Performer, Place, State, Task, Workflow, Workspace, execution::Effects,
    perform::StepReport,
};

/// What is tried, on what, in whose name.
pub struct Trial<'a> {
    pub workflow: &'a Workflow,
    pub version: u32,
    /// The action's index in the workflow, and the step's in the action.
    pub action: usize,
    pub step: usize,
    pub task: &'a Task,
    pub performer: Performer,
    pub workspace: &'a Workspace,
    /// Names the execution that there would be.
    pub place: Place,
}

/// Runs the step once; why it cannot be run at all.
pub async fn run(types: &StepTypes, resources: &Resources, trial: Trial<'_>) -> Result<StepReport, String> {
    let Trial { workflow, version, action, step, task, performer, workspace, place } = trial;
    let action = &workflow.actions[action];
    let definition = &action.steps[step];
    let (configured, effects) = types.configure(definition, workflow).map_err(|problems| {
        problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
    })?;
    let now = resources.clock.now();
    let execution = Execution {
        id: ExecutionId::from(place),
        task: task.id,
        workflow: workflow.id.clone(),
        version,
        action: action.id.clone(),
        performer,
        state: State::Running { step, mid_call: effects == Effects::External },
        attempts: 1,
        place,
        stage: Some(task.stage.clone()),
        began_after: Some(task.revision),
        task_deleted: false,
        tries: 1,
        depth: 0,
        created_at: now,
        updated_at: now,
    };
    let call = Call {
        execution: &execution,
        workflow,
        action,
        step: definition,
        task,
        directory: &workspace.directory,
        secrets: &workspace.secrets,
        zone: &workspace.zone,
        resources,
    };
    let running = AssertUnwindSafe(async { configured.run(call).await });
    let outcome = running.catch_unwind().await;
    let outcome =
        outcome.unwrap_or_else(|_| Outcome::failed("step_panicked", "the step has a bug and panicked"));
    Ok(outcome.into_report(now, resources.clock.now()))
}
