//! `onward secret`: values that steps send and nobody is shown.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Read},
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::{ConfigArguments, block_on, load};
use crate::{
    boot,
    model::{
        Secrets, Workflow,
        secret::{self, name_problem, value_problem},
    },
    publish,
    settings::Settings,
    step::StepTypes,
    store::Store,
    vault::Vault,
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
    let vault = Vault::new(settings.secrets.key_file.clone(), settings.secrets.folder.clone());
    block_on(async {
        let store = boot::open_store(&settings)?;
        let said = match command {
            SecretCommand::Set(arguments) => set(&arguments.name, &*store, &vault).await,
            SecretCommand::List(_) => list(&settings, &*store, &vault).await,
            SecretCommand::Remove(arguments) => remove(&arguments.name, &settings, &*store).await,
            SecretCommand::RotateKey(_) => rotate_key(&*store, &vault).await,
        };
        store.close().await?;
        println!("{}", said?);
        Ok(())
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
    // What `echo` adds is not meant.
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if let Some(problem) = value_problem(value) {
        bail!("{problem}");
    }
    store.put_secrets(vec![vault.seal(name, value)?]).await?;
    Ok(format!("{name} is set; steps write it as {{{{secrets.{name}}}}}"))
}

/// Who uses which secret, by the secret's name: `“Call” in “Finish” of orders`.
fn users(workflows: &[Arc<Workflow>]) -> BTreeMap<String, Vec<String>> {
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for workflow in workflows {
        for used in secret::uses(workflow) {
            let place = format!("“{}” in “{}” of {}", used.step, used.action, workflow.id);
            users.entry(used.secret).or_default().push(place);
        }
    }
    users
}

async fn known(settings: &Settings, store: &dyn Store) -> anyhow::Result<Vec<Arc<Workflow>>> {
    let types = StepTypes::built_in(&settings.egress.guard);
    Ok(publish::known(&settings.workflows.folder, store, &types).await?.workflows)
}

async fn list(settings: &Settings, store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    let secrets: Secrets = vault.open(&store.workspace().await?.secrets);
    let mut users = users(&known(settings, store).await?);
    let mut lines = Vec::new();
    for (name, source) in secrets.names() {
        let places = users.remove(name).unwrap_or_default();
        let used = if places.is_empty() { "not used".to_owned() } else { places.join(", ") };
        lines.push(format!("{name}  ({})  {used}", source.name()));
    }
    lines.extend(users.into_iter().map(|(name, places)| format!("{name}  (MISSING)  {}", places.join(", "))));
    Ok(if lines.is_empty() { "no secrets".to_owned() } else { lines.join("\n") })
}

async fn remove(name: &str, settings: &Settings, store: &dyn Store) -> anyhow::Result<String> {
    if let Some(places) = users(&known(settings, store).await?).remove(name) {
        bail!("secret_in_use: {name} is used by {}; change that first", places.join(", "));
    }
    if !store.remove_secret(name.to_owned()).await? {
        bail!("secret_not_found: the store has no secret {name}");
    }
    Ok(format!("{name} is removed"))
}

async fn rotate_key(store: &dyn Store, vault: &Vault) -> anyhow::Result<String> {
    let rows = store.workspace().await?.secrets;
    let rotated = vault.rotate(&rows)?;
    if rotated.len() < rows.len() {
        bail!(
            "{} of the secrets in the store cannot be decrypted: their key is not in the key file; set or remove \
             them first",
            rows.len() - rotated.len()
        );
    }
    let count = rotated.len();
    store.put_secrets(rotated).await?;
    vault.forget_old_keys()?;
    Ok(format!("{count} secrets are encrypted with a new key"))
}
