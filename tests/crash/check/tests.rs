//! The checks themselves: a true record passes, and each kind of lie is found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Evidence, MidCall, Told, Violation};
use crate::{
    notes::{Key, Notes},
    receiver::Call,
    snapshot::{Attempt, Entry, Execution, Snapshot, Task},
};

const TASK: &str = "a task";
const FIRST: &str = "1";
const SECOND: &str = "2";
const PARKED: &str = "3";

struct Record {
    snapshot: Snapshot,
    notes: Notes,
    ledger: Vec<Call>,
    told: Told,
    interrupted: BTreeSet<MidCall>,
    just_interrupted: BTreeSet<MidCall>,
}

impl Record {
    fn check(&self) -> Result<(), Violation> {
        let Self { snapshot, notes, ledger, told, interrupted, just_interrupted } = self;
        Evidence { snapshot, notes, ledger, told, interrupted, just_interrupted }.check()
    }

    fn execution(&mut self, id: &str) -> &mut Execution {
        self.snapshot.executions.get_mut(id).expect("the execution")
    }

    fn attempt(&mut self, id: &str, number: usize) -> &mut Attempt {
        &mut self.snapshot.attempts.get_mut(id).expect("its attempts")[number - 1]
    }

    fn task(&mut self) -> &mut Task {
        self.snapshot.tasks.get_mut(TASK).expect("the task")
    }

    fn entry(&mut self, number: usize) -> &mut Entry {
        &mut self.snapshot.history.get_mut(TASK).expect("its history")[number - 1]
    }
}

fn execution(id: &str, action: &str, state: &str, step: usize, attempts: usize) -> Execution {
    Execution {
        id: id.to_owned(),
        task: TASK.to_owned(),
        action: action.to_owned(),
        state: state.to_owned(),
        step,
        flag: false,
        code: None,
        attempts,
    }
}

fn attempt(number: usize, step: usize, (from, to): (i64, i64), outcome: &str) -> Attempt {
    Attempt {
        number,
        step,
        started_at: from,
        ended_at: Some(to),
        outcome: Some(outcome.to_owned()),
        has_record: false,
        request_body: None,
        response_body: None,
        call: None,
    }
}

fn answered(attempt: Attempt, call: usize) -> Attempt {
    let (request, response) = (Some("asked".to_owned()), Some("said".to_owned()));
    Attempt { has_record: true, request_body: request, response_body: response, call: Some(call), ..attempt }
}

fn call(webhook_id: &str, at: i64) -> Call {
    let (body, answer) = ("asked".to_owned(), Some("said".to_owned()));
    Call { at, webhook_id: webhook_id.to_owned(), body, is_complete: true, answer }
}

fn entry(number: u64, at: i64, cause: &str, execution: Option<&str>, change: [Value; 2]) -> Entry {
    let changes = BTreeMap::from([("Stage".to_owned(), change)]);
    Entry { number, at, cause: cause.to_owned(), execution: execution.map(str::to_owned), changes }
}

/// A task that one execution has finished; a call on it that a kill has cut off; one that is parked.
fn truth() -> Record {
    let mut snapshot = Snapshot::default();
    for execution in [
        execution(FIRST, "finish", "succeeded", 0, 3),
        Execution { code: Some("interrupted".to_owned()), ..execution(SECOND, "call", "unknown", 0, 1) },
        execution(PARKED, "later", "waiting", 2, 2),
    ] {
        snapshot.executions.insert(execution.id.clone(), execution);
    }
    let finished = vec![
        attempt(1, 0, (10, 11), "succeeded"),
        answered(attempt(2, 1, (11, 20), "succeeded"), 0),
        attempt(3, 2, (20, 20), "succeeded"),
    ];
    let parked =
        vec![answered(attempt(1, 0, (40, 45), "succeeded"), 2), attempt(2, 1, (45, 45), "succeeded")];
    snapshot.attempts.insert(FIRST.to_owned(), finished);
    snapshot.attempts.insert(SECOND.to_owned(), vec![attempt(1, 0, (20, 30), "unknown")]);
    snapshot.attempts.insert(PARKED.to_owned(), parked);
    let values = BTreeMap::from([("Stage".to_owned(), json!("completed"))]);
    snapshot.tasks.insert(TASK.to_owned(), Task { unique_id: None, values, revision: 2, is_deleted: false });
    let entries = vec![
        entry(1, 1, "created", None, [Value::Null, json!("not-started")]),
        entry(2, 11, "changed", Some(FIRST), [json!("not-started"), json!("completed")]),
    ];
    snapshot.history.insert(TASK.to_owned(), entries);
    let mut notes = Notes::default();
    notes.acknowledged.extend([FIRST, SECOND, PARKED].map(str::to_owned));
    let interrupted = BTreeSet::from([(SECOND.to_owned(), 1)]);
    Record {
        snapshot,
        notes,
        told: Told { executions: BTreeSet::from([SECOND.to_owned()]), unlisted: 0 },
        ledger: vec![call("msg_1_tell", 12), call("msg_2_only", 21), call("msg_3_before", 41)],
        just_interrupted: interrupted.clone(),
        interrupted,
    }
}

#[test]
fn the_truth_passes() {
    if let Err(violation) = truth().check() {
        panic!("{violation:?}");
    }
}

/// What the violation must say, and what is told wrongly.
type Lie = (&'static str, fn(&mut Record));

fn is_found(lies: &[Lie]) {
    for (expected, lie) in lies {
        let mut record = truth();
        lie(&mut record);
        match record.check() {
            Ok(()) => panic!("not found: {expected}"),
            Err(violation) => {
                assert!(violation.what.contains(expected), "{expected}: {}", violation.what);
            }
        }
    }
}

#[test]
fn a_lost_or_unasked_execution_is_found() {
    is_found(&[
        ("is not there", |record| drop(record.snapshot.executions.remove(FIRST))),
        ("told of its success", |record| {
            record.notes.succeeded.insert(SECOND.to_owned());
        }),
        ("at most 3 were asked for", |record| {
            record.snapshot.executions.insert("4".to_owned(), execution("4", "call", "failed", 0, 0));
        }),
        ("for ever", |record| record.execution(SECOND).state = "running".to_owned()),
        ("an idempotency key leads to it", |record| record.snapshot.admitted.push("5".to_owned())),
        ("the key `k` was answered", |record| {
            let ids = BTreeSet::from([FIRST, SECOND].map(str::to_owned));
            record.notes.keys.insert("k".to_owned(), Key { ids, ..Key::default() });
        }),
        ("answered 500", |record| record.notes.wrong.push("answered 500".to_owned())),
    ]);
}

#[test]
fn an_end_without_its_attempts_is_found() {
    is_found(&[
        ("it has begun 3 attempts", |record| record.attempt(FIRST, 3).number = 4),
        ("never ended", |record| record.attempt(FIRST, 3).ended_at = None),
        ("it is succeeded at step 3", |record| {
            record.attempt(FIRST, 3).outcome = Some("failed".to_owned());
        }),
        ("it is unknown, and its last attempt", |record| {
            record.attempt(SECOND, 1).outcome = Some("failed".to_owned());
        }),
        ("it is waiting, and its last attempt", |record| {
            let failed = attempt(3, 2, (345, 350), "failed");
            record.snapshot.attempts.get_mut(PARKED).expect("its attempts").push(failed);
            record.execution(PARKED).attempts = 3;
        }),
        ("was in mid-call in attempt 1", |record| record.execution(SECOND).state = "failed".to_owned()),
        ("was not in mid-call", |record| {
            record.interrupted.clear();
            record.just_interrupted.clear();
        }),
        ("nothing has cut it off", |record| {
            record.interrupted.clear();
            record.just_interrupted.clear();
            record.execution(SECOND).code = Some("timeout".to_owned());
        }),
    ]);
}

#[test]
fn a_call_that_is_not_as_recorded_is_found() {
    is_found(&[
        ("is not recorded", |record| record.ledger.push(call("msg_9_only", 50))),
        ("is not recorded: 1 attempts, 2 calls", |record| record.ledger.push(call("msg_2_only", 50))),
        ("before its attempt began", |record| record.ledger[1].at = 19),
        ("was called 2 times", |record| {
            record.ledger.push(call("msg_2_only", 50));
            let again = attempt(2, 0, (40, 60), "unknown");
            record.snapshot.attempts.get_mut(SECOND).expect("its attempts").push(again);
            record.execution(SECOND).attempts = 2;
            record.just_interrupted.clear();
            record.interrupted.insert((SECOND.to_owned(), 2));
        }),
        ("succeeded without an answer", |record| record.attempt(FIRST, 2).call = None),
        ("was not for this step", |record| record.attempt(FIRST, 2).call = Some(1)),
        ("what was sent", |record| record.ledger[0].is_complete = false),
        ("the answer is not what", |record| record.ledger[0].answer = Some("other".to_owned())),
    ]);
}

#[test]
fn a_history_that_is_not_the_tasks_is_found() {
    is_found(&[
        ("its history makes it", |record| {
            record.task().values.insert("Stage".to_owned(), json!("on-hold"));
        }),
        ("found Stage to be", |record| {
            record.entry(2).changes.insert("Stage".to_owned(), [json!("on-hold"), json!("completed")]);
        }),
        ("is in no history", |record| {
            record.notes.written.insert("lost".to_owned());
        }),
        ("stands at place", |record| record.entry(2).number = 3),
        ("says `deleted`", |record| record.entry(2).cause = "deleted".to_owned()),
        ("revision 3", |record| record.task().revision = 3),
        ("it is addressed as", |record| record.task().unique_id = Some("x".to_owned())),
        ("of no step's success", |record| record.entry(2).at = 12),
        ("which is not its own", |record| record.entry(2).execution = Some("9".to_owned())),
    ]);
}

#[test]
fn a_turn_out_of_turn_is_found() {
    is_found(&[
        ("within attempt", |record| record.attempt(SECOND, 1).started_at = 19),
        ("which came first", |record| {
            for number in 1..=3 {
                record.attempt(FIRST, number).started_at += 100;
                record.attempt(FIRST, number).ended_at = Some(120);
            }
            record.ledger[0].at = 200;
            record.entry(2).at = 120;
        }),
        ("began 299 ms after the delay", |record| {
            let early = answered(attempt(3, 2, (344, 350), "succeeded"), 3);
            record.snapshot.attempts.get_mut(PARKED).expect("its attempts").push(early);
            record.ledger.push(call("msg_3_after", 345));
            *record.execution(PARKED) = execution(PARKED, "later", "succeeded", 0, 3);
        }),
    ]);
}

/// In the store, told to somebody, or known to whoever waited: one of these.
#[test]
fn a_failure_of_which_nobody_is_told_is_found() {
    is_found(&[("nobody is told", |record| record.told.executions.clear())]);
    let ways: [fn(&mut Record); 5] = [
        |record| record.snapshot.untold.extend([SECOND.to_owned()]),
        |record| record.notes.awaited.extend([SECOND.to_owned()]),
        |record| record.notes.cancelled.extend([SECOND.to_owned()]),
        |record| record.notes.retries.extend([(SECOND.to_owned(), 1)]),
        |record| record.told.unlisted = 1,
    ];
    for way in ways {
        let mut record = truth();
        record.told.executions.clear();
        way(&mut record);
        if let Err(violation) = record.check()
            && violation.what.contains("nobody is told")
        {
            panic!("{violation:?}");
        }
    }
}
