//! What a test says of its host: its time, and what is to be answered to HTTP requests.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::http::{Body, HttpError, RequestDocument, ResponseDocument};

type Answers = Box<dyn FnMut(&RequestDocument) -> Result<ResponseDocument, HttpError> + Send>;

/// What a host and its calls share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Its own, because a function of a test's may ask the host for something.
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct State {
    now: Duration,
    limit: Option<Duration>,
    requests: Vec<RequestDocument>,
}

impl Shared {
    pub(super) fn new() -> Self {
        let nothing = |request: &RequestDocument| {
            let RequestDocument { method, url, .. } = request;
            Err(HttpError::not_sent(
                "no_stub",
                format!("No answer was given to {method} {url}: see Host::on_http."),
            ))
        };
        Self { state: Mutex::default(), answers: Mutex::new(Box::new(nothing)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    pub(super) fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    pub(super) fn set_limit(&self, limit: Option<Duration>) {
        self.state().limit = limit;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let state = self.state();
        state.limit.map(|limit| state.now + limit)
    }

    pub(super) fn set_answers(&self, answers: Answers) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }

    pub(super) fn requests(&self) -> Vec<RequestDocument> {
        self.state().requests.clone()
    }

    pub(super) fn answer(&self, request: RequestDocument) -> Result<ResponseDocument, HttpError> {
        self.state().requests.push(request.clone());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = panic::catch_unwind(AssertUnwindSafe(|| answers(&request)));
        answered.unwrap_or_else(|_| Err(HttpError::sent("stub_panicked", "The test's answer panicked.")))
    }
}

/// An answer of JSON, for [`Host::on_http`](super::Host::on_http).
// As `json!` hands it over.
#[allow(clippy::needless_pass_by_value)]
pub fn response(status: u16, body: serde_json::Value) -> ResponseDocument {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    ResponseDocument { status, headers, body: Body::Text(body.to_string()) }
}
