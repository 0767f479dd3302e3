//! Generated histories: every sequence of requests, step outcomes, crashes, wakes, cancels, retries,
//! edits and deletions keeps the invariants of executions and of the task's history.
//!
//! The world is a store and an engine of a few lines: it writes a [`Change`] as the stores do, and
//! hands out turns as the lanes do. Any write may be carried out and reported as failed, whereupon it
//! comes again.

mod disk;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::disk::{Disk, Seen};
use super::*;
use crate::model::{
    Attempt, FieldId, FieldValue, Place, StageId, State, Task, TaskId,
    document::Answer,
    execution::StepEnd,
    history::{Slot, SlotChange},
    sample,
    workflow::OnFailure,
};

/// A chain with both kinds of steps; the world's answers decide what each does.
const CHAIN: [Effects; 4] = [Effects::None, Effects::External, Effects::None, Effects::External];

#[derive(Debug, Clone)]
enum Op {
    Perform {
        key: Option<u8>,
        body: u8,
    },
    /// The step that runs ends.
    Step(Ending),
    Edit(u8),
    Delete,
    Create,
    /// Time passes; what is due is done.
    Pass(i64),
    Crash,
    Cancel(usize),
    Retry(usize),
    Dismiss(usize),
    /// The next write is carried out and reported as failed.
    Lie,
}

#[derive(Debug, Clone)]
enum Ending {
    Patch(u8),
    Fails,
    Unanswered,
    Stops,
    Waits,
    Again,
    Deletes,
    Schedules,
}

fn op() -> impl Strategy<Value = Op> {
    let ending = prop_oneof![
        6 => (0_u8..6).prop_map(Ending::Patch),
        2 => Just(Ending::Fails),
        1 => Just(Ending::Unanswered),
        1 => Just(Ending::Stops),
        1 => Just(Ending::Waits),
        1 => Just(Ending::Again),
        1 => Just(Ending::Deletes),
        1 => Just(Ending::Schedules),
    ];
    prop_oneof![
        5 => (prop::option::of(0_u8..3), 0_u8..2).prop_map(|(key, body)| Op::Perform { key, body }),
        12 => ending.prop_map(Op::Step),
        3 => (0_u8..6).prop_map(Op::Edit),
        1 => Just(Op::Delete),
        1 => Just(Op::Create),
        3 => (1_i64..120).prop_map(Op::Pass),
        2 => Just(Op::Crash),
        1 => (0_usize..8).prop_map(Op::Cancel),
        3 => (0_usize..8).prop_map(Op::Retry),
        1 => (0_usize..8).prop_map(Op::Dismiss),
        2 => Just(Op::Lie),
    ]
}

fn patch(number: u8) -> Value {
    match number {
        0 => json!({"Company Name": "One"}),
        1 => json!({"Company Name": null, "Contract Value": "2"}),
        2 => json!({"Stage": "Not Started", "Assigned To": null}),
        3 => json!({"Stage": "In Progress", "Assigned To": "user@example.com"}),
        4 => json!({"Contract Value": "not a number", "Company Name": "never"}),
        _ => json!({}),
    }
}

struct World {
    disk: Disk,
    plan: Plan,
    now: Timestamp,
    ids: u128,
    /// The task's lane, and who has the turn. Gone with a crash.
    line: VecDeque<ExecutionId>,
    turn: Option<ExecutionId>,
    lies: bool,
    /// How often somebody asked for an execution's steps to run again.
    asked: BTreeMap<ExecutionId, u32>,
    /// The task that the lane is of.
    task: TaskId,
}

impl World {
    fn new(on_failure: OnFailure) -> Self {
        let mut workflow = sample::workflow();
        let template = workflow.actions[1].steps[1].clone();
        workflow.actions[1].steps = (0..CHAIN.len())
            .map(|index| {
                let id = crate::model::StepId::new(format!("s{index}"));
                crate::model::StepDefinition { id, ..template.clone() }
            })
            .collect();
        workflow.actions[1].on_failure = on_failure;
        let plan =
            Plan { workflow: Arc::new(workflow), action: 1, chain: Arc::new(CHAIN), zone: TimeZone::UTC };
        let mut world = Self {
            disk: Disk::default(),
            plan,
            now: sample::now(),
            ids: 100,
            line: VecDeque::new(),
            turn: None,
            lies: false,
            asked: BTreeMap::new(),
            task: TaskId::from_u128(0),
        };
        world.create();
        world
    }

    fn next_id(&mut self) -> u128 {
        self.ids += 1;
        self.ids
    }

    /// One transaction; when the store lies, a second time with what the first has left.
    fn transact(
        &mut self,
        execution: Option<ExecutionId>,
        decide: impl Fn(&Plan, &Current<'_>) -> Result<Change, Refusal>,
    ) -> Result<Option<Execution>, Refusal> {
        let times = if std::mem::take(&mut self.lies) { 2 } else { 1 };
        let mut written = None;
        for time in 0..times {
            let before = self.disk.clone();
            let stored = execution.and_then(|id| before.executions.get(&id));
            let id = stored.map_or(self.task, |execution| execution.task);
            let task = before.task.clone().filter(|task| task.id == id).map(Arc::new);
            let seen = Seen(&before, id);
            let decided =
                decide(&self.plan, &Current { task: task.as_ref(), execution: stored, look: &seen });
            if time > 0 {
                // What was done is told again, or refused because it is done; it is not done again.
                if let Ok(change) = decided {
                    written = self.disk.write(change);
                    assert_eq!(format!("{:?}", self.disk), format!("{before:?}"), "done twice");
                }
                continue;
            }
            written = self.disk.write(decided?);
        }
        Ok(written)
    }

    fn create(&mut self) {
        if self.disk.task.is_some() {
            return;
        }
        let mut object = patch(3).as_object().expect("an object").clone();
        object.insert("Company ID".to_owned(), json!("42"));
        // Another task has another lane; the old one's executions end when their turn comes.
        self.drain();
        self.task = TaskId::from_u128(self.next_id());
        let (new_id, now) = (self.task, self.now);
        self.lies = false;
        let created = self.transact(None, |plan, current| {
            let writing = Writing { performer: sample::performer(), now, new_id };
            write_task(&object, TaskWrite::Upsert, writing, &plan.workflow, &sample::directory(), current)
        });
        created.expect("a task");
    }

    /// Whatever is under way ends, as its steps all succeed.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            if self.turn.is_none() && self.line.is_empty() {
                return;
            }
            self.lies = false;
            self.next_turn();
            self.step(&Ending::Patch(5));
            self.now += SignedDuration::from_secs(60);
            self.retries_due();
        }
        panic!("executions that never end: {:?} {:?}", self.turn, self.line);
    }

    /// Hands the turn to the next in line.
    fn next_turn(&mut self) {
        while self.turn.is_none() {
            let Some(id) = self.line.pop_front() else { return };
            let now = self.now;
            let begun = self
                .transact(Some(id), |plan, current| begin(plan, false, now, &sample::directory(), current));
            self.take(begun.expect("begun"));
        }
    }

    /// Goes on with an execution as the engine does: it keeps its turn, or lets it go.
    fn take(&mut self, execution: Option<Execution>) {
        let Some(execution) = execution else { return };
        let keeps = matches!(execution.state, State::Running { .. } | State::Retrying { .. });
        if keeps {
            self.turn = Some(execution.id);
        } else if self.turn == Some(execution.id) {
            self.turn = None;
        }
        self.next_turn();
    }

    fn step(&mut self, ending: &Ending) {
        let Some(id) = self.turn else { return };
        let Some(at) = At::of(&self.disk.executions[&id]) else { return };
        let report = report(ending, self.now);
        let ended = self.transact(Some(id), |plan, current| {
            finish(at, plan, report.clone(), &sample::directory(), current)
        });
        let ended = ended.expect("recorded");
        if ended.as_ref().is_some_and(|ended| matches!(ended.state, State::Retrying { .. })) {
            *self.asked.entry(id).or_default() += 1;
        }
        self.take(ended);
    }

    fn retries_due(&mut self) {
        let Some(id) = self.turn else { return };
        if let State::Retrying { until, .. } = self.disk.executions[&id].state
            && until <= self.now
        {
            let now = self.now;
            let begun = self
                .transact(Some(id), |plan, current| begin(plan, false, now, &sample::directory(), current));
            self.take(begun.expect("begun"));
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.retries_due();
        let now = self.now;
        let is_due =
            |execution: &&Execution| matches!(execution.state, State::Waiting { until, .. } if until <= now);
        let due: Vec<_> =
            self.disk.executions.values().filter(is_due).map(|execution| execution.id).collect();
        for id in due {
            let place = Place::from_u128(self.next_id());
            let woken = self.transact(Some(id), |_, current| wake(place, now, current)).expect("woken");
            if woken.is_some_and(|woken| woken.place == place) {
                self.line.push_back(id);
            }
        }
        let moved = self.transact(None, |plan, current| run_schedule(&plan.workflow, now, current));
        moved.expect("a change");
        self.next_turn();
    }

    fn crash(&mut self) {
        (self.turn, self.line, self.lies) = (None, VecDeque::new(), false);
        let mut open: Vec<_> =
            self.disk.executions.values().filter(|execution| !execution.state.is_final()).cloned().collect();
        open.sort_by_key(|execution| execution.place);
        let now = self.now;
        for execution in open {
            let was_mid_call = matches!(execution.state, State::Running { mid_call: true, .. });
            if matches!(execution.state, State::Running { .. }) {
                let recovered = self.transact(Some(execution.id), |plan, current| {
                    recover(Some(plan), "It", None, now, current)
                });
                let recovered = recovered.expect("recovered").expect("the execution");
                assert_eq!(
                    matches!(recovered.state, State::Unknown(_)),
                    was_mid_call,
                    "unknown, and nothing else"
                );
            }
            let state = &self.disk.executions[&execution.id].state;
            if matches!(state, State::Queued { .. } | State::Retrying { .. }) {
                self.line.push_back(execution.id);
            }
        }
        self.next_turn();
    }

    fn nth(&self, number: usize) -> Option<ExecutionId> {
        let own = self.disk.executions.values().filter(|execution| execution.task == self.task);
        own.map(|execution| execution.id).nth(number)
    }

    fn perform(&mut self, key: Option<u8>, body: u8) {
        let place = Place::from_u128(self.next_id());
        let id = ExecutionId::from_u128(place.as_u128());
        let execution = Execution {
            id,
            task: self.task,
            place,
            stage: None,
            created_at: self.now,
            ..sample::execution(0, State::Queued { step: 0, resumed: false })
        };
        let key = key.map(|key| IdempotencyKey { scope: [key; 32], body: [body; 32] });
        let admission = Admission { execution, key };
        let has_turn = self.turn.is_none() && self.line.is_empty();
        let admitted = self.transact(Some(id), |plan, current| {
            admit(admission.clone(), plan, has_turn, &sample::directory(), current)
        });
        match admitted {
            Ok(Some(admitted)) if admitted.id != id => {
                assert!(key.is_some(), "somebody else's execution without a key");
            }
            Ok(admitted) if has_turn => self.take(admitted),
            Ok(_) => self.line.push_back(id),
            Err(Refusal::KeyReused) => assert!(key.is_some()),
            Err(_) => assert!(!self.disk.executions.contains_key(&id), "a refused request left something"),
        }
    }

    fn apply(&mut self, op: &Op) {
        let now = self.now;
        match op {
            Op::Perform { key, body } => self.perform(*key, *body),
            Op::Step(ending) => self.step(ending),
            Op::Edit(number) => {
                let mut object = patch(*number).as_object().expect("an object").clone();
                object.insert("Company ID".to_owned(), json!("42"));
                let new_id = self.task;
                self.lies = false;
                let _ = self.transact(None, |plan, current| {
                    let writing = Writing { performer: sample::performer(), now, new_id };
                    let directory = sample::directory();
                    write_task(&object, TaskWrite::Update, writing, &plan.workflow, &directory, current)
                });
            }
            Op::Delete => {
                let _ = self.transact(None, |_, current| delete_task(sample::performer(), now, current));
                // One that was to be tried again has ended: its turn passes on.
                let holder = self.turn.and_then(|id| self.disk.executions.get(&id).cloned());
                self.take(holder);
            }
            Op::Create => self.create(),
            Op::Pass(seconds) => self.pass(*seconds),
            Op::Crash => self.crash(),
            Op::Cancel(number) => {
                let Some(id) = self.nth(*number) else { return };
                if let Ok(cancelled) =
                    self.transact(Some(id), |plan, current| cancel(Some(plan), now, current))
                {
                    self.take(cancelled);
                }
            }
            Op::Retry(number) => {
                let Some(id) = self.nth(*number) else { return };
                let place = Place::from_u128(self.next_id());
                let has_turn = self.turn.is_none() && self.line.is_empty();
                let seen = &self.disk.executions[&id];
                let target =
                    RetryTarget { seen: seen.place, failed: seen.state.clone(), onto: RetryOnto::Pinned };
                let retried = self.transact(Some(id), |plan, current| {
                    retry(place, &target, plan, has_turn, now, &sample::directory(), current)
                });
                let Ok(retried) = retried else { return };
                *self.asked.entry(id).or_default() += 1;
                if has_turn { self.take(retried) } else { self.line.push_back(id) }
            }
            Op::Dismiss(number) => {
                let Some(id) = self.nth(*number) else { return };
                let _ = self.transact(Some(id), |_, current| dismiss(now, current));
            }
            Op::Lie => self.lies = true,
        }
    }

    /// What must hold at any moment.
    fn check(&self, before: &Disk, op: &Op) {
        self.check_history();
        let running = |execution: &&Execution| {
            matches!(execution.state, State::Running { .. } | State::Retrying { .. })
        };
        let running: Vec<_> = self.disk.executions.values().filter(running).collect();
        assert!(running.len() <= 1, "two have the turn: {running:?}");
        assert_eq!(running.first().map(|execution| execution.id), self.turn);
        for (id, execution) in &self.disk.executions {
            self.check_attempts(*id, execution);
            if let Some(was) = before.executions.get(id).filter(|was| was.state.is_final()) {
                let may_change = matches!(op, Op::Retry(_) | Op::Dismiss(_));
                assert!(may_change || was.state == execution.state, "{op:?} changed a final state");
            }
        }
        let queued = self.line.iter().map(|id| self.disk.executions[id].place).collect::<Vec<_>>();
        assert!(queued.is_sorted(), "the line has another order than the places");
    }

    /// "Each task's history is that of a single writer and its value equals the replay of its history."
    fn check_history(&self) {
        let live = self.disk.task.iter().map(|task| (task, false));
        for (task, is_deleted) in live.chain(self.disk.deleted.iter().map(|task| (task, true))) {
            let own: Vec<_> = self.disk.history.iter().filter(|entry| entry.task == task.id).collect();
            let numbers: Vec<_> = own.iter().map(|entry| entry.number).collect();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
            assert_eq!(numbers.len() as u64, task.revision + u64::from(is_deleted));
            let mut values = BTreeMap::<Slot, FieldValue>::new();
            for SlotChange { slot, before, after } in own.iter().flat_map(|entry| &entry.changes) {
                let was = values.insert(slot.clone(), after.clone()).unwrap_or_default();
                assert_eq!(was, *before, "a change that does not begin where the last one ended");
            }
            for slot in [Slot::Stage, Slot::AssignedTo] {
                assert_eq!(values.remove(&slot).unwrap_or_default(), task.slot(&slot));
            }
            let fields = values.into_iter().filter(|(_, value)| !value.is_empty());
            let fields: BTreeMap<FieldId, FieldValue> = fields
                .map(|(slot, value)| match slot {
                    Slot::Field(id) => (id, value),
                    other => panic!("{other:?} is left"),
                })
                .collect();
            assert_eq!(fields, task.values);
        }
    }

    /// "No external step ran twice without opt-in", and every run is recorded.
    fn check_attempts(&self, id: ExecutionId, execution: &Execution) {
        let own: Vec<_> =
            self.disk.attempts.range((id, 0)..=(id, u32::MAX)).map(|(_, attempt)| attempt).collect();
        let numbers: Vec<_> = own.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=execution.attempts).collect::<Vec<_>>(), "{execution:?}");
        let open = own.iter().filter(|attempt| attempt.end.is_none()).count();
        let is_mid_call = matches!(execution.state, State::Running { mid_call: true, .. });
        assert_eq!(open, usize::from(is_mid_call), "{execution:?}");
        // Steps in their order: after one that succeeded the next, else the same again.
        let mut due = 0;
        for attempt in &own {
            assert_eq!(attempt.step, due, "a step was left out or came twice: {own:?}");
            due += usize::from(attempt.end.as_ref().is_some_and(|end| end.outcome == "succeeded"));
        }
        let asked = self.asked.get(&id).copied().unwrap_or_default() as usize;
        for (step, effects) in CHAIN.iter().enumerate() {
            let runs = own.iter().filter(|attempt| attempt.step == step).count();
            let allowed = if *effects == Effects::External { 1 + asked } else { usize::MAX };
            assert!(runs <= allowed, "step {step} ran {runs} times, asked for {asked}");
        }
    }
}

fn report(ending: &Ending, now: Timestamp) -> StepReport {
    let mut report = StepReport {
        is_attended: false,
        end: StepEnd::Done,
        answer: Answer::Unchanged,
        expect: None,
        strict_fields: false,
        deletes_task: false,
        again: None,
        schedule: None,
        record: None,
        warnings: Vec::new(),
        started_at: now,
        ended_at: now,
    };
    let failed = || StepEnd::Failed { code: "http_status".to_owned(), message: "500".to_owned() };
    match ending {
        Ending::Patch(number) => {
            let task = patch(*number);
            let moves = task.get("Stage").is_some();
            report.expect = moves.then(|| StageId::new("in-progress"));
            report.answer = Answer::read(json!({ "task": task }).to_string().as_bytes());
        }
        Ending::Fails => report.end = failed(),
        Ending::Unanswered => {
            report.end = StepEnd::Unknown { code: "timeout".to_owned(), message: String::new() };
        }
        Ending::Stops => report.end = StepEnd::Stop,
        Ending::Waits => report.end = StepEnd::Wait { until: now + SignedDuration::from_secs(30) },
        Ending::Again => {
            report.end = failed();
            report.again = Some(now + SignedDuration::from_secs(10));
        }
        Ending::Deletes => report.deletes_task = true,
        Ending::Schedules => {
            report.schedule = Some(("Not Started".to_owned(), now + SignedDuration::from_secs(20)));
        }
    }
    report
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_an_invariant(ops in prop::collection::vec(op(), 1..80), reverts in any::<bool>()) {
        let mut world = World::new(if reverts { OnFailure::Revert } else { OnFailure::Keep });
        for op in &ops {
            let before = world.disk.clone();
            world.apply(op);
            world.check(&before, op);
        }
        // Everything that was admitted ends, or visibly waits.
        world.drain();
        let state = |execution: &Execution| execution.state.clone();
        let left: Vec<_> = world.disk.executions.values().map(state).filter(|state| !state.is_final()).collect();
        prop_assert!(left.iter().all(|state| matches!(state, State::Waiting { .. })), "{left:?}");
    }
}
