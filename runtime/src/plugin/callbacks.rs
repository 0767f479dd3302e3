//! Where a library's functions are called that must return soon: what cancels a call, and what hears of a request's answer. They have
//! threads of their own, since those that run its steps may all be held, and whoever cancels or answers must not be.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Threads of a library for these.
const THREADS_MAX: usize = 4;

/// Begun when there is something to do, and kept as long as the library.
pub(super) struct Callbacks(Arc<Shared>);

struct Shared {
    name: String,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Box<dyn FnOnce() + Send>>,
    threads: usize,
    idle: usize,
}

impl Callbacks {
    pub(super) fn new(name: &str) -> Self {
        let name = format!("{name} calls");
        Self(Arc::new(Shared { name, state: Mutex::default(), work: Condvar::new() }))
    }

    /// Calls it soon, on one of the threads. As many may wait as the library has calls and requests.
    pub(super) fn call(&self, callback: impl FnOnce() + Send + 'static) {
        let shared = &self.0;
        let mut state = shared.state();
        state.queue.push_back(Box::new(callback));
        if state.queue.len() > state.idle && state.threads < THREADS_MAX {
            let worker = Arc::clone(shared);
            let begun = thread::Builder::new().name(shared.name.clone()).spawn(move || worker.work());
            // Without another thread it waits for those that there are, or until one can be begun.
            state.threads += usize::from(begun.is_ok());
        }
        drop(state);
        shared.work.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            while let Some(callback) = state.queue.pop_front() {
                drop(state);
                callback();
                state = self.state();
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
