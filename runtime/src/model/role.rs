//! Roles: what a person is in a workflow. Which ones a workflow has is part of its definition; who
//! has which one is not, and stands in the [`Directory`](super::user::Directory).

use super::id::{ActionId, RoleId};

/// The roles that every workflow has, as (id, name).
const ADMINISTRATOR: (&str, &str) = ("administrator", "Administrator");
const COLLABORATOR: (&str, &str) = ("collaborator", "Collaborator");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub id: RoleId,
    pub name: String,
    /// Whether who has it administers the workflow, and so may do everything in it.
    pub admin: bool,
    /// Whether they see the workflow and its tasks; without that, all else counts for nothing.
    pub view: bool,
    /// Whether they make, change and delete tasks.
    pub edit: bool,
    /// The actions that they perform; `None` for all of them.
    pub perform: Option<Vec<ActionId>>,
}

impl Role {
    /// A role that a workflow defines, with the rights of a Collaborator.
    pub fn new(id: impl Into<std::sync::Arc<str>>, name: impl Into<String>) -> Self {
        let id = RoleId::new(id);
        Self { id, name: name.into(), admin: false, view: true, edit: true, perform: None }
    }

    pub fn administrator() -> Self {
        Self { admin: true, ..Self::new(ADMINISTRATOR.0, ADMINISTRATOR.1) }
    }

    /// The role of everyone who was given no other.
    pub fn collaborator() -> Self {
        Self::new(COLLABORATOR.0, COLLABORATOR.1)
    }

    /// The roles that every workflow has, before its own.
    pub fn built_in() -> [Self; 2] {
        [Self::administrator(), Self::collaborator()]
    }
}
