//! Logs: pretty on a terminal, JSON otherwise, to standard error. And traces, where they are asked for.

pub mod traces;

use std::io::IsTerminal;

use self::traces::{TraceSettings, Traces};
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, LevelFilter, Targets, filter_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
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
    let (spans, traces) = traces.map(traces::begin).transpose()?.unzip();
    // A list: beside a layer that is perhaps none, all that the log leaves out would be asked for each time, and spans made.
    let layers: Vec<_> = [log(levels, format)].into_iter().chain(spans.map(Layer::boxed)).collect();
    // Fails only when logging has been started before.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str();
        tracing::error!(at, said, "a bug: the server panicked");
    }));
    Ok(traces)
}

/// What writes the log.
fn log<S>(levels: Targets, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
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
    // A filter without a hint would have every callsite of every library ask it.
    let is_news = filter_fn(traces::is_news).with_max_level_hint(LevelFilter::TRACE);
    layer.with_filter(levels.and(is_news)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Libraries log a lot at levels that nobody asks for: it costs one comparison.
    #[test]
    fn what_nobody_asks_for_is_left_out_before_it_is_looked_at() {
        for level in [LevelFilter::ERROR, LevelFilter::INFO] {
            let layers = vec![log(Targets::new().with_default(level), LogFormat::Json)];
            let subscriber = tracing_subscriber::registry().with(layers);
            assert_eq!(subscriber.max_level_hint(), Some(level));
        }
    }
}
