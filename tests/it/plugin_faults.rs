//! What goes wrong in a plugin while a server runs it: each execution ends and says how, and nothing else is touched.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Tool, action, children, eventually, parent, told};

/// One that ends in every way, one that is retried, one that has little time; each of external effects and of none.
fn actions() -> Vec<String> {
    vec![
        told("Test", "tool", ""),
        told("Quiet", "quiet", ""),
        told("Retried", "tool", "retry = { tries = 3, first = \"10ms\" }"),
        told("Patient", "tool", "timeout = \"10m\""),
        told("Short", "tool", "timeout = \"1s\""),
        told("Quiet and short", "quiet", "timeout = \"1s\""),
        action("Other", &["type = \"update_data\"\nfields = { \"Note\" = \"other\" }"]),
    ]
}

fn end(execution: &Value) -> (&str, &str) {
    (execution["state"].as_str().unwrap_or_default(), execution["code"].as_str().unwrap_or_default())
}

fn told_of(execution: &Value) -> &str {
    execution["errors"][0].as_str().unwrap_or_default()
}

fn another_action_is_performed(tool: &Tool) {
    let ended = tool.perform("other", "", "");
    assert_eq!(ended["state"], "succeeded", "{ended}");
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// The plugin's one process.
fn process(tool: &Tool) -> u32 {
    let all = tool.processes();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]
}

/// How many runs of the plugin have said that they sleep.
fn sleeping(tool: &Tool) -> usize {
    tool.project.log().matches("it sleeps").count()
}

#[test]
fn a_steps_own_error_is_what_the_person_reads() {
    for plugins in ["", "in_process = [\"tool\"]"] {
        let tool = Tool::start(plugins, &actions());
        let say = r#"{"code":"no_such","message":"There is no customer 42.","details":{"asked":["a","b"]}}"#;
        for action in ["test", "quiet"] {
            let failed = tool.perform(action, "error", say);
            assert_eq!(end(&failed), ("failed", "no_such"), "{failed}");
            assert_eq!(told_of(&failed), "Step 1 “Tool”: There is no customer 42.");
            assert_eq!(failed["attempts"][0]["record"]["details"], json!({"asked": ["a", "b"]}));
        }
        let say = r#"{"code":"no_answer","message":"Nobody answered.","unknown":true}"#;
        assert_eq!(end(&tool.perform("test", "error", say)), ("unknown", "no_answer"));
        assert_eq!(end(&tool.perform("quiet", "error", say)), ("failed", "no_answer"));
        // No code that a program could use; no error at all.
        let say = r#"{"code":"No such\nthing","message":"m"}"#;
        assert_eq!(end(&tool.perform("test", "error", say)), ("failed", "step_failed"));
        assert_eq!(end(&tool.perform("test", "error", "oh")), ("failed", "plugin_answer_unreadable"));
    }
}

#[test]
fn what_may_pass_is_tried_again_where_the_step_asks_for_it() {
    for plugins in ["", "in_process = [\"tool\"]"] {
        let tool = Tool::start(plugins, &actions());
        let tries = |execution: &Value| {
            let attempt = &execution["attempts"][0];
            let earlier = attempt["earlier_tries"].as_array().expect("a list").clone();
            [earlier, vec![attempt.clone()]].concat()
        };
        let busy = r#"{"code":"busy","message":"It is busy.","retryable":true}"#;
        let ended = tool.perform("retried", "error-until-third", busy);
        assert_eq!((&ended["state"], tries(&ended).len()), (&json!("succeeded"), 3), "{ended}");
        assert_eq!(ended["attempts"][0]["record"]["note"], "the third time");
        let ended = tool.perform("retried", "error", busy);
        assert_eq!((end(&ended), tries(&ended).len()), (("failed", "busy"), 3), "{ended}");
        // Not without being asked to, and not what would fail again.
        assert_eq!(tries(&tool.perform("test", "error", busy)).len(), 1);
        let wrong = r#"{"code":"wrong","message":"It is wrong."}"#;
        assert_eq!(tries(&tool.perform("retried", "error", wrong)).len(), 1);
        let unknown = r#"{"code":"silent","message":"Nobody answered.","unknown":true}"#;
        assert_eq!(tries(&tool.perform("retried", "error-until-third", unknown)).len(), 3);

        // Not before whoever refused wants to be asked again.
        let later = r#"{"code":"busy","message":"It is busy.","retryable":true,"retry_after":1}"#;
        let ended = tool.perform("retried", "error-until-third", later);
        let at = |attempt: &Value, key: &str| {
            attempt[key].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).expect("an instant")
        };
        let tries = tries(&ended);
        assert_eq!(tries.len(), 3, "{ended}");
        for pair in tries.windows(2) {
            let pause = at(&pair[1], "started_at").duration_since(at(&pair[0], "ended_at"));
            assert!(pause.as_secs_f64() >= 1.0, "{pause:?}: {ended}");
        }
    }
}

/// "Segfault, abort, …: the step fails with a clear error, the child is restarted with back-off, then quarantined. No other execution is
/// affected."
#[test]
fn crashes_end_their_runs_and_then_the_plugin_is_left_alone() {
    let tool = Tool::start("", &actions());
    for (action, what, state, code, part) in [
        ("test", "panic", "unknown", "plugin_panicked", "the plugin panicked: oh"),
        ("quiet", "panic", "failed", "plugin_panicked", "the plugin panicked: oh"),
        ("test", "segfault", "unknown", "plugin_died", "(signal: 11 (SIGSEGV)"),
        ("quiet", "segfault", "failed", "plugin_died", "(signal: 11 (SIGSEGV)"),
        ("test", "abort", "unknown", "plugin_died", "(signal: 6 (SIGABRT)"),
    ] {
        let ended = tool.perform(action, what, "oh");
        assert_eq!(end(&ended), (state, code), "{what}: {ended}");
        assert!(told_of(&ended).contains(part), "{ended}");
        assert_ne!(tool.plugin("tool")["state"], "quarantined");
        another_action_is_performed(&tool);
    }
    eventually("it is waited for", || tool.plugin("tool")["state"] == "backing_off");
    assert_eq!(tool.plugin("tool")["code"], "plugin_died");
    eventually("it may run again", || tool.plugin("tool")["state"] == "loaded");
    // Another try waits for another process.
    let again = tool.perform("retried", "crash-once", "");
    assert_eq!(again["attempts"][0]["record"]["note"], "the second time", "{again}");
    let earlier = &again["attempts"][0]["earlier_tries"];
    assert_eq!((earlier.as_array().map(Vec::len), &earlier[0]["outcome"]), (Some(1), &json!("unknown")));
    // The fifth end is one too many.
    assert_eq!(end(&tool.perform("quiet", "exit", "")), ("failed", "plugin_died"));
    eventually("it is left alone", || tool.plugin("tool")["state"] == "quarantined");
    let shown = tool.plugin("tool");
    assert_eq!(shown["code"], "plugin_quarantined");
    let message = shown["message"].as_str().expect("a message");
    assert!(message.contains("(exit status: 7)") && message.contains("restart the server"), "{message}");
    let refused = tool.perform("test", "answer", "{}");
    assert_eq!(end(&refused), ("failed", "plugin_quarantined"), "it was not begun: {refused}");
    assert!(told_of(&refused).contains("restart the server"), "{refused}");
    another_action_is_performed(&tool);
    // And that helps.
    let Tool { project, server, .. } = tool;
    let key = server.key.clone();
    assert_eq!(server.terminate(), Some(0));
    let again = Tool::of(project, &key);
    assert_eq!(again.plugin("tool")["state"], "loaded");
    let id = refused["id"].as_str().expect("an id");
    assert_eq!(again.server.ask(id, "retry", &json!({})).json()["status"], "Success");
}

#[test]
fn a_run_that_does_not_end_is_over_with_its_time() {
    for plugins in ["threads = 2", "threads = 2\nin_process = [\"tool\"]"] {
        let tool = Tool::start(plugins, &actions());
        let (loud, quiet) = (tool.begin("short", "hang", ""), tool.begin("quiet-and-short", "hang", ""));
        assert_eq!(end(&tool.server.ended(&loud)), ("unknown", "plugin_timed_out"));
        let quiet = tool.server.ended(&quiet);
        assert_eq!(end(&quiet), ("failed", "plugin_timed_out"));
        assert!(told_of(&quiet).contains("has not ended the call within 1s"), "{quiet}");
        another_action_is_performed(&tool);
        if plugins.contains("in_process") {
            // Nothing can end its threads.
            eventually("it is left alone", || tool.plugin("tool")["state"] == "quarantined");
            let message = tool.plugin("tool")["message"].as_str().expect("a message").to_owned();
            assert!(
                message.contains("Restart the server") && message.contains("process of its own"),
                "{message}"
            );
            assert_eq!(end(&tool.perform("test", "answer", "{}")), ("failed", "plugin_quarantined"));
        } else {
            // The process is ended for it, and another one is there for the next run.
            let before = process(&tool);
            eventually("it is ended", || parent(before).is_none());
            assert_eq!(tool.perform("test", "answer", "{}")["state"], "succeeded");
        }
        another_action_is_performed(&tool);
    }
}

#[test]
fn more_runs_than_may_wait_are_refused_and_were_not_begun() {
    for plugins in ["threads = 1\nqueue_max = 2", "threads = 1\nqueue_max = 2\nin_process = [\"tool\"]"] {
        let tool = Tool::start(plugins, &actions());
        let first = tool.begin("test", "sleep", "1000");
        eventually("it sleeps", || sleeping(&tool) == 1);
        let others: Vec<_> = (0..6).map(|_| tool.begin("test", "sleep", "1")).collect();
        let ended: Vec<_> = others.iter().map(|id| tool.server.ended(id)).collect();
        let refused: Vec<_> = ended.iter().filter(|it| it["status"] == "Fail").collect();
        assert_eq!(refused.len(), 4, "{ended:?}");
        for execution in refused {
            assert_eq!(end(execution), ("failed", "plugin_busy"), "{execution}");
        }
        assert_eq!(tool.server.ended(&first)["state"], "succeeded");
    }
}

#[test]
fn a_process_that_is_killed_under_load_leaves_no_execution_behind() {
    let tool = Tool::start("", &actions());
    let ids: Vec<_> = (0..40).map(|_| tool.begin("test", "sleep", "150")).collect();
    eventually("it sleeps", || sleeping(&tool) >= 8);
    let killed = process(&tool);
    signal("-KILL", killed);
    let mut died = 0;
    for id in &ids {
        let ended = tool.server.ended(id);
        match end(&ended) {
            ("succeeded", "") => {}
            ("unknown", "plugin_died") => {
                died += 1;
                assert!(told_of(&ended).contains("(signal: 9 (SIGKILL)"), "{ended}");
            }
            _ => panic!("{ended}"),
        }
    }
    assert!((1..=8).contains(&died), "{died} died: no more than there are threads");
    assert_ne!(process(&tool), killed);
    another_action_is_performed(&tool);
}

#[test]
fn a_process_that_is_stopped_holds_nobody_longer_than_the_steps_time() {
    let tool = Tool::start("", &actions());
    let begun = tool.begin("short", "sleep", "400");
    eventually("it sleeps", || sleeping(&tool) == 1);
    let stopped = process(&tool);
    signal("-STOP", stopped);
    let not_begun = tool.begin("short", "answer", "{}");
    another_action_is_performed(&tool);
    assert_eq!(end(&tool.server.ended(&begun)), ("unknown", "plugin_timed_out"));
    let not_begun = tool.server.ended(&not_begun);
    // The process had it, and does not say whether it has begun it.
    assert_eq!(end(&not_begun), ("failed", "plugin_busy"), "{not_begun}");
    eventually("it is ended", || parent(stopped).is_none());
    assert_eq!(tool.perform("test", "answer", "{}")["state"], "succeeded");
}

/// "Host killed: no orphan left"; "an `external` one that was in mid-call becomes *unknown*", one of no effects runs again.
#[test]
fn nothing_is_left_of_a_server_that_is_killed_in_mid_call() {
    let tool = Tool::start("", &actions());
    let (loud, quiet) = (tool.begin("test", "sleep", "800"), tool.begin("quiet", "sleep", "800"));
    eventually("both sleep", || sleeping(&tool) == 2);
    let plugin = process(&tool);
    let Tool { project, server, .. } = tool;
    let key = server.key.clone();
    server.kill();
    eventually("no orphan is left", || parent(plugin).is_none());
    let again = Tool::of(project, &key);
    assert_eq!(end(&again.server.ended(&loud)), ("unknown", "interrupted"));
    assert_eq!(again.server.ended(&quiet)["state"], "succeeded");
    let attempts = again.server.execution(&quiet)["attempts"].clone();
    assert_eq!(attempts.as_array().expect("a list").len(), 1, "{attempts}");
    // By a person's wish it is done once more.
    assert_eq!(again.server.ask(&loud, "retry", &json!({})).json()["status"], "Success");
    // Told to stop, it ends what it has begun, too.
    let (pid, plugin) = (again.server.pid(), process(&again));
    assert_eq!(children(pid), [plugin]);
    assert_eq!(again.server.terminate(), Some(0));
    eventually("no orphan is left", || parent(plugin).is_none());
}

/// "One wedged plugin leaves other chains' latency unchanged."
#[test]
fn a_plugin_that_is_stuck_holds_up_nobody_else() {
    for plugins in ["", "in_process = [\"tool\"]"] {
        let tool = Tool::start(plugins, &actions());
        let stuck: Vec<_> = (0..20).map(|_| tool.begin("patient", "hang", "")).collect();
        eventually("all of its threads are stuck", || sleeping(&tool) == 8);
        for _ in 0..20 {
            another_action_is_performed(&tool);
        }
        for id in &stuck {
            assert_eq!(tool.server.execution(id)["state"], "running", "they were to be stuck meanwhile");
        }
    }
}
