//! The step type that posts a message to Slack, by an incoming webhook or by a token.

#![forbid(unsafe_code)]

mod answer;
mod post;

use onward_sdk::export_steps;

export_steps!(post::SlackPost);

#[cfg(test)]
mod tests;
