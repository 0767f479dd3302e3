//! What can become of a workflow file between its author's hands and us, and what we must make of each.

use super::Random;

/// A sound file, with what its lines are.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
    lines: Vec<Line>,
}

/// One line of a file, as far as mutations need to know it.
#[derive(Clone, PartialEq)]
enum Line {
    /// `[[a.b]]` or `[a.b]`: the path.
    Header(String),
    /// `key = value`, both as they are written.
    Pair {
        key: String,
        value: String,
    },
    Other,
}

/// What must become of a mutated file.
pub(super) enum Expected {
    /// At this line (from 1), with one of these codes (any, if there are none), and this in its help.
    Refused { line: usize, codes: &'static [&'static str], help: String },
    /// As a whole, with this code: no single line is to blame.
    RefusedAsAWhole(&'static str),
    /// As if nothing had happened.
    Same,
    /// Whatever it has become.
    Either,
}

pub(super) struct Mutated {
    pub(super) text: String,
    pub(super) expected: Expected,
}

/// Makes a mutation of its kind; `None` where the file has no place for it.
pub(super) type Mutation = fn(&Source, &mut Random) -> Option<Mutated>;

pub(super) const ALL: &[(&str, Mutation)] = &[
    ("a misspelt key", misspelt_key),
    ("a misspelt key within a value", misspelt_inner_key),
    ("a misspelt table", misspelt_table),
    ("a value of another type", other_type),
    ("a key twice", key_twice),
    ("a thing twice", thing_twice),
    ("a key that is missing", missing_key),
    ("a control character", control_character),
    ("a control character, escaped", escaped_control_character),
    ("a name that nothing has", unknown_name),
    ("a place that names nothing", unknown_place),
    ("an impossible name", impossible_name),
    ("a huge text", huge_text),
    ("a huge key", huge_key),
    ("an impossible number", impossible_number),
    ("very many tables", many_tables),
    ("very many items", many_items),
    ("very many keys", many_keys),
    ("very many keys within a value", many_inner_keys),
    ("deep nesting", deep_nesting),
    ("a lone carriage return", lone_carriage_return),
    ("line ends of another system", crlf),
    ("a byte order mark", byte_order_mark),
    ("comments and white space", comments),
    ("another order of its tables", other_order),
    ("an end in the middle", cut_off),
    ("random characters", random_characters),
    ("a part somewhere else", moved_part),
];

/// Tables whose keys are names of the author's own.
const OF_OWN_NAMES: [&str; 3] = ["headers", "fields", "response"];

impl Source {
    pub(super) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let lines = text.lines().map(Line::read).collect();
        Self { name: name.into(), text, lines }
    }

    /// The lines with a key and a value, by their numbers from 1, with the header above them.
    fn pairs(&self) -> Vec<(usize, &str, &str, &str)> {
        let mut header = "";
        let mut pairs = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            match line {
                Line::Header(path) => header = path,
                Line::Pair { key, value } => pairs.push((index + 1, header, key.as_str(), value.as_str())),
                Line::Other => {}
            }
        }
        pairs
    }

    /// One of the pairs that are wanted.
    fn pair(
        &self,
        random: &mut Random,
        is_wanted: impl Fn(&str, &str, &str) -> bool,
    ) -> Option<(usize, &str, &str)> {
        let pairs: Vec<_> = self
            .pairs()
            .into_iter()
            .filter(|(_, header, key, value)| is_wanted(header, key, value))
            .collect();
        random.one_of(&pairs).map(|(line, _, key, value)| (*line, *key, *value))
    }

    fn headers(&self) -> Vec<(usize, &str)> {
        let headers = self.lines.iter().enumerate().filter_map(|(index, line)| match line {
            Line::Header(path) => Some((index + 1, path.as_str())),
            _ => None,
        });
        headers.collect()
    }

    /// With another text in place of a line.
    fn with_line(&self, line: usize, text: &str) -> String {
        let lines = self.text.lines().enumerate();
        let lines = lines.map(|(index, old)| if index + 1 == line { text } else { old });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    /// From a header to before the next one that is not of a table within it.
    fn block(&self, header: usize, path: &str) -> String {
        let within = format!("{path}.");
        let next =
            self.headers().into_iter().find(|(line, other)| *line > header && !other.starts_with(&within));
        let end = next.map_or(self.lines.len(), |(line, _)| line - 1);
        self.text.lines().skip(header - 1).take(end + 1 - header).collect::<Vec<_>>().join("\n") + "\n"
    }

    /// The text before the first header, and the blocks of the top-level tables.
    fn blocks(&self) -> (String, Vec<(&str, String)>) {
        let headers: Vec<_> = self.headers().into_iter().filter(|(_, path)| !path.contains('.')).collect();
        let first = headers.first().map_or(self.lines.len(), |(line, _)| line - 1);
        let head = self.text.lines().take(first).collect::<Vec<_>>().join("\n") + "\n";
        (head, headers.into_iter().map(|(line, path)| (path, self.block(line, path))).collect())
    }
}

impl Line {
    fn read(line: &str) -> Self {
        let is_bare = |key: &str| {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !key.is_empty() && key.chars().all(is_letter)
        };
        let path = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]"));
        let path = path.or_else(|| line.strip_prefix('[').and_then(|rest| rest.split_once(']')));
        match (path, line.split_once(" = ")) {
            (Some((path, _)), _) => Self::Header(path.to_owned()),
            // What goes on in the next line is left alone.
            (None, Some((key, value))) if is_bare(key) && value.trim_end() != "[" => {
                let value = value.split("  ").next().unwrap_or(value);
                Self::Pair { key: key.to_owned(), value: value.to_owned() }
            }
            _ => Self::Other,
        }
    }
}

fn refused(text: String, line: usize, codes: &'static [&'static str]) -> Option<Mutated> {
    Some(Mutated { text, expected: Expected::Refused { line, codes, help: String::new() } })
}

fn same(text: String) -> Option<Mutated> {
    Some(Mutated { text, expected: Expected::Same })
}

fn either(text: String) -> Option<Mutated> {
    Some(Mutated { text, expected: Expected::Either })
}

/// One slip of the pen.
fn misspelt(word: &str, random: &mut Random) -> String {
    let mut letters: Vec<_> = word.chars().collect();
    let at = random.below(letters.len());
    match random.below(4) {
        0 if at + 1 < letters.len() && letters[at] != letters[at + 1] => letters.swap(at, at + 1),
        1 if letters.len() > 2 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = if letters[at] == 'q' { 'z' } else { 'q' },
    }
    letters.into_iter().collect()
}

/// What must be said of a misspelt key. The shortest have too few letters to say for sure which one was meant.
fn misspelling(text: String, line: usize, key: &str) -> Option<Mutated> {
    let help = if key.len() > 3 { format!("did you mean `{key}`?") } else { String::new() };
    Some(Mutated {
        text,
        expected: Expected::Refused { line, codes: &["unknown_key", "unknown_operator"], help },
    })
}

fn misspelt_key(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_known = |header: &str, _: &str, _: &str| {
        !OF_OWN_NAMES.iter().any(|own| header.ends_with(&format!("steps.{own}")))
    };
    let (line, key, value) = source.pair(random, is_known)?;
    let wrong = misspelt(key, random);
    misspelling(source.with_line(line, &format!("{wrong} = {value}")), line, key)
}

/// A key in an inline table: `{ key = …` or `, key = …`.
fn misspelt_inner_key(source: &Source, random: &mut Random) -> Option<Mutated> {
    let has_own = |key: &str| OF_OWN_NAMES.contains(&key);
    let (line, key, value) = source.pair(random, |_, key, value| value.contains("{ ") && !has_own(key))?;
    let starts: Vec<_> = ["{ ", ", "]
        .iter()
        .flat_map(|before| value.match_indices(before).map(|(at, before)| at + before.len()))
        .filter(|at| {
            value[*at..]
                .split_once(" = ")
                .is_some_and(|(key, _)| matches!(Line::read(&format!("{key} = 1")), Line::Pair { .. }))
        })
        .collect();
    let at = *random.one_of(&starts)?;
    let (inner, rest) = value[at..].split_once(" = ")?;
    let wrong = misspelt(inner, random);
    misspelling(source.with_line(line, &format!("{key} = {}{wrong} = {rest}", &value[..at])), line, inner)
}

fn misspelt_table(source: &Source, random: &mut Random) -> Option<Mutated> {
    let headers = source.headers();
    // One with tables in it is also named by those.
    let is_leaf = |path: &str| !headers.iter().any(|(_, other)| other.starts_with(&format!("{path}.")));
    let leaves: Vec<_> = headers.iter().filter(|(_, path)| is_leaf(path)).collect();
    let (line, path) = random.one_of(&leaves)?;
    let (above, name) = path.rsplit_once('.').map_or(("", *path), |(above, name)| (above, name));
    let dot = if above.is_empty() { "" } else { "." };
    let wrong = format!("{above}{dot}{}", misspelt(name, random));
    let text = source.text.lines().nth(line - 1)?.replace(path, &wrong);
    misspelling(source.with_line(*line, &text), *line, name)
}

/// A value of a type that cannot be meant.
fn other_type(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_own = |header: &str| header.ends_with("steps.fields");
    let (line, key, value) = source.pair(random, |header, _, _| !is_own(header))?;
    let others: &[&str] = match value.chars().next()? {
        '"' | '\'' => &["true", "[true]", "{ wrong = 1 }", "-1", "1.5"],
        't' | 'f' => &["\"yes\"", "5", "[]", "{}", "1979-05-27"],
        '0'..='9' => &["\"many\"", "true", "1.5", "[1]", "{}", "1979-05-27"],
        '[' => &["\"x\"", "5", "true", "{ wrong = 1 }", "[5]", "[[]]"],
        '{' => &["\"x\"", "5", "true", "[1]", "1979-05-27"],
        _ => return None,
    };
    let other = random.one_of(others)?;
    refused(source.with_line(line, &format!("{key} = {other}")), line, &[])
}

fn key_twice(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |_, _, _| true)?;
    refused(source.with_line(line, &format!("{key} = {value}\n{key} = {value}")), line + 1, &["toml_syntax"])
}

/// A field, a stage, a role, an action, a second time.
fn thing_twice(source: &Source, random: &mut Random) -> Option<Mutated> {
    let things: Vec<_> = source.headers().into_iter().filter(|(_, path)| !path.contains('.')).collect();
    let (line, path) = *random.one_of(&things)?;
    let block = source.block(line, path);
    let text = format!("{}\n{block}", source.text);
    let first = source.lines.len() + 2;
    match path {
        // There is one of them, so that the second is not TOML.
        "alerts" => refused(text, first, &["toml_syntax"]),
        _ => refused(text, first + 1, &["duplicate_name"]),
    }
}

/// A key without which nothing goes. What is said of it stands where its table begins, or at what is there of it.
fn missing_key(source: &Source, random: &mut Random) -> Option<Mutated> {
    let needed = |header: &str, key: &str, _: &str| {
        matches!(
            (header, key),
            ("fields", "name" | "type" | "options")
                | ("stages" | "roles", "name")
                | ("actions", "name" | "from")
                | ("actions.steps", "type" | "url" | "stage" | "for" | "in")
                | ("actions.requires.conditions", "message" | "all")
        )
    };
    let (line, _, _) = source.pair(random, needed)?;
    let header = source.headers().into_iter().rfind(|(header, _)| *header < line)?.0;
    // A step without its own is told at its type.
    let is_at_type = source.text.lines().nth(header - 1)? == "[[actions.steps]]";
    let at = if is_at_type && line > header + 1 { header + 1 } else { header };
    refused(source.with_line(line, ""), at, &["missing_key"])
}

fn control_character(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |_, _, value| value.len() > 2)?;
    let at = random.boundary(value, 1);
    let wrong = random.one_of(&['\0', '\u{1}', '\u{b}', '\u{1b}', '\u{7f}'])?;
    let text = format!("{key} = {}{wrong}{}", &value[..at], &value[at..]);
    refused(source.with_line(line, &text), line, &["toml_syntax"])
}

/// Where TOML lets it through.
fn escaped_control_character(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_text = |header: &str, key: &str, value: &str| {
        value.starts_with('"') && !value.contains('\\') && !(header.is_empty() && key == "webhook")
    };
    let (line, key, value) = source.pair(random, is_text)?;
    let at = random.boundary(&value[..value.len() - 1], 1);
    let text = format!("{key} = {}\\u0000{}", &value[..at], &value[at..]);
    refused(source.with_line(line, &text), line, &[])
}

/// In a value that names something of the workflow.
fn unknown_name(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_name = |header: &str, key: &str, _: &str| {
        matches!(
            (header, key),
            ("actions", "from" | "color" | "on_failure")
                | ("actions.requires", "fields" | "roles")
                | ("roles", "perform")
                | ("stages", "color")
                | ("fields", "type")
                | ("actions.steps", "stage" | "type" | "method" | "format")
        )
    };
    let (line, key, value) = source.pair(random, is_name)?;
    let (before, rest) = value.split_once('"')?;
    let (name, after) = rest.split_once('"')?;
    let wrong = match random.below(3) {
        0 => format!("\\u001b[2J{name}\\u0007"),
        _ => misspelt(name, random),
    };
    refused(source.with_line(line, &format!("{key} = {before}\"{wrong}\"{after}")), line, &[])
}

/// In a template: a field that is not there, a brace too few.
fn unknown_place(source: &Source, random: &mut Random) -> Option<Mutated> {
    let has_place = |_: &str, _: &str, value: &str| value.contains("{{") && value.starts_with('"');
    let (line, key, value) = source.pair(random, has_place)?;
    let (before, rest) = value.split_once("{{")?;
    let (_, after) = rest.split_once("}}")?;
    let wrong = random.one_of(&[
        "{{Nowhere}}",
        "{{}}",
        "{{user.shoe}}",
        "{{secrets.}}",
        "{{secrets.a b}}",
        "{{secret.A}}",
    ])?;
    let text = match random.below(4) {
        0 => format!("{key} = \"{before}{{{{Order\"", before = before.trim_start_matches('"')),
        _ => format!("{key} = {before}{wrong}{after}"),
    };
    refused(source.with_line(line, &text), line, &[])
}

fn impossible_name(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_name = |header: &str, key: &str, _: &str| !header.is_empty() && (key == "name" || key == "id");
    let (line, key, _) = source.pair(random, is_name)?;
    let long = "n".repeat(101);
    let wrong = *random.one_of(&["", " x", "x ", "a{b", "a}b", "\\t", "\\u0007", &long])?;
    refused(source.with_line(line, &format!("{key} = \"{wrong}\"")), line, &[])
}

fn huge_text(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |_, _, value| value.starts_with('"'))?;
    let huge = random.one_of(&["x", "ü", "{{Order Number}}", "\\n", " "])?.repeat(70_000);
    let text = format!("{key} = {}{huge}\"", &value[..value.len() - 1]);
    if source.text.len() + text.len() > super::FILE_BYTES_MAX {
        let expected = Expected::RefusedAsAWhole("file_too_large");
        return Some(Mutated { text: source.with_line(line, &text), expected });
    }
    refused(source.with_line(line, &text), line, &[])
}

fn huge_key(source: &Source, random: &mut Random) -> Option<Mutated> {
    // What every step has is said to be missing.
    let is_known = |header: &str, key: &str, _: &str| !header.ends_with(".fields") && key != "type";
    let (line, key, value) = source.pair(random, is_known)?;
    let huge = key.repeat(100_000 / key.len());
    refused(source.with_line(line, &format!("{huge} = {value}")), line, &["unknown_key"])
}

fn impossible_number(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_number = |header: &str, _: &str, value: &str| {
        value.starts_with(|c: char| c.is_ascii_digit()) && !header.ends_with("steps.fields")
    };
    let (line, key, _) = source.pair(random, is_number)?;
    let long = "9".repeat(10_000);
    let wrong = *random.one_of(&[
        "0",
        "-1",
        "1e400",
        "nan",
        "-inf",
        "0xffffffffffffffffff",
        "18446744073709551616",
        &long,
    ])?;
    refused(source.with_line(line, &format!("{key} = {wrong}")), line, &[])
}

fn many_tables(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (path, body) = *random.one_of(&[
        ("fields", "name = \"#\"\ntype = \"text\""),
        ("stages", "name = \"#\""),
        ("roles", "name = \"#\""),
        ("actions", "name = \"#\"\nfrom = []"),
        ("actions.steps", "type = \"delete_task\""),
        ("fields", ""),
        ("actions.steps", ""),
    ])?;
    if path == "actions.steps" && !source.headers().iter().any(|(_, path)| *path == "actions") {
        return None;
    }
    let tables: String = (0..9_000)
        .map(|number| format!("[[{path}]]\n{}\n", body.replace('#', &number.to_string())))
        .collect();
    let expected = Expected::RefusedAsAWhole("too_many");
    Some(Mutated { text: format!("{}\n{tables}", source.text), expected })
}

/// Longer lists than anybody needs, each of whose items is wrong besides.
fn many_items(source: &Source, random: &mut Random) -> Option<Mutated> {
    let is_list = |_: &str, _: &str, value: &str| value.starts_with('[') && !value.contains("secrets.");
    let (line, key, _) = source.pair(random, is_list)?;
    let items = (0..40_000).map(|number| format!("\"Oepn {number}\"")).collect::<Vec<_>>().join(",");
    refused(source.with_line(line, &format!("{key} = [{items}]")), line, &["too_many", "unknown_operator"])
}

fn many_keys(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |header, _, _| !header.ends_with(".fields"))?;
    let keys: String = (0..60_000).map(|number| format!("k{number} = {number}\n")).collect();
    refused(source.with_line(line, &format!("{key} = {value}\n{keys}")), line + 1, &["unknown_key"])
}

/// Also in a table of a huge name, so that whoever notes each key's whole path notes a hundred times the file.
fn many_inner_keys(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, _) = source.pair(random, |_, _, value| value.starts_with("{ "))?;
    let keys = (0..15_000).map(|number| format!("k{number} = {number}")).collect::<Vec<_>>().join(", ");
    let outer = "k".repeat(200_000);
    let value = match random.below(2) {
        0 => format!("{{ {keys} }}"),
        _ => format!("{{ {outer} = {{ {keys} }} }}"),
    };
    refused(source.with_line(line, &format!("{key} = {value}")), line, &[])
}

fn deep_nesting(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, _) = source.pair(random, |_, _, _| true)?;
    let depth = *random.one_of(&[200, 10_000, 200_000])?;
    let deep = match random.below(5) {
        0 => format!("{key} = {}", "[".repeat(depth)),
        1 => format!("{key} = {}{}", "[".repeat(depth), "]".repeat(depth)),
        2 => format!("{key} = {}1", "{ a = ".repeat(depth / 2)),
        3 => format!("{key}{} = 1", ".a".repeat(depth)),
        _ => format!("[{key}{}]", ".a".repeat(depth)),
    };
    // The reader that refuses it does not say where.
    let expected = Expected::RefusedAsAWhole("toml_syntax");
    Some(Mutated { text: source.with_line(line, &deep), expected })
}

fn lone_carriage_return(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |_, _, _| true)?;
    refused(source.with_line(line, &format!("{key} =\r {value}")), line, &["toml_syntax"])
}

fn crlf(source: &Source, _: &mut Random) -> Option<Mutated> {
    same(source.text.replace('\n', "\r\n"))
}

fn byte_order_mark(source: &Source, random: &mut Random) -> Option<Mutated> {
    match random.below(2) {
        0 => same(format!("\u{feff}{}", source.text)),
        _ => refused(format!("\u{feff}\u{feff}{}", source.text), 1, &["toml_syntax"]),
    }
}

fn comments(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (line, key, value) = source.pair(random, |_, _, _| true)?;
    let comment =
        random.one_of(&["# ü 🦀", "#", "\t# [[stages]]", "   # name = \"x\"", "\n\n\n", "  \n\t"])?;
    same(source.with_line(line, &format!("{key}   =\t{value} {comment}")))
}

/// Kinds of tables in any order, each kind's own order kept.
fn other_order(source: &Source, random: &mut Random) -> Option<Mutated> {
    let (head, mut blocks) = source.blocks();
    let mut kinds: Vec<_> = blocks.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for at in (1..kinds.len()).rev() {
        kinds.swap(at, random.below(at + 1));
    }
    blocks.sort_by_key(|(kind, _)| kinds.iter().position(|other| other == kind));
    same(head + &blocks.into_iter().map(|(_, block)| block).collect::<String>())
}

fn cut_off(source: &Source, random: &mut Random) -> Option<Mutated> {
    either(source.text[..random.boundary(&source.text, 0)].to_owned())
}

fn random_characters(source: &Source, random: &mut Random) -> Option<Mutated> {
    let mut text = source.text.clone();
    for _ in 0..=random.below(4) {
        let at = random.boundary(&text, 0);
        let known: Vec<_> = "[]{}=\"'#.,\\\n\r\t \0\u{feff}\u{202e}é🦀0aZ-_".chars().collect();
        text.insert(at, *random.one_of(&known)?);
    }
    either(text)
}

fn moved_part(source: &Source, random: &mut Random) -> Option<Mutated> {
    let mut text = source.text.clone();
    let (a, b) = (random.boundary(&text, 0), random.boundary(&text, 0));
    let part: String = text.drain(a.min(b)..a.max(b)).collect();
    let at = random.boundary(&text, 0);
    text.insert_str(at, &part);
    either(text)
}
