//! A step type for Onward: makes a reference such as `INV-acme-corp` of a text, and writes it into a field of the task.

#![forbid(unsafe_code)]

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError, export_steps};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is the same for every run. A doc comment is the help in the form.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// What each reference begins with.
    #[schemars(length(min = 1, max = 10), extend("x-onward" = {"placeholder": "INV"}))]
    prefix: String,
}

/// What each run is given.
#[derive(Deserialize, JsonSchema)]
struct Params {
    /// What the reference is made of. Places such as `{{Company Name}}` are filled in before.
    #[schemars(extend("x-onward" = {"template": "text", "placeholder": "{{Company Name}}"}))]
    text: String,
    /// The field that the reference is written into.
    #[schemars(extend("x-onward" = {"widget": "field", "placeholder": "Reference"}))]
    field: String,
}

struct MakeReference(Config);

impl Step for MakeReference {
    /// As workflow files name it; never changed once somebody uses it.
    const ID: &'static str = "sample_step";
    const TITLE: &'static str = "Sample step";
    const CATEGORY: &'static str = "task";
    const HELP: Option<&'static str> = Some("Writes a reference into a field of the task.");
    /// It only computes. A step that sends or changes something elsewhere says `External`.
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[ExampleText {
        title: "An invoice of a company",
        config: r#"{"prefix": "INV"}"#,
        params: r#"{"text": "{{Company Name}}", "field": "Reference"}"#,
    }];
    type Config = Config;
    type Params = Params;

    fn new(config: Config, _: &Context) -> Result<Self, StepError> {
        if !config.prefix.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(StepError::config(
                "/prefix",
                "it has letters and digits alone",
            ));
        }
        Ok(Self(config))
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let Params { text, field } = &call.params;
        let words = words(text);
        if words.is_empty() {
            let message = format!("“{text}” has no letter and no digit to make a reference of.");
            return Err(StepError::new("nothing_to_name", message));
        }
        let reference = format!("{}-{words}", self.0.prefix);
        call.info(format_args!("made {reference}"));
        Ok(Answer::new().set(field.as_str(), reference))
    }
}

/// The text's words in small letters, with hyphens between them.
fn words(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

export_steps!(MakeReference);

#[cfg(test)]
mod tests {
    use onward_sdk::testing::{Failure, Host, Instance, Run, input};
    use serde_json::{Value, json};

    use super::*;

    fn create(config: Value) -> Result<Instance, Failure> {
        let plugin = Host::new().load(onward_plugin_v1_entry);
        plugin.step(MakeReference::ID).create(config)
    }

    fn run(text: &str) -> Run {
        let step = create(json!({"prefix": "INV"})).expect("an instance");
        step.run(&input(
            json!({}),
            json!({"text": text, "field": "Reference"}),
        ))
    }

    #[test]
    fn a_reference_is_written_into_the_field() {
        let patch = run("Acme  Corp.").answer().task.expect("a patch");
        assert_eq!(patch["Reference"], "INV-acme-corp");
    }

    #[test]
    fn a_text_without_words_is_an_error() {
        assert_eq!(run("…").error().code, "nothing_to_name");
    }

    #[test]
    fn a_wrong_configuration_is_named_by_its_place() {
        match create(json!({"prefix": "a b"})) {
            Err(Failure::Error(error)) => assert_eq!(error.problems()[0].pointer, "/prefix"),
            other => panic!("{other:?}"),
        }
    }
}
