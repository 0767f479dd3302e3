//! What an operator watches, for Prometheus: counted where it happens, or read when somebody asks.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{
    egress::{Circuit, EndpointView},
    store::{Commit, Observer},
};

/// What Prometheus asks for, and so what the answer says it is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfExecution {
    workflow: String,
    action: String,
    /// How it ended.
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStep {
    step_type: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEndpoint {
    endpoint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCircuit {
    endpoint: String,
    circuit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBuild {
    version: &'static str,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// What is read when somebody asks.
#[derive(Debug, Default)]
pub struct Now {
    pub in_flight: usize,
    pub queued: usize,
    pub store_waiting: usize,
    pub streams: usize,
    pub endpoints: Vec<EndpointView>,
    /// Bytes of memory that are resident.
    pub resident: u64,
}

/// One for the whole process.
pub struct Metrics {
    executions: Family<OfExecution, Counter>,
    steps: Durations<OfStep>,
    commits: Histogram,
    commit_requests: Histogram,
    gauges: Gauges,
    /// Locked by who answers, so that two do not set what is read in turns.
    registry: Mutex<Registry>,
}

struct Gauges {
    in_flight: Gauge,
    queued: Gauge,
    store_waiting: Gauge,
    streams: Gauge,
    resident: Gauge,
    circuits: Family<OfCircuit, Gauge>,
    endpoint_calls: Family<OfEndpoint, Gauge>,
    endpoint_waiting: Family<OfEndpoint, Gauge>,
}

/// From a tenth of a millisecond to a minute and more.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("onward");
        let executions = Family::default();
        registry.register("executions", "Executions that have ended, by how they ended", executions.clone());
        let steps = Durations::<OfStep>::new_with_constructor(durations);
        let help = "How long steps took, the wait for a place at their endpoint included";
        registry.register_with_unit("step_duration", help, Unit::Seconds, steps.clone());
        let commits = durations();
        registry.register_with_unit(
            "store_commit_duration",
            "How long commits took",
            Unit::Seconds,
            commits.clone(),
        );
        let commit_requests = Histogram::new(exponential_buckets(1.0, 2.0, 11));
        registry.register("store_commit_requests", "Writes in a commit", commit_requests.clone());
        let build = Family::<OfBuild, Gauge>::default();
        build.get_or_create(&OfBuild { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "The server's version", build);
        let gauges = Gauges::new(&mut registry);
        Self { executions, steps, commits, commit_requests, gauges, registry: Mutex::new(registry) }
    }
}

impl Gauges {
    fn new(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let in_flight = gauge("executions_in_flight", "Executions whose steps run");
        let queued =
            gauge("executions_queued", "Executions that wait for their turn behind others of their tasks");
        let store_waiting = gauge("store_waiting", "Writes that wait for the store's writer");
        let streams = gauge("event_streams", "Open streams of events");
        let resident = gauge("resident_memory_bytes", "Memory of the process that is resident");
        let (circuits, endpoint_calls, endpoint_waiting) =
            (Family::default(), Family::default(), Family::default());
        let help = "Whether an endpoint is called: 1 at the state of its circuit that holds";
        registry.register("endpoint_circuit", help, circuits.clone());
        registry.register(
            "endpoint_calls",
            "Calls to an endpoint that are under way",
            endpoint_calls.clone(),
        );
        registry.register("endpoint_waiting", "Calls that wait for their endpoint", endpoint_waiting.clone());
        Self {
            in_flight,
            queued,
            store_waiting,
            streams,
            resident,
            circuits,
            endpoint_calls,
            endpoint_waiting,
        }
    }

    fn set(&self, now: &Now) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.in_flight.set(number(now.in_flight));
        self.queued.set(number(now.queued));
        self.store_waiting.set(number(now.store_waiting));
        self.streams.set(number(now.streams));
        self.resident.set(i64::try_from(now.resident).unwrap_or(i64::MAX));
        // Those that are forgotten are not shown for ever.
        self.circuits.clear();
        self.endpoint_calls.clear();
        self.endpoint_waiting.clear();
        for view in &now.endpoints {
            for circuit in Circuit::NAMES {
                let labels = OfCircuit { endpoint: view.endpoint.clone(), circuit };
                self.circuits.get_or_create(&labels).set(i64::from(view.circuit.name() == circuit));
            }
            let of = OfEndpoint { endpoint: view.endpoint.clone() };
            self.endpoint_calls.get_or_create(&of).set(number(view.calls));
            self.endpoint_waiting.get_or_create(&of).set(number(view.waiting));
        }
    }
}

impl Metrics {
    /// A step has ended.
    pub fn step_ended(&self, step_type: &str, outcome: &'static str, took: Duration) {
        let labels = OfStep { step_type: step_type.to_owned(), outcome };
        self.steps.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Everything, as OpenMetrics has it.
    pub fn text(&self, now: &Now) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.gauges.set(now);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut text, &registry);
        text
    }
}

impl Observer for Metrics {
    fn committed(&self, commit: &Commit<'_>) {
        self.commits.observe(commit.took.as_secs_f64());
        self.commit_requests.observe(commit.requests as f64);
        for execution in commit.executions.values().filter(|execution| execution.state.is_final()) {
            let labels = OfExecution {
                workflow: execution.workflow.to_string(),
                action: execution.action.to_string(),
                state: execution.state.name(),
            };
            self.executions.get_or_create(&labels).inc();
        }
    }
}

/// Bytes of the process's memory that are resident, as the system says.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    // Linux on x86-64 and, as it is nearly always built, on aarch64.
    pages * 4096
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::{Execution, State, sample};

    #[test]
    fn what_is_counted_is_what_was_committed() {
        let metrics = Metrics::default();
        let executions: HashMap<_, _> =
            [(1, State::Succeeded), (2, State::Running { step: 0, mid_call: true })]
                .into_iter()
                .map(|(number, state)| {
                    let execution: Execution = sample::execution(number, state);
                    (execution.id, execution)
                })
                .collect();
        let (tasks, deleted) = (HashMap::new(), HashMap::new());
        let took = Duration::from_millis(3);
        let commit = Commit { requests: 2, took, tasks: &tasks, deleted: &deleted, executions: &executions };
        metrics.committed(&commit);
        metrics.committed(&commit);
        metrics.step_ended("api_call", "succeeded", Duration::from_millis(20));
        let endpoints = vec![EndpointView {
            endpoint: "a.example:443".to_owned(),
            circuit: Circuit::HalfOpen,
            failures: 1,
            last_failure: None,
            calls: 1,
            waiting: 2,
        }];
        let text = metrics.text(&Now { in_flight: 7, endpoints, resident: 4096, ..Now::default() });
        for line in [
            "onward_executions_total{workflow=\"api-sample\",action=\"finish\",state=\"succeeded\"} 2",
            "onward_step_duration_seconds_count{step_type=\"api_call\",outcome=\"succeeded\"} 1",
            "onward_store_commit_requests_sum 4.0",
            "onward_executions_in_flight 7",
            "onward_endpoint_circuit{endpoint=\"a.example:443\",circuit=\"half-open\"} 1",
            "onward_endpoint_circuit{endpoint=\"a.example:443\",circuit=\"closed\"} 0",
            "onward_endpoint_waiting{endpoint=\"a.example:443\"} 2",
            "onward_resident_memory_bytes 4096",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("running") && text.ends_with("# EOF\n"), "{text}");
        assert!(!metrics.text(&Now::default()).contains("a.example"), "what is forgotten is shown no more");
        assert!(resident() > 0);
    }
}
