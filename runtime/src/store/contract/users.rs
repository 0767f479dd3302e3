//! Users who leave, and what was theirs.

use super::*;

/// "Tasks become unassigned": found whatever their workflow, a page at a time, and nobody gets another.
#[test]
fn the_tasks_of_who_has_left_are_found_and_nobody_who_has_left_gets_one() {
    use crate::model::{User, UserId, perform};
    on_every_store(async |open, folder| {
        let store = open(folder);
        let user = |id: &str| User {
            id: UserId::new(id),
            email: format!("{id}@example.com"),
            first_name: String::new(),
            last_name: String::new(),
            is_active: true,
            is_administrator: false,
        };
        for id in ["stays", "leaves"] {
            store.administer(added(&user(id)), by()).await.expect("added");
        }
        for (number, assigned) in [(1, "leaves"), (2, "stays"), (3, "leaves"), (4, "leaves")] {
            create(&*store, Task { assigned_to: Some(UserId::new(assigned)), ..task(number) }).await;
        }
        assert_eq!(store.left_behind(None, None, 10).await.expect("an answer"), []);
        store.administer(AdminChange::RemoveUser(UserId::new("leaves")), by()).await.expect("gone");
        let page = store.left_behind(None, None, 2).await.expect("an answer");
        assert_eq!(page, [1, 3].map(TaskId::from_u128));
        let of = async |user: &str| {
            store.left_behind(Some(UserId::new(user)), None, 10).await.expect("an answer").len()
        };
        assert_eq!((of("leaves").await, of("stays").await), (3, 0));
        assert_eq!(
            store.left_behind(None, Some(page[1]), 2).await.expect("an answer"),
            [TaskId::from_u128(4)]
        );
        let unassign: Decide = Box::new(|current| {
            assert!(current.look.has_left(&UserId::new("leaves")));
            assert!(
                !current.look.has_left(&UserId::new("stays")) && !current.look.has_left(&UserId::new("?"))
            );
            perform::unassign(sample::performer(), sample::now(), current)
        });
        let left = store.transact(TaskKey::Id(TaskId::from_u128(1)), None, unassign).await.expect("written");
        assert_eq!(left.task.expect("a task").assigned_to, None);
        let stays: Decide =
            Box::new(|current| perform::unassign(sample::performer(), sample::now(), current));
        let stays = store.transact(TaskKey::Id(TaskId::from_u128(2)), None, stays).await.expect("kept");
        assert_eq!(stays.task.expect("a task").assigned_to, Some(UserId::new("stays")));
        assert_eq!(
            store.left_behind(None, None, 10).await.expect("an answer"),
            [3, 4].map(TaskId::from_u128)
        );
    });
}
