//! What has changed, for everybody who looks: gathered from the store's commits, put together ten times a second, and
//! handed to each stream as text that is made once.
//!
//! An event says that something changed and not how: whoever hears it asks for what they show. The last batches are
//! kept, so that a stream that broke off goes on where it was; one that was away for too long is told to read
//! everything anew. In memory only: a restart begins a new count, and says so in the same way.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::{
    engine::Shared,
    model::{ActionId, Execution, ExecutionId, Status, Task, TaskId, WorkflowId},
    store::{Commit, Observer},
};

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(100);

/// How often is looked whether the workspace has changed, or the server drains.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Batches that are kept for streams that come back or are slow: a minute's, if each has something.
const KEPT_MAX: usize = 600;

/// Bytes of them. Streams send these very bytes, so that they are all there are of them, however many streams there are.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long is gathered after the last stream has ended, for it to come back.
const WANTED_AFTER: Duration = Duration::from_secs(60);

/// Changes of one batch; of more, everybody is told to read anew.
const CHANGES_MAX: usize = 20_000;

/// What was told at once.
pub struct Batch {
    pub number: u64,
    /// The events of each workflow, as server-sent events.
    by_workflow: Vec<(WorkflowId, Bytes)>,
    /// For everybody, whatever they may see.
    for_all: Bytes,
    /// Says how far a stream is that has all of it.
    id: Bytes,
}

impl Batch {
    /// What somebody gets of it who may see these workflows; ends with its id.
    pub fn pieces(&self, may_see: impl Fn(&WorkflowId) -> bool) -> impl Iterator<Item = Bytes> {
        let seen = self.by_workflow.iter().filter(move |(workflow, _)| may_see(workflow));
        let all = [&self.for_all].into_iter().chain(seen.map(|(_, events)| events)).chain([&self.id]);
        all.filter(|piece| !piece.is_empty()).cloned()
    }

    fn bytes(&self) -> usize {
        self.for_all.len() + self.by_workflow.iter().map(|(_, events)| events.len()).sum::<usize>()
    }
}

/// One for all threads.
pub struct Events {
    /// Tells this run of the server from others.
    run: String,
    gathered: Mutex<Gathered>,
    anew: Notify,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Gathered {
    tasks: HashMap<TaskId, TaskChange>,
    executions: HashMap<ExecutionId, ExecutionChange>,
    /// There were too many.
    is_over: bool,
    wanted_until: Option<Instant>,
}

/// What is told of a task, and nothing else of it: a task may be large.
struct TaskChange {
    workflow: WorkflowId,
    now: TaskNow,
}

enum TaskNow {
    Changed { unique_id: Option<Arc<str>>, revision: u64 },
    Deleted,
}

/// What is told of an execution; cheap to keep for each commit, so that text is made of the last alone.
struct ExecutionChange {
    workflow: WorkflowId,
    task: TaskId,
    action: ActionId,
    state: &'static str,
    status: Status,
    step: Option<usize>,
}

#[derive(Default)]
struct Kept {
    /// Their numbers have no gap, and the last one's is `last`.
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    last: u64,
    /// Wakes the streams. `None` once the server drains.
    told: Option<watch::Sender<()>>,
}

impl Kept {
    fn put(&mut self, batch: Batch) {
        self.last = batch.number;
        self.bytes += batch.bytes();
        self.batches.push_back(Arc::new(batch));
        while self.batches.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    fn next(&self, after: u64) -> Next {
        let first = self.last + 1 - self.batches.len() as u64;
        match after.checked_add(1).and_then(|next| next.checked_sub(first)) {
            Some(place) if after < self.last => {
                self.batches.get(place as usize).map_or(Next::Gone, |batch| Next::Batch(Arc::clone(batch)))
            }
            Some(_) if after == self.last => Next::Nothing,
            _ => Next::Gone,
        }
    }

    fn clear(&mut self) {
        self.batches.clear();
        self.bytes = 0;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a stream begins with.
pub struct Beginning {
    /// The number of the last batch that it had; `None` where what it missed is not known any more.
    pub after: Option<u64>,
    /// Changes when something is told, and ends when the server drains.
    pub told: watch::Receiver<()>,
}

/// What comes after a batch.
pub enum Next {
    Batch(Arc<Batch>),
    /// Nothing yet.
    Nothing,
    /// What came is not known any more.
    Gone,
}

impl Events {
    /// `run` is part of the events' ids.
    pub fn new(run: String) -> Self {
        let kept = Kept { told: Some(watch::Sender::new(())), ..Kept::default() };
        Self { run, gathered: Mutex::default(), anew: Notify::new(), kept: Mutex::new(kept) }
    }

    /// Server-sent events that only say how far a stream is.
    pub fn id(&self, number: u64) -> Bytes {
        format!("id: {}-{number}\n\n", self.run).into()
    }

    /// The number of the last batch.
    pub fn last(&self) -> u64 {
        locked(&self.kept).last
    }

    /// A new stream; `after`: the id of the last batch that it had. `None` once the server drains.
    pub fn listen(&self, after: Option<&str>) -> Option<Beginning> {
        locked(&self.gathered).wanted_until = Some(Instant::now() + WANTED_AFTER);
        let kept = locked(&self.kept);
        let told = kept.told.as_ref()?.subscribe();
        let number = |id: &str| id.strip_prefix(self.run.as_str())?.strip_prefix('-')?.parse::<u64>().ok();
        let after = match after {
            None => Some(kept.last),
            Some(id) => number(id).filter(|after| !matches!(kept.next(*after), Next::Gone)),
        };
        Some(Beginning { after, told })
    }

    /// What comes after the batch of a number.
    pub fn next(&self, after: u64) -> Next {
        locked(&self.kept).next(after)
    }

    /// Tells what is gathered, until the server drains.
    pub async fn run(&self, shared: &Shared) {
        let mut revision = shared.workspace.current().revision;
        while !shared.is_draining() {
            // A look now and then sees what nobody gathers.
            let _ = tokio::time::timeout(LOOK_EVERY, self.anew.notified()).await;
            tokio::time::sleep(GATHER).await;
            let current = shared.workspace.current().revision;
            let is_new = std::mem::replace(&mut revision, current) != current;
            self.tell(is_new.then_some(current));
        }
        locked(&self.kept).told = None;
    }

    fn tell(&self, revision: Option<u64>) {
        let (tasks, executions, is_over) = {
            let mut gathered = locked(&self.gathered);
            let mut kept = locked(&self.kept);
            if kept.told.as_ref().is_some_and(|told| told.receiver_count() > 0) {
                gathered.wanted_until = Some(Instant::now() + WANTED_AFTER);
            }
            if gathered.wanted_until.is_none_or(|until| until < Instant::now()) {
                if gathered.wanted_until.take().is_some() {
                    // Who comes back later has missed what nobody gathered: no number before this one is known.
                    kept.last += 1;
                    kept.clear();
                }
                return;
            }
            let Gathered { tasks, executions, is_over, .. } = &mut *gathered;
            (std::mem::take(tasks), std::mem::take(executions), std::mem::take(is_over))
        };
        if tasks.is_empty() && executions.is_empty() && !is_over && revision.is_none() {
            return;
        }
        let mut texts = HashMap::<WorkflowId, String>::new();
        for (id, change) in by_id(tasks) {
            event(texts.entry(change.workflow.clone()).or_default(), "task", &change.shown(id));
        }
        for (id, change) in by_id(executions) {
            event(texts.entry(change.workflow.clone()).or_default(), "execution", &change.shown(id));
        }
        let is_over = is_over || texts.values().map(String::len).sum::<usize>() > KEPT_BYTES_MAX / 2;
        if is_over {
            texts.clear();
        }
        let mut for_all = String::new();
        if let Some(revision) = revision {
            event(&mut for_all, "workspace", &json!({"revision": revision}));
        }
        if is_over {
            event(&mut for_all, "reset", &json!({"reason": "too much has changed at once"}));
        }
        let by_workflow = texts.into_iter().map(|(workflow, text)| (workflow, text.into())).collect();
        let mut kept = locked(&self.kept);
        let number = kept.last + 1;
        kept.put(Batch { number, by_workflow, for_all: for_all.into(), id: self.id(number) });
        if let Some(told) = &kept.told {
            told.send_replace(());
        }
    }
}

/// In the order of the ids, which is that of their beginnings.
fn by_id<I: Ord, C>(changes: HashMap<I, C>) -> Vec<(I, C)> {
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    changes
}

/// One server-sent event.
pub fn event(text: &mut String, name: &str, data: &Value) {
    // Writing to a String cannot fail; JSON has no line breaks.
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}

impl Observer for Events {
    fn committed(&self, commit: &Commit<'_>) {
        let mut gathered = locked(&self.gathered);
        if gathered.wanted_until.is_none() || commit.tasks.is_empty() && commit.executions.is_empty() {
            return;
        }
        for (id, task) in commit.tasks {
            let change = match (task, commit.deleted.get(id)) {
                (Some(task), _) => TaskChange::of(task),
                (None, Some(workflow)) => TaskChange { workflow: workflow.clone(), now: TaskNow::Deleted },
                (None, None) => continue,
            };
            gathered.tasks.insert(*id, change);
        }
        gathered.executions.extend(commit.executions.iter().map(|(id, it)| (*id, ExecutionChange::of(it))));
        if gathered.tasks.len() + gathered.executions.len() > CHANGES_MAX {
            gathered.tasks.clear();
            gathered.executions.clear();
            gathered.is_over = true;
        }
        drop(gathered);
        self.anew.notify_one();
    }
}

impl TaskChange {
    fn of(task: &Task) -> Self {
        let now = TaskNow::Changed { unique_id: task.unique_id.clone(), revision: task.revision };
        Self { workflow: task.workflow.clone(), now }
    }

    fn shown(&self, id: TaskId) -> Value {
        let (workflow, id) = (self.workflow.as_str(), id.to_string());
        match &self.now {
            TaskNow::Changed { unique_id, revision } => json!({
                "workflow": workflow,
                "id": id,
                "unique_id": unique_id,
                "revision": revision,
            }),
            TaskNow::Deleted => json!({"workflow": workflow, "id": id, "deleted": true}),
        }
    }
}

impl ExecutionChange {
    fn of(execution: &Execution) -> Self {
        let Execution { workflow, task, action, state, .. } = execution;
        Self {
            workflow: workflow.clone(),
            task: *task,
            action: action.clone(),
            state: state.name(),
            status: state.status(),
            step: state.step(),
        }
    }

    fn shown(&self, id: ExecutionId) -> Value {
        json!({
            "workflow": self.workflow.as_str(),
            "id": id.to_string(),
            "task": self.task.to_string(),
            "action": self.action.as_str(),
            "status": self.status.as_str(),
            "state": self.state,
            "step": self.step.map(|step| step + 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{State, sample};

    /// A task and an execution are other than before.
    fn change(events: &Events, number: u128) {
        let task = Task { id: TaskId::from_u128(number), ..sample::task() };
        let execution = sample::execution(number, State::Succeeded);
        events.committed(&Commit {
            requests: 1,
            took: Duration::ZERO,
            tasks: &HashMap::from([(task.id, Some(Arc::new(task)))]),
            deleted: &HashMap::new(),
            executions: &HashMap::from([(execution.id, execution)]),
        });
    }

    fn is_wanted(events: &Events) -> bool {
        locked(&events.gathered).wanted_until.is_some()
    }

    fn text(batch: &Batch) -> String {
        String::from_utf8(batch.pieces(|_| true).collect::<Vec<_>>().concat()).expect("UTF-8")
    }

    /// What a stream hears from a place on until it has all; `None` where that is not known any more.
    fn heard(events: &Events, after: Option<&str>) -> Option<Vec<Arc<Batch>>> {
        let (mut after, mut heard) = (events.listen(after).expect("a stream").after?, Vec::new());
        loop {
            match events.next(after) {
                Next::Batch(batch) => {
                    after = batch.number;
                    heard.push(batch);
                }
                Next::Nothing => return Some(heard),
                Next::Gone => panic!("it was known"),
            }
        }
    }

    #[test]
    fn a_batch_has_the_last_of_each_and_a_stream_goes_on_where_it_was() {
        let events = Events::new("run".to_owned());
        assert!(!is_wanted(&events), "nobody listens");
        let first = events.listen(None).expect("a stream");
        assert!(is_wanted(&events) && first.after == Some(0));
        assert!(matches!(events.next(0), Next::Nothing));
        for _ in 0..3 {
            change(&events, 1);
        }
        events.tell(None);
        assert!(first.told.has_changed().expect("it goes on"));
        let Next::Batch(batch) = events.next(0) else { panic!("a batch") };
        let said = text(&batch);
        assert_eq!(said.matches("event: task\n").count(), 1, "{said}");
        assert!(said.contains("\"state\":\"succeeded\"") && said.ends_with("\n\nid: run-1\n\n"), "{said}");
        assert_eq!(batch.pieces(|_| false).collect::<Vec<_>>(), [events.id(1)], "who may see nothing");
        change(&events, 2);
        events.tell(Some(7));
        for (after, missed) in [
            (None, Some(0)),
            (Some("run-2"), Some(0)),
            (Some("run-1"), Some(1)),
            (Some("run-0"), Some(2)),
            (Some("run-3"), None),
            (Some("run-18446744073709551615"), None),
            (Some("another-1"), None),
            (Some("run-x"), None),
            (Some(""), None),
        ] {
            assert_eq!(heard(&events, after).map(|heard| heard.len()), missed, "{after:?}");
        }
        let missed = heard(&events, Some("run-1")).expect("it is known");
        assert!(text(&missed[0]).contains("event: workspace\ndata: {\"revision\":7}"));
    }

    /// However many streams there are, the bytes are there once.
    #[test]
    fn streams_share_what_is_kept() {
        let events = Events::new("run".to_owned());
        let _stream = events.listen(None).expect("a stream");
        change(&events, 1);
        events.tell(None);
        let places = || {
            let batches = heard(&events, Some("run-0")).expect("it is known");
            batches[0].pieces(|_| true).map(|piece| piece.as_ptr()).collect::<Vec<_>>()
        };
        assert_eq!(places(), places());
        assert_eq!(places().len(), 2);
    }

    #[test]
    fn who_comes_back_after_nobody_has_gathered_reads_everything_anew() {
        let events = Events::new("run".to_owned());
        drop(events.listen(None).expect("a stream"));
        change(&events, 1);
        events.tell(None);
        locked(&events.gathered).wanted_until = Some(Instant::now() - Duration::from_millis(1));
        events.tell(None);
        assert!(!is_wanted(&events));
        events.tell(None);
        for after in ["run-0", "run-1"] {
            assert!(heard(&events, Some(after)).is_none(), "{after}");
        }
        assert!(heard(&events, Some("run-2")).is_some());
    }

    #[test]
    fn what_is_kept_has_a_limit_and_too_much_at_once_is_a_reset() {
        let events = Events::new("run".to_owned());
        let _stream = events.listen(None).expect("a stream");
        for number in 0..KEPT_MAX as u128 + 10 {
            change(&events, number);
            events.tell(None);
        }
        assert!(heard(&events, Some("run-9")).is_none());
        assert_eq!(heard(&events, Some("run-10")).expect("it is known").len(), KEPT_MAX);
        for number in 0..CHANGES_MAX as u128 {
            change(&events, number);
        }
        events.tell(None);
        let last = heard(&events, Some(&format!("run-{}", KEPT_MAX + 10))).expect("it is known");
        assert!(text(&last[0]).starts_with("event: reset\n"));
    }

    /// Tasks with names of so many bytes are other than before.
    fn large_changes(events: &Events, count: u128, bytes: usize) {
        let name: Arc<str> = "x".repeat(bytes).into();
        let task = |number| Task {
            id: TaskId::from_u128(number),
            unique_id: Some(Arc::clone(&name)),
            ..sample::task()
        };
        let tasks = (0..count).map(task).map(|task| (task.id, Some(Arc::new(task)))).collect();
        events.committed(&Commit {
            requests: 1,
            took: Duration::ZERO,
            tasks: &tasks,
            deleted: &HashMap::new(),
            executions: &HashMap::new(),
        });
        events.tell(None);
    }

    #[test]
    fn what_is_kept_has_a_limit_in_bytes_also_for_one_batch() {
        let events = Events::new("run".to_owned());
        let _stream = events.listen(None).expect("a stream");
        let at_once = KEPT_BYTES_MAX / 4;
        for _ in 0..20 {
            large_changes(&events, 10, at_once / 10);
            let kept = locked(&events.kept);
            let bytes: usize = kept.batches.iter().map(|batch| batch.bytes()).sum();
            assert!(
                bytes == kept.bytes && bytes <= KEPT_BYTES_MAX,
                "{bytes} bytes, {} are counted",
                kept.bytes
            );
        }
        // Three of a little more than a quarter fit.
        assert!(heard(&events, Some("run-16")).is_none());
        assert_eq!(heard(&events, Some("run-17")).expect("it is known").len(), 3);
        large_changes(&events, 10, at_once);
        let last = heard(&events, Some("run-20")).expect("it is known");
        assert!(text(&last[0]).starts_with("event: reset\n"));
    }
}
