//! The sections and keys of `onward.toml` as serde reads them. Defaults stand in
//! `onward.default.toml` and nowhere else.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
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
    pub(super) plugins: Plugins,
    pub(super) bootstrap: Bootstrap,
    pub(super) metrics: Metrics,
    pub(super) traces: Traces,
    pub(super) retention: Retention,
    pub(super) log: Log,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    pub listen: String,
    pub workers: usize,
    pub body_bytes_max: usize,
    pub public_url: String,
    pub trusted_proxies: Vec<String>,
    pub drain_seconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Store {
    pub(super) folder: String,
    pub(super) task_cache_max: usize,
    pub(super) queue_max: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Files {
    pub(super) bytes_max: usize,
    pub(super) remote_allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Workflows {
    pub(super) folder: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    pub(super) name: String,
    pub(super) time_zone: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Engine {
    pub in_flight_max: usize,
    pub queued_max: usize,
    pub chain_idle_seconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Egress {
    pub(super) connect_timeout_seconds: u64,
    pub(super) idle_timeout_seconds: u64,
    pub(super) extra_ca_file: String,
    pub(super) proxy: String,
    pub(super) proxy_resolves: bool,
    pub(super) proxy_except: Vec<String>,
    pub(super) endpoint_calls_max: usize,
    pub(super) endpoint_waiting_max: usize,
    pub(super) endpoint_rate_max: u32,
    pub(super) endpoint_failures_max: u32,
    pub(super) endpoint_pause_seconds: u64,
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Secrets {
    pub(super) key_file: String,
    pub(super) folder: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Sessions {
    pub idle_hours: u64,
    pub longest_days: u64,
    pub password_hashes_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Metrics {
    pub open: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Traces {
    pub(super) endpoint: String,
    pub(super) sample_percent: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Plugins {
    pub(super) folder: String,
    /// Each `NAME=SHA256`.
    pub(super) pins: Vec<String>,
    pub(super) pinned_only: bool,
    pub(super) disabled: Vec<String>,
    pub(super) in_process: Vec<String>,
    pub(super) in_child: Vec<String>,
    pub(super) threads: usize,
    pub(super) queue_max: usize,
    pub(super) memory_bytes_max: u64,
    pub(super) idle_seconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Bootstrap {
    pub(super) administrator_email: String,
    pub(super) administrator_password_file: String,
    pub(super) api_key_file: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Retention {
    pub records_days: u32,
    pub records_max: u64,
    pub audit_days: u32,
    pub revoked_keys_days: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    pub(super) level: String,
    pub(super) format: String,
}
