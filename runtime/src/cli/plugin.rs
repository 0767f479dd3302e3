//! `onward plugin`: libraries that bring step types, looked at and tried without a server.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use futures_util::StreamExt;
use onward_sdk::{description::Description, document::Answer, http::HttpError};
use serde::Serialize;
use serde_json::{Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::shown;
use crate::{
    model::{duration, text::suggestion},
    plugin::{
        call,
        child::{
            ChildProcess, Program,
            serve::{self, Serving},
        },
        load::{self, Loaded},
        note::{self, Library},
        pool::InProcess,
        runner::{Run, RunError, Runner, RunnerSettings, Running, Use},
        trust,
    },
    telemetry::{self, LogFormat},
};

/// How long a library may take to say what it is.
const DESCRIBE_MAX: Duration = Duration::from_secs(10);

/// How long it may take from being loaded until it has said all.
const ASK_MAX: Duration = Duration::from_secs(20);

/// How long its last words are waited for after its end.
const LATE_MAX: Duration = Duration::from_secs(2);

/// The longest that `--timeout` may be.
const RUN_MAX: Duration = Duration::from_secs(24 * 3600);

/// The longest configuration or input that is read from a file.
const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Says who a library is, without running any of it.
    Inspect(InspectArguments),
    /// Runs one of a library's steps once, without a server. The answer is JSON.
    Run(RunArguments),
    /// For `inspect --describe`: in a process of its own.
    #[command(hide = true)]
    Describe { file: PathBuf },
    /// For a server: runs a library's steps for it.
    #[command(hide = true)]
    Host(HostArguments),
}

#[derive(Args)]
pub(super) struct HostArguments {
    #[arg(long)]
    sha256: String,
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    memory_bytes_max: u64,
    #[arg(long)]
    grace_ms: u64,
    file: PathBuf,
}

#[derive(Args)]
pub(super) struct InspectArguments {
    /// The library, a `.so`.
    file: PathBuf,
    /// Prints it as one JSON document.
    #[arg(long)]
    json: bool,
    /// Also has it say which step types it brings: that runs it, in a process of its own.
    #[arg(long)]
    describe: bool,
}

#[derive(Args)]
pub(super) struct RunArguments {
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

pub(super) fn run(command: &PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::Inspect(arguments) => inspect(arguments),
        PluginCommand::Run(arguments) => run_once(arguments),
        PluginCommand::Describe { file } => {
            start_log();
            // The standard input is a socket of whoever asks: what the library prints is not the answer.
            let mut asked = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
            let descriptions = serde_json::to_string(&descriptions(&loaded(file)?)?)?;
            writeln!(asked, "{descriptions}").context("whoever asked is gone")
        }
        PluginCommand::Host(arguments) => {
            let serving = Serving {
                file: arguments.file.clone(),
                sha256: arguments.sha256.clone(),
                parent: arguments.parent,
                threads: arguments.threads,
                memory_bytes_max: arguments.memory_bytes_max,
                grace: Duration::from_millis(arguments.grace_ms),
            };
            serve::serve(serving).context("the process that runs a plugin cannot go on")
        }
    }
}

/// What the library has to say goes to the standard error.
fn start_log() {
    let _ = telemetry::start(Targets::new().with_default(LevelFilter::INFO), LogFormat::Auto, None);
}

#[derive(Serialize)]
struct Problem {
    code: String,
    message: String,
}

fn inspect(arguments: &InspectArguments) -> anyhow::Result<()> {
    let file = shown(&arguments.file);
    let found = note::read(&arguments.file);
    let changeable = trust::check(&arguments.file).err().map(|error| error.to_string());
    let described = match (&found, arguments.describe) {
        (Ok(_), true) => Some(describe(&arguments.file)),
        _ => None,
    };
    if arguments.json {
        let of_note =
            found.as_ref().err().map(|it| Problem { code: it.code().to_owned(), message: it.to_string() });
        let of_steps = described.as_ref().and_then(|it| it.as_ref().err());
        let of_steps = of_steps
            .map(|it| Problem { code: "plugin_not_described".to_owned(), message: format!("{it:#}") });
        let shown = json!({
            "file": file.to_string(),
            "plugin": found.as_ref().ok(),
            "steps": described.as_ref().and_then(|it| it.as_ref().ok()),
            "problem": of_note.or(of_steps),
            "changeable": changeable,
        });
        println!("{shown}");
    }
    let library = found.map_err(|error| anyhow!("{}: {file}: {error}", error.code()))?;
    if !arguments.json {
        println!("{file}\n{}", lines(&library));
        if let Some(why) = changeable {
            println!("  warning   a server does not load it from here: {why}");
        }
    }
    let steps = described.transpose()?.unwrap_or_default();
    if !arguments.json {
        for step in steps {
            println!("  step      {}: {} ({})", step.id, step.title, step.category);
        }
    }
    Ok(())
}

fn lines(library: &Library) -> String {
    let Library { note, sha256 } = library;
    let plugin = format!("{} {}", note.name, note.version);
    let boundary = format!("{}.{}", note.abi.0, note.abi.1);
    let lines = [
        ("plugin", Some(&plugin)),
        ("boundary", Some(&boundary)),
        ("target", Some(&note.target)),
        ("sdk", note.sdk.as_ref()),
        ("compiler", note.compiler.as_ref()),
        ("sha256", Some(sha256)),
    ];
    let line = |(name, text): (&str, Option<&String>)| Some(format!("  {name:<9} {}", text?));
    lines.into_iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// What a library says of its step types, in a process of its own: it may take that down.
fn describe(file: &Path) -> anyhow::Result<Vec<Description>> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new("/proc/self/exe")
        .args(["plugin", "describe"])
        .arg(file)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the process that asks the library cannot be started")?;
    let answer = in_background(ours);
    let said = in_background(child.stderr.take().context("the process that asks the library says nothing")?);
    let Some(status) = end_of(&mut child, ASK_MAX)? else {
        bail!("plugin_timed_out: {}: it has not said what it is within {ASK_MAX:?}", shown(file));
    };
    if !status.success() {
        let said: String = std::iter::from_fn(|| said.recv_timeout(LATE_MAX).ok()).collect();
        bail!("{}", how_it_ended(file, status, &said));
    }
    let answer = answer.recv_timeout(LATE_MAX).unwrap_or_default();
    serde_json::from_str(&answer).context("what the library says of its step types cannot be read")
}

/// Reads line by line, so that what came is there although the end does not come: a process that the library has begun may keep
/// it open.
fn in_background(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from.take(DOCUMENT_BYTES_MAX));
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// How a process has ended; one that takes too long is killed.
fn end_of(child: &mut Child, within: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait().map(|_| None)
}

fn how_it_ended(file: &Path, status: ExitStatus, said: &str) -> String {
    let last = said.lines().last().unwrap_or_default().trim_start_matches("onward: ");
    match status.code() {
        Some(1) if !last.is_empty() => last.to_owned(),
        _ => format!("{}: it has ended the process that asked it what it is ({status}); {said}", shown(file)),
    }
}

fn loaded(file: &Path) -> anyhow::Result<Loaded> {
    load::load(file).map_err(|error| anyhow!("{}: {}: {error}", error.code(), shown(file)))
}

/// Every step type, each with an id of its own.
fn descriptions(loaded: &Loaded) -> anyhow::Result<Vec<Description>> {
    let mut all = Vec::<Description>::new();
    for (at, step) in loaded.steps.iter().enumerate() {
        let described = call::describe(*step, DESCRIBE_MAX)
            .map_err(|error| anyhow!("{}: its step type number {}: {error}", error.code(), at + 1))?;
        if all.iter().any(|other| other.id == described.id) {
            bail!("plugin_steps_invalid: two of its step types are called `{}`", described.id);
        }
        all.push(described);
    }
    Ok(all)
}

fn run_once(arguments: &RunArguments) -> anyhow::Result<()> {
    let within = duration::parse(&arguments.timeout).filter(|it| !it.is_zero() && *it <= RUN_MAX);
    let within = within.ok_or_else(|| anyhow!("--timeout must be {}", duration::expected(RUN_MAX)))?;
    let (config, input) = (object("--config", &arguments.config)?, input(&arguments.input)?);
    start_log();
    let (runner, step) = runner(arguments)?;
    let used = Use::new(step, config.to_string().into_bytes());
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
            Ok(answer) => println!("{}", serde_json::to_string_pretty(&answer)?),
            Err(error) if arguments.times == 1 => first_failure = Some(error),
            Err(error) => {
                println!("{}", json!({"code": error.code(), "message": error.to_string()}));
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
    let step = chosen(&describe(&arguments.file)?, id)?;
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
                "This server lets no plugin call other servers.",
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

/// A sample, as the API Call step would send it, with what was given in its place.
fn input(text: &str) -> anyhow::Result<Value> {
    let mut input = json!({
        "action": "Try",
        "user": {"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"},
        "task": {"Stage": "Open", "Assigned To": null},
        "params": {},
        "execution": "01a00000-0000-7000-8000-000000000000",
        "attempt": 1,
        "workflow": {"id": "sample", "name": "Sample", "version": 1},
    });
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
