//! "`onward plugin new NAME`: a crate or C folder that builds, tests and has CI", tried with the real compilers.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::{Project, binary};

fn new(project: &Project, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.current_dir(project.path("")).args(["plugin", "new"]).args(arguments);
    command.output().expect("the binary runs")
}

fn made(project: &Project, arguments: &[&str]) {
    let output = new(project, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = new(project, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).trim_start_matches("onward: ").trim_end().to_owned()
}

fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// Cargo as the author has it, with one folder for what all these tests build.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let built = binary().parent().and_then(Path::parent).expect("target").join("plugin-new");
    cargo.current_dir(folder).args(arguments).env("CARGO_TARGET_DIR", built);
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
            cargo.env_remove(name);
        }
    }
    succeeded(&mut cargo)
}

#[test]
fn a_crate_builds_has_tests_and_passes_the_check() {
    let project = Project::bare();
    made(&project, &["my-step"]);
    let folder = project.path("my-step");
    // Nothing of it is outside: whoever has only the program has all that it takes.
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("\nonward-sdk = { path = \"onward-sdk\" }\n"), "{manifest}");
    cargo(&folder, &["fmt", "--check"]);
    cargo(&folder, &["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
    let said = cargo(&folder, &["test", "--offline"]);
    assert!(said.contains("3 passed"), "{said}");
    cargo(&folder, &["build", "--release", "--offline"]);
    let built = binary().parent().and_then(Path::parent).expect("target").join("plugin-new");
    let library = built.join("release/libmy_step.so");
    let said = succeeded(Command::new(binary()).args(["plugin", "check"]).arg(&library));
    assert!(said.contains(" ok, 0 failed, 0 not tried, 0 notes; seed "), "{said}");
    // As the README says.
    let mut run = Command::new(binary());
    run.args(["plugin", "run"]).arg(&library).args(["--config", r#"{"prefix": "INV"}"#]);
    run.args(["--input", r#"{"params": {"text": "Acme Corp", "field": "Reference"}}"#]);
    assert!(succeeded(&mut run).contains(r#""Reference": "INV-acme-corp""#));
    for file in [".gitignore", "README.md", ".github/workflows/ci.yml"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_folder_in_c_builds_and_passes_the_check() {
    let project = Project::bare();
    made(&project, &["my-step", "--lang", "c"]);
    let folder = project.path("my-step");
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/include/onward_plugin.h");
    assert_eq!(
        fs::read(folder.join("onward_plugin.h")).expect("a copy"),
        fs::read(header).expect("the header")
    );
    succeeded(Command::new("make").current_dir(&folder));
    let onward = format!("ONWARD={}", binary().display());
    let said = succeeded(Command::new("make").arg("test").arg(onward).current_dir(&folder));
    assert!(said.contains(" ok, 0 failed, 0 not tried, 0 notes; seed "), "{said}");
    // Without it, it says so.
    let said = succeeded(Command::new("make").args(["test", "ONWARD="]).current_dir(&folder));
    assert!(said.contains("the library was not checked"), "{said}");
    let mut run = Command::new(binary());
    run.args(["plugin", "run"]).arg(folder.join("my-step.so")).args(["--config", r#"{"length": 4}"#]);
    let long = run.args(["--input", r#"{"params": {"text": "Gr\u00fc\u00dfe"}}"#]).output().expect("it runs");
    let said = String::from_utf8_lossy(&long.stderr).into_owned();
    assert!(said.ends_with("onward: too_long: The text is too long.\n"), "{said}");
}

/// What everybody begins with in C reads nothing that is not there, whatever comes.
#[test]
fn the_folder_in_c_is_sound_under_the_sanitizers() {
    let project = Project::bare();
    made(&project, &["my-step", "--lang", "c"]);
    let folder = project.path("my-step");
    let watched = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all";
    succeeded(Command::new("make").arg(format!("CFLAGS={watched}")).current_dir(&folder));
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/tests/c/host.c");
    let mut compile = Command::new("cc");
    compile.args(["-std=c11", "-pthread", "-I"]).arg(&folder).args(watched.split(' ')).arg("-o");
    succeeded(compile.arg(project.path("host")).arg(host).arg("-ldl"));
    let inputs = [
        (r#"{"params":{"text":"Acme"}}"#, "short enough"),
        (r#"{"params":{"text":"Acme Corp"}}"#, "too_long"),
        (r#"{"params":{"text":"\u00fc\n\"\\"}}"#, "short enough"),
        (r#"{"params":{"text":"\u00"}}"#, "short enough"),
        (r#"{"params":{"text":7}}"#, "no_text"),
        (r#"{"params":{"text":"\"#, "no_text"),
        (r#"{"params":{"text":""#, "no_text"),
        (r#"{"params""#, "no_text"),
        ("", "no_text"),
        ("[[[", "no_text"),
    ];
    let mut run = Command::new(project.path("host"));
    run.arg(folder.join("my-step.so")).arg(r#"{"length": 4}"#).args(inputs.map(|(input, _)| input));
    let said = succeeded(&mut run);
    let answers: Vec<_> = said.lines().filter(|line| !line.starts_with("log ")).skip(1).collect();
    assert_eq!(answers.len(), inputs.len(), "{said}");
    for ((input, expected), answer) in inputs.iter().zip(answers) {
        assert!(answer.contains(expected), "{input}: {answer}");
    }
    for config in ["", "{", r#"{"length": 0}"#, r#"{"length": "4"}"#, r#"{"length": 99999999999999999999}"#] {
        let mut run = Command::new(project.path("host"));
        let said = succeeded(run.arg(folder.join("my-step.so")).arg(config));
        assert!(said.contains("invalid_config"), "{config}: {said}");
    }
}

#[test]
fn nothing_is_written_over_and_every_refusal_says_why() {
    let project = Project::bare();
    project.write("there/notes.txt", "mine");
    assert_eq!(refused(&project, &["there"]), "there is a folder there already, and it is not empty");
    assert_eq!(fs::read_dir(project.path("there")).expect("a folder").count(), 1);
    project.write("file", "mine");
    assert!(refused(&project, &["file"]).starts_with("there is a file already"));
    let rule = "a plugin's name has small letters, digits, `-` and `_`, and begins with a letter: `my-step`";
    for name in ["../up", "Mine", "a b", "", "1st"] {
        assert_eq!(refused(&project, &[name]), rule, "{name}");
    }
    assert!(refused(&project, &["test"]).contains("choose another name, such as `test-step`"));
    assert_eq!(
        refused(&project, &["mine", "--sdk", "./nowhere"]),
        "--sdk: ./nowhere is no version, and no folder with the package `onward-sdk`"
    );
    assert!(refused(&project, &["mine", "--lang", "c", "--sdk", "1.0"]).starts_with("--sdk is for Rust"));
    assert!(!project.path("mine").exists());
    // An empty folder is as good as none.
    fs::create_dir(project.path("empty")).expect("a folder");
    made(&project, &["empty", "--sdk", "0.1.0"]);
    let manifest = fs::read_to_string(project.path("empty/Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("\nonward-sdk = \"0.1.0\"\n"), "{manifest}");
    assert!(!project.path("empty/onward-sdk").exists());
}
