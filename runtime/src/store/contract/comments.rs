//! Comments on tasks.

use super::*;
use crate::model::{Comment, perform};
use crate::store::COMMENTS_PAGE_MAX;

fn write(body: String) -> Decide {
    let (performer, now) = (sample::performer(), sample::now());
    let mentions = vec![UserId::new("abc123"), UserId::new("a\"b")];
    Box::new(move |current| {
        perform::write_comment(perform::NewComment { body, mentions, performer, now }, current)
    })
}

#[test]
fn comments_are_numbered_kept_read_by_page_and_go_with_their_task() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        create(&*store, task(2)).await;
        let other = store.transact(TaskKey::Id(TaskId::from_u128(2)), None, write("other".to_owned())).await;
        assert_eq!(other.expect("written").comment.map(|comment| comment.number), Some(1));
        // One group: each sees those before it.
        let count = COMMENTS_PAGE_MAX + 2;
        let writes = (1..=count).map(|number| store.transact(first(), None, write(format!("“{number}”\n"))));
        for (number, written) in (1..).zip(join_all(writes).await) {
            let comment = written.expect("written").comment.expect("the comment");
            assert_eq!((comment.number, comment.body), (number, format!("“{number}”\n")));
        }
        store.close().await.expect("closed");
        drop(store);
        let store = open(folder);
        let page = store.comments(TaskId::from_u128(1), 0).await.expect("an answer");
        assert_eq!(page.len(), COMMENTS_PAGE_MAX);
        let expected = Comment {
            task: TaskId::from_u128(1),
            number: 1,
            body: "“1”\n".to_owned(),
            mentions: vec![UserId::new("abc123"), UserId::new("a\"b")],
            performer: sample::performer(),
            at: sample::now(),
        };
        assert_eq!(page[0], expected);
        let rest = store.comments(TaskId::from_u128(1), COMMENTS_PAGE_MAX as u64).await.expect("an answer");
        assert_eq!(rest.iter().map(|comment| comment.number).collect::<Vec<_>>(), [101, 102]);
        let delete: Decide =
            Box::new(|current| perform::delete_task(sample::performer(), sample::now(), current));
        store.transact(first(), None, delete).await.expect("deleted");
        let late = store.transact(first(), None, write("late".to_owned())).await;
        assert!(matches!(late, Err(StoreError::Refused(Refusal::TaskMissing))));
        assert_eq!(store.comments(TaskId::from_u128(1), 0).await.expect("an answer"), []);
        assert_eq!(store.comments(TaskId::from_u128(2), 0).await.expect("an answer").len(), 1);
    });
}
