//! `onward user role`: which role a person has in a workflow.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;

use super::{ConfigArguments, by, load, stored};
use crate::{
    model::{Directory, Membership, Role, User, Workflow, text::closest},
    publish,
    settings::Settings,
    step::StepTypes,
    store::{Store, admin::AdminChange},
};

#[derive(Args)]
pub(super) struct RoleArguments {
    /// Whose role: a user's email or id.
    email: String,
    /// The workflow's id.
    #[arg(long, value_name = "ID")]
    workflow: String,
    /// The role's name or id, as the workflow defines it; Administrator and Collaborator always exist.
    #[arg(long, value_name = "NAME")]
    role: String,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(arguments: &RoleArguments) -> anyhow::Result<()> {
    let settings = load(&arguments.config)?;
    stored(&settings, async |store| give(arguments, &settings, store).await)
}

async fn give(arguments: &RoleArguments, settings: &Settings, store: &dyn Store) -> anyhow::Result<String> {
    let known = publish::known(
        &settings.workflows.folder,
        store,
        &StepTypes::load(&settings.egress.guard, &settings.plugins),
    )
    .await?;
    let workflow = workflow(&arguments.workflow, &known)?;
    let role = role(&arguments.role, workflow)?;
    let user = user(&arguments.email, store.workspace().await?.users)?;
    let membership =
        Membership { workflow: workflow.id.clone(), user: user.id.clone(), role: role.id.clone() };
    store.administer(AdminChange::SetRole(membership), by()).await?;
    Ok(format!("{} is {} in {}", user.email, role.name, workflow.name))
}

pub(super) fn workflow<'a>(id: &str, known: &'a publish::Known) -> anyhow::Result<&'a Workflow> {
    let workflows = &known.workflows;
    let found = workflows.iter().find(|workflow| workflow.id.as_str() == id).map(|workflow| &**workflow);
    found.ok_or_else(|| {
        let hint = hint(id, workflows.iter().map(|workflow| workflow.id.as_str()));
        let broken = if known.files_are_sound {
            ""
        } else {
            "; some workflow files cannot be used: `onward check` says why"
        };
        anyhow!("there is no workflow `{id}`: {hint}{broken}")
    })
}

fn role<'a>(name: &str, workflow: &'a Workflow) -> anyhow::Result<&'a Role> {
    let by_name = workflow.roles.iter().find(|role| role.name == name);
    let found = by_name.or_else(|| workflow.roles.iter().find(|role| role.id.as_str() == name));
    found.ok_or_else(|| {
        let hint = hint(name, workflow.roles.iter().map(|role| role.name.as_str()));
        anyhow!("the workflow `{}` has no role “{name}”: {hint}", workflow.id)
    })
}

fn user(email: &str, users: Vec<User>) -> anyhow::Result<Arc<User>> {
    let emails: Vec<_> = users.iter().map(|user| user.email.clone()).collect();
    Directory::new(users).find(email).cloned().ok_or_else(|| {
        let hint = hint(email, emails.iter().map(String::as_str));
        anyhow!("there is no user `{email}`: {hint}; `onward user add` adds one")
    })
}

/// What may have been meant. Lists are cut: a workspace may have thousands of people.
fn hint<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    const SHOWN_MAX: usize = 10;
    if let Some(nearest) = closest(name, known.clone()) {
        return format!("did you mean “{nearest}”?");
    }
    let count = known.clone().count();
    let shown = known.take(SHOWN_MAX).collect::<Vec<_>>().join(", ");
    match count.checked_sub(SHOWN_MAX) {
        _ if count == 0 => "there are none yet".to_owned(),
        None | Some(0) => format!("there are {shown}"),
        Some(more) => format!("there are {shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_nearest_or_some_of_them() {
        assert_eq!(hint("Manger", ["Manager", "Clerk"].into_iter()), "did you mean “Manager”?");
        assert_eq!(hint("x", ["Manager", "Clerk"].into_iter()), "there are Manager, Clerk");
        assert_eq!(hint("x", std::iter::empty()), "there are none yet");
        let many: Vec<_> = (0..12).map(|number| format!("name {number}")).collect();
        assert!(hint("x", many.iter().map(String::as_str)).ends_with("name 9 and 2 more"));
    }
}
