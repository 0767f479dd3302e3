//! Who may do what: roles give people rights in a workflow, scopes give them to API keys.

use std::fmt;

use super::{
    id::{ActionId, WorkflowId},
    role::Role,
    user::{ApiKey, Directory, User},
    workflow::Workflow,
};

/// What somebody wants to do in a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right<'a> {
    /// See its tasks and how it is made.
    View,
    /// Make, change and delete tasks.
    Edit,
    /// Perform an action, and decide about its executions.
    Perform(&'a ActionId),
    /// Change the workflow, and who has which role in it.
    Administer,
}

/// What an API key may do, in the workflows that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Read,
    Edit,
    Perform,
    Administer,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Edit, Self::Perform, Self::Administer];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Perform => "perform",
            Self::Administer => "administer",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Those of these names, each once; or which name is none.
    pub fn all_named(names: &[String]) -> Result<Vec<Self>, String> {
        let named = |name: &String| {
            let known = || Self::ALL.map(Self::name).join(", ");
            Self::named(name).ok_or_else(|| format!("there is no `{name}`; there are {}", known()))
        };
        let mut scopes = names.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        scopes.sort();
        scopes.dedup();
        Ok(scopes)
    }
}

impl Right<'_> {
    fn scope(self) -> Scope {
        match self {
            Self::View => Scope::Read,
            Self::Edit => Scope::Edit,
            Self::Perform(_) => Scope::Perform,
            Self::Administer => Scope::Administer,
        }
    }
}

impl Role {
    pub fn allows(&self, right: Right<'_>) -> bool {
        self.admin
            || match right {
                Right::View => self.view,
                Right::Edit => self.view && self.edit,
                Right::Perform(action) => {
                    self.view && self.perform.as_ref().is_none_or(|actions| actions.contains(action))
                }
                Right::Administer => false,
            }
    }
}

impl ApiKey {
    /// Whether it is for a workflow, whatever it may do there.
    pub fn is_for(&self, workflow: &WorkflowId) -> bool {
        self.workflows.as_ref().is_none_or(|workflows| workflows.contains(workflow))
    }

    pub fn allows(&self, workflow: &WorkflowId, right: Right<'_>) -> bool {
        self.is_for(workflow) && self.scopes.contains(&right.scope())
    }

    /// Whether it administers the whole workspace: people, keys, secrets.
    pub fn is_administrator(&self) -> bool {
        self.workflows.is_none() && self.scopes.contains(&Scope::Administer)
    }
}

/// A person's role in a workflow. One whose role the workflow no longer has, has none.
pub fn role<'w>(user: &User, workflow: &'w Workflow, directory: &Directory) -> Option<&'w Role> {
    workflow.role(&directory.role(&workflow.id, &user.id))
}

pub fn user_may(user: &User, workflow: &Workflow, directory: &Directory, right: Right<'_>) -> bool {
    user.is_active
        && (user.is_administrator || role(user, workflow, directory).is_some_and(|role| role.allows(right)))
}

/// What is forbidden, for people.
pub struct Wanted<'a>(pub Right<'a>, pub &'a Workflow);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(right, workflow) = self;
        match right {
            Right::View => write!(f, "see the workflow “{}”", workflow.name),
            Right::Edit => write!(f, "change tasks of the workflow “{}”", workflow.name),
            Right::Perform(id) => {
                let name = workflow.action(id.as_str()).map_or(id.as_str(), |action| &action.name);
                write!(f, "perform “{name}” in the workflow “{}”", workflow.name)
            }
            Right::Administer => write!(f, "administer the workflow “{}”", workflow.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Membership, RoleId, id::KeyId, sample};

    fn rights() -> [(&'static str, Right<'static>); 5] {
        static ACTIONS: std::sync::LazyLock<[ActionId; 2]> =
            std::sync::LazyLock::new(|| [ActionId::new("finish"), ActionId::new("start")]);
        [
            ("view", Right::View),
            ("edit", Right::Edit),
            ("finish", Right::Perform(&ACTIONS[0])),
            ("start", Right::Perform(&ACTIONS[1])),
            ("administer", Right::Administer),
        ]
    }

    fn allowed(may: impl Fn(Right<'_>) -> bool) -> Vec<&'static str> {
        rights().into_iter().filter(|(_, right)| may(*right)).map(|(name, _)| name).collect()
    }

    #[test]
    fn a_role_gives_what_it_says_and_nothing_without_view() {
        let role = |view, edit, perform: Option<&[&str]>| Role {
            view,
            edit,
            perform: perform.map(|actions| actions.iter().map(|it| ActionId::new(*it)).collect()),
            ..Role::new("own", "Own")
        };
        for (role, expected) in [
            (Role::administrator(), &["view", "edit", "finish", "start", "administer"][..]),
            (Role::collaborator(), &["view", "edit", "finish", "start"]),
            (role(true, false, Some(&[])), &["view"]),
            (role(true, false, Some(&["start"])), &["view", "start"]),
            (role(true, true, Some(&[])), &["view", "edit"]),
            (role(false, true, None), &[]),
        ] {
            assert_eq!(allowed(|right| role.allows(right)), expected, "{role:?}");
        }
    }

    #[test]
    fn a_key_may_what_its_scopes_say_in_its_workflows() {
        let (here, elsewhere) = (WorkflowId::new("here"), WorkflowId::new("elsewhere"));
        let key = |scopes: &[Scope], workflows: Option<&WorkflowId>| ApiKey {
            scopes: scopes.into(),
            workflows: workflows.map(|id| vec![id.clone()]),
            ..ApiKey::new(KeyId::new("k"), "K", [0; 32])
        };
        for (key, expected) in [
            (key(&Scope::ALL, None), &["view", "edit", "finish", "start", "administer"][..]),
            (key(&[Scope::Read, Scope::Perform], Some(&here)), &["view", "finish", "start"]),
            (key(&Scope::ALL, Some(&elsewhere)), &[]),
            (key(&[], None), &[]),
        ] {
            assert_eq!(allowed(|right| key.allows(&here, right)), expected, "{key:?}");
        }
        assert!(key(&Scope::ALL, None).is_administrator());
        assert!(!key(&Scope::ALL, Some(&here)).is_administrator());
        assert!(!key(&[Scope::Read], None).is_administrator());
    }

    #[test]
    fn a_person_may_what_their_role_in_the_workflow_says() {
        let mut workflow = sample::workflow();
        workflow.roles.push(Role { edit: false, perform: Some(vec![]), ..Role::new("viewer", "Viewer") });
        let user = sample::user();
        let with = |role: &str| {
            let membership =
                Membership { workflow: workflow.id.clone(), user: user.id.clone(), role: RoleId::new(role) };
            Directory::new([user.clone()]).with_memberships([membership])
        };
        let may =
            |user: &User, directory: &Directory| allowed(|right| user_may(user, &workflow, directory, right));
        assert_eq!(may(&user, &Directory::new([user.clone()])), ["view", "edit", "finish", "start"]);
        assert_eq!(may(&user, &with("viewer")), ["view"]);
        assert_eq!(may(&user, &with("administrator")).len(), 5);
        assert_eq!(may(&user, &with("gone")), [""; 0]);
        let administrator = User { is_administrator: true, ..user.clone() };
        assert_eq!(may(&administrator, &with("viewer")).len(), 5);
        let left = User { is_active: false, ..administrator };
        assert_eq!(may(&left, &with("administrator")), [""; 0]);
    }
}
