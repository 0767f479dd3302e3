//! Plugins in C, of which each part can be another one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::Project;

/// A library of `plugin.c` with these parts.
pub(crate) fn plugin(project: &Project, parts: &[&str]) -> PathBuf {
    project.write("plugin.c", include_str!("plugin.c"));
    let path = project.path("libtest.so");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/include");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-std=gnu11", "-fvisibility=hidden", "-Wno-unused", "-pthread", "-o"])
        .args([&path, &project.path("plugin.c")])
        .arg("-I")
        .arg(include)
        .args(parts.iter().map(|part| format!("-D{part}")))
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    path
}
