//! Which libraries there are, what became of each, and the step types that they bring.
//!
//! Looked at once, when a server starts or a command needs the step types. What ships with the server stands beside its program and is
//! trusted as that is; what else there is stands in one folder that only who runs the server may change, is loaded from a copy of what was
//! hashed, and runs in a process of its own unless the operator says otherwise.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use onward_sdk::description::Description;

use super::{
    child::{ChildProcess, Program},
    describing, load,
    note::{self, Library},
    pool::InProcess,
    runner::{RunError, Runner, RunnerSettings, RunnerState},
    trust,
};
use crate::model::text::suggestion;

/// Libraries of a folder that are looked at.
pub const LIBRARIES_MAX: usize = 1_000;

/// How often a library is asked what it is, whose process ends of it.
const ASKED_MAX: usize = 2;

/// How a plugin that ships with the server begins its file's name.
const SHIPPED_PREFIX: &str = "libonward_plugin_";

/// Where plugins are, which are taken, and how they run.
#[derive(Debug, Clone)]
pub struct PluginSettings {
    /// Of third parties.
    pub folder: Option<PathBuf>,
    /// Folders of what ships with the server.
    pub shipped: Vec<PathBuf>,
    /// Where what is loaded is copied to, and what was said of it is kept.
    pub copies: PathBuf,
    /// By name, what the file's hash must be.
    pub pins: Vec<(String, String)>,
    pub pinned_only: bool,
    pub disabled: Vec<String>,
    pub in_process: Vec<String>,
    pub in_child: Vec<String>,
    pub runner: RunnerSettings,
}

/// Where a plugin comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It ships with the server.
    Shipped,
    Folder,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    InProcess,
    Process,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Folder => "folder",
        }
    }
}

impl Isolation {
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Process => "process",
        }
    }
}

impl Pin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
            Self::Modified => "modified",
        }
    }
}

/// What its file's hash is to what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    Pinned,
    Unpinned,
    Modified,
}

/// A library that was found.
pub struct Plugin {
    pub file: PathBuf,
    pub origin: Origin,
    pub isolation: Isolation,
    pub pin: Pin,
    /// What its note says; `None` where there is none.
    pub library: Option<Library>,
    pub state: PluginState,
}

/// What became of it.
pub enum PluginState {
    Loaded { steps: Vec<Description>, runner: Arc<dyn Runner> },
    Disabled,
    Refused { code: String, message: String },
}

/// Every library that was found, those that ship with the server first.
#[derive(Default)]
pub struct Plugins {
    pub all: Vec<Plugin>,
    /// Where it was looked.
    pub looked_in: Vec<PathBuf>,
    /// What the settings name, and is not there.
    pub notes: Vec<SettingNote>,
}

/// Something that the settings name, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingNote {
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
}

/// Why one is not used.
#[derive(Debug)]
struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Plugin {
    /// As its note has it; its file's name where there is no note.
    pub fn name(&self) -> String {
        let of_file = || self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.library.as_ref().map_or_else(of_file, |library| library.note.name.clone())
    }

    /// It cannot be used after all.
    pub fn refuse(&mut self, code: &str, message: String) {
        self.state = PluginState::Refused { code: code.to_owned(), message };
    }

    /// How its runner is, if it has one.
    pub fn runner_state(&self) -> Option<RunnerState> {
        match &self.state {
            PluginState::Loaded { runner, .. } => Some(runner.state()),
            PluginState::Disabled | PluginState::Refused { .. } => None,
        }
    }
}

impl Plugins {
    /// Looks at every library that there is. What cannot be used is there with the reason: nothing else is held up by it. `taken`: ids of
    /// step types that are the server's own.
    pub fn look(settings: &PluginSettings, taken: &[String]) -> Self {
        let mut looking = Looking {
            settings,
            names: HashMap::new(),
            ids: taken.iter().map(|id| (id.clone(), "the server".to_owned())).collect(),
            plugins: Self::default(),
        };
        for folder in &settings.shipped {
            looking.folder(folder, Origin::Shipped);
        }
        if let Some(folder) = &settings.folder {
            looking.folder(folder, Origin::Folder);
        }
        looking.note_unknown_names();
        looking.plugins
    }

    /// Those that cannot be used, each with a code and the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&Plugin, &str, &str)> {
        self.all.iter().filter_map(|plugin| match &plugin.state {
            PluginState::Refused { code, message } => Some((plugin, code.as_str(), message.as_str())),
            PluginState::Loaded { .. } | PluginState::Disabled => None,
        })
    }

    /// The names of those that are not used, each with the reason.
    pub fn unused(&self) -> impl Iterator<Item = String> {
        self.all.iter().filter_map(|plugin| match &plugin.state {
            PluginState::Loaded { .. } => None,
            PluginState::Disabled => Some(format!("{} (disabled)", plugin.name())),
            PluginState::Refused { code, .. } => Some(format!("{} ({code})", plugin.name())),
        })
    }

    /// Removes copies that nobody needs any more. Only for who holds the data folder.
    pub fn tidy(&self, copies: &Path) {
        let needed: HashSet<&str> =
            self.all.iter().filter_map(|it| Some(it.library.as_ref()?.sha256.as_str())).collect();
        for entry in fs::read_dir(copies).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.split('.').next().is_some_and(|sha256| needed.contains(sha256)) {
                // What is left lies there until the next start.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Says in the log what there is.
    pub fn tell(&self) {
        for SettingNote { code, message } in &self.notes {
            tracing::warn!(code, "{message}");
        }
        for plugin in &self.all {
            let (name, file) = (plugin.name(), plugin.file.display());
            match &plugin.state {
                PluginState::Loaded { steps, .. } => {
                    let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
                    let (origin, isolation) = (plugin.origin.name(), plugin.isolation.name());
                    tracing::info!(name, origin, isolation, file = %file, step_types = ids.join(", "), "a plugin");
                }
                PluginState::Disabled => tracing::info!(name, file = %file, "a plugin that is disabled"),
                PluginState::Refused { code, message } => {
                    tracing::error!(name, file = %file, code, "a plugin is not used: {message}");
                }
            }
        }
    }

    /// Ends what runs in them: the server stops. None waits for another.
    pub fn stop(&self) {
        thread::scope(|scope| {
            for plugin in &self.all {
                if let PluginState::Loaded { runner, .. } = &plugin.state {
                    scope.spawn(|| runner.stop());
                }
            }
        });
    }
}

struct Looking<'s> {
    settings: &'s PluginSettings,
    /// The file of each plugin.
    names: HashMap<String, PathBuf>,
    /// Who has each step type: a plugin, or the server.
    ids: HashMap<String, String>,
    plugins: Plugins,
}

impl Looking<'_> {
    fn folder(&mut self, folder: &Path, origin: Origin) {
        let files = match libraries(folder, origin) {
            Ok(files) => files,
            // It is looked whether there is something.
            Err(error) if origin == Origin::Shipped && error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                let message = format!(
                    "the folder of plugins, {}, cannot be read: {error}. Make it, let the server's user read it, or leave plugins.folder out",
                    folder.display()
                );
                self.plugins.notes.push(SettingNote { code: "plugins_folder_unreadable", message });
                self.plugins.looked_in.push(folder.to_owned());
                return;
            }
        };
        self.plugins.looked_in.push(folder.to_owned());
        for file in files {
            let plugin = self.library(file, origin);
            self.plugins.all.push(plugin);
        }
    }

    /// A name in the settings that no plugin has does nothing, which whoever wrote it does not mean.
    fn note_unknown_names(&mut self) {
        if self.plugins.all.iter().any(|plugin| plugin.library.is_none()) {
            // It may be one of those that nobody can read, which is told.
            return;
        }
        let found: Vec<_> = self.plugins.all.iter().map(Plugin::name).collect();
        let PluginSettings { disabled, in_process, in_child, pins, .. } = self.settings;
        let named = [
            ("disabled", disabled.iter().collect::<Vec<_>>()),
            ("in_process", in_process.iter().collect()),
            ("in_child", in_child.iter().collect()),
            ("pins", pins.iter().map(|(name, _)| name).collect()),
        ];
        for (key, names) in named {
            for name in names.into_iter().filter(|name| !found.contains(name)) {
                let help = suggestion(name, found.iter().map(String::as_str));
                let message = format!("plugins.{key} names “{name}”, and there is no such plugin: {help}");
                self.plugins.notes.push(SettingNote { code: "unknown_plugin", message });
            }
        }
    }

    fn library(&mut self, file: PathBuf, origin: Origin) -> Plugin {
        let read = note::read(&file);
        let name = read.as_ref().map(|library| library.note.name.clone()).unwrap_or_default();
        let (isolation, pin) = (self.isolation(&name, origin), self.pin(read.as_ref().ok()));
        let state = if self.settings.disabled.contains(&name) {
            PluginState::Disabled
        } else {
            let used = read
                .as_ref()
                .map_err(|error| Refusal::new(error.code(), error.to_string()))
                .and_then(|library| self.used(&file, library, origin, isolation, pin));
            match used {
                Ok((steps, runner)) => PluginState::Loaded { steps, runner },
                Err(Refusal { code, message }) => PluginState::Refused { code, message },
            }
        };
        Plugin { file, origin, isolation, pin, library: read.ok(), state }
    }

    fn isolation(&self, name: &str, origin: Origin) -> Isolation {
        let is_in = |names: &[String]| names.iter().any(|other| other == name);
        match origin {
            Origin::Shipped if is_in(&self.settings.in_child) => Isolation::Process,
            Origin::Shipped => Isolation::InProcess,
            Origin::Folder if is_in(&self.settings.in_process) => Isolation::InProcess,
            Origin::Folder => Isolation::Process,
        }
    }

    fn pin(&self, library: Option<&Library>) -> Pin {
        let Some(library) = library else { return Pin::Unpinned };
        let mut pins = self.settings.pins.iter().filter(|(name, _)| *name == library.note.name).peekable();
        match (pins.peek().is_some(), pins.any(|(_, sha256)| *sha256 == library.sha256)) {
            (false, _) => Pin::Unpinned,
            (true, true) => Pin::Pinned,
            (true, false) => Pin::Modified,
        }
    }

    /// Its step types, and what runs them.
    fn used(
        &mut self,
        file: &Path,
        library: &Library,
        origin: Origin,
        isolation: Isolation,
        pin: Pin,
    ) -> Result<(Vec<Description>, Arc<dyn Runner>), Refusal> {
        let name = &library.note.name;
        if origin == Origin::Folder {
            trust::check(file).map_err(|error| {
                Refusal::new("plugin_changeable", format!("others can change it: {error}"))
            })?;
        }
        match pin {
            Pin::Modified => {
                let message = format!(
                    "its sha256 is {}, and not that of its pin in plugins.pins: it was changed after it was pinned. If the change is \
                     meant, pin it anew (`onward plugin lock`)",
                    library.sha256
                );
                return Err(Refusal::new("plugin_modified", message));
            }
            Pin::Unpinned if self.settings.pinned_only && origin == Origin::Folder => {
                let message = "it has no pin in plugins.pins, and plugins.pinned_only is set: pin it (`onward plugin lock`)";
                return Err(Refusal::new("plugin_unpinned", message));
            }
            Pin::Pinned | Pin::Unpinned => {}
        }
        if let Some(other) = self.names.get(name) {
            let message = format!("{} is the plugin `{name}` already: remove one of them", other.display());
            return Err(Refusal::new("plugin_name_taken", message));
        }
        self.names.insert(name.clone(), file.to_owned());
        let path = match origin {
            Origin::Shipped => file.to_owned(),
            Origin::Folder => copy(file, library, &self.settings.copies)?,
        };
        let (steps, runner) = self.started(&path, library, isolation)?;
        describing::check(&steps).map_err(|message| Refusal::new("plugin_steps_invalid", message))?;
        if let Some((id, whose)) = steps.iter().find_map(|step| self.ids.get_key_value(&step.id)) {
            let message = format!(
                "{whose} has a step type `{id}` already: leave one of them out (plugins.disabled), or ask this plugin's author for another \
                 name"
            );
            return Err(Refusal::new("step_type_taken", message));
        }
        self.ids.extend(steps.iter().map(|step| (step.id.clone(), format!("the plugin {name}"))));
        Ok((steps, runner))
    }

    fn started(
        &self,
        path: &Path,
        library: &Library,
        isolation: Isolation,
    ) -> Result<(Vec<Description>, Arc<dyn Runner>), Refusal> {
        let runner = self.settings.runner.clone();
        match isolation {
            Isolation::InProcess => {
                let loaded = load::load_only(path, &library.sha256)
                    .map_err(|error| Refusal::new(error.code(), error.to_string()))?;
                let steps = describing::of_loaded(&loaded)
                    .map_err(|error| Refusal::new(error.code(), error.to_string()))?;
                Ok((steps, Arc::new(InProcess::new(loaded, runner))))
            }
            Isolation::Process => {
                let program = Program::new(path.to_owned(), library.clone());
                let file = format!("{}.{}.json", library.sha256, env!("CARGO_PKG_VERSION"));
                let kept = self.settings.copies.join(file);
                let known = fs::read(&kept).ok().and_then(|json| serde_json::from_slice(&json).ok());
                let steps = match known {
                    Some(steps) => steps,
                    None => {
                        let steps = described(program.clone(), runner.clone())?;
                        keep(&kept, &steps);
                        steps
                    }
                };
                Ok((steps, Arc::new(ChildProcess::new(program, runner))))
            }
        }
    }
}

/// Has a library say what it is in a process that ends then: the one that runs it begins with the first run.
fn described(program: Program, settings: RunnerSettings) -> Result<Vec<Description>, Refusal> {
    // Whoever starts a server waits for it.
    let asked = ChildProcess::new(program, RunnerSettings { ends_max: ASKED_MAX, ..settings });
    // Whoever starts a server has a runtime on this thread, on which nothing may be waited for.
    let waiting = asked.describe();
    let answer = thread::scope(|scope| scope.spawn(|| waiting.blocking_recv().ok()).join().ok().flatten());
    asked.stop();
    let gone = || RunError::Died("the process that asks it has ended".to_owned());
    let answer = answer.unwrap_or_else(|| Err(gone()));
    answer.map_err(|error| {
        let message =
            format!("it does not say what it is: {error} Look at the log, and replace it or what it needs");
        Refusal::new("plugin_not_described", message)
    })
}

/// The libraries of a folder, by their names.
fn libraries(folder: &Path, origin: Origin) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_ours = origin == Origin::Folder || name.starts_with(SHIPPED_PREFIX);
        if name.ends_with(".so") && is_ours {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > LIBRARIES_MAX {
        tracing::error!(folder = %folder.display(), found = files.len(), "a folder has more than {LIBRARIES_MAX} plugins; the others are left out");
        files.truncate(LIBRARIES_MAX);
    }
    Ok(files)
}

/// A copy that nobody changes between its being hashed and its being loaded. Where there is no data folder yet, the file itself: it is hashed
/// again when it is loaded.
fn copy(file: &Path, library: &Library, copies: &Path) -> Result<PathBuf, Refusal> {
    if !copies.parent().is_some_and(Path::is_dir) {
        return Ok(file.to_owned());
    }
    let path = copies.join(format!("{}.so", library.sha256));
    let is_good = |path: &Path| note::read(path).is_ok_and(|copy| copy.sha256 == library.sha256);
    if is_good(&path) {
        return Ok(path);
    }
    let copied = make_folder(copies).and_then(|()| {
        let mut new = tempfile::NamedTempFile::new_in(copies)?;
        io::copy(&mut fs::File::open(file)?, &mut new)?;
        new.as_file().set_permissions(fs::Permissions::from_mode(0o400))?;
        new.persist(&path).map_err(|error| error.error)?;
        Ok(())
    });
    copied.map_err(|error| {
        Refusal::new("plugin_not_copied", format!("it cannot be copied to {}: {error}", copies.display()))
    })?;
    if is_good(&path) {
        return Ok(path);
    }
    Err(Refusal::new("plugin_modified", "it was changed while it was copied; start again when it is not"))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    // Also where it is made by a command of root's, it is the server's.
    match folder.parent().map(fs::metadata) {
        Some(Ok(of)) if rustix::process::geteuid().is_root() => {
            // Whoever has the data folder may have put a link there by now.
            std::os::unix::fs::lchown(folder, Some(of.uid()), Some(of.gid()))
        }
        _ => Ok(()),
    }
}

/// Keeps what a library has said of itself. Without it, it is asked again.
fn keep(path: &Path, steps: &[Description]) {
    let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else { return };
    let kept = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
        serde_json::to_writer(&mut new, steps)?;
        new.persist(path).map_err(|error| error.error)
    });
    if let Err(error) = kept {
        tracing::warn!(path = %path.display(), %error, "what a plugin has said of itself cannot be kept");
    }
}
