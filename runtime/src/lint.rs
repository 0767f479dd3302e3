//! What is sound in a workflow and yet may not be meant: findings, each with a reason and a remedy. Nothing is refused
//! because of them.

use std::{collections::HashSet, fmt};

use crate::{
    model::{
        Action, ActionId, Right, RoleId, Secrets, StageId, StepDefinition, StepId, Workflow,
        execution::Effects,
        secret::{self},
        workflow::OnFailure,
    },
    step::{StepTypes, category},
};

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable, for programs.
    pub code: &'static str,
    /// The action's name, and the step's, where it is about one.
    pub action: Option<String>,
    pub step: Option<String>,
    pub part: Part,
    /// What may happen.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  = help: {}", self.title(), self.remedy)
    }
}

impl Finding {
    fn title(&self) -> String {
        let about = match (&self.step, &self.action) {
            (Some(step), Some(action)) => format!("“{step}” in “{action}”: "),
            (None, Some(action)) => format!("“{action}”: "),
            _ => String::new(),
        };
        format!("warning[{}]: {about}{}", self.code, self.reason)
    }

    /// With the place in a file: its name, line and column.
    pub fn at(&self, file: &str, (line, column): (usize, usize)) -> String {
        format!("{}\n --> {file}:{line}:{column}\n  = help: {}", self.title(), self.remedy)
    }
}

/// The part of a workflow that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Whole,
    Stage(StageId),
    Action(ActionId),
    Step(ActionId, StepId),
    Alerts,
}

/// What a step type says of one of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFinding {
    pub code: &'static str,
    pub reason: String,
    pub remedy: String,
}

/// What a workflow's text does not tell; `None` where nobody knows.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    pub secrets: Option<&'a Secrets>,
    /// Roles that some user has who has not left.
    pub held_roles: Option<HashSet<RoleId>>,
}

/// Every finding of a workflow, in the order of its parts.
pub fn lint(workflow: &Workflow, types: &StepTypes, facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reached = reached(workflow, types);
    for stage in workflow.stages.iter().filter(|stage| !reached.contains(&stage.id)) {
        findings.push(Finding {
            code: "unreachable_stage",
            action: None,
            step: None,
            part: Part::Stage(stage.id.clone()),
            reason: format!("no step moves a task to the stage “{}”, and no task begins there", stage.name),
            remedy:
                "let an action move tasks there, or remove the stage; a receiver or a program may set it, too"
                    .to_owned(),
        });
    }
    for action in &workflow.actions {
        findings.extend(nobody(action, workflow, &reached, facts));
        findings.extend(nothing_to_check(action, workflow));
        findings.extend(call_after_move(action, types));
        findings.extend(change_after_delete(action, types));
        for step in &action.steps {
            let found = types.get(&step.type_id).map(|step_type| step_type.lint(step)).unwrap_or_default();
            findings.extend(
                found.into_iter().map(|StepFinding { code, reason, remedy }| {
                    about(action, Some(step), code, reason, remedy)
                }),
            );
        }
    }
    let missing = |name: &str| facts.secrets.is_some_and(|secrets| secrets.get(name).is_none());
    for used in secret::uses(workflow).into_iter().filter(|used| missing(&used.secret)) {
        findings.push(Finding {
            code: "missing_secret",
            reason: match &used.step {
                Some(_) => format!("there is no secret {}; the step will fail", used.secret),
                None => format!("there is no secret {}; the alerts' webhook is not told", used.secret),
            },
            remedy: format!("onward secret set {}", used.secret),
            part: used
                .step
                .as_ref()
                .map_or(Part::Alerts, |(action, step)| part_named(workflow, action, step)),
            action: used.step.as_ref().map(|(action, _)| action.clone()),
            step: used.step.map(|(_, step)| step),
        });
    }
    findings
}

fn about(
    action: &Action,
    step: Option<&StepDefinition>,
    code: &'static str,
    reason: String,
    remedy: String,
) -> Finding {
    let part = match step {
        Some(step) => Part::Step(action.id.clone(), step.id.clone()),
        None => Part::Action(action.id.clone()),
    };
    let step = step.map(|step| step.name.clone());
    Finding { code, action: Some(action.name.clone()), step, part, reason, remedy }
}

fn part_named(workflow: &Workflow, action: &str, step: &str) -> Part {
    let Some(action) = workflow.actions.iter().find(|it| it.name == action) else { return Part::Whole };
    let step = action.steps.iter().find(|it| it.name == step);
    step.map_or_else(
        || Part::Action(action.id.clone()),
        |step| Part::Step(action.id.clone(), step.id.clone()),
    )
}

/// Stages in which a task may be: the first, and those to which some step moves it.
fn reached(workflow: &Workflow, types: &StepTypes) -> HashSet<StageId> {
    let steps = workflow.actions.iter().flat_map(|action| &action.steps);
    let named = steps.filter_map(|step| types.get(&step.type_id)?.moves_to(step));
    let moved = named.filter_map(|name| workflow.stage_named(&name));
    moved.chain([workflow.first_stage()]).map(|stage| stage.id.clone()).collect()
}

fn nobody(
    action: &Action,
    workflow: &Workflow,
    reached: &HashSet<StageId>,
    facts: &Facts<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !action.from.iter().any(|stage| reached.contains(stage)) {
        findings.push(about(
            action,
            None,
            "unreachable_action",
            "it is offered only in stages to which no step moves a task".to_owned(),
            "add a stage to `from`, or let an action move tasks to one of these".to_owned(),
        ));
    }
    let roles = &action.requires.roles;
    let may =
        |role: &&RoleId| workflow.role(role).is_some_and(|role| role.allows(Right::Perform(&action.id)));
    let able: Vec<_> = roles.iter().filter(may).collect();
    if !roles.is_empty() && able.is_empty() {
        findings.push(about(
            action,
            None,
            "nobody_may_perform",
            "it requires a role that may not perform it".to_owned(),
            "add the action to the role's `perform`, or let another role perform it".to_owned(),
        ));
    } else if let Some(held) = &facts.held_roles
        && !roles.is_empty()
        && !able.iter().any(|role| held.contains(*role))
    {
        let names: Vec<_> =
            able.iter().map(|id| workflow.role(id).map_or(id.as_str(), |role| &role.name)).collect();
        findings.push(about(
            action,
            None,
            "nobody_may_perform",
            format!("nobody has the role {}", names.join(" or ")),
            format!("onward user role EMAIL --workflow {} --role \"{}\"", workflow.id, names[0]),
        ));
    }
    findings
}

/// An empty checklist is completed.
fn nothing_to_check(action: &Action, workflow: &Workflow) -> Option<Finding> {
    let has_items = |stage: &StageId| workflow.stage(stage).is_some_and(|stage| !stage.checklist.is_empty());
    if !action.requires.checklist || action.from.iter().any(has_items) {
        return None;
    }
    Some(about(
        action,
        None,
        "nothing_to_check",
        "it requires the checklist, and no stage in which it is offered has one: it holds up only tasks to which \
         somebody has added items"
            .to_owned(),
        "write checklist = [\"…\"] in the stage, or leave requires.checklist out".to_owned(),
    ))
}

/// A task has moved though the call after it failed.
fn call_after_move(action: &Action, types: &StepTypes) -> Vec<Finding> {
    let mut moved = None;
    let mut findings = Vec::new();
    for step in &action.steps {
        let Some(step_type) = types.get(&step.type_id) else { continue };
        if let (Some(stage), Effects::External, OnFailure::Keep) =
            (&moved, step_type.effects(), action.on_failure)
        {
            findings.push(about(
                action,
                Some(step),
                "call_after_move",
                format!("the task is in “{stage}” already when this step runs, and stays there if it fails"),
                "put the move behind the call, or write on_failure = \"revert\"".to_owned(),
            ));
            // Once is enough.
            return findings;
        }
        moved = step_type.moves_to(step).or(moved);
    }
    findings
}

/// A change of a task that the same action has deleted.
fn change_after_delete(action: &Action, types: &StepTypes) -> Vec<Finding> {
    let steps = action.steps.iter().filter_map(|step| Some((step, types.get(&step.type_id)?)));
    let after = steps.skip_while(|(_, step_type)| !step_type.deletes_task()).skip(1);
    let changes = after.filter(|(_, step_type)| step_type.description().category == category::TASK);
    let finding = |(step, _)| {
        about(
            action,
            Some(step),
            "change_after_delete",
            "the task is deleted when this step runs, which changes nothing then".to_owned(),
            "put the step before the one that deletes the task, or leave it out".to_owned(),
        )
    };
    changes.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        egress::Guard,
        model::{ActionId, ItemId, Role, checklist::TemplateItem, sample},
    };

    fn found(workflow: &Workflow, facts: &Facts<'_>) -> Vec<String> {
        let types = StepTypes::built_in(&Guard::default());
        lint(workflow, &types, facts).iter().map(|finding| finding.to_string()).collect()
    }

    /// The sample with these parameters of its steps.
    fn workflow(moved: Value, call: Value) -> Workflow {
        let mut workflow = sample::workflow();
        let object = |value: Value| value.as_object().expect("an object").clone();
        workflow.actions[0].steps[0].params = object(json!({"stage": "In Progress"}));
        workflow.actions[1].steps[0].params = object(moved);
        workflow.actions[1].steps[1].params = object(call);
        workflow
    }

    fn sound() -> Workflow {
        let mut workflow = workflow(json!({"stage": "Completed"}), json!({"url": "https://a.example/"}));
        workflow.actions[1].steps.reverse();
        workflow
    }

    #[test]
    fn a_workflow_that_does_what_it_seems_to_has_no_findings() {
        let held_roles = Some(HashSet::new());
        assert_eq!(found(&sound(), &Facts { secrets: Some(&Secrets::default()), held_roles }), [""; 0]);
    }

    #[test]
    fn a_call_after_a_move_is_found_unless_the_move_is_taken_back() {
        let mut workflow = workflow(json!({"stage": "Completed"}), json!({"url": "https://a.example/"}));
        assert_eq!(
            found(&workflow, &Facts::default()),
            [
                "warning[call_after_move]: “call” in “Finish”: the task is in “Completed” already when this step runs, and \
              stays there if it fails\n  = help: put the move behind the call, or write on_failure = \"revert\""
            ]
        );
        workflow.actions[1].on_failure = OnFailure::Revert;
        assert_eq!(found(&workflow, &Facts::default()), [""; 0]);
    }

    #[test]
    fn what_is_not_sent_of_a_url_is_found() {
        for (url, expected) in [("https://a.example/#top", 1), ("https://a.example/{{Company #}}", 0)] {
            let mut workflow = sound();
            let call = json!({"url": url});
            workflow.actions[1].steps[0].params = call.as_object().expect("an object").clone();
            let found = found(&workflow, &Facts::default());
            assert_eq!(found.len(), expected, "{found:?}");
            assert!(
                found.iter().all(|found| found.starts_with("warning[fragment_not_sent]: “call” in “Finish”"))
            );
        }
    }

    #[test]
    fn a_change_of_a_task_that_is_deleted_already_is_found() {
        let mut workflow = sound();
        let step = |type_id: &str, params: Value| StepDefinition {
            id: StepId::new(type_id),
            name: type_id.to_owned(),
            type_id: type_id.into(),
            params: params.as_object().expect("an object").clone(),
        };
        let (delete, update) = (step("delete_task", json!({})), step("update_data", json!({"fields": {}})));
        workflow.actions[1].steps.extend([update.clone(), delete.clone()]);
        assert_eq!(found(&workflow, &Facts::default()), [""; 0]);
        let call = step("api_call", json!({"url": "https://a.example/"}));
        workflow.actions[1].steps.extend([
            call,
            update,
            step("move_to_stage", json!({"stage": "Completed"})),
            delete,
        ]);
        let said = found(&workflow, &Facts::default());
        let said: Vec<_> = said.iter().filter(|said| !said.contains("call_after_move")).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with(
            "warning[change_after_delete]: “update_data” in “Finish”: the task is deleted when this step runs"
        ));
        assert!(said[1].contains("“move_to_stage”") && said[2].contains("“delete_task”"), "{said:?}");
    }

    #[test]
    fn what_nobody_reaches_or_may_perform_is_found() {
        let mut workflow = sound();
        workflow.actions[0].steps.clear();
        workflow.actions[1].requires.roles = vec![RoleId::new("administrator")];
        let facts = Facts { held_roles: Some([RoleId::new("collaborator")].into()), ..Facts::default() };
        let found = found(&workflow, &facts);
        let starts = [
            "warning[unreachable_stage]: no step moves a task to the stage “In Progress”",
            "warning[unreachable_action]: “Finish”: it is offered only in stages to which no step moves a task",
            "warning[nobody_may_perform]: “Finish”: nobody has the role Administrator",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn a_role_that_is_required_and_may_not_perform_is_found() {
        let mut workflow = sound();
        let viewer = |perform: &[&str]| Role {
            perform: Some(perform.iter().map(|id| ActionId::new(*id)).collect()),
            ..Role::new("viewer", "Viewer")
        };
        workflow.actions[1].requires.roles = vec![RoleId::new("viewer")];
        workflow.roles.push(viewer(&[]));
        let facts = || Facts { held_roles: Some([RoleId::new("viewer")].into()), ..Facts::default() };
        let said = found(&workflow, &facts());
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("it requires a role that may not perform it"), "{said:?}");
        *workflow.roles.last_mut().expect("the role") = viewer(&["finish"]);
        assert_eq!(found(&workflow, &facts()), [""; 0]);
        // Somebody who has another of the roles, which may not, is nobody.
        workflow.actions[1].requires.roles.push(RoleId::new("guest"));
        workflow.roles.push(Role { perform: Some(vec![]), ..Role::new("guest", "Guest") });
        let held_roles = Some([RoleId::new("guest")].into());
        let said = found(&workflow, &Facts { held_roles, ..Facts::default() });
        assert!(said[0].contains("nobody has the role Viewer"), "{said:?}");
    }

    #[test]
    fn a_checklist_that_is_required_and_empty_is_found() {
        let mut workflow = sound();
        workflow.actions[1].requires.checklist = true;
        let said = found(&workflow, &Facts::default());
        assert!(
            said.len() == 1
                && said[0].starts_with("warning[nothing_to_check]: “Finish”: it requires the checklist")
        );
        let call = TemplateItem { id: ItemId::new("call"), title: "Call".to_owned() };
        workflow.stages[1].checklist.push(call);
        assert_eq!(found(&workflow, &Facts::default()), [""; 0]);
    }

    #[test]
    fn secrets_that_are_missing_or_stand_in_plain_text_are_found() {
        let call = json!({
            "url": "https://a.example/?api_key=123456&page=1",
            "headers": {"Authorization": "Bearer abcdef", "X-Token": "{{secrets.TOKEN}}", "X-Page": "1"},
        });
        let mut workflow = sound();
        workflow.actions[1].steps[0].params = call.as_object().expect("an object").clone();
        let secrets = Secrets::from(BTreeMap::new());
        let facts = Facts { secrets: Some(&secrets), ..Facts::default() };
        let found = found(&workflow, &facts);
        let starts = [
            "warning[plain_credential]: “call” in “Finish”: the header `Authorization` seems to have a credential in plain",
            "warning[plain_credential]: “call” in “Finish”: `api_key` in the URL seems to be a credential in plain text",
            "warning[missing_secret]: “call” in “Finish”: there is no secret TOKEN; the step will fail",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn retries_are_found_unless_the_receiver_is_said_to_know_repetitions() {
        for (retry, expected) in [
            (json!({"tries": 3}), 1),
            (json!({"tries": 3, "deduplicated": true}), 0),
            (json!({"tries": 3, "deduplicated": false}), 1),
        ] {
            let mut workflow = sound();
            let call = json!({"url": "https://a.example/", "retry": retry});
            workflow.actions[1].steps[0].params = call.as_object().expect("an object").clone();
            let found = found(&workflow, &Facts::default());
            assert_eq!(found.len(), expected, "{found:?}");
            assert!(found.iter().all(|found| found.starts_with("warning[may_repeat]: “call” in “Finish”: ")));
        }
    }
}
