//! Runs a library's steps in this process, on threads of its own: it may hold each of them as long as it likes, and nobody else waits.
//!
//! `state.rs` is what there is to do and what is known of it, under one lock. Nothing of a library's is called under the lock, and nobody hears
//! of anything: what follows from a change is gathered, and done after it.

mod held;
mod state;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use onward_sdk::abi::STATUS_OK;
use tokio::sync::oneshot;

use self::{
    held::Held,
    state::{After, Going, State, Task},
};
use super::{
    call::{self, CallError},
    calls::{self, Ended, Here, Library, Listener},
    load::{Instance, Loaded, StepTable},
    runner::{Run, RunError, Runner, RunnerSettings, RunnerState, Running, STOP_MAX, Use},
};

/// What hears of a run's end.
pub(super) type Hears = Box<dyn FnOnce(Result<Ended, RunError>) + Send>;

/// Is told that the library is about to see a run.
pub(super) type Begun = Box<dyn FnOnce() + Send>;

/// Hears of how many threads are stuck, when that changes.
pub(super) type StuckHears = Box<dyn Fn(usize) + Send + Sync>;

/// Runs a library's steps in this process.
pub struct InProcess(Arc<Pool>);

impl InProcess {
    pub fn new(loaded: Loaded, settings: RunnerSettings) -> Self {
        Self(Pool::new(loaded, settings, Box::new(|_| ())))
    }

    /// How often the library has ended a call late, twice, or one that never began.
    pub fn stray(&self) -> u64 {
        self.0.library.stray()
    }
}

impl Runner for InProcess {
    fn run(&self, run: Run) -> Running {
        let (told, ended) = oneshot::channel();
        let (listener, requests) = Here::new(run.span, Arc::clone(&run.used));
        let hears = move |it: Result<Ended, RunError>| {
            let read = it.and_then(|ended| call::read(ended).map_err(RunError::Call));
            let _nobody_waits = told.send(read);
        };
        let order = Order {
            used: run.used,
            input: run.input,
            within: run.within,
            listener: Arc::new(listener),
            begun: None,
            hears: Box::new(hears),
        };
        let job = self.0.begin(order);
        Running { ended, requests, cancels: Box::new(Cancels(Arc::clone(&self.0), job)) }
    }

    fn forget(&self, used: &Use) {
        self.0.forget(used.id);
    }

    fn state(&self) -> RunnerState {
        let state = self.0.state();
        if state.is_all_stuck() {
            RunnerState::Quarantined { why: state.why_quarantined() }
        } else {
            RunnerState::Ready
        }
    }

    fn stop(&self) {
        self.0.stop();
    }
}

impl Drop for InProcess {
    /// Its threads end when they can; nobody waits for them.
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Cancels(Arc<Pool>, u64);

impl Drop for Cancels {
    fn drop(&mut self) {
        self.0.cancel(self.1);
    }
}

/// A run, whoever wants it.
pub(super) struct Order {
    pub(super) used: Arc<Use>,
    pub(super) input: Vec<u8>,
    pub(super) within: Duration,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) begun: Option<Begun>,
    pub(super) hears: Hears,
}

pub(super) struct Pool {
    steps: Vec<StepTable>,
    library: Arc<Library>,
    settings: RunnerSettings,
    stuck_hears: StuckHears,
    state: Mutex<State>,
    /// There is something to do, or all is to end.
    work: Condvar,
    /// The first time that is waited for is another one.
    earlier: Condvar,
    /// A thread has ended.
    ended: Condvar,
}

impl Pool {
    pub(super) fn new(loaded: Loaded, settings: RunnerSettings, stuck_hears: StuckHears) -> Arc<Self> {
        let name = loaded.library.note.name;
        Arc::new(Self {
            steps: loaded.steps,
            library: Library::new(&name),
            state: Mutex::new(State::new(name, &settings)),
            settings,
            stuck_hears,
            work: Condvar::new(),
            earlier: Condvar::new(),
            ended: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run when there is a thread for it; the number it has here.
    pub(super) fn begin(self: &Arc<Self>, order: Order) -> u64 {
        let now = Instant::now();
        let mut state = self.state();
        match state.take(order, now) {
            Ok(job) => {
                if !state.has_timer {
                    state.has_timer = self.spawn("time", Self::watch);
                }
                let is_earlier = state.is_to_look_earlier();
                self.wake(state);
                if is_earlier {
                    self.earlier.notify_one();
                }
                job
            }
            Err((hears, error)) => {
                drop(state);
                hears(Err(error));
                0
            }
        }
    }

    /// Sees to it that somebody does what there is to do.
    fn wake(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let (tasks, idle) = (state.tasks(), state.idle);
        if tasks > idle && state.threads < self.settings.threads {
            // Without another thread it waits for those that there are.
            state.threads += usize::from(self.spawn("runs", Self::work));
        }
        // Who is woken needs the lock first.
        drop(state);
        match (tasks, idle) {
            (0, _) | (_, 0) => {}
            (1, _) => self.work.notify_one(),
            _ => self.work.notify_all(),
        }
    }

    fn spawn(self: &Arc<Self>, what: &str, does: fn(&Arc<Self>)) -> bool {
        let pool = Arc::clone(self);
        let name = format!("{} {what}", self.library.name());
        thread::Builder::new().name(name).spawn(move || does(&pool)).is_ok()
    }

    /// Takes a run back.
    pub(super) fn cancel(self: &Arc<Self>, job: u64) {
        let now = Instant::now();
        let mut state = self.state();
        let after = state.cancel(job, now);
        // It may be the first time now at which something is stuck.
        let is_earlier = state.is_to_look_earlier();
        drop(state);
        if is_earlier {
            self.earlier.notify_one();
        }
        self.follow(after);
    }

    pub(super) fn forget(self: &Arc<Self>, used: u64) {
        let let_go = self.state().forget(used);
        drop(let_go);
    }

    /// What a thread of the pool does.
    fn work(self: &Arc<Self>) {
        while let Some(task) = self.next() {
            match task {
                Task::GiveBack(job, instance) => {
                    drop(instance);
                    self.returned(job);
                    self.state().instances -= 1;
                }
                Task::Make(going) => self.make(going),
                Task::Run(going, held, input) => self.run(going, &held, &input),
            }
        }
        let mut state = self.state();
        state.threads -= 1;
        self.ended.notify_all();
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if let Some(task) = state.next(Instant::now()) {
                if matches!(task, Task::GiveBack(..)) {
                    // Its time may come before the one that is waited for.
                    self.earlier.notify_one();
                }
                return Some(task);
            }
            if state.is_stopped {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn make(self: &Arc<Self>, going: Going) {
        let Going { job, used, deadline, listener, begun } = going;
        let said = Arc::new(Mutex::new(None));
        let says = Arc::clone(&said);
        let ended = move |it| *says.lock().unwrap_or_else(PoisonError::into_inner) = Some(it);
        let call = calls::begin(&self.library, Some(deadline), listener, ended);
        if !self.state().makes(job, call) {
            // Its time is over, or it was taken back.
            calls::retire(call);
        }
        if let Some(begun) = begun {
            begun();
        }
        let instance = self.steps.get(used.step).and_then(|step| step.create(call, &used.config));
        calls::close(call);
        self.state().instances += usize::from(instance.is_some());
        let held = instance.map(|instance| Held::new(instance, self));
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
        let made = match (held, said) {
            (Some(held), None) => Ok(held),
            (_, Some(ended)) if ended.status != STATUS_OK => Err(Ok(ended)),
            _ => Err(Err(RunError::Call(CallError::Silent))),
        };
        let mut state = self.state();
        // At once: from here on another thread may have the run.
        let before = state.stuck();
        state.returned(job);
        let stuck = state.stuck();
        let after = state.made(job, used.id, made);
        self.wake(state);
        if stuck != before {
            (self.stuck_hears)(stuck);
        }
        self.follow(after);
    }

    fn run(self: &Arc<Self>, going: Going, held: &Held, input: &[u8]) {
        let Going { job, used, deadline, listener, begun } = going;
        // Kept until the library has ended the call, however late that is.
        let (pool, kept, id) = (Arc::clone(self), held.clone(), used.id);
        let ended = move |it: Ended| {
            let after = pool.state().ended(job, id, &kept, it);
            pool.follow(after);
        };
        let call = calls::begin(&self.library, Some(deadline), listener, ended);
        if !self.state().runs(job, call, held) {
            // Taken back meanwhile: the library never sees it.
            calls::close(call);
            return self.returned(job);
        }
        if let Some(begun) = begun {
            begun();
        }
        held.run(call, input);
        self.returned(job);
    }

    /// A thread has come back from the library.
    fn returned(&self, job: u64) {
        let (stuck, before) = {
            let mut state = self.state();
            let before = state.stuck();
            state.returned(job);
            (state.stuck(), before)
        };
        if stuck != before {
            (self.stuck_hears)(stuck);
        }
    }

    /// What the thread that looks at the time does.
    fn watch(self: &Arc<Self>) {
        let mut state = self.state();
        while !state.is_stopped {
            let now = Instant::now();
            match state.first_time() {
                None => {
                    state.looks_at = None;
                    state = self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Some(at) if at > now => {
                    state.looks_at = Some(at);
                    let waited = self.earlier.wait_timeout(state, at - now);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    let before = state.stuck();
                    let after = state.pass(now);
                    let stuck = state.stuck();
                    drop(state);
                    if stuck != before {
                        (self.stuck_hears)(stuck);
                    }
                    self.follow(after);
                    state = self.state();
                }
            }
        }
    }

    /// Does what follows from a change, without the lock.
    fn follow(&self, after: Vec<After>) {
        for after in after {
            match after {
                After::Tell(hears, told) => hears(told),
                After::LetGo(held) => drop(held),
                After::Retire(call) => drop(calls::retire(call)),
                After::Cancel(call, held) => {
                    if calls::retire(call) {
                        self.library.callbacks.call(move || held.cancel(call));
                    }
                }
            }
        }
    }

    /// An instance that nothing uses any more is given back by a thread of the pool.
    fn give_back(self: &Arc<Self>, instance: Instance) {
        let mut state = self.state();
        state.give_back(instance);
        self.wake(state);
    }

    /// Lets everything end.
    fn end(self: &Arc<Self>) {
        let after = self.state().stop();
        self.work.notify_all();
        self.earlier.notify_all();
        self.follow(after);
    }

    /// Lets everything end, and waits for it.
    pub(super) fn stop(self: &Arc<Self>) {
        self.end();
        let until = Instant::now() + STOP_MAX;
        let mut state = self.state();
        while state.threads > 0 || state.instances > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
