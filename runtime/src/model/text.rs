//! Checks on text that people and programs send us, and the exact decimals among it.

/// Digits that a number may have, before and after the point together.
pub const NUMBER_DIGITS_MAX: usize = 64;

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

#[cfg(test)]
mod tests {
    use super::*;

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
