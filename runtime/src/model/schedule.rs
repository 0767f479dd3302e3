//! A stage change that is to come: at most one a task.

use jiff::Timestamp;

use super::{id::StageId, user::Performer};

/// Kept with its task. A new one replaces it; any other change of the stage takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub stage: StageId,
    pub at: Timestamp,
    /// In whose name the task will move: who performed the action that scheduled it.
    pub performer: Performer,
}
