//! What a case is: what a receiver does, move by move, and what is expected of the server that called it.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Connection, Over, Then};

/// Between two things that are to be seen apart.
const PAUSE: Duration = Duration::from_millis(50);
const DRIP_EVERY: Duration = Duration::from_millis(20);
/// What a person reads, in bytes, has an end, whatever the receiver sent; and so has what is kept.
const SAID_BYTES_MAX: usize = 40_000;
const RECORD_BYTES_MAX: usize = 200_000;

/// One thing that a receiver does.
#[derive(Clone, Copy)]
pub(super) enum Move {
    /// Takes a whole request.
    Request,
    /// Takes no more of a request than comes first.
    Beginning,
    /// Takes bytes that are no request.
    Hello,
    /// Says exactly this.
    Raw(&'static str),
    /// Says a status line, header lines, and the empty line.
    Head(&'static str, &'static str),
    /// Says a whole answer: its status and its body, with a length.
    Answer(&'static str, &'static str),
    /// Says it so many times.
    Again(&'static str, usize),
    /// Says it, slowly, until the other side is gone.
    Drip(&'static str),
    /// Says it as fast as it is taken, until the other side is gone.
    Pour(&'static str),
    /// Waits so that what was said is read.
    Pause,
    /// Waits until the execution has ended.
    Ended,
    Do(fn(&mut Connection)),
}

impl Move {
    pub(super) fn make(self, connection: &mut Connection) {
        match self {
            Self::Request => _ = connection.request(),
            Self::Beginning => _ = connection.beginning(),
            Self::Hello => _ = connection.receive(),
            Self::Raw(text) => _ = connection.say(text),
            Self::Head(status, lines) => _ = connection.say(format!("HTTP/1.1 {status}\r\n{lines}\r\n\r\n")),
            Self::Answer(status, body) => answer(connection, status, body),
            Self::Again(text, times) => _ = connection.say(text.repeat(times)),
            Self::Drip(text) => connection.drip(text, DRIP_EVERY),
            Self::Pour(text) => connection.pour(text),
            Self::Pause => thread::sleep(PAUSE),
            Self::Ended => connection.wait_for_end(),
            Self::Do(what) => what(connection),
        }
    }
}

pub(super) fn answer(connection: &mut Connection, status: &str, body: &str) {
    connection.say(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

/// How a case ends.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    state: &'static str,
    code: &'static str,
    /// A part of what the person gets: of the error, or of the attempt's warnings.
    says: &'static str,
}

pub(super) const fn failed(code: &'static str, says: &'static str) -> Ending {
    Ending { state: "failed", code, says }
}

pub(super) const fn unknown(code: &'static str, says: &'static str) -> Ending {
    Ending { state: "unknown", code, says }
}

pub(super) const fn succeeded(says: &'static str) -> Ending {
    Ending { state: "succeeded", code: "", says }
}

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) moves: Vec<Move>,
    pub(super) then: Then,
    ending: Ending,
    pub(super) over: Over,
    /// Further lines of the step.
    pub(super) params: &'static str,
    /// The status that the attempt's record shows; none where no complete head came.
    status: Option<u16>,
    /// What the answer put into the task.
    pub(super) answer: Option<&'static str>,
    /// How many requests the receiver sees: never two.
    pub(super) requests: usize,
    /// The request is larger than what sockets take at once.
    pub(super) upload: bool,
    /// The next call comes after all of the moves, and not as soon as this one has ended.
    pub(super) then_next: bool,
    /// The receiver sends as much as it can, or something that grows.
    pub(super) flood: bool,
}

/// By default over plain TCP, one small request is seen, no complete head comes, and the task stays.
pub(super) fn case<const N: usize>(name: &'static str, moves: [Move; N], then: Then, ending: Ending) -> Case {
    let (over, params, moves) = (Over::Tcp, "", moves.into());
    let (status, answer, requests) = (None, None, 1);
    let (upload, then_next, flood) = (false, false, false);
    Case { name, moves, then, ending, over, params, status, answer, requests, upload, then_next, flood }
}

impl Case {
    pub(super) fn over(self, over: Over) -> Self {
        Self { over, ..self }
    }

    pub(super) fn with(self, params: &'static str) -> Self {
        Self { params, ..self }
    }

    pub(super) fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    pub(super) fn answer(self, answer: &'static str) -> Self {
        Self { answer: Some(answer), ..self }
    }

    /// No byte of the request leaves.
    pub(super) fn unsent(self) -> Self {
        Self { requests: 0, ..self }
    }

    pub(super) fn upload(self) -> Self {
        Self { upload: true, ..self }
    }

    pub(super) fn then_next(self) -> Self {
        Self { then_next: true, ..self }
    }

    pub(super) fn flood(self) -> Self {
        Self { flood: true, ..self }
    }

    /// What is not as expected of the execution.
    pub(super) fn problems(&self, execution: &Value) -> Vec<String> {
        let Ending { state, code, says } = self.ending;
        let attempt = &execution["attempts"][0];
        let said = if state == "succeeded" { &attempt["warnings"] } else { &execution["errors"] }.to_string();
        let response = &attempt["record"]["response"];
        let mut problems = Vec::new();
        let mut expect = |is_right: bool, what: String| {
            if !is_right {
                let shown: String = execution.to_string().chars().take(2000).collect();
                problems.push(format!("{what}: {shown}"));
            }
        };
        expect(execution["state"] == state && attempt["outcome"] == state, format!("it is not {state}"));
        expect(execution["code"].as_str().unwrap_or_default() == code, format!("its code is not {code}"));
        expect(said.contains(says), format!("it does not say {says:?}"));
        expect(
            response["status"] == json!(self.status),
            format!("its record's status is not {:?}", self.status),
        );
        expect(said.len() <= SAID_BYTES_MAX, "what it says is too long".to_owned());
        expect(attempt["record"].to_string().len() <= RECORD_BYTES_MAX, "its record is too long".to_owned());
        expect(
            execution["attempts"].as_array().map(Vec::len) == Some(1),
            "there is not one attempt".to_owned(),
        );
        problems
    }
}
