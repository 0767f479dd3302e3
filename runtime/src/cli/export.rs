//! `onward export`: a workflow as a file.

use clap::Args;

use super::{ConfigArguments, block_on, load, role, say};
use crate::{boot, definition, publish, step::StepTypes};

#[derive(Args)]
pub(super) struct ExportArguments {
    /// The workflow's id.
    workflow: String,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(arguments: &ExportArguments) -> anyhow::Result<()> {
    let settings = load(&arguments.config)?;
    block_on(async {
        let store = boot::open_store(&settings)?;
        let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
        let known = publish::known(&settings.workflows.folder, &*store, &types).await;
        store.close().await?;
        say::print(format_args!("{}", definition::write(role::workflow(&arguments.workflow, &known?)?)));
        Ok(())
    })
}
