//! The plugins that were found, and what became of each.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, operation},
};
use crate::plugin::{
    registry::{Plugin, PluginState},
    runner::RunnerState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/plugins").get(
            list,
            operation(
                "listPlugins",
                Need::Workspace,
                "The plugins that this server has found, and what became of each",
            )
            .answers(200, "Those that ship with the server first", list_of("Plugin")),
        ),
    ]
}

async fn list(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let plugins = &api.shared.step_types.plugins().all;
    answer(HttpResponse::Ok(), &plugins.iter().map(shown).collect::<Vec<Value>>())
}

fn shown(plugin: &Plugin) -> Value {
    let note = plugin.library.as_ref().map(|library| &library.note);
    let (state, code, message) = state(plugin);
    let step_types = match &plugin.state {
        PluginState::Loaded { steps, .. } => steps.iter().map(|step| step.id.as_str()).collect(),
        PluginState::Disabled | PluginState::Refused { .. } => Vec::new(),
    };
    json!({
        "name": plugin.name(),
        "version": note.map(|note| &note.version),
        "file": plugin.file.display().to_string(),
        "origin": plugin.origin.name(),
        "isolation": plugin.isolation.name(),
        "pin": plugin.pin.name(),
        "sha256": plugin.library.as_ref().map(|library| &library.sha256),
        "state": state,
        "code": code,
        "message": message,
        "step_types": step_types,
    })
}

/// How it is, and why, where it is not as it should be.
fn state(plugin: &Plugin) -> (&'static str, Option<String>, Option<String>) {
    match &plugin.state {
        PluginState::Disabled => ("disabled", None, None),
        PluginState::Refused { code, message } => ("refused", Some(code.clone()), Some(message.clone())),
        PluginState::Loaded { runner, .. } => match runner.state() {
            RunnerState::Ready => ("loaded", None, None),
            RunnerState::BackingOff { why } => ("backing_off", Some("plugin_died".to_owned()), Some(why)),
            RunnerState::Quarantined { why } => {
                ("quarantined", Some("plugin_quarantined".to_owned()), Some(why))
            }
        },
    }
}
