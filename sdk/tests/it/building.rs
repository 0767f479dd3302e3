//! Libraries as a plugin's author builds them: what stands in the files, and that they work when a program in C loads them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use onward_sdk::{abi, testing::input};
use serde_json::{Value, json};

use crate::header::include;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    output
}

/// The example, built as small as it gets: link-time optimization, optimized for size, everything stripped.
fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args([
        command,
        "--locked",
        "--offline",
        "--release",
        "-p",
        "onward-example-plugin",
    ]);
    cargo.arg("--target-dir").arg(scratch("building"));
    let profile =
        [("LTO", "fat"), ("OPT_LEVEL", "z"), ("STRIP", "true"), ("CODEGEN_UNITS", "1"), ("PANIC", "unwind")];
    cargo.envs(profile.map(|(key, value)| (format!("CARGO_PROFILE_RELEASE_{key}"), value)));
    cargo
}

fn rust_example() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        succeeded(&mut cargo("build"));
        scratch("building").join("release/libonward_example_plugin.so")
    })
}

/// The example in C, by its own Makefile, watched by the compiler's sanitizers.
fn c_example() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = scratch("plugin-c");
        let mut make = Command::new("make");
        make.args(["--always-make", "-C"]).arg(root().join("examples/plugin-c"));
        make.arg(format!("BUILD={}", build.display()));
        succeeded(make.arg("CFLAGS=-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"));
        build.join("libluhn.so")
    })
}

/// The host in C, built with these flags.
fn host(name: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/host.c");
    let host = scratch("host").join(name);
    let mut compile = Command::new("cc");
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"]).arg(include()).args(flags);
    // Before glibc 2.34, `dlopen` has a library of its own.
    succeeded(compile.arg("-o").arg(&host).arg(source).arg("-ldl"));
    host
}

/// What a library says: its description, and the status and JSON of each answer.
fn said(host: &Path, library: &Path, config: &Value, inputs: &[String]) -> Vec<(u32, Value)> {
    let arguments = [library.as_os_str(), OsStr::new(&config.to_string())].map(OsStr::to_owned);
    let output = succeeded(Command::new(host).args(arguments).args(inputs));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let said = text.lines().map(|line| {
        let (status, json) = line.split_once(' ').expect("a status");
        (status.parse().expect("a number"), serde_json::from_str(json).expect("JSON"))
    });
    said.collect()
}

/// Each note of an ELF file of 64 bits and little endian: its owner, its type and its text; by the table of sections.
fn notes(path: &Path) -> Vec<(String, u32, String)> {
    let file = fs::read(path).expect("the library");
    let number = |at: usize, bytes: usize| {
        file[at..at + bytes].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    assert_eq!(file[..6], *b"\x7fELF\x02\x01", "an ELF file of this kind");
    let (table, entry, count, names) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2), number(0x3e, 2));
    let section = |index: usize| table + index * entry;
    let names = number(section(names) + 0x18, 8);
    let mut found = Vec::new();
    for header in (0..count).map(section) {
        let name = names + number(header, 4);
        let wanted = abi::NOTE_SECTION.as_bytes();
        if !file[name..].starts_with(wanted) {
            continue;
        }
        let is_note = number(header + 4, 4) == 7;
        let is_loaded = number(header + 8, 8) & 2 == 2;
        assert!(is_note && is_loaded, "the section is a note, and is loaded");
        let (mut at, size) = (number(header + 0x18, 8), number(header + 0x20, 8));
        let end = at + size;
        while at < end {
            let (owner, text, kind) = (number(at, 4), number(at + 4, 4), number(at + 8, 4));
            let text_at = at + 12 + owner.next_multiple_of(4);
            let plain = |from: usize, bytes: usize| {
                String::from_utf8(file[from..from + bytes].to_vec())
                    .expect("UTF-8")
                    .trim_end_matches('\0')
                    .to_owned()
            };
            found.push((plain(at + 12, owner), u32::try_from(kind).expect("a type"), plain(text_at, text)));
            at = text_at + text.next_multiple_of(4);
        }
        assert_eq!(at, end, "nothing follows the notes");
    }
    found
}

/// The note's text, where there is exactly one.
fn note(path: &Path) -> Value {
    let notes = notes(path);
    let [(owner, kind, text)] = notes.as_slice() else { panic!("not one note: {notes:?}") };
    assert_eq!((owner.as_str(), *kind), (abi::NOTE_OWNER, abi::NOTE_TYPE));
    assert!(text.len() <= abi::NOTE_BYTES_MAX);
    serde_json::from_str(text).expect("JSON")
}

/// The functions that a library shows.
fn exports(path: &Path) -> Vec<String> {
    let output =
        succeeded(Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(path));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_stripped_library_has_its_note_and_its_one_export() {
    let note = note(rust_example());
    assert_eq!(
        (note["name"].as_str(), note["version"].as_str()),
        (Some("onward-example-plugin"), Some("1.0.0"))
    );
    assert_eq!(note["abi"], json!([abi::ABI_MAJOR, abi::ABI_MINOR]));
    assert_eq!(note["sdk"], env!("CARGO_PKG_VERSION"));
    assert!(note["compiler"].as_str().expect("a text").starts_with("rustc "));
    let target = note["target"].as_str().expect("a text");
    assert!(target.starts_with(std::env::consts::ARCH) && target.contains("linux"), "{target}");
    assert_eq!(exports(rust_example()), [abi::ENTRY]);
}

#[test]
fn a_library_in_c_has_its_note_and_its_one_export() {
    let note = note(c_example());
    assert_eq!(note["name"], "onward-example-plugin-c");
    assert_eq!(note["abi"], json!([abi::ABI_MAJOR, abi::ABI_MINOR]));
    assert!(note["target"].as_str().expect("a text").starts_with(std::env::consts::ARCH));
    assert!(exports(c_example()).contains(&abi::ENTRY.to_owned()));
}

#[test]
fn a_library_that_would_abort_does_not_compile() {
    // It must be built otherwise, so that this is what fails.
    rust_example();
    let output = cargo("rustc").args(["--lib", "--", "-C", "panic=abort"]).output().expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(complaint.contains("a plugin is built with panic = \"unwind\""), "{complaint}");
}

#[test]
fn a_host_in_c_runs_the_library_in_rust() {
    let host = host("plain", &[]);
    let iban = |iban: &str| {
        serde_json::to_string(&input(json!({"IBAN": iban}), json!({"field": "IBAN"}))).expect("JSON")
    };
    let inputs = [iban("DE89370400440532013000"), iban("DE88370400440532013000"), "{".to_owned()];
    let said = said(&host, rust_example(), &json!({}), &inputs);
    assert_eq!((said[0].0, &said[0].1["id"]), (abi::STATUS_OK, &json!("example_check_iban")));
    assert_eq!(said[1], (abi::STATUS_OK, json!({"task": {"IBAN": "DE89 3704 0044 0532 0130 00"}})));
    assert_eq!((said[2].0, &said[2].1["code"]), (abi::STATUS_ERROR, &json!("invalid_iban")));
    assert_eq!((said[3].0, &said[3].1["code"]), (abi::STATUS_ERROR, &json!("invalid_input")));
}

#[test]
fn a_host_in_c_runs_the_library_in_c_under_the_sanitizers() {
    let host = host("watched", &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    let number = |number: Value| {
        let mut input =
            serde_json::to_value(input(json!({"A \"b\"": [{"c": "]"}, "\\"]}), json!({}))).expect("JSON");
        input["params"] = json!({"note": "first", "number": number});
        input.to_string()
    };
    let long = "0".repeat(100_000);
    let cases = [
        (number(json!("4111 1111-1111 1111")), "fits"),
        (number(json!("79927398713")), "wrong_length"),
        (number(json!("4111111111111112")), "wrong_digit"),
        (number(json!("")), "no_number"),
        (number(json!("\\")), "no_number"),
        (number(json!("4111x")), "no_number"),
        (number(json!(null)), "no_number"),
        (number(json!(4111)), "no_number"),
        (number(json!(["4"])), "no_number"),
        (number(json!(long)), "wrong_length"),
        // What is no input at all must not be read beyond its end.
        (String::new(), "no_number"),
        ("{".to_owned(), "no_number"),
        ("{\"params".to_owned(), "no_number"),
        ("{\"params\":{\"number\":\"1\\".to_owned(), "no_number"),
        ("{\"params\":{\"number\":\"".to_owned(), "no_number"),
        ("{\"params\" : { \"a\":1 , \"number\" : \"4111111111111111\" } }".to_owned(), "fits"),
        ("[[[".to_owned(), "no_number"),
    ];
    let inputs: Vec<_> = cases.iter().map(|(input, _)| input.clone()).collect();
    let answers = said(&host, c_example(), &json!({"digits": 16}), &inputs);
    let description: onward_sdk::description::Description =
        serde_json::from_value(answers[0].1.clone()).expect("a description");
    assert_eq!(description.id, "example_luhn");
    assert_eq!(answers.len(), cases.len() + 1);
    for ((input, wanted), (_, answer)) in cases.iter().zip(&answers[1..]) {
        let shown: String = input.chars().take(300).collect();
        assert!(answer.to_string().contains(wanted), "{wanted}: {answer} to {shown}");
    }
    for config in [json!({"digits": 1}), json!({"digits": "2"}), json!({"digits": 99_999_999_999_u64})] {
        let answers = said(&host, c_example(), &config, &[]);
        assert_eq!(
            (answers[1].0, &answers[1].1["code"]),
            (abi::STATUS_ERROR, &json!("invalid_config")),
            "{config}"
        );
    }
}
