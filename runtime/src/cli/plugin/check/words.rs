//! What a step type is called and how it looks: what people, and the web UI, are shown.

use onward_sdk::description::Description;

use super::{Failure, Findings, failed};

/// The longest icon.
const ICON_BYTES_MAX: usize = 16 * 1024;

/// The longest id of a step type.
const ID_BYTES_MAX: usize = 64;

/// The longest title, and the longest category.
const TITLE_CHARS_MAX: usize = 60;

pub(super) fn id(id: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_sound = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(is_plain);
    if !is_sound || id.len() > ID_BYTES_MAX {
        return Err(failed(
            format!("“{id}” is no id of a step type"),
            format!(
                "it has small letters, digits and `_`, begins with a letter, and has at most {ID_BYTES_MAX} characters"
            ),
        ));
    }
    Ok(())
}

pub(super) fn check(description: &Description, findings: &mut Findings) -> Result<(), Failure> {
    let Description { title, category, version, help, icon, .. } = description;
    for (what, text) in [("title", title), ("category", category), ("version", version)] {
        let is_shown = !text.trim().is_empty() && !text.contains(char::is_control);
        if !is_shown || text.chars().count() > TITLE_CHARS_MAX {
            return Err(failed(
                format!("its {what} is “{text}”"),
                format!("it is one line of 1 to {TITLE_CHARS_MAX} characters"),
            ));
        }
    }
    if help.as_deref().is_none_or(|help| help.trim().is_empty()) {
        findings.notes.push("it has no help: say what it does and how it is used".to_owned());
    }
    if description.examples.is_empty() {
        findings.notes.push("it has no examples to begin from".to_owned());
    }
    match icon.as_deref().and_then(icon_problem) {
        None => Ok(()),
        Some(problem) => Err(failed(
            format!("its icon {problem}"),
            "it is a small SVG drawing without scripts, events, and references to anything outside of it",
        )),
    }
}

/// Why an icon cannot be shown, if so. It is looked at as a text: what is not plain is refused, whatever it would be for.
fn icon_problem(icon: &str) -> Option<String> {
    if icon.len() > ICON_BYTES_MAX {
        return Some(format!("has {} bytes, of at most {ICON_BYTES_MAX}", icon.len()));
    }
    let icon = icon.to_lowercase();
    let icon = icon.trim();
    let icon = match icon.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest.trim_start()),
        None => icon,
    };
    let is_svg =
        icon.strip_prefix("<svg").is_some_and(|rest| rest.starts_with([' ', '\n', '\r', '\t', '>', '/']));
    if !is_svg || !(icon.ends_with("</svg>") || (icon.ends_with("/>") && icon.matches('<').count() == 1)) {
        return Some("is no SVG document: it begins with `<svg` and ends with `</svg>`".to_owned());
    }
    let not_in_it =
        ["<script", "<foreignobject", "<iframe", "<image", "<!", "<?", "&#", "javascript:", "@import", "<a "];
    if let Some(found) = not_in_it.iter().find(|it| icon.contains(**it)) {
        return Some(format!("has `{found}` in it"));
    }
    let quotes = ['"', '\'', ' ', '\n', '\r', '\t'];
    for (key, what) in [("href", "href"), ("url(", "url()")] {
        for (at, _) in icon.match_indices(key) {
            let rest = icon[at + key.len()..].trim_start_matches(quotes);
            let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start_matches(quotes);
            if !rest.starts_with('#') {
                return Some(format!("has a reference to something outside of it (`{what}`)"));
            }
        }
    }
    // An attribute that begins so is a handler of events.
    let handler = icon.match_indices("on").any(|(at, _)| {
        let before = icon[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '/'));
        let name = icon[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        before && name.trim_start().starts_with('=')
    });
    if handler {
        return Some("has a handler of events (`on…=`)".to_owned());
    }
    if !icon.contains("xmlns") {
        Some("has no `xmlns`, so that it is no drawing by itself".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_a_drawing_and_nothing_else() {
        let svg = |inside: &str| {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\">{inside}</svg>\n")
        };
        for good in [
            svg("<path d=\"M15 15l6 6\"/>"),
            format!("<?xml version=\"1.0\"?>\n{}", svg("")),
            svg("<use href=\"#a\"/><path fill=\"url(#b)\" data-icon=\"x\"/>"),
            include_str!("../../../../../examples/plugin-rust/src/look_up.svg").to_owned(),
        ] {
            assert_eq!(icon_problem(&good), None, "{good}");
        }
        for (bad, why) in [
            (String::new(), "no SVG"),
            ("<svg".to_owned(), "no SVG"),
            ("<svgx></svg>".to_owned(), "no SVG"),
            (svg("<SCRIPT>alert(1)</SCRIPT>"), "<script"),
            (svg("<rect onload = \"alert(1)\"/>"), "handler"),
            (svg("<rect x='1'onclick='alert(1)'/>"), "handler"),
            (svg("<use href=\"https://example.com/a.svg#b\"/>"), "outside"),
            (svg("<use xlink:href='data:x'/>"), "outside"),
            (svg("<rect fill=\"url( 'https://example.com/x' )\"/>"), "outside"),
            (svg("<!ENTITY x \"y\">"), "<!"),
            (svg("<rect x=\"&#106;\"/>"), "&#"),
            (svg(&"<g/>".repeat(5_000)), "bytes"),
            ("<svg viewBox=\"0 0 1 1\"></svg>".to_owned(), "xmlns"),
        ] {
            let problem = icon_problem(&bad).unwrap_or_else(|| panic!("{bad}"));
            assert!(problem.contains(why), "{problem}");
        }
    }

    #[test]
    fn an_id_is_as_workflow_files_have_it() {
        assert!(id("send_email2").is_ok());
        for bad in ["", "Send", "send-email", "2nd", "é", "a b", "_a"] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }
}
