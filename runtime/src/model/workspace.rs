//! The whole server's slowly changing state as one immutable snapshot: workflows, people, keys.
//!
//! A request takes the current snapshot once and works with it to its end, so that nothing it
//! relies on changes in between.

use std::{collections::HashMap, sync::Arc};

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
}

#[derive(Debug, Default)]
pub struct Workspace {
    pub name: String,
    /// In the order in which they are listed.
    pub workflows: Vec<Published>,
    pub directory: Arc<Directory>,
    /// By the hash of their secret.
    pub keys: HashMap<[u8; 32], Arc<ApiKey>>,
}

impl Workspace {
    pub fn workflow(&self, id: &str) -> Option<&Published> {
        self.workflows.iter().find(|published| published.workflow.id.as_str() == id)
    }

    pub fn published(&self, id: &WorkflowId) -> Option<&Published> {
        self.workflow(id.as_str())
    }
}
