//! The life of an execution: a pure state machine, and the records that it leaves.
//!
//! ```text
//! Queued ─turn─▶ Running ─step done─▶ Running (next step) … ─▶ Succeeded
//!  ▲  ▲             ├─ step failed ─▶ Failed          ├─ no answer, crash in mid-call ─▶ Unknown
//!  │  │               │ ▲ └ may be tried again ─▶ Retrying ─its instant─▶ Running (the same step)
//!  │  └────wake── Waiting ◀─ step waits               └─ cancel in mid-call ─▶ Unknown
//!  │                                     Failed, Unknown ─retry─▶ Queued, ─dismiss─▶ Dismissed
//!  └─type is back─ Blocked ◀─ its steps cannot be built      whatever has not ended ─cancel─▶ Cancelled
//! ```
//!
//! *Mid-call* means that the start of an external step is on disk and its result is not. Only there
//! can the world have changed without our knowing, so only there does a crash or a cancellation end
//! in Unknown.

use jiff::Timestamp;

use super::{
    id::{ActionId, ExecutionId, Place, StageId, TaskId, WorkflowId},
    user::Performer,
};

/// Whether running a step twice could do something twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effects {
    /// It changes nothing but the task: it may run again after a crash.
    None,
    /// It reaches outside: it never runs again without being asked to.
    External,
}

impl Effects {
    /// What [`Self::name`] may be.
    pub const NAMES: [&str; 2] = ["none", "external"];

    /// Stable, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::External => "external",
        }
    }
}

/// One performance of an action on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    pub id: ExecutionId,
    pub task: TaskId,
    pub workflow: WorkflowId,
    /// The workflow's version it began with, and keeps.
    pub version: u32,
    pub action: ActionId,
    pub performer: Performer,
    pub state: State,
    /// Attempts begun so far; the number of the latest one.
    pub attempts: u32,
    /// Its place in its task's line. Grows each time it queues anew, so that who wakes or is retried
    /// stands behind those who came meanwhile.
    pub place: Place,
    /// The stage it last saw (at its start, on waking, on Retry) or last wrote; what `stage_changed`
    /// compares with. `None` while it is to look anew when its turn comes.
    pub stage: Option<StageId>,
    /// The entry of its task's history after which it began; what it has changed comes later. `None`
    /// until it begins.
    pub began_after: Option<u64>,
    /// Whether it has deleted its task itself. Then later steps see the last snapshot.
    pub task_deleted: bool,
    /// How often the external step it stands at was tried without a person asking.
    pub tries: u32,
    /// How many executions led to it, one calling for the next; 0 for one that nobody's call asked for.
    pub depth: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Has not its turn yet. `step` is where it will go on; `resumed` when it has run before, so
    /// that availability and requirements are not checked again.
    Queued {
        step: usize,
        resumed: bool,
    },
    /// The step is being run. `mid_call` when it is external and its start is on disk.
    Running {
        step: usize,
        mid_call: bool,
    },
    /// A try of an external step failed, and its author wants it tried again at an instant. It keeps its
    /// turn. `failure`: how the last try ended; `is_unknown`: it was sent and nobody answered.
    Retrying {
        until: Timestamp,
        failure: Failure,
        is_unknown: bool,
    },
    /// Parked until an instant; goes on with `step`.
    Waiting {
        step: usize,
        until: Timestamp,
    },
    /// Cannot go on: a step type it needs is not there. Tried again at each start.
    Blocked {
        step: usize,
        resumed: bool,
        why: String,
    },
    Succeeded,
    Failed(Failure),
    /// A call was sent and nobody knows whether it took effect.
    Unknown(Failure),
    Cancelled(Failure),
    /// A failure that a person has closed.
    Dismissed(Failure),
}

/// Where an execution ended, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step, counted from 0; where Retry goes on.
    pub step: usize,
    /// Stable, for programs: `http_status`, `timeout`, …
    pub code: String,
    /// For the person who performed the action.
    pub message: String,
}

/// What the public API says of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pending,
    Success,
    Fail,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    Done,
    /// Done, and the action ends here as a success.
    Stop,
    /// Done, and the next step must not begin before an instant.
    Wait {
        until: Timestamp,
    },
    Failed {
        code: String,
        message: String,
    },
    /// Sent, no answer.
    Unknown {
        code: String,
        message: String,
    },
}

impl StepEnd {
    /// What an attempt's record calls it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Done | Self::Stop | Self::Wait { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The code and the message of one that did not succeed.
    pub fn reason(&self) -> Option<(&str, &str)> {
        match self {
            Self::Done | Self::Stop | Self::Wait { .. } => None,
            Self::Failed { code, message } | Self::Unknown { code, message } => Some((code, message)),
        }
    }

    /// With the step's title before the message of a failure, so that the person is told which step.
    pub fn named(self, title: &str) -> Self {
        match self {
            Self::Failed { code, message } => Self::Failed { code, message: format!("{title}: {message}") },
            Self::Unknown { code, message } => Self::Unknown { code, message: format!("{title}: {message}") },
            other => other,
        }
    }
}

/// What can happen to an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its turn on the task came.
    Turn,
    /// The action is no longer possible: found when its turn came, or when its task was deleted.
    Refused {
        code: String,
        message: String,
    },
    StepEnded(StepEnd),
    /// The step failed, and is to be tried again at an instant.
    TriedInVain {
        end: StepEnd,
        until: Timestamp,
    },
    /// The instant it waited for is here.
    Woken,
    /// Its steps cannot be built on this server.
    Blocked {
        why: String,
    },
    /// The server stopped without saying so and is back.
    Crashed,
    Cancelled,
    /// A person asks to go on from the step that failed.
    Retried,
    Dismissed,
}

/// An event that the state does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an execution that is {state} cannot be {}", .event.verb())]
pub struct Illegal {
    state: &'static str,
    event: Event,
}

impl Event {
    /// What the event does to an execution, for texts.
    fn verb(&self) -> &'static str {
        match self {
            Self::Turn => "begun",
            Self::Refused { .. } => "refused",
            Self::StepEnded(_) | Self::TriedInVain { .. } => "told the end of a step",
            Self::Woken => "woken",
            Self::Blocked { .. } => "blocked",
            Self::Crashed => "recovered",
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
            Self::Dismissed => "dismissed",
        }
    }
}

/// Code and message of an execution whose call was cut off by a crash.
pub const INTERRUPTED: (&str, &str) = (
    "interrupted",
    "the server stopped while the call was under way; it was sent, and no answer is known. \
     Check at the receiver whether it took effect, then retry or dismiss",
);

impl State {
    /// The next state, given what each step of the chain does to the world.
    pub fn next(&self, event: Event, chain: &[Effects]) -> Result<Self, Illegal> {
        match (self, event) {
            (Self::Queued { step, .. }, Event::Turn) => Ok(Self::at(*step, chain)),
            (Self::Retrying { failure, .. }, Event::Turn) => Ok(Self::at(failure.step, chain)),
            // Whatever keeps it from being tried again: it was sent, and nobody knows what came of it.
            (
                Self::Retrying { failure, is_unknown: true, .. },
                Event::Refused { .. } | Event::Blocked { .. },
            ) => Ok(Self::Unknown(failure.clone())),
            (Self::Retrying { failure, .. }, Event::Refused { code, message }) => {
                Ok(Self::Failed(Failure { step: failure.step, code, message }))
            }
            (Self::Retrying { failure, is_unknown, .. }, Event::Cancelled) => Ok(if *is_unknown {
                Self::Unknown(failure.clone())
            } else {
                Self::Cancelled(failure.clone())
            }),
            (Self::Running { step, mid_call: true }, Event::TriedInVain { end, until }) => {
                match Self::after(*step, end, chain) {
                    Self::Failed(failure) => Ok(Self::Retrying { until, failure, is_unknown: false }),
                    Self::Unknown(failure) => Ok(Self::Retrying { until, failure, is_unknown: true }),
                    other => Ok(other),
                }
            }
            (
                Self::Queued { step, .. } | Self::Waiting { step, .. } | Self::Blocked { step, .. },
                Event::Refused { code, message },
            ) => Ok(Self::Failed(Failure { step: *step, code, message })),
            (Self::Queued { step, resumed }, Event::Blocked { why }) => {
                Ok(Self::Blocked { step: *step, resumed: *resumed, why })
            }
            (Self::Retrying { failure, .. }, Event::Blocked { why }) => {
                Ok(Self::Blocked { step: failure.step, resumed: true, why })
            }
            (Self::Running { step, .. }, Event::StepEnded(end)) => Ok(Self::after(*step, end, chain)),
            (Self::Waiting { step, .. }, Event::Woken) => Ok(Self::Queued { step: *step, resumed: true }),
            (_, Event::Crashed) => Ok(self.recovered()),
            (
                Self::Queued { step, .. }
                | Self::Waiting { step, .. }
                | Self::Blocked { step, .. }
                | Self::Running { step, mid_call: false },
                Event::Cancelled,
            ) => {
                let message = "cancelled before the step began".to_owned();
                Ok(Self::Cancelled(Failure { step: *step, code: "cancelled".to_owned(), message }))
            }
            (Self::Running { step, mid_call: true }, Event::Cancelled) => {
                let message = "cancelled while the call was under way: sent, no answer".to_owned();
                Ok(Self::Unknown(Failure { step: *step, code: "cancelled".to_owned(), message }))
            }
            (Self::Failed(failure) | Self::Unknown(failure), Event::Retried) => {
                Ok(Self::Queued { step: failure.step, resumed: true })
            }
            (Self::Failed(failure) | Self::Unknown(failure), Event::Dismissed) => {
                Ok(Self::Dismissed(failure.clone()))
            }
            (_, event) => Err(Illegal { state: self.name(), event }),
        }
    }

    /// About to run a step; past the last one there is nothing left to do.
    fn at(step: usize, chain: &[Effects]) -> Self {
        match chain.get(step) {
            Some(effects) => Self::Running { step, mid_call: *effects == Effects::External },
            None => Self::Succeeded,
        }
    }

    fn after(step: usize, end: StepEnd, chain: &[Effects]) -> Self {
        match end {
            StepEnd::Done => Self::at(step + 1, chain),
            StepEnd::Stop => Self::Succeeded,
            StepEnd::Wait { until } => Self::Waiting { step: step + 1, until },
            StepEnd::Failed { code, message } => Self::Failed(Failure { step, code, message }),
            StepEnd::Unknown { code, message } => Self::Unknown(Failure { step, code, message }),
        }
    }

    /// What a state on disk means after a crash.
    fn recovered(&self) -> Self {
        match self {
            Self::Running { step, mid_call: true } => {
                let (code, message) = INTERRUPTED;
                Self::Unknown(Failure { step: *step, code: code.to_owned(), message: message.to_owned() })
            }
            // A step without effects runs again; one at the start of the chain had passed its checks.
            Self::Running { step, mid_call: false } => Self::Queued { step: *step, resumed: true },
            // What was missing may be there again.
            Self::Blocked { step, resumed, .. } => Self::Queued { step: *step, resumed: *resumed },
            other => other.clone(),
        }
    }

    /// Every state's name, and what the public API says of it.
    pub const NAMES: [(&str, Status); 10] = [
        ("queued", Status::Pending),
        ("running", Status::Pending),
        ("retrying", Status::Pending),
        ("waiting", Status::Pending),
        ("blocked", Status::Pending),
        ("succeeded", Status::Success),
        ("failed", Status::Fail),
        ("unknown", Status::Fail),
        ("cancelled", Status::Fail),
        ("dismissed", Status::Fail),
    ];

    /// The state's name in the store and in the execution's detail.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Retrying { .. } => "retrying",
            Self::Waiting { .. } => "waiting",
            Self::Blocked { .. } => "blocked",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Cancelled(_) => "cancelled",
            Self::Dismissed(_) => "dismissed",
        }
    }

    pub fn status(&self) -> Status {
        match self {
            Self::Queued { .. }
            | Self::Running { .. }
            | Self::Retrying { .. }
            | Self::Waiting { .. }
            | Self::Blocked { .. } => Status::Pending,
            Self::Succeeded => Status::Success,
            Self::Failed(_) | Self::Unknown(_) | Self::Cancelled(_) | Self::Dismissed(_) => Status::Fail,
        }
    }

    /// The step it stands at, or failed at; `None` after the last one.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Queued { step, .. }
            | Self::Running { step, .. }
            | Self::Waiting { step, .. }
            | Self::Blocked { step, .. } => Some(*step),
            Self::Retrying { failure, .. } => Some(failure.step),
            _ => self.failure().map(|failure| failure.step),
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure)
            | Self::Unknown(failure)
            | Self::Cancelled(failure)
            | Self::Dismissed(failure) => Some(failure),
            _ => None,
        }
    }

    pub fn is_final(&self) -> bool {
        self.status() != Status::Pending
    }
}

impl Status {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Success, Self::Fail];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Success => "Success",
            Self::Fail => "Fail",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::sample;

    const CHAIN: [Effects; 3] = [Effects::None, Effects::External, Effects::None];

    #[test]
    fn every_state_is_among_the_names() {
        let failure = || Failure { step: 0, code: String::new(), message: String::new() };
        let states = [
            State::Queued { step: 0, resumed: false },
            State::Running { step: 0, mid_call: false },
            State::Retrying { until: sample::now(), failure: failure(), is_unknown: false },
            State::Waiting { step: 0, until: sample::now() },
            State::Blocked { step: 0, resumed: false, why: String::new() },
            State::Succeeded,
            State::Failed(failure()),
            State::Unknown(failure()),
            State::Cancelled(failure()),
            State::Dismissed(failure()),
        ];
        assert_eq!(states.map(|state| (state.name(), state.status())), State::NAMES);
    }

    fn failed() -> StepEnd {
        StepEnd::Failed { code: "http_status".to_owned(), message: "500".to_owned() }
    }

    fn walk(events: impl IntoIterator<Item = Event>) -> State {
        events
            .into_iter()
            .try_fold(State::Queued { step: 0, resumed: false }, |state, event| state.next(event, &CHAIN))
            .expect("a legal walk")
    }

    #[test]
    fn steps_run_in_order_and_only_an_external_one_is_in_mid_call() {
        let done = || Event::StepEnded(StepEnd::Done);
        assert_eq!(walk([Event::Turn]), State::Running { step: 0, mid_call: false });
        assert_eq!(walk([Event::Turn, done()]), State::Running { step: 1, mid_call: true });
        assert_eq!(walk([Event::Turn, done(), done()]), State::Running { step: 2, mid_call: false });
        assert_eq!(walk([Event::Turn, done(), done(), done()]), State::Succeeded);
        assert_eq!(walk([Event::Turn, Event::StepEnded(StepEnd::Stop)]), State::Succeeded);
    }

    #[test]
    fn a_waiting_execution_is_woken_once_and_goes_on_with_the_next_step() {
        let wait = Event::StepEnded(StepEnd::Wait { until: sample::now() });
        let waiting = walk([Event::Turn, wait]);
        assert_eq!(waiting, State::Waiting { step: 1, until: sample::now() });
        assert_eq!(waiting.next(Event::Crashed, &CHAIN), Ok(waiting.clone()));
        let woken = waiting.next(Event::Woken, &CHAIN).expect("it waits");
        assert_eq!(woken, State::Queued { step: 1, resumed: true });
        assert!(woken.next(Event::Woken, &CHAIN).is_err(), "woken twice");
    }

    #[test]
    fn a_crash_in_mid_call_is_unknown_and_nowhere_else() {
        let done = || Event::StepEnded(StepEnd::Done);
        assert_eq!(walk([Event::Turn, Event::Crashed]), State::Queued { step: 0, resumed: true });
        assert_eq!(walk([Event::Turn, done(), Event::Crashed]).name(), "unknown");
        assert_eq!(
            walk([Event::Turn, done(), done(), Event::Crashed]),
            State::Queued { step: 2, resumed: true }
        );
    }

    #[test]
    fn retry_goes_on_from_the_step_that_failed() {
        let events =
            [Event::Turn, Event::StepEnded(StepEnd::Done), Event::StepEnded(failed()), Event::Retried];
        assert_eq!(walk(events), State::Queued { step: 1, resumed: true });
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Turn),
            4 => Just(Event::StepEnded(StepEnd::Done)),
            1 => Just(Event::StepEnded(StepEnd::Stop)),
            1 => Just(Event::StepEnded(StepEnd::Wait { until: sample::now() })),
            1 => Just(Event::StepEnded(failed())),
            1 => Just(Event::StepEnded(StepEnd::Unknown { code: "timeout".to_owned(), message: String::new() })),
            1 => Just(Event::TriedInVain { end: failed(), until: sample::now() }),
            2 => Just(Event::Woken),
            2 => Just(Event::Crashed),
            1 => Just(Event::Cancelled),
            1 => Just(Event::Retried),
            1 => Just(Event::Dismissed),
            1 => Just(Event::Blocked { why: "a step type is missing".to_owned() }),
            1 => Just(Event::Refused { code: "action_not_available".to_owned(), message: String::new() }),
        ]
    }

    fn step(state: &State) -> usize {
        state.step().unwrap_or(CHAIN.len())
    }

    proptest! {
        #[test]
        fn no_history_breaks_the_rules(events in prop::collection::vec(event(), 0..60)) {
            let mut state = State::Queued { step: 0, resumed: false };
            // How often each external step was begun, and how often a person, or its author, asked for it again.
            let (mut begun, mut asked) = ([0_usize; 3], 0_usize);
            for event in events {
                let Ok(next) = state.next(event.clone(), &CHAIN) else { continue };
                prop_assert!(step(&next) >= step(&state), "went back: {state:?} {event:?} {next:?}");
                if state.is_final() && next != state {
                    prop_assert!(matches!(event, Event::Retried | Event::Dismissed), "{event:?} changed a final state");
                }
                if matches!(event, Event::Retried | Event::TriedInVain { .. }) {
                    asked += 1;
                }
                if let State::Running { step, mid_call } = next && next != state {
                    prop_assert_eq!(mid_call, CHAIN[step] == Effects::External);
                    begun[step] += 1;
                }
                state = next;
            }
            prop_assert!(begun[1] <= 1 + asked, "an external step ran {} times, asked for {asked}", begun[1]);
        }
    }
}
