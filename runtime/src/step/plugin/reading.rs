//! A plugin's step as somebody wrote it: held to the type's schemas, and to what the workflow has.

use std::time::Duration;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use onward_sdk::{
    description::{Escaping, Hints},
    schema::{Part, look_through, takes_text},
};
use serde_json::Value;

use super::{
    PluginType, TIMEOUT_DEFAULT, TIMEOUT_MAX,
    keys::{Half, Keys, Split},
};
use crate::{
    definition,
    model::{
        StepDefinition, Workflow,
        execution::Effects,
        template::{Destination, Template},
        text::{shortened, suggestion},
        workflow::{ASSIGNED_TO, ParamProblem},
    },
    step::{
        params::{Params, last_key},
        retry::RetryPolicy,
        setting,
    },
};

/// Problems of one document that are told.
const PROBLEMS_MAX: usize = 100;

/// Characters of what a schema's checker says.
const SAID_CHARS_MAX: usize = 300;

/// A step, read.
pub(super) struct Settings {
    pub(super) config: Value,
    pub(super) params: Value,
    /// Texts of the configuration that have secrets in them, by JSON pointers.
    pub(super) credentials: Vec<(String, Template)>,
    /// Texts of the params that are templates.
    pub(super) templates: Vec<Placed>,
    pub(super) timeout: Duration,
    pub(super) retry: Option<RetryPolicy>,
}

/// A template in the params.
pub(super) struct Placed {
    /// A JSON pointer.
    pub(super) pointer: String,
    pub(super) template: Template,
    /// What the text is written in; `None`: a value of a field, which keeps its type.
    pub(super) escaping: Option<Escaping>,
    /// It is to become a number, or true or false: as a text it would be none.
    pub(super) is_plain: bool,
}

/// One half while it is read.
struct Reading<'r, 'w> {
    params: &'r mut Params<'w>,
    keys: &'r Keys,
    split: &'r Split,
    half: Half,
    workflow: &'w Workflow,
    /// Pointers to texts whose value nobody knows yet.
    open: Vec<String>,
    /// Keys that nobody knows, so far.
    unknown: usize,
}

pub(super) fn read(
    of: &PluginType,
    step: &StepDefinition,
    workflow: &Workflow,
) -> Result<Settings, Vec<ParamProblem>> {
    let mut params = Params::new(step, workflow);
    let timeout = params.duration("timeout", TIMEOUT_DEFAULT, TIMEOUT_MAX);
    let retry = if of.effects == Effects::External {
        RetryPolicy::read(&mut params)
    } else {
        let said = "`retry` means nothing here: a step that does nothing outside is not tried again";
        params.misplaced("retry", said.to_owned(), "leave it out");
        None
    };
    let split = of.keys.split(params.rest());
    for (place, problem) in &split.problems {
        params.problem(place, "wrong_type", problem.clone());
    }
    let (mut credentials, mut templates) = (Vec::new(), Vec::new());
    for half in Half::BOTH {
        let schema = of.schema(half);
        let document = Value::Object(split.of(half).clone());
        let mut reading = Reading {
            params: &mut params,
            keys: &of.keys,
            split: &split,
            half,
            workflow,
            open: Vec::new(),
            unknown: 0,
        };
        match half {
            Half::Config => credentials = reading.config(schema.value, &document),
            Half::Params => templates = reading.params(schema.value, &document),
        }
        reading.validate(schema.validator.map(AsRef::as_ref), &document);
    }
    let document = |half| Value::Object(split.of(half).clone());
    params.finish(|| {
        Some(Settings {
            config: document(Half::Config),
            params: document(Half::Params),
            credentials,
            templates,
            timeout,
            retry,
        })
    })
}

impl Reading<'_, '_> {
    fn place(&self, pointer: &str) -> String {
        self.split.place(self.half, pointer)
    }

    fn problem(&mut self, pointer: &str, code: &'static str, message: impl Into<String>) {
        let place = self.place(pointer);
        self.params.problem(&place, code, message);
    }

    /// A key that its table does not know; `known`: what it does.
    fn unknown(&mut self, pointer: &str, key: &str, known: &[&str]) {
        self.unknown += 1;
        if self.unknown > PROBLEMS_MAX {
            return;
        }
        let place = self.place(pointer);
        // Beside the others, it may be meant for either half.
        if place == key {
            let known = self.keys.beside();
            return self.params.unknown(&place, format!("this step type has no parameter `{place}`"), &known);
        }
        let table = place.rsplit_once('/').map_or("it", |(table, _)| last_key(table));
        self.params.unknown(&place, format!("`{table}` has no `{key}`"), known);
    }

    /// Texts that have secrets in them: only those that are made for one.
    fn config(&mut self, schema: &Value, document: &Value) -> Vec<(String, Template)> {
        let mut found = Vec::new();
        look_through(schema, document, &mut |part| match &part {
            Part::Unknown { pointer, key, known } => self.unknown(pointer, key, known),
            Part::Known { pointer, value: Value::String(text), .. } if part.hints().secret => {
                let place = self.place(pointer);
                if let Some(template) = setting::credential(self.params, &place, text) {
                    found.push(((*pointer).to_owned(), template));
                }
                self.open.push((*pointer).to_owned());
            }
            Part::Known { pointer, value, .. } => {
                self.refuse_places(pointer, value);
                self.widget(&part);
            }
        });
        found
    }

    fn params(&mut self, schema: &Value, document: &Value) -> Vec<Placed> {
        let mut found = Vec::new();
        look_through(schema, document, &mut |part| {
            let (pointer, value) = match &part {
                Part::Unknown { pointer, key, known } => return self.unknown(pointer, key, known),
                Part::Known { pointer, value, .. } => (*pointer, *value),
            };
            let hints = part.hints();
            if hints.widget.as_deref() == Some(Hints::FIELDS) {
                return self.fields(pointer, value, &mut found);
            }
            match hints.template {
                Some(escaping) => {
                    let is_plain = takes_no_text(schema, &part);
                    self.templates((pointer, value), escaping, is_plain, &mut found);
                }
                None => self.refuse_places(pointer, value),
            }
            self.widget(&part);
        });
        found
    }

    /// What a value stands for in the workflow, which must be there.
    fn widget(&mut self, part: &Part<'_, '_>) {
        let Part::Known { pointer, value, schemas, .. } = part else { return };
        if self.open.iter().any(|open| open == pointer) {
            return;
        }
        match part.hints().widget.as_deref() {
            Some(Hints::STAGE) => self.stage(pointer, value),
            Some(Hints::FIELD) => self.field(pointer, value),
            Some(Hints::USER) => self.user(pointer, value),
            Some(Hints::CONDITION) => self.tests(pointer, value),
            Some(Hints::DURATION) => {
                let most = schemas.iter().find_map(|it| it["maximum"].as_u64());
                let place = self.place(pointer);
                self.params.read_duration(&place, value, most.map_or(Duration::MAX, Duration::from_secs));
                self.open.push((*pointer).to_owned());
            }
            _ => {}
        }
    }

    /// Notes a text that somebody means to have filled in, where nothing is.
    fn refuse_places(&mut self, pointer: &str, value: &Value) {
        let Value::String(text) = value else { return };
        let is_judged = self.open.iter().any(|open| open == pointer);
        let template = text.contains("{{").then(|| Template::parse(text, Destination::Call, self.workflow));
        if let (false, Some(Ok(template))) = (is_judged, template)
            && template.fixed().is_none()
        {
            let message = "nothing is filled in here, neither fields nor secrets: what has this key is kept, and used, as it is";
            self.problem(pointer, "invalid_template", message);
        }
    }

    /// A text, or each text of a list.
    fn templates(
        &mut self,
        (pointer, value): (&str, &Value),
        escaping: Escaping,
        is_plain: bool,
        found: &mut Vec<Placed>,
    ) {
        match value {
            Value::String(text) => {
                let place = self.place(pointer);
                let Some(template) = self.params.template(&place, text, Destination::Params) else {
                    self.open.push(pointer.to_owned());
                    return;
                };
                if template.fixed().is_none() {
                    self.open.push(pointer.to_owned());
                    let pointer = pointer.to_owned();
                    found.push(Placed { pointer, template, escaping: Some(escaping), is_plain });
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.templates((&format!("{pointer}/{index}"), item), escaping, is_plain, found);
                }
            }
            _ => {}
        }
    }

    fn stage(&mut self, pointer: &str, value: &Value) {
        let Some(name) = value.as_str() else { return };
        if self.workflow.stage_named(name).is_none() {
            let help = suggestion(name, self.workflow.stages.iter().map(|stage| stage.name.as_str()));
            let place = self.place(pointer);
            self.params.problem_with_help(
                &place,
                "unknown_stage",
                format!("there is no stage “{name}”"),
                help,
            );
        }
    }

    fn field(&mut self, pointer: &str, value: &Value) {
        let Some(name) = value.as_str() else { return };
        if name != ASSIGNED_TO && self.workflow.field_named(name).is_none() {
            let names = self.workflow.fields.iter().map(|field| field.name.as_str());
            let help = suggestion(name, names.chain([ASSIGNED_TO]));
            let place = self.place(pointer);
            let message = format!("the workflow has no field “{name}”");
            self.params.problem_with_help(&place, "unknown_field", message, help);
        }
    }

    fn user(&mut self, pointer: &str, value: &Value) {
        if value.as_str().is_some_and(|text| !text.trim().is_empty() && !text.contains('@')) {
            self.problem(
                pointer,
                "invalid_param",
                "a user is named by an email, or by a place such as {{user.email}}",
            );
        }
    }

    /// Tests of the task, as the conditions of an action have them.
    fn tests(&mut self, pointer: &str, value: &Value) {
        let Some(tests) = value.as_array() else { return };
        for (index, test) in tests.iter().enumerate().filter(|(_, test)| test.is_object()).take(PROBLEMS_MAX)
        {
            let pointer = format!("{pointer}/{index}");
            for problem in definition::test_problems(test, self.workflow) {
                let place = self.place(&pointer);
                self.params.noted(&place, problem.code, problem.message, problem.help);
            }
            self.open.push(pointer);
        }
    }

    /// A table by names of fields: each must be one, and take what is set.
    fn fields(&mut self, pointer: &str, value: &Value, found: &mut Vec<Placed>) {
        let table = self.place(pointer);
        for (name, value) in value.as_object().into_iter().flatten() {
            let place = format!("{table}/{name}");
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let field = self.workflow.field_named(name);
            let is_known = name == ASSIGNED_TO || field.is_some();
            if !is_known {
                self.params.unknown_field(&table, name);
            }
            // What it may be, its field says.
            self.open.push(pointer.clone());
            let mut fixed = Some(value.clone());
            if let Value::String(text) = value {
                let Some(template) = self.params.template(&place, text, Destination::Task) else { continue };
                fixed = template.fixed().map(Value::from);
                if fixed.is_none() {
                    found.push(Placed { pointer, template, escaping: None, is_plain: false });
                }
            }
            // Of what nobody knows, nobody knows what it takes.
            for problem in fixed.iter().filter(|_| is_known).flat_map(|value| setting::problems(field, value))
            {
                let message = format!("the value for “{name}” {problem}");
                self.params.problem(&place, "invalid_value", message);
            }
        }
    }

    /// Whether something, or what it stands in, was judged without its schema, or is not known yet.
    fn is_open(&self, pointer: &str) -> bool {
        let is_within = |open: &String| {
            pointer.strip_prefix(open.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.open.iter().any(is_within)
    }

    /// What the schema says of the whole, but for what is not known yet and what was said already.
    fn validate(&mut self, validator: Option<&Validator>, document: &Value) {
        let errors = validator.iter().flat_map(|validator| validator.iter_errors(document));
        let errors: Vec<_> = errors.take(PROBLEMS_MAX).collect();
        let others: Vec<_> = errors.iter().filter(|error| !is_about_keys(error)).map(place_of).collect();
        for error in &errors {
            let pointer = place_of(error);
            // Unknown keys are said with what may be meant, but for those of alternatives of which nobody knows which is meant. What is wrong
            // with something within makes an alternative none, and then its keys are none either.
            let is_told = self.unknown > 0 || others.iter().any(|other| other.starts_with(&pointer));
            if self.is_open(&pointer) || (is_about_keys(error) && is_told) {
                continue;
            }
            match error.kind() {
                _ if is_about_keys(error) => self.problem(&pointer, "unknown_key", said(error)),
                ValidationErrorKind::Required { property } => {
                    let key = property.as_str().unwrap_or_default();
                    if pointer.is_empty() && self.keys.is_taken(key) {
                        let (half, place) = (self.half.name(), format!("{}/{key}", self.half.name()));
                        let message = format!("`{key}` is missing: write {half} = {{ {key} = … }}");
                        self.params.problem(&place, "missing_key", message);
                        continue;
                    }
                    let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.problem(&pointer, "missing_key", format!("`{key}` is missing"));
                }
                ValidationErrorKind::Type { .. } => self.problem(&pointer, "wrong_type", said(error)),
                ValidationErrorKind::MaxItems { .. } | ValidationErrorKind::MaxProperties { .. } => {
                    self.problem(&pointer, "too_many", said(error));
                }
                // Which alternative is meant is not known, nor then whether what is open would fit it.
                ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. }
                    if self.open.iter().any(|open| open.starts_with(&pointer)) => {}
                _ => self.problem(&pointer, "invalid_param", said(error)),
            }
        }
    }
}

/// Whether a value, or each item of a list, is to be a number, or true or false.
fn takes_no_text(root: &Value, part: &Part<'_, '_>) -> bool {
    let Part::Known { schemas, perhaps, .. } = part else { return false };
    schemas.iter().chain(*perhaps).any(|schema| !takes_text(root, schema.get("items").unwrap_or(schema)))
}

fn place_of(error: &ValidationError<'_>) -> String {
    error.instance_path().to_string()
}

fn is_about_keys(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::AdditionalProperties { .. } | ValidationErrorKind::UnevaluatedProperties { .. }
    )
}

/// What the checker says of a value, without repeating it.
pub(super) fn said(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let subject = match (parts.next(), parts.next()) {
        (Some(item), Some(list)) if item.bytes().all(|byte| byte.is_ascii_digit()) => {
            let number = item.parse::<u64>().unwrap_or_default().saturating_add(1);
            format!("item {number} of `{list}`")
        }
        (Some(name), _) => format!("`{name}`"),
        (None, _) => "it".to_owned(),
    };
    said_of(error, subject)
}

/// The same where it is not said beside it which value is meant.
pub(super) fn said_with_place(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let place = path.trim_start_matches('/');
    said_of(error, if place.is_empty() { "it".to_owned() } else { format!("`{place}`") })
}

fn said_of(error: &ValidationError<'_>, subject: String) -> String {
    shortened(&error.masked_with(subject).to_string(), SAID_CHARS_MAX).into_owned()
}
