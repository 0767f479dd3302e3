//! Reads `requires`, an action's requirements: fields, checklist, assignee, roles, custom conditions.

use super::{CONDITIONS_MAX, FIELDS_MAX, ROLES_MAX, condition, read::Known};
use crate::{
    model::{
        FieldId, RoleId,
        requirement::Requirements,
        text::suggestion,
        workflow::{ASSIGNED_TO, RESERVED_NAMES},
    },
    toml_file::{At, Problems, Table},
};

pub(super) fn requirements(
    table: &mut Table<'_>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Requirements {
    let Some(mut table) = table.table("requires", problems) else { return Requirements::default() };
    let fields = fields(&mut table, known, problems);
    let checklist = table.flag("checklist", false, problems);
    let assigned = table.flag("assigned", false, problems);
    let roles = roles(&mut table, known, problems);
    let conditions = table.tables("conditions", "[[actions.requires.conditions]]", CONDITIONS_MAX, problems);
    let conditions =
        conditions.into_iter().filter_map(|table| condition::condition(table, known, problems)).collect();
    table.finish(problems);
    Requirements { fields, checklist, assigned, roles, conditions }
}

fn fields(table: &mut Table<'_>, known: &Known<'_>, problems: &mut Problems) -> Vec<FieldId> {
    let mut required = Vec::new();
    for name in table.texts("fields", FIELDS_MAX, problems).map(|names| names.value).unwrap_or_default() {
        match known.fields.iter().find(|field| field.name == name.value) {
            Some(field) => required.push(field.id.clone()),
            None if RESERVED_NAMES.contains(&name.value.as_str()) => {
                let message = format!("“{}” is no field", name.value);
                let help = match name.value.as_str() {
                    ASSIGNED_TO => "write assigned = true beside `fields`",
                    _ => "leave it out: every task has it",
                };
                problems.add_with_help("unknown_field", name.span, message, Some(help.to_owned()));
            }
            None => {
                let names = known.fields.iter().map(|field| field.name.as_str());
                unknown("field", "unknown_field", &name, names, problems);
            }
        }
    }
    required
}

fn roles(table: &mut Table<'_>, known: &Known<'_>, problems: &mut Problems) -> Vec<RoleId> {
    if table.place("roles").is_none() {
        // So that it counts as a key of this table.
        let _ = table.texts("roles", ROLES_MAX, problems);
        return Vec::new();
    }
    let empty = "`roles` must name at least one role; without the key anybody may perform the action";
    let names = table.needed_texts("roles", ROLES_MAX, ["", empty], problems);
    let mut roles = Vec::new();
    for name in names {
        match known.roles.iter().find(|role| role.name == name.value) {
            Some(role) if roles.contains(&role.id) => {
                problems.add("duplicate_name", name.span, format!("“{}” is here a second time", role.name));
            }
            Some(role) => roles.push(role.id.clone()),
            None => {
                let names = known.roles.iter().map(|role| role.name.as_str());
                unknown("role", "unknown_role", &name, names, problems);
            }
        }
    }
    roles
}

/// Notes a name that nothing has.
pub(super) fn unknown<'n>(
    what: &str,
    code: &'static str,
    name: &At<String>,
    known: impl Iterator<Item = &'n str> + Clone,
    problems: &mut Problems,
) {
    let help = suggestion(&name.value, known);
    problems.add_with_help(
        code,
        name.span.clone(),
        format!("there is no {what} “{}”", name.value),
        Some(help),
    );
}
