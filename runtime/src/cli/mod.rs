//! The command line: reads arguments, calls the rest, prints, and turns errors into an exit code.

#![expect(clippy::print_stderr, reason = "printing is this module's job")]

#[macro_use]
mod say;

mod backup;
mod check;
mod demo;
mod export;
mod key;
mod plan;
mod plugin;
mod role;
mod schema;
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
    model::Performer,
    settings::{self, Settings},
    store::{Store, admin::By},
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
    Check(check::CheckArguments),
    /// Shows what publishing the workflow files would change. Exits with 0 if nothing, with 2 if something, and with 1 if
    /// it cannot be done.
    Plan(plan::PlanArguments),
    /// Publishes the workflow files, beside a running server or without one; nothing, if one of them is refused.
    Apply(plan::PlanArguments),
    /// Prints the JSON Schema of the files that people write, for their editors.
    Schema(schema::SchemaArguments),
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
    /// Libraries that bring step types.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
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
    // Every error is 1, so that 2 says one thing alone: there is something to do.
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let mut code = ExitCode::SUCCESS;
    let result = match arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(arguments) => serve(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments).map(|found| code = found),
        Command::Apply(arguments) => plan::apply(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Key(command) => key::run(&command),
        Command::User(command) => user::run(command),
        Command::Secret(command) => secret::run(&command),
        Command::Plugin(command) => plugin::run(&command),
        Command::Step(command) => step::run(&command),
    };
    match result {
        Ok(()) => code,
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
        say!("{}", said?);
        Ok(())
    })
}

/// Who changes something from the command line.
fn by() -> By {
    By { performer: Performer::command_line(), at: Clock::default().now() }
}

fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let settings = load(&arguments.config)?;
    let traces =
        telemetry::start(settings.log.levels.clone(), settings.log.format, settings.traces.as_ref())?;
    let ready_file = arguments.ready_file.clone();
    block_on(async {
        let server = Server::start(settings).await?;
        let setup = server.setup_link().await?;
        server
            .serve(traces, |address| {
                if let Some(link) = setup {
                    tracing::info!(link, "there is no user yet; whoever follows the link becomes the first one, who administers the workspace");
                    say!("There is no user yet. Make the first one at\n{link}");
                }
                let ready = json!({"address": format!("http://{address}"), "pid": std::process::id()});
                ready_file.as_deref().map_or(Ok(()), |path| boot::write_ready_file(path, &ready))
            })
            .await
    })
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}
