//! `assign_to`: the task becomes somebody's, or nobody's.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct AssignTo;

/// Whose the task becomes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The email of the user; nobody, where it is empty.
    #[schemars(extend("x-onward" = {"template": "text", "widget": "user", "placeholder": "{{user.email}}"}))]
    user: String,
}

impl Step for AssignTo {
    const ID: &'static str = "assign_to";
    const TITLE: &'static str = "Assign to";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some(include_str!("assign_to.svg"));
    const HELP: Option<&'static str> = Some(
        "Assigns the task to a user, by email. `{{user.email}}` is whoever performs the action, and a place such as `{{Manager}}` is \
         whom a field of the task names. Where the text is empty, the task is nobody's: also where the field is empty, and where whoever performs \
         the action has no email, as an API key that acts for nobody.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "To whoever performs the action",
            config: "{}",
            params: r#"{"user": "{{user.email}}"}"#,
        },
        ExampleText { title: "To one person", config: "{}", params: r#"{"user": "jane@example.com"}"# },
        ExampleText { title: "To nobody", config: "{}", params: r#"{"user": ""}"# },
    ];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let user = call.params.user.trim();
        // Whether it was written so or a place in it was empty cannot be told here: the places are filled in already.
        if user.is_empty() {
            return Ok(Answer::new().clear("Assigned To").note("assigned to nobody"));
        }
        // A name, perhaps: the server would find nobody by it.
        if !user.contains('@') {
            return Err(StepError::new(
                "invalid_user",
                format!("“{user}” is not the email of a user, so the task cannot be assigned to it."),
            ));
        }
        Ok(Answer::new().set("Assigned To", user).note(format!("assigned to {user}")))
    }
}
