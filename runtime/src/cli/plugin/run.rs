//! `onward plugin run`: one of a library's steps, run once without a server.

use std::{fs, io::Read, path::PathBuf, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{DOCUMENT_BYTES_MAX, descriptions, loaded, start_log};
use crate::{
    model::{duration, text::suggestion},
    plugin::{
        call,
        load::{Loaded, StepTable},
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
}

pub(super) fn run_once(arguments: &RunArguments) -> anyhow::Result<()> {
    let within = duration::parse(&arguments.timeout).filter(|it| !it.is_zero() && *it <= RUN_MAX);
    let within = within.ok_or_else(|| anyhow!("--timeout must be {}", duration::expected(RUN_MAX)))?;
    let (config, input) = (object("--config", &arguments.config)?, input(&arguments.input)?);
    start_log();
    let loaded = loaded(&arguments.file)?;
    let step = chosen(&loaded, arguments.step.as_deref())?;
    let failed = |error: call::CallError| anyhow!("{}: {error}", error.code());
    let instance = call::create(step, config.to_string().into_bytes(), within).map_err(failed)?;
    let answer = call::run(&instance, input.to_string().into_bytes(), within).map_err(failed)?;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn chosen(loaded: &Loaded, id: Option<&str>) -> anyhow::Result<StepTable> {
    let descriptions = descriptions(loaded)?;
    let ids = descriptions.iter().map(|description| description.id.as_str());
    match (id, loaded.steps.as_slice()) {
        (None, [one]) => Ok(*one),
        (None, _) => bail!("say which step type, with --step: {}", ids.collect::<Vec<_>>().join(", ")),
        (Some(id), steps) => match ids.clone().position(|known| known == id) {
            Some(at) => Ok(steps[at]),
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
