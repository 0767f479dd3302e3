//! What the API and the command line show alike, as JSON: problems of definitions, differences, what would be stranded.

use serde_json::{Value, json};
use similar::TextDiff;

use crate::{
    definition,
    lint::Finding,
    model::{
        Workflow,
        difference::{Difference, Named, Parts},
        stranding::Stranded,
    },
    toml_file::{Diagnostic, Diagnostics},
};

/// Every problem of a definition, with its place: in a text that somebody wrote, and in the document.
pub fn problems(report: &Diagnostics) -> Value {
    let problem = |(problem, path): (&Diagnostic, Option<String>)| {
        let mut shown = json!({
            "code": problem.code,
            "message": problem.message,
            "path": path,
            "line": null,
            "column": null,
            "span": null,
            "help": problem.help,
        });
        if !report.is_of_document() {
            let (line, column) = report.place(problem);
            (shown["line"], shown["column"]) = (line.into(), column.into());
            shown["span"] = json!({"start": problem.span.start, "end": problem.span.end});
        }
        shown
    };
    report.with_paths().into_iter().map(problem).collect()
}

/// Of this workflow, if it is of one.
pub fn finding(finding: &Finding, workflow: Option<&Workflow>) -> Value {
    json!({
        "code": finding.code,
        "action": finding.action,
        "step": finding.step,
        "path": workflow.and_then(|workflow| definition::path(workflow, &finding.part)),
        "reason": finding.reason,
        "remedy": finding.remedy,
    })
}

pub fn stranded(it: &Stranded) -> Value {
    json!({
        "code": it.why.code(),
        "id": it.id,
        "name": it.name,
        "tasks": it.tasks,
        "message": it.to_string(),
    })
}

/// What one version became in another, part by part.
pub fn difference(difference: &Difference) -> Value {
    let Difference { workflow, fields, stages, roles, actions } = difference;
    json!({
        "workflow": workflow,
        "fields": parts(fields),
        "stages": parts(stages),
        "roles": parts(roles),
        "actions": parts(actions),
    })
}

fn parts(of: &Parts) -> Value {
    let named = |part: &Named| json!({"id": part.id, "name": part.name});
    let changed = of.changed.iter().map(|changed| {
        let mut shown = named(&changed.part);
        shown["keys"] = json!(changed.keys);
        if !changed.steps.is_empty() {
            shown["steps"] = parts(&changed.steps);
        }
        shown
    });
    json!({
        "added": of.added.iter().map(named).collect::<Vec<_>>(),
        "removed": of.removed.iter().map(named).collect::<Vec<_>>(),
        "changed": changed.collect::<Vec<_>>(),
        "reordered": of.reordered,
    })
}

/// The two as canonical texts, each with its name, and the lines in which they differ.
pub fn text_diff(before: (&str, &Workflow), after: (&str, &Workflow)) -> String {
    let (old, new) = (definition::write(before.1), definition::write(after.1));
    TextDiff::from_lines(&old, &new).unified_diff().header(before.0, after.0).to_string()
}
