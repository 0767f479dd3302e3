//! The decisions, each on a task and an execution as a store would hand them.

mod checklist;
mod lives;

use serde_json::{Value, json};

use super::*;
use crate::model::{
    Attempt, FieldId, Place, StageId, State, TaskId, document::Answer, execution::StepEnd, sample,
    workflow::OnFailure,
};

fn plan() -> Plan {
    let workflow = Arc::new(sample::workflow());
    Plan { workflow, action: 1, chain: Arc::new([Effects::None, Effects::External]), zone: TimeZone::UTC }
}

fn execution(state: State) -> Execution {
    Execution { attempts: 1, ..sample::execution(9, state) }
}

fn reverting() -> Plan {
    let mut workflow = sample::workflow();
    workflow.actions[1].on_failure = OnFailure::Revert;
    Plan { workflow: Arc::new(workflow), ..plan() }
}

/// What a store would find.
#[derive(Default)]
struct Found {
    task: Option<Task>,
    execution: Option<Execution>,
    taken: Vec<&'static str>,
    history: Vec<HistoryEntry>,
    parked: Vec<Execution>,
    admitted: Option<Admitted>,
    comments: u64,
    checklist: Vec<KeptItem>,
}

impl Look for Found {
    fn is_taken(&self, unique_id: &str) -> bool {
        self.taken.contains(&unique_id)
    }

    fn file_bytes_max(&self) -> usize {
        1024
    }

    fn next_number(&self) -> u64 {
        7
    }

    fn history_after(&self, _: u64) -> Vec<HistoryEntry> {
        self.history.clone()
    }

    fn parked(&self) -> Vec<Execution> {
        self.parked.clone()
    }

    fn admitted(&self, scope: &[u8; 32]) -> Option<Admitted> {
        self.admitted.clone().filter(|admitted| admitted.scope == *scope)
    }

    fn execution(&self, id: ExecutionId) -> Option<Execution> {
        self.execution.clone().filter(|execution| execution.id == id)
    }

    fn has_left(&self, user: &UserId) -> bool {
        user.as_str() == "left"
    }

    fn comments(&self) -> u64 {
        self.comments
    }

    fn checklist(&self) -> Vec<KeptItem> {
        self.checklist.clone()
    }
}

impl Found {
    fn new(task: Task, state: State) -> Self {
        Self { task: Some(task), execution: Some(execution(state)), ..Self::default() }
    }

    fn decide<T>(&self, decide: impl FnOnce(&Current<'_>) -> T) -> T {
        let task = self.task.clone().map(Arc::new);
        decide(&Current { task: task.as_ref(), execution: self.execution.as_ref(), look: self })
    }

    fn finish(&self, plan: &Plan, report: StepReport) -> Change {
        let at = At::of(self.execution.as_ref().expect("an execution")).expect("a run");
        self.decide(|current| finish(at, plan, report, &sample::directory(), current)).expect("a change")
    }
}

fn report(answer: Value) -> StepReport {
    StepReport {
        end: StepEnd::Done,
        answer: Answer::read(json!({ "task": answer }).to_string().as_bytes()),
        expect: None,
        strict_fields: false,
        deletes_task: false,
        again: None,
        schedule: None,
        record: None,
        warnings: Vec::new(),
        started_at: sample::now(),
        ended_at: sample::now(),
        is_attended: false,
    }
}

fn failing() -> StepReport {
    let end = StepEnd::Failed { code: "http_status".to_owned(), message: "500".to_owned() };
    StepReport { end, ..report(json!({})) }
}

const LAST_CALL: State = State::Running { step: 1, mid_call: true };

fn finished(task: Task, answer: Value) -> Change {
    Found { taken: vec!["43"], ..Found::new(task, LAST_CALL) }.finish(&plan(), report(answer))
}

fn state(change: &Change) -> &State {
    match &change.execution {
        Some(
            ExecutionWrite::Insert(execution)
            | ExecutionWrite::Update(execution)
            | ExecutionWrite::Keep(execution),
        ) => &execution.state,
        None => panic!("no execution was written"),
    }
}

const QUEUED: State = State::Queued { step: 0, resumed: false };

fn admission() -> Admission {
    Admission { execution: Execution { stage: None, ..execution(QUEUED) }, key: None }
}

fn admitted(found: &Found, admission: Admission, has_turn: bool) -> Result<Change, Refusal> {
    found.decide(|current| admit(admission, &plan(), has_turn, &sample::directory(), current))
}

fn begun(found: &Found, plan: &Plan) -> Change {
    found
        .decide(|current| begin(plan, false, sample::now(), &sample::directory(), current))
        .expect("a change")
}

#[test]
fn an_action_is_admitted_only_in_its_stages() {
    let there = Found { task: Some(sample::task_in("in-progress")), ..Found::default() };
    let change = admitted(&there, admission(), true).expect("offered");
    assert_eq!(state(&change), &State::Running { step: 0, mid_call: false });
    let elsewhere = Found { task: Some(sample::task()), ..Found::default() };
    let refused = admitted(&elsewhere, admission(), true).expect_err("not offered");
    assert_eq!(refused.to_string(), "“Finish” is not offered in stage Completed");
}

#[test]
fn a_queued_execution_whose_stage_has_gone_fails_without_running_a_step() {
    let change = begun(&Found::new(sample::task(), QUEUED), &plan());
    assert_eq!(state(&change).failure().expect("failed").code, "action_not_available");
    assert!(change.begun.is_none());
}

#[test]
fn an_answer_changes_the_task_and_ends_the_execution() {
    let change = finished(sample::task(), json!({"Expected Close Date": "2020-02-01"}));
    assert_eq!(state(&change), &State::Succeeded);
    let task = change.task.expect("changed");
    assert_eq!(task.value(&FieldId::new("expected-close-date")).to_text(), "2020-02-01");
}

#[test]
fn one_bad_field_refuses_the_whole_patch() {
    for (answer, message) in [
        (json!({"Stage": "In Progress", "Contract Value": "much"}), "Contract Value is invalid"),
        (json!({"Company ID": "43"}), "Company ID has already been taken"),
        (json!({"Company ID": null}), "Company ID is required"),
    ] {
        let change = finished(sample::task(), answer);
        assert!(change.task.is_none());
        let failure = state(&change).failure().expect("failed");
        assert_eq!((failure.code.as_str(), failure.step), ("invalid_fields", 1));
        assert!(failure.message.contains(message), "{}", failure.message);
    }
}

#[test]
fn an_unknown_field_is_ignored_with_a_warning() {
    let change = finished(sample::task(), json!({"Colour": "red"}));
    assert_eq!(state(&change), &State::Succeeded);
    let warnings = change.ended.and_then(|attempt| attempt.end).expect("ended").warnings;
    assert_eq!(warnings, ["the workflow has no field “Colour”; it was ignored"]);
}

#[test]
fn a_strict_step_fails_on_an_unknown_field() {
    let report =
        StepReport { strict_fields: true, ..report(json!({"Colour": "red", "Company Name": "new"})) };
    let change = Found::new(sample::task(), LAST_CALL).finish(&plan(), report);
    assert!(change.task.is_none());
    assert_eq!(state(&change).failure().expect("failed").code, "invalid_fields");
}

#[test]
fn a_move_after_somebody_elses_move_fails() {
    let report =
        StepReport { expect: Some(StageId::new("in-progress")), ..report(json!({"Stage": "Completed"})) };
    let running = State::Running { step: 0, mid_call: false };
    let change = Found::new(sample::task_in("not-started"), running).finish(&plan(), report);
    assert_eq!(state(&change).failure().expect("failed").code, "stage_changed");
}

#[test]
fn a_new_task_needs_its_required_fields() {
    let write = |object: Value| {
        let object = object.as_object().cloned().expect("an object");
        let writing =
            Writing { performer: sample::performer(), now: sample::now(), new_id: TaskId::from_u128(2) };
        Found { taken: vec!["42"], ..Found::default() }.decide(|current| {
            let (workflow, directory) = (sample::workflow(), sample::directory());
            write_task(&object, TaskWrite::Upsert, writing, &workflow, &directory, current)
        })
    };
    assert!(write(json!({"Company ID": "44"})).is_ok());
    assert_eq!(write(json!({})).expect_err("incomplete").to_string(), "Company ID is required");
    assert_eq!(
        write(json!({"Company ID": "44", "Nmae": "x"})).expect_err("unknown").to_string(),
        "Nmae is unknown: the workflow has no such field"
    );
}

/// "Invalid value for a known field …: failure; nothing of the patch is applied": nor is a file kept that
/// came with it. The sample's workflow with a field for files; a file of another task is not this one's.
#[test]
fn files_come_with_their_patch_or_not_at_all() {
    use crate::model::{Blob, Field, FieldType, FieldValue, FileEntry};
    let papers = FieldId::new("papers");
    let mut workflow = sample::workflow();
    let kind = FieldType::File { limit: Some(2) };
    workflow.fields.push(Field {
        id: papers.clone(),
        name: "Papers".to_owned(),
        kind,
        required: false,
        editable: true,
    });
    let plan = Plan { workflow: Arc::new(workflow), ..plan() };
    let old = Blob::new(&b"old"[..], "text/plain".into());
    let mut task = sample::task();
    let entry = FileEntry { blob: old.id, filename: "old.txt".into(), content_type: "text/plain".into() };
    task.values.insert(papers.clone(), FieldValue::Files(vec![entry]));
    let found = Found::new(task, LAST_CALL);
    let new = json!({"base64contents": "bmV3", "filename": "new.txt"});

    let change = found.finish(&plan, report(json!({"Papers": [{"blobId": old.id.to_string()}, new]})));
    assert_eq!(change.task.expect("a task").value(&papers).to_text(), "old.txt, new.txt");
    assert_eq!(change.blobs.iter().map(|blob| &*blob.bytes).collect::<Vec<_>>(), [b"new"]);

    let change = found.finish(&plan, report(json!({"Papers": [new], "Contract Value": "much"})));
    assert_eq!(state(&change).failure().expect("failed").code, "invalid_fields");
    assert!(change.task.is_none() && change.blobs.is_empty());

    let other = Blob::new(&b"another task's"[..], "text/plain".into());
    let change = found.finish(&plan, report(json!({"Papers": [{"blobId": other.id.to_string()}]})));
    let message = &state(&change).failure().expect("failed").message;
    assert!(
        message.contains("Papers is invalid: file 1 names a `blobId` that is not a file of this task"),
        "{message}"
    );
}

/// "Cancelled, or recorded already: what is on disk stays."
#[test]
fn the_end_of_a_run_that_is_not_the_current_one_changes_nothing() {
    let found = Found::new(sample::task(), LAST_CALL);
    for at in [At { step: 1, attempts: 0 }, At { step: 0, attempts: 1 }] {
        let answer = report(json!({"Company Name": "late"}));
        let change = found.decide(|current| finish(at, &plan(), answer, &sample::directory(), current));
        let change = change.expect("a change");
        assert!(change.task.is_none() && change.ended.is_none());
        assert!(matches!(change.execution, Some(ExecutionWrite::Keep(_))));
    }
}

#[test]
fn an_admission_that_comes_again_changes_nothing() {
    let there = Found::new(sample::task_in("in-progress"), State::Running { step: 0, mid_call: false });
    let change = admitted(&there, admission(), true).expect("a change");
    assert!(matches!(change.execution, Some(ExecutionWrite::Keep(_))));
}

/// "Another body with the same key: 422; concurrent duplicates get the same execution; 24 h."
#[test]
fn an_idempotency_key_is_for_one_request_and_one_day() {
    let key = IdempotencyKey { scope: [1; 32], body: [2; 32] };
    let with_key = || Admission { key: Some(key), ..admission() };
    let first = Found { task: Some(sample::task_in("in-progress")), ..Found::default() };
    let change = admitted(&first, with_key(), false).expect("admitted");
    let recorded = change.admitted.expect("the key is kept");
    assert_eq!((recorded.scope, recorded.body), (key.scope, key.body));
    let earlier = Execution { id: ExecutionId::from_u128(8), ..execution(LAST_CALL) };
    let again = |body: u8, hours: i64| {
        let at = sample::now() - jiff::SignedDuration::from_hours(hours);
        let admitted_before = Admitted { body: [body; 32], execution: earlier.id, at, ..recorded.clone() };
        let found = Found {
            task: Some(sample::task_in("in-progress")),
            execution: None,
            admitted: Some(admitted_before),
            ..Found::default()
        };
        // The new one's id is not there; the earlier one's is found by the key.
        let found = FoundEarlier { found, earlier: earlier.clone() };
        let task = found.found.task.clone().map(Arc::new);
        let current = Current { task: task.as_ref(), execution: None, look: &found };
        admit(with_key(), &plan(), false, &sample::directory(), &current)
    };
    let same = again(2, 23).expect("the same request");
    assert!(matches!(same.execution, Some(ExecutionWrite::Keep(kept)) if kept.id == earlier.id));
    assert_eq!(again(3, 23).expect_err("another body"), Refusal::KeyReused);
    let next_day = again(3, 24).expect("a new request");
    assert!(matches!(next_day.execution, Some(ExecutionWrite::Insert(_))));
}

struct FoundEarlier {
    found: Found,
    earlier: Execution,
}

impl Look for FoundEarlier {
    fn is_taken(&self, unique_id: &str) -> bool {
        self.found.is_taken(unique_id)
    }

    fn file_bytes_max(&self) -> usize {
        1024
    }

    fn next_number(&self) -> u64 {
        self.found.next_number()
    }

    fn history_after(&self, number: u64) -> Vec<HistoryEntry> {
        self.found.history_after(number)
    }

    fn parked(&self) -> Vec<Execution> {
        self.found.parked()
    }

    fn admitted(&self, scope: &[u8; 32]) -> Option<Admitted> {
        self.found.admitted(scope)
    }

    fn execution(&self, id: ExecutionId) -> Option<Execution> {
        (self.earlier.id == id).then(|| self.earlier.clone())
    }

    fn has_left(&self, user: &UserId) -> bool {
        self.found.has_left(user)
    }

    fn comments(&self) -> u64 {
        self.found.comments()
    }

    fn checklist(&self) -> Vec<KeptItem> {
        self.found.checklist()
    }
}
