//! The step types that say how an action goes on: later, or only where something holds of the task.

#![forbid(unsafe_code)]

mod condition;
mod decimal;
mod delay;
mod value;

use onward_sdk::export_steps;

export_steps!(delay::Delay, condition::Condition);

#[cfg(test)]
mod tests;
