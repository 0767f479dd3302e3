//! What a pool has to do, and what is known of it: pure, but for the numbers of calls.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use onward_sdk::abi::{LOG_WARN, STATUS_PANIC};

use super::{Begun, Hears, Held, Order};
use crate::plugin::{
    call::CallError,
    calls::{Ended, Listener},
    lines,
    load::Instance,
    runner::{RunError, RunnerSettings, Use},
};

/// Runs that are under way in one library, waiting included: an asynchronous one holds no thread.
const OPEN_MAX: usize = 10_000;

/// How long an instance may take to be given back, before its thread counts as stuck.
const GIVE_BACK_MAX: Duration = Duration::from_secs(30);

pub(super) struct State {
    name: String,
    max_threads: usize,
    queue_max: usize,
    grace: Duration,
    newest: u64,
    /// Every run that has not ended.
    jobs: HashMap<u64, Job>,
    /// Of those, the ones that the library has not seen.
    unbegun: usize,
    queue: VecDeque<u64>,
    uses: HashMap<u64, Kept>,
    /// Threads in the library, by the run for which they are there.
    inside: HashMap<u64, Inside>,
    stuck: usize,
    times: BTreeSet<(Instant, u64)>,
    to_give_back: Vec<Instance>,
    /// Made, and not given back.
    pub(super) instances: usize,
    pub(super) threads: usize,
    pub(super) idle: usize,
    pub(super) has_timer: bool,
    /// When the thread that looks at the time does so next; `None`: when it is woken.
    pub(super) looks_at: Option<Instant>,
    pub(super) is_stopped: bool,
}

pub(super) struct Job {
    used: Arc<Use>,
    input: Vec<u8>,
    deadline: Instant,
    within: Duration,
    listener: Arc<dyn Listener>,
    begun: Option<Begun>,
    hears: Hears,
    phase: Phase,
}

enum Phase {
    Queued,
    /// For another run of its use to make the instance.
    Waiting,
    /// A thread has it; the library may have seen it.
    Making(Option<u64>),
    Running(Option<(u64, Held)>),
}

impl Phase {
    fn is_begun(&self) -> bool {
        !matches!(self, Self::Queued | Self::Waiting)
    }
}

impl Job {
    fn going(&mut self, job: u64) -> Going {
        Going {
            job,
            used: Arc::clone(&self.used),
            deadline: self.deadline,
            listener: Arc::clone(&self.listener),
            begun: self.begun.take(),
        }
    }
}

/// What is known of a use.
#[derive(Default)]
struct Kept {
    made: Made,
    waiting: Vec<u64>,
    /// Runs of it that have not ended.
    jobs: usize,
    is_forgotten: bool,
}

#[derive(Default)]
enum Made {
    #[default]
    Not,
    UnderWay,
    Yes(Held),
}

/// A thread in the library.
struct Inside {
    is_stuck: bool,
    /// When it is looked at next.
    time: Instant,
}

/// What a thread does next.
pub(super) enum Task {
    GiveBack(u64, Instance),
    Make(Going),
    Run(Going, Held, Vec<u8>),
}

/// A run that a thread has.
pub(super) struct Going {
    pub(super) job: u64,
    pub(super) used: Arc<Use>,
    pub(super) deadline: Instant,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) begun: Option<Begun>,
}

/// What follows from a change.
pub(super) enum After {
    Tell(Hears, Result<Ended, RunError>),
    LetGo(Held),
    Retire(u64),
    Cancel(u64, Held),
}

impl State {
    pub(super) fn new(name: String, settings: &RunnerSettings) -> Self {
        Self {
            name,
            max_threads: settings.threads,
            queue_max: settings.queue_max,
            grace: settings.grace,
            newest: 0,
            jobs: HashMap::new(),
            unbegun: 0,
            queue: VecDeque::new(),
            uses: HashMap::new(),
            inside: HashMap::new(),
            stuck: 0,
            times: BTreeSet::new(),
            to_give_back: Vec::new(),
            instances: 0,
            threads: 0,
            idle: 0,
            has_timer: false,
            looks_at: None,
            is_stopped: false,
        }
    }

    pub(super) fn stuck(&self) -> usize {
        self.stuck
    }

    pub(super) fn is_all_stuck(&self) -> bool {
        self.stuck >= self.max_threads
    }

    pub(super) fn why_quarantined(&self) -> String {
        let Self { name, stuck, .. } = self;
        format!(
            "All {stuck} threads of the plugin {name} are in runs that have not ended although their time is over. It runs again when one \
             comes back. Restart the server, give its steps more time, or run it in a process of its own, which can be ended."
        )
    }

    fn not_begun(&self, code: &'static str, message: String) -> RunError {
        RunError::NotBegun { code, message }
    }

    fn quarantined(&self) -> RunError {
        self.not_begun("plugin_quarantined", self.why_quarantined())
    }

    fn stopped(&self) -> RunError {
        self.not_begun("plugin_stopped", format!("The plugin {} is being stopped.", self.name))
    }

    /// How many threads might be busy.
    pub(super) fn tasks(&self) -> usize {
        self.queue.len() + self.to_give_back.len()
    }

    pub(super) fn first_time(&self) -> Option<Instant> {
        self.times.first().map(|(at, _)| *at)
    }

    /// Whether whoever looks at the time is to be woken: most runs end long before their time is over, and it sleeps on until then.
    pub(super) fn is_to_look_earlier(&mut self) -> bool {
        let Some(first) = self.first_time() else { return false };
        let is_earlier = self.looks_at.is_none_or(|at| first < at);
        if is_earlier {
            self.looks_at = Some(first);
        }
        is_earlier
    }

    fn number(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }

    /// Takes a run; its number.
    pub(super) fn take(&mut self, order: Order, now: Instant) -> Result<u64, (Hears, RunError)> {
        let busy = |what: String| {
            self.not_begun("plugin_busy", format!("The plugin {} is busy: {what}.", self.name))
        };
        let refused = if self.is_stopped {
            Some(self.stopped())
        } else if self.is_all_stuck() {
            Some(self.quarantined())
        } else if self.unbegun >= self.queue_max {
            Some(busy(format!("{} of its runs wait for a thread", self.unbegun)))
        } else if self.jobs.len() >= OPEN_MAX {
            Some(busy(format!("{OPEN_MAX} of its runs are under way")))
        } else {
            None
        };
        let Order { used, input, within, listener, begun, hears } = order;
        if let Some(error) = refused {
            return Err((hears, error));
        }
        let (job, deadline) = (self.number(), now + within);
        self.uses.entry(used.id).or_default().jobs += 1;
        let phase = Phase::Queued;
        self.jobs.insert(job, Job { used, input, deadline, within, listener, begun, hears, phase });
        self.unbegun += 1;
        self.queue.push_back(job);
        self.times.insert((deadline, job));
        Ok(job)
    }

    /// What a thread is to do now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Task> {
        if let Some(instance) = self.to_give_back.pop() {
            let (job, time) = (self.number(), now + GIVE_BACK_MAX);
            self.inside.insert(job, Inside { is_stuck: false, time });
            self.times.insert((time, job));
            return Some(Task::GiveBack(job, instance));
        }
        while let Some(job) = self.queue.pop_front() {
            if let Some(task) = self.prepare(job, now) {
                return Some(task);
            }
        }
        None
    }

    fn prepare(&mut self, number: u64, now: Instant) -> Option<Task> {
        let job = self.jobs.get_mut(&number)?;
        if job.deadline <= now {
            // Whoever looks at the time ends it.
            return None;
        }
        let kept = self.uses.entry(job.used.id).or_default();
        let task = match &kept.made {
            Made::Yes(held) => {
                job.phase = Phase::Running(None);
                let (held, input) = (held.clone(), mem::take(&mut job.input));
                Task::Run(job.going(number), held, input)
            }
            Made::Not => {
                kept.made = Made::UnderWay;
                job.phase = Phase::Making(None);
                Task::Make(job.going(number))
            }
            Made::UnderWay => {
                job.phase = Phase::Waiting;
                kept.waiting.push(number);
                return None;
            }
        };
        self.inside.insert(number, Inside { is_stuck: false, time: job.deadline });
        self.unbegun -= 1;
        Some(task)
    }

    /// The making of its instance has a number; whether somebody still waits for it.
    pub(super) fn makes(&mut self, job: u64, call: u64) -> bool {
        let Some(job) = self.jobs.get_mut(&job) else { return false };
        job.phase = Phase::Making(Some(call));
        true
    }

    /// The run has a number; whether somebody still waits for it.
    pub(super) fn runs(&mut self, job: u64, call: u64, held: &Held) -> bool {
        let Some(job) = self.jobs.get_mut(&job) else { return false };
        job.phase = Phase::Running(Some((call, held.clone())));
        true
    }

    /// An instance was made, or not: those that wait for it go on, each of which makes it if there is none.
    pub(super) fn made(
        &mut self,
        number: u64,
        used: u64,
        made: Result<Held, Result<Ended, RunError>>,
    ) -> Vec<After> {
        let mut after = Vec::new();
        // Before the run ends: a use that is forgotten is gone with its last one.
        let failed = match (made, self.uses.get_mut(&used)) {
            (Ok(held), Some(kept)) => {
                // Of a use that was forgotten and came again, there may be one already.
                if let Made::Yes(other) = mem::replace(&mut kept.made, Made::Yes(held)) {
                    after.push(After::LetGo(other));
                }
                None
            }
            (Ok(held), None) => {
                after.push(After::LetGo(held));
                None
            }
            (Err(failed), kept) => {
                if let Some(kept) = kept
                    && matches!(kept.made, Made::UnderWay)
                {
                    kept.made = Made::Not;
                }
                Some(failed)
            }
        };
        let waiting = self.uses.get_mut(&used).map(|kept| mem::take(&mut kept.waiting)).unwrap_or_default();
        for number in waiting.into_iter().rev() {
            if let Some(job) = self.jobs.get_mut(&number) {
                job.phase = Phase::Queued;
                self.queue.push_front(number);
            }
        }
        match failed {
            Some(failed) => after.extend(self.finish(number, failed)),
            None => {
                if let Some(job) = self.jobs.get_mut(&number) {
                    job.phase = Phase::Queued;
                    self.unbegun += 1;
                    self.queue.push_front(number);
                }
            }
        }
        after
    }

    /// The library has ended a call. After a panic its instance is not used again.
    pub(super) fn ended(&mut self, job: u64, used: u64, held: &Held, ended: Ended) -> Vec<After> {
        let mut after = Vec::new();
        if ended.status == STATUS_PANIC
            && let Some(kept) = self.uses.get_mut(&used)
            && matches!(&kept.made, Made::Yes(made) if made.is(held))
            && let Made::Yes(made) = mem::take(&mut kept.made)
        {
            after.push(After::LetGo(made));
        }
        after.extend(self.finish(job, Ok(ended)));
        after
    }

    /// Takes a run off, and tells of it.
    fn finish(&mut self, job: u64, told: Result<Ended, RunError>) -> Vec<After> {
        let Some((job, mut after)) = self.remove(job) else { return Vec::new() };
        if let Phase::Running(Some((_, held))) = job.phase {
            after.push(After::LetGo(held));
        }
        after.push(After::Tell(job.hears, told));
        after
    }

    fn remove(&mut self, number: u64) -> Option<(Job, Vec<After>)> {
        let job = self.jobs.remove(&number)?;
        if !job.phase.is_begun() {
            self.unbegun -= 1;
            self.queue.retain(|queued| *queued != number);
        }
        if !self.inside.contains_key(&number) {
            self.times.remove(&(job.deadline, number));
        }
        let mut after = Vec::new();
        if let Some(kept) = self.uses.get_mut(&job.used.id) {
            kept.jobs -= 1;
            kept.waiting.retain(|waiting| *waiting != number);
            if kept.is_forgotten && kept.jobs == 0 {
                after.extend(self.lose(job.used.id).map(After::LetGo));
            }
        }
        Some((job, after))
    }

    fn lose(&mut self, used: u64) -> Option<Held> {
        match self.uses.remove(&used)?.made {
            Made::Yes(held) => Some(held),
            Made::Not | Made::UnderWay => None,
        }
    }

    /// Lets go of a use now, or with its last run.
    pub(super) fn forget(&mut self, used: u64) -> Option<Held> {
        let kept = self.uses.get_mut(&used)?;
        kept.is_forgotten = true;
        if kept.jobs == 0 { self.lose(used) } else { None }
    }

    /// Takes a run back, of which nobody wants to hear.
    pub(super) fn cancel(&mut self, number: u64, now: Instant) -> Vec<After> {
        let Some((job, mut after)) = self.remove(number) else { return Vec::new() };
        if let Some(inside) = self.inside.get_mut(&number) {
            // It is to come back soon.
            self.times.remove(&(inside.time, number));
            inside.time = inside.time.min(now + self.grace);
            self.times.insert((inside.time, number));
        }
        after.extend(Self::given_up(job.phase));
        after
    }

    /// What tells the library that nobody waits any more.
    fn given_up(phase: Phase) -> Option<After> {
        match phase {
            Phase::Making(Some(call)) => Some(After::Retire(call)),
            Phase::Running(Some((call, held))) => Some(After::Cancel(call, held)),
            _ => None,
        }
    }

    /// A thread has come back from the library.
    pub(super) fn returned(&mut self, number: u64) {
        let Some(inside) = self.inside.remove(&number) else { return };
        self.stuck -= usize::from(inside.is_stuck);
        if !self.jobs.contains_key(&number) {
            // Of a run that has ended, whose time nobody waits for any more.
            self.times.remove(&(inside.time, number));
        }
    }

    /// Ends what had its time, and counts what is still in the library although that was asked to end.
    pub(super) fn pass(&mut self, now: Instant) -> Vec<After> {
        let mut after = Vec::new();
        while let Some((_, number)) = self.times.first().copied().filter(|(at, _)| *at <= now) {
            self.times.pop_first();
            if self.jobs.contains_key(&number) {
                if let Some(inside) = self.inside.get_mut(&number) {
                    inside.time = now + self.grace;
                    self.times.insert((inside.time, number));
                }
                after.extend(self.time_out(number));
            } else if let Some(inside) = self.inside.get_mut(&number).filter(|inside| !inside.is_stuck) {
                inside.is_stuck = true;
                self.stuck += 1;
                let Self { name, stuck, max_threads, .. } = self;
                let line = format!(
                    "{name}: a thread is still in a run whose time is over: {stuck} of its {max_threads} threads now"
                );
                lines::say(LOG_WARN, &line);
            }
        }
        if self.is_all_stuck() {
            after.extend(self.clear_queue(&self.quarantined()));
        }
        after
    }

    fn time_out(&mut self, number: u64) -> Vec<After> {
        let (threads, stuck) = (self.max_threads, self.stuck);
        let Some((job, mut after)) = self.remove(number) else { return Vec::new() };
        let within = job.within;
        let error = if job.phase.is_begun() {
            RunError::Call(CallError::TimedOut(within))
        } else {
            let message = format!(
                "The plugin {} was busy: none of its {threads} threads was free for this within {within:?} ({stuck} of them are stuck).",
                self.name
            );
            self.not_begun("plugin_busy", message)
        };
        after.extend(Self::given_up(job.phase));
        after.push(After::Tell(job.hears, Err(error)));
        after
    }

    fn clear_queue(&mut self, error: &RunError) -> Vec<After> {
        let unbegun = self.jobs.iter().filter(|(_, job)| !job.phase.is_begun());
        let unbegun: Vec<_> = unbegun.map(|(number, _)| *number).collect();
        unbegun.into_iter().flat_map(|number| self.finish(number, Err(error.clone()))).collect()
    }

    pub(super) fn give_back(&mut self, instance: Instance) {
        self.to_give_back.push(instance);
    }

    /// Takes nothing more, and ends what there is.
    pub(super) fn stop(&mut self) -> Vec<After> {
        self.is_stopped = true;
        let mut after = self.clear_queue(&self.stopped());
        let open: Vec<_> = self.jobs.keys().copied().collect();
        for number in open {
            let Some((job, more)) = self.remove(number) else { continue };
            after.extend(more);
            after.extend(Self::given_up(job.phase));
            let died = format!("The plugin {} was stopped before this had ended.", self.name);
            after.push(After::Tell(job.hears, Err(RunError::Died(died))));
        }
        after.extend(mem::take(&mut self.uses).into_values().filter_map(|kept| match kept.made {
            Made::Yes(held) => Some(After::LetGo(held)),
            Made::Not | Made::UnderWay => None,
        }));
        after
    }
}
