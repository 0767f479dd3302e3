//! Rows that cannot be read, workflows that are not there, and clocks that were set back: they hold up
//! nobody else.

use std::{path::Path, time::Duration};

use super::*;
use crate::{
    model::{Schedule, StageId, User, UserId, Workspace, workspace::Published},
    store::admin::{AdminChange, By},
};

async fn damage(folder: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(folder.join("onward.db")).expect("a connection");
    connection.busy_timeout(Duration::from_secs(5)).expect("set");
    assert_eq!(connection.execute(sql, []).expect("damaged"), 1);
}

#[test]
fn an_unreadable_attempt_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let (shared, engine) = engine_on(open(folder.path()), clock, types()).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        shared.drain();
        damage(folder.path(), "UPDATE attempt SET warnings = 'x'").await;
        let later = Clock::standing(sample::now() + HOUR * 2);
        let (shared, engine, _) = engine_again(&shared, &later, types()).await;
        assert_eq!(until(&shared, parked.id, State::is_final).await.state, State::Succeeded);
        // It is final before its turn is over.
        idle(&shared).await;
        assert_eq!(perform(&shared, &engine, &["notes"]).await.state, State::Succeeded);
        idle(&shared).await;
    });
}

/// One that becomes unreadable while it stands in line gives its turn and its place back.
#[test]
fn an_unreadable_execution_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted").execution;
        let waiting = sample::execution(77, State::Queued { step: 0, resumed: false });
        insert(&*shared.store, waiting).await;
        shared.lanes.enter_stored(hanging.task, ExecutionId::from_u128(77));
        damage(folder.path(), "UPDATE execution SET performer = '{}' WHERE state = 'queued'").await;
        let behind = engine.perform(request(&shared, &["notes"])).await.expect("admitted").execution;
        shared.cancel(&hanging).await.expect("cancelled");
        until(&shared, behind.id, State::is_final).await;
        idle(&shared).await;
    });
}

/// "What does not need them is still served": one damaged row does not keep the server from starting.
#[test]
fn one_unreadable_task_does_not_keep_the_server_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        put(&*shared.store, another(2)).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        let elsewhere = Perform { task: TaskId::from_u128(2), ..request(&shared, &["hangs"]) };
        let elsewhere = engine.perform(elsewhere).await.expect("admitted");
        shared.drain();
        damage(folder.path(), "UPDATE task SET field_values = 'x' WHERE unique_id = '2'").await;
        // What it has in memory is not looked up.
        let again = fresh_on(open(folder.path()), &shared, &Clock::default(), types());
        assert_eq!(again.recover().await.map_err(|error| error.to_string()), Ok(2));
        assert_eq!(stored(&again, hanging.execution.id).await.state.name(), "unknown");
        assert_eq!(stored(&again, elsewhere.execution.id).await.state.name(), "running");
    });
}

/// "Back-off (at most 15 min)" and "durations are monotonic", though the clock was set back while the
/// server was down.
#[test]
fn a_back_off_after_a_restart_is_at_most_15_minutes() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let (shared, engine) = engine_on(open(folder.path()), clock, types()).await;
        let one = engine.perform(request(&shared, &["unanswered"])).await.expect("admitted");
        until(&shared, one.execution.id, is_retrying).await;
        shared.drain();
        let yesterday = Clock::standing(sample::now() - HOUR * 24);
        let (again, _engine, _) = engine_again(&shared, &yesterday, types()).await;
        eventually("it is held", async || !again.held_is_empty()).await;
        let pause = again.release_due().expect("held");
        assert!(pause <= Duration::from_secs(15 * 60), "the turn is held for {pause:?}");
    });
}

/// "What one cannot do holds up nothing else."
#[test]
fn schedules_of_an_unreadable_workflow_hold_up_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, _engine) = engine(folder.path()).await;
        let workflow = Arc::new(sample::workflow());
        let published = Published { version: 1, workflow, broken: None };
        shared.workspace.replace(Workspace { workflows: vec![published], ..Workspace::default() });
        let scheduled = |id, workflow: &str, at| {
            let (stage, performer) = (StageId::new("completed"), sample::performer());
            let schedule = Some(Arc::new(Schedule { stage, at, performer }));
            Task { workflow: crate::model::WorkflowId::new(workflow), schedule, ..another(id) }
        };
        for id in 100..600 {
            put(&*shared.store, scheduled(id, "unreadable", sample::now())).await;
        }
        put(&*shared.store, scheduled(99, "api-sample", sample::now() + HOUR)).await;
        shared.clock_moved();
        eventually("it is moved", async || {
            let task = shared.store.task(TaskKey::Id(TaskId::from_u128(99))).await.expect("an answer");
            task.expect("the task").stage.as_str() == "completed"
        })
        .await;
    });
}

/// "Nobody is to come between two of its steps", also after the second crash: who had the turn at the first
/// is queued by then, like those who stand before it in the order of places.
#[test]
fn who_had_the_turn_has_it_after_a_second_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, _engine) = engine(folder.path()).await;
        shared.drain();
        let woken =
            Execution { stage: None, ..sample::execution(70, State::Queued { step: 1, resumed: true }) };
        let cut_off = sample::execution(71, State::Running { step: 1, mid_call: false });
        assert!(cut_off.stage.is_some() && woken.place < cut_off.place);
        for execution in [woken, cut_off] {
            insert(&*shared.store, execution).await;
        }
        for crash in 1..=2 {
            let again = fresh(&shared, &Clock::default(), types());
            assert_eq!(again.recover().await.expect("recovered"), 2);
            let first = again.lanes.next_ready().await;
            assert_eq!(first.execution.as_u128(), 71, "after crash {crash}");
        }
    });
}

/// A person leaves though one of another's tasks cannot be read; their own, if it cannot, is said.
#[test]
fn an_unreadable_task_keeps_nobody_else_from_leaving() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, _engine) = engine(folder.path()).await;
        for (number, id) in [(2, "first"), (3, "second")] {
            let user = User { id: UserId::new(id), email: format!("{id}@example.com"), ..sample::user() };
            let by = By { performer: sample::performer(), at: sample::now() };
            let change = AdminChange::AddUser { user, password_hash: None };
            shared.store.administer(change, by).await.expect("added");
            put(&*shared.store, Task { assigned_to: Some(UserId::new(id)), ..another(number) }).await;
        }
        damage(folder.path(), "UPDATE task SET field_values = 'x' WHERE unique_id = '2'").await;
        let again = fresh_on(open(folder.path()), &shared, &Clock::default(), types());
        let leave = async |id: &str| again.remove_user(UserId::new(id), sample::performer()).await;
        assert!(leave("first").await.is_err_and(|error| error.to_string().contains("cannot be read")));
        leave("second").await.expect("left");
        let task =
            again.store.task(TaskKey::Id(TaskId::from_u128(3))).await.expect("an answer").expect("a task");
        assert_eq!(task.assigned_to, None);
    });
}

#[test]
fn a_task_is_deleted_though_one_of_its_executions_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        let waiting = State::Waiting { step: 1, until: sample::now() + HOUR };
        insert(&*shared.store, sample::execution(77, waiting)).await;
        let unreadable =
            "UPDATE execution SET performer = '{}' WHERE id = x'0000000000000000000000000000004d'";
        damage(folder.path(), unreadable).await;
        shared.delete_task(parked.task, sample::performer()).await.expect("deleted");
        assert_eq!(stored(&shared, parked.id).await.state.name(), "failed");
    });
}
