//! A plugin in a process of its own: whatever it does there, whoever runs it goes on and says what has happened.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Project, binary, eventually, onward, plugin};

/// What `plugin run` answers and says of a library with these parts.
fn ran(parts: &[&str], more: &[&str]) -> (Option<i32>, String, String) {
    let project = Project::bare();
    let path = plugin(&project, parts).display().to_string();
    let output = onward(&[&["plugin", "run", path.as_str()], more].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn is_there(process: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[test]
fn however_it_ends_the_run_says_how() {
    for (part, expected) in [
        ("RUN=*(volatile int*)0=1", "ended by itself (signal: 11 (SIGSEGV)"),
        ("RUN=abort()", "ended by itself (signal: 6 (SIGABRT)"),
        ("RUN=_exit(3)", "ended by itself (exit status: 3)"),
        ("RUN=fprintf(stderr,\"no disk\\n\");exit(4)", "(exit status: 4); its last words were “no disk”"),
        ("RUN=kill(getpid(),SIGKILL)", "ended by itself (signal: 9 (SIGKILL)"),
        ("RUN=deep(1)", "has overflowed its stack"),
        ("CREATE=abort()", "ended by itself (signal: 6 (SIGABRT)"),
        ("RUN=for(;;){char*p=malloc(1<<20);memset(p,1,1<<20);}", "ended by itself (signal: 11 (SIGSEGV)"),
        ("DESCRIBE=abort()", "it has ended the process that asked it what it is (signal: 6 (SIGABRT)"),
    ] {
        let (code, said, error) = ran(&[part], &["--isolation", "process"]);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{part}: {error}");
        assert!(error.contains(expected), "{part}: {error}");
        assert!(part.starts_with("DESCRIBE") || error.contains("onward: plugin_died: "), "{part}: {error}");
    }
}

#[test]
fn the_same_library_answers_the_same_in_both() {
    let parts = ["RUN=host->log(call,2,TEXT(\"a line\"));SAY(\"%d\",counted(&creates))"];
    for isolation in ["process", "in-process"] {
        let (code, said, error) =
            ran(&parts, &["--isolation", isolation, "--times", "100", "--parallel", "20"]);
        assert_eq!(code, Some(0), "{error}");
        assert_eq!(said, "{\n  \"note\": \"1\"\n}\n".repeat(100), "{isolation}");
        assert_eq!(error.matches("a line").count(), 100, "{isolation}: {error}");
    }
}

#[test]
fn it_has_neither_the_environment_nor_the_input_nor_the_output() {
    let part = "RUN=extern char**environ;char b;printf(\"printed\\n\");fflush(stdout);int n=0;for(char**e=environ;*e;e++)n+=strncmp(*e,\"RUST_BACKTRACE=\",15)&&strncmp(*e,\"MALLOC_ARENA_MAX=\",17);SAY(\"%d %d\",n,(int)read(0,&b,1))";
    let (code, said, error) = ran(&[part], &["--isolation", "process"]);
    assert_eq!((code, said.as_str()), (Some(0), "{\n  \"note\": \"0 0\"\n}\n"), "{error}");
    assert!(error.contains("printed"), "{error}");
}

#[test]
fn crashes_fail_the_runs_they_are_in_and_no_others() {
    let project = Project::bare();
    let first = project.path("first").display().to_string();
    let part =
        format!("RUN=if(access({first:?},0)){{touch({first:?});usleep(100000);abort();}}SAY(\"good\")");
    let path = plugin(&project, &[&part]).display().to_string();
    let output =
        onward(&["plugin", "run", &path, "--isolation", "process", "--times", "50", "--parallel", "50"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let (died, good) = (said.matches("plugin_died").count(), said.matches("\"good\"").count());
    // With it ends what other threads are in at that moment.
    assert!((1..=8).contains(&died) && died + good == 50, "{said}");
}

/// "Host killed: no orphan left."
#[test]
fn nothing_is_left_of_a_server_that_is_killed() {
    let project = Project::bare();
    let path = plugin(
        &project,
        &["RUN=char b[20];snprintf(b,20,\"%d!\",getpid());host->log(call,2,TEXT(b));for(;;)sleep(1)"],
    );
    let mut runs = Command::new(binary())
        .args(["plugin", "run", "--isolation", "process"])
        .arg(path)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(runs.stderr.take().expect("its words"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    let before = line.split('!').next().unwrap_or_default();
    let pid: String = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned();
    assert!(is_there(&pid), "{line}");
    runs.kill().expect("killed");
    runs.wait().expect("ended");
    eventually("the plugin's process ends", || !is_there(&pid));
}

/// A process that is begun by hand runs nothing.
#[test]
fn a_host_that_nobody_has_begun_runs_nothing() {
    let project = Project::bare();
    let path = plugin(&project, &["ENTRY=abort();return &plugin"]).display().to_string();
    let arguments = [
        "plugin",
        "host",
        "--sha256",
        "00",
        "--parent",
        "1",
        "--threads",
        "1",
        "--memory-bytes-max",
        "1000000000",
    ];
    let output = onward(&[&arguments[..], &["--grace-ms", "100", "--", &path]].concat());
    assert_ne!(output.status.code(), None, "{output:?}");
}
