//! People and API keys: who performs an action, and to whom a task is assigned.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{
    field::{EMAIL_CHARS_MAX, is_email},
    id::{KeyId, RoleId, UserId, WorkflowId},
    rights::Scope,
    role::Role,
};

/// A person of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// Not once they have left: history keeps their name and email, and nothing new is done in it.
    pub is_active: bool,
    /// Administers the workspace, and so every workflow.
    pub is_administrator: bool,
}

/// A key with which a program calls the API. The secret itself is never kept, only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub name: String,
    /// SHA-256 of the secret. A fast hash is enough: the secret has 256 random bits.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Where; `None` for every workflow.
    pub workflows: Option<Vec<WorkflowId>>,
    /// From then on it is as if it were not there.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// One that may do everything, for ever.
    pub fn new(id: KeyId, name: impl Into<String>, hash: [u8; 32]) -> Self {
        let scopes = Scope::ALL.into();
        Self { id, name: name.into(), hash, scopes, workflows: None, expires_at: None }
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Who performs an action, as the contract's `user` says it. Kept with the execution, so that
/// history still names a person who has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performer {
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

impl From<&User> for Performer {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: Some(user.email.clone()),
            first_name: Some(user.first_name.clone()),
            last_name: Some(user.last_name.clone()),
        }
    }
}

impl From<&ApiKey> for Performer {
    fn from(key: &ApiKey) -> Self {
        Self { id: key.id.to_string(), email: None, first_name: Some(key.name.clone()), last_name: None }
    }
}

impl Performer {
    /// Whoever works on the server's machine.
    pub fn command_line() -> Self {
        let first_name = Some("Command line".to_owned());
        Self { id: "command-line".to_owned(), email: None, first_name, last_name: None }
    }

    /// For what nobody has asked for.
    pub fn server() -> Self {
        Self { id: "onward".to_owned(), email: None, first_name: Some("Onward".to_owned()), last_name: None }
    }
}

/// Characters of a first name, a last name, a key's name.
pub const NAME_CHARS_MAX: usize = 100;

/// A name of a person or a key as it is kept; or what is wrong with it.
pub fn checked_name(name: &str) -> Result<String, String> {
    let kept = name.trim();
    if kept.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(format!("takes 1 to {NAME_CHARS_MAX} printable characters"));
    }
    Ok(kept.to_owned())
}

/// An email as it is kept; or that it is none.
pub fn checked_email(email: &str) -> Result<String, String> {
    let kept = email.trim();
    let is_one = email.chars().count() <= EMAIL_CHARS_MAX && is_email(kept);
    if is_one { Ok(kept.to_owned()) } else { Err(format!("`{kept}` is no email")) }
}

/// Which role a person was given in a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub workflow: WorkflowId,
    pub user: UserId,
    pub role: RoleId,
}

/// Everyone in the workspace, found by id or by email, and what they are in each workflow.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<UserId, Arc<User>>,
    by_email: HashMap<String, Arc<User>>,
    roles: HashMap<WorkflowId, HashMap<UserId, RoleId>>,
}

impl Directory {
    pub fn new(users: impl IntoIterator<Item = User>) -> Self {
        let mut directory = Self::default();
        for user in users {
            let user = Arc::new(user);
            if user.is_active {
                directory.by_email.insert(user.email.to_lowercase(), Arc::clone(&user));
            }
            directory.by_id.insert(user.id.clone(), user);
        }
        directory
    }

    /// The directory with the roles that people were given.
    pub fn with_memberships(mut self, memberships: impl IntoIterator<Item = Membership>) -> Self {
        for Membership { workflow, user, role } in memberships {
            self.roles.entry(workflow).or_default().insert(user, role);
        }
        self
    }

    /// A person's role in a workflow. Who was given none is an Administrator, if they administer the workspace, else a
    /// Collaborator.
    pub fn role(&self, workflow: &WorkflowId, user: &UserId) -> RoleId {
        let given = self.roles.get(workflow).and_then(|roles| roles.get(user));
        let is_administrator = || self.user(user).is_some_and(|user| user.is_administrator);
        let by_default = || if is_administrator() { Role::administrator() } else { Role::collaborator() };
        given.cloned().unwrap_or_else(|| by_default().id)
    }

    /// Whether there is nobody, and nobody has left.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Everyone who has not left, by email.
    pub fn active(&self) -> Vec<&Arc<User>> {
        let mut active: Vec<_> = self.by_email.values().collect();
        active.sort_by(|a, b| a.email.cmp(&b.email));
        active
    }

    /// A person by id, also one who has left.
    pub fn user(&self, id: &UserId) -> Option<&Arc<User>> {
        self.by_id.get(id)
    }

    /// Finds a person who has not left by email (in any case) or by id.
    pub fn find(&self, email_or_id: &str) -> Option<&Arc<User>> {
        let by_id = self.by_id.get(email_or_id).filter(|user| user.is_active);
        by_id.or_else(|| self.by_email.get(&email_or_id.to_lowercase()))
    }

    /// Finds a person by email (in any case) or by id, also one who has left.
    pub fn find_with_left(&self, email_or_id: &str) -> Option<&Arc<User>> {
        let by_email = || self.by_id.values().find(|user| user.email.eq_ignore_ascii_case(email_or_id));
        self.find(email_or_id).or_else(|| self.by_id.get(email_or_id)).or_else(by_email)
    }

    /// Everyone with an email, in any case, also who has left: another may have got theirs since.
    pub fn with_email(&self, email: &str) -> impl Iterator<Item = &UserId> {
        let email = email.to_lowercase();
        let mut found: Vec<_> = self
            .by_id
            .values()
            .filter(|user| user.email.to_lowercase() == email)
            .map(|user| &user.id)
            .collect();
        found.sort();
        found.into_iter()
    }

    /// Everyone whose name or email is as asked, also who has left.
    pub fn named_like(&self, is_like: impl Fn(&str) -> bool) -> Vec<UserId> {
        let is_named =
            |user: &User| is_like(&user.email) || is_like(&format!("{} {}", user.first_name, user.last_name));
        self.by_id.values().filter(|user| is_named(user)).map(|user| user.id.clone()).collect()
    }

    /// The email under which a task shows the person; `None` for somebody who is not here.
    pub fn email(&self, id: &UserId) -> Option<&str> {
        self.user(id).map(|user| user.email.as_str())
    }
}
