//! The functions that a host calls, made of an author's trait: each keeps panics in, and answers by `done`.
//!
//! What is public here is for [`export_steps!`](crate::export_steps) alone.

// Is called by the other side of a C boundary, with its pointers.
#![allow(unsafe_code)]

use std::{
    collections::HashMap,
    ffi::c_void,
    marker::PhantomData,
    ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

#[cfg(feature = "async")]
pub use crate::asynchronous::Async;
use crate::{
    Answer, Call, Context, Step, StepError,
    abi::{ABI_MINOR, Bytes, HostV1, MAGIC, PluginV1, STATUS_ERROR, STATUS_OK, STATUS_PANIC, StepV1},
    describing::{Facts, describe as description},
    document::Input,
    host::Host,
    panics::{contained, install_hook},
    reading::Reader,
};

/// How a type of step is made and run.
#[doc(hidden)]
pub trait Kind: 'static {
    type Config: DeserializeOwned + JsonSchema;
    type Params: DeserializeOwned + JsonSchema + Send + Sync + 'static;
    type Made: Send + Sync + 'static;
    const FACTS: Facts;
    fn make(config: Self::Config, context: &Context) -> Result<Self::Made, StepError>;
    /// Runs it, and has `running` told of the end: before this returns or later.
    fn run(made: &Arc<Self::Made>, call: Call<Self::Params>, running: Running);
}

/// A step that blocks.
#[doc(hidden)]
pub struct Blocking<S>(PhantomData<S>);

impl<S: Step> Kind for Blocking<S> {
    type Config = S::Config;
    type Params = S::Params;
    type Made = S;
    const FACTS: Facts = Facts {
        id: S::ID,
        title: S::TITLE,
        category: S::CATEGORY,
        icon: S::ICON,
        help: S::HELP,
        effects: S::EFFECTS,
        deletes_task: S::DELETES_TASK,
        examples: S::EXAMPLES,
    };

    fn make(config: S::Config, context: &Context) -> Result<S, StepError> {
        S::new(config, context)
    }

    fn run(made: &Arc<S>, call: Call<S::Params>, running: Running) {
        let ended = contained(running.host, running.call, move || made.run(&call));
        running.end(ended);
    }
}

/// The crate that exports its steps.
#[doc(hidden)]
pub trait Exporter: 'static {
    const VERSION: &'static str;
}

/// The table of a step type.
#[doc(hidden)]
pub struct Exported<K, C>(PhantomData<(K, C)>);

impl<K: Kind, C: Exporter> Exported<K, C> {
    pub const ID: &'static str = K::FACTS.id;
    pub const STEP: StepV1 = StepV1 {
        size: size_of::<StepV1>() as u32,
        flags: 0,
        describe: Some(describe::<K, C>),
        create: Some(create::<K>),
        run: Some(run::<K>),
        cancel: Some(cancel::<K>),
        destroy: Some(destroy::<K>),
    };
}

/// The table of a library.
#[doc(hidden)]
#[repr(transparent)]
pub struct Library(PluginV1);

// SAFETY: it is never changed, and what it points to is `&'static` and `Sync`.
unsafe impl Sync for Library {}

impl Library {
    pub const fn new(steps: &'static [&'static StepV1]) -> Self {
        Self(PluginV1 {
            magic: MAGIC,
            size: size_of::<PluginV1>() as u32,
            abi_minor: ABI_MINOR,
            n_steps: steps.len(),
            steps: steps.as_ptr().cast::<*const StepV1>(),
        })
    }
}

/// Holds ids against what they may be; a compiler that evaluates this fails with the reason.
#[doc(hidden)]
pub const fn check_ids(ids: &[&str]) {
    let mut at = 0;
    while at < ids.len() {
        check_id(ids[at].as_bytes());
        let mut other = 0;
        while other < at {
            assert!(
                !is_same(ids[at].as_bytes(), ids[other].as_bytes()),
                "two steps of this library have the same ID"
            );
            other += 1;
        }
        at += 1;
    }
}

const fn check_id(id: &[u8]) {
    assert!(!id.is_empty() && id.len() <= 64, "a step's ID has 1 to 64 characters");
    assert!(id[0].is_ascii_lowercase(), "a step's ID begins with a small letter");
    let mut at = 0;
    while at < id.len() {
        let is_fine = id[at].is_ascii_lowercase() || id[at].is_ascii_digit() || id[at] == b'_';
        assert!(is_fine, "a step's ID has small letters, digits and _ only");
        at += 1;
    }
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// What the export does.
///
/// # Safety
///
/// `host` keeps the rules of [`crate::abi`].
#[doc(hidden)]
pub unsafe fn enter(host: *const HostV1, library: &'static Library) -> *const PluginV1 {
    // SAFETY: the caller's promise.
    let Some(host) = (unsafe { Host::read(host) }) else { return ptr::null() };
    let entered = contained(host, 0, || {
        install_hook();
        #[cfg(feature = "tracing")]
        crate::trace::install(host);
    });
    entered.map_or(ptr::null(), |()| &raw const library.0)
}

/// An instance: what the author made, and the calls that run on it.
struct Instance<K: Kind> {
    made: Arc<K::Made>,
    params: Reader<K::Params>,
    calls: Arc<Calls>,
    host: Host,
}

/// The calls that run on an instance.
#[derive(Default)]
struct Calls {
    /// One of them has panicked: nobody knows in what state it has left what it worked on.
    spoiled: AtomicBool,
    running: Mutex<HashMap<u64, Stop>>,
}

/// How a call is cancelled.
#[derive(Default)]
struct Stop {
    cancelled: Arc<AtomicBool>,
    /// What is to be done beyond setting that.
    act: Option<Box<dyn Fn() + Send>>,
}

impl Calls {
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<u64, Stop>) -> T) -> T {
        look(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A call that has ended is none to be cancelled.
    fn cancel(&self, call: u64) {
        self.with(|running| {
            let Some(stop) = running.get(&call) else { return };
            stop.cancelled.store(true, Ordering::Release);
            if let Some(act) = &stop.act {
                act();
            }
        });
    }
}

/// A run under way: who is told of its end.
#[doc(hidden)]
pub struct Running {
    pub(crate) host: Host,
    pub(crate) call: u64,
    calls: Arc<Calls>,
    is_told: bool,
}

impl Drop for Running {
    /// Whatever happens, the host hears of the end.
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(Err("the run came to no end: the plugin could not begin it".to_owned()));
        }
    }
}

impl Running {
    fn begin(host: Host, call: u64, calls: &Arc<Calls>) -> (Self, Arc<AtomicBool>) {
        let stop = Stop::default();
        let cancelled = Arc::clone(&stop.cancelled);
        calls.with(|running| running.insert(call, stop));
        (Self { host, call, calls: Arc::clone(calls), is_told: false }, cancelled)
    }

    /// Has something done when the call is cancelled; at once, where it is already.
    #[cfg(feature = "async")]
    pub(crate) fn on_cancel(&self, act: impl Fn() + Send + 'static) {
        let late = self.calls.with(|running| {
            let stop = running.get_mut(&self.call)?;
            if stop.cancelled.load(Ordering::Acquire) {
                return Some(act);
            }
            stop.act = Some(Box::new(act));
            None
        });
        if let Some(act) = late {
            act();
        }
    }

    /// Tells the host: what the step said, or how it panicked.
    pub(crate) fn end(mut self, ended: Result<Result<Answer, StepError>, String>) {
        self.tell(ended);
    }

    fn tell(&mut self, ended: Result<Result<Answer, StepError>, String>) {
        self.is_told = true;
        let stop = self.calls.with(|running| running.remove(&self.call));
        drop(stop);
        match ended {
            Ok(result) => tell(self.host, self.call, result),
            Err(panic) => {
                self.calls.spoiled.store(true, Ordering::Release);
                self.host.done(self.call, STATUS_PANIC, panic.as_bytes());
            }
        }
    }
}

fn tell(host: Host, call: u64, result: Result<impl serde::Serialize, StepError>) {
    let json = result.and_then(|answer| serde_json::to_vec(&answer).map_err(not_json));
    match json {
        Ok(json) => host.done(call, STATUS_OK, &json),
        Err(error) => {
            let json = serde_json::to_vec(&error).unwrap_or_default();
            host.done(call, STATUS_ERROR, &json);
        }
    }
}

// `map_err` hands over the error itself.
#[allow(clippy::needless_pass_by_value)]
fn not_json(error: serde_json::Error) -> StepError {
    StepError::new("invalid_answer", format!("The step's answer cannot be written: {error}."))
}

unsafe extern "C" fn describe<K: Kind, C: Exporter>(call: u64, host: *const HostV1) {
    // SAFETY: the host's promise.
    let Some(host) = (unsafe { Host::read(host) }) else { return };
    match contained(host, call, || description::<K>(C::VERSION)) {
        Ok(result) => tell(host, call, result),
        Err(panic) => host.done(call, STATUS_PANIC, panic.as_bytes()),
    }
}

unsafe extern "C" fn create<K: Kind>(call: u64, config: Bytes, host: *const HostV1) -> *mut c_void {
    // SAFETY: the host's promise.
    let Some(host) = (unsafe { Host::read(host) }) else { return ptr::null_mut() };
    let made = contained(host, call, || {
        // SAFETY: the host's promise, for this call.
        let config = unsafe { config.as_slice() };
        let config = Reader::<K::Config>::new("invalid_config").read_bytes(config)?;
        let made = K::make(config, &Context::new(host, call))?;
        let params = Reader::new("invalid_params");
        Ok(Box::new(Instance::<K> { made: Arc::new(made), params, calls: Arc::default(), host }))
    });
    match made {
        Ok(Ok(instance)) => Box::into_raw(instance).cast::<c_void>(),
        Ok(Err(error)) => {
            tell(host, call, Err::<(), _>(error));
            ptr::null_mut()
        }
        Err(panic) => {
            host.done(call, STATUS_PANIC, panic.as_bytes());
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn run<K: Kind>(instance: *mut c_void, call: u64, input: Bytes, host: *const HostV1) {
    // SAFETY: the host's promise.
    let Some(host) = (unsafe { Host::read(host) }) else { return };
    // SAFETY: what `create` has made, and `destroy` has not yet been given; all that is done with it is done by shared references.
    let Some(instance) = (unsafe { instance.cast::<Instance<K>>().as_ref() }) else {
        return host.done(call, STATUS_PANIC, b"run was called without an instance");
    };
    if instance.calls.spoiled.load(Ordering::Acquire) {
        return host.done(call, STATUS_PANIC, b"the instance has panicked before, and is not used again");
    }
    // SAFETY: the host's promise, for this call.
    let input = unsafe { input.as_slice() };
    let (running, cancelled) = Running::begin(host, call, &instance.calls);
    // Where the host has cancelled it before it was here, it does not say so again.
    cancelled.fetch_or(host.is_cancelled(call), Ordering::AcqRel);
    let read = contained(host, call, || {
        let (params, input) = read_input(&instance.params, input)?;
        Ok(Call::new(params, input, Context::new(host, call).with_cancelled(cancelled)))
    });
    match read {
        Ok(Ok(call)) => {
            // What panics here is not the author's; the host hears of it from `running`.
            let _ = contained(host, running.call, || K::run(&instance.made, call, running));
        }
        Ok(Err(error)) => running.end(Ok(Err(error))),
        Err(panic) => running.end(Err(panic)),
    }
}

fn read_input<P: DeserializeOwned + JsonSchema>(
    params: &Reader<P>,
    input: &[u8],
) -> Result<(P, Input), StepError> {
    let mut input: Input = serde_json::from_slice(input)
        .map_err(|error| StepError::new("invalid_input", format!("The input cannot be read: {error}.")))?;
    let params = params.read(input.params.take())?;
    Ok((params, input))
}

unsafe extern "C" fn cancel<K: Kind>(instance: *mut c_void, call: u64) {
    // SAFETY: what `create` has made, and `destroy` has not yet been given.
    let Some(instance) = (unsafe { instance.cast::<Instance<K>>().as_ref() }) else { return };
    // The hook has told the host where it panics.
    let _ = contained(instance.host, call, || instance.calls.cancel(call));
}

unsafe extern "C" fn destroy<K: Kind>(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    // SAFETY: what `create` has made, given back once, when no call works with it any more.
    let instance = unsafe { Box::from_raw(instance.cast::<Instance<K>>()) };
    let host = instance.host;
    // The hook has told the host where it panics.
    let _ = contained(host, 0, move || drop(instance));
}

/// Exports the step types of a library: `export_steps!(Greet, async Fetch)`.
///
/// It makes the library's one exported function, `onward_plugin_v1_entry`, and its note, of the names and versions of the crate in which it
/// stands. It stands once in a crate of the type `cdylib`, at the top of its `lib.rs`.
///
/// Two steps with the same ID do not compile:
///
/// ```compile_fail,E0080
/// # use onward_sdk::{Answer, Call, Context, Step, StepError};
/// # struct A;
/// # impl Step for A {
/// #     const ID: &'static str = "same";
/// #     const TITLE: &'static str = "A";
/// #     type Config = ();
/// #     type Params = ();
/// #     fn new(_: (), _: &Context) -> Result<Self, StepError> { Ok(Self) }
/// #     fn run(&self, _: &Call) -> Result<Answer, StepError> { Ok(Answer::new()) }
/// # }
/// onward_sdk::export_steps!(A, A);
/// # fn main() {}
/// ```
///
/// Neither does a library that is built with `panic = "abort"`, because a panic in a step would end the server.
#[macro_export]
macro_rules! export_steps {
    (@export [$($kind:ty,)+]) => {
        #[cfg(panic = "abort")]
        ::core::compile_error!(
            "a plugin is built with panic = \"unwind\": a panic in a step must not end the server (take `panic = \"abort\"` out of the profile)"
        );

        /// What a host calls first.
        ///
        /// # Safety
        ///
        /// The host keeps the rules of `onward_sdk::abi`.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn onward_plugin_v1_entry(
            host: *const $crate::abi::HostV1,
        ) -> *const $crate::abi::PluginV1 {
            struct Here;
            impl $crate::entry::Exporter for Here {
                const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            }
            const { $crate::entry::check_ids(&[$($crate::entry::Exported::<$kind, Here>::ID),+]) };
            static LIBRARY: $crate::entry::Library =
                $crate::entry::Library::new(&[$(&$crate::entry::Exported::<$kind, Here>::STEP),+]);
            // SAFETY: the host's promise.
            unsafe { $crate::entry::enter(host, &LIBRARY) }
        }

        const _: () = {
            const PARTS: &[&str] =
                &$crate::note::parts(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"));
            #[used]
            #[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = ".note.onward"))]
            static NOTE: $crate::note::Note<{ $crate::note::padded($crate::note::length(PARTS)) }> =
                $crate::note::Note::new(PARTS);
        };
    };
    (@sort [$($kind:ty,)*]) => { $crate::export_steps!(@export [$($kind,)*]); };
    (@sort [$($kind:ty,)*] async $step:ty $(, $($rest:tt)*)?) => {
        $crate::export_steps!(@sort [$($kind,)* $crate::__asynchronous!($step),] $($($rest)*)?);
    };
    (@sort [$($kind:ty,)*] $step:ty $(, $($rest:tt)*)?) => {
        $crate::export_steps!(@sort [$($kind,)* $crate::entry::Blocking<$step>,] $($($rest)*)?);
    };
    () => { ::core::compile_error!("a plugin has at least one step: export_steps!(MyStep)"); };
    ($($step:tt)+) => { $crate::export_steps!(@sort [] $($step)+); };
}

#[cfg(feature = "async")]
#[doc(hidden)]
#[macro_export]
macro_rules! __asynchronous {
    ($step:ty) => { $crate::entry::Async<$step> };
}

#[cfg(not(feature = "async"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __asynchronous {
    ($step:ty) => {
        ::core::compile_error!("an asynchronous step needs the feature `async` of onward-sdk")
    };
}

#[cfg(all(test, feature = "async"))]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    unsafe extern "C" fn hear(_: u64, _: u32, _: Bytes) {}

    /// A run that is cancelled before its future is there to be dropped.
    #[test]
    fn a_call_is_cancelled_once_whichever_comes_first() {
        let table = HostV1 {
            size: size_of::<HostV1>() as u32,
            abi_minor: 0,
            done: Some(hear),
            log: None,
            progress: None,
            is_cancelled: None,
            remaining_ns: None,
            get_extension: None,
        };
        // SAFETY: a whole table.
        let host = unsafe { Host::read(&raw const table) }.expect("a host");
        for cancelled_first in [true, false] {
            let calls = Arc::default();
            let (running, cancelled) = Running::begin(host, 1, &calls);
            let acts = Arc::new(AtomicU32::new(0));
            let act = {
                let acts = Arc::clone(&acts);
                move || {
                    acts.fetch_add(1, Ordering::SeqCst);
                }
            };
            if cancelled_first {
                calls.cancel(1);
                running.on_cancel(act);
            } else {
                running.on_cancel(act);
                calls.cancel(1);
            }
            assert!(cancelled.load(Ordering::SeqCst));
            assert_eq!(acts.load(Ordering::SeqCst), 1, "{cancelled_first}");
            running.end(Ok(Ok(Answer::new())));
            calls.cancel(1);
            assert_eq!(acts.load(Ordering::SeqCst), 1);
        }
    }
}
