//! `delete_task`: the task goes. Later steps of the action see its last state.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError};

pub(crate) struct DeleteTask;

impl Step for DeleteTask {
    const ID: &'static str = "delete_task";
    const TITLE: &'static str = "Delete task";
    const CATEGORY: &'static str = "task";
    const ICON: Option<&'static str> = Some(include_str!("delete_task.svg"));
    const HELP: Option<&'static str> = Some(
        "Deletes the task. Steps that come after it still see its last state, and can change it no more; the history of what was done stays.",
    );
    const EFFECTS: Effects = Effects::None;
    const DELETES_TASK: bool = true;
    const EXAMPLES: &'static [ExampleText] =
        &[ExampleText { title: "The task goes", config: "{}", params: "{}" }];
    type Config = ();
    type Params = ();

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, _: &Call) -> Result<Answer, StepError> {
        Ok(Answer::new().delete())
    }
}
