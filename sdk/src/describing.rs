//! Makes the description of a step type out of its author's trait.

use serde_json::Value;

use crate::{
    StepError,
    description::{Description, Effects, Example},
    entry::Kind,
    error::Problem,
    reading::Reader,
    schema,
    step::ExampleText,
};

/// What a trait says of its step type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) category: &'static str,
    pub(crate) icon: Option<&'static str>,
    pub(crate) help: Option<&'static str>,
    pub(crate) effects: Effects,
    pub(crate) deletes_task: bool,
    pub(crate) examples: &'static [ExampleText],
}

/// # Errors
///
/// `invalid_description`: a hint that is none, an example that the step would not take, a schema that is no object's.
pub(crate) fn describe<K: Kind>(version: &str) -> Result<Description, StepError> {
    let facts = K::FACTS;
    let config = schema::of::<K::Config>();
    let params = schema::of::<K::Params>();
    let mut problems = Vec::new();
    for (name, schema) in [("config", &config), ("params", &params)] {
        let Some(schema) = schema else { continue };
        problems.extend(schema::wrong_hints(schema).into_iter().map(|problem| within(name, problem)));
        if !schema::is_of_objects(schema) {
            let message = "the type is to have named fields, or to be ()".to_owned();
            problems.push(Problem { pointer: format!("/{name}"), message });
        }
    }
    let mut examples = Vec::new();
    for (index, example) in facts.examples.iter().enumerate() {
        match read_example::<K>(example) {
            Ok(example) => examples.push(example),
            Err(wrong) => problems
                .extend(wrong.into_iter().map(|problem| within(&format!("examples/{index}"), problem))),
        }
    }
    if !problems.is_empty() {
        return Err(StepError::invalid("invalid_description", problems));
    }
    Ok(Description {
        id: facts.id.to_owned(),
        title: facts.title.to_owned(),
        category: facts.category.to_owned(),
        icon: facts.icon.map(str::to_owned),
        help: facts.help.map(str::to_owned),
        examples,
        version: version.to_owned(),
        effects: facts.effects,
        deletes_task: facts.deletes_task,
        config,
        params,
    })
}

fn within(place: &str, problem: Problem) -> Problem {
    Problem { pointer: format!("/{place}{}", problem.pointer), message: problem.message }
}

fn read_example<K: Kind>(example: &ExampleText) -> Result<Example, Vec<Problem>> {
    let config = Reader::<K::Config>::new("invalid_config").read_bytes(example.config.as_bytes());
    let params = Reader::<K::Params>::new("invalid_params").read_bytes(example.params.as_bytes());
    let mut problems = Vec::new();
    for (name, error) in [("config", config.err()), ("params", params.err())] {
        let wrong = error.into_iter().flat_map(|error| error.problems());
        problems.extend(wrong.map(|problem| within(name, problem)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // They were just read.
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    Ok(Example {
        title: example.title.to_owned(),
        config: value(example.config),
        params: value(example.params),
    })
}
