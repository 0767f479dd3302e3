//! The sections and keys of `onward.toml` as serde reads them. Defaults stand in
//! `onward.default.toml` and nowhere else.

use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) server: Server,
    pub(super) store: Store,
    pub(super) files: Files,
    pub(super) workflows: Workflows,
    pub(super) workspace: Workspace,
    pub(super) engine: Engine,
    pub(super) egress: Egress,
    pub(super) secrets: Secrets,
    pub(super) sessions: Sessions,
    pub(super) bootstrap: Bootstrap,
    pub(super) metrics: Metrics,
    pub(super) retention: Retention,
    pub(super) log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub workers: usize,
    pub body_bytes_max: usize,
    pub public_url: String,
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<String>,
    pub drain_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    pub(super) folder: String,
    pub(super) task_cache_max: usize,
    pub(super) queue_max: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    pub(super) bytes_max: usize,
    #[serde(deserialize_with = "list")]
    pub(super) remote_allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workflows {
    pub(super) folder: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workspace {
    pub(super) name: String,
    pub(super) time_zone: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub in_flight_max: usize,
    pub queued_max: usize,
    pub chain_idle_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Egress {
    pub(super) connect_timeout_seconds: u64,
    pub(super) idle_timeout_seconds: u64,
    pub(super) extra_ca_file: String,
    pub(super) proxy: String,
    pub(super) proxy_resolves: bool,
    #[serde(deserialize_with = "list")]
    pub(super) proxy_except: Vec<String>,
    pub(super) endpoint_calls_max: usize,
    pub(super) endpoint_waiting_max: usize,
    pub(super) endpoint_rate_max: u32,
    pub(super) endpoint_failures_max: u32,
    pub(super) endpoint_pause_seconds: u64,
    #[serde(deserialize_with = "list")]
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) key_file: String,
    pub(super) folder: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    pub idle_hours: u64,
    pub longest_days: u64,
    pub password_hashes_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub open: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bootstrap {
    pub(super) administrator_email: String,
    pub(super) administrator_password_file: String,
    pub(super) api_key_file: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub records_days: u32,
    pub records_max: u64,
    pub audit_days: u32,
    pub revoked_keys_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: String,
    pub(super) format: String,
}

/// A list, or a text with its items separated by commas: the environment has only texts.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of texts, or a text with commas between them")]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(items) => items,
        Either::Text(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
    })
}
