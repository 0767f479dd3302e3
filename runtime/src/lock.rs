//! One server per data folder, and one backup of it at a time: exclusive locks that the system lets go of
//! when the process ends.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

const FILE_NAME: &str = "onward.lock";

/// A lock of its own: a backup is made beside a running server.
const BACKUP_FILE_NAME: &str = "onward.backup.lock";

/// Held while a server runs on a folder, or a backup is restored into it; another one while a backup is
/// made of it.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "data_folder_locked: {} is in use by the server with process id {holder}; stop that one, or give this \
         one another `store.folder`", folder.display()
    )]
    Held { folder: PathBuf, holder: String },
    #[error(
        "backup_running: a backup of {} is being made by the process with id {holder}; try again when that has \
         ended", folder.display()
    )]
    BackupRuns { folder: PathBuf, holder: String },
    #[error(
        "data_folder_unusable: {}: {problem}; give the server's user write permission there, or choose another \
         with `store.folder`", folder.display()
    )]
    Folder { folder: PathBuf, problem: std::io::Error },
}

impl FolderLock {
    /// Makes the folder, if it is not there.
    pub fn make(folder: &Path) -> Result<(), LockError> {
        fs::create_dir_all(folder).map_err(|problem| LockError::Folder { folder: folder.to_owned(), problem })
    }

    /// Takes the folder, which is made if it is not there.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        Self::make(folder)?;
        Self::take_file(folder, FILE_NAME, |folder, holder| LockError::Held { folder, holder })
    }

    /// Takes the right to make a backup of a folder that is there.
    pub fn take_for_backup(folder: &Path) -> Result<Self, LockError> {
        Self::take_file(folder, BACKUP_FILE_NAME, |folder, holder| LockError::BackupRuns { folder, holder })
    }

    fn take_file(
        folder: &Path,
        name: &str,
        held: impl FnOnce(PathBuf, String) -> LockError,
    ) -> Result<Self, LockError> {
        let unusable = |problem| LockError::Folder { folder: folder.to_owned(), problem };
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(name));
        let mut file = open.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(unusable)?;
                return Err(held(folder.to_owned(), holder.trim().to_owned()));
            }
            Err(fs::TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let note = |file: &mut File| -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = FolderLock::take(folder.path()).expect("a free folder");
        let error = FolderLock::take(folder.path()).expect_err("a held folder").to_string();
        assert!(error.contains(&format!("process id {}", std::process::id())), "{error}");
        drop(lock);
        assert!(FolderLock::take(folder.path()).is_ok());
    }
}
