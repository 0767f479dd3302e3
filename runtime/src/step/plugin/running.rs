//! A plugin's step while it runs: what it is given, and what its answer means.

use std::{borrow::Cow, cell::RefCell, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use jsonschema::Validator;
use onward_sdk::{
    description::Escaping,
    document::{self, Instant},
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use tracing::Span;

use super::{
    PluginType, http,
    reading::{Placed, Settings, said_with_place},
};
use crate::{
    model::{
        Timestamp,
        document::{Answer, ShownPerformer, ShownTask},
        execution::{Effects, StepEnd},
        secret::Redactor,
        template::{Escape, RenderError, Scope, Template},
        text::shortened,
        workflow::ParamProblem,
        workspace::date_in,
    },
    plugin::{
        call::CallError,
        runner::{Run, RunError, Runner, Use},
    },
    step::{
        Call, Outcome, PluginName, Step,
        retry::{RetryPolicy, random},
    },
};

/// Characters of what a plugin says to people: a message, a note.
const WORDS_CHARS_MAX: usize = 2_000;

/// Characters of a plugin's own code for an error.
const CODE_CHARS_MAX: usize = 64;

/// Requests of one run that are under way at once.
const SENDING_MAX: usize = 16;

/// Requests of one run that its attempt keeps.
const EXCHANGES_MAX: usize = 20;

/// Bytes of the params, or of an error's details, that an attempt keeps.
const RECORD_BYTES_MAX: usize = 16 * 1024;

pub(super) struct PluginStep {
    plugin: PluginName,
    effects: Effects,
    runner: Arc<dyn Runner>,
    step: usize,
    config: Value,
    credentials: Vec<(String, Template)>,
    params: Params,
    timeout: Duration,
    retry: Option<RetryPolicy>,
    /// The names of the secrets in its configuration.
    secrets: Vec<String>,
    /// With the secrets that there were when it was last run.
    used: RefCell<Option<Held>>,
}

/// What each run is given of the step's own.
enum Params {
    /// The same each time.
    Fixed(Box<RawValue>),
    Templated {
        params: Value,
        templates: Vec<Placed>,
        validator: Option<Arc<Validator>>,
    },
}

/// A use that its plugin forgets when nobody needs it any more.
struct Held {
    used: Arc<Use>,
    runner: Arc<dyn Runner>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.runner.forget(&self.used);
    }
}

/// Why a run does not begin.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("what the step is given cannot be written: {0}")]
    Document(#[from] serde_json::Error),
    #[error("what the step is given is not as it must be: {0}")]
    Params(String),
}

impl NotRun {
    fn code(&self) -> &'static str {
        match self {
            Self::Render(RenderError::SecretMissing(_)) => "secret_missing",
            Self::Render(_) | Self::Document(_) | Self::Params(_) => "invalid_params",
        }
    }
}

/// As `onward_sdk::document::Input` reads it.
#[derive(Serialize)]
struct Input<'a> {
    action: &'a str,
    user: ShownPerformer<'a>,
    task: ShownTask<'a>,
    params: &'a RawValue,
    execution: String,
    step: &'a str,
    attempt: u32,
    workflow: WorkflowInput<'a>,
    now: String,
    today: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_stage: Option<&'a str>,
}

#[derive(Serialize)]
struct WorkflowInput<'a> {
    id: &'a str,
    name: &'a str,
    version: u32,
}

/// What an attempt keeps.
#[derive(Serialize)]
struct Record<'a> {
    plugin: &'a PluginName,
    params: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// Requests that it had sent by the server's client.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exchanges: Vec<Box<RawValue>>,
}

impl PluginStep {
    pub(super) fn new(of: &PluginType, settings: Settings) -> Result<Self, Vec<ParamProblem>> {
        let Settings { config, params, credentials, templates, timeout, retry } = settings;
        let secrets = credentials.iter().flat_map(|(_, template)| template.secrets().map(str::to_owned));
        let params = if templates.is_empty() {
            let written = serde_json::value::to_raw_value(&params).map_err(|error| {
                vec![ParamProblem {
                    param: None,
                    code: "invalid_param",
                    message: error.to_string(),
                    help: None,
                }]
            })?;
            Params::Fixed(written)
        } else {
            Params::Templated { params, templates, validator: of.params.validator.clone() }
        };
        Ok(Self {
            plugin: of.plugin.clone(),
            effects: of.effects,
            runner: Arc::clone(&of.runner),
            step: of.step,
            config,
            secrets: secrets.collect(),
            credentials,
            params,
            timeout,
            retry,
            used: RefCell::default(),
        })
    }

    /// The use of the configuration with the secrets that there are now.
    fn used(&self, scope: &Scope<'_>, redactor: &Redactor) -> Result<Arc<Use>, NotRun> {
        if self.credentials.is_empty()
            && let Some(held) = &*self.used.borrow()
        {
            return Ok(Arc::clone(&held.used));
        }
        let mut config = self.config.clone();
        for (pointer, template) in &self.credentials {
            let text = template.render(scope, Escape::Text)?;
            set(&mut config, pointer, Some(text.into()));
        }
        let config = serde_json::to_vec(&config)?;
        let mut held = self.used.borrow_mut();
        match &*held {
            Some(held) if held.used.config == config => Ok(Arc::clone(&held.used)),
            _ => {
                let used = Use::new(self.step, config, redactor.clone());
                *held = Some(Held { used: Arc::clone(&used), runner: Arc::clone(&self.runner) });
                Ok(used)
            }
        }
    }

    fn params(&self, scope: &Scope<'_>) -> Result<Box<RawValue>, NotRun> {
        let Params::Templated { params, templates, validator } = &self.params else {
            let Params::Fixed(written) = &self.params else { unreachable!("there are two") };
            return Ok(written.clone());
        };
        let mut params = params.clone();
        for placed in templates {
            set(&mut params, &placed.pointer, Some(rendered(placed, scope)?));
        }
        let wrong = validator.iter().flat_map(|validator| validator.iter_errors(&params)).next();
        if let Some(error) = wrong {
            return Err(NotRun::Params(said_with_place(&error)));
        }
        Ok(serde_json::value::to_raw_value(&params)?)
    }

    fn input(&self, call: &Call<'_>, params: &RawValue) -> Result<Vec<u8>, NotRun> {
        let now = call.resources.clock.now();
        let input = Input {
            action: &call.action.name,
            user: ShownPerformer(&call.execution.performer),
            task: ShownTask {
                task: call.task,
                workflow: call.workflow,
                directory: call.directory,
                url: None,
            },
            params,
            execution: call.execution.id.to_string(),
            step: call.step.id.as_str(),
            attempt: call.execution.tries.max(1),
            workflow: WorkflowInput {
                id: call.workflow.id.as_str(),
                name: &call.workflow.name,
                version: call.execution.version,
            },
            now: now.to_string(),
            today: date_in(call.zone, now).to_string(),
            last_stage: call.execution.stage.as_ref().map(|stage| call.workflow.stage_name(stage)),
        };
        let mut json = Vec::with_capacity(1024);
        serde_json::to_writer(&mut json, &input)?;
        Ok(json)
    }

    async fn run_once(&self, call: &Call<'_>, redactor: &Redactor) -> Result<Outcome, NotRun> {
        let scope = Scope::from(call);
        let params = self.params(&scope)?;
        let (used, input) = (self.used(&scope, redactor)?, self.input(call, &params)?);
        let run = Run { used, input, within: self.timeout, span: Span::current() };
        let deadline = std::time::Instant::now() + self.timeout;
        let mut running = self.runner.run(run);
        let (mut sending, mut exchanges, mut sent) = (FuturesUnordered::new(), Vec::new(), 0_usize);
        let ended = loop {
            tokio::select! {
                // Its end is what counts; whatever it still wants sent then, nobody waits for.
                biased;
                ended = &mut running.ended => break ended,
                Some(record) = sending.next(), if !sending.is_empty() => {
                    sent += 1;
                    if sent <= EXCHANGES_MAX {
                        exchanges.extend(record);
                    }
                }
                Some(request) = running.requests.recv(), if sending.len() < SENDING_MAX => {
                    let left = deadline.saturating_duration_since(std::time::Instant::now());
                    sending.push(http::send(call, request, left, redactor));
                }
            }
        };
        drop(sending);
        drop(running);
        // A runner that is gone without a word was ended with the server.
        let ended =
            ended.unwrap_or_else(|_| Err(RunError::Died("the plugin's runner was stopped".to_owned())));
        let mut outcome = self.outcome(call, ended, &params, exchanges, redactor);
        if sent > EXCHANGES_MAX {
            outcome.warnings.push(format!("it has sent {sent} requests; the first {EXCHANGES_MAX} are kept"));
        }
        Ok(outcome)
    }

    fn outcome(
        &self,
        call: &Call<'_>,
        ended: Result<document::Answer, RunError>,
        params: &RawValue,
        exchanges: Vec<Box<RawValue>>,
        redactor: &Redactor,
    ) -> Outcome {
        let said = |text: &str| shortened(&redactor.redact(text), WORDS_CHARS_MAX).into_owned();
        let (outcome, note, details) = match ended {
            Ok(answer) => {
                let note = answer.note.as_deref().map(said);
                (answered(answer, call, redactor), note, None)
            }
            Err(error) => {
                let details = match &error {
                    RunError::Call(CallError::Step(error)) => error.details.as_deref().cloned(),
                    _ => None,
                };
                let may_pass = may_pass(&error);
                let end = self.failure(&error, &said);
                let again = self.retry.as_ref().filter(|_| may_pass);
                let asked = match &error {
                    RunError::Call(CallError::Step(error)) => error.retry_after.map(Duration::from_secs),
                    _ => None,
                };
                let again = again.and_then(|policy| policy.pause(call.execution.tries, asked, random()));
                (Outcome { end, again, ..Outcome::done(Answer::Unchanged) }, None, details)
            }
        };
        let record = Record {
            plugin: &self.plugin,
            params: kept_params(params, redactor),
            note,
            details: details.map(|details| kept(details, redactor)),
            exchanges,
        };
        Outcome { record: serde_json::to_string(&record).ok(), ..outcome }
    }

    fn failure(&self, error: &RunError, said: &dyn Fn(&str) -> String) -> StepEnd {
        let message = match error {
            RunError::Call(CallError::Step(error)) => said(&error.message),
            other => said(&format!("the plugin {}: {other}", self.plugin.name)),
        };
        let code = shown_code(error, said);
        let is_unknown = match error {
            RunError::Call(CallError::Step(error)) => error.unknown,
            RunError::Call(CallError::Panicked(_) | CallError::TimedOut(_)) | RunError::Died(_) => true,
            // It has answered, though badly; or was never asked.
            RunError::Call(_) | RunError::NotBegun { .. } => false,
        };
        if is_unknown && self.effects == Effects::External {
            StepEnd::Unknown { code, message }
        } else {
            StepEnd::Failed { code, message }
        }
    }
}

impl Step for PluginStep {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move {
            let redactor = call.secrets.redactor(self.secrets.iter().map(String::as_str));
            match self.run_once(&call, &redactor).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(error.code(), error.to_string()),
            }
        })
    }

    fn again_after_crash(&self, tries: u32) -> Option<Duration> {
        self.retry.as_ref()?.pause(tries, None, random())
    }
}

/// Whether another try may do better without anybody changing anything.
fn may_pass(error: &RunError) -> bool {
    match error {
        RunError::Call(CallError::Step(error)) => error.retryable || error.unknown,
        RunError::Call(CallError::TimedOut(_)) | RunError::Died(_) | RunError::NotBegun { .. } => true,
        RunError::Call(_) => false,
    }
}

/// A plugin's own code, if it is one that programs can use.
fn shown_code(error: &RunError, said: &dyn Fn(&str) -> String) -> String {
    let is_sound = |code: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        // A secret is none either.
        !code.is_empty() && code.len() <= CODE_CHARS_MAX && code.chars().all(is_part) && said(code) == code
    };
    match error {
        RunError::Call(CallError::Step(error)) if !is_sound(&error.code) => "step_failed".to_owned(),
        other => other.code().to_owned(),
    }
}

/// What an answer means for the task and for the action.
fn answered(answer: document::Answer, call: &Call<'_>, redactor: &Redactor) -> Outcome {
    let invalid = |what: String| Outcome::failed("invalid_answer", what);
    let said = |text: &str| shortened(&redactor.redact(text), 100).into_owned();
    let no_stage = |name: &str| invalid(format!("there is no stage “{}”", said(name)));
    let no_instant =
        |key, text: &Instant| invalid(format!("the plugin's `{key}` is no instant: {}", said(text.as_str())));
    let mut warnings = Vec::new();
    let document::Answer { task, delete, wait_until, schedule, expect, stop, note: _, others } = answer;
    for key in others.keys().take(10) {
        warnings.push(format!("the answer's `{}` means nothing here", said(key)));
    }
    let patch = task.map(|patch| {
        if redactor.is_empty() {
            return patch;
        }
        let redacted = redactor.redact_object(patch.clone());
        if redacted != patch {
            warnings.push("the answer repeated a secret, which was taken out of it".to_owned());
        }
        redacted
    });
    let end = match (wait_until, stop) {
        (Some(_), true) => return invalid("the plugin wants the action to end and to wait".to_owned()),
        (None, true) => StepEnd::Stop,
        (None, false) => StepEnd::Done,
        (Some(until), false) => match instant(&until) {
            Some(until) => StepEnd::Wait { until },
            None => return no_instant("wait_until", &until),
        },
    };
    let schedule = match schedule {
        None => None,
        Some(document::Schedule { stage, at }) => match (call.workflow.stage_named(&stage), instant(&at)) {
            (None, _) => return no_stage(&stage),
            (Some(_), None) => return no_instant("schedule", &at),
            (Some(_), Some(at)) => Some((stage, at)),
        },
    };
    let expect = match expect {
        None => None,
        Some(name) => match call.workflow.stage_named(&name) {
            Some(stage) => Some(stage.id.clone()),
            None => return no_stage(&name),
        },
    };
    Outcome {
        end,
        expect,
        deletes_task: delete,
        schedule,
        warnings,
        ..Outcome::done(patch.filter(|patch| !patch.is_empty()).map_or(Answer::Unchanged, Answer::Patch))
    }
}

fn instant(text: &Instant) -> Option<Timestamp> {
    text.as_str().parse().ok()
}

fn rendered(placed: &Placed, scope: &Scope<'_>) -> Result<Value, RenderError> {
    let template = &placed.template;
    if placed.is_plain {
        let text = template.render(scope, Escape::Text)?;
        let text = text.trim();
        // What is none of these stays a text, which the schema then refuses with its place.
        let plain = if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(text).ok() };
        let is_plain = |value: &Value| !value.is_object() && !value.is_array();
        return Ok(plain.filter(is_plain).unwrap_or_else(|| text.into()));
    }
    Ok(match placed.escaping {
        None => template.render_value(scope),
        Some(Escaping::Text) => template.render(scope, Escape::Text)?.into(),
        Some(Escaping::Url) => template.render(scope, Escape::Url)?.into(),
        Some(Escaping::Html) => template.render(scope, Escape::Html)?.into(),
        Some(Escaping::Header) => template.render(scope, Escape::Header)?.into(),
        Some(Escaping::Json) => template.render_json(scope)?.into(),
    })
}

fn set(document: &mut Value, pointer: &str, value: Option<Value>) {
    if let (Some(place), Some(value)) = (document.pointer_mut(pointer), value) {
        *place = value;
    }
}

/// As an attempt may keep it: without secrets, and not too much of it.
fn kept(value: Value, redactor: &Redactor) -> Value {
    let value = redactor.redact_json(value);
    let text = value.to_string();
    if text.len() <= RECORD_BYTES_MAX {
        return value;
    }
    let mut cut = Map::new();
    cut.insert("incomplete".to_owned(), shortened(&text, RECORD_BYTES_MAX / 4).into());
    Value::Object(cut)
}

/// The same of params, which are written already.
fn kept_params<'a>(params: &'a RawValue, redactor: &Redactor) -> Cow<'a, RawValue> {
    if redactor.is_empty() && params.get().len() <= RECORD_BYTES_MAX {
        return Cow::Borrowed(params);
    }
    let value = kept(serde_json::from_str(params.get()).unwrap_or_default(), redactor);
    serde_json::value::to_raw_value(&value).map_or_else(|_| Cow::Borrowed(RawValue::NULL), Cow::Owned)
}
