//! The sdk within this program: whoever has the program alone begins a plugin in Rust with it, and so does what builds that elsewhere.

use std::path::Path;

use anyhow::Context;

use super::write;

/// The folder of a plugin into which it is written.
pub(super) const FOLDER: &str = "onward-sdk";

const MANIFEST: &str = include_str!("../../../../../sdk/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");

/// Parts of the manifest that are for the sdk's own authors.
const OF_ITS_AUTHORS: [&str; 2] = ["[lints]", "[dev-dependencies]"];

macro_rules! files {
    ($($path:literal,)*) => {
        &[
            $(($path, include_str!(concat!("../../../../../sdk/", $path))),)*
            ("LICENSE-APACHE", include_str!("../../../../../LICENSE-APACHE")),
            ("LICENSE-MIT", include_str!("../../../../../LICENSE-MIT")),
        ]
    };
}

/// All but the manifest and the tests.
const FILES: &[(&str, &str)] = files![
    "README.md",
    "build.rs",
    "include/onward_plugin.h",
    "src/abi.rs",
    "src/asynchronous.rs",
    "src/base64.rs",
    "src/call.rs",
    "src/describing.rs",
    "src/description.rs",
    "src/document.rs",
    "src/entry.rs",
    "src/error.rs",
    "src/exchange.rs",
    "src/host.rs",
    "src/http.rs",
    "src/lib.rs",
    "src/note.rs",
    "src/panics.rs",
    "src/reading.rs",
    "src/reading_tests.rs",
    "src/schema.rs",
    "src/secret.rs",
    "src/span.rs",
    "src/step.rs",
    "src/table.rs",
    "src/testing/board.rs",
    "src/testing/instance.rs",
    "src/testing/mod.rs",
    "src/testing/stub.rs",
    "src/trace.rs",
];

/// Writes it into the folder of a plugin.
pub(super) fn write_into(plugin: &Path) -> anyhow::Result<()> {
    let folder = plugin.join(FOLDER);
    for (path, text) in FILES {
        write(&folder, path, text)?;
    }
    write(&folder, "Cargo.toml", &manifest()?)
}

/// The manifest as it is where there is no workspace to take anything from.
fn manifest() -> anyhow::Result<String> {
    let workspace: toml::Table = WORKSPACE.parse()?;
    let package = workspace.get("workspace").and_then(|it| it.get("package"));
    let (mut text, mut is_theirs) = (String::new(), false);
    for line in MANIFEST.lines() {
        if line.starts_with('[') {
            is_theirs = OF_ITS_AUTHORS.contains(&line);
        }
        if is_theirs {
            continue;
        }
        match line.strip_suffix(".workspace = true") {
            Some(key) => {
                let value = package.and_then(|it| it.get(key));
                let value = value.with_context(|| format!("the workspace has no `{key}`"))?;
                // Texts and flags, which TOML writes as JSON does.
                text.push_str(&format!("{key} = {}\n", serde_json::to_string(value)?));
            }
            None => text.push_str(&format!("{line}\n")),
        }
    }
    Ok(format!("{}\n", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    fn files_in(root: &Path, within: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(root.join(within)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("{within}/{}", entry.file_name().into_string().expect("a name"));
            if entry.file_type().expect("a type").is_dir() {
                files_in(root, &path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_sdk_is_in_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        let mut there = BTreeSet::new();
        files_in(&root, "src", &mut there);
        files_in(&root, "include", &mut there);
        let others = ["build.rs", "README.md", "LICENSE-APACHE", "LICENSE-MIT"];
        there.extend(others.map(str::to_owned));
        let listed: BTreeSet<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, there);
    }

    #[test]
    fn its_manifest_needs_no_workspace() {
        let text = manifest().expect("a manifest");
        assert!(!text.contains("workspace"), "{text}");
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(table["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(table["package"]["publish"].as_bool(), Some(false));
        let own: toml::Table = MANIFEST.parse().expect("TOML");
        assert_eq!((&table["dependencies"], &table["features"]), (&own["dependencies"], &own["features"]));
        assert!(!table.contains_key("lints") && !table.contains_key("dev-dependencies"), "{text}");
    }
}
