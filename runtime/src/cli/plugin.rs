//! `onward plugin`: libraries that bring step types, looked at without a server.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use super::shown;
use crate::plugin::{
    note::{self, Library},
    trust,
};

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Says who a library is, without running any of it.
    Inspect(InspectArguments),
}

#[derive(Args)]
pub(super) struct InspectArguments {
    /// The library, a `.so`.
    file: PathBuf,
    /// Prints it as one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::Inspect(arguments) => inspect(arguments),
    }
}

fn inspect(arguments: &InspectArguments) -> anyhow::Result<()> {
    let file = shown(&arguments.file);
    let found = note::read(&arguments.file);
    if arguments.json {
        let problem =
            found.as_ref().err().map(|error| json!({"code": error.code(), "message": error.to_string()}));
        let changeable = trust::check(&arguments.file).err().map(|error| error.to_string());
        let library = found.as_ref().ok();
        println!(
            "{}",
            json!({"file": file.to_string(), "plugin": library, "problem": problem, "changeable": changeable})
        );
    }
    let library = found.map_err(|error| anyhow!("{}: {file}: {error}", error.code()))?;
    if !arguments.json {
        println!("{file}\n{}", lines(&library));
        if let Err(error) = trust::check(&arguments.file) {
            println!("  warning   a server does not load it from here: {error}");
        }
    }
    Ok(())
}

fn lines(library: &Library) -> String {
    let Library { note, sha256 } = library;
    let plugin = format!("{} {}", note.name, note.version);
    let boundary = format!("{}.{}", note.abi.0, note.abi.1);
    let lines = [
        ("plugin", Some(&plugin)),
        ("boundary", Some(&boundary)),
        ("target", Some(&note.target)),
        ("sdk", note.sdk.as_ref()),
        ("compiler", note.compiler.as_ref()),
        ("sha256", Some(sha256)),
    ];
    let line = |(name, text): (&str, Option<&String>)| Some(format!("  {name:<9} {}", text?));
    lines.into_iter().filter_map(line).collect::<Vec<_>>().join("\n")
}
