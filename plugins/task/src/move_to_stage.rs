//! `move_to_stage`: puts the task into another stage.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct MoveToStage;

/// Where the task goes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The name of the stage.
    #[schemars(extend("x-onward" = {"widget": "stage"}))]
    stage: String,
}

impl Step for MoveToStage {
    const ID: &'static str = "move_to_stage";
    const TITLE: &'static str = "Move to stage";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some(include_str!("move_to_stage.svg"));
    const HELP: Option<&'static str> = Some(
        "Moves the task to a stage; it fails if somebody else has moved it meanwhile (`stage_changed`). Steps that come after it see the \
         task in the new stage. The task has moved even if one of them fails, so moves stand best at the end.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText { title: "The work is done", config: "{}", params: r#"{"stage": "Completed"}"# },
        ExampleText { title: "Somebody begins with it", config: "{}", params: r#"{"stage": "In Progress"}"# },
    ];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        // Somebody else's move since this execution last looked must not be undone by ours.
        Ok(Answer::new().set("Stage", call.params.stage.as_str()).expect(call.last_stage()))
    }
}
