//! "`/metrics` (Prometheus: executions by outcome, step durations, endpoint state, queue depths, commit sizes and times)."

use crate::{
    rules::with_action,
    support::{CONFIG, Project, Receiver, Reply, Server, acme, api_sample, eventually, request},
};

/// Without a path of the API before it.
fn metrics(server: &Server, key: Option<&str>) -> (u16, String) {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
    let answer = request(&server.address, "GET", "/metrics", &headers, b"");
    (answer.status, answer.body)
}

/// The value of a line.
fn value(text: &str, name: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[test]
fn an_operator_sees_what_happens() {
    let (good, bad) = (Receiver::start(Reply::new(200, "")), Receiver::start(Reply::new(500, "no")));
    let text = api_sample(&good.url())
        + &with_action(
            "",
            "Test",
            "",
            &[&format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{}/\"", bad.url())],
        );
    let (project, key) = Project::new(&text);
    let server = project.serve(&key);
    server.create_task(&acme());
    for _ in 0..3 {
        server.performed("42", "test");
    }
    assert_eq!(server.performed("42", "finish")["status"], "Success");
    let (status, text) = metrics(&server, Some(&key));
    assert_eq!(status, 200);
    let labels = |action: &str, state: &str| {
        format!("onward_executions_total{{workflow=\"api-sample\",action=\"{action}\",state=\"{state}\"}}")
    };
    assert!((value(&text, &labels("test", "failed")) - 3.0).abs() < f64::EPSILON, "{text}");
    assert!((value(&text, &labels("finish", "succeeded")) - 1.0).abs() < f64::EPSILON, "{text}");
    let step = |outcome: &str| {
        format!("onward_step_duration_seconds_count{{step_type=\"api_call\",outcome=\"{outcome}\"}}")
    };
    assert!((value(&text, &step("failed")) - 3.0).abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "onward_store_commit_duration_seconds_count") > 4.0, "{text}");
    assert!(
        value(&text, "onward_store_commit_requests_sum")
            >= value(&text, "onward_store_commit_requests_count")
    );
    assert!(value(&text, "onward_executions_in_flight").abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "onward_store_waiting").abs() < f64::EPSILON, "{text}");
    let endpoint = bad.url().replace("http://", "");
    let circuit = format!("onward_endpoint_circuit{{endpoint=\"{endpoint}\",circuit=\"closed\"}}");
    assert!((value(&text, &circuit) - 1.0).abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "onward_resident_memory_bytes") > 1e6, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn it_is_for_who_may_see_everything_unless_the_operator_opens_it() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let reads = project.command(&["key", "add", "prometheus", "--scope", "read"]).trim().to_owned();
    let here = project.command(&["key", "add", "here", "--workflow", "api-sample"]).trim().to_owned();
    let server = project.serve(&key);
    for (key, status) in [(None, 401), (Some("onw_wrong"), 401), (Some(&*here), 403), (Some(&*reads), 200)] {
        assert_eq!(metrics(&server, key).0, status, "{key:?}");
    }
    server.terminate();
    project.write("onward.toml", &format!("{CONFIG}\n[metrics]\nopen = true\n"));
    let server = project.serve(&key);
    assert_eq!(metrics(&server, None).0, 200);
    eventually("it says which version it is", || metrics(&server, None).1.contains("onward_build{version="));
}
