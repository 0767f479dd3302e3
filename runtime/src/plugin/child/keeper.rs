//! Keeps a plugin's process: starts it when there is something to run, hands runs over, looks at their time, and ends it.
//!
//! It is one thread, whose end would end the process: the system sends the death signal when the *thread* ends that has begun a process.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    pin::pin,
    sync::{Arc, mpsc as blocking},
    time::{Duration, Instant},
};

use onward_sdk::{description::Description, document::Answer};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
    time::sleep_until,
};

use super::{
    Program, Shared, after,
    call::{Call, Reply, Stage, answer_request, hand_over, send},
    ending::Why,
    frame::{Frame, Hello, PROTOCOL},
    process::{Event, Events, Process, events},
};
use crate::plugin::{
    call::{self, CallError},
    calls::{Ended, Listener},
    host::readable,
    lines::{self, Rate},
    runner::{HttpAnswer, HttpRequest, RunError, RunnerSettings, RunnerState},
};

/// How long a process may take from its start until it has said what it has loaded.
const START_MAX: Duration = Duration::from_secs(20);

/// How long it may take to end when it is let go of.
const END_MAX: Duration = Duration::from_secs(5);

/// Hears what the step types are.
pub(super) type Described = oneshot::Sender<Result<Vec<Description>, RunError>>;

/// What the keeper is told.
pub(super) enum Command {
    Run(u64, Box<Call>),
    /// At the time, which is that of a run that was handed over already.
    Look,
    Cancel(u64),
    Forget(u64),
    Describe(Described),
    /// What became of a request of a process.
    Answer {
        process: u64,
        number: u64,
        answer: HttpAnswer,
    },
    /// Ends; says so.
    Stop(Option<blocking::Sender<()>>),
}

/// A process that has said what it has loaded, or is about to.
pub(super) struct Live {
    pub(super) process: Process,
    pub(super) started: Instant,
    pub(super) phase: Phase,
    /// What it has said of the library's step types.
    pub(super) steps: Vec<Description>,
    /// Threads that do not come back.
    pub(super) stuck: usize,
    /// It says nothing more.
    pub(super) has_closed: bool,
    /// Something came after which nothing that it says is understood.
    pub(super) is_garbled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Up,
    /// Let go of, and killed if it is there at that time.
    Ending(Instant),
}

pub(super) struct Keeper {
    pub(super) program: Program,
    pub(super) settings: RunnerSettings,
    pub(super) shared: Arc<Shared>,
    /// For what comes back from others.
    pub(super) back: mpsc::WeakUnboundedSender<Command>,
    pub(super) events: Events,
    pub(super) happened: mpsc::Receiver<(u64, Event)>,
    pub(super) newest: u64,
    pub(super) live: Option<Live>,
    pub(super) calls: BTreeMap<u64, Box<Call>>,
    /// Of these, the ones that no process has.
    pub(super) waiting: VecDeque<u64>,
    /// Uses that nobody wants any more, and of which there are runs.
    pub(super) forgotten: HashSet<u64>,
    /// Those that want to know what its step types are.
    pub(super) asked: Vec<Described>,
    /// Runs that were told to be over, and of which the process has not said so.
    pub(super) late: HashSet<u64>,
    pub(super) times: BTreeSet<(Instant, u64)>,
    /// Of the lines that are about no run.
    pub(super) rate: Rate,
    /// When the last run ended.
    pub(super) quiet_since: Instant,
    /// Ends that nobody wanted.
    pub(super) ends: VecDeque<Instant>,
    /// Not started before; and whether that is a quarantine.
    pub(super) not_before: Option<(Instant, bool)>,
}

impl Drop for Keeper {
    /// Also where it has panicked: whoever waits for a run that it has not heard of is told.
    fn drop(&mut self) {
        self.shared.gate.close();
        drop(self.shared.gate.take());
    }
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
            forgotten: HashSet::new(),
            waiting: VecDeque::new(),
            asked: Vec::new(),
            late: HashSet::new(),
            times: BTreeSet::new(),
            rate: Rate::default(),
            quiet_since: Instant::now(),
            ends: VecDeque::new(),
            not_before: None,
        }
    }

    /// What the thread does.
    pub(super) fn keep(mut self, runtime: &Runtime, mut commands: mpsc::UnboundedReceiver<Command>) {
        runtime.block_on(async {
            let stopped = self.go_on(&mut commands).await;
            self.shut().await;
            // What comes now finds nobody, and is told nothing: as when it had been dropped.
            commands.close();
            let _nobody_waits = stopped.map(|stopped| stopped.send(()));
        });
    }

    pub(super) fn name(&self) -> &str {
        &self.program.library.note.name
    }

    async fn go_on(
        &mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Option<blocking::Sender<()>> {
        let mut sleep = pin!(sleep_until(Instant::now().into()));
        loop {
            self.advance();
            let wake = self.wakes().unwrap_or_else(|| after(Instant::now(), Duration::MAX));
            let wake = self.shared.gate.sleeps_until(wake, !self.waiting.is_empty()).into();
            if sleep.deadline() != wake {
                sleep.as_mut().reset(wake);
            }
            tokio::select! {
                command = commands.recv() => {
                    self.collect();
                    match command {
                        None => return None,
                        Some(Command::Stop(stopped)) => return stopped,
                        Some(command) => self.obey(command),
                    }
                }
                event = self.happened.recv() => self.see_all(event).await,
                () = &mut sleep => self.collect(),
            }
            if let Some(why) = self.pass(Instant::now()) {
                self.bury(Why::Killed(why)).await;
            }
        }
    }

    /// Hears of the runs that were handed over by others: before whatever else, which may be about them.
    pub(super) fn collect(&mut self) {
        for (id, call) in self.shared.gate.take() {
            self.times.insert((call.deadline, id));
            self.calls.insert(id, call);
        }
    }

    /// Also what has happened besides.
    async fn see_all(&mut self, mut event: Option<(u64, Event)>) {
        while let Some((process, happened)) = event {
            self.collect();
            if let Some(why) = self.see(process, happened) {
                self.bury(why).await;
            }
            event = self.happened.try_recv().ok();
        }
    }

    /// When something is to be done although nothing has happened.
    fn wakes(&self) -> Option<Instant> {
        let first = self.times.first().map(|(at, _)| *at);
        // Also when nobody waits: until then it is said that it is not run.
        let again = self.not_before.map(|(at, _)| at);
        let of_process = self.live.as_ref().and_then(|live| match live.phase {
            Phase::Starting => Some(live.started + START_MAX),
            Phase::Up => self.calls.is_empty().then(|| after(self.quiet_since, self.settings.idle)),
            Phase::Ending(by) => Some(by),
        });
        [first, again, of_process].into_iter().flatten().min()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(id, call) => self.take(id, call),
            Command::Look => {}
            Command::Cancel(id) => self.cancel(id),
            Command::Forget(used) => {
                self.forgotten.insert(used);
                self.forget_unused(used);
            }
            Command::Describe(described) if self.is_quarantined() => {
                let _nobody_waits = described.send(Err(self.quarantined()));
            }
            Command::Describe(described) => match &self.live {
                Some(Live { phase: Phase::Up, steps, .. }) => {
                    let _nobody_waits = described.send(Ok(steps.clone()));
                }
                _ => self.asked.push(described),
            },
            Command::Answer { process, number, answer } => {
                if let Some(live) = self.live.as_ref().filter(|live| live.process.number == process) {
                    answer_request(&live.process, number, answer);
                }
            }
            Command::Stop(_) => {}
        }
    }

    /// Whether somebody waits for a process.
    fn is_wanted(&self) -> bool {
        !self.waiting.is_empty() || !self.asked.is_empty()
    }

    /// Whether there is a process that has not said yet what it has loaded.
    pub(super) fn is_starting(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.phase == Phase::Starting)
    }

    fn is_quarantined(&self) -> bool {
        self.not_before.is_some_and(|(at, is)| is && at > Instant::now())
    }

    fn take(&mut self, id: u64, call: Box<Call>) {
        // They are counted where it may matter.
        let unbegun = match self.calls.len() {
            few if few < self.settings.queue_max => few,
            _ => self.calls.values().filter(|call| call.stage != Stage::Begun).count(),
        };
        if self.is_quarantined() {
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

    /// Has the process forget a use that nobody wants any more, when the last run of it has ended.
    fn forget_unused(&mut self, used: u64) {
        if !self.forgotten.contains(&used) || self.calls.values().any(|call| call.used.id == used) {
            return;
        }
        self.forgotten.remove(&used);
        if self.shared.gate.forget(used)
            && let Some(live) = &self.live
        {
            send(&live.process, used, &Frame::Forget);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Box<Call>> {
        let call = self.calls.remove(&id)?;
        self.times.remove(&(call.deadline, id));
        self.forget_unused(call.used.id);
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
        // Again at once, the first time that it cannot be started.
        while self.live.is_none() && self.is_wanted() && self.not_before.is_none() {
            self.start(now);
        }
        let Some(live) = self.live.as_mut().filter(|live| live.phase == Phase::Up) else { return };
        let mut too_large = Vec::new();
        while live.process.has_room()
            && let Some(id) = self.waiting.pop_front()
        {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            if let Err(message) = hand_over(live, id, call, now) {
                too_large.push((id, message));
            }
        }
        for (id, message) in too_large {
            self.done(id, Err(RunError::NotBegun { code: "plugin_input_too_large", message }));
        }
    }

    fn start(&mut self, now: Instant) {
        self.newest += 1;
        match Process::start(self.newest, &self.program, &self.settings, &self.events) {
            Ok(process) => {
                self.live = Some(Live {
                    process,
                    started: now,
                    phase: Phase::Starting,
                    steps: Vec::new(),
                    stuck: 0,
                    has_closed: false,
                    is_garbled: false,
                });
            }
            Err(error) => {
                let why = format!("Its process cannot be started: {error}.");
                self.ended(&why, true, now);
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
            Event::Closed(_) | Event::Garbage(_) | Event::Stalled if is_ending => None,
            Event::Closed(why) => {
                live.has_closed = true;
                Some(Why::Silent(why.to_owned()))
            }
            Event::Garbage(why) => {
                (live.has_closed, live.is_garbled) = (true, true);
                Some(Why::Killed(format!("it has sent the server {why}")))
            }
            Event::Stalled => Some(Why::Killed("it does not read what the server sends".to_owned())),
        }
    }

    /// What a process says; something: why it is not left alive.
    pub(super) fn hear(&mut self, id: u64, frame: Frame) -> Option<String> {
        match frame {
            Frame::Hello(hello) => return self.greet(hello),
            Frame::Refused(_) if !self.is_starting() => {
                return Some("it has said that it cannot be loaded after it was".to_owned());
            }
            Frame::Refused(problem) => {
                self.refused(&problem);
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
            Frame::Failed(failure) => {
                // The process was told what was left of the time when it was handed over.
                let error = match (failure.into(), self.calls.get(&id)) {
                    (RunError::Call(CallError::TimedOut(_)), Some(call)) => {
                        RunError::Call(CallError::TimedOut(call.within))
                    }
                    (error, _) => error,
                };
                self.done(id, Err(error));
            }
            Frame::Log { level, line } => self.log(id, level, &readable(&line)),
            Frame::Progress(words) => {
                if let Some(call) = self.calls.get(&id) {
                    call.listener.progress(&readable(&words));
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

    fn log(&mut self, id: u64, level: u32, line: &str) {
        if let Some(call) = self.calls.get(&id) {
            return call.listener.log(level, line);
        }
        let _about = tracing::info_span!("plugin", name = self.name()).entered();
        if self.rate.allows() {
            let line = self.live.as_ref().map_or(line.into(), |live| live.process.redacted(line));
            lines::log(level, &line);
        }
    }

    fn greet(&mut self, hello: Hello) -> Option<String> {
        let Hello { protocol, sha256, steps } = hello;
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
            (live.phase, live.steps) = (Phase::Up, steps);
            self.shared.gate.open(Arc::clone(&live.process.way));
            for asked in self.asked.drain(..) {
                let _nobody_waits = asked.send(Ok(live.steps.clone()));
            }
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

    pub(super) fn done(&mut self, id: u64, told: Result<Answer, RunError>) {
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
        let calls = &self.calls;
        let none_runs = || !calls.values().any(|call| call.stage == Stage::Begun);
        let live = self.live.as_mut()?;
        match live.phase {
            Phase::Starting if live.started + START_MAX <= now => {
                Some(format!("it has not said what it has loaded within {START_MAX:?}"))
            }
            // Nothing else is lost with it, or nothing else can run.
            Phase::Up if live.stuck > 0 && (none_runs() || live.stuck >= self.settings.threads) => {
                Some(format!("{} of its threads did not come back from runs whose time was over", live.stuck))
            }
            Phase::Up
                if calls.is_empty()
                    && after(self.quiet_since, self.settings.idle) <= now
                    && self.shared.gate.close_if_quiet() =>
            {
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
}
