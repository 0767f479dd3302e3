//! `onward plan` shows what publishing the workflow files would change, and `onward apply` does it: beside a running
//! server or without one.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    ConfigArguments, block_on,
    check::{file_problems, settings_problems},
    many, shown as path,
};
use crate::{
    boot,
    clock::Clock,
    model::{
        Performer,
        difference::{Difference, Named, Parts},
    },
    publish::{
        self, FolderRead, PublishError,
        plan::{self, Change, Planned, Refused},
    },
    settings::{self, Settings},
    shown,
    step::StepTypes,
    store::{Store, WorkspaceRows, sqlite::SqliteStore},
};

/// The exit code of a plan that has something to do.
const TO_DO: u8 = 2;

#[derive(Args)]
pub(super) struct PlanArguments {
    /// Shows the lines that differ, too.
    #[arg(long)]
    diff: bool,
    /// Prints everything as one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

/// What there is to do.
struct Plan {
    workflows: Vec<Planned>,
    errors: Vec<PublishError>,
}

impl Plan {
    async fn make(settings: &Settings, store: Option<&dyn Store>) -> anyhow::Result<Self> {
        let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
        let rows = match store {
            Some(store) => store.workspace().await?,
            None => WorkspaceRows::default(),
        };
        let FolderRead { sound, errors } = publish::read_folder(&settings.workflows.folder, &types, &rows);
        // Which workflow a file has that cannot be used, nobody knows; then no other is taken for it.
        let unread = rows.versions.iter().filter(|_| !errors.is_empty()).map(|row| row.workflow.clone());
        let workflows = plan::plan(sound, &rows, store, &unread.collect()).await;
        Ok(Self { workflows, errors })
    }

    fn to_do(&self) -> impl Iterator<Item = &Planned> {
        self.workflows.iter().filter(|planned| planned.change() != Change::Unchanged)
    }

    /// Why nothing of it may be done, if so.
    fn refused(&self) -> Option<String> {
        let refused = self.workflows.iter().filter(|planned| planned.refused.is_some()).count();
        match (self.errors.len(), refused) {
            (0, 0) => None,
            (0, refused) => Some(format!("{} cannot be published", many(refused, "workflow"))),
            (errors, _) => Some(format!("{} cannot be used", many(errors, "file"))),
        }
    }
}

/// The settings; what is wrong with them is printed as JSON, too, where JSON is asked for.
fn settings(arguments: &PlanArguments) -> anyhow::Result<Settings> {
    let settings = settings::load(arguments.config.config.as_deref());
    if let (Err(error), true) = (&settings, arguments.json) {
        let why = "the configuration cannot be used";
        let errors = settings_problems(error);
        say!("{}", json!({"to_do": false, "refused": why, "workflows": [], "errors": errors}));
    }
    Ok(settings?)
}

/// Answers the exit code: whether there is something to do.
pub(super) fn plan(arguments: &PlanArguments) -> anyhow::Result<ExitCode> {
    let settings = settings(arguments)?;
    block_on(async {
        // A plan makes no database.
        let store = match SqliteStore::is_there(&settings.store.folder) {
            true => Some(boot::open_store(&settings)?),
            false => None,
        };
        let plan = Plan::make(&settings, store.as_deref()).await;
        if let Some(store) = store {
            store.close().await?;
        }
        let plan = plan?;
        match arguments.json {
            true => say!("{}", to_json(&plan)),
            false => print(&plan, arguments.diff),
        }
        match plan.refused() {
            Some(why) => anyhow::bail!("{why}; nothing of the plan can be applied"),
            None if plan.to_do().next().is_some() => Ok(ExitCode::from(TO_DO)),
            None => Ok(ExitCode::SUCCESS),
        }
    })
}

pub(super) fn apply(arguments: &PlanArguments) -> anyhow::Result<()> {
    let settings = settings(arguments)?;
    block_on(async {
        let store = boot::open_store(&settings)?;
        let applied = apply_to(&*store, &settings, arguments).await;
        store.close().await?;
        applied
    })
}

/// Prints the plan, and does it, unless some of it is refused: then nothing.
async fn apply_to(store: &dyn Store, settings: &Settings, arguments: &PlanArguments) -> anyhow::Result<()> {
    let plan = Plan::make(settings, Some(store)).await?;
    let mut shown = to_json(&plan);
    if !arguments.json {
        print(&plan, arguments.diff);
    }
    let refused = plan.refused();
    let mut applied = Vec::new();
    let mut failed = None;
    let (clock, by) = (Clock::default(), Performer::command_line());
    for planned in plan.to_do().take_while(|_| refused.is_none()) {
        match plan::carry_out(planned, Some(by.clone()), store, &clock).await {
            Ok(version) => applied.push((planned.workflow.id.as_str(), version)),
            Err(error) => {
                failed = Some(
                    anyhow::anyhow!(error).context(format!("`{}` is not published", planned.workflow.id)),
                );
                break;
            }
        }
    }
    if arguments.json {
        shown["applied"] =
            applied.iter().map(|(id, version)| json!({"id": id, "version": version})).collect();
        say!("{shown}");
    } else {
        applied.iter().for_each(|(id, version)| say!("{id}: version {version} is published"));
    }
    match (refused, failed) {
        (Some(why), _) => anyhow::bail!("{why}; nothing was applied"),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(()),
    }
}

fn to_json(plan: &Plan) -> Value {
    let workflow = |planned: &Planned| {
        let Planned { path: file, workflow, version, before, refused } = planned;
        let difference = before.as_ref().map(|before| Difference::between(before, workflow));
        let stranded = match refused {
            Some(Refused::Stranded(stranded)) => stranded.iter().map(shown::stranded).collect(),
            _ => json!([]),
        };
        json!({
            "id": workflow.id.as_str(),
            "name": workflow.name,
            "file": path(file).to_string(),
            "change": change_name(planned.change()),
            "version": (*version > 0).then_some(version),
            "difference": difference.as_ref().map(shown::difference),
            "text": text_diff(planned),
            "refused": refused.as_ref().map(ToString::to_string),
            "stranded": stranded,
        })
    };
    json!({
        "to_do": plan.to_do().next().is_some(),
        "refused": plan.refused(),
        "workflows": plan.workflows.iter().map(workflow).collect::<Vec<_>>(),
        "errors": plan.errors.iter().map(file_problems).collect::<Vec<_>>(),
    })
}

fn change_name(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Changed => "changed",
        Change::Mended => "mended",
        Change::Unchanged => "unchanged",
    }
}

/// `None` where there is nothing to compare with.
fn text_diff(planned: &Planned) -> Option<String> {
    let before = planned.before.as_ref()?;
    let names = (format!("version {}", planned.version), path(&planned.path).to_string());
    Some(shown::text_diff((&names.0, before), (&names.1, &planned.workflow)))
}

fn print(plan: &Plan, with_diff: bool) {
    for planned in &plan.workflows {
        let (id, file, version) = (&planned.workflow.id, path(&planned.path), planned.version);
        match planned.change() {
            Change::Unchanged => continue,
            Change::New => say!("+ {id}: a new workflow, from {file}"),
            Change::Mended => {
                say!("+ {id}: follows version {version}, which cannot be read on this server, from {file}");
            }
            Change::Changed => say!("~ {id}: changes version {version}, from {file}"),
        }
        if let Some(before) = &planned.before {
            print_difference(&Difference::between(before, &planned.workflow));
        }
        if let (true, Some(text)) = (with_diff, text_diff(planned)) {
            text.lines().for_each(|line| say!("    {line}"));
        }
        match &planned.refused {
            Some(Refused::Stranded(stranded)) => stranded.iter().for_each(|it| say!("  ! {it}")),
            Some(refused) => say!("  ! {refused}"),
            None => {}
        }
    }
    for error in &plan.errors {
        eprintln!("{error}\n");
    }
    let count = |change| plan.workflows.iter().filter(|planned| planned.change() == change).count();
    let (new, changed, same) =
        (count(Change::New), count(Change::Changed) + count(Change::Mended), count(Change::Unchanged));
    say!("{new} new, {changed} changed, {same} unchanged");
}

fn print_difference(difference: &Difference) {
    let Difference { workflow, fields, stages, roles, actions } = difference;
    if !workflow.is_empty() {
        say!("  ~ {}", workflow.join(", "));
    }
    for (what, parts) in [("field", fields), ("stage", stages), ("role", roles), ("action", actions)] {
        print_parts(what, parts, "  ");
    }
}

fn print_parts(what: &str, parts: &Parts, indent: &str) {
    let shown = |Named { id, name }: &Named| format!("{what} “{name}” ({id})");
    parts.added.iter().for_each(|part| say!("{indent}+ {}", shown(part)));
    parts.removed.iter().for_each(|part| say!("{indent}- {}", shown(part)));
    for changed in &parts.changed {
        let keys =
            if changed.keys.is_empty() { String::new() } else { format!(": {}", changed.keys.join(", ")) };
        say!("{indent}~ {}{keys}", shown(&changed.part));
        print_parts("step", &changed.steps, &format!("{indent}  "));
    }
    if parts.reordered {
        say!("{indent}~ {what}s: another order");
    }
}
