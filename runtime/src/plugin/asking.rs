//! A process of its own for what a library does: it may take that down.

use std::{
    ffi::OsStr,
    io::{self, BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use onward_sdk::description::Description;

/// The longest that is heard of it.
pub const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a library may take from being loaded until it has said all.
pub const ASK_MAX: Duration = Duration::from_secs(20);

/// How long its last words are waited for after its end.
const LATE_MAX: Duration = Duration::from_secs(2);

/// What became of such a process.
pub struct Told {
    /// What it had to say to who began it.
    pub answer: String,
    /// What it wrote to its standard output, and to its standard error.
    pub printed: String,
    pub said: String,
    /// How it has ended; nothing where it took too long, and was killed.
    pub status: Option<ExitStatus>,
}

impl Told {
    /// Its last line.
    pub fn last(&self) -> &str {
        self.said.lines().last().unwrap_or_default().trim_start_matches("onward: ")
    }
}

/// Runs this program with other arguments until it ends, or is killed for taking too long.
pub fn ask(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, within: Duration) -> io::Result<Told> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let silent = || io::Error::other("it has neither output");
    let printed = in_background(child.stdout.take().ok_or_else(silent)?);
    let said = in_background(child.stderr.take().ok_or_else(silent)?);
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
fn ended(child: &mut Child, within: Duration) -> io::Result<Option<ExitStatus>> {
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

/// Why a library has not said what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSaid {
    /// Stable, for programs.
    pub code: String,
    pub message: String,
}

/// What a library says of its step types, in a process of its own.
///
/// # Errors
/// What became of the process instead.
pub fn describe(file: &Path) -> Result<Vec<Description>, NotSaid> {
    let not = |code: &str, message: String| NotSaid { code: code.to_owned(), message };
    let told =
        ask([OsStr::new("plugin"), OsStr::new("describe"), file.as_os_str()], ASK_MAX).map_err(|error| {
            not("plugin_not_asked", format!("the process that asks it cannot be started: {error}"))
        })?;
    let Some(status) = told.status else {
        return Err(not("plugin_timed_out", format!("it has not said what it is within {ASK_MAX:?}")));
    };
    if !status.success() {
        // A code, and a message.
        return Err(match (status.code(), told.last().split_once(": ")) {
            (Some(1), Some((code, message))) => not(code, message.to_owned()),
            _ => not(
                "plugin_died",
                format!(
                    "it has ended the process that asked it what it is ({status}); {}",
                    told.said.trim_end()
                ),
            ),
        });
    }
    serde_json::from_str(&told.answer).map_err(|error| {
        not("plugin_answer_unreadable", format!("what it says of its step types cannot be read: {error}"))
    })
}
