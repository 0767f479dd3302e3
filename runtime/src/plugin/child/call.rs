//! A run of a process, and its requests, as the keeper knows them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use onward_sdk::{document::Answer, http::HttpError};
use tokio::sync::{mpsc, oneshot};

use super::{
    Shared, after,
    frame::{self, Frame},
    keeper::{Command, Live},
    process::Process,
};
use crate::plugin::{
    calls::Here,
    runner::{HttpAnswer, RunError, Use},
};

/// A run that has not ended.
pub(super) struct Call {
    pub(super) used: Arc<Use>,
    /// Until the library sees it.
    pub(super) input: Vec<u8>,
    pub(super) deadline: Instant,
    pub(super) within: Duration,
    pub(super) listener: Here,
    pub(super) told: oneshot::Sender<Result<Answer, RunError>>,
    pub(super) stage: Stage,
    pub(super) shared: Arc<Shared>,
    /// Whoever cancels a run that has ended need not say so.
    pub(super) is_over: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    /// The process has it, the library has not seen it as far as is known.
    Handed,
    /// The same; its time is over, and the process is to say whether the library has seen it.
    HandedLate,
    Begun,
}

impl Call {
    pub(super) fn new(
        used: Arc<Use>,
        input: Vec<u8>,
        within: Duration,
        listener: Here,
        told: oneshot::Sender<Result<Answer, RunError>>,
        shared: Arc<Shared>,
    ) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        let deadline = after(Instant::now(), within);
        let (stage, is_over) = (Stage::Waiting, Arc::default());
        Self { used, input, deadline, within, listener, told, stage, shared, is_over }
    }

    pub(super) fn tell(self, told: Result<Answer, RunError>) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        self.is_over.store(true, Ordering::Release);
        let _nobody_waits = self.told.send(told);
    }

    pub(super) fn forget(self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn send(process: &Process, id: u64, frame: &Frame) {
    // None of these is too large.
    if let Ok(bytes) = frame.bytes(id) {
        process.send(bytes);
    }
}

pub(super) fn hand_over(live: &mut Live, id: u64, call: &mut Call, now: Instant) -> Result<(), String> {
    let used = call.used.id;
    let within = call.deadline.saturating_duration_since(now);
    let run = frame::run(id, used, within, &call.input).map_err(|error| error.to_string())?;
    if !call.shared.gate.knows(used) {
        let step = u32::try_from(call.used.step).unwrap_or(u32::MAX);
        live.process.hide(&call.used.redactor);
        let known = Frame::Use { step, config: call.used.config.clone() };
        live.process.send(known.bytes(used).map_err(|error| error.to_string())?);
        // Not before: whoever hands a run over after this need not wait for it.
        call.shared.gate.learn(used);
    }
    live.process.send(run);
    call.stage = Stage::Handed;
    Ok(())
}

pub(super) fn answer_request(process: &Process, number: u64, answer: HttpAnswer) {
    let bytes = (Frame::Answer { number, answer }).bytes(0).or_else(|error| {
        let answer = Err(HttpError::sent("answer_too_large", error.to_string()));
        Frame::Answer { number, answer }.bytes(0)
    });
    if let Ok(bytes) = bytes {
        process.send(bytes);
    }
}

/// What hears of the answer to a request: exactly once, so also when this is dropped.
pub(super) struct Reply {
    pub(super) back: mpsc::WeakUnboundedSender<Command>,
    pub(super) process: u64,
    pub(super) number: u64,
    pub(super) is_given: bool,
}

impl Reply {
    pub(super) fn give(mut self, answer: HttpAnswer) {
        self.hand_over(answer);
    }

    fn hand_over(&mut self, answer: HttpAnswer) {
        self.is_given = true;
        if let Some(back) = self.back.upgrade() {
            let Self { process, number, .. } = *self;
            let _ended_then = back.send(Command::Answer { process, number, answer });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_given {
            let why = "Nobody waits for the answer any more; whether the request was sent is not known.";
            self.hand_over(Err(HttpError::sent("cancelled", why)));
        }
    }
}
