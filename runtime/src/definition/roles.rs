//! Reads `[[roles]]`: the roles that a workflow has beside those that every workflow has, and what each allows.

use super::{
    ACTIONS_MAX, ROLES_MAX,
    read::{Taken, id},
    requires::unknown,
};
use crate::{
    model::{Action, ActionId, Role, id::slug},
    toml_file::{At, Problems, Table},
};

/// The actions that a role may perform, by the role's index, until the actions are read.
pub(super) struct Performed(Vec<(usize, Vec<At<String>>)>);

/// The roles that every workflow has, and those of this one.
pub(super) fn roles(root: &mut Table<'_>, problems: &mut Problems) -> (Vec<Role>, Performed) {
    let (mut roles, mut taken) = (Role::built_in().to_vec(), Taken::default());
    let mut performed = Vec::new();
    for mut table in root.tables("roles", "[[roles]]", ROLES_MAX, problems) {
        let name = table.required_text("name", problems);
        let id = id("id", &mut table, name.as_ref(), problems);
        let admin = table.flag("admin", false, problems);
        let (view, edit) = (table.flag("view", true, problems), table.flag("edit", true, problems));
        let perform = table.texts("perform", ACTIONS_MAX, problems);
        table.finish(problems);
        let Some(name) = name else { continue };
        let (built_in, by_name) = (Role::built_in(), slug(&name.value));
        match built_in.iter().find(|role| [&*id, &*by_name].contains(&role.id.as_str())) {
            Some(role) => {
                let message = format!("every workflow has the role “{}” already", role.name);
                let help = Some("leave it out, or give this one another name and id".to_owned());
                problems.add_with_help("reserved_name", name.span, message, help);
            }
            None => {
                taken.add("role", &name, &id, problems);
                performed.extend(perform.map(|names| (roles.len(), names.value)));
                roles.push(Role { admin, view, edit, ..Role::new(id, name.value) });
            }
        }
    }
    (roles, Performed(performed))
}

impl Performed {
    /// Now that it is known which actions there are.
    pub(super) fn resolve(self, roles: &mut [Role], actions: &[Action], problems: &mut Problems) {
        for (role, names) in self.0 {
            roles[role].perform =
                Some(names.iter().filter_map(|name| action(name, actions, problems)).collect());
        }
    }
}

fn action(name: &At<String>, actions: &[Action], problems: &mut Problems) -> Option<ActionId> {
    let found = actions.iter().find(|action| action.name == name.value);
    if found.is_none() {
        let names = actions.iter().map(|action| action.name.as_str());
        unknown("action", "unknown_action", name, names, problems);
    }
    found.map(|action| action.id.clone())
}
