//! What is on disk: the contract that every store keeps.
//!
//! A store knows tables, transactions and recovery of files. It does not know what an action is:
//! inside a transaction it hands the task to a decision of `model` and writes what that returns,
//! whole or not at all. The engine, the API and the command line call it; it calls nobody.
//!
//! Whoever gets an answer from a write may rely on it being on disk.

pub mod admin;
pub mod sqlite;

#[cfg(test)]
mod contract;

use std::{collections::HashMap, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use self::admin::{AdminChange, AuditEntry, By, Invitation, Session};
use crate::model::{
    ApiKey, Attempt, Blob, BlobId, Comment, Execution, ExecutionId, ExecutionList, HistoryEntry, KeptItem,
    Membership, Performer, Place, Refusal, Task, TaskId, TaskList, Timestamp, Untold, User, UserId,
    WorkflowId,
    asked::TaskCounts,
    id::KeyId,
    list::Position,
    perform::{Admitted, Decide},
};

/// What a store call returns: ready when the answer is known (and, for a write, on disk).
pub type Reply<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Tasks, or executions, that are looked at for one page of a list at most, where no index leads to those asked for.
/// So a reading is short, and others get their turn.
pub const LOOKED_AT_MAX: usize = 20_000;

/// Entries that one page of [`Store::history`] has at most.
pub const HISTORY_PAGE_MAX: usize = 500;

/// Comments that one page of [`Store::comments`] has at most; each may be long.
pub const COMMENTS_PAGE_MAX: usize = 100;

/// Versions that one page of [`Store::versions`] has at most.
pub const VERSIONS_PAGE_MAX: usize = 500;

/// Which task a transaction is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskKey {
    Id(TaskId),
    /// By the value of the workflow's Unique ID field.
    Unique {
        workflow: WorkflowId,
        value: Arc<str>,
    },
    /// One that is not there yet and has no Unique ID to be found by.
    New {
        workflow: WorkflowId,
    },
}

/// What a transaction left on disk.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The task as it is now, whether or not the transaction changed it; the last state of one that
    /// the execution has deleted.
    pub task: Option<Arc<Task>>,
    /// The execution as it is now, whether or not the transaction changed it.
    pub execution: Option<Execution>,
    /// Whether the task is new.
    pub created: bool,
    /// The comment that it has written.
    pub comment: Option<Comment>,
    /// The checklist item that it has put.
    pub item: Option<KeptItem>,
}

/// What the clock calls for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Waiting executions whose instant has come, in its order.
    pub executions: Vec<Execution>,
    /// Tasks, each with its workflow, whose scheduled stage change is due.
    pub schedules: Vec<(TaskId, WorkflowId)>,
    /// The next instant at which something else becomes due.
    pub next: Option<Timestamp>,
}

/// An execution with its attempts, oldest first.
#[derive(Debug, Clone)]
pub struct ExecutionDetail {
    pub execution: Execution,
    pub attempts: Vec<Attempt>,
}

/// A page of a list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskPage {
    /// Each with its position.
    pub tasks: Vec<(Task, Position)>,
    /// After which the list goes on; `None` where it ends.
    pub next: Option<Position>,
}

/// A page of a list of executions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionPage {
    pub executions: Vec<Execution>,
    /// Before which the list goes on, or after which where the oldest is first; `None` where it ends.
    pub next: Option<ExecutionId>,
}

/// Failures of which somebody is still to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UntoldPage {
    /// The oldest.
    pub listed: Vec<Untold>,
    /// All of them.
    pub count: u64,
    /// The number of the last of all; 0 where there is none.
    pub up_to: u64,
}

/// What a commit has brought to the disk.
pub struct Commit<'a> {
    /// Writes that it had.
    pub requests: usize,
    pub took: Duration,
    /// Tasks that are others than before, or have other comments or another checklist; `None` for those that were deleted.
    pub tasks: &'a HashMap<TaskId, Option<Arc<Task>>>,
    /// The workflows of those that were deleted.
    pub deleted: &'a HashMap<TaskId, WorkflowId>,
    pub executions: &'a HashMap<ExecutionId, Execution>,
}

/// Hears of each commit, right after it, on the writer's own thread: it must be quick.
pub trait Observer: Send + Sync {
    fn committed(&self, commit: &Commit<'_>);
}

/// A workflow version as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    pub workflow: WorkflowId,
    pub version: u32,
    pub source: String,
}

/// A version of a workflow that is to be its next one.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub workflow: WorkflowId,
    /// The latest version, as whoever made this one knew it; 0 where there is none yet.
    pub after: u32,
    pub source: String,
    pub at: Timestamp,
    /// `None` for a file.
    pub by: Option<Performer>,
    /// The version that says what this one does.
    pub restores: Option<u32>,
}

/// When a version came about, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNote {
    pub version: u32,
    pub at: Timestamp,
    /// `None` for one that came from a file.
    pub by: Option<Performer>,
}

/// A secret, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    pub name: String,
    /// Which key it is encrypted with.
    pub key: String,
    pub nonce: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// Everything of the workspace that changes slowly, read in one transaction.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceRows {
    pub revision: u64,
    /// The latest version of each workflow, and every version that an open execution began with.
    pub versions: Vec<VersionRow>,
    pub users: Vec<User>,
    pub memberships: Vec<Membership>,
    pub keys: Vec<ApiKey>,
    pub secrets: Vec<SecretRow>,
    /// Workflows that are put away, also such as there is no version of.
    pub archived: Vec<WorkflowId>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The decision refused; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many writes wait already.
    #[error("{waiting_max} writes are waiting for the disk already; try again in a moment")]
    Busy { waiting_max: usize },
    /// Nobody would administer the workspace any more.
    #[error("they are the last administrator; make somebody else one first")]
    LastAdministrator,
    /// The name or address is taken.
    #[error("{what} is already there")]
    Exists { what: String },
    /// Somebody else was faster.
    #[error("this was made from version {after}, and the latest is {latest} by now")]
    Outdated { after: u32, latest: u32 },
    #[error("the data folder {folder}: {problem}")]
    Folder { folder: PathBuf, problem: String },
    #[error("{} was written by a newer version of Onward (its schema is {found}, this version knows {known}); start that version, or restore a backup made before the upgrade", file.display())]
    Newer { file: PathBuf, found: u32, known: u32 },
    #[error("the disk is full ({0}); it goes on by itself once there is space where the data folder is")]
    Full(String),
    #[error("the disk is read-only ({0}); it goes on by itself once the data folder can be written")]
    ReadOnly(String),
    #[error("the disk failed ({0}); it is tried again, and the system's log may say why")]
    Disk(String),
    #[error(
        "another process keeps the database from being written ({0}); it goes on by itself once that one ends"
    )]
    Locked(String),
    /// Pages of the file make no sense. What does not need them is still served.
    #[error("the database file {file} in the data folder is damaged ({0}); stop the server and bring back a backup with `onward restore FILE`", file = sqlite::FILE_NAME)]
    Damaged(String),
    /// The database said no for another reason.
    #[error("the database could not do it: {0}")]
    Database(String),
    /// A row holds what this version cannot read.
    #[error("the database file {file} holds what cannot be read ({0}); if it is damaged, bring back a backup with `onward restore FILE`", file = sqlite::FILE_NAME)]
    Corrupt(String),
    /// Our own bug: a decision panicked. Nothing was written.
    #[error("a decision panicked; nothing was written")]
    Panicked,
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the write may be on disk although it is reported as failed: whoever depends on it must
    /// look, or take it back.
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Disk(_) | Self::Database(_))
    }

    /// Whether the same write may succeed later, without anybody changing it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Full(_) | Self::ReadOnly(_) | Self::Disk(_) | Self::Locked(_) => true,
            Self::Refused(_)
            | Self::Exists { .. }
            | Self::LastAdministrator
            | Self::Outdated { .. }
            | Self::Folder { .. }
            | Self::Newer { .. }
            | Self::Damaged(_)
            | Self::Database(_)
            | Self::Corrupt(_)
            | Self::Panicked
            | Self::Closed => false,
        }
    }
}

/// The contract. One suite of tests holds every implementation to it.
pub trait Store: Send + Sync {
    /// Runs a decision on a task, and on an execution if one is named, and writes what it says, in
    /// one transaction.
    fn transact(&self, key: TaskKey, execution: Option<ExecutionId>, decide: Decide) -> Reply<Committed>;

    fn task(&self, key: TaskKey) -> Reply<Option<Arc<Task>>>;

    /// Those of some tasks that there are, in no order.
    fn tasks_by_id(&self, ids: Vec<TaskId>) -> Reply<Vec<Arc<Task>>>;

    /// A page of a list of tasks, after a position; at most `most`. Where the list is in the order of ids, a page
    /// may have fewer after [`LOOKED_AT_MAX`] that are not in the list.
    fn tasks(&self, list: Arc<TaskList>, after: Option<Position>, most: usize) -> Reply<TaskPage>;

    /// How many tasks there are; `list` says what they are asked, and neither its order nor what it leaves out counts.
    fn count_tasks(&self, list: Arc<TaskList>) -> Reply<TaskCounts>;

    /// A page of a list of executions, at most `most`; fewer after [`LOOKED_AT_MAX`] that are not in
    /// the list. One that cannot be read is left out.
    fn executions(&self, list: ExecutionList, most: usize) -> Reply<ExecutionPage>;

    fn execution(&self, id: ExecutionId) -> Reply<Option<Execution>>;

    fn execution_detail(&self, id: ExecutionId) -> Reply<Option<ExecutionDetail>>;

    /// Executions that are not final, in the order of their places, after one; at most `most`.
    fn open_executions(&self, after: Option<Place>, most: usize) -> Reply<Vec<Execution>>;

    /// What is due at an instant; at most `most` of each kind. Schedules only of tasks of the given
    /// workflows: those of one that cannot be read must not stand before the others for ever.
    fn due(&self, now: Timestamp, workflows: Vec<WorkflowId>, most: usize) -> Reply<Due>;

    /// A task's history, newest first, before the entry with a number; at most [`HISTORY_PAGE_MAX`].
    /// A deleted task has one, too.
    fn history(&self, task: TaskId, before: Option<u64>) -> Reply<Vec<HistoryEntry>>;

    /// A task's comments, oldest first, after the one with a number (from 1); at most [`COMMENTS_PAGE_MAX`].
    fn comments(&self, task: TaskId, after: u64) -> Reply<Vec<Comment>>;

    /// What is kept of a task's checklist items, in the order of their ids.
    fn checklist(&self, task: TaskId) -> Reply<Vec<KeptItem>>;

    /// The workflows in which a task that is there has, or had, a file.
    fn blob_workflows(&self, id: BlobId) -> Reply<Vec<WorkflowId>>;

    /// The bytes of a file that some task has, or had, also one that is deleted: the history names them for as long as it is
    /// kept.
    fn blob(&self, id: BlobId) -> Reply<Option<Blob>>;

    /// What was admitted with an idempotency key, by the key's scope.
    fn admitted(&self, scope: [u8; 32]) -> Reply<Option<Admitted>>;

    /// Forgets idempotency keys that were used before an instant, at most `most`; how many.
    fn forget_admitted(&self, before: Timestamp, most: usize) -> Reply<usize>;

    /// Forgets what is kept of the calls of executions that came before one, after another, at most of `most`
    /// attempts; the last execution that was looked at, if there were so many. Their outcomes stay.
    fn forget_records(
        &self,
        after: ExecutionId,
        before: ExecutionId,
        most: usize,
    ) -> Reply<Option<ExecutionId>>;

    /// The newest execution that has so many after it; `None` where there are not so many.
    fn execution_before(&self, newest: u64) -> Reply<Option<ExecutionId>>;

    /// The greatest number given so far to a task, an execution or a place in line.
    fn greatest_id(&self) -> Reply<Option<u128>>;

    fn workspace(&self) -> Reply<WorkspaceRows>;

    /// One version of a workflow, also one that nothing open runs on.
    fn version(&self, workflow: WorkflowId, version: u32) -> Reply<Option<VersionRow>>;

    /// Changes whenever [`Store::workspace`] would answer something else.
    fn workspace_revision(&self) -> Reply<u64>;

    /// A page of a workflow's versions, newest first, before the one with a number; at most `most`, and at most
    /// [`VERSIONS_PAGE_MAX`].
    fn versions(&self, workflow: WorkflowId, before: Option<u32>, most: usize) -> Reply<Vec<VersionNote>>;

    /// Adds a workflow's next version; answers its number. [`StoreError::Outdated`] where another came first.
    fn publish(&self, version: NewVersion) -> Reply<u32>;

    /// Tasks that are assigned to a user who has left, or to any, after a task; at most `most`. Every write
    /// that was asked for before is seen.
    fn left_behind(&self, user: Option<UserId>, after: Option<TaskId>, most: usize) -> Reply<Vec<TaskId>>;

    /// Workflows with failures of which somebody is still to be told.
    fn untold_workflows(&self) -> Reply<Vec<WorkflowId>>;

    /// A workflow's failures of which somebody is still to be told, oldest first, after the one with a number
    /// (from 1); at most `most` of them, and how many there are.
    fn untold(&self, workflow: WorkflowId, after: u64, most: usize) -> Reply<UntoldPage>;

    /// Forgets those up to a number, at most `most`, oldest first; how many.
    fn forget_untold(&self, workflow: WorkflowId, up_to: u64, most: u64) -> Reply<u64>;

    /// Of those after a number, drops all but the newest, at most `most`; how many.
    fn drop_untold(&self, workflow: WorkflowId, after: u64, keep: u64, most: u64) -> Reply<u64>;

    /// Endpoints that are not called until somebody enables them, as `host:port`.
    fn disabled_endpoints(&self) -> Reply<Vec<String>>;

    fn disable_endpoint(&self, name: String) -> Reply<()>;

    /// Makes a change of who may do what, with its entry in the audit log; whether there was anything to change.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where a name is taken.
    fn administer(&self, change: AdminChange, by: By) -> Reply<bool>;

    /// The audit log, newest first, before the entry with a number.
    fn audit(&self, before: Option<u64>, most: usize) -> Reply<Vec<AuditEntry>>;

    /// Forgets entries of the audit log that are older than an instant, at most `most`; how many. The last one stays, so that
    /// numbers go on growing.
    fn forget_audit(&self, before: Timestamp, most: usize) -> Reply<usize>;

    /// Forgets everything of keys that were revoked before an instant, but that their secrets are taken: those never open
    /// anything again.
    fn forget_revoked_keys(&self, before: Timestamp) -> Reply<()>;

    /// When each key was last used.
    fn keys_used(&self) -> Reply<Vec<(KeyId, Option<Timestamp>)>>;

    /// Links that nobody has followed yet, also those that have expired.
    fn invitations(&self) -> Reply<Vec<Invitation>>;

    /// The invitation whose token has a hash, over or not.
    fn invitation(&self, hash: [u8; 32]) -> Reply<Option<Invitation>>;

    /// The token with which the first user is made: the one that was kept before, else this one from now on. `None` where
    /// there is a user, also one who has left.
    fn setup_token(&self, offered: String) -> Reply<Option<String>>;

    /// The hash of a user's password; `None` for one who has none, or has left.
    fn password_hash(&self, user: UserId) -> Reply<Option<String>>;

    /// Signs somebody in, if they have not left, and if their password is still the one with this hash, where one was
    /// shown; whether they are.
    fn add_session(&self, session: Session, password_hash: Option<String>) -> Reply<bool>;

    /// By the hash of its token.
    fn session(&self, hash: [u8; 32]) -> Reply<Option<Session>>;

    fn end_session(&self, hash: [u8; 32]) -> Reply<()>;

    /// Forgets sessions that began, or were last seen, too long ago, and links that are over.
    fn forget_sessions(&self, created_before: Timestamp, seen_before: Timestamp, now: Timestamp)
    -> Reply<()>;

    /// Notes when keys and sessions were used.
    fn note_use(&self, keys: Vec<(KeyId, Timestamp)>, sessions: Vec<([u8; 32], Timestamp)>) -> Reply<()>;

    /// From now on this one hears of every commit, beside those before it.
    fn observe(&self, observer: Arc<dyn Observer>);

    /// Whether writes can be done: the last commit says so if it is recent, else one of its own does.
    fn writable(&self) -> Reply<()>;

    /// Writes that wait for the writer.
    fn waiting(&self) -> usize;

    /// Waits until what was asked before is done, then lets go of the files.
    fn close(&self) -> Reply<()>;
}
