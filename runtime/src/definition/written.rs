//! What a workflow's file says, key by key, as a tree: the text of a file is made of it, and the document of the API is it.
//!
//! The two differ in how much stands there. A file leaves out what would be understood anyway (a default, an id that follows
//! from the name); a document says ids, steps' names and colours, so that whoever changes a name need not know what follows
//! from names.

use serde_json::{Map, Value, json};

use super::{condition, read};
use crate::model::{
    Action, ActionId, AlertRule, Condition, Field, FieldType, Role, Stage, StepDefinition, StepId, Workflow,
    checklist::TemplateItem,
    condition::{Subject, Test, Tests},
    duration,
    id::slug,
    requirement::Requirements,
    workflow::{ASSIGNED_TO, After, OnFailure, Position, STAGE},
};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    File,
    Document,
}

/// A workflow as a document: what [`Source::Document`](super::Source) takes.
pub fn document(workflow: &Workflow) -> Map<String, Value> {
    tree(workflow, Detail::Document)
}

/// The keys of a workflow in their order.
pub(super) fn tree(workflow: &Workflow, detail: Detail) -> Map<String, Value> {
    let mut root = Keys::new(detail);
    root.name_and_id(&workflow.name, workflow.id.as_str());
    root.list("fields", workflow.fields.iter().map(|it| field(it, detail)));
    root.list("stages", workflow.stages.iter().map(|it| stage(it, detail)));
    let own_roles = workflow.roles.iter().filter(|role| !Role::built_in().contains(role));
    root.list("roles", own_roles.map(|it| role(it, workflow, detail)));
    root.list("actions", workflow.actions.iter().map(|it| action(it, workflow, detail)));
    if workflow.alerts != AlertRule::default() {
        root.say("alerts", alerts(&workflow.alerts, detail));
    }
    root.keys
}

/// The keys of one table.
struct Keys {
    keys: Map<String, Value>,
    detail: Detail,
}

impl Keys {
    fn new(detail: Detail) -> Self {
        Self { keys: Map::new(), detail }
    }

    fn done(self) -> Value {
        Value::Object(self.keys)
    }

    fn say(&mut self, name: &str, value: impl Into<Value>) {
        self.keys.insert(name.to_owned(), value.into());
    }

    /// What a document alone says where it follows from something else.
    fn say_unless(&mut self, follows: bool, name: &str, value: impl Into<Value>) {
        if !follows || self.detail == Detail::Document {
            self.say(name, value);
        }
    }

    /// What nobody says where it is what holds anyway.
    fn flag(&mut self, name: &str, flag: bool, default: bool) {
        if flag != default {
            self.say(name, flag);
        }
    }

    fn list(&mut self, name: &str, items: impl Iterator<Item = Value>) {
        let items: Vec<_> = items.collect();
        self.say_unless(items.is_empty(), name, items);
    }

    fn name_and_id(&mut self, name: &str, id: &str) {
        self.say("name", name);
        self.say_unless(slug(name) == id, "id", id);
    }

    fn color(&mut self, color: &str) {
        self.say_unless(color == read::COLORS[0], "color", color);
    }

    fn position(&mut self, position: Option<Position>) {
        if let Some(Position { x, y }) = position {
            self.say("position", json!([x, y]));
        }
    }
}

fn field(field: &Field, detail: Detail) -> Value {
    let mut keys = Keys::new(detail);
    keys.name_and_id(&field.name, field.id.as_str());
    keys.say("type", field.kind.name());
    match &field.kind {
        FieldType::SingleSelect { options } | FieldType::MultipleSelect { options } => {
            keys.say("options", json!(options));
        }
        FieldType::UniqueId { autoincrement } => keys.flag("autoincrement", *autoincrement, false),
        FieldType::File { limit: Some(limit) } => keys.say("limit", *limit),
        _ => {}
    }
    keys.flag("required", field.required, false);
    keys.flag("editable", field.editable, true);
    keys.done()
}

fn stage(stage: &Stage, detail: Detail) -> Value {
    let mut keys = Keys::new(detail);
    keys.name_and_id(&stage.name, stage.id.as_str());
    keys.color(&stage.color);
    keys.flag("end", stage.end, false);
    if !stage.checklist.is_empty() {
        keys.say("checklist", stage.checklist.iter().map(|it| item(it, detail)).collect::<Value>());
    }
    keys.position(stage.position);
    keys.done()
}

fn item(item: &TemplateItem, detail: Detail) -> Value {
    if slug(&item.title) == item.id.as_str() && detail == Detail::File {
        json!(item.title)
    } else {
        json!({"title": item.title, "id": item.id.as_str()})
    }
}

fn role(role: &Role, workflow: &Workflow, detail: Detail) -> Value {
    let mut keys = Keys::new(detail);
    keys.name_and_id(&role.name, role.id.as_str());
    keys.flag("admin", role.admin, false);
    keys.flag("view", role.view, true);
    keys.flag("edit", role.edit, true);
    if let Some(actions) = &role.perform {
        let name = |id: &ActionId| workflow.action(id.as_str()).map_or(id.as_str(), |it| &it.name).to_owned();
        keys.say("perform", actions.iter().map(name).collect::<Value>());
    }
    keys.done()
}

fn action(action: &Action, workflow: &Workflow, detail: Detail) -> Value {
    let mut keys = Keys::new(detail);
    keys.name_and_id(&action.name, action.id.as_str());
    keys.color(&action.color);
    keys.say("from", action.from.iter().map(|stage| workflow.stage_name(stage)).collect::<Value>());
    if action.on_failure == OnFailure::Revert {
        keys.say("on_failure", "revert");
    }
    if let Some(confirm) = &action.confirm {
        keys.say("confirm", confirm.as_str());
    }
    if action.after != After::default() {
        keys.say("after", action.after.name());
    }
    keys.flag("celebrate", action.celebrate, false);
    keys.position(action.position);
    if action.requires != Requirements::default() {
        keys.say("requires", requirements(&action.requires, workflow, detail));
    }
    let steps = action.steps.iter().enumerate();
    keys.list("steps", steps.map(|(index, it)| step(it, &action.steps[..index], detail)));
    keys.done()
}

fn requirements(requires: &Requirements, workflow: &Workflow, detail: Detail) -> Value {
    let fields = requires.fields.iter().map(|id| workflow.field(id).map_or(id.as_str(), |field| &field.name));
    let roles = requires.roles.iter().map(|id| workflow.role(id).map_or(id.as_str(), |role| &role.name));
    let (fields, roles): (Vec<_>, Vec<_>) = (fields.collect(), roles.collect());
    let mut keys = Keys::new(detail);
    if !fields.is_empty() {
        keys.say("fields", json!(fields));
    }
    keys.flag("assigned", requires.assigned, false);
    keys.flag("checklist", requires.checklist, false);
    if !roles.is_empty() {
        keys.say("roles", json!(roles));
    }
    if !requires.conditions.is_empty() {
        let conditions = requires.conditions.iter();
        keys.say("conditions", conditions.map(|it| written_condition(it, workflow)).collect::<Value>());
    }
    keys.done()
}

fn written_condition(Condition { message, tests }: &Condition, workflow: &Workflow) -> Value {
    let (name, tests) = match tests {
        Tests::All(tests) => ("all", tests),
        Tests::Any(tests) => ("any", tests),
    };
    let tests: Value = tests.iter().map(|test| written_test(test, workflow)).collect();
    json!({"message": message, name: tests})
}

fn written_test(test: &Test, workflow: &Workflow) -> Value {
    let name = match &test.subject {
        Subject::Field(id) => workflow.field(id).map_or(id.as_str(), |field| &field.name),
        Subject::Stage => STAGE,
        Subject::AssignedTo => ASSIGNED_TO,
    };
    let (operator, value) = condition::written(test, workflow);
    Value::Object(Map::from_iter([("field".to_owned(), json!(name)), (operator.to_owned(), value)]))
}

/// `before`: the action's steps before it.
fn step(step: &StepDefinition, before: &[StepDefinition], detail: Detail) -> Value {
    let mut keys = Keys::new(detail);
    keys.say("type", &*step.type_id);
    keys.say_unless(step.name == read::titled(&step.type_id), "name", step.name.as_str());
    let follows = StepId::new(read::derived_step_id(&step.name, before)) == step.id;
    keys.say_unless(follows, "id", step.id.as_str());
    for (name, value) in &step.params {
        let mut value = value.clone();
        // The order of their own tables is lost when they are read.
        value.sort_all_objects();
        keys.say(name, value);
    }
    keys.done()
}

fn alerts(rule: &AlertRule, detail: Detail) -> Value {
    let default = AlertRule::default();
    let mut keys = Keys::new(detail);
    keys.flag("log", rule.log, default.log);
    if let Some(webhook) = &rule.webhook {
        keys.say("webhook", webhook.source_of_secrets());
    }
    if rule.every != default.every {
        keys.say("every", duration::written(rule.every));
    }
    keys.done()
}
