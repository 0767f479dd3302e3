//! The WAL: moves it into the database, and keeps a note of how much of it is there already.
//!
//! SQLite itself survives a WAL that has lost its end, as long as none of what was lost is in the
//! database file already: else it would lay older pages over newer ones, and answer from the mixture.
//! The note, beside the WAL, lets a start see that.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufReader, Read, Write},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::super::StoreError;

// The file format of SQLite's WAL: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// With its lowest bit set, the checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: usize = 65_536;

/// What tells one filling of the WAL file from the next.
type Salts = [u8; 8];

pub(super) struct Wal {
    wal: PathBuf,
    note: PathBuf,
}

/// How much of one filling is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    salts: Salts,
    /// With fewer frames than these the WAL does not fit the database any more.
    needed: u64,
    /// Whether the database, without the WAL, is just as it was after those frames. Not while they are
    /// moved; nor when a reader kept later frames back, as SQLite then leaves out the earlier versions
    /// of their pages.
    is_whole: bool,
}

impl Wal {
    pub(super) fn of(database: &Path) -> Self {
        let beside = |end: &str| {
            let mut name = OsString::from(database);
            name.push(end);
            PathBuf::from(name)
        };
        Self { wal: beside("-wal"), note: beside("-moved") }
    }

    /// Moves what no reader needs where it is.
    pub(super) fn move_into(&self, database: &Connection) -> Result<(), rusqlite::Error> {
        let progress = |mode: &str| -> Result<(bool, i64, i64), rusqlite::Error> {
            let sql = format!("PRAGMA wal_checkpoint({mode})");
            database.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        };
        let before = self.salts();
        let (_, written, _) = progress("NOOP")?;
        self.note(before, written, false);
        let (is_busy, written, moved) = progress("PASSIVE")?;
        // The writer may have begun the file anew meanwhile: then the numbers are of the last filling.
        if !is_busy && self.salts() == before {
            self.note(before, moved, moved == written);
        }
        Ok(())
    }

    /// Moves all and leaves an empty WAL: at the end, so that the database file alone is everything.
    pub(super) fn empty_into(&self, database: &Connection) -> Result<(), rusqlite::Error> {
        self.move_into(database)?;
        let is_busy: bool = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !is_busy {
            let _ = fs::remove_file(&self.note);
        }
        Ok(())
    }

    /// Looks, before anybody opens the database, whether the WAL has lost what is in the database. If
    /// the database has all of it, the WAL is set aside; if it has a part, nobody can tell which.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Some(moved) = self.noted() else { return Ok(()) };
        let Some((salts, whole)) = self.whole_frames() else { return Ok(()) };
        if salts != moved.salts || whole >= moved.needed {
            return Ok(());
        }
        // A server that runs beside us may have begun the file anew while it was read.
        if self.salts() != Some(salts) || self.noted() != Some(moved) {
            return Ok(());
        }
        let lost = moved.needed - whole;
        if !moved.is_whole {
            return Err(StoreError::Damaged(format!("its WAL has lost {lost} pages that it needs")));
        }
        let mut aside = OsString::from(&self.wal);
        aside.push(".cut");
        tracing::error!(
            lost,
            aside = %Path::new(&aside).display(),
            "the WAL has lost its end; the database file is whole up to a moment shortly before that, and goes on \
             from there; the rest of the WAL is set aside"
        );
        fs::rename(&self.wal, &aside).map_err(|error| {
            StoreError::Damaged(format!("its WAL is cut off and cannot be set aside: {error}"))
        })
    }

    fn salts(&self) -> Option<Salts> {
        let mut header = [0; HEADER_BYTES];
        File::open(&self.wal).and_then(|mut wal| wal.read_exact(&mut header)).ok()?;
        header[16..24].try_into().ok()
    }

    fn note(&self, salts: Option<Salts>, needed: i64, is_whole: bool) {
        let Some(salts) = salts else { return };
        let state = if is_whole { "whole" } else { "moving" };
        // Always as long, so that a shorter one leaves nothing of a longer one behind.
        let line = format!("{:016x} {:020} {state:6}\n", u64::from_be_bytes(salts), needed.max(0));
        let open = || File::options().create(true).write(true).truncate(false).open(&self.note);
        // Not flushed: it is for a process that was killed and a file that was cut, and a note that is
        // not there only leaves the WAL to SQLite. A disk that cannot take it says so elsewhere, too.
        let _ = open().and_then(|mut file| file.write_all(line.as_bytes()));
    }

    fn noted(&self) -> Option<Moved> {
        let line = fs::read_to_string(&self.note).ok()?;
        let mut words = line.split_whitespace();
        Some(Moved {
            salts: u64::from_str_radix(words.next()?, 16).ok()?.to_be_bytes(),
            needed: words.next()?.parse().ok()?,
            is_whole: words.next()? == "whole",
        })
    }

    /// The filling that the WAL holds, and its frames up to the last whole commit. `None` when it does
    /// not even have a beginning.
    fn whole_frames(&self) -> Option<(Salts, u64)> {
        let mut wal = BufReader::with_capacity(1 << 20, File::open(&self.wal).ok()?);
        let mut header = [0; HEADER_BYTES];
        wal.read_exact(&mut header).ok()?;
        let page_bytes = word(&header[8..12], true) as usize;
        let magic = word(&header[0..4], true);
        if magic & !1 != MAGIC || page_bytes > PAGE_BYTES_MAX {
            return None;
        }
        let mut sum = Checksum { one: 0, two: 0, is_big_endian: magic & 1 == 1 };
        sum.add(&header[..24]);
        if !sum.is(&header[24..]) {
            return None;
        }
        let salts: Salts = header[16..24].try_into().ok()?;
        let (mut read, mut whole) = (0, 0);
        let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
        while matches!(wal.read_exact(&mut frame), Ok(())) {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            if frame[8..16] != salts || !sum.is(&frame[16..FRAME_HEADER_BYTES]) {
                break;
            }
            read += 1;
            // The last frame of a commit tells how long the database is after it.
            if word(&frame[4..8], true) != 0 {
                whole = read;
            }
        }
        Some((salts, whole))
    }
}

/// The sum that each frame carries: over all that stands before it.
struct Checksum {
    one: u32,
    two: u32,
    is_big_endian: bool,
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            self.one = self.one.wrapping_add(word(&pair[..4], self.is_big_endian)).wrapping_add(self.two);
            self.two = self.two.wrapping_add(word(&pair[4..], self.is_big_endian)).wrapping_add(self.one);
        }
    }

    /// Whether the sum so far is the one that is written here.
    fn is(&self, written: &[u8]) -> bool {
        word(&written[..4], true) == self.one && word(&written[4..8], true) == self.two
    }
}

/// Four bytes as a number.
fn word(bytes: &[u8], is_big_endian: bool) -> u32 {
    let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the WAL is moved into the database.
    #[derive(PartialEq)]
    enum Move {
        AfterSome,
        /// With a reader that keeps the later ones back.
        SomeAtTheEnd,
        AllAtTheEnd,
    }

    /// Commits before the move, or before the reader.
    const SOME: usize = 25;
    const ALL: usize = 40;

    /// A database with a row for each commit, as a killed process leaves it.
    fn database(folder: &Path, when: &Move) -> (PathBuf, Wal) {
        let file = folder.join("test.db");
        let writer = Connection::open(&file).expect("a database");
        writer.pragma_update(None, "journal_mode", "WAL").expect("a WAL");
        writer.execute_batch("CREATE TABLE t (number INTEGER, padding TEXT)").expect("a table");
        let wal = Wal::of(&file);
        for number in 0..ALL {
            let padding = "x".repeat(1500);
            writer.execute("INSERT INTO t VALUES (?1, ?2)", (number, padding)).expect("a row");
            if number + 1 == SOME && *when != Move::AllAtTheEnd {
                // It keeps the writer from beginning the file anew, too.
                let reader = Connection::open(&file).expect("a reader");
                reader.execute_batch("BEGIN; SELECT * FROM t").expect("a reading");
                std::mem::forget(reader);
                if *when == Move::AfterSome {
                    wal.move_into(&writer).expect("moved");
                }
            }
        }
        if *when != Move::AfterSome {
            wal.move_into(&writer).expect("moved");
        }
        std::mem::forget(writer);
        (file, wal)
    }

    fn copied(file: &Path, wal_bytes: usize) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("test.db");
        let (from, to) = (Wal::of(file), Wal::of(&copy));
        fs::copy(file, &copy).expect("copied");
        fs::copy(&from.note, &to.note).expect("copied");
        let bytes = fs::read(&from.wal).expect("the WAL");
        fs::write(&to.wal, &bytes[..wal_bytes]).expect("written");
        (folder, copy)
    }

    /// How many rows there are, if they are the first ones.
    fn rows(file: &Path) -> usize {
        let database = Connection::open(file).expect("the database");
        let sound: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
        assert_eq!(sound, "ok");
        let (count, sum): (usize, usize) = database
            .query_row("SELECT count(*), coalesce(sum(number), 0) FROM t", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .expect("the rows");
        assert_eq!(sum, (0..count).sum::<usize>());
        count
    }

    fn length(wal: &Wal) -> usize {
        fs::metadata(&wal.wal).expect("the WAL").len() as usize
    }

    #[test]
    fn wherever_the_wal_is_cut_what_is_left_is_a_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, wal) = database(folder.path(), &Move::AfterSome);
        let length = length(&wal);
        let mut least = usize::MAX;
        for cut in (0..length).step_by(3001).chain([31, 32, length]) {
            let (_folder, copy) = copied(&file, cut);
            Wal::of(&copy).check().expect("nothing was being moved");
            let rows = rows(&copy);
            assert!(rows >= SOME, "cut at {cut}: {rows} rows, and {SOME} are in the database");
            assert_eq!(rows == ALL, cut == length, "cut at {cut}");
            least = least.min(rows);
        }
        assert_eq!(least, SOME);
    }

    #[test]
    fn a_database_that_has_all_needs_no_wal() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, wal) = database(folder.path(), &Move::AllAtTheEnd);
        let length = length(&wal);
        for cut in [0, 1_000, length / 3, length / 2, length] {
            let (_folder, copy) = copied(&file, cut);
            Wal::of(&copy).check().expect("nothing was being moved");
            assert_eq!(rows(&copy), ALL, "cut at {cut}");
        }
    }

    #[test]
    fn a_wal_that_has_lost_what_the_database_needs_is_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, wal) = database(folder.path(), &Move::SomeAtTheEnd);
        let (mut damaged, mut sound) = (0, 0);
        for cut in (4_000..=length(&wal)).step_by(3001) {
            let (_folder, copy) = copied(&file, cut);
            match Wal::of(&copy).check() {
                Ok(()) => {
                    assert!(rows(&copy) >= SOME, "cut at {cut}");
                    sound += 1;
                }
                Err(StoreError::Damaged(_)) => damaged += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(damaged > 10 && sound > 10, "{damaged} damaged, {sound} sound");
    }

    #[test]
    fn a_note_of_another_filling_says_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, wal) = database(folder.path(), &Move::AfterSome);
        wal.note(Some([7; 8]), 1_000, true);
        let (_folder, copy) = copied(&file, 10_000);
        Wal::of(&copy).check().expect("not its note");
        assert!(Wal::of(&copy).wal.exists());
    }
}
