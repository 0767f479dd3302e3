//! The step type that starts a Zap, by the webhook that Zapier calls a Catch Hook.

#![forbid(unsafe_code)]

mod zap;

use onward_sdk::export_steps;

export_steps!(zap::Zap);

#[cfg(test)]
mod tests;
