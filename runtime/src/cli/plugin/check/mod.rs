//! `onward plugin check`: tries what a server may do to a library. Each case runs in a process of its own (`cases.rs`), so that what it takes down
//! is that case alone; here they are begun, and what they found is told.

mod cases;
#[cfg(test)]
mod hostile;
mod random;
mod sample;
mod schema;
mod trial;
mod words;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::bail;
use clap::Args;
use onward_sdk::description::Effects;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::{many, shown};
use crate::{
    model::text::{shortened, suggestion},
    plugin::{asking, note, trust},
};

/// How long a case may take.
const CASE_MAX: Duration = Duration::from_secs(60);

/// Characters of what a library wrote that a report repeats.
const SAID_CHARS_MAX: usize = 600;

#[derive(Args)]
pub(in crate::cli) struct CheckArguments {
    /// The library, a `.so`.
    file: PathBuf,
    /// Makes the samples of an earlier run again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Also runs steps that do something outside (`effects = external`), with made-up input. Requests through the server's client are
    /// answered here and never sent; what a step sends by itself is sent.
    #[arg(long)]
    run: bool,
    /// Only the case of this name, after those of the whole library.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

/// What a process is told to try.
#[derive(Args)]
pub(in crate::cli) struct TryArguments {
    file: PathBuf,
    case: String,
    seed: u64,
    /// Which of the library's step types; none for what is of the whole library.
    #[arg(long)]
    step: Option<usize>,
    #[arg(long)]
    run: bool,
}

/// Why a case has failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    message: String,
    advice: String,
}

fn failed(message: impl Into<String>, advice: impl Into<String>) -> Failure {
    Failure { message: message.into(), advice: advice.into() }
}

/// What a case has found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Findings {
    failure: Option<Failure>,
    /// Why it was not tried.
    skipped: Option<String>,
    /// What is worth knowing, and no mistake.
    notes: Vec<String>,
    /// The step types, where that is what was asked.
    steps: Vec<Known>,
}

/// A step type that a library says it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    id: String,
    effects: Effects,
}

/// A line from the process that tries a case.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// What it is about to do: it may not come back from that.
    Trying(String),
    Found(Findings),
}

/// A case that was tried, as it is told.
#[derive(Serialize)]
struct Tried<'a> {
    case: &'a str,
    step: Option<&'a str>,
    outcome: &'static str,
    #[serde(flatten)]
    findings: Told,
}

#[derive(Serialize)]
struct Told {
    message: Option<String>,
    advice: Option<String>,
    notes: Vec<String>,
}

struct Report<'a> {
    arguments: &'a CheckArguments,
    seed: u64,
    tried: Vec<serde_json::Value>,
    failures: usize,
    notes: usize,
    skipped: usize,
}

pub(super) fn check(arguments: &CheckArguments) -> anyhow::Result<()> {
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => u64::from(getrandom::u32()?),
    };
    let mut report = Report { arguments, seed, tried: Vec::new(), failures: 0, notes: 0, skipped: 0 };
    let file = shown(&arguments.file);
    if !arguments.json {
        say!("{file}");
    }
    report.all()?;
    let Report { failures, notes, skipped, tried, .. } = report;
    if arguments.json {
        let all = json!({
            "file": file.to_string(), "seed": seed, "cases": tried, "failed": failures, "notes": notes, "skipped": skipped,
        });
        say!("{all}");
    } else {
        let passed = tried.len() - failures - skipped;
        say!("{passed} ok, {failures} failed, {skipped} not tried, {}; seed {seed}", many(notes, "note"));
    }
    if failures > 0 {
        bail!(
            "plugin_check_failed: {file}: {} failed; --seed {seed} tries the same again",
            many(failures, "case")
        );
    }
    Ok(())
}

impl Report<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let only = self.arguments.case.as_deref();
        let names = cases::OF_STEPS.iter().map(|case| case.name);
        if let Some(only) = only.filter(|only| !names.clone().any(|name| name == *only)) {
            bail!("there is no case “{only}”; {}", suggestion(only, names));
        }
        let mut findings = Findings::default();
        if let Err(error) = note::read(&self.arguments.file) {
            findings.failure = Some(failed(format!("{}: {error}", error.code()), "nothing else was tried"));
        }
        if !self.tell("note", None, findings) {
            return Ok(());
        }
        let mut findings = Findings::default();
        if let Err(why) = trust::check(&self.arguments.file) {
            findings.notes.push(format!("a server does not load it from here: {why}"));
        }
        self.tell("who may change it", None, findings);
        let mut steps = Vec::new();
        for case in cases::OF_LIBRARIES {
            let findings = self.ask(case.name, None)?;
            steps.extend_from_slice(&findings.steps);
            if !self.tell(case.name, None, findings) {
                return Ok(());
            }
        }
        for (at, step) in steps.iter().enumerate() {
            let may_run = self.arguments.run || step.effects == Effects::None;
            let is_wanted = |case: &&cases::OfStep| only.is_none_or(|only| only == case.name);
            for case in cases::OF_STEPS.iter().filter(is_wanted) {
                let findings = if case.is_run && !may_run {
                    let why = "the step does something outside: --run runs it with made-up input";
                    Findings { skipped: Some(why.to_owned()), ..Findings::default() }
                } else {
                    self.ask(case.name, Some(at))?
                };
                self.tell(case.name, Some(&step.id), findings);
            }
        }
        Ok(())
    }

    /// Tries a case in a process of its own.
    fn ask(&self, case: &str, step: Option<usize>) -> anyhow::Result<Findings> {
        let mut arguments: Vec<OsString> = ["plugin", "try"].map(OsString::from).into();
        arguments.extend([self.arguments.file.clone().into(), case.into(), self.seed.to_string().into()]);
        if let Some(step) = step {
            arguments.extend(["--step".into(), step.to_string().into()]);
        }
        if self.arguments.run {
            arguments.push("--run".into());
        }
        Ok(read(&asking::ask(arguments, CASE_MAX)?))
    }

    /// Tells of a case that was tried. Whether it has not failed.
    fn tell(&mut self, case: &str, step: Option<&str>, findings: Findings) -> bool {
        let Findings { failure, skipped, notes, .. } = findings;
        let (outcome, shown) = match (&failure, &skipped) {
            (Some(_), _) => ("failed", "FAILED"),
            (None, Some(_)) => ("skipped", "-"),
            (None, None) => ("ok", "ok"),
        };
        self.failures += usize::from(outcome == "failed");
        self.skipped += usize::from(outcome == "skipped");
        self.notes += notes.len();
        let has_passed = failure.is_none();
        let (message, advice) = match failure {
            Some(Failure { message, advice }) => (Some(message), Some(advice)),
            None => (skipped, None),
        };
        if !self.arguments.json {
            let of = step.map_or_else(String::new, |step| format!("{step}: "));
            let why = message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
            say!("  {shown:<7} {of}{case}{why}");
            if let Some(advice) = &advice {
                say!("          {advice}");
            }
            notes.iter().for_each(|note| say!("          note: {note}"));
        }
        let told = Tried { case, step, outcome, findings: Told { message, advice, notes } };
        self.tried.push(json!(told));
        has_passed
    }
}

/// What a process has found: what it says, or how it has ended.
fn read(told: &asking::Told) -> Findings {
    let lines = told.answer.lines().filter_map(|line| serde_json::from_str(line).ok());
    let (mut trying, mut found) = (None, None);
    for line in lines {
        match line {
            Line::Trying(what) => trying = Some(what),
            Line::Found(findings) => found = Some(findings),
        }
    }
    let doing = trying.map_or_else(String::new, |what| format!(", with {what}"));
    let said = match told.said.trim() {
        "" => String::new(),
        said => format!("; it said: {}", shortened(said, SAID_CHARS_MAX)),
    };
    let mut findings = found.unwrap_or_default();
    match told.status {
        None => {
            let message = format!("it has not come to an end within {CASE_MAX:?}{doing}{said}");
            findings.failure =
                Some(failed(message, "look for what waits without end, or for a lock that is held"));
        }
        // Its work was done: what ends a process as it goes is of the library all the same.
        Some(status) if !status.success() => {
            let message = format!("it has ended the process in which it ran ({status}){doing}{said}");
            let advice = "a step answers with an error and never ends the process; a debugger on `onward plugin run` shows where";
            findings.failure = Some(failed(message, advice));
        }
        Some(_) => {}
    }
    if !told.printed.is_empty() {
        findings.notes.push(format!(
            "it printed “{}” to the standard output; what it has to say belongs into the host's log",
            shortened(told.printed.trim(), SAID_CHARS_MAX).escape_debug()
        ));
    }
    findings
}

/// In a process of its own: tries one case, and tells what was found.
pub(super) fn attempt(arguments: &TryArguments) -> anyhow::Result<()> {
    super::start_log();
    let findings = cases::attempt(&arguments.case, arguments)?;
    super::tell(&Line::Found(findings))
}
