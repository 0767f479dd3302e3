//! Traces by OpenTelemetry: requests, executions, steps and calls as spans, sent to a collector by OTLP over HTTP.
//!
//! A request goes on with the trace that its headers name, and a call hands its own on. Spans are made everywhere by
//! `tracing`; those that only a trace needs have the target [`TRACES`], which the log leaves out. Nothing waits for a collector:
//! what it does not take is lost, and said so.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{Status, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use tokio::sync::{mpsc, oneshot};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};

use crate::egress::{self, Egress};

/// The target of spans that are of no use without a trace.
pub const TRACES: &str = "onward::traces";

/// The headers of a request that is part of a trace (W3C Trace Context).
pub const HEADERS: [&str; 2] = ["traceparent", TRACESTATE];
const TRACESTATE: &str = "tracestate";

/// The longest `tracestate` that is handed on.
const TRACESTATE_CHARS_MAX: usize = 512;

/// Spans that wait for a batch; more are lost, and that is said.
const SPANS_MAX: usize = 4_096;

/// Batches that wait until the last one has been sent: the library hands over one at a time.
const BATCHES_MAX: usize = 1;

/// How long a collector may take for a batch.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a collector's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long a stop waits for the last batch.
const END_MAX: Duration = Duration::from_secs(2);

/// Where traces go, and how many of them.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector's URL, with its path.
    pub endpoint: String,
    /// Of the traces that begin here, from 0 to 100. Others are kept as their headers say.
    pub sample_percent: u32,
}

/// What has been begun: the spans' batches, and the way to the collector.
pub struct Traces {
    endpoint: String,
    provider: SdkTracerProvider,
    outbox: mpsc::Receiver<Batch>,
}

/// A batch on its way to the thread that has the connections.
struct Batch {
    request: Request<Bytes>,
    answer: oneshot::Sender<Result<Response<Bytes>, HttpError>>,
}

#[derive(Debug)]
struct Outbox(mpsc::Sender<Batch>);

impl HttpClient for Outbox {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.0.send(Batch { request, answer }).await?;
            answered.await?
        })
    }
}

/// Begins: a layer that makes spans of OpenTelemetry out of `tracing`'s.
pub(super) fn begin<S>(settings: &TraceSettings) -> anyhow::Result<(impl Layer<S> + use<S>, Traces)>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let (sender, outbox) = mpsc::channel(BATCHES_MAX);
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Outbox(sender))
        .with_endpoint(&settings.endpoint)
        .build()?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(SPANS_MAX).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let ratio = f64::from(settings.sample_percent) / 100.0;
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("onward"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_for_traces).with_max_level_hint(LevelFilter::INFO));
    ARE_ON.store(true, Ordering::Relaxed);
    Ok((layer, Traces { endpoint: settings.endpoint.clone(), provider, outbox }))
}

/// Who sends: as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let has_name = !said("OTEL_SERVICE_NAME").is_empty()
        || said("OTEL_RESOURCE_ATTRIBUTES").split(',').any(|it| it.trim_start().starts_with("service.name="));
    let resource = Resource::builder().with_attribute(version);
    if has_name { resource.build() } else { resource.with_service_name("onward").build() }
}

/// Spans, and not what is logged within them, which may repeat what receivers say.
fn is_for_traces(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("onward") && *metadata.level() <= Level::INFO
}

/// Whether the log has a use for it. Of what the library says of itself, only that spans are lost because too many wait: what
/// the collector does is said here.
pub(super) fn is_news(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("opentelemetry") || metadata.name().contains("SpanDropping")
}

impl Traces {
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Ends the spans' batches: the last is sent before it returns, if the collector takes it soon.
    pub fn ending(&self) -> impl Future<Output = ()> + use<> {
        let provider = self.provider.clone();
        async move {
            let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(END_MAX));
            if !matches!(ended.await, Ok(Ok(()))) {
                tracing::warn!("the last spans could not be sent before the server ended");
            }
        }
    }

    /// Sends batches, one after the other.
    pub async fn run(mut self, egress: Egress) {
        let mut is_failing = false;
        while let Some(Batch { request, answer }) = self.outbox.recv().await {
            let sent = send(&egress, request).await;
            match &sent {
                Ok(_) if std::mem::take(&mut is_failing) => tracing::info!("spans are sent again"),
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    let endpoint = &*self.endpoint;
                    tracing::warn!(endpoint, %error, "spans cannot be sent to the collector; those are lost");
                }
                _ => {}
            }
            let _ = answer.send(sent);
        }
    }
}

async fn send(egress: &Egress, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let exchange = egress.send(egress::Request {
        method: parts.method.to_string(),
        url: parts.uri.to_string(),
        headers: headers.collect(),
        body,
        timeout: SEND_TIMEOUT,
        response_bytes_max: ANSWER_BYTES_MAX,
        tls: None,
        route: None,
        gone_is_an_answer: true,
    });
    let answer = exchange.await.result?;
    if !(200..300).contains(&answer.status) {
        return Err(format!("it answered {} {}", answer.status, answer.reason).into());
    }
    Ok(Response::builder().status(answer.status).body(answer.body)?)
}

static ARE_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are made for traces. Not asked of `tracing`, whose filters remember an answer of theirs for the next event.
pub fn are_on() -> bool {
    ARE_ON.load(Ordering::Relaxed)
}

/// Has a span go on with the trace that a request's headers name.
pub fn follow(span: &Span, headers: &HashMap<String, String>) {
    // Fails only where no spans are made for traces.
    let _ = span.set_parent(TraceContextPropagator::new().extract(headers));
}

/// The headers by which a request is part of a span's trace; none where it is in no trace.
pub fn headers(span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    // Of others, so that it may be dropped where it is longer than everybody must take.
    headers.retain(|name, value| name != TRACESTATE || (1..=TRACESTATE_CHARS_MAX).contains(&value.len()));
    headers
}

/// Notes how what a span is about has ended, and whether that is a failure.
pub fn ended(span: &Span, key: &'static str, outcome: impl Into<opentelemetry::Value>, failed: bool) {
    span.set_attribute(key, outcome);
    if failed {
        span.set_status(Status::error(""));
    }
}
