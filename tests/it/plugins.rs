//! "`onward plugin inspect FILE`: the note alone"; what is no plugin says so, and nothing of it is run.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{Project, onward};

/// Runs before anything else in a library that is loaded, and leaves a trace.
const CONSTRUCTOR: &str = r#"
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) {
    FILE *trace = fopen(getenv("TRACE") ? getenv("TRACE") : "loaded", "w");
    if (trace) fclose(trace);
}
"#;

fn header() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/include")
}

/// A library that has these notes, each a JSON text, and a constructor.
fn library(project: &Project, name: &str, notes: &[&str], more: &[&str]) -> PathBuf {
    let mut source = format!("{CONSTRUCTOR}\n#include <onward_plugin.h>\n");
    for (number, note) in notes.iter().enumerate() {
        source.push_str(&format!("#define onward_plugin_note note_{number}\nONWARD_PLUGIN_NOTE({note:?})\n#undef onward_plugin_note\n"));
    }
    project.write("plugin.c", &source);
    let path = project.path(name);
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&path, &project.path("plugin.c")])
        .arg("-I")
        .arg(header())
        .args(more)
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    path
}

fn note(abi: &str) -> String {
    format!(r#"{{"name":"greet","version":"1.2.3","abi":{abi},"target":"x86_64-unknown-linux-gnu"}}"#)
}

fn inspect(path: &Path, more: &[&str]) -> (bool, String, String) {
    let path = path.display().to_string();
    let output = onward(&[&["plugin", "inspect", path.as_str()], more].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text").replace(&path, "FILE");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn refused(path: &Path) -> String {
    let (is_good, _, said) = inspect(path, &[]);
    assert!(!is_good, "{said}");
    said.trim_end().trim_start_matches("onward: ").to_owned()
}

#[test]
fn a_library_says_who_it_is_and_none_of_it_runs() {
    let project = Project::bare();
    let path = library(&project, "libgreet.so", &[&note("[1, 7]")], &[]);
    let (is_good, said, error) = inspect(&path, &[]);
    assert!(is_good, "{error}");
    let (lines, sha256) = said.rsplit_once("  sha256    ").expect("its hash");
    assert_eq!(
        lines,
        "FILE\n  plugin    greet 1.2.3\n  boundary  1.7\n  target    x86_64-unknown-linux-gnu\n"
    );
    assert_eq!(sha256.trim_end().len(), 64);
    assert!(!project.path("loaded").exists() && !Path::new("loaded").exists(), "its constructor has run");
    // Stripped of everything that can be taken away, too.
    let bare = library(&project, "libbare.so", &[&note("[1, 0]")], &["-s", "-Wl,--gc-sections", "-O2"]);
    assert!(inspect(&bare, &[]).0);
    let (_, json, _) = inspect(&path, &["--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["plugin"]["name"], &json["plugin"]["abi"][1]), (&"greet".into(), &7.into()));
    assert_eq!((&json["problem"], &json["changeable"]), (&Value::Null, &Value::Null));
}

#[test]
fn the_examples_are_plugins() {
    let project = Project::bare();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugin-c");
    let build = format!("BUILD={}", project.path("").display());
    let made = Command::new("make").current_dir(source).arg(build).output().expect("make");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (is_good, said, error) = inspect(&project.path("libluhn.so"), &[]);
    assert!(is_good && said.contains("plugin    onward-example-plugin-c 1.0.0"), "{said}{error}");
}

#[test]
fn what_others_may_change_is_warned_of() {
    let project = Project::bare();
    let path = library(&project, "libgreet.so", &[&note("[1, 0]")], &[]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("set");
    let (is_good, said, _) = inspect(&path, &[]);
    assert!(is_good);
    let warning = "  warning   a server does not load it from here: FILE can be written by others than its owner: chmod go-w FILE\n";
    assert!(said.ends_with(warning), "{said}");
}

/// "Not ELF, wrong architecture, no note, …: each asserts the exact message."
#[test]
fn what_is_no_plugin_says_why() {
    let project = Project::bare();
    let good = fs::read(library(&project, "libgood.so", &[&note("[1, 0]")], &[])).expect("its bytes");
    let of = |bytes: &[u8]| {
        fs::write(project.path("libx.so"), bytes).expect("written");
        refused(&project.path("libx.so"))
    };
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    const NOT_ELF: &str = "plugin_not_a_library: FILE: it is no ELF file, as shared libraries of Linux are; a plugin is built as a \
                           `cdylib`, or with `cc -shared`";
    assert_eq!(of(b""), NOT_ELF);
    assert_eq!(of(b"#!/bin/sh\n"), NOT_ELF);
    assert_eq!(
        of(&good[..40]),
        "plugin_not_a_library: FILE: it is a damaged ELF file: Invalid ELF header size or alignment"
    );
    assert!(of(&good[..64]).starts_with("plugin_not_a_library: FILE: it is a damaged ELF file: "));
    // The number of the machine: AArch64, and one that nobody has.
    let here = std::env::consts::ARCH;
    assert_eq!(
        of(&patched(18, &[183, 0])),
        format!(
            "plugin_other_machine: FILE: it was built for aarch64, and this server runs on {here}; build it for that"
        )
    );
    assert!(of(&patched(18, &[0xfe, 0xca])).contains("it was built for a machine of number 51966"));
    // A program, and an object.
    for kind in [1, 2] {
        assert_eq!(
            of(&patched(16, &[kind, 0])),
            "plugin_not_a_library: FILE: it is no shared library; a plugin is built as a `cdylib`, or with `cc -shared`"
        );
    }
    assert_eq!(
        refused(&library(&project, "libnone.so", &[], &[])),
        "plugin_without_note: FILE: it has no note of Onward's, so it is no plugin; in Rust `export_steps!` makes one, in C `ONWARD_PLUGIN_NOTE`"
    );
    let two = library(&project, "libtwo.so", &[&note("[1, 0]"), &note("[1, 0]")], &[]);
    assert_eq!(
        refused(&two),
        "plugin_without_note: FILE: it has more than one note of Onward's; it must be one plugin"
    );
    for (abi, remedy) in [("[2, 0]", "update the server"), ("[0, 9]", "build it again with a newer sdk")] {
        let version = &abi[1..2];
        assert_eq!(
            refused(&library(&project, "libold.so", &[&note(abi)], &[])),
            format!(
                "plugin_other_abi: FILE: it was built for version {version} of the boundary, and this server has version 1; {remedy}"
            )
        );
    }
    assert_eq!(refused(&project.path("")), "plugin_unreadable: FILE: it is no regular file");
    assert_eq!(
        refused(&project.path("none.so")),
        "plugin_unreadable: FILE: it cannot be read: No such file or directory (os error 2)"
    );
    // Which nobody writes to.
    let pipe = Command::new("mkfifo").arg(project.path("pipe.so")).status();
    assert!(pipe.is_ok_and(|status| status.success()));
    assert_eq!(refused(&project.path("pipe.so")), "plugin_unreadable: FILE: it is no regular file");
    fs::File::create(project.path("libhuge.so"))
        .and_then(|file| file.set_len((256 << 20) + 1))
        .expect("a sparse file");
    assert_eq!(refused(&project.path("libhuge.so")), "plugin_too_large: FILE: it has more than 256 MiB");
}

#[test]
fn a_note_that_is_none_says_why() {
    let project = Project::bare();
    for (text, why) in [
        ("{}", "missing field `name` at line 1 column 2"),
        ("hello", "expected value at line 1 column 1"),
        (
            r#"{"name":"","version":"1","abi":[1,0],"target":"t"}"#,
            "each text has from 1 to 200 characters, and no control characters",
        ),
        (
            r#"{"name":"a\u001b[2J","version":"1","abi":[1,0],"target":"t"}"#,
            "each text has from 1 to 200 characters, and no control characters",
        ),
        (&format!("{{\"name\":\"{}\"}}", "n".repeat(5_000)), "it has 5012 bytes, of at most 4096"),
    ] {
        let said = refused(&library(&project, "libbad.so", &[text], &[]));
        assert_eq!(said, format!("plugin_note_invalid: FILE: its note is not sound: {why}"));
    }
}

/// Headers may lie over each other: what they hold is looked at once.
#[test]
fn many_notes_take_no_time() {
    let project = Project::bare();
    let path = library(&project, "libx.so", &[&note("[1, 0]")], &[]);
    let mut bytes = fs::read(&path).expect("its bytes");
    let number = |bytes: &[u8], at: usize, size: usize| {
        bytes[at..at + size].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (headers, size, count) = (number(&bytes, 32, 8), number(&bytes, 54, 2), number(&bytes, 56, 2));
    // A note of nobody's, very often, at the end; and every header over all of them.
    let start = bytes.len().next_multiple_of(8);
    bytes.resize(start, 0);
    let one = [4_u32.to_le_bytes(), 0_u32.to_le_bytes(), 9_u32.to_le_bytes(), *b"Who\0"].concat();
    (0..200_000).for_each(|_| bytes.extend_from_slice(&one));
    let length = bytes.len() - start;
    for header in (0..count).map(|index| headers + index * size) {
        bytes[header..header + 4].copy_from_slice(&4_u32.to_le_bytes());
        bytes[header + 8..header + 16].copy_from_slice(&(start as u64).to_le_bytes());
        bytes[header + 32..header + 40].copy_from_slice(&(length as u64).to_le_bytes());
        bytes[header + 48..header + 56].copy_from_slice(&4_u64.to_le_bytes());
    }
    fs::write(&path, bytes).expect("written");
    let said = refused(&path);
    assert_eq!(
        said,
        "plugin_not_a_library: FILE: it is a damaged ELF file: its notes have more than 1048576 bytes"
    );
}
