//! What is kept of checklist items.

use super::*;
use crate::model::{
    ItemId, KeptItem, StageId,
    checklist::{AddedItem, ItemStatus, ItemUpdate},
    perform::{self, ItemWrite},
};

fn item(id: &str, added: Option<AddedItem>, status: ItemStatus) -> KeptItem {
    let assigned_to = (status == ItemStatus::Completed).then(|| UserId::new("abc123"));
    let update = ItemUpdate { by: sample::performer(), on: sample::now() };
    KeptItem { id: ItemId::new(id), added, status, assigned_to, update }
}

fn write(write: ItemWrite) -> Decide {
    Box::new(|_| Ok(Change { item: Some(write), ..Change::default() }))
}

#[test]
fn items_are_put_replaced_removed_and_go_with_their_task() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        create(&*store, task(2)).await;
        let added = AddedItem { title: "“Own”".to_owned(), stage: StageId::new("completed") };
        let own = item("b", Some(added), ItemStatus::Completed);
        let (blank, skipped) = (item("a", None, ItemStatus::Blank), item("a", None, ItemStatus::Skipped));
        for put in [&own, &blank, &skipped, &item("c", None, ItemStatus::Blank)] {
            let written = store.transact(first(), None, write(ItemWrite::Put(put.clone()))).await;
            assert_eq!(written.expect("written").item.as_ref(), Some(put));
        }
        let other = write(ItemWrite::Put(blank.clone()));
        store.transact(TaskKey::Id(TaskId::from_u128(2)), None, other).await.expect("written");
        let remove = || write(ItemWrite::Remove(ItemId::new("c")));
        // One group: the second finds nothing to remove, and only it fails.
        let results =
            join_all([store.transact(first(), None, remove()), store.transact(first(), None, remove())])
                .await;
        assert!(results[0].as_ref().is_ok_and(|removed| removed.item.is_none()));
        assert!(matches!(results[1], Err(StoreError::Corrupt(_))));
        store.close().await.expect("closed");
        drop(store);
        let store = open(folder);
        let expected = [skipped, own];
        assert_eq!(store.checklist(TaskId::from_u128(1)).await.expect("an answer"), expected);
        let look: Decide = Box::new(move |current| {
            assert_eq!(current.look.checklist(), expected);
            Ok(Change::default())
        });
        store.transact(first(), None, look).await.expect("looked");
        let delete: Decide =
            Box::new(|current| perform::delete_task(sample::performer(), sample::now(), current));
        store.transact(first(), None, delete).await.expect("deleted");
        assert_eq!(store.checklist(TaskId::from_u128(1)).await.expect("an answer"), []);
        assert_eq!(store.checklist(TaskId::from_u128(2)).await.expect("an answer"), [blank]);
    });
}
