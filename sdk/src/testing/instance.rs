//! A library under test: its steps, instances of them, and runs.

// Calls functions of the other side of a C boundary.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    fmt,
    sync::Arc,
    thread::{self, JoinHandle},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Host, Log, board::Record};
use crate::{
    Answer, StepError,
    abi::{Bytes, EntryV1, MAGIC, PluginV1, STATUS_OK, STATUS_PANIC, StepV1},
    description::Description,
    document::Input,
    table,
};

/// A library.
#[derive(Debug)]
pub struct Plugin {
    steps: Vec<Step>,
}

impl Plugin {
    pub(super) fn load(host: &Host, entry: EntryV1) -> Self {
        // SAFETY: a library's export, and a table that stays.
        let plugin = unsafe { entry(host.table) };
        assert!(!plugin.is_null(), "the library refused this host: its entry returned null");
        // SAFETY: what an export returns can be read as long as it says.
        let plugin: PluginV1 =
            unsafe { table::read(plugin) }.expect("the library's table is too short to be one");
        assert_eq!(plugin.magic, MAGIC, "the library's table does not begin with the magic bytes");
        assert!(plugin.n_steps > 0 && !plugin.steps.is_null(), "the library has no steps");
        let mut steps: Vec<Step> = Vec::new();
        for at in 0..plugin.n_steps {
            // SAFETY: so many pointers stand there.
            let step = unsafe { table::read(plugin.steps.add(at).read()) };
            let table: StepV1 = step.expect("a step's table is null or too short to be one");
            let mut step = Step { host: host.clone(), table, id: String::new() };
            step.id = step.describe().expect("the step describes itself").id;
            assert!(steps.iter().all(|other| other.id != step.id), "two steps have the id {}", step.id);
            steps.push(step);
        }
        Self { steps }
    }

    /// The ids of its steps, in its order.
    pub fn ids(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.id.as_str()).collect()
    }

    /// One of its step types.
    ///
    /// # Panics
    ///
    /// Where there is none of this id.
    pub fn step(&self, id: &str) -> &Step {
        let step = self.steps.iter().find(|step| step.id == id);
        step.unwrap_or_else(|| panic!("there is no step {id}, there are {}", self.ids().join(", ")))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The step said so.
    Error(StepError),
    /// It panicked.
    Panic(String),
    /// What it said is not what the boundary allows.
    Unreadable(String),
    /// It said nothing.
    Silent,
}

/// A step type.
#[derive(Clone)]
pub struct Step {
    host: Host,
    table: StepV1,
    id: String,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Step {
    /// What it says of itself.
    ///
    /// # Errors
    ///
    /// Where it does not, or not as it should.
    ///
    /// # Panics
    ///
    /// Where its table has no `describe`.
    pub fn describe(&self) -> Result<Description, Failure> {
        let record = self.host.begin();
        let describe = self.table.describe.expect("a step has `describe`");
        // SAFETY: a library's function, and a table that stays.
        unsafe { describe(record.id, self.host.table) }
        ended(&record, &self.host)
    }

    /// Makes an instance.
    ///
    /// # Errors
    ///
    /// What the step says of the configuration.
    // As `json!` hands it over.
    #[allow(clippy::needless_pass_by_value)]
    pub fn create(&self, config: Value) -> Result<Instance, Failure> {
        self.create_of(config.to_string().as_bytes())
    }

    /// The same of any bytes.
    ///
    /// # Errors
    ///
    /// What the step says of them.
    ///
    /// # Panics
    ///
    /// Where it breaks the rules of `create`.
    pub fn create_of(&self, config: &[u8]) -> Result<Instance, Failure> {
        let record = self.host.begin();
        let create = self.table.create.expect("a step has `create`");
        // SAFETY: a library's function, bytes that live until it returns, and a table that stays.
        let instance = unsafe { create(record.id, Bytes::new(config), self.host.table) };
        if instance.is_null() {
            let dones = record.seen().dones;
            assert!(dones > 0, "`create` returned null and did not say why");
            return Err(
                ended::<Value>(&record, &self.host).expect_err("`create` failed and said that it did not")
            );
        }
        assert_eq!(record.seen().dones, 0, "`create` returned an instance, and called `done` too");
        Ok(Instance(Arc::new(Made { step: self.clone(), instance })))
    }
}

/// What `create` has made; given back when nobody has it any more.
struct Made {
    step: Step,
    instance: *mut c_void,
}

// SAFETY: the boundary lets an instance be used by any thread, by many at once.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(destroy) = self.step.table.destroy {
            // SAFETY: a library's function and its instance, once: each run has a share in this until it has ended.
            unsafe { destroy(self.instance) }
        }
    }
}

/// An instance of a step. When it and its runs are gone, it is destroyed.
#[derive(Clone)]
pub struct Instance(Arc<Made>);

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.0.step.id).finish()
    }
}

impl Instance {
    /// Runs it, and waits for the end.
    ///
    /// # Panics
    ///
    /// Where its table has no `run`.
    pub fn run(&self, input: &Input) -> Run {
        self.start(input).wait()
    }

    /// The same of any bytes.
    ///
    /// # Panics
    ///
    /// Where its table has no `run`.
    pub fn run_of(&self, input: Vec<u8>) -> Run {
        self.start_of(input).wait()
    }

    /// Runs it, on a thread of its own.
    ///
    /// # Panics
    ///
    /// Where its table has no `run`.
    pub fn start(&self, input: &Input) -> Running {
        self.start_of(serde_json::to_vec(input).expect("JSON"))
    }

    fn start_of(&self, input: Vec<u8>) -> Running {
        let made = Arc::clone(&self.0);
        let run = made.step.table.run.expect("a step has `run`");
        let record = made.step.host.begin();
        let call = record.id;
        let working = Arc::clone(&made);
        let thread = thread::spawn(move || {
            // SAFETY: a library's function, its instance that `working` keeps, bytes that live until it returns, and a table that
            // stays.
            unsafe { run(working.instance, call, Bytes::new(&input), working.step.host.table) }
        });
        Running { made, record, thread: Some(thread) }
    }
}

/// A run under way.
pub struct Running {
    made: Arc<Made>,
    record: Arc<Record>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("call", &self.record.id).finish_non_exhaustive()
    }
}

impl Running {
    /// Cancels it, as the server does when its time is over or a person asks for it.
    pub fn cancel(&self) {
        self.record.cancel();
        if let Some(cancel) = self.made.step.table.cancel {
            // SAFETY: a library's function, and its instance that `made` keeps.
            unsafe { cancel(self.made.instance, self.record.id) }
        }
    }

    /// Waits until the step has told this as its progress.
    ///
    /// # Panics
    ///
    /// Where it does not in time.
    pub fn wait_for_progress(&self, message: &str) {
        let told = self
            .record
            .wait(self.made.step.host.patience, |seen| seen.progress.iter().any(|told| told == message));
        assert!(told, "the step did not tell “{message}” as its progress");
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// Where `run` let a panic out.
    pub fn wait(mut self) -> Run {
        let host = &self.made.step.host;
        let result = ended(&self.record, host);
        // A step that says nothing may never return, either; its instance is left to it.
        if let Some(thread) =
            self.thread.take_if(|thread| result != Err(Failure::Silent) || thread.is_finished())
        {
            thread.join().expect("`run` returns");
        }
        if result == Err(Failure::Silent) {
            std::mem::forget(Arc::clone(&self.made));
        }
        Run { record: self.record, result }
    }
}

/// A run that has ended, or was waited for in vain.
pub struct Run {
    record: Arc<Record>,
    /// What came of it.
    pub result: Result<Answer, Failure>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.record.seen();
        f.debug_struct("Run").field("result", &self.result).field("logs", &seen.logs).finish_non_exhaustive()
    }
}

impl Run {
    /// The answer.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn answer(&self) -> Answer {
        self.result.clone().unwrap_or_else(|failure| panic!("no answer but {failure:?}"))
    }

    /// The error that the step ended with.
    ///
    /// # Panics
    ///
    /// Where it did not.
    pub fn error(&self) -> StepError {
        match &self.result {
            Err(Failure::Error(error)) => error.clone(),
            other => panic!("no error but {other:?}"),
        }
    }

    /// What it said to the log.
    pub fn logs(&self) -> Vec<Log> {
        self.record.seen().logs.clone()
    }

    /// What it told of its progress.
    pub fn progress(&self) -> Vec<String> {
        self.record.seen().progress.clone()
    }

    /// How often it has called `done` until now: once, if it keeps the rules. After [`Failure::Silent`] this tells whether it came late.
    pub fn dones(&self) -> usize {
        self.record.seen().dones
    }
}

fn ended<T: DeserializeOwned>(record: &Record, host: &Host) -> Result<T, Failure> {
    if !record.wait(host.patience, |seen| seen.ended.is_some()) {
        return Err(Failure::Silent);
    }
    let Some((status, bytes)) = record.seen().ended.clone() else { return Err(Failure::Silent) };
    let unreadable = |error: serde_json::Error| Failure::Unreadable(format!("status {status}: {error}"));
    match status {
        STATUS_OK => serde_json::from_slice(&bytes).map_err(unreadable),
        STATUS_PANIC => Err(Failure::Panic(String::from_utf8_lossy(&bytes).into_owned())),
        _ => Err(serde_json::from_slice(&bytes).map_or_else(unreadable, Failure::Error)),
    }
}
