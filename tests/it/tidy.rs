//! What a script can see of the project's habits.

use std::{
    fs,
    path::{Path, PathBuf},
};

const LINES_MAX: usize = 600;
const TOP_LEVEL: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "runtime",
    "sdk",
    "plugins",
    "examples",
    "tests",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is untidy in a source file.
fn untidy(source: &str, is_crate_root: bool) -> Vec<String> {
    let mut found = Vec::new();
    let opens = if is_crate_root { "#!" } else { "//!" };
    if !source.starts_with(opens) {
        found.push("does not open with its job (`//!`)".to_owned());
    }
    let lines = source.lines().count();
    if lines > LINES_MAX {
        found.push(format!("has {lines} lines, more than {LINES_MAX}"));
    }
    // Written apart, so that this file does not find itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("dbg", "!("),
        concat!("todo", "!("),
        concat!("#[", "ignore"),
    ];
    for (number, line) in source.lines().enumerate() {
        if line.ends_with([' ', '\t']) || line.contains('\t') {
            found.push(format!("line {}: a tab, or a space at the end", number + 1));
        }
        if let Some(word) = words.iter().find(|word| line.contains(**word)) {
            found.push(format!("line {}: {word}", number + 1));
        }
        let vague = ["utils", "helpers", "common", "manager"];
        if vague
            .iter()
            .any(|name| line.trim() == format!("mod {name};") || line.trim() == format!("pub mod {name};"))
        {
            found.push(format!("line {}: a module name that says nothing", number + 1));
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_sources_are_tidy() {
    let mut paths = Vec::new();
    for folder in ["runtime/src", "sdk", "plugins", "examples", "tests"] {
        sources(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 50, "only {} files were found", paths.len());
    let mut found = Vec::new();
    for path in paths {
        let is_crate_root = path.ends_with("runtime/src/lib.rs");
        let source = fs::read_to_string(&path).expect("a source");
        found.extend(
            untidy(&source, is_crate_root).iter().map(|problem| format!("{}: {problem}", path.display())),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The files of the sdk that speak with the other side of the boundary. No other code of it, and no plugin, is unsafe.
const UNSAFE: [&str; 6] = [
    "sdk/src/entry.rs",
    "sdk/src/exchange.rs",
    "sdk/src/host.rs",
    "sdk/src/table.rs",
    "sdk/src/testing/board.rs",
    "sdk/src/testing/instance.rs",
];

#[test]
fn only_the_two_sides_of_the_boundary_are_unsafe() {
    let mut paths = Vec::new();
    for folder in ["sdk/src", "plugins", "examples"] {
        sources(&root().join(folder), &mut paths);
    }
    let mut found: Vec<_> = paths
        .into_iter()
        .filter(|path| fs::read_to_string(path).expect("a source").contains("allow(unsafe_code)"))
        .map(|path| path.strip_prefix(root()).expect("below the root").display().to_string())
        .collect();
    found.sort();
    assert_eq!(found, UNSAFE);
}

#[test]
fn untidiness_is_found() {
    assert!(untidy("//! Good.\n\nfn main() {}\n", false).is_empty());
    for source in ["fn main() {}\n", "//! x\nmod utils;\n", "//! x \n", concat!("//! x\n// TO", "DO\n")] {
        assert!(!untidy(source, false).is_empty(), "{source:?}");
    }
    assert!(!untidy(&format!("//! x\n{}", "\n".repeat(LINES_MAX)), false).is_empty());
}

#[test]
fn the_top_level_is_the_designs() {
    for entry in fs::read_dir(root()).expect("the root").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_output = name == "target" || name == "data";
        assert!(
            name.starts_with('.') || is_output || TOP_LEVEL.contains(&name.as_str()),
            "{name} at the top level"
        );
    }
}

/// Relative links of a Markdown text.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split(')').next());
    ends.filter(|link| !link.contains("://") && !link.starts_with('#')).collect()
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    assert_eq!(links("see [a](b.md) and [c](https://x)"), ["b.md"]);
    for (folder, document) in [
        ("", "README.md"),
        ("runtime", "ARCHITECTURE.md"),
        ("runtime", "CHANGELOG.md"),
        ("runtime", "LIMITS.md"),
        ("examples", "README.md"),
        ("sdk", "README.md"),
    ] {
        let folder = root().join(folder);
        let text = fs::read_to_string(folder.join(document)).expect("the document");
        for link in links(&text) {
            let path = link.split('#').next().unwrap_or(link);
            assert!(folder.join(path).exists(), "{document} links to {link}, which is not there");
        }
    }
}
