//! `onward user`: people.

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;

use super::{ConfigArguments, by, load, role, stored};
use crate::{
    credential,
    model::{
        Directory, User, UserId,
        user::{checked_email, checked_name},
    },
    store::{Store, admin::AdminChange},
};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Adds a person, and prints a first password.
    Add {
        #[arg(long)]
        email: String,
        #[arg(long)]
        first_name: String,
        #[arg(long)]
        last_name: String,
        /// Chosen if left out.
        #[arg(long)]
        id: Option<String>,
        /// They administer the workspace: people, keys, secrets, every workflow.
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Gives a person a new password and prints it; wherever they are signed in, they are not any more.
    ResetPassword {
        /// Whose: a user's email or id.
        email: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Has a person administer the workspace.
    Administrator {
        /// Who: a user's email or id.
        email: String,
        /// No longer.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Gives a person a role in a workflow, also while a server runs.
    Role(role::RoleArguments),
}

pub(super) fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { email, first_name, last_name, id, administrator, config } => {
            let id = id.map_or_else(|| credential::random_hex(6), Ok)?;
            let named = |argument: &str, name: &str| {
                checked_name(name).map_err(|problem| anyhow!("{argument} {problem}"))
            };
            let user = User {
                id: UserId::new(id.as_str()),
                email: checked_email(&email).map_err(|problem| anyhow!("--email: {problem}"))?,
                first_name: named("--first-name", &first_name)?,
                last_name: named("--last-name", &last_name)?,
                is_active: true,
                is_administrator: administrator,
            };
            stored(&load(&config)?, async |store| add(store, user).await)
        }
        UserCommand::ResetPassword { email, config } => {
            stored(&load(&config)?, async |store| reset_password(store, &email).await)
        }
        UserCommand::Administrator { email, remove, config } => {
            stored(&load(&config)?, async |store| administrator(store, &email, !remove).await)
        }
        UserCommand::Role(arguments) => role::run(&arguments),
    }
}

async fn add(store: &dyn Store, user: User) -> anyhow::Result<String> {
    let (password, email) = (credential::new_password()?, user.email.clone());
    let password_hash = Some(credential::hash_password(&password)?);
    store.administer(AdminChange::AddUser { user, password_hash }, by()).await?;
    // One who comes back is who they were.
    let user = find(store, &email).await?;
    Ok(format!("id: {}\npassword: {password}", user.id))
}

async fn find(store: &dyn Store, email: &str) -> anyhow::Result<User> {
    let directory = Directory::new(store.workspace().await?.users);
    let user = directory.find(email).with_context(|| format!("there is no user `{email}`"))?;
    Ok(User::clone(user))
}

async fn reset_password(store: &dyn Store, email: &str) -> anyhow::Result<String> {
    let user = find(store, email).await?.id;
    let password = credential::new_password()?;
    let password_hash = credential::hash_password(&password)?;
    store.administer(AdminChange::SetPassword { user, password_hash, keeps: None }, by()).await?;
    Ok(format!("password: {password}"))
}

async fn administrator(store: &dyn Store, email: &str, is_administrator: bool) -> anyhow::Result<String> {
    let user = find(store, email).await?;
    let change = AdminChange::SetAdministrator { user: user.id, is_administrator };
    if !store.administer(change, by()).await? {
        bail!("{} {} already", user.email, if is_administrator { "is an administrator" } else { "is none" });
    }
    let what =
        if is_administrator { "administers the workspace" } else { "administers the workspace no more" };
    Ok(format!("{} {what}", user.email))
}
