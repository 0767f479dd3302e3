//! What a step is: configured once, run for each execution, answering by the action contract.
//!
//! A step knows nothing of chains, stores or the API. It gets the task as it is, does its one
//! thing, and says what came of it; whether that changes the task is decided by `model`. The engine
//! runs steps; whoever reads a workflow asks [`StepTypes`] whether its steps are sound.

mod api_call;
mod exchange;
mod header;
mod params;
pub mod plugin;
mod retry;
#[cfg(test)]
pub mod sample;
mod schema;
mod setting;
mod trace;
pub mod trial;

use std::{borrow::Cow, sync::Arc, time::Duration};

pub use self::{api_call::Tokens, retry::PAUSE_MAX};
use futures_util::future::LocalBoxFuture;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::{
    clock::Clock,
    egress::{Egress, Guard},
    lint::StepFinding,
    model::{
        Action, Directory, Execution, Secrets, StageId, StepDefinition, Task, Timestamp, Workflow,
        document::Answer,
        execution::{Effects, StepEnd},
        perform::StepReport,
        template::Scope,
        text::closest,
        workflow::ParamProblem,
    },
    plugin::registry::{PluginSettings, Plugins},
};

/// The step types of the plugins that ship with the server: they may not be found from where somebody begins or checks a plugin of their
/// own, and are taken all the same.
const SHIPPED: [(&str, &[&str]); 5] = [
    ("onward-plugin-email", &["email_notification"]),
    ("onward-plugin-flow", &["condition", "delay"]),
    ("onward-plugin-slack", &["slack_post"]),
    (
        "onward-plugin-task",
        &["assign_to", "delete_task", "move_to_stage", "schedule_stage_change", "update_data"],
    ),
    ("onward-plugin-zapier", &["zap"]),
];

/// A kind of step.
pub trait StepType: Send + Sync {
    /// As workflow files write it: `api_call`.
    fn id(&self) -> &str;

    fn effects(&self) -> Effects;

    /// What it is, for those who choose and configure one.
    fn description(&self) -> Cow<'_, Description>;

    /// The plugin that brings it.
    fn plugin(&self) -> Option<&PluginName> {
        None
    }

    /// Reads and checks a step's parameters; every problem at once.
    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>>;

    /// The stage, by its name, that a step moves tasks to, if it does.
    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        let _ = step;
        None
    }

    /// Whether a task is gone after a step.
    fn deletes_task(&self) -> bool {
        false
    }

    /// What is sound in a step and yet may not be meant.
    fn lint(&self, step: &StepDefinition) -> Vec<StepFinding> {
        let _ = step;
        Vec::new()
    }
}

/// What people and their editors are told of a step type.
#[derive(Debug, Clone)]
pub struct Description {
    /// As people read it: `API call`.
    pub name: Cow<'static, str>,
    /// With which others it stands where one is chosen: one of [`category`], or a plugin author's own.
    pub category: Cow<'static, str>,
    /// What it does, in one line.
    pub summary: Cow<'static, str>,
    /// The JSON Schema (2020-12) of its parameters, an object. It has every parameter that the type reads; what depends
    /// on the workflow, `configure` alone can tell.
    pub schema: Value,
    /// An SVG document.
    pub icon: Option<String>,
    /// How it is used, in Markdown.
    pub help: Option<String>,
    /// Uses of it to begin from.
    pub examples: Vec<Example>,
}

/// Which plugin it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PluginName {
    pub name: String,
    pub version: String,
}

/// A use of a step type to begin from.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Example {
    pub title: String,
    /// As a workflow file has them.
    pub params: Map<String, Value>,
}

impl Description {
    /// Of a step type that is a part of this server.
    fn built_in(name: &'static str, category: &'static str, summary: &'static str, schema: Value) -> Self {
        Self {
            name: name.into(),
            category: category.into(),
            summary: summary.into(),
            schema,
            icon: None,
            help: None,
            examples: Vec::new(),
        }
    }
}

/// Which step types stand together where one is chosen. Stable, for programs.
pub mod category {
    /// They change the task.
    pub const TASK: &str = "task";
    /// They say when the action goes on, and whether.
    pub const TIMING: &str = "timing";
    /// They reach another program.
    pub const INTEGRATION: &str = "integration";
}

/// One configured step. It lives on one thread and may run for many executions at a time.
pub trait Step {
    /// Runs it once. A panic fails this execution and nothing else.
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome>;

    /// After how long a run is to be tried again that a crash has cut off, where the author of the
    /// workflow wants that; `tries`: how often it was tried so far.
    fn again_after_crash(&self, tries: u32) -> Option<Duration> {
        let _ = tries;
        None
    }
}

/// What a run is about.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub execution: &'a Execution,
    pub workflow: &'a Workflow,
    pub action: &'a Action,
    pub step: &'a StepDefinition,
    /// As it is now; the last state of one that this execution has deleted.
    pub task: &'a Task,
    pub directory: &'a Directory,
    pub secrets: &'a Secrets,
    /// The workspace's, for days.
    pub zone: &'a TimeZone,
    pub resources: &'a Resources,
}

impl<'a> From<&Call<'a>> for Scope<'a> {
    fn from(call: &Call<'a>) -> Self {
        Self {
            action: &call.action.name,
            performer: &call.execution.performer,
            execution: call.execution.id,
            task: call.task,
            workflow: call.workflow,
            directory: call.directory,
            secrets: call.secrets,
        }
    }
}

/// Executions in a row, each performed by what the one before it has called.
const DEPTH_MAX: u32 = 10;

/// A call that looks like a loop.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "this call would be the {0}th in a row of actions that call for actions, and {DEPTH_MAX} are the most: it looks \
     like a loop"
)]
pub struct TooDeep(u32);

impl Call<'_> {
    /// What a call to another server says of how many such calls led to it.
    fn depth(&self) -> Result<u32, TooDeep> {
        let depth = self.execution.depth.saturating_add(1);
        if depth > DEPTH_MAX { Err(TooDeep(depth)) } else { Ok(depth) }
    }
}

/// What steps may use of the server. One per thread.
pub struct Resources {
    pub egress: Egress,
    pub clock: Clock,
    /// Of all threads.
    pub tokens: Tokens,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub end: StepEnd,
    /// What it says of the task; heard only when the step succeeded.
    pub answer: Answer,
    /// The stage the task must still be in when the answer is applied.
    pub expect: Option<StageId>,
    pub strict_fields: bool,
    /// The task is to go.
    pub deletes_task: bool,
    /// After how long a run that failed is to be tried again, without a person asking.
    pub again: Option<Duration>,
    /// The stage, by its name, that the task is to move to at an instant.
    pub schedule: Option<(String, Timestamp)>,
    /// What is kept of the run, as JSON.
    pub record: Option<String>,
    pub warnings: Vec<String>,
}

impl Outcome {
    pub fn done(answer: Answer) -> Self {
        Self {
            end: StepEnd::Done,
            answer,
            expect: None,
            strict_fields: false,
            deletes_task: false,
            again: None,
            schedule: None,
            record: None,
            warnings: Vec::new(),
        }
    }

    /// It reached outside, and nobody knows what came of it.
    pub fn unknown(code: &str, message: impl Into<String>) -> Self {
        let end = StepEnd::Unknown { code: code.to_owned(), message: message.into() };
        Self { end, ..Self::done(Answer::Unchanged) }
    }

    /// As it is to be recorded.
    pub fn into_report(self, started_at: Timestamp, ended_at: Timestamp) -> StepReport {
        let Self { end, answer, expect, strict_fields, deletes_task, again, schedule, record, warnings } =
            self;
        let again = again.map(|pause| ended_at.checked_add(pause).unwrap_or(Timestamp::MAX));
        StepReport {
            end,
            answer,
            expect,
            strict_fields,
            deletes_task,
            again,
            schedule,
            record,
            warnings,
            started_at,
            ended_at,
            is_attended: false,
        }
    }

    pub fn failed(code: &str, message: impl Into<String>) -> Self {
        let end = StepEnd::Failed { code: code.to_owned(), message: message.into() };
        Self { end, ..Self::done(Answer::Unchanged) }
    }
}

/// The step types that this server has.
#[derive(Clone)]
pub struct StepTypes {
    types: Arc<[Box<dyn StepType>]>,
    guard: Guard,
    plugins: Arc<Plugins>,
}

impl StepTypes {
    /// The server's own, and what plugins bring. `guard`: which addresses the server's own may call.
    pub fn load(guard: &Guard, settings: &PluginSettings) -> Self {
        let mut types: Vec<Box<dyn StepType>> = Self::own(guard);
        let taken: Vec<_> = types.iter().map(|it| it.id().to_owned()).collect();
        let mut plugins = Plugins::look(settings, &taken);
        for plugin in &mut plugins.all {
            match plugin::types_of(plugin) {
                Ok(brought) => types.extend(brought),
                Err(why) => plugin.refuse("plugin_steps_invalid", why),
            }
        }
        Self { plugins: Arc::new(plugins), guard: guard.clone(), ..Self::new(types) }
    }

    fn own(guard: &Guard) -> Vec<Box<dyn StepType>> {
        vec![Box::new(api_call::ApiCallType { guard: guard.clone() })]
    }

    /// Who has a step type of this id wherever the server is installed, so that nobody else's plugin can bring it: the server itself, or
    /// a plugin that ships with it.
    pub fn brought_by(id: &str) -> Option<&'static str> {
        let is_own = Self::own(&Guard::default()).iter().any(|own| own.id() == id);
        let shipped = SHIPPED.iter().find(|(_, ids)| ids.contains(&id)).map(|(plugin, _)| *plugin);
        if is_own { Some("the server") } else { shipped }
    }

    pub fn new(mut types: Vec<Box<dyn StepType>>) -> Self {
        types.sort_by(|one, other| one.id().cmp(other.id()));
        Self { types: types.into(), guard: Guard::default(), plugins: Arc::default() }
    }

    /// The plugins that were found, whatever became of them.
    pub fn plugins(&self) -> &Arc<Plugins> {
        &self.plugins
    }

    /// Why a URL would not be called; `None` where nothing is known against it.
    pub fn url_problem(&self, url: &str) -> Option<String> {
        self.guard.check_url(url).err()
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &dyn StepType> {
        self.types.iter().map(|step_type| &**step_type)
    }

    pub fn get(&self, id: &str) -> Option<&dyn StepType> {
        self.iter().find(|step_type| step_type.id() == id)
    }

    /// Reads and checks a step's parameters, with what its type does to the world.
    pub fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<(Box<dyn Step>, Effects), Vec<ParamProblem>> {
        match self.get(&step.type_id) {
            Some(step_type) => match step_type.configure(step, workflow) {
                Ok(step) => Ok((step, step_type.effects())),
                Err(problems) => Err(explained(problems, step, step_type)),
            },
            None => Err(vec![ParamProblem {
                param: None,
                code: "step_type_missing",
                message: format!("there is no step type `{}`", step.type_id),
                help: Some(self.where_it_may_be(&step.type_id)),
            }]),
        }
    }

    /// What to do about a step type that is not there: the nearest one, where it was looked, and which plugins are not used.
    fn where_it_may_be(&self, id: &str) -> String {
        let known: Vec<_> = self.iter().map(StepType::id).collect();
        let nearest = closest(id, known.iter().copied());
        let mut help = nearest.map_or_else(
            || match known.as_slice() {
                [] => "this server has none".to_owned(),
                known => format!("this server has {}", known.join(", ")),
            },
            |nearest| format!("did you mean `{nearest}`?"),
        );
        let unused: Vec<_> = self.plugins.unused().collect();
        // It may be the nearest one that is misspelt, or the one that is not used.
        if nearest.is_none() || !unused.is_empty() {
            let looked: Vec<_> = self.plugins.looked_in.iter().map(|it| it.display().to_string()).collect();
            if !looked.is_empty() {
                help.push_str(&format!("; plugins were looked for in {}", looked.join(", ")));
            }
            if !unused.is_empty() {
                help.push_str(&format!("; not used: {}", unused.join(", ")));
            }
        }
        help
    }
}

/// Says of parameters that are missing what they are.
fn explained(
    mut problems: Vec<ParamProblem>,
    step: &StepDefinition,
    step_type: &dyn StepType,
) -> Vec<ParamProblem> {
    let description = step_type.description();
    let schema = &description.schema;
    for problem in problems.iter_mut().filter(|it| it.code == "missing_key" && it.help.is_none()) {
        let missing = problem.param.as_ref().filter(|param| !step.params.contains_key(*param));
        let words = missing.and_then(|param| schema["properties"][param]["description"].as_str());
        problem.help = words.map(str::to_owned);
    }
    problems
}
