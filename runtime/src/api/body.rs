//! Bodies, of JSON and of definitions: limits, and errors that say where.

use std::{sync::Arc, time::Duration};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use futures_util::{
    StreamExt,
    future::{Ready, ready},
};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Api, Code, auth::Caller, error::ApiError, need::WORKFLOW, shape::Shape};
use crate::{definition::Source, model::FieldType};

/// Bodies with a file in them that are under way at a time, read or waiting for the disk: each is held
/// in memory whole.
const UPLOADS_MAX: usize = 32;

/// How long a body may take to come to its end.
const ARRIVES_WITHIN: Duration = Duration::from_secs(2 * 60);

/// How people and programs call TOML.
pub(super) const TOML_TYPE: &str = "application/toml";
const JSON_TYPE: &str = "application/json";

/// How large bodies may be. All the worker threads share one.
#[derive(Debug, Clone)]
pub struct Bodies {
    bytes_max: usize,
    /// What a file adds to that, as base64.
    upload_bytes_max: usize,
    file_bytes_max: usize,
    uploads: Arc<Semaphore>,
}

impl Bodies {
    pub fn new(bytes_max: usize, file_bytes_max: usize) -> Self {
        let upload_bytes_max = file_bytes_max.div_ceil(3) * 4;
        let uploads = Arc::new(Semaphore::new(UPLOADS_MAX));
        Self { bytes_max, upload_bytes_max, file_bytes_max, uploads }
    }

    pub(super) fn file_bytes_max(&self) -> usize {
        self.file_bytes_max
    }

    /// A place among those that have files in memory.
    pub(super) fn upload(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.uploads).try_acquire_owned().map_err(|_| {
            let message = format!("{UPLOADS_MAX} files are being uploaded already; try again in a moment");
            ApiError::new(Code::Overloaded, message)
        })
    }
}

/// How an operation's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    /// JSON, or nothing.
    PerhapsJson,
    /// The values of a task. Where the workflow of the request's path has a field for files, there is room for one more
    /// than another body may have.
    TaskValues,
    /// A workflow's, as a TOML text or as a document.
    Definition,
}

impl Kind {
    /// As it is called, and its content types.
    fn content_types(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Json | Self::PerhapsJson | Self::TaskValues => ("JSON", &[JSON_TYPE]),
            Self::Definition => ("TOML or JSON", &[TOML_TYPE, JSON_TYPE]),
        }
    }
}

/// What was read of a request, for its handler.
struct Bytes(web::BytesMut);

/// A request's body as a `T`.
pub(super) struct Body<T>(pub(super) T);

/// A request's body as a `T`, or the default where there is none.
pub(super) struct OptionalBody<T>(pub(super) T);

/// A request's body as a workflow's definition.
pub(super) struct DefinitionBody(pub(super) Source);

fn taken(request: &HttpRequest) -> Option<web::BytesMut> {
    request.extensions_mut().remove::<Bytes>().map(|Bytes(bytes)| bytes)
}

/// What a handler wants of a body that its operation says nothing of.
fn unread() -> ApiError {
    ApiError::internal("the operation has read no body")
}

impl<T: DeserializeOwned> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(taken(request).ok_or_else(unread).and_then(|bytes| parse(&bytes)).map(Self))
    }
}

impl<T: DeserializeOwned + Default> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(taken(request).map_or_else(|| Ok(T::default()), |bytes| parse(&bytes)).map(Self))
    }
}

impl FromRequest for DefinitionBody {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let source = taken(request).ok_or_else(unread).and_then(|bytes| {
            if content_type(request).is_some_and(|it| it.eq_ignore_ascii_case(JSON_TYPE)) {
                return parse(&bytes).map(Source::Document);
            }
            String::from_utf8(bytes.to_vec()).map(Source::Text).map_err(|error| {
                ApiError::new(Code::InvalidBody, format!("the body must be a text in UTF-8: {error}"))
            })
        });
        ready(source.map(Self))
    }
}

/// Without its parameters.
fn content_type(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// The room that one body has.
#[derive(Debug)]
pub(super) struct Room {
    bodies: Bodies,
    takes_files: bool,
    upload: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Makes sure that a body may have so many bytes.
    fn take(&mut self, bytes: usize) -> Result<(), ApiError> {
        let Bodies { bytes_max, upload_bytes_max, .. } = &self.bodies;
        if bytes <= *bytes_max || self.takes_files && bytes <= bytes_max + upload_bytes_max {
            if bytes > *bytes_max && self.upload.is_none() {
                self.upload = Some(self.bodies.upload()?);
            }
            return Ok(());
        }
        let message = if self.takes_files {
            let most = bytes_max + upload_bytes_max;
            format!(
                "the body is larger than {most} bytes; `server.body_bytes_max` and `files.bytes_max` set this limit"
            )
        } else {
            format!("the body is larger than {bytes_max} bytes; `server.body_bytes_max` sets this limit")
        };
        Err(ApiError::new(Code::BodyTooLarge, message))
    }
}

/// Reads a request's body, for the extractors of this module.
pub(super) async fn read(request: &HttpRequest, payload: Payload, kind: Kind) -> Result<Room, ApiError> {
    let api =
        request.app_data::<web::Data<Api>>().ok_or_else(|| ApiError::internal("the API has no data"))?;
    let takes_files = kind == Kind::TaskValues && has_file_fields(request);
    let mut room = Room { bodies: api.bodies.clone(), takes_files, upload: None };
    if kind == Kind::PerhapsJson && is_empty(request) {
        return Ok(room);
    }
    let (name, expected) = kind.content_types();
    if !content_type(request).is_some_and(|it| expected.iter().any(|known| it.eq_ignore_ascii_case(known))) {
        let headers: Vec<_> = expected.iter().map(|known| format!("`Content-Type: {known}`")).collect();
        let message = format!("the body must be {name}: send the header {}", headers.join(" or "));
        return Err(ApiError::new(Code::UnsupportedMediaType, message));
    }
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = whole(payload, length.unwrap_or_default(), &mut room, ARRIVES_WITHIN).await?;
    request.extensions_mut().insert(Bytes(bytes));
    Ok(room)
}

fn has_file_fields(request: &HttpRequest) -> bool {
    let (extensions, workflow) = (request.extensions(), request.match_info().get(WORKFLOW));
    let caller = extensions.get::<Caller>();
    let workflow = workflow.and_then(|id| Some(&caller?.workspace.workflow(id)?.workflow));
    workflow.is_some_and(|it| it.fields.iter().any(|field| matches!(field.kind, FieldType::File { .. })))
}

fn is_empty(request: &HttpRequest) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    length.is_none_or(|length| length.as_bytes() == b"0")
        && !request.headers().contains_key(header::TRANSFER_ENCODING)
}

/// A body of so many bytes, as far as anybody has said, once all of it is there.
async fn whole(
    mut payload: Payload,
    length: usize,
    room: &mut Room,
    within: Duration,
) -> Result<web::BytesMut, ApiError> {
    room.take(length)?;
    let mut bytes = web::BytesMut::with_capacity(length);
    let reading = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::new(Code::InvalidJson, format!("the body could not be read to its end: {error}"))
            })?;
            room.take(bytes.len() + chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        Ok::<_, ApiError>(())
    };
    let in_time = tokio::time::timeout(within, reading).await;
    in_time.map_err(|_| {
        let message = format!("the body did not come to its end within {within:?}; send it faster");
        ApiError::new(Code::BodyTooSlow, message)
    })??;
    Ok(bytes)
}

/// Reads a whole body. serde_json stops at 128 levels of nesting, with an error like any other.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let Shape = parse_as(bytes)?;
    parse_as(bytes)
}

fn parse_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
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
        check(
            r#"["x"]"#,
            expect![[
                r#"invalid_body: invalid type: sequence, expected an object: {"key": "value", …} at line 1 column 0"#
            ]],
        );
        check(
            r#"{"name":"x","name":"y"}"#,
            expect!["invalid_body: the key is here a second time at line 1 column 18"],
        );
        check(
            r#"{"name":"x","list":[{"a":1,"a":2}]}"#,
            expect!["invalid_body: at `list[0]`: the key is here a second time at line 1 column 30"],
        );
        check(
            r#"{"name":{"$serde_json::private::RawValue":"1"}}"#,
            expect!["invalid_body: at `name`: a key that nobody knows at line 1 column 41"],
        );
        check("", expect!["invalid_json: EOF while parsing a value at line 1 column 0"]);
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
    }

    /// Architecture, style: "a limit on everything". Small bodies pass while large ones must wait, and a
    /// large one that has its place keeps it.
    #[test]
    fn large_bodies_are_few_at_a_time() {
        let bodies = Bodies::new(100, 30);
        let room = |takes_files| Room { bodies: bodies.clone(), takes_files, upload: None };
        let refusal = |answer: Result<(), ApiError>| answer.expect_err("refused").to_string();
        let mut rooms: Vec<_> = (0..UPLOADS_MAX).map(|_| room(true)).collect();
        for room in &mut rooms {
            assert!(room.take(101).is_ok() && room.take(140).is_ok());
        }
        assert!(room(true).take(100).is_ok());
        assert!(refusal(room(true).take(101)).starts_with("overloaded: 32 files"));
        rooms.pop();
        assert!(room(true).take(101).is_ok());
        assert!(
            refusal(room(true).take(141)).starts_with("body_too_large: the body is larger than 140 bytes")
        );
        assert!(
            refusal(room(false).take(101)).starts_with("body_too_large: the body is larger than 100 bytes")
        );
    }

    /// "A limit on everything": who sends the beginning alone holds nothing for ever.
    #[actix::test]
    async fn a_body_that_does_not_end_is_refused() {
        let mut room = Room { bodies: Bodies::new(100, 30), takes_files: false, upload: None };
        let beginning = futures_util::stream::iter([Ok(web::Bytes::from_static(b"{"))]);
        let payload =
            Payload::Stream { payload: beginning.chain(futures_util::stream::pending()).boxed_local() };
        let error = whole(payload, 2, &mut room, Duration::from_millis(20)).await.expect_err("refused");
        assert_eq!(
            error.to_string(),
            "body_too_slow: the body did not come to its end within 20ms; send it faster"
        );
        let response = actix_web::ResponseError::error_response(&error);
        assert_eq!((response.status().as_u16(), response.head().upgrade()), (408, false));
        assert!(!response.head().keep_alive(), "what comes later of it is no request");
    }
}
