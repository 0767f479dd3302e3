//! Printing what a command has to say.

use std::{
    fmt,
    io::{ErrorKind, Write, stdout},
};

/// Prints a line, as `println!` does.
macro_rules! say {
    ($($said:tt)*) => {
        $crate::cli::say::print(format_args!("{}\n", format_args!($($said)*)))
    };
}

/// Whoever reads may have heard enough (`onward … | head`): what the command does is done all the same.
pub(super) fn print(said: fmt::Arguments<'_>) {
    let mut output = stdout().lock();
    if let Err(error) = output.write_fmt(said).and_then(|()| output.flush()) {
        assert!(error.kind() == ErrorKind::BrokenPipe, "the output cannot be written: {error}");
    }
}
