//! `onward step test`: one step on one task, to see what it sends and what comes back.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{ConfigArguments, block_on, load};
use crate::{
    boot,
    clock::{Clock, Ids},
    egress::{Egress, Endpoints, HealthSettings, Trust},
    model::{
        Directory, Performer, SharedWorkspace, Task, TaskId, Workflow,
        document::Answer,
        execution::StepEnd,
        perform::{self, StepReport},
    },
    publish,
    settings::Settings,
    step::{
        Resources, StepTypes, Tokens,
        trial::{self, Trial},
    },
    store::{Store, TaskKey},
};

#[derive(Subcommand)]
pub(super) enum StepCommand {
    /// Runs one step on a task, and shows what it sent and what came back. The call is a real one; the task stays as it
    /// is.
    Test(TestArguments),
}

#[derive(Args)]
pub(super) struct TestArguments {
    /// The workflow's id.
    workflow: String,
    /// The action's id.
    action: String,
    /// The step's id, or its number from 1.
    step: String,
    /// The task, by its Unique ID or its id.
    #[arg(long, value_name = "ID")]
    task: String,
    /// In whose name: a user's email or id; without it, nobody's.
    #[arg(long, value_name = "EMAIL")]
    performed_by: Option<String>,
    /// Changes the task as the answer says.
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(StepCommand::Test(arguments): &StepCommand) -> anyhow::Result<()> {
    let settings = load(&arguments.config)?;
    block_on(async {
        let store = boot::open_store(&settings)?;
        let tried = test(arguments, &settings, &store).await;
        store.close().await?;
        if tried? { Ok(()) } else { bail!("the step would have stopped the action") }
    })
}

/// Whether the step succeeded.
async fn test(
    arguments: &TestArguments,
    settings: &Settings,
    store: &Arc<dyn Store>,
) -> anyhow::Result<bool> {
    let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
    let workspace = SharedWorkspace::new(settings.workspace.name.clone(), settings.workspace.zone.clone());
    let vault = boot::vault(settings);
    publish::refresh(&**store, &types, &vault, &workspace).await?;
    let workspace = workspace.current();
    // As the files say it: a step is tried before it is published.
    let known = publish::known(&settings.workflows.folder, &**store, &types).await?;
    let workflow = known.workflows.iter().find(|workflow| workflow.id.as_str() == arguments.workflow);
    let workflow = workflow.ok_or_else(|| anyhow!("there is no workflow `{}`", arguments.workflow))?;
    let (action, step) = place(workflow, &arguments.action, &arguments.step)?;
    let task = task(&**store, workflow, &arguments.task).await?;
    let clock = Clock::default();
    let resources = Resources {
        egress: Egress::new(
            &boot::egress_settings(settings),
            &Trust::load(settings.egress.extra_ca_file.as_deref())?,
            Endpoints::new(HealthSettings::default()),
        ),
        clock: clock.clone(),
        tokens: Tokens::default(),
    };
    let performer = performer(&workspace.directory, arguments.performed_by.as_deref())?;
    let ids = Ids::new(clock.clone(), store.greatest_id().await?);
    let trial = Trial {
        workflow,
        version: 0,
        action,
        step,
        task: &task,
        performer: performer.clone(),
        workspace: &workspace,
        place: ids.place(),
    };
    let report =
        trial::run(&types, &resources, trial).await.map_err(|why| anyhow!("the step cannot run: {why}"))?;
    show(&report);
    let is_success = !matches!(report.end, StepEnd::Failed { .. } | StepEnd::Unknown { .. });
    if let (true, Answer::Patch(patch)) = (is_success, &report.answer) {
        let (directory, now) = (Arc::clone(&workspace.directory), clock.now());
        if arguments.apply {
            let decide =
                perform::patch_by_hand(patch.clone(), performer, Arc::clone(workflow), directory, now);
            store.transact(TaskKey::Id(task.id), None, decide).await?;
            say!("the task is changed");
        } else {
            say!("the task stays as it is; --apply changes it");
        }
    }
    Ok(is_success)
}

fn place(workflow: &Workflow, action: &str, step: &str) -> anyhow::Result<(usize, usize)> {
    let index = workflow.actions.iter().position(|it| it.id.as_str() == action);
    let index = index.with_context(|| {
        let known: Vec<_> = workflow.actions.iter().map(|action| action.id.as_str()).collect();
        format!("the workflow has no action `{action}`; it has {}", known.join(", "))
    })?;
    let steps = &workflow.actions[index].steps;
    let by_number = step.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let at = steps.iter().position(|it| it.id.as_str() == step).or(by_number).filter(|at| *at < steps.len());
    let at = at.with_context(|| {
        let known: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
        format!("the action has no step `{step}`; it has {}", known.join(", "))
    })?;
    Ok((index, at))
}

async fn task(store: &dyn Store, workflow: &Workflow, address: &str) -> anyhow::Result<Arc<Task>> {
    let unique = TaskKey::Unique { workflow: workflow.id.clone(), value: address.into() };
    let mut found = store.task(unique).await?;
    if let (None, Ok(id)) = (&found, address.parse::<TaskId>()) {
        found = store.task(TaskKey::Id(id)).await?.filter(|task| task.workflow == workflow.id);
    }
    found.ok_or_else(|| anyhow!("the workflow `{}` has no task `{address}`", workflow.id))
}

fn performer(directory: &Directory, name: Option<&str>) -> anyhow::Result<Performer> {
    let Some(name) = name else { return Ok(Performer::server()) };
    let user = directory.find(name).ok_or_else(|| anyhow!("there is no user `{name}`"))?;
    Ok(Performer::from(&**user))
}

/// The call as it went, and what it means.
fn show(report: &StepReport) {
    let record = report.record.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(record) = record {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let show = |part: &Value| {
            for header in part["headers"].as_array().into_iter().flatten() {
                say!("{}: {}", text(&header[0]), text(&header[1]));
            }
            say!("\n{}\n", text(&part["body"]));
        };
        say!("{} {}", text(&record["request"]["method"]), text(&record["request"]["url"]));
        let (tls, proxy) = (&record["request"]["tls"], &record["request"]["proxy"]);
        if tls["ca"] == true {
            say!("(trusting the step's own authorities)");
        }
        if tls["certificate"] == true {
            say!("(showing the step's certificate)");
        }
        match proxy.as_str() {
            None => {}
            Some("direct") => say!("(through no proxy)"),
            Some(proxy) => say!("(through {proxy})"),
        }
        show(&record["request"]);
        if record["response"].is_object() {
            let millis = record["timing"]["total_us"].as_u64().unwrap_or_default() as f64 / 1_000.0;
            say!("answered {} after {millis:.1} ms", text(&record["response"]["status"]));
            show(&record["response"]);
        }
    }
    for warning in &report.warnings {
        say!("warning: {warning}");
    }
    match &report.end {
        StepEnd::Failed { code, message } => say!("failed ({code}): {message}"),
        StepEnd::Unknown { code, message } => say!("unknown ({code}): {message}"),
        StepEnd::Done => say!("succeeded: the next step would run"),
        StepEnd::Stop => say!("succeeded: the action would end here"),
        StepEnd::Wait { until } => say!("succeeded: the next step would run at {until}"),
    }
    if let Answer::Patch(patch) = &report.answer {
        say!("it would change the task: {}", Value::Object(patch.clone()));
    }
    if report.deletes_task {
        say!("it would delete the task");
    }
    if let Some((stage, at)) = &report.schedule {
        say!("it would move the task to “{stage}” at {at}");
    }
}
