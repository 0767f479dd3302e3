//! Decimal numbers as texts, compared by what they are worth: a float would lose digits of them.

use std::cmp::Ordering;

/// Digits that a number may have, as the server has it.
const DIGITS_MAX: usize = 64;

/// The plain form of a decimal number: no plus sign, no leading zeros, no exponent. `None` of what is none.
pub(crate) fn plain(text: &str) -> Option<String> {
    let (is_negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_point = mantissa.contains('.') && fraction.is_empty();
    if whole.is_empty() || ends_in_point || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let (whole, fraction) = shifted(whole, fraction, exponent)?;
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    if whole.len() + fraction.len() > DIGITS_MAX {
        return None;
    }
    let is_zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
    let sign = if is_negative && !is_zero { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Whether a text is a number as the server writes one: `042` is none, but perhaps a number of another kind, such as a post code.
pub(crate) fn is_plain(text: &str) -> bool {
    plain(text).is_some_and(|plain| plain == text)
}

/// With the point so many places further to the right.
fn shifted(whole: &str, fraction: &str, exponent: i32) -> Option<(String, String)> {
    let places = usize::try_from(exponent.unsigned_abs()).ok().filter(|places| *places <= DIGITS_MAX)?;
    let zeros = "0".repeat(places);
    if exponent < 0 {
        let whole = format!("{zeros}{whole}");
        let (whole, moved) = whole.split_at(whole.len() - places);
        return Some((whole.to_owned(), format!("{moved}{fraction}")));
    }
    let fraction = format!("{fraction}{}", &zeros[..places.saturating_sub(fraction.len())]);
    let (moved, fraction) = fraction.split_at(places);
    Some((format!("{whole}{moved}"), fraction.to_owned()))
}

/// Which of two numbers in plain form is worth more: `10000.00` is worth `10000`.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Worth::of(a), Worth::of(b));
    match (a.is_negative, b.is_negative) {
        (false, false) => a.magnitude().cmp(&b.magnitude()),
        (true, true) => b.magnitude().cmp(&a.magnitude()),
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
    }
}

/// The digits of a number that say what it is worth: without zeros at either end.
struct Worth<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Worth<'a> {
    fn of(plain: &'a str) -> Self {
        let digits = plain.strip_prefix('-').unwrap_or(plain);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        Self { is_negative: plain.len() > digits.len(), whole, fraction }
    }

    /// The longer whole part is greater; digits after the point count from the left.
    fn magnitude(&self) -> (usize, &str, &str) {
        (self.whole.len(), self.whole, self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_what_they_are_worth() {
        use Ordering::{Equal, Greater, Less};
        let (nines, one_more) = ("9".repeat(DIGITS_MAX), format!("1{}", "0".repeat(63)));
        for (a, b, expected) in [
            ("10000.00", "10000", Equal),
            ("0.1", "0.10", Equal),
            ("0", "0.000", Equal),
            ("9", "10", Less),
            ("0.5", "0.45", Greater),
            ("0.4", "0.45", Less),
            ("-2", "1", Less),
            ("-2", "-10", Greater),
            ("-0.5", "-0.45", Less),
            // Both are the same float.
            ("9007199254740993", "9007199254740992", Greater),
            ("0.10000000000000000000000001", "0.1", Greater),
            (&nines, &one_more, Greater),
        ] {
            assert_eq!((compare(a, b), compare(b, a)), (expected, expected.reverse()), "{a} {b}");
        }
    }

    #[test]
    fn what_is_written_in_another_way_has_one_plain_form() {
        for (text, expected) in [
            ("10000.00", Some("10000.00")),
            ("+007", Some("7")),
            ("-0.0", Some("0.0")),
            ("1e3", Some("1000")),
            ("1.2345E2", Some("123.45")),
            ("12.5e-3", Some("0.0125")),
            ("1.5e1", Some("15")),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1e", None),
            ("1e65", None),
            ("1e9999999999", None),
            ("1,5", None),
            ("ten", None),
            ("٣", None),
            ("€5", None),
        ] {
            assert_eq!(plain(text).as_deref(), expected, "{text}");
        }
        assert!(
            is_plain("10.00") && is_plain("-3") && !is_plain("042") && !is_plain("+1") && !is_plain("1e3")
        );
    }
}
