//! Hands what a library says through `tracing` to the host's log, each line to the call for which its thread works.
//!
//! Two dynamic libraries do not share `tracing`'s globals, so that without this nobody would hear it. A line begins with the spans it
//! stands in: `fetch{page=3}: read rows=20`.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};

use crate::{
    host::{Host, Level},
    panics::current,
};

/// More than this would be each move of each crate that a plugin is made of.
const FINEST: LevelFilter = LevelFilter::DEBUG;

thread_local! {
    /// The spans in which this thread is, the innermost last.
    static ENTERED: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

/// Where there is a subscriber already, as in a test of the author's, it stays.
pub(crate) fn install(host: Host) {
    let forward = Forward { host, newest: AtomicU64::default(), spans: Mutex::default() };
    let _ = set_global_default(forward);
}

struct Forward {
    host: Host,
    newest: AtomicU64,
    spans: Mutex<HashMap<u64, Span>>,
}

struct Span {
    text: String,
    fields: String,
    handles: usize,
}

impl Forward {
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<u64, Span>) -> T) -> T {
        look(&mut self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn prefix(&self) -> String {
        let entered = ENTERED.try_with(|entered| entered.borrow().clone()).unwrap_or_default();
        self.with(|spans| {
            let mut prefix = String::new();
            for span in entered.iter().filter_map(|id| spans.get(&id.into_u64())) {
                let fields =
                    if span.fields.is_empty() { String::new() } else { format!("{{{}}}", span.fields) };
                let _ = write!(prefix, "{}{fields}: ", span.text);
            }
            prefix
        })
    }
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= FINEST
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(FINEST)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let mut line = Line::default();
        attributes.record(&mut line);
        let text = attributes.metadata().name().to_owned();
        self.with(|spans| spans.insert(id, Span { text, fields: line.fields, handles: 1 }));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.with(|spans| {
            let Some(span) = spans.get_mut(&span.into_u64()) else { return };
            if !span.fields.is_empty() && !line.fields.is_empty() {
                span.fields.push(' ');
            }
            span.fields.push_str(&line.fields);
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // A thread of the author's works for no call that is known.
        let (host, call) = current().unwrap_or((self.host, 0));
        let mut line = Line::default();
        event.record(&mut line);
        let gap = if line.message.is_empty() || line.fields.is_empty() { "" } else { " " };
        let message = format!("{}{}{gap}{}", self.prefix(), line.message, line.fields);
        host.log(call, level(*event.metadata().level()), &message);
    }

    fn enter(&self, span: &Id) {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(span.clone()));
    }

    fn exit(&self, span: &Id) {
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            if let Some(at) = entered.iter().rposition(|id| id == span) {
                entered.remove(at);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.with(|spans| {
            if let Some(span) = spans.get_mut(&span.into_u64()) {
                span.handles += 1;
            }
        });
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        self.with(|spans| {
            let Some(known) = spans.get_mut(&span.into_u64()) else { return false };
            known.handles -= 1;
            known.handles == 0 && spans.remove(&span.into_u64()).is_some()
        })
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

/// The message and the other fields of an event.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            let _ = self.message.write_fmt(value);
            return;
        }
        let gap = if self.fields.is_empty() { "" } else { " " };
        let _ = write!(self.fields, "{gap}{}={value}", field.name());
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}
