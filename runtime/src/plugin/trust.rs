//! Who may change a library: it runs with the server's rights, so only the owner of the server may.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Bits of a mode: who is in the group, and everybody, may write.
const OTHERS_WRITE: u32 = 0o022;
/// In a folder with this bit nobody removes or renames what somebody else has there.
const STICKY: u32 = 0o1000;

/// Files, folders and links on the way to a library.
const WAY_MAX: usize = 1_000;

/// Why somebody else may change a library.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("{} cannot be looked at: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: io::Error },
    #[error("{} can be written by others than its owner: chmod go-w {}", path.display(), path.display())]
    WritableByOthers { path: PathBuf },
    #[error("{} belongs to the user {uid}, and neither to root nor to who runs the server", path.display())]
    OtherOwner { path: PathBuf, uid: u32 },
}

/// Looks at a file, and at every folder and link on the way to it.
///
/// # Errors
/// The first that others may change.
pub fn check(path: &Path) -> Result<(), TrustError> {
    let unreadable = |path: &Path, problem| TrustError::Unreadable { path: path.to_owned(), problem };
    let us = rustix::process::geteuid().as_raw();
    let whole = std::path::absolute(path).map_err(|problem| unreadable(path, problem))?;
    let (mut left, mut seen) = (vec![whole], HashSet::new());
    while let Some(path) = left.pop() {
        for path in path.ancestors() {
            if !seen.insert(path.to_owned()) {
                break;
            }
            let found = fs::symlink_metadata(path).map_err(|problem| unreadable(path, problem))?;
            if ![0, us].contains(&found.uid()) {
                return Err(TrustError::OtherOwner { path: path.to_owned(), uid: found.uid() });
            }
            if found.is_symlink() {
                if seen.len() > WAY_MAX {
                    return Err(unreadable(path, io::Error::other("too many links lead there")));
                }
                let target = fs::read_link(path).map_err(|problem| unreadable(path, problem))?;
                left.push(path.parent().unwrap_or(path).join(target));
                continue;
            }
            let is_kept = found.is_dir() && found.mode() & STICKY != 0;
            if found.mode() & OTHERS_WRITE != 0 && !is_kept {
                return Err(TrustError::WritableByOthers { path: path.to_owned() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_change_is_not_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("libx.so");
        fs::write(&file, "").expect("written");
        let set =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        let refused = |path: &Path| check(path).expect_err("refused").to_string();
        set(&file, 0o644);
        assert!(check(&file).is_ok(), "a temporary folder is sticky");
        for mode in [0o664, 0o646, 0o666] {
            set(&file, mode);
            assert_eq!(
                refused(&file),
                format!("{0} can be written by others than its owner: chmod go-w {0}", file.display())
            );
        }
        set(&file, 0o600);
        set(folder.path(), 0o770);
        assert!(refused(&file).contains("can be written by others"));
        // By a link from elsewhere, too.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let link = elsewhere.path().join("libx.so");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert!(refused(&link).starts_with(&folder.path().display().to_string()));
        set(folder.path(), 0o755);
        assert!(check(&link).is_ok());
        // Whoever may write to the link's own folder may have it lead elsewhere.
        set(elsewhere.path(), 0o777);
        assert!(refused(&link).starts_with(&elsewhere.path().display().to_string()));
        set(elsewhere.path(), 0o700);
        let (to_folder, round) = (elsewhere.path().join("to"), elsewhere.path().join("round"));
        std::os::unix::fs::symlink(folder.path(), &to_folder).expect("a link");
        std::os::unix::fs::symlink("round", &round).expect("a link");
        assert!(check(&to_folder.join("libx.so")).is_ok());
        set(&file, 0o622);
        assert!(
            refused(&to_folder.join("libx.so")).starts_with(&to_folder.join("libx.so").display().to_string())
        );
        assert!(check(&round).is_ok(), "it leads nowhere, and cannot be loaded");
        assert!(refused(&elsewhere.path().join("none.so")).contains("cannot be looked at: No such file"));
    }
}
