//! The HTTP API under `/api/v1`, and the probes.
//!
//! Translates between HTTP and the rest: it knows the engine by its handle, the store by its reads,
//! and the workspace by its snapshot. It decides nothing about actions. One file a resource; every
//! error becomes HTTP in [`error`].

mod auth;
mod body;
mod endpoints;
mod error;
mod execution_list;
mod executions;
mod files;
mod history;
mod page;
mod probes;
mod secrets;
mod steps;
mod task_list;
mod tasks;
mod unbuilt;
mod users;
mod workflows;

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web};

use self::error::ApiError;
pub use self::{body::Bodies, error::Code};
use crate::{
    egress::Endpoints,
    engine::{EngineHandle, Shared},
    model::{SharedWorkspace, workspace::Published},
    store::Store,
};

/// What the API needs of one worker thread.
pub struct Api {
    pub engine: EngineHandle,
    pub shared: Arc<Shared>,
    pub endpoints: Endpoints,
    /// How the server is reached from outside, without a final `/`.
    pub public_url: Arc<str>,
    /// How large the bodies of requests may be.
    pub bodies: Bodies,
}

impl Api {
    fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    fn workspace(&self) -> &SharedWorkspace {
        &self.shared.workspace
    }

    /// The published version of a workflow, from the current snapshot.
    fn workflow(&self, id: &str) -> Result<Published, ApiError> {
        self.workspace().current().workflow(id).cloned().ok_or_else(|| {
            let workspace = self.workspace().current();
            if let Some(why) = workspace.unreadable.get(id) {
                return ApiError::new(Code::StepTypeMissing, format!("the workflow `{id}` is broken: {why}"));
            }
            let known: Vec<_> = workspace.workflows.iter().map(|it| it.workflow.id.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ApiError::new(
                Code::WorkflowNotFound,
                format!("there is no workflow `{id}`; this server has {known}"),
            )
        })
    }
}

/// Every route.
pub fn configure(config: &mut web::ServiceConfig) {
    probes::configure(config);
    config.service(
        web::scope("/api/v1")
            .configure(workflows::configure)
            .configure(tasks::configure)
            .configure(executions::configure)
            .configure(files::configure)
            .configure(users::configure)
            .configure(secrets::configure)
            .configure(endpoints::configure)
            .configure(steps::configure)
            .configure(unbuilt::configure)
            .default_service(web::to(no_such_route)),
    );
    config.default_service(web::to(no_such_route));
}

async fn no_such_route(request: actix_web::HttpRequest) -> Result<HttpResponse, ApiError> {
    let message = format!("nothing is at {}; the API's routes begin with /api/v1", request.path());
    Err(ApiError::new(Code::NotFound, message))
}

/// A route that answers only to some methods.
fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(no_such_method))
}

async fn no_such_method(request: actix_web::HttpRequest) -> Result<HttpResponse, ApiError> {
    let message = format!("{} is not possible at {}", request.method(), request.path());
    Err(ApiError::new(Code::MethodNotAllowed, message))
}

/// A JSON answer from something that serde can write.
fn json(
    mut builder: actix_web::HttpResponseBuilder,
    body: &impl serde::Serialize,
) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(body).map_err(ApiError::internal)?;
    Ok(builder.insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}
