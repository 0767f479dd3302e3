//! Real libraries for tests, in C, and runs of them that are waited for.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use onward_sdk::document::Answer;
use tempfile::TempDir;
use tracing::Span;

use super::runner::{Run, RunError, Runner, Running, Use};
use crate::model::secret::Redactor;

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A library of the tests' `plugin.c`, with these parts.
pub(super) fn library(folder: &TempDir, parts: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = folder.path().join("libtest.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-std=gnu11", "-fvisibility=hidden", "-Wno-unused", "-pthread", "-o"])
        .args([&path, &root.join("tests/it/support/plugin.c")])
        .arg("-I")
        .arg(root.join("sdk/include"))
        .args(parts.iter().map(|part| format!("-D{part}")))
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    path
}

/// A use of its first step type.
pub(super) fn used() -> Arc<Use> {
    Use::new(0, b"{}".to_vec(), Redactor::default())
}

/// Begins a run on an input of one word.
pub(super) fn begin(runner: &dyn Runner, used: &Arc<Use>, word: &str, within: Duration) -> Running {
    let input = format!("{{\"params\":\"{word}\"}}").into_bytes();
    runner.run(Run { used: Arc::clone(used), input, within, span: Span::none() })
}

pub(super) const LONG: Duration = Duration::from_secs(60);

/// Waits for the end.
pub(super) fn end(running: Running) -> Result<Answer, RunError> {
    let Running { ended, requests: _requests, cancels: _cancels } = running;
    ended.blocking_recv().expect("an end")
}

/// The note of a run's answer.
pub(super) fn note(running: Running) -> String {
    end(running).expect("an answer").note.expect("a note")
}

/// The note of a run.
pub(super) fn run(runner: &dyn Runner, used: &Arc<Use>, word: &str) -> String {
    note(begin(runner, used, word, LONG))
}

/// The code of a run's failure, and its words.
pub(super) fn failure(running: Running) -> (String, String) {
    let error = end(running).expect_err("a failure");
    (error.code().to_owned(), error.to_string())
}

/// Waits until something holds.
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WAIT_MAX, "this did not come about: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
