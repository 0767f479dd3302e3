//! What the end of a call says; and the calls that ask a library what it is, which are waited for.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use onward_sdk::{
    StepError,
    abi::{STATUS_OK, STATUS_PANIC},
    description::Description,
};
use serde::de::DeserializeOwned;
use tracing::Span;

use super::{
    calls::{self, Ended, Here, Library},
    host::ANSWER_BYTES_MAX,
    load::StepTable,
};

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    #[error("{}", .0.message)]
    Step(Box<StepError>),
    #[error("the plugin panicked: {0}")]
    Panicked(String),
    #[error("the plugin's answer has {0} bytes; at most {ANSWER_BYTES_MAX} are taken")]
    TooLarge(usize),
    #[error("the plugin's answer cannot be read: {0}")]
    Unreadable(String),
    #[error("the plugin has not ended the call within {0:?}")]
    TimedOut(Duration),
    #[error("the plugin refused the configuration and did not say why")]
    Silent,
}

impl CallError {
    /// Stable, for programs; of the step's own errors, theirs.
    pub fn code(&self) -> &str {
        match self {
            Self::Step(error) => &error.code,
            Self::Panicked(_) => "plugin_panicked",
            Self::TooLarge(_) => "plugin_answer_too_large",
            Self::Unreadable(_) => "plugin_answer_unreadable",
            Self::TimedOut(_) => "plugin_timed_out",
            Self::Silent => "plugin_silent",
        }
    }
}

/// What a call's end says.
pub(super) fn read<T: DeserializeOwned>(ended: Ended) -> Result<T, CallError> {
    let bytes = ended.bytes.map_err(CallError::TooLarge)?;
    let unreadable = |error: &dyn std::fmt::Display| CallError::Unreadable(error.to_string());
    match ended.status {
        STATUS_OK => serde_json::from_slice(&bytes).map_err(|error| unreadable(&error)),
        STATUS_PANIC => Err(CallError::Panicked(String::from_utf8_lossy(&bytes).into_owned())),
        _ => match serde_json::from_slice(&bytes) {
            Ok(error) => Err(CallError::Step(Box::new(error))),
            Err(error) => Err(unreadable(&format!("it is to be an error, and is none: {error}"))),
        },
    }
}

/// Asks a step type what it is.
///
/// # Errors
/// Why it does not say. One that never does keeps its thread.
pub fn describe(step: StepTable, within: Duration) -> Result<Description, CallError> {
    let (ended, answer) = mpsc::sync_channel(1);
    let listener = Arc::new(Here::alone(Span::current()));
    let deadline = Instant::now() + within;
    let call = calls::begin(&Library::of(0), Some(deadline), listener, move |it| drop(ended.send(it)));
    thread::spawn(move || step.describe(call));
    match answer.recv_timeout(within) {
        Ok(ended) => read(ended),
        Err(_) => {
            calls::retire(call);
            Err(CallError::TimedOut(within))
        }
    }
}
