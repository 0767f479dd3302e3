//! What a server and a process that runs a plugin for it say to each other: frames of a length, a kind, a number (of a run, or of a use) and a body.
//!
//! What comes from the other side may be anything: a plugin can write to every descriptor of its process.

use std::time::Duration;

use onward_sdk::{description::Description, http::RequestDocument};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::plugin::{
    call::CallError,
    runner::{HttpAnswer, RunError},
};

/// Of both sides: they are the same program, so that this changes only while one is replaced under a running server.
pub(super) const PROTOCOL: u32 = 1;

/// The longest that what follows a frame's length may be.
const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The kind of [`Frame::Run`].
const RUN: u8 = 5;

/// Length, kind and number.
const HEAD_BYTES: usize = 4 + 1 + 8;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// Of the process, first: what it has loaded.
    Hello(Hello),
    /// Of the process, first: why it has loaded nothing.
    Refused(Problem),
    /// A use of a step type, before the first run of it.
    Use { step: u32, config: Vec<u8> },
    /// It is not run any more.
    Forget,
    /// A run is to be made.
    Run { used: u64, within: Duration, input: Vec<u8> },
    /// Nobody wants a run any more; its end is not told.
    Cancel,
    /// Of the process: the library is about to see a run.
    Begun,
    /// A run has ended so.
    Done { status: u32, bytes: Vec<u8> },
    /// A run has ended with so many bytes, which are not taken.
    TooLarge(u64),
    /// A run has ended without the library.
    Failed(Failure),
    /// A line of the log, at one of the boundary's levels.
    Log { level: u32, line: String },
    /// How far a run has come.
    Progress(String),
    /// A run wants a request sent; the number is the request's.
    Request { number: u64, request: RequestDocument },
    /// What became of it.
    Answer { number: u64, answer: HttpAnswer },
    /// So many threads do not come back from runs whose time is over.
    Stuck(u32),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    pub(super) sha256: String,
    pub(super) steps: Vec<Description>,
}

/// A stable code, and words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) message: String,
}

/// How a run ends without the library's doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Failure {
    Busy(String),
    Quarantined(String),
    TimedOut(Duration),
    Silent,
    Other(String),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NotBegun { code: "plugin_quarantined", message } => Self::Quarantined(message),
            RunError::NotBegun { message, .. } => Self::Busy(message),
            RunError::Call(CallError::TimedOut(within)) => Self::TimedOut(within),
            RunError::Call(CallError::Silent) => Self::Silent,
            RunError::Call(error) => Self::Other(error.to_string()),
            RunError::Died(message) => Self::Other(message),
        }
    }
}

impl From<Failure> for RunError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy(message) => Self::NotBegun { code: "plugin_busy", message },
            Failure::Quarantined(message) => Self::NotBegun { code: "plugin_quarantined", message },
            Failure::TimedOut(within) => Self::Call(CallError::TimedOut(within)),
            Failure::Silent => Self::Call(CallError::Silent),
            Failure::Other(message) => Self::Died(message),
        }
    }
}

/// Why what came is no frame, or cannot be sent as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes; at most {FRAME_BYTES_MAX} are possible")]
    TooLarge(usize),
    #[error("a frame of {0} bytes, too few to be one")]
    TooShort(usize),
    #[error("a frame of the kind {0}, which is none")]
    Unknown(u8),
    #[error("a frame of the kind {kind} that cannot be read: {why}")]
    Unreadable { kind: u8, why: String },
}

impl Frame {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 1,
            Self::Refused(_) => 2,
            Self::Use { .. } => 3,
            Self::Forget => 4,
            Self::Run { .. } => RUN,
            Self::Cancel => 6,
            Self::Begun => 7,
            Self::Done { .. } => 8,
            Self::TooLarge(_) => 9,
            Self::Failed(_) => 10,
            Self::Log { .. } => 11,
            Self::Progress(_) => 12,
            Self::Request { .. } => 13,
            Self::Answer { .. } => 14,
            Self::Stuck(_) => 15,
        }
    }

    /// Whether it tells of a run, and asks for nothing.
    pub(super) fn is_of_a_run(&self) -> bool {
        matches!(
            self,
            Self::Begun
                | Self::Done { .. }
                | Self::TooLarge(_)
                | Self::Failed(_)
                | Self::Log { .. }
                | Self::Progress(_)
        )
    }

    /// Bytes of a body that are not counted when it is written, about.
    fn length(&self) -> usize {
        match self {
            Self::Use { config: bytes, .. } | Self::Run { input: bytes, .. } | Self::Done { bytes, .. } => {
                bytes.len()
            }
            _ => 0,
        }
    }

    /// The frame's bytes.
    pub(super) fn bytes(&self, id: u64) -> Result<Vec<u8>, FrameError> {
        let mut bytes = begun(self.kind(), id, self.length());
        let unreadable =
            |error: serde_json::Error| FrameError::Unreadable { kind: self.kind(), why: error.to_string() };
        match self {
            Self::Forget | Self::Cancel | Self::Begun => Ok(()),
            Self::Hello(hello) => serde_json::to_writer(&mut bytes, hello),
            Self::Refused(problem) => serde_json::to_writer(&mut bytes, problem),
            Self::Failed(failure) => serde_json::to_writer(&mut bytes, failure),
            Self::Use { step, config } => {
                bytes.extend_from_slice(&step.to_le_bytes());
                bytes.extend_from_slice(config);
                Ok(())
            }
            Self::Run { used, within, input } => return run(id, *used, *within, input),
            Self::Done { status: number, bytes: rest } => {
                bytes.extend_from_slice(&number.to_le_bytes());
                bytes.extend_from_slice(rest);
                Ok(())
            }
            Self::TooLarge(length) => {
                bytes.extend_from_slice(&length.to_le_bytes());
                Ok(())
            }
            Self::Log { level, line } => {
                bytes.extend_from_slice(&level.to_le_bytes());
                bytes.extend_from_slice(line.as_bytes());
                Ok(())
            }
            Self::Progress(words) => {
                bytes.extend_from_slice(words.as_bytes());
                Ok(())
            }
            Self::Request { number, request } => {
                bytes.extend_from_slice(&number.to_le_bytes());
                serde_json::to_writer(&mut bytes, request)
            }
            Self::Answer { number, answer } => {
                bytes.extend_from_slice(&number.to_le_bytes());
                serde_json::to_writer(&mut bytes, answer)
            }
            Self::Stuck(count) => {
                bytes.extend_from_slice(&count.to_le_bytes());
                Ok(())
            }
        }
        .map_err(unreadable)?;
        ended(bytes)
    }

    fn read(kind: u8, body: &[u8]) -> Result<Self, FrameError> {
        let mut body = Body { kind, rest: body };
        Ok(match kind {
            1 => Self::Hello(body.json()?),
            2 => Self::Refused(body.json()?),
            3 => Self::Use { step: body.u32()?, config: body.rest.to_vec() },
            4 => Self::Forget,
            RUN => Self::Run {
                used: body.u64()?,
                within: Duration::from_nanos(body.u64()?),
                input: body.rest.to_vec(),
            },
            6 => Self::Cancel,
            7 => Self::Begun,
            8 => Self::Done { status: body.u32()?, bytes: body.rest.to_vec() },
            9 => Self::TooLarge(body.u64()?),
            10 => Self::Failed(body.json()?),
            11 => Self::Log { level: body.u32()?, line: body.text() },
            12 => Self::Progress(body.text()),
            13 => Self::Request { number: body.u64()?, request: body.json()? },
            14 => Self::Answer { number: body.u64()?, answer: body.json()? },
            15 => Self::Stuck(body.u32()?),
            other => return Err(FrameError::Unknown(other)),
        })
    }
}

/// What a frame begins with; room for a body of so many bytes, about.
fn begun(kind: u8, id: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 2 * size_of::<u64>() + length);
    bytes.extend_from_slice(&[0; 4]);
    bytes.push(kind);
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes
}

/// A frame whose body is there.
fn ended(mut bytes: Vec<u8>) -> Result<Vec<u8>, FrameError> {
    let length = bytes.len() - 4;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge(length));
    }
    let length = u32::try_from(length).map_err(|_| FrameError::TooLarge(length))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// The bytes of [`Frame::Run`], of an input that is not a frame's own.
pub(super) fn run(id: u64, used: u64, within: Duration, input: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut bytes = begun(RUN, id, input.len());
    let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&used.to_le_bytes());
    bytes.extend_from_slice(&within.to_le_bytes());
    bytes.extend_from_slice(input);
    ended(bytes)
}

/// What is left of a frame's body.
struct Body<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl Body<'_> {
    fn number<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let Some((number, rest)) = self.rest.split_first_chunk() else {
            return Err(FrameError::Unreadable { kind: self.kind, why: "it ends too soon".to_owned() });
        };
        self.rest = rest;
        Ok(*number)
    }

    fn u32(&mut self) -> Result<u32, FrameError> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, FrameError> {
        self.number().map(u64::from_le_bytes)
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        serde_json::from_slice(self.rest)
            .map_err(|error| FrameError::Unreadable { kind: self.kind, why: error.to_string() })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.rest).into_owned()
    }
}

/// Makes frames of what comes, in whichever pieces.
#[derive(Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// Of these, the ones that were read.
    read: usize,
}

impl Decoder {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        // What was read makes room for what comes.
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame and its number, once it is whole.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Frame)>, FrameError> {
        let rest = &self.bytes[self.read..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge(length));
        }
        if length < HEAD_BYTES - 4 {
            return Err(FrameError::TooShort(length));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        self.read += 4 + length;
        let mut body = Body { kind: frame[0], rest: &frame[1..] };
        let id = body.u64()?;
        Frame::read(body.kind, body.rest).map(|frame| Some((id, frame)))
    }

    /// Whether a frame has begun that is not whole.
    pub(super) fn is_within(&self) -> bool {
        self.read < self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use onward_sdk::http::{Body, HttpError, ResponseDocument};
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..200)
    }

    fn frame() -> impl Strategy<Value = Frame> {
        let document = (".*", bytes()).prop_map(|(url, body)| RequestDocument {
            method: "POST".to_owned(),
            url,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: Body::from(body),
            timeout_ms: None,
        });
        let response = (any::<u16>(), bytes()).prop_map(|(status, body)| {
            Ok(ResponseDocument { status, headers: Vec::new(), body: Body::from(body) })
        });
        prop_oneof![
            ".*".prop_map(|sha256| Frame::Hello(Hello { protocol: PROTOCOL, sha256, steps: Vec::new() })),
            (".*", ".*").prop_map(|(code, message)| Frame::Refused(Problem { code, message })),
            (any::<u32>(), bytes()).prop_map(|(step, config)| Frame::Use { step, config }),
            Just(Frame::Forget),
            (any::<u64>(), any::<u64>(), bytes()).prop_map(|(used, within, input)| Frame::Run {
                used,
                within: Duration::from_nanos(within),
                input
            }),
            Just(Frame::Cancel),
            Just(Frame::Begun),
            (any::<u32>(), bytes()).prop_map(|(status, bytes)| Frame::Done { status, bytes }),
            any::<u64>().prop_map(Frame::TooLarge),
            ".*".prop_map(|why| Frame::Failed(Failure::Busy(why))),
            Just(Frame::Failed(Failure::Silent)),
            (any::<u32>(), ".*").prop_map(|(level, line)| Frame::Log { level, line }),
            ".*".prop_map(Frame::Progress),
            (any::<u64>(), document).prop_map(|(number, request)| Frame::Request { number, request }),
            (any::<u64>(), response).prop_map(|(number, answer)| Frame::Answer { number, answer }),
            (any::<u64>(), ".*").prop_map(|(number, why)| Frame::Answer {
                number,
                answer: Err(HttpError::not_sent("a", why))
            }),
            any::<u32>().prop_map(Frame::Stuck),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            frames in prop::collection::vec((any::<u64>(), frame()), 0..8),
            piece in 1_usize..50,
        ) {
            let sent: Vec<u8> =
                frames.iter().flat_map(|(id, frame)| frame.bytes(*id).expect("small")).collect();
            let (mut decoder, mut come) = (Decoder::default(), Vec::new());
            for piece in sent.chunks(piece) {
                decoder.feed(piece);
                while let Some(frame) = decoder.next().expect("frames") {
                    come.push(frame);
                }
            }
            prop_assert!(!decoder.is_within());
            prop_assert_eq!(come, frames);
        }

        #[test]
        fn whatever_comes_is_a_frame_or_none(pieces in prop::collection::vec(bytes(), 0..8)) {
            let mut decoder = Decoder::default();
            for piece in pieces {
                decoder.feed(&piece);
                while let Ok(Some((id, frame))) = decoder.next() {
                    prop_assert!(frame.bytes(id).is_ok());
                }
            }
        }

        /// Heads that are sound, so that the bodies are looked at.
        #[test]
        fn whatever_a_body_is(kind in any::<u8>(), body in bytes()) {
            if let Ok(frame) = Frame::read(kind, &body) {
                prop_assert_eq!(frame.kind(), kind);
            }
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_the_rest_has_come() {
        for (length, error) in [
            (u32::MAX, FrameError::TooLarge(u32::MAX as usize)),
            (FRAME_BYTES_MAX as u32 + 1, FrameError::TooLarge(FRAME_BYTES_MAX + 1)),
            (8, FrameError::TooShort(8)),
            (0, FrameError::TooShort(0)),
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(&length.to_le_bytes());
            assert_eq!(decoder.next(), Err(error));
        }
        let huge = Frame::Done { status: 0, bytes: vec![0; FRAME_BYTES_MAX] };
        assert!(matches!(huge.bytes(1), Err(FrameError::TooLarge(_))));
    }
}
