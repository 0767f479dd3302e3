//! The store's threads: one writer, a few readers, one that moves the WAL into the database.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::{Shared, SqliteSettings, open, wal::Wal, write};
use crate::store::StoreError;

/// Something to do on a reading connection.
pub(super) type Work = Box<dyn FnOnce(&Connection) + Send>;

const READERS: usize = 2;

/// How often the WAL is moved into the database while there are commits.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(50);

/// How long after a failure it is tried again.
const CHECKPOINT_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) struct Threads {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl Threads {
    /// Waits for the writer to finish what it has. The readers end with their queue.
    pub(super) fn join(self) {
        if self.writer.join().is_err() {
            tracing::error!("the store's writer had panicked");
        }
        self.stop.store(true, Ordering::Relaxed);
        self.checkpointer.thread().unpark();
        if self.checkpointer.join().is_err() {
            tracing::error!("the store's checkpointer had panicked");
        }
    }
}

type Started = (Threads, SyncSender<write::Request>, SyncSender<Work>);

pub(super) fn start(
    file: &Path,
    connection: Connection,
    shared: &Arc<Shared>,
    settings: &SqliteSettings,
) -> Result<Started, StoreError> {
    let (writes, write_queue) = mpsc::sync_channel(settings.queue_max);
    let (reads, read_queue) = mpsc::sync_channel(settings.queue_max);
    let read_queue = Arc::new(Mutex::new(read_queue));
    for _ in 0..READERS {
        let (connection, queue) = (open::reader(file)?, Arc::clone(&read_queue));
        spawn("store-reader", move || read_all(&connection, &queue))?;
    }
    let (commits, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let checkpointer = {
        let (connection, commits, stop) =
            (open::checkpointer(file)?, Arc::clone(&commits), Arc::clone(&stop));
        let wal = Wal::of(file);
        spawn("store-wal", move || checkpoint(&connection, &wal, &commits, &stop))?
    };
    let writer = write::Writer::new(connection, Arc::clone(shared), commits, settings.queue_max);
    let writer = spawn("store-writer", move || writer.run(&write_queue))?;
    Ok((Threads { writer, checkpointer, stop }, writes, reads))
}

fn spawn(name: &str, job: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(job);
    thread.map_err(|error| StoreError::Database(format!("cannot start a thread: {error}")))
}

fn read_all(connection: &Connection, queue: &Mutex<Receiver<Work>>) {
    loop {
        let work = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        // A bug in one reading must not take a reader from everybody. Its asker hears that it is gone.
        if catch_unwind(AssertUnwindSafe(|| work(connection))).is_err() {
            tracing::error!("a reading panicked");
        }
    }
}

fn checkpoint(connection: &Connection, wal: &Wal, commits: &AtomicU64, stop: &AtomicBool) {
    let (mut moved_up_to, mut is_failing) = (0, false);
    while !stop.load(Ordering::Relaxed) {
        thread::park_timeout(if is_failing { CHECKPOINT_AGAIN_AFTER } else { CHECKPOINT_EVERY });
        // A WAL never shrinks by itself, so its length says nothing; commits do.
        let now = commits.load(Ordering::Relaxed);
        if now == moved_up_to {
            continue;
        }
        match wal.move_into(connection) {
            Ok(()) => {
                moved_up_to = now;
                if is_failing {
                    tracing::info!("the WAL is moved into the database again");
                }
                is_failing = false;
            }
            Err(error) => {
                // Said once: what was acknowledged is safe in the WAL, which only grows meanwhile.
                if !is_failing {
                    tracing::warn!(%error, "the WAL cannot be moved into the database; it is tried again");
                }
                is_failing = true;
            }
        }
    }
    if let Err(error) = wal.empty_into(connection) {
        tracing::warn!(%error, "the WAL is left as it is; the next start goes on with it");
    }
}
