//! `onward check`: whether the configuration and the workflow files are sound, for people, or as JSON for editors and CI.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::{ConfigArguments, many, shown as path};
use crate::{
    definition,
    lint::{Facts, Finding, lint},
    model::Workflow,
    plugin::registry::{Plugin, SettingNote},
    publish::{self, FolderRead, PublishError},
    settings::{self, Settings, SettingsError},
    shown,
    step::StepTypes,
    store::WorkspaceRows,
    toml_file::read_text,
};

#[derive(Args)]
pub(super) struct CheckArguments {
    /// Prints everything as one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<()> {
    let settings = settings::load(arguments.config.config.as_deref());
    if arguments.json {
        return print_json(settings);
    }
    let settings = settings?;
    let (FolderRead { sound, errors }, types) = read(&settings);
    let mut warnings = 0;
    for file in &sound {
        say!("{}: workflow `{}` is sound", path(&file.path), file.workflow.id);
        for (finding, place) in findings(file, &types) {
            match place {
                Some(place) => say!("{}", finding.at(&path(&file.path).to_string(), place)),
                None => say!("{finding}"),
            }
            warnings += 1;
        }
    }
    for (file, finding) in publish::left_out(&settings.workflows.folder) {
        say!("{}: left out\n{finding}", path(&file));
        warnings += 1;
    }
    for unused in unused(&types) {
        say!("{unused}");
        warnings += 1;
    }
    for error in &errors {
        eprintln!("{error}\n");
    }
    if !errors.is_empty() {
        let folder = path(&settings.workflows.folder);
        anyhow::bail!("{} of the workflow files in {folder} cannot be used", errors.len());
    }
    let warnings = if warnings == 0 { String::new() } else { format!(", {}", many(warnings, "warning")) };
    say!("{}, no problems{warnings}", many(sound.len(), "workflow file"));
    Ok(())
}

fn read(settings: &Settings) -> (FolderRead, StepTypes) {
    let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
    (publish::read_folder(&settings.workflows.folder, &types, &WorkspaceRows::default()), types)
}

/// Plugins that are not used although nobody has disabled them, and what the settings name that is not there.
fn unused(types: &StepTypes) -> impl Iterator<Item = String> {
    let plugins = types.plugins();
    let notes = plugins.notes.iter().map(|note| format!("warning[{}]: {}", note.code, note.message));
    let unused = plugins.refused().map(|(plugin, code, message)| {
        format!("warning[{code}]: the plugin {} is not used: {message}", path(&plugin.file))
    });
    notes.chain(unused)
}

fn setting_note(note: &SettingNote) -> Value {
    let SettingNote { code, message } = note;
    json!({
        "file": null,
        "workflow": null,
        "problems": [],
        "warnings": [{"code": code, "message": message, "line": null, "column": null}],
    })
}

fn unused_plugin((plugin, code, message): (&Plugin, &str, &str)) -> Value {
    let warning = json!({"code": code, "message": message, "line": null, "column": null});
    json!({
        "file": path(&plugin.file).to_string(),
        "workflow": null,
        "problems": [],
        "warnings": [warning],
    })
}

/// Which secrets and roles there are, the store knows; a check needs none.
fn findings(file: &publish::WorkflowFile, types: &StepTypes) -> Vec<(Finding, Option<(usize, usize)>)> {
    let source = read_text(&file.path).unwrap_or_default();
    let findings = lint(&file.workflow, types, &Facts::default()).into_iter();
    let placed = findings.map(|finding| {
        let place = definition::place(&source, &file.workflow, &finding.part);
        (finding, place)
    });
    placed.collect()
}

fn print_json(settings: Result<Settings, SettingsError>) -> anyhow::Result<()> {
    let (files, problems): (Vec<_>, _) = match settings {
        Ok(settings) => {
            let (FolderRead { sound, errors }, types) = read(&settings);
            let wrong = errors.iter().map(file_problems);
            let left_out = publish::left_out(&settings.workflows.folder);
            let left_out = left_out.iter().map(|(file, finding)| left_out_file(file, finding));
            let unused = types.plugins().refused().map(unused_plugin);
            let files = sound.iter().map(|file| sound_file(file, &types)).chain(wrong).chain(left_out);
            let notes = types.plugins().notes.iter().map(setting_note);
            let files = files.chain(unused).chain(notes);
            (files.collect(), errors.len())
        }
        Err(error) => {
            let wrong = settings_problems(&error);
            let count = wrong.len();
            (wrong, count)
        }
    };
    say!("{}", json!({"sound": problems == 0, "files": files}));
    if problems > 0 {
        anyhow::bail!("{} cannot be used", many(problems, "file"));
    }
    Ok(())
}

fn sound_file(file: &publish::WorkflowFile, types: &StepTypes) -> Value {
    let warnings: Value = findings(file, types)
        .iter()
        .map(|(found, place)| warning(found, Some(&file.workflow), *place))
        .collect();
    json!({
        "file": path(&file.path).to_string(),
        "workflow": file.workflow.id.as_str(),
        "problems": [],
        "warnings": warnings,
    })
}

/// A finding with its place in the file.
fn warning(finding: &Finding, of: Option<&Workflow>, place: Option<(usize, usize)>) -> Value {
    let mut warning = shown::finding(finding, of);
    warning["line"] = json!(place.map(|(line, _)| line));
    warning["column"] = json!(place.map(|(_, column)| column));
    warning
}

fn left_out_file(file: &Path, finding: &Finding) -> Value {
    json!({
        "file": path(file).to_string(),
        "workflow": null,
        "problems": [],
        "warnings": [warning(finding, None, None)],
    })
}

/// What is wrong with the configuration: with its file, and with the environment.
pub(super) fn settings_problems(error: &SettingsError) -> Vec<Value> {
    match error {
        SettingsError::Unsound(reports) => reports
            .iter()
            .map(|report| of_file(Some(report.name().to_owned()), shown::problems(report)))
            .collect(),
        SettingsError::Unreadable { path: file, problem: why } => {
            vec![of_file(Some(path(file).to_string()), json!([problem(why.code, why)]))]
        }
        SettingsError::Merge(_) => vec![of_file(None, json!([problem("invalid_configuration", error)]))],
    }
}

/// What is wrong with a file, with its place as far as it has one.
pub(super) fn file_problems(error: &PublishError) -> Value {
    match error {
        PublishError::Definition(report) => of_file(Some(report.name().to_owned()), shown::problems(report)),
        PublishError::File { path: file, problem: why } => {
            of_file(Some(path(file).to_string()), json!([problem(why.code, why)]))
        }
        PublishError::Twice { id, first, second } => {
            let why =
                format!("{} has the workflow `{id}` already; give one of them another `id`", path(first));
            of_file(Some(path(second).to_string()), json!([problem("duplicate_id", &why)]))
        }
        PublishError::Store(_) => of_file(None, json!([problem("store_unavailable", error)])),
    }
}

fn of_file(file: Option<String>, problems: Value) -> Value {
    json!({"file": file, "workflow": null, "problems": problems, "warnings": []})
}

/// One without a place of its own.
fn problem(code: &str, error: &dyn std::fmt::Display) -> Value {
    let message = error.to_string();
    json!({"code": code, "message": message, "path": null, "line": null, "column": null, "span": null, "help": null})
}
