//! Walks the tables of a workflow file.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    ACTIONS_MAX, ALERTS_EVERY_MAX, FIELDS_MAX, NAME_CHARS_MAX, OPTIONS_MAX, STAGES_MAX, STEPS_MAX, StepCheck,
    checklist, identity::LatestParts, names, names::check_option, presented, requires, roles,
};
use crate::{
    model::{
        Action, ActionId, AlertRule, Field, FieldId, FieldType, Role, Stage, StageId, StepDefinition, StepId,
        Workflow, WorkflowId, file,
        id::slug,
        template::{Template, UrlProblem},
        text::{closest, suggestion},
        workflow::{OnFailure, ParamProblem},
    },
    toml_file::{self, At, Diagnostic, Places, Problems, Table},
};

pub(super) use super::names::check_name;

/// The first is the one of whatever says no other.
pub(super) const COLORS: [&str; 9] =
    ["gray", "blue", "green", "yellow", "orange", "red", "purple", "pink", "teal"];

/// Where keys belong that stand at the top and are an action's.
const OF_ACTIONS: [(&str, &str); 5] = [
    ("steps", "steps belong to an action: write [[actions.steps]] below its [[actions]]"),
    ("from", "an action has it: write `from` below its [[actions]]"),
    ("requires", "an action has it: write [actions.requires] below its [[actions]]"),
    ("conditions", "an action has them: write [[actions.requires.conditions]] below its [[actions]]"),
    ("on_failure", "an action has it: write `on_failure` below its [[actions]]"),
];

/// Where keys belong that stand in an action and are what it requires.
const OF_REQUIRES: [(&str, &str); 5] = [
    (
        "roles",
        "what the action requires: write requires = { roles = [\"…\"] }, or `roles` below [actions.requires]",
    ),
    (
        "fields",
        "what the action requires: write requires = { fields = [\"…\"] }, or `fields` below [actions.requires]",
    ),
    ("checklist", "what the action requires: write requires = { checklist = true }"),
    ("assigned", "what the action requires: write requires = { assigned = true }"),
    ("conditions", "what the action requires: write [[actions.requires.conditions]]"),
];

/// What an action may refer to.
pub(super) struct Known<'a> {
    pub(super) fields: &'a [Field],
    /// Fields of which it is not known what they hold.
    pub(super) untyped: &'a [FieldId],
    pub(super) stages: &'a [Stage],
    pub(super) roles: &'a [Role],
}

/// Where a step and its parameters stand.
struct StepPlace {
    span: Range<usize>,
    table: Range<usize>,
    params: Places,
}

impl StepPlace {
    /// Where a problem with a parameter is, or with a key in one (`auth/bearer`), or as much of the way there as there
    /// is: at its value, unless it is the key that is wrong.
    fn of(&self, param: &str, code: &str) -> Option<Range<usize>> {
        match self.params.iter().find(|place| place.path == param) {
            Some(place) if ["unknown_key", "unknown_field"].contains(&code) => Some(place.key.clone()),
            Some(place) => Some(place.value.clone()),
            None => self.of(param.rsplit_once('/')?.0, ""),
        }
    }

    /// The same for programs: the key that is nearest, and the way from there. The step itself without a parameter.
    fn key(&self, param: Option<&str>) -> (Range<usize>, String) {
        let Some(param) = param else { return (self.table.clone(), String::new()) };
        let ends = std::iter::once(param.len()).chain(param.rmatch_indices('/').map(|(end, _)| end));
        for end in ends {
            if let Some(place) = self.params.iter().find(|place| place.path == param[..end]) {
                return (place.key.clone(), param[end..].to_owned());
            }
        }
        (self.table.clone(), format!("/{param}"))
    }
}

/// The parts of one kind that could be read.
struct Parts<T> {
    parts: Vec<T>,
    /// Whether each one that is written is among them.
    are_all: bool,
}

pub(super) fn workflow(
    source: &str,
    steps: &dyn StepCheck,
    latest: &dyn Fn(&WorkflowId) -> Option<Arc<Workflow>>,
) -> Result<Workflow, Vec<Diagnostic>> {
    let root = toml_file::parse(source).map_err(|problems| problems.0)?;
    let mut problems = Problems::default();
    let mut root = Table::new(root.get_ref(), 0..0);
    let name = root.required_text("name", &mut problems);
    let id = WorkflowId::new(id("id", &mut root, name.as_ref(), &mut problems));
    let latest = latest(&id);
    let latest = latest.as_deref();
    let mut untyped = Vec::new();
    let Parts { parts: fields, are_all: fields_are_all } =
        fields(&mut root, latest, &mut untyped, &mut problems);
    let Parts { parts: stages, are_all: stages_are_all } = stages(&mut root, latest, &mut problems);
    let (mut roles, performed) = roles::roles(&mut root, &mut problems);
    let mut places = Vec::new();
    let known = Known { fields: &fields, untyped: &untyped, stages: &stages, roles: &roles };
    let actions = actions(&mut root, latest, &known, &mut places, &mut problems);
    performed.resolve(&mut roles, &actions, &mut problems);
    let alerts = alerts(&mut root, steps, &mut problems);
    root.finish_with_hints(&OF_ACTIONS, &mut problems);
    let name = name.map(|name| name.value).unwrap_or_default();
    let workflow = Workflow { id, name, fields, stages, actions, roles, alerts };
    // What refers to a part that could not be read is no problem of its own.
    if fields_are_all {
        check_steps(&workflow, &untyped, &places, steps, &mut problems);
    } else {
        problems.0.retain(|problem| problem.code != "unknown_field");
    }
    if !stages_are_all {
        problems.0.retain(|problem| problem.code != "unknown_stage");
    }
    if steps.is_published() {
        problems.0.retain(|problem| !names::TAKEN_ONCE.contains(&problem.code));
    }
    if problems.0.is_empty() { Ok(workflow) } else { Err(problems.0) }
}

fn check_steps(
    workflow: &Workflow,
    untyped: &[FieldId],
    places: &[Vec<StepPlace>],
    steps: &dyn StepCheck,
    problems: &mut Problems,
) {
    for (index, (action, places)) in workflow.actions.iter().zip(places).enumerate() {
        for (step, place) in action.steps.iter().zip(places) {
            let found = steps.check(step, index, workflow).into_iter();
            for problem in found.filter(|problem| !is_of_untyped(problem, workflow, untyped)) {
                let span = problem.param.as_deref().and_then(|param| place.of(param, problem.code));
                let span = span.unwrap_or_else(|| place.span.clone());
                let key = Some(place.key(problem.param.as_deref()));
                problems.add_of(problem.code, span, key, problem.message, problem.help);
            }
        }
    }
}

/// Whether it is about the value for a field of which nobody knows which it takes.
fn is_of_untyped(problem: &ParamProblem, workflow: &Workflow, untyped: &[FieldId]) -> bool {
    let name = problem.param.as_deref().and_then(|param| param.strip_prefix("fields/"));
    let field = name.and_then(|name| workflow.field_named(name));
    problem.code == "invalid_value" && field.is_some_and(|field| untyped.contains(&field.id))
}

/// `[alerts]`: who is told of failures that nobody was waiting for.
fn alerts(root: &mut Table<'_>, steps: &dyn StepCheck, problems: &mut Problems) -> AlertRule {
    let mut rule = AlertRule::default();
    let Some(mut table) = root.table("alerts", problems) else { return rule };
    rule.log = table.flag("log", rule.log, problems);
    rule.every = table.duration("every", ALERTS_EVERY_MAX, problems).unwrap_or(rule.every);
    if let Some(webhook) = table.text("webhook", problems) {
        rule.webhook = alerts_webhook(webhook, steps, problems);
    }
    table.finish(problems);
    rule
}

fn alerts_webhook(webhook: At<String>, steps: &dyn StepCheck, problems: &mut Problems) -> Option<Template> {
    let At { value: url, span } = webhook;
    match Template::of_secrets(&url) {
        Ok(template) => {
            let is_http = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
            if !is_http && !template.begins_with_secret() {
                let message = format!("`{url}` is not an http or https URL, nor a secret that is one");
                problems.add("invalid_url", span, message);
            } else if let Some(UrlProblem { message, help }) = template.url_problem() {
                problems.add_with_help("invalid_url", span, message, Some(help));
            } else if let Some(problem) = template.fixed().and_then(|url| steps.url_problem(url)) {
                problems.add("url_not_callable", span, problem);
            } else {
                // One with a secret in it can be looked at only when it is called.
                return Some(template);
            }
        }
        Err(errors) => {
            for error in errors {
                problems.add("invalid_template", span.clone(), error.to_string());
            }
        }
    }
    None
}

/// The id as written, else the slug of the name, which is checked in any case.
pub(super) fn id(
    key: &'static str,
    table: &mut Table<'_>,
    name: Option<&At<String>>,
    problems: &mut Problems,
) -> String {
    if let Some(name) = name {
        check_name(name, problems);
    }
    match (written_id(key, table, problems), name) {
        (Some(id), _) => id,
        (None, Some(name)) => id_of(name, problems),
        (None, None) => String::new(),
    }
}

/// The id as its author wrote it, if they did.
pub(super) fn written_id(
    key: &'static str,
    table: &mut Table<'_>,
    problems: &mut Problems,
) -> Option<String> {
    let id = table.text(key, problems)?;
    if id.value.is_empty() || slug(&id.value) != id.value {
        let help = match slug(&id.value) {
            slug if slug.is_empty() => None,
            slug => Some(format!("for example `{slug}`")),
        };
        let message =
            format!("the id `{}` may only have lower case letters, digits and single `-`", id.value);
        problems.add_with_help("invalid_id", id.span, message, help);
    } else if id.value.chars().count() > NAME_CHARS_MAX {
        problems.add("invalid_id", id.span, format!("an id must have at most {NAME_CHARS_MAX} characters"));
    }
    Some(id.value)
}

/// The id that follows from a name.
pub(super) fn id_of(name: &At<String>, problems: &mut Problems) -> String {
    let id = slug(&name.value);
    if id.is_empty() && !name.value.is_empty() {
        let message = format!("no id follows from the name “{}”; write one: id = \"…\"", name.value);
        problems.add("missing_key", name.span.clone(), message);
    }
    id
}

/// Refuses a name or an id that was there before.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) names: HashMap<String, ()>,
    ids: HashMap<String, ()>,
}

impl Taken {
    pub(super) fn add(&mut self, what: &str, name: &At<String>, id: &str, problems: &mut Problems) {
        if self.names.insert(name.value.clone(), ()).is_some() {
            let message = format!("a second {what} is called “{}”", name.value);
            problems.add("duplicate_name", name.span.clone(), message);
        } else if self.ids.insert(id.to_owned(), ()).is_some() {
            let message = format!("a second {what} has the id `{id}`; give one of them an `id` of its own");
            problems.add("duplicate_id", name.span.clone(), message);
        }
    }
}

fn fields(
    root: &mut Table<'_>,
    latest: Option<&Workflow>,
    untyped: &mut Vec<FieldId>,
    problems: &mut Problems,
) -> Parts<Field> {
    let latest = LatestParts::new(latest.map(|it| &*it.fields), |it| (&it.name, it.id.as_str()));
    let (mut fields, mut taken) = (Vec::<Field>::new(), Taken::default());
    let tables = root.tables("fields", "[[fields]]", FIELDS_MAX, problems);
    let count = tables.len();
    for mut table in tables {
        let name = table.required_text("name", problems);
        let id = latest.id("field", &mut table, name.as_ref(), problems);
        let (required, editable) =
            (table.flag("required", false, problems), table.flag("editable", true, problems));
        let kind = field_type(&mut table, problems);
        table.finish(problems);
        let Some(name) = name else { continue };
        // Kept all the same, so that what refers to it is no problem.
        let (kind, span) = kind.unwrap_or_else(|| {
            untyped.push(FieldId::new(&*id));
            (FieldType::Text, name.span.clone())
        });
        taken.add("field", &name, &id, problems);
        if matches!(kind, FieldType::UniqueId { .. })
            && fields.iter().any(|field| matches!(field.kind, FieldType::UniqueId { .. }))
        {
            problems.add("second_unique_id", span, "a workflow has at most one field of type uniqueId");
        }
        fields.push(Field { id: FieldId::new(id), name: name.value.clone(), kind, required, editable });
        names::check_field(name, problems);
    }
    Parts { are_all: fields.len() == count, parts: fields }
}

fn field_type(table: &mut Table<'_>, problems: &mut Problems) -> Option<(FieldType, Range<usize>)> {
    let kind = table.required_text("type", problems)?;
    let select = matches!(kind.value.as_str(), "singleSelect" | "multipleSelect");
    // Asked for only where they mean something, so that elsewhere they are unknown keys.
    let options = if select { options(table, problems) } else { Vec::new() };
    let kind_of = match kind.value.as_str() {
        "text" => FieldType::Text,
        "longText" => FieldType::LongText,
        "number" => FieldType::Number,
        "phone" => FieldType::Phone,
        "currency" => FieldType::Currency,
        "date" => FieldType::Date,
        "datetime" => FieldType::Datetime,
        "person" => FieldType::Person,
        "singleSelect" => FieldType::SingleSelect { options },
        "multipleSelect" => FieldType::MultipleSelect { options },
        "checkbox" => FieldType::Checkbox,
        "uniqueId" => FieldType::UniqueId { autoincrement: table.flag("autoincrement", false, problems) },
        "email" => FieldType::Email,
        "url" => FieldType::Url,
        "file" => FieldType::File { limit: table.integer("limit", 1..=file::ENTRIES_MAX, problems) },
        other => {
            let help = closest(other, FieldType::NAMES).map_or_else(
                || format!("the types are {}", FieldType::NAMES.join(", ")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            problems.add_with_help(
                "unknown_type",
                kind.span,
                format!("there is no field type `{other}`"),
                Some(help),
            );
            return None;
        }
    };
    Some((kind_of, kind.span))
}

fn options(table: &mut Table<'_>, problems: &mut Problems) -> Vec<String> {
    let messages = ["a select field needs `options = [\"…\"]`", "a select field needs at least one option"];
    let options = table.needed_texts("options", OPTIONS_MAX, messages, problems);
    let mut names = Vec::new();
    for option in options {
        check_option(&option, &names, problems);
        names.push(option.value);
    }
    names
}

fn color(table: &mut Table<'_>, problems: &mut Problems) -> String {
    let Some(color) = table.text("color", problems) else { return COLORS[0].to_owned() };
    let is_hex = color.value.len() == 7
        && color.value.starts_with('#')
        && color.value[1..].bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex && !COLORS.contains(&color.value.as_str()) {
        let help = closest(&color.value, COLORS).map_or_else(
            || format!("the colours are {}, or #rrggbb", COLORS.join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        problems.add_with_help(
            "unknown_color",
            color.span,
            format!("there is no colour `{}`", color.value),
            Some(help),
        );
    }
    color.value
}

fn stages(root: &mut Table<'_>, latest: Option<&Workflow>, problems: &mut Problems) -> Parts<Stage> {
    let latest = LatestParts::new(latest.map(|it| &*it.stages), |it| (&it.name, it.id.as_str()));
    let (mut stages, mut taken, mut items) = (Vec::new(), Taken::default(), Taken::default());
    let problems_before = problems.0.len();
    let tables = root.tables("stages", "[[stages]]", STAGES_MAX, problems);
    if tables.is_empty() && problems.0.len() == problems_before {
        let message = "a workflow needs at least one stage: [[stages]] with a `name`";
        problems.add_missing("stages", 0..0, message);
    }
    let count = tables.len();
    for mut table in tables {
        let name = table.required_text("name", problems);
        let id = latest.id("stage", &mut table, name.as_ref(), problems);
        let (color, end) = (color(&mut table, problems), table.flag("end", false, problems));
        let checklist = checklist::template(&mut table, &mut items, problems);
        let position = presented::position(&mut table, problems);
        table.finish(problems);
        let Some(name) = name else { continue };
        taken.add("stage", &name, &id, problems);
        stages.push(Stage { id: StageId::new(id), name: name.value, color, end, checklist, position });
    }
    Parts { are_all: stages.len() == count, parts: stages }
}

fn actions(
    root: &mut Table<'_>,
    latest: Option<&Workflow>,
    known: &Known<'_>,
    places: &mut Vec<Vec<StepPlace>>,
    problems: &mut Problems,
) -> Vec<Action> {
    let (mut actions, mut taken) = (Vec::new(), Taken::default());
    let latest_actions = LatestParts::new(latest.map(|it| &*it.actions), |it| (&it.name, it.id.as_str()));
    for mut table in root.tables("actions", "[[actions]]", ACTIONS_MAX, problems) {
        let name = table.required_text("name", problems);
        let id = latest_actions.id("action", &mut table, name.as_ref(), problems);
        let color = color(&mut table, problems);
        let from = from(&mut table, known.stages, problems);
        let requires = requires::requirements(&mut table, known, problems);
        let on_failure = on_failure(&mut table, problems);
        let confirm = presented::confirm(&mut table, problems);
        let after = presented::after(&mut table, problems);
        let celebrate = table.flag("celebrate", false, problems);
        let position = presented::position(&mut table, problems);
        let (steps, step_places) = steps(&mut table, problems);
        table.finish_with_hints(&OF_REQUIRES, problems);
        if let Some(name) = &name {
            taken.add("action", name, &id, problems);
        }
        // One without a name is kept, for the sake of what is wrong with its steps.
        let name = name.map(|name| name.value).unwrap_or_default();
        let id = ActionId::new(id);
        actions.push(Action {
            id,
            name,
            color,
            from,
            requires,
            on_failure,
            confirm,
            after,
            celebrate,
            position,
            steps,
        });
        places.push(step_places);
    }
    actions
}

fn from(table: &mut Table<'_>, stages: &[Stage], problems: &mut Problems) -> Vec<StageId> {
    let messages = [
        "`from` is missing: the stages in which the action is offered, such as from = [\"In Progress\"]",
        "`from` must name at least one stage, else nobody can perform it",
    ];
    let names = table.needed_texts("from", STAGES_MAX, messages, problems);
    let mut from = Vec::new();
    for name in names {
        match stages.iter().find(|stage| stage.name == name.value) {
            Some(stage) => from.push(stage.id.clone()),
            None => {
                let help = suggestion(&name.value, stages.iter().map(|stage| stage.name.as_str()));
                let message = format!("there is no stage “{}”", name.value);
                problems.add_with_help("unknown_stage", name.span, message, Some(help));
            }
        }
    }
    from
}

fn on_failure(table: &mut Table<'_>, problems: &mut Problems) -> OnFailure {
    match table.text("on_failure", problems) {
        None => OnFailure::Keep,
        Some(found) => match found.value.as_str() {
            "keep" => OnFailure::Keep,
            "revert" => OnFailure::Revert,
            other => {
                let message = format!("`on_failure` cannot be `{other}`");
                let help = "\"keep\": what steps have changed stays; \"revert\": it is taken back".to_owned();
                problems.add_with_help("invalid_value", found.span, message, Some(help));
                OnFailure::Keep
            }
        },
    }
}

fn steps(table: &mut Table<'_>, problems: &mut Problems) -> (Vec<StepDefinition>, Vec<StepPlace>) {
    let (mut steps, mut places) = (Vec::<StepDefinition>::new(), Vec::new());
    for mut table in table.tables("steps", "[[actions.steps]]", STEPS_MAX, problems) {
        let Some(type_id) = table.required_text("type", problems) else {
            table.misspelt("type", problems);
            continue;
        };
        let name = table.text("name", problems);
        if let Some(name) = &name {
            check_name(name, problems);
        }
        let name = name.unwrap_or_else(|| At { value: titled(&type_id.value), span: type_id.span.clone() });
        let id = step_id(&mut table, &name, &steps, problems);
        let at = table.span.clone();
        let (params, spans) = table.rest(problems);
        steps.push(StepDefinition {
            id: StepId::new(id),
            name: name.value,
            type_id: Arc::from(type_id.value.as_str()),
            params,
        });
        places.push(StepPlace { span: type_id.span, table: at, params: spans });
    }
    (steps, places)
}

/// A step's id: as written, else from its name, made unique in its action.
fn step_id(
    table: &mut Table<'_>,
    name: &At<String>,
    steps: &[StepDefinition],
    problems: &mut Problems,
) -> String {
    let is_taken = |id: &str| steps.iter().any(|step| step.id.as_str() == id);
    let place = table.place("id");
    // It goes into a header of each call, and into paths of the API.
    if let Some(id) = written_id("id", table, problems) {
        if is_taken(&id) {
            let message = format!("a second step of the action has the id `{id}`");
            problems.add("duplicate_id", place.unwrap_or_default(), message);
        }
        return id;
    }
    derived_step_id(&name.value, steps)
}

/// The id of a step whose author wrote none. `before`: the action's steps before it.
pub(super) fn derived_step_id(name: &str, before: &[StepDefinition]) -> String {
    let base = match slug(name) {
        slug if slug.is_empty() => "step".to_owned(),
        slug => slug,
    };
    let mut id = base.clone();
    let mut number = 2;
    while before.iter().any(|step| step.id.as_str() == id) {
        id = format!("{base}-{number}");
        number += 1;
    }
    id
}

/// `move_to_stage` as people read it: `Move to stage`.
pub(super) fn titled(type_id: &str) -> String {
    let words = type_id.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
