//! Outgoing HTTP calls: one request, one answer, and an honest account of what happened in between.
//!
//! This is the only module that uses awc. It knows nothing of tasks, steps or retries: it sends a [`Request`] and
//! returns an [`Exchange`], from whose counted bytes the caller can tell a call that certainly did not happen from one
//! whose outcome is unknown. Redirects are answers like any other; bodies are not decompressed; cookies are not kept.
//! Called by the `api_call` step.
//!
//! awc keeps the connections and speaks HTTP/1.1; everything below that is ours (`connector`, `stream`), because
//! awc's own would take an interim answer for the answer.

mod body;
mod clients;
mod connector;
mod error;
mod guard;
mod head;
mod health;
mod proxy;
mod record;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

use std::{
    net::SocketAddr,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::error::ParseError;
use awc::{
    ClientResponse,
    error::{ConnectError, SendRequestError},
    http::Method,
};
use bytes::Bytes;
use tokio::time::timeout;

use self::{
    body::Body,
    clients::{Client, Clients},
    health::Verdict,
    record::Record,
    target::Target,
};
pub use self::{
    error::{Peer, Phase, SendError},
    guard::{Blocked, EntryError, Guard},
    health::{Circuit, EndpointView, Endpoints, HealthSettings, Unavailable},
    proxy::Proxy,
    tls::{CallTls, Trust, TrustError, certificates},
};

/// Whether a URL is one by http or https with a host, and without a user or a password in it.
pub fn is_http(url: &str) -> bool {
    Target::parse(url).is_ok()
}

/// Where a URL's calls go: the host, as the URL has it, and the port.
pub fn host_and_port(url: &str) -> Option<(String, u16)> {
    let target = Target::parse(url).ok()?;
    Some((target.host().to_owned(), target.port))
}

/// How outgoing calls connect.
#[derive(Debug, Clone)]
pub struct EgressSettings {
    /// Limit for resolving, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// How long a connection is kept for the next call. Node's servers close theirs after 5 s, so stay below.
    pub idle_timeout: Duration,
    /// Certificate authorities to trust besides the system's, as a PEM file; see [`Trust::load`].
    pub extra_ca_file: Option<PathBuf>,
    /// The `User-Agent` of calls that set none.
    pub user_agent: String,
    /// Which addresses may be called.
    pub guard: Guard,
    /// Through which calls go, if through any.
    pub proxy: Option<Proxy>,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(4),
            extra_ca_file: None,
            user_agent: concat!("Onward/", env!("CARGO_PKG_VERSION")).to_owned(),
            guard: Guard::default(),
            proxy: None,
        }
    }
}

/// One request. `Host`, `Content-Length` and the like follow from the rest and must not stand in `headers`.
#[derive(Debug, Clone)]
pub struct Request {
    /// Any HTTP method but CONNECT.
    pub method: String,
    /// Absolute, `http` or `https`, without user name and password.
    pub url: String,
    /// Names and values, sent as given; names may repeat.
    pub headers: Vec<(String, String)>,
    /// The body; may be empty.
    pub body: Bytes,
    /// Limit for the whole exchange, the answer's body included.
    pub timeout: Duration,
    /// Limit for the answer's body, in bytes.
    pub response_bytes_max: usize,
    /// What it brings for TLS, where the URL is `https`.
    pub tls: Option<Arc<CallTls>>,
    /// Which way it goes, where not the settings'.
    pub route: Option<Route>,
    /// The caller takes 410 as an answer, so it does not say that the endpoint is gone.
    pub gone_is_an_answer: bool,
}

/// A call's own way to its endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Without the settings' proxy.
    Direct,
    /// Through a proxy, which the guard must let pass like an endpoint.
    Through(Arc<Proxy>),
}

/// An answer. Any status: what a status means is the caller's matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200 … 599, or 101.
    pub status: u16,
    /// The status's usual name; empty for one that has none.
    pub reason: &'static str,
    /// Names in lower case; in no particular order, but the values of one name are in theirs.
    pub headers: Vec<(String, String)>,
    /// As sent: not decompressed.
    pub body: Bytes,
}

impl Response {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// How long the phases took. The first three are `None` where a kept connection was used, or they were not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Waiting for a place at the endpoint.
    pub queue: Duration,
    /// Resolving the host's name.
    pub dns: Option<Duration>,
    /// Connecting, failed addresses included.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the beginning to the first byte of the answer (interim answers do not count).
    pub first_byte: Option<Duration>,
    /// From the beginning to the end, without the wait for a place.
    pub total: Duration,
}

/// What happened.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is no complete one.
    pub result: Result<Response, SendError>,
    /// Where `result` is an error although a complete answer head came: that head, with as much of the body as came.
    pub partial: Option<Response>,
    /// How long it took.
    pub timing: Timing,
    /// Bytes of the request that left, its head included, TLS not.
    pub bytes_sent: u64,
    /// Bytes of the answer that came, heads and interim answers included, TLS not.
    pub bytes_received: u64,
    /// The address that was connected to.
    pub remote: Option<SocketAddr>,
}

/// What may be concluded about the receiver, whatever the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// No byte of the request left: the call certainly did not happen.
    NotSent,
    /// Bytes left and no complete answer head came: nobody here knows whether the call took effect.
    SentNoAnswer,
    /// A complete answer head came; see [`Exchange::status`].
    Answered,
}

impl Exchange {
    /// Nothing was tried.
    fn not_begun(error: SendError, queue: Duration) -> Self {
        let timing = Timing { queue, ..Timing::default() };
        Self { result: Err(error), partial: None, timing, bytes_sent: 0, bytes_received: 0, remote: None }
    }

    /// What it says of the endpoint; `None` where it was not tried.
    fn verdict(&self, request: &Request) -> Option<Verdict> {
        match (self.status(), &self.result) {
            (_, Err(error)) if !error.is_of_the_endpoint() => None,
            // It may be the call's own authority or certificate, or its own proxy.
            (_, Err(SendError::Tls { .. })) if request.tls.is_some() => None,
            (_, Err(SendError::Proxy { .. })) if request.route.is_some() => None,
            (Some(410), _) if !request.gone_is_an_answer => Some(Verdict::Gone),
            (Some(500..), _) | (None, _) => Some(Verdict::Failed(self.trouble())),
            // It began an answer and did not end it.
            (Some(_), Err(error)) if error.may_pass() => Some(Verdict::Failed(self.trouble())),
            (Some(_), _) => Some(Verdict::Alive),
        }
    }

    /// How it failed, in words.
    fn trouble(&self) -> String {
        match &self.result {
            Ok(answer) => format!("It answered with status {}.", answer.status),
            Err(error) => error.to_string(),
        }
    }

    /// What may be concluded, from counted bytes alone.
    pub fn certainty(&self) -> Certainty {
        match (self.status(), self.bytes_sent) {
            (Some(_), _) => Certainty::Answered,
            (None, 0) => Certainty::NotSent,
            (None, _) => Certainty::SentNoAnswer,
        }
    }

    /// The answer, also one whose body is incomplete.
    pub fn answer(&self) -> Option<&Response> {
        self.result.as_ref().ok().or(self.partial.as_ref())
    }

    /// The answer's status, also where its body is incomplete.
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }
}

/// Sends requests from one thread and keeps that thread's connections. Cloning it is cheap; dropping the last clone
/// closes the connections.
#[derive(Clone)]
pub struct Egress {
    clients: Rc<Clients>,
    endpoints: Endpoints,
}

impl Egress {
    /// Opens nothing yet. Make one on each thread, inside an actix runtime; `endpoints` is of all of them.
    pub fn new(settings: &EgressSettings, trust: &Trust, endpoints: Endpoints) -> Self {
        Self { clients: Rc::new(Clients::new(settings, trust)), endpoints }
    }

    /// Sends a request and waits for the whole answer, at most `request.timeout`. Never panics; dropping the future
    /// closes its connection. A request is sent at most once: only where a kept connection broke before it took a
    /// byte is another one used.
    ///
    /// Before that it may wait for a place at its endpoint, again for at most `request.timeout`.
    pub async fn send(&self, request: Request) -> Exchange {
        let waited = Instant::now();
        let place = match Target::parse(&request.url) {
            Ok(target) => {
                let entered = self.endpoints.enter(target.host(), target.port, request.timeout).await;
                entered.map_err(|why| SendError::Unavailable { peer: Peer(target.host_header().into()), why })
            }
            Err(error) => Err(error),
        };
        let queue = waited.elapsed();
        let place = match place {
            Ok(place) => place,
            Err(error) => return Exchange::not_begun(error, queue),
        };
        let exchange = self.exchange_at(&request, queue).await;
        if let Some(verdict) = exchange.verdict(&request) {
            place.ended(verdict);
        }
        exchange
    }

    async fn exchange_at(&self, request: &Request, queue: Duration) -> Exchange {
        let head = request.method == Method::HEAD.as_str();
        let record = Rc::new(Record::new(self.clients.next_exchange(), head, Instant::now()));
        let exchange = self.exchange(&record, request);
        let (result, partial) = match Rc::clone(&record).scope(exchange).await {
            Ok(response) => (Ok(response), None),
            Err(Broken { error, partial }) => (Err(error), partial),
        };
        Exchange {
            result,
            partial,
            timing: Timing {
                queue,
                dns: record.dns.get(),
                connect: record.connect.get(),
                tls: record.tls.get(),
                first_byte: record.first_byte.get(),
                total: record.started.elapsed(),
            },
            bytes_sent: record.bytes_sent.get(),
            bytes_received: record.bytes_received.get(),
            remote: record.remote.get(),
        }
    }

    async fn exchange(&self, record: &Record, request: &Request) -> Result<Response, Broken> {
        let target = Target::parse(&request.url)?;
        let client = self.clients.get(&target, request)?;
        let limit = request.timeout;
        let timed_out = |phase| SendError::Timeout { peer: client.peer().clone(), limit, phase };
        let Ok(answer) = timeout(limit, self.head(record, request, &target, &client)).await else {
            let phase = if record.bytes_sent.get() == 0 { Phase::Opening } else { Phase::Waiting };
            return Err(timed_out(phase).into());
        };
        let answer = answer?;
        let mut response = head_of(&answer);
        // Outside the reading's future: what came is told also where the time runs out.
        let mut body = Body::default();
        let reading = body.read(answer, record, client.peer(), request.response_bytes_max);
        let read = timeout(limit.saturating_sub(record.started.elapsed()), reading).await;
        let read = read.unwrap_or_else(|_| Err(timed_out(Phase::Reading { status: response.status })));
        client.used();
        response.body = body.into_bytes();
        match read {
            Ok(()) => Ok(response),
            Err(error) => Err(Broken { error, partial: Some(response) }),
        }
    }

    /// Sends the request and waits for the answer's head.
    async fn head(
        &self,
        record: &Record,
        request: &Request,
        target: &Target,
        client: &Rc<Client>,
    ) -> Result<ClientResponse, SendError> {
        let mut answer = client.send(request, target)?.await;
        if answer.is_err() && record.stale.get() && record.bytes_sent.get() == 0 {
            // The connections kept beside the broken one are as old: begin anew without them.
            let fresh = self.clients.replace(target, request, client)?;
            answer = fresh.send(request, target)?.await;
        }
        answer.map_err(|error| failure(error, record, client.peer()))
    }
}

/// An exchange without a complete answer.
struct Broken {
    error: SendError,
    partial: Option<Response>,
}

impl From<SendError> for Broken {
    fn from(error: SendError) -> Self {
        Self { error, partial: None }
    }
}

/// The answer as far as its head tells it.
fn head_of(answer: &ClientResponse) -> Response {
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Response {
        status: answer.status().as_u16(),
        reason: answer.status().canonical_reason().unwrap_or_default(),
        headers: headers.collect(),
        body: Bytes::new(),
    }
}

/// Says what went wrong before there was an answer head. What our own connection noted is more exact than awc.
fn failure(error: SendRequestError, record: &Record, peer: &Peer) -> SendError {
    use awc::error::SendRequestError as Awc;
    if let Some(failure) = record.failure.take() {
        return failure;
    }
    let peer = peer.clone();
    match error {
        // The handshake was over on this side alone, and whatever was sent after it, nobody has read.
        Awc::Response(ParseError::Io(error)) | Awc::Send(error) if tls::is_client_refused(&error) => {
            record.bytes_sent.set(0);
            SendError::Tls { peer, reason: tls::explain(&error) }
        }
        Awc::Connect(ConnectError::Disconnected) => {
            SendError::Closed { peer, reason: "it closed the connection".to_owned() }
        }
        Awc::Response(ParseError::Io(error)) => SendError::Closed { peer, reason: error.to_string() },
        Awc::Response(ParseError::TooLarge) => {
            SendError::HeadTooLarge { peer, reason: "it has too many lines".to_owned() }
        }
        Awc::Response(error) => SendError::InvalidResponse { peer, reason: error.to_string() },
        Awc::Url(error) => SendError::InvalidUrl { reason: error.to_string() },
        other => SendError::Closed { peer, reason: other.to_string() },
    }
}
