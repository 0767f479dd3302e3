//! The bytes of files. Which task has which is told by the tasks themselves.

use actix_web::{HttpResponse, http::header, web};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    need::Need,
    route::{Route, at, operation},
};
use crate::model::BlobId;

/// What somebody has uploaded must not run as a page of this server, whatever it says it is: it is saved
/// and not shown, its type is not guessed, and shown all the same it may do nothing.
const HARMLESS: [(header::HeaderName, &str); 3] = [
    (header::CONTENT_DISPOSITION, "attachment"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
];

pub(super) fn routes() -> Vec<Route> {
    vec![at("/files/{blob}").get(
        read,
        operation("readFile", Need::ViewFile, "The bytes of a file").answers_as("*/*", "The bytes"),
    )]
}

/// A file is the workflow's in which a task has it, or had it, as the task's history shows, and not when the task is
/// deleted; whoever may not view one of those does not hear whether it is there. It belongs to nobody before that: its bytes come with the task that has it.
async fn read(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let address = path.into_inner();
    let blob = match address.parse::<BlobId>() {
        Ok(id) if is_seen(&api, id, &caller).await? => api.store().blob(id).await?,
        _ => None,
    };
    let blob = blob.ok_or_else(|| {
        ApiError::new(
            Code::FileNotFound,
            "there is no such file; a task's file fields have the `blobId` of each",
        )
    })?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, &*blob.content_type));
    for harmless in HARMLESS {
        response.insert_header(harmless);
    }
    Ok(response.body(blob.bytes))
}

async fn is_seen(api: &Api, id: BlobId, caller: &Caller) -> Result<bool, ApiError> {
    let workflows = api.store().blob_workflows(id).await?;
    Ok(workflows.iter().any(|workflow| caller.workflow(workflow.as_str()).is_ok()))
}
