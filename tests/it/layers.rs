//! Who may import whom: the rules of `runtime/ARCHITECTURE.md`, held by a scan of the sources.

use std::{fs, path::Path};

/// A rule: these places must not contain this text.
struct Rule {
    /// Path prefixes below `runtime/src` that the rule is about; empty means everywhere.
    within: &'static [&'static str],
    /// Path prefixes that are exempt.
    except: &'static [&'static str],
    forbidden: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        within: &["model/"],
        except: &[],
        forbidden: &[
            "crate::api",
            "crate::boot",
            "crate::cli",
            "crate::clock",
            "crate::definition",
            "crate::egress",
            "crate::engine",
            "crate::publish",
            "crate::settings",
            "crate::step",
            "crate::store",
            "actix::",
            "tokio::",
            "rusqlite",
            "Timestamp::now",
            "SystemTime",
            "Instant::now",
        ],
    },
    Rule {
        within: &["store/"],
        except: &[],
        forbidden: &[
            "crate::api",
            "crate::engine",
            "crate::step",
            "crate::egress",
            "crate::settings",
            "crate::clock",
        ],
    },
    Rule {
        within: &["toml_file"],
        except: &[],
        forbidden: &[
            "crate::api",
            "crate::definition",
            "crate::egress",
            "crate::engine",
            "crate::publish",
            "crate::settings",
            "crate::step",
            "crate::store",
        ],
    },
    Rule { within: &["step/"], except: &[], forbidden: &["crate::engine", "crate::store", "crate::api"] },
    Rule {
        within: &["egress/"],
        except: &[],
        forbidden: &["crate::model", "crate::engine", "crate::store", "crate::step"],
    },
    Rule { within: &["engine/"], except: &[], forbidden: &["crate::api", "crate::settings", "actix_web"] },
    Rule {
        within: &["api/"],
        except: &[],
        forbidden: &["actix::", "Addr<", "crate::step", "crate::settings"],
    },
    Rule {
        within: &[],
        except: &["boot.rs", "main.rs", "cli/", "settings/"],
        forbidden: &["crate::settings"],
    },
    Rule { within: &[], except: &["engine/", "boot.rs", "cli/"], forbidden: &["actix::"] },
    Rule { within: &[], except: &["api/", "boot.rs", "cli/demo.rs"], forbidden: &["actix_web::"] },
    Rule { within: &[], except: &["egress/"], forbidden: &["awc::"] },
    Rule {
        within: &[],
        except: &["plugin/load.rs", "plugin/host.rs", "plugin/presented.rs"],
        forbidden: &["libloading", "unsafe {", "unsafe fn"],
    },
    // The engine's tests damage rows behind the store's back.
    Rule {
        within: &[],
        except: &["store/", "engine/tests/damage.rs"],
        forbidden: &["rusqlite", "SELECT ", "INSERT INTO"],
    },
    // Only the step types themselves know which ones there are.
    Rule {
        within: &[],
        except: &["step/", "definition/", "model/sample.rs"],
        forbidden: &["move_to_stage", "update_data"],
    },
];

/// The rules that a file breaks, as `path:line: text`.
fn broken(path: &str, source: &str) -> Vec<String> {
    let applies = |rule: &&Rule| {
        let is_in = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        (rule.within.is_empty() || is_in(rule.within)) && !is_in(rule.except)
    };
    let code = source.lines().enumerate().take_while(|(_, line)| !line.starts_with("mod tests"));
    let code: Vec<_> = code.filter(|(_, line)| !line.trim_start().starts_with("//")).collect();
    let mut broken = Vec::new();
    for rule in RULES.iter().filter(applies) {
        for (number, line) in &code {
            for forbidden in rule.forbidden.iter().filter(|forbidden| line.contains(**forbidden)) {
                broken.push(format!("{path}:{}: {forbidden}", number + 1));
            }
        }
    }
    broken
}

fn scan(folder: &Path, root: &Path, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += scan(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).expect("below the root").display().to_string();
            found.extend(broken(&relative, &fs::read_to_string(&path).expect("a source")));
            files += 1;
        }
    }
    files
}

#[test]
fn the_layers_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    let mut found = Vec::new();
    let files = scan(&root, &root, &mut found);
    assert!(files > 40, "only {files} files were scanned");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_broken_rule_is_found() {
    for (path, source) in [
        ("model/task.rs", "use crate::store::Store;"),
        ("model/task.rs", "let now = Timestamp::now();"),
        ("store/mod.rs", "use crate::engine::Shared;"),
        ("api/tasks.rs", "use actix::Addr;"),
        ("engine/mod.rs", "use actix_web::web;"),
        ("publish.rs", "use crate::settings::Settings;"),
        ("toml_file/table.rs", "use crate::definition::Workflow;"),
        ("step/mod.rs", "use awc::Client;"),
        ("engine/step.rs", "if step.type_id == \"move_to_stage\" {"),
        ("api/tasks.rs", "connection.execute(\"SELECT 1\")"),
    ] {
        assert!(!broken(path, source).is_empty(), "{path}: {source}");
    }
    assert!(broken("model/task.rs", "// not crate::store, which …\nuse super::patch::Patch;").is_empty());
}
