//! Write a step type for Onward, a self-hosted action server, in a crate of your own.
//!
//! A *step* is one thing that an action does with a task. A *plugin* is a dynamic library with step types. This is a whole one:
//!
//! ```standalone_crate
//! use onward_sdk::{Answer, Call, Context, Step, StepError, export_steps};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Config { /** With which word to begin. */ greeting: String }
//!
//! struct Greet(Config);
//!
//! impl Step for Greet {
//!     const ID: &'static str = "greet";
//!     const TITLE: &'static str = "Greet";
//!     type Config = Config;
//!     type Params = ();
//!     fn new(config: Config, _: &Context) -> Result<Self, StepError> { Ok(Self(config)) }
//!     fn run(&self, call: &Call) -> Result<Answer, StepError> {
//!         let name = call.task.required_text("Company Name")?;
//!         Ok(Answer::new().set("Greeting", format!("{}, {name}!", self.0.greeting)))
//!     }
//! }
//! export_steps!(Greet);
//! # fn main() {
//! #     let plugin = onward_sdk::testing::Host::new().load(onward_plugin_v1_entry);
//! #     let greet = plugin.step("greet").create(serde_json::json!({"greeting": "Hello"})).unwrap();
//! #     let input = onward_sdk::testing::input(serde_json::json!({"Company Name": "Acme"}), serde_json::json!({}));
//! #     assert_eq!(greet.run(&input).answer().task.unwrap()["Greeting"], "Hello, Acme!");
//! # }
//! ```
//!
//! with this `Cargo.toml`, of which `cargo build --release` makes `target/release/libgreet.so`:
//!
//! ```toml
//! [package]
//! name = "greet"
//! version = "1.0.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! onward-sdk = { path = "…/onward/sdk" }
//! schemars = { version = "1.2", default-features = false, features = ["derive", "std"] }
//! serde = { version = "1.0", features = ["derive"] }
//!
//! [dev-dependencies]
//! serde_json = "1.0"
//! ```
//!
//! # What a step is given
//!
//! - [`Step::Config`], once, when an instance is made: what is the same for every run, and the only place for secrets ([`Secret`]).
//! - [`Step::Params`], for each run: what the workflow's author wrote for this step, with places such as `{{Company Name}}` filled in.
//! - [`Call`], for each run: the action, who performs it, the [task](document::Task), the execution; and, through
//!   [`Context`], how much time is left, whether it is cancelled, the log, the progress, and HTTP.
//!
//! Both types are yours. Their doc comments are the help in the form that the server makes of them, their `schemars` attributes its rules, and
//! [hints](description::Hints) say the rest:
//!
//! ```
//! use onward_sdk::Secret;
//!
//! /// How to reach the CRM.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Config {
//!     /// The API's base address.
//!     #[schemars(url, extend("x-onward" = {"placeholder": "https://crm.example"}))]
//!     url: String,
//!     /// A token with the right to write.
//!     token: Secret,
//!     /// How many records to ask for at once.
//!     #[serde(default = "hundred")]
//!     #[schemars(range(min = 1, max = 1000), extend("x-onward" = {"group": "Advanced"}))]
//!     page_size: u32,
//! }
//!
//! fn hundred() -> u32 { 100 }
//! # let schema = onward_sdk::schema::of::<Config>().unwrap();
//! # assert_eq!(schema["properties"]["token"]["x-onward"]["secret"], true);
//! # assert_eq!(schema["properties"]["page_size"]["default"], 100);
//! # assert_eq!(schema["additionalProperties"], false);
//! ```
//!
//! In a workflow file the keys of both stand beside one another, with the step's `type`, `name` and `id` and the server's own `timeout` and
//! `retry`. One of yours that is called so, or that both of yours have, is written in a table there: `config = { name = "…" }`,
//! `params = { … }`. What names a part of the workflow says so by a
//! widget ([`Hints::STAGE`](description::Hints::STAGE) and those beside it), and is looked at when the workflow is read. How long
//! something lasts is a [`Span`].
//!
//! A key that is not one of the type's is refused with "did you mean", and whatever is wrong in a configuration is named by its JSON
//! pointer. A configuration that is as its type says and still cannot be is an error of `new`: [`StepError::config`].
//!
//! # What it answers
//!
//! An [`Answer`]: fields of the task to change, and perhaps that the task is to go, that the next step is to wait, that the stage is to change
//! later, that the action ends here, a note for people. Or a [`StepError`]: a code, a sentence for the person who clicked, whether another
//! try may help, and whether it may have been done all the same. The first error ends the action.
//!
//! # Steps that wait for much
//!
//! A [`Step`] blocks its thread, of which the server has a bounded number for each plugin. An [`AsyncStep`] is a future, run by a tokio runtime
//! that the library has for itself; it needs the feature `async`. [`http`] has both forms.
//!
//! # Logs
//!
//! [`Context::info`] and its like write to the server's log, under the execution. With the feature `tracing`, so does what the library and
//! the crates in it say through [tracing](https://docs.rs/tracing), up to the level of debug. Panics are logged with their place. What is
//! written to the standard output is not a part of the log.
//!
//! # Tests
//!
//! [`testing`] runs the steps through the library's C functions in an ordinary `cargo test`. For that the crate is also a `lib` to
//! its tests in a `tests` folder (`crate-type = ["cdylib", "lib"]`); tests within `src` need nothing.
//!
//! # What must not be done
//!
//! A panic in a step fails the run, and the instance is made anew. A crash, `std::process::exit` and an endless loop end or hold the process in
//! which the plugin runs. [`Step::run`] may be called many times at once. A library is never unloaded: threads that it begins should
//! end with the call that began them.
//!
//! # Other languages
//!
//! The boundary is plain C and JSON: [`abi`] says its rules, `include/onward_plugin.h` beside this crate is made of it, and
//! [`document`], [`description`] and [`http`] are the JSON.

#![warn(missing_docs)]

pub mod abi;
#[cfg(feature = "async")]
mod asynchronous;
mod base64;
mod call;
mod describing;
pub mod description;
pub mod document;
#[doc(hidden)]
pub mod entry;
mod error;
mod exchange;
mod host;
pub mod http;
#[doc(hidden)]
pub mod note;
mod panics;
mod reading;
pub mod schema;
mod secret;
mod span;
mod step;
pub mod table;
pub mod testing;
#[cfg(feature = "tracing")]
mod trace;

pub use self::{
    call::{Call, Context},
    description::Effects,
    document::Answer,
    error::{Problem, StepError},
    host::Level,
    secret::Secret,
    span::Span,
    step::{AsyncStep, ExampleText, Step},
};
pub use serde_json::Value;
