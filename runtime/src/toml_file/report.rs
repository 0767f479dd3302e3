//! The report of what is wrong with a file, as a person reads it.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

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

/// Bytes of the lines that a problem is shown with; of longer ones only the place is said.
const SHOWN_BYTES_MAX: usize = 2_000;

/// Problems that a report shows.
pub(super) const PROBLEMS_MAX: usize = 100;

/// The problems of one file, in the order of their places; the first of them where there are very many. Never empty.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    name: String,
    source: String,
    problems: Vec<Diagnostic>,
    has_more: bool,
}

impl Diagnostics {
    pub(crate) fn new(name: &str, source: &str, mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let has_more = problems.len() > PROBLEMS_MAX;
        problems.truncate(PROBLEMS_MAX);
        Self { name: name.to_owned(), source: source.to_owned(), problems, has_more }
    }

    /// What the text is called: a file's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// The line and the column at which a problem begins, both from 1; a column is a character.
    pub fn place(&self, problem: &Diagnostic) -> (usize, usize) {
        line_and_column(&self.source, problem.span.start)
    }

    fn render(&self, problem: &Diagnostic) -> String {
        // A span at the very end would point behind the last character.
        let end = self.source.len();
        let span = problem.span.start.min(end)..problem.span.end.min(end);
        let start = self.source[..span.start].rfind('\n').map_or(0, |line_end| line_end + 1);
        let line = self.source[..start].matches('\n').count() + 1;
        let lines = &self.source[start..];
        let last = lines[span.end - start..].find('\n').map_or(lines.len(), |at| span.end - start + at);
        let group = Level::ERROR.primary_title(&problem.message).id(problem.code);
        let mut group = if last <= SHOWN_BYTES_MAX {
            let span = span.start - start..span.end - start;
            let lines = Snippet::source(&lines[..last]).path(&self.name).line_start(line);
            group.element(lines.annotation(AnnotationKind::Primary.span(span)))
        } else {
            let column = lines[..span.start - start].chars().count() + 1;
            group.element(Origin::path(&self.name).line(line).char_column(column))
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        Renderer::plain().render(&[group])
    }
}

/// The line and the column of a place in a text, both from 1; a column is a character.
pub(crate) fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let before = &source[..source.floor_char_boundary(at)];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}\n", self.render(problem))?;
        }
        let count = self.problems.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        let first = if self.has_more { "the first " } else { "" };
        let rest = if self.has_more { "; correct these to see the others" } else { "" };
        write!(f, "{first}{count} {problems} in {}{rest}", self.name)
    }
}
