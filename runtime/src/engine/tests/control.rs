//! People who cancel, retry and go away; and a server that ends meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    engine::{Performed, Retry},
    model::perform::{RetryOnto, RetryTarget},
};

/// A step that ends one call each time it is told, and how many have begun.
fn gate() -> (Box<dyn StepType>, Arc<AtomicUsize>, Arc<Semaphore>) {
    let (begun, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, opens) = (Arc::clone(&begun), Arc::clone(&open));
    let step = Does::outside("gate", move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        let opens = Arc::clone(&opens);
        async move {
            opens.acquire().await.expect("open").forget();
            Outcome::done(Answer::Unchanged)
        }
    });
    (step, begun, open)
}

async fn retry(shared: &Shared, engine: &EngineHandle, types: &[&str], id: ExecutionId) -> Performed {
    let Perform { workflow, version, action, .. } = request(shared, types);
    let execution = stored(shared, id).await;
    let (seen, failed) = (execution.place, execution.state.clone());
    let target = RetryTarget { seen, failed, onto: RetryOnto::Pinned };
    engine
        .retry(Retry { execution, target, workflow, version, action, is_awaited: true })
        .await
        .expect("retried")
}

/// An execution whose first try was not answered, held until the next.
async fn held(shared: &Shared, engine: &EngineHandle) -> Execution {
    let begun = engine.perform(request(shared, &["unanswered"])).await.expect("admitted").execution;
    until(shared, begun.id, is_retrying).await;
    is_held(shared).await;
    begun
}

async fn is_held(shared: &Shared) {
    eventually("it is held", async || !shared.held_is_empty()).await;
    // What is held is looked at once more.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// "Cancel … in mid-call drops the call", also when who asked for it hangs up.
#[test]
fn a_cancel_whose_asker_goes_away_drops_the_call() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        assert!(shared.cancel(&hanging.execution).now_or_never().is_none(), "asked, then gone");
        until(&shared, hanging.execution.id, State::is_final).await;
        idle(&shared).await;
    });
}

/// The same between two tries: the turn passes on.
#[test]
fn a_cancel_whose_asker_goes_away_lets_the_turn_go() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let one = held(&shared, &engine).await;
        let behind = engine.perform(request(&shared, &["notes"])).await.expect("admitted");
        assert!(shared.cancel(&one).now_or_never().is_none(), "asked, then gone");
        until(&shared, one.id, State::is_final).await;
        until(&shared, behind.execution.id, State::is_final).await;
    });
}

/// A deletion whose asker goes away ends what was to be tried again.
#[test]
fn a_deletion_whose_asker_goes_away_lets_the_turn_go() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let one = held(&shared, &engine).await;
        assert!(shared.delete_task(one.task, sample::performer()).now_or_never().is_none(), "asked, gone");
        assert_eq!(until(&shared, one.id, State::is_final).await.state.name(), "unknown");
        eventually("its turn is let go", async || shared.held_is_empty()).await;
        idle(&shared).await;
    });
}

/// A cancellation is of the run that it saw, not of the one that a Retry has begun since.
#[test]
fn a_late_cancel_does_not_drop_the_call_of_a_retry() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (step, begun, open_gate) = gate();
        let types = StepTypes::new(vec![step]);
        let (shared, engine) = engine_on(open(folder.path()), Clock::default(), types).await;
        let id = engine.perform(request(&shared, &["gate"])).await.expect("admitted").execution.id;
        eventually("it calls", async || begun.load(Ordering::Relaxed) == 1).await;
        let place = stored(&shared, id).await.place;
        shared.cancel(&stored(&shared, id).await).await.expect("cancelled");
        idle(&shared).await;
        let again = retry(&shared, &engine, &["gate"], id).await;
        eventually("it calls again", async || begun.load(Ordering::Relaxed) == 2).await;
        // The rest of the cancellation, on a thread that was busy.
        shared.runs.cancel(place);
        tokio::time::sleep(Duration::from_millis(50)).await;
        open_gate.add_permits(1);
        let ended = again.ended.expect("its turn").await.expect("its end");
        assert_eq!(ended.state, State::Succeeded);
    });
}

#[test]
fn a_late_cancel_does_not_let_go_of_a_retry_between_two_tries() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let one = held(&shared, &engine).await;
        let cancelled = shared.cancel(&one).await.expect("cancelled");
        idle(&shared).await;
        retry(&shared, &engine, &["unanswered"], one.id).await;
        until(&shared, one.id, is_retrying).await;
        is_held(&shared).await;
        shared.release(&cancelled);
        assert!(!shared.held_is_empty(), "pending on disk, and nobody holds it");
    });
}

/// Whoever ends an execution just before it is held does not find it: it is looked at once more.
#[test]
fn an_execution_that_ended_before_it_was_held_lets_its_turn_go() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        let one = held(&shared, &engine).await;
        let (now, plan) = (sample::now(), shared.bare_plan(&one));
        let decide: crate::model::perform::Decide =
            Box::new(move |current| crate::model::perform::cancel(plan.as_ref(), now, current));
        shared.store.transact(TaskKey::Id(one.task), Some(one.id), decide).await.expect("cancelled");
        let mut taken = shared.take_held();
        let ready = taken.pop().expect("held");
        shared.hold(&one, Clock::default().now() + HOUR, ready);
        eventually("its turn is let go", async || shared.held_is_empty()).await;
        idle(&shared).await;
    });
}

/// A drain waits for what runs, not for what is to be tried again some time.
#[test]
fn a_drain_does_not_wait_for_a_back_off() {
    let folder = tempfile::tempdir().expect("a folder");
    actix::System::new().block_on(async {
        let (shared, engine) = engine(folder.path()).await;
        put(&*shared.store, another(2)).await;
        let hanging = engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        // Every place among those who wait is taken: who is to be tried again keeps one among those who run.
        for _ in 0..8 {
            engine.perform(request(&shared, &["hangs"])).await.expect("admitted");
        }
        let elsewhere = Perform { task: TaskId::from_u128(2), ..request(&shared, &["unanswered"]) };
        let one = engine.perform(elsewhere).await.expect("admitted");
        until(&shared, one.execution.id, is_retrying).await;
        is_held(&shared).await;
        shared.drain();
        shared.cancel(&hanging.execution).await.expect("cancelled");
        idle(&shared).await;
        assert!(
            is_retrying(&stored(&shared, one.execution.id).await.state),
            "the next start goes on with it"
        );
    });
}
