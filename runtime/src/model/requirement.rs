//! What must hold before an action may run: the stage, and the action's own requirements.

use jiff::civil::Date;

use super::{
    condition::Condition,
    id::{FieldId, RoleId, UserId},
    task::Task,
    user::{Directory, Performer},
    workflow::{Action, Workflow},
};

/// Requirements of an action, beside being offered in the task's stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// Fields that must have a value; a checkbox must be ticked.
    pub fields: Vec<FieldId>,
    /// Every checklist item of the task's stage must be completed or skipped.
    pub checklist: bool,
    /// The task must be assigned to somebody.
    pub assigned: bool,
    /// The performer must have one of these roles in the workflow. Empty: anybody may.
    pub roles: Vec<RoleId>,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
}

/// Whether the action is offered in the stage that the task is in.
pub fn is_offered(action: &Action, task: &Task) -> bool {
    action.from.contains(&task.stage)
}

/// Every requirement that does not hold, as the person reads it. Empty when all hold. `today`: the date in
/// the workspace's time zone. `has_open_items`: whether something of the checklist is to be done in the task's stage;
/// asked only where the action requires it, since it costs a look at the disk.
pub fn unmet(
    action: &Action,
    task: &Task,
    workflow: &Workflow,
    performer: &Performer,
    directory: &Directory,
    today: Date,
    has_open_items: impl FnOnce() -> bool,
) -> Vec<String> {
    let requires = &action.requires;
    let mut unmet = Vec::new();
    for id in &requires.fields {
        let field = workflow.field(id);
        let lack = field.map_or_else(
            || task.value(id).is_empty().then_some("is required"),
            |field| field.kind.lack(task.value(id)),
        );
        let name = field.map_or(id.as_str(), |field| &field.name);
        unmet.extend(lack.map(|lack| format!("{name} {lack}")));
    }
    if requires.checklist && has_open_items() {
        unmet.push("Checklist must be completed".to_owned());
    }
    if requires.assigned && task.assigned_to.is_none() {
        unmet.push("Must be assigned".to_owned());
    }
    unmet.extend(unmet_role(&requires.roles, workflow, performer, directory));
    let conditions = requires.conditions.iter().filter(|condition| !condition.holds(task, directory, today));
    unmet.extend(conditions.map(|condition| condition.message.clone()));
    unmet
}

/// What is wrong with the performer's role, if anything is.
fn unmet_role(
    roles: &[RoleId],
    workflow: &Workflow,
    performer: &Performer,
    directory: &Directory,
) -> Option<String> {
    let user = directory.user(&UserId::new(performer.id.as_str()));
    let has_role = user.is_some_and(|user| roles.contains(&directory.role(&workflow.id, &user.id)));
    if roles.is_empty() || has_role {
        return None;
    }
    let names = roles.iter().map(|id| workflow.role(id).map_or(id.as_str(), |role| &role.name));
    let needed = format!("Must be performed by {}", one_of(&names.collect::<Vec<_>>()));
    // Only people have an email; a person who has left is no key.
    let is_key = user.is_none() && performer.email.is_none();
    Some(if is_key {
        format!("{needed}; an API key has no role: name a user in `performed_by`")
    } else {
        needed
    })
}

/// `A, B or C`.
fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::{
        condition::{Operand, Operator, Subject, Test, Tests},
        id::KeyId,
        role::Role,
        sample,
        user::{ApiKey, Membership, User},
        workspace::date_in,
    };

    fn key() -> Performer {
        let key = ApiKey::new(KeyId::new("key_1"), "Program", [0; 32]);
        Performer::from(&key)
    }

    fn strict(action: &Action) -> Action {
        let dear = Condition {
            message: "Contract Value must be at least 1000".to_owned(),
            tests: Tests::All(vec![Test {
                subject: Subject::Field(FieldId::new("contract-value")),
                operator: Operator::AtLeast(Operand::Number("1000".into())),
            }]),
        };
        let requires = Requirements {
            fields: vec![FieldId::new("company-name"), FieldId::new("expected-close-date")],
            checklist: true,
            assigned: true,
            roles: vec![RoleId::new("manager"), Role::administrator().id],
            conditions: vec![dear],
        };
        Action { requires, ..action.clone() }
    }

    fn with_role(role: &str) -> Directory {
        let workflow = sample::workflow().id;
        let user = UserId::new("abc123");
        sample::directory().with_memberships([Membership { workflow, user, role: RoleId::new(role) }])
    }

    /// "Requirements on an action (… in the API with a 422 that lists them all)".
    #[test]
    fn all_unmet_requirements_are_listed() {
        let mut workflow = sample::workflow();
        workflow.roles.push(Role::new("manager", "Manager"));
        let (action, performer) = (strict(&workflow.actions[1]), sample::performer());
        let unmet = |task: &Task, directory: &Directory, is_open| {
            let today = date_in(&TimeZone::UTC, sample::now());
            unmet(&action, task, &workflow, &performer, directory, today, || is_open)
        };
        assert_eq!(unmet(&sample::task(), &with_role("manager"), false), [""; 0]);
        let bare = Task::new(sample::task().id, &workflow, sample::now());
        assert_eq!(
            unmet(&bare, &sample::directory(), true),
            [
                "Company Name is required",
                "Expected Close Date is required",
                "Checklist must be completed",
                "Must be assigned",
                "Must be performed by Manager or Administrator",
                "Contract Value must be at least 1000",
            ]
        );
    }

    #[test]
    fn the_checklist_is_looked_at_only_where_it_is_required() {
        let workflow = sample::workflow();
        let today = date_in(&TimeZone::UTC, sample::now());
        let is_open = || panic!("nobody requires it");
        let (action, task) = (&workflow.actions[1], sample::task());
        let unmet =
            unmet(action, &task, &workflow, &sample::performer(), &sample::directory(), today, is_open);
        assert_eq!(unmet, [""; 0]);
    }

    /// "Role of the performer": one of those named, in this workflow.
    #[test]
    fn the_performer_needs_one_of_the_roles_in_this_workflow() {
        let mut workflow = sample::workflow();
        workflow.roles.push(Role::new("manager", "Manager"));
        let (person, gone) =
            (sample::performer(), Performer { id: "gone".to_owned(), ..sample::performer() });
        let by_role = "Must be performed by Manager";
        let keyless = "Must be performed by Manager; an API key has no role: name a user in `performed_by`";
        let elsewhere = Membership {
            workflow: crate::model::WorkflowId::new("other"),
            user: UserId::new("abc123"),
            role: RoleId::new("manager"),
        };
        for (performer, directory, expected) in [
            (&person, with_role("manager"), None),
            (&person, with_role("administrator"), Some(by_role)),
            (&person, sample::directory(), Some(by_role)),
            (&person, sample::directory().with_memberships([elsewhere]), Some(by_role)),
            (&gone, with_role("manager"), Some(by_role)),
            (&key(), with_role("manager"), Some(keyless)),
        ] {
            let roles = [RoleId::new("manager")];
            assert_eq!(unmet_role(&roles, &workflow, performer, &directory).as_deref(), expected);
        }
        // Who administers the workspace is an Administrator everywhere, unless they were given another role.
        let boss = || Directory::new([User { is_administrator: true, ..sample::user() }]);
        let needed = [Role::administrator().id];
        assert_eq!(unmet_role(&needed, &workflow, &person, &boss()), None);
        assert!(unmet_role(&needed, &workflow, &person, &sample::directory()).is_some());
        let membership = Membership {
            workflow: workflow.id.clone(),
            user: UserId::new("abc123"),
            role: RoleId::new("manager"),
        };
        assert!(unmet_role(&needed, &workflow, &person, &boss().with_memberships([membership])).is_some());
        let collaborator = [Role::collaborator().id];
        assert_eq!(unmet_role(&collaborator, &workflow, &person, &sample::directory()), None);
        assert!(unmet_role(&collaborator, &workflow, &key(), &sample::directory()).is_some());
        assert_eq!(unmet_role(&[], &workflow, &key(), &sample::directory()), None);
    }

    #[test]
    fn names_are_joined_as_a_person_would() {
        assert_eq!(one_of(&["A"]), "A");
        assert_eq!(one_of(&["A", "B", "C"]), "A, B or C");
    }
}
