//! Logs: pretty on a terminal, JSON otherwise, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty when standard error is a terminal, else JSON.
    Auto,
    Pretty,
    Json,
}

/// Starts logging for the whole process; a second call changes nothing.
pub fn start(levels: Targets, format: LogFormat) {
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
    let _ = tracing_subscriber::registry().with(layer.with_filter(levels)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str();
        tracing::error!(at, said, "a bug: the server panicked");
    }));
}
