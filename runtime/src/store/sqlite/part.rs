//! A file that takes its place only when it is whole: it is written as `NAME.part` beside it, flushed,
//! and renamed. What was not finished is removed; what a killed process left is written over.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// What SQLite may keep beside a database file.
pub(super) const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", "-moved"];

pub(super) struct Part {
    path: PathBuf,
    place: PathBuf,
    placed: bool,
}

impl Part {
    /// An empty file, to be written by its path. The caller holds what keeps others from the same place.
    pub(super) fn begin(place: &Path) -> io::Result<Self> {
        let part = Self { path: with_suffix(place, ".part"), place: place.to_owned(), placed: false };
        part.remove()?;
        File::create_new(&part.path)?;
        Ok(part)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes the file and puts it in its place, over what stands there. A crash leaves the one or the other.
    /// No connection to it may be open any more.
    pub(super) fn put_in_place(mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, &self.place)?;
        self.placed = true;
        flush_folder(&self.place)
    }

    fn remove(&self) -> io::Result<()> {
        let beside = BESIDE.iter().map(|suffix| with_suffix(&self.path, suffix));
        for path in std::iter::once(self.path.clone()).chain(beside) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.placed {
            // Nobody can be told any more; the next one writes over it.
            let _ = self.remove();
        }
    }
}

/// `onward.db` with `-wal` gives `onward.db-wal`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The folder that a file stands in.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in a file's folder durable.
pub(super) fn flush_folder(file: &Path) -> io::Result<()> {
    File::open(folder_of(file))?.sync_all()
}
