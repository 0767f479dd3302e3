//! Backups: one consistent copy of the database, made beside a running server, checked, then put in
//! its place.
//!
//! This is for the store inside. PostgreSQL has tools of its own (`pg_dump`, base backups), and a
//! server on it is backed up with those.
//!
//! The copy is made by SQLite's backup API in one step. It reads in one transaction, so it never waits for
//! the writer nor the writer for it; until it is done the WAL cannot start again from its
//! beginning. It copies pages as they are: a damaged page is found by the check of the copy, where
//! `VACUUM INTO` would build its indexes anew and hide it.
//!
//! A backup says of itself when it was made, in a table that the live database does not have. So it
//! cannot be taken for one: see `restore.rs` for what has to happen before it is.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    backup::{Backup as Copying, StepResult},
};

use super::{
    super::StoreError,
    open::{self, FILE_NAME},
    part::{BESIDE, Part, folder_of, with_suffix},
};
use crate::model::Timestamp;

/// Longest wait for another process that holds a file which is not in WAL mode.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// In a backup and nowhere else.
const NOTE_TABLE: &str = "CREATE TABLE backup (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    made_at INTEGER NOT NULL,
    made_by TEXT NOT NULL
) STRICT";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub bytes: u64,
    pub tasks: u64,
    pub executions: u64,
    /// It holds everything committed before this instant.
    pub made_at: Timestamp,
}

/// Why a backup was not made, or not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "database_missing: there is no {FILE_NAME} in {}; give the configuration of the server with --config",
        folder.display()
    )]
    NoDatabase { folder: PathBuf },
    #[error("backup_exists: {} is there already; name another file, or write over it with --force", file.display())]
    Exists { file: PathBuf },
    #[error("backup_place: {} {problem}; name another file", file.display())]
    Place { file: PathBuf, problem: String },
    #[error("backup_unwritable: {} cannot be written: {problem}", file.display())]
    Unwritable { file: PathBuf, problem: String },
    #[error("backup_unreadable: {} cannot be read: {problem}", file.display())]
    Unreadable { file: PathBuf, problem: String },
    #[error("not_onward: {} is neither an Onward database nor a backup of one", file.display())]
    NotOnward { file: PathBuf },
    #[error(
        "database_newer: {} was written by a newer version of Onward (its schema is {found}, this version knows \
         {known}); use that version", file.display()
    )]
    Newer { file: PathBuf, found: u32, known: u32 },
    #[error("database_damaged: {} is damaged ({problem}); restore a backup that is sound", file.display())]
    Damaged { file: PathBuf, problem: String },
    #[error("database_busy: {} is being used by another process; try again when that has ended", file.display())]
    Busy { file: PathBuf },
    #[error(
        "database_stuck: {} cannot be set aside: {problem}; move it away by hand, together with the files whose \
         names begin with its name and -wal, -shm or -journal, then restore again", file.display()
    )]
    Stuck { file: PathBuf, problem: String },
    #[error("restore_failed: {0}")]
    Store(StoreError),
}

// Without a source: whoever prints the whole chain would print the same text again.
impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Copies the database of a data folder into a file, beside a running server or without one.
/// One backup of a data folder at a time: the caller sees to that.
pub fn backup(folder: &Path, to: &Path, overwrite: bool) -> Result<Backup, BackupError> {
    let database = folder.join(FILE_NAME);
    if !database.exists() {
        return Err(BackupError::NoDatabase { folder: folder.to_owned() });
    }
    may_stand(to, folder, overwrite)?;
    let source = source(&database)?;
    identify(&source, &database)?;
    let part = Part::begin(to).map_err(|error| unwritable(to, &error))?;
    let backup = snapshot(source, &database, &part)?;
    // It took a while: somebody else may have written the file.
    may_stand(to, folder, overwrite)?;
    part.put_in_place().map_err(|error| unwritable(to, &error))?;
    Ok(backup)
}

/// Keeps a database as it is before its schema changes, beside it. An older copy of that name is
/// replaced: a server that fails and is started again and again must not fill the disk.
pub(super) fn before_schema(database: &Path, schema: u32) -> Result<PathBuf, BackupError> {
    let to = with_suffix(database, &format!(".before-schema-{schema}"));
    let part = Part::begin(&to).map_err(|error| unwritable(&to, &error))?;
    snapshot(source(database)?, database, &part)?;
    part.put_in_place().map_err(|error| unwritable(&to, &error))?;
    Ok(to)
}

/// Whether a backup may be put there.
fn may_stand(to: &Path, folder: &Path, overwrite: bool) -> Result<(), BackupError> {
    let refused =
        |problem: &str| Err(BackupError::Place { file: to.to_owned(), problem: problem.to_owned() });
    let Some(name) = to.file_name() else { return refused("has no file name") };
    let standing = folder_of(to).canonicalize().map_err(|error| unwritable(to, &error))?;
    let name = name.to_string_lossy();
    let is_ours = name.ends_with(".lock")
        || name.strip_prefix(FILE_NAME).is_some_and(|rest| rest.is_empty() || BESIDE.contains(&rest));
    if is_ours && folder.canonicalize().is_ok_and(|folder| folder == standing) {
        return refused("is a file of the server itself");
    }
    match to.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(to, &error)),
        Ok(_) if !overwrite => return Err(BackupError::Exists { file: to.to_owned() }),
        Ok(found) if !found.is_file() => return refused("is not a plain file"),
        Ok(_) => {}
    }
    // SQLite would take such a file for a part of the backup.
    match BESIDE.iter().map(|suffix| with_suffix(to, suffix)).find(|beside| beside.exists()) {
        Some(beside) => {
            refused(&format!("would stand beside {}, which SQLite would read into it", beside.display()))
        }
        None => Ok(()),
    }
}

/// Writes a checked copy that knows when it was made.
fn snapshot(source: Connection, database: &Path, part: &Part) -> Result<Backup, BackupError> {
    let (copy, made_at) = copy(&source, database, part)?;
    drop(source);
    check(&copy, database)?;
    let noted = note(&copy, made_at);
    let counted = noted.and_then(|()| count(&copy)).map_err(|error| copying(&error, database, part))?;
    copy.close().map_err(|(_, error)| copying(&error, database, part))?;
    let bytes = part.path().metadata().map_err(|error| unwritable(part.path(), &error))?.len();
    let made_at = Timestamp::from_millisecond(made_at).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Backup { bytes, made_at, ..counted })
}

/// A connection for reading that makes nothing that is not there.
pub(super) fn source(file: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    open().map_err(|error| reading(&error, file))
}

/// Refuses what is not an Onward database, or is one that this version cannot read. Cheap: only the
/// file's head and its list of tables are read.
pub(super) fn identify(connection: &Connection, file: &Path) -> Result<(), BackupError> {
    let found = open::schema(connection).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => BackupError::NotOnward { file: file.to_owned() },
        _ => reading(&error, file),
    })?;
    match found {
        None | Some(0) => Err(BackupError::NotOnward { file: file.to_owned() }),
        Some(found) if found > open::KNOWN => {
            Err(BackupError::Newer { file: file.to_owned(), found, known: open::KNOWN })
        }
        Some(_) => Ok(()),
    }
}

/// Copies a database as it stands at one instant; the copy, and that instant in milliseconds since
/// the epoch by the database's own clock.
pub(super) fn copy(source: &Connection, file: &Path, part: &Part) -> Result<(Connection, i64), BackupError> {
    let copying = |error: rusqlite::Error| copying(&error, file, part);
    let mut target = Connection::open(part.path()).map_err(copying)?;
    // The file is flushed as a whole, before it is renamed.
    target.pragma_update(None, "synchronous", "OFF").map_err(copying)?;
    // Read before the copy's transaction begins: what happened since then is what is not known.
    let made_at = source
        .query_row("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)", [], |row| row.get(0))
        .map_err(copying)?;
    let step = Copying::new(source, &mut target).and_then(|backup| backup.step(-1)).map_err(copying)?;
    if step != StepResult::Done {
        return Err(BackupError::Busy { file: file.to_owned() });
    }
    // One file, readable where nothing may be written: a WAL's files would be needed beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(copying)?;
    Ok((target, made_at))
}

/// Reads every page of a copy, and every index against its table.
pub(super) fn check(copy: &Connection, of: &Path) -> Result<(), BackupError> {
    let problem = match copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(answer) if answer == "ok" => return Ok(()),
        Ok(problem) => problem.lines().collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    };
    Err(BackupError::Damaged { file: of.to_owned(), problem })
}

fn note(copy: &Connection, made_at: i64) -> Result<(), rusqlite::Error> {
    copy.execute_batch(NOTE_TABLE)?;
    let sql = "INSERT INTO backup (only_row, made_at, made_by) VALUES (1, ?1, ?2)";
    copy.execute(sql, (made_at, env!("CARGO_PKG_VERSION")))?;
    Ok(())
}

/// When a backup was made. A database that somebody copied by hand does not say; then its latest change.
pub(super) fn made_at(copy: &Connection) -> Result<i64, rusqlite::Error> {
    let sql = match open::is_backup(copy)? {
        true => "SELECT made_at FROM backup",
        false => {
            "SELECT max((SELECT coalesce(max(updated_on), 0) FROM task),
                        (SELECT coalesce(max(updated_at), 0) FROM execution))"
        }
    };
    copy.query_row(sql, [], |row| row.get(0))
}

/// Makes a copy a database to work with again.
pub(super) fn forget_note(copy: &Connection) -> Result<(), rusqlite::Error> {
    copy.execute_batch("DROP TABLE IF EXISTS backup")
}

pub(super) fn count(copy: &Connection) -> Result<Backup, rusqlite::Error> {
    let count = |sql| copy.query_row(sql, [], |row| row.get(0));
    Ok(Backup {
        bytes: 0,
        tasks: count("SELECT count(*) FROM task")?,
        executions: count("SELECT count(*) FROM execution")?,
        made_at: Timestamp::UNIX_EPOCH,
    })
}

pub(super) fn unwritable(file: &Path, error: &io::Error) -> BackupError {
    let folder = folder_of(file).display();
    let what_to_do = match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {folder} is not there; make it, or name another"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{error}; get write permission in {folder}")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            format!("{error}; make room in {folder}, or use another disk")
        }
        _ => format!("{error}; look at {folder}"),
    };
    BackupError::Unwritable { file: file.to_owned(), problem: what_to_do }
}

fn reading(error: &rusqlite::Error, file: &Path) -> BackupError {
    let file = file.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => BackupError::NotOnward { file },
        Some(ErrorCode::DatabaseCorrupt) => BackupError::Damaged { file, problem: error.to_string() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => BackupError::Busy { file },
        _ => BackupError::Unreadable {
            file,
            problem: format!("{error}; is it there, and may this user read it and its folder?"),
        },
    }
}

/// What SQLite says while it copies can be about either file.
pub(super) fn copying(error: &rusqlite::Error, from: &Path, part: &Part) -> BackupError {
    let folder = folder_of(part.path()).display();
    let problem = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            format!("the disk is full; make room in {folder}, or use another disk")
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("{error}; look whether the disk of {folder} has room and is sound")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("{error}; get write permission in {folder}")
        }
        _ => return reading(error, from),
    };
    BackupError::Unwritable { file: part.path().to_owned(), problem }
}
