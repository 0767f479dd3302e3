//! A library in the process that tries it, and calls whose ends are looked at as the boundary's rules have it.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use onward_sdk::{StepError, description::Description, document::Answer};
use serde_json::Value;

use super::{Failure, Findings, Line, TryArguments, failed, random::Random, sample, schema::given};
use crate::{
    cli::plugin::{DESCRIBE_MAX, run, tell},
    plugin::{
        call::{self, CallError},
        load::{self, Instance, Loaded, StepTable},
        presented::{self, Host},
    },
};

/// How long a call may take.
pub(super) const CALL_MAX: Duration = Duration::from_secs(10);

/// How long it is waited for what should not come any more.
const QUIET: Duration = Duration::from_millis(100);

/// One step type of a library that is being tried.
pub(super) struct Trial {
    pub(super) step: StepTable,
    pub(super) description: Description,
    pub(super) random: Random,
    /// Whether it may be run with made-up input.
    pub(super) may_run: bool,
    /// Whether calls were given up, which may end later.
    pub(super) has_given_up: bool,
}

pub(super) fn loaded(file: &Path, host: Host) -> Result<Loaded, load::LoadError> {
    load::load_for(file, host)
}

/// Says what is about to be done: the process may not come back from it.
pub(super) fn trying(what: impl Into<String>) {
    // Whoever asked may be gone, which is no reason to stop half-way.
    let _ = tell(&Line::Trying(what.into()));
}

pub(super) fn described(step: StepTable) -> Result<Description, Failure> {
    call::describe(step, DESCRIBE_MAX).map_err(|error| {
        let advice = "`describe` ends its call once, with the JSON document that the sdk's `Description` is";
        failed(format!("{}: {error}", error.code()), advice)
    })
}

impl Trial {
    pub(super) fn new(loaded: &Loaded, at: usize, arguments: &TryArguments) -> Result<Self, Failure> {
        let step = loaded.steps.get(at).copied();
        let step =
            step.ok_or_else(|| failed("it has fewer step types than before", "they are always the same"))?;
        let description = described(step)?;
        let random = Random::new(arguments.seed, &format!("{} {}", arguments.case, description.id));
        let may_run = arguments.run || description.effects == onward_sdk::Effects::None;
        Ok(Self { step, description, random, may_run, has_given_up: false })
    }

    /// Waits for what should not come any more.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        if self.has_given_up {
            return not_trapped();
        }
        thread::sleep(QUIET);
        quiet(0, "one of its functions")
    }

    /// Configurations to try: those of the examples, and samples of the schema. With whether it must be taken.
    pub(super) fn configurations(&mut self) -> Vec<(String, Value, bool)> {
        let examples = self.description.examples.iter();
        let mut all: Vec<_> =
            examples.map(|it| (format!("the example “{}”", it.title), given(&it.config), true)).collect();
        for _ in 0..4 {
            let made = sample::of(self.description.config.as_ref(), &mut self.random);
            all.extend(made.map(|it| ("a sample of the schema".to_owned(), it, false)));
        }
        all
    }

    /// Inputs to try: the params of the examples, and samples of the schema.
    pub(super) fn inputs(&mut self) -> Vec<(String, Value)> {
        let examples = self.description.examples.iter();
        let mut all: Vec<_> =
            examples.map(|it| (format!("the example “{}”", it.title), given(&it.params))).collect();
        for _ in 0..4 {
            let made = sample::of(self.description.params.as_ref(), &mut self.random);
            all.extend(made.map(|it| ("a sample of the schema".to_owned(), it)));
        }
        let with = |params: Value| {
            let mut input = run::sample();
            input["params"] = params;
            input
        };
        all.into_iter().map(|(what, params)| (what, with(params))).collect()
    }

    /// Makes an instance, and looks at how that has ended.
    pub(super) fn create(
        &self,
        what: &str,
        config: Vec<u8>,
    ) -> Result<Result<Arc<Instance>, StepError>, Failure> {
        trying(format!("`create` and {what}"));
        let before = call::stray();
        let made = call::create(self.step, config, CALL_MAX);
        let made = match made {
            Ok(instance) => Ok(instance),
            Err(error) => Err(fair(&format!("`create`, with {what},"), error)?),
        };
        quiet(before, &format!("`create`, with {what}"))?;
        Ok(made)
    }

    /// An instance of the first configuration that the step type takes; or why there is none.
    pub(super) fn instance(&mut self) -> Result<Result<Arc<Instance>, String>, Failure> {
        let mut refused = None;
        for (what, config, _) in self.configurations() {
            match self.create(&what, config.to_string().into_bytes())? {
                Ok(instance) => return Ok(Ok(instance)),
                Err(error) => refused = Some(error.message),
            }
        }
        Ok(Err(match refused {
            Some(why) => {
                format!("no configuration was found that it takes (“{why}”): an example would be one")
            }
            None => "no sample of the configuration's schema can be made: an example would be one".to_owned(),
        }))
    }
}

/// Runs an instance once, and looks at how that has ended.
pub(super) fn ran(
    instance: &Arc<Instance>,
    what: &str,
    input: Vec<u8>,
) -> Result<Result<Answer, StepError>, Failure> {
    trying(format!("`run` and {what}"));
    let before = call::stray();
    let answer = match call::run(instance, input, CALL_MAX) {
        Ok(answer) => Ok(answer),
        Err(error) => Err(fair(&format!("`run`, with {what},"), error)?),
    };
    returned(instance, 1)?;
    quiet(before, &format!("`run`, with {what}"))?;
    Ok(answer)
}

/// Waits until the functions that are at work in an instance have returned, so that no more of it is held than this.
pub(super) fn returned(instance: &Arc<Instance>, held: usize) -> Result<(), Failure> {
    let until = Instant::now() + CALL_MAX;
    while Arc::strong_count(instance) > held {
        if Instant::now() > until {
            let advice = "`run` returns when it has ended its call, or when it has begun what will";
            return Err(failed(format!("`run` has not returned within {CALL_MAX:?}"), advice));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Nothing is ended that has ended already, and nothing is called that is not there.
fn quiet(strays_before: u64, what: &str) -> Result<(), Failure> {
    if call::stray() == strays_before {
        return not_trapped();
    }
    let advice = "`done` is called once for each call; by `create`, only where it returns null";
    Err(failed(format!("{what} has called `done` more than once, or for a call that is none"), advice))
}

pub(super) fn not_trapped() -> Result<(), Failure> {
    if presented::trapped() > 0 {
        let advice = "look at the host's `size` before a function is called, as `ONWARD_HOST_HAS` does";
        return Err(failed("it calls functions that the host's table does not have", advice));
    }
    Ok(())
}

/// A step's own error is as good as an answer; nothing else is.
fn fair(what: &str, error: CallError) -> Result<StepError, Failure> {
    let advice = match &error {
        CallError::Step(step) if step.code.is_empty() || step.message.trim().is_empty() => {
            let advice = "people read the message, programs read the code";
            return Err(failed(
                format!("{what} has ended with an error without a code or a message"),
                advice,
            ));
        }
        CallError::Step(step) => return Ok((**step).clone()),
        CallError::Panicked(_) => "answer with an error instead, whatever comes",
        CallError::TooLarge(_) => "answer with less",
        CallError::Unreadable(_) => {
            "`done` has the JSON of an answer with status 0, and of an error with status 1"
        }
        CallError::TimedOut(_) => "each call is ended by `done`, whatever becomes of it",
        CallError::Silent => {
            "`create` returns an instance, or null once `done` was called with the error; never both, and never neither"
        }
    };
    Err(failed(format!("{what} has failed: {}: {error}", error.code()), advice))
}

/// Gives an instance back, and waits until that is done.
pub(super) fn destroyed(instance: Arc<Instance>) -> Result<(), Failure> {
    trying("`destroy`");
    returned(&instance, 1)?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        drop(instance);
        let _ = sender.send(());
    });
    receiver.recv_timeout(CALL_MAX).map_err(|_| {
        failed(
            format!("`destroy` has not returned within {CALL_MAX:?}"),
            "it is called when every call has ended",
        )
    })
}

/// Marks a case as not tried.
pub(super) fn skip(findings: &mut Findings, why: String) -> Result<(), Failure> {
    findings.skipped = Some(why);
    Ok(())
}
