//! "`onward plugin check FILE`: a conformance suite, out of process, reproducible seed": a library that keeps the rules passes, and for
//! each rule there is one that breaks it.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::support::{Project, onward, plugin as library};

/// What is said of such a library: the exit code, and the report.
fn checked(parts: &[&str], more: &[&str]) -> (Option<i32>, Value) {
    let project = Project::bare();
    let path = library(&project, parts).display().to_string();
    let output = onward(&[&["plugin", "check", path.as_str(), "--json"], more].concat());
    let said = String::from_utf8_lossy(&output.stdout).replace(&path, "FILE");
    let report = serde_json::from_str(&said).unwrap_or_else(|error| {
        panic!("{parts:?}: {error}: {said}{}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code(), report)
}

/// The one case of this name.
fn case<'r>(report: &'r Value, name: &str) -> &'r Value {
    let cases = report["cases"].as_array().expect("cases");
    cases.iter().find(|case| case["case"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

/// A description with these members more, or others, as the library's source has it.
fn describing(more: &Value) -> String {
    let mut all = json!({
        "id": "first", "title": "First", "category": "task", "version": "1", "effects": "none", "help": "Helps.",
        "examples": [{"title": "One"}],
    });
    more.as_object().expect("an object").iter().for_each(|(key, value)| all[key] = value.clone());
    format!("DESCRIBE=host->done(call,0,TEXT({:?}))", all.to_string())
}

#[test]
fn a_library_that_keeps_the_rules_passes() {
    let (code, report) = checked(&[&describing(&json!({}))], &["--seed", "7"]);
    assert_eq!((code, &report["failed"], &report["seed"]), (Some(0), &json!(0), &json!(7)), "{report}");
    assert_eq!((&report["skipped"], &report["notes"]), (&json!(0), &json!(0)), "{report}");
    let cases = report["cases"].as_array().expect("cases");
    assert!(cases.len() >= 19 && cases.iter().all(|case| case["outcome"] == "ok"), "{report}");
}

#[test]
fn the_report_is_lines_for_people() {
    let project = Project::bare();
    let path = library(&project, &[&describing(&json!({"title": ""}))]).display().to_string();
    let output = onward(&["plugin", "check", &path, "--seed", "7"]);
    let said = String::from_utf8_lossy(&output.stdout).replace(&path, "FILE");
    assert!(
        said.starts_with("FILE\n  ok      note\n  ok      who may change it\n  ok      loads\n"),
        "{said}"
    );
    let failed =
        "\n  FAILED  first: how it looks: its title is “”\n          it is one line of 1 to 60 characters\n";
    assert!(said.contains(failed), "{said}");
    assert!(said.ends_with(" ok, 1 failed, 0 not tried, 0 notes; seed 7\n"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).replace(&path, "FILE");
    assert_eq!(error, "onward: plugin_check_failed: FILE: 1 case failed; --seed 7 tries the same again\n");
}

#[test]
fn what_is_no_plugin_is_not_loaded() {
    let project = Project::bare();
    project.write("libx.so", "#!/bin/sh\n");
    let output = onward(&["plugin", "check", &project.path("libx.so").display().to_string(), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), report["cases"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert!(case(&report, "note")["message"].as_str().expect("why").starts_with("plugin_not_a_library: "));
}

#[test]
fn a_library_that_others_may_change_is_checked_and_that_is_said() {
    let project = Project::bare();
    let path = library(&project, &[&describing(&json!({}))]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("set");
    let output = onward(&["plugin", "check", &path.display().to_string(), "--json", "--case", "runs"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["notes"]), (Some(0), &json!(1)), "{report}");
    let note = case(&report, "who may change it")["notes"][0].as_str().expect("a note").to_owned();
    assert!(note.contains("can be written by others than its owner: chmod go-w "), "{note}");
}

/// What the whole library does wrong ends the check: nothing else can be said of it.
#[test]
fn a_library_as_a_whole_that_breaks_a_rule_fails() {
    let other = "ENTRY=static onward_plugin_v1 two[2];static int n;two[n&1]=plugin;return &two[n++&1]";
    let changing = "DESCRIBE=static int n;host->done(call,0,n++%2?TEXT(\"{\\\"id\\\":\\\"a\\\",\\\"title\\\":\\\"T\\\",\
                    \\\"category\\\":\\\"task\\\",\\\"version\\\":\\\"1\\\"}\"):TEXT(\"{\\\"id\\\":\\\"b\\\",\\\"title\\\":\\\"T\\\",\
                    \\\"category\\\":\\\"task\\\",\\\"version\\\":\\\"1\\\"}\"))";
    let dying = "ENTRY=static int n;if(n++)abort();return &plugin";
    let id = |id: &str| describing(&json!({"id": id}));
    let (dashed, taken) = (id("First-Step"), id("api_call"));
    for (parts, name, expected) in [
        (vec!["ENTRY=return NULL"], "loads", "plugin_refuses: "),
        (vec!["ENTRY=abort()"], "loads", "it has ended the process in which it ran (signal: 6 (SIGABRT)"),
        (vec!["COUNT=0"], "loads", "plugin_steps_invalid: it has no step types"),
        (vec![other], "is the same each time", "its entry returns another table each time"),
        (vec![changing], "is the same each time", "a step type says something else each time"),
        (vec![dying], "is the same each time", ", with its entry for the second time"),
        (
            vec!["STEPS=&step,&step", "COUNT=2"],
            "says which step types it has",
            "two of its step types are called `first`",
        ),
        (vec![&dashed], "says which step types it has", "“First-Step” is no id of a step type"),
        (vec![&taken], "says which step types it has", "the server has a step type `api_call` already"),
        (
            vec!["DESCRIBE=host->done(call,0,TEXT(\"{}\"))"],
            "is the same each time",
            "plugin_answer_unreadable: ",
        ),
        (vec!["DESCRIBE=host->done(call,2,TEXT(\"no\"))"], "is the same each time", "plugin_panicked: "),
    ] {
        let (code, report) = checked(&parts, &[]);
        assert_eq!((code, &report["failed"]), (Some(1), &json!(1)), "{parts:?}: {report}");
        let found = case(&report, name);
        assert!(found["message"].as_str().is_some_and(|it| it.contains(expected)), "{parts:?}: {found}");
        assert!(found["advice"].as_str().is_some_and(|it| !it.is_empty()), "{found}");
        assert_eq!(report["cases"].as_array().and_then(|all| all.last()), Some(found));
    }
}

#[test]
fn a_description_that_no_form_can_be_made_of_fails() {
    let object = |more: Value| {
        let mut schema = json!({"type": "object", "additionalProperties": false, "properties": {}});
        more.as_object().expect("an object").iter().for_each(|(key, value)| schema[key] = value.clone());
        schema
    };
    let field = |field: Value| json!({"params": object(json!({"properties": {"a": field}}))});
    let example = |params: Value| {
        let schema = object(json!({"required": ["a"], "properties": {"a": {"type": "string"}}}));
        json!({"params": schema, "examples": [{"title": "One", "params": params}]})
    };
    let svg = |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>");
    for (more, name, expected) in [
        (json!({"title": " "}), "how it looks", "its title is “ ”"),
        (json!({"category": ""}), "how it looks", "its category is “”"),
        (json!({"icon": "<b>x</b>"}), "how it looks", "its icon is no SVG document"),
        (json!({"icon": svg("<script/>")}), "how it looks", "its icon has `<script` in it"),
        (
            json!({"icon": svg("<use href='https://example.com/x'/>")}),
            "how it looks",
            "something outside of it",
        ),
        (
            json!({"params": {"type": "text"}}),
            "schemas",
            "the schema of `params` is no JSON Schema: at `/type`",
        ),
        (json!({"params": {"type": "array"}}), "schemas", "the schema of `params` is not one of objects"),
        (
            field(json!({"$ref": "https://example.com/x"})),
            "schemas",
            "refers to https://example.com/x, at `/properties/a`",
        ),
        (field(json!({"$ref": "#/$defs/none"})), "schemas", "the schema of `params` cannot be used"),
        (
            field(json!({"type": "string", "x-onward": {"colour": 1}})),
            "schemas",
            "the hints of `params` cannot be read, at `/properties/a/x-onward`: unknown field `colour`",
        ),
        (
            json!({"help": "x".repeat(70_000)}),
            "how it looks",
            "plugin_steps_invalid: the help of `first` has more",
        ),
        (
            json!({"params": object(json!({"patternProperties": {"^a": {"x-onward": {"secret": true}}}}))}),
            "schemas",
            "within `patternProperties`, where it would not be seen",
        ),
        (example(json!({"b": 1})), "examples", "the example “One” is none: params"),
        (example(json!({"a": 1})), "examples", "the example “One” is none: params/a: 1 is not of type"),
        (
            json!({"examples": [{"title": "One", "config": {"a": 1}}]}),
            "examples",
            "the step type has no config",
        ),
    ] {
        let (code, report) = checked(&[&describing(&more)], &["--case", name]);
        assert_eq!(code, Some(1), "{more}: {report}");
        let found = case(&report, name);
        assert!(found["message"].as_str().is_some_and(|it| it.contains(expected)), "{more}: {found}");
    }
}

#[test]
fn what_is_no_mistake_is_a_note() {
    let schema = json!({"type": "object", "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "url": {"type": "string"}}});
    let (code, report) =
        checked(&[&describing(&json!({"params": schema, "config": schema}))], &["--case", "keys"]);
    assert_eq!(code, Some(0));
    let expected = [
        "`name` of `config` is a key of every step: in workflow files it is written in a table, `config = { name = … }`",
        "`name` of `params` is a key of every step: in workflow files it is written in a table, `params = { name = … }`",
        "`url` is in `config` and in `params`: in workflow files it is written in a table of that name, `config = { url = … }`",
    ];
    assert_eq!(case(&report, "keys")["notes"], json!(expected));
    let noisy = "RUN=write(1,\"noise\\n\",6);host->done(call,0,TEXT(\"{}\"))";
    let (code, report) = checked(&[&describing(&json!({})), noisy], &["--case", "runs"]);
    assert_eq!((code, &report["notes"]), (Some(0), &json!(1)), "{report}");
    let note = case(&report, "runs")["notes"][0].as_str().expect("a note");
    assert!(note.starts_with("it printed “noise\\n"), "{note}");
    let open = json!({"params": {"type": "object", "properties": {}}});
    let (_, report) = checked(&[&describing(&open)], &["--case", "schemas"]);
    let note = case(&report, "schemas")["notes"][0].as_str().expect("a note");
    assert!(note.starts_with("a key of `params` that is misspelt is not noticed"), "{note}");
    let taking = json!({"config": {"type": "object", "additionalProperties": false, "properties": {}}});
    let (_, report) = checked(&[&describing(&taking)], &["--case", "refuses what is no configuration"]);
    let note = case(&report, "refuses what is no configuration")["notes"][0].as_str().expect("a note");
    assert!(note.starts_with("it makes an instance of what is no JSON object, too: no bytes"), "{note}");
}

/// An answer, and an error, as a function of the library's gives them.
const OK: &str = "host->done(call,0,TEXT(\"{}\"))";
const BAD: &str = "host->done(call,1,TEXT(\"{\\\"code\\\":\\\"bad\\\",\\\"message\\\":\\\"No.\\\"}\"))";

/// A library with this part breaks a rule in the case of this name, which says so.
fn breaks(part: &str, name: &str, expected: &str) {
    let (code, report) = checked(&[&describing(&json!({})), part], &["--case", name]);
    assert_eq!(code, Some(1), "{part}: {report}");
    let found = case(&report, name);
    // Whether there is a dump is the machine's affair.
    let message = found["message"].as_str().unwrap_or_default().replace(" (core dumped)", "");
    assert!(message.contains(expected), "{part}: {found}");
    assert!(found["advice"].as_str().is_some_and(|it| !it.is_empty()), "{found}");
}

#[test]
fn making_an_instance_ends_in_one_way() {
    let name = "takes its configurations";
    let refusal = "it refuses the configuration of the example “One”: No.";
    breaks(&format!("CREATE={BAD};return NULL"), name, refusal);
    breaks("CREATE=return NULL", name, "plugin_silent");
    breaks(&format!("CREATE={OK};return malloc(1)"), name, "plugin_silent");
    breaks("CREATE=abort()", name, "(signal: 6 (SIGABRT)), with `create` and the example “One”");
    let name = "refuses what is no configuration";
    breaks("CREATE=if(!config.len)abort();return malloc(1)", name, ", with `create` and no bytes");
    let silent = "`create`, with a string of 1 MiB, has failed: plugin_silent";
    breaks("CREATE=if(config.len>1000000)return NULL;return malloc(1)", name, silent);
}

#[test]
fn a_run_ends_once_and_returns() {
    let name = "runs";
    breaks(&format!("RUN={OK};{OK}"), name, "has called `done` more than once");
    breaks(&format!("RUN={OK};usleep(20000);{OK}"), name, "has called `done` more than once");
    breaks(
        &format!("RUN=host->done(call+1000000,0,TEXT(\"{{}}\"));{OK}"),
        name,
        "or for a call that is none",
    );
    breaks("RUN=", name, "plugin_timed_out");
    breaks(&format!("RUN={OK};for(;;)sleep(1)"), name, "`run` has not returned within 10s");
    breaks("RUN=host->done(call,2,TEXT(\"at once\"))", name, "plugin_panicked: the plugin panicked: at once");
    breaks("RUN=host->done(call,0,TEXT(\"no\"))", name, "plugin_answer_unreadable");
    let nameless = "RUN=host->done(call,1,TEXT(\"{\\\"code\\\":\\\"\\\",\\\"message\\\":\\\"x\\\"}\"))";
    breaks(nameless, name, "an error without a code or a message");
    breaks(
        &format!("RUN=if(!input.len)abort();{OK}"),
        "answers what is no input",
        ", with `run` and no bytes",
    );
}

#[test]
fn an_instance_is_used_as_the_rules_allow() {
    let step = |cancel: &str, destroy: &str| {
        format!("STEP={{sizeof(onward_step_v1),0,describe,create,run,{cancel},{destroy}}}")
    };
    let abort = "(void(*)())abort";
    let alone = format!("RUN=static volatile int busy;if(busy++)abort();usleep(3000);busy--;{OK}");
    breaks(&alone, "runs many times at once", "(SIGABRT)");
    let cancel = ", with `cancel` of a call that has not begun";
    breaks(&step(abort, "destroy"), "can be cancelled", cancel);
    breaks(&step("NULL", abort), "is given back", ", with `destroy`");
}

#[test]
fn other_hosts_are_looked_at_before_they_are_used() {
    let missing = "functions that the host's table does not have";
    breaks(&format!("RUN=host->progress(call,TEXT(\"x\"));{OK}"), "on a host that has less", missing);
    breaks(&format!("RUN=host->log(call,3,TEXT(\"x\"));{OK}"), "on a host that has only `done`", missing);
    let newer = "ENTRY=if(host->abi_minor)abort();return &plugin";
    breaks(newer, "on a newer host", ", with its entry");
}

#[test]
fn a_host_that_cannot_be_served_may_be_refused() {
    let needs = "ENTRY=return ONWARD_HOST_HAS(host, progress) ? &plugin : NULL";
    let (code, report) = checked(&[&describing(&json!({})), needs], &["--case", "on a host that has less"]);
    assert_eq!(code, Some(0), "{report}");
    assert!(
        case(&report, "on a host that has less")["notes"][0]
            .as_str()
            .is_some_and(|it| it.contains("as it may"))
    );
}

#[test]
fn a_step_that_does_something_outside_is_run_when_that_is_asked_for() {
    let parts = [
        "DESCRIBE=host->done(call,0,TEXT(\"{\\\"id\\\":\\\"first\\\",\\\"title\\\":\\\"T\\\",\\\"category\\\":\\\"task\\\",\\\"version\\\":\\\"1\\\"}\"))",
        "RUN=abort()",
    ];
    let (code, report) = checked(&parts, &[]);
    assert_eq!((code, &report["skipped"]), (Some(0), &json!(4)), "{report}");
    let message = &case(&report, "runs")["message"];
    assert_eq!(message, "the step does something outside: --run runs it with made-up input");
    let (code, report) = checked(&parts, &["--run", "--case", "runs"]);
    assert_eq!((code, &report["skipped"]), (Some(1), &json!(0)), "{report}");
}

/// Requests through the host's client are answered, and not sent.
#[test]
fn what_a_step_asks_other_servers_is_answered_without_them() {
    let asking = "RUN=const onward_http_v1 *http=host->get_extension(TEXT(\"http/1\"));kept=host;kept_call=call;\
                  http->send(call,TEXT(\"{}\"),&kept_call,got)";
    let answered = "FUNCTIONS=static void got(void*t,uint32_t s,onward_bytes b){kept->done(*(uint64_t*)t,\
                    s==0&&strstr((const char*)b.ptr,\"\\\"status\\\":200\")?0:1,TEXT(\"{\\\"code\\\":\\\"x\\\",\\\"message\\\":\\\"x\\\"}\"));}";
    let (code, report) = checked(&[&describing(&json!({})), asking, answered], &["--case", "runs"]);
    assert_eq!(code, Some(0), "{report}");
}

#[test]
fn the_seed_makes_the_same_again() {
    let more = json!({"config": {"type": "object", "properties": {"greeting": {"type": "string"}}},
        "examples": [{"title": "One", "config": {"greeting": "hello"}}]});
    let parts = [
        &*describing(&more),
        "CREATE=if(config.len<40&&memchr(config.ptr,0xff,config.len)&&!memchr(config.ptr,0xfe,config.len))abort();return malloc(1)",
    ];
    let message = |seed: &str| {
        let name = "refuses what is no configuration";
        let (code, report) = checked(&parts, &["--seed", seed, "--case", name]);
        assert_eq!(code, Some(1), "{report}");
        case(&report, name)["message"].as_str().expect("why").to_owned()
    };
    assert!(message("1").contains("a sample with bytes changed: "), "{}", message("1"));
    assert_eq!(message("1"), message("1"));
    assert_ne!(message("1"), message("2"));
}

#[test]
fn a_case_that_is_none_is_said() {
    let project = Project::bare();
    let path = library(&project, &[]).display().to_string();
    let output = onward(&["plugin", "check", &path, "--case", "run"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.starts_with("onward: there is no case “run”; did you mean"), "{said}");
}

#[test]
fn a_step_whose_runs_take_long_is_still_checked_in_time() {
    for name in ["answers what is no input", "is given back"] {
        let slow = "RUN=sleep(4);host->done(call,ONWARD_STATUS_OK,TEXT(\"{}\"))";
        let (code, report) = checked(&[&describing(&json!({})), slow], &["--case", name]);
        assert_eq!((code, &case(&report, name)["outcome"]), (Some(0), &json!("ok")), "{report}");
    }
}

#[test]
fn the_step_types_that_ship_with_the_server_are_taken() {
    for (id, owner) in [("api_call", "the server"), ("slack_post", "onward-plugin-slack")] {
        let (code, report) = checked(&[&describing(&json!({"id": id}))], &[]);
        assert_eq!(code, Some(1), "{report}");
        let message = case(&report, "says which step types it has")["message"].as_str().expect("a message");
        assert_eq!(message, format!("{owner} has a step type `{id}` already"));
    }
}
