//! C libraries that are loaded into a server's process and stand between it and the system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// One of the C sources beside this.
pub(super) struct Library {
    name: &'static str,
    built: OnceLock<PathBuf>,
}

impl Library {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, built: OnceLock::new() }
    }

    /// The library, for `LD_PRELOAD`; built once by each test process.
    pub(super) fn path(&self) -> &Path {
        self.built.get_or_init(|| build(self.name))
    }
}

fn build(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/support").join(name).with_extension("c");
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().expect("target/PROFILE/deps");
    let library = folder.join(format!("{name}.so"));
    // Under a name of its own first: another test process may be loading the finished one.
    let part = folder.join(format!("{name}.{}.so", std::process::id()));
    let mut build = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    build.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&part).arg(&source);
    let built = build.args(["-ldl", "-lpthread"]).output().expect("a C compiler runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    fs::rename(&part, &library).expect("in its place");
    library
}
