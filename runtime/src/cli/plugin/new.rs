//! `onward plugin new`: a folder with a step type to begin from, which builds, has tests and a CI file.
//!
//! The templates stand beside this file as they are, about a `sample-step`: real files, which compile.

mod sdk;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::super::shown;
use crate::step::StepTypes;

/// The longest name of a plugin; its step type's id is the same.
const NAME_BYTES_MAX: usize = 64;

/// Where the sdk is, as it stands in the template.
const SDK: &str = r#"onward-sdk = { path = "../../../../../../sdk" }"#;

/// Names that cargo refuses, or that would be those of other packages here: keywords, build folders, the language's own libraries.
const TAKEN: &str = "as async await box break const continue crate do dyn else enum extern false final fn for gen if impl in let loop macro \
    match mod move mut priv pub ref return self static struct super trait true try type typeof unsafe unsized use virtual where while \
    yield abstract become override alloc build core deps examples incremental proc_macro proc-macro std test serde schemars \
    serde_json onward-sdk onward_sdk";

const HEADER: &str = include_str!("../../../../sdk/include/onward_plugin.h");

const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("new/rust/Cargo.toml")),
    ("src/lib.rs", include_str!("new/rust/src/lib.rs")),
    (".gitignore", include_str!("new/rust/gitignore")),
    ("README.md", include_str!("new/rust/README.md")),
    (".github/workflows/ci.yml", include_str!("new/rust/ci.yml")),
];

const C: &[(&str, &str)] = &[
    ("sample-step.c", include_str!("new/c/sample-step.c")),
    ("Makefile", include_str!("new/c/Makefile")),
    (".gitignore", include_str!("new/c/gitignore")),
    ("README.md", include_str!("new/c/README.md")),
    (".github/workflows/ci.yml", include_str!("new/c/ci.yml")),
];

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    C,
}

#[derive(Args)]
pub(in crate::cli) struct NewArguments {
    /// What the plugin is called: the folder, the library, and its step type.
    name: String,
    /// What it is written in.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// Where `onward-sdk` is: its folder, or a version in a registry. Where this is left out, the plugin gets a copy of the one
    /// that this program was built with.
    #[arg(long, value_name = "PATH|VERSION")]
    sdk: Option<String>,
}

pub(super) fn new(arguments: &NewArguments) -> anyhow::Result<()> {
    let NewArguments { name, lang, sdk: said } = arguments;
    check_name(name)?;
    let folder = Path::new(name);
    if fs::symlink_metadata(folder).is_ok() {
        let mut within = fs::read_dir(folder).with_context(|| format!("there is a {name} already"))?;
        if within.next().is_some() {
            bail!("there is a folder {name} already, and it is not empty");
        }
    }
    let dependency = match lang {
        Language::Rust => dependency(said.as_deref())?,
        Language::C if said.is_some() => {
            bail!("--sdk is for Rust; in C, a copy of its header is all it needs")
        }
        Language::C => String::new(),
    };
    let files = if *lang == Language::Rust { RUST } else { C };
    for (path, text) in files {
        write(folder, &named(path, name), &named(&text.replace(SDK, &dependency), name))?;
    }
    if *lang == Language::Rust && said.is_none() {
        sdk::write_into(folder)?;
    }
    let next = match lang {
        Language::Rust => {
            let library = format!("target/release/lib{}.so", name.replace('-', "_"));
            format!("cargo test && cargo build --release && onward plugin check {library}")
        }
        Language::C => {
            write(folder, "onward_plugin.h", HEADER)?;
            "make && make test".to_owned()
        }
    };
    say!("{name} is a plugin to begin from; its README.md says more. Try:\n\n  cd {name} && {next}\n");
    Ok(())
}

/// The name is a folder's, a package's, a library's and a step type's, so that it has what all of them may have.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_plain) {
        bail!("a plugin's name has small letters, digits, `-` and `_`, and begins with a letter: `my-step`");
    }
    if name.len() > NAME_BYTES_MAX {
        bail!("a plugin's name has at most {NAME_BYTES_MAX} characters");
    }
    let id = name.replace('-', "_");
    if let Some(owner) = StepTypes::brought_by(&id) {
        bail!("{owner} has a step type `{id}` already: choose another name, such as `my-{name}`");
    }
    if TAKEN.split_whitespace().any(|taken| taken == name) {
        bail!("`{name}` means something else already: choose another name, such as `{name}-step`");
    }
    Ok(())
}

/// The template with the plugin's name in the place of its own.
fn named(text: &str, name: &str) -> String {
    let id = name.replace('-', "_");
    let words = id.replace('_', " ");
    let mut title: String = words.trim().to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let parts = [("sample-step", name), ("sample_step", &id), ("Sample step", &title)];
    // In one pass: a name may have the template's in it.
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        let next = parts.iter().filter_map(|(from, to)| Some((rest.find(from)?, from.len(), *to))).min();
        let Some((at, length, to)) = next else { break };
        done.push_str(&rest[..at]);
        done.push_str(to);
        rest = &rest[at + length..];
    }
    done + rest
}

fn write(folder: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(path);
    let failed = || format!("{} cannot be written", shown(&path));
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).with_context(failed)?;
    }
    fs::write(&path, text).with_context(failed)
}

/// The line of `Cargo.toml` that says where the sdk is.
fn dependency(said: Option<&str>) -> anyhow::Result<String> {
    let Some(said) = said else {
        return Ok(format!("onward-sdk = {{ path = \"{}\" }}", sdk::FOLDER));
    };
    if let Some(folder) = sdk_in(Path::new(said)) {
        return in_folder(&folder);
    }
    let is_version = said.starts_with(|c: char| c.is_ascii_digit())
        && said.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    if !is_version {
        bail!("--sdk: {said} is no version, and no folder with the package `onward-sdk`");
    }
    Ok(format!("onward-sdk = \"{said}\""))
}

/// The folder, if that package is in it.
fn sdk_in(folder: &Path) -> Option<PathBuf> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let is_it = manifest.lines().any(|line| line.trim() == "name = \"onward-sdk\"");
    is_it.then(|| folder.canonicalize().ok()).flatten()
}

fn in_folder(folder: &Path) -> anyhow::Result<String> {
    let path = folder.to_str().with_context(|| format!("{} is no text", shown(folder)))?;
    // A TOML string is written as a JSON one.
    Ok(format!("onward-sdk = {{ path = {} }}", serde_json::to_string(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_all_that_it_is_used_for() {
        for good in ["a", "my-step", "my_step2", "x--y"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "small letters"),
            ("My-step", "small letters"),
            ("2nd", "begins with a letter"),
            ("../x", "small letters"),
            ("é", "small letters"),
            ("type", "choose another name, such as `type-step`"),
            ("zap", "onward-plugin-zapier has a step type `zap` already"),
            ("move-to-stage", "onward-plugin-task has a step type `move_to_stage` already"),
            ("api_call", "the server has a step type `api_call` already"),
            (&"x".repeat(65), "at most 64"),
        ] {
            let error = check_name(bad).expect_err(bad).to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn every_template_has_the_name_in_it() {
        assert!(RUST[0].1.contains(SDK));
        assert_eq!(named("sample-step sample_step Sample step", "a-b_c"), "a-b_c a_b_c A b c");
        assert_eq!(named("sample-step sample_step", "my_sample_step"), "my_sample_step my_sample_step");
        assert_eq!(named("sample-step", "sample-step_sample_step"), "sample-step_sample_step");
        for (path, text) in RUST.iter().chain(C) {
            let done = named(text, "greet");
            assert!(!done.to_lowercase().contains("sample"), "{path}");
            assert!(!done.contains('\t') || *path == "Makefile", "{path}");
            assert!(done.ends_with('\n') && !done.lines().any(|line| line.ends_with(' ')), "{path}");
        }
    }

    #[test]
    fn the_sdk_is_a_folder_or_a_version() {
        assert_eq!(dependency(None).expect("a copy"), "onward-sdk = { path = \"onward-sdk\" }");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk");
        let here = dependency(Some(source)).expect("the source is here");
        assert!(here.starts_with("onward-sdk = { path = \"/") && here.ends_with("/sdk\" }"), "{here}");
        assert_eq!(dependency(Some("0.1.0")).expect("a version"), "onward-sdk = \"0.1.0\"");
        for bad in ["nowhere", "/", "0.1\"", "*"] {
            assert!(dependency(Some(bad)).is_err(), "{bad}");
        }
    }
}
