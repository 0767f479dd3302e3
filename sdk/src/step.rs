//! What an author writes: a step that blocks, or one that is a future.

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Answer, Call, Context, StepError, description::Effects};

/// A use of a step for people to begin from; its texts are JSON, and `{}` where there is nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct ExampleText {
    /// What it is for.
    pub title: &'static str,
    /// Its configuration.
    pub config: &'static str,
    /// Its params.
    pub params: &'static str,
}

/// A step type whose runs block their thread; the server has a pool of such threads for each plugin.
///
/// An instance is made for each use of the step in a workflow, and may be run many times at once.
pub trait Step: Send + Sync + Sized + 'static {
    /// As workflow files name the type: small letters, digits and `_`, beginning with a letter, and best with a name of yours so that
    /// nobody else has the same: `acme_invoice`.
    const ID: &'static str;
    /// As people know it: `Send an invoice`.
    const TITLE: &'static str;
    /// With which others it stands where a step is chosen: `integration`, `task`, `timing`, or a name of your own.
    const CATEGORY: &'static str = "integration";
    /// An SVG document, drawn beside the title.
    const ICON: Option<&'static str> = None;
    /// What it does and how it is used, in Markdown.
    const HELP: Option<&'static str> = None;
    /// Whether it does something outside that must not be done twice unnoticed.
    const EFFECTS: Effects = Effects::External;
    /// Whether a run that succeeded may have [deleted the task](Answer::delete), so that who checks a workflow knows what the steps after
    /// it will find.
    const DELETES_TASK: bool = false;
    /// Uses of it to begin from.
    const EXAMPLES: &'static [ExampleText] = &[];

    /// What an instance is made of: a type of named fields, or `()`.
    ///
    /// Its doc comments are the form's help. Secrets stand here ([`Secret`](crate::Secret)), and are given as their values.
    type Config: DeserializeOwned + JsonSchema;
    /// What each run is given: a type of named fields, or `()`. A text that may have places such as `{{Company Name}}` says so by
    /// [`Hints::template`](crate::description::Hints::template).
    type Params: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Makes an instance, for a configuration that is as its type says. Made again when a secret in it has changed.
    ///
    /// # Errors
    ///
    /// Where it cannot be used: [`StepError::config`] names the place.
    fn new(config: Self::Config, context: &Context) -> Result<Self, StepError>;

    /// Runs it once. A panic fails this run, and the instance is made anew.
    ///
    /// # Errors
    ///
    /// What the person who clicked is told. The action ends.
    fn run(&self, call: &Call<Self::Params>) -> Result<Answer, StepError>;
}

/// A step type whose runs are futures. It needs the feature `async`, and is exported as `export_steps!(async MyStep)`.
///
/// All that a library runs is run by one [tokio](https://docs.rs/tokio) runtime of its own, begun with the first run. A run that is cancelled
/// is dropped at its next `.await`. The items are those of [`Step`].
///
/// ```
/// use onward_sdk::{Answer, AsyncStep, Call, Context, StepError};
///
/// struct Nap;
///
/// impl AsyncStep for Nap {
///     const ID: &'static str = "nap";
///     const TITLE: &'static str = "Sleep a little";
///     type Config = ();
///     type Params = ();
///
///     fn new(_: (), _: &Context) -> Result<Self, StepError> {
///         Ok(Self)
///     }
///
///     async fn run(&self, call: &Call<()>) -> Result<Answer, StepError> {
///         call.progress("sleeping");
///         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///         Ok(Answer::new().note("slept"))
///     }
/// }
/// # fn main() {}
/// ```
pub trait AsyncStep: Send + Sync + Sized + 'static {
    /// As [`Step::ID`].
    const ID: &'static str;
    /// As [`Step::TITLE`].
    const TITLE: &'static str;
    /// As [`Step::CATEGORY`].
    const CATEGORY: &'static str = "integration";
    /// As [`Step::ICON`].
    const ICON: Option<&'static str> = None;
    /// As [`Step::HELP`].
    const HELP: Option<&'static str> = None;
    /// As [`Step::EFFECTS`].
    const EFFECTS: Effects = Effects::External;
    /// As [`Step::DELETES_TASK`].
    const DELETES_TASK: bool = false;
    /// As [`Step::EXAMPLES`].
    const EXAMPLES: &'static [ExampleText] = &[];

    /// As [`Step::Config`].
    type Config: DeserializeOwned + JsonSchema;
    /// As [`Step::Params`].
    type Params: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// As [`Step::new`]; it may block.
    ///
    /// # Errors
    ///
    /// As [`Step::new`].
    fn new(config: Self::Config, context: &Context) -> Result<Self, StepError>;

    /// As [`Step::run`].
    ///
    /// # Errors
    ///
    /// As [`Step::run`].
    fn run(&self, call: &Call<Self::Params>) -> impl Future<Output = Result<Answer, StepError>> + Send;
}
