//! What is wrong with a text that is no TOML, in words for people: the parser's own are for those who know its grammar.

use std::ops::Range;

use super::{Problems, report::PROBLEMS_MAX};
use crate::model::text::shortened;

/// Syntax errors that a report shows. What follows the first ones is often only their echo.
const SHOWN_MAX: usize = 5;

/// Characters of the text that a message repeats.
const WORD_CHARS_MAX: usize = 40;

const CODE: &str = "toml_syntax";

/// The only syntax error that the reader finds no place for.
const NESTED: &str =
    "somewhere tables or lists stand in one another more than 80 deep, or a key has as many dots";

const CURLY: &str = "“”„‟‘’‚‛«»";

/// The errors in the order of their places, at most one to a line; one alone where the rest follows from it.
pub(super) fn problems(source: &str, errors: &[toml::de::Error]) -> Problems {
    let mut problems = Problems::default();
    let add = |problems: &mut Problems, span, message: String, help| {
        problems.add_with_help(CODE, span, message, help);
    };
    if let Some((span, message, help)) = another_language(source).or_else(|| unclosed(source, errors)) {
        add(&mut problems, span, message.to_owned(), Some(help.to_owned()));
        return problems;
    }
    let mut errors: Vec<_> = errors.iter().take(PROBLEMS_MAX).collect();
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut last_line = None;
    for error in errors {
        let Some(span) = error.span() else {
            add(&mut problems, 0..0, error.message().to_owned(), Some(NESTED.to_owned()));
            continue;
        };
        let line = Line::around(source, &span);
        if last_line == Some(line.start) || problems.0.len() == SHOWN_MAX {
            continue;
        }
        last_line = Some(line.start);
        let (message, help) = explained(source, error.message(), &line);
        add(&mut problems, span, message, help);
    }
    problems
}

/// The line at whose place something is wrong.
struct Line<'a> {
    start: usize,
    text: &'a str,
    /// What stands before the place, and from the place on.
    before: &'a str,
    rest: &'a str,
    /// What is said to be wrong.
    word: &'a str,
}

impl<'a> Line<'a> {
    fn around(source: &'a str, span: &Range<usize>) -> Self {
        let at = source.floor_char_boundary(span.start);
        let end = source.floor_char_boundary(span.end).max(at);
        let start = source[..at].rfind('\n').map_or(0, |end| end + 1);
        let line_end = source[at..].find('\n').map_or(source.len(), |end| at + end);
        Self {
            start,
            text: source[start..line_end].trim(),
            before: &source[start..at],
            rest: &source[at..line_end],
            word: source[at..end.min(line_end)].trim(),
        }
    }
}

/// A message and, if there is more to say, what to do.
fn explained(source: &str, message: &str, line: &Line<'_>) -> (String, Option<String>) {
    let said = |message: &str, help: &str| (message.to_owned(), Some(help.to_owned()));
    if line.text.starts_with("```") {
        return said("a code fence of Markdown stands here", "take out the lines with ```");
    }
    if let Some(c) = line.rest.chars().next().filter(|c| is_odd_space(*c)) {
        let message =
            format!("the character U+{:04X} stands here, which looks like a space and is none", u32::from(c));
        return (message, Some("write a plain space, or nothing, in its place".to_owned()));
    }
    if line.rest.starts_with(|c| CURLY.contains(c)) {
        return said("the quotes here are not those of TOML", "write straight ones: \" or '");
    }
    match message {
        "duplicate key" => twice(source, line),
        _ if is_of_value(message) => no_value(line),
        _ if message.starts_with("invalid basic string") => {
            said("the text has no end: its closing `\"` is missing", "write it in the same line")
        }
        _ if message.starts_with("invalid literal string") => {
            said("the text has no end: its closing `'` is missing", "write it in the same line")
        }
        _ if message.starts_with("missing escaped value") => (
            "in a text between \" a backslash begins an escape, and this is none".to_owned(),
            Some("write \\\\ for a backslash, or the text between ', where there are no escapes".to_owned()),
        ),
        _ if message.starts_with("key with no value") || message.starts_with("invalid unquoted key") => {
            no_key(message, line)
        }
        _ if message.starts_with("unexpected key or value") && line.rest.starts_with(',') => said(
            "a comma stands here, between keys that are in no table",
            "write each key on a line of its own",
        ),
        _ => (message.to_owned(), None),
    }
}

fn is_of_value(message: &str) -> bool {
    ["invalid float", "invalid boolean", "string values must be quoted"]
        .iter()
        .any(|start| message.starts_with(start))
}

fn no_value(line: &Line<'_>) -> (String, Option<String>) {
    let word = shortened(line.word, WORD_CHARS_MAX);
    let is_none = word.is_empty() || word.starts_with('#');
    let (message, help) = match word.to_lowercase().as_str() {
        _ if is_none => {
            ("a value is missing behind `=`".to_owned(), "write one, or leave the key out".to_owned())
        }
        "null" | "nil" | "none" => {
            (format!("there is no `{word}` in TOML"), "leave the key out where it has no value".to_owned())
        }
        "yes" | "on" | "true" => (format!("`{word}` is no value"), "write true".to_owned()),
        "no" | "off" | "false" => (format!("`{word}` is no value"), "write false".to_owned()),
        _ => (
            format!("`{word}` is no number, no date, not true or false, and no text in quotes"),
            format!("a text stands in quotes: \"{word}\""),
        ),
    };
    (message, Some(help))
}

fn no_key(message: &str, line: &Line<'_>) -> (String, Option<String>) {
    if let Some((key, _)) = yaml_pair(line.text) {
        let help = format!("write {key} = and the value behind it");
        return (format!("`{key}:` is not how TOML writes a key"), Some(help));
    }
    let key = line.text.split_once('=').map_or("", |(key, _)| key.trim());
    let is_of_words = key.split(' ').count() > 1 && !key.contains(['"', '\'', '[', '{']);
    if is_of_words || !key.is_ascii() {
        let key = shortened(key, WORD_CHARS_MAX);
        return (
            format!("the key `{key}` has more than letters, digits, `-` and `_`"),
            Some(format!("write it in quotes: \"{key}\"")),
        );
    }
    match line.text.contains('=') {
        true => (message.to_owned(), None),
        false => (
            format!("`{}` is no key with a value", shortened(line.text, WORD_CHARS_MAX)),
            Some("each line is key = value, [table], [[table of a list]] or a # comment".to_owned()),
        ),
    }
}

/// A key, or a table, that was there before.
fn twice(source: &str, line: &Line<'_>) -> (String, Option<String>) {
    let Some(path) = header(line.text).filter(|_| line.before.trim_start().starts_with('[')) else {
        let message = format!("`{}` is here a second time", shortened(line.word, WORD_CHARS_MAX));
        return (message, Some("leave one of them out".to_owned()));
    };
    let before = source[..line.start].lines().enumerate();
    let mut single =
        before.filter(|(_, text)| !text.trim_start().starts_with("[[") && header(text) == Some(path));
    match single.next() {
        Some((number, _)) => (
            format!("[{path}] is there already, in line {}", number + 1),
            Some(format!("write [[{path}]] there and here: each is one of a list")),
        ),
        None => (
            format!("`{path}` is there already, as something else"),
            Some(format!("write [[{path}]] each time: each is one of a list")),
        ),
    }
}

/// `a.b` of `[a.b]` and of `[[a.b]]`.
fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    let inner = line.strip_prefix("[[").and_then(|line| Some(line.split_once("]]")?.0));
    let path = inner.or_else(|| Some(line.strip_prefix('[')?.split_once(']')?.0))?;
    Some(path.trim())
}

type Whole = (Range<usize>, &'static str, &'static str);

/// What is wrong with the whole of a text that was not meant to be TOML.
fn another_language(source: &str) -> Option<Whole> {
    let bare = source.trim_start_matches('\u{feff}');
    let mut at = source.len() - bare.len();
    for line in bare.split_inclusive('\n') {
        let text = line.trim();
        let span = at..at + line.trim_end().len();
        if text.starts_with('{') {
            return Some((span, "this is JSON, and not TOML", LIKE_TOML));
        }
        if text.starts_with("```") {
            return Some((span, "a code fence of Markdown stands here", "take out the lines with ```"));
        }
        if text == "---" || yaml_pair(text).is_some() && !source.lines().any(is_toml) {
            return Some((span, "this is YAML, and not TOML", LIKE_TOML));
        }
        // The first line that says something tells.
        if !text.is_empty() && !text.starts_with('#') {
            return None;
        }
        at += line.len();
    }
    None
}

const LIKE_TOML: &str =
    "write key = value, one to a line, and before the keys of each item of a list [[name of the list]]";

fn is_toml(line: &str) -> bool {
    header(line).is_some() || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(':'))
}

/// `key: value`, or `key:` alone.
fn yaml_pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_start_matches("- ").split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
    (is_key && (value.is_empty() || value.starts_with(' '))).then_some((key, value))
}

/// The list, or the table in braces, that never ends: everything behind it is taken for a part of it.
fn unclosed(source: &str, errors: &[toml::de::Error]) -> Option<Whole> {
    let starts = ["unclosed array, ", "unclosed inline table, "];
    errors.iter().find(|error| starts.iter().any(|start| error.message().starts_with(start)))?;
    let at = *open_brackets(source).last()?;
    Some(match source.as_bytes()[at] {
        b'{' => (at..at + 1, "this `{` is never closed", "write `}` behind what belongs to it"),
        _ => (at..at + 1, "this `[` is never closed", "write `]` behind what belongs to it"),
    })
}

/// Where brackets open that nothing closes.
fn open_brackets(source: &str) -> Vec<usize> {
    let (bytes, mut open, mut at) = (source.as_bytes(), Vec::new(), 0);
    let mut is_line_start = true;
    while let Some(byte) = bytes.get(at) {
        let was_line_start = is_line_start;
        is_line_start = *byte == b'\n' || was_line_start && matches!(byte, b' ' | b'\t' | b'\r');
        at = match byte {
            b'#' => line_end(bytes, at),
            // A table's header, which is whole in its line.
            b'[' if was_line_start && open.is_empty() => line_end(bytes, at),
            b'"' | b'\'' => text_end(bytes, at),
            b'[' | b'{' => {
                open.push(at);
                at + 1
            }
            b']' | b'}' => {
                open.pop();
                at + 1
            }
            _ => at + 1,
        };
    }
    open
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| from + end)
}

/// Behind a text that begins here.
fn text_end(bytes: &[u8], from: usize) -> usize {
    let quote = bytes[from];
    let is_long = bytes[from..].starts_with(&[quote; 3]);
    let mut at = if is_long { from + 3 } else { from + 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !is_long => return at,
            _ if is_long && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            byte if !is_long && *byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// What is taken for a space, or not seen at all, and means something else.
fn is_odd_space(c: char) -> bool {
    match c {
        ' ' | '\t' | '\n' | '\r' => false,
        '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' => true,
        c => c.is_whitespace(),
    }
}
