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
    document::Answer,
};
use serde::de::DeserializeOwned;
use tracing::Span;

use super::{
    calls::{self, Ended, Here, Library},
    host::ANSWER_BYTES_MAX,
    load::{Instance, StepTable},
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
    let call = begin(within, move |it| drop(ended.send(it)));
    thread::spawn(move || step.describe(call));
    read(wait(call, &answer, within)?)
}

/// Makes an instance, for who tries a library.
///
/// # Errors
/// Why there is none.
pub fn create(step: StepTable, config: Vec<u8>, within: Duration) -> Result<Arc<Instance>, CallError> {
    let (ended, answer) = mpsc::sync_channel(2);
    let made = ended.clone();
    let call = begin(within, move |it| drop(ended.send(Err(it))));
    thread::spawn(move || {
        let instance = step.create(call, &config).map(Arc::new);
        // What `done` says of it comes first.
        drop(made.send(Ok(instance)));
    });
    let first = wait(call, &answer, within)?;
    calls::close(call);
    match first {
        Ok(Some(instance)) => Ok(instance),
        Ok(None) => Err(CallError::Silent),
        Err(ended) => read::<serde::de::IgnoredAny>(ended).and(Err(CallError::Silent)),
    }
}

/// Runs an instance once, for who tries a library.
///
/// # Errors
/// Why there is no answer.
pub fn run(instance: &Arc<Instance>, input: Vec<u8>, within: Duration) -> Result<Answer, CallError> {
    let (ended, answer) = mpsc::sync_channel(1);
    let call = begin(within, move |it| drop(ended.send(it)));
    let running = Arc::clone(instance);
    thread::spawn(move || running.run(call, &input));
    let ended = wait(call, &answer, within).inspect_err(|_| {
        // It may still be at work in the library: it is never given back.
        std::mem::forget(Arc::clone(instance));
        let instance = Arc::clone(instance);
        thread::spawn(move || instance.cancel(call));
    })?;
    read(ended)
}

/// How often a library that is tried so has ended a call that was not open.
pub fn stray() -> u64 {
    Library::of(0).stray()
}

fn begin(within: Duration, ended: impl FnOnce(Ended) + Send + 'static) -> u64 {
    let listener = Arc::new(Here::alone(Span::current()));
    calls::begin(&Library::of(0), Some(Instant::now() + within), listener, ended)
}

fn wait<T>(call: u64, answer: &mpsc::Receiver<T>, within: Duration) -> Result<T, CallError> {
    answer.recv_timeout(within).map_err(|_| {
        calls::retire(call);
        CallError::TimedOut(within)
    })
}
