//! Reading a step's parameters: each is taken once, every problem is kept, and what is left over at
//! the end is unknown.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::{
    StepDefinition, Workflow, duration,
    template::{Destination, Template},
    text::{closest, suggestion},
    workflow::{ASSIGNED_TO, ParamProblem, RESERVED_NAMES, STAGE},
};

/// What every step has beside its parameters.
pub(super) const OF_EVERY_STEP: [&str; 3] = ["type", "name", "id"];

/// Unknown parameters of one step that are told.
const UNKNOWN_MAX: usize = 100;

/// Bytes of a text that may have places in it.
pub(super) const TEMPLATE_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Params<'a> {
    values: Map<String, Value>,
    known: Vec<&'static str>,
    workflow: &'a Workflow,
    problems: Vec<ParamProblem>,
}

impl<'a> Params<'a> {
    pub(super) fn new(step: &StepDefinition, workflow: &'a Workflow) -> Self {
        Self { values: step.params.clone(), known: Vec::new(), workflow, problems: Vec::new() }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.values.shift_remove(name)
    }

    /// All that was not taken yet.
    pub(super) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.values)
    }

    pub(super) fn problem(&mut self, param: &str, code: &'static str, message: impl Into<String>) {
        let param = Some(param.to_owned());
        self.problems.push(ParamProblem { param, code, message: message.into(), help: None });
    }

    pub(super) fn problem_with_help(
        &mut self,
        param: &str,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (param, help) = (Some(param.to_owned()), Some(help.into()));
        self.problems.push(ParamProblem { param, code, message: message.into(), help });
    }

    /// A problem that somebody else has found.
    pub(super) fn noted(&mut self, param: &str, code: &'static str, message: String, help: Option<String>) {
        self.problems.push(ParamProblem { param: Some(param.to_owned()), code, message, help });
    }

    /// The workflow has no field of a name; `param`: the table that has it as a key.
    pub(super) fn unknown_field(&mut self, param: &str, name: &str) {
        if RESERVED_NAMES.contains(&name) && !self.has_field(name) {
            let message = format!("“{name}” follows from what happens to the task, and nothing sets it");
            return self.problem_with_help(
                &format!("{param}/{name}"),
                "unknown_field",
                message,
                "leave it out",
            );
        }
        if name == STAGE {
            let message = "“Stage” is no field";
            let help = "a step of its own moves the task: type = \"move_to_stage\" with `stage`";
            return self.problem_with_help(&format!("{param}/{name}"), "unknown_field", message, help);
        }
        let fields = self.workflow.fields.iter().map(|field| field.name.as_str());
        let help = suggestion(name, fields.chain([ASSIGNED_TO]));
        let message = format!("the workflow has no field “{name}”");
        self.problem_with_help(&format!("{param}/{name}"), "unknown_field", message, help);
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.problem(name, "wrong_type", format!("`{name}` must be a text"));
                None
            }
        }
    }

    pub(super) fn required_text(&mut self, name: &'static str) -> Option<String> {
        if !self.values.contains_key(name) {
            self.known.push(name);
            self.missing(name);
            return None;
        }
        self.text(name)
    }

    /// Whether a patch of a task may have a value of this name.
    pub(super) fn has_field(&self, name: &str) -> bool {
        name == ASSIGNED_TO || name == STAGE || self.workflow.field_named(name).is_some()
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.problem(name, "wrong_type", format!("`{name}` must be true or false"));
                false
            }
        }
    }

    pub(super) fn table(&mut self, name: &'static str) -> Map<String, Value> {
        self.optional_table(name, "{ Name = \"value\" }").unwrap_or_default()
    }

    /// `example`: what may stand there.
    pub(super) fn optional_table(&mut self, name: &'static str, example: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(table) => Some(table),
            _ => {
                let message = format!("`{name}` must be a table, such as {name} = {example}");
                self.problem(name, "wrong_type", message);
                None
            }
        }
    }

    /// Notes a parameter that means something only beside another one, which is not there.
    pub(super) fn misplaced(&mut self, name: &str, message: String, help: &str) {
        if self.values.shift_remove(name).is_some() {
            self.problem_with_help(name, "unknown_key", message, help);
        }
    }

    pub(super) fn bytes(&mut self, name: &'static str, default: usize, most: usize) -> usize {
        let Some(value) = self.take(name) else { return default };
        match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) if (1..=most).contains(&number) => number,
            _ => {
                let message = format!("`{name}` must be a whole number of bytes from 1 to {most}");
                self.problem(name, "invalid_param", message);
                default
            }
        }
    }

    /// A duration: `"30s"`, `"500ms"`, `"2m"`, `"3h"`, `"10d"`, or a whole number of seconds.
    pub(super) fn duration(&mut self, name: &'static str, default: Duration, most: Duration) -> Duration {
        match self.take(name) {
            Some(value) => self.read_duration(name, &value, most).unwrap_or(default),
            None => default,
        }
    }

    /// `param`: where it stands, such as `retry/first`.
    pub(super) fn read_duration(&mut self, param: &str, value: &Value, most: Duration) -> Option<Duration> {
        let duration = match value {
            Value::String(text) => duration::parse(text),
            _ => value.as_u64().map(Duration::from_secs),
        };
        let possible = duration.filter(|duration| !duration.is_zero() && *duration <= most);
        if possible.is_none() {
            let message = format!("`{}` must be {}", last_key(param), duration::expected(most));
            self.problem(param, "invalid_param", message);
        }
        possible
    }

    /// A key that nobody knows; `param`: where it stands, such as `auth/basic/usre`.
    pub(super) fn unknown(&mut self, param: &str, message: String, known: &[&str]) {
        let help = closest(last_key(param), known.iter().copied()).map_or_else(
            || format!("it knows {}", known.join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        self.problem_with_help(param, "unknown_key", message, help);
    }

    fn missing(&mut self, name: &str) {
        self.problem(name, "missing_key", format!("`{name}` is missing"));
    }

    pub(super) fn template(&mut self, param: &str, source: &str, to: Destination) -> Option<Template> {
        let problems = match Template::parse(source, to, self.workflow) {
            _ if source.len() > TEMPLATE_BYTES_MAX => {
                vec![format!("a text with more than {TEMPLATE_BYTES_MAX} bytes stands here")]
            }
            _ if source.contains('\0') => vec!["a NUL character stands here".to_owned()],
            Ok(template) => return Some(template),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        };
        for problem in problems {
            self.problem(param, "invalid_template", problem);
        }
        None
    }

    /// What was read, if there was no problem; else every problem.
    pub(super) fn finish<T>(mut self, read: impl FnOnce() -> Option<T>) -> Result<T, Vec<ParamProblem>> {
        let left: Vec<_> = self.values.keys().take(UNKNOWN_MAX).cloned().collect();
        let mut known = std::mem::take(&mut self.known);
        known.extend(OF_EVERY_STEP);
        for name in left {
            self.unknown(&name, format!("this step type has no parameter `{name}`"), &known);
        }
        match read() {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(self.problems),
        }
    }
}

/// `user` of `auth/basic/user`.
pub(super) fn last_key(param: &str) -> &str {
    param.rsplit('/').next().unwrap_or(param)
}
