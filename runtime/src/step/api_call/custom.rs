//! `format = "custom"`: a request of the author's own, for receivers that know nothing of the action contract: its
//! body, what counts as a success, and which parts of the answer become fields.

use serde_json::{Map, Value, json};

use super::{Destination, Params, Template};
use crate::{
    egress::Response,
    model::{
        document::Answer,
        file::CONTENT_TYPE_CHARS_MAX,
        secret::Redactor,
        template::{Escape, RenderError, Scope},
        text::shortened,
    },
    step::{Outcome, schema},
};

/// Bytes of a body's template.
const BODY_BYTES_MAX: usize = 64 * 1024;
const MAPPINGS_MAX: usize = 100;
/// Characters of a value that are shown where another one was expected.
const FOUND_CHARS_MAX: usize = 100;
const CONTENT_TYPE_DEFAULT: &str = "application/json";

/// What people call media types, and their names.
const MEDIA_TYPES: [(&str, &str); 5] = [
    ("json", CONTENT_TYPE_DEFAULT),
    ("form", "application/x-www-form-urlencoded"),
    ("xml", "application/xml"),
    ("html", "text/html"),
    ("text", "text/plain"),
];

pub(super) struct Custom {
    content_type: String,
    body: Option<Body>,
    success: Success,
    /// Fields by name, and where in the answer their values are.
    fields: Vec<(String, String)>,
}

struct Body {
    template: Template,
    escape: BodyEscape,
}

/// How a value is written into a body, which its content type says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyEscape {
    Json,
    As(Escape),
}

#[derive(Default)]
struct Success {
    /// The first and the last status of each range; 2xx if there is none.
    statuses: Vec<(u16, u16)>,
    /// A place in the answer, and what must stand there; `None` for anything but null.
    pointer: Option<(String, Option<Value>)>,
}

impl Custom {
    /// The parameters of a custom format; they mean nothing in the default one.
    pub(super) fn read(params: &mut Params<'_>) -> Self {
        let content_type = params.text("content_type");
        let body = params.text("body");
        let content_type = content_type.unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned());
        if !is_content_type(&content_type) {
            let message = "`content_type` must be a media type such as text/xml";
            let words = MEDIA_TYPES.iter().find(|(word, _)| content_type.trim().eq_ignore_ascii_case(word));
            match words {
                Some((_, meant)) => {
                    let help = format!("did you mean {meant}?");
                    params.problem_with_help("content_type", "invalid_param", message, help);
                }
                None => params.problem("content_type", "invalid_param", message),
            }
        }
        let body = body.and_then(|source| Body::read(params, &source, &content_type));
        let (success, fields) = (Success::read(params), mappings(params));
        Self { content_type, body, success, fields }
    }

    /// The schemas of its parameters, by their names.
    pub(super) fn schemas() -> Map<String, Value> {
        let status = json!({"anyOf": [
            {"type": "integer", "minimum": 200, "maximum": 599},
            {"type": "string", "pattern": "^[2-5]xx$"},
        ]});
        let pointer = json!({
            "description": "A place in the answer, as a JSON pointer.",
            "type": "string",
            "pattern": POINTER_PATTERN,
        });
        let success = json!({
            "status": {
                "description": "200, \"2xx\", or a list of such; 2xx if it is left out.",
                "anyOf": [status, {"type": "array", "minItems": 1, "items": status}],
            },
            "pointer": pointer,
            "equals": {"description": "What must stand at `pointer`; without it, anything but null."},
        });
        let mut success = schema::object(success, &[]);
        success["dependentRequired"] = json!({"equals": ["pointer"]});
        let response = json!({
            "description": "Fields by name, each with the place of its value in the answer.",
            "type": "object",
            "maxProperties": MAPPINGS_MAX,
            "additionalProperties": pointer,
            schema::HINTS: {"widget": "fields"},
        });
        let schemas = [
            (
                "content_type",
                json!({
                    "description": "What the body is; it says how values are written into it.",
                    "type": "string",
                    "pattern": "^ *[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+ *(;.*)?$",
                    "maxLength": CONTENT_TYPE_CHARS_MAX,
                    "default": CONTENT_TYPE_DEFAULT,
                }),
            ),
            ("body", schema::template("The request's body.")),
            ("success", schema::described(success, "What is a success, where not every 2xx answer.")),
            ("response", response),
        ];
        schemas.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect()
    }

    /// The secrets that the body needs.
    pub(super) fn secrets(&self) -> Vec<String> {
        let secrets = self.body.iter().flat_map(|body| body.template.secrets());
        secrets.map(str::to_owned).collect()
    }

    /// The content type and the body; `None` where there is no body.
    pub(super) fn body(&self, scope: &Scope<'_>) -> Result<Option<(&str, Vec<u8>)>, RenderError> {
        let Some(Body { template, escape }) = &self.body else { return Ok(None) };
        let text = match escape {
            BodyEscape::Json => template.render_json(scope)?,
            BodyEscape::As(escape) => template.render(scope, *escape)?,
        };
        Ok(Some((self.content_type.as_str(), text.into_bytes())))
    }

    /// Whether the status is one that the author takes for a success.
    pub(super) fn is_success(&self, status: u16) -> bool {
        match self.success.statuses.as_slice() {
            [] => (200..300).contains(&status),
            ranges => ranges.iter().any(|(first, last)| (*first..=*last).contains(&status)),
        }
    }

    /// What an answer with such a status means for the task.
    pub(super) fn accepted(&self, response: &Response, redactor: &Redactor) -> Outcome {
        let json = serde_json::from_slice::<Value>(&response.body);
        if let Some((pointer, expected)) = &self.success.pointer {
            let found = json.as_ref().ok().and_then(|json| json.pointer(pointer));
            let is_met = match expected {
                Some(expected) => found == Some(expected),
                None => found.is_some_and(|found| !found.is_null()),
            };
            if !is_met {
                let wanted = expected.as_ref().map_or_else(|| "a value".to_owned(), ToString::to_string);
                let found = found.map_or_else(
                    || "nothing".to_owned(),
                    |found| shortened(&redactor.redact(&found.to_string()), FOUND_CHARS_MAX).into_owned(),
                );
                let message =
                    format!("the answer has {found} at `{pointer}`, and a success has {wanted} there");
                return Outcome::failed("not_successful", message);
            }
        }
        if self.fields.is_empty() {
            return Outcome::done(Answer::Unchanged);
        }
        let Ok(json) = json else {
            return Outcome::failed(
                "invalid_answer",
                "the answer is not JSON, so no field can be read from it",
            );
        };
        let (mut patch, mut warnings) = (Map::new(), Vec::new());
        for (field, pointer) in &self.fields {
            match json.pointer(pointer) {
                Some(value) => drop(patch.insert(field.clone(), scalar(value))),
                None => warnings
                    .push(format!("the answer has nothing at `{pointer}`; “{field}” was left as it is")),
            }
        }
        Outcome { warnings, ..Outcome::done(Answer::Patch(patch)) }
    }
}

/// Other services write numbers, flags and texts as they like; an object becomes its JSON.
fn scalar(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::String(value.to_string()),
        other => other.clone(),
    }
}

impl Body {
    fn read(params: &mut Params<'_>, source: &str, content_type: &str) -> Option<Self> {
        if source.len() > BODY_BYTES_MAX {
            params.problem("body", "invalid_param", format!("`body` has more than {BODY_BYTES_MAX} bytes"));
        }
        let template = params.template("body", source, Destination::Call)?;
        let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let escape = match media.as_str() {
            "application/json" => BodyEscape::Json,
            other if other.ends_with("+json") => BodyEscape::Json,
            "application/x-www-form-urlencoded" => BodyEscape::As(Escape::Url),
            other if other.ends_with("/xml") || other.ends_with("+xml") || other == "text/html" => {
                BodyEscape::As(Escape::Html)
            }
            _ => BodyEscape::As(Escape::Text),
        };
        if escape == BodyEscape::Json
            && let Err(error) = serde_json::from_str::<Value>(&template.json_outline())
        {
            let message = format!(
                "the body is not JSON, whatever its fields are: {error}. A place in quotes becomes a part of a text, one \
                 without becomes a whole value"
            );
            params.problem("body", "invalid_param", message);
        }
        Some(Self { template, escape })
    }
}

impl Success {
    fn read(params: &mut Params<'_>) -> Self {
        let Some(mut table) = params.optional_table("success", "{ status = 200 }") else {
            return Self::default();
        };
        let mut success = Self::default();
        let statuses = match table.shift_remove("status") {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                if items.is_empty() {
                    let message = "no status would be a success; write 200, \"2xx\", or leave `status` out for every 2xx";
                    params.problem("success/status", "invalid_param", message);
                }
                items
            }
            Some(one) => vec![one],
        };
        for status in statuses {
            match range(&status) {
                Some(range) => success.statuses.push(range),
                None => params.problem(
                    "success/status",
                    "invalid_param",
                    format!("{status} is no status; write 200, \"2xx\", or a list of such"),
                ),
            }
        }
        let equals = table.shift_remove("equals");
        match (table.shift_remove("pointer"), equals) {
            (None, None) => {}
            (None, Some(_)) => {
                let message = "`equals` needs a `pointer`: the place in the answer that must have this value";
                params.problem("success/equals", "missing_key", message);
            }
            (Some(pointer), equals) => {
                let pointer = read_pointer(params, "success/pointer", pointer);
                success.pointer = pointer.map(|pointer| (pointer, equals));
            }
        }
        for key in table.keys() {
            let message = format!("`success` has no `{key}`");
            params.unknown(&format!("success/{key}"), message, &["status", "pointer", "equals"]);
        }
        success
    }
}

/// What [`is_pointer`] takes, as a regular expression.
const POINTER_PATTERN: &str = "^(/([^~]|~[01])*)?$";

/// RFC 6901: a slash before each key, in which `~0` is a tilde and `~1` a slash.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/')) && escapes.into_iter().all(|rest| rest.starts_with(['0', '1']))
}

fn read_pointer(params: &mut Params<'_>, place: &str, value: Value) -> Option<String> {
    let message = match value {
        Value::String(pointer) if is_pointer(&pointer) => return Some(pointer),
        Value::String(pointer) if pointer.starts_with('/') => {
            "in a JSON pointer `~` stands only as `~0`, which is a `~`, and `~1`, which is a `/`"
        }
        _ => "a JSON pointer begins with a slash, such as \"/data/id\"",
    };
    params.problem(place, "invalid_param", message);
    None
}

/// `type/subtype`, perhaps with parameters behind a semicolon.
fn is_content_type(text: &str) -> bool {
    let media = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        let is_mark = |byte: u8| b"!#$&-^_.+".contains(&byte);
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
    };
    text.len() <= CONTENT_TYPE_CHARS_MAX
        && text.is_ascii()
        && !text.chars().any(char::is_control)
        && media.split_once('/').is_some_and(|(kind, of)| is_token(kind) && is_token(of))
}

/// `200` or `"2xx"`.
fn range(status: &Value) -> Option<(u16, u16)> {
    if let Some(status) = status.as_u64() {
        let status = u16::try_from(status).ok().filter(|status| (200..=599).contains(status))?;
        return Some((status, status));
    }
    let class =
        status.as_str()?.strip_suffix("xx")?.parse::<u16>().ok().filter(|class| (2..=5).contains(class))?;
    Some((class * 100, class * 100 + 99))
}

/// `response = { "Field" = "/pointer" }`.
fn mappings(params: &mut Params<'_>) -> Vec<(String, String)> {
    let table = params.table("response");
    if table.len() > MAPPINGS_MAX {
        params.problem("response", "invalid_param", format!("more than {MAPPINGS_MAX} fields"));
    }
    let mut fields = Vec::new();
    for (field, pointer) in table {
        let place = format!("response/{field}");
        if !params.has_field(&field) {
            params.unknown_field("response", &field);
        }
        fields.extend(read_pointer(params, &place, pointer).map(|pointer| (field, pointer)));
    }
    fields
}
