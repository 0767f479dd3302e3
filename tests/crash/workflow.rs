//! The workflow whose actions are performed, and what the checks have to know of its steps.

use std::time::Duration;

/// The workflow's id.
pub(crate) const ID: &str = "crash";

pub(crate) const STAGES: [&str; 4] = ["Not Started", "In Progress", "On Hold", "Completed"];

/// A waiting execution that wakes later than this is at rest; longer than any short delay here, and
/// much shorter than the long one.
pub(crate) const REST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes nothing but the task.
    Data,
    Call,
    Delay {
        millis: i64,
    },
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: &'static str,
    pub(crate) kind: Kind,
    /// How often it is tried without a person asking.
    pub(crate) tries: usize,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) id: &'static str,
    pub(crate) steps: &'static [Step],
}

const fn data(id: &'static str) -> Step {
    Step { id, kind: Kind::Data, tries: 1 }
}

const fn call(id: &'static str) -> Step {
    Step { id, kind: Kind::Call, tries: 1 }
}

/// A call that its author wants tried again.
const fn insisting(id: &'static str, tries: usize) -> Step {
    Step { id, kind: Kind::Call, tries }
}

const fn delay(id: &'static str, millis: i64) -> Step {
    Step { id, kind: Kind::Delay { millis }, tries: 1 }
}

/// As `workflow.toml` has them.
pub(crate) const ACTIONS: [Action; 9] = [
    Action { id: "call", steps: &[call("only")] },
    Action { id: "finish", steps: &[data("move"), call("tell"), data("note")] },
    Action { id: "later", steps: &[call("before"), delay("rest", 300), call("after")] },
    Action { id: "remove", steps: &[data("delete"), call("bye")] },
    Action { id: "plan", steps: &[data("schedule")] },
    Action { id: "try", steps: &[data("mark"), data("forward"), call("ask")] },
    Action { id: "data", steps: &[data("first"), data("back"), data("second")] },
    Action { id: "park", steps: &[delay("sleep", 36_000_000), call("never")] },
    Action { id: "insist", steps: &[insisting("again", 3), data("done")] },
];

/// The steps of an action.
pub(crate) fn steps(action: &str) -> &'static [Step] {
    ACTIONS.iter().find(|known| known.id == action).map_or(&[], |known| known.steps)
}

/// The workflow file, calling a receiver, and telling another one of failures.
pub(crate) fn file(receiver: &str, told: &str) -> String {
    include_str!("workflow.toml").replace("RECEIVER", receiver).replace("\"TOLD\"", &format!("\"{told}\""))
}
