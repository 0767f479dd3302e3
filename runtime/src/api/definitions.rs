//! A workflow's definition: read, checked, saved as the next version, imported. It comes as a TOML text or as a document,
//! and is answered as both.
//!
//! `If-Match` says from which version a new one was made, as `ETag` said it; so nobody overwrites what
//! somebody else has saved meanwhile.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, ETag, EntityTag},
    web,
};
use serde_json::json;

use super::{
    Api, Code,
    auth::Caller,
    body::{DefinitionBody, TOML_TYPE},
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, of, operation},
    workflows::managed_by,
};
use crate::{
    definition,
    model::{Workflow, WorkflowId, Workspace},
    publish::{self, Saving},
    shown,
    toml_file::Diagnostics,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/import").post(
            import,
            operation("importWorkflow", Need::Workspace, "Makes a workflow that the store manages")
                .takes_definition()
                .answers(201, "The definition", of("Definition"))
                .refuses(&[Code::InvalidDefinition, Code::WorkflowExists, Code::FileManaged]),
        ),
        at("/workflows/{workflow}/definition")
            .get(
                show,
                operation(
                    "readDefinition",
                    Need::Administer,
                    "A workflow's definition; with `Accept: application/toml` its text alone",
                )
                .answers(200, "The definition", of("Definition"))
                .or_as("application/toml"),
            )
            .put(
                put,
                operation("saveDefinition", Need::Administer, "Saves the next version")
                    .unless_archived()
                    .made_from_a_version()
                    .refuses(&[Code::InvalidDefinition, Code::FileManaged, Code::DataStranded])
                    .takes_definition()
                    .answers(200, "The definition", of("Definition")),
            ),
        at("/workflows/{workflow}/definition/validate").post(
            validate,
            operation(
                "validateDefinition",
                Need::Administer,
                "What is wrong with a definition, saving nothing",
            )
            .takes_definition()
            .answers(
                200,
                "Every problem; where there is none, what would be stranded and what may not be meant",
                of("Validation"),
            ),
        ),
    ]
}

async fn show(
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let accept = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    if accept.into_iter().any(|accept| accept.contains(TOML_TYPE)) {
        let mut response = HttpResponse::Ok();
        response.insert_header(tag(published.version)).insert_header((header::CONTENT_TYPE, TOML_TYPE));
        return Ok(response.body(definition::write(&published.workflow)));
    }
    shown(&caller.workspace, HttpResponse::Ok(), &published.workflow, published.version)
}

fn tag(version: u32) -> ETag {
    ETag(EntityTag::new_strong(version.to_string()))
}

pub(super) fn shown(
    workspace: &Workspace,
    mut response: HttpResponseBuilder,
    workflow: &Workflow,
    version: u32,
) -> Result<HttpResponse, ApiError> {
    let file = workspace.files.get(&workflow.id);
    let mut body = json!({
        "workflow": workflow.id.as_str(),
        "version": version,
        "managed_by": managed_by(file),
        "toml": definition::write(workflow),
        "document": definition::document(workflow),
    });
    if let Some(note) = file {
        body["file"] = json!(note.file);
        if let Some(why) = &note.refused {
            body["refused"] = json!(why);
        }
    }
    response.insert_header(tag(version));
    answer(response, &body)
}

async fn import(api: web::Data<Api>, caller: Caller, body: DefinitionBody) -> Result<HttpResponse, ApiError> {
    let workflow =
        sound(publish::check(&body.0, None, &api.shared.step_types, &published_in(&caller.workspace)))?;
    let (shared, by) = (Arc::clone(&api.shared), caller.performer());
    let (workflow, version) = to_the_end(async move {
        let version =
            publish::import(&workflow, by, &*shared.store, &shared.clock, &shared.workspace).await?;
        shared.refresh().await?;
        Ok((workflow, version))
    })
    .await?;
    shown(&caller.workspace, HttpResponse::Created(), &workflow, version)
}

async fn put(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    body: DefinitionBody,
) -> Result<HttpResponse, ApiError> {
    let id = WorkflowId::new(path.as_str());
    let after = made_from(&api, &request, &id).await?;
    // The very version after which it is saved, which says what stays the same: the snapshot may have another one.
    let before = publish::version(api.store(), api.workspace(), &id, after).await?;
    let others = published_in(&caller.workspace);
    let latest = |it: &WorkflowId| if *it == id { before.clone() } else { others(it) };
    let workflow = sound(publish::check(&body.0, Some(&id), &api.shared.step_types, &latest))?;
    let saving = Saving { by: caller.performer(), restores: None };
    save(&api, workflow, after, saving, &caller.workspace).await
}

/// Saves a workflow's next version, and answers it.
pub(super) async fn save(
    api: &Api,
    workflow: Workflow,
    after: u32,
    saving: Saving,
    workspace: &Workspace,
) -> Result<HttpResponse, ApiError> {
    let shared = Arc::clone(&api.shared);
    let (workflow, version) = to_the_end(async move {
        let version =
            publish::save(&workflow, after, saving, &*shared.store, &shared.clock, &shared.workspace).await?;
        shared.refresh().await?;
        Ok((workflow, version))
    })
    .await?;
    shown(workspace, HttpResponse::Ok(), &workflow, version)
}

/// Does something to its end, though the client hangs up meanwhile: what is saved is taken up, too.
async fn to_the_end<T: 'static>(
    work: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    actix_web::rt::spawn(work).await.map_err(ApiError::internal)?
}

async fn validate(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: DefinitionBody,
) -> Result<HttpResponse, ApiError> {
    let id = WorkflowId::new(path.as_str());
    let workspace = &caller.workspace;
    let workflow = match publish::check(&body.0, Some(&id), &api.shared.step_types, &published_in(workspace))
    {
        Ok(workflow) => workflow,
        Err(report) => {
            let problems = shown::problems(&report);
            let said = json!({"valid": false, "problems": problems, "stranded": [], "findings": []});
            return answer(HttpResponse::Ok(), &said);
        }
    };
    let stranded = match workspace.workflow(id.as_str()) {
        Some(before) => {
            publish::stranded(&before.workflow, &workflow, api.store(), &workspace.directory).await?
        }
        None => Vec::new(),
    };
    let findings = api.shared.findings(&workflow);
    answer(
        HttpResponse::Ok(),
        &json!({
            "valid": true,
            "problems": [],
            "stranded": stranded.iter().map(shown::stranded).collect::<Vec<_>>(),
            "findings": findings.iter().map(|it| shown::finding(it, Some(&workflow))).collect::<Vec<_>>(),
        }),
    )
}

/// The published version of each workflow.
pub(super) fn published_in(workspace: &Workspace) -> impl Fn(&WorkflowId) -> Option<Arc<Workflow>> {
    |id| workspace.workflow(id.as_str()).map(|it| Arc::clone(&it.workflow))
}

/// What was read, or a refusal with every problem in it.
pub(super) fn sound(read: Result<Workflow, Diagnostics>) -> Result<Workflow, ApiError> {
    read.map_err(|report| {
        ApiError::new(Code::InvalidDefinition, report.to_string()).with("problems", shown::problems(&report))
    })
}

/// The version that a new one was made from: `If-Match: "3"`, or `*` for whichever is the latest.
pub(super) async fn made_from(api: &Api, request: &HttpRequest, id: &WorkflowId) -> Result<u32, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else {
        let message = "say from which version this one was made, as GET …/definition has it in `ETag`: send the \
                       header `If-Match: \"3\"`";
        return Err(ApiError::new(Code::VersionRequired, message));
    };
    match value.to_str().unwrap_or_default().trim() {
        "*" => {
            let latest = api.store().versions(id.clone(), None, 1).await?;
            Ok(latest.first().map_or(0, |latest| latest.version))
        }
        tag => {
            let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            number.and_then(|number| number.parse().ok()).ok_or_else(|| {
                let message =
                    format!("`If-Match` must be a version between quotes, such as \"3\", or *, not {tag}");
                ApiError::new(Code::InvalidParameter, message)
            })
        }
    }
}
