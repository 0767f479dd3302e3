//! The HTTP API under `/api/v1`, and the probes.
//!
//! Translates between HTTP and the rest: it knows the engine by its handle, the store by its reads,
//! and the workspace by its snapshot. It decides nothing about actions. One file a resource; every
//! error becomes HTTP in [`error`].

mod audit;
mod auth;
mod body;
mod checklist;
mod comments;
mod endpoints;
mod error;
mod events;
mod executions;
mod files;
mod history;
mod invitations;
mod keys;
mod metrics;
mod probes;
mod secrets;
mod session;
mod shape;
mod steps;
mod tasks;
mod unbuilt;
mod users;
mod workflows;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use ipnet::IpNet;
use serde::de::DeserializeOwned;

use self::error::ApiError;
pub use self::{body::Bodies, error::Code};
use crate::{
    egress::Endpoints,
    engine::{EngineHandle, Shared},
    events::Events,
    model::SharedWorkspace,
    sessions::Sessions,
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
    pub sessions: Arc<Sessions>,
    pub events: Arc<Events>,
    /// Whether `/metrics` asks for nobody.
    pub metrics_are_open: bool,
    /// Proxies that say truly for whom they ask.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl Api {
    fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    fn workspace(&self) -> &SharedWorkspace {
        &self.shared.workspace
    }
}

/// Every route.
pub fn configure(config: &mut web::ServiceConfig) {
    probes::configure(config);
    metrics::configure(config);
    config.service(
        web::scope("/api/v1")
            .configure(workflows::configure)
            .configure(tasks::configure)
            .configure(comments::configure)
            .configure(checklist::configure)
            .configure(executions::configure)
            .configure(files::configure)
            .configure(users::configure)
            .configure(session::configure)
            .configure(invitations::configure)
            .configure(keys::configure)
            .configure(audit::configure)
            .configure(secrets::configure)
            .configure(endpoints::configure)
            .configure(events::configure)
            .configure(steps::configure)
            .configure(unbuilt::configure)
            .default_service(web::to(no_such_route)),
    );
    config.default_service(web::to(no_such_route));
}

async fn no_such_route(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let message = format!("nothing is at {}; the API's routes begin with /api/v1", request.path());
    Err(ApiError::new(Code::NotFound, message))
}

/// A route that answers only to some methods.
fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(no_such_method))
}

async fn no_such_method(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let message = format!("{} is not possible at {}", request.method(), request.path());
    Err(ApiError::new(Code::MethodNotAllowed, message))
}

/// A request's query parameters.
fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let invalid = |problem: String| {
        ApiError::new(Code::InvalidParameter, format!("the query cannot be read: {problem}"))
    };
    if !is_escaped(request.query_string()) {
        return Err(invalid(
            "an escape (`%` and two digits) is cut off, or they are not UTF-8 together".to_owned(),
        ));
    }
    let query = web::Query::from_query(request.query_string());
    query.map(web::Query::into_inner).map_err(|error| invalid(error.to_string()))
}

/// Whether a query's escapes are a text's. Whoever reads it would put other characters in the place of what is none.
fn is_escaped(query: &str) -> bool {
    let (mut bytes, mut text) = (query.bytes(), Vec::with_capacity(query.len()));
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (Some(high), Some(low)) = (bytes.next().and_then(digit), bytes.next().and_then(digit)) else {
            return false;
        };
        text.push((high * 16 + low) as u8);
    }
    std::str::from_utf8(&text).is_ok()
}

/// A JSON answer from something that serde can write.
fn json(
    mut builder: actix_web::HttpResponseBuilder,
    body: &impl serde::Serialize,
) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(body).map_err(ApiError::internal)?;
    Ok(builder.insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}

#[cfg(test)]
mod tests {
    use super::is_escaped;

    #[test]
    fn a_querys_escapes_are_a_text() {
        for (query, expected) in [
            ("", true),
            ("Stage=Not%20Started&a=+", true),
            ("a=%C3%bc", true),
            ("a=%", false),
            ("a=%4", false),
            ("a=%zz", false),
            ("a=%+1", false),
            ("a=%ff", false),
            ("a=%e2%82", false),
        ] {
            assert_eq!(is_escaped(query), expected, "{query}");
        }
    }
}
