//! What befalls executions and tasks: reverts, deletions, cancellations, retries, schedules.

use serde_json::json;

use super::*;

/// As a wake or a Retry leaves an execution: when its turn comes it looks at the stage anew.
fn looking_anew(mut found: Found) -> Found {
    found.execution.as_mut().expect("an execution").stage = None;
    found
}

/// "One transaction after the failure; per field, stage and assignee included, only where this
/// execution was the last writer."
#[test]
fn a_failure_takes_back_what_the_execution_set_and_a_retry_makes_it_again() {
    let before = sample::task_in("in-progress");
    let moving = Found::new(before.clone(), State::Running { step: 0, mid_call: false });
    let moved = moving.finish(&reverting(), report(json!({"Stage": "Completed", "Company Name": "New"})));
    let (task, first) = (moved.task.expect("moved"), moved.history.expect("recorded"));
    // Somebody else changes one of the two meanwhile.
    let edited = Task { assigned_to: None, revision: task.revision + 1, ..task.clone() };
    let edit = HistoryEntry {
        number: edited.revision,
        author: Author::Performer(sample::performer()),
        changes: difference(Some(&task), &edited),
        ..first.clone()
    };
    let calling = Found { history: vec![first, edit], ..Found::new(edited.clone(), LAST_CALL) };
    let failed = calling.finish(&reverting(), failing());
    assert_eq!(state(&failed).name(), "failed");
    let (reverted, entry) = (failed.task.expect("taken back"), failed.history.expect("recorded"));
    assert_eq!((reverted.stage.as_str(), entry.cause), ("in-progress", Cause::Reverted));
    assert_eq!(reverted.value(&FieldId::new("company-name")).to_text(), "Acme Corp");
    assert_eq!(reverted.assigned_to, None, "somebody else's change stays");
    // The retried step finds the task as the steps before it left it.
    let mut history = calling.history.clone();
    history.push(entry);
    let resumed = State::Queued { step: 1, resumed: true };
    let retried = begun(&looking_anew(Found { history, ..Found::new(reverted, resumed) }), &reverting());
    let redone = retried.task.expect("made again");
    assert_eq!((redone.stage.as_str(), &redone.assigned_to), ("completed", &None));
    assert_eq!(redone.value(&FieldId::new("company-name")).to_text(), "New");
}

/// "Earlier steps' changes after an abort stay."
#[test]
fn without_revert_a_failure_takes_nothing_back() {
    let change = Found::new(sample::task(), LAST_CALL).finish(&plan(), failing());
    assert!(change.task.is_none() && change.history.is_none());
}

/// "Queued ones fail `task_deleted`"; "the remaining steps fail."
#[test]
fn a_deleted_task_ends_its_executions() {
    let parked = execution(State::Waiting { step: 1, until: sample::now() });
    let found = Found { parked: vec![parked], ..Found::new(sample::task(), QUEUED) };
    let deleted = found.decide(|current| delete_task(sample::performer(), sample::now(), current));
    let deleted = deleted.expect("deleted");
    assert!(deleted.deletes_task);
    assert_eq!(deleted.others[0].state.failure().expect("failed").code, "task_deleted");
    for (state_before, finishes) in [(QUEUED, false), (LAST_CALL, true)] {
        let gone = Found { task: None, ..Found::new(sample::task(), state_before) };
        let change = if finishes { gone.finish(&plan(), report(json!({}))) } else { begun(&gone, &plan()) };
        assert_eq!(state(&change).failure().expect("failed").code, "task_deleted");
    }
}

/// "After a `delete_task` step a later API Call … its answer is ignored."
#[test]
fn after_its_own_deletion_an_execution_goes_on_and_answers_are_ignored() {
    let deleting = Found::new(sample::task(), State::Running { step: 0, mid_call: false });
    let deletes = deleting.finish(&plan(), StepReport { deletes_task: true, ..report(json!({})) });
    assert!(deletes.deletes_task);
    let Some(ExecutionWrite::Update(execution)) = deletes.execution else { panic!("no execution") };
    assert_eq!(execution.state, LAST_CALL);
    let gone = Found { execution: Some(execution), ..Found::default() };
    let change = gone.finish(&plan(), report(json!({"Company Name": "ghost"})));
    assert_eq!(state(&change), &State::Succeeded);
    assert!(change.task.is_none());
    let warnings = change.ended.and_then(|attempt| attempt.end).expect("ended").warnings;
    assert_eq!(warnings, ["this action has deleted the task; the answer was ignored"]);
}

/// "In mid-call it drops the call and records unknown."
#[test]
fn a_cancelled_call_is_unknown_and_its_attempt_is_closed() {
    let found = Found::new(sample::task(), LAST_CALL);
    let change = found.decide(|current| cancel(Some(&plan()), sample::now(), current)).expect("cancelled");
    assert_eq!(state(&change).name(), "unknown");
    let Some(Attempt { number: 1, end: Some(end), .. }) = &change.ended else { panic!("not closed") };
    assert_eq!(end.outcome, "unknown");
    let again = Found { execution: Some(execution(state(&change).clone())), ..found };
    assert!(again.decide(|current| cancel(Some(&plan()), sample::now(), current)).is_err());
}

/// "Retry … \"current\" maps by step id and is offered only if that step still exists."
#[test]
fn a_retry_on_the_current_version_goes_to_the_step_with_the_same_id() {
    let failed = State::Failed(failure(1, "http_status", "500"));
    let found = Found::new(sample::task(), failed.clone());
    let mut workflow = sample::workflow();
    workflow.actions[1].steps.rotate_left(1);
    let current_plan = Plan { workflow: Arc::new(workflow), ..plan() };
    let retried = |step: &str| {
        let step = crate::model::StepId::new(step);
        let onto = RetryOnto::Version { version: 2, step };
        let target = RetryTarget { seen: Place::from_u128(9), failed: failed.clone(), onto };
        found.decide(|current| {
            let place = Place::from_u128(20);
            retry(place, &target, &current_plan, false, sample::now(), &sample::directory(), current)
        })
    };
    let change = retried("call").expect("retried");
    assert_eq!(state(&change), &State::Queued { step: 0, resumed: true });
    assert!(matches!(retried("gone"), Err(Refusal::StepGone { .. })));
}

/// "`stage_changed` compares with the stage this execution last saw (at start, resume, Retry) or last
/// wrote."
#[test]
fn the_stage_it_last_saw_or_wrote_is_kept() {
    let seen = |change: &Change| match &change.execution {
        Some(ExecutionWrite::Update(execution) | ExecutionWrite::Insert(execution)) => {
            execution.stage.clone()
        }
        _ => None,
    };
    let resumed = State::Queued { step: 1, resumed: true };
    let change = begun(&looking_anew(Found::new(sample::task_in("not-started"), resumed)), &plan());
    assert_eq!(seen(&change), Some(StageId::new("not-started")));
    let running = State::Running { step: 0, mid_call: false };
    let moves = Found::new(sample::task_in("in-progress"), running.clone());
    let change = moves.finish(&plan(), report(json!({"Stage": "Completed"})));
    assert_eq!(seen(&change), Some(StageId::new("completed")));
    let elsewhere = Found::new(sample::task_in("not-started"), running);
    let change = elsewhere.finish(&plan(), report(json!({"Company Name": "x"})));
    assert_eq!(seen(&change), Some(StageId::new("in-progress")), "an edit is not a look at the stage");
}

/// "A new one replaces it; any other stage change cancels it; … in the name of the original performer."
#[test]
fn a_scheduled_stage_change_is_carried_out_once_or_taken_away() {
    let until = sample::now() + jiff::SignedDuration::from_hours(1);
    let running = State::Running { step: 0, mid_call: false };
    let found = Found::new(sample::task_in("in-progress"), running);
    let schedules = StepReport { schedule: Some(("Completed".to_owned(), until)), ..report(json!({})) };
    let scheduled = found.finish(&plan(), schedules).task.expect("a schedule");
    assert_eq!(scheduled.schedule.as_ref().expect("a schedule").at, until);
    let run = |task: &Task, now| {
        let found = Found { task: Some(task.clone()), ..Found::default() };
        found.decide(|current| run_schedule(&sample::workflow(), now, current)).expect("a change")
    };
    assert!(run(&scheduled, sample::now()).task.is_none(), "not yet due");
    let due = run(&scheduled, until);
    let moved = due.task.expect("moved");
    assert_eq!((moved.stage.as_str(), &moved.schedule), ("completed", &None));
    assert_eq!(due.history.expect("recorded").author, Author::Performer(sample::performer()));
    assert!(run(&moved, until).task.is_none(), "carried out twice");
    let elsewhere = Found::new(scheduled, State::Running { step: 0, mid_call: false });
    let change = elsewhere.finish(&plan(), report(json!({"Stage": "Not Started"})));
    assert_eq!(change.task.expect("moved").schedule, None);
}

/// "Revert … never undoes a deletion, a schedule or a call."
#[test]
fn a_revert_and_its_retry_leave_the_executions_own_schedule() {
    let at = sample::now() + jiff::SignedDuration::from_hours(1);
    let running = State::Running { step: 0, mid_call: false };
    let moves = Found::new(sample::task_in("in-progress"), running.clone());
    let moved = moves.finish(&reverting(), report(json!({"Stage": "Completed"})));
    let (task, first) = (moved.task.expect("moved"), moved.history.expect("recorded"));
    let schedules = StepReport { schedule: Some(("Not Started".to_owned(), at)), ..report(json!({})) };
    let scheduled = Found { history: vec![first.clone()], ..Found::new(task, running) };
    let task = scheduled.finish(&reverting(), schedules).task.expect("scheduled");
    assert!(task.schedule.is_some());
    let calling = Found { history: vec![first.clone()], ..Found::new(task, LAST_CALL) };
    let failed = calling.finish(&reverting(), failing());
    let (reverted, entry) = (failed.task.expect("taken back"), failed.history.expect("recorded"));
    let resumed = State::Queued { step: 1, resumed: true };
    let again = looking_anew(Found { history: vec![first, entry], ..Found::new(reverted.clone(), resumed) });
    let redone = begun(&again, &reverting()).task.expect("made again");
    assert_eq!(redone.stage.as_str(), "completed");
    assert!(reverted.schedule.is_some(), "the revert undid the schedule");
    assert!(redone.schedule.is_some(), "the Retry did not bring it back");
}

/// It stood at a step when whoever asks looked, and has failed at a later one since: it must not go back.
#[test]
fn a_retry_does_not_take_an_execution_back_to_a_step_that_succeeded() {
    let onto = RetryOnto::Version { version: 2, step: crate::model::StepId::new("call") };
    let looked_at = State::Running { step: 0, mid_call: false };
    let target = RetryTarget { seen: Place::from_u128(9), failed: looked_at, onto };
    let found = Found::new(sample::task(), State::Unknown(failure(1, "cancelled", "sent, no answer")));
    let retried = found.decide(|current| {
        retry(Place::from_u128(20), &target, &plan(), true, sample::now(), &sample::directory(), current)
    });
    assert_eq!(retried.expect_err("gone on"), Refusal::GoneOn);
}

/// Somebody else has retried it on another version meanwhile, and it failed again.
#[test]
fn a_retry_is_of_the_failure_that_was_looked_at() {
    let failed = State::Failed(failure(1, "http_status", "500"));
    let mut found = Found::new(sample::task(), failed.clone());
    let execution = found.execution.as_mut().expect("there");
    (execution.version, execution.place) = (2, Place::from_u128(15));
    let target = RetryTarget { seen: Place::from_u128(9), failed, onto: RetryOnto::Pinned };
    let retried = found.decide(|current| {
        retry(Place::from_u128(20), &target, &plan(), true, sample::now(), &sample::directory(), current)
    });
    assert_eq!(retried.expect_err("gone on"), Refusal::GoneOn);
}

/// As migration 0002 leaves an execution that had run before it: `stage_seen` is null.
#[test]
fn an_execution_from_before_the_migration_can_be_retried() {
    let failed = State::Failed(failure(1, "http_status", "500"));
    // It moved the task to Completed and failed at its call.
    let mut found = Found::new(sample::task(), failed.clone());
    found.execution.as_mut().expect("there").stage = None;
    let target = RetryTarget { seen: Place::from_u128(9), failed, onto: RetryOnto::Pinned };
    let change = found
        .decide(|current| {
            retry(Place::from_u128(20), &target, &plan(), true, sample::now(), &sample::directory(), current)
        })
        .expect("retried");
    assert_eq!(state(&change), &LAST_CALL, "availability was checked on Retry");
}

/// "stage changed by someone else meanwhile: `move_to_stage` fails"; an automatic try is no Retry.
#[test]
fn an_automatic_try_does_not_look_at_the_stage_anew() {
    let retrying = State::Retrying {
        until: sample::now(),
        failure: failure(1, "http_status", "503"),
        is_unknown: false,
    };
    let change = begun(&Found::new(sample::task_in("not-started"), retrying), &plan());
    let Some(ExecutionWrite::Update(execution)) = change.execution else { panic!("not begun") };
    assert_eq!(execution.stage.as_ref().map(StageId::as_str), Some("in-progress"));
}

/// "parked executions wait as `blocked`", also one that was between two tries.
#[test]
fn an_execution_between_two_tries_is_blocked_when_its_step_type_is_gone() {
    let retrying = State::Retrying {
        until: sample::now(),
        failure: failure(1, "http_status", "503"),
        is_unknown: false,
    };
    let change = Found::new(sample::task(), retrying)
        .decide(|current| block(Some(&plan()), "gone", sample::now(), current))
        .expect("a change");
    assert_eq!(state(&change).name(), "blocked");
}

/// What is taken back is taken back whole.
#[test]
fn a_retry_that_was_refused_leaves_the_execution_as_it_was() {
    let before = Execution { stage: None, ..execution(State::Failed(failure(1, "http_status", "500"))) };
    let mut found = Found::new(sample::task(), State::Running { step: 0, mid_call: true });
    let retried = found.execution.as_mut().expect("there");
    (retried.version, retried.place, retried.attempts) = (2, Place::from_u128(20), 2);
    let change = found
        .decide(|current| void(Place::from_u128(20), Some(before.clone()), &plan(), sample::now(), current));
    let change = change.expect("taken back");
    let Some(ExecutionWrite::Update(back)) = change.execution else { panic!("kept") };
    assert_eq!(back, Execution { attempts: 2, ..before });
    assert_eq!(change.ended.and_then(|attempt| attempt.end).expect("closed").outcome, "failed");
}

/// The history of a task that the first step has changed and the failure of the second has reverted, and
/// the task as it is then.
fn reverted(before: Task, answer: Value) -> (Vec<HistoryEntry>, Task) {
    let moving = Found::new(before, State::Running { step: 0, mid_call: false });
    let moved = moving.finish(&reverting(), report(answer));
    let (task, first) = (moved.task.expect("moved"), moved.history.expect("recorded"));
    let calling = Found { history: vec![first.clone()], ..Found::new(task, LAST_CALL) };
    let failed = calling.finish(&reverting(), failing());
    (vec![first, failed.history.expect("recorded")], failed.task.expect("taken back"))
}

/// "User deleted: … tasks become unassigned", also those that they get back.
#[test]
fn a_revert_gives_no_task_to_somebody_who_has_left() {
    let before = Task { assigned_to: Some(UserId::new("left")), ..sample::task_in("in-progress") };
    let (_, task) = reverted(before, json!({"Assigned To": "user@example.com", "Company Name": "New"}));
    assert_eq!(task.assigned_to, None);
    assert_eq!(task.value(&FieldId::new("company-name")).to_text(), "Acme Corp");
}

/// The same for whoever writes by what they knew before.
#[test]
fn nobody_who_has_left_is_assigned_to_a_task() {
    let mut change = Change::default();
    let assigned = Task { assigned_to: Some(UserId::new("left")), ..sample::task() };
    Found::new(sample::task(), QUEUED).decide(|current| {
        let author = Author::Performer(sample::performer());
        change.put(assigned, Cause::Changed, author, current);
    });
    assert_eq!(change.task.expect("written").assigned_to, None);
}

#[test]
fn a_retry_on_a_version_that_does_not_revert_makes_the_changes_again() {
    let (history, task) = reverted(sample::task_in("in-progress"), json!({"Company Name": "New"}));
    let resumed = State::Queued { step: 1, resumed: true };
    let retried = begun(&looking_anew(Found { history, ..Found::new(task, resumed) }), &plan());
    let redone = retried.task.expect("made again");
    assert_eq!(redone.value(&FieldId::new("company-name")).to_text(), "New");
}

/// A try that was sent and not answered.
fn unanswered_try() -> State {
    State::Retrying { until: sample::now(), failure: failure(1, "timeout", "no answer"), is_unknown: true }
}

/// "One that was in mid-call becomes *unknown*, unless the step opted into `retry`": and there is no use
/// in trying for a task that is gone.
#[test]
fn a_call_that_a_crash_cut_off_and_whose_task_is_gone_is_unknown() {
    let gone = Found { task: None, ..Found::new(sample::task(), LAST_CALL) };
    let again = Some(sample::now());
    let change = gone
        .decide(|current| recover(Some(&plan()), "Call", again, sample::now(), current))
        .expect("a change");
    assert_eq!(state(&change).name(), "unknown");
}

#[test]
fn what_was_sent_and_not_answered_stays_unknown_whatever_keeps_it_from_being_tried_again() {
    let found = Found::new(sample::task(), unanswered_try());
    let blocked =
        found.decide(|current| block(Some(&plan()), "gone", sample::now(), current)).expect("a change");
    assert_eq!(state(&blocked).name(), "unknown");
    let found = Found { parked: vec![execution(unanswered_try())], ..Found::new(sample::task(), QUEUED) };
    let deleted = found.decide(|current| delete_task(sample::performer(), sample::now(), current));
    assert_eq!(deleted.expect("deleted").others[0].state.name(), "unknown");
    let gone = Found { task: None, ..Found::new(sample::task(), unanswered_try()) };
    assert_eq!(state(&begun(&gone, &plan())).name(), "unknown");
}

/// "One transaction after the failure", also where the failure is that it cannot be tried again.
#[test]
fn a_try_that_cannot_be_repeated_takes_back_what_the_execution_did() {
    let moving = Found::new(sample::task_in("in-progress"), State::Running { step: 0, mid_call: false });
    let moved = moving.finish(&reverting(), report(json!({"Company Name": "New"})));
    let (task, first) = (moved.task.expect("moved"), moved.history.expect("recorded"));
    let found = Found { history: vec![first], ..Found::new(task, unanswered_try()) };
    let ended = found.decide(|current| block(Some(&reverting()), "gone", sample::now(), current));
    let ended = ended.expect("a change");
    assert_eq!(state(&ended).name(), "unknown");
    let task = ended.task.expect("taken back");
    assert_eq!(task.value(&FieldId::new("company-name")).to_text(), "Acme Corp");
    assert_eq!(ended.untold.len(), 1);
}

/// "Unattended failures tell someone": what fails while nobody waits, and what fails with it.
#[test]
fn a_failure_is_to_be_told_unless_somebody_waits() {
    for is_attended in [false, true] {
        let calling = Found::new(sample::task(), LAST_CALL);
        let failed = calling.finish(&plan(), StepReport { is_attended, ..failing() });
        let told: Vec<_> = failed.untold.iter().map(|untold| untold.failure.code.as_str()).collect();
        assert_eq!(told, if is_attended { vec![] } else { vec!["http_status"] });
        let parked = execution(State::Waiting { step: 1, until: sample::now() });
        let deleting = Found {
            parked: vec![parked],
            ..Found::new(sample::task(), State::Running { step: 0, mid_call: false })
        };
        let report = StepReport { is_attended, deletes_task: true, ..report(json!({})) };
        let deleted = deleting.finish(&plan(), report);
        assert_eq!(deleted.untold[0].failure.code, "task_deleted", "nobody waits for what was parked");
    }
    let succeeded = finished(sample::task(), json!({}));
    assert!(succeeded.untold.is_empty());
    let found = Found::new(sample::task(), LAST_CALL);
    let cancelled = found.decide(|current| cancel(Some(&plan()), sample::now(), current)).expect("cancelled");
    assert!(cancelled.untold.is_empty(), "a person knows what they did");
}
