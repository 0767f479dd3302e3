//! What people save through the API: a text becomes a workflow that the store has, or its next version.
//!
//! A workflow that a file has is not touched: the file would say otherwise at the next start.

use std::sync::Arc;

use super::Steps;
use crate::{
    clock::Clock,
    definition::{self, Source},
    model::{Performer, SharedWorkspace, Workflow, WorkflowId, Workspace, stranding::Stranded},
    step::StepTypes,
    store::{NewVersion, Store, StoreError},
    toml_file::Diagnostics,
};

/// What reports call a text that no file has.
const TEXT: &str = "the definition";

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(
        "the workflow `{id}` is the one of {file}; change it there, or take the file out of the folder and restart \
         the server to change the workflow here"
    )]
    FileManaged { id: WorkflowId, file: String },
    #[error("there is a workflow `{0}` already; save a new version of it, or give this one another `id`")]
    Exists(WorkflowId),
    #[error("this version would strand what tasks hold: {}", in_line(.0))]
    Stranded(Vec<Stranded>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What would be stranded, in one line.
pub(super) fn in_line(stranded: &[Stranded]) -> String {
    stranded.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Reads a definition as the server would publish it after `latest`. `of`: the workflow of which it is to be a version.
pub fn check(
    source: &Source,
    of: Option<&WorkflowId>,
    types: &StepTypes,
    latest: &dyn Fn(&WorkflowId) -> Option<Arc<Workflow>>,
) -> Result<Workflow, Diagnostics> {
    definition::read_source(TEXT, source, of, &Steps(types), latest)
}

/// Whether a version that was published once would be published now.
pub fn check_again(version: &Workflow, types: &StepTypes) -> Result<Workflow, Diagnostics> {
    definition::read_back(TEXT, &definition::write(version), &Steps(types))
}

/// In whose name something is saved, and the old version that it brings back, if it does.
#[derive(Debug, Clone)]
pub struct Saving {
    pub by: Performer,
    pub restores: Option<u32>,
}

/// Adds a workflow that was not there.
pub async fn import(
    workflow: &Workflow,
    by: Performer,
    store: &dyn Store,
    clock: &Clock,
    shared: &SharedWorkspace,
) -> Result<u32, SaveError> {
    not_of_a_file(&workflow.id, &shared.current())?;
    let saving = Saving { by, restores: None };
    add(workflow, 0, saving, store, clock).await.map_err(|error| match error {
        SaveError::Store(StoreError::Outdated { .. }) => SaveError::Exists(workflow.id.clone()),
        error => error,
    })
}

/// Saves a workflow's next version, which was made from the version `after`. What says the same is no new version.
pub async fn save(
    workflow: &Workflow,
    after: u32,
    saving: Saving,
    store: &dyn Store,
    clock: &Clock,
    shared: &SharedWorkspace,
) -> Result<u32, SaveError> {
    not_of_a_file(&workflow.id, &shared.current())?;
    let latest =
        store.versions(workflow.id.clone(), None, 1).await?.first().map_or(0, |latest| latest.version);
    if latest != after {
        return Err(StoreError::Outdated { after, latest }.into());
    }
    // One that cannot be read cannot be compared with; this one may mend it.
    if let Some(before) = super::version(store, shared, &workflow.id, after).await? {
        if *before == *workflow {
            return Ok(after);
        }
        let workspace = shared.current();
        let stranded = super::stranded(&before, workflow, store, &workspace.directory).await?;
        if !stranded.is_empty() {
            return Err(SaveError::Stranded(stranded));
        }
    }
    add(workflow, after, saving, store, clock).await
}

/// Refuses what a file has.
pub fn not_of_a_file(id: &WorkflowId, workspace: &Workspace) -> Result<(), SaveError> {
    match workspace.files.get(id) {
        Some(note) => Err(SaveError::FileManaged { id: id.clone(), file: note.file.clone() }),
        None => Ok(()),
    }
}

async fn add(
    workflow: &Workflow,
    after: u32,
    Saving { by, restores }: Saving,
    store: &dyn Store,
    clock: &Clock,
) -> Result<u32, SaveError> {
    let (id, source) = (workflow.id.clone(), definition::write(workflow));
    let new = NewVersion { workflow: id, after, source, at: clock.now(), by: Some(by), restores };
    let version = store.publish(new).await?;
    tracing::info!(workflow = %workflow.id, version, "workflow saved");
    Ok(version)
}
