//! A process of its own for what a library does: it may take that down.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::Context;

use super::DOCUMENT_BYTES_MAX;

/// How long its last words are waited for after its end.
const LATE_MAX: Duration = Duration::from_secs(2);

/// What became of such a process.
pub(super) struct Told {
    /// What it had to say to who began it.
    pub(super) answer: String,
    /// What it wrote to its standard output, and to its standard error.
    pub(super) printed: String,
    pub(super) said: String,
    /// How it has ended; nothing where it took too long, and was killed.
    pub(super) status: Option<ExitStatus>,
}

impl Told {
    /// Its last line.
    pub(super) fn last(&self) -> &str {
        self.said.lines().last().unwrap_or_default().trim_start_matches("onward: ")
    }
}

/// Runs this program with other arguments until it ends, or is killed for taking too long.
pub(super) fn ask(
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    within: Duration,
) -> anyhow::Result<Told> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the process that asks the library cannot be started")?;
    let silent = "the process that asks the library says nothing";
    let printed = in_background(child.stdout.take().context(silent)?);
    let said = in_background(child.stderr.take().context(silent)?);
    let answer = in_background(ours);
    let status = ended(&mut child, within)?;
    let until = Instant::now() + LATE_MAX;
    Ok(Told {
        answer: heard(&answer, until),
        printed: heard(&printed, until),
        said: heard(&said, until),
        status,
    })
}

/// All that came, until its end or for a while.
fn heard(lines: &Receiver<String>, until: Instant) -> String {
    let left = || until.saturating_duration_since(Instant::now());
    std::iter::from_fn(|| lines.recv_timeout(left()).ok()).collect()
}

/// Reads line by line, so that what came is there although the end does not come: a process that the library has begun may keep
/// it open.
fn in_background(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from.take(DOCUMENT_BYTES_MAX));
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// How a process has ended; one that takes too long is killed.
fn ended(child: &mut Child, within: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait().map(|_| None)
}
