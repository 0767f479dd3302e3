//! Plugins in C: one of which each part can be another one, and one whose steps do what they are told.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::Project;

/// A library of `plugin.c` with these parts.
pub(crate) fn plugin(project: &Project, parts: &[&str]) -> PathBuf {
    project.write("plugin.c", include_str!("plugin.c"));
    let path = project.path("libtest.so");
    compile(&project.path("plugin.c"), &path, parts);
    path
}

/// The same in the project's folder of plugins, as a file of this name.
pub(crate) fn install(project: &Project, name: &str, parts: &[&str]) -> PathBuf {
    let built = plugin(project, parts);
    put(project, name, &built)
}

/// `tool.c` in the project's folder of plugins, as `libtool.so`.
pub(crate) fn install_tool(project: &Project) -> PathBuf {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, built) = (folder.path().join("tool.c"), folder.path().join("libtool.so"));
        fs::write(&source, include_str!("tool.c")).expect("written");
        compile(&source, &built, &[]);
        fs::read(built).expect("its bytes")
    });
    fs::write(project.path("libtool.so"), bytes).expect("written");
    put(project, "libtool.so", &project.path("libtool.so"))
}

fn put(project: &Project, name: &str, built: &Path) -> PathBuf {
    fs::create_dir_all(project.path("plugins")).expect("a folder");
    let path = project.path("plugins").join(name);
    // Whatever lies there may be loaded: it stays as it is for who has it.
    let _ = fs::remove_file(&path);
    fs::copy(built, &path).expect("copied");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    path
}

fn compile(source: &Path, library: &Path, parts: &[&str]) {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/include");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-std=gnu11", "-fvisibility=hidden", "-Wno-unused", "-pthread", "-o"])
        .args([library, source])
        .arg("-I")
        .arg(include)
        .args(parts.iter().map(|part| format!("-D{part}")))
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}
