//! A host for tests: runs a library's steps through its real C functions, in an ordinary `cargo test`.
//!
//! ```standalone_crate
//! # mod plugin {
//! #     use onward_sdk::{Answer, Call, Context, Step, StepError, export_steps};
//! #     pub struct Greet;
//! #     impl Step for Greet {
//! #         const ID: &'static str = "greet";
//! #         const TITLE: &'static str = "Greet";
//! #         type Config = ();
//! #         type Params = ();
//! #         fn new(_: (), _: &Context) -> Result<Self, StepError> { Ok(Self) }
//! #         fn run(&self, call: &Call) -> Result<Answer, StepError> {
//! #             call.info("greeting");
//! #             Ok(Answer::new().set("Greeting", format!("Hello, {}", call.task.required_text("Name")?)))
//! #         }
//! #     }
//! #     export_steps!(Greet);
//! # }
//! # use plugin::onward_plugin_v1_entry;
//! use onward_sdk::testing::{Host, input};
//! use serde_json::json;
//!
//! let host = Host::new();
//! // In the plugin's own tests: `crate::onward_plugin_v1_entry`, which `export_steps!` has made.
//! let plugin = host.load(onward_plugin_v1_entry);
//! let greet = plugin.step("greet").create(json!({})).unwrap();
//!
//! let run = greet.run(&input(json!({"Name": "Ada"}), json!({})));
//! assert_eq!(run.answer().task.unwrap()["Greeting"], "Hello, Ada");
//! assert_eq!(run.logs()[0].message, "greeting");
//!
//! let run = greet.run(&input(json!({"Name": null}), json!({})));
//! assert_eq!(run.error().code, "missing_field");
//! ```
//!
//! Time stands still unless a test moves it ([`Host::advance`]), HTTP requests reach a function of the test's ([`Host::on_http`]), and a run
//! may be cancelled from outside ([`Instance::start`]). A library that breaks the boundary's rules makes the test panic, or is
//! reported ([`Run::dones`], [`Failure::Silent`]).

mod board;
mod instance;
mod stub;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use self::{board::Record, stub::Shared};
pub use self::{
    instance::{Failure, Instance, Plugin, Run, Running, Step},
    stub::response,
};
use crate::{
    abi::{EntryV1, HostV1},
    document::{Input, Task, User, Workflow},
    host::Level,
    http::{HttpError, RequestDocument, ResponseDocument},
};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

/// A host.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
    table: &'static HostV1,
    patience: Duration,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Host {
    /// A host without a time limit, which answers no HTTP request.
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared::new()), table: &board::HOST, patience: Duration::from_secs(10) }
    }

    /// A host that has no `http/1` at all.
    pub fn without_http() -> Self {
        Self { table: &board::HOST_ALONE, ..Self::new() }
    }

    /// How long, by a real clock, a test waits for what must come: ten seconds where this is not said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long the calls that begin from now on may take, in the host's time; `None`: without a limit.
    pub fn limit(&self, limit: Option<Duration>) {
        self.shared.set_limit(limit);
    }

    /// Lets the host's time go on.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// What is answered to HTTP requests, from now on.
    pub fn on_http(
        &self,
        answers: impl FnMut(&RequestDocument) -> Result<ResponseDocument, HttpError> + Send + 'static,
    ) {
        self.shared.set_answers(Box::new(answers));
    }

    /// The HTTP requests that have come, in their order.
    pub fn requests(&self) -> Vec<RequestDocument> {
        self.shared.requests()
    }

    /// What libraries have said about no call, as in `Drop`: of all hosts of this process.
    pub fn stray_logs() -> Vec<Log> {
        board::stray_logs()
    }

    /// Has a library say what it offers: by the function that [`export_steps!`](crate::export_steps) has made, or one that keeps the same
    /// rules ([`crate::abi`]).
    ///
    /// # Panics
    ///
    /// Where that is not what the boundary allows.
    pub fn load(&self, entry: EntryV1) -> Plugin {
        Plugin::load(self, entry)
    }

    fn begin(&self) -> Arc<Record> {
        Record::begin(&self.shared)
    }
}

/// What a run is told: the reference's example, with a task of yours (it gets a `Stage` and an `Assigned To` where it has none) and params.
/// It is half past nine on 2020-01-15, unless [`Input::at`] says otherwise.
///
/// # Panics
///
/// Where the task is no object.
pub fn input(task: Value, params: Value) -> Input {
    let Value::Object(given) = task else { panic!("a task is an object of its fields, not {task}") };
    let mut fields = Map::new();
    fields.insert("Stage".to_owned(), "In Progress".into());
    fields.insert("Assigned To".to_owned(), json!("user@example.com"));
    fields.extend(given);
    Input {
        action: "Finish".to_owned(),
        user: User {
            id: "abc123".to_owned(),
            email: Some("user@example.com".to_owned()),
            first_name: Some("Example".to_owned()),
            last_name: Some("User".to_owned()),
        },
        task: Task { fields },
        params,
        execution: "execution-1".to_owned(),
        attempt: 1,
        workflow: Workflow { id: "sample".to_owned(), name: "Sample".to_owned(), version: 1 },
        step: Some("step-1".to_owned()),
        now: None,
        today: None,
        last_stage: None,
    }
    .at("2020-01-15T09:30:00Z")
}
