//! A process that runs a plugin, as its keeper sees it. What it says comes as events; what it prints goes to the log.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as Pair, process::CommandExt},
    },
    process::{self, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{
            OwnedReadHalf, OwnedWriteHalf,
            pipe::{self, Receiver},
        },
    },
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tracing::Instrument;

use super::{
    Program,
    frame::{Decoder, Frame},
    gate::Way,
};
use crate::{
    model::secret::Redactor,
    plugin::{
        host::{LINE_CHARS_MAX, readable},
        lines::Rate,
        runner::RunnerSettings,
    },
};

/// How long the process may read nothing of what it is sent.
const STALL_MAX: Duration = Duration::from_secs(10);

/// How long the process's last words are waited for after its end.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// Events that wait for the keeper: the process waits, then.
const EVENTS_MAX: usize = 256;

/// What the process has been seen to do.
#[derive(Debug)]
pub(super) enum Event {
    Said(u64, Frame),
    /// It says nothing more; or it has stopped within a frame.
    Closed(&'static str),
    /// What it says is not to be understood.
    Garbage(String),
    /// It reads nothing.
    Stalled,
    /// There is room for runs again.
    Room,
    /// It has ended, and is still there to be asked how.
    Ended,
}

/// Events, with the number of the process that they are of.
pub(super) type Events = mpsc::Sender<(u64, Event)>;

pub(super) fn events() -> (Events, mpsc::Receiver<(u64, Event)>) {
    mpsc::channel(EVENTS_MAX)
}

/// The process. It is killed when this is dropped.
pub(super) struct Process {
    pub(super) number: u64,
    child: process::Child,
    group: Option<Pid>,
    pub(super) way: Arc<Way>,
    tasks: Vec<JoinHandle<()>>,
    errors: JoinHandle<()>,
    last_words: Arc<Mutex<String>>,
    /// Of all that it has been told.
    redactor: Arc<Mutex<Redactor>>,
}

impl Process {
    /// Starts it. The thread must stay until it has ended: when it ends, the process does.
    pub(super) fn start(
        number: u64,
        program: &Program,
        settings: &RunnerSettings,
        events: &Events,
    ) -> io::Result<Self> {
        let (ours, theirs) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = process::Command::new(&program.host);
        command.args(["plugin", "host", "--sha256", &program.library.sha256]);
        command.args(["--parent", &process::id().to_string()]);
        command.args(["--threads", &settings.threads.to_string()]);
        command.args(["--memory-bytes-max", &settings.memory_bytes_max.to_string()]);
        command.args(["--grace-ms", &settings.grace.as_millis().to_string()]);
        command.arg("--").arg(&program.file);
        // There are secrets in the server's environment.
        command.env_clear().envs(std::env::var("RUST_BACKTRACE").map(|value| ("RUST_BACKTRACE", value)));
        // The C library's reserve of address space for each thread would use up the limit.
        command.env("MALLOC_ARENA_MAX", "2");
        // What a terminal tells the server's group is not for it, and what it begins itself ends with it.
        command.process_group(0);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // So that nothing of the other end is here.
        drop(command);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (rest, frames) = mpsc::unbounded_channel();
        let mut process = Self {
            number,
            child,
            group,
            way: Way::new(ours.try_clone()?, rest),
            tasks: Vec::new(),
            errors: tokio::spawn(async {}),
            last_words: Arc::default(),
            redactor: Arc::default(),
        };
        let printed = [(false, stdout.map(OwnedFd::from)), (true, stderr.map(OwnedFd::from))];
        process.attach(ours, frames, printed, program, events)?;
        Ok(process)
    }

    fn attach(
        &mut self,
        socket: Pair,
        frames: mpsc::UnboundedReceiver<Vec<u8>>,
        printed: [(bool, Option<OwnedFd>); 2],
        program: &Program,
        events: &Events,
    ) -> io::Result<()> {
        let number = self.number;
        let (from, to) = UnixStream::from_std(socket)?.into_split();
        self.tasks.push(tokio::spawn(read(number, from, events.clone())));
        self.tasks.push(tokio::spawn(write(number, to, frames, Arc::clone(&self.way), events.clone())));
        let name = &program.library.note.name;
        for (is_error, end) in printed {
            let Some(end) = end else { continue };
            let span = tracing::info_span!("plugin", name);
            let last = if is_error { Arc::clone(&self.last_words) } else { Arc::default() };
            let printed = Printed { is_error, last, redactor: Arc::clone(&self.redactor) };
            let reads = tokio::spawn(printed.read(pipe(end)?).instrument(span));
            if is_error {
                self.errors = reads;
            } else {
                self.tasks.push(reads);
            }
        }
        let (group, events) = (self.group, events.clone());
        let waits = move || {
            if let Some(child) = group {
                // Left there: its number is nobody else's until it was asked how it ended.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while matches!(waitid(WaitId::Pid(child), options), Err(Errno::INTR)) {}
            }
            let _nobody_waits = events.blocking_send((number, Event::Ended));
        };
        thread::Builder::new().name(format!("{name} end")).spawn(waits).map(drop)
    }

    /// What it says does not have these secrets in it, from now on.
    pub(super) fn hide(&self, secrets: &Redactor) {
        self.redactor.lock().unwrap_or_else(PoisonError::into_inner).add(secrets);
    }

    /// A line that it says, without secrets.
    pub(super) fn redacted(&self, line: &str) -> String {
        self.redactor.lock().unwrap_or_else(PoisonError::into_inner).redact_cut(line)
    }

    /// Whether it may be given another run.
    pub(super) fn has_room(&self) -> bool {
        self.way.has_room()
    }

    /// Sends it a frame, soon.
    pub(super) fn send(&self, bytes: Vec<u8>) {
        self.way.send(bytes);
    }

    /// Lets go of it: it ends, when it wants to.
    pub(super) fn close(&self) {
        self.way.close();
    }

    /// Ends it, and what it has begun.
    pub(super) fn kill(&self) {
        if let Some(group) = self.group {
            let _none_left = kill_process_group(group, Signal::KILL);
        }
    }

    /// How it ended, and the last line on its standard error. It has ended.
    pub(super) async fn end(mut self) -> (io::Result<ExitStatus>, String) {
        // What it began may still hold what it writes to.
        self.kill();
        let _no_last_words = timeout(LAST_WORDS_MAX, &mut self.errors).await;
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = self.child.wait();
        // From here on, its number may be somebody else's.
        self.group = None;
        (status, words)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for task in self.tasks.iter().chain([&self.errors]) {
            task.abort();
        }
        // Also where it has ended by itself: what it has begun is not left behind.
        self.kill();
        let _gone = self.child.wait();
    }
}

/// The end of a pipe that does not wait.
fn pipe(end: OwnedFd) -> io::Result<Receiver> {
    pipe::Receiver::from_owned_fd(end)
}

async fn read(number: u64, mut from: OwnedReadHalf, events: Events) {
    let mut decoder = Decoder::default();
    let mut piece = vec![0; 64 * 1024];
    let last = loop {
        match from.read(&mut piece).await {
            Ok(0) | Err(_) if decoder.is_within() => {
                break Event::Closed("it has stopped in the middle of a frame");
            }
            Ok(0) | Err(_) => break Event::Closed("it has closed its connection to the server"),
            Ok(read) => decoder.feed(&piece[..read]),
        }
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some((id, frame))) => {
                    if events.send((number, Event::Said(id, frame))).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let _nobody_waits = events.send((number, Event::Garbage(error.to_string()))).await;
                    return;
                }
            }
        }
    };
    let _nobody_waits = events.send((number, last)).await;
}

async fn write(
    number: u64,
    mut to: OwnedWriteHalf,
    mut frames: mpsc::UnboundedReceiver<Vec<u8>>,
    way: Arc<Way>,
    events: Events,
) {
    while let Some(bytes) = frames.recv().await {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match timeout(STALL_MAX, to.write(rest)).await {
                Ok(Ok(written)) => rest = &rest[written..],
                // Its end is seen elsewhere.
                Ok(Err(_)) => return,
                Err(_) => {
                    let _nobody_waits = events.send((number, Event::Stalled)).await;
                    return;
                }
            }
        }
        if way.sent(bytes.len()) {
            let _nobody_waits = events.send((number, Event::Room)).await;
        }
    }
    let _ended_then = to.shutdown().await;
}

/// What a process prints: lines for the log, of which the last one is kept.
struct Printed {
    is_error: bool,
    last: Arc<Mutex<String>>,
    redactor: Arc<Mutex<Redactor>>,
}

impl Printed {
    async fn read(self, mut from: Receiver) {
        let mut piece = vec![0; 16 * 1024];
        let (mut line, mut limit) = (Vec::new(), Rate::default());
        while let Ok(read) = from.read(&mut piece).await {
            for byte in &piece[..read] {
                match byte {
                    b'\n' => self.log(&mut line, &mut limit),
                    // The rest of a line that is too long is not kept.
                    byte if line.len() < 4 * LINE_CHARS_MAX => line.push(*byte),
                    _ => {}
                }
            }
            if read == 0 {
                break;
            }
        }
        self.log(&mut line, &mut limit);
    }

    fn log(&self, line: &mut Vec<u8>, limit: &mut Rate) {
        let text = readable(String::from_utf8_lossy(line).trim_end());
        line.clear();
        if text.is_empty() {
            return;
        }
        // It may have been too long, and cut.
        let text = self.redactor.lock().unwrap_or_else(PoisonError::into_inner).redact_cut(&text);
        if limit.allows() {
            if self.is_error {
                tracing::warn!("{text}");
            } else {
                tracing::info!("{text}");
            }
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}
