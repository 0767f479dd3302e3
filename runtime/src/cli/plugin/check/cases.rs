//! The cases, each run in a process of its own.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use serde_json::Value;

use super::{
    Failure, Findings, Known, TryArguments, failed, sample, schema,
    trial::{CALL_MAX, Trial, described, destroyed, loaded, not_trapped, ran, returned, skip, trying},
    words,
};
use crate::{
    cli::plugin::run,
    plugin::{
        call::{self, CallError},
        describing,
        load::{LoadError, Loaded},
        note,
        presented::Host,
    },
    step::StepTypes,
};

/// Threads that run an instance at once, and how often each does.
const THREADS_AT_ONCE: usize = 8;
const RUNS_AT_ONCE: usize = 16;

/// No case begins another run after this, so that one whose runs take long is still done in its time.
const BEGINNING_MAX: Duration = Duration::from_secs(10);

/// A case of a whole library.
pub(super) struct OfLibrary {
    pub(super) name: &'static str,
    look: fn(&Loaded, &TryArguments, &mut Findings) -> Result<(), Failure>,
}

/// A case of one step type.
pub(super) struct OfStep {
    pub(super) name: &'static str,
    host: Host,
    /// Whether it is nothing but running the step.
    pub(super) is_run: bool,
    look: fn(&mut Trial, &mut Findings) -> Result<(), Failure>,
}

pub(super) const OF_LIBRARIES: &[OfLibrary] = &[
    OfLibrary { name: "loads", look: |_, _, _| Ok(()) },
    OfLibrary { name: "is the same each time", look: again },
    OfLibrary { name: "says which step types it has", look: step_types },
];

const fn still(name: &'static str, look: fn(&mut Trial, &mut Findings) -> Result<(), Failure>) -> OfStep {
    OfStep { name, host: Host::Ours, is_run: false, look }
}

const fn running(name: &'static str, look: fn(&mut Trial, &mut Findings) -> Result<(), Failure>) -> OfStep {
    OfStep { name, host: Host::Ours, is_run: true, look }
}

const fn hosted(name: &'static str, host: Host) -> OfStep {
    OfStep { name, host, is_run: false, look: on_another_host }
}

pub(super) const OF_STEPS: &[OfStep] = &[
    still("how it looks", |trial, findings| {
        words::check(&trial.description, findings)?;
        describing::check_looks(&trial.description).map_err(refused_by_servers)
    }),
    still("schemas", |trial, findings| {
        schema::check(&trial.description, findings)?;
        describing::check_schemas(&trial.description).map_err(refused_by_servers)
    }),
    still("keys", |trial, findings| {
        schema::name_collisions(&trial.description, findings);
        Ok(())
    }),
    still("examples", |trial, _| schema::examples(&trial.description)),
    still("takes its configurations", configurations),
    still("refuses what is no configuration", no_configurations),
    running("runs", runs),
    running("answers what is no input", no_inputs),
    running("runs many times at once", at_once),
    running("can be cancelled", cancelled),
    still("is given back", given_back),
    hosted("on a newer host", Host::Newer),
    hosted("on a host that has less", Host::Shorter),
    hosted("on a host that has only `done`", Host::Shortest),
];

/// Tries one case.
pub(super) fn attempt(name: &str, arguments: &TryArguments) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let result = match arguments.step {
        None => {
            let Some(case) = OF_LIBRARIES.iter().find(|case| case.name == name) else {
                bail!("no such case")
            };
            trying("its entry");
            loaded(&arguments.file, Host::Ours)
                .map_err(refused)
                .and_then(|loaded| (case.look)(&loaded, arguments, &mut findings))
        }
        Some(at) => {
            let Some(case) = OF_STEPS.iter().find(|case| case.name == name) else { bail!("no such case") };
            trying("its entry");
            match loaded(&arguments.file, case.host) {
                Err(LoadError::RefusesUs) if case.host != Host::Ours => {
                    findings.notes.push("it refuses to be loaded by such a host, as it may".to_owned());
                    not_trapped()
                }
                Err(error) => Err(refused(error)),
                Ok(loaded) => Trial::new(&loaded, at, arguments).and_then(|mut trial| {
                    (case.look)(&mut trial, &mut findings)?;
                    trial.settle()
                }),
            }
        }
    };
    findings.failure = result.err();
    Ok(findings)
}

fn refused(error: LoadError) -> Failure {
    let advice = match &error {
        LoadError::Refused(_) => "link what it needs into it, or install that where the server runs",
        LoadError::NoEntry => "in Rust `export_steps!` makes it, in C it is declared with ONWARD_EXPORT",
        LoadError::RefusesUs => "it returns null only where the host lacks what it needs",
        _ => "`onward_plugin.h` says what a table has: its size first",
    };
    failed(format!("{}: {error}", error.code()), advice)
}

/// What a case of its own has not found, and a server does.
fn refused_by_servers(why: String) -> Failure {
    failed(format!("plugin_steps_invalid: {why}"), "a server refuses the plugin with these words")
}

/// A host may ask for the table again, and keeps what it was given first.
fn again(first: &Loaded, arguments: &TryArguments, _: &mut Findings) -> Result<(), Failure> {
    trying("its entry for the second time");
    let second = loaded(&arguments.file, Host::Ours).map_err(refused)?;
    if second.table != first.table || second.steps.len() != first.steps.len() {
        return Err(failed(
            "its entry returns another table each time",
            "the table is one that stays where it is",
        ));
    }
    for (at, (one, other)) in first.steps.iter().zip(&second.steps).enumerate() {
        trying(format!("`describe` of its step type number {}", at + 1));
        if described(*one)? != described(*other)? {
            return Err(failed(
                "a step type says something else each time",
                "the description is always the same",
            ));
        }
    }
    Ok(())
}

fn step_types(loaded: &Loaded, arguments: &TryArguments, findings: &mut Findings) -> Result<(), Failure> {
    let plugin = note::read(&arguments.file).map(|library| library.note.name).unwrap_or_default();
    let mut seen = HashSet::new();
    for (at, step) in loaded.steps.iter().enumerate() {
        trying(format!("`describe` of its step type number {}", at + 1));
        let description = described(*step)?;
        words::id(&description.id)?;
        if !seen.insert(description.id.clone()) {
            let message =
                format!("plugin_steps_invalid: two of its step types are called `{}`", description.id);
            return Err(failed(message, "each has an id of its own"));
        }
        if let Some(owner) = StepTypes::brought_by(&description.id).filter(|owner| *owner != plugin) {
            let message = format!("{owner} has a step type `{}` already", description.id);
            return Err(failed(message, "choose another id; one that begins with the plugin's name is safe"));
        }
        findings.steps.push(Known { id: description.id, effects: description.effects });
    }
    not_trapped()
}

fn configurations(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let (mut is_taken, mut reason) = (false, None);
    for (what, config, must) in trial.configurations() {
        match trial.create(&what, config.to_string().into_bytes())? {
            Ok(instance) => {
                is_taken = true;
                destroyed(instance)?;
            }
            Err(error) if must => {
                let message = format!("it refuses the configuration of {what}: {}", error.message);
                return Err(failed(message, "an example is what somebody begins from: it has to work"));
            }
            Err(error) => reason = Some(error.message),
        }
    }
    match reason {
        _ if is_taken => {}
        Some(reason) => {
            findings.notes.push(format!("it takes none of the samples (“{reason}”): an example would help"))
        }
        None => skip(findings, "no sample of the schema can be made: an example would be one".to_owned())?,
    }
    Ok(())
}

fn no_configurations(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let like = trial.configurations().into_iter().next().map_or(Value::Null, |(_, config, _)| config);
    let mut taken = Vec::new();
    for (what, bytes) in sample::garbage(&like, &mut trial.random) {
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|it| it.is_object());
        if let Ok(instance) = trial.create(&what, bytes)? {
            destroyed(instance)?;
            if !is_object && !what.starts_with("a sample") {
                taken.push(what);
            }
        }
    }
    // Where there is nothing to configure, nobody looks at it.
    if !taken.is_empty() && trial.description.config.is_some() {
        findings
            .notes
            .push(format!("it makes an instance of what is no JSON object, too: {}", taken.join(", ")));
    }
    Ok(())
}

fn runs(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let inputs = trial.inputs();
    let instance = match trial.instance()? {
        Ok(instance) => instance,
        Err(why) => return skip(findings, why),
    };
    if inputs.is_empty() {
        return skip(
            findings,
            "no sample of the params' schema can be made: an example would be one".to_owned(),
        );
    }
    for (what, input) in inputs {
        // Its own error is an answer.
        let _ = ran(&instance, &what, input.to_string().into_bytes())?;
    }
    destroyed(instance)
}

fn no_inputs(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let instance = match trial.instance()? {
        Ok(instance) => instance,
        Err(why) => return skip(findings, why),
    };
    let like = trial.inputs().into_iter().next().map_or_else(run::sample, |(_, input)| input);
    let until = Instant::now() + BEGINNING_MAX;
    for (what, bytes) in sample::garbage(&like, &mut trial.random) {
        if Instant::now() > until {
            break;
        }
        let _ = ran(&instance, &what, bytes)?;
    }
    destroyed(instance)
}

fn at_once(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let inputs = trial.inputs();
    let instance = match trial.instance()? {
        Ok(instance) if !inputs.is_empty() => instance,
        Ok(_) => return skip(findings, "there is no input to run it with".to_owned()),
        Err(why) => return skip(findings, why),
    };
    trying(format!("`run`, {THREADS_AT_ONCE} at once"));
    let (before, until) = (call::stray(), Instant::now() + BEGINNING_MAX);
    let broken = Mutex::new(None);
    thread::scope(|scope| {
        for thread in 0..THREADS_AT_ONCE {
            let (instance, broken, inputs) = (&instance, &broken, &inputs);
            scope.spawn(move || {
                for (_, input) in inputs.iter().cycle().skip(thread).take(RUNS_AT_ONCE) {
                    let ended = call::run(instance, input.to_string().into_bytes(), CALL_MAX);
                    if let Err(error) = ended.map(drop)
                        && !matches!(error, CallError::Step(_))
                    {
                        *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                    if Instant::now() > until {
                        return;
                    }
                }
            });
        }
    });
    if let Some(error) = broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let advice = "`run` is called many times at once, for one instance too: what it shares needs a lock";
        return Err(failed(format!("{}: {error}", error.code()), advice));
    }
    returned(&instance, 1)?;
    if call::stray() != before {
        return Err(failed("calls were ended more than once", "`done` is called once for each call"));
    }
    destroyed(instance)
}

fn cancelled(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let inputs = trial.inputs();
    let instance = match trial.instance()? {
        Ok(instance) if !inputs.is_empty() => instance,
        Ok(_) => return skip(findings, "there is no input to run it with".to_owned()),
        Err(why) => return skip(findings, why),
    };
    trying("`cancel` of a call that has not begun");
    instance.cancel(u64::MAX);
    let mut given_up = 0;
    trial.has_given_up = true;
    for (round, (what, input)) in inputs.iter().cycle().take(24).enumerate() {
        trying(format!("`cancel` during `run` and {what}"));
        // Its time is over at once, or soon: it is cancelled then.
        let within = Duration::from_micros(200 * (round as u64 / 2));
        match call::run(&instance, input.to_string().into_bytes(), within) {
            Err(CallError::TimedOut(_)) => given_up += 1,
            Ok(_) | Err(CallError::Step(_)) => {}
            Err(error) => {
                let advice = "a call that is cancelled ends as every other, with an error";
                return Err(failed(format!("{}: {error}", error.code()), advice));
            }
        }
    }
    // Whoever gives a call up keeps its instance.
    returned(&instance, 1 + given_up)?;
    let (what, input) = &inputs[0];
    trying(format!("`run` after that, and {what}"));
    match call::run(&instance, input.to_string().into_bytes(), CALL_MAX) {
        Ok(_) | Err(CallError::Step(_)) => Ok(()),
        Err(error) => {
            let advice = "a call that is cancelled leaves the instance as it was";
            Err(failed(
                format!("after calls were cancelled, the next one fails: {}: {error}", error.code()),
                advice,
            ))
        }
    }
}

fn given_back(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let first = match trial.instance()? {
        Ok(instance) => instance,
        Err(why) => return skip(findings, why),
    };
    let inputs = if trial.may_run { trial.inputs() } else { Vec::new() };
    let mut all: Vec<Arc<_>> = vec![first];
    let until = Instant::now() + BEGINNING_MAX;
    for _ in 0..20 {
        if Instant::now() > until {
            break;
        }
        all.extend(trial.instance()?);
    }
    // In another order than they were made in.
    let until = Instant::now() + BEGINNING_MAX;
    while !all.is_empty() {
        let instance = all.swap_remove(trial.random.below(all.len()));
        if let Some((what, input)) = inputs.first().filter(|_| Instant::now() <= until) {
            let _ = ran(&instance, what, input.to_string().into_bytes())?;
        }
        destroyed(instance)?;
    }
    Ok(())
}

/// What it can do there, it does; what it cannot, it says.
fn on_another_host(trial: &mut Trial, findings: &mut Findings) -> Result<(), Failure> {
    let inputs = if trial.may_run { trial.inputs() } else { Vec::new() };
    let instance = match trial.instance()? {
        Ok(instance) => instance,
        Err(why) => {
            not_trapped()?;
            return skip(findings, why);
        }
    };
    for (what, input) in inputs.iter().take(4) {
        let _ = ran(&instance, what, input.to_string().into_bytes())?;
    }
    destroyed(instance)?;
    not_trapped()
}
