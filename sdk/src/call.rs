//! What a step is given beside its configuration: the call that it works for.

use std::{
    fmt::{self, Display},
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use crate::{
    document::{Input, Instant, Task, User, Workflow},
    host::{Host, Level},
    http::Http,
};

/// What a step can ask of its host while it works: in `new`, and, as a part of [`Call`], in `run`.
#[derive(Debug, Clone)]
pub struct Context {
    host: Host,
    call: u64,
    cancelled: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(host: Host, call: u64) -> Self {
        Self { host, call, cancelled: Arc::default() }
    }

    pub(crate) fn with_cancelled(mut self, cancelled: Arc<AtomicBool>) -> Self {
        self.cancelled = cancelled;
        self
    }

    /// How long the call may still take; `None` where it has no limit. What comes later is not heard.
    pub fn remaining(&self) -> Option<Duration> {
        self.host.remaining(self.call)
    }

    /// Nobody wants the answer any more: return soon, with [`StepError::cancelled`](crate::StepError::cancelled) for instance. A step
    /// that loops or waits looks here from time to time; of an asynchronous one, the future is dropped.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) || self.host.is_cancelled(self.call)
    }

    /// Tells the people who look at the execution how far it has come.
    pub fn progress(&self, message: impl Display) {
        self.host.progress(self.call, &message.to_string());
    }

    /// A line for the server's log, where it stands under the execution.
    pub fn log(&self, level: Level, message: impl Display) {
        self.host.log(self.call, level, &message.to_string());
    }

    /// [`Self::log`] of what somebody must do something about.
    pub fn error(&self, message: impl Display) {
        self.log(Level::Error, message);
    }

    /// [`Self::log`] of what is not as it should be.
    pub fn warn(&self, message: impl Display) {
        self.log(Level::Warn, message);
    }

    /// [`Self::log`] of what was done.
    pub fn info(&self, message: impl Display) {
        self.log(Level::Info, message);
    }

    /// [`Self::log`] for who looks for a mistake.
    pub fn debug(&self, message: impl Display) {
        self.log(Level::Debug, message);
    }

    /// Calls other servers, through the server's client and under its rules of who may be called.
    pub fn http(&self) -> Http {
        Http::new(self.host, self.call)
    }
}

/// One run of a step: what it is about, and, by [`Context`], what it can ask for.
///
/// `P` are the step's params.
pub struct Call<P = ()> {
    /// What this use of the step says, with the templates in it filled in.
    pub params: P,
    /// The name of the action that is performed.
    pub action: String,
    /// Who performs it.
    pub user: User,
    /// The task as it is now.
    pub task: Task,
    /// The execution's id: the same over all tries.
    pub execution: String,
    /// Which try this is, from 1 on.
    pub attempt: u32,
    /// Whose task it is.
    pub workflow: Workflow,
    /// The id of the step in its action; with the execution's it names what this run does, over all tries. None of an older server.
    pub step: Option<String>,
    now: SystemTime,
    today: Option<String>,
    last_stage: Option<String>,
    context: Context,
}

impl<P> Call<P> {
    /// `input.params` were read into `params`.
    pub(crate) fn new(params: P, input: Input, context: Context) -> Self {
        let Input {
            action,
            user,
            task,
            params: _,
            execution,
            attempt,
            workflow,
            step,
            now,
            today,
            last_stage,
        } = input;
        let now = now.and_then(|now| now.time()).unwrap_or_else(SystemTime::now);
        Self {
            params,
            action,
            user,
            task,
            execution,
            attempt,
            workflow,
            step,
            now,
            today,
            last_stage,
            context,
        }
    }

    /// What time it was by the server's clock when the run began; by the system's where the server did not say. What is to happen
    /// later counts from here, so that a test has it in its hand.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// So long after [`Self::now`].
    pub fn later(&self, pause: impl Into<Duration>) -> Instant {
        Instant::later(self.now, pause.into())
    }

    /// The day that it is in the workspace's time zone, `YYYY-MM-DD`, as a date of the task's is written; in UTC where the server did not say.
    pub fn today(&self) -> String {
        self.today.clone().unwrap_or_else(|| {
            let now = Instant::from(self.now).to_string();
            now.split('T').next().unwrap_or_default().to_owned()
        })
    }

    /// The stage in which this execution last saw the task, or into which it has put it: what an answer that moves the task
    /// [expects](crate::Answer::expect), so that nobody's move meanwhile is undone. The task's own where the server did not say.
    pub fn last_stage(&self) -> &str {
        self.last_stage.as_deref().unwrap_or_else(|| self.task.stage())
    }
}

impl<P> Deref for Call<P> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl<P> fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Params and the task may have what no log should.
        let mut call = f.debug_struct("Call");
        call.field("action", &self.action)
            .field("execution", &self.execution)
            .field("attempt", &self.attempt);
        call.finish_non_exhaustive()
    }
}
