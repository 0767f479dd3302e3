//! From a step and a task to the bytes that are sent.

use crate::{
    egress::Request,
    model::{
        DEPTH_HEADER, Document,
        template::{Escape, RenderError, Scope, percent_encode},
    },
    step::Call,
};

use super::ApiCall;

/// Executions in a row, each performed by what the one before it has called.
const DEPTH_MAX: u32 = 10;

#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(
        "this call would be the {0}th in a row of actions that call for actions, and {DEPTH_MAX} are the most: it looks \
         like a loop"
    )]
    TooDeep(u32),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

impl ApiCall {
    pub(super) fn request(&self, call: &Call<'_>) -> Result<Request, RequestError> {
        let depth = call.execution.depth + 1;
        if depth > DEPTH_MAX {
            return Err(RequestError::TooDeep(depth));
        }
        let scope = Scope::from(call);
        let document = Document::new(
            &call.action.name,
            &call.execution.performer,
            call.task,
            call.workflow,
            call.directory,
        );
        let mut headers = Vec::with_capacity(self.headers.len() + 4);
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        for (name, value) in &self.headers {
            headers.push((name.clone(), value.render(&scope, Escape::Header)?));
        }
        headers.push(("webhook-id".to_owned(), webhook_id(call)));
        headers.push((DEPTH_HEADER.to_owned(), depth.to_string()));
        headers.push(("webhook-timestamp".to_owned(), call.resources.clock.now().as_second().to_string()));
        let mut body = Vec::with_capacity(512);
        serde_json::to_writer(&mut body, &document)?;
        Ok(Request {
            method: self.method.to_owned(),
            url: self.url.render(&scope, Escape::Url)?,
            headers,
            body: body.into(),
            timeout: self.timeout,
            response_bytes_max: self.response_bytes_max,
        })
    }
}

/// Names this step of this execution, the same over every try of it, so that a receiver can tell a
/// repetition from a new call.
fn webhook_id(call: &Call<'_>) -> String {
    let mut id = format!("msg_{}_", call.execution.id);
    percent_encode(call.step.id.as_str(), &mut id);
    id
}

impl RequestError {
    /// Stable, for programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::TooDeep(_) => "too_deep",
            Self::Render(_) | Self::Document(_) => "invalid_request",
        }
    }
}
