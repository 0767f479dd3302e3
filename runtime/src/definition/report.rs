//! The report of what is wrong with a file, as a person reads it.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
    /// Bytes of the source.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

/// Every problem of one file, in the order of their places. Never empty.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    name: String,
    source: String,
    problems: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(name: &str, source: &str, mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        Self { name: name.to_owned(), source: source.to_owned(), problems }
    }

    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// The line and the column at which a problem begins, both from 1; a column is a character.
    pub fn place(&self, problem: &Diagnostic) -> (usize, usize) {
        let mut start = problem.span.start.min(self.source.len());
        while !self.source.is_char_boundary(start) {
            start -= 1;
        }
        let before = &self.source[..start];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
    }

    fn render(&self, problem: &Diagnostic) -> String {
        // A span at the very end would point behind the last character.
        let end = self.source.len();
        let span = problem.span.start.min(end)..problem.span.end.min(end);
        let snippet =
            Snippet::source(&self.source).path(&self.name).annotation(AnnotationKind::Primary.span(span));
        let mut group = Level::ERROR.primary_title(&problem.message).id(problem.code).element(snippet);
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        Renderer::plain().render(&[group])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}\n", self.render(problem))?;
        }
        let count = self.problems.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        write!(f, "{count} {problems} in {}", self.name)
    }
}
