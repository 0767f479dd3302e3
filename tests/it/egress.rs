//! "Egress guard … blocked unless allowed by config": at save, at send, for steps and for alerts.

use std::{net::TcpListener, path::Path, thread, time::Duration};

use serde_json::json;

use crate::{
    rules::with_action,
    support::{Project, Receiver, Reply, Resolver, acme, api_sample, eventually},
};

const BARE: &str = "[server]\nlisten = \"127.0.0.1:0\"\n";

fn calling(url: &str) -> String {
    let step = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{url}\"");
    api_sample("https://billing.example") + &with_action("", "Test", "", &[&step])
}

/// "Refused at save (literals …) … with a message that names the rule and the setting that would allow it."
#[test]
fn a_literal_address_is_refused_at_save_and_the_message_says_what_would_allow_it() {
    for (url, expected) in [
        ("http://127.0.0.1:8081/x", "127.0.0.1 is in 127.0.0.0/8 (loopback)"),
        (
            "http://[::ffff:169.254.169.254]/latest/meta-data",
            "169.254.169.254 is in 169.254.0.0/16 (link-local",
        ),
        ("http://2130706433/", "unusual spelling"),
        ("http://localhost/{{Company Name}}", "egress.allow = [\\\"127.0.0.1:80\\\"]"),
    ] {
        let project = Project::bare();
        project.write("onward.toml", BARE);
        project.write("workflows/test.toml", &calling(url));
        let said = project.refused_command(&["check"]);
        assert!(said.contains("error[url_not_callable]"), "{url}: {said}");
        assert!(said.contains(&expected.replace("\\\"", "\"")), "{url}: {said}");
    }
    let project = Project::bare();
    project.write("onward.toml", BARE);
    let alerts = "\n[alerts]\nwebhook = \"http://10.0.0.5/alerts\"\n";
    project.write("workflows/test.toml", &(api_sample("https://billing.example") + alerts));
    let said = project.refused_command(&["check"]);
    assert!(said.contains("10.0.0.5 is in 10.0.0.0/8 (private networks)"), "{said}");
}

/// "At send, every resolved address": a name, and a template that only the task completes, lead nowhere.
#[test]
fn a_call_to_a_blocked_address_is_not_sent() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let port = receiver.url().rsplit(':').next().expect("a port").to_owned();
    let (project, key) = Project::new(&calling(&format!("http://{{{{Company Name}}}}:{port}/")));
    project.write("onward.toml", BARE);
    let server = project.serve(&key);
    // A name that the machine's own name service leads to this machine, if it has one.
    for host in ["127.0.0.1", "localhost", "LocalHost", "0.0.0.0", "127.255.255.255"] {
        let mut task = acme();
        task["Company Name"] = json!(host);
        server.post("/workflows/api-sample/tasks", &task);
        let ended = server.performed("42", "test");
        assert_eq!(
            (&ended["state"], &ended["code"]),
            (&json!("failed"), &json!("egress_blocked")),
            "{ended}"
        );
        let message = ended["errors"][0].as_str().expect("a message");
        assert!(message.contains("which calls do not reach; the operator"), "{message}");
    }
    for host in ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1."] {
        let mut task = acme();
        task["Company Name"] = json!(host);
        server.post("/workflows/api-sample/tasks", &task);
        assert_eq!(server.performed("42", "test")["code"], "invalid_url", "{host}");
    }
    assert_eq!(receiver.received().len(), 0);
}

/// "Two-tier allow-list": this machine by address, by host, and with its port alone.
#[test]
fn what_the_operator_allows_is_reached_and_nothing_beside_it() {
    let (receiver, other) =
        (Receiver::start(Reply::new(200, "")), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let (url, other) = (receiver.url(), other.local_addr().expect("an address").to_string());
    let address = url.trim_start_matches("http://").to_owned();
    let named = address.replace("127.0.0.1", "localhost");
    let (project, key) = Project::new(&calling("http://{{Company Name}}:{{Number of Employees}}/"));
    for (allow, called, expected) in [
        (&address, &address, "Success"),
        (&address, &other, "Fail"),
        (&address, &named, "Success"),
        (&named, &named, "Success"),
        (&named, &address, "Fail"),
        (&"127.0.0.1,10.0.0.0/8".to_owned(), &address, "Success"),
    ] {
        project.write("onward.toml", &format!("{BARE}[egress]\nallow = \"{allow}\"\n"));
        let server = project.serve(&key);
        let mut task = acme();
        let (host, port) = called.split_once(':').expect("a port");
        task["Company Name"] = json!(host);
        task["Number of Employees"] = json!(port);
        server.post("/workflows/api-sample/tasks", &task);
        let ended = server.performed("42", "test");
        assert_eq!(ended["status"], expected, "{allow}: {ended}");
        server.kill();
    }
}

/// "An answer that changes between check and connect cannot pass": what was checked is what is connected to, by one
/// answer of the resolver.
#[test]
fn a_name_that_is_bound_anew_leads_nowhere_else() {
    const ALLOWED: &str = "127.0.0.2";
    let trap = Receiver::start(Reply::new(200, ""));
    let port = trap.url().rsplit(':').next().expect("a port").to_owned();
    // The next call has to connect anew.
    let closing = Reply::new(200, "").with_headers("Connection: close\r\n");
    let good = Receiver::start_at(&format!("{ALLOWED}:{port}"), closing);
    let (project, key) = Project::new(&calling(&format!("http://host.rebind.test:{port}/x")));
    project.write("onward.toml", &format!("{BARE}[egress]\nallow = \"{ALLOWED}\"\n"));
    let (to_good, to_trap, to_both): (&[_], &[_], &[_]) =
        (&[ALLOWED], &["127.0.0.1"], &["127.0.0.1", ALLOWED, "::1"]);
    let resolver = Resolver::of(
        &project,
        &[to_good, to_trap, to_good, to_trap, to_both, to_trap, &["169.254.169.254", "10.0.0.1"]],
    );
    let server = project.serve_in(&key, &resolver.environment());
    server.create_task(&acme());
    assert_eq!(resolver.asked(), 0, "nothing is resolved before a call");
    for (asked, code) in [
        None,
        Some("egress_blocked"),
        None,
        Some("egress_blocked"),
        None,
        Some("egress_blocked"),
        Some("egress_blocked"),
    ]
    .into_iter()
    .enumerate()
    {
        let ended = server.performed("42", "test");
        assert_eq!((ended["code"].as_str(), resolver.asked()), (code, asked + 1), "{ended}");
    }
    assert_eq!((good.received().len(), trap.received().len()), (3, 0));
}

/// "Outbound proxy by CONNECT with auth, from config or environment": the credentials go to it and are shown nowhere.
#[test]
fn calls_leave_through_the_proxy_that_the_environment_names() {
    let (proxy, receiver) =
        (Receiver::start(Reply::new(407, "")), Receiver::start(Reply::new(200, r#"{"task":{}}"#)));
    let (project, key) = Project::new(&calling(&format!("{}/x", receiver.url())));
    let server_section = format!("{BARE}[egress]\nallow = \"127.0.0.1\"\nproxy = \"environment\"\n");
    project.write("onward.toml", &server_section);
    let url = proxy.url().replace("http://", "http://onward:pr0xy-pass@");
    let environment = [("HTTPS_PROXY", Path::new(&url)), ("NO_PROXY", Path::new("10.0.0.0/8, .example"))];
    let server = project.serve_in(&key, &environment);
    server.create_task(&acme());
    let ended = server.performed("42", "test");
    assert_eq!(ended["code"], "proxy_failed");
    assert!(ended["errors"][0].as_str().expect("a message").contains("the proxy answered 407"), "{ended}");
    let asked = proxy.received().remove(0);
    let target = receiver.url().replace("http://", "");
    assert!(asked.head.starts_with(&format!("CONNECT {target} HTTP/1.1")), "{}", asked.head);
    assert_eq!(asked.header("proxy-authorization"), Some("Basic b253YXJkOnByMHh5LXBhc3M="));
    assert!(!(project.log() + &ended.to_string()).contains("pr0xy-pass"));
    assert_eq!(receiver.received().len(), 0);
    server.kill();
    let excepting = [environment[0], ("NO_PROXY", Path::new("10.0.0.0/8, 127.0.0.1"))];
    let server = project.serve_in(&key, &excepting);
    assert_eq!((&server.performed("42", "test")["status"], proxy.received().len()), (&json!("Success"), 1));
}

/// A step's own proxy, and none: guarded as endpoints are, its password a secret that is shown nowhere.
#[test]
fn a_step_may_have_a_way_of_its_own() {
    let (proxy, receiver) =
        (Receiver::start(Reply::new(407, "")), Receiver::start(Reply::new(200, r#"{"task":{}}"#)));
    let step = |way: &str| {
        format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{}/x\"\nproxy = \"{way}\"", receiver.url())
    };
    let own = proxy.url().replace("http://", "http://{{secrets.PROXY}}@");
    let text = api_sample("https://billing.example")
        + &with_action("", "Own", "", &[&step(&own)])
        + &with_action("", "Direct", "", &[&step("direct")])
        + &with_action("", "Blocked", "", &[&step("http://guard.test:3128")]);
    let (project, key) = Project::new(&text);
    let nobody = "http://127.0.0.1:9";
    project.write("onward.toml", &format!("{BARE}[egress]\nallow = [\"127.0.0.1\"]\nproxy = \"{nobody}\"\n"));
    assert!(project.set_secret("PROXY", "onward:pr0xy-pass").0);
    let server = project.serve(&key);
    server.create_task(&acme());
    let id = server.begin("42", "own");
    let ended = server.ended(&id);
    assert_eq!(ended["code"], "proxy_failed", "{ended}");
    assert_eq!(proxy.received()[0].header("proxy-authorization"), Some("Basic b253YXJkOnByMHh5LXBhc3M="));
    assert!(!(project.log() + &ended.to_string()).contains("pr0xy-pass"));
    let curl = ended["attempts"][0]["curl"].as_str().expect("a command");
    assert!(curl.ends_with(&format!(" --proxy '{}'", proxy.url())), "{curl}");
    let direct = server.performed("42", "direct");
    assert_eq!((&direct["status"], receiver.received().len()), (&json!("Success"), 1), "{direct}");
    let curl = direct["attempts"][0]["curl"].as_str().expect("a command").to_owned();
    assert!(curl.ends_with(" --noproxy '*'"), "{curl}");
    assert_eq!(server.performed("42", "blocked")["code"], "resolve_failed");
    for (way, why) in [
        ("http://10.0.0.1:3128", "10.0.0.1 is in 10.0.0.0/8"),
        ("http://me:pr0xy-pass@proxy.example:3128", "plain_credential"),
        ("https://proxy.example:3128", "`proxy` must be \"direct\" or http://HOST:PORT"),
        ("none", "`proxy` must be \"direct\" or http://HOST:PORT"),
    ] {
        let project = Project::bare();
        project.write("onward.toml", BARE);
        let text = api_sample("https://billing.example")
            + &with_action("", "Test", "", &[&step(way).replace("127.0.0.1", "billing.example")]);
        project.write("workflows/test.toml", &text);
        let said = project.refused_command(&["check"]);
        assert!(said.contains(why), "{way}: {said}");
    }
}

/// A proxy's password stands in no file, and is refused without being repeated.
#[test]
fn what_is_no_proxy_is_refused_at_the_start() {
    for url in [
        "https://proxy.internal:3128",
        "proxy.internal:3128",
        "http://me:pr0xy-%zz@proxy.internal",
        "http://me:pr0xy@proxy.internal:3128",
    ] {
        let project = Project::bare();
        project.write("onward.toml", &format!("{BARE}[egress]\nproxy = \"{url}\"\n"));
        project.write("workflows/test.toml", &calling("https://billing.example"));
        let said = project.refused_command(&["check"]);
        assert!(said.contains("egress.proxy") && said.contains("http://HOST:PORT"), "{said}");
        assert!(!said.contains("pr0xy"), "{said}");
    }
}

/// A webhook of alerts is guarded, too: a name that leads to this machine is not told.
#[test]
fn an_alert_is_not_sent_to_a_blocked_address() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let port = receiver.url().rsplit(':').next().expect("a port").to_owned();
    let text =
        calling("http://billing.invalid/") + &format!("\n[alerts]\nwebhook = \"http://guard.test:{port}\"\n");
    let (project, key) = Project::new(&text);
    project.write("onward.toml", &format!("{BARE}[log]\nformat = \"json\"\n"));
    let server = project.serve(&key);
    server.create_task(&acme());
    server.ended(&server.begin("42", "test"));
    eventually("it is said", || project.log().contains("the alerts' webhook was not told"));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(receiver.received().len(), 0);
}

/// "Calls carry `Onward-Depth`; beyond 10 they are refused (loops)": a receiver that performs an action for each
/// call, and passes on the depth, comes to an end.
#[test]
fn a_loop_of_calls_ends() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&calling(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    let body = json!({"task_id": "42", "action_id": "test"}).to_string();
    let perform = |depth: &str| {
        let headers = [("Onward-Depth", depth), ("Prefer", "wait=10"), ("Content-Type", "application/json")];
        server.send("POST", "/workflows/api-sample/executions", &headers, body.as_bytes())
    };
    let mut depth = "0".to_owned();
    let last = loop {
        let answer = perform(&depth).json();
        if answer["status"] != "Success" {
            break server.execution(answer["id"].as_str().expect("an id"));
        }
        let call = receiver.received().pop().expect("a call");
        depth = call.header("onward-depth").expect("a depth").to_owned();
    };
    assert_eq!((depth.as_str(), receiver.received().len()), ("10", 10));
    assert_eq!((&last["code"], &last["depth"]), (&json!("too_deep"), &json!(10)));
    assert_eq!(last["attempts"][0]["record"], json!(null), "it was sent");
    assert_eq!(perform("4294967295").json()["status"], "Fail", "the number was passed over");
    for bad in ["-1", "many", ""] {
        assert_eq!(perform(bad).json()["code"], "invalid_parameter", "{bad}");
    }
    server.begin("42", "test");
    receiver.has_received(11);
    assert_eq!(receiver.received()[10].header("onward-depth"), Some("1"));
}
