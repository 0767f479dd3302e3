//! `onward.toml`: what an operator wrote becomes checked settings, or an error that names the key.
//!
//! Defaults, then the file, then the environment. Only `boot` and `cli` see this; every other module
//! takes a small struct of its own.

mod raw;
mod schema;

pub use self::schema::schema;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::{
    bootstrap::Bootstrap,
    egress::{self, Guard, Proxy},
    model::{text::closest, user::checked_email},
    telemetry::LogFormat,
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
    pub bootstrap: Bootstrap,
    pub metrics: raw::Metrics,
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
    #[error("{}: the configuration file cannot be read: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: std::io::Error },
    #[error("{place}: {problem}")]
    Invalid { place: String, problem: String },
    #[error("{place}: `{key}` is {found}; it must be {expected}")]
    Value { place: String, key: &'static str, found: String, expected: String },
}

/// Reads the settings. Relative paths are relative to the file; without one, to the working folder.
pub fn load(file: Option<&Path>) -> Result<Settings, SettingsError> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|problem| SettingsError::Unreadable { path: path.to_owned(), problem })?,
        None => String::new(),
    };
    let place = file.map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
    let base = file.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
    let environment = Environment::with_prefix("ONWARD").prefix_separator("__").separator("__");
    let invalid = |problem: String| SettingsError::Invalid { place: place.clone(), problem };
    let config = Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(File::from_str(&text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    let raw: raw::Settings =
        config.try_deserialize().map_err(|error| invalid(suggest(&error.to_string())))?;
    check(raw, &base, &place)
}

/// Adds the nearest of the names that serde says it expected.
fn suggest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = if message.contains("unknown field") { quoted.next() } else { None };
    let nearest = unknown.and_then(|unknown| closest(unknown, quoted));
    nearest.map_or_else(|| message.to_owned(), |nearest| format!("{message}; did you mean `{nearest}`?"))
}

fn check(raw: raw::Settings, base: &Path, place: &str) -> Result<Settings, SettingsError> {
    let value = |key, found: &dyn std::fmt::Display, expected: &str| {
        let (found, expected) = (format!("`{found}`"), expected.to_owned());
        SettingsError::Value { place: place.to_owned(), key, found, expected }
    };
    let range = |key, number: u64, least: u64, most: u64| {
        if (least..=most).contains(&number) {
            Ok(())
        } else {
            Err(value(key, &number, &format!("from {least} to {most}")))
        }
    };
    let trusted_proxies =
        server(&raw.server).map_err(|(key, found, expected)| value(key, &found, expected))?;
    ranges(&raw, &range)?;
    let log = log(&raw.log).map_err(|(key, found, expected)| value(key, &found, expected))?;
    let zone = TimeZone::get(&raw.workspace.time_zone).map_err(|_| {
        value("workspace.time_zone", &raw.workspace.time_zone, "UTC or a name such as Europe/Berlin")
    })?;
    let guard = Guard::new(raw.egress.allow.iter().map(String::as_str))
        .map_err(|(entry, error)| value("egress.allow", &entry, &error.to_string()))?;
    let files_guard = Guard::new(raw.files.remote_allow.iter().map(String::as_str))
        .map_err(|(entry, error)| value("files.remote_allow", &entry, &error.to_string()))?;
    // Its value is not repeated: it may have a password in it.
    let proxy = proxy(&raw.egress).map_err(|expected| {
        let found = if raw.egress.proxy == "environment" { "what HTTPS_PROXY has" } else { "another text" };
        value("egress.proxy", &found, expected)
    })?;
    let extra_ca_file = (!raw.egress.extra_ca_file.is_empty()).then(|| base.join(&raw.egress.extra_ca_file));
    let folder = base.join(&raw.store.folder);
    let secrets = secrets(&raw.secrets, base, &folder);
    let bootstrap = bootstrap(&raw.bootstrap, base).map_err(|expected| {
        value("bootstrap.administrator_email", &raw.bootstrap.administrator_email, expected)
    })?;
    Ok(Settings {
        secrets,
        sessions: raw.sessions,
        bootstrap,
        metrics: raw.metrics,
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
            guard,
            proxy,
        },
        log,
        server: raw.server,
        files: Files { bytes_max: raw.files.bytes_max, guard: files_guard.of_setting("files.remote_allow") },
        workspace: Workspace { name: raw.workspace.name, zone },
        engine: raw.engine,
    })
}

/// Every number within its limits.
fn ranges(
    raw: &raw::Settings,
    range: &dyn Fn(&'static str, u64, u64, u64) -> Result<(), SettingsError>,
) -> Result<(), SettingsError> {
    range("server.workers", raw.server.workers as u64, 0, 1024)?;
    range("server.body_bytes_max", raw.server.body_bytes_max as u64, 1024, 1 << 30)?;
    range("server.drain_seconds", raw.server.drain_seconds, 0, 3600)?;
    range("store.task_cache_max", raw.store.task_cache_max as u64, 1, 10_000_000)?;
    range("store.queue_max", raw.store.queue_max as u64, 1, 1_000_000)?;
    range("files.bytes_max", raw.files.bytes_max as u64, 1, 64 << 20)?;
    range("engine.in_flight_max", raw.engine.in_flight_max as u64, 1, 1_000_000)?;
    range("engine.queued_max", raw.engine.queued_max as u64, 1, 1_000_000)?;
    range("engine.chain_idle_seconds", raw.engine.chain_idle_seconds, 1, 86_400)?;
    range("sessions.idle_hours", raw.sessions.idle_hours, 1, 24 * 365)?;
    range("sessions.longest_days", raw.sessions.longest_days, 1, 365)?;
    range("sessions.password_hashes_max", raw.sessions.password_hashes_max as u64, 1, 64)?;
    range("egress.connect_timeout_seconds", raw.egress.connect_timeout_seconds, 1, 120)?;
    range("egress.idle_timeout_seconds", raw.egress.idle_timeout_seconds, 1, 600)?;
    range("egress.endpoint_calls_max", raw.egress.endpoint_calls_max as u64, 1, 100_000)?;
    range("egress.endpoint_pause_seconds", raw.egress.endpoint_pause_seconds, 1, 86_400)?;
    range("retention.records_days", raw.retention.records_days.into(), 0, 36_500)?;
    range("retention.records_max", raw.retention.records_max, 0, 1_000_000_000)?;
    range("retention.audit_days", raw.retention.audit_days.into(), 0, 36_500)?;
    range("retention.revoked_keys_days", raw.retention.revoked_keys_days.into(), 0, 36_500)?;
    Ok(())
}

/// Says in the environment what `egress.proxy` says in the file.
const PROXY_VARIABLE: &str = "ONWARD__EGRESS__PROXY";

/// The proxy, if there is one; or what `egress.proxy` must be.
fn proxy(raw: &raw::Egress) -> Result<Option<Proxy>, &'static str> {
    let mut except = raw.proxy_except.clone();
    let url = match raw.proxy.as_str() {
        "" => return Ok(None),
        "environment" => {
            let variable = |names: [&str; 2]| {
                let set = names.into_iter().filter_map(|name| std::env::var(name).ok());
                set.into_iter().find(|text| !text.is_empty())
            };
            let bypassed = variable(["NO_PROXY", "no_proxy"]).unwrap_or_default();
            except.extend(bypassed.split(',').map(str::to_owned));
            match variable(["HTTPS_PROXY", "https_proxy"]) {
                Some(url) => url,
                None => return Ok(None),
            }
        }
        // Secrets do not stand in files.
        url if url.contains('@') && std::env::var(PROXY_VARIABLE).as_deref() != Ok(url) => {
            return Err(
                "http://HOST:PORT; with a user and a password, from the environment alone: HTTPS_PROXY \
                        (write \"environment\") or ONWARD__EGRESS__PROXY",
            );
        }
        url => url.to_owned(),
    };
    Proxy::new(&url, raw.proxy_resolves, except.iter().map(String::as_str)).map(Some)
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

/// Empty, or an address by http or https with nothing behind its path. Whether it is https decides how cookies are set.
fn is_public_url(url: &str) -> bool {
    url.is_empty() || !url.contains(['?', '#']) && egress::is_http(url)
}

/// The section `server`, of which the networks of its proxies are read; or the key that is wrong, what was found there, and
/// what may be.
fn server(raw: &raw::Server) -> Result<Vec<IpNet>, (&'static str, String, &'static str)> {
    if raw.listen.parse::<SocketAddr>().is_err() {
        let expected = "an address and a port, such as 127.0.0.1:8080";
        return Err(("server.listen", raw.listen.clone(), expected));
    }
    if !is_public_url(&raw.public_url) {
        let expected = "where people reach the server, such as https://onward.example";
        return Err(("server.public_url", raw.public_url.clone(), expected));
    }
    let net = |entry: &String| {
        let net = entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
        let expected = "networks or addresses, such as 10.0.0.0/8";
        net.map_err(|_| ("server.trusted_proxies", entry.clone(), expected))
    };
    raw.trusted_proxies.iter().map(net).collect()
}

fn bootstrap(raw: &raw::Bootstrap, base: &Path) -> Result<Bootstrap, &'static str> {
    const EXPECTED: &str = "an email, together with bootstrap.administrator_password_file";
    let file = |name: &str| (!name.is_empty()).then(|| base.join(name));
    let administrator = match (raw.administrator_email.as_str(), file(&raw.administrator_password_file)) {
        ("", None) => None,
        (email, Some(password_file)) => {
            let email = checked_email(email).map_err(|_| EXPECTED)?;
            Some((email, password_file))
        }
        _ => return Err(EXPECTED),
    };
    Ok(Bootstrap { administrator, api_key_file: file(&raw.api_key_file) })
}

/// What is nobody's news, unless the operator asks for it: each start and stop of a thread of the HTTP server, and that a
/// client has sent what is no HTTP, which it calls an error.
const QUIET: [(&str, LevelFilter); 2] =
    [("actix_server", LevelFilter::WARN), ("actix_http::h1::dispatcher", LevelFilter::OFF)];

/// The section `log`; or the key that is wrong, what was found there, and what may be.
fn log(raw: &raw::Log) -> Result<Log, (&'static str, String, &'static str)> {
    let levels = raw.level.parse::<Targets>().map_err(|_| {
        let expected = "off, error, warn, info, debug, trace, or a list such as info,onward::egress=debug";
        ("log.level", raw.level.clone(), expected)
    })?;
    let quiet = |levels: Targets, (target, level): (&str, LevelFilter)| {
        if raw.level.contains(target) { levels } else { levels.with_target(target, level) }
    };
    let levels = QUIET.into_iter().fold(levels, quiet);
    let format = LOG_FORMATS.into_iter().find(|(name, _)| *name == raw.format);
    let Some((_, format)) = format else {
        return Err(("log.format", raw.format.clone(), "auto, pretty or json"));
    };
    Ok(Log { levels, format })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn load_text(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("onward.toml");
        std::fs::write(&path, text).expect("a file");
        load(Some(&path))
    }

    fn check(text: &str, expected: Expect) {
        let error = load_text(text).expect_err(text).to_string();
        expected.assert_eq(error.split_once("onward.toml: ").map_or(error.as_str(), |(_, rest)| rest));
    }

    #[test]
    fn the_defaults_are_complete() {
        // Every key is required of the merged whole, so the defaults alone must be enough.
        let settings = load_text("").expect("the defaults");
        assert!(settings.store.folder.ends_with("data"));
        assert_eq!(settings.server.listen, "127.0.0.1:8080");
    }

    #[test]
    fn people_reach_the_server_by_http() {
        for url in [
            "onward.example",
            "ftp://a.example",
            "https://a.example/?b",
            "https://me@a.example",
            "https:///a",
        ] {
            let error = load_text(&format!("[server]\npublic_url = \"{url}\"")).expect_err(url).to_string();
            assert!(
                error.contains(&format!("`server.public_url` is `{url}`; it must be where people")),
                "{error}"
            );
        }
        for url in ["https://onward.example", "http://10.1.1.1:8080/onward/"] {
            load_text(&format!("[server]\npublic_url = \"{url}\"")).expect(url);
        }
    }

    #[test]
    fn a_wrong_value_names_its_key_and_what_is_allowed() {
        check(
            "[server]\nlisten = \"here\"",
            expect!["`server.listen` is `here`; it must be an address and a port, such as 127.0.0.1:8080"],
        );
        check(
            "[engine]\nin_flight_max = 0",
            expect!["`engine.in_flight_max` is `0`; it must be from 1 to 1000000"],
        );
        check("[log]\nformat = \"xml\"", expect!["`log.format` is `xml`; it must be auto, pretty or json"]);
        check(
            "[server]\nlisten = 5\nworkers = \"many\"",
            expect![[r#"invalid type: string "many", expected an integer for key `server.workers`"#]],
        );
        check(
            "[egress]\nallow = [\"10.0.0.0/8\", \"http://billing.example\"]",
            expect![
                "`egress.allow` is `http://billing.example`; it must be a network such as 10.1.0.0/16, an address, or a host, the last two with a port if need be"
            ],
        );
        check(
            "[egress]\nallow = [\"127.0.0.0/8\"]",
            expect![
                "`egress.allow` is `127.0.0.0/8`; it must be an address or a host's name, not a network, because 127.0.0.0/8 is loopback"
            ],
        );
        check(
            "[egress]\nallow = 5",
            expect!["a list of texts, or a text with commas between them for key `egress.allow`"],
        );
        check(
            "[workspace]\ntime_zone = \"Berlin\"",
            expect!["`workspace.time_zone` is `Berlin`; it must be UTC or a name such as Europe/Berlin"],
        );
        check(
            "[server]\nlistne = \"x\"",
            expect![
                "unknown field `listne`, expected one of `listen`, `workers`, `body_bytes_max`, `public_url`, `trusted_proxies`, `drain_seconds` for key `server`; did you mean `listen`?"
            ],
        );
        check(
            "[sevrer]\n",
            expect![
                "unknown field `sevrer`, expected one of `server`, `store`, `files`, `workflows`, `workspace`, `engine`, `egress`, `secrets`, `sessions`, `bootstrap`, `metrics`, `retention`, `log`; did you mean `server`?"
            ],
        );
        check(
            "[server",
            expect![[r#"
            TOML parse error at line 1, column 8
              |
            1 | [server
              |        ^
            unclosed table, expected `]`
        "#]],
        );
    }
}
