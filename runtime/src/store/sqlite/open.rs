//! Opening the database file: checks with clear words, pragmas, migrations, each after a backup.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{super::StoreError, backup, list, wal::Wal};

/// The database's name in the data folder.
pub(in crate::store) const FILE_NAME: &str = "onward.db";

/// Every migration, in order. The schema's version is how many have run.
pub(super) const MIGRATIONS: [&str; 19] = [
    include_str!("../../../migrations/sqlite/0001_base.sql"),
    include_str!("../../../migrations/sqlite/0002_lives.sql"),
    include_str!("../../../migrations/sqlite/0003_roles.sql"),
    include_str!("../../../migrations/sqlite/0004_files.sql"),
    include_str!("../../../migrations/sqlite/0005_assigned.sql"),
    include_str!("../../../migrations/sqlite/0006_alerts.sql"),
    include_str!("../../../migrations/sqlite/0007_depth.sql"),
    include_str!("../../../migrations/sqlite/0008_secrets.sql"),
    include_str!("../../../migrations/sqlite/0009_tries.sql"),
    include_str!("../../../migrations/sqlite/0010_endpoints.sql"),
    include_str!("../../../migrations/sqlite/0011_comments.sql"),
    include_str!("../../../migrations/sqlite/0012_authors.sql"),
    include_str!("../../../migrations/sqlite/0013_lists.sql"),
    include_str!("../../../migrations/sqlite/0014_people.sql"),
    include_str!("../../../migrations/sqlite/0015_rights.sql"),
    include_str!("../../../migrations/sqlite/0016_attempt_failures.sql"),
    include_str!("../../../migrations/sqlite/0017_archived.sql"),
    include_str!("../../../migrations/sqlite/0018_setup.sql"),
    include_str!("../../../migrations/sqlite/0019_failed.sql"),
];

/// The newest schema that this version reads.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// In the file's head, so that it says of itself what it is: `Onwd`.
const APPLICATION_ID: u32 = 0x4f6e_7764;

/// How long one process waits for another's write (the command line beside a server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of WAL after which a commit itself would move it into the database. Far away: a thread of
/// its own does that, off the commit's way.
const AUTOCHECKPOINT_PAGES: u32 = 20_000;

const WRITER_CACHE_KIB: u32 = 8 * 1024;
const READER_CACHE_KIB: u32 = 2 * 1024;

/// Makes the folder if it is not there, and answers where the database stands in it.
pub(super) fn database_file(folder: &Path) -> Result<PathBuf, StoreError> {
    fs::create_dir_all(folder).map_err(|error| StoreError::Folder {
        folder: folder.to_owned(),
        problem: format!("cannot be made: {error}; choose another with `store.folder`"),
    })?;
    Ok(folder.join(FILE_NAME))
}

/// The writing connection, with the schema up to date.
pub(super) fn writer(file: &Path) -> Result<Connection, StoreError> {
    Wal::of(file).check()?;
    let mut connection = Connection::open(file).map_err(|error| unusable(file, &error))?;
    configure(&connection, WRITER_CACHE_KIB).map_err(|error| unusable(file, &error))?;
    // SQLite opens what it may not write for reading only, and says so at the first write.
    if connection.is_readonly("main").map_err(|error| unusable(file, &error))? {
        return Err(not_writable(file));
    }
    migrate(&mut connection, file, &MIGRATIONS, |to| keep_before(file, to))?;
    Ok(connection)
}

pub(super) fn reader(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| unusable(file, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -i64::from(READER_CACHE_KIB))?;
    notice_damage(&connection)?;
    list::add_keys(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection for moving the WAL into the database.
pub(super) fn checkpointer(file: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(file).map_err(|error| unusable(file, &error))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -64)?;
    Ok(connection)
}

fn not_writable(file: &Path) -> StoreError {
    let problem = format!(
        "{FILE_NAME} in it cannot be written; give the server's user write permission there, or choose another with \
         `store.folder`"
    );
    StoreError::Folder { folder: file.parent().unwrap_or(file).to_owned(), problem }
}

fn unusable(file: &Path, error: &rusqlite::Error) -> StoreError {
    let folder = file.parent().unwrap_or(file).to_owned();
    let problem = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            return not_writable(file);
        }
        Some(ErrorCode::NotADatabase) => return not_ours(file),
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("{FILE_NAME} in it is damaged ({error}); bring back a backup with `onward restore FILE`")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
            "another process keeps {FILE_NAME} in it from being written ({error}); end that one, or wait for it"
        ),
        Some(ErrorCode::DiskFull) => {
            format!("its disk is full ({error}); make space there, or choose another with `store.folder`")
        }
        Some(ErrorCode::SystemIoFailure) => format!(
            "its disk failed at {FILE_NAME} ({error}); the system's log may say why, and `store.folder` chooses \
             another folder"
        ),
        _ => format!("{FILE_NAME} in it cannot be opened: {error}"),
    };
    StoreError::Folder { folder, problem }
}

fn not_ours(file: &Path) -> StoreError {
    StoreError::Folder {
        folder: file.parent().unwrap_or(file).to_owned(),
        problem: format!(
            "{FILE_NAME} in it is not an Onward database, or its beginning is damaged; bring back a backup with \
             `onward restore FILE`, or choose another folder with `store.folder`"
        ),
    }
}

fn configure(connection: &Connection, cache_kib: u32) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    notice_damage(connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Has each page's cells checked when the page is read, not when one of them leads astray.
fn notice_damage(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "cell_size_check", true)
}

/// The schema of an Onward database; 0 for an empty one, `None` for somebody else's.
pub(super) fn schema(connection: &Connection) -> Result<Option<u32>, rusqlite::Error> {
    let id = application_id(connection)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let version = u32::try_from(version).unwrap_or(u32::MAX);
    let tables = |sql| connection.query_row(sql, [], |row| row.get::<_, u32>(0));
    let is_ours = match (id, version) {
        (0, 0) => tables("SELECT count(*) FROM sqlite_schema")? == 0,
        // Written before databases said what they are.
        (0, _) => {
            tables(
                "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('workspace', 'execution')",
            )? == 2
        }
        (id, _) => id == i64::from(APPLICATION_ID),
    };
    Ok(is_ours.then_some(version))
}

fn application_id(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Whether the file is a backup, which somebody may have copied here by hand.
pub(super) fn is_backup(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.table_exists(None, "backup")
}

/// Runs the migrations that the database has not had. `keep` is called first when there is something in
/// it that they change, with the schema they lead to; while it runs nobody can write.
pub(super) fn migrate(
    connection: &mut Connection,
    file: &Path,
    migrations: &[&str],
    keep: impl FnOnce(u32) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let known = migrations.len() as u32;
    // Asked again inside the transaction: two processes may start on a new folder at once.
    let failed = |error: rusqlite::Error| unusable(file, &error);
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found = schema(&transaction).map_err(failed)?.ok_or_else(|| not_ours(file))?;
    if found > known {
        return Err(StoreError::Newer { file: file.to_owned(), found, known });
    }
    if is_backup(&transaction).map_err(failed)? {
        let problem = format!(
            "{FILE_NAME} in it is a backup, and what its open executions did since is not known; move it away and \
             put it in place with `onward restore`"
        );
        return Err(StoreError::Folder { folder: file.parent().unwrap_or(file).to_owned(), problem });
    }
    if 0 < found && found < known {
        keep(known)?;
    }
    for migration in &migrations[found as usize..] {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    if found < known {
        transaction.pragma_update(None, "user_version", known).map_err(failed)?;
        tracing::info!(from = found, to = known, "database schema brought up to date");
    }
    if application_id(&transaction).map_err(failed)? != i64::from(APPLICATION_ID) {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(())
}

/// The automatic backup before a migration.
fn keep_before(file: &Path, schema: u32) -> Result<(), StoreError> {
    let kept = backup::before_schema(file, schema).map_err(|error| StoreError::Folder {
        folder: file.parent().unwrap_or(file).to_owned(),
        problem: format!(
            "{FILE_NAME} in it is to get a new schema, and no backup could be made before that: {error}"
        ),
    })?;
    tracing::info!(file = %kept.display(), "a backup was made before the schema changes");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first migration with others after it, as a later version of Onward would have them.
    const LATER: [&str; 3] = [
        MIGRATIONS[0],
        "CREATE TABLE later (value TEXT NOT NULL) STRICT; INSERT INTO later VALUES ('two');",
        "UPDATE later SET value = 'three';",
    ];

    fn opened(file: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(file).expect("a connection");
        configure(&connection, WRITER_CACHE_KIB).expect("pragmas");
        migrate(&mut connection, file, migrations, |to| keep_before(file, to))?;
        Ok(connection)
    }

    fn text(connection: &Connection, sql: &str) -> String {
        connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn backups(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("the folder").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("onward.db.")).collect();
        names.sort();
        names
    }

    /// "Migrations that run themselves after an automatic backup and refuse to run backwards": the backup
    /// holds what was there, and the old version can work with it.
    #[test]
    fn a_migration_keeps_what_was_there_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        for schema in 1..=LATER.len() {
            // A connection that stays: what is kept must also hold what stands in the WAL only.
            let old = opened(&file, &LATER[..schema]).expect("opened");
            old.execute("UPDATE workspace SET revision = ?1", [schema]).expect("written");
            opened(&file, &LATER[..schema]).expect("opened again: nothing to do");
        }
        assert_eq!(backups(folder.path()), ["onward.db.before-schema-2", "onward.db.before-schema-3"]);
        let second = Connection::open(folder.path().join("onward.db.before-schema-3")).expect("a backup");
        assert_eq!(text(&second, "SELECT value FROM later"), "two");
        assert_eq!(text(&second, "SELECT CAST(revision AS TEXT) FROM workspace"), "2");
        assert_eq!(text(&second, "PRAGMA integrity_check"), "ok");
        assert_eq!(schema(&second), Ok(Some(2)));
        let third = opened(&file, &LATER).expect("opened");
        assert_eq!(text(&third, "SELECT value FROM later"), "three");
        let error = opened(&file, &LATER[..2]).expect_err("it would run backwards");
        assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }), "{error}");
    }

    /// Without its backup a migration does not run.
    #[test]
    fn a_migration_that_cannot_be_backed_up_does_not_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        drop(opened(&file, &LATER[..1]).expect("opened"));
        fs::create_dir(folder.path().join("onward.db.before-schema-2")).expect("something in the way");
        let error = opened(&file, &LATER[..2]).expect_err("no backup").to_string();
        assert!(error.contains("no backup could be made"), "{error}");
        assert_eq!(schema(&Connection::open(&file).expect("a connection")), Ok(Some(1)));
        assert_eq!(backups(folder.path()), ["onward.db.before-schema-2"], "an unfinished file was left");
    }

    #[test]
    fn a_database_says_what_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        drop(opened(&file, &LATER[..1]).expect("opened"));
        let connection = Connection::open(&file).expect("a connection");
        assert_eq!(application_id(&connection), Ok(i64::from(APPLICATION_ID)));
        // As those are that were written before.
        connection.pragma_update(None, "application_id", 0).expect("written");
        assert_eq!(schema(&connection), Ok(Some(1)));
        drop(opened(&file, &LATER[..1]).expect("opened"));
        assert_eq!(application_id(&connection), Ok(i64::from(APPLICATION_ID)));
        connection.pragma_update(None, "application_id", 7).expect("written");
        assert!(opened(&file, &LATER[..1]).expect_err("another's").to_string().contains("not an Onward"));
        let other = folder.path().join("other.db");
        Connection::open(&other).and_then(|it| it.execute_batch("CREATE TABLE note (x)")).expect("written");
        assert!(opened(&other, &LATER[..1]).expect_err("another's").to_string().contains("not an Onward"));
    }
}
