//! Live updates: one stream of server-sent events for all that somebody may see.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    need::Need,
    route::{Route, at, operation},
};
use crate::events::{Next, event};

/// Streams at a time; one more is refused.
const STREAMS_MAX: usize = 10_000;

/// Those of one caller: of a key, or of a user, wherever they are signed in.
const STREAMS_OF_ONE_MAX: usize = 100;

/// How often something is sent where there is nothing to tell, so that nobody in between ends the connection, and so
/// that each end notices when the other one has gone.
const BEAT_EVERY: Duration = Duration::from_secs(15);

/// Bytes that are handed out at a time.
const SENT_AT_ONCE: usize = 32 * 1024;

const BEAT: &str = "event: beat\ndata: {}\n\n";

/// What a client is told to wait before it comes back, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/events").get(
            listen,
            operation("streamEvents", Need::Known, "What changes, as server-sent events")
                .refuses(&[Code::TooManyStreams])
                .header("Last-Event-ID", json!({"type": "string"}), "Where a stream that broke off was")
                .answers_as(
                    "text/event-stream",
                    "Events: task, execution, workspace, reset; beat, after 15 seconds with nothing to tell",
                ),
        ),
    ]
}

/// The streams that are open. One for all threads.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<Listener, usize>>);

/// Whose a stream is.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Listener {
    Key(String),
    User(String),
}

impl Listener {
    fn of(caller: &Caller) -> Self {
        let id = caller.id().to_owned();
        if caller.key().is_some() { Self::Key(id) } else { Self::User(id) }
    }
}

/// Counts a stream for as long as it is there.
struct Place {
    streams: Arc<Streams>,
    of: Listener,
}

impl Streams {
    fn locked(&self) -> MutexGuard<'_, HashMap<Listener, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(super) fn open(&self) -> usize {
        self.locked().values().sum()
    }

    fn take(self: &Arc<Self>, of: Listener) -> Result<Place, ApiError> {
        let mut open = self.locked();
        if open.values().sum::<usize>() >= STREAMS_MAX {
            let message = format!("{STREAMS_MAX} streams of events are open already; try again in a moment");
            return Err(ApiError::new(Code::Overloaded, message));
        }
        let own = open.entry(of.clone()).or_default();
        if *own >= STREAMS_OF_ONE_MAX {
            let message = format!(
                "you have {STREAMS_OF_ONE_MAX} streams of events open already; end one, or share one: it has all that you may see"
            );
            return Err(ApiError::new(Code::TooManyStreams, message));
        }
        *own += 1;
        Ok(Place { streams: Arc::clone(self), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.locked();
        if let Some(own) = open.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.of);
            }
        }
    }
}

struct Stream {
    api: web::Data<Api>,
    caller: Caller,
    told: watch::Receiver<()>,
    /// The number of the last batch that it has.
    after: u64,
    /// What is to be sent next.
    pieces: VecDeque<web::Bytes>,
    /// When something was told last; a batch of which its listener sees nothing tells nothing.
    spoke: Instant,
    _place: Place,
}

async fn listen(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let place = api.streams.take(Listener::of(&caller))?;
    let after = request.headers().get("Last-Event-ID").map(|id| id.to_str().unwrap_or_default().to_owned());
    let beginning = api.events.listen(after.as_deref());
    let beginning =
        beginning.ok_or_else(|| ApiError::new(Code::ShuttingDown, "the server is shutting down"))?;
    let pieces = VecDeque::from([web::Bytes::from_static(RETRY.as_bytes())]);
    let mut stream =
        Stream { api, caller, told: beginning.told, after: 0, pieces, spoke: Instant::now(), _place: place };
    match beginning.after {
        Some(after) => stream.goes_on_after(after),
        None => stream.begins_anew("what was missed is not known any more"),
    }
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
        loop {
            if let Some(piece) = next_piece(&mut self.pieces) {
                return Some((Ok(piece), self));
            }
            match self.api.events.next(self.after) {
                Next::Batch(batch) => {
                    self.caller = self.caller.again(&self.api).await.ok()?;
                    self.after = batch.number;
                    let caller = &self.caller;
                    let sees = |id: &_| caller.workflows().any(|seen| seen.workflow.id == *id);
                    let told = self.pieces.len();
                    self.pieces.extend(batch.pieces(sees));
                    // The batch's id is always among them.
                    if self.pieces.len() > told + 1 {
                        self.spoke = Instant::now();
                    } else if self.spoke.elapsed() >= BEAT_EVERY {
                        self.beats();
                    }
                }
                Next::Gone => self.begins_anew("the stream was too slow"),
                Next::Nothing => match tokio::time::timeout(self.until_beat(), self.told.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => {
                        self.caller = self.caller.again(&self.api).await.ok()?;
                        self.beats();
                    }
                },
            }
        }
    }

    fn until_beat(&self) -> Duration {
        BEAT_EVERY.saturating_sub(self.spoke.elapsed())
    }

    /// Says that it is still there.
    fn beats(&mut self) {
        self.spoke = Instant::now();
        self.pieces.push_back(web::Bytes::from_static(BEAT.as_bytes()));
    }

    /// Says how far the stream is.
    fn goes_on_after(&mut self, number: u64) {
        self.after = number;
        self.pieces.push_back(self.api.events.id(number));
    }

    /// After what is not known any more: everything is to be read anew.
    fn begins_anew(&mut self, reason: &str) {
        self.pieces.push_back(reset(reason).into());
        self.goes_on_after(self.api.events.last());
    }
}

/// A small one of them: what is handed out is copied whole for its connection, however slowly that takes it.
fn next_piece(pieces: &mut VecDeque<web::Bytes>) -> Option<web::Bytes> {
    let mut piece = pieces.pop_front()?;
    if piece.len() > SENT_AT_ONCE {
        pieces.push_front(piece.split_off(SENT_AT_ONCE));
    }
    Some(piece)
}

/// Says that everything is to be read anew.
fn reset(reason: &str) -> String {
    let mut text = String::new();
    event(&mut text, "reset", &json!({"reason": reason}));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Listener {
        Listener::Key(number.to_string())
    }

    /// "A stream that is slow holds nothing" but what its connection is about to send.
    #[test]
    fn what_is_sent_at_once_is_small_and_no_copy_of_what_is_kept() {
        let kept = web::Bytes::from(vec![b'x'; 3 * SENT_AT_ONCE + 1]);
        let mut pieces =
            VecDeque::from([kept.clone(), web::Bytes::from_static(b"id"), kept.slice(..SENT_AT_ONCE)]);
        let sent: Vec<_> = std::iter::from_fn(|| next_piece(&mut pieces)).collect();
        let lengths: Vec<_> = sent.iter().map(web::Bytes::len).collect();
        assert_eq!(lengths, [SENT_AT_ONCE, SENT_AT_ONCE, SENT_AT_ONCE, 1, 2, SENT_AT_ONCE]);
        for (number, piece) in sent[..4].iter().enumerate() {
            assert_eq!(piece.as_ptr(), kept[number * SENT_AT_ONCE..].as_ptr());
        }
    }

    #[test]
    fn streams_have_a_limit_of_one_caller_and_of_all() {
        let streams = Arc::<Streams>::default();
        let refusal = |of: Listener| streams.take(of).err().expect("refused").to_string();
        let mut places = Vec::new();
        for number in 0..STREAMS_MAX {
            places.push(streams.take(key(number / STREAMS_OF_ONE_MAX)).expect("a place"));
        }
        assert_eq!(streams.open(), STREAMS_MAX);
        assert!(refusal(Listener::User("0".to_owned())).starts_with("overloaded: 10000 streams"));
        // The last caller's first.
        places.swap_remove(STREAMS_MAX - STREAMS_OF_ONE_MAX);
        assert!(refusal(key(0)).starts_with("too_many_streams: you have 100 streams"));
        let last = key(STREAMS_MAX / STREAMS_OF_ONE_MAX - 1);
        let again = streams.take(last.clone()).expect("a place");
        assert!(refusal(last).starts_with("overloaded"));
        drop((places, again));
        assert_eq!((streams.open(), streams.locked().len()), (0, 0));
    }
}
