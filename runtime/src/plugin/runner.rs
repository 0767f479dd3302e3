//! Where a plugin's steps run, as whoever uses them sees it: in this process or in another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use onward_sdk::{
    document::Answer,
    http::{HttpError, RequestDocument, ResponseDocument},
};
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::call::CallError;
use crate::model::secret::Redactor;

/// Requests of one call that wait to be sent.
pub const REQUESTS_MAX: usize = 64;

/// How long instances have to be given back, and a process to end, when a runner is stopped.
pub const STOP_MAX: Duration = Duration::from_secs(2);

/// Runs the step types of one library.
pub trait Runner: Send + Sync {
    /// Runs a use once; its instance is made first where there is none. Never blocks, and needs no runtime.
    fn run(&self, run: Run) -> Running;

    /// Lets go of a use: its instance is given back when its last call has ended.
    fn forget(&self, used: &Use);

    /// How it is, for people.
    fn state(&self) -> RunnerState;

    /// Ends what it has begun: the server stops. Blocks, at most [`STOP_MAX`].
    fn stop(&self);
}

/// One use of a step type: an instance is made for each.
#[derive(Debug)]
pub struct Use {
    /// Never used again.
    pub id: u64,
    /// Which of the library's step types.
    pub step: usize,
    /// What the instance is made of, JSON. There are secrets in it.
    pub config: Vec<u8>,
    /// Takes these out of what the plugin says.
    pub redactor: Redactor,
}

impl Use {
    pub fn new(step: usize, config: Vec<u8>, redactor: Redactor) -> Arc<Self> {
        static NEWEST: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEWEST.fetch_add(1, Ordering::Relaxed) + 1, step, config, redactor })
    }
}

/// What a run is.
#[derive(Debug)]
pub struct Run {
    pub used: Arc<Use>,
    /// The document that the step is given, JSON.
    pub input: Vec<u8>,
    /// How long it may take from now on, waiting and the making of an instance included.
    pub within: Duration,
    /// What its lines in the log are about.
    pub span: Span,
}

/// A run under way. Dropped before its end, it is cancelled, and nobody hears of it any more.
pub struct Running {
    pub ended: oneshot::Receiver<Result<Answer, RunError>>,
    /// What it asks to be sent meanwhile.
    pub requests: mpsc::Receiver<HttpRequest>,
    /// Cancels it when it is dropped.
    pub cancels: Box<dyn Send>,
}

/// A request that a plugin wants sent by the server's client. One that is dropped without an answer is answered for: that it may have been
/// sent.
pub struct HttpRequest {
    pub request: RequestDocument,
    pub answer: Box<dyn FnOnce(HttpAnswer) + Send>,
}

/// What became of such a request.
pub type HttpAnswer = Result<ResponseDocument, HttpError>;

/// Why a run has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// The library never saw the call.
    #[error("{message}")]
    NotBegun { code: &'static str, message: String },
    /// The process in which it ran has ended.
    #[error("{0}")]
    Died(String),
}

impl RunError {
    pub fn code(&self) -> &str {
        match self {
            Self::Call(error) => error.code(),
            Self::NotBegun { code, .. } => code,
            Self::Died(_) => "plugin_died",
        }
    }
}

/// How much of the machine a plugin is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerSettings {
    /// Threads that run its steps, of which each is held as long as `run` takes.
    pub threads: usize,
    /// Runs that wait for a thread.
    pub queue_max: usize,
    /// How much address space its process may take beyond what it has when it begins.
    pub memory_bytes_max: u64,
    /// Without a run for so long, its process is ended.
    pub idle: Duration,
    /// How long after the end of its time a run may still hold its thread, before that counts as stuck.
    pub grace: Duration,
    /// How long it is waited before a process that has ended is started again: nothing the first time, so long the second time, twice
    /// as long each time after it.
    pub again_first: Duration,
    /// After how many ends within [`ENDS_WITHIN`] it is quarantined.
    pub ends_max: usize,
    /// How long it then is not started.
    pub quarantine: Duration,
}

/// Ends of a plugin's process that are longer ago do not count.
pub const ENDS_WITHIN: Duration = Duration::from_secs(5 * 60);

/// The longest that it is waited before a process is started again.
pub const AGAIN_MAX: Duration = Duration::from_secs(30);

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            threads: 8,
            queue_max: 1_000,
            memory_bytes_max: 1 << 30,
            idle: Duration::from_secs(10 * 60),
            grace: Duration::from_secs(5),
            again_first: Duration::from_secs(1),
            ends_max: 5,
            quarantine: Duration::from_secs(5 * 60),
        }
    }
}

/// How a runner is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerState {
    /// It runs what comes, or starts when something comes.
    Ready,
    /// It has ended and is started again in a while.
    BackingOff { why: String },
    /// It ended, or was stuck, too often: nothing is run until the server starts anew, or a while has passed.
    Quarantined { why: String },
}
