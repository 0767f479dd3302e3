//! A resolver that changes its mind: `resolver.c`, loaded into the server's process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{preload::Library, server::Project};

static LIBRARY: Library = Library::new("resolver");

/// What names that end in `.rebind.test` lead to.
pub(crate) struct Resolver {
    answers: PathBuf,
}

impl Resolver {
    /// The addresses of each answer, in turn; the last one's are those of every later one, too.
    pub(crate) fn of(project: &Project, answers: &[&[&str]]) -> Self {
        let path = project.path("resolver");
        let lines: Vec<_> = answers.iter().map(|addresses| addresses.join(" ")).collect();
        fs::write(&path, lines.join("\n")).expect("the answers");
        Self { answers: path }
    }

    /// What puts it into a process.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", LIBRARY.path()), ("ONWARD_RESOLVER", &self.answers)]
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        fs::read_to_string(self.answers.with_extension("asked")).map_or(0, |text| text.lines().count())
    }
}
