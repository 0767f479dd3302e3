//! From workflow files into the store, and from the store into the workspace's snapshot.
//!
//! A file whose workflow says something else than the latest version becomes the next version. The
//! store keeps its canonical text; everyone else gets it read.

mod folder;
pub mod plan;
mod save;
pub mod watch;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{
    folder::left_out,
    save::{SaveError, Saving, check, check_again, import, not_of_a_file, save},
};
use self::{folder::toml_files, plan::Change};
use crate::{
    clock::Clock,
    definition::{self, StepCheck},
    engine::Shared,
    model::{
        Directory, SharedWorkspace, StepDefinition, TaskList, Workflow, WorkflowId, Workspace,
        secret::{self, SecretUse},
        stranding::{Stranded, Stranding},
        workflow::ParamProblem,
        workspace::{BrokenVersion, FileNote, Published},
    },
    step::StepTypes,
    store::{Store, StoreError, VersionRow, WorkspaceRows},
    toml_file::{Diagnostics, Unreadable, read_text},
    vault::Vault,
};

/// Tasks that are looked at at a time for what a new version would strand.
const TASKS_AT_ONCE: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("error[{}]: {problem}\n --> {}", problem.code, path.display())]
    File { path: PathBuf, problem: Unreadable },
    #[error("{0}")]
    Definition(Diagnostics),
    #[error("error[duplicate_id]: {} and {} both define the workflow `{id}`; give one of them another `id`", first.display(), second.display())]
    Twice { id: String, first: PathBuf, second: PathBuf },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublishError {
    /// The file, unless one of some others has its workflow.
    fn unless_twice(file: WorkflowFile, others: &[WorkflowFile]) -> Result<WorkflowFile, Self> {
        match others.iter().find(|other| other.workflow.id == file.workflow.id) {
            Some(other) => Err(Self::Twice {
                id: file.workflow.id.to_string(),
                first: other.path.clone(),
                second: file.path,
            }),
            None => Ok(file),
        }
    }
}

/// A workflow file that was read and is sound.
#[derive(Debug)]
pub struct WorkflowFile {
    pub path: PathBuf,
    pub workflow: Workflow,
    /// Whether it says the workflow's id, which else follows from its name.
    pub has_id: bool,
}

/// Lets a definition ask the step types whether a step's parameters are sound.
pub(crate) struct Steps<'a>(pub(crate) &'a StepTypes);

impl StepCheck for Steps<'_> {
    fn check(&self, step: &StepDefinition, _action: usize, workflow: &Workflow) -> Vec<ParamProblem> {
        self.0.configure(step, workflow).err().unwrap_or_default()
    }

    fn url_problem(&self, url: &str) -> Option<String> {
        self.0.url_problem(url)
    }
}

/// For the start of a server: a step type that is not there keeps nobody from working with the rest.
struct KnownSteps<'a>(&'a StepTypes);

impl StepCheck for KnownSteps<'_> {
    fn check(&self, step: &StepDefinition, action: usize, workflow: &Workflow) -> Vec<ParamProblem> {
        match self.0.get(&step.type_id) {
            Some(_) => Steps(self.0).check(step, action, workflow),
            None => Vec::new(),
        }
    }

    fn url_problem(&self, url: &str) -> Option<String> {
        self.0.url_problem(url)
    }
}

/// A version that was published was sound then. What its steps need may be gone since: then its actions
/// say so, and what was begun with it waits.
struct WasSound;

impl StepCheck for WasSound {
    fn check(&self, _: &StepDefinition, _action: usize, _: &Workflow) -> Vec<ParamProblem> {
        Vec::new()
    }

    fn is_published(&self) -> bool {
        true
    }
}

/// Reads one definition, which is to follow what is published; the error is its whole report.
fn read(
    name: &str,
    source: &str,
    steps: &dyn StepCheck,
    published: &[Published],
) -> Result<Workflow, PublishError> {
    let latest = |id: &WorkflowId| {
        published.iter().find(|it| it.workflow.id == *id).map(|it| Arc::clone(&it.workflow))
    };
    definition::read(name, source, steps, &latest).map_err(PublishError::Definition)
}

/// Why some of a workflow's actions cannot be performed on this server; `None` when all can.
fn broken(workflow: &Workflow, types: &StepTypes) -> Option<Arc<str>> {
    let steps = workflow.actions.iter().flat_map(|action| &action.steps);
    let problems = steps.filter_map(|step| types.configure(step, workflow).err()).flatten();
    let mut problems: Vec<_> = problems.map(|problem| problem.sentence()).collect();
    problems.dedup();
    (!problems.is_empty()).then(|| problems.join("; ").into())
}

/// What a folder's files are.
#[derive(Debug, Default)]
pub struct FolderRead {
    pub sound: Vec<WorkflowFile>,
    /// One for each file that is not, or for the folder itself.
    pub errors: Vec<PublishError>,
}

impl FolderRead {
    /// All of them, or every error.
    fn whole(self) -> Result<Vec<WorkflowFile>, Vec<PublishError>> {
        if self.errors.is_empty() { Ok(self.sound) } else { Err(self.errors) }
    }
}

/// Reads every `*.toml` in a folder, by name. A step type that is not there is a mistake of the file's author, unless
/// that is published already.
pub fn read_folder(folder: &Path, types: &StepTypes, published: &WorkspaceRows) -> FolderRead {
    let (latest, _) = latest(&read_all(published));
    read_files(folder, |path, source| read_after(path, source, &Steps(types), &latest))
}

/// The same for the start of a server, which a step type that is not there does not hold up: then actions say so, and
/// what was begun with them waits.
pub fn read_folder_at_start(
    folder: &Path,
    types: &StepTypes,
    published: &WorkspaceRows,
) -> Result<Vec<WorkflowFile>, Vec<PublishError>> {
    let (latest, _) = latest(&read_all(published));
    read_files(folder, |path, source| read_after(path, source, &KnownSteps(types), &latest)).whole()
}

/// Reads a file that may say just what is published: then nothing is held against its steps.
fn read_after(
    path: &str,
    source: &str,
    steps: &dyn StepCheck,
    latest: &[Published],
) -> Result<Workflow, PublishError> {
    match read(path, source, &WasSound, latest) {
        Ok(as_it_was) if latest.iter().any(|published| *published.workflow == as_it_was) => Ok(as_it_was),
        // Again, so that the report has the steps' problems, too.
        _ => read(path, source, steps, latest),
    }
}

/// Reads every file without asking the step types: what is wrong with them whatever is published.
pub fn check_folder(folder: &Path) -> Result<(), Vec<PublishError>> {
    read_files(folder, |path, source| read(path, source, &WasSound, &[])).whole().map(|_| ())
}

fn read_files(folder: &Path, read: impl Fn(&str, &str) -> Result<Workflow, PublishError>) -> FolderRead {
    let mut found = FolderRead::default();
    match toml_files(folder) {
        Ok(paths) => {
            for path in paths {
                let file = read_file(path, &read);
                match file.and_then(|file| PublishError::unless_twice(file, &found.sound)) {
                    Ok(file) => found.sound.push(file),
                    Err(error) => found.errors.push(error),
                }
            }
        }
        Err(error) => found.errors.push(error),
    }
    found
}

fn read_file(
    path: PathBuf,
    read: impl Fn(&str, &str) -> Result<Workflow, PublishError>,
) -> Result<WorkflowFile, PublishError> {
    let source = read_text(&path).map_err(|problem| PublishError::File { path: path.clone(), problem })?;
    let workflow = read(&path.display().to_string(), &source)?;
    Ok(WorkflowFile { path, workflow, has_id: definition::has_id(&source) })
}

/// The workflows there are, for a command beside the server.
#[derive(Debug)]
pub struct Known {
    /// As the files say them, which the next start publishes; else as they are published.
    pub workflows: Vec<Arc<Workflow>>,
    /// Whether every file could be read. If not, none of them counts.
    pub files_are_sound: bool,
}

pub async fn known(folder: &Path, store: &dyn Store, types: &StepTypes) -> Result<Known, StoreError> {
    let rows = store.workspace().await?;
    let files = read_folder(folder, types, &rows).whole();
    let files_are_sound = files.is_ok();
    let mut workflows: Vec<_> =
        files.unwrap_or_default().into_iter().map(|file| Arc::new(file.workflow)).collect();
    let (latest, _) = latest(&read_all(&rows));
    for published in latest {
        if workflows.iter().all(|workflow| workflow.id != published.workflow.id) {
            workflows.push(published.workflow);
        }
    }
    Ok(Known { workflows, files_are_sound })
}

/// Where secrets are used, by their names: by what is published, and by what an open execution still runs on.
pub async fn secret_uses(store: &dyn Store) -> Result<BTreeMap<String, Vec<SecretUse>>, StoreError> {
    let read = read_all(&store.workspace().await?);
    Ok(uses_of(read.iter().filter_map(|(_, _, read)| read.as_deref().ok())))
}

/// Where workflows use secrets, each place once.
pub fn uses_of<'w>(workflows: impl Iterator<Item = &'w Workflow>) -> BTreeMap<String, Vec<SecretUse>> {
    let mut uses = BTreeMap::<_, Vec<_>>::new();
    for used in workflows.flat_map(secret::uses) {
        let places = uses.entry(used.secret.clone()).or_default();
        if !places.contains(&used) {
            places.push(used);
        }
    }
    uses
}

/// What became of the files.
#[derive(Debug, Default)]
pub struct Files {
    /// The workflows of which one has said something new.
    pub anew: Vec<WorkflowId>,
    pub notes: HashMap<WorkflowId, FileNote>,
}

/// Publishes what is new in the files. One that would strand what tasks hold is not published: its workflow goes
/// on as it was, and so does everything else. The numbers depend on the tasks, which nobody who wrote the file
/// could see, so it is no reason to keep a whole server down, as a file that is broken by itself is.
///
/// `told`: what was noted of the files so far, so that the log says each thing once. `unread`: as for [`plan::plan`].
pub async fn publish(
    files: Vec<WorkflowFile>,
    store: &dyn Store,
    clock: &Clock,
    told: &HashMap<WorkflowId, FileNote>,
    unread: &HashSet<WorkflowId>,
) -> Result<Files, PublishError> {
    let mut found = Files::default();
    let rows = store.workspace().await?;
    for planned in plan::plan(files, &rows, Some(store), unread).await {
        let id = planned.stands_for().clone();
        let file = planned.path.display().to_string();
        let note = FileNote { file, refused: planned.refused.as_ref().map(ToString::to_string) };
        match (&note.refused, planned.change()) {
            (Some(why), _) if told.get(&id) != Some(&note) => {
                tracing::warn!(workflow = %id, file = note.file, why, "a workflow file is not published; the workflow goes on as it was");
            }
            (Some(_), _) | (None, Change::Unchanged) => {}
            (None, _) => {
                let version = plan::carry_out(&planned, None, store, clock).await?;
                tracing::info!(workflow = %id, version, file = note.file, "workflow published");
                found.anew.push(id.clone());
            }
        }
        found.notes.insert(id, note);
    }
    Ok(found)
}

/// Tells what may not be meant in workflows that were just published.
pub fn tell_findings(shared: &Shared, anew: &[WorkflowId]) {
    let workspace = shared.workspace.current();
    for published in anew.iter().filter_map(|id| workspace.workflow(id.as_str())) {
        for finding in shared.findings(&published.workflow) {
            tracing::warn!(workflow = %published.workflow.id, "{finding}");
        }
    }
}

/// What a workflow's next version would strand of its tasks. They are looked at only where one could be, and before
/// the version is added: what comes between is a task in a stage that is shown by its id.
pub async fn stranded(
    before: &Workflow,
    after: &Workflow,
    store: &dyn Store,
    directory: &Directory,
) -> Result<Vec<Stranded>, StoreError> {
    let Some(mut stranding) = Stranding::between(before, after) else { return Ok(Vec::new()) };
    let (all, mut after) = (Arc::new(TaskList::all(before.id.clone())), None);
    loop {
        let page = store.tasks(Arc::clone(&all), after, TASKS_AT_ONCE).await?;
        page.tasks.iter().for_each(|(task, _)| stranding.count(task, directory));
        after = page.next;
        if after.is_none() {
            return Ok(stranding.found());
        }
    }
}

/// Reads the store's workspace into the snapshot that everyone takes. Answers its revision.
pub async fn refresh(
    store: &dyn Store,
    types: &StepTypes,
    vault: &Vault,
    shared: &SharedWorkspace,
) -> Result<u64, StoreError> {
    let rows = store.workspace().await?;
    let configured = shared.current();
    // A stored version is for ever: what was read once is not read again for a change of somebody's role.
    let read = rows.versions.iter().map(|row| {
        let known = configured.version(&row.workflow, row.version).cloned();
        (row.workflow.clone(), row.version, known.map_or_else(|| read_row(row), Ok))
    });
    let read: Vec<_> = read.collect();
    let (mut workflows, unreadable) = latest(&read);
    for published in &mut workflows {
        published.broken = broken(&published.workflow, types);
    }
    let versions = read.into_iter().filter_map(|(_, version, read)| {
        let workflow = read.ok()?;
        Some(((workflow.id.clone(), version), workflow))
    });
    shared.replace(Workspace {
        revision: rows.revision,
        // What the configuration says of it stays.
        name: configured.name.clone(),
        zone: configured.zone.clone(),
        workflows,
        unreadable,
        archived: rows.archived.into_iter().collect(),
        files: Arc::clone(&configured.files),
        versions: versions.collect(),
        secrets: vault.open(&rows.secrets),
        directory: Arc::new(Directory::new(rows.users).with_memberships(rows.memberships)),
        keys: rows.keys.into_iter().map(|key| (key.hash, Arc::new(key))).collect(),
    });
    Ok(rows.revision)
}

/// A version of a workflow: from the snapshot, or read from the store into it; `None` when it cannot
/// be read on this server.
pub async fn version(
    store: &dyn Store,
    shared: &SharedWorkspace,
    workflow: &WorkflowId,
    version: u32,
) -> Result<Option<Arc<Workflow>>, StoreError> {
    if let Some(found) = shared.current().version(workflow, version) {
        return Ok(Some(Arc::clone(found)));
    }
    let Some(Ok(workflow)) = stored(store, workflow, version).await? else { return Ok(None) };
    shared.add_version(version, &workflow);
    Ok(Some(workflow))
}

/// A version of a workflow as the store has it; `None` where there is none, the error why it cannot be read on
/// this server.
pub async fn stored(
    store: &dyn Store,
    workflow: &WorkflowId,
    version: u32,
) -> Result<Option<Result<Arc<Workflow>, String>>, StoreError> {
    Ok(store.version(workflow.clone(), version).await?.map(|row| read_row(&row)))
}

/// A stored version, read; or why it cannot be read on this server.
type ReadVersion = (WorkflowId, u32, Result<Arc<Workflow>, String>);

/// The latest version of each workflow, by name; and those whose latest cannot be read.
fn latest(read: &[ReadVersion]) -> (Vec<Published>, HashMap<WorkflowId, BrokenVersion>) {
    let (mut latest, mut unreadable) = (HashMap::new(), HashMap::new());
    // They come with their versions ascending.
    for (id, version, read) in read {
        match read {
            Ok(workflow) => {
                unreadable.remove(id);
                let workflow = Arc::clone(workflow);
                latest.insert(id.clone(), Published { version: *version, workflow, broken: None });
            }
            Err(why) => {
                latest.remove(id);
                let why = format!("version {version} cannot be read on this server: {why}");
                unreadable.insert(id.clone(), BrokenVersion { version: *version, why });
            }
        }
    }
    let mut latest: Vec<_> = latest.into_values().collect();
    latest.sort_by(|a, b| a.workflow.name.cmp(&b.workflow.name));
    (latest, unreadable)
}

/// The number of a workflow's latest version, readable or not; 0 where there is none.
fn latest_version(rows: &WorkspaceRows, workflow: &WorkflowId) -> u32 {
    let versions = rows.versions.iter().filter(|row| row.workflow == *workflow);
    versions.map(|row| row.version).max().unwrap_or(0)
}

fn read_all(rows: &WorkspaceRows) -> Vec<ReadVersion> {
    rows.versions.iter().map(|row| (row.workflow.clone(), row.version, read_row(row))).collect()
}

fn read_row(row: &VersionRow) -> Result<Arc<Workflow>, String> {
    let name = format!("{} (version {})", row.workflow, row.version);
    definition::read_back(&name, &row.source, &WasSound).map(Arc::new).map_err(|error| {
        tracing::error!(workflow = %row.workflow, version = row.version, %error, "a stored workflow cannot be read");
        error.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::sample::Rejects;

    const SAMPLE: &str = include_str!("../../examples/api-sample/workflows/api-sample.toml");

    const NEWER: &str = "name = \"API Sample\"\n[[stages]]\nname = \"Open\"\n";

    /// "The server starts … Likewise when a new plugin version's schema rejects a pinned config."
    #[test]
    fn what_is_published_stays_so_though_a_step_type_rejects_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("sample.toml"), SAMPLE).expect("written");
        let types = StepTypes::new(vec![Box::new(Rejects("api_call")), Box::new(Rejects("move_to_stage"))]);
        let at_start = |published: &[&str]| {
            let row = |(version, source): (u32, &&str)| VersionRow {
                workflow: WorkflowId::new("api-sample"),
                version,
                source: (*source).to_owned(),
            };
            let versions = (1..).zip(published).map(row).collect();
            read_folder_at_start(
                folder.path(),
                &types,
                &WorkspaceRows { versions, ..WorkspaceRows::default() },
            )
        };
        // A comment is not what a workflow says.
        let files = at_start(&[&format!("# Edited.\n{SAMPLE}")]).expect("published as it is");
        assert_eq!(broken(&files[0].workflow, &types).as_deref(), Some("`colour` is missing"));
        // What is to be published anew must be sound.
        for published in [&[][..], &["another"], &[SAMPLE, NEWER]] {
            let errors = at_start(published).expect_err("refused");
            assert!(errors[0].to_string().contains("`colour` is missing"), "{}", errors[0]);
        }
    }
}
