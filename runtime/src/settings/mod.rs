//! `onward.toml`: what an operator wrote becomes checked settings, or a report of every problem at its place.
//!
//! Defaults, then the file, then the environment. Only `boot` and `cli` see this; every other module
//! takes a small struct of its own.

mod keys;
mod plugins;
mod raw;
mod read;
mod schema;

pub use self::schema::schema;

use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use jiff::tz::TimeZone;
use tracing_subscriber::filter::{LevelFilter, Targets};

use self::read::Reading;
use crate::{
    bootstrap::Bootstrap,
    definition::NAME_CHARS_MAX,
    egress::{self, Guard, Proxy, Trust},
    model::{text, user::checked_email},
    plugin::registry::PluginSettings,
    telemetry::{
        LogFormat,
        traces::{TRACES, TraceSettings},
    },
    toml_file::{Diagnostics, Unreadable, read_text},
};

/// What `log.format` may be.
const LOG_FORMATS: [(&str, LogFormat); 3] =
    [("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];

const DEFAULTS: &str = include_str!("../../onward.default.toml");

#[derive(Debug, Clone)]
pub struct Settings {
    pub server: raw::Server,
    pub store: Store,
    pub files: Files,
    pub workflows: Workflows,
    pub workspace: Workspace,
    pub engine: raw::Engine,
    pub egress: Egress,
    pub secrets: Secrets,
    pub sessions: raw::Sessions,
    pub plugins: PluginSettings,
    pub bootstrap: Bootstrap,
    pub metrics: raw::Metrics,
    /// `None`: no spans are made for traces.
    pub traces: Option<TraceSettings>,
    pub trusted_proxies: Vec<IpNet>,
    pub retention: raw::Retention,
    pub log: Log,
}

#[derive(Debug, Clone)]
pub struct Secrets {
    pub key_file: PathBuf,
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Store {
    pub folder: PathBuf,
    pub task_cache_max: usize,
    pub queue_max: usize,
}

#[derive(Debug, Clone)]
pub struct Files {
    pub bytes_max: usize,
    /// From where files are fetched that are named by their addresses.
    pub guard: Guard,
}

#[derive(Debug, Clone)]
pub struct Workflows {
    pub folder: PathBuf,
}

#[derive(Debug, Clone)]
pub struct Workspace {
    pub name: String,
    pub zone: TimeZone,
}

#[derive(Debug, Clone)]
pub struct Egress {
    pub connect_timeout_seconds: u64,
    pub idle_timeout_seconds: u64,
    pub extra_ca_file: Option<PathBuf>,
    pub endpoint_calls_max: usize,
    pub endpoint_waiting_max: usize,
    pub endpoint_rate_max: u32,
    pub endpoint_failures_max: u32,
    pub endpoint_pause_seconds: u64,
    pub guard: Guard,
    pub proxy: Option<Proxy>,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub levels: Targets,
    pub format: LogFormat,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: Unreadable },
    /// A report for the file, and one for the environment.
    #[error("the configuration cannot be used\n\n{}", reports(.0))]
    Unsound(Vec<Diagnostics>),
    #[error("the defaults and what was said do not go together: {0}")]
    Merge(#[from] config::ConfigError),
}

fn reports(reports: &[Diagnostics]) -> String {
    let reports: Vec<_> = reports.iter().map(Diagnostics::to_string).collect();
    reports.join("\n\n")
}

/// Reads the settings. Relative paths are relative to the file; without one, to the working folder.
pub fn load(file: Option<&Path>) -> Result<Settings, SettingsError> {
    load_with(file, std::env::vars_os())
}

fn load_with(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Settings, SettingsError> {
    let unreadable = |path: &Path, problem| SettingsError::Unreadable { path: path.to_owned(), problem };
    let text = file.map(|path| read_text(path).map_err(|problem| unreadable(path, problem)));
    let name = file.map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
    let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut reading = Reading::new(&name, text.transpose()?.unwrap_or_default(), environment);
    let raw = reading.merged()?;
    let checked = check(raw, base, &mut reading);
    let reports = reading.problems();
    checked.filter(|_| reports.is_empty()).ok_or(SettingsError::Unsound(reports))
}

/// `None`: what is wrong is noted.
fn check(raw: raw::Settings, base: &Path, reading: &mut Reading) -> Option<Settings> {
    let trusted_proxies = server(&raw.server, reading);
    let log = log(&raw.log, reading);
    let workspace = workspace(&raw.workspace, reading);
    let calls_guard = guard("egress.allow", &raw.egress.allow, reading);
    let files_guard = guard("files.remote_allow", &raw.files.remote_allow, reading);
    let extra_ca_file = extra_ca_file(&raw.egress, base, reading);
    let proxy = proxy(&raw.egress, reading);
    let traces = traces(&raw.traces, reading);
    let folder = base.join(&raw.store.folder);
    let bootstrap = bootstrap(&raw.bootstrap, base, reading);
    let plugins = plugins::plugins(raw.plugins, &folder, reading);
    Some(Settings {
        secrets: secrets(&raw.secrets, base, &folder),
        sessions: raw.sessions,
        plugins,
        bootstrap,
        metrics: raw.metrics,
        traces,
        trusted_proxies,
        retention: raw.retention,
        store: Store { folder, task_cache_max: raw.store.task_cache_max, queue_max: raw.store.queue_max },
        workflows: Workflows { folder: base.join(raw.workflows.folder) },
        egress: Egress {
            connect_timeout_seconds: raw.egress.connect_timeout_seconds,
            idle_timeout_seconds: raw.egress.idle_timeout_seconds,
            extra_ca_file,
            endpoint_calls_max: raw.egress.endpoint_calls_max,
            endpoint_waiting_max: raw.egress.endpoint_waiting_max,
            endpoint_rate_max: raw.egress.endpoint_rate_max,
            endpoint_failures_max: raw.egress.endpoint_failures_max,
            endpoint_pause_seconds: raw.egress.endpoint_pause_seconds,
            guard: calls_guard?,
            proxy,
        },
        log: log?,
        server: raw.server,
        files: Files { bytes_max: raw.files.bytes_max, guard: files_guard? },
        workspace: workspace?,
        engine: raw.engine,
    })
}
/// A file that has certificates now, so that whoever checks the configuration hears of it.
fn extra_ca_file(raw: &raw::Egress, base: &Path, reading: &mut Reading) -> Option<PathBuf> {
    let path = (!raw.extra_ca_file.is_empty()).then(|| base.join(&raw.extra_ca_file))?;
    if let Err(error) = Trust::check(&path) {
        reading.note("egress.extra_ca_file", None, &format!("a file of certificates in PEM; {error}"));
    }
    Some(path)
}

/// The proxy, if there is one.
fn proxy(raw: &raw::Egress, reading: &mut Reading) -> Option<Proxy> {
    const KEY: &str = "egress.proxy";
    let mut except = raw.proxy_except.clone();
    let (key, url) = match raw.proxy.as_str() {
        "" => return None,
        "environment" => {
            let bypassed =
                reading.variable(["NO_PROXY", "no_proxy"]).map(|(_, text)| text).unwrap_or_default();
            except.extend(bypassed.split(',').map(str::to_owned));
            reading.variable(["HTTPS_PROXY", "https_proxy"])?
        }
        // Secrets do not stand in files.
        url if url.contains('@') && !reading.is_variable(KEY) => {
            let expected = "http://HOST:PORT; with a user and a password, from the environment alone: HTTPS_PROXY \
                            (write \"environment\") or ONWARD__EGRESS__PROXY";
            reading.note(KEY, None, expected);
            return None;
        }
        url => (KEY, url.to_owned()),
    };
    let proxy = Proxy::new(&url, raw.proxy_resolves, except.iter().map(String::as_str));
    proxy.map_err(|expected| reading.note(key, None, expected)).ok()
}

fn secrets(raw: &raw::Secrets, base: &Path, data: &Path) -> Secrets {
    Secrets {
        key_file: match raw.key_file.as_str() {
            "" => data.join("secrets.key"),
            path => base.join(path),
        },
        folder: (!raw.folder.is_empty()).then(|| base.join(&raw.folder)),
    }
}

/// An address by http or https with nothing behind its path.
fn is_address(url: &str) -> bool {
    !url.contains(['?', '#']) && egress::is_http(url)
}

/// The section `server`, of which the networks of its proxies are read.
fn server(raw: &raw::Server, reading: &mut Reading) -> Vec<IpNet> {
    if raw.listen.parse::<SocketAddr>().is_err() {
        reading.note("server.listen", None, "an address and a port, such as 127.0.0.1:8080");
    }
    // Whether it is https decides how cookies are set.
    let is_sound = |url: &str| is_address(url) && url.matches("//").count() == 1;
    if !raw.public_url.is_empty() && !is_sound(&raw.public_url) {
        reading.note(
            "server.public_url",
            None,
            "where people reach the server, such as https://onward.example",
        );
    }
    let mut net = |entry: &String| {
        let net = entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
        if net.is_none() {
            reading.note("server.trusted_proxies", Some(entry), "networks or addresses, such as 10.0.0.0/8");
        }
        net
    };
    raw.trusted_proxies.iter().filter_map(&mut net).collect()
}

fn workspace(raw: &raw::Workspace, reading: &mut Reading) -> Option<Workspace> {
    if raw.name.trim().is_empty() || text::problem(&raw.name, NAME_CHARS_MAX).is_some() {
        let expected = format!("a name of at most {NAME_CHARS_MAX} characters, such as Acme");
        reading.note("workspace.name", None, &expected);
    }
    let Ok(zone) = TimeZone::get(&raw.time_zone) else {
        reading.note("workspace.time_zone", None, "UTC or a name such as Europe/Berlin");
        return None;
    };
    Some(Workspace { name: raw.name.clone(), zone })
}

/// What a guard lets through, by the entries of a setting.
fn guard(setting: &'static str, entries: &[String], reading: &mut Reading) -> Option<Guard> {
    for entry in entries {
        if let Err((_, error)) = Guard::new([entry.as_str()]) {
            reading.note(setting, Some(entry), &error.to_string());
        }
    }
    let guard = Guard::new(entries.iter().map(String::as_str)).ok()?;
    Some(guard.of_setting(setting))
}

/// Where traces go, if they go anywhere.
fn traces(raw: &raw::Traces, reading: &mut Reading) -> Option<TraceSettings> {
    let endpoint = raw.endpoint.trim_end_matches('/');
    if endpoint.is_empty() {
        return None;
    }
    if !is_address(endpoint) {
        reading.note(
            "traces.endpoint",
            None,
            "a collector's address by http or https, such as http://127.0.0.1:4318",
        );
        return None;
    }
    let has_path = endpoint.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let path = if has_path { "" } else { "/v1/traces" };
    Some(TraceSettings { endpoint: format!("{endpoint}{path}"), sample_percent: raw.sample_percent })
}

fn bootstrap(raw: &raw::Bootstrap, base: &Path, reading: &mut Reading) -> Bootstrap {
    let file = |name: &str| (!name.is_empty()).then(|| base.join(name));
    let email = (!raw.administrator_email.is_empty()).then(|| checked_email(&raw.administrator_email));
    let password_file = file(&raw.administrator_password_file);
    match (&email, &password_file) {
        (Some(Err(_)), _) => reading.note("bootstrap.administrator_email", None, "an email"),
        (Some(_), None) if !reading.is_wrong("bootstrap.administrator_password_file") => {
            let expected =
                "together with bootstrap.administrator_password_file, the file that has the password";
            reading.note("bootstrap.administrator_email", None, expected);
        }
        (None, Some(_)) if !reading.is_wrong("bootstrap.administrator_email") => {
            let expected = "together with bootstrap.administrator_email, whose password it has";
            reading.note("bootstrap.administrator_password_file", None, expected);
        }
        _ => {}
    }
    let administrator = email.and_then(Result::ok).zip(password_file);
    Bootstrap { administrator, api_key_file: file(&raw.api_key_file) }
}

/// What is nobody's news, unless the operator asks for it: each start and stop of a thread of the HTTP server, that a
/// client has sent what is no HTTP, which it calls an error, and what only traces need.
const QUIET: [(&str, LevelFilter); 3] = [
    ("actix_server", LevelFilter::WARN),
    ("actix_http::h1::dispatcher", LevelFilter::OFF),
    (TRACES, LevelFilter::OFF),
];

fn log(raw: &raw::Log, reading: &mut Reading) -> Option<Log> {
    // The library takes a word that is no level for a target, with all that it logs.
    let is_level = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    let levels = raw.level.split(',').all(is_level).then(|| raw.level.parse::<Targets>().ok()).flatten();
    if levels.is_none() {
        let expected = "off, error, warn, info, debug, trace, or a list such as info,onward::egress=debug";
        reading.note("log.level", None, expected);
    }
    let format = LOG_FORMATS.into_iter().find(|(name, _)| *name == raw.format);
    if format.is_none() {
        reading.note("log.format", None, "auto, pretty or json");
    }
    let quiet = |levels: Targets, (target, level): (&str, LevelFilter)| {
        if raw.level.contains(target) { levels } else { levels.with_target(target, level) }
    };
    Some(Log { levels: QUIET.into_iter().fold(levels?, quiet), format: format?.1 })
}

#[cfg(test)]
mod tests;
