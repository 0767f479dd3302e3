//! `onward plugin`: libraries that bring step types: begun, looked at, tried and checked without a server.

mod check;
mod inspect;
mod lock;
mod new;
mod run;

use std::{
    io::Write,
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use onward_sdk::description::Description;
use serde::Serialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::shown;
use crate::{
    plugin::{
        asking::{self, DOCUMENT_BYTES_MAX},
        call,
        child::serve::{self, Serving},
        describing::DESCRIBE_MAX,
        load::{self, Loaded},
    },
    telemetry::{self, LogFormat},
};

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Makes a folder with a step type to begin from: it builds, has tests and a CI file.
    New(new::NewArguments),
    /// Says who a library is, without running any of it.
    Inspect(inspect::InspectArguments),
    /// Runs one of a library's steps once, without a server. The answer is JSON.
    Run(run::RunArguments),
    /// Tries what a server may do to a library, each thing in a process of its own, and says what to do about what fails.
    Check(check::CheckArguments),
    /// Prints the hash of each library in a folder, as `onward.toml` has it, or writes them there: a library that changes is noticed.
    Lock(lock::LockArguments),
    /// For `check`: one case.
    #[command(hide = true)]
    Try(check::TryArguments),
    /// For `inspect --describe`: in a process of its own.
    #[command(hide = true)]
    Describe { file: PathBuf },
    /// For a server: runs a library's steps for it.
    #[command(hide = true)]
    Host(HostArguments),
}

#[derive(Args)]
pub(super) struct HostArguments {
    #[arg(long)]
    sha256: String,
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    memory_bytes_max: u64,
    #[arg(long)]
    grace_ms: u64,
    file: PathBuf,
}

pub(super) fn run(command: &PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::New(arguments) => new::new(arguments),
        PluginCommand::Inspect(arguments) => inspect::inspect(arguments),
        PluginCommand::Run(arguments) => run::run_once(arguments),
        PluginCommand::Check(arguments) => check::check(arguments),
        PluginCommand::Lock(arguments) => lock::lock(arguments),
        PluginCommand::Try(arguments) => check::attempt(arguments),
        PluginCommand::Describe { file } => {
            start_log();
            let loaded = load::load(file).map_err(|error| anyhow!("{}: {error}", error.code()))?;
            tell(&descriptions(&loaded)?)
        }
        PluginCommand::Host(arguments) => {
            let serving = Serving {
                file: arguments.file.clone(),
                sha256: arguments.sha256.clone(),
                parent: arguments.parent,
                threads: arguments.threads,
                memory_bytes_max: arguments.memory_bytes_max,
                grace: Duration::from_millis(arguments.grace_ms),
            };
            serve::serve(serving).context("the process that runs a plugin cannot go on")
        }
    }
}

/// What the library has to say goes to the standard error.
fn start_log() {
    let _ = telemetry::start(Targets::new().with_default(LevelFilter::INFO), LogFormat::Auto, None);
}

/// Answers whoever has begun this process: the standard input is a socket of theirs, since what the library prints is not the answer.
fn tell(answer: &impl Serialize) -> anyhow::Result<()> {
    let mut asked = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    writeln!(asked, "{}", serde_json::to_string(answer)?).context("whoever asked is gone")
}

fn loaded(file: &Path) -> anyhow::Result<Loaded> {
    load::load(file).map_err(|error| anyhow!("{}: {}: {error}", error.code(), shown(file)))
}

/// Every step type, each with an id of its own.
fn descriptions(loaded: &Loaded) -> anyhow::Result<Vec<Description>> {
    let mut all = Vec::<Description>::new();
    for (at, step) in loaded.steps.iter().enumerate() {
        let described = call::describe(*step, DESCRIBE_MAX)
            .map_err(|error| anyhow!("{}: its step type number {}: {error}", error.code(), at + 1))?;
        if all.iter().any(|other| other.id == described.id) {
            bail!("plugin_steps_invalid: two of its step types are called `{}`", described.id);
        }
        all.push(described);
    }
    Ok(all)
}

/// What a library says of its step types, in a process of its own: it may take that down.
fn described(file: &Path) -> anyhow::Result<Vec<Description>> {
    asking::describe(file).map_err(|not| anyhow!("{}: {}: {}", not.code, shown(file), not.message))
}
