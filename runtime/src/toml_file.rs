//! TOML that people write: read with the place of everything in it, because a message without its line helps nobody; and
//! the report of what is wrong.

mod pointer;
mod report;
mod syntax;
mod table;

use std::{fmt, fs, io::Read, path::Path};

use toml::{Spanned, de::DeTable};

pub(crate) use self::report::line_and_column;
pub use self::report::{Diagnostic, Diagnostics};
pub(crate) use self::table::{At, Entry, Places, Problems, Table, TextOrTable, split_list};
pub(crate) use self::{
    pointer::{Segment, along},
    report::PROBLEMS_MAX,
};

pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Stable, for programs.
    pub code: &'static str,
    problem: String,
}

impl Unreadable {
    pub fn new(problem: String) -> Self {
        Self { code: "unreadable_file", problem }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

/// What a file says, or why it cannot be read.
pub fn read_text(path: &Path) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| Unreadable::new(format!("the file cannot be read: {error}")))?;
    if bytes.len() > FILE_BYTES_MAX {
        let problem = format!("the file has more than {FILE_BYTES_MAX} bytes, and such files have no more");
        return Err(Unreadable { code: "file_too_large", problem });
    }
    String::from_utf8(bytes).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = sound.iter().filter(|byte| **byte == b'\n').count() + 1;
        Unreadable::new(format!("line {line} has bytes that are not UTF-8; save the file in that encoding"))
    })
}

/// The whole of a text. What follows a syntax error is guesswork, whose problems would mislead: there are none of it.
pub(crate) fn parse(source: &str) -> Result<Spanned<DeTable<'_>>, Problems> {
    let (root, errors) = DeTable::parse_recoverable(source);
    if errors.is_empty() { Ok(root) } else { Err(syntax::problems(source, &errors)) }
}
