//! Panics stay within the library, wherever they happen.

// A library's table is made here by hand.
#![allow(unsafe_code)]

use std::{
    borrow::Cow,
    panic::{self, AssertUnwindSafe},
};

use onward_sdk::{
    Answer, Call, Context, ExampleText, Level, Step, StepError,
    abi::{HostV1, PluginV1},
    entry::{Blocking, Exported, Exporter, Library, enter},
    testing::{Failure, Host, input},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use crate::steps::{made, onward_plugin_v1_entry};

fn panic_of(at: &str) -> String {
    let host = Host::new();
    let panics = made(&host, "panics", json!({"at": at}));
    let run = panics.run(&input(json!({}), json!({})));
    let Err(Failure::Panic(message)) = &run.result else { panic!("{:?}", run.result) };
    assert_eq!(run.dones(), 1);
    // The instance is not used again.
    let again = panics.run(&input(json!({}), json!({})));
    let refused = "the instance has panicked before, and is not used again";
    assert_eq!(again.result, Err(Failure::Panic(refused.to_owned())));
    // A new one is.
    assert!(made(&host, "panics", json!({"at": ""})).run(&input(json!({}), json!({}))).result.is_ok());
    message.clone()
}

#[test]
fn in_run_with_a_text() {
    let message = panic_of("run");
    assert!(message.starts_with("a panic: in run: Finish at "), "{message}");
    assert!(message.contains("steps.rs:"), "{message}");
    assert!(panic_of("run, a literal").starts_with("a panic: in run at "));
}

#[test]
fn in_run_with_what_is_no_text_and_panics_itself() {
    let message = panic_of("run, no text");
    assert!(message.starts_with("a panic without a text at "), "{message}");
}

#[test]
fn in_run_without_the_hook() {
    assert_eq!(panic_of("run, unannounced"), "a panic: by itself");
    assert_eq!(panic_of("run, after another"), "a panic: by itself");
}

#[test]
fn in_a_drop_in_run() {
    assert!(panic_of("run, a value").starts_with("a panic: in drop at "));
}

#[test]
fn in_run_is_logged_under_the_call_with_its_place() {
    let run = made(&Host::new(), "panics", json!({"at": "run"})).run(&input(json!({}), json!({})));
    let logs = run.logs();
    assert_eq!((logs.len(), logs[0].level), (1, Level::Error));
    assert!(logs[0].message.starts_with("a panic: in run: Finish at "), "{logs:?}");
}

#[test]
fn in_a_thread_of_the_authors_it_is_the_authors() {
    let run = made(&Host::new(), "panics", json!({"at": "another thread"})).run(&input(json!({}), json!({})));
    assert_eq!(run.answer().note.as_deref(), Some("true"));
}

#[test]
fn in_new() {
    let plugin = Host::new().load(onward_plugin_v1_entry);
    match plugin.step("panics").create(json!({"at": "new"})) {
        Err(Failure::Panic(message)) => assert!(message.starts_with("a panic: in new at "), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_the_instances_drop() {
    let panics = made(&Host::new(), "panics", json!({"at": "drop"}));
    assert!(panics.run(&input(json!({}), json!({}))).result.is_ok());
    // It returns, and the log has it.
    drop(panics);
    let stray = Host::stray_logs();
    assert!(stray.iter().any(|log| log.message.starts_with("a panic: in drop at ")), "{stray:?}");
}

/// A configuration whose schema cannot be made.
#[derive(Deserialize)]
struct Unspeakable;

impl JsonSchema for Unspeakable {
    fn schema_name() -> Cow<'static, str> {
        "Unspeakable".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        panic!("in the schema")
    }
}

/// A step with a configuration that is no object, a hint that is none, and examples that do not fit.
struct Wrong;

#[derive(Deserialize, JsonSchema)]
struct WrongParams {
    #[schemars(extend("x-onward" = {"colour": "text"}))]
    #[allow(dead_code)]
    text: String,
}

macro_rules! step {
    ($name:ident, $config:ty, $params:ty, $examples:expr) => {
        impl Step for $name {
            const ID: &'static str = "wrong";
            const TITLE: &'static str = "Wrong";
            const EXAMPLES: &'static [ExampleText] = $examples;
            type Config = $config;
            type Params = $params;

            fn new(_: $config, _: &Context) -> Result<Self, StepError> {
                Ok(Self)
            }

            fn run(&self, _: &Call<$params>) -> Result<Answer, StepError> {
                Ok(Answer::new())
            }
        }
    };
}

struct Undescribed;
step!(Undescribed, Unspeakable, (), &[]);
step!(Wrong, String, WrongParams, &[ExampleText { title: "No", config: "{}", params: "{\"txt\": 1}" }]);

struct Here;
impl Exporter for Here {
    const VERSION: &'static str = "1";
}

unsafe extern "C" fn undescribed(host: *const HostV1) -> *const PluginV1 {
    static LIBRARY: Library = Library::new(&[&Exported::<Blocking<Undescribed>, Here>::STEP]);
    // SAFETY: the host's promise.
    unsafe { enter(host, &LIBRARY) }
}

unsafe extern "C" fn wrong(host: *const HostV1) -> *const PluginV1 {
    static LIBRARY: Library = Library::new(&[&Exported::<Blocking<Wrong>, Here>::STEP]);
    // SAFETY: the host's promise.
    unsafe { enter(host, &LIBRARY) }
}

fn refused(entry: onward_sdk::abi::EntryV1) -> String {
    let loaded = panic::catch_unwind(AssertUnwindSafe(|| Host::new().load(entry)));
    *loaded.expect_err("refused").downcast::<String>().expect("a text")
}

#[test]
fn in_describe() {
    let message = refused(undescribed);
    assert!(message.contains("Panic(\"a panic: in the schema at "), "{message}");
}

#[test]
fn a_description_that_does_not_hold_is_refused_with_its_places() {
    let message = refused(wrong);
    for part in [
        "invalid_description",
        "/config: the type is to have named fields",
        "/params/properties/text/x-onward: unknown field `colour`",
        "/examples/0/config: invalid type: map, expected a string",
        "/examples/0/params/txt: there is no key “txt”: did you mean “text”?",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}
