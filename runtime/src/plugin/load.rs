//! Loads a library, and calls what it exports. The only place that runs somebody else's code.

// Loads libraries, and calls functions through their tables.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use onward_sdk::{
    abi::{Bytes, ENTRY, EntryV1, MAGIC, PluginV1, StepV1},
    table,
};

use super::{
    note::{self, NoteError},
    presented::{Host, Table},
};

/// Step types of one library.
pub const STEP_TYPES_MAX: usize = 100;

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("it is not the one that was looked at: its sha256 is {sha256} now")]
    Another { sha256: String },
    #[error("it cannot be loaded: {}", cause(.0))]
    Refused(libloading::Error),
    #[error("it does not export `{ENTRY}`")]
    NoEntry,
    #[error("its `{ENTRY}` refuses this server; the log has its reason")]
    RefusesUs,
    #[error("its table does not begin as one of this boundary")]
    Magic,
    #[error("its table has {0} bytes, too few to be one")]
    ShortTable(u32),
    #[error("it has no step types")]
    NoSteps,
    #[error("it has {0} step types; at most {STEP_TYPES_MAX} are possible")]
    ManySteps(usize),
    #[error("the table of its step type number {0} is missing, or too short to be one")]
    NoStep(usize),
    #[error("its step type number {step} has no function `{function}`")]
    NoFunction { step: usize, function: &'static str },
}

/// The system's words, which the library keeps behind its own.
fn cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

impl LoadError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Note(error) => error.code(),
            Self::Another { .. } => "plugin_modified",
            Self::Refused(_) => "plugin_not_loaded",
            Self::RefusesUs => "plugin_refuses",
            Self::NoEntry | Self::Magic | Self::ShortTable(_) => "plugin_table_invalid",
            Self::NoSteps | Self::ManySteps(_) | Self::NoStep(_) | Self::NoFunction { .. } => {
                "plugin_steps_invalid"
            }
        }
    }
}

/// A library that stays loaded until the process ends: what runs in it, and what it has registered elsewhere, is not known.
pub struct Loaded {
    pub library: note::Library,
    pub path: PathBuf,
    pub steps: Vec<StepTable>,
    /// Where its table stands: the same each time that it is asked.
    pub table: usize,
}

/// The functions of a step type, none of which is missing.
#[derive(Clone, Copy)]
pub struct StepTable(StepV1, Table);

/// Loads a library, once its note says that it may be one. Whether others may change it, whoever asks for it has looked at.
///
/// # Errors
/// Why it cannot be used. Its code may have run then.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    load_if(path, |_| true)
}

/// The same of a library that was looked at before, and is the same one.
///
/// # Errors
/// Those of [`load`], and that it is another one.
pub fn load_only(path: &Path, sha256: &str) -> Result<Loaded, LoadError> {
    load_if(path, |library| library.sha256 == sha256)
}

fn load_if(path: &Path, is_it: impl FnOnce(&note::Library) -> bool) -> Result<Loaded, LoadError> {
    let library = note::read(path)?;
    if !is_it(&library) {
        return Err(LoadError::Another { sha256: library.sha256 });
    }
    // Absolute: the system would look for a bare name elsewhere.
    let path = path.canonicalize().map_err(NoteError::from)?;
    open(library, path, Table::SERVER)
}

/// Loads a library for whoever tries what it does with other hosts, whoever else may change it.
///
/// # Errors
/// Why it cannot be used. Its code may have run then.
pub fn load_for(path: &Path, host: Host) -> Result<Loaded, LoadError> {
    let library = note::read(path)?;
    open(library, path.canonicalize().map_err(NoteError::from)?, host.table())
}

fn open(library: note::Library, path: PathBuf, host: Table) -> Result<Loaded, LoadError> {
    // All that it needs of other libraries is looked for now: what is missing would end the process later.
    // SAFETY: to load a library is to trust it, which whoever asks for it does.
    let opened = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }.map_err(LoadError::Refused)?;
    let opened = ManuallyDrop::new(opened);
    // SAFETY: the boundary says what type the export has; the library stays.
    let entry = unsafe { opened.get::<EntryV1>(ENTRY.as_bytes()) }.map_err(|_| LoadError::NoEntry)?;
    // SAFETY: the export, with a table that stays.
    let plugin = unsafe { entry(host.pointer()) };
    if plugin.is_null() {
        return Err(LoadError::RefusesUs);
    }
    // SAFETY: what the export returns can be read as long as it says.
    let Some(read) = (unsafe { table::read(plugin) }) else { return Err(LoadError::ShortTable(0)) };
    Ok(Loaded { library, path, steps: steps(&read, host)?, table: plugin.addr() })
}

fn steps(plugin: &PluginV1, host: Table) -> Result<Vec<StepTable>, LoadError> {
    if plugin.magic != MAGIC {
        return Err(LoadError::Magic);
    }
    if (plugin.size as usize) < size_of::<PluginV1>() {
        return Err(LoadError::ShortTable(plugin.size));
    }
    if plugin.n_steps == 0 || plugin.steps.is_null() {
        return Err(LoadError::NoSteps);
    }
    if plugin.n_steps > STEP_TYPES_MAX {
        return Err(LoadError::ManySteps(plugin.n_steps));
    }
    let step = |at: usize| {
        // SAFETY: so many pointers stand there, as the table says.
        let pointer = unsafe { plugin.steps.add(at).read_unaligned() };
        // SAFETY: null, or a table that can be read as long as it says.
        let step = unsafe { table::read(pointer) }.ok_or(LoadError::NoStep(at + 1))?;
        let missing = [
            ("describe", step.describe.is_none()),
            ("create", step.create.is_none()),
            ("run", step.run.is_none()),
            ("destroy", step.destroy.is_none()),
        ];
        match missing.into_iter().find(|(_, is_missing)| *is_missing) {
            Some((function, _)) => Err(LoadError::NoFunction { step: at + 1, function }),
            None => Ok(StepTable(step, host)),
        }
    };
    (0..plugin.n_steps).map(step).collect()
}

impl StepTable {
    /// Has the step type say what it is; the call's end has it. Blocks as long as the library likes.
    pub fn describe(&self, call: u64) {
        if let Some(describe) = self.0.describe {
            // SAFETY: the library's function, with a table that stays.
            unsafe { describe(call, self.1.pointer()) }
        }
    }

    /// Makes an instance; `None`: the call's end says why not. Blocks as long as the library likes.
    pub fn create(&self, call: u64, config: &[u8]) -> Option<Instance> {
        // SAFETY: the library's function; the bytes live until it returns, and the table stays.
        let at = unsafe { self.0.create?(call, Bytes::new(config), self.1.pointer()) };
        (!at.is_null()).then(|| Instance { step: *self, at })
    }
}

/// An instance. It is given back when it is dropped, which must not be before each of its calls has ended: whoever gives one up keeps it.
pub struct Instance {
    step: StepTable,
    at: *mut c_void,
}

// SAFETY: the boundary says that an instance may be used on any thread.
unsafe impl Send for Instance {}
// SAFETY: the boundary says that it may be run many times at once.
unsafe impl Sync for Instance {}

impl Instance {
    /// Runs it. Blocks as long as the library likes; the call may end before or after it returns.
    pub fn run(&self, call: u64, input: &[u8]) {
        if let Some(run) = self.step.0.run {
            // SAFETY: the library's function with its own instance; the bytes live until it returns, and the table stays.
            unsafe { run(self.at, call, Bytes::new(input), self.step.1.pointer()) }
        }
    }

    /// Asks a call to end soon.
    pub fn cancel(&self, call: u64) {
        if let Some(cancel) = self.step.0.cancel {
            // SAFETY: the library's function with its own instance.
            unsafe { cancel(self.at, call) }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.step.0.destroy {
            // SAFETY: the library's function with its own instance, which nothing uses any more.
            unsafe { destroy(self.at) }
        }
    }
}
