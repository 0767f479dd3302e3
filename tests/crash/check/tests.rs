//! The checks themselves: each finds what it is for.
