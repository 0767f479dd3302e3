//! What differs between two versions of a workflow, by ids: what was added, removed, changed.

use super::workflow::{Action, StepDefinition, Workflow};

/// From one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What of the workflow itself: `name`, `alerts`.
    pub workflow: Vec<&'static str>,
    pub fields: Parts,
    pub stages: Parts,
    pub roles: Parts,
    pub actions: Parts,
}

/// Of one kind of part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    pub added: Vec<Named>,
    pub removed: Vec<Named>,
    pub changed: Vec<Changed>,
    /// Whether those that both versions have come in another order.
    pub reordered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// As it is called in the later version.
    pub part: Named,
    /// The keys that say something else.
    pub keys: Vec<&'static str>,
    /// The steps, if it is an action.
    pub steps: Parts,
}

impl Difference {
    pub fn between(before: &Workflow, after: &Workflow) -> Self {
        Self {
            workflow: keys([("name", before.name != after.name), ("alerts", before.alerts != after.alerts)]),
            fields: Parts::between(
                &before.fields,
                &after.fields,
                |field| Named::new(field.id.as_str(), &field.name),
                |a, b| {
                    let keys = keys([
                        ("name", a.name != b.name),
                        ("type", a.kind != b.kind),
                        ("required", a.required != b.required),
                        ("editable", a.editable != b.editable),
                    ]);
                    (keys, Parts::default())
                },
            ),
            stages: Parts::between(
                &before.stages,
                &after.stages,
                |stage| Named::new(stage.id.as_str(), &stage.name),
                |a, b| {
                    let keys = keys([
                        ("name", a.name != b.name),
                        ("color", a.color != b.color),
                        ("end", a.end != b.end),
                        ("checklist", a.checklist != b.checklist),
                        ("position", a.position != b.position),
                    ]);
                    (keys, Parts::default())
                },
            ),
            roles: Parts::between(
                &before.roles,
                &after.roles,
                |role| Named::new(role.id.as_str(), &role.name),
                |a, b| {
                    let keys = keys([
                        ("name", a.name != b.name),
                        ("admin", a.admin != b.admin),
                        ("view", a.view != b.view),
                        ("edit", a.edit != b.edit),
                        ("perform", a.perform != b.perform),
                    ]);
                    (keys, Parts::default())
                },
            ),
            actions: Parts::between(
                &before.actions,
                &after.actions,
                |action| Named::new(action.id.as_str(), &action.name),
                action_changes,
            ),
        }
    }
}

fn action_changes(a: &Action, b: &Action) -> (Vec<&'static str>, Parts) {
    let keys = keys([
        ("name", a.name != b.name),
        ("color", a.color != b.color),
        ("from", a.from != b.from),
        ("requires", a.requires != b.requires),
        ("on_failure", a.on_failure != b.on_failure),
        ("confirm", a.confirm != b.confirm),
        ("after", a.after != b.after),
        ("celebrate", a.celebrate != b.celebrate),
        ("position", a.position != b.position),
    ]);
    let name = |step: &StepDefinition| Named::new(step.id.as_str(), &step.name);
    (keys, Parts::between(&a.steps, &b.steps, name, |a, b| (step_changes(a, b), Parts::default())))
}

fn step_changes(a: &StepDefinition, b: &StepDefinition) -> Vec<&'static str> {
    keys([("name", a.name != b.name), ("type", a.type_id != b.type_id), ("params", a.params != b.params)])
}

/// The keys that differ.
fn keys<const N: usize>(differs: [(&'static str, bool); N]) -> Vec<&'static str> {
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

impl Named {
    fn new(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned() }
    }
}

impl Parts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `changes`: which keys of a part that both have differ, and which of its own parts.
    fn between<T>(
        before: &[T],
        after: &[T],
        named: impl Fn(&T) -> Named,
        changes: impl Fn(&T, &T) -> (Vec<&'static str>, Self),
    ) -> Self {
        let find = |parts: &[T], id: &str| parts.iter().position(|part| named(part).id == id);
        let is_removed = |part: &T| find(after, &named(part).id).is_none();
        let removed = before.iter().filter(|part| is_removed(part)).map(&named).collect();
        let mut found = Self { removed, ..Self::default() };
        let mut last = None;
        for part in after {
            let name = named(part);
            let Some(at) = find(before, &name.id) else {
                found.added.push(name);
                continue;
            };
            found.reordered |= last.is_some_and(|last| at < last);
            last = Some(at);
            let (keys, steps) = changes(&before[at], part);
            if !keys.is_empty() || !steps.is_empty() {
                found.changed.push(Changed { part: name, keys, steps });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{sample, workflow::OnFailure};

    fn named(id: &str, name: &str) -> Named {
        Named::new(id, name)
    }

    #[test]
    fn a_version_does_not_differ_from_itself() {
        let nothing = Difference::between(&sample::workflow(), &sample::workflow());
        assert_eq!(nothing.workflow, [""; 0]);
        for parts in [nothing.fields, nothing.stages, nothing.roles, nothing.actions] {
            assert!(parts.is_empty(), "{parts:?}");
        }
    }

    #[test]
    fn parts_are_told_apart_by_their_ids() {
        let (before, mut after) = (sample::workflow(), sample::workflow());
        after.name = "Another".to_owned();
        after.fields[0].name = "Number".to_owned();
        after.fields[0].required ^= true;
        let gone = after.stages.remove(0);
        after.stages.swap(0, 1);
        after.stages.push(crate::model::Stage { id: crate::model::StageId::new("new"), ..gone.clone() });
        after.actions[0].on_failure = OnFailure::Revert;
        let step = after.actions[1].steps.remove(0);
        after.actions[1].steps[0].params.insert("more".to_owned(), true.into());
        let found = Difference::between(&before, &after);
        assert_eq!(found.workflow, ["name"]);
        let (id, steps) = (before.fields[0].id.as_str(), Parts::default());
        let field = Changed { part: named(id, "Number"), keys: vec!["name", "required"], steps };
        assert_eq!(found.fields, Parts { changed: vec![field], ..Parts::default() });
        let (added, removed) = (vec![named("new", &gone.name)], vec![named(gone.id.as_str(), &gone.name)]);
        assert_eq!(found.stages, Parts { added, removed, changed: Vec::new(), reordered: true });
        let [first, second] = &found.actions.changed[..] else { panic!("{:?}", found.actions) };
        assert_eq!((&first.keys, first.steps.is_empty()), (&vec!["on_failure"], true));
        assert_eq!(second.keys, [""; 0]);
        assert_eq!(second.steps.removed, [named(step.id.as_str(), &step.name)]);
        assert_eq!(second.steps.changed[0].keys, ["params"]);
        assert!(found.roles.is_empty() && !found.actions.reordered);
    }
}
