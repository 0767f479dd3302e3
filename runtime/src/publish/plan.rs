//! What publishing some files would do, and doing it: at a server's start, while it runs, and by `onward plan` and
//! `onward apply`.

use std::{collections::HashSet, fmt, path::PathBuf, sync::Arc};

use super::{PublishError, WorkflowFile, latest, latest_version, read_all, save, stranded};
use crate::{
    clock::Clock,
    definition,
    model::{Directory, Performer, Workflow, WorkflowId, stranding::Stranded},
    store::{NewVersion, Store, StoreError, WorkspaceRows},
};

/// What one file would do.
#[derive(Debug)]
pub struct Planned {
    pub path: PathBuf,
    pub workflow: Workflow,
    /// The number of the latest version; 0 where there is none.
    pub version: u32,
    /// What that version says; `None` where there is none, or where it cannot be read on this server.
    pub before: Option<Arc<Workflow>>,
    pub refused: Option<Refused>,
}

/// Why a file cannot take the place of the published version.
#[derive(Debug)]
pub enum Refused {
    Stranded(Vec<Stranded>),
    /// A workflow that is there has no file any more, and this one is much like it: its name has been changed, and its id
    /// with it, or it is another.
    Renamed {
        from: WorkflowId,
        to: WorkflowId,
    },
    /// A damaged task is no reason to keep a server down, nor to publish unseen.
    Unseen(StoreError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranded(stranded) => f.write_str(&save::in_line(stranded)),
            Self::Renamed { from, to } => write!(
                f,
                "no file has the workflow `{from}` any more, and this one is much like it: write `id = \"{from}\"` if it is \
                 the same under a new name, or `id = \"{to}\"` if it is another"
            ),
            Self::Unseen(error) => write!(f, "what it would do to the tasks cannot be seen: {error}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A workflow that was not there.
    New,
    /// The next version of one.
    Changed,
    /// The next version of one whose latest cannot be read.
    Mended,
    Unchanged,
}

impl Planned {
    /// The workflow that its file is about, as far as that can be told.
    pub fn stands_for(&self) -> &WorkflowId {
        match &self.refused {
            Some(Refused::Renamed { from, .. }) => from,
            _ => &self.workflow.id,
        }
    }

    pub fn change(&self) -> Change {
        match &self.before {
            Some(before) if **before == self.workflow => Change::Unchanged,
            Some(_) => Change::Changed,
            None if self.version > 0 => Change::Mended,
            None => Change::New,
        }
    }
}

/// Compares files with what is published. `store`: `None` where none has been made yet, so that nothing is published. `unread`:
/// workflows that have a file which cannot be used now.
pub async fn plan(
    files: Vec<WorkflowFile>,
    rows: &WorkspaceRows,
    store: Option<&dyn Store>,
    unread: &HashSet<WorkflowId>,
) -> Vec<Planned> {
    let (latest, _) = latest(&read_all(rows));
    let directory = Directory::new(rows.users.clone());
    let mut plan = Vec::with_capacity(files.len());
    let has_file: HashSet<_> = files.iter().map(|file| file.workflow.id.clone()).collect();
    let is_left = |id: &WorkflowId| !has_file.contains(id) && !unread.contains(id);
    let without_file: Vec<_> = latest.iter().filter(|it| is_left(&it.workflow.id)).collect();
    for WorkflowFile { path, workflow, has_id } in files {
        let version = latest_version(rows, &workflow.id);
        let published = latest.iter().find(|published| published.workflow.id == workflow.id);
        let before = published.map(|published| Arc::clone(&published.workflow));
        let mut planned = Planned { path, workflow, version, before, refused: None };
        let is_unnamed = planned.change() == Change::New && !has_id;
        let alike = without_file.iter().find(|it| is_unnamed && are_alike(&it.workflow, &planned.workflow));
        if let (Some(alike), Some(store)) = (alike, store) {
            let (from, to) = (alike.workflow.id.clone(), planned.workflow.id.clone());
            planned.refused = match came_from_a_file(store, &from).await {
                Ok(true) => Some(Refused::Renamed { from, to }),
                Ok(false) => None,
                Err(error) => Some(Refused::Unseen(error)),
            };
        }
        if let (Change::Changed, Some(before), Some(store)) = (planned.change(), &planned.before, store) {
            planned.refused = match stranded(before, &planned.workflow, store, &directory).await {
                Ok(stranded) if stranded.is_empty() => None,
                Ok(stranded) => Some(Refused::Stranded(stranded)),
                Err(error) => Some(Refused::Unseen(error)),
            };
        }
        plan.push(planned);
    }
    plan
}

/// Whether a file was the last to say what a workflow is, and nobody through the API.
async fn came_from_a_file(store: &dyn Store, workflow: &WorkflowId) -> Result<bool, StoreError> {
    let latest = store.versions(workflow.clone(), None, 1).await?;
    let by = latest.first().and_then(|latest| latest.by.as_ref());
    Ok(by.is_none_or(|by| *by == Performer::command_line()))
}

/// Whether two workflows have at least half of their fields and stages in common.
fn are_alike(one: &Workflow, other: &Workflow) -> bool {
    let parts = |of: &Workflow| -> HashSet<String> {
        let fields = of.fields.iter().map(|field| format!("field {}", field.id));
        fields.chain(of.stages.iter().map(|stage| format!("stage {}", stage.id))).collect()
    };
    let (one, other) = (parts(one), parts(other));
    2 * one.intersection(&other).count() >= one.union(&other).count()
}

/// Publishes what a plan has for one workflow, which nothing refuses; answers the version's number. If somebody else has
/// published the same meanwhile (a server that looks at the same files), that is what was to be done.
pub async fn carry_out(
    planned: &Planned,
    by: Option<Performer>,
    store: &dyn Store,
    clock: &Clock,
) -> Result<u32, PublishError> {
    let workflow = &planned.workflow;
    let new = NewVersion {
        workflow: workflow.id.clone(),
        after: planned.version,
        source: definition::write(workflow),
        at: clock.now(),
        by,
        restores: None,
    };
    match store.publish(new).await {
        Ok(version) => Ok(version),
        Err(StoreError::Outdated { latest, .. }) if is(store, workflow, latest).await? => Ok(latest),
        Err(error) => Err(error.into()),
    }
}

/// Whether a version says what a workflow does.
async fn is(store: &dyn Store, workflow: &Workflow, version: u32) -> Result<bool, StoreError> {
    let stored = super::stored(store, &workflow.id, version).await?;
    Ok(stored.is_some_and(|stored| stored.is_ok_and(|stored| *stored == *workflow)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::sample,
        store::sqlite::{SqliteSettings, SqliteStore},
    };

    /// A server that looks at the same files may be faster than `onward apply`.
    #[test]
    fn what_somebody_else_has_published_meanwhile_is_what_was_to_be_done() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = SqliteSettings { queue_max: 100, task_cache_max: 100, file_bytes_max: 100 };
        let store = SqliteStore::open(folder.path(), &settings).expect("a store");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let clock = Clock::default();
            let planned = async |name: &str| {
                let workflow = Workflow { name: name.to_owned(), ..sample::workflow() };
                let file = WorkflowFile { path: PathBuf::from("a.toml"), workflow, has_id: true };
                plan(vec![file], &WorkspaceRows::default(), Some(&store), &HashSet::new()).await.remove(0)
            };
            let (first, other) = (planned("First").await, planned("Other").await);
            assert_eq!(first.change(), Change::New);
            assert_eq!(carry_out(&first, None, &store, &clock).await.expect("published"), 1);
            assert_eq!(carry_out(&first, None, &store, &clock).await.expect("there already"), 1);
            let late = carry_out(&other, None, &store, &clock).await;
            assert!(
                matches!(late, Err(PublishError::Store(StoreError::Outdated { after: 0, latest: 1 }))),
                "{late:?}"
            );
        });
    }
}
