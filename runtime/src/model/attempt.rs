//! The records that the steps of an execution leave: one for each run of a step.

use jiff::Timestamp;

use super::{id::ExecutionId, patch::FieldErrors};

/// One run of one step in an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub execution: ExecutionId,
    /// Counted from 1 over the whole execution.
    pub number: u32,
    /// Counted from 1; more than 1 says that a step with `retry` is tried again.
    pub try_number: u32,
    pub step: usize,
    /// The workflow's version whose step it was: a Retry may go on with another.
    pub version: u32,
    pub started_at: Timestamp,
    /// `None` while it runs, and after a crash in mid-call until recovery has closed it.
    pub end: Option<AttemptEnd>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    pub at: Timestamp,
    /// `succeeded`, `failed` or `unknown`.
    pub outcome: &'static str,
    /// Why it did not succeed, as far as that is known.
    pub failure: Option<AttemptFailure>,
    /// What the step type records of its run (for a call: request, answer, timing), as JSON.
    pub record: Option<String>,
    /// What of the step's answer the task's fields cannot take, by field. Then nothing of it was applied.
    pub field_errors: FieldErrors,
    /// What should be looked at although the step succeeded.
    pub warnings: Vec<String>,
}

/// The words of one attempt's failure; the execution keeps only those of its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFailure {
    /// Stable, for programs.
    pub code: String,
    /// Without the step's title: the attempt says itself whose it is.
    pub message: String,
}

impl From<(&str, &str)> for AttemptFailure {
    fn from((code, message): (&str, &str)) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }
}

impl AttemptEnd {
    /// An end of which nothing more is known.
    pub fn bare(at: Timestamp, outcome: &'static str) -> Self {
        Self {
            at,
            outcome,
            failure: None,
            record: None,
            field_errors: FieldErrors::default(),
            warnings: Vec::new(),
        }
    }
}
