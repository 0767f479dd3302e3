//! Real libraries, in C, that keep the boundary's rules and break them.

use onward_sdk::http::{Body, HttpError, ResponseDocument};
use tempfile::TempDir;

use super::*;
use crate::plugin::{
    load,
    runner::REQUESTS_MAX,
    tests::{LONG, begin, end, eventually, failure, library, note, run, used},
};

fn settings() -> RunnerSettings {
    RunnerSettings { grace: Duration::from_millis(50), ..RunnerSettings::default() }
}

fn pool(folder: &TempDir, settings: RunnerSettings, parts: &[&str]) -> InProcess {
    InProcess::new(load::load(&library(folder, parts)).expect("a plugin"), settings)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A run that goes on until nobody wants it.
const UNTIL_CANCELLED: &str = "while(!host->is_cancelled(call))usleep(1000)";

/// Long enough for a run to begin.
fn shortly() -> Duration {
    Duration::from_secs(2)
}

#[test]
fn a_use_has_one_instance_which_is_given_back_with_it() {
    let folder = folder();
    let parts = ["CREATE=usleep(100000);return malloc(1)", "RUN=SAY(\"%d\",counted(&creates))"];
    let pool = pool(&folder, settings(), &parts);
    let first = used();
    let runs: Vec<_> = (0..50).map(|_| begin(&pool, &first, "a", LONG)).collect();
    for running in runs {
        assert_eq!(note(running), "1");
    }
    assert_eq!(run(&pool, &used(), "a"), "2");
    pool.forget(&first);
    pool.stop();
    let (code, message) = failure(begin(&pool, &first, "a", LONG));
    assert_eq!((code.as_str(), message.as_str()), ("plugin_stopped", "The plugin test is being stopped."));
}

/// A library of which one run is ended by another thread, when a file is there.
fn ended_later(folder: &TempDir, settings: RunnerSettings) -> (InProcess, std::path::PathBuf) {
    let now = folder.path().join("now");
    let parts = [
        "RUN=if(HAS(\"late\"))from_another_thread(call,host);else SAY(\"%d\",counted(&destroys))".to_owned(),
        format!("LATER=while(access({now:?},0))usleep(1000)"),
    ];
    (pool(folder, settings, &parts.each_ref().map(|part| part as &str)), now)
}

#[test]
fn an_instance_is_given_back_when_its_last_call_has_ended() {
    let folder = folder();
    let (pool, now) = ended_later(&folder, RunnerSettings { threads: 1, ..settings() });
    let (late, other) = (used(), used());
    let running = begin(&pool, &late, "late", LONG);
    // With the one thread, so that the other run has returned.
    assert_eq!(run(&pool, &other, "now"), "0");
    pool.forget(&late);
    assert_eq!(run(&pool, &other, "now"), "0");
    std::fs::write(now, "").expect("written");
    assert_eq!(note(running), "from another thread");
    eventually("it is given back", || run(&pool, &other, "now") == "1");
    assert_eq!(pool.stray(), 0);
}

/// Its library may still be at work in it.
#[test]
fn an_instance_whose_call_does_not_end_is_kept_until_that_ends_late() {
    let folder = folder();
    let (pool, now) = ended_later(&folder, settings());
    let (late, other) = (used(), used());
    assert_eq!(failure(begin(&pool, &late, "late", shortly())).0, "plugin_timed_out");
    pool.forget(&late);
    assert_eq!(run(&pool, &other, "now"), "0");
    std::fs::write(now, "").expect("written");
    eventually("it is given back", || run(&pool, &other, "now") == "1");
    assert_eq!(pool.stray(), 1);
}

#[test]
fn after_a_panic_the_instance_is_made_anew() {
    let folder = folder();
    let parts = [
        "RUN=if(HAS(\"panic\"))host->done(call,2,TEXT(\"no\"));else SAY(\"%d %d\",counted(&creates),counted(&destroys))",
    ];
    let pool = pool(&folder, settings(), &parts);
    let used = used();
    assert_eq!(run(&pool, &used, "a"), "1 0");
    assert_eq!(failure(begin(&pool, &used, "panic", LONG)).0, "plugin_panicked");
    eventually("the old one is given back", || run(&pool, &used, "a") == "2 1");
}

/// Nobody waits for it any more, but others may use what it has left.
#[test]
fn after_a_panic_that_comes_late_the_instance_is_made_anew_too() {
    let folder = folder();
    let here = folder.path().join("here");
    let parts = [
        format!(
            "RUN=if(HAS(\"panic\")){{touch({here:?});{UNTIL_CANCELLED};host->done(call,2,TEXT(\"no\"));}}else SAY(\"%d %d\",counted(&creates),counted(&destroys))"
        ),
        "CANCEL=;".to_owned(),
    ];
    let pool = pool(&folder, settings(), &parts.each_ref().map(|part| part as &str));
    let used = used();
    assert_eq!(run(&pool, &used, "a"), "1 0");
    let running = begin(&pool, &used, "panic", LONG);
    eventually("it runs", || here.exists());
    drop(running);
    eventually("the old one is given back", || run(&pool, &used, "a") == "2 1");
    assert_eq!(pool.stray(), 1);
}

/// Then two runs make an instance for it, the second one while the first is at it.
#[test]
fn a_use_that_is_forgotten_and_comes_again_has_one_instance_in_the_end() {
    let folder = folder();
    let go = folder.path().join("go");
    let parts = [
        format!("CREATE=int n=counted(&creates);while(n<3&&access({go:?},0))usleep(1000);return malloc(1)"),
        "RUN=SAY(\"%d\",counted(&destroys))".to_owned(),
    ];
    let pool = pool(&folder, settings(), &parts.each_ref().map(|part| part as &str));
    let again = used();
    let first = begin(&pool, &again, "a", LONG);
    eventually("one is made", || pool.0.state().tasks() == 0);
    drop(first);
    pool.forget(&again);
    let second = begin(&pool, &again, "a", LONG);
    eventually("another is made", || pool.0.state().tasks() == 0);
    std::fs::write(&go, "").expect("written");
    note(second);
    eventually("one of them is given back", || run(&pool, &again, "a") == "1");
    pool.forget(&again);
    eventually("and the other", || run(&pool, &used(), "a") == "2");
}

#[test]
fn an_instance_that_cannot_be_made_is_made_by_the_next_run() {
    let folder = folder();
    let parts = [
        "CREATE=if(counted(&creates)<3){host->done(call,1,TEXT(\"{\\\"code\\\":\\\"down\\\",\\\"message\\\":\\\"Down.\\\"}\"));return NULL;}return malloc(1)",
        "RUN=SAY(\"%d\",counted(&creates))",
    ];
    let pool = pool(&folder, settings(), &parts);
    let used = used();
    let runs: Vec<_> = (0..5).map(|_| begin(&pool, &used, "a", LONG)).collect();
    let ends: Vec<_> = runs.into_iter().map(end).collect();
    let failed = ends.iter().filter(|end| end.as_ref().is_err_and(|error| error.code() == "down")).count();
    assert_eq!(failed, 2, "{ends:?}");
    assert!(ends.iter().flatten().all(|answer| answer.note.as_deref() == Some("3")), "{ends:?}");
}

#[test]
fn what_finds_no_thread_in_its_time_has_not_begun() {
    let folder = folder();
    let parts = [&format!("RUN={UNTIL_CANCELLED}"), "CANCEL=;"];
    let settings = RunnerSettings { threads: 1, queue_max: 2, ..settings() };
    let pool = pool(&folder, settings, &parts.map(|part| part as &str));
    let used = used();
    let first = begin(&pool, &used, "a", LONG);
    eventually("the first has the thread", || pool.0.state().tasks() == 0);
    let second = begin(&pool, &used, "a", shortly());
    let third = begin(&pool, &used, "a", LONG);
    let (code, message) = failure(begin(&pool, &used, "a", LONG));
    assert_eq!(code, "plugin_busy");
    assert_eq!(message, "The plugin test is busy: 2 of its runs wait for a thread.");
    let (code, message) = failure(second);
    assert_eq!(code, "plugin_busy");
    assert!(message.contains("none of its 1 threads was free for this within 2s"), "{message}");
    // The place of the first is free when nobody wants it any more; and so is that of the third.
    drop(first);
    drop(third);
    assert_eq!(failure(begin(&pool, &used, "a", shortly())).0, "plugin_timed_out");
}

#[test]
fn threads_that_do_not_come_back_quarantine_the_plugin_until_one_does() {
    let folder = folder();
    let released = folder.path().join("released");
    let parts = [
        format!(
            "RUN=if(HAS(\"stuck\"))while(access({:?},0))usleep(1000);SAY(\"%d\",counted(&cancels))",
            released
        ),
        "CANCEL=;".to_owned(),
    ];
    let pool = pool(
        &folder,
        RunnerSettings { threads: 2, ..settings() },
        &parts.each_ref().map(|part| part as &str),
    );
    let used = used();
    assert_eq!(run(&pool, &used, "a"), "0");
    let stuck = [(); 2].map(|()| begin(&pool, &used, "stuck", shortly()));
    for running in stuck {
        assert_eq!(failure(running).0, "plugin_timed_out");
    }
    let waits = begin(&pool, &used, "a", LONG);
    eventually("it is quarantined", || matches!(pool.state(), RunnerState::Quarantined { .. }));
    for running in [waits, begin(&pool, &used, "a", LONG)] {
        let (code, message) = failure(running);
        assert_eq!(code, "plugin_quarantined");
        assert!(
            message.starts_with("All 2 threads of the plugin test are in runs that have not ended"),
            "{message}"
        );
    }
    std::fs::write(&released, "").expect("written");
    eventually("they come back", || pool.state() == RunnerState::Ready && pool.0.state().stuck() == 0);
    // Each was asked to end.
    assert_eq!(run(&pool, &used, "a"), "2");
    assert_eq!(pool.stray(), 2, "each has ended late");
}

#[test]
fn whoever_drops_a_run_cancels_it() {
    let folder = folder();
    let (here, gone) = (folder.path().join("here"), folder.path().join("gone"));
    let parts = [format!("RUN=touch({here:?});{UNTIL_CANCELLED};touch({gone:?})"), "CANCEL=;".to_owned()];
    let pool = pool(&folder, settings(), &parts.each_ref().map(|part| part as &str));
    let running = begin(&pool, &used(), "a", LONG);
    eventually("it runs", || here.exists());
    assert!(!gone.exists());
    drop(running);
    eventually("it ends", || gone.exists());
}

#[test]
fn what_is_ended_twice_is_counted() {
    let folder = folder();
    let pool = pool(&folder, settings(), &["RUN=SAY(\"one\");SAY(\"two\")"]);
    let used = used();
    assert_eq!(run(&pool, &used, "a"), "one");
    assert_eq!(run(&pool, &used, "a"), "one");
    eventually("both are counted", || pool.stray() == 2);
}

#[test]
fn a_stop_ends_what_there_is() {
    let folder = folder();
    let gone = folder.path().join("destroyed");
    let parts =
        [format!("RUN={UNTIL_CANCELLED};SAY(\"late\")"), format!("DESTROY=free(instance);touch({gone:?})")];
    let pool = pool(
        &folder,
        RunnerSettings { threads: 1, ..settings() },
        &parts.each_ref().map(|part| part as &str),
    );
    let used = used();
    let runs = [(); 2].map(|()| begin(&pool, &used, "a", LONG));
    eventually("one runs", || pool.0.state().tasks() == 1);
    pool.stop();
    let [first, second] = runs.map(failure);
    assert_eq!((first.0.as_str(), second.0.as_str()), ("plugin_died", "plugin_stopped"));
    assert!(gone.exists(), "the instance was given back");
}

/// One after the other, to whoever drives the run.
fn driven(
    mut running: Running,
    answer: impl Fn(u32) -> Option<Result<ResponseDocument, HttpError>>,
) -> (String, String) {
    let mut count = 0;
    while let Some(request) = running.requests.blocking_recv() {
        assert_eq!(request.request.url, "http://127.0.0.1/");
        match answer(count) {
            Some(answer) => (request.answer)(answer),
            None => drop(request),
        }
        count += 1;
    }
    match end(running) {
        Ok(answer) => (String::new(), answer.note.unwrap_or_default()),
        Err(error) => (error.code().to_owned(), error.to_string()),
    }
}

fn good() -> Option<Result<ResponseDocument, HttpError>> {
    Some(Ok(ResponseDocument { status: 200, headers: Vec::new(), body: Body::Text("b".to_owned()) }))
}

#[test]
fn requests_go_to_whoever_drives_the_run_and_are_answered_once() {
    let folder = folder();
    let parts = [
        "CREATE=struct asked*asked=begin_to_ask(call,host,REQUEST);wait_for(asked);return asked",
        "RUN=if(HAS(\"wrong\"))ask(call,host,\"{}\");else ask(call,host,REQUEST)",
    ];
    let pool = pool(&folder, settings(), &parts);
    let used = used();
    // Of the making of the instance, and of the run.
    assert_eq!(driven(begin(&pool, &used, "a", LONG), |_| good()), (String::new(), "answered".to_owned()));
    let refused = || Some(Err(HttpError::not_sent("refused_address", "Not there.")));
    let (code, message) = driven(begin(&pool, &used, "a", LONG), |_| refused());
    assert_eq!((code.as_str(), message.as_str()), ("refused_address", "Not there."));
    let (code, _) = driven(begin(&pool, &used, "a", LONG), |_| None);
    assert_eq!(code, "cancelled");
    let (code, message) = driven(begin(&pool, &used, "wrong", LONG), |_| good());
    assert_eq!(
        (code.as_str(), message.starts_with("The request cannot be read: ")),
        ("invalid_request", true)
    );
}

#[test]
fn requests_that_nobody_sends_are_answered_all_the_same() {
    let folder = folder();
    let (gone, none) = (folder.path().join("gone"), folder.path().join("none"));
    let parts = [format!(
        "RUN=if(HAS(\"none\")){{struct asked*a=begin_to_ask(99,host,REQUEST);wait_for(a);touch({none:?});SAY(\"%s\",strstr(a->text,\"cancelled\")?\"refused\":a->text);return;}}\
         struct asked*all[{REQUESTS_MAX}+2];for(int i=0;i<{REQUESTS_MAX}+2;i++)all[i]=begin_to_ask(call,host,REQUEST);\
         int busy=0;for(int i=0;i<{REQUESTS_MAX}+2;i++){{wait_for(all[i]);busy+=strstr(all[i]->text,\"http_busy\")!=NULL;}}\
         usleep(20000);for(int i=0;i<{REQUESTS_MAX}+2;i++)if(all[i]->answers!=1)abort();\
         struct asked*late=begin_to_ask(call,host,REQUEST);wait_for(late);if(!strstr(late->text,\"cancelled\"))abort();if(busy==2)touch({gone:?})"
    )];
    let pool = pool(&folder, settings(), &parts.each_ref().map(|part| part as &str));
    let used = used();
    let running = begin(&pool, &used, "a", LONG);
    eventually("the queue of requests is full", || running.requests.len() == REQUESTS_MAX);
    drop(running);
    eventually("each was answered", || gone.exists());
    // Of a call that nobody has begun.
    assert_eq!(run(&pool, &used, "none"), "refused");
    assert!(none.exists());
}

#[test]
fn lines_are_about_the_run() {
    let folder = folder();
    let pool = pool(
        &folder,
        settings(),
        &["RUN=host->log(0,3,TEXT(\"of none\"));host->progress(call,TEXT(\"half\"));SAY(\"a\")"],
    );
    assert_eq!(run(&pool, &used(), "a"), "a");
}
