//! The benchmark of the unit of work stands here once it is written; nothing is measured yet.

fn main() {}
