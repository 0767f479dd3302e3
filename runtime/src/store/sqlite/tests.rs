//! What the contract cannot ask of every store: SQLite's own ways to fail.

use std::{path::Path, sync::mpsc, time::Duration};

use tokio::runtime::Runtime;

use super::{
    super::admin::Invitation, AdminChange, By, FILE_NAME, Reply, SqliteSettings, SqliteStore, Store,
    StoreError, TaskKey,
};
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

/// Who may invite, who may not any more, and the links that they have made.
fn people_of_before(before: &rusqlite::Connection) {
    before
        .execute_batch(
            "INSERT INTO person (id, email, first_name, last_name, is_administrator) VALUES
                 ('boss', 'b@example.com', 'B', 'B', 1), ('none', 'n@example.com', 'N', 'N', 0);
             INSERT INTO invitation VALUES
                 ('one', zeroblob(32), NULL, '1@example.com', 1, '{}', 0, 9e13),
                 ('two', randomblob(32), NULL, '2@example.com', 1, '{}', 0, 9e13),
                 ('by-expired', randomblob(32), NULL, '3@example.com', 1, '{}', 0, 9e13),
                 ('by-key', randomblob(32), NULL, '4@example.com', 1, '{}', 0, 9e13),
                 ('short', randomblob(32), NULL, '5@example.com', 1, '{}', 0, 7e13);
             INSERT INTO api_key (id, name, hash, expires_at) VALUES
                 ('expired', 'E', zeroblob(32), 9), ('key', 'K', randomblob(32), 8e13);
             INSERT INTO audit (at, performer, change, about, detail) VALUES
                 (0, '{\"id\":\"boss\"}', 'invitation.added', 'one', '{}'),
                 (0, '{\"id\":\"none\"}', 'invitation.added', 'two', '{}'),
                 (0, '{\"id\":\"expired\"}', 'invitation.added', 'by-expired', '{}'),
                 (0, '{\"id\":\"key\"}', 'invitation.added', 'by-key', '{}'),
                 (0, '{\"id\":\"key\"}', 'invitation.added', 'short', '{}');",
        )
        .expect("people");
}

/// Files of before are known by the history, removed ones too, but not those of deleted tasks; links by who made them, for
/// as long as those may make some.
#[test]
fn a_database_from_before_the_rights_knows_whose_its_files_and_links_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("a database");
    super::open::MIGRATIONS[..14].iter().for_each(|sql| before.execute_batch(sql).expect("a schema"));
    before.pragma_update(None, "user_version", 14).expect("its version");
    let blob = |byte: u8| crate::model::BlobId::from_bytes([byte; 32]);
    let entry = |byte: u8| format!(r#"[{{"blobId":"{}","filename":"a","contentType":"b/c"}}]"#, blob(byte));
    let history = "INSERT INTO task_history (task_id, number, at, cause, performer, changes)
                   VALUES (?1, 1, 0, 'edited', '{}', ?2)";
    for (task, changes) in [
        (
            1_u128,
            format!(r#"{{"files":[null,{}],"text":[null,"x"],"list":[null,["{}"]]}}"#, entry(1), blob(4)),
        ),
        (1, format!(r#"{{"files":[{},null],"blobId":[null,"{}"]}}"#, entry(2), blob(5))),
        (2, format!(r#"{{"files":[null,{}]}}"#, entry(3))),
    ] {
        before.execute(history, rusqlite::params![task.to_be_bytes(), changes]).expect("an entry");
    }
    let here = "INSERT INTO task (id, workflow_id, stage_id, field_values, created_on, updated_on)
                VALUES (?1, 'here', 's', '{}', 0, 0)";
    before.execute(here, [1_u128.to_be_bytes()]).expect("a task");
    let gone =
        "INSERT INTO deleted_task (id, workflow_id, stage_id, field_values, created_on, updated_on, revision)
                VALUES (?1, 'gone', 's', '{}', 0, 0, 1)";
    before.execute(gone, [2_u128.to_be_bytes()]).expect("a task that is gone");
    people_of_before(&before);
    drop(before);
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        for (byte, workflows) in [(1, &["here"][..]), (2, &["here"]), (3, &[]), (4, &[]), (5, &[])] {
            let found = store.blob_workflows(blob(byte)).await.expect("an answer");
            assert_eq!(found.iter().map(|id| id.as_str()).collect::<Vec<_>>(), workflows, "{byte}");
        }
        let links = store.invitations().await.expect("an answer");
        let shown = |it: &Invitation| (it.id.clone(), it.made_by.clone(), it.expires_at.as_millisecond());
        let expected = |id: &str, maker: &str, end| (id.to_owned(), maker.to_owned(), end);
        assert_eq!(
            links.iter().map(shown).collect::<Vec<_>>(),
            [
                expected("by-key", "key", 80_000_000_000_000),
                expected("one", "boss", 90_000_000_000_000),
                expected("short", "key", 70_000_000_000_000)
            ]
        );
        let plan = store.read(|connection| {
            let sql = format!("EXPLAIN QUERY PLAN {}", super::read::BLOB_WORKFLOWS);
            super::read::all(connection, &sql, [[0_u8; 32]], |row| Ok(row.get::<_, String>(3)?))
        });
        let plan = plan.await.expect("a plan");
        let looks: Vec<_> =
            plan.iter().filter(|line| line.contains("task_blob")).map(String::as_str).collect();
        assert_eq!(
            looks,
            [
                "SEARCH task_blob USING PRIMARY KEY (blob_id=?)",
                "SEARCH task_blob USING PRIMARY KEY (blob_id=? AND workflow_id>?)"
            ]
        );
    });
}

/// Of a revoked key nothing stays but the hash that keeps its secret from being taken again.
#[test]
fn what_a_revoked_key_was_called_and_could_do_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, runtime) = store(folder.path());
    runtime.block_on(async {
        add_key(&store, "leaked").await.expect("added");
        let by = By { performer: sample::performer(), at: sample::now() };
        store.administer(AdminChange::RevokeKey(KeyId::new("leaked")), by).await.expect("revoked");
        let kept = async || {
            let sql = "SELECT name || scopes || hex(substr(hash, 1, 1)) FROM api_key";
            let rows = store
                .read(|connection| super::read::all(connection, sql, [], |row| Ok(row.get::<_, String>(0)?)));
            rows.await.expect("an answer").concat()
        };
        let before = kept().await;
        assert!(before.starts_with("leaked leaked[\"read\""), "{before}");
        store.forget_revoked_keys(sample::now()).await.expect("done");
        assert_eq!(kept().await, before, "its time has not come");
        store.forget_revoked_keys(sample::now() + jiff::SignedDuration::from_secs(1)).await.expect("done");
        assert_eq!(kept().await, "leaked []6C");
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
