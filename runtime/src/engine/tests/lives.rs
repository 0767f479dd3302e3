//! What executions live through: panics, waiting, restarts, missing step types, full lines.

use std::time::Duration;

use super::*;
use crate::engine::EngineError;

#[test]
fn a_panicking_step_fails_its_own_execution_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        for _ in 0..2 {
            let failed = perform(&shared, &engine, &["panics", "notes"]).await;
            let failure = failed.state.failure().expect("a failure");
            assert_eq!((failure.code.as_str(), failure.step), ("step_panicked", 0));
            assert!(failure.message.contains("on purpose"), "{}", failure.message);
        }
        let task =
            shared.store.task(TaskKey::Id(sample::task().id)).await.expect("an answer").expect("the task");
        assert_eq!(
            task.value(&crate::model::FieldId::new("company-name")).to_text(),
            "Acme Corp",
            "a later step ran"
        );
        assert_eq!(perform(&shared, &engine, &["notes"]).await.state, State::Succeeded);
        assert_eq!(shared.in_flight(), 0, "a place was not given back");
    });
}

#[test]
fn steps_run_in_order_and_each_is_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let ended = perform(&shared, &engine, &["notes", "notes", "notes"]).await;
        assert_eq!(ended.state, State::Succeeded);
        let detail =
            shared.store.execution_detail(ended.id).await.expect("an answer").expect("the execution");
        assert_eq!(detail.execution, ended);
        assert_eq!(detail.attempts.iter().map(|attempt| attempt.step).collect::<Vec<_>>(), [0, 1, 2]);
    });
}

#[test]
fn while_draining_nothing_is_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        shared.drain();
        let perform = request(&shared, &["notes"]);
        assert!(matches!(engine.perform(perform).await, Err(EngineError::ShuttingDown)));
        assert!(shared.store.open_executions(None, 10).await.expect("an answer").is_empty());
    });
}

/// "Wakes are UTC instants, fired once, late after a forward jump, never twice after a backward one."
#[test]
fn a_waiting_execution_is_woken_once_by_the_clock_whatever_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let (shared, engine) = engine_on(open(folder.path()), clock.clone(), types()).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        assert_eq!(parked.state, State::Waiting { step: 1, until: sample::now() + HOUR });
        assert_eq!(shared.in_flight(), 0, "a parked execution holds a place");
        // Somebody else's turn comes meanwhile: waiting has let it go.
        assert_eq!(perform(&shared, &engine, &["notes"]).await.state, State::Succeeded);
        for moved_to in [sample::now() - HOUR, sample::now() + HOUR - jiff::SignedDuration::from_millis(1)] {
            clock.move_to(moved_to);
            shared.clock_moved();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(stored(&shared, parked.id).await.state, parked.state, "woken too early");
        }
        clock.move_to(sample::now() + HOUR * 48);
        shared.clock_moved();
        let ended = until(&shared, parked.id, State::is_final).await;
        assert_eq!(ended.state, State::Succeeded);
        for moved_to in [sample::now(), sample::now() + HOUR * 49] {
            clock.move_to(moved_to);
            shared.clock_moved();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let detail =
            shared.store.execution_detail(parked.id).await.expect("an answer").expect("the execution");
        assert_eq!(detail.attempts.len(), 2, "a step ran twice");
    });
}

/// "Parked in the store and woken … after any restart"; "on waking the execution queues at the back."
#[test]
fn a_restart_wakes_what_became_due_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let standing = Clock::standing(sample::now());
        let (shared, engine) = engine_on(open(folder.path()), standing, types()).await;
        let parked = perform(&shared, &engine, &["waits", "notes"]).await;
        shared.drain();
        let later = Clock::standing(sample::now() + HOUR * 2);
        let (restarted, _engine, open) = engine_again(&shared, &later, types()).await;
        assert_eq!(open, 1);
        let ended = until(&restarted, parked.id, State::is_final).await;
        assert_eq!(ended.state, State::Succeeded);
        assert!(ended.place > parked.place, "it kept its old place in line");
    });
}

/// "Cancel … in mid-call drops the call and records unknown."
#[test]
fn a_call_under_way_is_dropped_and_its_turn_passes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        let behind = engine.perform(request(&shared, &["notes"])).await.expect("admitted");
        assert!(behind.ended.is_none(), "it has not its turn yet");
        let cancelled = shared.cancel(&hanging.execution).await.expect("cancelled");
        assert_eq!(cancelled.state.name(), "unknown");
        let told = hanging.ended.expect("its end").await.expect("told");
        assert_eq!(told.state, cancelled.state);
        assert_eq!(until(&shared, behind.execution.id, State::is_final).await.state, State::Succeeded);
        idle(&shared).await;
        assert!(shared.cancel(&hanging.execution).await.is_err(), "cancelled twice");
    });
}

/// "Step type missing (plugin gone): … parked executions wait as `blocked` and go on when it returns.
/// Likewise when a new plugin version's schema rejects a pinned config."
#[test]
fn without_its_step_types_an_execution_is_blocked_until_a_start_that_has_them() {
    for (types_then, why) in [
        (
            StepTypes::new(Vec::new()),
            "the step “waits” cannot run: there is no step type `waits` (this server has none)",
        ),
        (
            StepTypes::new(vec![Box::new(Rejects("waits")), Box::new(Rejects("notes"))]),
            "the step “waits” cannot run: `colour` is missing",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        actix::System::new().block_on(async {
            let standing = Clock::standing(sample::now());
            let (shared, engine) = engine_on(open(folder.path()), standing, types()).await;
            let parked = perform(&shared, &engine, &["waits", "notes"]).await;
            shared.drain();
            let later = Clock::standing(sample::now() + HOUR * 2);
            let (without, _engine, _) = engine_again(&shared, &later, types_then).await;
            let blocked = until(&without, parked.id, |state| matches!(state, State::Blocked { .. })).await;
            let State::Blocked { why: told, .. } = &blocked.state else { panic!("not blocked") };
            assert_eq!(told, why);
            idle(&without).await;
            without.drain();
            let (back, _engine, _) = engine_again(&shared, &later, types()).await;
            assert_eq!(until(&back, parked.id, State::is_final).await.state, State::Succeeded);
        });
    }
}

/// A line that is full of one task's executions refuses no other task.
#[test]
fn a_full_line_of_one_task_does_not_refuse_another() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        put(&*shared.store, another(2)).await;
        for _ in 0..9 {
            engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        }
        assert_eq!(shared.in_flight(), 1);
        let elsewhere = Perform { task: TaskId::from_u128(2), ..request(&shared, &["notes"]) };
        let error = engine.perform(elsewhere).await.err().map(|error| error.to_string());
        assert_eq!(error, None, "seven of eight places are free");
    });
}

/// "durations are monotonic": a back-off does not grow with a clock that is set back.
#[test]
fn a_back_off_ends_when_its_time_is_over_whatever_the_clock_does() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let clock = Clock::standing(sample::now());
        let refused = Does::outside("refused", |call| {
            let again = (call.execution.tries < 2).then_some(Duration::from_millis(100));
            std::future::ready(Outcome { again, ..Outcome::failed("http_status", "503") })
        });
        let types = StepTypes::new(vec![refused]);
        let (shared, engine) = engine_on(open(folder.path()), clock.clone(), types).await;
        let performed = engine.perform(request(&shared, &["refused"])).await.expect("admitted");
        until(&shared, performed.execution.id, is_retrying).await;
        clock.move_to(sample::now() - HOUR);
        shared.clock_moved();
        let ended = tokio::time::timeout(Duration::from_secs(3), performed.ended.expect("its turn")).await;
        assert!(ended.is_ok(), "100 ms of back-off hold the turn for an hour");
    });
}
