//! The steps of a library that is nothing but a test.

use std::{
    panic::panic_any,
    sync::{Barrier, Mutex, mpsc},
    thread,
    time::Duration,
};

use onward_sdk::{
    Answer, AsyncStep, Call, Context, Effects, ExampleText, Secret, Step, StepError, export_steps,
    testing::{Host, Instance},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

export_steps!(Works, Panics, Asks, async Sleeps, async Bursts, async AsksLater);

/// A new instance of one of them.
pub(crate) fn made(host: &Host, id: &str, config: Value) -> Instance {
    host.load(onward_plugin_v1_entry).step(id).create(config).expect("an instance")
}

/// A step that uses all that there is to be used.
pub(crate) struct Works {
    config: WorksConfig,
}

/// How it works.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WorksConfig {
    /// What it begins with.
    greeting: String,
    /// Whom it knows.
    #[serde(default)]
    token: Option<Secret>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct WorksParams {
    /// What it says.
    #[schemars(extend("x-onward" = {"template": "text"}))]
    text: String,
}

impl Step for Works {
    const ID: &'static str = "works";
    const TITLE: &'static str = "Work";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some("<svg/>");
    const HELP: Option<&'static str> = Some("It *works*.");
    const EFFECTS: Effects = Effects::None;
    const DELETES_TASK: bool = true;
    const EXAMPLES: &'static [ExampleText] =
        &[ExampleText { title: "At all", config: r#"{"greeting": "Hello"}"#, params: r#"{"text": "you"}"# }];
    type Config = WorksConfig;
    type Params = WorksParams;

    fn new(config: WorksConfig, context: &Context) -> Result<Self, StepError> {
        context.debug("made");
        if config.greeting.is_empty() {
            return Err(StepError::config("/greeting", "it is empty"));
        }
        Ok(Self { config })
    }

    fn run(&self, call: &Call<WorksParams>) -> Result<Answer, StepError> {
        call.warn("working");
        call.progress("half of it");
        // An event in a span, said by a crate that knows nothing of the call.
        tracing::info_span!("reading", page = 3).in_scope(|| tracing::info!(rows = 20, "read"));
        let about = json!({
            "action": call.action, "email": call.user.email, "stage": call.task.stage(), "execution": call.execution,
            "attempt": call.attempt, "workflow": call.workflow.id, "left": call.remaining().map(|left| left.as_secs()),
            "cancelled": call.is_cancelled(), "token": self.config.token.as_ref().map(Secret::expose),
            "soon": call.later(Duration::from_millis(1500)), "step": call.step, "today": call.today(), "last_stage": call.last_stage(),
        });
        Ok(Answer::new()
            .set("Said", format!("{} {}", self.config.greeting, call.params.text))
            .set("About", about))
    }
}

/// What panics when it is dropped.
struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("in drop");
        }
    }
}

/// A payload that is no text, and panics itself when it is dropped.
struct LoudPayload(#[allow(dead_code)] Mutex<Option<Loud>>);

pub(crate) struct Panics {
    at: String,
    loud: Option<Loud>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PanicsConfig {
    at: String,
}

impl Step for Panics {
    const ID: &'static str = "panics";
    const TITLE: &'static str = "Panic";
    type Config = PanicsConfig;
    type Params = ();

    fn new(config: PanicsConfig, _: &Context) -> Result<Self, StepError> {
        assert!(config.at != "new", "in new");
        let loud = (config.at == "drop").then(|| Loud);
        Ok(Self { at: config.at, loud })
    }

    fn run(&self, call: &Call) -> Result<Answer, StepError> {
        match self.at.as_str() {
            "run" => panic!("in run: {}", call.action),
            "run, a literal" => panic!("in run"),
            "run, no text" => panic_any(LoudPayload(Mutex::new(Some(Loud)))),
            "run, unannounced" => std::panic::resume_unwind(Box::new("by itself".to_owned())),
            "run, after another" => {
                let caught = std::panic::catch_unwind(|| panic!("caught"));
                assert!(caught.is_err());
                std::panic::resume_unwind(Box::new("by itself"));
            }
            "run, a value" => drop(Loud),
            "another thread" => {
                // It dies there, and nobody else does.
                let joined = thread::spawn(|| panic!("elsewhere")).join();
                return Ok(Answer::new().note(format!("{}", joined.is_err())));
            }
            _ => {}
        }
        Ok(Answer::new().set("Loud", self.loud.is_some()))
    }
}

/// Asks a server, and ends when it is cancelled.
pub(crate) struct Asks;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct AsksParams {
    url: String,
    #[serde(default)]
    until_cancelled: bool,
    #[serde(default)]
    large: usize,
}

impl Step for Asks {
    const ID: &'static str = "asks";
    const TITLE: &'static str = "Ask";
    type Config = ();
    type Params = AsksParams;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<AsksParams>) -> Result<Answer, StepError> {
        if call.params.until_cancelled {
            call.progress("waiting");
            while !call.is_cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            return Err(StepError::cancelled());
        }
        if call.params.large > 0 {
            return Ok(Answer::new().set("Large", "x".repeat(call.params.large)));
        }
        let request = call.http().post(&call.params.url).bearer("t").timeout(Duration::from_secs(2));
        let found: Value = request.json(&json!({"task": call.task.fields})).send()?.success()?.json()?;
        Ok(Answer::new().set("Found", found))
    }
}

/// The same as a future.
pub(crate) struct AsksLater;

impl AsyncStep for AsksLater {
    const ID: &'static str = "asks_later";
    const TITLE: &'static str = "Ask later";
    type Config = ();
    type Params = AsksParams;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    async fn run(&self, call: &Call<AsksParams>) -> Result<Answer, StepError> {
        let response = call.http().get(&call.params.url).send_async().await?.success()?;
        Ok(Answer::new().set("Found", response.text()))
    }
}

/// Sleeps until its time is over or it is dropped.
pub(crate) struct Sleeps {
    dropped: Mutex<mpsc::Sender<()>>,
    told: Mutex<mpsc::Receiver<()>>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct SleepsParams {
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    loud: bool,
    /// Says whether an earlier sleep was dropped.
    #[serde(default)]
    tell: bool,
}

/// Tells when it is dropped.
struct Dropped(mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl AsyncStep for Sleeps {
    const ID: &'static str = "sleeps";
    const TITLE: &'static str = "Sleep";
    type Config = ();
    type Params = SleepsParams;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        let (dropped, told) = mpsc::channel();
        Ok(Self { dropped: Mutex::new(dropped), told: Mutex::new(told) })
    }

    async fn run(&self, call: &Call<SleepsParams>) -> Result<Answer, StepError> {
        if call.params.tell {
            let told = self.told.lock().expect("a lock").try_recv().is_ok();
            return Ok(Answer::new().set("Dropped", told));
        }
        let _dropped = Dropped(self.dropped.lock().expect("a lock").clone());
        let _loud = call.params.loud.then(|| Loud);
        call.progress("sleeping");
        tokio::time::sleep(Duration::from_millis(call.params.ms)).await;
        tracing::info!("slept");
        Ok(Answer::new().set("Thread", thread::current().name().unwrap_or_default()))
    }
}

/// Panics after an `.await`.
pub(crate) struct Bursts {
    together: Barrier,
}

impl AsyncStep for Bursts {
    const ID: &'static str = "bursts";
    const TITLE: &'static str = "Burst";
    type Config = ();
    type Params = ();

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self { together: Barrier::new(1) })
    }

    async fn run(&self, _: &Call) -> Result<Answer, StepError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.together.wait();
        panic!("in a future");
    }
}
