//! The JSON Schema (2020-12) of a workflow file: what an editor completes and checks while somebody writes one.
//!
//! It has every key that [`read`](super::read()) takes, from the same names and limits. What refers to something else in
//! the file (a stage's name, a place in a template) it cannot check; `onward check` can.

use serde_json::{Map, Value, json};

use super::{
    ACTIONS_MAX, CHECKLIST_MAX, CONDITIONS_MAX, CONFIRM_CHARS_MAX, FIELDS_MAX, MESSAGE_CHARS_MAX,
    NAME_CHARS_MAX, OPTION_CHARS_MAX, OPTIONS_MAX, POSITION_MAX, ROLES_MAX, STAGES_MAX, STEPS_MAX, TESTS_MAX,
    VALUES_MAX,
    condition::{CONTAINS, IS_SET, ONE_OF, OPERATORS, TODAY},
    read::COLORS,
};
use crate::model::{
    AlertRule, FieldType, checklist::TITLE_CHARS_MAX, duration, file, template, workflow::After,
};

/// Lower case letters and digits, with single `-` between them; beyond Latin-1 about that. Validators have regular
/// expressions of their own kinds, so patterns have only what ECMA 262, Python and Rust all read alike.
const ID: &str = r"^[^\x00-/:-`{-\xA9\xAB-\xB1\xB4\xB6-\xB8\xBB\xBF-\xDE\xF7\u2000-\u206F]+(-[^\x00-/:-`{-\xA9\xAB-\xB1\xB4\xB6-\xB8\xBB\xBF-\xDE\xF7\u2000-\u206F]+)*$";

/// What [`check_name`](super::names::check_name) takes: no braces, nothing that is not seen, no space at an end.
const NAME: &str = r"^[^ {}\x00-\x1F\x7F-\xA0\xAD\u2000-\u200B\u200E\u200F\u2028-\u202F\u205F-\u206F\uFEFF]([^{}\x00-\x1F\x7F-\xA0\xAD\u2000-\u200B\u200E\u200F\u2028-\u202F\u205F-\u206F\uFEFF]*[^ {}\x00-\x1F\x7F-\xA0\xAD\u2000-\u200B\u200E\u200F\u2028-\u202F\u205F-\u206F\uFEFF])?$";

/// Something on one line.
const PARAGRAPH: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";

/// What a step type is, as far as its steps are written in files.
pub struct StepSchema {
    pub id: String,
    pub summary: String,
    /// Of its parameters.
    pub params: Value,
}

/// The schema of a workflow whose steps are of these types.
pub fn schema(steps: &[StepSchema]) -> Value {
    let properties = json!({
        "name": name("What the workflow is called."),
        "id": id("How data and programs know the workflow"),
        "fields": list("The fields of a task, in the order in which it shows them.", FIELDS_MAX, field()),
        "stages": list("The stages; a new task begins in the first.", STAGES_MAX, stage()),
        "roles": list("Roles beside Administrator and Collaborator.", ROLES_MAX, role()),
        "actions": list("The buttons on a task, and what each does.", ACTIONS_MAX, action(steps)),
        "alerts": alerts(),
    });
    let mut schema = table("An action server's workflow.", properties, &["name", "stages"]);
    schema["properties"]["stages"]["minItems"] = 1.into();
    let mut root = Map::new();
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".to_owned(), "Onward workflow".into());
    if let Value::Object(schema) = schema {
        root.extend(schema);
    }
    Value::Object(root)
}

fn table(description: &str, properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn list(description: &str, most: usize, items: Value) -> Value {
    json!({"description": description, "type": "array", "maxItems": most, "items": items})
}

fn name(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": NAME,
        "maxLength": NAME_CHARS_MAX,
    })
}

fn names(description: &str) -> Value {
    json!({"description": description, "type": "array", "items": {"type": "string"}})
}

fn id(what: &str) -> Value {
    json!({
        "description": format!("{what}, also when its name changes; the slug of its first name unless it is written."),
        "type": "string",
        "pattern": ID,
        "maxLength": NAME_CHARS_MAX,
    })
}

fn flag(description: &str, default: bool) -> Value {
    json!({"description": description, "type": "boolean", "default": default})
}

fn color() -> Value {
    json!({
        "description": "A colour's name, or #rrggbb.",
        "type": "string",
        "anyOf": [{"enum": COLORS}, {"pattern": "^#[0-9A-Fa-f]{6}$"}],
        "default": COLORS[0],
    })
}

/// Where a part stands when the workflow is drawn.
fn position() -> Value {
    json!({
        "description": "Where it stands in the drawing: to the right, and down. Nothing else depends on it.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": -POSITION_MAX, "maximum": POSITION_MAX},
    })
}

/// A part that may say which one it was; it does so by `id` or by `was`.
fn lasting(mut part: Value, what: &str) -> Value {
    part["properties"]["id"] = id(&format!("How data and programs know the {what}"));
    part["properties"]["was"] =
        json!({"description": format!("The name that the {what} had so far."), "type": "string"});
    part["not"] = json!({"required": ["id", "was"]});
    part
}

fn field() -> Value {
    let properties = json!({
        "name": name("What the field is called."),
        "type": {"description": "What its values are.", "enum": FieldType::NAMES},
        "required": flag("A task must have a value for it.", false),
        "editable": flag("People may change it by hand.", true),
        "options": {
            "description": "What may be chosen, of a singleSelect or a multipleSelect.",
            "type": "array",
            "minItems": 1,
            "maxItems": OPTIONS_MAX,
            "uniqueItems": true,
            "items": {"type": "string", "pattern": "[^ ]", "maxLength": OPTION_CHARS_MAX},
        },
        "autoincrement": flag("Of a uniqueId: the next number is given where none is sent.", false),
        "limit": {
            "description": "Of a file: how many.",
            "type": "integer",
            "minimum": 1,
            "maximum": file::ENTRIES_MAX,
            "default": file::ENTRIES_MAX,
        },
    });
    let mut schema = lasting(table("A field.", properties, &["name", "type"]), "field");
    // Where they mean nothing, they are unknown keys.
    let only = |types: &[&str], key: &str, then: Value| {
        json!({
            "if": {"properties": {"type": {"enum": types}}},
            "then": then,
            "else": {"properties": {key: false}},
        })
    };
    schema["allOf"] = json!([
        only(&["singleSelect", "multipleSelect"], "options", json!({"required": ["options"]})),
        only(&["uniqueId"], "autoincrement", json!(true)),
        only(&["file"], "limit", json!(true)),
    ]);
    schema
}

fn stage() -> Value {
    let title = |description| json!({"description": description, "type": "string", "pattern": r"\S", "maxLength": TITLE_CHARS_MAX});
    let item = table(
        "An item with an id of its own.",
        json!({"title": title("What is to be done."), "id": id("How what was set is kept")}),
        &["title"],
    );
    let items = json!({"anyOf": [title("What is to be done."), item]});
    let properties = json!({
        "name": name("What the stage is called."),
        "color": color(),
        "end": flag("A task in it is no longer active.", false),
        "checklist": list("What every task has on its checklist in this stage.", CHECKLIST_MAX, items),
        "position": position(),
    });
    lasting(table("A stage.", properties, &["name"]), "stage")
}

fn role() -> Value {
    let properties = json!({
        "name": name("What the role is called."),
        "id": id("How memberships know the role"),
        "admin": flag("May do everything in this workflow.", false),
        "view": flag("Sees the workflow and its tasks.", true),
        "edit": flag("Makes, changes and deletes tasks.", true),
        "perform": names("The actions that may be performed, by name; all of them unless it is written."),
    });
    table("A role, beginning from what a Collaborator may.", properties, &["name"])
}

fn action(steps: &[StepSchema]) -> Value {
    let mut from = names("The stages in which the action is offered, by name.");
    from["minItems"] = 1.into();
    let properties = json!({
        "name": name("What the button says."),
        "color": color(),
        "from": from,
        "requires": requires(),
        "on_failure": {
            "description": "\"keep\": what steps have changed stays; \"revert\": it is taken back.",
            "enum": ["keep", "revert"],
            "default": "keep",
        },
        "confirm": {
            "description": "What somebody is asked before they perform it.",
            "type": "string",
            "pattern": PARAGRAPH,
            "maxLength": CONFIRM_CHARS_MAX,
        },
        "after": {
            "description": "Where somebody goes after its success. \"stay\": the task's page; \"list\": the table; \"next\": the next task of the list.",
            "enum": After::ALL.map(After::name),
            "default": After::default().name(),
        },
        "celebrate": flag("Its success is a reason to be glad.", false),
        "position": position(),
        "steps": list(
            "What happens, in order; the first step that fails stops the action.",
            STEPS_MAX,
            json!({"oneOf": steps.iter().map(step).collect::<Vec<_>>()})
        ),
    });
    lasting(table("An action.", properties, &["name", "from"]), "action")
}

/// A step of one type: its parameters, and the keys that every step has.
fn step(of: &StepSchema) -> Value {
    let mut schema = of.params.clone();
    schema["description"] = format!("{}: {}.", of.id, of.summary).into();
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({"description": "The step type.", "const": of.id}));
    properties.insert("name".to_owned(), name("What the step is called; as its type unless it is written."));
    properties.insert("id".to_owned(), id("How executions know the step"));
    if let Some(Value::Object(params)) = schema.get_mut("properties").map(Value::take) {
        properties.extend(params);
    }
    schema["properties"] = Value::Object(properties);
    let params = schema["required"].as_array().cloned().unwrap_or_default();
    schema["required"] = [Value::from("type")].into_iter().chain(params).collect();
    schema
}

fn requires() -> Value {
    let mut roles = names("One of these roles, of the performer.");
    roles["minItems"] = 1.into();
    let conditions = list("Conditions of one's own, each with its message.", CONDITIONS_MAX, condition());
    let properties = json!({
        "fields": names("Fields that must have a value."),
        "checklist": flag("Every item of the task's stage must be completed or skipped.", false),
        "assigned": flag("The task must be assigned to somebody.", false),
        "roles": roles,
        "conditions": conditions,
    });
    table("What must hold before the action is performed.", properties, &[])
}

fn condition() -> Value {
    let tests = |description| {
        let mut tests = list(description, TESTS_MAX, test());
        tests["minItems"] = 1.into();
        tests
    };
    let properties = json!({
        "message": {
            "description": "What the performer reads when the condition does not hold.",
            "type": "string",
            "pattern": r"\S",
            "maxLength": MESSAGE_CHARS_MAX,
        },
        "all": tests("Each of these must hold."),
        "any": tests("One of these must hold."),
    });
    let mut schema = table("A condition; it has `all` or `any`.", properties, &["message"]);
    schema["oneOf"] = json!([{"required": ["all"]}, {"required": ["any"]}]);
    schema
}

/// A field and one operator. Which operators and values a field takes follows from its type.
fn test() -> Value {
    let field = json!({"description": "A field's name, `Stage` or `Assigned To`.", "type": "string"});
    let mut properties = Map::from_iter([("field".to_owned(), field)]);
    for operator in OPERATORS {
        let schema = match operator {
            IS_SET => json!({"description": "Whether there is a value.", "type": "boolean"}),
            ONE_OF => json!({
                "description": "It is one of these.",
                "type": "array",
                "minItems": 1,
                "maxItems": VALUES_MAX,
            }),
            CONTAINS => {
                json!({"description": "It has this text in it, or this option chosen.", "type": "string"})
            }
            _ => json!({
                "description": format!("A value of the field's type; of a date also \"{TODAY}\"."),
                "type": ["string", "number", "boolean", "array"],
            }),
        };
        properties.insert(operator.to_owned(), schema);
    }
    let mut schema = table("A test: a field and one operator.", Value::Object(properties), &["field"]);
    schema["minProperties"] = 2.into();
    schema["maxProperties"] = 2.into();
    schema
}

fn alerts() -> Value {
    let default = AlertRule::default();
    let properties = json!({
        "log": flag("The server's log is told.", default.log),
        "webhook": {
            "description": "To which URL each message is posted; or a secret that is one: {{secrets.NAME}}.",
            "type": "string",
            "pattern": template::URL_PATTERN,
        },
        "every": {
            "description": "What fails within this time after a message comes with the next; such as \"10m\".",
            "type": "string",
            "pattern": duration::PATTERN,
            "default": duration::written(default.every),
        },
    });
    table("Who is told of failures that nobody was waiting for.", properties, &[])
}
