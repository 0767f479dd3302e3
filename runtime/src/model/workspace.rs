//! The whole server's slowly changing state as one immutable snapshot: workflows, people, keys.
//!
//! A request takes the current snapshot once and works with it to its end, so that nothing it
//! relies on changes in between.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    id::WorkflowId,
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

#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// Grows with each change of what it was read from.
    pub revision: u64,
    pub name: String,
    /// In the order in which they are listed.
    pub workflows: Vec<Published>,
    /// Workflows whose latest version cannot be read on this server, and why. An older version does not
    /// stand in for it.
    pub unreadable: HashMap<WorkflowId, String>,
    /// Every version that is published or that an execution still runs on.
    pub versions: HashMap<(WorkflowId, u32), Arc<Workflow>>,
    pub directory: Arc<Directory>,
    /// By the hash of their secret.
    pub keys: HashMap<[u8; 32], Arc<ApiKey>>,
}

impl Workspace {
    pub fn workflow(&self, id: &str) -> Option<&Published> {
        self.workflows.iter().find(|published| published.workflow.id.as_str() == id)
    }

    pub fn version(&self, id: &WorkflowId, version: u32) -> Option<&Arc<Workflow>> {
        self.versions.get(&(id.clone(), version))
    }
}

/// The current snapshot, to be taken by many and replaced by newer ones.
#[derive(Debug, Default)]
pub struct SharedWorkspace(RwLock<Arc<Workspace>>);

impl SharedWorkspace {
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

    /// Versions that somebody works with stay, whatever the new snapshot has. One that is older than what is
    /// here, and whose reader was slower, is dropped.
    pub fn replace(&self, mut workspace: Workspace) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if workspace.revision < current.revision {
            return;
        }
        for (key, version) in &current.versions {
            workspace.versions.entry(key.clone()).or_insert_with(|| Arc::clone(version));
        }
        *current = Arc::new(workspace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_snapshot_does_not_replace_a_newer_one() {
        let shared = SharedWorkspace::default();
        for (revision, name) in [(2, "newer"), (1, "older")] {
            shared.replace(Workspace { revision, name: name.to_owned(), ..Workspace::default() });
        }
        assert_eq!(shared.current().name, "newer");
    }
}
