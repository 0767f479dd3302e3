//! Builds the benchmark's plugin, under whichever name.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The library in a folder. Its step types are `NAME_echo`, `NAME_nothing` and `NAME_wedge`.
pub(crate) fn build(folder: &Path, name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join(format!("lib{name}.so"));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-std=gnu11", "-fvisibility=hidden", "-o"])
        .args([&path, &package.join("benches/plugins/echo.c")])
        .arg("-I")
        .arg(package.join("../sdk/include"))
        .arg(format!("-DNAME=\"{name}\""))
        .status()
        .expect("a C compiler");
    assert!(built.success(), "the plugin could not be built");
    path
}

/// The target folder: this program stands in target/release/deps.
pub(crate) fn target() -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    this.ancestors().nth(3).expect("target/release/deps").to_owned()
}

/// Builds the plugin that ships with the server and changes tasks, beside the server's program.
pub(crate) fn build_shipped() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--package", "onward-plugin-task", "--target-dir"]).arg(target());
    // What cargo tells about this package would make build scripts run again, here and back.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    assert!(build.status().expect("cargo runs").success(), "the plugin could not be built");
}
