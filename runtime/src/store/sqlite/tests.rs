//! What the contract cannot ask of every store: SQLite's own ways to fail.

use std::{path::Path, sync::mpsc, time::Duration};

use tokio::runtime::Runtime;

use super::{AdminChange, By, FILE_NAME, Reply, SqliteSettings, SqliteStore, Store, StoreError, TaskKey};
use crate::model::{ApiKey, Change, Refusal, Task, TaskId, WorkflowId, id::KeyId, perform::Decide, sample};

fn store(folder: &Path) -> (SqliteStore, Runtime) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = SqliteSettings { queue_max: 64, task_cache_max: 64, file_bytes_max: 1024 };
    (SqliteStore::open(folder, &settings).expect("a store"), runtime)
}

/// What is written rarely.
fn add_key(store: &SqliteStore, name: &str) -> Reply<bool> {
    let key = ApiKey::new(KeyId::new(name), name, [name.as_bytes()[0]; 32]);
    store.administer(AdminChange::AddKey(key), By { performer: sample::performer(), at: sample::now() })
}

fn create(store: &SqliteStore, number: u128) -> super::Reply<super::Committed> {
    let unique_id = Some(number.to_string().into());
    let task = Task { id: TaskId::from_u128(number), unique_id, ..sample::task() };
    let decide: Decide = Box::new(move |_| Ok(Change { task: Some(task), ..Change::default() }));
    store.transact(TaskKey::New { workflow: WorkflowId::new("api-sample") }, None, decide)
}

/// “Group commit: a savepoint per request”, and “what is acknowledged stays”: on a full disk SQLite
/// ends the whole transaction by itself, in its middle.
#[test]
fn a_transaction_that_the_database_ends_is_refused_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        // One group: while the first waits, the others stand in line.
        let (go, wait) = mpsc::channel();
        let first = store.write(move |_| wait.recv().map_err(|_| StoreError::Closed));
        let before = create(&store, 1);
        let filling = store.write(|connection| {
            let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            connection.pragma_update(None, "max_page_count", pages + 1)?;
            let sql = "INSERT INTO workflow_version VALUES ('full', 1, hex(zeroblob(100000)), 0, NULL)";
            Ok(connection.execute(sql, [])?)
        });
        let after = create(&store, 2);
        go.send(()).expect("it waits");
        assert!(matches!(filling.await, Err(StoreError::Full(_))));
        for answer in [before.await, after.await] {
            let error = answer.expect_err("its transaction was ended");
            assert!(matches!(error, StoreError::Full(_)), "{error}");
        }
        assert!(first.await.is_err());
        for number in [1, 2] {
            let found = store.task(TaskKey::Id(TaskId::from_u128(number))).await.expect("an answer");
            assert!(found.is_none(), "task {number} was refused and is there");
        }
        let again =
            store.write(|connection| Ok(connection.pragma_update(None, "max_page_count", 1_000_000)?));
        again.await.expect("it goes on by itself");
        assert!(create(&store, 1).await.expect("written").created);
    });
}

/// “What cannot be accepted is refused with … a reason”, also for what is written rarely.
#[test]
fn a_held_database_is_the_reason_that_everybody_hears() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        let other = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("the database");
        other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
        let (rare, probe, task) = tokio::join!(add_key(&store, "one"), store.writable(), create(&store, 1));
        assert!(matches!(rare, Err(StoreError::Locked(_))), "{rare:?}");
        assert!(matches!(probe, Err(StoreError::Locked(_))), "{probe:?}");
        assert!(matches!(task, Err(StoreError::Locked(_))), "{task:?}");
        other.execute_batch("ROLLBACK").expect("let go");
        add_key(&store, "one").await.expect("added");
        store.writable().await.expect("it writes");
    });
}

/// “A panic fails one execution”: and one rare write.
#[test]
fn a_rare_write_that_panics_fails_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        let answer = store.write(|_| -> Result<(), StoreError> { panic!("a bug") }).await;
        assert!(matches!(answer, Err(StoreError::Panicked)), "{answer:?}");
        add_key(&store, "one").await.expect("added");
    });
}

/// `/readyz` “while writes cannot be done”: what writes nothing does not show that they can be.
#[test]
fn a_refused_request_says_nothing_about_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        let refuse: Decide = Box::new(|_| Err(Refusal::TaskMissing));
        let refused = store.transact(TaskKey::Id(TaskId::from_u128(1)), None, refuse).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        assert!(!store.shared.health.has_just_written());
        create(&store, 1).await.expect("written");
        assert!(store.shared.health.has_just_written());
    });
}

/// A probe costs a commit only when none has just been made.
#[test]
fn a_recent_commit_speaks_for_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        let other = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("the database");
        // Changes with every commit of somebody else.
        let commits =
            || -> u32 { other.pragma_query_value(None, "data_version", |row| row.get(0)).expect("a number") };
        add_key(&store, "one").await.expect("added");
        let before = commits();
        for _ in 0..10 {
            store.writable().await.expect("it writes");
        }
        assert_eq!(commits(), before, "a probe wrote, though a commit had just been made");
        while store.shared.health.has_just_written() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        store.writable().await.expect("it writes");
        assert_ne!(commits(), before, "nothing was tried");
    });
}

/// "Migrations that run themselves": what a task is when its history begins is the history's first entry.
#[test]
fn a_database_of_the_first_schema_gets_its_history() {
    use crate::model::{
        FieldId, FieldValue, StageId,
        history::{Cause, Slot},
    };
    let folder = tempfile::tempdir().expect("a folder");
    let first = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("a database");
    first.execute_batch(super::open::MIGRATIONS[0]).expect("the first schema");
    let values = r#"{"text":"[1,\"true\"]","flag":true,"off":false,"list":["Red","null"],"number":"10.00"}"#;
    let sql = "INSERT INTO task VALUES (?1, 'api-sample', 'T1', 'in-progress', 'abc123', ?2, 5, 7)";
    first.execute(sql, rusqlite::params![1_u128.to_be_bytes(), values]).expect("a task");
    let sql =
        "INSERT INTO execution VALUES (?1, ?2, 'api-sample', 1, 'finish', '{\"id\":\"x\"}', 'queued', 0, 0,
                                             NULL, NULL, NULL, 0, 5, 5)";
    first.execute(sql, rusqlite::params![2_u128.to_be_bytes(), 1_u128.to_be_bytes()]).expect("an execution");
    first.pragma_update(None, "user_version", 1).expect("its version");
    drop(first);
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        let id = TaskId::from_u128(1);
        let task = store.task(TaskKey::Id(id)).await.expect("an answer").expect("the task");
        let history = store.history(id, None).await.expect("an answer");
        assert_eq!((task.revision, history.len(), history[0].cause), (1, 1, Cause::Created));
        let after = |slot: Slot| {
            let change =
                history[0].changes.iter().find(|change| change.slot == slot).expect("its first value");
            assert!(change.before.is_empty());
            change.after.clone()
        };
        for (field, value) in &task.values {
            assert_eq!(after(Slot::Field(field.clone())), *value, "{field}");
        }
        assert_eq!(task.values.len(), 5);
        assert_eq!(after(Slot::Field(FieldId::new("text"))), FieldValue::Text("[1,\"true\"]".into()));
        assert_eq!(after(Slot::Stage), task.slot(&Slot::Stage));
        assert_eq!(after(Slot::AssignedTo), task.slot(&Slot::AssignedTo));
        // The next change follows on it, and the open execution keeps its place.
        let moved = crate::model::Task { stage: StageId::new("completed"), revision: 2, ..(*task).clone() };
        let entry = crate::model::HistoryEntry { number: 2, ..history[0].clone() };
        let decide: Decide =
            Box::new(|_| Ok(Change { task: Some(moved), history: Some(entry), ..Change::default() }));
        store.transact(TaskKey::Id(id), None, decide).await.expect("written");
        assert_eq!(store.history(id, None).await.expect("an answer").len(), 2);
        let open = store.open_executions(None, 10).await.expect("an answer");
        assert_eq!((open[0].id.as_u128(), open[0].place.as_u128()), (2, 2));
    });
}

/// One row that cannot be read keeps the others neither from waking nor from going on after a start.
#[test]
fn a_row_that_cannot_be_read_is_left_out() {
    use crate::model::{State, perform::ExecutionWrite};
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        create(&store, 1).await.expect("written");
        for number in [10, 11] {
            let waiting = sample::execution(number, State::Waiting { step: 1, until: sample::now() });
            let execution = Some(ExecutionWrite::Insert(waiting));
            let decide: Decide = Box::new(|_| Ok(Change { execution, ..Change::default() }));
            store.transact(TaskKey::Id(TaskId::from_u128(1)), None, decide).await.expect("written");
        }
        let damage = |connection: &rusqlite::Connection| {
            let sql = "UPDATE execution SET performer = '{}' WHERE id = ?1";
            Ok(connection.execute(sql, [10_u128.to_be_bytes()])?)
        };
        assert_eq!(store.write(damage).await.expect("damaged"), 1);
        let due = store.due(sample::now(), Vec::new(), 10).await.expect("an answer");
        let open = store.open_executions(None, 10).await.expect("an answer");
        for found in [due.executions, open] {
            assert_eq!(found.iter().map(|execution| execution.id.as_u128()).collect::<Vec<_>>(), [11]);
        }
    });
}
