//! What may come into the dependency tree, by `.deny.toml`, as `cargo deny` reads it without its minutes of compiling: licences of what is
//! built into what is shipped, bans, sources and wildcards of everything. `.ci/long` runs the tool itself.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::{Value, json};
use spdx::{Expression, LicenseReq, ParseMode};

struct Policy {
    licenses: Vec<LicenseReq>,
    banned: Vec<String>,
}

fn policy() -> Policy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.deny.toml");
    let read: toml::Table = std::fs::read_to_string(path).expect("a policy").parse().expect("TOML");
    let list = |table: &str, key: &str| read[table][key].as_array().expect("a list").clone();
    let licenses =
        list("licenses", "allow").iter().map(|it| requirement(it.as_str().expect("a text"))).collect();
    let banned =
        list("bans", "deny").iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect();
    Policy { licenses, banned }
}

/// A licence that is allowed, as what an expression is held against.
fn requirement(id: &str) -> LicenseReq {
    let expression = Expression::parse(id).expect("a licence");
    expression.requirements().next().expect("one licence").req.clone()
}

/// What is wrong with a package of the tree: `name v1.2.3` and, unless it is of the registry, where it comes from; a tab; its licences.
fn refused(policy: &Policy, line: &str) -> Option<String> {
    unwelcome(policy, line).or_else(|| unlicensed(policy, line))
}

/// That a package is banned, or from elsewhere.
fn unwelcome(policy: &Policy, line: &str) -> Option<String> {
    let (package, _) = line.split_once('\t').expect("a package and its licence");
    let mut words = package.split(' ');
    let (name, source) = (words.next().expect("a name"), words.nth(1));
    if policy.banned.iter().any(|it| it == name) {
        return Some(format!("{name} is banned"));
    }
    // Our own have their folder there, which is a path; a macro says that it is one.
    let is_elsewhere = source.is_some_and(|it| !it.starts_with("(/") && it != "(proc-macro)");
    is_elsewhere.then(|| format!("{package} is from another source than the registry"))
}

fn unlicensed(policy: &Policy, line: &str) -> Option<String> {
    let (package, license) = line.split_once('\t').expect("a package and its licence");
    match Expression::parse_mode(license, ParseMode::LAX) {
        Err(_) => Some(format!("{package} has a licence that nobody knows: {license:?}")),
        Ok(expression) if expression.evaluate(|asked| policy.licenses.contains(asked)) => None,
        Ok(_) => Some(format!("{package} has a licence that is not allowed: {license}")),
    }
}

/// Every package by which any of ours is built, on any system, a line each. `edges`: for what.
fn tree(edges: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--workspace", "--edges", edges, "--target", "all"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("UTF-8");
    lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_comes_in_has_licences_and_sources_that_are_allowed() {
    let (policy, shipped, all) = (policy(), tree("normal,build"), tree("normal,build,dev"));
    assert!(shipped.len() > 100 && all.len() > shipped.len(), "{} and {}", shipped.len(), all.len());
    let shipped = shipped.iter().filter_map(|line| unlicensed(&policy, line));
    let refused: Vec<_> = shipped.chain(all.iter().filter_map(|line| unwelcome(&policy, line))).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// What one of our packages asks for in whatever version there is.
fn wildcards(metadata: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().expect("a list");
    let packages = list(&metadata["packages"]).into_iter();
    let asked = packages.flat_map(|package| {
        list(&package["dependencies"]).into_iter().map(move |it| (package["name"].clone(), it))
    });
    let any = asked.filter(|(_, it)| it["req"] == "*" && it.get("path").is_none());
    any.map(|(package, it)| format!("{package} asks for any version of {}", it["name"])).collect()
}

#[test]
fn no_package_asks_for_any_version_of_another() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    assert_eq!(wildcards(&metadata), [""; 0]);
    let any = json!({"packages": [{"name": "own", "dependencies": [
        {"name": "sdk", "req": "*", "path": "/sdk"}, {"name": "other", "req": "^1"}, {"name": "any", "req": "*"},
    ]}]});
    assert_eq!(wildcards(&any), [r#""own" asks for any version of "any""#]);
}

#[test]
fn what_is_not_allowed_is_found() {
    let policy = policy();
    for line in [
        "openssl v0.10.0\tApache-2.0",
        "own v1.0.0\tMPL-2.0",
        "own v1.0.0\tMIT AND GPL-3.0-only",
        "own v1.0.0\t",
        "own v1.0.0 (https://example.com/own#12345678)\tMIT",
    ] {
        assert!(refused(&policy, line).is_some(), "{line}");
    }
    for line in [
        "own v1.0.0\tMIT/Apache-2.0",
        "own v1.0.0 (proc-macro)\tMIT OR GPL-3.0-only",
        "own v1.0.0 (/own)\tMIT",
    ] {
        assert_eq!(refused(&policy, line), None);
    }
}
