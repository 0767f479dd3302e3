//! "A frozen library of each released minor loads; a newer minor loads on an older host", and a language that is not C's kin.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Project, binary, onward};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folders of the released minor versions.
fn released() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/abi")).expect("the folder").flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn build(project: &Project, folder: &Path, name: &str, parts: &[&str]) -> String {
    let library = project.path(name);
    let mut compile = Command::new("cc");
    compile.args([
        "-shared",
        "-fPIC",
        "-std=c11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fvisibility=hidden",
        "-I",
    ]);
    compile.args([folder, &folder.join("plugin.c")]).args(parts).arg("-o").arg(&library);
    let built = compile.output().expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library.display().to_string()
}

/// Passes the whole check, and answers.
fn works(library: &str, arguments: &[&str], expected: &str) {
    let output = onward(&["plugin", "check", library]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" ok, 0 failed, 0 not tried, "), "{said}");
    let output = onward(&[&["plugin", "run", library], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(expected), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_library_of_each_released_version_works() {
    let (project, folders) = (Project::bare(), released());
    assert!(folders.iter().any(|folder| folder.ends_with("1.0")));
    for folder in folders {
        let config = ["--config", r#"{"word":"hello"}"#];
        // As it was built then; with tables after which there is nothing; and as one of a version that is yet to come.
        for (name, parts, minor) in [
            ("libas.so", &[][..], None),
            ("libbare.so", &["-DBARE"], None),
            ("libnewer.so", &["-DNEWER", "-DBARE"], Some("1.9")),
        ] {
            let library = build(&project, &folder, name, parts);
            works(&library, &config, "made of 16 bytes");
            let inspected = onward(&["plugin", "inspect", &library, "--describe"]);
            let said = String::from_utf8_lossy(&inspected.stdout);
            let version = folder.file_name().and_then(|name| name.to_str()).expect("a version");
            assert!(said.contains(&format!("boundary  {}\n", minor.unwrap_or(version))), "{said}");
            assert!(said.contains("step      frozen_echo: Echo (task)\n"), "{said}");
        }
    }
}

#[test]
fn what_is_released_stays_as_it_is() {
    for folder in released() {
        let sums = Command::new("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(&folder)
            .output();
        let sums = sums.expect("sha256sum");
        assert!(sums.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&sums.stdout));
        let listed = fs::read_to_string(folder.join("SHA256SUMS")).expect("the sums").lines().count();
        assert_eq!(listed + 1, fs::read_dir(&folder).expect("the folder").count(), "{}", folder.display());
    }
}

/// A third language, whose compiler `.ci/run` sees to (`ONWARD_ZIG` names it); elsewhere it may be missing.
#[test]
fn a_library_in_zig_works() {
    let named = std::env::var_os("ONWARD_ZIG");
    let zig = named.clone().unwrap_or_else(|| "zig".into());
    if Command::new(&zig).arg("version").output().is_err() {
        assert!(named.is_none(), "{} is not there", zig.display());
        eprintln!("zig is not there: the example in Zig is not built");
        return;
    }
    let project = Project::bare();
    let mut make = Command::new("make");
    make.current_dir(root().join("examples/plugin-zig")).env("ZIG", zig);
    // What it keeps between two runs stays with what else is built.
    make.env("ZIG_GLOBAL_CACHE_DIR", binary().with_file_name("zig-cache"));
    let built = make.arg(format!("BUILD={}", project.path("").display())).output().expect("make");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let library = project.path("libjoin.so").display().to_string();
    let input = r#"{"task": {"Street": "1 \"Main\" St", "City": "Vienna", "Unit": null}, "params": {"fields": ["Street", "Unit", "City"], "into": "Address"}}"#;
    works(&library, &["--input", input], r#""Address": "1 \"Main\" St, Vienna""#);
    let output =
        onward(&["plugin", "run", &library, "--input", r#"{"params": {"fields": ["None"], "into": "A"}}"#]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said, "onward: no_such_field: The task has no such field.\n");
}
