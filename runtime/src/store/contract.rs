//! The store's contract as tests. Each takes a way to open a store, so that every implementation
//! runs the same suite.

mod admin;
mod alerts;
mod checklist;
mod comments;
mod files;
mod lists;
mod records;
mod users;
mod versions;

use std::{path::Path, sync::Arc};

use futures_util::future::join_all;

use self::versions::version;
use super::{
    Committed, Store, StoreError, TaskKey,
    admin::{AdminChange, By},
    sqlite::{SqliteSettings, SqliteStore},
};
use crate::model::{
    ApiKey, Attempt, AttemptEnd, AttemptFailure, Blob, Change, Execution, ExecutionId, Membership, Patch,
    Performer, Refusal, RoleId, State, Task, TaskId, User, UserId, WorkflowId,
    id::KeyId,
    perform::{self, Decide, ExecutionWrite},
    sample,
};

fn execution(number: u128, state: State) -> Execution {
    Execution { task_deleted: number % 2 == 1, ..sample::execution(number, state) }
}

fn by() -> By {
    By { performer: Performer::command_line(), at: sample::now() }
}

fn added(user: &User) -> AdminChange {
    AdminChange::AddUser { user: user.clone(), password_hash: None }
}

type Open = fn(&Path) -> Arc<dyn Store>;

fn sqlite(folder: &Path) -> Arc<dyn Store> {
    let settings = SqliteSettings { queue_max: 256, task_cache_max: 16, file_bytes_max: 1024 };
    Arc::new(SqliteStore::open(folder, &settings).expect("a store"))
}

/// Runs a test of the contract on every store.
fn on_every_store(test: impl AsyncFn(Open, &Path)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    const STORES: &[Open] = &[sqlite];
    for open in STORES {
        let folder = tempfile::tempdir().expect("a folder");
        runtime.block_on(test(*open, folder.path()));
    }
}

fn task(number: u128) -> Task {
    Task { id: TaskId::from_u128(number), unique_id: Some(format!("T{number}").into()), ..sample::task() }
}

fn put(task: Task) -> Decide {
    Box::new(move |_| Ok(Change { task: Some(task), ..Change::default() }))
}

fn by_unique_id(value: &str) -> TaskKey {
    TaskKey::Unique { workflow: WorkflowId::new("api-sample"), value: value.into() }
}

async fn create(store: &dyn Store, task: Task) -> Committed {
    store
        .transact(TaskKey::New { workflow: task.workflow.clone() }, None, put(task))
        .await
        .expect("a new task")
}

#[test]
fn what_was_answered_is_there_after_reopening() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        assert!(create(&*store, task(1)).await.created);
        store.close().await.expect("closed");
        drop(store);
        let store = open(folder);
        let found =
            store.task(TaskKey::Id(TaskId::from_u128(1))).await.expect("an answer").expect("the task");
        assert_eq!(*found, task(1));
        assert_eq!(store.task(by_unique_id("T1")).await.expect("an answer").as_deref(), Some(&task(1)));
        assert_eq!(store.greatest_id().await.expect("an answer"), Some(1));
    });
}

#[test]
fn a_refused_decision_writes_nothing_and_fails_nobody_else() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let moved = |stage: &str| Task { stage: crate::model::StageId::new(stage), ..task(1) };
        let key = || TaskKey::Id(TaskId::from_u128(1));
        let refuse: Decide = Box::new(|_| Err(Refusal::TaskMissing));
        // In one group: good, refused, failing in the database (same Unique ID), good.
        let duplicate = Task { unique_id: Some("T1".into()), ..task(2) };
        let new = TaskKey::New { workflow: WorkflowId::new("api-sample") };
        let results = join_all([
            store.transact(key(), None, put(moved("in-progress"))),
            store.transact(key(), None, refuse),
            store.transact(new, None, put(duplicate)),
            store.transact(key(), None, put(moved("not-started"))),
        ])
        .await;
        assert!(results[0].is_ok() && results[3].is_ok());
        assert!(matches!(results[1], Err(StoreError::Refused(Refusal::TaskMissing))));
        assert!(matches!(results[2], Err(StoreError::Database(_))));
        let found = store.task(key()).await.expect("an answer").expect("the task");
        assert_eq!(found.stage.as_str(), "not-started");
        assert!(store.task(TaskKey::Id(TaskId::from_u128(2))).await.expect("an answer").is_none());
    });
}

#[test]
fn a_decision_sees_what_the_one_before_it_wrote() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, Task { values: Default::default(), ..task(1) }).await;
        let append: fn() -> Decide = || {
            Box::new(|current| {
                let task = current.task.expect("the task");
                let mut next = Task::clone(task);
                let name = crate::model::FieldId::new("company-name");
                let text = format!("{}x", task.value(&name).to_text());
                next.values.insert(name, crate::model::FieldValue::Text(text.into()));
                Ok(Change { task: Some(next), ..Change::default() })
            })
        };
        let results =
            join_all((0..100).map(|_| store.transact(TaskKey::Id(TaskId::from_u128(1)), None, append())))
                .await;
        assert!(results.iter().all(Result::is_ok));
        let found = store.task(by_unique_id("T1")).await.expect("an answer").expect("the task");
        assert_eq!(found.value(&crate::model::FieldId::new("company-name")).to_text(), "x".repeat(100));
    });
}

#[test]
fn a_panicking_decision_fails_alone() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let panics: Decide = Box::new(|_| panic!("a bug in a decision"));
        let answer = store.transact(TaskKey::Id(TaskId::from_u128(1)), None, panics).await;
        assert!(matches!(answer, Err(StoreError::Panicked)));
        assert!(create(&*store, task(2)).await.created);
    });
}

#[test]
fn an_execution_reads_back_in_every_state() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let failure =
            crate::model::Failure { step: 1, code: "http_status".to_owned(), message: "500".to_owned() };
        let states = [
            State::Queued { step: 1, resumed: true },
            State::Running { step: 1, mid_call: true },
            State::Waiting { step: 2, until: sample::now() },
            State::Blocked { step: 2, resumed: true, why: "no step type".to_owned() },
            State::Succeeded,
            State::Failed(failure.clone()),
            State::Unknown(failure.clone()),
            State::Cancelled(failure.clone()),
            State::Dismissed(failure),
        ];
        for (number, state) in (10..).zip(states) {
            let first = execution(number, State::Queued { step: 0, resumed: false });
            let last = execution(number, state);
            for write in [ExecutionWrite::Insert(first), ExecutionWrite::Update(last.clone())] {
                let decide: Decide = Box::new(|_| Ok(Change { execution: Some(write), ..Change::default() }));
                store.transact(TaskKey::Id(TaskId::from_u128(1)), None, decide).await.expect("written");
            }
            let found = store.execution_detail(last.id).await.expect("an answer").expect("the execution");
            assert_eq!(found.execution, last);
        }
        let open = store.open_executions(None, 10).await.expect("an answer");
        assert_eq!(open.iter().map(|execution| execution.id.as_u128()).collect::<Vec<_>>(), [10, 11, 12, 13]);
        let rest = store.open_executions(Some(open[0].place), 1).await.expect("an answer");
        assert_eq!(rest[0].id.as_u128(), 11);
    });
}

#[test]
fn an_attempt_is_begun_and_closed() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let running = execution(10, State::Running { step: 0, mid_call: true });
        let begun = Attempt {
            execution: running.id,
            number: 1,
            try_number: 2,
            step: 0,
            version: 3,
            started_at: sample::now(),
            end: None,
        };
        let end = AttemptEnd {
            at: sample::now(),
            outcome: "failed",
            failure: Some(AttemptFailure { code: "http_status".to_owned(), message: "500".to_owned() }),
            record: Some("{}".to_owned()),
            field_errors: {
                let mut errors = crate::model::FieldErrors::default();
                errors.add("Company ID", "has already been taken");
                errors
            },
            warnings: vec!["look".to_owned()],
        };
        let ended = Attempt { end: Some(end), ..begun.clone() };
        let id = running.id;
        for change in [
            Change {
                execution: Some(ExecutionWrite::Insert(running)),
                begun: Some(begun.clone()),
                ..Change::default()
            },
            Change { ended: Some(ended.clone()), ..Change::default() },
        ] {
            let decide: Decide = Box::new(|_| Ok(change));
            store.transact(TaskKey::Id(TaskId::from_u128(1)), None, decide).await.expect("written");
        }
        let found = store.execution_detail(id).await.expect("an answer").expect("the execution");
        assert_eq!(found.attempts, [ended]);
    });
}

#[test]
fn numbers_are_given_once_and_skip_those_taken() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, Task { unique_id: Some("2".into()), ..task(1) }).await;
        let numbered = |id: u128| -> Decide {
            Box::new(move |current| {
                let number = current.look.next_number().to_string();
                let task = Task { unique_id: Some(number.into()), ..task(id) };
                Ok(Change { task: Some(task), ..Change::default() })
            })
        };
        for (id, expected) in [(2, "1"), (3, "3"), (4, "4")] {
            let key = TaskKey::New { workflow: WorkflowId::new("api-sample") };
            let task = store.transact(key, None, numbered(id)).await.expect("written").task.expect("a task");
            assert_eq!(task.unique_id.as_deref(), Some(expected));
        }
    });
}

#[test]
fn a_task_follows_its_unique_id() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let workflow = sample::workflow();
        let patch = serde_json::json!({"Company ID": "new"});
        let read = Patch::read(
            patch.as_object().expect("an object"),
            &workflow,
            &sample::directory(),
            &Default::default(),
        );
        let renamed = task(1).patched(&read.patch, &workflow, sample::now());
        store.transact(by_unique_id("T1"), None, put(renamed)).await.expect("written");
        assert!(store.task(by_unique_id("T1")).await.expect("an answer").is_none());
        assert!(store.task(by_unique_id("new")).await.expect("an answer").is_some());
    });
}

/// Those that are remembered and those that are read alike; one that is deleted is not among them.
#[test]
fn many_tasks_are_found_by_their_ids_at_once() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        for number in 1..=40 {
            create(&*store, task(number)).await;
        }
        let deletes: Decide =
            Box::new(|current| perform::delete_task(sample::performer(), sample::now(), current));
        store.transact(TaskKey::Id(TaskId::from_u128(7)), None, deletes).await.expect("deleted");
        let ids = (1..=41).map(TaskId::from_u128).collect();
        let mut found = store.tasks_by_id(ids).await.expect("an answer");
        found.sort_by_key(|task| task.id);
        let expected: Vec<_> = (1..=40).filter(|number| *number != 7).map(task).collect();
        assert_eq!(found.iter().map(|task| (**task).clone()).collect::<Vec<_>>(), expected);
        assert!(store.tasks_by_id(Vec::new()).await.expect("an answer").is_empty());
    });
}

#[test]
fn the_workspace_changes_its_revision() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let before = store.workspace_revision().await.expect("an answer");
        assert_eq!(store.publish(version(0, "one")).await.expect("published"), 1);
        assert_eq!(store.publish(version(1, "two")).await.expect("published"), 2);
        let user = User {
            id: UserId::new("abc123"),
            email: "user@example.com".to_owned(),
            first_name: "Example".to_owned(),
            last_name: "User".to_owned(),
            is_active: true,
            is_administrator: false,
        };
        let key = ApiKey::new(KeyId::new("k1"), "test", [7; 32]);
        for (change, again) in [
            (added(&user), added(&user)),
            (AdminChange::AddKey(key.clone()), AdminChange::AddKey(key.clone())),
        ] {
            assert!(store.administer(change, by()).await.expect("added"));
            assert!(matches!(store.administer(again, by()).await, Err(StoreError::Exists { .. })));
        }
        let rows = store.workspace().await.expect("an answer");
        assert_eq!((rows.users, rows.keys), (vec![user], vec![key]));
        assert_eq!(rows.versions.iter().map(|row| row.source.as_str()).collect::<Vec<_>>(), ["two"]);
        assert!(rows.revision > before);
    });
}

#[test]
fn a_user_has_one_role_in_each_workflow() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let membership = |workflow: &str, role: &str| Membership {
            workflow: WorkflowId::new(workflow),
            user: UserId::new("abc123"),
            role: RoleId::new(role),
        };
        let before = store.workspace_revision().await.expect("an answer");
        for (workflow, role) in [("orders", "manager"), ("returns", "manager"), ("orders", "administrator")] {
            let change = AdminChange::SetRole(membership(workflow, role));
            assert!(store.administer(change, by()).await.expect("written"));
        }
        let rows = store.workspace().await.expect("an answer");
        assert_eq!(
            rows.memberships,
            [membership("orders", "administrator"), membership("returns", "manager")]
        );
        assert!(rows.revision >= before + 3, "a change that a running server does not notice");
    });
}

#[test]
fn an_older_version_stays_while_an_open_execution_needs_it() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        for (after, source) in [(0, "one"), (1, "two")] {
            store.publish(version(after, source)).await.expect("published");
        }
        let queued = ExecutionWrite::Insert(execution(10, State::Queued { step: 0, resumed: false }));
        let decide: Decide = Box::new(|_| Ok(Change { execution: Some(queued), ..Change::default() }));
        store.transact(TaskKey::Id(TaskId::from_u128(1)), None, decide).await.expect("written");
        let rows = store.workspace().await.expect("an answer");
        assert_eq!(rows.versions.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 2]);
    });
}

fn finish_of(execution: Execution) -> Decide {
    Box::new(|_| Ok(Change { execution: Some(ExecutionWrite::Update(execution)), ..Change::default() }))
}

fn insert_of(execution: Execution) -> Decide {
    Box::new(|_| Ok(Change { execution: Some(ExecutionWrite::Insert(execution)), ..Change::default() }))
}

fn first() -> TaskKey {
    TaskKey::Id(TaskId::from_u128(1))
}

#[test]
fn a_decision_sees_the_execution_as_the_one_before_it_left_it() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let queued = execution(10, State::Queued { step: 0, resumed: false });
        let id = queued.id;
        store.transact(first(), Some(id), insert_of(queued)).await.expect("written");
        let more: fn() -> Decide = || {
            Box::new(|current| {
                let mut execution = current.execution.expect("the execution").clone();
                execution.attempts += 1;
                Ok(Change { execution: Some(ExecutionWrite::Update(execution)), ..Change::default() })
            })
        };
        let refuse: Decide = Box::new(|_| Err(Refusal::TaskMissing));
        let mut writes: Vec<_> = (0..50).map(|_| store.transact(first(), Some(id), more())).collect();
        writes.push(store.transact(first(), Some(id), refuse));
        assert_eq!(join_all(writes).await.iter().filter(|result| result.is_ok()).count(), 50);
        let found = store.execution_detail(id).await.expect("an answer").expect("the execution");
        assert_eq!(found.execution.attempts, 50);
    });
}

#[test]
fn what_is_due_is_told_in_its_order_with_what_comes_next() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let hour = |hours: i64| sample::now() + jiff::SignedDuration::from_hours(hours);
        for (number, hours) in [(10, 3), (11, 1), (12, 2), (13, 9)] {
            let waiting = execution(number, State::Waiting { step: 1, until: hour(hours) });
            store.transact(first(), None, insert_of(waiting)).await.expect("written");
        }
        let schedule = crate::model::Schedule {
            stage: crate::model::StageId::new("completed"),
            at: hour(2),
            performer: sample::performer(),
        };
        let scheduled = Task { schedule: Some(Arc::new(schedule)), ..task(1) };
        store.transact(first(), None, put(scheduled)).await.expect("written");
        let here = || vec![WorkflowId::new("api-sample")];
        let ids = |due: &super::Due| {
            due.executions.iter().map(|execution| execution.id.as_u128()).collect::<Vec<_>>()
        };
        let due = store.due(hour(2), here(), 10).await.expect("an answer");
        assert_eq!((ids(&due), due.next), (vec![11, 12], Some(hour(3))));
        assert_eq!(due.schedules, [(TaskId::from_u128(1), WorkflowId::new("api-sample"))]);
        let elsewhere = store.due(hour(2), vec![WorkflowId::new("another")], 10).await.expect("an answer");
        assert!(elsewhere.schedules.is_empty(), "a schedule of a workflow that nobody asked for");
        let first_only = store.due(hour(3), here(), 1).await.expect("an answer");
        assert_eq!(ids(&first_only), [11]);
        let none = store.due(hour(0), here(), 10).await.expect("an answer");
        assert_eq!((ids(&none), none.schedules.len(), none.next), (vec![], 0, Some(hour(1))));
    });
}

#[test]
fn a_deleted_task_leaves_its_history_and_its_last_state() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let deletes: Decide =
            Box::new(|current| perform::delete_task(sample::performer(), sample::now(), current));
        create(&*store, task(1)).await;
        let waiting = execution(10, State::Waiting { step: 1, until: sample::now() });
        store.transact(first(), None, insert_of(waiting)).await.expect("written");
        let deleted = store.transact(by_unique_id("T1"), None, deletes).await.expect("deleted");
        assert!(deleted.task.is_none());
        assert!(store.task(first()).await.expect("an answer").is_none());
        assert!(store.task(by_unique_id("T1")).await.expect("an answer").is_none());
        let found = store.execution(ExecutionId::from_u128(10)).await.expect("an answer").expect("it stays");
        assert_eq!(found.state.failure().expect("failed").code, "task_deleted");
        let history = store.history(TaskId::from_u128(1), None).await.expect("an answer");
        assert_eq!(history.first().map(|entry| entry.cause), Some(crate::model::history::Cause::Deleted));
        // An execution that has deleted its task itself sees the last state.
        let own =
            Execution { task_deleted: true, ..execution(11, State::Running { step: 1, mid_call: true }) };
        let id = own.id;
        store.transact(first(), Some(id), insert_of(own.clone())).await.expect("written");
        let seen = store.transact(first(), Some(id), finish_of(own)).await.expect("written");
        assert_eq!(seen.task.as_deref(), Some(&task(1)));
        // The Unique ID is free for another task.
        assert!(create(&*store, Task { unique_id: Some("T1".into()), ..task(2) }).await.created);
    });
}

#[test]
fn a_tasks_history_is_kept_and_read_by_page() {
    use crate::model::history::{Author, Cause, Slot, SlotChange};
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let entry = |number: u64, author: Author| crate::model::HistoryEntry {
            task: TaskId::from_u128(1),
            number,
            at: sample::now() + jiff::SignedDuration::from_secs(number as i64),
            cause: Cause::Changed,
            author,
            changes: vec![
                SlotChange {
                    slot: Slot::Stage,
                    before: crate::model::FieldValue::Text("a".into()),
                    after: crate::model::FieldValue::Text("b".into()),
                },
                SlotChange {
                    slot: Slot::Field(crate::model::FieldId::new("list")),
                    before: crate::model::FieldValue::Empty,
                    after: crate::model::FieldValue::List(vec!["x".into(), "y".into()]),
                },
                SlotChange {
                    slot: Slot::Field(crate::model::FieldId::new("files")),
                    before: crate::model::FieldValue::Files(vec![crate::model::FileEntry {
                        blob: crate::model::BlobId::of(b"bytes"),
                        filename: "a \"b\".txt".into(),
                        content_type: "text/plain".into(),
                    }]),
                    after: crate::model::FieldValue::Empty,
                },
            ],
        };
        let entries = [
            entry(1, Author::Performer(sample::performer())),
            entry(2, Author::Execution(ExecutionId::from_u128(10))),
            entry(3, Author::Performer(sample::performer())),
        ];
        for entry in entries.clone() {
            let decide: Decide = Box::new(|current| {
                let task = Task { revision: entry.number, ..Task::clone(current.task.expect("the task")) };
                Ok(Change { task: Some(task), history: Some(entry), ..Change::default() })
            });
            store.transact(first(), None, decide).await.expect("written");
        }
        // Another task's entries stand in between.
        create(&*store, task(2)).await;
        let mut newest_first = entries.to_vec();
        newest_first.reverse();
        assert_eq!(store.history(TaskId::from_u128(1), None).await.expect("an answer"), newest_first);
        assert_eq!(store.history(TaskId::from_u128(1), Some(3)).await.expect("an answer"), newest_first[1..]);
        for (number, expected) in [(1, &entries[1..]), (0, &entries[..])] {
            let looked = Arc::new(std::sync::Mutex::new(Vec::new()));
            let seen = Arc::clone(&looked);
            let look: Decide = Box::new(move |current| {
                seen.lock().expect("the list").extend(current.look.history_after(number));
                Ok(Change::default())
            });
            store.transact(first(), None, look).await.expect("looked");
            assert_eq!(*looked.lock().expect("the list"), expected);
        }
    });
}

#[test]
fn used_idempotency_keys_are_kept_and_forgotten() {
    use crate::model::perform::Admitted;
    on_every_store(async |open, folder| {
        let store = open(folder);
        create(&*store, task(1)).await;
        let hour = |hours: i64| sample::now() + jiff::SignedDuration::from_hours(hours);
        let admitted = |scope: u8, hours: i64| Admitted {
            scope: [scope; 32],
            body: [9; 32],
            execution: ExecutionId::from_u128(10),
            at: hour(hours),
        };
        for used in [admitted(1, 0), admitted(2, 1), admitted(2, 2)] {
            let decide: Decide = Box::new(|_| Ok(Change { admitted: Some(used), ..Change::default() }));
            store.transact(first(), None, decide).await.expect("written");
        }
        assert_eq!(store.admitted([2; 32]).await.expect("an answer"), Some(admitted(2, 2)));
        assert_eq!(store.forget_admitted(hour(2), 10).await.expect("an answer"), 1);
        assert_eq!(store.admitted([1; 32]).await.expect("an answer"), None);
        assert!(store.admitted([2; 32]).await.expect("an answer").is_some());
    });
}

#[test]
fn the_store_says_how_large_a_file_may_be() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let look: Decide = Box::new(|current| {
            assert_eq!(current.look.file_bytes_max(), 1024);
            Ok(Change::default())
        });
        store.transact(first(), None, look).await.expect("looked");
    });
}
