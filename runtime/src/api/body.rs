//! JSON bodies: limits, and errors that say where.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

use super::{Api, Code, error::ApiError};

/// A request's body as a `T`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read(&request, payload).await.and_then(|bytes| parse(&bytes)).map(Self) })
    }
}

/// A request's body as a `T`, or the default where there is none.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let is_empty = length.is_none_or(|length| length.as_bytes() == b"0")
            && !request.headers().contains_key(header::TRANSFER_ENCODING);
        if is_empty {
            return Box::pin(std::future::ready(Ok(Self(T::default()))));
        }
        let body = Body::from_request(request, payload);
        Box::pin(async move { Ok(Self(body.await?.0)) })
    }
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<web::BytesMut, ApiError> {
    let api =
        request.app_data::<web::Data<Api>>().ok_or_else(|| ApiError::internal("the API has no data"))?;
    let too_large = || {
        let most = api.body_bytes_max;
        let message =
            format!("the body is larger than {most} bytes; `server.body_bytes_max` sets this limit");
        ApiError::new(Code::BodyTooLarge, message)
    };
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        let message = "the body must be JSON: send the header `Content-Type: application/json`";
        return Err(ApiError::new(Code::UnsupportedMediaType, message));
    }
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > api.body_bytes_max) {
        return Err(too_large());
    }
    let mut bytes = web::BytesMut::with_capacity(length.unwrap_or_default());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::new(Code::InvalidJson, format!("the body could not be read to its end: {error}"))
        })?;
        if bytes.len() + chunk.len() > api.body_bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a whole body. serde_json stops at 128 levels of nesting, with an error like any other.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, cause) = (error.path().to_string(), error.into_inner());
        let place = if path == "." { String::new() } else { format!("at `{path}`: ") };
        let code = if cause.is_data() { Code::InvalidBody } else { Code::InvalidJson };
        ApiError::new(code, format!("{place}{cause}"))
    })?;
    reader.end().map_err(|error| ApiError::new(Code::InvalidJson, error.to_string()))?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Shape {
        name: String,
        list: Option<Vec<u8>>,
    }

    fn check(body: &str, expected: Expect) {
        let error = parse::<Shape>(body.as_bytes()).expect_err(body);
        expected.assert_eq(&error.to_string());
    }

    #[test]
    fn an_error_says_where() {
        check(
            r#"{"name":"#,
            expect!["invalid_json: at `name`: EOF while parsing a value at line 1 column 8"],
        );
        check(
            r#"{"name":5}"#,
            expect![
                "invalid_body: at `name`: invalid type: integer `5`, expected a string at line 1 column 9"
            ],
        );
        check(
            r#"{"name":"x","list":[1,"2"]}"#,
            expect![[
                r#"invalid_body: at `list[1]`: invalid type: string "2", expected u8 at line 1 column 25"#
            ]],
        );
        check(
            r#"{"nmae":"x"}"#,
            expect![
                "invalid_body: at `nmae`: unknown field `nmae`, expected `name` or `list` at line 1 column 7"
            ],
        );
        check(r#"{"name":"x"} extra"#, expect!["invalid_json: trailing characters at line 1 column 14"]);
        check("", expect!["invalid_json: EOF while parsing a value at line 1 column 0"]);
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
