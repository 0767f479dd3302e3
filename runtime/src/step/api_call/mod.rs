//! `api_call`: posts the contract's document to a URL. 2xx goes on, and may change the task;
//! anything else aborts the action on this step.

mod auth;
mod custom;
mod keys;
mod lint;
mod outcome;
mod proxy;
mod request;
mod tls;

use std::{borrow::Cow, time::Duration};

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tracing::Instrument;

pub use self::auth::Tokens;
use self::{
    auth::{Applied, Auth, AuthError},
    custom::Custom,
    proxy::Way,
    request::RequestError,
    tls::Tls,
};
use super::{
    Call, Description, Outcome, Step, StepType, category, header,
    params::Params,
    retry::{RetryPolicy, random, retry_after},
    schema, trace,
};
use crate::model::{
    StepDefinition, Workflow,
    execution::Effects,
    template::{Destination, Template, UrlProblem},
    workflow::ParamProblem,
};
use crate::{
    egress::{Exchange, Guard},
    lint::StepFinding,
};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
const RESPONSE_BYTES_DEFAULT: usize = 1024 * 1024;
const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
const HEADERS_MAX: usize = 50;
const SIGNING_SECRETS_MAX: usize = 4;

/// Methods; all but the last may carry the contract's document.
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

pub(super) struct ApiCallType {
    pub(super) guard: Guard,
}

struct ApiCall {
    method: &'static str,
    url: Template,
    headers: Vec<(String, Template)>,
    auth: Option<Auth>,
    tls: Option<Tls>,
    /// `None` for the settings' own.
    way: Option<Way>,
    /// `None` for the action contract's own format.
    custom: Option<Custom>,
    timeout: Duration,
    response_bytes_max: usize,
    strict_response: bool,
    strict_fields: bool,
    retry: Option<RetryPolicy>,
    /// By names: the request is signed with each, so that a receiver may know the new one or the old one.
    signing_secrets: Vec<String>,
    /// The names of all secrets that it sends.
    secrets: Vec<String>,
}

impl StepType for ApiCallType {
    fn id(&self) -> &str {
        "api_call"
    }

    fn effects(&self) -> Effects {
        Effects::External
    }

    fn description(&self) -> Cow<'_, Description> {
        Cow::Owned(Description::built_in(
            "API call",
            category::INTEGRATION,
            "sends the action, the user and the task as JSON, or a request of one's own; the answer may change the task",
            schema(),
        ))
    }

    fn configure(
        &self,
        step: &StepDefinition,
        workflow: &Workflow,
    ) -> Result<Box<dyn Step>, Vec<ParamProblem>> {
        let mut params = Params::new(step, workflow);
        let is_custom = is_custom(&mut params);
        if !is_custom {
            refuse_custom(&mut params);
        }
        let method = method(&mut params, is_custom);
        let url =
            params.required_text("url").and_then(|url| url_template(&mut params, "url", &url, &self.guard));
        let headers = headers(&mut params);
        let custom = is_custom.then(|| Custom::read(&mut params));
        let auth = Auth::read(&mut params, &self.guard);
        if let Some(name) = auth.as_ref().and_then(Auth::header)
            && let Some((header, _)) = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))
        {
            params.problem(
                &format!("headers/{header}"),
                "invalid_param",
                format!("`auth` sets the header `{name}`; it must not stand in both"),
            );
        }
        let tls = Tls::read(&mut params);
        let way = Way::read(&mut params, &self.guard);
        let timeout = params.duration("timeout", TIMEOUT_DEFAULT, TIMEOUT_MAX);
        let response_bytes_max =
            params.bytes("max_response_bytes", RESPONSE_BYTES_DEFAULT, RESPONSE_BYTES_MAX);
        let (strict_response, strict_fields) = (params.flag("strict_response"), params.flag("strict_fields"));
        let retry = RetryPolicy::read(&mut params);
        let signing_secrets = signing_secrets(&mut params);
        params.finish(|| {
            let url = url?;
            let sent = headers.iter().map(|(_, value)| value).chain([&url]).flat_map(Template::secrets);
            let of_auth = auth.as_ref().map(Auth::secrets).unwrap_or_default();
            let secrets = sent.map(str::to_owned).chain(signing_secrets.clone()).chain(of_auth);
            let of_connection =
                tls.iter().flat_map(Tls::secrets).chain(way.iter().flat_map(Way::secrets)).map(str::to_owned);
            let secrets = secrets
                .chain(of_connection)
                .chain(custom.as_ref().map(Custom::secrets).unwrap_or_default())
                .collect();
            Some(Box::new(ApiCall {
                method,
                url,
                headers,
                auth,
                tls,
                way,
                custom,
                timeout,
                response_bytes_max,
                strict_response,
                strict_fields,
                retry,
                signing_secrets,
                secrets,
            }) as Box<dyn Step>)
        })
    }

    fn lint(&self, step: &StepDefinition) -> Vec<StepFinding> {
        lint::findings(step)
    }
}

impl Step for ApiCall {
    fn run<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.send(&call).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(error.code(), error.to_string()),
            }
        })
    }

    fn again_after_crash(&self, tries: u32) -> Option<Duration> {
        self.retry.as_ref()?.pause(tries, None, random())
    }
}

/// Answers after which a receiver may do what is asked when it is asked again.
const RETRYABLE: [u16; 3] = [408, 425, 429];

impl ApiCall {
    /// Makes the call; once more with another token when the receiver has refused one that was kept.
    async fn send(&self, call: &Call<'_>) -> Result<Outcome, RequestError> {
        let redactor = call.secrets.redactor(self.secrets.iter().map(String::as_str));
        let mut refused = None;
        loop {
            let mut request = self.request(call)?;
            let applied = match &self.auth {
                None => Applied::default(),
                Some(auth) => match auth.apply(call, &mut request, refused.as_ref(), &redactor).await {
                    Ok(applied) => applied,
                    Err(error) => return Ok(self.unauthorized(call, &error)),
                },
            };
            let redactor = redactor.and(applied.token.as_ref());
            let span = trace::begin(&mut request);
            let exchange = call.resources.egress.send(request.clone()).instrument(span.clone()).await;
            trace::end(&span, &exchange);
            // What is refused was not done; a token that was kept may be over before its time.
            if exchange.status() == Some(401) && applied.is_cached && refused.is_none() {
                refused = applied.token;
                continue;
            }
            let outcome = self.outcome(&request, &exchange, &redactor);
            return Ok(Outcome { again: self.again(call, &exchange), ..outcome });
        }
    }

    /// It was not sent: there was nothing to say who it is from.
    fn unauthorized(&self, call: &Call<'_>, error: &AuthError) -> Outcome {
        let again = match (error, &self.retry) {
            (AuthError::TokenNow(_, asked), Some(policy)) => {
                policy.pause(call.execution.tries, *asked, random())
            }
            _ => None,
        };
        Outcome { again, ..Outcome::failed(error.code(), error.to_string()) }
    }

    /// After how long the call is to be tried again: it was not answered, or the answer invites it.
    fn again(&self, call: &Call<'_>, exchange: &Exchange) -> Option<Duration> {
        let policy = self.retry.as_ref()?;
        let asked = match (exchange.answer(), &exchange.result) {
            (Some(answer), _) if RETRYABLE.contains(&answer.status) || answer.status >= 500 => {
                let header = answer.header("retry-after");
                header.and_then(|value| retry_after(value, call.resources.clock.now()))
            }
            // A refusal for good, however much of it came.
            (Some(answer), _) if !self.is_success(answer.status) => return None,
            (_, Err(error)) if error.may_pass() => error.not_before(),
            _ => return None,
        };
        policy.pause(call.execution.tries, asked, random())
    }
}

/// What [`ApiCallType::configure`] reads.
fn schema() -> Value {
    let properties = json!({
        "url": schema::url("Where the call goes: http:// or https://, or a secret that begins so."),
        "method": {"description": "The method.", "enum": METHODS, "default": METHODS[0]},
        "headers": schema::texts_by_name("Headers by name; values may have places such as {{Field Name}}.", HEADERS_MAX),
        "auth": Auth::schema(),
        "tls": Tls::schema(),
        "proxy": Way::schema(),
        "timeout": schema::duration_or("How long the whole call may take.", TIMEOUT_DEFAULT, TIMEOUT_MAX),
        "max_response_bytes": {
            "description": "Bytes that the answer may have.",
            "type": "integer",
            "minimum": 1,
            "maximum": RESPONSE_BYTES_MAX,
            "default": RESPONSE_BYTES_DEFAULT,
        },
        "strict_response": schema::flag("An answer of 2xx that is no JSON object is a failure."),
        "strict_fields": schema::flag("A field in the answer that the workflow does not have is a failure."),
        "retry": RetryPolicy::schema(),
        "signing_secret": {
            "description": "The secret that signs the call, as {{secrets.NAME}}; or the new one and the old ones.",
            "anyOf": [
                schema::credential("The secret."),
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": SIGNING_SECRETS_MAX,
                    "items": schema::credential("One of the secrets."),
                },
            ],
        },
        "format": {
            "description": "\"default\": the action, the user and the task as JSON; \"custom\": a request of one's own.",
            "enum": ["default", "custom"],
            "default": "default",
        },
    });
    let mut schema = schema::object(properties, &["url"]);
    // The parameters of a request of one's own mean nothing in the default format.
    let mut otherwise = json!({"method": {"enum": METHODS[..METHODS.len() - 1]}});
    for (name, of_custom) in Custom::schemas() {
        otherwise[&name] = false.into();
        schema["properties"][&name] = of_custom;
    }
    schema["if"] = json!({"properties": {"format": {"const": "custom"}}, "required": ["format"]});
    schema["else"] = json!({"properties": otherwise});
    schema
}

/// `format`: the action contract's own, or one of the author's.
fn is_custom(params: &mut Params<'_>) -> bool {
    match params.text("format").as_deref() {
        None | Some("default") => false,
        Some("custom") => true,
        Some(_) => {
            params.problem("format", "invalid_param", "`format` must be \"default\" or \"custom\"");
            // What else there is may belong to either of them.
            true
        }
    }
}

/// Notes what only a request of one's own has.
fn refuse_custom(params: &mut Params<'_>) {
    for name in Custom::schemas().keys() {
        let message = format!("`{name}` means nothing in the default format, whose document Onward writes");
        params.misplaced(name, message, CUSTOM_FORMAT);
    }
}

/// What lets a step have a request of its own.
const CUSTOM_FORMAT: &str = "for a request of one's own write format = \"custom\" beside it";

fn method(params: &mut Params<'_>, is_custom: bool) -> &'static str {
    let Some(text) = params.text("method") else { return METHODS[0] };
    let possible = if is_custom { &METHODS[..] } else { &METHODS[..METHODS.len() - 1] };
    possible.iter().copied().find(|method| *method == text).unwrap_or_else(|| {
        let message = format!("`method` must be one of {}", possible.join(", "));
        let meant = METHODS.iter().find(|method| method.eq_ignore_ascii_case(&text));
        match meant {
            Some(meant) if possible.contains(meant) => {
                params.problem_with_help("method", "invalid_param", message, format!("write \"{meant}\""));
            }
            Some(_) => params.problem_with_help("method", "invalid_param", message, CUSTOM_FORMAT),
            None => params.problem("method", "invalid_param", message),
        }
        METHODS[0]
    })
}

fn url_template(params: &mut Params<'_>, place: &str, url: &str, guard: &Guard) -> Option<Template> {
    let template = params.template(place, url, Destination::Call)?;
    let is_http = url.starts_with("http://") || url.starts_with("https://");
    // Then only the sender can tell.
    if !is_http && !template.begins_with_secret() {
        let message = format!("`{url}` does not begin with http:// or https://, or with a secret that does");
        params.problem(place, "invalid_param", message);
        return None;
    }
    if let Some(UrlProblem { message, help }) = template.url_problem() {
        params.problem_with_help(place, "invalid_param", message, help);
        return None;
    }
    if let Err(problem) = fixed_origin(url).map_or(Ok(()), |origin| guard.check_url(origin)) {
        params.problem(place, "url_not_callable", problem);
    }
    Some(template)
}

/// Scheme and host of a URL, where no template has a part in them.
fn fixed_origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let origin = &url[..scheme.len() + 3 + end];
    (!origin.contains("{{")).then_some(origin)
}

fn headers(params: &mut Params<'_>) -> Vec<(String, Template)> {
    let table = params.table("headers");
    if table.len() > HEADERS_MAX {
        params.problem("headers", "invalid_param", format!("more than {HEADERS_MAX} headers"));
    }
    let mut headers = Vec::new();
    for (name, value) in table {
        let place = format!("headers/{name}");
        if let Some(problem) = header_problem(&name) {
            params.problem(&place, "invalid_param", format!("the header `{name}` {problem}"));
            continue;
        }
        match value {
            Value::String(source) if source.contains(['\r', '\n', '\0']) => {
                let message = format!("the value of `{name}` contains a line break");
                params.problem(&place, "invalid_param", message);
            }
            Value::String(source) => {
                let template = params.template(&place, &source, Destination::Call);
                headers.extend(template.map(|template| (name, template)));
            }
            _ => params.problem(&place, "wrong_type", format!("the value of `{name}` must be a text")),
        }
    }
    headers
}

/// `signing_secret`: one secret, or the new one and the old one while they are changed.
fn signing_secrets(params: &mut Params<'_>) -> Vec<String> {
    let values = match params.take("signing_secret") {
        None => return Vec::new(),
        Some(Value::Array(items)) if (1..=SIGNING_SECRETS_MAX).contains(&items.len()) => items,
        Some(text @ Value::String(_)) => vec![text],
        Some(_) => vec![Value::Null],
    };
    let mut names = Vec::new();
    for value in values {
        let source = value.as_str().unwrap_or_default();
        let template = params.template("signing_secret", source, Destination::Call);
        match template.as_ref().and_then(Template::sole_secret) {
            Some(name) => names.push(name.to_owned()),
            None if template.is_none() => {}
            None => params.problem(
                "signing_secret",
                "invalid_param",
                format!(
                    "`signing_secret` must be a reference such as \"{{{{secrets.NAME}}}}\", or a list of up to \
                     {SIGNING_SECRETS_MAX}: the new one and the old ones"
                ),
            ),
        }
    }
    names
}

/// Why a header may not be set; `None` when it may.
fn header_problem(name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case("content-type") {
        return Some(
            "cannot be set: it is application/json in the default format, and what `content_type` says with format = \"custom\"",
        );
    }
    header::problem(name)
}
