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
use tokio::sync::{Notify, broadcast};

use crate::{
    engine::Shared,
    model::{ActionId, Execution, ExecutionId, Status, Task, TaskId, WorkflowId},
    store::{Commit, Observer},
};

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(100);

/// How often is looked whether the workspace has changed, or the server drains.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Batches that are kept for streams that come back: a minute's, if each has something.
const KEPT_MAX: usize = 600;

/// Batches that a stream may be behind; a slower one is told to read everything anew.
const BEHIND_MAX: usize = 64;

/// How long is gathered after the last stream has ended, for it to come back.
const WANTED_AFTER: Duration = Duration::from_secs(60);

/// Changes of one batch; of more, everybody is told to read anew.
const CHANGES_MAX: usize = 20_000;

/// What was told at once.
pub struct Batch {
    number: u64,
    /// The events of each workflow, as server-sent events.
    by_workflow: HashMap<WorkflowId, Bytes>,
    /// For everybody, whatever they may see.
    for_all: Bytes,
}

impl Batch {
    /// What somebody gets of it who may see these workflows; ends with its id.
    pub fn text(&self, events: &Events, may_see: impl Fn(&WorkflowId) -> bool) -> Bytes {
        let seen = self.by_workflow.iter().filter(|(workflow, _)| may_see(workflow));
        let mut text = self.for_all.to_vec();
        seen.for_each(|(_, events)| text.extend_from_slice(events));
        text.extend_from_slice(events.id(self.number).as_bytes());
        text.into()
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

/// How a task is now.
enum TaskChange {
    Changed(Arc<Task>),
    /// It was of this workflow.
    Deleted(WorkflowId),
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

struct Kept {
    batches: VecDeque<Arc<Batch>>,
    last: u64,
    /// `None` once the server drains.
    sender: Option<broadcast::Sender<Arc<Batch>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a stream begins with.
pub struct Beginning {
    /// To be sent first.
    pub missed: Vec<Arc<Batch>>,
    /// What it missed is not known any more.
    pub is_anew: bool,
    /// The id of the last batch before those that are to come.
    pub id: String,
    pub batches: broadcast::Receiver<Arc<Batch>>,
}

impl Events {
    /// `run` is part of the events' ids.
    pub fn new(run: String) -> Self {
        let sender = Some(broadcast::Sender::new(BEHIND_MAX));
        Self {
            run,
            gathered: Mutex::default(),
            anew: Notify::new(),
            kept: Mutex::new(Kept { batches: VecDeque::new(), last: 0, sender }),
        }
    }

    /// Server-sent events that only say how far the stream is.
    pub fn id(&self, number: u64) -> String {
        format!("id: {}-{number}\n\n", self.run)
    }

    /// A new stream; `after`: the id of the last batch that it had. `None` once the server drains.
    pub fn listen(&self, after: Option<&str>) -> Option<Beginning> {
        locked(&self.gathered).wanted_until = Some(Instant::now() + WANTED_AFTER);
        let kept = locked(&self.kept);
        let batches = kept.sender.as_ref()?.subscribe();
        let after =
            after.map(|id| id.strip_prefix(self.run.as_str())?.strip_prefix('-')?.parse::<u64>().ok());
        let first = kept.last + 1 - kept.batches.len() as u64;
        let (missed, is_anew) = match after {
            None => (Vec::new(), false),
            Some(Some(after)) if after <= kept.last && after + 1 >= first => {
                (kept.batches.iter().filter(|batch| batch.number > after).cloned().collect(), false)
            }
            Some(_) => (Vec::new(), true),
        };
        Some(Beginning { missed, is_anew, id: self.id(kept.last), batches })
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
        locked(&self.kept).sender = None;
    }

    fn tell(&self, revision: Option<u64>) {
        let (tasks, executions, is_over) = {
            let mut gathered = locked(&self.gathered);
            let mut kept = locked(&self.kept);
            if kept.sender.as_ref().is_some_and(|sender| sender.receiver_count() > 0) {
                gathered.wanted_until = Some(Instant::now() + WANTED_AFTER);
            }
            if gathered.wanted_until.is_none_or(|until| until < Instant::now()) {
                if gathered.wanted_until.take().is_some() {
                    // Who comes back later has missed what nobody gathered: no number before this one is known.
                    kept.last += 1;
                    kept.batches.clear();
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
            event(texts.entry(change.workflow().clone()).or_default(), "task", &change.shown(id));
        }
        for (id, change) in by_id(executions) {
            event(texts.entry(change.workflow.clone()).or_default(), "execution", &change.shown(id));
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
        kept.last += 1;
        let batch = Arc::new(Batch { number: kept.last, by_workflow, for_all: for_all.into() });
        if kept.batches.len() >= KEPT_MAX {
            kept.batches.pop_front();
        }
        kept.batches.push_back(Arc::clone(&batch));
        if let Some(sender) = &kept.sender {
            // Nobody may be listening at the moment.
            let _ = sender.send(batch);
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
                (Some(task), _) => TaskChange::Changed(Arc::clone(task)),
                (None, Some(workflow)) => TaskChange::Deleted(workflow.clone()),
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
    fn workflow(&self) -> &WorkflowId {
        match self {
            Self::Changed(task) => &task.workflow,
            Self::Deleted(workflow) => workflow,
        }
    }

    fn shown(&self, id: TaskId) -> Value {
        let (workflow, id) = (self.workflow().as_str(), id.to_string());
        match self {
            Self::Changed(task) => json!({
                "workflow": workflow,
                "id": id,
                "unique_id": task.unique_id,
                "revision": task.revision,
            }),
            Self::Deleted(_) => json!({"workflow": workflow, "id": id, "deleted": true}),
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

    fn text(events: &Events, batch: &Batch) -> String {
        String::from_utf8(batch.text(events, |_| true).to_vec()).expect("UTF-8")
    }

    #[test]
    fn a_batch_has_the_last_of_each_and_a_stream_goes_on_where_it_was() {
        let events = Events::new("run".to_owned());
        assert!(!is_wanted(&events), "nobody listens");
        let mut first = events.listen(None).expect("a stream");
        assert!(is_wanted(&events) && first.missed.is_empty() && !first.is_anew);
        assert_eq!(first.id, "id: run-0\n\n");
        for _ in 0..3 {
            change(&events, 1);
        }
        events.tell(None);
        let batch = first.batches.try_recv().expect("a batch");
        let said = text(&events, &batch);
        assert_eq!(said.matches("event: task\n").count(), 1, "{said}");
        assert!(said.contains("\"state\":\"succeeded\"") && said.ends_with("\n\nid: run-1\n\n"), "{said}");
        assert_eq!(batch.text(&events, |_| false), events.id(1).as_bytes(), "who may see nothing");
        change(&events, 2);
        events.tell(Some(7));
        for (after, missed, is_anew) in [
            (None, 0, false),
            (Some("run-2"), 0, false),
            (Some("run-1"), 1, false),
            (Some("run-0"), 2, false),
            (Some("run-3"), 0, true),
            (Some("another-1"), 0, true),
            (Some("run-x"), 0, true),
            (Some(""), 0, true),
        ] {
            let stream = events.listen(after).expect("a stream");
            assert_eq!((stream.missed.len(), stream.is_anew), (missed, is_anew), "{after:?}");
        }
        assert!(
            text(&events, &events.listen(Some("run-1")).expect("a stream").missed[0])
                .contains("event: workspace\ndata: {\"revision\":7}")
        );
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
            assert!(events.listen(Some(after)).expect("a stream").is_anew, "{after}");
        }
        assert!(!events.listen(Some("run-2")).expect("a stream").is_anew);
    }

    #[test]
    fn what_is_kept_has_a_limit_and_too_much_at_once_is_a_reset() {
        let events = Events::new("run".to_owned());
        let _stream = events.listen(None).expect("a stream");
        for number in 0..KEPT_MAX as u128 + 10 {
            change(&events, number);
            events.tell(None);
        }
        assert!(events.listen(Some("run-9")).expect("a stream").is_anew);
        assert_eq!(events.listen(Some("run-10")).expect("a stream").missed.len(), KEPT_MAX);
        for number in 0..CHANGES_MAX as u128 {
            change(&events, number);
        }
        events.tell(None);
        let last = events.listen(Some(&format!("run-{}", KEPT_MAX + 10))).expect("a stream").missed;
        assert!(text(&events, &last[0]).starts_with("event: reset\n"));
    }
}
