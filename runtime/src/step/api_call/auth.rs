//! How a call says who it is from: `auth = { bearer = "{{secrets.TOKEN}}" }` and the like. Credentials stand in
//! workflow files as references to secrets only.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{header_problem, keys::Keys};
use crate::{
    egress::{Guard, Request},
    model::{
        secret::{Redactor, SECRET_CHARS_MIN},
        template::{Destination, Escape, RenderError, Scope, Template, percent_encode},
    },
    step::{Call, params::Params, schema, setting},
};

/// A token that ends sooner than this is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_secs(30);
/// How long one is used that does not say when it ends.
const TOKEN_AGE_DEFAULT: Duration = Duration::from_secs(300);
const TOKEN_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
const TOKEN_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Tokens that are kept; when there are more, all are fetched anew.
const TOKENS_MAX: usize = 1_000;

pub(super) enum Auth {
    Basic { user: Template, password: Template },
    Bearer(Template),
    Header { name: String, value: Template },
    Query { name: String, value: Template },
    OAuth2(OAuth2),
}

/// Client credentials (RFC 6749, 4.4).
pub(super) struct OAuth2 {
    token_url: Template,
    client_id: Template,
    client_secret: Template,
    scope: Option<Template>,
    audience: Option<Template>,
    /// The credentials stand in the body instead of a header.
    in_body: bool,
}

#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum AuthError {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("no access token: {0}")]
    Token(String),
    /// The same may succeed later, and not before so long.
    #[error("no access token: {0}")]
    TokenNow(String, Option<Duration>),
}

impl AuthError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Render(RenderError::SecretMissing(_)) => "secret_missing",
            Self::Render(_) => "invalid_request",
            Self::Token(_) | Self::TokenNow(..) => "oauth2_failed",
        }
    }
}

/// What was added to a request.
#[derive(Default)]
pub(super) struct Applied {
    /// An access token, which nobody is shown either.
    pub(super) token: Option<Arc<str>>,
    /// It was there before this call, and may be refused by now.
    pub(super) is_cached: bool,
}

impl Auth {
    /// `auth`, where there is one.
    pub(super) fn read(params: &mut Params<'_>, guard: &Guard) -> Option<Self> {
        let table = params.optional_table("auth", "{ bearer = \"{{secrets.TOKEN}}\" }")?;
        let mut kinds = table.into_iter();
        let (Some((kind, value)), None) = (kinds.next(), kinds.next()) else {
            params.problem("auth", "invalid_param", format!("`auth` must have one of {KINDS}"));
            return None;
        };
        match (kind.as_str(), value) {
            ("bearer", Value::String(source)) if has_scheme(&source) => {
                let message = "`bearer` is the token alone: `Bearer` is sent before it without being written";
                params.problem_with_help(
                    "auth/bearer",
                    "invalid_param",
                    message,
                    "leave out the word `Bearer`",
                );
                None
            }
            ("bearer", Value::String(source)) => {
                setting::credential(params, "auth/bearer", &source).map(Self::Bearer)
            }
            ("basic", Value::Object(table)) => {
                let mut keys = Keys::new("auth/basic", table);
                let (user, password) = (keys.text(params, "user"), keys.credential(params, "password"));
                keys.finish(params, &["user", "password"]);
                Some(Self::Basic { user: user?, password: password? })
            }
            ("api_key", Value::Object(table)) => api_key(params, table),
            ("oauth2", Value::Object(table)) => OAuth2::read(params, table, guard).map(Self::OAuth2),
            (kind, _) => {
                let (place, names) = (format!("auth/{kind}"), ["bearer", "basic", "api_key", "oauth2"]);
                let message = format!("`auth` knows {KINDS}, and not `{kind}` like this");
                match names.contains(&kind) {
                    true => params.problem(&place, "invalid_param", message),
                    false => params.unknown(&place, message, &names),
                }
                None
            }
        }
    }

    pub(super) fn schema() -> Value {
        let (template, credential) = (schema::template, schema::credential);
        let basic = json!({"user": template("The user's name."), "password": credential("The password.")});
        let api_key = json!({
            "header": schema::text("The header that has the key; or write `query`."),
            "query": schema::text("The parameter of the URL's query that has the key; or write `header`."),
            "value": credential("The key."),
        });
        let mut api_key = schema::object(api_key, &["value"]);
        api_key["oneOf"] = json!([{"required": ["header"]}, {"required": ["query"]}]);
        let oauth2 = json!({
            "token_url": schema::url("Where access tokens are fetched."),
            "client_id": template("The client's id."),
            "client_secret": credential("The client's secret."),
            "scope": template("The scope to ask for."),
            "audience": template("The audience to ask for."),
            "credentials": {
                "description": "Where the token endpoint gets the credentials: in the header Authorization, or in the body.",
                "enum": ["header", "body"],
                "default": "header",
            },
        });
        let kinds = [
            ("bearer", credential("A token, sent as `Authorization: Bearer …`.")),
            (
                "basic",
                schema::described(schema::object(basic, &["user", "password"]), "A user and a password."),
            ),
            ("api_key", schema::described(api_key, "A key in a header or in the URL's query.")),
            (
                "oauth2",
                schema::described(
                    schema::object(oauth2, &["token_url", "client_id", "client_secret"]),
                    "OAuth2 client credentials: an access token is fetched, and kept until shortly before its end.",
                ),
            ),
        ];
        let kinds = kinds.map(|(name, schema)| (name.to_owned(), schema));
        schema::one_of("How the call says who it is from; one of these.", Map::from_iter(kinds))
    }

    /// The header that it sets.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Self::Basic { .. } | Self::Bearer(_) | Self::OAuth2(_) => Some("authorization"),
            Self::Header { name, .. } => Some(name),
            Self::Query { .. } => None,
        }
    }

    /// The secrets that it needs.
    pub(super) fn secrets(&self) -> Vec<String> {
        let templates = match self {
            Self::Basic { user, password } => vec![user, password],
            Self::Bearer(value) | Self::Header { value, .. } | Self::Query { value, .. } => vec![value],
            Self::OAuth2(oauth2) => {
                let optional = [&oauth2.scope, &oauth2.audience].into_iter().flatten();
                [&oauth2.token_url, &oauth2.client_id, &oauth2.client_secret]
                    .into_iter()
                    .chain(optional)
                    .collect()
            }
        };
        templates.into_iter().flat_map(Template::secrets).map(str::to_owned).collect()
    }

    /// Adds the credentials to a request. `refused`: a token that the receiver has just refused.
    pub(super) async fn apply(
        &self,
        call: &Call<'_>,
        request: &mut Request,
        refused: Option<&Arc<str>>,
        redactor: &Redactor,
    ) -> Result<Applied, AuthError> {
        let scope = Scope::from(call);
        let (mut authorization, mut applied) = (None, Applied::default());
        match self {
            Self::Basic { user, password } => {
                let pair = format!(
                    "{}:{}",
                    user.render(&scope, Escape::Text)?,
                    password.render(&scope, Escape::Text)?
                );
                authorization = Some(format!("Basic {}", BASE64_STANDARD.encode(pair)));
            }
            Self::Bearer(value) => {
                authorization = Some(format!("Bearer {}", value.render(&scope, Escape::Header)?))
            }
            Self::Header { name, value } => {
                request.headers.push((name.clone(), value.render(&scope, Escape::Header)?));
            }
            Self::Query { name, value } => {
                let (value, mut pair) = (value.render(&scope, Escape::Text)?, String::new());
                percent_encode(name, &mut pair);
                pair.push('=');
                percent_encode(&value, &mut pair);
                request.url = with_query(&request.url, &pair);
            }
            Self::OAuth2(oauth2) => {
                let (token, is_cached) = oauth2.token(call, &scope, request, refused, redactor).await?;
                authorization = Some(format!("Bearer {token}"));
                applied = Applied { token: Some(token), is_cached };
            }
        }
        request.headers.extend(authorization.map(|value| ("Authorization".to_owned(), value)));
        Ok(applied)
    }
}

const KINDS: &str = "bearer = \"{{secrets.…}}\", basic = { user, password }, api_key = { header or query, value }, \
                     oauth2 = { token_url, client_id, client_secret, scope, audience, credentials }";

/// Whether a token begins with the scheme that is sent before it.
fn has_scheme(token: &str) -> bool {
    let word = token.split_whitespace().next().unwrap_or_default();
    token.trim_start().len() > word.len() && word.eq_ignore_ascii_case("bearer")
}

/// Before the fragment, if there is one.
fn with_query(url: &str, pair: &str) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, ""), |(url, fragment)| (url, fragment));
    let separator = if url.contains('?') { '&' } else { '?' };
    let hash = if fragment.is_empty() { "" } else { "#" };
    format!("{url}{separator}{pair}{hash}{fragment}")
}

fn api_key(params: &mut Params<'_>, table: Map<String, Value>) -> Option<Auth> {
    let mut keys = Keys::new("auth/api_key", table);
    let (header, query) = (keys.optional(params, "header"), keys.optional(params, "query"));
    let value = keys.credential(params, "value");
    keys.finish(params, &["header", "query", "value"]);
    match (header, query) {
        (Some(name), None) => {
            if let Some(problem) = header_problem(&name) {
                let message = format!("the header `{name}` {problem}");
                params.problem("auth/api_key/header", "invalid_param", message);
            }
            Some(Auth::Header { name, value: value? })
        }
        (None, Some(name)) => Some(Auth::Query { name, value: value? }),
        _ => {
            params.problem("auth", "invalid_param", "`api_key` goes into a `header` or into the `query`");
            None
        }
    }
}

impl OAuth2 {
    fn read(params: &mut Params<'_>, table: Map<String, Value>, guard: &Guard) -> Option<Self> {
        let mut keys = Keys::new("auth/oauth2", table);
        let token_url = keys.required(params, "token_url");
        let token_url =
            token_url.and_then(|url| super::url_template(params, &keys.at("token_url"), &url, guard));
        let (client_id, client_secret) =
            (keys.text(params, "client_id"), keys.credential(params, "client_secret"));
        let mut optional = |key| {
            let source = keys.optional(params, key)?;
            params.template(&keys.at(key), &source, Destination::Call)
        };
        let (scope, audience) = (optional("scope"), optional("audience"));
        let credentials = keys.optional(params, "credentials");
        let in_body = match credentials.as_deref() {
            None | Some("header") => false,
            Some("body") => true,
            Some(_) => {
                params.problem(
                    &keys.at("credentials"),
                    "invalid_param",
                    "`credentials` must be \"header\" or \"body\"",
                );
                false
            }
        };
        let known = ["token_url", "client_id", "client_secret", "scope", "audience", "credentials"];
        keys.finish(params, &known);
        let (token_url, client_id, client_secret) = (token_url?, client_id?, client_secret?);
        Some(Self { token_url, client_id, client_secret, scope, audience, in_body })
    }

    /// A token, and whether it was there before. Who asks for the same one at the same time waits for the
    /// one who fetches it.
    async fn token(
        &self,
        call: &Call<'_>,
        scope: &Scope<'_>,
        of: &Request,
        refused: Option<&Arc<str>>,
        redactor: &Redactor,
    ) -> Result<(Arc<str>, bool), AuthError> {
        let (request, asked) = (self.request(scope, of)?, Instant::now());
        let slot = call.resources.tokens.slot(&request);
        let slot = tokio::time::timeout(of.timeout, slot.lock_owned()).await;
        let mut slot = slot
            .map_err(|_| AuthError::TokenNow("the token endpoint did not answer in time".to_owned(), None))?;
        match &*slot {
            // One that has just come is used, however soon it ends.
            Kept::Token { value, until, at }
                if *at >= asked || (*until > Instant::now() && refused != Some(value)) =>
            {
                return Ok((Arc::clone(value), true));
            }
            // It failed while this one waited for it: it would fail again.
            Kept::Failure { error, at } if *at >= asked => return Err(error.clone()),
            Kept::Token { .. } | Kept::Failure { .. } | Kept::Nothing => {}
        }
        // The endpoint may repeat what it was sent, as it was sent.
        let sent = request.headers.iter().filter(|(name, _)| name == "Authorization");
        let sent: Option<Arc<str>> = sent.map(|(_, value)| value.trim_start_matches("Basic ").into()).next();
        match fetch(call, request, &redactor.and(sent.as_ref())).await {
            Ok((value, until)) => {
                *slot = Kept::Token { value: Arc::clone(&value), until, at: Instant::now() };
                Ok((value, false))
            }
            Err(error) => {
                *slot = Kept::Failure { error: error.clone(), at: Instant::now() };
                Err(error)
            }
        }
    }

    /// In as much time, and on the same way, as the request that it is for.
    fn request(&self, scope: &Scope<'_>, of: &Request) -> Result<Request, RenderError> {
        let mut form = vec![("grant_type", "client_credentials".to_owned())];
        for (name, template) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(template) = template {
                form.push((name, template.render(scope, Escape::Text)?));
            }
        }
        let (id, secret) =
            (self.client_id.render(scope, Escape::Text)?, self.client_secret.render(scope, Escape::Text)?);
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
        ];
        if self.in_body {
            form.extend([("client_id", id), ("client_secret", secret)]);
        } else {
            // Each is form-encoded first (RFC 6749, 2.3.1).
            let (mut pair, mut encoded) = (String::new(), String::new());
            percent_encode(&id, &mut pair);
            percent_encode(&secret, &mut encoded);
            pair.push(':');
            pair.push_str(&encoded);
            headers.push(("Authorization".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(pair))));
        }
        let mut body = String::new();
        for (name, value) in form {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            percent_encode(&value, &mut body);
        }
        Ok(Request {
            method: "POST".to_owned(),
            url: self.token_url.render_url(scope)?,
            headers,
            body: body.into(),
            timeout: of.timeout,
            response_bytes_max: TOKEN_ANSWER_BYTES_MAX,
            tls: None,
            route: of.route.clone(),
            gone_is_an_answer: false,
        })
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
}

/// A token, and until when it is used.
async fn fetch(
    call: &Call<'_>,
    request: Request,
    redactor: &Redactor,
) -> Result<(Arc<str>, Instant), AuthError> {
    let exchange = call.resources.egress.send(request).await;
    let response = match exchange.result {
        Ok(response) if response.status == 200 => response,
        Ok(response) => {
            let words: String =
                redactor.redact(&String::from_utf8_lossy(&response.body)).chars().take(300).collect();
            let said = format!("the token endpoint answered {}: {words}", response.status);
            return Err(match response.status {
                429 | 500.. => AuthError::TokenNow(said, None),
                _ => AuthError::Token(said),
            });
        }
        Err(error) if error.may_pass() => {
            return Err(AuthError::TokenNow(redactor.redact(&error.to_string()), error.not_before()));
        }
        Err(error) => return Err(AuthError::Token(redactor.redact(&error.to_string()))),
    };
    let unusable = |what: &str| AuthError::Token(format!("the token endpoint's answer {what}"));
    let answer: TokenAnswer =
        serde_json::from_slice(&response.body).map_err(|_| unusable("has no `access_token` in JSON"))?;
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(unusable("is no bearer token"));
    }
    if answer.access_token.chars().count() < SECRET_CHARS_MIN
        || answer.access_token.chars().any(char::is_control)
    {
        return Err(unusable("has a token that is too short, or that no header can carry"));
    }
    // Some send it as a text.
    let seconds = answer.expires_in.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
    let age = seconds.map_or(TOKEN_AGE_DEFAULT, |seconds| {
        Duration::try_from_secs_f64(seconds).unwrap_or_default().min(TOKEN_AGE_MAX)
    });
    let until = Instant::now() + age.saturating_sub(TOKEN_MARGIN.min(age / 2));
    Ok((answer.access_token.into(), until))
}

/// What came of asking for a token last.
#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    Token {
        value: Arc<str>,
        until: Instant,
        at: Instant,
    },
    Failure {
        error: AuthError,
        at: Instant,
    },
}

type Slot = Arc<tokio::sync::Mutex<Kept>>;

/// Access tokens, by what they were asked for with. Of all threads; in memory only. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<[u8; 32], Slot>>>);

impl Tokens {
    fn slot(&self, request: &Request) -> Slot {
        let mut digest = Sha256::new();
        for part in std::iter::once(&request.url).chain(request.headers.iter().map(|(_, value)| value)) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.update(&request.body);
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= TOKENS_MAX {
            slots.clear();
        }
        Arc::clone(slots.entry(digest.finalize().into()).or_default())
    }
}
