//! The short way to a process that is up: whoever runs something that it knows writes that to it, and the keeper hears of it with the
//! next thing that happens. A run costs the keeper's thread nothing before there is something to say of it.

use std::{
    collections::HashSet,
    io::Write,
    mem,
    os::unix::net::UnixStream as Pair,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::mpsc;

use super::{
    call::{Call, Stage},
    frame,
};

/// Bytes that wait to be read by the process, beyond which no more runs are handed over.
pub(super) const BACKLOG_BYTES_MAX: usize = 1024 * 1024;

/// The way to a process. What it does not take at once is written when it does, in order.
pub(super) struct Way {
    ends: Mutex<Option<Ends>>,
    /// Bytes that wait.
    backlog: AtomicUsize,
}

struct Ends {
    /// One that does not wait.
    socket: Pair,
    /// To who waits until it takes more.
    rest: mpsc::UnboundedSender<Vec<u8>>,
}

impl Way {
    /// `rest`: what is to be written by somebody who waits.
    pub(super) fn new(socket: Pair, rest: mpsc::UnboundedSender<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { ends: Mutex::new(Some(Ends { socket, rest })), backlog: AtomicUsize::new(0) })
    }

    fn ends(&self) -> MutexGuard<'_, Option<Ends>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame, soon.
    pub(super) fn send(&self, mut bytes: Vec<u8>) {
        let ends = self.ends();
        let Some(Ends { socket, rest }) = &*ends else { return };
        // What waits is first.
        if self.backlog.load(Ordering::Acquire) == 0 {
            match { socket }.write(&bytes) {
                Ok(written) if written == bytes.len() => return,
                Ok(written) => drop(bytes.drain(..written)),
                // Its end is seen elsewhere.
                Err(_) => {}
            }
        }
        self.backlog.fetch_add(bytes.len(), Ordering::AcqRel);
        let _ended_then = rest.send(bytes);
    }

    /// So many bytes do not wait any more; whether there is room again for runs.
    pub(super) fn sent(&self, count: usize) -> bool {
        let before = self.backlog.fetch_sub(count, Ordering::AcqRel);
        before >= BACKLOG_BYTES_MAX && before - count < BACKLOG_BYTES_MAX
    }

    /// Whether it may be given another run.
    pub(super) fn has_room(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) < BACKLOG_BYTES_MAX
    }

    /// Nothing more is to be said.
    pub(super) fn close(&self) {
        *self.ends() = None;
    }
}

/// What the keeper and whoever runs something know of the process.
#[derive(Default)]
pub(super) struct Gate(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// To the process, while it is up.
    way: Option<Arc<Way>>,
    /// Uses that it knows.
    uses: HashSet<u64>,
    /// Runs that were written to it, of which the keeper has not heard.
    handed: Vec<(u64, Box<Call>)>,
    /// When the keeper looks at the time next.
    looks_at: Option<Instant>,
    /// Earlier runs wait for room.
    has_waiting: bool,
}

/// What came of a run that was to be handed over.
pub(super) enum Handed {
    Yes,
    /// The keeper is to look at the time earlier than it would.
    Earlier,
    /// It is the keeper's matter.
    No(Box<Call>),
}

impl Inner {
    /// The way for a run of a use, if it may take it now.
    fn way_of(&self, used: u64) -> Option<Arc<Way>> {
        let way = self.way.as_ref().filter(|way| way.has_room())?;
        (self.uses.contains(&used) && !self.has_waiting).then(|| Arc::clone(way))
    }
}

impl Gate {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a run over, if the process is up and knows what it is a run of.
    pub(super) fn hand_over(&self, id: u64, mut call: Box<Call>) -> Handed {
        let (used, deadline) = (call.used.id, call.deadline);
        if self.inner().way_of(used).is_none() {
            return Handed::No(call);
        }
        // What may be long is not copied under the lock.
        let within = deadline.saturating_duration_since(Instant::now());
        let Ok(run) = frame::run(id, used, within, &call.input) else { return Handed::No(call) };
        let mut inner = self.inner();
        let Some(way) = inner.way_of(used) else { return Handed::No(call) };
        call.stage = Stage::Handed;
        inner.handed.push((id, call));
        let is_earlier = inner.looks_at.is_none_or(|at| deadline < at);
        if is_earlier {
            inner.looks_at = Some(deadline);
        }
        drop(inner);
        // Whoever hears the answer finds the run there, and need not wait for this. Where the process is being buried meanwhile, the
        // keeper hands the run to the next one.
        way.send(run);
        if is_earlier { Handed::Earlier } else { Handed::Yes }
    }

    /// What was handed over. Whoever has seen an answer to something finds it here, or has found it before.
    pub(super) fn take(&self) -> Vec<(u64, Box<Call>)> {
        mem::take(&mut self.inner().handed)
    }

    /// Lets runs through to a process that is up.
    pub(super) fn open(&self, way: Arc<Way>) {
        let mut inner = self.inner();
        inner.uses.clear();
        inner.way = Some(way);
    }

    /// Lets none through any more.
    pub(super) fn close(&self) {
        let mut inner = self.inner();
        inner.way = None;
        inner.uses.clear();
    }

    /// The same, unless one has come through of which the keeper has not heard; whether it is closed.
    pub(super) fn close_if_quiet(&self) -> bool {
        let mut inner = self.inner();
        if inner.handed.is_empty() {
            inner.way = None;
            inner.uses.clear();
        }
        inner.handed.is_empty()
    }

    /// Whether the process knows a use.
    pub(super) fn knows(&self, used: u64) -> bool {
        self.inner().uses.contains(&used)
    }

    /// It knows it now.
    pub(super) fn learn(&self, used: u64) {
        self.inner().uses.insert(used);
    }

    /// It is to forget it; whether it has known it.
    pub(super) fn forget(&self, used: u64) -> bool {
        self.inner().uses.remove(&used)
    }

    /// When the keeper looks at the time next, if it is to do so at an instant. It goes on sleeping until what it has slept for, since most
    /// runs end long before their time is over, and others come.
    /// `has_waiting`: whether it keeps runs back, which others do not overtake.
    pub(super) fn sleeps_until(&self, wanted: Instant, has_waiting: bool) -> Instant {
        let mut inner = self.inner();
        inner.has_waiting = has_waiting;
        let at = inner.looks_at.filter(|at| *at > Instant::now()).map_or(wanted, |at| at.min(wanted));
        // Also those of which the keeper has not heard.
        let at = inner.handed.iter().map(|(_, call)| call.deadline).fold(at, Instant::min);
        inner.looks_at = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, thread, time::Duration};

    use tokio::sync::oneshot;
    use tracing::Span;

    use super::{super::Shared, *};
    use crate::{
        model::secret::Redactor,
        plugin::{
            calls::Here,
            runner::{RunnerState, Use},
        },
    };

    #[test]
    fn what_a_process_does_not_take_at_once_comes_in_order() {
        let (ours, mut theirs) = Pair::pair().expect("a pair");
        ours.set_nonblocking(true).expect("set");
        let (rest, mut waiting) = mpsc::unbounded_channel();
        let way = Way::new(ours.try_clone().expect("a copy"), rest);
        let frames: Vec<_> = (0..40_u8).map(|number| vec![number; 50_000]).collect();
        frames.iter().for_each(|frame| way.send(frame.clone()));
        assert!(!way.has_room() && !waiting.is_empty(), "it has not read any");
        let expected = frames.concat();
        let length = expected.len();
        let reads = thread::spawn(move || {
            let mut come = vec![0; length];
            theirs.read_exact(&mut come).expect("all of it");
            (theirs, come)
        });
        let mut had_room = false;
        ours.set_nonblocking(false).expect("set");
        while let Ok(bytes) = waiting.try_recv() {
            { &ours }.write_all(&bytes).expect("written");
            had_room |= way.sent(bytes.len());
        }
        let (mut theirs, come) = reads.join().expect("read");
        assert!(come == expected && had_room && way.has_room());
        // Now it takes what comes.
        way.send(b"more".to_vec());
        let mut more = [0; 4];
        theirs.read_exact(&mut more).expect("more");
        assert!(more == *b"more" && waiting.is_empty());
        way.close();
        way.send(b"none".to_vec());
        assert!(waiting.blocking_recv().is_none(), "nothing more is to be said");
    }

    fn shared() -> Arc<Shared> {
        let state = Mutex::new(RunnerState::Ready);
        Arc::new(Shared { state, open: AtomicUsize::new(0), gate: Gate::default() })
    }

    /// A run of a use, which has so long.
    fn call(shared: &Arc<Shared>, used: &Arc<Use>, within: Duration) -> Box<Call> {
        let (listener, _requests) = Here::new(Span::none(), Arc::clone(used));
        let (told, _ended) = oneshot::channel();
        let shared = Arc::clone(shared);
        Box::new(Call::new(Arc::clone(used), b"{}".to_vec(), within, listener, told, shared))
    }

    fn used() -> Arc<Use> {
        Use::new(0, b"{}".to_vec(), Redactor::default())
    }

    #[test]
    fn a_run_takes_the_short_way_only_where_nothing_speaks_against_it() {
        let (shared, used) = (shared(), used());
        let gate = &shared.gate;
        let hand = |id, seconds| gate.hand_over(id, call(&shared, &used, Duration::from_secs(seconds)));
        assert!(matches!(hand(1, 60), Handed::No(_)), "there is no process");
        let (ours, _theirs) = Pair::pair().expect("a pair");
        let (rest, _waiting) = mpsc::unbounded_channel();
        let way = Way::new(ours, rest);
        gate.open(Arc::clone(&way));
        assert!(matches!(hand(1, 60), Handed::No(_)), "it does not know the use");
        gate.learn(used.id);
        // Whoever looks at the time is woken only for what is over earlier than all before.
        assert!(matches!(hand(1, 60), Handed::Earlier));
        assert!(matches!(hand(2, 90), Handed::Yes));
        assert!(matches!(hand(3, 30), Handed::Earlier));
        assert!(!gate.close_if_quiet(), "the keeper has not heard of them");
        assert_eq!(gate.take().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
        gate.sleeps_until(Instant::now() + Duration::from_secs(1), true);
        assert!(matches!(hand(4, 60), Handed::No(_)), "others wait for room");
        gate.sleeps_until(Instant::now() + Duration::from_secs(1), false);
        assert!(matches!(hand(4, 60), Handed::Yes));
        gate.take();
        assert!(gate.close_if_quiet());
        assert!(matches!(hand(5, 60), Handed::No(_)), "it is being ended");
        gate.learn(used.id);
        gate.open(way);
        assert!(matches!(hand(5, 60), Handed::No(_)), "another process knows nothing yet");
        assert!(gate.take().is_empty());
    }

    /// It was handed over after the keeper had heard of the others, and before it slept.
    #[test]
    fn nobody_sleeps_past_the_time_of_a_run_that_was_not_heard_of() {
        let (shared, used) = (shared(), used());
        let gate = &shared.gate;
        let (ours, _theirs) = Pair::pair().expect("a pair");
        gate.open(Way::new(ours, mpsc::unbounded_channel().0));
        gate.learn(used.id);
        gate.sleeps_until(Instant::now() + Duration::from_millis(20), false);
        assert!(matches!(gate.hand_over(1, call(&shared, &used, Duration::from_millis(40))), Handed::Yes));
        thread::sleep(Duration::from_millis(25));
        let wakes = gate.sleeps_until(Instant::now() + Duration::from_secs(600), false);
        assert!(wakes < Instant::now() + Duration::from_secs(1));
    }
}
