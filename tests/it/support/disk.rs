//! A disk that fails when a test says so: `disk_faults.c`, loaded into the server's process.
//!
//! Knows what can go wrong with a file. Does not know what the server makes of it.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{eventually, preload::Library, server::Project};

static LIBRARY: Library = Library::new("disk_faults");

/// Bytes of the control file that say what is to happen; as many after them say how often it did.
const RECORD: usize = 64;

/// What the disk does instead of what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every write finds the disk full, as where blocks are copied on write.
    Full,
    /// The disk is full, but what a file has can be written over.
    FullToGrow,
    EioOnWrite,
    EioOnFlush,
    /// Executed but reported as failed.
    FlushedButEio,
    ReadOnly,
    /// Each flush takes this long.
    Slow(Duration),
}

/// Which files it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Any,
    Database,
    Wal,
}

/// The disk under a project's data folder.
pub(crate) struct Disk {
    control: PathBuf,
    database: PathBuf,
    orders: AtomicU64,
}

impl Disk {
    pub(crate) fn of(project: &Project) -> Self {
        let control = project.path("disk-faults");
        fs::write(&control, [b' '; 2 * RECORD]).expect("the control file");
        // As the process sees it: a temporary folder may be reached by a link.
        let folder = project.path("data");
        fs::create_dir_all(&folder).expect("the data folder");
        let database = folder.canonicalize().expect("its path").join("onward.db");
        Self { control, database, orders: AtomicU64::new(0) }
    }

    /// What puts the disk under a process.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 3] {
        [
            ("LD_PRELOAD", LIBRARY.path()),
            ("ONWARD_DISK_FAULTS", &self.control),
            ("ONWARD_FAULTY_DATABASE", &self.database),
        ]
    }

    /// From now on, until it heals.
    pub(crate) fn fail(&self, fault: Fault, on: On) {
        self.fail_times(fault, on, 0);
    }

    /// The next so many times.
    pub(crate) fn fail_times(&self, fault: Fault, on: On, times: u32) {
        let (mode, milliseconds) = match fault {
            Fault::Full => ("full", 0),
            Fault::FullToGrow => ("full-to-grow", 0),
            Fault::EioOnWrite => ("eio-write", 0),
            Fault::EioOnFlush => ("eio-flush", 0),
            Fault::FlushedButEio => ("flushed-but-eio", 0),
            Fault::ReadOnly => ("read-only", 0),
            Fault::Slow(time) => ("slow", time.as_millis()),
        };
        let on = match on {
            On::Any => "any",
            On::Database => "db",
            On::Wal => "wal",
        };
        self.order(&format!("{mode} {on} {times} {milliseconds}"));
    }

    pub(crate) fn heal(&self) {
        self.order("none any 0 0");
    }

    fn order(&self, what: &str) {
        let number = self.orders.fetch_add(1, Ordering::Relaxed);
        let file = fs::File::options().write(true).open(&self.control).expect("the control file");
        // What an earlier order did is forgotten first, so that it cannot be taken for this one's.
        file.write_all_at(&[b' '; RECORD], RECORD as u64).expect("written");
        let record = format!("{:<RECORD$}", format!("{what} {number}"));
        file.write_all_at(record.as_bytes(), 0).expect("written");
    }

    /// How often the present fault has struck.
    pub(crate) fn struck(&self) -> u64 {
        let text = fs::read_to_string(&self.control).expect("the control file");
        text[RECORD..].trim().parse().unwrap_or(0)
    }

    /// Waits until the present fault has struck at least once: else a test shows nothing.
    pub(crate) fn has_struck(&self) {
        eventually("the disk fails", || self.struck() > 0);
    }
}

/// Holds the database's write lock, as a long transaction of another process does.
pub(crate) fn hold_the_write_lock(database: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(database).expect("the database");
    let started = Instant::now();
    while let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        assert!(started.elapsed() < Duration::from_secs(10), "{error}");
    }
    connection
}

/// Waits until the WAL has been moved into the database, and that is noted.
pub(crate) fn all_is_moved(project: &Project) {
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    eventually("all is moved", || {
        let progress = database.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
            Ok((row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
        });
        let (written, moved) = progress.expect("the WAL's progress");
        let note = fs::read_to_string(project.path("data/onward.db-moved")).unwrap_or_default();
        written == moved && note.contains("whole")
    });
}
