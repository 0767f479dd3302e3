//! The canonical writer: a [`Workflow`] becomes the one text that says it.
//!
//! What is read from that text is equal to what was written, and is written as the same text again. What
//! would be understood anyway (a default, an id that follows from the name) is left out. Comments are not part
//! of a workflow, so the text has none.

use serde_json::{Map, Value, json};

use super::{
    condition, read,
    toml_text::{entry, fits, key},
};
use crate::model::{
    Action, ActionId, AlertRule, Condition, Field, FieldType, Role, Stage, StepDefinition, StepId, Workflow,
    checklist::TemplateItem,
    condition::{Subject, Test, Tests},
    duration,
    id::slug,
    requirement::Requirements,
    workflow::{ASSIGNED_TO, OnFailure, STAGE},
};

/// The text of a workflow file that says this workflow.
pub fn write(workflow: &Workflow) -> String {
    let mut text = Text(String::new());
    text.name_and_id(&workflow.name, workflow.id.as_str());
    workflow.fields.iter().for_each(|field| text.field(field));
    workflow.stages.iter().for_each(|stage| text.stage(stage));
    let own_roles = workflow.roles.iter().filter(|role| !Role::built_in().contains(role));
    own_roles.for_each(|role| {
        text.table("[[roles]]");
        text.name_and_id(&role.name, role.id.as_str());
        text.rights(role, workflow);
    });
    workflow.actions.iter().for_each(|action| text.action(action, workflow));
    text.alerts(&workflow.alerts);
    text.0
}

struct Text(String);

impl Text {
    fn table(&mut self, header: &str) {
        self.0.push('\n');
        self.0.push_str(header);
        self.0.push('\n');
    }

    fn entry(&mut self, name: &str, value: &Value) {
        self.0.push_str(&entry(name, value));
    }

    /// An entry that is left out where it says what holds anyway.
    fn flag(&mut self, name: &str, flag: bool, default: bool) {
        if flag != default {
            self.entry(name, &json!(flag));
        }
    }

    fn name_and_id(&mut self, name: &str, id: &str) {
        self.entry("name", &json!(name));
        if slug(name) != id {
            self.entry("id", &json!(id));
        }
    }

    fn color(&mut self, color: &str) {
        if color != read::COLORS[0] {
            self.entry("color", &json!(color));
        }
    }

    fn rights(&mut self, role: &Role, workflow: &Workflow) {
        self.flag("admin", role.admin, false);
        self.flag("view", role.view, true);
        self.flag("edit", role.edit, true);
        if let Some(actions) = &role.perform {
            let name =
                |id: &ActionId| workflow.action(id.as_str()).map_or(id.as_str(), |it| &it.name).to_owned();
            self.entry("perform", &actions.iter().map(name).collect());
        }
    }

    fn field(&mut self, field: &Field) {
        self.table("[[fields]]");
        self.name_and_id(&field.name, field.id.as_str());
        self.entry("type", &json!(field.kind.name()));
        match &field.kind {
            FieldType::SingleSelect { options } | FieldType::MultipleSelect { options } => {
                self.entry("options", &json!(options));
            }
            FieldType::UniqueId { autoincrement } => self.flag("autoincrement", *autoincrement, false),
            FieldType::File { limit: Some(limit) } => self.entry("limit", &json!(limit)),
            _ => {}
        }
        self.flag("required", field.required, false);
        self.flag("editable", field.editable, true);
    }

    fn stage(&mut self, stage: &Stage) {
        self.table("[[stages]]");
        self.name_and_id(&stage.name, stage.id.as_str());
        self.color(&stage.color);
        self.flag("end", stage.end, false);
        if !stage.checklist.is_empty() {
            self.entry("checklist", &stage.checklist.iter().map(written_item).collect());
        }
    }

    fn action(&mut self, action: &Action, workflow: &Workflow) {
        self.table("[[actions]]");
        self.name_and_id(&action.name, action.id.as_str());
        self.color(&action.color);
        let from = action.from.iter().map(|stage| workflow.stage_name(stage));
        self.entry("from", &json!(from.collect::<Vec<_>>()));
        if action.on_failure == OnFailure::Revert {
            self.entry("on_failure", &json!("revert"));
        }
        self.requirements(&action.requires, workflow);
        for (index, step) in action.steps.iter().enumerate() {
            self.step(step, &action.steps[..index]);
        }
    }

    fn requirements(&mut self, requires: &Requirements, workflow: &Workflow) {
        let fields =
            requires.fields.iter().map(|id| workflow.field(id).map_or(id.as_str(), |field| &field.name));
        let roles = requires.roles.iter().map(|id| workflow.role(id).map_or(id.as_str(), |role| &role.name));
        let (fields, roles): (Vec<_>, Vec<_>) = (fields.collect(), roles.collect());
        if !fields.is_empty() || requires.assigned || requires.checklist || !roles.is_empty() {
            self.table("[actions.requires]");
            if !fields.is_empty() {
                self.entry("fields", &json!(fields));
            }
            self.flag("assigned", requires.assigned, false);
            self.flag("checklist", requires.checklist, false);
            if !roles.is_empty() {
                self.entry("roles", &json!(roles));
            }
        }
        for Condition { message, tests } in &requires.conditions {
            self.table("[[actions.requires.conditions]]");
            self.entry("message", &json!(message));
            let (name, tests) = match tests {
                Tests::All(tests) => ("all", tests),
                Tests::Any(tests) => ("any", tests),
            };
            let tests: Value = tests.iter().map(|test| written_test(test, workflow)).collect();
            self.entry(name, &tests);
        }
    }

    /// `before`: the action's steps before it.
    fn step(&mut self, step: &StepDefinition, before: &[StepDefinition]) {
        self.table("[[actions.steps]]");
        self.entry("type", &json!(&*step.type_id));
        if step.name != read::titled(&step.type_id) {
            self.entry("name", &json!(step.name));
        }
        if StepId::new(read::derived_step_id(&step.name, before)) != step.id {
            self.entry("id", &json!(step.id.as_str()));
        }
        let mut params = step.params.clone();
        // The order of their own tables is lost when they are read.
        params.values_mut().for_each(Value::sort_all_objects);
        self.params("actions.steps", &params);
    }

    /// Those that fit a line first, since what follows a header belongs to it; then a table for each other one.
    fn params(&mut self, path: &str, params: &Map<String, Value>) {
        let mut tables = Vec::new();
        for (name, value) in params {
            match value {
                Value::Object(table) if !fits(name, value) => tables.push((name, table)),
                _ => self.entry(name, value),
            }
        }
        for (name, table) in tables {
            let path = format!("{path}.{}", key(name));
            self.table(&format!("[{path}]"));
            self.params(&path, table);
        }
    }

    fn alerts(&mut self, rule: &AlertRule) {
        let default = AlertRule::default();
        if *rule == default {
            return;
        }
        self.table("[alerts]");
        self.flag("log", rule.log, default.log);
        if let Some(webhook) = &rule.webhook {
            self.entry("webhook", &json!(webhook.source_of_secrets()));
        }
        if rule.every != default.every {
            self.entry("every", &json!(duration::written(rule.every)));
        }
    }
}

fn written_item(item: &TemplateItem) -> Value {
    if slug(&item.title) == item.id.as_str() {
        json!(item.title)
    } else {
        json!({"title": item.title, "id": item.id.as_str()})
    }
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
