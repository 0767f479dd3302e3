//! `delay`: the action goes on later. The server keeps the execution meanwhile, over restarts, too.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Span, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct Delay;

/// How long.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// How long to wait. Such as "30s", "2h" or "3d", or a number of seconds; 367d at most.
    r#for: Span,
}

impl Step for Delay {
    const ID: &'static str = "delay";
    const TITLE: &'static str = "Delay";
    const CATEGORY: &'static str = "timing";
    const ICON: Option<&'static str> = Some(include_str!("delay.svg"));
    const HELP: Option<&'static str> = Some(
        "The next step begins later. Other actions on the task go on meanwhile, so the steps that follow may find it changed, in another stage, or \
         gone.",
    );
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText { title: "A reminder in three days", config: "{}", params: r#"{"for": "3d"}"# },
        ExampleText { title: "Let another system settle", config: "{}", params: r#"{"for": "30s"}"# },
    ];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        Ok(Answer::new().wait_until(call.later(call.params.r#for)))
    }
}
