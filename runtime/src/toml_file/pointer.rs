//! From a place in a text to the JSON pointer (RFC 6901) of what stands there: `/actions/2/steps/0/url`. Programs that know
//! a text as a document find by it what a report is about.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Bytes of a pointer; what is deeper in is pointed to by what it stands in.
const POINTER_BYTES_MAX: usize = 2_000;

/// The pointer to what stands at `span` and from there along `rest`, which is a pointer, too. An empty span is the whole.
pub(super) fn to(root: &DeTable<'_>, span: &Range<usize>, rest: &str) -> String {
    let mut search = Search { span, way: Vec::new(), found: Vec::new(), bytes: usize::MAX };
    if !span.is_empty() {
        search.table(root);
    }
    let segments = search.found.iter().map(Segment::written);
    joined(segments.chain(rest.split('/').skip(1).map(|segment| format!("/{segment}"))))
}

/// The pointer that goes this way.
pub(crate) fn along(way: &[Segment<'_>]) -> String {
    joined(way.iter().map(Segment::written))
}

fn joined(segments: impl Iterator<Item = String>) -> String {
    let mut pointer = String::new();
    for segment in segments {
        if pointer.len() + segment.len() > POINTER_BYTES_MAX {
            break;
        }
        pointer.push_str(&segment);
    }
    pointer
}

/// A key as a pointer has it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// One step of a way to something.
#[derive(Clone, Copy)]
pub(crate) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl Segment<'_> {
    fn written(&self) -> String {
        match self {
            Self::Key(key) => format!("/{}", escaped(key)),
            Self::Index(index) => format!("/{index}"),
        }
    }
}

/// For the smallest thing around a span. Headers are apart from what belongs to them, so everything is looked at.
struct Search<'a> {
    span: &'a Range<usize>,
    way: Vec<Segment<'a>>,
    found: Vec<Segment<'a>>,
    /// Of what was found.
    bytes: usize,
}

impl<'a> Search<'a> {
    fn table(&mut self, table: &'a DeTable<'_>) {
        for (key, value) in table {
            self.way.push(Segment::Key(key.get_ref()));
            let (name, held) = (key.span(), value.span());
            self.look(&(name.start..held.end.max(name.end)));
            self.look(&name);
            self.value(value);
            self.way.pop();
        }
    }

    fn value(&mut self, value: &'a Spanned<DeValue<'_>>) {
        self.look(&value.span());
        match value.get_ref() {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.way.push(Segment::Index(index));
                    self.value(item);
                    self.way.pop();
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, place: &Range<usize>) {
        let holds = place.start <= self.span.start && self.span.end <= place.end;
        // Of two in the same place the inner one, which comes later.
        if holds && place.len() <= self.bytes {
            self.bytes = place.len();
            self.found.clone_from(&self.way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "A"
[[actions]]
from = ["x", "y"]
requires.fields = ["z"]
[[actions.steps]]
type = "api_call"
headers = { "a/b" = "1", c = { "~" = 2 } }
[actions.steps.auth]
basic.user = "u"
[[actions]]
name = "second"
"#;

    #[test]
    fn what_stands_at_a_place_is_pointed_to() {
        let root = crate::toml_file::parse(TEXT).unwrap_or_else(|problems| panic!("{:?}", problems.0));
        for (part, rest, expected) in [
            ("name = \"A\"", "", "/name"),
            ("\"A\"", "", "/name"),
            ("[[actions]]", "", "/actions/0"),
            ("[[actions]]", "/name", "/actions/0/name"),
            ("\"y\"", "", "/actions/0/from/1"),
            ("\"z\"", "", "/actions/0/requires/fields/0"),
            ("[[actions.steps]]", "", "/actions/0/steps/0"),
            ("\"api_call\"", "", "/actions/0/steps/0/type"),
            ("\"a/b\"", "", "/actions/0/steps/0/headers/a~1b"),
            ("\"~\" = 2", "", "/actions/0/steps/0/headers/c/~0"),
            ("[actions.steps.auth]", "/basic", "/actions/0/steps/0/auth/basic"),
            ("\"u\"", "", "/actions/0/steps/0/auth/basic/user"),
            ("\"second\"", "", "/actions/1/name"),
        ] {
            let at = TEXT.find(part).unwrap_or_else(|| panic!("{part}"));
            assert_eq!(to(root.get_ref(), &(at..at + part.len()), rest), expected, "{part}");
        }
        assert_eq!(to(root.get_ref(), &(0..0), ""), "", "the whole");
        assert_eq!(to(root.get_ref(), &(0..0), "/stages"), "/stages");
    }

    /// Architecture, style: "a limit on everything".
    #[test]
    fn a_pointer_has_an_end() {
        let text = format!("a = {{ {} = {{ b = 1 }} }}", "k".repeat(10 * POINTER_BYTES_MAX));
        let root = crate::toml_file::parse(&text).unwrap_or_else(|problems| panic!("{:?}", problems.0));
        let at = text.find('1').expect("the value");
        assert_eq!(to(root.get_ref(), &(at..at + 1), "/c"), "/a");
    }
}
