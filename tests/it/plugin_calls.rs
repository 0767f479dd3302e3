//! Libraries that break the boundary's rules: the message says what is wrong, and whoever asked is not taken down.

use crate::support::{Project, onward, plugin};

/// What `plugin run` says of such a library: on the standard output, and its last line on the standard error.
fn ran(parts: &[&str], more: &[&str]) -> (Option<i32>, String, String) {
    let project = Project::bare();
    let path = plugin(&project, parts).display().to_string();
    let output = onward(&[&["plugin", "run", path.as_str()], more].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&path, "FILE");
    let last =
        text(&output.stderr).lines().last().unwrap_or_default().trim_start_matches("onward: ").to_owned();
    (output.status.code(), text(&output.stdout), last)
}

#[test]
fn a_plugin_in_c_runs() {
    assert_eq!(ran(&[], &[]), (Some(0), "{\n  \"note\": \"done\"\n}\n".to_owned(), String::new()));
    // Completed by another thread, after `run` has returned.
    let (code, said, _) = ran(&["RUN=from_another_thread(call,host)"], &[]);
    assert_eq!((code, said.contains("from another thread")), (Some(0), true));
    // A newer minor version, whose structs are longer.
    let newer = "TABLE={ONWARD_MAGIC,sizeof(onward_plugin_v1)+64,7,COUNT,steps}";
    assert_eq!(ran(&[newer], &[]).0, Some(0));
    // Twice: the first counts.
    let twice = "RUN=host->done(call,0,TEXT(\"{\\\"note\\\":\\\"one\\\"}\"));host->done(call,0,TEXT(\"{\\\"note\\\":\\\"two\\\"}\"))";
    assert!(ran(&[twice], &[]).1.contains("one"));
}

#[test]
fn a_request_has_no_server_that_could_send_it_and_that_is_said() {
    for more in [&[][..], &["--isolation", "in-process"]] {
        let (code, _, said) = ran(&["RUN=ask(call,host,REQUEST)"], more);
        let expected =
            "There is no server here to send the request: `onward plugin run` runs a step without one.";
        assert!(code == Some(1) && said.contains(expected), "{said}");
    }
}

#[test]
fn a_table_that_is_none_says_why() {
    for (parts, expected) in [
        (
            vec!["ENTRY=nowhere_to_be_found();return NULL"],
            "plugin_not_loaded: FILE: it cannot be loaded: FILE: undefined symbol: nowhere_to_be_found",
        ),
        (
            vec!["ENTRY=return NULL"],
            "plugin_refuses: FILE: its `onward_plugin_v1_entry` refuses this server; the log has its reason",
        ),
        (
            vec!["TABLE={{0},sizeof(onward_plugin_v1),0,1,steps}"],
            "plugin_table_invalid: FILE: its table does not begin as one of this boundary",
        ),
        (
            vec!["TABLE={ONWARD_MAGIC,0,0,1,steps}"],
            "plugin_table_invalid: FILE: its table has 0 bytes, too few to be one",
        ),
        (
            vec!["TABLE={ONWARD_MAGIC,24,0,1,steps}"],
            "plugin_table_invalid: FILE: its table has 24 bytes, too few to be one",
        ),
        (vec!["COUNT=0"], "plugin_steps_invalid: FILE: it has no step types"),
        (
            vec!["TABLE={ONWARD_MAGIC,sizeof(onward_plugin_v1),0,1,NULL}"],
            "plugin_steps_invalid: FILE: it has no step types",
        ),
        (vec!["COUNT=101"], "plugin_steps_invalid: FILE: it has 101 step types; at most 100 are possible"),
        (
            vec!["STEPS=&step,NULL", "COUNT=2"],
            "plugin_steps_invalid: FILE: the table of its step type number 2 is missing, or too short to be one",
        ),
        (
            vec!["STEP={4,0,describe,create,run,NULL,destroy}"],
            "plugin_steps_invalid: FILE: the table of its step type number 1 is missing, or too short to be one",
        ),
        (
            vec!["STEP={24,0,describe,create,run,NULL,destroy}"],
            "plugin_steps_invalid: FILE: its step type number 1 has no function `run`",
        ),
        (
            vec!["STEP={sizeof(onward_step_v1),0,NULL,create,run,NULL,destroy}"],
            "plugin_steps_invalid: FILE: its step type number 1 has no function `describe`",
        ),
        (
            vec!["STEP={sizeof(onward_step_v1),0,describe,create,run,NULL,NULL}"],
            "plugin_steps_invalid: FILE: its step type number 1 has no function `destroy`",
        ),
        (
            vec!["STEPS=&step,&step", "COUNT=2"],
            "plugin_steps_invalid: FILE: two of its step types are called `first`",
        ),
    ] {
        let (code, _, said) = ran(&parts, &[]);
        assert_eq!((code, said.as_str()), (Some(1), expected), "{parts:?}");
    }
}

#[test]
fn a_call_that_ends_badly_says_how() {
    let huge = "RUN=size_t n=100000000;uint8_t *b=malloc(n);memset(b,0xff,n);host->done(call,0,(onward_bytes){b,n});free(b)";
    for (part, code) in [
        ("RUN=host->done(call,2,TEXT(\"at once\"))", "plugin_panicked: the plugin panicked: at once"),
        (
            "RUN=host->done(call,1,TEXT(\"{\\\"code\\\":\\\"no_such\\\",\\\"message\\\":\\\"There is none.\\\"}\"))",
            "no_such: There is none.",
        ),
        (
            "RUN=host->done(call,77,TEXT(\"{\\\"code\\\":\\\"odd\\\",\\\"message\\\":\\\"A status that nobody has.\\\"}\"))",
            "odd: A status that nobody has.",
        ),
        (
            "RUN=host->done(call,1,TEXT(\"no\"))",
            "plugin_answer_unreadable: the plugin's answer cannot be read: it is to be an error, and is none: expected ident at line 1 column 2",
        ),
        (
            "RUN=host->done(call,0,TEXT(\"\\xff\\xfe\"))",
            "plugin_answer_unreadable: the plugin's answer cannot be read: expected value at line 1 column 1",
        ),
        (
            huge,
            "plugin_answer_too_large: the plugin's answer has 100000000 bytes; at most 16777216 are taken",
        ),
        ("RUN=", "plugin_timed_out: the plugin has not ended the call within 1s"),
        ("RUN=for(;;)sleep(1)", "plugin_timed_out: the plugin has not ended the call within 1s"),
        ("CREATE=return NULL", "plugin_silent: the plugin refused the configuration and did not say why"),
        (
            "CREATE=host->done(call,1,TEXT(\"{\\\"code\\\":\\\"bad_key\\\",\\\"message\\\":\\\"The key is not one.\\\"}\"));return NULL",
            "bad_key: The key is not one.",
        ),
        ("STUCK", "plugin_timed_out: the plugin has not ended the call within 1s"),
        ("CREATE=for(;;)sleep(1)", "plugin_timed_out: the plugin has not ended the call within 1s"),
    ] {
        // Where the time is over, what comes first is not to be the start of a process.
        let is_over = code.starts_with("plugin_timed_out");
        let more = if is_over {
            ["--timeout", "1s", "--isolation", "in-process"]
        } else {
            ["--timeout", "60s", "--isolation", "process"]
        };
        let (status, _, said) = ran(&[part], &more);
        assert_eq!((status, said.as_str()), (Some(1), code), "{part}");
    }
}

/// A library that is asked what it is takes nobody down: it is asked in a process of its own.
#[test]
fn what_happens_in_a_library_that_is_asked_stays_there() {
    let project = Project::bare();
    for (part, expected) in [
        ("DESCRIBE=abort()", "it has ended the process that asked it what it is (signal: 6 (SIGABRT)"),
        (
            "DESCRIBE=*(volatile int*)0=1",
            "it has ended the process that asked it what it is (signal: 11 (SIGSEGV)",
        ),
        ("ENTRY=for(;;)sleep(1)", "plugin_timed_out: "),
        // A process of its own, which keeps what it was given open.
        ("ENTRY=if(fork()==0){sleep(60);_exit(0);}return &plugin", ""),
        ("DESCRIBE=_exit(7)", "it has ended the process that asked it what it is (exit status: 7"),
        (
            "DESCRIBE=host->done(call,0,TEXT(\"{}\"))",
            "its step type number 1: the plugin's answer cannot be read: missing field `id`",
        ),
        (
            "DESCRIBE=write(1,\"noise\\n\",6);host->done(call,0,TEXT(\"{\\\"id\\\":\\\"a\\\",\\\"title\\\":\\\"T\\\",\\\"category\\\":\\\"task\\\",\\\"version\\\":\\\"1\\\"}\"))",
            "",
        ),
    ] {
        let path = plugin(&project, &[part]).display().to_string();
        let output = onward(&["plugin", "inspect", &path, "--describe"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())), "{part}: {said}");
        assert!(said.contains(expected), "{part}: {said}");
        // What the note says is there all the same.
        assert!(String::from_utf8_lossy(&output.stdout).contains("plugin    test 1.0.0"));
    }
}
