//! The bytes of files. Which task has which is told by the tasks themselves.

use actix_web::{HttpResponse, http::header, web};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
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
    vec![
        at("/files/{blob}")
            .get(read, operation("readFile", "The bytes of a file").for_all().answers_as("*/*", "The bytes")),
    ]
}

async fn read(api: web::Data<Api>, path: web::Path<String>, _: Caller) -> Result<HttpResponse, ApiError> {
    let address = path.into_inner();
    let blob = match address.parse::<BlobId>() {
        Ok(id) => api.store().blob(id).await?,
        Err(_) => None,
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
