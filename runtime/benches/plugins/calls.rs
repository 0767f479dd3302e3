//! What a call of a plugin costs, beside what its way costs without one: a thread that hands bytes back, and a process that does.
//!
//! Each is measured as whoever waits sees it: on a thread that does nothing else, and on a runtime, as the engine's threads are.

use std::{
    io::{Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use onward::plugin::{
    child::{ChildProcess, Program},
    load, note,
    pool::InProcess,
    runner::{Run, Runner, RunnerSettings, Running, Use},
};
use tokio::{runtime::Runtime, sync::oneshot};
use tracing::Span;

use crate::{library, median, table::Table};

/// Bytes of a call, and how many calls of it are one round.
const SIZES: [(usize, &str, usize); 3] =
    [(256, "256 B", 20_000), (4 * 1024, "4 KiB", 10_000), (1024 * 1024, "1 MiB", 200)];

const ROUNDS: usize = 7;

/// What a round trip at 256 B is to cost: in process, and in a child.
const BARS_MICROS: [f64; 2] = [3.3, 5.2];

pub(crate) fn bench(result: &mut serde_json::Map<String, serde_json::Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = library::build(folder.path(), "bench");
    let loaded = load::load(&file).expect("loaded");
    let program = Program {
        library: note::read(&file).expect("a note"),
        file,
        host: PathBuf::from(env!("CARGO_BIN_EXE_onward")),
    };
    let inside = InProcess::new(loaded, RunnerSettings::default());
    let outside = ChildProcess::new(program, RunnerSettings::default());
    let used = Use::new(0, b"{}".to_vec(), onward::model::secret::Redactor::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (hop, mut pair) = (Hop::new(), Pair::new());
    let mut table = Table::new(&[
        "one call at a time, p50 µs",
        "control",
        "plugin",
        "least round",
        "most round",
        "ratio",
    ]);
    for (size, shown, calls) in SIZES {
        let input = document(size);
        let run = |runner: &dyn Runner| {
            let (used, input) = (Arc::clone(&used), input.clone());
            runner.run(Run { used, input, within: Duration::from_secs(60), span: Span::none() })
        };
        let mut all: [Vec<f64>; 7] = Default::default();
        for _ in 0..ROUNDS {
            let round = [
                p50(calls, || assert_eq!(hop.echo(input.clone()).len(), size)),
                p50(calls, || blocked(run(&inside))),
                p50(calls, || assert_eq!(pair.echo(&input).len(), size)),
                p50(calls, || blocked(run(&outside))),
                p50(calls, || waited(&runtime, run(&inside))),
                p50(calls, || waited(&runtime, run(&outside))),
                p50(calls, || hop_on(&runtime, &input)),
            ];
            all.iter_mut().zip(round).for_each(|(all, one)| all.push(one));
        }
        let [hop, inside, pair, outside, inside_waited, outside_waited, hop_waited] = all;
        for (what, control, ours) in [
            ("in process", &hop, &inside),
            ("in a child", &pair, &outside),
            ("in process, on a runtime", &hop_waited, &inside_waited),
            ("in a child, on a runtime", &pair, &outside_waited),
        ] {
            let spread =
                ours.iter().copied().fold([f64::MAX, 0.0], |[least, most], it| [it.min(least), it.max(most)]);
            let (control, ours) = (median(control.clone()), median(ours.clone()));
            table.row(&format!("{shown} {what}"), &[control, ours, spread[0], spread[1], ours / control]);
            result.insert(
                format!("{shown} {what}"),
                serde_json::json!({"control": control, "plugin": ours, "spread": spread}),
            );
        }
    }
    table.print();
    println!("to reach at 256 B: {} µs in process, {} µs in a child", BARS_MICROS[0], BARS_MICROS[1]);
    outside.stop();
}

/// An answer with a note, so many bytes long: what the plugin is given and answers.
fn document(size: usize) -> Vec<u8> {
    let bare = r#"{"note":""}"#;
    format!(r#"{{"note":"{}"}}"#, "x".repeat(size - bare.len())).into_bytes()
}

/// The time that half of the calls take at most, in microseconds.
fn p50(calls: usize, mut call: impl FnMut()) -> f64 {
    for _ in 0..calls / 10 {
        call();
    }
    let time = |_| {
        let began = Instant::now();
        call();
        began.elapsed().as_secs_f64() * 1e6
    };
    median((0..calls).map(time).collect())
}

fn blocked(running: Running) {
    let Running { ended, requests: _requests, cancels: _cancels } = running;
    ended.blocking_recv().expect("an end").expect("an answer");
}

fn waited(runtime: &Runtime, running: Running) {
    let Running { ended, requests: _requests, cancels: _cancels } = running;
    runtime.block_on(ended).expect("an end").expect("an answer");
}

/// Where one hands something to another.
#[derive(Default)]
struct Slot<T>(Mutex<Option<T>>, Condvar);

impl<T> Slot<T> {
    fn put(&self, it: T) {
        *self.0.lock().expect("sound") = Some(it);
        self.1.notify_one();
    }

    fn take(&self) -> T {
        let mut slot = self.0.lock().expect("sound");
        loop {
            match slot.take() {
                Some(it) => return it,
                None => slot = self.1.wait(slot).expect("sound"),
            }
        }
    }
}

/// A thread that hands back a copy of what it is given.
struct Hop {
    to: Arc<Slot<Vec<u8>>>,
    from: Arc<Slot<Vec<u8>>>,
}

impl Hop {
    fn new() -> Self {
        let (to, from) = (Arc::<Slot<Vec<u8>>>::default(), Arc::<Slot<Vec<u8>>>::default());
        let (takes, puts) = (Arc::clone(&to), Arc::clone(&from));
        thread::spawn(move || {
            loop {
                puts.put(takes.take().clone());
            }
        });
        Self { to, from }
    }

    fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.to.put(bytes);
        self.from.take()
    }
}

/// The same for who waits on a runtime.
fn hop_on(runtime: &Runtime, input: &[u8]) {
    type Asked = (Vec<u8>, oneshot::Sender<Vec<u8>>);
    static TO: std::sync::OnceLock<Arc<Slot<Asked>>> = std::sync::OnceLock::new();
    let to = TO.get_or_init(|| {
        let to = Arc::new(Slot::<Asked>(Mutex::default(), Condvar::new()));
        let takes = Arc::clone(&to);
        thread::spawn(move || {
            loop {
                let (bytes, told) = takes.take();
                told.send(bytes.clone()).expect("waited for");
            }
        });
        to
    });
    let (told, answer) = oneshot::channel();
    to.put((input.to_vec(), told));
    assert_eq!(runtime.block_on(answer).expect("an answer").len(), input.len());
}

/// A process that sends back what it is sent.
struct Pair {
    frames: Frames,
    child: Child,
}

impl Pair {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let this = std::env::current_exe().expect("this program");
        let child = Command::new(this).arg("pair").stdin(Stdio::from(OwnedFd::from(theirs))).spawn();
        Self { frames: Frames::new(ours), child: child.expect("started") }
    }

    fn echo(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.frames.send(bytes);
        self.frames.receive().expect("an answer")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Frames {
    socket: UnixStream,
    piece: Vec<u8>,
}

impl Frames {
    fn new(socket: UnixStream) -> Self {
        Self { socket, piece: vec![0; 64 * 1024] }
    }

    fn send(&mut self, bytes: &[u8]) {
        let mut frame = Vec::with_capacity(4 + bytes.len());
        frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(bytes);
        self.socket.write_all(&frame).expect("sent");
    }

    /// A frame, which comes with one call of the system where it is small.
    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.socket.read(&mut self.piece).expect("received") {
                0 => return None,
                read => bytes.extend_from_slice(&self.piece[..read]),
            }
            let Some((length, rest)) = bytes.split_first_chunk() else { continue };
            if rest.len() == u32::from_le_bytes(*length) as usize {
                return Some(bytes.split_off(4));
            }
        }
    }
}

/// What the process of a [`Pair`] does.
pub(crate) fn serve_pair() {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut frames = Frames::new(UnixStream::from(socket));
    while let Some(bytes) = frames.receive() {
        frames.send(&bytes);
    }
}
