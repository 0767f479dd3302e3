//! Failures that nobody was waiting for, and whom a workflow tells of them.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    execution::{Execution, Failure, State},
    id::{ActionId, ExecutionId, TaskId, WorkflowId},
    template::Template,
};

/// Whom a workflow tells, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// The server's log.
    pub log: bool,
    /// An http or https URL, with no places but secrets, to which each message is posted.
    pub webhook: Option<Template>,
    /// What fails within this time after a message is told with the next one.
    pub every: Duration,
}

impl Default for AlertRule {
    fn default() -> Self {
        Self { log: true, webhook: None, every: Duration::from_secs(5 * 60) }
    }
}

/// A failure of which somebody is still to be told, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    pub workflow: WorkflowId,
    pub action: ActionId,
    pub task: TaskId,
    pub execution: ExecutionId,
    pub at: Timestamp,
    pub failure: Failure,
    /// A call was sent, and nobody knows whether it took effect.
    pub is_unknown: bool,
}

impl Untold {
    /// `None` for an execution that has not failed, or that a person has ended.
    pub fn of(execution: &Execution) -> Option<Self> {
        let (failure, is_unknown) = match &execution.state {
            State::Failed(failure) => (failure, false),
            State::Unknown(failure) => (failure, true),
            _ => return None,
        };
        Some(Self {
            workflow: execution.workflow.clone(),
            action: execution.action.clone(),
            task: execution.task,
            execution: execution.id,
            at: execution.updated_at,
            failure: failure.clone(),
            is_unknown,
        })
    }

    /// As the execution's state is called.
    pub fn state(&self) -> &'static str {
        if self.is_unknown { "unknown" } else { "failed" }
    }
}
