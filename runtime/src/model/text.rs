//! Checks on text that people and programs send us, and the exact decimals among it.

use std::{borrow::Cow, cmp::Ordering};

/// Digits that a number may have, before and after the point together.
pub const NUMBER_DIGITS_MAX: usize = 64;

/// Names that are longer are like no other: comparing them would take as long as they are.
const COMPARED_BYTES_MAX: usize = 1_000;

/// Why a text cannot be kept: `None` when it can.
///
/// A NUL ends strings in C libraries and PostgreSQL cannot store it.
pub fn problem(text: &str, chars_max: usize) -> Option<&'static str> {
    if text.contains('\0') {
        Some("contains a NUL character")
    } else if text.len() > chars_max && text.chars().count() > chars_max {
        Some("is too long")
    } else {
        None
    }
}

/// A text, or its beginning where it is too long to be shown.
pub fn shortened(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The nearest of some names to a misspelt one, if any is near: one slip away (a letter too many, too few, another, two
/// changed places), else alike as a whole.
pub fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let nearness = |known: &str| {
        let known = known.to_lowercase();
        // Of two single letters each is one slip from the other.
        let is_slip = name.len().max(known.len()) > 1 && strsim::osa_distance(&name, &known) <= 1;
        (is_slip, strsim::jaro_winkler(&name, &known))
    };
    known
        .into_iter()
        .filter(|known| known.len() <= COMPARED_BYTES_MAX)
        .map(|known| (nearness(known), known))
        .filter(|((is_slip, likeness), _)| *is_slip || *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map(|(_, known)| known)
}

/// The nearest name as a question; else all that there are.
pub fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    closest(name, known.clone()).map_or_else(
        || match known.collect::<Vec<_>>().as_slice() {
            [] => "there are none yet".to_owned(),
            [known] => format!("there is only {known}"),
            known => format!("there are {}", known.join(", ")),
        },
        |nearest| format!("did you mean “{nearest}”?"),
    )
}

/// The plain form of a decimal number: no plus sign, no leading zeros, no exponent; digits after
/// the point stay as they were written (`10000.00` keeps its zeros).
///
/// Works on the text, because a number that went through a float has lost what was entered.
/// `None` when it is not a number or has more than [`NUMBER_DIGITS_MAX`] digits.
pub fn plain_decimal(text: &str) -> Option<String> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point_without_digits = mantissa.contains('.') && (whole.is_empty() || fraction.is_empty());
    let is_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || point_without_digits || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let (whole, fraction) = shift(whole, fraction, exponent)?;
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    if whole.len() + fraction.len() > NUMBER_DIGITS_MAX {
        return None;
    }
    let is_zero = whole == "0" && fraction.bytes().all(|b| b == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Moves the decimal point `exponent` places to the right.
fn shift(whole: &str, fraction: &str, exponent: i32) -> Option<(String, String)> {
    if exponent.unsigned_abs() as usize > NUMBER_DIGITS_MAX {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = whole.len() as i64 + i64::from(exponent);
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    while (digits.len() as i64) < point {
        digits.push('0');
    }
    let fraction = digits.split_off(usize::try_from(point).ok()?);
    Some((digits, fraction))
}

/// Which of two decimals in plain form is greater, exactly: `10000.00` equals `10000`. `None` when
/// one of them is not a decimal in plain form.
pub fn compare_decimals(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Decimal::read(a)?, Decimal::read(b)?);
    Some(match (a.negative, b.negative) {
        (false, false) => a.magnitude().cmp(&b.magnitude()),
        (true, true) => b.magnitude().cmp(&a.magnitude()),
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
    })
}

/// A text for a decimal in plain form that is the same for what is worth the same, and less, byte by byte, for
/// what is worth less. `None` for what is no such decimal.
pub fn decimal_key(plain: &str) -> Option<String> {
    let decimal = Decimal::read(plain)?;
    if decimal.whole.is_empty() && decimal.fraction.is_empty() {
        return Some("1".to_owned());
    }
    // A longer whole part is greater, then each digit counts from the left.
    let digits = format!("{:02}{}{}", decimal.whole.len(), decimal.whole, decimal.fraction);
    if !decimal.negative {
        return Some(format!("2{digits}"));
    }
    // The other way round; what ends sooner is greater here, so its end is greater than any digit.
    let turned = digits.bytes().map(|digit| char::from(b'0' + b'9' - digit));
    Some("0".chars().chain(turned).chain([':']).collect())
}

/// The digits of a decimal that say what it is worth.
struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn read(plain: &'a str) -> Option<Self> {
        let digits = plain.strip_prefix('-').unwrap_or(plain);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: plain.len() > digits.len() && !is_zero, whole, fraction })
    }

    /// Compares as the number without its sign does: the longer whole part is greater, and digits
    /// after the point count from the left.
    fn magnitude(&self) -> (usize, &str, &str) {
        (self.whole.len(), self.whole, self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_shown_by_its_beginning() {
        assert_eq!(shortened("grün", 4), "grün");
        assert_eq!(shortened("grüner", 4), "grün…");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn the_closest_name_is_one_slip_away_or_alike() {
        let known = ["in", "stage", "checklist", "id"];
        for (name, expected) in [
            ("n", Some("in")),
            ("ni", Some("in")),
            ("stagse", Some("stage")),
            ("Stage", Some("stage")),
            ("chekclists", Some("checklist")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(name, known), expected, "{name}");
        }
        assert_eq!(closest("x", ["y"]), None);
        let long = "x".repeat(1_000_000);
        assert_eq!(closest(&long, [long.as_str()]), None);
    }

    #[test]
    fn decimals_are_compared_by_what_they_are_worth() {
        use Ordering::{Equal, Greater, Less};
        let (nines, one_more) = ("9".repeat(NUMBER_DIGITS_MAX), format!("1{}", "0".repeat(63)));
        for (a, b, expected) in [
            ("10000.00", "10000", Some(Equal)),
            ("0.1", "0.10", Some(Equal)),
            ("-0", "0.000", Some(Equal)),
            ("007", "7", Some(Equal)),
            ("9", "10", Some(Less)),
            ("0.5", "0.45", Some(Greater)),
            ("0.4", "0.45", Some(Less)),
            ("-2", "1", Some(Less)),
            ("-2", "-10", Some(Greater)),
            ("-0.5", "-0.45", Some(Less)),
            // Both are the same float.
            ("9007199254740993", "9007199254740992", Some(Greater)),
            ("0.10000000000000000000000001", "0.1", Some(Greater)),
            (&nines, &one_more, Some(Greater)),
            ("", "1", None),
            ("much", "1", None),
            ("1", "-", None),
            ("1.", "1", None),
            ("1e3", "1", None),
        ] {
            assert_eq!(compare_decimals(a, b), expected, "{a} {b}");
        }
    }

    proptest! {
        /// The comparison of texts agrees with exact arithmetic.
        #[test]
        fn comparing_decimals_agrees_with_integers(
            a in any::<i64>(), b in any::<i64>(), near in -3_i64..3, scales in (0_u32..12, 0_u32..12),
        ) {
            let text = |mantissa: i64, scale: u32| plain_decimal(&format!("{mantissa}e-{scale}")).expect("a decimal");
            let scaled = |mantissa: i64, scale: u32| i128::from(mantissa) * 10_i128.pow(11 - scale);
            for b in [b, a.saturating_add(near)] {
                let found = compare_decimals(&text(a, scales.0), &text(b, scales.1));
                prop_assert_eq!(found, Some(scaled(a, scales.0).cmp(&scaled(b, scales.1))));
            }
        }
    }

    proptest! {
        /// The order of keys is the order of what they stand for.
        #[test]
        fn decimal_keys_sort_as_decimals_do(a in "-?[0-9]{1,30}(\\.[0-9]{1,30})?", b in "-?[0-9]{1,3}(\\.[0-9]{1,3})?") {
            for (a, b) in [(&a, &b), (&a, &a), (&b, &a)] {
                let (a_plain, b_plain) = (plain_decimal(a).expect("a decimal"), plain_decimal(b).expect("a decimal"));
                let keys = decimal_key(&a_plain).cmp(&decimal_key(&b_plain));
                prop_assert_eq!(Some(keys), compare_decimals(&a_plain, &b_plain), "{} {}", a, b);
            }
        }

        #[test]
        fn short_decimals_sort_so_too(a in "-?[0-9]{1,2}(\\.[0-9]{1,2})?", b in "-?[0-9]{1,2}(\\.[0-9]{1,2})?") {
            let (a, b) = (plain_decimal(&a).expect("a decimal"), plain_decimal(&b).expect("a decimal"));
            prop_assert_eq!(Some(decimal_key(&a).cmp(&decimal_key(&b))), compare_decimals(&a, &b), "{} {}", a, b);
        }
    }

    #[test]
    fn a_decimal_is_kept_exactly() {
        for (text, expected) in [
            ("10000", Some("10000")),
            ("10000.00", Some("10000.00")),
            ("-0.10", Some("-0.10")),
            ("007", Some("7")),
            ("+5", Some("5")),
            ("-0.00", Some("0.00")),
            ("1.5e3", Some("1500")),
            ("12e-3", Some("0.012")),
            ("1E+2", Some("100")),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1,000", None),
            ("0x10", None),
            ("NaN", None),
            ("1e999999999", None),
            ("1 ", None),
        ] {
            assert_eq!(plain_decimal(text).as_deref(), expected, "{text}");
        }
        assert!(plain_decimal(&"9".repeat(NUMBER_DIGITS_MAX)).is_some());
        assert!(plain_decimal(&"9".repeat(NUMBER_DIGITS_MAX + 1)).is_none());
    }
}
