//! Real libraries, in C, that keep the boundary's rules and break them.
