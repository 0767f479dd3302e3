//! What the file and the environment say, key by key and each with its place, so that one wrong key does not hide another.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::OsString,
    ops::Range,
};

use config::{Config, ConfigError, File, FileFormat, Value};

use super::{
    DEFAULTS,
    keys::{ITEMS_MAX, Key, Kind, keys},
    raw,
};
use crate::{
    model::text::{closest, shortened},
    toml_file::{self, At, Diagnostics, Problems, Table, split_list},
};

const PREFIX: &str = "ONWARD__";

/// Characters of a variable that are shown.
const VARIABLE_CHARS_MAX: usize = 300;

/// Where a value stands, and the items of a list.
#[derive(Debug)]
enum Place {
    File { value: Range<usize>, items: Vec<(String, Range<usize>)> },
    Environment(Range<usize>),
}

/// What has been read so far, and what is wrong with it.
pub(super) struct Reading {
    /// What the file is called.
    name: String,
    source: String,
    in_file: Problems,
    /// By their names: those that are Onward's, and those that were asked for.
    variables: BTreeMap<String, OsString>,
    /// A line for each variable that was read.
    environment: String,
    in_environment: Problems,
    values: Vec<(String, Value)>,
    places: HashMap<String, Place>,
    /// Keys whose values cannot be read, so that their defaults are there.
    wrong: HashSet<String>,
}

impl Reading {
    pub(super) fn new(
        name: &str,
        source: String,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        let mut reading = Self {
            name: name.to_owned(),
            source: String::new(),
            in_file: Problems::default(),
            variables: variables.into_iter().filter_map(named).collect(),
            environment: String::new(),
            in_environment: Problems::default(),
            values: Vec::new(),
            places: HashMap::new(),
            wrong: HashSet::new(),
        };
        let keys = keys();
        reading.read_file(&source, &keys);
        reading.read_variables(&keys);
        reading.source = source;
        reading
    }

    fn read_file(&mut self, source: &str, keys: &[Key]) {
        let root = match toml_file::parse(source) {
            Ok(root) => root,
            Err(problems) => {
                self.in_file = problems;
                return;
            }
        };
        let mut root = Table::new(root.get_ref(), 0..0);
        for keys in keys.chunk_by(|one, next| one.section == next.section) {
            let Some(mut table) = root.table(keys[0].section, &mut self.in_file) else { continue };
            for key in keys {
                self.read_key(&mut table, key);
            }
            table.finish(&mut self.in_file);
        }
        root.finish(&mut self.in_file);
    }

    fn read_key(&mut self, table: &mut Table<'_>, key: &Key) {
        let value = table.value_place(key.key);
        let problems = &mut self.in_file;
        let mut items = Vec::new();
        let read = match &key.kind {
            Kind::Text => table.text(key.key, problems).map(|text| Value::from(text.value)),
            Kind::Number(range) => table.integer(key.key, range.clone(), problems).map(Value::from),
            Kind::Flag => Some(table.flag(key.key, false, problems).into()),
            Kind::List | Kind::Pins => {
                let texts = match &key.kind {
                    Kind::Pins => pins(table, key.key, problems),
                    _ => table.text_or_texts(key.key, ITEMS_MAX, problems),
                };
                texts.map(|texts| {
                    items = texts.into_iter().map(|At { value, span }| (value, span)).collect();
                    items.iter().map(|(item, _)| item.clone()).collect::<Vec<_>>().into()
                })
            }
        };
        match (read, value) {
            (Some(read), Some(value)) => {
                self.values.push((key.name(), read));
                self.places.insert(key.name(), Place::File { value, items });
            }
            (None, Some(_)) => {
                self.wrong.insert(key.name());
            }
            (_, None) => {}
        }
    }

    fn read_variables(&mut self, keys: &[Key]) {
        let ours: Vec<_> = self
            .variables
            .keys()
            .filter(|name| name.to_ascii_uppercase().starts_with(PREFIX))
            .cloned()
            .collect();
        for name in ours {
            match keys.iter().find(|key| key.variable().eq_ignore_ascii_case(&name)) {
                Some(key) => self.read_variable(key, &name),
                None => self.note_unknown(&name, &meant(&name, keys)),
            }
        }
        // Others may begin with `ONWARD_`; these are meant for us and would do nothing.
        let others = self.variables.keys().filter(|name| !name.to_ascii_uppercase().starts_with(PREFIX));
        let slips = others.filter_map(|name| Some((name.clone(), with_underscores(name, keys)?)));
        for (name, help) in slips.collect::<Vec<_>>() {
            self.note_unknown(&name, &help);
        }
    }

    fn note_unknown(&mut self, name: &str, help: &str) {
        // What it is may be a secret, under a name that is not quite right.
        self.environment.push_str(&format!("{name}=…\n"));
        let start = self.environment.len() - name.len() - "=…\n".len();
        let message = format!("`{name}` is no variable of Onward's");
        let help = Some(help.to_owned());
        self.in_environment.add_with_help("unknown_key", start..start + name.len(), message, help);
    }

    fn read_variable(&mut self, key: &Key, name: &str) {
        let (span, text) = self.line(name);
        let read = text.as_deref().map_or(Err("a text in UTF-8".to_owned()), |text| match &key.kind {
            Kind::Text => Ok(Value::from(text)),
            Kind::List | Kind::Pins if is_like_toml(text) => {
                Err("a list with commas between its items, and neither brackets nor quotes: a,b".to_owned())
            }
            Kind::List | Kind::Pins => Some(split_list(text).map(str::to_owned).collect::<Vec<_>>())
                .filter(|items| items.len() <= ITEMS_MAX)
                .map(Value::from)
                .ok_or_else(|| format!("at most {ITEMS_MAX} items, with commas between them")),
            Kind::Number(range) => text
                .parse()
                .ok()
                .filter(|number| range.contains(number))
                .map(|number: u32| number.into())
                .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end())),
            Kind::Flag => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(true.into()),
                "false" | "0" | "no" | "off" => Ok(false.into()),
                _ => Err("true or false".to_owned()),
            },
        });
        match read {
            Ok(value) => {
                self.values.push((key.name(), value));
                self.places.insert(key.name(), Place::Environment(span));
            }
            Err(expected) => {
                self.in_environment.add("invalid_value", span, format!("`{name}` must be {expected}"));
                self.wrong.insert(key.name());
            }
        }
    }

    /// Writes a variable's line; gives the place and the text of its value.
    fn line(&mut self, name: &str) -> (Range<usize>, Option<String>) {
        let value = self.variables.get(name).and_then(|value| value.to_str()).map(str::to_owned);
        let shown = value.as_deref().unwrap_or("(bytes that are not UTF-8)");
        let shown =
            shortened(&without_passwords(shown), VARIABLE_CHARS_MAX).replace(char::is_control, "\u{fffd}");
        self.environment.push_str(&format!("{name}={shown}\n"));
        let end = self.environment.len() - 1;
        (end - shown.len()..end, value)
    }

    /// The first of these variables that is set and not empty. What is noted of it later, is noted of its name.
    pub(super) fn variable(&mut self, names: [&'static str; 2]) -> Option<(&'static str, String)> {
        let is_set = |name: &str| self.variables.get(name).is_some_and(|value| !value.is_empty());
        let name = names.into_iter().find(|name| is_set(name))?;
        let (span, value) = self.line(name);
        self.places.insert(name.to_owned(), Place::Environment(span));
        Some((name, value.unwrap_or_default()))
    }

    /// Whether a key was said, and could not be read.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.wrong.contains(key)
    }

    /// Whether it is the environment that says what a key is.
    pub(super) fn is_variable(&self, key: &str) -> bool {
        matches!(self.places.get(key), Some(Place::Environment(_)))
    }

    /// Everything that was read, on top of the defaults. What is wrong is as if it had not been said.
    pub(super) fn merged(&mut self) -> Result<raw::Settings, ConfigError> {
        let defaults = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        let values = std::mem::take(&mut self.values);
        let said =
            values.into_iter().try_fold(defaults, |merged, (key, value)| merged.set_override(key, value))?;
        said.build()?.try_deserialize()
    }

    /// Notes that a key's value, or one item of it, cannot be used.
    pub(super) fn note(&mut self, key: &str, item: Option<&str>, expected: &str) {
        let message = format!("`{key}` must be {expected}");
        match self.places.get(key) {
            Some(Place::Environment(span)) => self.in_environment.add("invalid_value", span.clone(), message),
            Some(Place::File { value, items }) => {
                let of_item = items.iter().find(|(text, _)| Some(text.as_str()) == item);
                let span = of_item.map_or(value, |(_, span)| span).clone();
                self.in_file.add("invalid_value", span, message);
            }
            None => self.in_file.add("invalid_value", 0..0, message),
        }
    }

    /// What is wrong: with the file, with the environment. Empty, where nothing is.
    pub(super) fn problems(self) -> Vec<Diagnostics> {
        let of = |name: &str, source: &str, problems: Problems| {
            (!problems.0.is_empty()).then(|| Diagnostics::new(name, source, problems.0))
        };
        let mut source = without_passwords(&self.source);
        for unknown in self.in_file.0.iter().filter(|problem| problem.code == "unknown_key") {
            hide_value(&mut source, unknown.span.end);
        }
        let in_file = of(&self.name, &source, self.in_file);
        in_file.into_iter().chain(of("the environment", &self.environment, self.in_environment)).collect()
    }
}

/// Pins as tables, each as its text.
fn pins(table: &mut Table<'_>, key: &'static str, problems: &mut Problems) -> Option<Vec<At<String>>> {
    table.value_place(key)?;
    let before = problems.0.len();
    let tables = table.tables(key, "[[plugins.pins]]", ITEMS_MAX, problems);
    let pin = |mut pin: Table<'_>, problems: &mut Problems| {
        let name = pin.required_text("name", problems);
        let sha256 = pin.required_text("sha256", problems);
        pin.finish(problems);
        let (name, sha256) = (name?, sha256?);
        Some(At { value: format!("{}={}", name.value, sha256.value), span: sha256.span })
    };
    let pins: Vec<_> = tables.into_iter().filter_map(|table| pin(table, problems)).collect();
    (problems.0.len() == before).then_some(pins)
}

/// What to write for a variable that is a key's but for the number of its underscores.
fn with_underscores(name: &str, keys: &[Key]) -> Option<String> {
    let flat = |name: &str| name.to_ascii_uppercase().replace("__", "_");
    let key = keys.iter().find(|key| flat(&key.variable()) == flat(name))?;
    Some(format!("write `{}`, with two underscores each time", key.variable()))
}

/// What a variable of an unknown name may be meant to be.
fn meant(name: &str, keys: &[Key]) -> String {
    if let Some(help) = with_underscores(name, keys) {
        return help;
    }
    let name = name.to_ascii_lowercase();
    let (section, key) = name[PREFIX.len()..].split_once("__").unwrap_or_default();
    let of_section: Vec<_> =
        keys.iter().filter(|it| it.section == section || closest(section, [it.section]).is_some()).collect();
    let nearest = closest(key, of_section.iter().map(|it| it.key));
    if let Some(found) = of_section.iter().find(|it| Some(it.key) == nearest) {
        return format!("did you mean `{}`?", found.variable());
    }
    let names: Vec<_> = of_section.iter().map(|it| it.variable()).collect();
    match names.as_slice() {
        [] => "it is ONWARD__SECTION__KEY, with a section and a key of onward.default.toml".to_owned(),
        [name] => format!("there is only {name}"),
        names => format!("there are {}", names.join(", ")),
    }
}

/// Whether a variable's list is written as the file has them.
fn is_like_toml(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && text.ends_with(']') && text.contains(['"', '\''])
}

/// Puts asterisks over what an unknown key has in its line: it may be a secret, under a name that is not quite right.
fn hide_value(source: &mut String, after: usize) {
    let rest = &source[after..];
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    if let Some(at) = line.find('=') {
        let value = line[at + 1..].trim();
        let start = after + at + 1 + (line[at + 1..].len() - line[at + 1..].trim_start().len());
        let stars = "*".repeat(value.len());
        source.replace_range(start..start + value.len(), &stars);
    }
}

/// The same with asterisks for every byte of what may be a user and a password before a host, so that a report does not
/// repeat them.
fn without_passwords(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    for (at, _) in text.match_indices('@') {
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let word = || {
            text[..at].rfind(|c: char| c.is_whitespace() || c == '"' || c == '\'').map_or(0, |end| end + 1)
        };
        match text[line..at].rfind("://") {
            Some(scheme) => shown[line + scheme + 3..at].fill(b'*'),
            None if text[word()..at].contains(':') => shown[word()..at].fill(b'*'),
            None => {}
        }
    }
    String::from_utf8(shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_repeated() {
        for (text, shown) in [
            ("proxy = \"http://me:s3cret@proxy:3128\"", "proxy = \"http://*********@proxy:3128\""),
            ("me:söc=ret@proxy", "***********@proxy"),
            ("http://a:b@c d@e:1", "http://*******@e:1"),
            ("x\ny 'user:word@e'", "x\ny '*********@e'"),
            ("https://token@host", "https://*****@host"),
            ("email = \"a@b.example\"", "email = \"a@b.example\""),
        ] {
            assert_eq!(without_passwords(text), shown);
            assert_eq!(text.len(), shown.len());
        }
    }
}
