//! `onward backup` and `onward restore`.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigArguments, load, shown};
use crate::{
    clock::Clock,
    lock::FolderLock,
    store::sqlite::{
        backup::{self, BackupError},
        restore::{self, OpenExecutions, Restored},
    },
};

#[derive(Args)]
pub(super) struct BackupArguments {
    /// Where to; its folder must be there.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Writes over the file if it is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

#[derive(Args)]
pub(super) struct RestoreArguments {
    /// What `onward backup` wrote. It stays as it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Lets open executions go on as they stood. Only when no server ran since the backup was made, as
    /// in a move to another machine: otherwise steps that ran since then run again.
    #[arg(long)]
    resume_pending: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn backup(arguments: &BackupArguments) -> anyhow::Result<()> {
    let folder = load(&arguments.config)?.store.folder;
    if !folder.is_dir() {
        return Err(BackupError::NoDatabase { folder }.into());
    }
    let _lock = FolderLock::take_for_backup(&folder)?;
    let made = backup::backup(&folder, &arguments.file, arguments.force)?;
    say!(
        "{}: {} bytes, {} tasks, {} executions, as of {}",
        shown(&arguments.file),
        made.bytes,
        made.tasks,
        made.executions,
        made.made_at
    );
    Ok(())
}

pub(super) fn restore(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let folder = load(&arguments.config)?.store.folder;
    let _lock = FolderLock::take(&folder)?;
    let open = if arguments.resume_pending { OpenExecutions::Resume } else { OpenExecutions::Doubt };
    let restored = restore::restore(&arguments.file, &folder, open, Clock::default().now())?;
    print(arguments, &restored);
    Ok(())
}

fn print(arguments: &RestoreArguments, restored: &Restored) {
    say!(
        "restored {}, made at {}: {} tasks, {} executions",
        shown(&arguments.file),
        restored.made_at,
        restored.tasks,
        restored.executions
    );
    match &restored.before {
        Some(before) => say!("the database that stood there is now {}", shown(before)),
        None => say!("no database stood there before"),
    }
    let (in_doubt, open) = (restored.in_doubt, restored.open);
    if arguments.resume_pending {
        say!("{open} executions were open; they go on when the server starts");
    } else {
        say!(
            "{} executions were open: {in_doubt} are now unknown (check each, then retry or dismiss), {open} wait \
             for an instant that is still to come",
            in_doubt + open
        );
    }
}
