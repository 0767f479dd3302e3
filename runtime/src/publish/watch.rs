//! The workflow files of a running server: what changes in the folder is published as it would be at the next start, and
//! what is not sound leaves its workflow as it was.
//!
//! The folder is looked at once a second. A file counts when two looks in a row have found it the same, so that a save
//! that is under way is not taken for what its author means. Which workflows are those of files changes only by what is
//! there: one whose file is gone stays read-only until the next start, since editors and checkouts take files away and
//! bring them back, and nobody shall save what the file would undo.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Files, PublishError, Steps, WorkflowFile, folder::toml_files, latest, publish, read_after, read_all,
    tell_findings,
};
use crate::{
    definition,
    engine::Shared,
    model::{WorkflowId, workspace::FileNote},
    toml_file::{Unreadable, read_text},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When a file was changed last, and how long it is; `None` where it cannot be asked.
type Stamp = Option<(SystemTime, u64)>;

/// Looks for ever.
pub async fn run(shared: Arc<Shared>, folder: PathBuf) {
    let known = Arc::clone(&shared.workspace.current().files);
    let mut watch = Watch::new(folder, known.values().map(|note| PathBuf::from(&note.file)));
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        watch.look();
        let workspace = shared.workspace.current();
        let notes = &workspace.files;
        // Somebody may have published what was refused here.
        let is_refused = notes.values().any(|note| note.refused.is_some());
        watch.is_due |= is_refused && workspace.revision != watch.revision;
        if watch.is_due {
            match watch.take_up(&shared, notes).await {
                Ok(()) => watch.is_due = false,
                Err(error) => {
                    tracing::warn!(%error, "changed workflow files could not be published; it is tried again");
                }
            }
        }
    }
}

struct Watch {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Seen>,
    /// Why the folder itself cannot be read.
    problem: Option<String>,
    /// Something is to be taken up.
    is_due: bool,
    /// Of the workspace, when something was taken up last.
    revision: u64,
}

/// A file, as far as it is known.
#[derive(Default)]
struct Seen {
    /// At the last look.
    stamp: Stamp,
    /// What it said when it was read last, and its stamp then.
    taken: Option<(Stamp, Result<String, Unreadable>)>,
    /// What the log has said against it.
    problem: Option<String>,
}

impl Watch {
    /// `known`: the files that were there at the start.
    fn new(folder: PathBuf, known: impl Iterator<Item = PathBuf>) -> Self {
        let files = known.map(|path| (path, Seen::default())).collect();
        Self { folder, files, problem: None, is_due: false, revision: 0 }
    }

    /// Reads every file that is not as it was read last, and is as it was at the look before.
    fn look(&mut self) {
        let paths = toml_files(&self.folder);
        let problem = paths.as_ref().err().map(ToString::to_string);
        if let (Some(why), true) = (&problem, problem != self.problem) {
            tracing::warn!(why, "the workflow files cannot be looked at; all workflows go on as they are");
        }
        self.problem = problem;
        let Ok(paths) = paths else { return };
        let gone: Vec<_> = self.files.extract_if(.., |path, _| !paths.contains(path)).collect();
        for (path, _) in gone {
            let file = path.display();
            tracing::info!(%file, "a workflow file is gone; a workflow that it had goes on, and is the store's from the next start on, unless another file has it");
            self.is_due = true;
        }
        for path in paths {
            let seen = self.files.entry(path.clone()).or_default();
            self.is_due |= seen.look(&path);
        }
    }

    /// Publishes what the files say, and notes what is refused.
    async fn take_up(
        &mut self,
        shared: &Shared,
        notes: &HashMap<WorkflowId, FileNote>,
    ) -> Result<(), PublishError> {
        let rows = shared.store.workspace().await?;
        let (latest, _) = latest(&read_all(&rows));
        let mut files = Vec::<WorkflowFile>::new();
        let mut unread = HashSet::new();
        let mut after = notes.clone();
        let has = |path: &Path| notes.values().any(|note| Path::new(&note.file) == path);
        let mut paths: Vec<_> = self.files.keys().cloned().collect();
        // Of two files with one workflow the one keeps it that has it.
        paths.sort_by_key(|path| !has(path));
        for path in paths {
            let Some(seen) = self.files.get_mut(&path) else { continue };
            let Some((_, source)) = &seen.taken else { continue };
            let name = path.display().to_string();
            let read = match source {
                Ok(source) => read_after(&name, source, &Steps(&shared.step_types), &latest),
                Err(problem) => Err(PublishError::File { path: path.clone(), problem: problem.clone() }),
            };
            let has_id = source.as_ref().is_ok_and(|source| definition::has_id(source));
            let file = read.map(|workflow| WorkflowFile { path, workflow, has_id });
            let refused = match file.and_then(|file| PublishError::unless_twice(file, &files)) {
                Ok(file) => {
                    files.push(file);
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            if refused.is_some() {
                unread.extend(notes.iter().filter(|(_, note)| note.file == name).map(|(id, _)| id.clone()));
            }
            // Of each workflow that it has had.
            for note in after.values_mut().filter(|note| note.file == name) {
                note.refused.clone_from(&refused);
            }
            seen.tell(&name, refused);
        }
        let Files { anew, notes } = publish(files, &*shared.store, &shared.clock, notes, &unread).await?;
        after.extend(notes);
        // First whose it is, so that nobody saves what a file has just taken.
        shared.workspace.set_files(after);
        self.revision = shared.refresh().await?;
        tell_findings(shared, &anew);
        Ok(())
    }
}

impl Seen {
    /// Whether it was read.
    fn look(&mut self, path: &Path) -> bool {
        let stamp = stamp(path);
        let is_settled = self.stamp == stamp && stamp.is_some();
        self.stamp = stamp;
        if !is_settled || self.taken.as_ref().is_some_and(|(taken, _)| *taken == stamp) {
            return false;
        }
        let source = read_text(path);
        // What was written while it was read is read at a later look.
        let is_whole = self::stamp(path) == stamp;
        if is_whole {
            self.taken = Some((stamp, source));
        }
        is_whole
    }

    /// Says in the log what has changed about it.
    fn tell(&mut self, file: &str, problem: Option<String>) {
        match &problem {
            Some(why) if problem != self.problem => {
                tracing::warn!(
                    file,
                    why,
                    "a workflow file is not sound, and not published; what is published goes on as it was"
                );
            }
            None if self.problem.is_some() => tracing::info!(file, "a workflow file is sound again"),
            _ => {}
        }
        self.problem = problem;
    }
}

fn stamp(path: &Path) -> Stamp {
    let stamp = |path| -> io::Result<_> {
        let metadata = fs::metadata(path)?;
        Ok((metadata.modified()?, metadata.len()))
    };
    stamp(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "A half-written file must not be published."
    #[test]
    fn a_file_counts_when_two_looks_have_found_it_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.toml");
        let mut watch = Watch::new(folder.path().to_owned(), std::iter::empty());
        let mut look = || {
            watch.look();
            let seen = watch.files.get(&path).and_then(|seen| seen.taken.clone());
            (std::mem::take(&mut watch.is_due), seen.map(|(_, source)| source.expect("a text")))
        };
        assert_eq!(look(), (false, None));
        fs::write(&path, "na").expect("written");
        assert_eq!(look(), (false, None), "it has just come");
        fs::write(&path, "name").expect("written");
        assert_eq!(look(), (false, None), "it was being written");
        assert_eq!(look(), (true, Some("name".to_owned())));
        assert_eq!(look(), (false, Some("name".to_owned())), "nothing new");
        fs::write(&path, "name = ").expect("written");
        assert_eq!(look(), (false, Some("name".to_owned())));
        assert_eq!(look(), (true, Some("name = ".to_owned())));
        fs::remove_file(&path).expect("removed");
        assert_eq!(look(), (true, None));
    }
}
