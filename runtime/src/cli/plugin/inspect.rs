//! `onward plugin inspect`: who a library is, without running any of it; and which step types it has, asked in a process of its own.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{super::shown, described};
use crate::plugin::{
    note::{self, Library},
    trust,
};

#[derive(Args)]
pub(in crate::cli) struct InspectArguments {
    /// The library, a `.so`.
    file: PathBuf,
    /// Prints it as one JSON document.
    #[arg(long)]
    json: bool,
    /// Also has it say which step types it brings: that runs it, in a process of its own.
    #[arg(long)]
    describe: bool,
}

#[derive(Serialize)]
struct Problem {
    code: String,
    message: String,
}

pub(super) fn inspect(arguments: &InspectArguments) -> anyhow::Result<()> {
    let file = shown(&arguments.file);
    let found = note::read(&arguments.file);
    let changeable = trust::check(&arguments.file).err().map(|error| error.to_string());
    let steps = match (&found, arguments.describe) {
        (Ok(_), true) => Some(described(&arguments.file)),
        _ => None,
    };
    if arguments.json {
        let of_note =
            found.as_ref().err().map(|it| Problem { code: it.code().to_owned(), message: it.to_string() });
        let of_steps = steps.as_ref().and_then(|it| it.as_ref().err());
        let of_steps = of_steps
            .map(|it| Problem { code: "plugin_not_described".to_owned(), message: format!("{it:#}") });
        let shown = json!({
            "file": file.to_string(),
            "plugin": found.as_ref().ok(),
            "steps": steps.as_ref().and_then(|it| it.as_ref().ok()),
            "problem": of_note.or(of_steps),
            "changeable": changeable,
        });
        say!("{shown}");
    }
    let library = found.map_err(|error| anyhow!("{}: {file}: {error}", error.code()))?;
    if !arguments.json {
        say!("{file}\n{}", lines(&library));
        if let Some(why) = changeable {
            say!("  warning   a server does not load it from here: {why}");
        }
    }
    let steps = steps.transpose()?.unwrap_or_default();
    if !arguments.json {
        for step in steps {
            say!("  step      {}: {} ({})", step.id, step.title, step.category);
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
