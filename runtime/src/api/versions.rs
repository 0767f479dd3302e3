//! The versions of a workflow: which there are, what each says, what differs, an old one brought back.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, Code,
    auth::Caller,
    definitions::{made_from, save, sound},
    error::ApiError,
    json as answer,
    need::Need,
    query,
    route::{Route, at, list_of, of, operation},
};
use crate::{
    definition,
    model::{Workflow, WorkflowId, difference::Difference, document::ShownPerformer},
    publish::{self, Saving},
    shown,
    store::{VERSIONS_PAGE_MAX, VersionNote},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/versions").get(
            list,
            operation("listVersions", Need::Administer, "A workflow's versions, newest first").answers(
                200,
                "The versions",
                list_of("VersionNote"),
            ),
        ),
        at("/workflows/{workflow}/versions/{version}").get(
            show,
            operation("readVersion", Need::Administer, "What a version says")
                .answers(200, "The version", of("Version"))
                .refuses(&[Code::NotPossibleNow]),
        ),
        at("/workflows/{workflow}/versions/{version}/diff").get(
            diff,
            operation("compareVersions", Need::Administer, "What became of another version in this one")
                .query(
                    "with",
                    json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
                    "The other one; without it the one before",
                )
                .answers(200, "What differs", of("Difference"))
                .refuses(&[Code::NotPossibleNow]),
        ),
        at("/workflows/{workflow}/versions/{version}/restore").post(
            restore,
            operation("restoreVersion", Need::Administer, "Saves an old version as the next one")
                .unless_archived()
                .made_from_a_version()
                .answers(200, "The definition", of("Definition"))
                .refuses(&[
                    Code::NotPossibleNow,
                    Code::InvalidDefinition,
                    Code::FileManaged,
                    Code::DataStranded,
                ]),
        ),
    ]
}

/// All of them, newest first.
async fn list(api: web::Data<Api>, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let id = WorkflowId::new(path.as_str());
    let (mut shown, mut before) = (Vec::new(), None);
    loop {
        let page = api.store().versions(id.clone(), before, VERSIONS_PAGE_MAX).await?;
        shown.extend(page.iter().map(shown_note));
        match page.last() {
            Some(last) if page.len() == VERSIONS_PAGE_MAX => before = Some(last.version),
            _ => break,
        }
    }
    answer(HttpResponse::Ok(), &shown)
}

fn shown_note(note: &VersionNote) -> Value {
    json!({"version": note.version, "at": note.at.to_string(), "by": note.by.as_ref().map(ShownPerformer)})
}

async fn show(api: web::Data<Api>, path: web::Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let (id, number) = in_path(&path)?;
    let workflow = version(&api, &id, number).await?;
    let notes = api.store().versions(id.clone(), number.checked_add(1), 1).await?;
    let note = notes.first().ok_or_else(|| not_found(&id, number))?;
    let mut shown = shown_note(note);
    shown["toml"] = json!(definition::write(&workflow));
    shown["document"] = json!(definition::document(&workflow));
    answer(HttpResponse::Ok(), &shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    /// Without it, the version before.
    with: Option<u32>,
}

/// What became of another version in this one.
async fn diff(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (id, number) = in_path(&path)?;
    let asked: With = query(&request)?;
    let with = asked.with.unwrap_or_else(|| number.saturating_sub(1));
    let (before, after) = (version(&api, &id, with).await?, version(&api, &id, number).await?);
    let mut body = shown::difference(&Difference::between(&before, &after));
    (body["from"], body["to"]) = (with.into(), number.into());
    let names = (format!("version {with}"), format!("version {number}"));
    body["text"] = shown::text_diff((&names.0, &before), (&names.1, &after)).into();
    answer(HttpResponse::Ok(), &body)
}

/// A new version that says what an old one said, if that is still sound.
async fn restore(
    api: web::Data<Api>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let (id, number) = in_path(&path)?;
    let after = made_from(&api, &request, &id).await?;
    let old = version(&api, &id, number).await?;
    let workflow = sound(publish::check_again(&old, &api.shared.step_types))?;
    let saving = Saving { by: caller.performer(), restores: Some(number) };
    save(&api, workflow, after, saving, &caller.workspace).await
}

/// The workflow and the version of a path.
fn in_path((workflow, version): &(String, String)) -> Result<(WorkflowId, u32), ApiError> {
    let id = WorkflowId::new(workflow.as_str());
    let number = version.parse().map_err(|_| not_found(&id, version))?;
    Ok((id, number))
}

fn not_found(id: &WorkflowId, version: impl std::fmt::Display) -> ApiError {
    let message = format!("the workflow `{id}` has no version {version}; GET …/versions lists them");
    ApiError::new(Code::VersionNotFound, message)
}

async fn version(api: &Api, id: &WorkflowId, version: u32) -> Result<Arc<Workflow>, ApiError> {
    match publish::stored(api.store(), id, version).await? {
        Some(Ok(workflow)) => Ok(workflow),
        Some(Err(why)) => {
            let message = format!("version {version} of `{id}` cannot be read on this server: {why}");
            Err(ApiError::new(Code::NotPossibleNow, message))
        }
        None => Err(not_found(id, version)),
    }
}
