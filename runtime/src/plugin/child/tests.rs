//! Real processes, which run real libraries, and what they do to their server.

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path};

use onward_sdk::http::{Body, HttpError, ResponseDocument};
use tempfile::TempDir;

use super::{
    serve::{Serving, serve},
    *,
};
use crate::plugin::{
    note,
    tests::{LONG, begin, end, eventually, failure, library, note, run, used},
};

/// What the processes of these tests are: this very program, which runs this test alone. Otherwise it does nothing.
#[test]
fn host() {
    let Ok(arguments) = env::var("ONWARD_TEST_HOST") else { return };
    let of = |name: &str| {
        let mut words = arguments.split(' ').skip_while(|word| *word != name);
        words.nth(1).expect("its value").to_owned()
    };
    let number = |name: &str| of(name).parse::<u64>().expect("a number");
    serve(Serving {
        file: PathBuf::from(of("--")),
        sha256: of("--sha256"),
        parent: of("--parent").parse().expect("a number"),
        threads: number("--threads") as usize,
        memory_bytes_max: number("--memory-bytes-max"),
        grace: Duration::from_millis(number("--grace-ms")),
    })
    .expect("served");
}

fn settings() -> RunnerSettings {
    RunnerSettings {
        grace: Duration::from_millis(200),
        again_first: Duration::from_millis(10),
        ends_max: 50,
        memory_bytes_max: 256 << 20,
        ..RunnerSettings::default()
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn script(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("host");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    path
}

fn process(folder: &TempDir, settings: RunnerSettings, parts: &[&str]) -> ChildProcess {
    let file = library(folder, parts);
    let this = env::current_exe().expect("this program");
    let text = format!(
        "ONWARD_TEST_HOST=\"$*\" exec {} --exact plugin::child::tests::host --nocapture --test-threads 1",
        this.display()
    );
    let host = script(folder, &text);
    let library = note::read(&file).expect("a note");
    ChildProcess::new(Program { file, library, host }, settings)
}

/// Whether a process is there, and has not ended.
fn is_there(process: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

const PID: &str = "SAY(\"%d\",getpid())";

fn died(running: Running) -> String {
    let (code, message) = failure(running);
    assert_eq!(code, "plugin_died", "{message}");
    message
}

#[test]
fn runs_and_instances_are_those_of_a_process() {
    let folder = folder();
    let runner = process(
        &folder,
        settings(),
        &[
            "RUN=if(HAS(\"pid\")){SAY(\"%d\",getpid());}else SAY(\"%d %d\",counted(&creates),counted(&destroys))",
        ],
    );
    let (first, second) = (used(), used());
    assert_eq!(run(&runner, &first, "a"), "1 0");
    let all: Vec<_> = (0..200).map(|_| begin(&runner, &first, "a", LONG)).collect();
    assert!(all.into_iter().all(|running| note(running) == "1 0"));
    assert_eq!(run(&runner, &second, "a"), "2 0");
    runner.forget(&first);
    eventually("it is given back", || run(&runner, &second, "a") == "2 1");
    let described = runner.describe().blocking_recv().expect("an end").expect("its step types");
    assert_eq!(described.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["first"]);
    let pid = run(&runner, &second, "pid");
    assert!(is_there(&pid));
    assert_ne!(pid, std::process::id().to_string());
    runner.stop();
    assert!(!is_there(&pid));
}

#[test]
fn a_crash_fails_what_has_begun_and_nothing_else() {
    let folder = folder();
    let runner = process(
        &folder,
        RunnerSettings { threads: 1, ..settings() },
        &[
            "RUN=if(HAS(\"crash\")){usleep(200000);fprintf(stderr,\"no more\\n\");*(volatile int*)0=1;}SAY(\"%d\",getpid())",
        ],
    );
    let used = used();
    let before = run(&runner, &used, "a");
    let crash = begin(&runner, &used, "crash", LONG);
    let queued: Vec<_> = (0..20).map(|_| begin(&runner, &used, "a", LONG)).collect();
    assert_eq!(
        died(crash),
        "The plugin test's process ended by itself (signal: 11 (SIGSEGV)); its last words were “no more”. What it had done of this is not known."
    );
    let after: Vec<_> = queued.into_iter().map(note).collect();
    assert!(after.iter().all(|pid| *pid == after[0] && *pid != before), "{before}: {after:?}");
}

#[test]
fn a_process_that_ends_too_often_is_left_alone_for_a_while() {
    let folder = folder();
    let settings = RunnerSettings {
        ends_max: 3,
        again_first: Duration::from_millis(100),
        quarantine: Duration::from_secs(5),
        ..settings()
    };
    let runner = process(&folder, settings, &[&format!("RUN=if(HAS(\"crash\"))_exit(7);{PID}")]);
    let used = used();
    for _ in 0..2 {
        assert!(died(begin(&runner, &used, "crash", LONG)).contains("ended by itself (exit status: 7)"));
    }
    // It is waited for.
    run(&runner, &used, "a");
    died(begin(&runner, &used, "crash", LONG));
    eventually("it is quarantined", || matches!(runner.state(), RunnerState::Quarantined { .. }));
    let (code, message) = failure(begin(&runner, &used, "a", LONG));
    assert_eq!(code, "plugin_quarantined");
    assert!(message.contains("is not run for 5s: It has ended 3 times within 300s, at last so: The plugin test's process ended by itself (exit status: 7)."), "{message}");
    eventually("it is tried again", || end(begin(&runner, &used, "a", LONG)).is_ok());
    assert_eq!(runner.state(), RunnerState::Ready);
}

#[test]
fn a_run_that_does_not_end_is_ended_with_its_process() {
    let folder = folder();
    let runner = process(
        &folder,
        settings(),
        &[&format!("RUN=if(HAS(\"stuck\"))for(;;);if(HAS(\"stop\"))raise(SIGSTOP);{PID}")],
    );
    let used = used();
    for how in ["stuck", "stop"] {
        let before = run(&runner, &used, "a");
        let (code, _) = failure(begin(&runner, &used, how, Duration::from_secs(2)));
        assert_eq!(code, "plugin_timed_out");
        eventually("its process is ended", || !is_there(&before));
        assert_ne!(run(&runner, &used, "a"), before);
    }
}

#[test]
fn a_process_that_makes_no_sense_is_ended() {
    let folder = folder();
    let parts = ["RUN=if(HAS(\"huge\"))send_bytes(\"\\xff\\xff\\xff\\xff\",4);\
         else if(HAS(\"short\"))send_bytes(\"\\0\\0\\0\\0\",4);\
         else if(HAS(\"kind\"))send_bytes(\"\\x09\\0\\0\\0\\xee\\0\\0\\0\\0\\0\\0\\0\\0\",13);\
         else if(HAS(\"host\"))send_bytes(\"\\x09\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\",13);\
         else if(HAS(\"refused\"))send_bytes(\"\\x23\\0\\0\\0\\x02\\0\\0\\0\\0\\0\\0\\0\\0{\\\"code\\\":\\\"x\\\",\\\"message\\\":\\\"y\\\"}\",39);\
         else if(HAS(\"partial\")){send_bytes(\"\\x40\\0\\0\\0\\x08\\0\",6);_exit(3);}\
         else if(HAS(\"silence\"))shutdown(connection(),2);\
         else{SAY(\"fine\");return;}sleep(60)"];
    let runner = process(&folder, settings(), &parts);
    let used = used();
    for (word, expected) in [
        (
            "huge",
            "was ended: it has sent the server a frame of 4294967295 bytes; at most 33554432 are possible",
        ),
        ("short", "was ended: it has sent the server a frame of 0 bytes, too few to be one"),
        ("kind", "was ended: it has sent the server a frame of the kind 238, which is none"),
        ("host", "was ended: it has sent the server what only a server says"),
        ("refused", "was ended: it has said that it cannot be loaded after it was"),
        ("partial", "ended by itself (exit status: 3)"),
        ("silence", "The plugin test's process "),
    ] {
        let message = died(begin(&runner, &used, word, LONG));
        assert!(message.contains(expected), "{word}: {message}");
        assert_eq!(run(&runner, &used, "a"), "fine");
    }
}

/// It says why it cannot go on, and ends: whichever of the two is seen first.
#[test]
fn why_a_library_is_refused_is_heard_also_after_the_end() {
    let folder = folder();
    let file = library(&folder, &[]);
    let program = Program {
        library: note::read(&file).expect("a note"),
        file,
        host: script(
            &folder,
            r#"
            exec 3<&0
            setsid sh -c "sleep 0.6; printf '\043\000\000\000\002\000\000\000\000\000\000\000\000{\"code\":\"x\",\"message\":\"y\"}' >&3" &
            sleep 0.3"#,
        ),
    };
    let runner = ChildProcess::new(program, RunnerSettings { ends_max: 2, ..settings() });
    let (code, message) = failure(begin(&runner, &used(), "a", LONG));
    assert_eq!(code, "plugin_quarantined");
    assert!(message.contains("It cannot be loaded: x: y."), "{message}");
}

#[test]
fn a_program_that_says_nothing_is_none() {
    let folder = folder();
    let settings = || RunnerSettings { ends_max: 2, ..settings() };
    let file = library(&folder, &[]);
    let library_of = note::read(&file).expect("a note");
    for (text, expected) in [
        ("exit 3", "ended by itself (exit status: 3)"),
        ("echo hello >&0; exec sleep 60", "it has sent the server a frame of 1819043176 bytes"),
        ("echo broken >&2; kill -ABRT $$", "(signal: 6 (SIGABRT)); its last words were “broken”"),
    ] {
        let host = script(&folder, text);
        let program = Program { file: file.clone(), library: library_of.clone(), host };
        let runner = ChildProcess::new(program, settings());
        let (code, message) = failure(begin(&runner, &used(), "a", LONG));
        assert_eq!(code, "plugin_quarantined");
        assert!(message.contains(expected), "{text}: {message}");
    }
    let none = Program { file, library: library_of, host: folder.path().join("none") };
    let (code, message) = failure(begin(&ChildProcess::new(none, settings()), &used(), "a", LONG));
    assert_eq!(code, "plugin_quarantined");
    assert!(message.contains("Its process cannot be started: No such file or directory"), "{message}");
}

#[test]
fn another_library_than_the_one_that_was_looked_at_is_not_loaded() {
    let folder = folder();
    let runner = process(&folder, settings(), &["RUN=SAY(\"first\")"]);
    library(&folder, &["RUN=SAY(\"second\")", "ENTRY=abort();return &plugin"]);
    let (code, message) = failure(begin(&runner, &used(), "a", LONG));
    assert_eq!(code, "plugin_quarantined");
    assert!(
        message.contains("It cannot be loaded: plugin_modified: it is not the one that was looked at"),
        "{message}"
    );
}

#[test]
fn a_process_without_a_run_is_ended_and_begun_anew() {
    let folder = folder();
    let settings = RunnerSettings { idle: Duration::from_millis(50), ..settings() };
    let gone = folder.path().join("given back");
    let runner = process(
        &folder,
        settings,
        &[&format!("RUN={PID}"), &format!("DESTROY=free(instance);touch({gone:?})")],
    );
    let used = used();
    let before = run(&runner, &used, "a");
    eventually("it is ended", || !is_there(&before));
    assert!(gone.exists(), "its instances are given back first");
    assert_ne!(run(&runner, &used, "a"), before);
    assert_eq!(runner.state(), RunnerState::Ready);
}

#[test]
fn what_it_prints_and_reads_is_not_what_it_says() {
    let folder = folder();
    let parts = [
        "RUN=for(int i=0;i<20000;i++)printf(\"noise noise noise noise noise\\n\");printf(\"%s\",REQUEST);fflush(stdout);\
         fwrite(\"\\0\\xff\\n\",1,3,stderr);char b;SAY(\"%d %d\",(int)read(0,&b,1),getenv(\"HOME\")!=NULL)",
    ];
    let runner = process(&folder, settings(), &parts);
    assert_eq!(run(&runner, &used(), "a"), "0 0");
}

#[test]
fn what_it_begins_ends_with_it() {
    let folder = folder();
    let parts = ["RUN=if(HAS(\"crash\"))abort();int p=fork();if(p==0)for(;;)sleep(1);SAY(\"%d\",p)"];
    let runner = process(&folder, settings(), &parts);
    let used = used();
    let begun = run(&runner, &used, "a");
    assert!(is_there(&begun));
    assert!(died(begin(&runner, &used, "crash", LONG)).contains("(signal: 6 (SIGABRT)"));
    eventually("what it has begun is ended", || !is_there(&begun));
    // Also when the process ends as it is to, with nothing to run.
    let runner = process(&folder, RunnerSettings { idle: Duration::from_millis(50), ..settings() }, &parts);
    let begun = run(&runner, &used, "a");
    eventually("what it has begun is ended with it", || !is_there(&begun));
}

/// Its run is not there yet when nobody wants the use any more.
#[test]
fn a_use_is_forgotten_after_its_last_run_also_where_that_comes_later() {
    let folder = folder();
    let runner = process(&folder, settings(), &["RUN=SAY(\"%d\",counted(&destroys))"]);
    let first = used();
    let running = begin(&runner, &first, "a", LONG);
    runner.forget(&first);
    assert_eq!(note(running), "0");
    eventually("it is given back", || run(&runner, &used(), "a") == "1");
}

#[test]
fn memory_has_an_end() {
    let folder = folder();
    let parts = [
        "RUN=if(HAS(\"fine\")){SAY(\"fine\");return;}int n=0;while(n<4096){char*p=malloc(1<<20);if(!p)break;memset(p,1,1<<20);n++;}\
         if(n<4096){SAY(\"%d\",n);}else SAY(\"no end\")",
    ];
    let runner = process(&folder, settings(), &parts);
    let used = used();
    assert_eq!(run(&runner, &used, "fine"), "fine");
    let answer = end(begin(&runner, &used, "leak", LONG));
    // Where the answer itself finds no memory, the process ends.
    let count = answer.map(|answer| answer.note.expect("a note"));
    match count {
        // What the C library had reserved before comes on top.
        Ok(count) => assert!((1..1024).contains(&count.parse::<u32>().expect("a count")), "{count}"),
        Err(error) => assert_eq!(error.code(), "plugin_died", "{error}"),
    }
}

#[test]
fn whoever_drops_a_run_cancels_it_there() {
    let folder = folder();
    let (here, gone) = (folder.path().join("here"), folder.path().join("gone"));
    let run = format!("RUN=touch({here:?});while(!host->is_cancelled(call))usleep(1000);touch({gone:?})");
    let runner = process(&folder, settings(), &[&run]);
    let running = begin(&runner, &used(), "a", LONG);
    eventually("it runs", || here.exists());
    assert!(!gone.exists());
    drop(running);
    eventually("it ends", || gone.exists());
    assert_eq!(runner.state(), RunnerState::Ready);
}

#[test]
fn requests_come_from_there_and_are_answered() {
    let folder = folder();
    let runner = process(&folder, settings(), &["RUN=ask(call,host,REQUEST)"]);
    let used = used();
    let mut running = begin(&runner, &used, "a", LONG);
    let request = running.requests.blocking_recv().expect("a request");
    assert_eq!((request.request.method.as_str(), request.request.url.as_str()), ("GET", "http://127.0.0.1/"));
    let body = Body::Text("b".repeat(100_000));
    (request.answer)(Ok(ResponseDocument { status: 200, headers: Vec::new(), body }));
    assert_eq!(note(running), "answered");
    for (answer, code) in
        [(Some(HttpError::not_sent("refused_address", "No.")), "refused_address"), (None, "cancelled")]
    {
        let mut running = begin(&runner, &used, "a", LONG);
        let request = running.requests.blocking_recv().expect("a request");
        match answer {
            Some(error) => (request.answer)(Err(error)),
            None => drop(request),
        }
        assert_eq!(failure(running).0, code);
    }
}

#[test]
fn what_cannot_begin_in_its_time_has_not_begun() {
    let folder = folder();
    let here = folder.path().join("here");
    let parts = format!("RUN=touch({here:?});while(!host->is_cancelled(call))usleep(1000)");
    let settings = RunnerSettings { threads: 1, queue_max: 2, ..settings() };
    let runner = process(&folder, settings, &[&parts]);
    let used = used();
    let first = begin(&runner, &used, "a", LONG);
    eventually("the first has the thread", || here.exists());
    let short = begin(&runner, &used, "a", Duration::from_secs(2));
    let waits = begin(&runner, &used, "a", LONG);
    let (code, message) = failure(begin(&runner, &used, "a", LONG));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("plugin_busy", "The plugin test is busy: 2 of its runs wait.")
    );
    assert_eq!(failure(short).0, "plugin_busy");
    // Stopped, what has begun may have been done.
    runner.stop();
    assert_eq!(failure(first).0, "plugin_died");
    drop(waits);
}
