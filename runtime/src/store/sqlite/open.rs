//! Opening the database file: checks with clear words, pragmas, migrations.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::super::StoreError;

/// The database's name in the data folder.
pub(super) const FILE_NAME: &str = "onward.db";

/// Every migration, in order. The schema's version is how many have run.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/sqlite/0001_base.sql"),
    include_str!("../../../migrations/sqlite/0002_lives.sql"),
    include_str!("../../../migrations/sqlite/0003_roles.sql"),
];

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
    let mut connection = Connection::open(file).map_err(|error| unusable(file, &error))?;
    configure(&connection, WRITER_CACHE_KIB).map_err(|error| unusable(file, &error))?;
    migrate(&mut connection, file)?;
    Ok(connection)
}

pub(super) fn reader(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| unusable(file, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -i64::from(READER_CACHE_KIB))?;
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

fn unusable(file: &Path, error: &rusqlite::Error) -> StoreError {
    let folder = file.parent().unwrap_or(file).to_owned();
    let problem = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
            "cannot be written; give the server's user write permission there, or choose another with `store.folder`"
                .to_owned()
        }
        Some(rusqlite::ErrorCode::NotADatabase) => {
            format!("{FILE_NAME} in it is not an Onward database; move it away, or choose another folder")
        }
        _ => format!("{FILE_NAME} in it cannot be opened: {error}"),
    };
    StoreError::Folder { folder, problem }
}

fn configure(connection: &Connection, cache_kib: u32) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u32;
    // Asked again inside the transaction: two processes may start on a new folder at once.
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(|error| unusable(file, &error))?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { file: file.to_owned(), found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    if found < known {
        transaction.pragma_update(None, "user_version", known)?;
        tracing::info!(from = found, to = known, "database schema brought up to date");
    }
    transaction.commit()?;
    Ok(())
}
