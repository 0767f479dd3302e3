//! The process that runs a plugin for a server: what it does from its start to its end.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use onward_sdk::{description::Description, http::HttpError};
use rustix::process::{
    Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};

use super::{
    DESCRIBE_MAX,
    frame::{Decoder, Failure, Frame, Hello, PROTOCOL, Problem},
};
use crate::{
    model::secret::Redactor,
    plugin::{
        call,
        calls::{Ended, Listener},
        lines,
        load::{self, Loaded},
        pool::{Order, Pool},
        runner::{HttpAnswer, HttpRequest, RunError, RunnerSettings, Use},
    },
};

/// What a server starts such a process with. The standard input is a socket of the server's.
#[derive(Debug)]
pub struct Serving {
    pub file: PathBuf,
    /// Of the library that the server has looked at.
    pub sha256: String,
    /// The server's process.
    pub parent: i32,
    pub threads: usize,
    pub memory_bytes_max: u64,
    pub grace: Duration,
}

/// Runs a plugin until the server lets go of it.
///
/// # Errors
/// What the process cannot be without: its socket, or one of its limits.
pub fn serve(serving: Serving) -> io::Result<()> {
    // Away from where a library looks for what it is to read.
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(serving.parent) {
        // It has ended before it could be known here.
        return Ok(());
    }
    limit(serving.memory_bytes_max)?;
    let writer = Arc::new(Writer(Mutex::new(socket.try_clone()?)));
    let says = Arc::clone(&writer);
    lines::send_to(move |level, line| says.send(0, &Frame::Log { level, line: line.to_owned() }));
    let (loaded, steps) = match loaded(&serving) {
        Ok(loaded) => loaded,
        Err(problem) => {
            writer.send(0, &Frame::Refused(problem));
            return Ok(());
        }
    };
    writer.send(0, &Frame::Hello(Hello { protocol: PROTOCOL, sha256: serving.sha256, steps }));
    let settings = RunnerSettings {
        threads: serving.threads,
        // The server has its own.
        queue_max: usize::MAX,
        grace: serving.grace,
        ..RunnerSettings::default()
    };
    let says = Arc::clone(&writer);
    let stuck = move |count: usize| says.send(0, &Frame::Stuck(u32::try_from(count).unwrap_or(u32::MAX)));
    let pool = Pool::new(loaded, settings, Box::new(stuck));
    let mut host =
        Host { pool, writer, uses: HashMap::new(), open: Arc::default(), requests: Arc::default() };
    host.read(socket)?;
    host.pool.stop();
    Ok(())
}

/// No core files, which would have the configuration's secrets; and so much more address space than there is now.
fn limit(memory_bytes_max: u64) -> io::Result<()> {
    // What this process may not go beyond anyway stays as it is.
    let set = |resource, bytes: u64| {
        let most = getrlimit(resource).maximum.map_or(bytes, |most| most.min(bytes));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    set(Resource::Core, 0)?;
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let now = kib.ok_or_else(|| io::Error::other("/proc/self/status has no size"))?.saturating_mul(1024);
    set(Resource::As, now.saturating_add(memory_bytes_max))?;
    Ok(())
}

fn loaded(serving: &Serving) -> Result<(Loaded, Vec<Description>), Problem> {
    let problem = |code: &str, message: String| Problem { code: code.to_owned(), message };
    let loaded = load::load_only(&serving.file, &serving.sha256)
        .map_err(|error| problem(error.code(), error.to_string()))?;
    let mut steps = Vec::with_capacity(loaded.steps.len());
    for (at, step) in loaded.steps.iter().enumerate() {
        steps.push(
            call::describe(*step, DESCRIBE_MAX).map_err(|error| {
                problem(error.code(), format!("its step type number {}: {error}", at + 1))
            })?,
        );
    }
    Ok((loaded, steps))
}

/// What goes to the server. Whoever writes waits until the server has read, as it always does.
struct Writer(Mutex<UnixStream>);

impl Writer {
    fn send(&self, id: u64, frame: &Frame) {
        if let Ok(bytes) = frame.bytes(id)
            && self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes).is_err()
        {
            // Nothing may be begun of which the server does not hear.
            std::process::exit(1);
        }
    }
}

type Replies = Mutex<HashMap<u64, Box<dyn FnOnce(HttpAnswer) + Send>>>;

struct Host {
    pool: Arc<Pool>,
    writer: Arc<Writer>,
    uses: HashMap<u64, Arc<Use>>,
    /// Runs that have not ended, and their numbers in the pool once these are known.
    open: Arc<Mutex<HashMap<u64, Option<u64>>>>,
    requests: Arc<Replies>,
}

impl Host {
    /// Does what the server says, until it says nothing more.
    fn read(&mut self, mut socket: UnixStream) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = match socket.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            decoder.feed(&piece[..read]);
            while let Some((id, frame)) = decoder.next().map_err(io::Error::other)? {
                self.take(id, frame);
            }
        }
    }

    fn take(&mut self, id: u64, frame: Frame) {
        match frame {
            Frame::Use { step, config } => {
                let step = usize::try_from(step).unwrap_or(usize::MAX);
                // The server takes secrets out of what it says.
                let redactor = Redactor::default();
                self.uses.insert(id, Arc::new(Use { id, step, config, redactor }));
            }
            Frame::Forget => {
                self.uses.remove(&id);
                self.pool.forget(id);
            }
            Frame::Run { used, within, input } => self.run(id, used, within, input),
            Frame::Cancel => {
                let job = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                if let Some(job) = job.flatten() {
                    self.pool.cancel(job);
                }
            }
            Frame::Answer { number, answer } => {
                let reply = self.requests.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
                if let Some(reply) = reply {
                    reply(answer);
                }
            }
            // The server does not say the others.
            _ => {}
        }
    }

    fn run(&self, id: u64, used: u64, within: Duration, input: Vec<u8>) {
        let Some(used) = self.uses.get(&used).map(Arc::clone) else {
            let why = "The step that this is a run of is not known to the plugin's process.".to_owned();
            return self.writer.send(id, &Frame::Failed(Failure::Other(why)));
        };
        let (writer, open) = (Arc::clone(&self.writer), Arc::clone(&self.open));
        let hears = move |ended: Result<Ended, RunError>| {
            open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            writer.send(id, &of_end(ended));
        };
        let writer = Arc::clone(&self.writer);
        let listener = Far { id, writer: Arc::clone(&self.writer), requests: Arc::clone(&self.requests) };
        // Before it begins: its end takes it out again.
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, None);
        let job = self.pool.begin(Order {
            used,
            input,
            within,
            listener: Arc::new(listener),
            begun: Some(Box::new(move || writer.send(id, &Frame::Begun))),
            hears: Box::new(hears),
        });
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id) {
            *open = Some(job);
        }
    }
}

fn of_end(ended: Result<Ended, RunError>) -> Frame {
    match ended {
        Ok(Ended { status, bytes: Ok(bytes) }) => Frame::Done { status, bytes },
        Ok(Ended { bytes: Err(length), .. }) => Frame::TooLarge(u64::try_from(length).unwrap_or(u64::MAX)),
        Err(error) => Frame::Failed(error.into()),
    }
}

/// The server, as what a library says and asks during a call gets there.
struct Far {
    id: u64,
    writer: Arc<Writer>,
    requests: Arc<Replies>,
}

impl Listener for Far {
    fn log(&self, level: u32, line: &str) {
        self.writer.send(self.id, &Frame::Log { level, line: line.to_owned() });
    }

    fn progress(&self, words: &str) {
        self.writer.send(self.id, &Frame::Progress(words.to_owned()));
    }

    fn request(&self, request: HttpRequest) {
        static NEWEST: AtomicU64 = AtomicU64::new(0);
        let number = NEWEST.fetch_add(1, Ordering::Relaxed);
        let HttpRequest { request, answer } = request;
        match (Frame::Request { number, request }).bytes(self.id) {
            Ok(bytes) => {
                self.requests.lock().unwrap_or_else(PoisonError::into_inner).insert(number, answer);
                let _ = self.writer.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
            }
            Err(error) => answer(Err(HttpError::not_sent("request_too_large", error.to_string()))),
        }
    }
}
