//! The shapes of what the API takes and answers, for the OpenAPI document: JSON Schema, as OpenAPI 3.1 has it. Objects are
//! open: keys may be added, and never renamed.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{bulk::AT_ONCE_MAX, route::list_of};
use crate::{
    definition,
    egress::Circuit,
    model::{
        FieldType, Scope, State, Status,
        checklist::{ItemStatus, TITLE_CHARS_MAX},
        comment::BODY_CHARS_MAX,
        execution::Effects,
        field::EMAIL_CHARS_MAX,
        secret::{SECRET_CHARS_MAX, SECRET_CHARS_MIN, SECRET_NAME_CHARS_MAX},
        user::NAME_CHARS_MAX,
        workflow::After,
    },
    sessions::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN},
};

/// An example of each shape that is taken or answered as such.
pub(super) static EXAMPLES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

fn text() -> Value {
    json!({"type": "string"})
}

fn maybe_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn instant() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn maybe_instant() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

/// White space, as the server has it, within the brackets of a pattern: what pattern languages call so differs.
macro_rules! blank {
    () => {
        r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}

/// A text in which something stands, and no NUL.
const SAYS_SOMETHING: &str = concat!(r"^[^\u0000]*[^\u0000", blank!(), r"][^\u0000]*$");

/// A text in which something stands.
pub(super) const NOT_BLANK: &str = concat!("[^", blank!(), "]");

/// A name of a person or a key.
const PRINTABLE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u001f\u007f-\u009f",
    blank!(),
    r"][^\u0000-\u001f\u007f-\u009f]*$"
);

/// An email, as far as its text shows, perhaps with white space around it: what is before its last `@`, and a domain.
const EMAIL: &str = concat!(
    r"^[",
    blank!(),
    r"]*[^\u0000-\u001f\u007f-\u009f<>,;",
    blank!(),
    r"]+@[^\u0000-\u001f\u007f-\u009f<>,;@.",
    blank!(),
    r"]([^\u0000-\u001f\u007f-\u009f<>,;@",
    blank!(),
    r"]*[^\u0000-\u001f\u007f-\u009f<>,;@.",
    blank!(),
    r"])?[",
    blank!(),
    r"]*$"
);

fn text_like(pattern: &str, chars_max: usize) -> Value {
    json!({"type": "string", "pattern": pattern, "maxLength": chars_max})
}

fn maybe(mut text: Value) -> Value {
    text["type"] = json!(["string", "null"]);
    text
}

fn password() -> Value {
    json!({"type": "string", "minLength": PASSWORD_CHARS_MIN, "maxLength": PASSWORD_CHARS_MAX})
}

pub(super) fn secret_name() -> Value {
    text_like("^[A-Za-z_][A-Za-z0-9_]*$", SECRET_NAME_CHARS_MAX)
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn number() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

fn of(name: &str) -> Value {
    super::route::of(name)
}

/// An object all of whose keys are there.
fn object(properties: Value) -> Value {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// The same, but for some keys that may be missing.
fn object_with(required: Value, optional: Value) -> Value {
    let mut schema = object(required);
    for (name, property) in optional.as_object().into_iter().flatten() {
        schema["properties"][name] = property.clone();
    }
    schema
}

/// What is taken: nothing but these keys.
fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = json!(false);
    schema
}

/// All of them, by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    for part in [
        errors(),
        workflows(),
        tasks(),
        executions(),
        steps(),
        bulk(),
        people(),
        entrance(),
        operators(),
        definitions(),
    ] {
        all.extend(part.as_object().cloned().unwrap_or_default());
    }
    all
}

fn errors() -> Value {
    json!({
        "Error": object_with(
            json!({"code": text(), "message": text()}),
            json!({
                "status": {"const": "Fail"},
                "errors": {"oneOf": [texts(), {"type": "object", "additionalProperties": texts()}]},
            }),
        ),
    })
}

fn workflows() -> Value {
    json!({
        "Workspace": object(json!({"id": text(), "name": text()})),
        "Workflow": object_with(
            json!({
                "id": text(), "name": text(), "version": number(), "archived": flag(),
                "managed_by": {"enum": ["file", "store"]},
            }),
            json!({"file": text(), "broken": text(), "refused": text()}),
        ),
        "Stage": object(json!({"id": text(), "name": text(), "color": text(), "end": flag()})),
        "Action": object(json!({"id": text(), "name": text(), "color": text(), "from": texts()})),
        "Field": object_with(
            json!({"id": text(), "name": text(), "type": {"enum": FieldType::NAMES}, "required": flag(), "editable": flag()}),
            json!({"options": texts(), "autoincrement": flag(), "limit": number()}),
        ),
        "Role": object(json!({"id": text(), "name": text(), "admin": flag()})),
        "Finding": object(json!({
            "code": text(), "action": maybe_text(), "step": maybe_text(), "path": path(),
            "reason": text(), "remedy": text(),
        })),
    })
}

fn tasks() -> Value {
    let title = text_like(SAYS_SOMETHING, TITLE_CHARS_MAX);
    // What a client has read of an item it may send back, also what is set by nobody.
    let mut shown_back = json!({
        "Assigned To": maybe_text(), "status": of("ChecklistStatus"),
        "id": true, "editable": true, "updated_by": true, "updated_on": true,
    });
    json!({
        "Task": object_with(
            json!({"Stage": text(), "Assigned To": maybe_text()}),
            json!({"Task URL": text(), "Created On": instant(), "Updated On": instant()}),
        ),
        "TaskValues": {
            "type": "object",
            "description": "Values by the names of fields; `Stage` names a stage, `Assigned To` is an email or null.",
            "properties": {"Stage": text(), "Assigned To": maybe_text()},
        },
        "TaskAction": object_with(
            json!({
                "id": text(), "name": text(), "color": text(), "confirm": maybe_text(),
                "after": {"enum": After::ALL.map(After::name)}, "celebrate": flag(),
            }),
            json!({"unmet": texts()}),
        ),
        "TaskCounts": object(json!({
            "total": number(), "active": number(), "matching": number(),
            "stages": {"type": "array", "items": object(json!({
                "id": text(), "name": text(), "color": text(), "end": flag(), "count": number(),
            }))},
            "assignees": {"type": "array", "items": object(json!({
                "user": {"oneOf": [of("User"), {"type": "null"}]}, "count": number(),
            }))},
        })),
        "Performer": object(json!({
            "id": text(), "email": maybe_text(), "first_name": maybe_text(), "last_name": maybe_text(),
        })),
        "HistoryEntry": object(json!({
            "number": number(), "at": instant(), "cause": text(),
            "performed_by": {"oneOf": [of("Performer"), {"type": "null"}]},
            "execution_id": maybe_text(),
            "changes": {"type": "object", "additionalProperties": object(json!({"before": true, "after": true}))},
        })),
        "Schedule": object(json!({"Stage": text(), "at": instant(), "performed_by": of("Performer")})),
        "Comment": object(json!({
            "author": text(), "body": text(), "timestamp": instant(), "mentions": texts(),
        })),
        "NewComment": closed(object(json!({"body": text_like(SAYS_SOMETHING, BODY_CHARS_MAX)}))),
        "ChecklistItem": object(json!({
            "id": text(), "title": text(), "status": of("ChecklistStatus"), "editable": flag(),
            "Assigned To": maybe_text(), "Stage": text(),
            "updated_by": {"oneOf": [of("Performer"), {"type": "null"}]}, "updated_on": maybe_instant(),
        })),
        "ChecklistStatus": {"enum": ItemStatus::ALL.map(ItemStatus::name)},
        "NewChecklistItem": closed(object_with(json!({"title": title, "Stage": text()}), shown_back.clone())),
        "ChecklistItemChange": closed(object_with(json!({}), {
            (shown_back["title"], shown_back["Stage"]) = (title, text());
            shown_back
        })),
    })
}

fn executions() -> Value {
    let task = || {
        json!({
            "description": "What the task is called: `title` is the value of its first field of the type `text`. Null of one that is deleted.",
            "type": ["object", "null"], "properties": {"unique_id": maybe_text(), "title": maybe_text()},
            "required": ["unique_id", "title"],
        })
    };
    let states = State::NAMES.map(|(name, _)| name);
    let attempt = json!({
        "number": number(), "try": number(), "started_at": instant(), "ended_at": maybe_instant(), "outcome": text(),
        "code": maybe_text(), "message": maybe_text(), "field_errors": true, "warnings": texts(), "curl": maybe_text(), "record": {"type": ["object", "null"]},
    });
    let mut whole = attempt.clone();
    whole["step"] = object(json!({
        "number": number(), "id": maybe_text(), "name": maybe_text(), "type": maybe_text(),
    }));
    whole["version"] = number();
    whole["earlier_tries"] = json!({"type": "array", "items": of("Try")});
    json!({
        "Status": {"enum": Status::ALL.map(Status::as_str)},
        "State": {"enum": states},
        "Execution": object_with(json!({"id": text(), "status": of("Status")}), json!({"errors": texts()})),
        "ExecutionItem": object_with(
            json!({
                "id": text(), "status": of("Status"), "state": of("State"),
                "action": object(json!({"id": text(), "name": maybe_text()})),
                "task": text(), "task_summary": task(), "performed_by": of("Performer"), "created_at": instant(), "updated_at": instant(),
            }),
            json!({"errors": texts()}),
        ),
        "ExecutionDetail": object_with(
            json!({
                "id": text(), "status": of("Status"), "state": of("State"), "action_id": text(), "version": number(),
                "action": object(json!({"id": text(), "name": maybe_text()})), "performed_by": of("Performer"),
                "depth": number(), "task": text(), "task_summary": task(), "created_at": instant(), "updated_at": instant(),
                "steps": {
                    "type": "array", "items": object(json!({"id": text(), "name": text(), "type": text()})),
                    "description": "All of the pinned version; none where that cannot be read any more.",
                },
                "attempts": {"type": "array", "items": of("Attempt")},
            }),
            json!({
                "errors": texts(), "code": text(), "wakes_at": instant(), "next_try_at": instant(),
                "last_try": object(json!({"code": text(), "message": text()})), "blocked_by": text(),
            }),
        ),
        "Try": object(attempt),
        "Attempt": object(whole),
        "NewExecution": closed(object_with(
            json!({"task_id": {"type": ["string", "number"]}, "action_id": text()}),
            json!({"performed_by": maybe_text()}),
        )),
        "RetryExecution": closed(object_with(json!({}), json!({"version": {"enum": ["pinned", "current"]}}))),
    })
}

/// Step types, what brings them, and trying one.
fn steps() -> Value {
    json!({
        "StepType": object(json!({
            "id": text(), "name": text(), "effects": {"enum": Effects::NAMES},
            "category": {"type": "string", "description": "`task`, `timing`, `integration`, or a plugin author's own."},
            "summary": text(), "schema": {"type": "object", "description": "The JSON Schema of its parameters."},
            "icon": {"type": ["string", "null"], "description": "An SVG document."},
            "help": {"type": ["string", "null"], "description": "How it is used, in Markdown."},
            "examples": {"type": "array", "items": {"type": "object", "properties": {"title": text(), "params": {"type": "object"}}}},
            "plugin": {
                "description": "The plugin that brings it; null of what is built in.",
                "type": ["object", "null"], "properties": {"name": text(), "version": text()},
            },
        })),
        "Plugin": object(json!({
            "name": text(), "version": maybe_text(), "file": text(),
            "origin": {"enum": ["shipped", "folder"]}, "isolation": {"enum": ["in-process", "process"]},
            "pin": {"enum": ["pinned", "unpinned", "modified"]}, "sha256": maybe_text(),
            "state": {"enum": ["loaded", "backing_off", "quarantined", "disabled", "refused"]},
            "code": maybe_text(), "message": maybe_text(), "step_types": {"type": "array", "items": text()},
        })),
        "TestStep": closed(object_with(
            json!({"task_id": text()}),
            json!({"performed_by": maybe_text(), "apply": flag()}),
        )),
        "TryStep": closed(object_with(
            json!({"action": text(), "step": text(), "task_id": text()}),
            json!({"document": of("WorkflowDocument"), "performed_by": maybe_text(), "apply": flag()}),
        )),
        "StepTrial": object(json!({
            "outcome": {"enum": ["succeeded", "failed", "unknown"]}, "code": maybe_text(), "message": maybe_text(),
            "ends_action": flag(), "waits_until": maybe_instant(), "patch": {"type": ["object", "null"]},
            "applied": flag(), "deletes_task": flag(), "schedules": {"type": ["object", "null"]},
            "warnings": texts(), "record": {"type": ["object", "null"]},
        })),
    })
}

/// Many at a time.
fn bulk() -> Value {
    json!({
        "NewBulk": closed(object_with(
            json!({
                "action_id": text(),
                "task_ids": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1, "maxItems": AT_ONCE_MAX,
                    "uniqueItems": true},
            }),
            json!({"performed_by": maybe_text()}),
        )),
        "Bulk": object(json!({
            "accepted": number(), "refused": number(),
            "executions": {"type": "array", "items": {"oneOf": [
                object(json!({"task_id": text(), "id": text(), "status": of("Status")})),
                object(json!({"task_id": text(), "code": text(), "message": text()})),
            ]}},
        })),
        "NewBulkRetry": closed(object_with(json!({}), json!({
            "action": maybe_text(), "state": {"enum": ["failed", "unknown", null]}, "since": maybe_instant(),
            "until": maybe_instant(), "task": {"type": ["string", "number", "null"]},
        }))),
        "BulkRetry": object(json!({
            "accepted": number(), "refused": number(),
            "more": {"type": "boolean", "description": "Whether there are others, which were not looked at."},
            "executions": {"type": "array", "items": {"oneOf": [
                object(json!({"id": text(), "status": of("Status")})),
                object(json!({"id": text(), "code": text(), "message": text()})),
            ]}},
        })),
        "ExecutionIds": closed(object(json!({
            "ids": {"type": "array", "items": text(), "minItems": 1, "maxItems": AT_ONCE_MAX},
        }))),
    })
}

/// Signing in, and the first run.
fn entrance() -> Value {
    let name = text_like(PRINTABLE, NAME_CHARS_MAX);
    json!({
        "SignedIn": object(json!({"user": of("User")})),
        "SignIn": closed(object(json!({"email": text(), "password": text()}))),
        "Setup": object(json!({"needed": flag()})),
        "SetUp": closed(object_with(
            json!({"token": text(), "email": text_like(EMAIL, EMAIL_CHARS_MAX), "password": password()}),
            json!({"first_name": maybe(name.clone()), "last_name": maybe(name.clone())}),
        )),
        "ChangePassword": closed(object(json!({"current_password": text(), "new_password": password()}))),
        "Session": object(json!({
            "user": {"oneOf": [of("User"), {"type": "null"}]},
            "key": {"oneOf": [object(json!({"id": text(), "name": text()})), {"type": "null"}]},
            "is_administrator": flag(),
            "workspace": of("Workspace"),
            "workflows": {"type": "array", "items": object(json!({
                "id": text(), "name": text(), "role_id": maybe_text(), "edit": flag(), "administer": flag(), "perform": texts(),
            }))},
        })),
    })
}

fn people() -> Value {
    let user = json!({
        "id": text(), "email": text(), "first_name": text(), "last_name": text(), "is_administrator": flag(),
    });
    let mut with_roles = user.clone();
    with_roles["roles"] = json!({"type": "object", "additionalProperties": text()});
    let scopes = json!({"type": "array", "items": {"enum": Scope::ALL.map(Scope::name)}});
    let key = json!({
        "id": text(), "name": text(), "scopes": scopes, "workflows": {"type": ["array", "null"], "items": text()},
        "expires_at": maybe_instant(), "has_expired": flag(), "last_used_at": maybe_instant(),
    });
    let invitation = json!({
        "id": text(), "email": text(), "is_new_password": flag(), "is_administrator": flag(),
        "roles": {"type": "object", "additionalProperties": text()}, "created_at": instant(), "expires_at": instant(),
        "has_expired": flag(),
    });
    let name = text_like(PRINTABLE, NAME_CHARS_MAX);
    let (mut new_key, mut new_link) = (key.clone(), invitation.clone());
    new_key["key"] = text();
    (new_link["link"], new_link["token"]) = (text(), text());
    json!({
        "User": object(user),
        "UserWithRoles": object(with_roles),
        "WorkflowUser": object(json!({
            "id": text(), "email": text(), "first_name": text(), "last_name": text(), "role_id": text(),
            "saml_user_id": maybe_text(),
        })),
        "ChangeUser": closed(object(json!({"is_administrator": flag()}))),
        "SetRole": closed(object(json!({"role_id": text()}))),
        "Key": object(key),
        "NewKey": object(new_key),
        "AddKey": closed(object_with(
            json!({"name": name}),
            json!({
                "scopes": {"oneOf": [scopes, {"type": "null"}]},
                "workflows": {"type": ["array", "null"], "items": text()},
                "expires_at": maybe_instant(),
            }),
        )),
        "Invitation": object(invitation),
        "NewInvitation": object(new_link),
        "Invite": closed(object_with(
            json!({"email": text_like(EMAIL, EMAIL_CHARS_MAX)}),
            json!({"is_administrator": flag(), "roles": {"type": "object", "additionalProperties": text()}}),
        )),
        "InvitationToken": closed(object(json!({"token": text()}))),
        "InvitationView": object(json!({"email": text(), "is_new_password": flag(), "expires_at": instant()})),
        "AcceptInvitation": closed(object_with(
            json!({"token": text(), "password": password()}),
            json!({"first_name": maybe(name.clone()), "last_name": maybe(name.clone())}),
        )),
        "AuditEntry": object(json!({
            "number": number(), "at": instant(), "performed_by": of("Performer"), "change": text(), "about": text(),
            "detail": {"type": "object"},
        })),
    })
}

fn operators() -> Value {
    json!({
        "Document": {"type": "object"},
        "Secret": object(json!({
            "name": text(), "source": maybe_text(),
            "used_by": {"type": "array", "items": object(json!({
                "workflow": text(), "action": maybe_text(), "step": maybe_text(),
            }))},
        })),
        "PutSecret": closed(object(json!({"value": {"type": "string", "minLength": SECRET_CHARS_MIN, "maxLength": SECRET_CHARS_MAX}}))),
        "Endpoint": object(json!({
            "endpoint": text(), "circuit": {"enum": Circuit::NAMES}, "failures": number(),
            "last_failure": {
                "description": "The last one since the server began, also where it is well since.",
                "type": ["object", "null"], "properties": {"message": text(), "ago_ms": number()}, "required": ["message", "ago_ms"],
            },
            "called_again_in_ms": {"type": ["integer", "null"]}, "calls": number(), "waiting": number(),
            "calls_max": number(), "waiting_max": number(),
            "rate_max": {"type": ["integer", "null"], "description": "Calls in a second; null without a limit."},
        })),
    })
}

fn maybe_number() -> Value {
    json!({"type": ["integer", "null"], "minimum": 0})
}

/// To what a problem or a finding is about.
fn path() -> Value {
    json!({
        "type": ["string", "null"],
        "description": "A JSON pointer into the document, such as `/actions/2/steps/0/url`; empty for the whole.",
    })
}

/// A workflow's definition in JSON: what the schema of workflow files says, with steps of any type, and without what a type
/// of TypeScript or Java could not say.
fn document() -> Value {
    let mut schema = definition::schema(&[]);
    let step = json!({
        "type": "object", "required": ["type"], "properties": {"type": text(), "name": text(), "id": text()},
        "additionalProperties": true, "description": "A step: its type, and the parameters of that.",
    });
    schema["properties"]["actions"]["items"]["properties"]["steps"]["items"] = step;
    for parts in ["fields", "stages", "actions"] {
        if let Value::Object(part) = &mut schema["properties"][parts]["items"] {
            part.retain(|key, _| !["allOf", "not"].contains(&key.as_str()));
        }
    }
    if let Value::Object(root) = &mut schema {
        root.retain(|key, _| !["$schema", "title"].contains(&key.as_str()));
    }
    allow_null(&mut schema);
    schema["description"] = json!(
        "A workflow's definition: the keys of its file, in JSON. A key whose value is null is as if it were not there. \
         What is answered says the id of every part, and every step's name, and has no nulls."
    );
    schema
}

/// What may be left out may be null, too.
fn allow_null(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(allow_null),
        Value::Object(table) => {
            table.values_mut().for_each(allow_null);
            let required = table.get("required").cloned().unwrap_or_default();
            let Some(Value::Object(properties)) = table.get_mut("properties") else { return };
            for (key, property) in properties {
                if !required.as_array().is_some_and(|keys| keys.iter().any(|it| it == key)) {
                    *property = json!({"anyOf": [property.take(), {"type": "null"}]});
                }
            }
        }
        _ => {}
    }
}

fn definitions() -> Value {
    let version =
        json!({"version": number(), "at": instant(), "by": {"oneOf": [of("Performer"), {"type": "null"}]}});
    let mut whole = version.clone();
    (whole["toml"], whole["document"]) = (text(), of("WorkflowDocument"));
    let named = json!({"type": "array", "items": object(json!({"id": text(), "name": text()}))});
    json!({
        "Definition": object_with(
            json!({
                "workflow": text(), "version": number(), "managed_by": {"enum": ["file", "store"]}, "toml": text(),
                "document": of("WorkflowDocument"),
            }),
            json!({"file": text(), "refused": text()}),
        ),
        "Problem": object(json!({
            "code": text(), "message": text(), "path": path(), "line": maybe_number(), "column": maybe_number(),
            "span": {"description": "Bytes of the text; null of a document.", "oneOf": [
                object(json!({"start": number(), "end": number()})), {"type": "null"},
            ]},
            "help": maybe_text(),
        })),
        "WorkflowDocument": document(),
        "Validation": object(json!({
            "valid": flag(),
            "problems": list_of("Problem"),
            "stranded": {"type": "array", "items": object(json!({
                "code": text(), "id": maybe_text(), "name": maybe_text(), "tasks": number(), "message": text(),
            }))},
            "findings": list_of("Finding"),
        })),
        "VersionNote": object(version),
        "Version": object(whole),
        "Parts": object(json!({
            "added": named, "removed": named, "reordered": flag(),
            "changed": {"type": "array", "items": object_with(
                json!({"id": text(), "name": text(), "keys": texts()}),
                json!({"steps": of("Parts")}),
            )},
        })),
        "Difference": object(json!({
            "from": number(), "to": number(), "workflow": texts(), "fields": of("Parts"), "stages": of("Parts"),
            "roles": of("Parts"), "actions": of("Parts"), "text": text(),
        })),
    })
}
