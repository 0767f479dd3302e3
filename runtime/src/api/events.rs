//! Live updates: one stream of server-sent events for all that somebody may see.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    route::{Route, at, operation},
};
use crate::events::{Batch, Beginning, event};

/// Streams at a time; one more is refused.
const STREAMS_MAX: usize = 10_000;

/// How often something is sent where there is nothing to tell, so that nobody in between ends the connection, and so
/// that a client that has gone is noticed.
const BEAT_EVERY: Duration = Duration::from_secs(15);

/// What a client is told to wait before it comes back, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/events").get(
            listen,
            operation("streamEvents", "What changes, as server-sent events")
                .for_all()
                .header("Last-Event-ID", json!({"type": "string"}), "Where a stream that broke off was")
                .answers_as("text/event-stream", "Events: task, execution, workspace, reset"),
        ),
    ]
}

/// Counts a stream for as long as it is there.
struct Place;

static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// Streams that are open.
pub(super) fn streams() -> usize {
    STREAMS.load(Ordering::Relaxed)
}

impl Place {
    fn take() -> Result<Self, ApiError> {
        if STREAMS.fetch_add(1, Ordering::Relaxed) >= STREAMS_MAX {
            STREAMS.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{STREAMS_MAX} streams of events are open already; try again in a moment");
            return Err(ApiError::new(Code::Overloaded, message));
        }
        Ok(Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Stream {
    api: web::Data<Api>,
    caller: Caller,
    beginning: Beginning,
    begun: bool,
    _place: Place,
}

async fn listen(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let place = Place::take()?;
    let after = request.headers().get("Last-Event-ID").map(|id| id.to_str().unwrap_or_default().to_owned());
    let beginning = api.events.listen(after.as_deref());
    let beginning =
        beginning.ok_or_else(|| ApiError::new(Code::ShuttingDown, "the server is shutting down"))?;
    let stream = Stream { api, caller, beginning, begun: false, _place: place };
    let pieces = stream::unfold(stream, |stream| async move { stream.next().await });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Some proxies gather answers otherwise.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(pieces))
}

impl Stream {
    /// The next piece; `None` when the server drains, or who listens is nobody any more.
    async fn next(mut self) -> Option<(Result<web::Bytes, ApiError>, Self)> {
        if !std::mem::replace(&mut self.begun, true) {
            let text = self.first();
            return Some((Ok(text), self));
        }
        let piece = match tokio::time::timeout(BEAT_EVERY, self.beginning.batches.recv()).await {
            Ok(Ok(batch)) => {
                self.caller = self.caller.again(&self.api).await.ok()?;
                self.seen(&batch)
            }
            Ok(Err(RecvError::Closed)) => return None,
            Ok(Err(RecvError::Lagged(_))) => reset("the stream was too slow").into(),
            Err(_) => {
                self.caller = self.caller.again(&self.api).await.ok()?;
                web::Bytes::from_static(b": \n\n")
            }
        };
        Some((Ok(piece), self))
    }

    fn first(&mut self) -> web::Bytes {
        let mut text = RETRY.as_bytes().to_vec();
        if self.beginning.is_anew {
            text.extend_from_slice(reset("what was missed is not known any more").as_bytes());
        }
        let missed = std::mem::take(&mut self.beginning.missed);
        for batch in &missed {
            text.extend_from_slice(&self.seen(batch));
        }
        text.extend_from_slice(self.beginning.id.as_bytes());
        text.into()
    }

    fn seen(&self, batch: &Arc<Batch>) -> web::Bytes {
        batch.text(&self.api.events, |workflow| {
            self.caller.workflows().any(|seen| seen.workflow.id == *workflow)
        })
    }
}

/// Says that everything is to be read anew.
fn reset(reason: &str) -> String {
    let mut text = String::new();
    event(&mut text, "reset", &json!({"reason": reason}));
    text
}
