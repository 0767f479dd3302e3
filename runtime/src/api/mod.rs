//! The HTTP API under `/api/v1`, and the probes.
//!
//! Translates between HTTP and the rest: it knows the engine by its handle, the store by its reads,
//! and the workspace by its snapshot. It decides nothing about actions. One file a resource; every
//! error becomes HTTP in [`error`].

mod assets;
mod audit;
mod auth;
mod body;
mod bulk;
mod bulk_retries;
mod checklist;
mod comments;
mod definitions;
mod endpoints;
mod error;
mod events;
mod execution_detail;
mod execution_list;
mod executions;
mod files;
mod history;
mod invitations;
mod keys;
mod metrics;
mod need;
mod openapi;
mod page;
mod parts;
mod plugins;
mod probes;
mod remote_files;
mod route;
mod schemas;
mod secrets;
mod session;
mod setup;
mod shape;
mod step_types;
mod steps;
mod task_counts;
mod task_list;
mod task_summary;
mod tasks;
mod traced;
mod unbuilt;
mod users;
mod versions;
mod workflows;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use ipnet::IpNet;
use serde::de::DeserializeOwned;

pub use self::{body::Bodies, error::Code, events::Streams, openapi::document};
use self::{error::ApiError, route::Route};
use crate::{
    egress::{Egress, Endpoints},
    engine::{EngineHandle, Shared},
    events::Events,
    model::SharedWorkspace,
    sessions::Sessions,
    store::Store,
};

/// What the API needs of one worker thread.
pub struct Api {
    pub engine: EngineHandle,
    /// Fetches files that are named by their addresses.
    pub files: Egress,
    pub shared: Arc<Shared>,
    pub endpoints: Endpoints,
    /// How the server is reached from outside, without a final `/`.
    pub public_url: Arc<str>,
    /// What OpenAPI says of this server.
    pub document: web::Bytes,
    /// How large the bodies of requests may be.
    pub bodies: Bodies,
    pub sessions: Arc<Sessions>,
    pub events: Arc<Events>,
    pub streams: Arc<Streams>,
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

    /// Of which origin the server's own pages are.
    fn public_origin(&self) -> &str {
        split(&self.public_url).0
    }

    /// Below which path the server is reached, without a final `/`: nothing, or such as `/onward`. Whatever stands
    /// before it takes that off.
    fn public_path(&self) -> &str {
        split(&self.public_url).1
    }
}

/// The origin and the path of an address.
fn split(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    url.split_at(end)
}

/// The routes below [`BASE`].
fn routes() -> Vec<Route> {
    [
        workflows::routes(),
        parts::routes(),
        definitions::routes(),
        versions::routes(),
        tasks::routes(),
        comments::routes(),
        checklist::routes(),
        bulk::routes(),
        executions::routes(),
        files::routes(),
        users::routes(),
        session::routes(),
        setup::routes(),
        invitations::routes(),
        keys::routes(),
        audit::routes(),
        secrets::routes(),
        endpoints::routes(),
        events::routes(),
        steps::routes(),
        step_types::routes(),
        plugins::routes(),
        openapi::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where the API's routes begin.
const BASE: &str = "/api/v1";

/// Every route.
pub fn configure(config: &mut web::ServiceConfig) {
    for route in probes::routes().into_iter().chain(metrics::routes()) {
        config.service(route.resource());
    }
    let scope = routes().into_iter().fold(web::scope(BASE), |scope, route| scope.service(route.resource()));
    let scope = scope.configure(unbuilt::configure).default_service(web::to(no_such_route));
    config.service(scope);
    config.configure(assets::configure);
}

async fn no_such_route(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let message = format!("nothing is at {}; the API's routes begin with /api/v1", request.path());
    Err(ApiError::new(Code::NotFound, message))
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
    fn escapes_in_a_query_are_a_text() {
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
