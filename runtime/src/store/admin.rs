//! What administrators change, and the audit log of it: a change and its entry are written together or not at all. (The
//! versions of workflows are in it, too; [`Store::publish`](super::Store::publish) writes those.)

use serde_json::{Value, json};

use super::SecretRow;
use crate::model::{ApiKey, Membership, Performer, RoleId, Timestamp, User, UserId, WorkflowId, id::KeyId};

/// A change of who may do what.
#[derive(Debug, Clone)]
pub enum AdminChange {
    /// Adds a user; one who had left under this email comes back, as the user that they were.
    AddUser {
        user: User,
        password_hash: Option<String>,
    },
    /// Adds the first user, with whom the link for that is gone; changes nothing where there is one already.
    SetUp {
        user: User,
        password_hash: String,
    },
    /// A user leaves: stays in the history, nothing new is done in their name, and they are signed out.
    RemoveUser(UserId),
    SetAdministrator {
        user: UserId,
        is_administrator: bool,
    },
    /// Ends every session of the user, but for one.
    SetPassword {
        user: UserId,
        password_hash: String,
        keeps: Option<[u8; 32]>,
    },
    /// Gives a user a role in a workflow, instead of the one they had.
    SetRole(Membership),
    /// Changes nothing where who asks does not administer the workspace any more.
    AddKey(ApiKey),
    RevokeKey(KeyId),
    /// The same, of who makes it.
    Invite(Invitation),
    WithdrawInvitation(String),
    /// Somebody has followed the link: it is gone, and they are a user with a password, or have a new one.
    AcceptInvitation {
        invitation: Invitation,
        user: User,
        password_hash: String,
    },
    /// Puts secrets in, or in the place of those that have their names; all or none.
    PutSecrets(Vec<SecretRow>),
    RemoveSecret(String),
    /// Puts a workflow away, or takes it back.
    SetArchived {
        workflow: WorkflowId,
        is_archived: bool,
    },
    /// Has an endpoint called again that was not, as its circuit was called.
    EnableEndpoint {
        name: String,
        was: &'static str,
    },
}

/// Who changes something, and when.
#[derive(Debug, Clone)]
pub struct By {
    pub performer: Performer,
    pub at: Timestamp,
}

/// A link with which somebody becomes a user, or a user chooses a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: String,
    /// SHA-256 of the link's token.
    pub hash: [u8; 32],
    /// Who is to choose a new password; `None` for somebody who is not a user yet.
    pub user: Option<UserId>,
    pub email: String,
    pub is_administrator: bool,
    /// What they will be, by workflow.
    pub roles: Vec<(WorkflowId, RoleId)>,
    /// The id of the user or the key. It is withdrawn with their right to invite: checked only when the link is followed, it
    /// would be listed as good until then, and be good again for whoever becomes an administrator again.
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's token.
    pub hash: [u8; 32],
    pub user: UserId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
}

/// One change, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows with time.
    pub id: u64,
    pub at: Timestamp,
    pub performer: Performer,
    /// What was done: `user.added`.
    pub change: String,
    /// To what: an id or a name.
    pub about: String,
    pub detail: Value,
}

impl AdminChange {
    /// Whether it is about something that the workspace's snapshot has.
    pub(super) fn is_in_snapshot(&self) -> bool {
        !matches!(self, Self::Invite(_) | Self::WithdrawInvitation(_) | Self::EnableEndpoint { .. })
    }

    /// What the audit log calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AddUser { .. } => "user.added",
            Self::SetUp { .. } => "workspace.set_up",
            Self::RemoveUser(_) => "user.removed",
            Self::SetAdministrator { is_administrator: true, .. } => "user.made_administrator",
            Self::SetAdministrator { .. } => "user.made_no_administrator",
            Self::SetPassword { .. } => "user.password_changed",
            Self::SetRole(_) => "user.role_changed",
            Self::AddKey(_) => "key.added",
            Self::RevokeKey(_) => "key.revoked",
            Self::Invite(_) => "invitation.added",
            Self::WithdrawInvitation(_) => "invitation.withdrawn",
            Self::AcceptInvitation { .. } => "invitation.accepted",
            Self::PutSecrets(_) => "secret.set",
            Self::RemoveSecret(_) => "secret.removed",
            Self::SetArchived { is_archived: true, .. } => "workflow.archived",
            Self::SetArchived { .. } => "workflow.unarchived",
            Self::EnableEndpoint { .. } => "endpoint.enabled",
        }
    }

    /// What it was done to.
    pub(super) fn about(&self) -> String {
        match self {
            Self::AddUser { user, .. } | Self::SetUp { user, .. } | Self::AcceptInvitation { user, .. } => {
                user.id.to_string()
            }
            Self::RemoveUser(user)
            | Self::SetAdministrator { user, .. }
            | Self::SetPassword { user, .. }
            | Self::SetRole(Membership { user, .. }) => user.to_string(),
            Self::AddKey(key) => key.id.to_string(),
            Self::RevokeKey(key) => key.to_string(),
            Self::Invite(invitation) => invitation.id.clone(),
            Self::WithdrawInvitation(id) => id.clone(),
            Self::PutSecrets(rows) => rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", "),
            Self::SetArchived { workflow, .. } => workflow.to_string(),
            Self::RemoveSecret(name) | Self::EnableEndpoint { name, .. } => name.clone(),
        }
    }

    /// More about it; never a secret, nor the hash of one.
    pub(super) fn detail(&self) -> Value {
        match self {
            Self::AddUser { user, .. } | Self::SetUp { user, .. } => {
                json!({"email": user.email, "is_administrator": user.is_administrator})
            }
            Self::AcceptInvitation { invitation, .. } => {
                json!({
                    "email": invitation.email,
                    "invitation": invitation.id,
                    "is_new_password": invitation.user.is_some(),
                    "roles": invitation.shown_roles(),
                })
            }
            Self::SetRole(Membership { workflow, role, .. }) => {
                json!({"workflow": workflow.as_str(), "role": role.as_str()})
            }
            Self::AddKey(key) => json!({
                "name": key.name,
                "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
                "workflows": key.workflows.as_ref().map(|ids| ids.iter().map(WorkflowId::as_str).collect::<Vec<_>>()),
                "expires_at": key.expires_at.map(|at| at.to_string()),
            }),
            Self::Invite(invitation) => json!({
                "email": invitation.email,
                "is_administrator": invitation.is_administrator,
                "is_new_password": invitation.user.is_some(),
                "roles": invitation.shown_roles(),
            }),
            Self::EnableEndpoint { was, .. } => json!({"was": was}),
            _ => json!({}),
        }
    }
}

impl Invitation {
    /// Role ids by workflow ids, as they are kept, logged and shown.
    pub fn shown_roles(&self) -> Value {
        let roles = self.roles.iter().map(|(workflow, role)| (workflow.to_string(), json!(role.as_str())));
        Value::Object(roles.collect())
    }
}
