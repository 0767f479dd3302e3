//! Every error that the API answers: one closed list of codes, one mapping to HTTP.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::{Map, Value, json};

use crate::{
    credential::CredentialError,
    engine::EngineError,
    model::{FieldErrors, Refusal, text::shortened},
    publish::SaveError,
    sessions::SignInError,
    shown,
    store::StoreError,
};

/// Seconds after which a refused client may try again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Characters of a message, which may repeat what somebody has sent.
const MESSAGE_CHARS_MAX: usize = 2_000;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident;)*) => {
        /// What can go wrong, for programs: the body's `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or its text breaks a rule that holds everywhere.
    InvalidJson = "invalid_json", BAD_REQUEST;
    /// The body is JSON of another shape.
    InvalidBody = "invalid_body", BAD_REQUEST;
    /// A query parameter or header has an impossible value.
    InvalidParameter = "invalid_parameter", BAD_REQUEST;
    /// What a list is asked for by `_where` cannot be asked.
    InvalidWhere = "invalid_where", UNPROCESSABLE_ENTITY;
    /// No key, or one that the server does not know.
    Unauthorized = "unauthorized", UNAUTHORIZED;
    /// An email and a password that do not belong together.
    WrongPassword = "wrong_password", UNAUTHORIZED;
    /// Not the token of the link that makes the first user.
    WrongSetupToken = "wrong_setup_token", FORBIDDEN;
    /// There is a first user already.
    SetupDone = "setup_done", CONFLICT;
    /// A known caller without the right to do this.
    Forbidden = "forbidden", FORBIDDEN;
    /// A cookie, on a request from somebody else's page.
    CrossOrigin = "cross_origin", FORBIDDEN;
    /// No such route.
    NotFound = "not_found", NOT_FOUND;
    WorkflowNotFound = "workflow_not_found", NOT_FOUND;
    TaskNotFound = "task_not_found", NOT_FOUND;
    ActionNotFound = "action_not_found", NOT_FOUND;
    StepNotFound = "step_not_found", NOT_FOUND;
    ExecutionNotFound = "execution_not_found", NOT_FOUND;
    /// No task has, or had, a file with these bytes.
    FileNotFound = "file_not_found", NOT_FOUND;
    NoSuchUser = "no_such_user", NOT_FOUND;
    KeyNotFound = "key_not_found", NOT_FOUND;
    RoleNotFound = "role_not_found", NOT_FOUND;
    InvitationNotFound = "invitation_not_found", NOT_FOUND;
    EndpointNotFound = "endpoint_not_found", NOT_FOUND;
    SecretNotFound = "secret_not_found", NOT_FOUND;
    VersionNotFound = "version_not_found", NOT_FOUND;
    /// The task has no scheduled stage change.
    ScheduleNotFound = "schedule_not_found", NOT_FOUND;
    ChecklistItemNotFound = "checklist_item_not_found", NOT_FOUND;
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The body did not come to its end in time.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT;
    /// The execution is not in a state for that.
    NotPossibleNow = "not_possible_now", CONFLICT;
    /// The step that failed is not in the version that the Retry is to run on.
    StepGone = "step_gone", CONFLICT;
    /// Somebody or something has that name already.
    NameTaken = "name_taken", CONFLICT;
    /// Nobody would administer the workspace any more.
    LastAdministrator = "last_administrator", CONFLICT;
    /// A step needs the secret that is to be removed.
    SecretInUse = "secret_in_use", CONFLICT;
    /// A file has the workflow, which is changed there.
    FileManaged = "file_managed", CONFLICT;
    /// The workflow is put away; nothing new is done in it until it is taken back.
    WorkflowArchived = "workflow_archived", CONFLICT;
    /// A workflow with that id is there already.
    WorkflowExists = "workflow_exists", CONFLICT;
    /// The version would strand what tasks hold; `stranded` has the numbers.
    DataStranded = "data_stranded", CONFLICT;
    /// A step of the action cannot run on this server.
    StepTypeMissing = "step_type_missing", CONFLICT;
    /// The checklist item is in the workflow's template, which alone can leave it out.
    TemplateItem = "template_item", CONFLICT;
    /// The task has as many comments, or checklist items of its own, as it may have.
    TooMany = "too_many", CONFLICT;
    /// Somebody has saved another version meanwhile; `expected` and `current` have both numbers.
    VersionConflict = "version_conflict", PRECONDITION_FAILED;
    /// `If-None-Match: *` came with a Unique ID that a task has.
    TaskExists = "task_exists", PRECONDITION_FAILED;
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE;
    /// Values that a task, its comments or its checklist cannot take; `errors` has them by name.
    InvalidFields = "invalid_fields", UNPROCESSABLE_ENTITY;
    /// A definition that is not sound; `problems` has what is wrong, each with its place.
    InvalidDefinition = "invalid_definition", UNPROCESSABLE_ENTITY;
    /// A name or a value that a secret cannot have.
    InvalidSecret = "invalid_secret", UNPROCESSABLE_ENTITY;
    /// A name, an email or a password that nobody can have.
    InvalidUser = "invalid_user", UNPROCESSABLE_ENTITY;
    InvalidKey = "invalid_key", UNPROCESSABLE_ENTITY;
    /// The action is not offered in the task's stage.
    ActionNotAvailable = "action_not_available", UNPROCESSABLE_ENTITY;
    /// `errors` lists all that is missing.
    RequirementsNotMet = "requirements_not_met", UNPROCESSABLE_ENTITY;
    /// The same `Idempotency-Key` came with another body.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY;
    /// What a step that is not saved says is not carried out on a task.
    ApplyNeedsSaved = "apply_needs_saved", UNPROCESSABLE_ENTITY;
    /// `performed_by` names nobody.
    UserNotFound = "user_not_found", UNPROCESSABLE_ENTITY;
    /// Passwords were guessed; `Retry-After` says when to come back.
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS;
    /// One caller listens that often already.
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS;
    /// `If-Match` must say which version the new one was made from.
    VersionRequired = "version_required", PRECONDITION_REQUIRED;
    Internal = "internal", INTERNAL_SERVER_ERROR;
    /// A route of the public API that this version does not have yet.
    NotImplemented = "not_implemented", NOT_IMPLEMENTED;
    /// Too much is under way; `Retry-After` says when to come back.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE;
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE;
    /// The disk or the database does not do what it is asked.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE;
}

/// An error answer: `{"code", "message", …}`.
#[derive(Debug)]
pub(super) struct ApiError {
    code: Code,
    message: String,
    /// The public API's own keys for this error.
    extra: Map<String, Value>,
    /// Where it may pass.
    retry_after_seconds: u64,
}

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let retry_after_seconds = RETRY_AFTER_SECONDS;
        let message = shortened(&message.into(), MESSAGE_CHARS_MAX).into_owned();
        Self { code, message, extra: Map::new(), retry_after_seconds }
    }

    /// With a key of its own beside `code` and `message`.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    /// What is wrong, as a person reads it.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.code.status() == StatusCode::NOT_FOUND
    }

    /// Our own fault: the detail goes to the log, not to the client.
    pub(super) fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a request failed by a fault of the server");
        Self::new(Code::Internal, "the server could not do this; its log says why")
    }

    /// The public API's shape for a task's bad values.
    pub(super) fn fields(errors: &FieldErrors) -> Self {
        Self::new(Code::InvalidFields, errors.to_line()).with("errors", json!(errors))
    }

    /// The public API's shape for an execution that was refused.
    pub(super) fn refused_execution(code: Code, errors: Vec<String>) -> Self {
        let short = |error: String| shortened(&error, MESSAGE_CHARS_MAX).into_owned();
        let errors: Vec<_> = errors.into_iter().map(short).collect();
        Self::new(code, errors.join("; ")).with("status", json!("Fail")).with("errors", json!(errors))
    }
}

impl ApiError {
    /// What is answered.
    pub(super) fn body(&self) -> Map<String, Value> {
        let mut body = self.extra.clone();
        body.insert("code".to_owned(), json!(self.code.as_str()));
        body.insert("message".to_owned(), json!(self.message));
        body
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        match self.code.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                response.insert_header((header::RETRY_AFTER, self.retry_after_seconds.to_string()));
            }
            // What is still to come of it is nobody's next request.
            StatusCode::REQUEST_TIMEOUT => {
                response.force_close();
            }
            StatusCode::UNAUTHORIZED => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            _ => {}
        }
        response.json(self.body())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::TaskMissing => Self::new(Code::TaskNotFound, message),
            Refusal::TaskExists => Self::new(Code::TaskExists, message),
            Refusal::NotOffered { .. } => Self::refused_execution(Code::ActionNotAvailable, vec![message]),
            Refusal::Unmet(unmet) => Self::refused_execution(Code::RequirementsNotMet, unmet),
            Refusal::Fields(errors) => Self::fields(&errors),
            Refusal::ExecutionMissing => Self::new(Code::ExecutionNotFound, message),
            Refusal::KeyReused => Self::new(Code::IdempotencyKeyReused, message),
            Refusal::StepGone { .. } => Self::new(Code::StepGone, message),
            Refusal::GoneOn => Self::new(Code::NotPossibleNow, message),
            Refusal::NoSchedule => Self::new(Code::ScheduleNotFound, message),
            Refusal::ItemMissing { .. } => Self::new(Code::ChecklistItemNotFound, message),
            Refusal::ItemOfTemplate { .. } => Self::new(Code::TemplateItem, message),
            Refusal::TooMany { .. } => Self::new(Code::TooMany, message),
            Refusal::Illegal(_) => Self::new(Code::NotPossibleNow, message),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Outdated { after, latest } => {
                let error = Self::new(Code::VersionConflict, error.to_string());
                error.with("expected", json!(after)).with("current", json!(latest))
            }
            StoreError::Busy { .. } => Self::new(Code::Overloaded, error.to_string()),
            StoreError::Closed => Self::new(Code::ShuttingDown, "the server is shutting down"),
            StoreError::Exists { .. } => Self::new(Code::NameTaken, error.to_string()),
            StoreError::LastAdministrator => Self::new(Code::LastAdministrator, error.to_string()),
            StoreError::Corrupt(_) | StoreError::Panicked => Self::internal(error),
            // The store says in the log when it begins and when it ends, not once for each request.
            StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Disk(_) | StoreError::Locked(_) => {
                Self::new(Code::StoreUnavailable, error.to_string())
            }
            StoreError::Database(_)
            | StoreError::Damaged(_)
            | StoreError::Folder { .. }
            | StoreError::Newer { .. } => {
                tracing::error!(%error, "the store could not do what a request asked");
                Self::new(Code::StoreUnavailable, error.to_string())
            }
        }
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        Self::internal(error)
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        let message = error.to_string();
        match error {
            SignInError::Wrong => Self::new(Code::WrongPassword, message),
            SignInError::TooMany(wait) => {
                let retry_after_seconds = wait.as_secs() + 1;
                Self { retry_after_seconds, ..Self::new(Code::TooManyAttempts, message) }
            }
            SignInError::Busy => Self::new(Code::Overloaded, message),
            SignInError::Store(error) => error.into(),
            SignInError::Credential(error) => error.into(),
        }
    }
}

impl From<SaveError> for ApiError {
    fn from(error: SaveError) -> Self {
        let message = error.to_string();
        match error {
            SaveError::FileManaged { file, .. } => {
                Self::new(Code::FileManaged, message).with("file", json!(file))
            }
            SaveError::Stranded(stranded) => {
                let shown = stranded.iter().map(shown::stranded).collect();
                Self::new(Code::DataStranded, message).with("stranded", shown)
            }
            SaveError::Exists(_) => Self::new(Code::WorkflowExists, message),
            SaveError::Store(error) => error.into(),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::Overloaded { .. } | EngineError::LineFull { .. } => {
                Self::new(Code::Overloaded, message)
            }
            EngineError::InDoubt => Self::new(Code::StoreUnavailable, message),
            EngineError::ShuttingDown => Self::new(Code::ShuttingDown, message),
            EngineError::StepTypeMissing(_) => Self::new(Code::StepTypeMissing, message),
            EngineError::Store(error) => error.into(),
            EngineError::Router(error) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use actix_web::body::MessageBody;

    use super::*;

    #[test]
    fn every_code_is_there_once_and_is_an_error() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(
            Code::ALL.iter().all(|code| code.status().is_client_error() || code.status().is_server_error())
        );
    }

    #[test]
    fn the_codes_and_their_statuses_are_promised() {
        let all: Vec<_> =
            Code::ALL.iter().map(|code| format!("{} {}", code.status().as_u16(), code.as_str())).collect();
        expect_test::expect![[r#"
            400 invalid_json
            400 invalid_body
            400 invalid_parameter
            422 invalid_where
            401 unauthorized
            401 wrong_password
            403 wrong_setup_token
            409 setup_done
            403 forbidden
            403 cross_origin
            404 not_found
            404 workflow_not_found
            404 task_not_found
            404 action_not_found
            404 step_not_found
            404 execution_not_found
            404 file_not_found
            404 no_such_user
            404 key_not_found
            404 role_not_found
            404 invitation_not_found
            404 endpoint_not_found
            404 secret_not_found
            404 version_not_found
            404 schedule_not_found
            404 checklist_item_not_found
            405 method_not_allowed
            408 body_too_slow
            409 not_possible_now
            409 step_gone
            409 name_taken
            409 last_administrator
            409 secret_in_use
            409 file_managed
            409 workflow_archived
            409 workflow_exists
            409 data_stranded
            409 step_type_missing
            409 template_item
            409 too_many
            412 version_conflict
            412 task_exists
            413 body_too_large
            415 unsupported_media_type
            422 invalid_fields
            422 invalid_definition
            422 invalid_secret
            422 invalid_user
            422 invalid_key
            422 action_not_available
            422 requirements_not_met
            422 idempotency_key_reused
            422 apply_needs_saved
            422 user_not_found
            429 too_many_attempts
            429 too_many_streams
            428 version_required
            500 internal
            501 not_implemented
            503 overloaded
            503 shutting_down
            503 store_unavailable"#]]
        .assert_eq(&all.join("\n"));
    }

    fn body(error: ApiError) -> String {
        let bytes = error.error_response().into_body().try_into_bytes().expect("a body in memory");
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[test]
    fn the_bodies_have_the_public_shapes() {
        let mut fields = FieldErrors::default();
        fields.add("Contract Value", "is invalid");
        for (error, expected) in [
            (
                ApiError::fields(&fields),
                r#"{"errors":{"Contract Value":["is invalid"]},"code":"invalid_fields","message":"Contract Value is invalid"}"#,
            ),
            (
                Refusal::Unmet(vec!["Name is required".to_owned(), "Must be assigned".to_owned()]).into(),
                r#"{"status":"Fail","errors":["Name is required","Must be assigned"],"code":"requirements_not_met","message":"Name is required; Must be assigned"}"#,
            ),
            (Refusal::TaskMissing.into(), r#"{"code":"task_not_found","message":"the task does not exist"}"#),
            (
                Refusal::TooMany { what: "comments", most: 10_000 }.into(),
                r#"{"code":"too_many","message":"the task has 10000 comments already, and can have no more"}"#,
            ),
        ] {
            assert_eq!(body(error), expected);
        }
    }
}
