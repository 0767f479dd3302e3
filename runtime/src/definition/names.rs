//! What a name and an option may be: what people can tell apart by looking, and templates and lists by reading.

use super::{NAME_CHARS_MAX, OPTION_CHARS_MAX};
use crate::{
    model::{list, template, text, workflow::RESERVED_NAMES},
    toml_file::{At, Problems},
};

/// Codes of what was taken once, and is where it is published.
pub(super) const TAKEN_ONCE: [&str; 3] = ["unseen_character", "hidden_field", "blank_option"];

pub(super) fn check_name(name: &At<String>, problems: &mut Problems) {
    let problem = match name.value.as_str() {
        "" => Some("a name must not be empty".to_owned()),
        value if value.trim() != value => Some("a name must not begin or end with a space".to_owned()),
        value if value.contains(['{', '}']) => {
            Some("a name must not contain braces: templates use them".to_owned())
        }
        value if value.chars().any(char::is_control) => {
            Some("a name must not contain control characters".to_owned())
        }
        value => text::problem(value, NAME_CHARS_MAX)
            .map(|_| format!("a name must have at most {NAME_CHARS_MAX} characters")),
    };
    match problem {
        Some(problem) => problems.add("invalid_name", name.span.clone(), problem),
        None => check_seen(name, problems),
    }
}

/// Notes a character that nobody sees, or takes for a plain space: what looks the same would be another name.
fn check_seen(name: &At<String>, problems: &mut Problems) {
    let Some((at, c)) = name.value.char_indices().find(|(at, c)| is_unseen(&name.value, *at, *c)) else {
        return;
    };
    let before = name.value[..at].chars().count();
    let kind = if c.is_whitespace() { "looks like a plain space" } else { "cannot be seen" };
    let message = format!(
        "a name must not contain U+{:04X}, which {kind}; it stands behind {before} characters",
        u32::from(c)
    );
    let help = if c.is_whitespace() { "write a plain space there" } else { "write it anew, by hand" };
    problems.add_with_help("unseen_character", name.span.clone(), message, Some(help.to_owned()));
}

fn is_unseen(text: &str, at: usize, c: char) -> bool {
    match c {
        // Scripts and emojis are joined, and kept apart, by these.
        '\u{200c}' | '\u{200d}' => {
            let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
            let is_joint = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
            !is_joint(before.chars().next_back()) || !is_joint(after.chars().next())
        }
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => true,
        // A space of East Asian scripts is seen by its width.
        ' ' | '\u{3000}' => false,
        _ => c.is_whitespace(),
    }
}

/// Notes that a field has a name which stands for something else.
pub(super) fn check_field(name: At<String>, problems: &mut Problems) {
    let At { value, span } = name;
    if RESERVED_NAMES.contains(&value.as_str()) {
        let message = format!("every task has “{value}” already; call the field something else");
        problems.add("reserved_name", span, message);
    } else if template::is_taken(&value) {
        let message = format!("in templates `{{{{{value}}}}}` would not be this field, but something else");
        let help = "call the field something else".to_owned();
        problems.add_with_help("hidden_field", span, message, Some(help));
    } else if list::PARAMETERS.contains(&value.as_str()) {
        let message =
            format!("lists could not be filtered by a field “{value}”: their queries have it for themselves");
        let help = "call the field something else".to_owned();
        problems.add_with_help("hidden_field", span, message, Some(help));
    }
}

/// Notes what is wrong with an option. `before`: the options before it.
pub(super) fn check_option(option: &At<String>, before: &[String], problems: &mut Problems) {
    let value = &option.value;
    if value.is_empty() || before.contains(value) {
        let message = "options must not be empty and differ from each other";
        problems.add("duplicate_name", option.span.clone(), message);
    } else if value.chars().any(char::is_control) || text::problem(value, OPTION_CHARS_MAX).is_some() {
        let message =
            format!("an option must have at most {OPTION_CHARS_MAX} characters, and no control characters");
        problems.add("invalid_name", option.span.clone(), message);
    } else if value.trim().is_empty() {
        problems.add("blank_option", option.span.clone(), "an option must have more than spaces");
    }
}
