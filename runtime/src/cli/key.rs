//! `onward key`: API keys, with which programs call the API.

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;

use super::{ConfigArguments, by, load, role, stored};
use crate::{
    clock::Clock,
    credential,
    model::{ApiKey, Scope, WorkflowId, duration, user::checked_name},
    publish,
    step::StepTypes,
    store::{Store, admin::AdminChange},
};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Makes an API key and prints it; it is shown only this once.
    Add {
        /// What the key is for; tasks' histories show this name.
        name: String,
        /// What it may do: read, edit, perform, administer; without this, everything.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Where, by the workflows' ids; without this, everywhere.
        #[arg(long = "workflow", value_name = "ID")]
        workflows: Vec<String>,
        /// After how long it is worth nothing: 12h, 90d.
        #[arg(long, value_name = "DURATION")]
        expires_in: Option<String>,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Shows which keys there are, what they may do, and when each was last used.
    List {
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Takes a key away; a running server knows it no more within a second.
    Revoke {
        /// The key's name or id.
        name: String,
        #[command(flatten)]
        config: ConfigArguments,
    },
}

pub(super) fn run(command: &KeyCommand) -> anyhow::Result<()> {
    let (config, done) = match command {
        KeyCommand::Add { name, scopes, workflows, expires_in, config } => {
            let (key, secret) = credential::new_key(name)?;
            let key = limited(key, scopes, workflows, expires_in.as_deref())?;
            let settings = load(config)?;
            return stored(&settings, async |store| {
                if !workflows.is_empty() {
                    let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
                    let known = publish::known(&settings.workflows.folder, store, &types).await?;
                    workflows.iter().try_for_each(|id| role::workflow(id, &known).map(drop))?;
                }
                store.administer(AdminChange::AddKey(key), by()).await?;
                Ok(secret)
            });
        }
        KeyCommand::List { config } => (config, None),
        KeyCommand::Revoke { name, config } => (config, Some(name)),
    };
    stored(&load(config)?, async |store| match done {
        None => list(store).await,
        Some(name) => revoke(store, name).await,
    })
}

fn limited(
    key: ApiKey,
    scopes: &[String],
    workflows: &[String],
    expires_in: Option<&str>,
) -> anyhow::Result<ApiKey> {
    let name = checked_name(&key.name).map_err(|problem| anyhow!("NAME {problem}"))?;
    let scopes = match scopes {
        [] => key.scopes.clone(),
        names => Scope::all_named(names).map_err(|problem| anyhow!("--scope: {problem}"))?,
    };
    let workflows =
        (!workflows.is_empty()).then(|| workflows.iter().map(|id| WorkflowId::new(id.as_str())).collect());
    let expires_at = match expires_in {
        None => None,
        Some(text) => {
            let after = duration::parse(text)
                .with_context(|| format!("--expires-in: `{text}` is no duration such as 12h or 90d"))?;
            Some(Clock::default().now() + jiff::SignedDuration::try_from(after)?)
        }
    };
    Ok(ApiKey { name, scopes, workflows, expires_at, ..key })
}

async fn list(store: &dyn Store) -> anyhow::Result<String> {
    let (rows, used) = (store.workspace().await?, store.keys_used().await?);
    let now = Clock::default().now();
    let line = |key: &ApiKey| {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.name()).collect();
        let place = match &key.workflows {
            None => "everywhere".to_owned(),
            Some(ids) => ids.iter().map(WorkflowId::as_str).collect::<Vec<_>>().join(", "),
        };
        let until = match key.expires_at {
            None => String::new(),
            Some(at) if key.has_expired(now) => format!("  EXPIRED {at}"),
            Some(at) => format!("  until {at}"),
        };
        let used = used.iter().find(|(id, _)| *id == key.id).and_then(|(_, at)| *at);
        let used = used.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
        format!("{}  {}  {} ({place}){until}  {used}", key.id, key.name, scopes.join(", "))
    };
    let lines: Vec<_> = rows.keys.iter().map(line).collect();
    Ok(if lines.is_empty() { "no keys".to_owned() } else { lines.join("\n") })
}

async fn revoke(store: &dyn Store, name: &str) -> anyhow::Result<String> {
    let keys = store.workspace().await?.keys;
    let Some(key) = keys.iter().find(|key| key.name == name || key.id.as_str() == name) else {
        bail!("there is no key `{name}`; `onward key list` shows which there are");
    };
    store.administer(AdminChange::RevokeKey(key.id.clone()), by()).await?;
    Ok(format!("{} is revoked", key.name))
}
