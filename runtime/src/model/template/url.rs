//! What cannot stand in a URL as its author wrote it; values of places are encoded, what stands beside them is not.

use super::{Part, Template};

/// What a URL must be as its author wrote it, as a regular expression: `http://` or `https://` and more, or a secret that
/// begins so; beside places only what may stand in a URL.
pub const URL_PATTERN: &str = r#"^(https?://([!-;=?-_a-z|~]|\{\{[^{}]*\}\})|\{\{\s*secrets\.[^{}]*\}\})([!-;=?-_a-z|~]|\{\{[^{}]*\}\})*$"#;

/// What is wrong with the written parts of a URL, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlProblem {
    pub message: String,
    pub help: String,
}

impl Template {
    /// The first thing in the written parts that a URL cannot have, such as a space.
    pub fn url_problem(&self) -> Option<UrlProblem> {
        self.parts.iter().find_map(|part| match part {
            Part::Text(text) => problem(text),
            Part::Place(_) => None,
        })
    }
}

fn problem(text: &str) -> Option<UrlProblem> {
    let (at, c) = text.char_indices().find(|(_, c)| !may_stand(*c))?;
    if let Some(name) =
        text[at..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name)
    {
        let dollar = if text[..at].ends_with('$') { "$" } else { "" };
        return Some(UrlProblem {
            message: format!("`{dollar}{{{name}}}` in the URL is no place, and would be sent as it stands"),
            help: format!("a place has two braces on each side: {{{{{}}}}}", name.trim()),
        });
    }
    Some(match c {
        ' ' if at + 1 == text.len() || at == 0 => UrlProblem {
            message: "a space stands in the URL, beside a place or at its beginning or end".to_owned(),
            help: "remove it, or write %20 where a space is meant".to_owned(),
        },
        _ => UrlProblem {
            message: format!("{} cannot stand in a URL", named(c)),
            help: format!("write {}", encoded(c)),
        },
    })
}

/// Whether a URL may have a character as it is. What is none of the standard's and yet is often sent, such as `|`, may.
fn may_stand(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '<' | '>' | '`' | '{' | '}')
}

fn named(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        c if c.is_control() || c.is_whitespace() => format!("the character U+{:04X}", u32::from(c)),
        '`' => "`` ` ``".to_owned(),
        c => format!("`{c}`"),
    }
}

/// Percent-encoded, as a URL may have it.
fn encoded(c: char) -> String {
    let mut out = String::new();
    super::percent_encode(c.encode_utf8(&mut [0; 4]), &mut out);
    out
}
