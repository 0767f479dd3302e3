//! The tests that drive the built server from outside: real processes, real sockets, real files.

mod alerts;
mod auth;
mod backup;
mod bad_input;
mod contract;
mod crash;
mod custom;
mod egress;
mod endpoints;
mod files;
mod hostile;
mod idempotency;
mod layers;
mod lint;
mod overload;
mod reference_page;
mod requirements;
mod rules;
mod secrets;
mod serving;
mod step_test;
mod store_damage;
mod store_faults;
mod support;
mod tidy;
mod tls;
