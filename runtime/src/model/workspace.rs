//! The whole server's slowly changing state as one immutable snapshot: workflows, people, keys.
//!
//! A request takes the current snapshot once and works with it to its end, so that nothing it
//! relies on changes in between.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    id::WorkflowId,
    secret::Secrets,
    user::{ApiKey, Directory},
    workflow::Workflow,
};

/// A workflow as it is published: which version, and what it says.
#[derive(Debug, Clone)]
pub struct Published {
    pub version: u32,
    pub workflow: Arc<Workflow>,
    /// Why some of its actions cannot be performed on this server.
    pub broken: Option<Arc<str>>,
}

/// A latest version that cannot be read on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenVersion {
    pub version: u32,
    pub why: String,
}

/// The file that has a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    pub file: String,
    /// Why what it says now is not published; an older version goes on.
    pub refused: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Workspace {
    /// Grows with each change of what it was read from.
    pub revision: u64,
    pub name: String,
    /// In which a day begins and ends.
    pub zone: TimeZone,
    /// In the order in which they are listed.
    pub workflows: Vec<Published>,
    /// Workflows whose latest version cannot be read on this server. An older version does not stand in for it.
    pub unreadable: HashMap<WorkflowId, BrokenVersion>,
    /// Those that are put away: nothing new is done in them.
    pub archived: HashSet<WorkflowId>,
    /// The files that have workflows, by the workflow: what a file has is changed there.
    pub files: Arc<HashMap<WorkflowId, FileNote>>,
    /// Every version that is published or that an execution still runs on.
    pub versions: HashMap<(WorkflowId, u32), Arc<Workflow>>,
    pub directory: Arc<Directory>,
    pub secrets: Secrets,
    /// By the hash of their secret.
    pub keys: HashMap<[u8; 32], Arc<ApiKey>>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            revision: 0,
            name: String::new(),
            zone: TimeZone::UTC,
            workflows: Vec::new(),
            unreadable: HashMap::new(),
            archived: HashSet::new(),
            files: Arc::default(),
            versions: HashMap::new(),
            directory: Arc::default(),
            secrets: Secrets::default(),
            keys: HashMap::new(),
        }
    }
}

impl Workspace {
    pub fn workflow(&self, id: &str) -> Option<&Published> {
        self.workflows.iter().find(|published| published.workflow.id.as_str() == id)
    }

    /// The day it is here at an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        date_in(&self.zone, at)
    }

    pub fn version(&self, id: &WorkflowId, version: u32) -> Option<&Arc<Workflow>> {
        self.versions.get(&(id.clone(), version))
    }
}

/// The day that it is in a time zone at an instant.
pub fn date_in(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(at).date()
}

/// The current snapshot, to be taken by many and replaced by newer ones.
#[derive(Debug, Default)]
pub struct SharedWorkspace(RwLock<Arc<Workspace>>);

impl SharedWorkspace {
    /// Of a workspace of which only this is known yet.
    pub fn new(name: String, zone: TimeZone) -> Self {
        Self(RwLock::new(Arc::new(Workspace { name, zone, ..Workspace::default() })))
    }

    pub fn current(&self) -> Arc<Workspace> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a version that nothing had asked for so far.
    pub fn add_version(&self, version: u32, workflow: &Arc<Workflow>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = Workspace::clone(&current);
        workspace.versions.insert((workflow.id.clone(), version), Arc::clone(workflow));
        *current = Arc::new(workspace);
    }

    /// Says which files there are from now on.
    pub fn set_files(&self, files: HashMap<WorkflowId, FileNote>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Workspace { files: Arc::new(files), ..Workspace::clone(&current) });
    }

    /// Versions that somebody works with stay, and so do the files, whatever the new snapshot has. One that is
    /// older than what is here, and whose reader was slower, is dropped.
    pub fn replace(&self, mut workspace: Workspace) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if workspace.revision < current.revision {
            return;
        }
        workspace.files = Arc::clone(&current.files);
        for (key, version) in &current.versions {
            workspace.versions.entry(key.clone()).or_insert_with(|| Arc::clone(version));
        }
        *current = Arc::new(workspace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "The workspace has a time zone (for dates)."
    #[test]
    fn the_day_is_that_of_the_workspaces_time_zone() {
        let at: Timestamp = "2020-01-31T23:30:00Z".parse().expect("an instant");
        for (zone, day) in [("UTC", 31), ("Europe/Berlin", 1), ("America/New_York", 31)] {
            let zone = TimeZone::get(zone).expect("a time zone");
            let workspace = Workspace { zone, ..Workspace::default() };
            assert_eq!(workspace.date(at).day(), day, "{:?}", workspace.zone);
        }
    }

    #[test]
    fn an_older_snapshot_does_not_replace_a_newer_one() {
        let shared = SharedWorkspace::default();
        for (revision, name) in [(2, "newer"), (1, "older")] {
            shared.replace(Workspace { revision, name: name.to_owned(), ..Workspace::default() });
        }
        assert_eq!(shared.current().name, "newer");
    }
}
