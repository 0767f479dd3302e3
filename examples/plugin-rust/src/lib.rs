//! An example of a step plugin: two step types, one that only computes and one that calls a server.

#![forbid(unsafe_code)]

mod iban;
mod look_up;

use onward_sdk::export_steps;

export_steps!(iban::CheckIban, look_up::LookUpCompany);
