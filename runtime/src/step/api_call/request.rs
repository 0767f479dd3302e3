//! From a step and a task to the bytes that are sent.

use crate::{
    egress::Request,
    model::{
        Document,
        template::{Escape, RenderError, Scope, percent_encode},
    },
    step::Call,
};

use super::ApiCall;

#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

impl ApiCall {
    pub(super) fn request(&self, call: &Call<'_>) -> Result<Request, RequestError> {
        let scope = Scope::from(call);
        let document = Document::new(
            &call.action.name,
            &call.execution.performer,
            call.task,
            call.workflow,
            call.directory,
        );
        let mut headers = Vec::with_capacity(self.headers.len() + 3);
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        for (name, value) in &self.headers {
            headers.push((name.clone(), value.render(&scope, Escape::Header)?));
        }
        headers.push(("webhook-id".to_owned(), webhook_id(call)));
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
