//! What SQLite's errors mean for whoever asked, and whether writes can be done at the moment.

use std::{
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};

use super::super::StoreError;

/// How long a commit speaks for the ones after it: who asks whether writes can be done, within this
/// time, costs none of his own.
const SPEAKS_FOR: Duration = Duration::from_secs(1);

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sqlite;
        let said = error.to_string();
        if let Sqlite::FromSqlConversionFailure(..) | Sqlite::InvalidColumnType(..) | Sqlite::Utf8Error(..) =
            error
        {
            return Self::Corrupt(said);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(said),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(said),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Disk(said),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(said),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(said),
            _ => Self::Database(said),
        }
    }
}

/// SQLite calls every failed write an I/O error, also one on a disk that has become read-only: asks
/// the system, by a file of another name. To open and close the database's own would end the locks
/// that SQLite has on it (they are the process's, not the descriptor's).
pub(super) fn named(error: StoreError, connection: &Connection) -> StoreError {
    let StoreError::Disk(said) = error else { return error };
    let Some(file) = connection.path().map(|file| format!("{file}-writable")) else {
        return StoreError::Disk(said);
    };
    match fs::File::create(Path::new(&file)) {
        Err(system) if system.kind() == io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(said),
        created => {
            if created.is_ok() {
                // What it was for is known; a disk that fails may keep it.
                let _ = fs::remove_file(&file);
            }
            StoreError::Disk(said)
        }
    }
}

/// How the last commit went.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    written_at: Option<Instant>,
    /// Since when commits fail. Said once in the log, not once for each request.
    failing_since: Option<Instant>,
}

impl Health {
    /// Whether a commit has just shown that writes can be done.
    pub(super) fn has_just_written(&self) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.failing_since.is_none() && last.written_at.is_some_and(|at| at.elapsed() < SPEAKS_FOR)
    }

    /// Takes note of a commit.
    pub(super) fn note(&self, committed: &Result<(), StoreError>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match committed {
            Ok(()) => {
                last.written_at = Some(Instant::now());
                if let Some(since) = last.failing_since.take() {
                    let seconds = since.elapsed().as_secs_f32();
                    tracing::info!(seconds, "the store writes again");
                }
            }
            Err(error) => {
                if last.failing_since.is_none() {
                    last.failing_since = Some(Instant::now());
                    tracing::error!(%error, "the store cannot write; requests are refused until it can");
                }
            }
        }
    }
}
