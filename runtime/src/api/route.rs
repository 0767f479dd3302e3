//! A route and what the OpenAPI document says of it, made in one call, so that they cannot part.

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, ResponseError,
    http::{Method, header},
    web,
};
use serde_json::{Map, Value, json};

use super::{Code, error::ApiError, need::Need, page::LIMIT_MAX, schemas};

/// A path, with an operation for each method that it takes.
pub(super) struct Route {
    path: &'static str,
    resource: Resource,
    operations: Map<String, Value>,
}

/// What one method does at a path, for the OpenAPI document.
pub(super) struct Operation {
    id: &'static str,
    need: Need,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
}

/// A path below the server's address, its parameters in braces.
pub(super) fn at(path: &'static str) -> Route {
    Route { path, resource: web::resource(path), operations: Map::new() }
}

/// `id`: what generated clients call it. `need`: what is asked of who makes the request, before the handler runs.
pub(super) fn operation(id: &'static str, need: Need, summary: &'static str) -> Operation {
    Operation { id, need, summary, parameters: Vec::new(), body: None, answers: Map::new() }
}

/// A handler behind what its operation needs: nothing else of a request is read before that is shown.
fn behind<F, Args>(need: Need, handler: F) -> impl Handler<(HttpRequest, web::Payload), Output = HttpResponse>
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            if let Err(error) = need.admit(&request).await {
                return HttpResponse::from_error(error);
            }
            match Args::from_request(&request, &mut payload.into_inner()).await {
                Ok(arguments) => handler.call(arguments).await.respond_to(&request).map_into_boxed_body(),
                Err(error) => HttpResponse::from_error(error),
            }
        }
    }
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
            self.with(stringify!($name), web::$name().to(behind(operation.need, handler)), operation)
        }
    )*};
}

impl Route {
    methods!(get, post, put, patch, delete);

    fn with(mut self, method: &str, route: actix_web::Route, operation: Operation) -> Self {
        self.resource = self.resource.route(route);
        self.operations.insert(method.to_owned(), operation.document(self.path));
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
    /// A parameter of the query.
    pub(super) fn query(mut self, name: &str, schema: Value, description: &str) -> Self {
        self.parameters
            .push(json!({"name": name, "in": "query", "schema": schema, "description": description}));
        self
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

    /// A JSON body.
    pub(super) fn takes(mut self, schema: Value) -> Self {
        self.body = Some(json!({"required": true, "content": json_content(schema)}));
        self
    }

    /// A JSON body that may be left out.
    pub(super) fn may_take(mut self, schema: Value) -> Self {
        self.body = Some(json!({"required": false, "content": json_content(schema)}));
        self
    }

    /// A JSON answer.
    pub(super) fn answers(self, status: u16, description: &str, schema: Value) -> Self {
        let content = json_content(schema);
        self.answer(status, json!({"description": description, "content": content}))
    }

    /// A body that is a text of another type.
    pub(super) fn takes_as(mut self, content_type: &str, example: &str) -> Self {
        let content = json!({content_type: {"schema": {"type": "string"}, "example": example}});
        self.body = Some(json!({"required": true, "content": content}));
        self
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

    fn document(self, path: &str) -> Value {
        let Self { id, need, summary, mut parameters, body, mut answers } = self;
        assert!(need.fits(path), "{id} needs {need:?} at {path}");
        let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        parameters.extend(names.map(|name| {
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": {"type": "string", "minLength": 1},
                "description": parameter(name),
            })
        }));
        answers.insert("default".to_owned(), json!({"$ref": "#/components/responses/Error"}));
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
