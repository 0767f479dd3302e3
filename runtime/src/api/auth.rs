//! Who is asking: `Authorization: Bearer KEY`.

use std::{future::Ready, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use sha2::{Digest, Sha256};

use super::{Api, Code, error::ApiError};
use crate::model::{ApiKey, Performer, Workspace};

/// The key that a request was made with. Taking it as an argument makes a route ask for one.
pub(super) struct Caller(pub(super) Arc<ApiKey>);

impl Caller {
    /// In whose name something is done: a user's, by email or id, else the key's own.
    pub(super) fn performer(
        &self,
        workspace: &Workspace,
        performed_by: Option<&str>,
    ) -> Result<Performer, ApiError> {
        let Some(name) = performed_by else { return Ok(Performer::from(&*self.0)) };
        workspace.directory.find(name).map(|user| Performer::from(&**user)).ok_or_else(|| {
            let message = format!("`performed_by`: there is no user `{name}`");
            ApiError::refused_execution(Code::UserNotFound, vec![message])
        })
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(caller(request))
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    let api =
        request.app_data::<web::Data<Api>>().ok_or_else(|| ApiError::internal("the API has no data"))?;
    let header = request.headers().get(header::AUTHORIZATION).ok_or_else(|| {
        ApiError::new(Code::Unauthorized, "an API key is needed: send the header `Authorization: Bearer KEY`")
    })?;
    let secret = header.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    let secret = secret.ok_or_else(|| {
        ApiError::new(Code::Unauthorized, "the header must be written `Authorization: Bearer KEY`")
    })?;
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    let workspace = api.workspace().current();
    let key = workspace.keys.get(&hash).cloned();
    key.map(Caller).ok_or_else(|| {
        ApiError::new(
            Code::Unauthorized,
            "this server does not know that API key; `onward key add NAME` makes one",
        )
    })
}
