//! `slack_post`: writes a message into a channel of Slack.

use onward_sdk::{Answer, Call, Context, ExampleText, Secret, Step, StepError, Value, http::is_confidential};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::answer;

/// How Slack is reached: `webhook_url` or `token`.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend(
    "if" = {"required": ["token"]},
    "then" = {"not": {"required": ["webhook_url"]}},
    "else" = {"required": ["webhook_url"]},
))]
pub(crate) struct Config {
    /// The URL of an incoming webhook. It belongs to one channel, and whoever has it can post there.
    #[schemars(extend("x-onward" = {"secret": true, "placeholder": "{{secrets.SLACK_WEBHOOK}}"}))]
    webhook_url: Option<Secret>,
    /// A bot's token (`xoxb-…`) with the scope `chat:write`, for any channel that the bot is in.
    #[schemars(extend("x-onward" = {"secret": true, "placeholder": "{{secrets.SLACK_TOKEN}}"}))]
    token: Option<Secret>,
    /// Where Slack's API is, for a token.
    #[serde(default = "slack")]
    #[schemars(extend("x-onward" = {"group": "Advanced"}))]
    api_url: String,
}

fn slack() -> String {
    "https://slack.com/api".to_owned()
}

/// What is posted.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The channel: its name with #, or its id. Needed with a token; a webhook has its own.
    #[schemars(extend("x-onward" = {"template": "text", "placeholder": "#sales"}))]
    channel: Option<String>,
    /// The message. It may have Slack's formatting (*bold*, <https://example.com|a link>, <!here>); in what a place stands for &, < and > are escaped, so that it
    /// cannot notify anybody or make a link; *, _ and ~ still format it. With blocks, it is what notifications show.
    #[schemars(extend("x-onward" = {"template": "html", "widget": "textarea", "placeholder": "*{{Company Name}}* has signed."}))]
    text: String,
    /// Blocks, as JSON: a list, or what the Block Kit Builder shows. Put places into `plain_text`: in `mrkdwn` a value is read as formatting.
    #[schemars(extend("x-onward" = {"template": "json", "widget": "code"}))]
    blocks: Option<String>,
}

enum Way {
    Webhook(Secret),
    Token { token: Secret, url: String },
}

pub(crate) struct SlackPost(Way);

impl Step for SlackPost {
    const ID: &'static str = "slack_post";
    const TITLE: &'static str = "Post to Slack";
    const ICON: Option<&'static str> = Some(include_str!("slack_post.svg"));
    const HELP: Option<&'static str> = Some(
        "Writes a message into a channel.\n\n\
         With an *incoming webhook* there is nothing to set up but its URL, and the message goes to the webhook's channel. With a *token* the \
         step names the channel; invite the bot to it first. Keep either as a secret.\n\n\
         Slack does not know a message that it has already had: one of which nobody knows whether it arrived is not sent again by itself.",
    );
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "By a webhook",
            config: r#"{"webhook_url": "{{secrets.SLACK_WEBHOOK}}"}"#,
            params: r#"{"text": "*{{Company Name}}* has signed, thanks to {{user.first_name}}."}"#,
        },
        ExampleText {
            title: "Into a channel by its name",
            config: r#"{"token": "{{secrets.SLACK_TOKEN}}"}"#,
            params: r##"{"channel": "#sales", "text": "{{Company Name}} waits for an answer."}"##,
        },
        ExampleText {
            title: "With blocks",
            config: r#"{"token": "{{secrets.SLACK_TOKEN}}"}"#,
            params: r##"{"channel": "#sales", "text": "{{Company Name}} has signed.", "blocks": "[{\"type\": \"header\", \"text\": {\"type\": \"plain_text\", \"text\": \"{{Company Name}}\"}}]"}"##,
        },
    ];
    type Config = Config;
    type Params = Params;

    fn new(config: Config, _: &Context) -> Result<Self, StepError> {
        let Config { webhook_url, token, api_url } = config;
        match (webhook_url, token) {
            (Some(url), None) if is_confidential(url.expose()) => Ok(Self(Way::Webhook(url))),
            (Some(_), None) => {
                Err(StepError::config("/webhook_url", "a webhook's URL begins with https://hooks.slack.com/"))
            }
            (None, Some(token)) if is_confidential(&api_url) => {
                let url = format!("{}/chat.postMessage", api_url.trim_end_matches('/'));
                Ok(Self(Way::Token { token, url }))
            }
            (None, Some(_)) => Err(StepError::config(
                "/api_url",
                "the token is sent there: the address must begin with https://",
            )),
            (Some(_), Some(_)) => {
                Err(StepError::config("/token", "there is `webhook_url` or `token`, not both"))
            }
            (None, None) => Err(StepError::config(
                "/webhook_url",
                "how Slack is reached is missing: `webhook_url` or `token`",
            )),
        }
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let message = call.params.message(matches!(self.0, Way::Token { .. }))?.to_string();
        match &self.0 {
            Way::Webhook(url) => {
                let response = call.http().post(url.expose());
                let response = response.header("Content-Type", JSON).text(message).send();
                let response = response.map_err(|error| error.hiding(url.expose()))?;
                answer::of_webhook(&response).map(|()| Answer::new().note("posted to the webhook's channel"))
            }
            Way::Token { token, url } => {
                let request = call.http().post(url).bearer(token.expose());
                let response = request.header("Content-Type", JSON).text(message).send();
                let posted = answer::of_api(&response.map_err(|error| error.hiding(token.expose()))?)?;
                Ok(Answer::new().note(posted))
            }
        }
    }
}

/// Slack warns of one without a charset.
const JSON: &str = "application/json; charset=utf-8";

impl Params {
    /// The message as Slack's API takes it.
    fn message(&self, has_channel: bool) -> Result<Value, StepError> {
        let text = readable(&self.text);
        if text.trim().is_empty() {
            return Err(StepError::new("no_text", "There is no text to post to Slack."));
        }
        let mut message = json!({"text": text});
        let channel = self.channel.as_deref().map(str::trim).filter(|channel| !channel.is_empty());
        match channel {
            Some(channel) if has_channel => message["channel"] = channel.into(),
            None if has_channel => {
                return Err(StepError::new(
                    "no_channel",
                    "Into which channel of Slack to post is not said: the step's `channel` is empty.",
                ));
            }
            Some(_) => {
                return Err(StepError::new(
                    "no_channel",
                    "A webhook posts to its own channel: the step has no `channel`, or a `token` instead of the webhook.",
                ));
            }
            None => {}
        }
        if let Some(blocks) = self.blocks.as_deref().filter(|blocks| !blocks.trim().is_empty()) {
            message["blocks"] = read_blocks(blocks)?;
        }
        Ok(message)
    }
}

/// A text whose places were escaped as HTML has it: Slack knows the same entities, but not those of quotes.
fn readable(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#39;", "'").replace("&#x27;", "'")
}

fn read_blocks(text: &str) -> Result<Value, StepError> {
    let read = serde_json::from_str(text);
    let mut blocks: Value = read.map_err(|error| {
        StepError::new("invalid_blocks", format!("The message's blocks are no JSON: {error}."))
    })?;
    if let Some(list) = blocks.get_mut("blocks") {
        blocks = list.take();
    }
    let message = "The message's blocks are to be a list, or an object that has one as `blocks`.";
    blocks.is_array().then_some(blocks).ok_or_else(|| StepError::new("invalid_blocks", message))
}
