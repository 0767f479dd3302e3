//! Why a step could not be made or did not succeed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a step could not be made or did not succeed: what the person who clicked is told, and what programs go by.
///
/// ```
/// use onward_sdk::StepError;
///
/// let error = StepError::new("no_such_customer", "The CRM has no customer 42.");
/// assert!(!error.retryable);
/// let busy = StepError::new("busy", "The CRM is busy.").retryable();
/// assert!(busy.retryable);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// Short and stable, for programs: `no_such_customer`.
    pub code: String,
    /// A sentence for the person who clicked: what is wrong, and what to do about it.
    pub message: String,
    /// Another try may succeed without anybody changing anything. Nothing is tried again unless the step asks for it where it
    /// is used.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retryable: bool,
    /// The seconds for which whoever refused asks not to be asked again. For one that is [retryable](Self::retryable).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Nobody knows whether what the step does outside was done: it was asked for, and no answer came.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unknown: bool,
    /// More, for who looks into it; kept with the attempt. In a box, so that a `Result` stays small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
}

// What serde asks for: a function of a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl StepError {
    /// An error that another try would meet again.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { code, message, retryable: false, retry_after: None, unknown: false, details: None }
    }

    /// Something is wrong at a place of the configuration, named by a JSON pointer (`/api/url`).
    pub fn config(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid("invalid_config", vec![Problem { pointer: pointer.into(), message: message.into() }])
    }

    /// Problems of a document, which was not what its type says.
    pub(crate) fn invalid(code: &str, problems: Vec<Problem>) -> Self {
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Self::new(code, lines.join("\n")).with_details(json!({ "problems": problems }))
    }

    /// The places of a document that are not as they should be, where that is what this says.
    pub fn problems(&self) -> Vec<Problem> {
        let problems = self.details.as_ref().and_then(|details| details.get("problems"));
        problems.and_then(|problems| Vec::deserialize(problems).ok()).unwrap_or_default()
    }

    /// It may pass by itself.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// It may pass by itself, and not sooner than in so many seconds.
    #[must_use]
    pub fn retryable_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self.retryable()
    }

    /// It is not known whether it was done all the same.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// With more to look into.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(Box::new(details.into()));
        self
    }

    /// What a call that was cancelled ends with.
    pub fn cancelled() -> Self {
        Self::new("cancelled", "The step was cancelled.")
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for StepError {}

/// Something wrong at a place of a configuration or of params.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The place, as a JSON pointer (RFC 6901): `/api/url`; empty where it is the whole.
    pub pointer: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.pointer, self.message)
    }
}
