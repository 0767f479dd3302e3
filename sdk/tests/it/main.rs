//! The sdk from outside: as a plugin's author, its host and its compiler meet it.

mod asynchronous;
mod building;
mod description;
mod documents;
mod header;
mod layout;
mod panics;
mod rules;
mod running;
mod steps;
