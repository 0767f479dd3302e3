//! The section `plugins`: where libraries are, which are taken, and how much of the machine each is given.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{raw, read::Reading};
use crate::plugin::{registry::PluginSettings, runner::RunnerSettings};

/// `store`: the data folder, which has the copies that are loaded.
pub(super) fn plugins(raw: raw::Plugins, store: &Path, reading: &mut Reading) -> PluginSettings {
    const FOLDER: &str = "plugins.folder";
    let folder = (!raw.folder.is_empty()).then(|| PathBuf::from(&raw.folder));
    if folder.as_ref().is_some_and(|folder| !folder.is_absolute()) {
        reading.note(FOLDER, None, "an absolute path, such as /var/lib/onward/plugins");
    }
    PluginSettings {
        folder,
        shipped: shipped(),
        copies: store.join("plugins"),
        pins: raw.pins.iter().filter_map(|pin| read_pin(pin, reading)).collect(),
        pinned_only: raw.pinned_only,
        disabled: raw.disabled,
        in_process: raw.in_process,
        in_child: raw.in_child,
        runner: RunnerSettings {
            threads: raw.threads,
            queue_max: raw.queue_max,
            memory_bytes_max: raw.memory_bytes_max,
            idle: Duration::from_secs(raw.idle_seconds),
            ..RunnerSettings::default()
        },
    }
}

/// Where the plugins that ship with the server may stand: beside its program, as it is built, or in `lib/onward` beside the program's folder,
/// as it is installed.
fn shipped() -> Vec<PathBuf> {
    let Ok(program) = std::env::current_exe() else { return Vec::new() };
    let Some(beside) = program.parent() else { return Vec::new() };
    let installed = beside.parent().map(|above| above.join("lib/onward"));
    [beside.to_owned()].into_iter().chain(installed).collect()
}

fn read_pin(pin: &str, reading: &mut Reading) -> Option<(String, String)> {
    let read = pin.split_once('=').map(|(name, sha256)| (name.trim(), sha256.trim().to_ascii_lowercase()));
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match read {
        Some((name, sha256)) if !name.is_empty() && is_hash(&sha256) => Some((name.to_owned(), sha256)),
        _ => {
            reading.note(
                "plugins.pins",
                Some(pin),
                "a plugin's name and the 64 hexadecimal digits of its sha256",
            );
            None
        }
    }
}
