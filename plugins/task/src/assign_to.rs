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
         whom a field of the task names. Where the text is empty, also because the field is, the task is nobody's.",
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
        if user.is_empty() {
            return Ok(Answer::new().clear("Assigned To").note("assigned to nobody"));
        }
        // An API key that acts for nobody has no email.
        if !user.contains('@') {
            return Err(StepError::new(
                "invalid_user",
                format!("“{user}” is not the email of a user, so the task cannot be assigned to it."),
            ));
        }
        Ok(Answer::new().set("Assigned To", user).note(format!("assigned to {user}")))
    }
}
