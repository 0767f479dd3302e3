//! One request of the `http/1` extension under way: sent, and waited for by a thread or by a future.

// Hands a token to the other side of a C boundary, and gets it back.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::{
    abi::{Bytes, HTTP, HttpV1},
    host::Host,
    panics::contained,
};

/// Status and bytes, as the host gave them.
pub(crate) type Answered = (u32, Vec<u8>);

/// A request that was sent. Dropping it does not take it back.
pub(crate) struct Exchange(Arc<Slot>);

struct Slot {
    host: Host,
    call: u64,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    answered: Option<Answered>,
    waker: Option<Waker>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request; `None` where the host cannot.
pub(crate) fn send(host: Host, call: u64, request: &[u8]) -> Option<Exchange> {
    // SAFETY: this name stands for this table.
    let send = unsafe { host.extension::<HttpV1>(HTTP) }?.send?;
    let slot = Arc::new(Slot { host, call, state: Mutex::default(), arrived: Condvar::new() });
    let token = Arc::into_raw(Arc::clone(&slot)).cast_mut().cast::<c_void>();
    // SAFETY: a host's function, bytes that live until it returns, and a token that `answered` takes, exactly once.
    unsafe { send(call, Bytes::new(request), token, Some(answered)) }
    Some(Exchange(slot))
}

unsafe extern "C" fn answered(token: *mut c_void, status: u32, answer: Bytes) {
    // SAFETY: what `send` gave, given back once.
    let slot = unsafe { Arc::from_raw(token.cast_const().cast::<Slot>()) };
    // SAFETY: the host's promise, for this call.
    let answer = unsafe { answer.as_slice() }.to_vec();
    let mut state = slot.state();
    state.answered = Some((status, answer));
    let waker = state.waker.take();
    drop(state);
    slot.arrived.notify_all();
    // A waker is somebody else's code, and it may be what holds the future's last part.
    let _ = contained(slot.host, slot.call, move || waker.map(Waker::wake));
}

impl Exchange {
    /// Waits for the answer: the host gives one in any case.
    pub(crate) fn wait(self) -> Answered {
        let mut state = self.0.state();
        loop {
            if let Some(answered) = state.answered.take() {
                return answered;
            }
            state = self.0.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Exchange {
    type Output = Answered;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answered> {
        let mut state = self.0.state();
        if let Some(answered) = state.answered.take() {
            return Poll::Ready(answered);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
