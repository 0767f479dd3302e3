//! Who may do what, and the audit log of it.

use super::*;
use crate::{
    model::{Performer, Scope, Timestamp},
    store::admin::{Invitation, Session},
};

fn user(id: &str) -> User {
    User { id: UserId::new(id), email: format!("{id}@example.com"), ..sample::user() }
}

fn later(seconds: i64) -> Timestamp {
    sample::now() + jiff::SignedDuration::from_secs(seconds)
}

fn invitation(id: &str, user: Option<&str>) -> Invitation {
    Invitation {
        id: id.to_owned(),
        hash: [id.as_bytes()[0]; 32],
        user: user.map(UserId::new),
        email: "new@example.com".to_owned(),
        is_administrator: false,
        roles: vec![(WorkflowId::new("api-sample"), RoleId::new("manager"))],
        made_by: "maker".to_owned(),
        created_at: sample::now(),
        expires_at: later(60),
    }
}

/// Changes, each with whether it changed something.
async fn change(store: &dyn Store, changes: Vec<(AdminChange, bool)>) {
    for (change, expected) in changes {
        let (said, is_in_snapshot) = (format!("{change:?}"), change.is_in_snapshot());
        let revision = store.workspace_revision().await.expect("an answer");
        assert_eq!(store.administer(change, by()).await.expect("an answer"), expected, "{said}");
        let is_noticed = store.workspace_revision().await.expect("an answer") > revision;
        let is_to_be = expected && is_in_snapshot;
        assert_eq!(
            is_noticed, is_to_be,
            "a running server reads anew what has changed, and only then: {said}"
        );
    }
}

#[test]
fn a_change_has_one_entry_in_the_audit_log_and_what_changes_nothing_has_none() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let (one, key) = (user("one"), ApiKey::new(KeyId::new("k"), "Program", [1; 32]));
        let administrator =
            |is_administrator| AdminChange::SetAdministrator { user: UserId::new("one"), is_administrator };
        let role = AdminChange::SetRole(Membership {
            workflow: WorkflowId::new("w"),
            user: UserId::new("one"),
            role: RoleId::new("r"),
        });
        let limited = ApiKey {
            scopes: vec![Scope::Read],
            workflows: Some(vec![WorkflowId::new("w")]),
            expires_at: Some(later(60)),
            ..key.clone()
        };
        let archive = |is_archived| AdminChange::SetArchived { workflow: WorkflowId::new("w"), is_archived };
        change(
            &*store,
            vec![
                (added(&one), true),
                (added(&User { is_administrator: true, ..user("two") }), true),
                (administrator(true), true),
                (administrator(true), false),
                (role.clone(), true),
                (role, false),
                (AdminChange::AddKey(limited.clone()), true),
                (AdminChange::EnableEndpoint { name: "nowhere:1".to_owned(), was: "open" }, true),
                (AdminChange::RemoveSecret("NONE".to_owned()), false),
                (archive(false), false),
                (archive(true), true),
                (archive(true), false),
            ],
        )
        .await;
        let rows = store.workspace().await.expect("an answer");
        assert_eq!((rows.keys, rows.users[0].is_administrator), (vec![limited], true));
        assert_eq!(rows.archived, [WorkflowId::new("w")]);
        change(
            &*store,
            vec![
                (archive(false), true),
                (AdminChange::RevokeKey(key.id.clone()), true),
                (AdminChange::RevokeKey(key.id), false),
                (AdminChange::RemoveUser(one.id.clone()), true),
                (AdminChange::RemoveUser(one.id), false),
            ],
        )
        .await;
        let log = store.audit(None, 10).await.expect("an answer");
        let said: Vec<_> = log.iter().rev().map(|it| format!("{} {}", it.change, it.about)).collect();
        assert_eq!(
            said,
            [
                "user.added one",
                "user.added two",
                "user.made_administrator one",
                "user.role_changed one",
                "key.added k",
                "endpoint.enabled nowhere:1",
                "workflow.archived w",
                "workflow.unarchived w",
                "key.revoked k",
                "user.removed one",
            ]
        );
        assert!(log.iter().all(|it| it.performer == Performer::command_line() && it.at == sample::now()));
        let page = store.audit(Some(log[1].id), 2).await.expect("an answer");
        assert_eq!(page, log[2..4], "a page goes on where the one before ended");
    });
}

#[test]
fn somebody_always_administers_the_workspace() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let administrator = |id: &str| added(&User { is_administrator: true, ..user(id) });
        change(&*store, vec![(administrator("one"), true), (administrator("two"), true)]).await;
        let gone = |id: &str| AdminChange::RemoveUser(UserId::new(id));
        let none =
            |id: &str| AdminChange::SetAdministrator { user: UserId::new(id), is_administrator: false };
        // Both at once: the second finds what the first has done.
        let (one, two) =
            tokio::join!(store.administer(gone("one"), by()), store.administer(none("two"), by()));
        assert!(matches!((one, two), (Ok(true), Err(StoreError::LastAdministrator))));
        assert!(matches!(store.administer(gone("two"), by()).await, Err(StoreError::LastAdministrator)));
    });
}

/// "Immediate revocation", for good; its name is free again.
#[test]
fn a_key_that_was_revoked_comes_back_by_nothing() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let key = |id: &str, hash| AdminChange::AddKey(ApiKey::new(KeyId::new(id), "Program", [hash; 32]));
        change(&*store, vec![(key("k", 1), true), (AdminChange::RevokeKey(KeyId::new("k")), true)]).await;
        assert!(matches!(store.administer(key("again", 1), by()).await, Err(StoreError::Exists { .. })));
        change(&*store, vec![(key("other", 2), true)]).await;
        let keys = store.workspace().await.expect("an answer").keys;
        assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["other"]);
    });
}

/// A link is worth no more than who made it: with their right to invite it is gone, and the log says so.
#[test]
fn who_may_not_invite_any_more_has_no_links_left() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let administrator = |id: &str| added(&User { is_administrator: true, ..user(id) });
        let key = ApiKey::new(KeyId::new("key"), "Program", [1; 32]);
        change(&*store, vec![(administrator("one"), true), (administrator("two"), true)]).await;
        change(&*store, vec![(administrator("stays"), true), (AdminChange::AddKey(key.clone()), true)]).await;
        let made_by = |id: &str, made_by: &str| {
            let email = format!("{id}@example.com");
            let made_by = made_by.to_owned();
            AdminChange::Invite(Invitation { email, made_by, ..invitation(id, None) })
        };
        let links = [("a", "one"), ("b", "two"), ("c", "key"), ("d", "stays")];
        change(&*store, links.map(|(id, maker)| (made_by(id, maker), true)).into()).await;
        let none = AdminChange::SetAdministrator { user: UserId::new("one"), is_administrator: false };
        for (ends, left) in [
            (none, &["b", "c", "d"][..]),
            (AdminChange::RemoveUser(UserId::new("two")), &["c", "d"]),
            (AdminChange::RevokeKey(key.id), &["d"]),
        ] {
            change(&*store, vec![(ends, true)]).await;
            let found = store.invitations().await.expect("an answer");
            assert_eq!(found.iter().map(|link| link.id.as_str()).collect::<Vec<_>>(), left);
        }
        let log = store.audit(None, 100).await.expect("an answer");
        let mut withdrawn: Vec<_> =
            log.iter().filter(|it| it.change == "invitation.withdrawn").map(|it| it.about.as_str()).collect();
        withdrawn.sort();
        assert_eq!(withdrawn, ["a", "b", "c"]);
    });
}

/// It is asked in the transaction that would make what outlives them.
#[test]
fn who_does_not_administer_any_more_makes_no_key_and_no_link() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let administrator = |id: &str| added(&User { is_administrator: true, ..user(id) });
        let limited =
            ApiKey { expires_at: Some(later(-1)), ..ApiKey::new(KeyId::new("expired"), "Expired", [2; 32]) };
        let key = ApiKey::new(KeyId::new("revoked"), "Program", [1; 32]);
        change(&*store, vec![(administrator("stays"), true), (administrator("demoted"), true)]).await;
        change(&*store, vec![(administrator("removed"), true), (AdminChange::AddKey(limited), true)]).await;
        let none = AdminChange::SetAdministrator { user: UserId::new("demoted"), is_administrator: false };
        change(&*store, vec![(none, true), (AdminChange::RemoveUser(UserId::new("removed")), true)]).await;
        change(
            &*store,
            vec![(AdminChange::AddKey(key.clone()), true), (AdminChange::RevokeKey(key.id), true)],
        )
        .await;
        for (n, (maker, expected)) in
            [("demoted", false), ("removed", false), ("revoked", false), ("expired", false), ("stays", true)]
                .into_iter()
                .enumerate()
        {
            let hash = [10 + u8::try_from(n).expect("few"); 32];
            let performer = Performer { id: maker.to_owned(), ..sample::performer() };
            let made = ApiKey::new(KeyId::new(format!("by-{maker}")), maker, hash);
            let said = store.administer(AdminChange::AddKey(made), By { performer, ..by() }).await;
            assert_eq!(said.expect("an answer"), expected, "{maker}");
            let made_by = maker.to_owned();
            let link = Invitation { made_by, hash, ..invitation(maker, None) };
            change(&*store, vec![(AdminChange::Invite(link), expected)]).await;
        }
    });
}

/// Whoever is removed comes back by no link of before, and without their roles.
#[test]
fn who_is_removed_has_no_link_and_no_role_left() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let new = User { email: "new@example.com".to_owned(), ..user("new") };
        let role = AdminChange::SetRole(Membership {
            workflow: WorkflowId::new("w"),
            user: new.id.clone(),
            role: RoleId::new("administrator"),
        });
        let invite = |id: &str, user| AdminChange::Invite(invitation(id, user));
        change(&*store, vec![(invite("a", None), true), (invite("b", None), true)]).await;
        assert_eq!(store.invitations().await.expect("an answer").len(), 1, "the later one is the one");
        change(&*store, vec![(added(&new), true), (role, true), (invite("c", Some("new")), true)]).await;
        change(&*store, vec![(AdminChange::RemoveUser(new.id.clone()), true)]).await;
        assert_eq!(store.invitations().await.expect("an answer"), []);
        change(&*store, vec![(added(&new), true)]).await;
        assert_eq!(store.workspace().await.expect("an answer").memberships, []);
    });
}

#[test]
fn who_comes_back_is_who_they_were() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let again = User { id: UserId::new("two"), first_name: "Again".to_owned(), ..user("one") };
        let twice = store.administer(added(&user("one")), by()).await.expect("added");
        assert!(
            twice && matches!(store.administer(added(&again), by()).await, Err(StoreError::Exists { .. }))
        );
        let gone = AdminChange::RemoveUser(UserId::new("one"));
        change(&*store, vec![(gone, true), (added(&again), true)]).await;
        let users = store.workspace().await.expect("an answer").users;
        let [found] = &users[..] else { panic!("{users:?}") };
        assert_eq!((found.id.as_str(), &*found.first_name, found.is_active), ("one", "Again", true));
    });
}

#[test]
fn a_link_is_followed_once_and_not_after_its_time() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let accept = |invitation: &Invitation, user: &User| AdminChange::AcceptInvitation {
            invitation: invitation.clone(),
            user: user.clone(),
            password_hash: "hash".to_owned(),
        };
        let new = User { email: "new@example.com".to_owned(), ..user("new") };
        let link = invitation("link", None);
        let over = Invitation {
            expires_at: sample::now(),
            email: "over@example.com".to_owned(),
            ..invitation("over", None)
        };
        for (link, kept) in [(&link, true), (&over, true)] {
            change(&*store, vec![(AdminChange::Invite(link.clone()), kept)]).await;
        }
        assert_eq!(store.invitations().await.expect("an answer"), [link.clone(), over.clone()]);
        assert_eq!(store.invitation(over.hash).await.expect("an answer"), Some(over.clone()));
        assert_eq!(store.invitation([99; 32]).await.expect("an answer"), None);
        change(
            &*store,
            vec![
                (accept(&over, &new), false),
                (AdminChange::WithdrawInvitation("over".to_owned()), true),
                (accept(&link, &new), true),
                (accept(&link, &new), false),
            ],
        )
        .await;
        assert_eq!(store.invitations().await.expect("an answer"), []);
        let rows = store.workspace().await.expect("an answer");
        assert_eq!((rows.users[0].clone(), rows.memberships.len()), (new.clone(), 1));
        assert_eq!(store.password_hash(new.id.clone()).await.expect("an answer").as_deref(), Some("hash"));
        // Another one, for a new password.
        let reset = invitation("reset", Some("new"));
        let accepted = AdminChange::AcceptInvitation {
            invitation: reset.clone(),
            user: new.clone(),
            password_hash: "another".to_owned(),
        };
        change(&*store, vec![(AdminChange::Invite(reset), true), (accepted, true)]).await;
        assert_eq!(store.password_hash(new.id).await.expect("an answer").as_deref(), Some("another"));
    });
}

#[test]
fn sessions_end_with_their_time_with_a_new_password_and_with_their_user() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let session = |number: u8, user: &str, created_at, seen_at| Session {
            hash: [number; 32],
            user: UserId::new(user),
            created_at,
            seen_at,
        };
        let is_there = async |number: u8| store.session([number; 32]).await.expect("an answer").is_some();
        change(&*store, vec![(added(&user("one")), true), (added(&user("two")), true)]).await;
        for (number, user, created, seen) in
            [(1, "one", 0, 0), (2, "one", 0, 0), (3, "two", 0, 0), (4, "two", 100, 100), (5, "two", 0, 100)]
        {
            assert!(
                store
                    .add_session(session(number, user, later(created), later(seen)), None)
                    .await
                    .expect("added")
            );
        }
        let first = store.session([1; 32]).await.expect("an answer");
        assert_eq!(first, Some(session(1, "one", later(0), later(0))));
        store.note_use(Vec::new(), vec![([3; 32], later(100)), ([3; 32], later(50))]).await.expect("noted");
        let password = AdminChange::SetPassword {
            user: UserId::new("one"),
            password_hash: "hash".to_owned(),
            keeps: Some([2; 32]),
        };
        change(&*store, vec![(password, true)]).await;
        assert!(!is_there(1).await && is_there(2).await && is_there(3).await);
        store.forget_sessions(later(-1), later(60), later(0)).await.expect("forgotten");
        assert!(!is_there(2).await, "not seen for too long");
        assert!(is_there(3).await && is_there(4).await && is_there(5).await);
        store.forget_sessions(later(60), later(60), later(0)).await.expect("forgotten");
        assert!(is_there(4).await && !is_there(5).await && !is_there(3).await, "began too long ago");
        change(&*store, vec![(AdminChange::RemoveUser(UserId::new("two")), true)]).await;
        assert!(!is_there(4).await);
        assert_eq!(store.password_hash(UserId::new("two")).await.expect("an answer"), None);
        let again = || store.add_session(session(6, "one", later(0), later(0)), Some("hash".to_owned()));
        assert!(again().await.expect("added"));
        let other = store.add_session(session(7, "one", later(0), later(0)), Some("old".to_owned()));
        assert!(!other.await.expect("an answer"), "the password is another one by now");
        let left = store.add_session(session(8, "two", later(0), later(0)), None);
        assert!(!left.await.expect("an answer"), "who has left");
        store.end_session([6; 32]).await.expect("ended");
        assert!(!is_there(6).await);
    });
}

#[test]
fn a_key_knows_when_it_was_last_used() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let id = KeyId::new("k");
        let key = ApiKey::new(id.clone(), "Program", [1; 32]);
        change(&*store, vec![(AdminChange::AddKey(key), true)]).await;
        let used = async || store.keys_used().await.expect("an answer");
        assert_eq!(used().await, [(id.clone(), None)]);
        let before = store.workspace_revision().await.expect("an answer");
        for at in [later(5), later(1)] {
            store.note_use(vec![(id.clone(), at)], Vec::new()).await.expect("noted");
        }
        assert_eq!(used().await, [(id.clone(), Some(later(5)))]);
        assert_eq!(
            store.workspace_revision().await.expect("an answer"),
            before,
            "nobody reads anything anew"
        );
    });
}
