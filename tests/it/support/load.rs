//! People at work: some tasks, each changed and acted on again and again, and a ledger of what the
//! server acknowledged and what it refused.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    acme, api_sample,
    client::Answer,
    receiver::{Received, Receiver},
    server::Server,
};

const TASKS: [&str; 4] = ["1", "2", "3", "4"];

/// A refused client comes back after this long; it is more impatient than `Retry-After` asks.
const COMES_BACK_AFTER: Duration = Duration::from_millis(5);

/// The page's workflow with an action that calls a receiver and moves nothing.
pub(crate) fn pinging(receiver: &Receiver) -> String {
    let url = receiver.url();
    api_sample(&url)
        + &format!(
            "\n[[actions]]\nname = \"Ping\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{url}/ping\"\n"
        )
}

/// What the server has said so far.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Said>);

/// An acknowledged execution.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) task: &'static str,
    /// It was asked for after the task was given this number, and before the next.
    pub(crate) number: u64,
}

#[derive(Default)]
struct Said {
    executions: Vec<Execution>,
    /// Of each task, the last number that was acknowledged, and the last that was sent.
    numbers: HashMap<&'static str, (u64, u64)>,
    refused: Vec<Answer>,
}

impl Ledger {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().expect("the ledger")
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.said().executions.len()
    }

    /// How many requests were refused; each with its code, its reason and when to come back.
    pub(crate) fn refused(&self, reason: &str) -> usize {
        let said = self.said();
        for answer in &said.refused {
            assert_eq!(answer.json()["code"], "store_unavailable", "{}", answer.body);
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.body.contains(reason), "the reason is not {reason:?}: {}", answer.body);
        }
        said.refused.len()
    }

    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.said().executions.clone()
    }

    /// Every acknowledged execution is final, and the receiver was called for it, and never twice.
    pub(crate) fn holds(&self, server: &Server, receiver: &Receiver) {
        let ended: Vec<_> = self.executions().into_iter().map(|it| (server.ended(&it.id), it.id)).collect();
        let called = called_once(&receiver.received());
        for (execution, id) in ended {
            match execution["state"].as_str() {
                Some("succeeded") => {
                    assert!(called.contains(&format!("msg_{id}_api-call")), "{id} was never called");
                }
                Some("unknown") => {}
                other => panic!("{id} is {other:?}: {execution}"),
            }
        }
    }

    /// Every task is as it was last acknowledged. With `doubtful`, a change that was refused in the
    /// instant before a crash may be there.
    pub(crate) fn tasks_hold(&self, server: &Server, doubtful: bool) {
        for (task, (acknowledged, sent)) in &self.said().numbers {
            let found = number(&server.task(task));
            let newest = if doubtful { *sent } else { *acknowledged };
            assert!(
                (*acknowledged..=newest).contains(&found),
                "task {task} is at {found}; {acknowledged} was acknowledged, {sent} was sent"
            );
        }
    }
}

/// The number that a task has been given last.
pub(crate) fn number(task: &Value) -> u64 {
    task["Number of Employees"].as_str().and_then(|number| number.parse().ok()).expect("a number")
}

/// The calls by their ids; a second call of the same is a defect.
pub(crate) fn called_once(received: &[Received]) -> HashSet<String> {
    let mut called = HashSet::new();
    for call in received {
        let id = call.header("webhook-id").expect("a webhook-id").to_owned();
        assert!(called.insert(id.clone()), "{id} was called twice");
    }
    called
}

pub(crate) fn create_tasks(server: &Server) {
    for id in TASKS {
        let mut task = acme();
        task["Company ID"] = json!(id);
        server.create_task(&task);
    }
}

/// Stops the work however the test goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Keeps people at work on the server while something happens. The server may be killed meanwhile.
pub(crate) fn under_load(server: &Server, ledger: &Ledger, during: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stopping = Stop(&stop);
        for task in TASKS {
            scope.spawn(|| work(server, task, &stop, ledger));
        }
        during();
        drop(stopping);
    });
}

fn work(server: &Server, task: &'static str, stop: &AtomicBool, ledger: &Ledger) {
    let mut number = ledger.said().numbers.get(task).map_or(0, |(_, sent)| *sent);
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        ledger.said().numbers.entry(task).or_default().1 = number;
        let change = json!({"Company ID": task, "Number of Employees": number});
        let Some(changed) = sent(|| server.post("/workflows/api-sample/tasks", &change)) else { return };
        match changed.status {
            200 => ledger.said().numbers.entry(task).or_default().0 = number,
            503 => refused(ledger, changed),
            other => panic!("{other}: {}", changed.body),
        }
        let ping = json!({"task_id": task, "action_id": "ping"});
        let Some(performed) = sent(|| server.post("/workflows/api-sample/executions", &ping)) else { return };
        match performed.status {
            201 => {
                let id = performed.json()["id"].as_str().expect("an id").to_owned();
                ledger.said().executions.push(Execution { id, task, number });
            }
            503 => refused(ledger, performed),
            other => panic!("{other}: {}", performed.body),
        }
    }
}

/// `None` when the server was killed under the request; then nothing was acknowledged.
fn sent(request: impl FnOnce() -> Answer) -> Option<Answer> {
    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(request)).ok()?;
    let whole = serde_json::from_str::<Value>(&answer.body).is_ok();
    whole.then_some(answer)
}

fn refused(ledger: &Ledger, answer: Answer) {
    ledger.said().refused.push(answer);
    thread::sleep(COMES_BACK_AFTER);
}
