//! How each endpoint (a host and a port) is doing, for all threads together: how many calls it has at a time and how
//! fast they come, and whether it is called at all.
//!
//! ```text
//! Closed ─failures in a row─▶ Open ─its pause is over─▶ HalfOpen: one call as a probe ─success─▶ Closed
//!    └──── 410 ───▶ Disabled           ▲                     └ failure ┘
//! ```
//!
//! A slow or dead endpoint so takes a limited share of what the server can do at a time, and soon none. Transitions are
//! told in the log, once each; failures are not. In memory only, but for which are disabled: see `crate::endpoints`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Endpoints that are remembered; of more, those that are doing well are forgotten.
const ENDPOINTS_MAX: usize = 10_000;

/// What an endpoint may have.
#[derive(Debug, Clone)]
pub struct HealthSettings {
    /// Calls to one endpoint at a time.
    pub calls_max: usize,
    /// Calls that wait for one of those to end, or for their time; one more is refused.
    pub waiting_max: usize,
    /// Calls to one endpoint in a second; 0 for no limit.
    pub rate_max: u32,
    /// After so many failures in a row it is not called for a while; 0 for never.
    pub failures_max: u32,
    /// How long that while is.
    pub pause: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            calls_max: 100,
            waiting_max: 400,
            rate_max: 0,
            failures_max: 10,
            pause: Duration::from_secs(30),
        }
    }
}

/// Whether an endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    Closed,
    /// Not before an instant.
    Open {
        until: Instant,
    },
    /// One call is on its way, and decides.
    HalfOpen,
    /// It has said that it is gone (410). Somebody must enable it.
    Disabled,
}

impl Circuit {
    /// All that [`Circuit::name`] may say.
    pub const NAMES: [&str; 4] = ["closed", "open", "half-open", "disabled"];

    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half-open",
            Self::Disabled => "disabled",
        }
    }
}

/// Why an endpoint is not called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// It failed too often; so long it is not called.
    Open {
        failures: u32,
        remaining: Duration,
    },
    Disabled,
    /// Too many calls wait for it already.
    Busy {
        waiting_max: usize,
    },
    /// No place became free in the call's time.
    Waited,
}

/// What a call says of its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered, whatever it said.
    Alive,
    /// And how, in words.
    Failed(String),
    Gone,
}

/// How a call to an endpoint failed, for people.
#[derive(Debug, Clone)]
pub struct LastFailure {
    pub at: Instant,
    pub message: String,
}

/// How an endpoint is doing, for people.
#[derive(Debug, Clone)]
pub struct EndpointView {
    /// `host:port`.
    pub endpoint: String,
    pub circuit: Circuit,
    /// In a row.
    pub failures: u32,
    /// The last of all failures, also where it is well since.
    pub last_failure: Option<LastFailure>,
    pub calls: usize,
    pub waiting: usize,
}

/// Every endpoint, shared by all threads. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints(Arc<Inner>);

struct Inner {
    settings: HealthSettings,
    endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    /// One more is disabled.
    disabled_anew: Notify,
    held: tokio::sync::Mutex<()>,
}

struct Endpoint {
    name: String,
    calls: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    circuit: Circuit,
    failures: u32,
    last_failure: Option<LastFailure>,
    waiting: usize,
    /// When the next call may begin, where their rate is limited.
    next: Instant,
}

impl State {
    fn note(&mut self, message: String) {
        self.last_failure = Some(LastFailure { at: Instant::now(), message });
    }
}

/// A call's place at its endpoint. Dropped without a verdict, it says nothing of the endpoint.
pub(super) struct Place {
    inner: Arc<Inner>,
    endpoint: Arc<Endpoint>,
    is_probe: bool,
    _permit: OwnedSemaphorePermit,
}

impl Endpoint {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_well(&self) -> bool {
        let state = self.state();
        state.circuit == Circuit::Closed
            && state.failures == 0
            && state.waiting == 0
            && state.next <= Instant::now()
    }
}

impl Endpoints {
    pub fn new(settings: HealthSettings) -> Self {
        let (endpoints, held) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { settings, endpoints, disabled_anew: Notify::new(), held }))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Endpoint>>> {
        self.0.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn endpoint(&self, name: String) -> Arc<Endpoint> {
        let mut all = self.all();
        if let Some(endpoint) = all.get(&name) {
            return Arc::clone(endpoint);
        }
        if all.len() >= ENDPOINTS_MAX {
            // Somebody else may hold one that is doing well: it goes on with that.
            all.retain(|_, endpoint| !endpoint.is_well());
        }
        if all.len() >= ENDPOINTS_MAX {
            // As many that are not: then those to which no call is under way.
            all.retain(|_, endpoint| {
                Arc::strong_count(endpoint) > 1 || endpoint.state().circuit == Circuit::Disabled
            });
        }
        let now = Instant::now();
        let state =
            State { circuit: Circuit::Closed, failures: 0, last_failure: None, waiting: 0, next: now };
        let calls = Arc::new(Semaphore::new(self.0.settings.calls_max));
        let endpoint = Arc::new(Endpoint { name: name.clone(), calls, state: Mutex::new(state) });
        all.insert(name, Arc::clone(&endpoint));
        endpoint
    }

    /// A place for a call, as soon as there is one, at most after `limit`.
    pub(super) async fn enter(&self, host: &str, port: u16, limit: Duration) -> Result<Place, Unavailable> {
        let endpoint = self.endpoint(name(host, port));
        let (waiting, deadline) = (Waiting::begin(&endpoint, &self.0.settings)?, Instant::now() + limit);
        let place = async {
            let permit =
                Arc::clone(&endpoint.calls).acquire_owned().await.map_err(|_| Unavailable::Waited)?;
            if let Some(pause) = self.pause_for_rate(&endpoint, deadline)? {
                tokio::time::sleep(pause).await;
            }
            Ok(permit)
        };
        let permit = tokio::time::timeout(limit, place).await.map_err(|_| Unavailable::Waited)??;
        drop(waiting);
        // It may have failed while this one waited.
        let is_probe = pass(&endpoint)?;
        Ok(Place { inner: Arc::clone(&self.0), endpoint, is_probe, _permit: permit })
    }

    /// How long the call has to wait for its time. One that cannot come in time takes nobody's.
    fn pause_for_rate(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<Option<Duration>, Unavailable> {
        let rate = self.0.settings.rate_max;
        if rate == 0 {
            return Ok(None);
        }
        let (mut state, now) = (endpoint.state(), Instant::now());
        let at = state.next.max(now);
        if at > deadline {
            return Err(Unavailable::Waited);
        }
        state.next = at + Duration::from_secs(1) / rate;
        Ok((at > now).then(|| at - now))
    }

    /// What each endpoint may have.
    pub fn settings(&self) -> &HealthSettings {
        &self.0.settings
    }

    /// Those that are called or were called, by name.
    pub fn list(&self) -> Vec<EndpointView> {
        let settings = &self.0.settings;
        let mut list: Vec<_> = self
            .all()
            .values()
            .map(|endpoint| {
                let state = endpoint.state();
                EndpointView {
                    endpoint: endpoint.name.clone(),
                    circuit: state.circuit,
                    failures: state.failures,
                    last_failure: state.last_failure.clone(),
                    calls: settings.calls_max - endpoint.calls.available_permits(),
                    waiting: state.waiting,
                }
            })
            .collect();
        list.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        list
    }

    /// How an endpoint is doing, if there is one of this name.
    pub fn circuit(&self, name: &str) -> Option<Circuit> {
        Some(self.all().get(name)?.state().circuit)
    }

    /// As an earlier run has left it.
    pub fn disable(&self, name: &str) {
        self.endpoint(name.to_owned()).state().circuit = Circuit::Disabled;
    }

    /// Those that are disabled, by name.
    pub fn disabled(&self) -> BTreeSet<String> {
        let is_disabled = |endpoint: &&Arc<Endpoint>| endpoint.state().circuit == Circuit::Disabled;
        self.all().values().filter(is_disabled).map(|endpoint| endpoint.name.clone()).collect()
    }

    /// For whoever makes one what is here and what is on disk, so that an endpoint that is being enabled is not written down
    /// again by somebody who has not heard of it.
    pub async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.held.lock().await
    }

    /// Returns when one more is disabled, also if that was since it last returned.
    pub async fn disabled_anew(&self) {
        self.0.disabled_anew.notified().await;
    }

    /// Calls an endpoint again, whatever it did. Whether there is one of this name.
    pub fn enable(&self, name: &str) -> bool {
        let Some(endpoint) = self.all().get(name).cloned() else { return false };
        let mut state = endpoint.state();
        if state.circuit != Circuit::Closed {
            tracing::info!(endpoint = name, "an endpoint is called again: somebody has enabled it");
        }
        (state.circuit, state.failures) = (Circuit::Closed, 0);
        true
    }
}

/// `host:port`, as it is compared and shown.
fn name(host: &str, port: u16) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Whether the circuit lets a call through, and whether that is the probe.
fn pass(endpoint: &Endpoint) -> Result<bool, Unavailable> {
    let mut state = endpoint.state();
    let failures = state.failures;
    match state.circuit {
        Circuit::Closed => Ok(false),
        Circuit::Disabled => Err(Unavailable::Disabled),
        Circuit::HalfOpen => Err(Unavailable::Open { failures, remaining: Duration::ZERO }),
        Circuit::Open { until } => {
            let remaining = until.saturating_duration_since(Instant::now());
            if !remaining.is_zero() {
                return Err(Unavailable::Open { failures, remaining });
            }
            state.circuit = Circuit::HalfOpen;
            Ok(true)
        }
    }
}

/// One that waits is counted.
struct Waiting<'a>(&'a Endpoint);

impl<'a> Waiting<'a> {
    fn begin(endpoint: &'a Endpoint, settings: &HealthSettings) -> Result<Self, Unavailable> {
        let mut state = endpoint.state();
        let failures = state.failures;
        match state.circuit {
            Circuit::Disabled => return Err(Unavailable::Disabled),
            Circuit::Open { until } if until > Instant::now() => {
                return Err(Unavailable::Open { failures, remaining: until - Instant::now() });
            }
            Circuit::Closed | Circuit::HalfOpen | Circuit::Open { .. } => {}
        }
        // Those for whom there is a place do not wait.
        if endpoint.calls.available_permits() == 0 && state.waiting >= settings.waiting_max {
            return Err(Unavailable::Busy { waiting_max: settings.waiting_max });
        }
        state.waiting += 1;
        drop(state);
        Ok(Self(endpoint))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

impl Place {
    /// The call has ended.
    pub(super) fn ended(self, verdict: Verdict) {
        let settings = &self.inner.settings;
        let (endpoint, mut state) = (&self.endpoint.name, self.endpoint.state());
        match verdict {
            Verdict::Alive => {
                state.failures = 0;
                if matches!(state.circuit, Circuit::Open { .. } | Circuit::HalfOpen) && self.is_probe {
                    state.circuit = Circuit::Closed;
                    tracing::info!(endpoint, "an endpoint answers again, and is called again");
                }
            }
            Verdict::Gone => {
                state.note("It answered with status 410.".to_owned());
                if state.circuit != Circuit::Disabled {
                    tracing::error!(
                        endpoint,
                        "an endpoint answered 410 Gone, and is called no more until somebody enables it"
                    );
                }
                state.circuit = Circuit::Disabled;
                self.inner.disabled_anew.notify_one();
            }
            Verdict::Failed(message) => {
                state.note(message);
                state.failures = state.failures.saturating_add(1);
                let is_too_many = settings.failures_max > 0 && state.failures >= settings.failures_max;
                let (failures, pause) = (state.failures, settings.pause);
                match state.circuit {
                    Circuit::Closed if is_too_many => {
                        state.circuit = Circuit::Open { until: Instant::now() + pause };
                        tracing::warn!(
                            endpoint,
                            failures,
                            ?pause,
                            "an endpoint fails, and is not called for a while"
                        );
                    }
                    // The log has said so already.
                    Circuit::HalfOpen if self.is_probe => {
                        state.circuit = Circuit::Open { until: Instant::now() + pause };
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_probe {
            return;
        }
        // A probe that was dropped has decided nothing: the next call is one.
        let mut state = self.endpoint.state();
        if state.circuit == Circuit::HalfOpen {
            state.circuit = Circuit::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    fn run<F: Future>(test: F) -> F::Output {
        actix_rt::System::new().block_on(test)
    }

    fn endpoints(settings: HealthSettings) -> Endpoints {
        Endpoints::new(settings)
    }

    fn small() -> HealthSettings {
        HealthSettings {
            calls_max: 2,
            waiting_max: 1,
            failures_max: 2,
            pause: SOON,
            ..HealthSettings::default()
        }
    }

    async fn enter(endpoints: &Endpoints) -> Result<Place, Unavailable> {
        endpoints.enter("A.example.", 80, SOON).await
    }

    async fn fail(endpoints: &Endpoints) {
        enter(endpoints).await.expect("a place").ended(Verdict::Failed("It broke.".to_owned()));
    }

    fn circuit(endpoints: &Endpoints) -> Circuit {
        endpoints.list()[0].circuit
    }

    #[test]
    fn failures_in_a_row_open_the_circuit_and_one_probe_decides() {
        run(async {
            let endpoints = endpoints(small());
            fail(&endpoints).await;
            enter(&endpoints).await.expect("a place").ended(Verdict::Alive);
            fail(&endpoints).await;
            assert_eq!(circuit(&endpoints), Circuit::Closed, "not in a row");
            fail(&endpoints).await;
            let refused = enter(&endpoints).await.err().expect("open");
            assert!(matches!(refused, Unavailable::Open { failures: 2, .. }), "{refused:?}");
            tokio::time::sleep(SOON * 2).await;
            let probe = enter(&endpoints).await.expect("the probe");
            assert_eq!(circuit(&endpoints), Circuit::HalfOpen);
            assert!(
                matches!(enter(&endpoints).await.err(), Some(Unavailable::Open { .. })),
                "a second probe"
            );
            probe.ended(Verdict::Failed("It broke.".to_owned()));
            assert_eq!(circuit(&endpoints).name(), "open");
            tokio::time::sleep(SOON * 2).await;
            // One that is dropped leaves the next to decide.
            drop(enter(&endpoints).await.expect("a probe"));
            enter(&endpoints).await.expect("another probe").ended(Verdict::Alive);
            assert_eq!(circuit(&endpoints), Circuit::Closed);
        });
    }

    #[test]
    fn calls_at_a_time_and_those_who_wait_are_limited() {
        run(async {
            let endpoints = endpoints(small());
            let (first, _second) =
                (enter(&endpoints).await.expect("one"), enter(&endpoints).await.expect("two"));
            let waiting = endpoints.enter("a.example", 80, Duration::from_secs(5));
            let mut waiting = Box::pin(waiting);
            assert!((&mut waiting).now_or_never().is_none());
            assert_eq!((endpoints.list()[0].calls, endpoints.list()[0].waiting), (2, 1));
            assert_eq!(enter(&endpoints).await.err(), Some(Unavailable::Busy { waiting_max: 1 }));
            assert!(
                endpoints.enter("a.example", 81, SOON).await.is_ok(),
                "another endpoint waits for this one"
            );
            drop(first);
            let third = waiting.await.expect("its turn");
            assert_eq!(enter(&endpoints).await.err(), Some(Unavailable::Waited));
            drop(third);
            assert_eq!(endpoints.list()[0].waiting, 0);
        });
    }

    #[test]
    fn calls_come_no_faster_than_the_rate() {
        run(async {
            let endpoints = endpoints(HealthSettings { rate_max: 20, ..HealthSettings::default() });
            let started = Instant::now();
            for _ in 0..5 {
                drop(endpoints.enter("a.example", 80, Duration::from_secs(5)).await.expect("a place"));
            }
            assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
            // Those who cannot come in time take nobody's.
            for _ in 0..100 {
                let _ = endpoints.enter("a.example", 80, Duration::from_millis(1)).await;
            }
            assert!(endpoints.enter("a.example", 80, Duration::from_millis(200)).await.is_ok());
            assert!(endpoints.enter("b.example", 80, SOON).await.is_ok());
        });
    }

    #[test]
    fn an_endpoint_that_is_gone_is_called_no_more_until_somebody_enables_it() {
        run(async {
            let endpoints = endpoints(small());
            enter(&endpoints).await.expect("a place").ended(Verdict::Gone);
            assert_eq!(enter(&endpoints).await.err(), Some(Unavailable::Disabled));
            assert!(endpoints.enable("a.example:80") && !endpoints.enable("b.example:80"));
            assert!(enter(&endpoints).await.is_ok());
        });
    }

    #[test]
    fn those_that_are_doing_well_are_forgotten_when_there_are_too_many() {
        run(async {
            let endpoints = endpoints(small());
            for port in 1..=10_000 {
                drop(endpoints.enter("a.example", port, SOON).await);
            }
            fail(&endpoints).await;
            drop(endpoints.enter("b.example", 1, SOON).await);
            let names: Vec<_> = endpoints.list().into_iter().map(|it| it.endpoint).collect();
            assert_eq!(names, ["a.example:80", "b.example:1"]);
        });
    }
}
