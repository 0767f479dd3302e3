//! `onward plugin run`: one of a library's steps, run once without a server.

use std::{fs, io::Read, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use onward_sdk::{description::Description, document::Answer, http::HttpError};
use serde_json::{Value, json};

use super::{DOCUMENT_BYTES_MAX, described, descriptions, loaded, start_log};
use crate::{
    cli::shown,
    model::{duration, secret::Redactor, text::suggestion},
    plugin::{
        child::{ChildProcess, Program},
        note,
        pool::InProcess,
        runner::{Run, RunError, Runner, RunnerSettings, Running, Use},
    },
};

/// The longest that `--timeout` may be.
const RUN_MAX: Duration = Duration::from_secs(24 * 3600);

#[derive(Args)]
pub(in crate::cli) struct RunArguments {
    /// The library, a `.so`.
    file: PathBuf,
    /// The step type; not needed where the library has only one.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// What the instance is made of: a JSON object, or `@FILE`.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// What the run is given: a JSON object, or `@FILE`. Its parts stand in the place of those of a sample.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// How long it may take.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: String,
    /// Where it runs: in a process of its own, or in this one.
    #[arg(long, value_enum, default_value = "process")]
    isolation: Isolation,
    /// How often it is run.
    #[arg(long, default_value_t = 1, hide = true)]
    times: usize,
    /// How many of these at once.
    #[arg(long, default_value_t = 1, hide = true)]
    parallel: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Isolation {
    Process,
    InProcess,
}

pub(super) fn run_once(arguments: &RunArguments) -> anyhow::Result<()> {
    let within = duration::parse(&arguments.timeout).filter(|it| !it.is_zero() && *it <= RUN_MAX);
    let within = within.ok_or_else(|| anyhow!("--timeout must be {}", duration::expected(RUN_MAX)))?;
    let (config, input) = (object("--config", &arguments.config)?, input(&arguments.input)?);
    start_log();
    let (runner, step) = runner(arguments)?;
    let used = Use::new(step, config.to_string().into_bytes(), Redactor::default());
    let run = || Run {
        used: Arc::clone(&used),
        input: input.to_string().into_bytes(),
        within,
        span: tracing::Span::none(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = futures_util::stream::iter((0..arguments.times).map(|_| ended(runner.run(run()))));
    let mut answers = answers.buffered(arguments.parallel.max(1));
    let mut first_failure = None;
    while let Some(answer) = runtime.block_on(answers.next()) {
        match answer {
            Ok(answer) => say!("{}", serde_json::to_string_pretty(&answer)?),
            Err(error) if arguments.times == 1 => first_failure = Some(error),
            Err(error) => {
                say!("{}", json!({"code": error.code(), "message": error.to_string()}));
                first_failure = first_failure.or(Some(error));
            }
        }
    }
    drop(answers);
    runner.forget(&used);
    runner.stop();
    first_failure.map_or(Ok(()), |error| Err(anyhow!("{}: {error}", error.code())))
}

/// What runs the library, and the number of the step type that was asked for.
fn runner(arguments: &RunArguments) -> anyhow::Result<(Box<dyn Runner>, usize)> {
    let id = arguments.step.as_deref();
    let settings = RunnerSettings::default();
    if arguments.isolation == Isolation::InProcess {
        let loaded = loaded(&arguments.file)?;
        let step = chosen(&descriptions(&loaded)?, id)?;
        return Ok((Box::new(InProcess::new(loaded, settings)), step));
    }
    let library = note::read(&arguments.file);
    let library =
        library.map_err(|error| anyhow!("{}: {}: {error}", error.code(), shown(&arguments.file)))?;
    let step = chosen(&described(&arguments.file)?, id)?;
    let file = arguments.file.canonicalize()?;
    Ok((Box::new(ChildProcess::new(Program::new(file, library), settings)), step))
}

/// The end of a run. There is no client here that might send its requests.
async fn ended(running: Running) -> Result<Answer, RunError> {
    let Running { mut ended, mut requests, cancels: _cancels } = running;
    loop {
        tokio::select! {
            Some(request) = requests.recv() => (request.answer)(Err(HttpError::not_sent(
                "http_unavailable",
                "There is no server here to send the request: `onward plugin run` runs a step without one.",
            ))),
            ended = &mut ended => {
                let gone = || RunError::Died("What runs the plugin is gone.".to_owned());
                return ended.unwrap_or_else(|_| Err(gone()));
            }
        }
    }
}

fn chosen(descriptions: &[Description], id: Option<&str>) -> anyhow::Result<usize> {
    let ids = descriptions.iter().map(|description| description.id.as_str());
    match (id, descriptions) {
        (None, [_]) => Ok(0),
        (None, _) => bail!("say which step type, with --step: {}", ids.collect::<Vec<_>>().join(", ")),
        (Some(id), _) => match ids.clone().position(|known| known == id) {
            Some(at) => Ok(at),
            None => bail!("it has no step type `{id}`; {}", suggestion(id, ids)),
        },
    }
}

/// A document as the API Call step would send it.
pub(super) fn sample() -> Value {
    json!({
        "action": "Try",
        "user": {"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"},
        "task": {"Stage": "Open", "Assigned To": null},
        "params": {},
        "execution": "01a00000-0000-7000-8000-000000000000",
        "attempt": 1,
        "workflow": {"id": "sample", "name": "Sample", "version": 1},
    })
}

/// A sample with what was given in its place.
fn input(text: &str) -> anyhow::Result<Value> {
    let mut input = sample();
    if let Value::Object(given) = object("--input", text)? {
        given.into_iter().for_each(|(key, value)| input[key] = value);
    }
    Ok(input)
}

/// A JSON object, from the command line or a file.
fn object(argument: &str, text: &str) -> anyhow::Result<Value> {
    let text = match text.strip_prefix('@') {
        Some(path) => {
            let mut text = String::new();
            let file = fs::File::open(path).with_context(|| format!("{argument}: {path}"))?;
            file.take(DOCUMENT_BYTES_MAX)
                .read_to_string(&mut text)
                .with_context(|| format!("{argument}: {path}"))?;
            text
        }
        None => text.to_owned(),
    };
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{argument} is no JSON"))?;
    if value.is_object() { Ok(value) } else { bail!("{argument} must be a JSON object") }
}
