//! Taking keys out of a TOML table: each is taken once, wrong types and unknown keys are noted.

use std::{
    borrow::Cow,
    ops::{Range, RangeInclusive},
    time::Duration,
};

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use super::report::{Diagnostic, PROBLEMS_MAX};
use crate::model::{
    duration,
    text::{closest, shortened},
};

/// Keys of a table whose keys may have any name.
const KEYS_MAX: usize = 500;
/// Bytes of such a key.
const KEY_BYTES_MAX: usize = 1_000;

/// Problems that are kept. A file of the greatest size has room for a hundred thousand.
const KEPT_MAX: usize = 10 * PROBLEMS_MAX;

/// Characters of a message, which may repeat what stands in the file.
const MESSAGE_CHARS_MAX: usize = 500;

/// The problems found so far, as far as they are kept.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<Diagnostic>);

impl Problems {
    pub(crate) fn add(&mut self, code: &'static str, span: Range<usize>, message: impl Into<String>) {
        self.add_with_help(code, span, message, None);
    }

    pub(crate) fn add_with_help(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.add_of(code, span, None, message, help);
    }

    /// Of a key that is not there, in what stands at the place.
    pub(crate) fn add_missing(&mut self, key: &str, span: Range<usize>, message: impl Into<String>) {
        let of = Some((span.clone(), format!("/{key}")));
        self.add_of("missing_key", span, of, message, None);
    }

    /// `key`: as [`Diagnostic`] has it.
    pub(crate) fn add_of(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        key: Option<(Range<usize>, String)>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let message = shown(&message.into());
        self.0.push(Diagnostic { code, message, span, help: help.as_deref().map(shown), key });
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= KEPT_MAX
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// A key of any name, with its value as JSON.
pub(crate) struct Entry {
    pub(crate) key: At<String>,
    pub(crate) value: At<Value>,
    /// Where the items stand, if the value is a list.
    pub(crate) items: Vec<Range<usize>>,
}

/// An item of a list whose items may be texts or tables.
pub(crate) enum TextOrTable<'a> {
    Text(At<String>),
    Table(Table<'a>),
}

/// Where some keys stand, and their values.
pub(crate) type Places = Vec<KeyPlace>;

/// Where a key within a table stands: `auth/basic/user`.
pub(crate) struct KeyPlace {
    pub(crate) path: String,
    pub(crate) key: Range<usize>,
    /// Within a parameter it begins with the key.
    pub(crate) value: Range<usize>,
}

/// A table whose keys are being taken.
pub(crate) struct Table<'a> {
    /// In the order in which they were written.
    entries: Vec<(Cow<'a, str>, Range<usize>, &'a Spanned<DeValue<'a>>)>,
    known: Vec<&'static str>,
    pub(crate) span: Range<usize>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let mut entries: Vec<_> =
            table.iter().map(|(key, value)| (Cow::Borrowed(&**key.get_ref()), key.span(), value)).collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        Self { entries, known: Vec::new(), span }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, _, _)| name == key)?;
        Some(self.entries.remove(at).2)
    }

    /// Where a key stands that has not been taken yet.
    pub(crate) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.entries.iter().find(|(name, _, _)| name == key).map(|(_, span, _)| span.clone())
    }

    /// Where the value of a key stands that has not been taken yet.
    pub(crate) fn value_place(&self, key: &str) -> Option<Range<usize>> {
        self.entries.iter().find(|(name, _, _)| name == key).map(|(_, _, value)| value.span())
    }

    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<String>> {
        let value = self.take(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(At { value: text.to_owned(), span: value.span() }),
            None => wrong_type(key, "a text", value, problems),
        }
    }

    pub(crate) fn required_text(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<String>> {
        if self.place(key).is_none() {
            self.known.push(key);
            problems.add_missing(key, self.span.clone(), format!("`{key}` is missing"));
            return None;
        }
        self.text(key, problems)
    }

    pub(crate) fn flag(&mut self, key: &'static str, default: bool, problems: &mut Problems) -> bool {
        let Some(value) = self.take(key) else { return default };
        value
            .get_ref()
            .as_bool()
            .or_else(|| wrong_type(key, "true or false", value, problems))
            .unwrap_or(default)
    }

    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        problems: &mut Problems,
    ) -> Option<u32> {
        let value = self.take(key)?;
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let Some(integer) = value.get_ref().as_integer() else {
            return wrong_type(key, &expected(), value, problems);
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            problems.add("out_of_range", value.span(), format!("`{key}` must be {}", expected()));
        }
        number
    }

    /// Two whole numbers.
    pub(crate) fn pair(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i32>,
        problems: &mut Problems,
    ) -> Option<[i32; 2]> {
        let value = self.take(key)?;
        let numbers: Option<Vec<_>> =
            value.get_ref().as_array().map(|items| items.iter().map(|item| whole(item.get_ref())).collect());
        match numbers.as_deref() {
            Some([Some(one), Some(other)]) => {
                let is_within = [one, other].iter().all(|number| range.contains(number));
                if !is_within {
                    let (least, most) = (range.start(), range.end());
                    let message = format!("`{key}` must be two whole numbers from {least} to {most}");
                    problems.add("out_of_range", value.span(), message);
                }
                is_within.then_some([*one, *other])
            }
            _ => wrong_type(key, "a list of two whole numbers", value, problems),
        }
    }

    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        most: Duration,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let text = self.text(key, problems)?;
        let duration = duration::parse(&text.value).filter(|it| !it.is_zero() && *it <= most);
        if duration.is_none() {
            problems.add("out_of_range", text.span, format!("`{key}` must be {}", duration::expected(most)));
        }
        duration
    }

    /// At most so many of them are read.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        most: usize,
        problems: &mut Problems,
    ) -> Option<At<Vec<At<String>>>> {
        let value = self.take(key)?;
        if let Some(text) = value.get_ref().as_str() {
            let items: Vec<_> = split_list(text).map(|item| format!("{item:?}")).collect();
            let help = format!("write {key} = [{}]", items.join(", "));
            let message = format!("`{key}` must be a list of texts, and this is one text");
            problems.add_with_help("wrong_type", value.span(), message, Some(help));
            return None;
        }
        let Some(items) = value.get_ref().as_array() else {
            return wrong_type(key, "a list of texts", value, problems);
        };
        check_count(key, items.len(), most, value.span(), problems);
        let mut texts = Vec::with_capacity(items.len().min(most));
        for item in items.into_iter().take(most) {
            match item.get_ref().as_str() {
                Some(text) => texts.push(At { value: text.to_owned(), span: item.span() }),
                None => wrong_type::<()>(key, "a list of texts", item, problems).unwrap_or_default(),
            }
        }
        Some(At { value: texts, span: value.span() })
    }

    /// Texts that must be there, one at least; the messages are told where they are not. Those that are there and are no
    /// texts are told as that alone.
    pub(crate) fn needed_texts(
        &mut self,
        key: &'static str,
        most: usize,
        [missing, empty]: [&str; 2],
        problems: &mut Problems,
    ) -> Vec<At<String>> {
        if self.place(key).is_none() {
            self.known.push(key);
            problems.add_missing(key, self.span.clone(), missing);
            return Vec::new();
        }
        let problems_before = problems.0.len();
        let Some(texts) = self.texts(key, most, problems) else { return Vec::new() };
        if texts.value.is_empty() && problems.0.len() == problems_before {
            problems.add("missing_key", texts.span, empty);
        }
        texts.value
    }

    /// The same, where one text may stand for a list of them, with commas in between.
    pub(crate) fn text_or_texts(
        &mut self,
        key: &'static str,
        most: usize,
        problems: &mut Problems,
    ) -> Option<Vec<At<String>>> {
        let value = self.entries.iter().find(|(name, _, _)| name == key).map(|(_, _, value)| *value);
        let Some(text) = value.and_then(|value| value.get_ref().as_str()) else {
            return self.texts(key, most, problems).map(|texts| texts.value);
        };
        let span = self.take(key)?.span();
        check_count(key, split_list(text).count(), most, span.clone(), problems);
        let items = split_list(text).take(most);
        Some(items.map(|item| At { value: item.to_owned(), span: span.clone() }).collect())
    }

    pub(crate) fn table(&mut self, key: &'static str, problems: &mut Problems) -> Option<Table<'a>> {
        let value = self.take(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Table::new(table, value.span())),
            None => wrong_type(key, "a table", value, problems),
        }
    }

    /// A list of texts and tables, in any mixture.
    pub(crate) fn texts_or_tables(
        &mut self,
        key: &'static str,
        most: usize,
        problems: &mut Problems,
    ) -> Vec<TextOrTable<'a>> {
        const EXPECTED: &str = "a list of texts and tables";
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            return wrong_type(key, EXPECTED, value, problems).unwrap_or_default();
        };
        check_count(key, items.len(), most, value.span(), problems);
        let read = |item: &'a Spanned<DeValue<'a>>| match (item.get_ref().as_str(), item.get_ref().as_table())
        {
            (Some(text), _) => Some(TextOrTable::Text(At { value: text.to_owned(), span: item.span() })),
            (None, Some(table)) => Some(TextOrTable::Table(Table::new(table, item.span()))),
            (None, None) => wrong_type(key, EXPECTED, item, problems),
        };
        items.into_iter().take(most).filter_map(read).collect()
    }

    /// The tables of a list. `written`: how one is, such as `[[stages]]`.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        written: &str,
        most: usize,
        problems: &mut Problems,
    ) -> Vec<Table<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let expected = format!("a list of tables, written {written}");
            let _: Option<()> = wrong_type(key, &expected, value, problems);
            return Vec::new();
        };
        check_count(key, items.len(), most, value.span(), problems);
        let mut tables = Vec::with_capacity(items.len().min(most));
        for item in items.into_iter().take(most) {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Table::new(table, item.span())),
                None => wrong_type::<()>(key, "a list of tables", item, problems).unwrap_or_default(),
            }
        }
        tables
    }

    /// Notes the keys that are nearly one that is missing, where what else is left may be known to somebody else.
    pub(crate) fn misspelt(&self, key: &'static str, problems: &mut Problems) {
        for (name, span, _) in &self.entries {
            if closest(name, [key]).is_some() {
                let help = Some(format!("did you mean `{key}`?"));
                let message = format!("`{name}` is not a key of this table");
                problems.add_with_help("unknown_key", span.clone(), message, help);
            }
        }
    }

    /// What is left is not known.
    pub(crate) fn finish(self, problems: &mut Problems) {
        self.finish_with_hints(&[], problems);
    }

    /// The same; `hints`: keys that belong elsewhere, each with where.
    pub(crate) fn finish_with_hints(self, hints: &[(&str, &str)], problems: &mut Problems) {
        for (key, span, _) in self.entries {
            if problems.is_full() {
                return;
            }
            let hint = hints.iter().find(|(name, _)| *name == key);
            let help = match (hint, closest(&key, self.known.iter().copied())) {
                (Some((_, place)), _) => (*place).to_owned(),
                (None, Some(nearest)) => format!("did you mean `{nearest}`?"),
                (None, None) => format!("possible here: {}", self.known.join(", ")),
            };
            problems.add_with_help(
                "unknown_key",
                span,
                format!("`{key}` is not a key of this table"),
                Some(help),
            );
        }
    }

    /// What is left, for keys whose values may be of several types.
    pub(crate) fn entries(self) -> impl Iterator<Item = Entry> + use<'a> {
        self.entries.into_iter().map(|(key, span, value)| Entry {
            key: At { value: key.into_owned(), span },
            value: At { value: json(value.get_ref()), span: value.span() },
            items: value.get_ref().as_array().into_iter().flatten().map(Spanned::span).collect(),
        })
    }

    /// What is left, as JSON, with the place of each value, and of each key within it: `auth/basic/user`.
    pub(crate) fn rest(self, problems: &mut Problems) -> (Map<String, Value>, Places) {
        let mut values = Map::new();
        let mut places = Places::new();
        for (key, span, value) in self.entries {
            places.push(KeyPlace { path: key.to_string(), key: span, value: value.span() });
            note_keys(&key, value, &mut places, problems);
            values.insert(key.into_owned(), json(value.get_ref()));
        }
        (values, places)
    }
}

/// The items of a list that is one text with commas between them.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn note_keys(path: &str, value: &Spanned<DeValue<'_>>, places: &mut Places, problems: &mut Problems) {
    let Some(table) = value.get_ref().as_table() else { return };
    if table.len() > KEYS_MAX {
        check_count("keys", table.len(), KEYS_MAX, value.span(), problems);
        return;
    }
    for (key, value) in table {
        let (name, span) = (key.get_ref(), key.span());
        if name.len() > KEY_BYTES_MAX {
            let message = format!("a key must have at most {KEY_BYTES_MAX} bytes");
            problems.add("invalid_name", span, message);
            continue;
        }
        let path = format!("{path}/{name}");
        let whole = span.start..value.span().end.max(span.end);
        places.push(KeyPlace { path: path.clone(), key: span, value: whole });
        note_keys(&path, value, places, problems);
    }
}

/// A message as a terminal and a log may show it: what it repeats of the file has no control characters any more.
fn shown(message: &str) -> String {
    let is_control = |c: char| c.is_control() && c != '\n';
    shortened(message, MESSAGE_CHARS_MAX).replace(is_control, "\u{fffd}")
}

fn check_count(key: &str, count: usize, most: usize, span: Range<usize>, problems: &mut Problems) {
    if count > most {
        problems.add("too_many", span, format!("{count} {key}; at most {most} are possible"));
    }
}

fn wrong_type<T>(
    key: &str,
    expected: &str,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<T> {
    let found = value.get_ref().type_str();
    problems.add(
        "wrong_type",
        value.span(),
        format!("`{key}` must be {expected}, and this is of type {found}"),
    );
    None
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => integer_json(integer),
        // The text as it was written: a float would lose digits.
        DeValue::Float(float) => {
            let text = float.as_str();
            serde_json::from_str::<Number>(text)
                .map_or_else(|_| Value::String(text.to_owned()), Value::Number)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(items) => items.into_iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect(),
        ),
    }
}

/// A whole number; one that is beyond what there is counts as the furthest.
fn whole(value: &DeValue<'_>) -> Option<i32> {
    let integer = value.as_integer()?;
    let furthest = if integer.as_str().starts_with('-') { i32::MIN } else { i32::MAX };
    Some(i32::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(furthest))
}

fn integer_json(integer: &DeInteger<'_>) -> Value {
    match i64::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) => Value::Number(number.into()),
        // With its radix, so that hexadecimal digits are not taken for decimal ones.
        Err(_) => Value::String(integer.to_string()),
    }
}
