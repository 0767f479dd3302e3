//! Failures of which somebody is still to be told.

use super::*;
use crate::{
    model::{Failure, Untold},
    store::UntoldPage,
};

fn untold(number: u128, workflow: &str) -> Untold {
    let failure = Failure { step: 1, code: "timeout".to_owned(), message: "no answer".to_owned() };
    let failed = Execution {
        workflow: WorkflowId::new(workflow),
        ..sample::execution(number, State::Unknown(failure))
    };
    Untold::of(&failed).expect("failed")
}

async fn fails(store: &dyn Store, number: u128, workflow: &str) {
    let untold = vec![untold(number, workflow)];
    let fails: Decide = Box::new(move |_| Ok(Change { untold, ..Change::default() }));
    store.transact(TaskKey::Id(TaskId::from_u128(1)), None, fails).await.expect("written");
}

#[test]
fn what_is_to_be_told_stays_until_it_is_forgotten_oldest_first() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        for (number, workflow) in [(10, "a"), (11, "b"), (12, "a"), (13, "a")] {
            fails(&*store, number, workflow).await;
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
        let page = async |after, most| store.untold(a.clone(), after, most).await.expect("an answer");
        let first = page(0, 2).await;
        assert_eq!((first.listed, first.count), (vec![untold(10, "a"), untold(12, "a")], 3));
        let last = first.up_to;
        assert_eq!(page(last, 2).await, UntoldPage::default());
        assert_eq!(store.forget_untold(a.clone(), last, 2).await.expect("forgotten"), 2);
        assert_eq!(page(0, 10).await, UntoldPage { listed: vec![untold(13, "a")], count: 1, up_to: last });
        assert_eq!(store.forget_untold(a.clone(), last, 10).await.expect("forgotten"), 1);
        // A number is not given again: what is told up to one is told.
        for number in [14, 15, 16] {
            fails(&*store, number, "a").await;
        }
        assert_eq!(store.forget_untold(a.clone(), last, 10).await.expect("forgotten"), 0);
        assert_eq!(store.drop_untold(a.clone(), 0, 2, 10).await.expect("dropped"), 1);
        assert_eq!(page(0, 10).await.listed, vec![untold(15, "a"), untold(16, "a")]);
        let up_to = page(0, 10).await.up_to;
        assert_eq!(store.drop_untold(a.clone(), up_to, 0, 10).await.expect("dropped"), 0, "in a message");
        assert_eq!(store.drop_untold(a.clone(), 0, 0, 10).await.expect("dropped"), 2);
        assert_eq!(workflows().await, [b]);
    });
}
