//! "`plugins.pins = [{name, sha256}]` and `onward plugin lock`".

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    process::Command,
};

use crate::support::{Project, onward, plugin as library};

fn lock(arguments: &[&str]) -> (bool, String, String) {
    let output = onward(&[&["plugin", "lock"], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// What `sha256sum` says of a file.
fn sha256(path: &std::path::Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum");
    String::from_utf8_lossy(&output.stdout).split(' ').next().expect("a hash").to_owned()
}

#[test]
fn the_libraries_of_a_folder_are_pinned() {
    let project = Project::bare();
    let built = library(&project, &[]);
    fs::create_dir(project.path("plugins")).expect("a folder");
    let path = project.path("plugins/libtest.so");
    fs::copy(&built, &path).expect("copied");
    project.write("plugins/README.md", "no library");
    let folder = project.path("plugins").display().to_string();
    let pin = |sha256: &str| format!("[[plugins.pins]]\nname = \"test\"\nsha256 = \"{sha256}\"\n");
    let (is_good, said, error) = lock(&[&folder]);
    assert!(is_good && said == pin(&sha256(&path)), "{said}{error}");

    // Into the configuration, which a link leads to, and which keeps its rights.
    let before = "# mine\n[log]\nformat = \"json\" # so\n";
    project.write("real.toml", before);
    fs::set_permissions(project.path("real.toml"), fs::Permissions::from_mode(0o640)).expect("set");
    symlink("real.toml", project.path("link.toml")).expect("a link");
    let config = project.path("link.toml").display().to_string();
    let text = || fs::read_to_string(project.path("real.toml")).expect("the file");
    let (is_good, said, error) = lock(&[&folder, "--write", &config]);
    assert!(is_good && said.ends_with("has the pins of 1 plugin now\n"), "{said}{error}");
    assert_eq!(text(), format!("{before}\n{}", pin(&sha256(&path))));
    assert!(fs::symlink_metadata(&config).expect("there").is_symlink());
    assert_eq!(fs::metadata(&config).expect("there").permissions().mode() & 0o777, 0o640);
    assert!(lock(&[&folder, "--write", &config]).1.ends_with("has the pins of 1 plugin already\n"));

    // Another build is another hash, in the same place.
    let other = library(&project, &["ID=\"other\""]);
    fs::copy(other, &path).expect("copied");
    assert!(lock(&[&folder, "--write", &config]).0);
    assert_eq!(text(), format!("{before}\n{}", pin(&sha256(&path))));
    fs::remove_file(&path).expect("removed");
    assert!(lock(&[&folder, "--write", &config]).0);
    assert_eq!(text().trim_end(), before.trim_end());
    assert!(!project.path("real.toml.new").exists());
}

/// Whoever may read the configuration before may read it afterwards, and nobody else; nothing beside it is touched.
#[test]
fn a_configuration_keeps_its_owner_and_what_stands_in_the_way_is_left_alone() {
    let project = Project::bare();
    fs::create_dir(project.path("plugins")).expect("a folder");
    fs::copy(library(&project, &[]), project.path("plugins/libtest.so")).expect("copied");
    let folder = project.path("plugins").display().to_string();
    let config = project.path("real.toml");
    project.write("real.toml", "");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o640)).expect("set");
    // Only root may give a file away; others keep their own.
    let is_root = chown(&config, Some(0), Some(12_345)).is_ok();
    project.write("victim", "mine");
    symlink("victim", project.path("real.toml.new")).expect("a link");
    let path = config.display().to_string();
    let (is_good, _, error) = lock(&[&folder, "--write", &path]);
    assert!(!is_good && error.contains("real.toml.new"), "{error}");
    assert_eq!(fs::read_to_string(project.path("victim")).expect("the file"), "mine");
    assert!(fs::symlink_metadata(project.path("real.toml.new")).expect("there").is_symlink());
    assert_eq!(fs::read_to_string(&config).expect("the file"), "");
    fs::remove_file(project.path("real.toml.new")).expect("removed");
    let (is_good, _, error) = lock(&[&folder, "--write", &path]);
    assert!(is_good, "{error}");
    let now = fs::metadata(&config).expect("there");
    assert_eq!(now.permissions().mode() & 0o777, 0o640);
    assert_eq!(now.gid() == 12_345, is_root);
}

#[test]
fn what_cannot_be_pinned_says_why_and_nothing_is_written() {
    let project = Project::bare();
    let built = library(&project, &[]);
    for folder in ["two", "bad", "open"] {
        fs::create_dir(project.path(folder)).expect("a folder");
    }
    for name in ["two/liba.so", "two/libb.so", "open/liba.so"] {
        fs::copy(&built, project.path(name)).expect("copied");
    }
    project.write("bad/libx.so", "#!/bin/sh\n");
    let path = |name: &str| project.path(name).display().to_string();
    let before = fs::read(project.path("onward.toml")).expect("the file");
    let (is_good, _, error) = lock(&[&path("two"), "--write", &path("onward.toml")]);
    assert!(!is_good && error.contains("are both called `test`: keep one of them"), "{error}");
    let (is_good, _, error) = lock(&[&path("bad"), "--write", &path("onward.toml")]);
    assert!(!is_good && error.starts_with("onward: plugin_not_a_library: "), "{error}");
    assert_eq!(fs::read(project.path("onward.toml")).expect("the file"), before);
    assert!(!lock(&[&path("none")]).0);
    fs::set_permissions(path("open/liba.so"), fs::Permissions::from_mode(0o666)).expect("set");
    let (is_good, said, error) = lock(&[&path("open")]);
    assert!(is_good && said.contains("name = \"test\""), "{said}");
    assert!(error.contains("a server does not load ") && error.contains("chmod go-w"), "{error}");
    // Written otherwise: it is left alone.
    project.write("inline.toml", "[plugins]\npins = []\n");
    let (is_good, _, error) = lock(&[&path("open"), "--write", &path("inline.toml")]);
    assert!(!is_good && error.contains("nothing was changed"), "{error}");
    assert_eq!(fs::read_to_string(path("inline.toml")).expect("the file"), "[plugins]\npins = []\n");
}
