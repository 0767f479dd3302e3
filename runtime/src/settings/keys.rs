//! The keys of `onward.toml`, as `onward.default.toml` lists them: there stand their sections, comments and defaults, and here
//! the limits of their numbers.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::DEFAULTS;

/// Items of a list.
pub(super) const ITEMS_MAX: usize = 1_000;

/// What each number may be.
const LIMITS: [(&str, RangeInclusive<u32>); 28] = [
    ("server.workers", 0..=1024),
    ("server.body_bytes_max", 1024..=1 << 30),
    ("server.drain_seconds", 0..=3600),
    ("store.task_cache_max", 1..=10_000_000),
    ("store.queue_max", 1..=1_000_000),
    ("files.bytes_max", 1..=64 << 20),
    ("engine.in_flight_max", 1..=1_000_000),
    ("engine.queued_max", 1..=1_000_000),
    ("engine.chain_idle_seconds", 1..=86_400),
    ("egress.connect_timeout_seconds", 1..=120),
    ("egress.idle_timeout_seconds", 1..=600),
    ("egress.endpoint_calls_max", 1..=100_000),
    ("egress.endpoint_waiting_max", 0..=1_000_000),
    ("egress.endpoint_rate_max", 0..=1_000_000),
    ("egress.endpoint_failures_max", 0..=1_000_000),
    ("egress.endpoint_pause_seconds", 1..=86_400),
    ("plugins.threads", 1..=256),
    ("plugins.queue_max", 1..=1_000_000),
    ("plugins.memory_bytes_max", 64 << 20..=u32::MAX),
    ("plugins.idle_seconds", 1..=86_400),
    ("sessions.idle_hours", 1..=24 * 365),
    ("sessions.longest_days", 1..=365),
    ("sessions.password_hashes_max", 1..=64),
    ("traces.sample_percent", 0..=100),
    ("retention.records_days", 0..=36_500),
    ("retention.records_max", 0..=1_000_000_000),
    ("retention.audit_days", 0..=36_500),
    ("retention.revoked_keys_days", 0..=36_500),
];

/// What a key may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number(RangeInclusive<u32>),
    Flag,
    /// Of texts; or one text with commas between them, because the environment has only texts.
    List,
    /// Tables with `name` and `sha256`; or the same as texts `NAME=SHA256`.
    Pins,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// What stands above it, or above the keys right before it.
    pub(super) comment: String,
    pub(super) default: Value,
    pub(super) kind: Kind,
}

impl Key {
    fn new(section: &'static str, key: &'static str, default: &str, comment: String) -> Option<Self> {
        // What is written there is JSON as well.
        let default = serde_json::from_str(default).ok()?;
        let name = format!("{section}.{key}");
        let kind = match &default {
            Value::String(_) => Kind::Text,
            Value::Bool(_) => Kind::Flag,
            Value::Array(_) if name == "plugins.pins" => Kind::Pins,
            Value::Array(_) => Kind::List,
            Value::Number(_) => Kind::Number(LIMITS.into_iter().find(|(key, _)| *key == name)?.1),
            Value::Null | Value::Object(_) => return None,
        };
        Some(Self { section, key, comment, default, kind })
    }

    /// `server.listen`
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// `ONWARD__SERVER__LISTEN`
    pub(super) fn variable(&self) -> String {
        format!("ONWARD__{}__{}", self.section, self.key).to_ascii_uppercase()
    }
}

/// Every key, in the order of `onward.default.toml`.
pub(super) fn keys() -> Vec<Key> {
    let (mut keys, mut section) = (Vec::new(), "");
    let (mut comment, mut is_over) = (String::new(), false);
    for line in DEFAULTS.lines() {
        if let Some(words) = line.strip_prefix('#') {
            if std::mem::take(&mut is_over) {
                comment.clear();
            }
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(words.trim());
        } else if let Some((key, default)) = line.split_once(" = ") {
            keys.extend(Key::new(section, key, default, comment.clone()));
            is_over = true;
        } else {
            section = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(section);
            comment.clear();
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_of_the_defaults_is_there_with_its_default() {
        let defaults: toml::Table = toml::from_str(DEFAULTS).expect("TOML");
        let written = defaults.iter().flat_map(|(section, keys)| {
            keys.as_table().expect(section).iter().map(move |(key, default)| (section, key, default))
        });
        let written: Vec<_> = written
            .map(|(section, key, default)| {
                (format!("{section}.{key}"), serde_json::to_value(default).expect("JSON"))
            })
            .collect();
        let keys = keys();
        for (name, default) in &written {
            let key = keys.iter().find(|key| key.name() == *name).expect(name);
            assert_eq!((key.default == *default, key.comment.is_empty()), (true, false), "{name}");
        }
        assert_eq!(keys.len(), written.len());
    }

    #[test]
    fn limits_are_of_keys_and_allow_their_defaults() {
        let mut limited = BTreeSet::new();
        for key in keys() {
            if let Kind::Number(range) = &key.kind {
                let default = key.default.as_u64().and_then(|number| u32::try_from(number).ok());
                assert!(default.is_some_and(|default| range.contains(&default)), "{}", key.name());
                limited.insert(key.name());
            }
        }
        assert_eq!(limited, LIMITS.map(|(name, _)| name.to_owned()).into());
    }
}
