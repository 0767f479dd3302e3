//! "OpenTelemetry traces when configured": what a collector on a socket is sent, read by the protocol's own types.

use std::{
    collections::HashSet,
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use crate::{
    rules::with_action,
    support::{CONFIG, Project, Received, Receiver, Reply, Server, acme, api_sample, eventually, request},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0c1902b7";

/// A server that sends its traces there.
fn traced(receiver: &Receiver, collector: &str, more: &str) -> (Project, Server) {
    let call = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{}/\"", receiver.url());
    let (project, key) =
        Project::new(&(api_sample("http://127.0.0.1:9") + &with_action("", "Test", "", &[&call])));
    project.write(
        "onward.toml",
        &format!("{CONFIG}[log]\nformat = \"json\"\n[traces]\nendpoint = \"{collector}\"\n{more}"),
    );
    let server = project.serve_in(
        &key,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", Path::new("authorization=Bearer of-the-collector")),
            ("OTEL_BSP_SCHEDULE_DELAY", Path::new("50")),
            ("OTEL_RESOURCE_ATTRIBUTES", Path::new("service.name=orders,team=a")),
        ],
    );
    server.create_task(&acme());
    (project, server)
}

fn perform(server: &Server, headers: &[(&str, &str)]) {
    let body = json!({"task_id": "42", "action_id": "test", "performed_by": "user@example.com"}).to_string();
    let headers = [&[("Prefer", "wait=20")], headers].concat();
    let answer = server.send("POST", "/workflows/api-sample/executions", &headers, body.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// The spans of some batches.
fn spans(batches: &[Received]) -> Vec<Span> {
    let decode =
        |batch: &Received| ExportTraceServiceRequest::decode(&*batch.bytes).expect("a batch of spans");
    let of = batches.iter().flat_map(|batch| decode(batch).resource_spans);
    of.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let names = || spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
    let first = found.next().unwrap_or_else(|| panic!("no span {name} among {:?}", names()));
    assert!(found.next().is_none(), "more than one span {name} among {:?}", names());
    first
}

fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|it| it.key == key).and_then(|it| it.value.clone()?.value);
    match value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_request_its_execution_its_steps_and_its_calls_are_spans_of_one_trace() {
    let (receiver, collector) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(200, "")));
    let (_project, server) = traced(&receiver, &collector.url(), "");
    perform(&server, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01")), ("tracestate", "of=others")]);
    assert_eq!(server.terminate(), Some(0));
    let batches = collector.received();
    assert!(batches[0].head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", batches[0].head);
    assert_eq!(batches[0].header("authorization"), Some("Bearer of-the-collector"));
    let resource =
        ExportTraceServiceRequest::decode(&*batches[0].bytes).expect("a batch").resource_spans.remove(0);
    let resource = resource.resource.expect("a resource").attributes;
    assert_eq!(attribute(&resource, "service.name"), "orders");
    let mut spans = spans(&batches);
    spans.retain(|span| hex(&span.trace_id) == TRACE);
    let request = named(&spans, "POST /api/v1/workflows/{workflow}/executions");
    assert_eq!((hex(&request.parent_span_id).as_str(), request.kind()), (PARENT, SpanKind::Server));
    assert_eq!(attribute(&request.attributes, "http.response.status_code"), "201");
    let execution = named(&spans, "execution");
    assert_eq!(execution.parent_span_id, request.span_id);
    assert_eq!(attribute(&execution.attributes, "onward.outcome"), "succeeded");
    let step =
        spans.iter().find(|span| attribute(&span.attributes, "step_type") == "api_call").expect("its step");
    assert_eq!((&step.parent_span_id, step.name.as_str()), (&execution.span_id, "step"));
    let call = named(&spans, "POST");
    assert_eq!((&call.parent_span_id, call.kind()), (&step.span_id, SpanKind::Client));
    assert_eq!(attribute(&call.attributes, "http.response.status_code"), "200");
    assert_eq!(attribute(&call.attributes, "server.address"), "127.0.0.1");
    // The receiver may go on with the call.
    let received = receiver.received().remove(0);
    assert_eq!(received.header("traceparent"), Some(&*format!("00-{TRACE}-{}-01", hex(&call.span_id))));
    assert_eq!(received.header("tracestate"), Some("of=others"));
}

#[test]
fn what_fails_is_seen_to_fail() {
    let (receiver, collector) =
        (Receiver::start(Reply::new(500, "no")), Receiver::start(Reply::new(200, "")));
    let (project, server) = traced(&receiver, &collector.url(), "");
    perform(&server, &[]);
    // In the log, too, whose lines have no key twice.
    let log = project.log();
    let failed =
        log.lines().find(|line| line.contains("execution failed")).unwrap_or_else(|| panic!("{log}"));
    assert!(failed.contains("\"step_type\":\"api_call\""), "{failed}");
    for line in log.lines() {
        serde_json::from_str::<Once>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let of = |name: &str| spans(&collector.received()).into_iter().find(|span| span.name == name);
    eventually("the execution's span is there", || of("execution").is_some());
    for (name, key, value) in [
        ("execution", "onward.outcome", "failed"),
        ("step", "onward.outcome", "failed"),
        ("POST", "http.response.status_code", "500"),
    ] {
        let span = of(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(attribute(&span.attributes, key), value);
        assert_eq!(span.status.as_ref().expect("a status").code(), StatusCode::Error, "{name}");
        // What receivers say stays here.
        assert!(span.events.is_empty(), "{span:?}");
    }
}

#[test]
fn of_the_traces_that_begin_here_a_part_is_sent_and_of_others_those_that_are() {
    let (receiver, collector) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(200, "")));
    let (_project, server) =
        traced(&receiver, &format!("{}/custom/path", collector.url()), "sample_percent = 0\n");
    perform(&server, &[]);
    perform(&server, &[("traceparent", &format!("00-{TRACE}-{PARENT}-00"))]);
    perform(&server, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]);
    assert_eq!(server.terminate(), Some(0));
    let batches = collector.received();
    assert!(batches.iter().all(|batch| batch.head.starts_with("POST /custom/path ")));
    let spans = spans(&batches);
    assert_eq!(spans.iter().filter(|span| span.name == "execution").count(), 1);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    let of_calls: Vec<_> = receiver
        .received()
        .iter()
        .map(|call| call.header("traceparent").expect("one")[52..].to_owned())
        .collect();
    assert_eq!(of_calls, ["-00", "-00", "-01"]);
}

/// What is sent is decided by those who are let in, and what is handed on has a limit.
#[test]
fn strangers_make_no_spans_and_what_is_too_long_goes_no_further() {
    let (receiver, collector) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(200, "")));
    let (_project, server) = traced(&receiver, &collector.url(), "sample_percent = 0\n");
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let stranger = Server::of(&server, "onw_nobody");
    let traced = [("traceparent", parent.as_str())];
    assert_eq!(stranger.send("GET", "/workflows", &traced, b"").status, 401);
    let everybody = request(&server.address, "GET", "/api/v1/openapi.json", &traced, b"");
    assert_eq!(everybody.status, 200);
    let long = format!("a={}", "b".repeat(600));
    for (traceparent, tracestate) in [
        (parent.as_str(), long.as_str()),
        (parent.as_str(), "of=others"),
        ("00-zz-zz-01", "of=others"),
        (&"0".repeat(4_000), "of=others"),
    ] {
        perform(&server, &[("traceparent", traceparent), ("tracestate", tracestate)]);
    }
    assert_eq!(server.terminate(), Some(0));
    let states: Vec<_> =
        receiver.received().iter().map(|it| it.header("tracestate").map(str::to_owned)).collect();
    assert_eq!(states, [None, Some("of=others".to_owned()), None, None]);
    let spans = spans(&collector.received());
    assert_eq!(spans.iter().filter(|span| span.kind() == SpanKind::Server).count(), 2);
}

#[test]
fn without_a_collector_nothing_waits_and_it_is_said_once() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, server) = traced(&receiver, "http://127.0.0.1:9", "");
    for _ in 0..3 {
        perform(&server, &[]);
    }
    eventually("it is said", || project.log().contains("spans cannot be sent to the collector"));
    perform(&server, &[]);
    assert_eq!(server.terminate(), Some(0));
    let log = project.log();
    assert_eq!(log.matches("spans cannot be sent to the collector").count(), 1, "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn a_collector_that_never_answers_holds_nothing_up() {
    let (receiver, collector) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::Silence));
    let (project, server) = traced(&receiver, &collector.url(), "");
    collector.has_received(1);
    let began = Instant::now();
    for _ in 0..20 {
        perform(&server, &[]);
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    // More than wait: what is lost is said, once.
    const SAID: &str = "dropped a Span due to queue full";
    for _ in 0..6_000 {
        server.get("/workspace");
    }
    eventually("it is said", || project.log().contains(SAID));
    assert_eq!(project.log().matches(SAID).count(), 1);
    let stopped = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(stopped.elapsed() < Duration::from_secs(8), "{:?}", stopped.elapsed());
    assert!(project.log().contains("the last spans could not be sent"), "{}", project.log());
}

#[test]
fn nobody_hears_of_traces_unless_they_are_asked_for() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (_project, server) = traced(&receiver, "", "");
    perform(&server, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]);
    assert_eq!(receiver.received()[0].header("traceparent"), None);
}

/// An object that has no key twice, nor have those within it.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut keys = HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if ["span", "spans"].contains(&key.as_str()) {
                        map.next_value::<Spans>()?;
                    } else {
                        map.next_value::<Value>()?;
                    }
                    if let Some(twice) = keys.replace(key) {
                        return Err(de::Error::custom(format!("{twice} is there twice")));
                    }
                }
                Ok(Once)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Spans {
    One(Once),
    Many(#[expect(dead_code, reason = "reading it is the check")] Vec<Once>),
}
