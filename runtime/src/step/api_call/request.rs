//! From a step and a task to the bytes that are sent.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;

use crate::{
    egress::Request,
    model::{
        DEPTH_HEADER, Document,
        template::{Escape, RenderError, Scope, percent_encode},
    },
    step::{Call, TooDeep},
};

use super::ApiCall;

#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the secret `{0}` cannot sign: a signing secret is `whsec_` and 24 to 64 random bytes in base64")]
    SigningSecret(String),
    #[error("the step's `proxy` must be \"direct\" or {0}")]
    Proxy(&'static str),
    #[error("the document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

impl ApiCall {
    pub(super) fn request(&self, call: &Call<'_>) -> Result<Request, RequestError> {
        let depth = call.depth()?;
        let scope = Scope::from(call);
        let mut headers = Vec::with_capacity(self.headers.len() + 4);
        let (content_type, body) = self.body(call, &scope)?;
        headers.extend(content_type.map(|it| ("Content-Type".to_owned(), it.to_owned())));
        for (name, value) in &self.headers {
            headers.push((name.clone(), value.render(&scope, Escape::Header)?));
        }
        let (id, timestamp) = (webhook_id(call), call.resources.clock.now().as_second());
        headers.push(("webhook-id".to_owned(), id.clone()));
        headers.push((DEPTH_HEADER.to_owned(), depth.to_string()));
        headers.push(("webhook-timestamp".to_owned(), timestamp.to_string()));
        if !self.signing_secrets.is_empty() {
            headers.push(("webhook-signature".to_owned(), self.signature(call, &id, timestamp, &body)?));
        }
        Ok(Request {
            method: self.method.to_owned(),
            url: self.url.render_url(&scope)?,
            tls: self.tls.as_ref().map(|tls| tls.render(&scope)).transpose()?,
            route: self
                .way
                .as_ref()
                .map(|way| way.route(&scope))
                .transpose()?
                .transpose()
                .map_err(RequestError::Proxy)?,
            gone_is_an_answer: self.is_success(410),
            headers,
            body: body.into(),
            timeout: self.timeout,
            response_bytes_max: self.response_bytes_max,
        })
    }
}

impl ApiCall {
    /// The content type and the body, which is the contract's document unless the author has another one.
    fn body(&self, call: &Call<'_>, scope: &Scope<'_>) -> Result<(Option<&str>, Vec<u8>), RequestError> {
        if let Some(custom) = &self.custom {
            let body = custom.body(scope)?;
            return Ok(body.map_or((None, Vec::new()), |(content_type, body)| (Some(content_type), body)));
        }
        let document = Document::new(
            &call.action.name,
            &call.execution.performer,
            call.task,
            call.workflow,
            call.directory,
        );
        let mut body = Vec::with_capacity(512);
        serde_json::to_writer(&mut body, &document)?;
        Ok((Some("application/json"), body))
    }

    /// One signature for each signing secret, as Standard Webhooks has them.
    fn signature(
        &self,
        call: &Call<'_>,
        id: &str,
        timestamp: i64,
        body: &[u8],
    ) -> Result<String, RequestError> {
        let mut signatures = Vec::with_capacity(self.signing_secrets.len());
        for name in &self.signing_secrets {
            let secret = call.secrets.get(name).ok_or_else(|| RenderError::SecretMissing(name.clone()))?;
            let signature = sign(secret, id, timestamp, body);
            signatures.push(signature.ok_or_else(|| RequestError::SigningSecret(name.clone()))?);
        }
        Ok(signatures.join(" "))
    }
}

/// What a signing secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// `v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`; `None` for what is no signing secret.
fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    if !(24..=64).contains(&key.len()) {
        return None;
    }
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    Some(format!("v1,{}", BASE64_STANDARD.encode(context.sign())))
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
            Self::Render(RenderError::SecretMissing(_)) => "secret_missing",
            Self::SigningSecret(_) => "invalid_signing_secret",
            Self::Proxy(_) => "invalid_proxy",
            Self::Render(_) | Self::Document(_) => "invalid_request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check vector of the specification, and what is no signing secret.
    #[test]
    fn the_check_vector_is_signed_as_the_specification_says() {
        let sign = |secret: &str| {
            sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
        };
        assert_eq!(
            sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for (secret, is_one) in [
            (of(24), true),
            (of(64), true),
            (of(23), false),
            (of(65), false),
            (of(32).replace("whsec_", ""), false),
            ("whsec_not base64".to_owned(), false),
        ] {
            assert_eq!(sign(&secret).is_some(), is_one, "{secret}");
        }
    }
}
