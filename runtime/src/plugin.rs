//! Step plugins: dynamic libraries that bring step types of their own.
//!
//! A library says who it is in a note, which is read without running any of it (`note.rs`). What it exports is called in `load.rs`, and
//! what it is given is in `host.rs`: the two sides of a C boundary, of which the rest knows nothing. Whoever has steps to run uses a `Runner`
//! (`runner.rs`), which has a bounded number of threads for a library, in this process (`pool.rs`) or in one of its own (`child.rs`): nobody
//! waits for a library on a thread that others need. Which libraries there are, and what became of each, is in `registry.rs`.

pub mod asking;
pub mod call;
mod callbacks;
mod calls;
pub mod child;
pub mod describing;
mod host;
mod lines;
pub mod load;
pub mod note;
pub mod pool;
pub mod presented;
pub mod registry;
pub mod runner;
#[cfg(test)]
mod tests;
pub mod trust;

/// The largest library that is looked at.
pub const LIBRARY_BYTES_MAX: u64 = 256 * 1024 * 1024;
