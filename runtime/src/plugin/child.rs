//! Runs a library's steps in a process of their own, through the same functions and the same pool of threads.
//!
//! `keeper.rs` is a thread for each plugin that starts the process, hands runs over (`call.rs`), and says what becomes of them when it ends
//! (`ending.rs`); `process.rs` is the process as it sees it, `frame.rs` what both say, and `serve.rs` is what the process does.

mod call;
mod ending;
mod frame;
mod gate;
mod keeper;
mod process;
pub mod serve;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc as blocking,
    },
    thread,
    time::{Duration, Instant},
};

use onward_sdk::description::Description;
use tokio::sync::{mpsc, oneshot};

use self::{
    call::Call,
    gate::{Gate, Handed},
    keeper::{Command, Keeper},
};
use super::{
    calls::Here,
    describing::DESCRIBE_MAX,
    note::Library,
    runner::{Run, RunError, Runner, RunnerSettings, RunnerState, Running, STOP_MAX, Use},
};

/// Runs of one plugin that are under way, waiting included.
const OPEN_MAX: usize = 10_000;

/// What is run, and how.
#[derive(Debug, Clone)]
pub struct Program {
    /// The library.
    pub file: PathBuf,
    /// What was found in it.
    pub library: Library,
    /// Of the program that loads it.
    pub host: PathBuf,
}

impl Program {
    /// Loaded by this very program.
    pub fn new(file: PathBuf, library: Library) -> Self {
        Self { file, library, host: PathBuf::from("/proc/self/exe") }
    }
}

/// Runs a library's steps in a process of their own, which is begun with the first run.
pub struct ChildProcess {
    program: Program,
    settings: RunnerSettings,
    shared: Arc<Shared>,
    newest: AtomicU64,
    /// To the keeper, once there is one.
    keeper: Mutex<Option<mpsc::UnboundedSender<Command>>>,
}

/// What the keeper and everybody else know.
struct Shared {
    state: Mutex<RunnerState>,
    /// Runs that have not ended.
    open: AtomicUsize,
    /// To the process, past the keeper.
    gate: Gate,
}

impl Shared {
    fn set(&self, state: RunnerState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl ChildProcess {
    pub fn new(program: Program, settings: RunnerSettings) -> Self {
        let shared = Shared {
            state: Mutex::new(RunnerState::Ready),
            open: AtomicUsize::new(0),
            gate: Gate::default(),
        };
        Self {
            program,
            settings,
            shared: Arc::new(shared),
            newest: AtomicU64::new(0),
            keeper: Mutex::default(),
        }
    }

    /// What the step types say they are. It begins the process where there is none; dropped, nobody hears of it.
    pub fn describe(&self) -> oneshot::Receiver<Result<Vec<Description>, RunError>> {
        let (told, described) = oneshot::channel();
        if let Some(keeper) = self.keeper() {
            let _ended_then = keeper.send(Command::Describe(told));
        }
        described
    }

    fn begin(&self, keeper: &mpsc::UnboundedSender<Command>, id: u64, call: Box<Call>) {
        // Whether so many wait that one more is too much, the keeper knows.
        let handed = match self.shared.open.load(Ordering::Relaxed) <= self.settings.queue_max {
            true => self.shared.gate.hand_over(id, call),
            false => Handed::No(call),
        };
        let command = match handed {
            Handed::Yes => return,
            Handed::Earlier => Command::Look,
            Handed::No(call) => Command::Run(id, call),
        };
        let _ended_then = keeper.send(command);
    }

    /// The way to the keeper, which is begun with the first use of it.
    fn keeper(&self) -> Option<mpsc::UnboundedSender<Command>> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = &*keeper {
            return Some(keeper.clone());
        }
        // Here, where whoever asks can be told that there is none.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let (sender, commands) = mpsc::unbounded_channel();
        let (program, settings) = (self.program.clone(), self.settings.clone());
        let (shared, back) = (Arc::clone(&self.shared), sender.downgrade());
        let name = format!("{} process", self.program.library.note.name);
        thread::Builder::new()
            .name(name)
            .spawn(move || Keeper::new(program, settings, shared, back).keep(&runtime, commands))
            .ok()?;
        Some(keeper.insert(sender).clone())
    }
}

impl Runner for ChildProcess {
    fn run(&self, run: Run) -> Running {
        let (told, ended) = oneshot::channel();
        let (listener, requests) = Here::new(run.span, Arc::clone(&run.used));
        let id = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let busy = |why: String| {
            let message = format!("The plugin {} is busy: {why}.", self.program.library.note.name);
            Err(RunError::NotBegun { code: "plugin_busy", message })
        };
        let keeper = self.keeper();
        let cancels: Box<dyn Send> = match keeper {
            _ if self.shared.open.load(Ordering::Relaxed) >= OPEN_MAX => {
                drop(told.send(busy(format!("{OPEN_MAX} of its runs are under way"))));
                Box::new(())
            }
            Some(keeper) => {
                let call =
                    Call::new(run.used, run.input, run.within, listener, told, Arc::clone(&self.shared));
                let is_over = Arc::clone(&call.is_over);
                self.begin(&keeper, id, Box::new(call));
                Box::new(Cancels { keeper, id, is_over })
            }
            None => {
                drop(told.send(busy("the thread that keeps its process cannot be begun".to_owned())));
                Box::new(())
            }
        };
        Running { ended, requests, cancels }
    }

    fn forget(&self, used: &Use) {
        if let Some(keeper) = &*self.keeper.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ended_then = keeper.send(Command::Forget(used.id));
        }
    }

    fn state(&self) -> RunnerState {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (stopped, is_stopped) = blocking::channel();
        if keeper.is_some_and(|keeper| keeper.send(Command::Stop(Some(stopped))).is_ok()) {
            let _too_long = is_stopped.recv_timeout(STOP_MAX);
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if let Some(keeper) = &*self.keeper.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ended_then = keeper.send(Command::Stop(None));
        }
    }
}

struct Cancels {
    keeper: mpsc::UnboundedSender<Command>,
    id: u64,
    is_over: Arc<AtomicBool>,
}

impl Drop for Cancels {
    fn drop(&mut self) {
        if self.is_over.load(Ordering::Acquire) {
            return;
        }
        let _ended_then = self.keeper.send(Command::Cancel(self.id));
    }
}

/// The time of a runtime's timers.
fn after(from: Instant, time: Duration) -> Instant {
    // Far enough away for what never comes.
    from.checked_add(time).unwrap_or_else(|| from + Duration::from_secs(30 * 365 * 24 * 3600))
}
