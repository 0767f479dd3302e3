//! Calls to other servers, through the server's own client: its rules of who may be called, its proxy, its certificates and its record.
//!
//! ```
//! use onward_sdk::{Answer, Call, StepError};
//!
//! fn run(call: &Call) -> Result<Answer, StepError> {
//!     let invoice: serde_json::Value = call
//!         .http()
//!         .post("https://billing.example/invoices")
//!         .header("Idempotency-Key", format!("{}.{}", call.execution, call.step.as_deref().unwrap_or_default()))
//!         .json(&serde_json::json!({"customer": call.task.required_text("Customer")?}))
//!         .send()?
//!         .success()?
//!         .json()?;
//!     Ok(Answer::new().set("Invoice", invoice["number"].clone()))
//! }
//! ```

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    StepError,
    abi::STATUS_OK,
    base64,
    exchange::{self, Answered},
    host::Host,
};

/// A client for the time of a call.
#[derive(Debug, Clone)]
pub struct Http {
    host: Host,
    call: u64,
}

impl Http {
    pub(crate) fn new(host: Host, call: u64) -> Self {
        Self { host, call }
    }

    /// A request by any method.
    pub fn request(&self, method: impl Into<String>, url: impl Into<String>) -> Request {
        let document = RequestDocument {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Body::default(),
            timeout_ms: None,
        };
        Request { http: self.clone(), document, wrong: None }
    }

    /// `GET`.
    pub fn get(&self, url: impl Into<String>) -> Request {
        self.request("GET", url)
    }

    /// `POST`.
    pub fn post(&self, url: impl Into<String>) -> Request {
        self.request("POST", url)
    }

    /// `PUT`.
    pub fn put(&self, url: impl Into<String>) -> Request {
        self.request("PUT", url)
    }

    /// `PATCH`.
    pub fn patch(&self, url: impl Into<String>) -> Request {
        self.request("PATCH", url)
    }

    /// `DELETE`.
    pub fn delete(&self, url: impl Into<String>) -> Request {
        self.request("DELETE", url)
    }
}

/// A request to be sent.
#[derive(Debug, Clone)]
#[must_use = "it is sent by `send`"]
pub struct Request {
    http: Http,
    document: RequestDocument,
    wrong: Option<String>,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.document.headers.push((name.into(), value.into()));
        self
    }

    /// `Authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// A body of JSON, and its `Content-Type`.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => self.document.body = Body::Text(text),
            Err(error) => self.wrong = Some(error.to_string()),
        }
        self.header("Content-Type", "application/json")
    }

    /// A body that is a text.
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.document.body = Body::Text(body.into());
        self
    }

    /// A body of any bytes.
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.document.body = Body::Bytes(body.into());
        self
    }

    /// How long it may take in all; less than what the call has left.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.document.timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Sends it, and waits for the answer: any answer, a 404 too ([`Response::success`] tells them apart).
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub fn send(self) -> Result<Response, HttpError> {
        received(self.begin()?.wait())
    }

    /// The same of an asynchronous step.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub async fn send_async(self) -> Result<Response, HttpError> {
        let exchange = self.begin()?;
        received(exchange.await)
    }

    fn begin(self) -> Result<exchange::Exchange, HttpError> {
        if let Some(wrong) = self.wrong {
            return Err(HttpError::not_sent(
                "invalid_body",
                format!("The body cannot be written as JSON: {wrong}."),
            ));
        }
        let json = serde_json::to_vec(&self.document)
            .map_err(|error| HttpError::not_sent("invalid_request", error.to_string()))?;
        exchange::send(self.http.host, self.http.call, &json).ok_or_else(|| {
            HttpError::not_sent("http_unavailable", "This server lets no plugin call other servers.")
        })
    }
}

fn received((status, answer): Answered) -> Result<Response, HttpError> {
    let unreadable = |error: serde_json::Error| HttpError {
        code: "unreadable_answer".to_owned(),
        message: format!("What the server says of the answer cannot be read: {error}."),
        sent: true,
    };
    if status != STATUS_OK {
        return Err(serde_json::from_slice(&answer).unwrap_or_else(unreadable));
    }
    let document: ResponseDocument = serde_json::from_slice(&answer).map_err(unreadable)?;
    Ok(Response { status: document.status, headers: document.headers, body: document.body.into_bytes() })
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// As they came.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as a text; what is not UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, as JSON.
    ///
    /// # Errors
    ///
    /// `unreadable_answer`: it is not of this type. Of an answer that says that it was done it is not known whether it was.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("The server's answer cannot be read: {error}.");
            let error = StepError::new("unreadable_answer", message);
            if self.is_success() { error.unknown() } else { error }
        })
    }

    /// For how many seconds it asks not to be asked again (`Retry-After`): a number of them, or a date, which is counted from the
    /// answer's own.
    pub fn retry_after(&self) -> Option<u64> {
        let value = self.header("Retry-After")?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(seconds);
        }
        let until = httpdate::parse_http_date(value).ok()?;
        let own = self.header("Date").and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        let pause = until.duration_since(own.unwrap_or_else(SystemTime::now)).unwrap_or_default();
        Some(pause.as_secs() + u64::from(pause.subsec_nanos() > 0))
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Itself, if its status is 2xx.
    ///
    /// # Errors
    ///
    /// `http_status`, with status and body in the details; retryable where the status says that it may pass, and not before the time that
    /// the answer names.
    pub fn success(self) -> Result<Self, StepError> {
        if self.is_success() {
            return Ok(self);
        }
        let error = StepError::new("http_status", format!("The server answered {}.", self.status))
            .with_details(serde_json::json!({"status": self.status, "body": self.text()}));
        let may_pass = matches!(self.status, 408 | 425 | 429 | 500..);
        Err(match self.retry_after() {
            Some(seconds) if may_pass => error.retryable_after(seconds),
            None if may_pass => error.retryable(),
            _ => error,
        })
    }
}

/// Whether what is sent to a URL can be read by nobody on its way: over TLS, or to this machine. What a credential is to be sent to
/// is held to this by `new`.
///
/// ```
/// use onward_sdk::http::is_confidential;
///
/// assert!(is_confidential("https://crm.example/api") && is_confidential("http://127.0.0.1:8081"));
/// assert!(!is_confidential("http://crm.example/api"));
/// ```
pub fn is_confidential(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return false;
    }
    if scheme.eq_ignore_ascii_case("https") {
        return true;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_here = host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    scheme.eq_ignore_ascii_case("http") && is_here && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpError {
    /// Such as `connect_failed`, `refused_address` or `timeout`.
    pub code: String,
    /// For people.
    pub message: String,
    /// False where the request certainly reached nobody, so that it may be sent again without doing anything twice.
    #[serde(default = "is_sent")]
    pub sent: bool,
}

/// Who does not say so does not know so.
fn is_sent() -> bool {
    true
}

impl HttpError {
    /// It has reached nobody.
    pub fn not_sent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), sent: false }
    }

    /// The same without a secret in its message: of a URL that is one, also without the part that comes after the host.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        if secret.is_empty() {
            return self;
        }
        let after_scheme = secret.split_once("://").map_or(secret, |(_, rest)| rest);
        let path = after_scheme.find('/').map(|at| &after_scheme[at..]).filter(|path| path.len() > 1);
        self.message = self.message.replace(secret, "…");
        if let Some(path) = path {
            self.message = self.message.replace(path, "/…");
        }
        self
    }

    /// It was sent, and nobody knows what became of it.
    pub fn sent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), sent: true }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for HttpError {}

impl From<HttpError> for StepError {
    /// What was sent may have been done: such an error is *unknown*, and one of what was not sent is retryable.
    fn from(error: HttpError) -> Self {
        let step_error = Self::new(error.code, error.message);
        if error.sent { step_error.unknown() } else { step_error.retryable() }
    }
}

/// A request as the host is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDocument {
    /// `POST`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What is sent.
    #[serde(flatten)]
    pub body: Body,
    /// How long it may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// An answer as the host tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseDocument {
    /// Such as 200.
    pub status: u16,
    /// Names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What came.
    #[serde(flatten)]
    pub body: Body,
}

/// A body in JSON: a text as `body`, other bytes as `body_base64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BodyDocument", into = "BodyDocument")]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// Other bytes.
    Bytes(Vec<u8>),
}

impl Body {
    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Body {
    /// A text where it is one.
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }
}

#[derive(Serialize, Deserialize)]
struct BodyDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl TryFrom<BodyDocument> for Body {
    type Error = &'static str;

    fn try_from(document: BodyDocument) -> Result<Self, Self::Error> {
        match (document.body, document.body_base64) {
            (None, None) => Ok(Self::Empty),
            (Some(text), None) => Ok(Self::Text(text)),
            (None, Some(text)) => base64::decoded(&text).map(Self::Bytes).ok_or("body_base64 is not base64"),
            (Some(_), Some(_)) => Err("body and body_base64 are both given"),
        }
    }
}

impl From<Body> for BodyDocument {
    fn from(body: Body) -> Self {
        match body {
            Body::Empty => Self { body: None, body_base64: None },
            Body::Text(text) => Self { body: Some(text), body_base64: None },
            Body::Bytes(bytes) => Self { body: None, body_base64: Some(base64::encoded(&bytes)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_go_as_texts_where_they_are_and_come_back() {
        for (body, wanted) in [
            (Body::Empty, json!({"status": 200})),
            (Body::Text("a".to_owned()), json!({"status": 200, "body": "a"})),
            (Body::from(vec![0xff]), json!({"status": 200, "body_base64": "/w=="})),
        ] {
            let document = ResponseDocument { status: 200, headers: Vec::new(), body };
            let written = serde_json::to_value(&document).expect("JSON");
            assert_eq!(written, wanted);
            assert_eq!(serde_json::from_value::<ResponseDocument>(written).expect("a document"), document);
        }
        for wrong in [
            json!({"status": 200, "body": "a", "body_base64": "YQ=="}),
            json!({"status": 200, "body_base64": "?"}),
        ] {
            assert!(serde_json::from_value::<ResponseDocument>(wrong).is_err());
        }
    }

    #[test]
    fn what_is_sent_in_the_open_is_told_apart() {
        for url in [
            "https://a.example",
            "HTTPS://a.example:444/x?y",
            "http://localhost/x",
            "http://127.0.0.1:80",
            "http://127.9.9.9",
            "http://[::1]:8080/",
            "http://[::1]",
        ] {
            assert!(is_confidential(url), "{url}");
        }
        for url in [
            "",
            "a.example",
            "https://",
            "http://a.example",
            "ftp://127.0.0.1",
            "http://127.0.0.1.a.example",
            "http://a.example:127.0.0.1",
            "http://127.0.0.1@a.example",
            "http://a.example\\@127.0.0.1",
            "https://user@a.example",
            "http://10.0.0.1",
            "http://localhost.a.example",
        ] {
            assert!(!is_confidential(url), "{url}");
        }
    }

    #[test]
    fn an_error_that_does_not_say_whether_it_was_sent_counts_as_sent() {
        let error: HttpError =
            serde_json::from_value(json!({"code": "reset", "message": "…"})).expect("an error");
        assert!(error.sent);
        assert!(StepError::from(error).unknown);
        let refused = StepError::from(HttpError::not_sent("connect_failed", "refused"));
        assert!(refused.retryable && !refused.unknown);
    }

    #[test]
    fn a_status_says_whether_it_may_pass() {
        let response =
            |status| Response { status, headers: vec![("X-A".into(), "1".into())], body: b"no".to_vec() };
        assert!(response(204).success().is_ok());
        for (status, retryable) in [(302, false), (404, false), (429, true), (503, true)] {
            let error = response(status).success().expect_err("no success");
            assert_eq!((error.retryable, error.code.as_str()), (retryable, "http_status"));
            assert_eq!(error.details.as_deref(), Some(&json!({"status": status, "body": "no"})));
        }
        assert_eq!(response(200).header("x-a"), Some("1"));
        let error = response(200).json::<u8>().expect_err("no number");
        assert!(error.code == "unreadable_answer" && error.unknown, "{error:?}");
        assert!(!response(404).json::<u8>().expect_err("no number").unknown);
    }

    #[test]
    fn an_answer_says_when_to_come_again() {
        let date = |text: &str| ("Date".to_owned(), text.to_owned());
        let response = |value: &str, more: Vec<(String, String)>| {
            let headers = [vec![("retry-after".to_owned(), value.to_owned())], more].concat();
            Response { status: 503, headers, body: Vec::new() }
        };
        let noon = || vec![date("Sat, 28 Nov 2026 12:00:00 GMT")];
        for (value, more, seconds) in [
            ("120", Vec::new(), Some(120)),
            (" 0 ", Vec::new(), Some(0)),
            ("Sat, 28 Nov 2026 12:01:30 GMT", noon(), Some(90)),
            ("Sat, 28 Nov 2026 11:00:00 GMT", noon(), Some(0)),
            ("Fri, 27 Nov 2020 11:00:00 GMT", Vec::new(), Some(0)),
            ("-1", Vec::new(), None),
            ("soon", noon(), None),
        ] {
            let response = response(value, more);
            assert_eq!(response.retry_after(), seconds, "{value}");
            let error = response.success().expect_err("no success");
            assert_eq!((error.retryable, error.retry_after), (true, seconds), "{value}");
        }
        let later = SystemTime::now() + Duration::from_secs(100);
        let seconds = response(&httpdate::fmt_http_date(later), Vec::new()).retry_after().expect("a date");
        assert!((1..=100).contains(&seconds), "{seconds}");
    }
}
