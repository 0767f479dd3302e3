//! Step plugins: dynamic libraries that bring step types of their own.
//!
//! A library says who it is in a note, which is read without running any of it (`note.rs`). What it exports is called in `load.rs`, and
//! what it is given is in `host.rs`: the two sides of a C boundary, of which the rest knows nothing.

pub mod call;
mod calls;
mod host;
pub mod load;
pub mod note;
pub mod presented;
pub mod runner;
pub mod trust;

/// The largest library that is looked at.
pub const LIBRARY_BYTES_MAX: u64 = 256 * 1024 * 1024;
