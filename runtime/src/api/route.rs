//! A route and what the OpenAPI document says of it, made in one call, so that they cannot part.

use std::collections::BTreeMap;

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, ResponseError,
    dev::Payload,
    http::{Method, header},
    web,
};
use serde_json::{Map, Value, json};

use super::{
    Code,
    body::{self, Kind, Room, TOML_TYPE},
    error::ApiError,
    need::{Gate, Need},
    page::LIMIT_MAX,
    schemas,
    traced::traced,
};

/// A path, with an operation for each method that it takes.
pub(super) struct Route {
    path: &'static str,
    resource: Resource,
    operations: Map<String, Value>,
}

/// What one method does at a path, for the OpenAPI document.
pub(super) struct Operation {
    id: &'static str,
    gate: Gate,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    /// How that is read.
    kind: Option<Kind>,
    answers: Map<String, Value>,
    /// What it may be refused for, beside what its path, its query, its body and its need say.
    refusals: Vec<Code>,
}

/// A path below the server's address, its parameters in braces.
pub(super) fn at(path: &'static str) -> Route {
    Route { path, resource: web::resource(path), operations: Map::new() }
}

/// `id`: what generated clients call it. `need`: what is asked of who makes the request, before the handler runs.
pub(super) fn operation(id: &'static str, need: Need, summary: &'static str) -> Operation {
    // What people do with tasks is over in a workflow that is put away; what is read there, and how it is run, goes on.
    let also_archived = !matches!(need, Need::Edit | Need::Perform | Need::AdministerAndPerform);
    Operation {
        id,
        gate: Gate { need, also_archived },
        summary,
        parameters: Vec::new(),
        body: None,
        kind: None,
        answers: Map::new(),
        refusals: Vec::new(),
    }
}

/// A handler behind what its operation needs: nothing else of a request is read before that is shown.
fn behind<F, Args>(
    gate: Gate,
    kind: Option<Kind>,
    handler: F,
) -> impl Handler<(HttpRequest, web::Payload), Output = HttpResponse>
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            if let Err(error) = gate.admit(&request).await {
                return HttpResponse::from_error(error);
            }
            let answer = async {
                // A body has its room until the request is answered.
                let _room = match read(gate, kind, &request, payload).await {
                    Ok(room) => room,
                    Err(error) => return HttpResponse::from_error(error),
                };
                match Args::from_request(&request, &mut Payload::None).await {
                    Ok(arguments) => handler.call(arguments).await.respond_to(&request).map_into_boxed_body(),
                    Err(error) => HttpResponse::from_error(error),
                }
            };
            traced(gate.need, &request, answer).await
        }
    }
}

/// Reads a request's body, for which somebody may take their time: after that is asked again whether they may.
async fn read(
    gate: Gate,
    kind: Option<Kind>,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Option<Room>, ApiError> {
    let Some(kind) = kind else { return Ok(None) };
    let room = body::read(request, payload.into_inner(), kind).await?;
    gate.admit_again(request).await?;
    Ok(Some(room))
}

/// One of the shapes of [`schemas`](super::schemas), by its name.
pub(super) fn of(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn list_of(name: &str) -> Value {
    json!({"type": "array", "items": of(name)})
}

macro_rules! methods {
    ($($name:ident),*) => {$(
        pub(super) fn $name<F, Args>(self, handler: F, operation: Operation) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.with(stringify!($name), web::$name().to(behind(operation.gate, operation.kind, handler)), operation)
        }
    )*};
}

impl Route {
    methods!(get, post, put, patch, delete);

    fn with(mut self, method: &str, route: actix_web::Route, operation: Operation) -> Self {
        self.resource = self.resource.route(route);
        self.operations.insert(method.to_owned(), operation.document(method, self.path));
        self
    }

    /// The path, and what the document says of it.
    pub(super) fn document(&self) -> (&'static str, &Map<String, Value>) {
        (self.path, &self.operations)
    }

    /// As it is registered: it refuses every other method, and says which it takes.
    pub(super) fn resource(self) -> Resource {
        let methods: Vec<_> = self.operations.keys().map(|method| method.to_uppercase()).collect();
        let allowed = methods.join(", ");
        self.resource.default_service(web::to(move |request: HttpRequest| {
            let allowed = allowed.clone();
            async move { no_such_method(&request, &allowed) }
        }))
    }
}

fn no_such_method(request: &HttpRequest, allowed: &str) -> HttpResponse {
    let message = format!("{} is not possible at {}; {allowed} is", request.method(), request.path());
    let mut response = ApiError::new(Code::MethodNotAllowed, message).error_response();
    if let Ok(allowed) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    if request.method() == Method::HEAD {
        return response.drop_body().map_into_boxed_body();
    }
    response
}

impl Operation {
    /// It is possible in a workflow that is put away, too.
    pub(super) fn also_archived(mut self) -> Self {
        self.gate.also_archived = true;
        self
    }

    /// It is not possible in a workflow that is put away.
    pub(super) fn unless_archived(mut self) -> Self {
        self.gate.also_archived = false;
        self
    }

    /// A parameter of the query; an impossible value of it is refused.
    pub(super) fn query(mut self, name: &str, schema: Value, description: &str) -> Self {
        self.parameters
            .push(json!({"name": name, "in": "query", "schema": schema, "description": description}));
        self.refuses(&[Code::InvalidParameter])
    }

    /// A list that comes by pages.
    pub(super) fn pages(self) -> Self {
        let before = "Where the page begins: `Onward-Next-Cursor` of the page before";
        self.query(
            "_limit",
            json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}),
            "How many at most",
        )
        .query("_cursor", json!({"type": "string"}), before)
    }

    pub(super) fn header(mut self, name: &str, schema: Value, description: &str) -> Self {
        self.parameters
            .push(json!({"name": name, "in": "header", "schema": schema, "description": description}));
        self
    }

    /// `If-Match`, which must be there: the version that a new one is made from.
    pub(super) fn made_from_a_version(mut self) -> Self {
        self.parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": true,
            "schema": {"type": "string", "pattern": r#"^(\*|"[0-9]{1,9}")$"#},
            "example": "*",
            "description": "The version that this one was made from, between quotes, or *",
        }));
        self.refuses(&[Code::InvalidParameter, Code::VersionRequired, Code::VersionConflict])
    }

    /// What it may be refused for.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    /// A JSON body.
    pub(super) fn takes(self, schema: Value) -> Self {
        self.reads(Kind::Json, true, json_content(schema))
    }

    /// A JSON body with a task's values, which may have files in it.
    pub(super) fn takes_values(self, schema: Value) -> Self {
        self.reads(Kind::TaskValues, true, json_content(schema))
    }

    /// A JSON body that may be left out.
    pub(super) fn may_take(self, schema: Value) -> Self {
        self.reads(Kind::PerhapsJson, false, json_content(schema))
    }

    /// A body that is a workflow's definition: a TOML text, or a document.
    pub(super) fn takes_definition(self) -> Self {
        let text = json!({"schema": {"type": "string"}, "example": "name = \"Orders\"\n"});
        let mut content = json_content(of("WorkflowDocument"));
        content[TOML_TYPE] = text;
        self.reads(Kind::Definition, true, content)
    }

    fn reads(mut self, kind: Kind, is_required: bool, content: Value) -> Self {
        self.kind = Some(kind);
        self.body = Some(json!({"required": is_required, "content": content}));
        self
    }

    /// A JSON answer.
    pub(super) fn answers(self, status: u16, description: &str, schema: Value) -> Self {
        let content = json_content(schema);
        self.answer(status, json!({"description": description, "content": content}))
    }

    /// The last answer may be of another type, too.
    pub(super) fn or_as(mut self, content_type: &str) -> Self {
        if let Some((_, answer)) = self.answers.iter_mut().next_back() {
            answer["content"][content_type] = json!({"schema": {"type": "string"}});
        }
        self
    }

    /// An answer of another type.
    pub(super) fn answers_as(self, content_type: &str, description: &str) -> Self {
        let content = json!({content_type: {"schema": {"type": "string"}}});
        self.answer(200, json!({"description": description, "content": content}))
    }

    pub(super) fn answers_nothing(self) -> Self {
        self.answer(204, json!({"description": "Done."}))
    }

    fn answer(mut self, status: u16, answer: Value) -> Self {
        self.answers.insert(status.to_string(), answer);
        self
    }

    fn document(mut self, method: &str, path: &str) -> Value {
        let refusals = self.refused(method, path);
        let Self { id, gate: Gate { need, .. }, summary, mut parameters, body, mut answers, .. } = self;
        assert!(need.fits(path), "{id} needs {need:?} at {path}");
        parameters.extend(names(path).map(|name| {
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": path_parameter(name),
                "description": parameter(name),
            })
        }));
        answers.append(&mut refusals_by_status(&refusals));
        answers.insert("5XX".to_owned(), json!({"$ref": "#/components/responses/NotNow"}));
        let tag = path.trim_start_matches("/api/v1/").split('/').rev().find(|part| !part.starts_with('{'));
        let mut document = json!({
            "operationId": id,
            "summary": summary,
            "tags": [tag.unwrap_or("server")],
            "parameters": parameters,
            "responses": answers,
        });
        if let Some(body) = body {
            document["requestBody"] = body;
        }
        need.document(path, &mut document);
        document
    }

    /// Everything that it may be refused for: what it says itself, and what follows from what it is.
    fn refused(&mut self, method: &str, path: &str) -> Vec<Code> {
        let mut codes = std::mem::take(&mut self.refusals);
        codes.extend(names(path).flat_map(missing));
        if self.body.is_some() {
            codes.extend([
                Code::InvalidJson,
                Code::InvalidBody,
                Code::BodyTooLarge,
                Code::BodyTooSlow,
                Code::UnsupportedMediaType,
            ]);
        }
        codes.extend(self.gate.need.refusals(method));
        codes.extend((!self.gate.also_archived).then_some(Code::WorkflowArchived));
        codes
    }
}

/// The parameters of a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// The answers with these codes, by their statuses.
fn refusals_by_status(codes: &[Code]) -> Map<String, Value> {
    let mut by_status = BTreeMap::<u16, Vec<&str>>::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.status().as_u16()).or_default().push(code.as_str());
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), refusal(&codes))).collect()
}

/// An answer with one of these codes.
pub(super) fn refusal(codes: &[&str]) -> Value {
    let shown: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let schema = json!({"allOf": [of("Error")], "properties": {"code": {"enum": codes}}});
    let example = json!({"code": codes.first(), "message": "what is wrong, and what to do"});
    let content = json!({"application/json": {"schema": schema, "example": example}});
    json!({"description": shown.join(", "), "content": content})
}

/// With the example of its shape.
fn json_content(schema: Value) -> Value {
    let is_list = schema.get("items").is_some();
    let shape = if is_list { &schema["items"] } else { &schema };
    let name = shape["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let example = name.and_then(|name| schemas::EXAMPLES.get(name));
    let mut content = json!({"schema": schema});
    if let Some(example) = example {
        content["example"] = if is_list { json!([example]) } else { example.clone() };
    }
    json!({"application/json": content})
}

/// What a parameter of a path may be.
fn path_parameter(name: &str) -> Value {
    match name {
        "secret" => schemas::secret_name(),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

/// What is answered where a path names something that is not there.
fn missing(name: &str) -> &'static [Code] {
    match name {
        // One that is broken is none that can be worked with.
        "workflow" => &[Code::WorkflowNotFound, Code::StepTypeMissing],
        "task" => &[Code::TaskNotFound],
        "execution" => &[Code::ExecutionNotFound],
        "user" => &[Code::NoSuchUser],
        "item" => &[Code::ChecklistItemNotFound],
        "blob" => &[Code::FileNotFound],
        "endpoint" => &[Code::EndpointNotFound],
        "key" => &[Code::KeyNotFound],
        "invitation" => &[Code::InvitationNotFound],
        "action" | "step" => &[Code::StepNotFound],
        "version" => &[Code::VersionNotFound],
        _ => &[],
    }
}

/// What a parameter of a path names.
fn parameter(name: &str) -> &'static str {
    match name {
        "workflow" => "A workflow's id",
        "task" => "A task's Unique ID, else its id",
        "execution" => "An execution's id",
        "user" => "A user's id or email",
        "item" => "A checklist item's id",
        "blob" => "A file's `blobId`",
        "endpoint" => "A host and a port, `host:port`",
        "secret" => "A secret's name",
        "key" => "An API key's id",
        "invitation" => "An invitation's id",
        "action" => "An action's id",
        "step" => "A step's id",
        "version" => "A version's number",
        _ => "An id",
    }
}
