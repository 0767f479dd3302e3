//! `schedule_stage_change`: the task is to move to a stage later, unless its stage changes before.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Span, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct ScheduleStageChange;

/// Where the task goes, and when.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The name of the stage.
    #[schemars(extend("x-onward" = {"widget": "stage"}))]
    stage: String,
    /// How long from now the task moves. Such as "30s", "2h" or "3d", or a number of seconds; 367d at most.
    r#in: Span,
}

impl Step for ScheduleStageChange {
    const ID: &'static str = "schedule_stage_change";
    const TITLE: &'static str = "Schedule stage change";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some(include_str!("schedule_stage_change.svg"));
    const HELP: Option<&'static str> = Some(
        "Moves the task later, unless its stage changes before. A task has one such change at most: a new one replaces it. The action goes on \
         at once.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "Nobody has answered for a week",
            config: "{}",
            params: r#"{"stage": "No answer", "in": "7d"}"#,
        },
        ExampleText { title: "Tomorrow", config: "{}", params: r#"{"stage": "Open", "in": "24h"}"# },
    ];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let Params { stage, r#in: pause } = &call.params;
        Ok(Answer::new().schedule(stage.as_str(), call.later(*pause)))
    }
}
