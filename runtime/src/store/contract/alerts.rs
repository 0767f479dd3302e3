//! Failures of which somebody is still to be told.

use super::*;
use crate::model::{Failure, Untold};

fn untold(number: u128, workflow: &str) -> Untold {
    let failure = Failure { step: 1, code: "timeout".to_owned(), message: "no answer".to_owned() };
    let failed = Execution {
        workflow: WorkflowId::new(workflow),
        ..sample::execution(number, State::Unknown(failure))
    };
    Untold::of(&failed).expect("failed")
}

#[test]
fn what_is_to_be_told_stays_until_it_is_forgotten_oldest_first() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        for (number, workflow) in [(10, "a"), (11, "b"), (12, "a"), (13, "a")] {
            let untold = vec![untold(number, workflow)];
            let fails: Decide = Box::new(move |_| Ok(Change { untold, ..Change::default() }));
            store.transact(TaskKey::Id(TaskId::from_u128(1)), None, fails).await.expect("written");
        }
        store.close().await.expect("closed");
        let store = open(folder);
        let workflows = async || {
            let mut workflows = store.untold_workflows().await.expect("an answer");
            workflows.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            workflows
        };
        let (a, b) = (WorkflowId::new("a"), WorkflowId::new("b"));
        assert_eq!(workflows().await, [a.clone(), b.clone()]);
        let (first, count) = store.untold(a.clone(), 2).await.expect("an answer");
        assert_eq!((first, count), (vec![untold(10, "a"), untold(12, "a")], 3));
        assert_eq!(store.forget_untold(a.clone(), 2).await.expect("forgotten"), 2);
        let left = store.untold(a.clone(), 10).await.expect("an answer");
        assert_eq!(left, (vec![untold(13, "a")], 1));
        assert_eq!(store.forget_untold(a, 10).await.expect("forgotten"), 1);
        assert_eq!(workflows().await, [b]);
    });
}
