#![doc = include_str!("../ARCHITECTURE.md")]

pub mod clock;
pub mod egress;
pub mod engine;
pub mod model;
pub mod step;
pub mod store;
