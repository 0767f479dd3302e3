//! `zap`: sends the task, or chosen values, to a Zap's Catch Hook.

use onward_sdk::{
    Answer, Call, Context, ExampleText, Secret, Step, StepError, Value,
    http::{Response, is_confidential},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, json};

/// Which Zap.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The URL that the Zap's trigger “Catch Hook” shows. Whoever has it can start the Zap.
    #[schemars(extend("x-onward" = {"secret": true, "placeholder": "{{secrets.ZAP}}"}))]
    hook_url: Secret,
}

/// What is sent.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The values by the names that the Zap is to know them by; a text may have places such as {{Company Name}}. Without it, the action, who
    /// performs it and the whole task are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields")]
    fields: Option<Map<String, Value>>,
}

fn fields(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"type": ["string", "number", "boolean"], "x-onward": {"template": "text"}},
    })
}

pub(crate) struct Zap {
    hook: Secret,
}

impl Step for Zap {
    const ID: &'static str = "zap";
    const TITLE: &'static str = "Start a Zap";
    const ICON: Option<&'static str> = Some(include_str!("zap.svg"));
    const HELP: Option<&'static str> = Some(
        "Starts a Zap whose trigger is *Webhooks by Zapier*, *Catch Hook*: choose it in Zapier, copy its URL, and keep that as a secret.\n\n\
         The Zap gets `action`, `user` and `task` (its fields by their names), or the `fields` that the step names. The step has succeeded when Zapier \
         has taken them; what the Zap makes of them is seen in Zapier's history, by the id in the step's note.\n\n\
         Zapier does not know what it has already had: what may have arrived is not sent again by itself.",
    );
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "With the whole task",
            config: r#"{"hook_url": "{{secrets.ZAP}}"}"#,
            params: "{}",
        },
        ExampleText {
            title: "With what the Zap needs",
            config: r#"{"hook_url": "{{secrets.ZAP}}"}"#,
            params: r#"{"fields": {"company": "{{Company Name}}", "signed_by": "{{user.email}}", "source": "Onward"}}"#,
        },
    ];
    type Config = Config;
    type Params = Params;

    fn new(config: Config, _: &Context) -> Result<Self, StepError> {
        if !is_confidential(config.hook_url.expose()) {
            let message = "a Catch Hook's URL begins with https://hooks.zapier.com/";
            return Err(StepError::config("/hook_url", message));
        }
        Ok(Self { hook: config.hook_url })
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let request = call.http().post(self.hook.expose());
        let request = match &call.params.fields {
            Some(fields) => request.json(fields),
            None => request.json(&json!({"action": call.action, "user": call.user, "task": call.task})),
        };
        let response = request.send().map_err(|error| error.hiding(self.hook.expose()))?;
        let id = taken(&response)?;
        Ok(Answer::new()
            .note(id.map_or_else(|| "taken by Zapier".to_owned(), |id| format!("taken by Zapier as {id}"))))
    }
}

/// What Zapier answers.
#[derive(Deserialize)]
struct Answered {
    status: String,
    id: Option<String>,
    request_id: Option<String>,
}

/// One that may pass, and not sooner than Zapier says.
fn passing(error: StepError, response: &Response) -> StepError {
    match response.retry_after() {
        Some(seconds) => error.retryable_after(seconds),
        None => error.retryable(),
    }
}

/// Under which id Zapier has taken it.
fn taken(response: &Response) -> Result<Option<String>, StepError> {
    let error =
        |code, message: &str| StepError::new(code, message).with_details(json!({"status": response.status}));
    match response.status {
        200..300 => {}
        404 | 410 => {
            let message = "Zapier knows this hook no more: copy the URL from the Zap's trigger again, and set it as the secret.";
            return Err(error("zapier_no_hook", message));
        }
        413 => {
            return Err(error(
                "zapier_too_large",
                "That is too much for Zapier: name the `fields` that the Zap needs.",
            ));
        }
        429 => {
            return Err(passing(
                error("zapier_busy", "Zapier takes no more for now: try again later."),
                response,
            ));
        }
        other => {
            let refused = error("http_status", &format!("Zapier answered {other}."));
            return Err(if matches!(other, 408 | 425 | 500..) {
                passing(refused, response)
            } else {
                refused
            });
        }
    }
    match serde_json::from_slice::<Answered>(&response.body) {
        Ok(Answered { status, id, request_id }) if status == "success" => Ok(id.or(request_id)),
        Ok(Answered { status, .. }) => {
            let status: String = status.chars().take(100).collect();
            Err(error("zapier_refused", &format!("Zapier did not take it: its status is “{status}”.")))
        }
        Err(_) => {
            let message = "What came back is not an answer of Zapier's: look into the Zap's history whether it was started.";
            Err(error("unreadable_answer", message).unknown())
        }
    }
}
