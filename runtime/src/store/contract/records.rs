//! What is kept of calls, for a while.

use super::*;
use crate::model::AttemptEnd;

#[test]
fn records_of_old_executions_that_have_ended_are_forgotten_and_their_outcomes_are_not() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let waiting = State::Waiting { step: 1, until: sample::now() };
        for (number, state) in
            [(10, State::Succeeded), (11, waiting), (12, State::Succeeded), (13, State::Succeeded)]
        {
            let execution = execution(number, state);
            let end =
                AttemptEnd { record: Some("{}".to_owned()), ..AttemptEnd::bare(sample::now(), "succeeded") };
            let (id, version, started_at) = (execution.id, 1, sample::now());
            let ended = Some(Attempt {
                execution: id,
                number: 1,
                try_number: 1,
                step: 0,
                version,
                started_at,
                end: Some(end),
            });
            let written = Some(ExecutionWrite::Insert(execution));
            let decide: Decide = Box::new(|_| Ok(Change { execution: written, ended, ..Change::default() }));
            store.transact(first(), None, decide).await.expect("written");
        }
        let id = ExecutionId::from_u128;
        for (newest, expected) in [(0, Some(13)), (1, Some(12)), (3, Some(10)), (4, None)] {
            assert_eq!(
                store.execution_before(newest).await.expect("an answer"),
                expected.map(id),
                "{newest}"
            );
        }
        let forget = async |after| store.forget_records(id(after), id(13), 2).await.expect("forgotten");
        assert_eq!(forget(0).await, Some(id(11)));
        assert_eq!(forget(11).await, None);
        for (number, is_kept) in [(10, false), (11, true), (12, false), (13, true)] {
            let detail = store.execution_detail(id(number)).await.expect("an answer").expect("it is there");
            let end = detail.attempts[0].end.as_ref().expect("its end");
            assert_eq!((end.record.is_some(), end.outcome), (is_kept, "succeeded"), "{number}");
        }
    });
}
