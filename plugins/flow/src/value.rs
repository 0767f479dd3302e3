//! What a task holds in a field beside what a test names: which is greater, or whether they are the same.
//!
//! A step is not told of which types a workflow's fields are; the values tell. Two numbers are compared by what they are worth, two dates and two
//! instants by time, two emails in any case, and whatever else is a text exactly.

use std::{cmp::Ordering, time::Duration};

use onward_sdk::{Value, document::Instant};

use crate::decimal;

/// The value of a date that is another one each day.
const TODAY: &str = "today";

/// Where the task's value stands beside a test's; `None` where they are of different kinds, or of one without an order and not the same.
pub(crate) fn order(held: &Value, named: &Value, today: &str) -> Option<Ordering> {
    let equal = |is_equal: bool| is_equal.then_some(Ordering::Equal);
    match (held, named) {
        (Value::Bool(held), Value::Bool(named)) => equal(held == named),
        // A checkbox that nobody ticked.
        (Value::Null, Value::Bool(named)) => equal(!named),
        (Value::Array(held), Value::Array(named)) => equal(
            held.iter().all(|item| named.contains(item)) && named.iter().all(|item| held.contains(item)),
        ),
        (Value::String(held), Value::String(named)) => order_of_texts(held, named, today),
        (Value::String(held), Value::Number(named)) => order_of_numbers(held, &named.to_string()),
        (Value::Number(held), Value::String(named)) => {
            order_of_numbers(&decimal::plain(&held.to_string())?, named)
        }
        (Value::Number(held), Value::Number(named)) => {
            order_of_numbers(&decimal::plain(&held.to_string())?, &named.to_string())
        }
        _ => None,
    }
}

/// The same, where the test's is known to have an order, so that a number may be written in any way.
pub(crate) fn strict_order(held: &Value, named: &Value, today: &str) -> Option<Ordering> {
    match (held, named) {
        (Value::String(text), Value::String(number)) if decimal::plain(number).is_some() => {
            order_of_numbers(text, number)
        }
        _ => order(held, named, today).filter(|_| has_order(named)),
    }
}

/// Whether one value of this kind can be greater than another.
pub(crate) fn has_order(named: &Value) -> bool {
    match named {
        Value::Number(_) => true,
        Value::String(text) => {
            text == TODAY || is_date(text) || instant(text).is_some() || decimal::plain(text).is_some()
        }
        _ => false,
    }
}

fn order_of_numbers(held: &str, named: &str) -> Option<Ordering> {
    decimal::is_plain(held).then_some(())?;
    Some(decimal::compare(held, &decimal::plain(named)?))
}

fn order_of_texts(held: &str, named: &str, today: &str) -> Option<Ordering> {
    if decimal::is_plain(held) && decimal::is_plain(named) {
        return Some(decimal::compare(held, named));
    }
    if is_date(held) && (is_date(named) || named == TODAY) {
        return Some(held.cmp(if named == TODAY { today } else { named }));
    }
    if let (Some(held), Some(named)) = (instant(held), instant(named)) {
        return Some(held.cmp(&named));
    }
    let is_same = held == named || (is_email(held) && held.to_lowercase() == named.to_lowercase());
    is_same.then_some(Ordering::Equal)
}

/// `YYYY-MM-DD`, whose order is that of its text.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// What of an instant orders it: date and time in UTC, to the second, and the digits after that.
fn instant(text: &str) -> Option<(String, String)> {
    let (date, time) = text.split_once(['T', 't', ' ']).filter(|(date, _)| is_date(date))?;
    let utc = match time.rfind(['+', '-']) {
        Some(at) => in_utc(&format!("{date}T{}", &time[..at]), &time[at..])?,
        None => format!("{date}T{}", time.strip_suffix(['Z', 'z'])?),
    };
    let (whole, fraction) = utc.split_once('.').unwrap_or((&utc, ""));
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let is_sound = whole.len() == 19
        && whole.bytes().enumerate().all(shape)
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_sound.then(|| (whole.to_owned(), fraction.trim_end_matches('0').to_owned()))
}

/// A local time with its distance from UTC (`+01:00`), in UTC.
fn in_utc(local: &str, offset: &str) -> Option<String> {
    let (hours, minutes) = offset.get(1..)?.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset_seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, ""));
    let local = Instant::from(format!("{seconds}Z")).time()?;
    let distance = Duration::from_secs(offset_seconds);
    let utc =
        if offset.starts_with('-') { local.checked_add(distance) } else { local.checked_sub(distance) }?;
    let utc = Instant::from(utc).to_string();
    let utc = utc.strip_suffix('Z')?;
    Some(if fraction.is_empty() { utc.to_owned() } else { format!("{utc}.{fraction}") })
}

fn is_email(text: &str) -> bool {
    let mut parts = text.split('@');
    let has_parts =
        parts.next().is_some_and(|name| !name.is_empty()) && parts.next().is_some_and(|at| at.contains('.'));
    has_parts && parts.next().is_none() && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DAY: &str = "2020-01-31";

    #[test]
    fn what_has_an_order_is_compared_by_what_it_is_worth() {
        for (smaller, equal, greater, named) in [
            ("9", "10", "11", json!("10")),
            ("9999.99", "10000.00", "10000.01", json!("10000")),
            ("9999.99", "10000", "10000.01", json!(10_000)),
            ("9.99", "10.00", "10.01", json!("+010.0")),
            ("-10", "-9.50", "-9.49", json!("-9.5")),
            ("9007199254740992", "9007199254740993", "9007199254740994", json!("9007199254740993")),
            ("2019-12-31", "2020-01-01", "2020-01-02", json!("2020-01-01")),
            ("2020-01-30", "2020-01-31", "2020-02-01", json!("today")),
            (
                "2020-01-31T09:30:00Z",
                "2020-01-31T09:30:00.500Z",
                "2020-01-31T09:30:00.51Z",
                json!("2020-01-31T10:30:00.5+01:00"),
            ),
            (
                "1949-12-31T23:59:59Z",
                "1950-01-01T00:00:00Z",
                "1950-01-01T00:00:00.000001Z",
                json!("1950-01-01T00:00:00.0Z"),
            ),
        ] {
            for (held, expected) in
                [(smaller, Ordering::Less), (equal, Ordering::Equal), (greater, Ordering::Greater)]
            {
                assert!(has_order(&named), "{named}");
                assert_eq!(strict_order(&json!(held), &named, DAY), Some(expected), "{held} {named}");
            }
        }
    }

    #[test]
    fn what_has_no_order_is_the_same_or_not() {
        for (held, same, other) in [
            (json!("Acme"), json!("Acme"), json!("acme")),
            (json!("01234"), json!("01234"), json!("1234")),
            (json!("555-0100"), json!("555-0100"), json!("5550100")),
            (json!("10.00"), json!("10"), json!("10.01")),
            (json!("user@example.com"), json!("User@Example.com"), json!("user@example.org")),
            (json!(true), json!(true), json!(false)),
            (json!(false), json!(false), json!(true)),
            (json!(null), json!(false), json!(true)),
            (json!(["Blue", "Red"]), json!(["Red", "Blue"]), json!(["Red"])),
            (json!(["Red"]), json!(["Red"]), json!(["Red", "Blue"])),
            (json!("today"), json!("today"), json!(DAY)),
            (json!(DAY), json!("today"), json!("2020-02-01T00:00:00Z")),
        ] {
            assert_eq!(order(&held, &same, DAY), Some(Ordering::Equal), "{held} {same}");
            assert_ne!(order(&held, &other, DAY), Some(Ordering::Equal), "{held} {other}");
        }
    }

    #[test]
    fn what_is_of_different_kinds_is_not_compared() {
        for (held, named) in [
            (json!("much"), json!("10")),
            (json!("010"), json!(10)),
            (json!(null), json!("10")),
            (json!(["10"]), json!("10")),
            (json!("2020-01-31"), json!("2020-01-31T00:00:00Z")),
            (json!("2020-01-31T00:00:00Z"), json!("today")),
            (json!("2020-01-31"), json!(5)),
        ] {
            assert_eq!(strict_order(&held, &named, DAY), None, "{held} {named}");
        }
        for named in [
            json!("much"),
            json!(""),
            json!(true),
            json!("2020-1-31"),
            json!("2020-01-31T10:30:00"),
            json!("1e99"),
        ] {
            assert!(!has_order(&named), "{named}");
        }
    }
}
