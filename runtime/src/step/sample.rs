//! Step types for the tests of others.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::json;

use super::{Description, Step, StepType, StepTypes, category};
use crate::{
    egress::Guard,
    model::{StepDefinition, Workflow, execution::Effects, workflow::ParamProblem},
    plugin::{registry::PluginSettings, runner::RunnerSettings},
};

/// Of a step type that nobody chooses.
pub fn description() -> Cow<'static, Description> {
    Cow::Owned(Description::built_in("Sample", category::TASK, "is tested", json!({})))
}

/// The server's own types, and those that the plugins bring that ship with it.
pub fn shipped(guard: &Guard) -> StepTypes {
    let settings = PluginSettings {
        folder: None,
        shipped: vec![built().to_owned()],
        copies: PathBuf::from("/nowhere/plugins"),
        pins: Vec::new(),
        pinned_only: false,
        disabled: Vec::new(),
        in_process: Vec::new(),
        in_child: Vec::new(),
        runner: RunnerSettings::default(),
    };
    let types = StepTypes::load(guard, &settings);
    assert!(types.get("move_to_stage").is_some() && types.get("delay").is_some(), "they are not built");
    types
}

/// The folder in which they are, once built: to build this crate builds none.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = std::env::current_exe().expect("a program");
        let folder = program.ancestors().nth(2).expect("two folders above").to_owned();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // The program, too, although it is not needed: as the tests that start it build it, so that it is built once for all.
        build.args(["build", "--quiet", "--locked", "-p", "onward", "-p", "onward-plugin-*"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        // What cargo tells about this package would make build scripts run again, here and back.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                build.env_remove(name);
            }
        }
        build.env("CARGO_TARGET_DIR", folder.parent().expect("the target folder"));
        assert!(build.status().expect("cargo runs").success(), "the plugins cannot be built");
        folder
    })
}

/// A newer version of a step type, which rejects what the older one took.
pub struct Rejects(pub &'static str);

impl StepType for Rejects {
    fn id(&self) -> &str {
        self.0
    }

    fn effects(&self) -> Effects {
        Effects::None
    }

    fn description(&self) -> Cow<'_, Description> {
        description()
    }

    fn configure(&self, _: &StepDefinition, _: &Workflow) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let message = "`colour` is missing".to_owned();
        Err(vec![ParamProblem { param: None, code: "missing_key", message, help: None }])
    }
}

#[test]
fn the_list_of_what_ships_is_what_ships() {
    let types = shipped(&Guard::default());
    let mut found: Vec<_> =
        types.iter().filter_map(|it| Some((it.plugin()?.name.clone(), it.id().to_owned()))).collect();
    found.sort();
    let listed = super::SHIPPED
        .iter()
        .flat_map(|(plugin, ids)| ids.iter().map(|id| ((*plugin).to_owned(), (*id).to_owned())));
    assert_eq!(found, listed.collect::<Vec<_>>());
    for (id, owner) in
        [("api_call", Some("the server")), ("zap", Some("onward-plugin-zapier")), ("greet", None)]
    {
        assert_eq!(StepTypes::brought_by(id), owner);
    }
}
