//! Step types that plugins bring, used like the built-in ones: in workflow files, in chains, in the API.
//!
//! `keys` says how a step is written, `reading` checks what was written, `running` runs it and says what came of it. Where the plugin runs is
//! [`Runner`]'s matter.

mod http;
mod keys;
mod reading;
mod running;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc, time::Duration};

use jsonschema::{Draft, Validator};
use onward_sdk::{
    description::{self, Hints},
    schema::{Part, look_through},
};
use serde_json::{Value, json};

pub use self::keys::is_reserved;
use self::keys::{Half, Keys};
use super::{Description, Example, PluginName, Step, StepType, retry::may_repeat};
use crate::{
    lint::StepFinding,
    model::{
        StepDefinition, Workflow,
        execution::Effects,
        workflow::{ParamProblem, STAGE},
    },
    plugin::{
        registry::{Plugin, PluginState},
        runner::Runner,
    },
};

/// How long a run may take unless the step says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// The longest that a step may ask for.
const TIMEOUT_MAX: Duration = Duration::from_secs(60 * 60);

/// The step types that a plugin brings; none where it is not used. The error: why they cannot be.
pub(super) fn types_of(plugin: &Plugin) -> Result<Vec<Box<dyn StepType>>, String> {
    let PluginState::Loaded { steps, runner } = &plugin.state else { return Ok(Vec::new()) };
    let version = plugin.library.as_ref().map(|library| library.note.version.clone()).unwrap_or_default();
    let name = PluginName { name: plugin.name(), version };
    let types = steps.iter().enumerate().map(|(at, description)| {
        let step_type = PluginType::new(description, name.clone(), Arc::clone(runner), at)?;
        Ok(Box::new(step_type) as Box<dyn StepType>)
    });
    types.collect()
}

/// A step type of a plugin.
struct PluginType {
    id: String,
    effects: Effects,
    deletes_task: bool,
    description: Description,
    plugin: PluginName,
    keys: Keys,
    config: OneSchema,
    params: OneSchema,
    runner: Arc<dyn Runner>,
    /// Which of the library's.
    step: usize,
}

/// What one of the two documents may be.
struct OneSchema {
    schema: Value,
    /// `None` where nothing may stand: the schema has no keys.
    validator: Option<Arc<Validator>>,
}

/// The same, lent.
struct SchemaRef<'a> {
    value: &'a Value,
    validator: Option<&'a Arc<Validator>>,
}

impl OneSchema {
    /// The error: why it is none.
    fn new(schema: Option<&Value>) -> Result<Self, String> {
        let Some(schema) = schema else {
            let nothing = json!({"type": "object", "properties": {}, "additionalProperties": false});
            return Ok(Self { schema: nothing, validator: None });
        };
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(schema)
            .map_err(|error| error.to_string())?;
        Ok(Self { schema: schema.clone(), validator: Some(Arc::new(validator)) })
    }
}

impl PluginType {
    /// Of what a plugin says of it; the error: why it cannot be used.
    fn new(
        description: &description::Description,
        plugin: PluginName,
        runner: Arc<dyn Runner>,
        step: usize,
    ) -> Result<Self, String> {
        let effects = match description.effects {
            description::Effects::None => Effects::None,
            description::Effects::External => Effects::External,
        };
        let of = |half: &str, schema: Option<&Value>| {
            OneSchema::new(schema).map_err(|why| format!("the schema of its {half} cannot be used: {why}"))
        };
        let keys = Keys::of(description, effects);
        let examples = description.examples.iter().map(|example| Example {
            title: example.title.clone(),
            params: keys.joined(&example.config, &example.params),
        });
        Ok(Self {
            id: description.id.clone(),
            effects,
            deletes_task: description.deletes_task,
            config: of("configuration", description.config.as_ref())?,
            params: of("params", description.params.as_ref())?,
            description: Description {
                name: description.title.clone().into(),
                category: description.category.clone().into(),
                summary: summary(description).into(),
                schema: keys.schema(description),
                icon: description.icon.clone(),
                help: description.help.clone(),
                examples: examples.collect(),
            },
            plugin,
            keys,
            runner,
            step,
        })
    }

    fn schema(&self, half: Half) -> SchemaRef<'_> {
        let OneSchema { schema, validator } = match half {
            Half::Config => &self.config,
            Half::Params => &self.params,
        };
        SchemaRef { value: schema, validator: validator.as_ref() }
    }
}

/// The first line of its help that is a text.
fn summary(description: &description::Description) -> String {
    let lines = description.help.iter().flat_map(|help| help.lines());
    let first = lines.map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.unwrap_or(&description.title).trim_end_matches('.').to_owned()
}

impl StepType for PluginType {
    fn id(&self) -> &str {
        &self.id
    }

    fn effects(&self) -> Effects {
        self.effects
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Borrowed(&self.description)
    }

    fn plugin(&self) -> Option<&PluginName> {
        Some(&self.plugin)
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let settings = reading::read(self, step, workflow)?;
        Ok(Box::new(running::PluginStep::new(self, settings)?))
    }

    fn lint(&self, step: &StepDefinition) -> Vec<StepFinding> {
        let remedy = "see to it that what is asked twice is done once: the plugin is given `execution` and `step`, which are the same over all tries";
        let is_tried_again = self.effects == Effects::External;
        is_tried_again.then(|| may_repeat(step, remedy)).flatten().into_iter().collect()
    }

    fn moves_to(&self, step: &StepDefinition) -> Option<String> {
        let split = self.keys.split(step.params.clone());
        let mut stage = None;
        let document = Value::Object(split.params);
        look_through(&self.params.schema, &document, &mut |part| {
            let Part::Known { value, .. } = &part else { return };
            let named = match part.hints().widget.as_deref() {
                Some(Hints::STAGE) => value.as_str(),
                Some(Hints::FIELDS) => value.get(STAGE).and_then(Value::as_str),
                _ => None,
            };
            stage = stage.take().or_else(|| named.map(str::to_owned));
        });
        stage
    }

    fn deletes_task(&self) -> bool {
        self.deletes_task
    }
}
