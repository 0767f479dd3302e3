//! The report of what is wrong with a file, as a person reads it.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::pointer;

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
    /// A place that has a key or is to have it, and the way from there to what is wrong (`/auth/bearer`), where that is
    /// not what stands at `span`.
    pub key: Option<(Range<usize>, String)>,
}

/// Bytes of the lines that a problem is shown with; of longer ones only the place is said.
const SHOWN_BYTES_MAX: usize = 2_000;

/// Problems that a report shows.
pub(crate) const PROBLEMS_MAX: usize = 100;

/// The problems of one file, in the order of their places; the first of them where there are very many. Never empty.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    name: String,
    source: String,
    problems: Vec<Diagnostic>,
    has_more: bool,
    /// Whether the source was made of a document, so that only paths in that say something to its author.
    is_of_document: bool,
}

impl Diagnostics {
    pub(crate) fn new(name: &str, source: &str, mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let has_more = problems.len() > PROBLEMS_MAX;
        problems.truncate(PROBLEMS_MAX);
        Self { name: name.to_owned(), source: source.to_owned(), problems, has_more, is_of_document: false }
    }

    /// The same, of a document.
    pub(crate) fn of_document(self) -> Self {
        Self { is_of_document: true, ..self }
    }

    pub fn is_of_document(&self) -> bool {
        self.is_of_document
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

    /// Each problem with the JSON pointer (RFC 6901) to what it is about, in the text read as a document; `None` of a text
    /// that is none.
    pub fn with_paths(&self) -> Vec<(&Diagnostic, Option<String>)> {
        let root = super::parse(&self.source).ok();
        let path = |problem: &Diagnostic| {
            let (span, rest) = match &problem.key {
                Some((span, rest)) => (span, rest.as_str()),
                None => (&problem.span, ""),
            };
            root.as_ref().map(|root| pointer::to(root.get_ref(), span, rest))
        };
        self.problems.iter().map(|problem| (problem, path(problem))).collect()
    }

    /// A problem of a document, whose lines nobody has seen.
    fn render_path(problem: &Diagnostic, path: &str) -> String {
        let Diagnostic { code, message, help, .. } = problem;
        let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
        let help = help.as_ref().map_or_else(String::new, |help| format!("\n  = help: {help}"));
        format!("error[{code}]{place}: {message}{help}")
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
        if self.is_of_document {
            for (problem, path) in self.with_paths() {
                writeln!(f, "{}\n", Self::render_path(problem, path.as_deref().unwrap_or_default()))?;
            }
        } else {
            for problem in &self.problems {
                writeln!(f, "{}\n", self.render(problem))?;
            }
        }
        let count = self.problems.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        let first = if self.has_more { "the first " } else { "" };
        let rest = if self.has_more { "; correct these to see the others" } else { "" };
        write!(f, "{first}{count} {problems} in {}{rest}", self.name)
    }
}
