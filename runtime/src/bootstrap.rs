//! The first administrator and the first API key, for machines without a terminal: from files, at the start, where they are not there yet.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::{
    clock::Clock,
    credential,
    model::{Performer, User, UserId},
    sessions::password_problem,
    store::{
        Store, StoreError,
        admin::{AdminChange, By},
    },
};

/// What the key is called.
const KEY_NAME: &str = "bootstrap";

/// Where the first ones come from.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    /// An email, and the file with the password.
    pub administrator: Option<(String, PathBuf)>,
    pub api_key_file: Option<PathBuf>,
}

/// Makes what is not there yet.
pub async fn run(store: &dyn Store, clock: &Clock, bootstrap: &Bootstrap) -> anyhow::Result<()> {
    if bootstrap.administrator.is_none() && bootstrap.api_key_file.is_none() {
        return Ok(());
    }
    let rows = store.workspace().await?;
    let by = || By { performer: Performer::server(), at: clock.now() };
    if let Some((email, file)) = &bootstrap.administrator
        && !rows.users.iter().any(|user| user.email.eq_ignore_ascii_case(email))
    {
        let password = line(file)?;
        if let Some(problem) = password_problem(&password) {
            bail!("bootstrap.administrator_password_file: {}: {problem}", file.display());
        }
        let user = User {
            id: UserId::new(credential::random_hex(6)?),
            email: email.clone(),
            first_name: "Administrator".to_owned(),
            last_name: String::new(),
            is_active: true,
            is_administrator: true,
        };
        let password_hash = Some(credential::hash_password(&password)?);
        store.administer(AdminChange::AddUser { user, password_hash }, by()).await?;
        tracing::info!(email, "the first administrator is made");
    }
    if let Some(file) = &bootstrap.api_key_file
        && !rows.keys.iter().any(|key| key.name == KEY_NAME)
    {
        let key = credential::key_of(KEY_NAME, &line(file)?)
            .with_context(|| format!("bootstrap.api_key_file: {}", file.display()))?;
        match store.administer(AdminChange::AddKey(key), by()).await {
            Ok(_) => tracing::info!("the first API key is made"),
            Err(StoreError::Exists { .. }) => {
                tracing::warn!("the API key in bootstrap.api_key_file was revoked, and is not made again");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A file's one line.
fn line(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("bootstrap: {} cannot be read", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
