//! `onward plugin lock`: pins each library of a folder to what is in it now, so that one that changes is noticed.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::super::{ConfigArguments, load, many, say, shown};
use crate::plugin::{note, trust};

/// Files of a plugin folder that are looked at.
const FILES_MAX: usize = 1_000;

const HEADER: &str = "[[plugins.pins]]";

#[derive(Args)]
pub(in crate::cli) struct LockArguments {
    /// The folder with the libraries; `plugins.folder` of the configuration, unless it is named.
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArguments,
    /// Puts the pins into this configuration file, in the place of those in it. Everything else in it stays as it is.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// The hash of each library, by the name of its plugin.
type Pins = BTreeMap<String, String>;

pub(super) fn lock(arguments: &LockArguments) -> anyhow::Result<()> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => load(&arguments.config)?
            .plugins
            .folder
            .context("say which folder, or name a configuration with --config whose plugins.folder is set")?,
    };
    let pins = pins_of(&folder)?;
    let Some(file) = &arguments.write else {
        say::print(format_args!("{}", tables(&pins, "\n")));
        return Ok(());
    };
    // The file that a link leads to is written, and not the link.
    let file = file.canonicalize().with_context(|| shown(file).to_string())?;
    let text = fs::read_to_string(&file).with_context(|| shown(&file).to_string())?;
    let edited = edited(&text, &pins).with_context(|| shown(&file).to_string())?;
    if edited == text {
        say!("{} has the pins of {} already", shown(&file), many(pins.len(), "plugin"));
        return Ok(());
    }
    replace(&file, &edited).with_context(|| format!("{} cannot be written", shown(&file)))?;
    say!("{} has the pins of {} now", shown(&file), many(pins.len(), "plugin"));
    Ok(())
}

/// Reads the notes of all libraries in a folder; none of them is run.
fn pins_of(folder: &Path) -> anyhow::Result<Pins> {
    let entries = fs::read_dir(folder).with_context(|| shown(folder).to_string())?;
    let entries = entries.collect::<Result<Vec<_>, _>>().with_context(|| shown(folder).to_string())?;
    if entries.len() > FILES_MAX {
        bail!("{} has more than {FILES_MAX} files", shown(folder));
    }
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "so"));
    paths.sort();
    let (mut pins, mut first) = (Pins::new(), BTreeMap::<String, PathBuf>::new());
    for path in paths {
        let library =
            note::read(&path).map_err(|error| anyhow!("{}: {}: {error}", error.code(), shown(&path)))?;
        if let Err(why) = trust::check(&path) {
            eprintln!("onward: a server does not load {}: {why}", shown(&path));
        }
        let name = library.note.name;
        if let Some(other) = first.get(&name) {
            bail!("{} and {} are both called `{name}`: keep one of them", shown(other), shown(&path));
        }
        pins.insert(name.clone(), library.sha256);
        first.insert(name, path);
    }
    Ok(pins)
}

/// The pins as the configuration has them.
fn tables(pins: &Pins, end: &str) -> String {
    let mut text = String::new();
    for (number, (name, sha256)) in pins.iter().enumerate() {
        let before = if number == 0 { "" } else { end };
        // A name has no control characters, so that TOML writes it as JSON does.
        let name = serde_json::Value::from(name.as_str());
        let _ = write!(text, "{before}{HEADER}{end}name = {name}{end}sha256 = \"{sha256}\"{end}");
    }
    text
}

/// The text of a configuration with these pins in the place of its own. What else is in it is the same, byte by byte.
fn edited(text: &str, pins: &Pins) -> anyhow::Result<String> {
    let before: toml::Table = text.parse().context("it is no TOML; nothing was changed")?;
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (mut rest, at) = without_pins(text);
    let new = tables(pins, end);
    match at {
        // Where the first of them stood.
        Some(at) => {
            let is_apart = rest[at..].is_empty() || rest[at..].starts_with(['\n', '\r']) || new.is_empty();
            rest.insert_str(at, &format!("{new}{}", if is_apart { "" } else { end }));
        }
        None if new.is_empty() => {}
        None => {
            let gap = match rest.as_str() {
                "" => "",
                rest if rest.ends_with('\n') => end,
                _ => &end.repeat(2),
            };
            rest.push_str(&format!("{gap}{new}"));
        }
    }
    // However the file was written: what comes of it is what was meant, or it is left alone.
    let written = rest.parse().ok().is_some_and(|after| is_pinned(before, after, pins));
    if !written {
        bail!(
            "its pins are not written as `{HEADER}` tables, or `plugins` is an inline table: write `[plugins]` for it, take the pins \
             away, and try again; nothing was changed"
        );
    }
    Ok(rest)
}

/// Whether a configuration is another one with these pins in the place of its own.
fn is_pinned(mut before: toml::Table, mut after: toml::Table, pins: &Pins) -> bool {
    let taken = |table: &mut toml::Table| {
        let plugins = table.get_mut("plugins").and_then(toml::Value::as_table_mut);
        let pins = plugins.and_then(|plugins| plugins.remove("pins"));
        if table.get("plugins").and_then(toml::Value::as_table).is_some_and(toml::Table::is_empty) {
            table.remove("plugins");
        }
        pins
    };
    let pin = |(name, sha256): (&String, &String)| {
        let members = [("name", name), ("sha256", sha256)];
        toml::Value::Table(
            members.map(|(key, text)| (key.to_owned(), text.as_str().into())).into_iter().collect(),
        )
    };
    let wanted: Vec<_> = pins.iter().map(pin).collect();
    taken(&mut before);
    let found = taken(&mut after).unwrap_or(toml::Value::Array(Vec::new()));
    found == toml::Value::Array(wanted) && before == after
}

/// The text without its tables of pins, and where the first one stood. What follows a table's last key (blank lines, comments) stays.
fn without_pins(text: &str) -> (String, Option<usize>) {
    let (mut rest, mut first) = (String::with_capacity(text.len()), None);
    // Lines after a table's last key: of the next table, if they are comments, and kept for it.
    let (mut is_within, mut pending) = (false, String::new());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if is_header(trimmed) {
            if !is_within || !pending.trim().is_empty() {
                rest.push_str(&pending);
            }
            pending.clear();
            first.get_or_insert(rest.len());
            is_within = true;
        } else if trimmed.starts_with('[') || !is_within {
            rest.push_str(&pending);
            pending.clear();
            rest.push_str(line);
            is_within = false;
        } else if trimmed.is_empty() || trimmed.starts_with('#') {
            pending.push_str(line);
        } else {
            pending.clear();
        }
    }
    rest.push_str(&pending);
    (rest, first)
}

/// Whether a line begins such a table, however it is written.
fn is_header(line: &str) -> bool {
    let Some((inside, after)) = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")) else {
        return false;
    };
    let is_end = after.trim().is_empty() || after.trim().starts_with('#');
    let keys = inside.split('.').map(|key| key.trim().trim_matches(['"', '\'']));
    is_end && keys.eq(["plugins", "pins"])
}

/// Puts a text in the place of a file's, all of it or nothing; the owner, the group and the mode stay.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // Nobody else's file, and nothing that a link leads to; and nobody reads it before it has the rights of the old one.
    let created = File::options().write(true).create_new(true).mode(0o600).open(&new);
    let written = created.with_context(|| shown(&new).to_string())?;
    let written = put(&written, file, text).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    Ok(written?)
}

fn put(mut new: &File, old: &Path, text: &str) -> io::Result<()> {
    new.write_all(text.as_bytes())?;
    let (old, own) = (fs::metadata(old)?, new.metadata()?);
    if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    // After it: another owner takes rights away.
    new.set_permissions(old.permissions())?;
    new.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(all: &[(&str, &str)]) -> Pins {
        all.iter().map(|(name, sha256)| ((*name).to_owned(), (*sha256).to_owned())).collect()
    }

    #[test]
    fn only_the_pins_of_a_file_change() {
        let two = pins(&[("b", "22"), ("a", "11")]);
        let new = "[[plugins.pins]]\nname = \"a\"\nsha256 = \"11\"\n\n[[plugins.pins]]\nname = \"b\"\nsha256 = \"22\"\n";
        for (before, after) in [
            (String::new(), new.to_owned()),
            (
                "# mine\n[log]\nformat = \"json\"".to_owned(),
                format!("# mine\n[log]\nformat = \"json\"\n\n{new}"),
            ),
            (
                "[plugins]\nfolder = \"/x\" # here\n".to_owned(),
                format!("[plugins]\nfolder = \"/x\" # here\n\n{new}"),
            ),
            // In their place, with what is around them; a comment in front of the next table is that table's.
            (
                "# pins\n[[plugins.pins]] # one\nname = \"z\"\n# its\nsha256 = \"0\"\n\n# the log\n[log]\n"
                    .to_owned(),
                format!("# pins\n{new}\n# the log\n[log]\n"),
            ),
            (
                "[[ plugins . \"pins\" ]]\nname = \"z\"\n[log]\n[[plugins.pins]]\nname = \"y\"\n\n\n"
                    .to_owned(),
                format!("{new}\n[log]\n\n\n"),
            ),
            (new.to_owned(), new.to_owned()),
        ] {
            assert_eq!(edited(&before, &two).expect("edited"), after, "{before}");
            assert_eq!(edited(&after, &two).expect("edited"), after);
        }
        assert_eq!(edited(new, &Pins::new()).expect("edited").trim(), "");
        let odd = pins(&[("a \"b\" \\ ü", "1")]);
        assert!(edited("", &odd).expect("edited").contains(r#"name = "a \"b\" \\ ü""#));
        let lines = edited("[log]\r\n", &two).expect("edited");
        assert_eq!(lines.matches("\r\n").count(), lines.matches('\n').count());
    }

    #[test]
    fn a_file_that_is_written_otherwise_is_left_alone() {
        let one = pins(&[("a", "11")]);
        for text in [
            "[plugins]\npins = [{ name = \"a\", sha256 = \"1\" }]\n",
            "plugins.pins = []\n",
            "plugins = { folder = \"/x\" }\n",
            "name = \"\"\"\n[[plugins.pins]]\nx\n\"\"\"\n",
            "[plugins]\npins = 7\n",
        ] {
            let error = edited(text, &one).expect_err(text).to_string();
            assert!(error.contains("nothing was changed"), "{error}");
        }
        assert!(edited("[log", &one).expect_err("no TOML").to_string().contains("no TOML"));
    }
}
