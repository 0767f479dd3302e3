//! `onward secret`: values that steps send and nobody is shown.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Read},
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::{ConfigArguments, by, load, stored};
use crate::{
    boot,
    model::{
        Secrets,
        secret::{SecretUse, name_problem, value_problem},
    },
    publish,
    settings::Settings,
    step::StepTypes,
    store::{Store, admin::AdminChange},
    vault::{Vault, without_line_end},
};

#[derive(Subcommand)]
pub(super) enum SecretCommand {
    /// Sets a secret, or another value for one; the value is read from the standard input.
    Set(NameArguments),
    /// Lists the names, where each comes from, and where it is used. Never a value.
    List(ConfigArguments),
    /// Removes a secret from the store, unless a step uses it.
    Remove(NameArguments),
    /// Makes a new key and encrypts every secret in the store with it.
    RotateKey(ConfigArguments),
}

#[derive(Args)]
pub(super) struct NameArguments {
    /// Letters, digits and `_`; steps write it as {{secrets.NAME}}.
    name: String,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(command: &SecretCommand) -> anyhow::Result<()> {
    let config = match command {
        SecretCommand::Set(arguments) | SecretCommand::Remove(arguments) => &arguments.config,
        SecretCommand::List(config) | SecretCommand::RotateKey(config) => config,
    };
    let settings = load(config)?;
    let vault = boot::vault(&settings);
    stored(&settings, async |store| match command {
        SecretCommand::Set(arguments) => set(&arguments.name, store, &vault).await,
        SecretCommand::List(_) => list(&settings, store, &vault).await,
        SecretCommand::Remove(arguments) => remove(&arguments.name, &settings, store, &vault).await,
        SecretCommand::RotateKey(_) => rotate_key(store, &vault).await,
    })
}

async fn set(name: &str, store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    if let Some(problem) = name_problem(name) {
        bail!("`{name}`: {problem}");
    }
    let mut input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("the value, then Ctrl-D:");
    }
    let mut text = String::new();
    input.read_to_string(&mut text).context("the value cannot be read from the standard input")?;
    let value = without_line_end(&text);
    if let Some(problem) = value_problem(value) {
        bail!("{problem}");
    }
    let held = vault.lock()?;
    let secrets = vec![vault.seal(&held, name, value)?];
    store.administer(AdminChange::PutSecrets(secrets), by()).await?;
    Ok(format!("{name} is set; steps write it as {{{{secrets.{name}}}}}"))
}

/// Where each secret is used, in a text: by what is published or still runs, and by the files.
async fn users(settings: &Settings, store: &dyn Store) -> anyhow::Result<BTreeMap<String, String>> {
    let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
    let files = publish::known(&settings.workflows.folder, store, &types).await?.workflows;
    let mut uses = publish::secret_uses(store).await?;
    for (name, places) in publish::uses_of(files.iter().map(|workflow| &**workflow)) {
        let known = uses.entry(name).or_default();
        known.extend(places.into_iter().filter(|place| !known.contains(place)).collect::<Vec<_>>());
    }
    let in_a_line =
        |places: Vec<SecretUse>| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Ok(uses.into_iter().map(|(name, places)| (name, in_a_line(places))).collect())
}

async fn list(settings: &Settings, store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    let secrets: Secrets = vault.open(&store.workspace().await?.secrets);
    let mut users = users(settings, store).await?;
    let mut lines = Vec::new();
    for (name, source) in secrets.names() {
        let used = users.remove(name).unwrap_or_else(|| "not used".to_owned());
        lines.push(format!("{name}  ({})  {used}", source.name()));
    }
    lines.extend(users.into_iter().map(|(name, places)| format!("{name}  (MISSING)  {places}")));
    Ok(if lines.is_empty() { "no secrets".to_owned() } else { lines.join("\n") })
}

async fn remove(name: &str, settings: &Settings, store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    let _held = vault.lock()?;
    if let Some(places) = users(settings, store).await?.remove(name) {
        bail!("secret_in_use: {name} is used by {places}; change that first");
    }
    if !store.administer(AdminChange::RemoveSecret(name.to_owned()), by()).await? {
        bail!("secret_not_found: the store has no secret {name}");
    }
    Ok(format!("{name} is removed"))
}

async fn rotate_key(store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    let held = vault.lock()?;
    let rotated = vault.rotate(&held, &store.workspace().await?.secrets)?;
    let count = rotated.len();
    store.administer(AdminChange::PutSecrets(rotated), by()).await?;
    vault.forget_old_keys(&held)?;
    Ok(format!("{count} secrets are encrypted with a new key"))
}
