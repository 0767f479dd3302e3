//! What Onward is about, as plain data and pure functions: workflows, fields, tasks, the action
//! contract, and the life of an execution.
//!
//! Nothing here does I/O, reads a clock, or knows actix, tokio, SQL or HTTP. Time and identities
//! come in as arguments, so every rule can be tested by calling it. Everyone else imports this.

pub mod alert;
pub mod asked;
pub mod attempt;
pub mod checklist;
pub mod comment;
pub mod condition;
pub mod difference;
pub mod document;
pub mod duration;
pub mod execution;
pub mod field;
pub mod file;
pub mod history;
pub mod id;
pub mod list;
pub mod patch;
pub mod perform;
pub mod requirement;
pub mod restored;
pub mod rights;
pub mod role;
pub mod schedule;
pub mod secret;
pub mod stranding;
pub mod task;
pub mod template;
pub mod text;
pub mod user;
pub mod workflow;
pub mod workspace;

#[cfg(test)]
pub(crate) mod sample;

pub use alert::{AlertRule, Untold};
pub use attempt::{Attempt, AttemptEnd, AttemptFailure};
pub use checklist::KeptItem;
pub use comment::Comment;
pub use condition::Condition;
pub use document::Document;
pub use execution::{Execution, Failure, State, Status};
pub use field::{Field, FieldType, FieldValue};
pub use file::{Blob, BlobId, FileEntry};
pub use history::HistoryEntry;
pub use id::{
    ActionId, ExecutionId, FieldId, ItemId, Place, RoleId, StageId, StepId, TaskId, UserId, WorkflowId,
};
pub use list::{ExecutionList, TaskList};
pub use patch::{FieldErrors, Patch};
pub use perform::{Change, Current, Refusal};
pub use rights::{Right, Scope};
pub use role::Role;
pub use schedule::Schedule;
pub use secret::Secrets;
pub use task::Task;
pub use user::{ApiKey, Directory, Membership, Performer, User};
pub use workflow::{Action, Stage, StepDefinition, Workflow};
pub use workspace::{SharedWorkspace, Workspace};

/// The header that says how many executions led to a call, so that a loop of calls ends.
pub const DEPTH_HEADER: &str = "Onward-Depth";

/// An instant in UTC with the precision the store keeps: one millisecond.
pub use jiff::Timestamp;
