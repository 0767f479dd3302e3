//! Step plugins: dynamic libraries that bring step types of their own.
//!
//! A library says who it is in a note, which is read without running any of it.

pub mod note;
pub mod trust;

/// The largest library that is looked at.
pub const LIBRARY_BYTES_MAX: u64 = 256 * 1024 * 1024;
