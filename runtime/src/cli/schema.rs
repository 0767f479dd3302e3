//! `onward schema`: JSON Schemas of the files that people write, for their editors.

use clap::{Args, ValueEnum};

use super::{ConfigArguments, load};
use crate::{api, definition, settings, step::StepTypes};

#[derive(Args)]
pub(super) struct SchemaArguments {
    /// Of which file.
    #[arg(value_enum)]
    file: SchemaOf,
    #[command(flatten)]
    config: ConfigArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// A workflow file, with the step types of this server.
    Workflow,
    /// onward.toml.
    Config,
    /// What the HTTP API takes and answers: its OpenAPI document, which servers have at /api/v1/openapi.json.
    Api,
}

pub(super) fn run(arguments: &SchemaArguments) -> anyhow::Result<()> {
    let schema = match arguments.file {
        SchemaOf::Workflow => {
            let settings = load(&arguments.config)?;
            workflow(&StepTypes::load(&settings.egress.guard, &settings.plugins))
        }
        SchemaOf::Config => settings::schema(),
        SchemaOf::Api => api::document(""),
    };
    say!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}

fn workflow(types: &StepTypes) -> serde_json::Value {
    let steps = types.iter().map(|step_type| {
        let description = step_type.description().into_owned();
        definition::StepSchema {
            id: step_type.id().to_owned(),
            summary: description.summary.into_owned(),
            params: description.schema,
        }
    });
    definition::schema(&steps.collect::<Vec<_>>())
}
