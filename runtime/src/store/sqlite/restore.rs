//! Putting a backup in the database's place.
//!
//! Everything that can go wrong is done on a copy, beside the database that is still in use: reading
//! the backup, checking it, bringing its schema up to date, marking what is in doubt. Then the old database is made
//! one file, gets a second name, and the copy takes its place in one rename. So at every instant the
//! old database or the new one stands there, whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode};

use super::{
    super::{ExecutionDetail, StoreError},
    backup::{self, BackupError},
    open::{self, FILE_NAME},
    part::{BESIDE, Part, flush_folder, with_suffix},
    read, transaction,
};
use crate::model::{Timestamp, restored::restored};

/// Rows read at a time.
const PAGE: usize = 1_000;

/// What becomes of the executions that were open when the backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenExecutions {
    /// A server ran since: what may have run meanwhile becomes unknown.
    Doubt,
    /// No server ran since the backup was made: they go on as if it had only been restarted.
    Resume,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    pub tasks: u64,
    pub executions: u64,
    pub made_at: Timestamp,
    /// Where the database that stood there is now; `None` when there was none.
    pub before: Option<PathBuf>,
    /// Open executions that became unknown.
    pub in_doubt: u64,
    /// Open executions that go on.
    pub open: u64,
}

/// Puts a backup in the place of a data folder's database. The caller holds the folder's lock.
pub fn restore(
    from: &Path,
    folder: &Path,
    open: OpenExecutions,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    let database = folder.join(FILE_NAME);
    let is_itself = from.canonicalize().is_ok_and(|from| database.canonicalize().is_ok_and(|it| it == from));
    if is_itself {
        let problem = "is the database itself, not a backup".to_owned();
        return Err(BackupError::Place { file: from.to_owned(), problem });
    }
    let source = backup::source(from)?;
    backup::identify(&source, from)?;
    let part = Part::begin(&database).map_err(|error| backup::unwritable(&database, &error))?;
    let (copy, _) = backup::copy(&source, from, &part)?;
    drop(source);
    backup::check(&copy, from)?;
    let restored = prepare(copy, from, &part, open, now)?;
    let stuck = |error: io::Error| BackupError::Stuck { file: database.clone(), problem: error.to_string() };
    let is_whole = one_file(&database)?;
    let before = keep(&database, now).map_err(stuck)?;
    if !is_whole {
        set_beside_aside(&database, &before_name(&database, now)).map_err(stuck)?;
    }
    part.put_in_place().map_err(|error| backup::unwritable(&database, &error))?;
    Ok(Restored { before, ..restored })
}

/// Makes the copy a database to work with: the schema of this version, and no execution that would
/// do again what it may have done.
fn prepare(
    mut copy: Connection,
    from: &Path,
    part: &Part,
    open: OpenExecutions,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    let copying = |error: rusqlite::Error| backup::copying(&error, from, part);
    let made_at = backup::made_at(&copy).map_err(copying)?;
    let made_at = Timestamp::from_millisecond(made_at)
        .map_err(|error| BackupError::Damaged { file: from.to_owned(), problem: error.to_string() })?;
    backup::forget_note(&copy).map_err(copying)?;
    // The backup itself is what there was before the migration.
    open::migrate(&mut copy, from, &open::MIGRATIONS, |_| Ok(()))?;
    let (in_doubt, left) = match open {
        OpenExecutions::Doubt => doubt(&mut copy, made_at, now)?,
        OpenExecutions::Resume => (0, count_open(&copy)?),
    };
    let counted = backup::count(&copy).map_err(copying)?;
    copy.close().map_err(|(_, error)| copying(error))?;
    Ok(Restored {
        tasks: counted.tasks,
        executions: counted.executions,
        made_at,
        before: None,
        in_doubt,
        open: left,
    })
}

/// Ends every open execution that may have gone on since the backup; how many, and how many are still
/// open. Page by page: nobody sees the copy before all of it is done.
fn doubt(copy: &mut Connection, made_at: Timestamp, now: Timestamp) -> Result<(u64, u64), StoreError> {
    let (mut in_doubt, mut left) = (0, 0);
    let mut after = None;
    loop {
        let page = read::open_executions(copy, after, PAGE)?;
        let Some(last) = page.last() else { return Ok((in_doubt, left)) };
        after = Some(last.place);
        let details = page.iter().map(|execution| read::execution_detail(copy, execution.id));
        let details = details.collect::<Result<Vec<_>, _>>()?;
        let marking = copy.transaction()?;
        for ExecutionDetail { execution, attempts } in details.into_iter().flatten() {
            let Some((execution, closed)) = restored(execution, attempts, made_at, now) else {
                left += 1;
                continue;
            };
            in_doubt += 1;
            for attempt in &closed {
                transaction::write_attempt(&marking, attempt)?;
            }
            transaction::update_execution(&marking, &execution, None)?;
        }
        marking.commit()?;
    }
}

fn count_open(copy: &Connection) -> Result<u64, StoreError> {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = read::open_executions(copy, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.place);
        count += page.len() as u64;
    }
}

/// Moves the old database's WAL into it, so that its one file holds everything. `false` when it is too
/// damaged for that: then its files are to be kept together. Refused while anybody else has it open.
fn one_file(database: &Path) -> Result<bool, BackupError> {
    if !database.exists() {
        return Ok(false);
    }
    let close_wal = || {
        let old = Connection::open(database)?;
        // Leaving WAL mode moves the WAL in and removes it; it needs the database for itself alone.
        old.pragma_update(None, "synchronous", "FULL")?;
        let mode: String = old.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        old.close().map_err(|(_, error)| error)?;
        Ok::<_, rusqlite::Error>(mode)
    };
    match close_wal() {
        Ok(mode) if mode == "delete" => Ok(true),
        Ok(_) => Err(BackupError::Busy { file: database.to_owned() }),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(false),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Err(BackupError::Busy { file: database.to_owned() })
            }
            _ => Err(BackupError::Stuck { file: database.to_owned(), problem: error.to_string() }),
        },
    }
}

/// Gives the old database a second name, which it keeps when the first goes to the new one.
fn keep(database: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let before = before_name(database, now);
    match fs::hard_link(database, &before) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A disk without second names: then a copy.
        Err(_) => {
            fs::copy(database, &before)?;
            fs::File::open(&before)?.sync_all()?;
        }
    }
    flush_folder(database)?;
    Ok(Some(before))
}

/// What SQLite left beside a database that it cannot read, or that is gone, must not be taken for a part of
/// the new one: SQLite would write an old WAL into it.
fn set_beside_aside(database: &Path, before: &Path) -> io::Result<()> {
    for suffix in BESIDE {
        match fs::rename(with_suffix(database, suffix), with_suffix(before, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    flush_folder(database)
}

fn before_name(database: &Path, now: Timestamp) -> PathBuf {
    with_suffix(database, &format!(".before-restore-{}", now.strftime("%Y%m%dT%H%M%S%.3fZ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExecutionId, State, restored::RESTORED, sample};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    /// A folder with a database of these executions, and a backup of it.
    fn backed_up(states: impl IntoIterator<Item = State>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = open::writer(&folder.path().join(FILE_NAME)).expect("a database");
        for (number, state) in (1..).zip(states) {
            transaction::insert_execution(&writer, &sample::execution(number, state)).expect("written");
        }
        let file = folder.path().join("backup");
        backup::backup(folder.path(), &file, false).expect("a backup");
        (folder, file)
    }

    fn states(folder: &Path) -> Vec<(State, Timestamp)> {
        let connection = open::reader(&folder.join(FILE_NAME)).expect("a reader");
        let all = (1..).map_while(|number| {
            read::execution(&connection, ExecutionId::from_u128(number)).expect("an answer")
        });
        all.map(|execution| (execution.state, execution.updated_at)).collect()
    }

    /// A waiting execution whose instant is still to come cannot have run: it stays. The others that were
    /// open are unknown; `--resume-pending` leaves all.
    #[test]
    fn what_waits_for_the_future_stays_and_the_rest_is_in_doubt() {
        let now = at("2030-01-01T00:00:00Z");
        let were = [
            State::Queued { step: 0, resumed: false },
            State::Running { step: 1, mid_call: true },
            State::Waiting { step: 1, until: at("2029-12-31T23:59:59Z") },
            State::Blocked { step: 1, resumed: true, why: "no step type".to_owned() },
            State::Waiting { step: 1, until: at("2030-01-01T00:00:01Z") },
            State::Succeeded,
        ];
        let (folder, file) = backed_up(were.clone());
        let restored = restore(&file, folder.path(), OpenExecutions::Doubt, now).expect("restored");
        assert_eq!((restored.executions, restored.in_doubt, restored.open), (6, 4, 1));
        let are = states(folder.path());
        for (number, (state, updated_at)) in are.iter().enumerate() {
            if number < 4 {
                assert_eq!(state.failure().map(|failure| failure.code.as_str()), Some(RESTORED), "{state:?}");
                assert_eq!((state.name(), *updated_at), ("unknown", now));
            } else {
                assert_eq!((state, *updated_at), (&were[number], sample::now()));
            }
        }
        let again = restore(&file, folder.path(), OpenExecutions::Resume, at("2030-01-01T00:00:01Z"));
        assert_eq!(again.map(|restored| (restored.in_doubt, restored.open)).expect("restored"), (0, 5));
        assert_eq!(states(folder.path()).into_iter().map(|(state, _)| state).collect::<Vec<_>>(), were);
    }

    /// More executions than are read at a time.
    #[test]
    fn every_page_of_open_executions_is_marked() {
        let queued = || State::Queued { step: 0, resumed: false };
        let (folder, file) = backed_up((0..PAGE * 2 + 1).map(|_| queued()));
        let restored = restore(&file, folder.path(), OpenExecutions::Doubt, sample::now()).expect("restored");
        assert_eq!((restored.in_doubt, restored.open), (PAGE as u64 * 2 + 1, 0));
        assert!(states(folder.path()).iter().all(|(state, _)| state.name() == "unknown"));
    }

    /// A backup is refused as a database: only a restore makes it one, which knows what is in doubt.
    #[test]
    fn a_backup_is_not_opened_as_a_database() {
        let (folder, file) = backed_up([]);
        let error = open::writer(&file).expect_err("a backup").to_string();
        assert!(error.contains("onward restore"), "{error}");
        restore(&file, folder.path(), OpenExecutions::Doubt, sample::now()).expect("restored");
        assert!(open::writer(&folder.path().join(FILE_NAME)).is_ok());
    }

    /// Refused while another process has the database open: what it writes would be lost.
    #[test]
    fn a_database_in_use_is_not_replaced() {
        let (folder, file) = backed_up([]);
        let user = open::reader(&folder.path().join(FILE_NAME)).expect("a reader");
        assert!(read::workspace(&user).is_ok());
        let refused = restore(&file, folder.path(), OpenExecutions::Doubt, sample::now());
        assert!(matches!(refused, Err(BackupError::Busy { .. })), "{refused:?}");
        drop(user);
        assert!(restore(&file, folder.path(), OpenExecutions::Doubt, sample::now()).is_ok());
    }
}
