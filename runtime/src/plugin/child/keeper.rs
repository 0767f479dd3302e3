//! Keeps a plugin's process: starts it when there is something to run, hands runs over, looks at their time, and ends it.
//!
//! It is one thread, whose end would end the process: the system sends the death signal when the *thread* ends that has begun a process.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::{Arc, atomic::Ordering, mpsc as blocking},
    time::{Duration, Instant},
};

use onward_sdk::{description::Description, document::Answer, http::HttpError};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep_until, timeout, timeout_at},
};

use super::{
    Program, Shared, after,
    frame::{Frame, PROTOCOL},
    process::{Event, Events, Process, events},
};
use crate::plugin::{
    call::{self, CallError},
    calls::{Ended, Here, Listener},
    lines,
    runner::{AGAIN_MAX, ENDS_WITHIN, HttpAnswer, HttpRequest, RunError, RunnerSettings, RunnerState, Use},
};

/// How long a process may take from its start until it has said what it has loaded.
const START_MAX: Duration = Duration::from_secs(20);

/// How long it may take to end when it is let go of.
const END_MAX: Duration = Duration::from_secs(5);

/// The same when the server stops.
const STOP_END_MAX: Duration = Duration::from_millis(1_500);

/// How long what it has said last is waited for after its end.
const LAST_FRAMES_MAX: Duration = Duration::from_millis(500);

/// What the keeper is told.
pub(super) enum Command {
    Run(u64, Box<Call>),
    Cancel(u64),
    Forget(u64),
    /// What became of a request of a process.
    Answer {
        process: u64,
        number: u64,
        answer: HttpAnswer,
    },
    /// Ends; says so.
    Stop(Option<blocking::Sender<()>>),
}

/// A run that has not ended.
pub(super) struct Call {
    used: Arc<Use>,
    /// Until the library sees it.
    input: Vec<u8>,
    deadline: Instant,
    within: Duration,
    listener: Here,
    told: oneshot::Sender<Result<Answer, RunError>>,
    stage: Stage,
    shared: Arc<Shared>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// The process has it, the library has not seen it as far as is known.
    Handed,
    /// The same; its time is over, and the process is to say whether the library has seen it.
    HandedLate,
    Begun,
}

impl Call {
    pub(super) fn new(
        used: Arc<Use>,
        input: Vec<u8>,
        within: Duration,
        listener: Here,
        told: oneshot::Sender<Result<Answer, RunError>>,
        shared: Arc<Shared>,
    ) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        let deadline = after(Instant::now(), within);
        Self { used, input, deadline, within, listener, told, stage: Stage::Waiting, shared }
    }

    fn tell(self, told: Result<Answer, RunError>) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        let _nobody_waits = self.told.send(told);
    }

    fn forget(self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A process that has said what it has loaded, or is about to.
struct Live {
    process: Process,
    started: Instant,
    phase: Phase,
    /// Uses that it knows.
    uses: HashSet<u64>,
    /// Threads that do not come back.
    stuck: usize,
    /// It says nothing more.
    has_closed: bool,
}

/// Why a process is buried.
enum Why {
    /// It has ended by itself.
    Ended,
    /// It says nothing more that is understood: perhaps since it is about to end, and otherwise it is ended for this.
    Silent(String),
    /// It is ended for this.
    Killed(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Up,
    /// Let go of, and killed if it is there at that time.
    Ending(Instant),
}

pub(super) struct Keeper {
    program: Program,
    settings: RunnerSettings,
    shared: Arc<Shared>,
    /// For what comes back from others.
    back: mpsc::WeakUnboundedSender<Command>,
    events: Events,
    happened: mpsc::Receiver<(u64, Event)>,
    newest: u64,
    live: Option<Live>,
    calls: BTreeMap<u64, Call>,
    /// Of these, the ones that no process has.
    waiting: VecDeque<u64>,
    /// Runs that were told to be over, and of which the process has not said so.
    late: HashSet<u64>,
    times: BTreeSet<(Instant, u64)>,
    /// When the last run ended.
    quiet_since: Instant,
    /// Ends that nobody wanted.
    ends: VecDeque<Instant>,
    /// Not started before; and whether that is a quarantine.
    not_before: Option<(Instant, bool)>,
}

impl Keeper {
    pub(super) fn new(
        program: Program,
        settings: RunnerSettings,
        shared: Arc<Shared>,
        back: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        let (events, happened) = events();
        Self {
            program,
            settings,
            shared,
            back,
            events,
            happened,
            newest: 0,
            live: None,
            calls: BTreeMap::new(),
            waiting: VecDeque::new(),
            late: HashSet::new(),
            times: BTreeSet::new(),
            quiet_since: Instant::now(),
            ends: VecDeque::new(),
            not_before: None,
        }
    }

    /// What the thread does.
    pub(super) fn keep(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let name = self.name().to_owned();
                tracing::error!(plugin = name, %error, "what keeps a plugin's process cannot be set up");
                commands.close();
                return;
            }
        };
        runtime.block_on(async {
            let stopped = self.go_on(&mut commands).await;
            self.shut().await;
            // What comes now finds nobody, and is told nothing: as when it had been dropped.
            commands.close();
            let _nobody_waits = stopped.map(|stopped| stopped.send(()));
        });
    }

    fn name(&self) -> &str {
        &self.program.library.note.name
    }

    async fn go_on(
        &mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Option<blocking::Sender<()>> {
        loop {
            self.advance();
            let wake = self.wakes().unwrap_or_else(|| after(Instant::now(), Duration::MAX));
            tokio::select! {
                command = commands.recv() => match command {
                    None => return None,
                    Some(Command::Stop(stopped)) => return stopped,
                    Some(command) => self.obey(command),
                },
                Some((process, event)) = self.happened.recv() => {
                    if let Some(why) = self.see(process, event) {
                        self.bury(why).await;
                    }
                }
                () = sleep_until(wake.into()) => {}
            }
            if let Some(why) = self.pass(Instant::now()) {
                self.bury(Why::Killed(why)).await;
            }
        }
    }

    /// When something is to be done although nothing has happened.
    fn wakes(&self) -> Option<Instant> {
        let first = self.times.first().map(|(at, _)| *at);
        let again = self.not_before.filter(|_| !self.waiting.is_empty()).map(|(at, _)| at);
        let of_process = self.live.as_ref().and_then(|live| match live.phase {
            Phase::Starting => Some(live.started + START_MAX),
            Phase::Up => self.calls.is_empty().then(|| after(self.quiet_since, self.settings.idle)),
            Phase::Ending(by) => Some(by),
        });
        [first, again, of_process].into_iter().flatten().min()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(id, call) => self.take(id, *call),
            Command::Cancel(id) => self.cancel(id),
            Command::Forget(used) => {
                if let Some(live) = self.live.as_mut()
                    && live.uses.remove(&used)
                {
                    send(&live.process, used, &Frame::Forget);
                }
            }
            Command::Answer { process, number, answer } => {
                if let Some(live) = self.live.as_ref().filter(|live| live.process.number == process) {
                    answer_request(&live.process, number, answer);
                }
            }
            Command::Stop(_) => {}
        }
    }

    fn take(&mut self, id: u64, call: Call) {
        let unbegun = self.calls.values().filter(|call| call.stage != Stage::Begun).count();
        if let Some((_, true)) = self.not_before.filter(|(at, _)| *at > Instant::now()) {
            let error = self.quarantined();
            return call.tell(Err(error));
        }
        if unbegun >= self.settings.queue_max {
            let message = format!("The plugin {} is busy: {unbegun} of its runs wait.", self.name());
            return call.tell(Err(RunError::NotBegun { code: "plugin_busy", message }));
        }
        self.times.insert((call.deadline, id));
        self.calls.insert(id, call);
        self.waiting.push_back(id);
    }

    fn cancel(&mut self, id: u64) {
        let Some(call) = self.remove(id) else { return };
        if call.stage != Stage::Waiting
            && let Some(live) = &self.live
        {
            send(&live.process, id, &Frame::Cancel);
        }
        call.forget();
    }

    fn remove(&mut self, id: u64) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.times.remove(&(call.deadline, id));
        if call.stage == Stage::Waiting {
            self.waiting.retain(|waiting| *waiting != id);
        }
        if self.calls.is_empty() {
            self.quiet_since = Instant::now();
        }
        Some(call)
    }

    /// Starts the process where that is wanted, and hands over what it has room for.
    fn advance(&mut self) {
        let now = Instant::now();
        if self.not_before.is_some_and(|(at, _)| at <= now) {
            let was_quarantined = self.not_before.take().is_some_and(|(_, is)| is);
            if was_quarantined {
                self.ends.clear();
            }
            self.shared.set(RunnerState::Ready);
        }
        if self.live.is_none() && !self.waiting.is_empty() && self.not_before.is_none() {
            self.start(now);
        }
        let Some(live) = self.live.as_mut().filter(|live| live.phase == Phase::Up) else { return };
        while live.process.has_room()
            && let Some(id) = self.waiting.pop_front()
        {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            if let Err(message) = hand_over(live, id, call, now) {
                self.times.remove(&(call.deadline, id));
                if let Some(call) = self.calls.remove(&id) {
                    call.tell(Err(RunError::NotBegun { code: "plugin_input_too_large", message }));
                }
            }
        }
    }

    fn start(&mut self, now: Instant) {
        self.newest += 1;
        match Process::start(self.newest, &self.program, &self.settings, &self.events) {
            Ok(process) => {
                let phase = Phase::Starting;
                self.live = Some(Live {
                    process,
                    started: now,
                    phase,
                    uses: HashSet::new(),
                    stuck: 0,
                    has_closed: false,
                });
            }
            Err(error) => {
                let why = format!("Its process cannot be started: {error}.");
                self.ended(&why, now);
            }
        }
    }

    /// What a process was seen to do; something: it is to be buried.
    fn see(&mut self, number: u64, event: Event) -> Option<Why> {
        let live = self.live.as_mut().filter(|live| live.process.number == number)?;
        let is_ending = matches!(live.phase, Phase::Ending(_));
        match event {
            Event::Said(id, frame) => self.hear(id, frame).map(Why::Killed),
            Event::Room => None,
            Event::Ended if is_ending => {
                self.live = None;
                None
            }
            Event::Ended => Some(Why::Ended),
            Event::Closed | Event::Garbage(_) | Event::Stalled if is_ending => None,
            Event::Closed => {
                live.has_closed = true;
                Some(Why::Silent("it has closed its connection to the server".to_owned()))
            }
            Event::Garbage(why) => {
                live.has_closed = true;
                Some(Why::Silent(format!("it has sent the server {why}")))
            }
            Event::Stalled => Some(Why::Killed("it does not read what the server sends".to_owned())),
        }
    }

    /// What a process says; something: why it is not left alive.
    fn hear(&mut self, id: u64, frame: Frame) -> Option<String> {
        match frame {
            Frame::Hello(hello) => return self.greet(hello.protocol, &hello.sha256, &hello.steps),
            Frame::Refused(problem) => {
                let why = format!("It cannot be loaded: {}: {}.", problem.code, problem.message);
                self.quarantine(&why, Instant::now());
                if let Some(live) = self.live.as_mut() {
                    live.phase = Phase::Ending(Instant::now() + END_MAX);
                    live.process.close();
                }
            }
            Frame::Begun => self.begun(id),
            Frame::Done { status, bytes } => {
                let read = call::read(Ended { status, bytes: Ok(bytes) });
                self.done(id, read.map_err(RunError::Call));
            }
            Frame::TooLarge(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                self.done(id, Err(RunError::Call(CallError::TooLarge(length))));
            }
            Frame::Failed(failure) => self.done(id, Err(failure.into())),
            Frame::Log { level, line } => match self.calls.get(&id) {
                Some(call) => call.listener.log(level, &line),
                None => {
                    let _about = tracing::info_span!("plugin", name = self.name()).entered();
                    lines::log(level, &line);
                }
            },
            Frame::Progress(words) => {
                if let Some(call) = self.calls.get(&id) {
                    call.listener.progress(&words);
                }
            }
            Frame::Request { number, request } => {
                let process = self.live.as_ref()?.process.number;
                let reply = Reply { back: self.back.clone(), process, number, is_given: false };
                let answer = Box::new(move |answer| reply.give(answer));
                let request = HttpRequest { request, answer };
                match self.calls.get(&id) {
                    Some(call) => call.listener.request(request),
                    None => request.refuse_ended(),
                }
            }
            Frame::Stuck(count) => {
                self.live.as_mut()?.stuck = usize::try_from(count).unwrap_or(usize::MAX);
            }
            Frame::Use { .. } | Frame::Forget | Frame::Run { .. } | Frame::Cancel | Frame::Answer { .. } => {
                return Some("it has sent the server what only a server says".to_owned());
            }
        }
        None
    }

    fn greet(&mut self, protocol: u32, sha256: &str, _: &[Description]) -> Option<String> {
        if protocol != PROTOCOL {
            return Some(format!(
                "its program speaks version {protocol} of what they say to each other, and the server {PROTOCOL}: restart the server"
            ));
        }
        if sha256 != self.program.library.sha256 {
            return Some("it has loaded another library than the one that was looked at".to_owned());
        }
        let live = self.live.as_mut()?;
        if live.phase == Phase::Starting {
            live.phase = Phase::Up;
            self.quiet_since = Instant::now();
        }
        None
    }

    fn begun(&mut self, id: u64) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let is_late = call.stage == Stage::HandedLate;
        call.stage = Stage::Begun;
        call.input = Vec::new();
        if is_late {
            self.time_out(id, Instant::now());
        }
    }

    fn done(&mut self, id: u64, told: Result<Answer, RunError>) {
        self.late.remove(&id);
        if let Some(call) = self.remove(id) {
            call.tell(told);
        }
    }

    /// The library has seen it, and its time is over.
    fn time_out(&mut self, id: u64, now: Instant) {
        if let Some(call) = self.remove(id) {
            self.late.insert(id);
            self.times.insert((after(now, self.settings.grace), id));
            let within = call.within;
            call.tell(Err(RunError::Call(CallError::TimedOut(within))));
        }
    }

    /// Looks at the time; something: why the process is not left alive.
    fn pass(&mut self, now: Instant) -> Option<String> {
        while let Some((_, id)) = self.times.first().copied().filter(|(at, _)| *at <= now) {
            self.times.pop_first();
            let silent = || Some("it has not said what became of a run whose time is over".to_owned());
            match self.calls.get_mut(&id).map(|call| (call.stage, call)) {
                Some((Stage::Waiting, call)) => {
                    let within = call.within;
                    let message =
                        format!("The plugin {} could not begin this within {within:?}.", self.name());
                    self.done(id, Err(RunError::NotBegun { code: "plugin_busy", message }));
                }
                Some((Stage::Handed, call)) => {
                    call.stage = Stage::HandedLate;
                    call.deadline = after(now, self.settings.grace);
                    self.times.insert((call.deadline, id));
                }
                Some((Stage::HandedLate, _)) => return silent(),
                Some((Stage::Begun, _)) => self.time_out(id, now),
                None if self.late.contains(&id) => return silent(),
                None => {}
            }
        }
        let none_runs = !self.calls.values().any(|call| call.stage == Stage::Begun);
        let live = self.live.as_mut()?;
        match live.phase {
            Phase::Starting if live.started + START_MAX <= now => {
                Some(format!("it has not said what it has loaded within {START_MAX:?}"))
            }
            // Nothing else is lost with it, or nothing else can run.
            Phase::Up if live.stuck > 0 && (none_runs || live.stuck >= self.settings.threads) => {
                Some(format!("{} of its threads did not come back from runs whose time was over", live.stuck))
            }
            Phase::Up if self.calls.is_empty() && after(self.quiet_since, self.settings.idle) <= now => {
                live.phase = Phase::Ending(now + END_MAX);
                live.process.close();
                None
            }
            Phase::Ending(by) if by <= now => {
                // It does not want to; nobody is hurt.
                self.live = None;
                None
            }
            _ => None,
        }
    }

    /// Ends a process that has ended, or that is not left alive, and tells those whose runs end with it.
    async fn bury(&mut self, why: Why) {
        let Some(live) = &self.live else { return };
        if let Why::Killed(_) = &why {
            live.process.kill();
        }
        let (number, has_closed) = (live.process.number, live.has_closed);
        let has_ended = matches!(why, Why::Ended);
        let has_ended = self.hear_the_rest(number, has_ended, has_closed).await;
        let Some(live) = self.live.take() else { return };
        let (status, words) = live.process.end().await;
        let name = self.name();
        let how = match (why, status) {
            (Why::Killed(why), _) => format!("The plugin {name}'s process was ended: {why}"),
            (Why::Silent(why), _) if !has_ended => {
                format!("The plugin {name}'s process was ended: {why}")
            }
            (_, Ok(status)) => format!("The plugin {name}'s process ended by itself ({status})"),
            (_, Err(error)) => {
                format!("The plugin {name}'s process has ended, nobody knows how ({error})")
            }
        };
        let words =
            if words.is_empty() { String::new() } else { format!("; its last words were “{words}”") };
        self.ended(&format!("{how}{words}."), Instant::now());
    }

    /// Waits until a process has ended and has said all, which counts: for a moment only, since what it has begun may keep its connection
    /// open. Whether it has ended.
    async fn hear_the_rest(&mut self, number: u64, mut has_ended: bool, mut has_closed: bool) -> bool {
        let until = Instant::now() + LAST_FRAMES_MAX;
        while !(has_ended && has_closed) {
            if has_ended && let Some(live) = &self.live {
                // Also what it has begun.
                live.process.kill();
            }
            let Ok(Some((process, event))) = timeout_at(until.into(), self.happened.recv()).await else {
                break;
            };
            match event {
                _ if process != number => {}
                Event::Said(id, frame) if frame.is_of_a_run() => drop(self.hear(id, frame)),
                Event::Closed | Event::Garbage(_) => has_closed = true,
                Event::Ended => has_ended = true,
                _ => {}
            }
        }
        has_ended
    }

    /// The process is gone, which nobody wanted.
    fn ended(&mut self, why: &str, now: Instant) {
        tracing::warn!("{why}");
        let open: Vec<_> = self.calls.iter().map(|(id, call)| (*id, call.stage)).collect();
        for (id, stage) in open.into_iter().rev() {
            match stage {
                Stage::Begun => self
                    .done(id, Err(RunError::Died(format!("{why} What it had done of this is not known.")))),
                Stage::HandedLate => {
                    let message = format!("The plugin {} did not begin this in its time.", self.name());
                    self.done(id, Err(RunError::NotBegun { code: "plugin_busy", message }));
                }
                // The library has not seen it: the next process may.
                Stage::Handed => {
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.stage = Stage::Waiting;
                        self.waiting.push_front(id);
                    }
                }
                Stage::Waiting => {}
            }
        }
        self.times.retain(|(_, id)| !self.late.contains(id));
        self.late.clear();
        self.ends.push_back(now);
        self.ends.retain(|end| now.duration_since(*end) < ENDS_WITHIN);
        let count = self.ends.len();
        if count >= self.settings.ends_max {
            return self.quarantine(
                &format!("It has ended {count} times within {ENDS_WITHIN:?}, at last so: {why}"),
                now,
            );
        }
        let doubled = u32::try_from(count).unwrap_or(u32::MAX).checked_sub(2);
        if let Some(exponent) = doubled {
            let pause =
                self.settings.again_first.saturating_mul(2_u32.saturating_pow(exponent)).min(AGAIN_MAX);
            self.not_before = Some((now + pause, false));
            self.shared.set(RunnerState::BackingOff { why: why.to_owned() });
        }
    }

    /// Nothing is run for a while.
    fn quarantine(&mut self, why: &str, now: Instant) {
        tracing::error!(plugin = self.name(), why, "a plugin is not run for a while");
        self.not_before = Some((after(now, self.settings.quarantine), true));
        let why = format!(
            "The plugin {} is not run for {:?}: {why} Look at the log, and replace it or what it needs.",
            self.name(),
            self.settings.quarantine
        );
        self.shared.set(RunnerState::Quarantined { why });
        let open: Vec<_> = self.calls.keys().copied().collect();
        for id in open {
            let error = self.quarantined();
            self.done(id, Err(error));
        }
    }

    fn quarantined(&self) -> RunError {
        let state = self.shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let message = match &*state {
            RunnerState::Quarantined { why } | RunnerState::BackingOff { why } => why.clone(),
            RunnerState::Ready => String::new(),
        };
        RunError::NotBegun { code: "plugin_quarantined", message }
    }

    /// Ends all.
    async fn shut(&mut self) {
        let stopped = format!("The plugin {} was stopped", self.program.library.note.name);
        let open: Vec<_> = self.calls.iter().map(|(id, call)| (*id, call.stage)).collect();
        for (id, stage) in open {
            let error = match stage {
                Stage::Waiting => {
                    RunError::NotBegun { code: "plugin_stopped", message: format!("{stopped}.") }
                }
                _ => RunError::Died(format!("{stopped} before this had ended.")),
            };
            self.done(id, Err(error));
        }
        let Some(live) = self.live.as_mut() else { return };
        let number = live.process.number;
        live.process.close();
        let end = async {
            while let Some(event) = self.happened.recv().await {
                if matches!(event, (process, Event::Ended) if process == number) {
                    return;
                }
            }
        };
        let _killed_then = timeout(STOP_END_MAX, end).await;
        self.live = None;
    }
}

fn send(process: &Process, id: u64, frame: &Frame) {
    // None of these is too large.
    if let Ok(bytes) = frame.bytes(id) {
        process.send(bytes);
    }
}

fn hand_over(live: &mut Live, id: u64, call: &mut Call, now: Instant) -> Result<(), String> {
    let used = call.used.id;
    if !live.uses.contains(&used) {
        let step = u32::try_from(call.used.step).unwrap_or(u32::MAX);
        let known = Frame::Use { step, config: call.used.config.clone() };
        live.process.send(known.bytes(used).map_err(|error| error.to_string())?);
        live.uses.insert(used);
    }
    let within = call.deadline.saturating_duration_since(now);
    let run = Frame::Run { used, within, input: call.input.clone() };
    live.process.send(run.bytes(id).map_err(|error| error.to_string())?);
    call.stage = Stage::Handed;
    Ok(())
}

fn answer_request(process: &Process, number: u64, answer: HttpAnswer) {
    let bytes = (Frame::Answer { number, answer }).bytes(0).or_else(|error| {
        let answer = Err(HttpError::sent("answer_too_large", error.to_string()));
        Frame::Answer { number, answer }.bytes(0)
    });
    if let Ok(bytes) = bytes {
        process.send(bytes);
    }
}

/// What hears of the answer to a request: exactly once, so also when this is dropped.
struct Reply {
    back: mpsc::WeakUnboundedSender<Command>,
    process: u64,
    number: u64,
    is_given: bool,
}

impl Reply {
    fn give(mut self, answer: HttpAnswer) {
        self.hand_over(answer);
    }

    fn hand_over(&mut self, answer: HttpAnswer) {
        self.is_given = true;
        if let Some(back) = self.back.upgrade() {
            let Self { process, number, .. } = *self;
            let _ended_then = back.send(Command::Answer { process, number, answer });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_given {
            let why = "Nobody waits for the answer any more; whether the request was sent is not known.";
            self.hand_over(Err(HttpError::sent("cancelled", why)));
        }
    }
}
