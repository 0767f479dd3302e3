//! The command line: reads arguments, calls the rest, prints, and turns errors into an exit code.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is this module's job")]

mod backup;
mod demo;
mod export;
mod key;
mod role;
mod secret;
mod step;
mod user;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::{
    boot::{self, Server},
    clock::Clock,
    lint::{Facts, lint},
    model::Performer,
    publish,
    settings::{self, Settings},
    step::StepTypes,
    store::{Store, WorkspaceRows, admin::By},
    telemetry,
};

/// A self-hosted action server: a person performs an action on a task, and its steps run.
#[derive(Parser)]
#[command(name = "onward", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts a server with a sample workflow, some tasks and a receiver, and says what to try.
    Demo(demo::DemoArguments),
    /// Runs the server.
    Serve(ServeArguments),
    /// Checks the configuration and every workflow file, without a server.
    Check(ConfigArguments),
    /// Prints a workflow as a file, in its canonical form.
    Export(export::ExportArguments),
    /// Copies the database into a file, beside a running server or without one.
    Backup(backup::BackupArguments),
    /// Puts a backup in the place of the database; no server may be running.
    Restore(backup::RestoreArguments),
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// People.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Values that steps send and nobody is shown.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Steps of workflows.
    #[command(subcommand)]
    Step(step::StepCommand),
}

#[derive(Args)]
struct ConfigArguments {
    /// The configuration file; without it, the defaults and the environment (ONWARD__SECTION__KEY).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct ServeArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Writes one JSON document there once requests are accepted: address and pid.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

/// Runs what the process's arguments ask for.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(arguments) => serve(&arguments),
        Command::Check(arguments) => check(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Key(command) => key::run(&command),
        Command::User(command) => user::run(command),
        Command::Secret(command) => secret::run(&command),
        Command::Step(command) => step::run(&command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("onward: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn load(arguments: &ConfigArguments) -> anyhow::Result<Settings> {
    Ok(settings::load(arguments.config.as_deref())?)
}

/// Runs something on the main thread's actix system.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    actix::System::new().block_on(work)
}

/// Works on the store, beside a running server or without one, and prints what is answered.
fn stored(
    settings: &Settings,
    work: impl AsyncFnOnce(&dyn Store) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    block_on(async {
        let store = boot::open_store(settings)?;
        let said = work(&*store).await;
        store.close().await?;
        println!("{}", said?);
        Ok(())
    })
}

/// Who changes something from the command line.
fn by() -> By {
    By { performer: Performer::command_line(), at: Clock::default().now() }
}

fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let settings = load(&arguments.config)?;
    telemetry::start(settings.log.levels.clone(), settings.log.format);
    let ready_file = arguments.ready_file.clone();
    block_on(async {
        let server = Server::start(settings).await?;
        server
            .serve(|address| {
                let ready = json!({"address": format!("http://{address}"), "pid": std::process::id()});
                ready_file.as_deref().map_or(Ok(()), |path| boot::write_ready_file(path, &ready))
            })
            .await
    })
}

fn check(arguments: &ConfigArguments) -> anyhow::Result<()> {
    let settings = load(arguments)?;
    let types = StepTypes::built_in(&settings.egress.guard);
    match publish::read_folder(&settings.workflows.folder, &types, &WorkspaceRows::default()) {
        Ok(files) => {
            let mut warnings = 0;
            for file in &files {
                println!("{}: workflow `{}` is sound", shown(&file.path), file.workflow.id);
                // Which secrets and roles there are, the store knows; a check needs none.
                for finding in lint(&file.workflow, &types, &Facts::default()) {
                    println!("{finding}");
                    warnings += 1;
                }
            }
            let warnings =
                if warnings == 0 { String::new() } else { format!(", {}", many(warnings, "warning")) };
            println!("{}, no problems{warnings}", many(files.len(), "workflow file"));
            Ok(())
        }
        Err(errors) => {
            for error in &errors {
                eprintln!("{error}\n");
            }
            anyhow::bail!(
                "{} of the workflow files in {} cannot be used",
                errors.len(),
                shown(&settings.workflows.folder)
            )
        }
    }
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}
