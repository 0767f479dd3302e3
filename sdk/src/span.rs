//! How long something lasts, as people write it in workflow files.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::description::Hints;

/// Bytes of one that is read.
const TEXT_BYTES_MAX: usize = 32;

/// How long something lasts, as people write it in workflow files: `"500ms"`, `"30s"`, `"2m"`, `"3h"`, `"10d"`, or a number of seconds;
/// more than nothing, and at most `MOST` seconds: a year, and a day for leap years, where a type says nothing else.
///
/// ```
/// use std::time::Duration;
/// use onward_sdk::Span;
///
/// /// How often, and how patiently.
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Params {
///     /// How long to wait.
///     wait: Span,
///     /// How long it may take.
///     #[serde(default = "half_a_minute")]
///     patience: Span<{ 15 * 60 }>,
/// }
///
/// fn half_a_minute() -> Span<{ 15 * 60 }> { Span::of_seconds(30) }
///
/// let params: Params = serde_json::from_str(r#"{"wait": "3d"}"#).unwrap();
/// assert_eq!(Duration::from(params.wait), Duration::from_secs(3 * 24 * 60 * 60));
/// assert_eq!(Duration::from(params.patience), Duration::from_secs(30));
/// ```
///
/// In a schema it has [`Hints::DURATION`], and `maximum` says how many seconds it may be, for texts, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span<const MOST: u64 = YEAR>(Duration);

/// The seconds of a year, and of a day for leap years.
const YEAR: u64 = 367 * 24 * 60 * 60;

/// What is read of a text, as a regular expression.
const PATTERN: &str = r"^0*[1-9][0-9]*\s*(ms|s|m|h|d)\s*$";

impl<const MOST: u64> Span<MOST> {
    /// So many seconds.
    ///
    /// # Panics
    ///
    /// Of none, or too many.
    pub const fn of_seconds(seconds: u64) -> Self {
        assert!(seconds > 0 && seconds <= MOST, "a span is more than nothing, and no more than its most");
        Self(Duration::from_secs(seconds))
    }

    fn of(duration: Duration) -> Option<Self> {
        let is_possible = !duration.is_zero() && duration <= Duration::from_secs(MOST);
        is_possible.then_some(Self(duration))
    }

    fn expected() -> String {
        let most = written(Duration::from_secs(MOST));
        format!("a duration above 0 and up to {most}, such as \"500ms\", \"30s\", \"2h\" or \"3d\"")
    }
}

impl<const MOST: u64> From<Span<MOST>> for Duration {
    fn from(span: Span<MOST>) -> Self {
        span.0
    }
}

fn parse(text: &str) -> Option<Duration> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(60 * 60)?)),
        "d" => Some(Duration::from_secs(number.checked_mul(24 * 60 * 60)?)),
        _ => None,
    }
}

/// In the largest unit that says it whole.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [("d", 24 * 3600 * 1000), ("h", 3600 * 1000), ("m", 60 * 1000), ("s", 1000)];
    match units.into_iter().find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

impl<const MOST: u64> FromStr for Span<MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).and_then(Self::of).ok_or_else(|| format!("must be {}", Self::expected()))
    }
}

impl<const MOST: u64> fmt::Display for Span<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0))
    }
}

impl<const MOST: u64> Serialize for Span<MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const MOST: u64> Deserialize<'de> for Span<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading<const MOST: u64>;

impl<const MOST: u64> Visitor<'_> for Reading<MOST> {
    type Value = Span<MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Span::<MOST>::expected())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span<MOST>, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span<MOST>, E> {
        let span = Span::of(Duration::from_secs(seconds));
        span.ok_or_else(|| E::custom(format!("must be {}", Span::<MOST>::expected())))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Span<MOST>, E> {
        self.visit_u64(0)
    }
}

impl<const MOST: u64> JsonSchema for Span<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": PATTERN,
            "minimum": 1,
            "maximum": MOST,
            "x-onward": {"widget": Hints::DURATION},
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    type Day = Span<86_400>;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for (given, milliseconds, text) in [
            (json!("1ms"), 1, "1ms"),
            (json!("1000ms"), 1_000, "1s"),
            (json!(90), 90_000, "90s"),
            (json!("2m"), 120_000, "2m"),
            (json!("007 h "), 25_200_000, "7h"),
            (json!("1d"), 86_400_000, "1d"),
            (json!(86_400), 86_400_000, "1d"),
        ] {
            let span: Day = serde_json::from_value(given.clone()).expect("a span");
            assert_eq!(
                (Duration::from(span), &*span.to_string()),
                (Duration::from_millis(milliseconds), text)
            );
            assert_eq!(serde_json::to_value(span).expect("JSON"), json!(text), "{given}");
            assert_eq!(text.parse(), Ok(span));
        }
    }

    #[test]
    fn what_is_none_is_told_what_one_is() {
        let expected = "a duration above 0 and up to 1d, such as \"500ms\", \"30s\", \"2h\" or \"3d\"";
        let long = format!("{}1s", "0".repeat(TEXT_BYTES_MAX));
        for wrong in [
            json!("0s"),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(86_401),
            json!("25h"),
            json!("2 days"),
            json!("10"),
            json!(""),
            json!("-1s"),
            json!("18446744073709551615d"),
            json!(null),
            json!(["1s"]),
            json!(long),
        ] {
            let error = serde_json::from_value::<Day>(wrong.clone()).expect_err("no span").to_string();
            assert!(error.contains(expected), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_schema_takes_as_much_as_the_code() {
        #[derive(JsonSchema)]
        struct Params {
            /// How long.
            #[allow(dead_code)]
            wait: Span,
        }
        let schema = crate::schema::of::<Params>().expect("one");
        let expected: Value = json!({
            "description": "How long.", "type": ["string", "integer"], "pattern": PATTERN, "minimum": 1,
            "maximum": 31_708_800, "x-onward": {"widget": "duration"},
        });
        assert_eq!(schema["properties"]["wait"], expected);
    }
}
