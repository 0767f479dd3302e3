//! Libraries that break the boundary's rules, and hosts of other versions.

// The libraries are made by hand, as those of another language would be.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    mem::offset_of,
    panic::{self, AssertUnwindSafe},
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use onward_sdk::{
    abi::{Bytes, EntryV1, HostV1, MAGIC, PluginV1, STATUS_ERROR, STATUS_OK, STATUS_PANIC, StepV1},
    table,
    testing::{Failure, Host, Run, input},
};
use serde_json::json;

use crate::steps::onward_plugin_v1_entry;

#[repr(transparent)]
struct Lasting<T>(T);

// SAFETY: nothing that is in one is ever changed.
unsafe impl<T> Sync for Lasting<T> {}

static INSTANCE: u8 = 0;
/// The one whose destruction is counted.
static COUNTED: u8 = 0;
static DESTROYED: AtomicU32 = AtomicU32::new(0);

fn done(host: &HostV1, call: u64, status: u32, answer: &[u8]) {
    let done = host.done.expect("a host has `done`");
    // SAFETY: the host's function, and bytes that live until it returns.
    unsafe { done(call, status, Bytes::new(answer)) }
}

fn read(host: *const HostV1) -> HostV1 {
    // SAFETY: what the host has handed over.
    unsafe { table::read(host) }.expect("a host")
}

unsafe extern "C" fn describe(call: u64, host: *const HostV1) {
    let document = br#"{"id": "raw", "title": "Raw", "category": "task", "version": "1"}"#;
    done(&read(host), call, STATUS_OK, document);
}

unsafe extern "C" fn create(call: u64, config: Bytes, host: *const HostV1) -> *mut c_void {
    // SAFETY: the host's promise.
    match unsafe { config.as_slice() } {
        b"\"null in silence\"" => return ptr::null_mut(),
        b"\"counted\"" => return ptr::from_ref(&COUNTED).cast_mut().cast(),
        b"\"both\"" => done(&read(host), call, STATUS_ERROR, b"{}"),
        _ => {}
    }
    ptr::from_ref(&INSTANCE).cast_mut().cast()
}

unsafe extern "C" fn run(_: *mut c_void, call: u64, input: Bytes, host: *const HostV1) {
    let host = read(host);
    // SAFETY: the host's promise.
    let input: serde_json::Value = serde_json::from_slice(unsafe { input.as_slice() }).expect("JSON");
    match input["params"].as_str().expect("what to do") {
        "twice" => {
            done(&host, call, STATUS_OK, b"{\"note\": \"first\"}");
            done(&host, call, STATUS_PANIC, b"second");
        }
        "never" => {}
        "late" => {
            let _ = thread::spawn(move || {
                thread::sleep(Duration::from_millis(300));
                done(&host, call, STATUS_OK, b"{}");
            });
        }
        "foreign" => {
            let _ = thread::spawn(move || done(&host, call, STATUS_OK, b"{\"note\": \"elsewhere\"}"));
        }
        "not UTF-8" => done(&host, call, STATUS_OK, b"{\"note\": \"\xff\"}"),
        "no JSON" => done(&host, call, STATUS_OK, b"done"),
        "empty" => done(&host, call, STATUS_OK, b""),
        "status 9" => done(&host, call, 9, b"{\"code\": \"odd\", \"message\": \"Odd.\"}"),
        "another call" => done(&host, call + 1_000_000, STATUS_OK, b"{}"),
        other => panic!("{other}"),
    }
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    if instance == ptr::from_ref(&COUNTED).cast_mut().cast() {
        DESTROYED.fetch_add(1, Ordering::SeqCst);
    }
}

static STEP: StepV1 = StepV1 {
    size: size_of::<StepV1>() as u32,
    flags: 0,
    describe: Some(describe),
    create: Some(create),
    run: Some(run),
    cancel: None,
    destroy: Some(destroy),
};

const PLUGIN: PluginV1 = PluginV1 {
    magic: MAGIC,
    size: size_of::<PluginV1>() as u32,
    abi_minor: 0,
    n_steps: 1,
    steps: ptr::from_ref(&STEPS).cast(),
};

static STEPS: Lasting<[*const StepV1; 2]> = Lasting([&raw const STEP, &raw const STEP]);
static RAW: Lasting<PluginV1> = Lasting(PLUGIN);

unsafe extern "C" fn raw(_: *const HostV1) -> *const PluginV1 {
    &raw const RAW.0
}

fn run_raw(what: &str) -> Run {
    let host = Host::new().with_patience(Duration::from_millis(100));
    let raw = host.load(raw).step("raw").create(json!({})).expect("an instance");
    raw.run(&input(json!({}), json!(what)))
}

#[test]
fn the_first_done_counts_and_the_others_are_counted() {
    let run = run_raw("twice");
    assert_eq!(run.answer().note.as_deref(), Some("first"));
    assert_eq!(run.dones(), 2);
}

#[test]
fn who_never_says_anything_is_reported_and_who_says_it_late_too() {
    for what in ["never", "another call"] {
        let run = run_raw(what);
        assert_eq!((&run.result, run.dones()), (&Err(Failure::Silent), 0), "{what}");
    }
    let run = run_raw("late");
    assert_eq!(run.result, Err(Failure::Silent));
    let began = Instant::now();
    while run.dones() == 0 {
        assert!(began.elapsed().as_secs() < 10, "it did not come");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(run.result, Err(Failure::Silent));
}

#[test]
fn done_may_come_from_any_thread_and_say_what_it_must() {
    let run = run_raw("foreign");
    assert_eq!((run.answer().note.as_deref(), run.dones()), (Some("elsewhere"), 1));
    for what in ["not UTF-8", "no JSON", "empty"] {
        let result = run_raw(what).result;
        assert!(matches!(result, Err(Failure::Unreadable(_))), "{what}: {result:?}");
    }
    assert_eq!(run_raw("status 9").error().code, "odd");
}

#[test]
fn an_instance_is_destroyed_once_and_after_its_runs() {
    let host = Host::new();
    let instance = host.load(raw).step("raw").create(json!("counted")).expect("an instance");
    let running = instance.start(&input(json!({}), json!("twice")));
    drop(instance);
    assert_eq!(DESTROYED.load(Ordering::SeqCst), 0);
    assert!(running.wait().result.is_ok());
    assert_eq!(DESTROYED.load(Ordering::SeqCst), 1);
}

fn refusal(work: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(work)).expect_err("refused");
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a text")
}

#[test]
fn create_says_one_thing() {
    let plugin = Host::new().load(raw);
    let create = |config: &str| {
        let config = json!(config);
        refusal(|| drop(plugin.step("raw").create(config)))
    };
    assert_eq!(create("null in silence"), "`create` returned null and did not say why");
    assert!(create("both").contains("`create` returned an instance, and called `done` too"));
}

macro_rules! library {
    ($name:ident, $plugin:expr) => {{
        unsafe extern "C" fn $name(_: *const HostV1) -> *const PluginV1 {
            static PLUGIN_HERE: Lasting<PluginV1> = Lasting($plugin);
            &raw const PLUGIN_HERE.0
        }
        $name as EntryV1
    }};
}

#[test]
fn a_table_that_is_none_is_refused() {
    unsafe extern "C" fn null(_: *const HostV1) -> *const PluginV1 {
        ptr::null()
    }
    static NULLS: Lasting<[*const StepV1; 1]> = Lasting([ptr::null()]);
    let cases = [
        (null as EntryV1, "returned null"),
        (library!(magic, PluginV1 { magic: *b"OUTWARD\x01", ..PLUGIN }), "magic"),
        (library!(short, PluginV1 { size: 8, ..PLUGIN }), "too short"),
        (library!(none, PluginV1 { n_steps: 0, ..PLUGIN }), "no steps"),
        (library!(no_steps, PluginV1 { steps: ptr::null(), ..PLUGIN }), "no steps"),
        (library!(cut, PluginV1 { size: 16, ..PLUGIN }), "no steps"),
        (library!(null_step, PluginV1 { steps: ptr::from_ref(&NULLS).cast(), ..PLUGIN }), "null"),
        (library!(doubled, PluginV1 { n_steps: 2, ..PLUGIN }), "two steps have the id raw"),
    ];
    for (entry, reason) in cases {
        let message = refusal(|| drop(Host::new().load(entry)));
        assert!(message.contains(reason), "{reason}: {message}");
    }
}

unsafe extern "C" fn hear_nothing(_: u64, _: u32, _: Bytes) {}

/// A host of which the library may know only so many bytes. No more of them are there to be read.
fn entered(size: usize) -> *const PluginV1 {
    let whole = HostV1 {
        size: size as u32,
        abi_minor: 0,
        done: Some(hear_nothing),
        log: Some(hear_nothing),
        progress: None,
        is_cancelled: None,
        remaining_ns: None,
        get_extension: None,
    };
    let mut words = vec![0_usize; size.div_ceil(size_of::<usize>())];
    // SAFETY: both are as long as the smaller of them.
    unsafe {
        ptr::copy_nonoverlapping(
            (&raw const whole).cast::<u8>(),
            words.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<HostV1>()),
        );
        onward_plugin_v1_entry(words.as_ptr().cast())
    }
}

#[test]
fn a_library_takes_older_and_newer_hosts_and_refuses_what_it_cannot_answer() {
    let whole = size_of::<HostV1>();
    for size in [offset_of!(HostV1, log), offset_of!(HostV1, progress), whole, whole + 64] {
        assert!(!entered(size).is_null(), "{size}");
    }
    for size in [8, offset_of!(HostV1, done) + 4] {
        assert!(entered(size).is_null(), "{size}");
    }
    // SAFETY: null is refused.
    assert!(unsafe { onward_plugin_v1_entry(ptr::null()) }.is_null());
}

static ANSWERS: Mutex<Vec<(u64, u32, Vec<u8>)>> = Mutex::new(Vec::new());

unsafe extern "C" fn hear(call: u64, status: u32, answer: Bytes) {
    // SAFETY: the library's promise.
    let answer = unsafe { answer.as_slice() }.to_vec();
    ANSWERS.lock().expect("a lock").push((call, status, answer));
}

/// A host that has `done` alone.
#[repr(C)]
struct Least {
    size: u32,
    abi_minor: u32,
    done: Option<unsafe extern "C" fn(u64, u32, Bytes)>,
}

fn least() -> *const HostV1 {
    static LEAST: Least = Least { size: size_of::<Least>() as u32, abi_minor: 0, done: Some(hear) };
    (&raw const LEAST).cast()
}

/// The library's step at a place, with an instance of it.
fn on_least(at: usize, config: &[u8]) -> (StepV1, *mut c_void) {
    // SAFETY: the tables are as long as they say.
    unsafe {
        let plugin: PluginV1 = table::read(onward_plugin_v1_entry(least())).expect("a plugin");
        let step: StepV1 = table::read(plugin.steps.add(at).read()).expect("a step");
        let instance = (step.create.expect("create"))(1, Bytes::new(config), least());
        assert!(!instance.is_null());
        (step, instance)
    }
}

fn answer_of(call: u64) -> (u32, serde_json::Value) {
    let answers = ANSWERS.lock().expect("a lock");
    let mut of_call = answers.iter().filter(|answer| answer.0 == call);
    let (_, status, answer) = of_call.next().expect("an answer");
    assert!(of_call.next().is_none(), "one answer");
    (*status, serde_json::from_slice(answer).unwrap_or_default())
}

#[test]
fn a_step_works_for_a_host_that_can_nothing_but_hear_its_answer() {
    let (step, instance) = on_least(0, br#"{"greeting": "Hello"}"#);
    let input = serde_json::to_vec(&input(json!({}), json!({"text": "you"}))).expect("JSON");
    // SAFETY: the instance is given back once and after its run.
    unsafe {
        (step.run.expect("run"))(instance, 2, Bytes::new(&input), least());
        (step.cancel.expect("cancel"))(instance, 2);
        (step.destroy.expect("destroy"))(instance);
        // What was never made is no crash.
        (step.destroy.expect("destroy"))(ptr::null_mut());
        (step.cancel.expect("cancel"))(ptr::null_mut(), 2);
        (step.run.expect("run"))(ptr::null_mut(), 3, Bytes::EMPTY, least());
    }
    let (status, answer) = answer_of(2);
    assert_eq!((status, &answer["task"]["Said"]), (STATUS_OK, &json!("Hello you")));
    assert_eq!(answer["task"]["About"]["left"], serde_json::Value::Null);
    assert_eq!(answer_of(3).0, STATUS_PANIC);
}

/// The library keeps what `cancel` has said.
#[test]
fn a_step_is_cancelled_by_a_host_that_cannot_be_asked() {
    let (step, instance) = on_least(2, b"{}");
    let input =
        serde_json::to_vec(&input(json!({}), json!({"url": "", "until_cancelled": true}))).expect("JSON");
    let instance_at = instance.expose_provenance();
    // SAFETY: the instance is given back once and after its run.
    unsafe {
        let running = thread::spawn(move || {
            let instance = ptr::with_exposed_provenance_mut(instance_at);
            (step.run.expect("run"))(instance, 4, Bytes::new(&input), least());
        });
        let began = Instant::now();
        while !running.is_finished() {
            assert!(began.elapsed().as_secs() < 10, "it did not hear that it is cancelled");
            // Before the run has begun there is nothing to cancel.
            (step.cancel.expect("cancel"))(instance, 4);
            thread::sleep(Duration::from_millis(1));
        }
        running.join().expect("it returns");
        (step.destroy.expect("destroy"))(instance);
    }
    let (status, answer) = answer_of(4);
    assert_eq!((status, &answer["code"]), (STATUS_ERROR, &json!("cancelled")));
}
