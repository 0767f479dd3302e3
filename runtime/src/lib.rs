#![doc = include_str!("../ARCHITECTURE.md")]

pub mod api;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod crash_point;
pub mod credential;
pub mod definition;
pub mod egress;
pub mod engine;
pub mod lock;
pub mod model;
pub mod publish;
pub mod settings;
pub mod step;
pub mod store;
pub mod telemetry;
