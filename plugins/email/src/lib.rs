//! The step type that sends an email, by SMTP.

#![forbid(unsafe_code)]

mod addresses;
mod message;
mod notification;
mod smtp;

use onward_sdk::export_steps;

export_steps!(notification::EmailNotification);

#[cfg(test)]
mod tests;
