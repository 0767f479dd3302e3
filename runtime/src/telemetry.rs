//! Logs: pretty on a terminal, JSON otherwise, to standard error. And traces, where they are asked for.

pub mod traces;

use std::io::IsTerminal;

use self::traces::{TraceSettings, Traces};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty when standard error is a terminal, else JSON.
    Auto,
    Pretty,
    Json,
}

/// Starts logging for the whole process, and traces; a second call changes nothing.
pub fn start(
    levels: Targets,
    format: LogFormat,
    traces: Option<&TraceSettings>,
) -> anyhow::Result<Option<Traces>> {
    let pretty = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if pretty {
        layer.compact().with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
    } else {
        layer.json().flatten_event(true).with_current_span(true).with_span_list(true).boxed()
    };
    // Fails only when logging has been started before.
    let (spans, traces) = traces.map(traces::begin).transpose()?.unzip();
    let layer = layer.with_filter(levels.and(filter_fn(traces::is_news)));
    let _ = tracing_subscriber::registry().with(layer).with(spans).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str();
        tracing::error!(at, said, "a bug: the server panicked");
    }));
    Ok(traces)
}
