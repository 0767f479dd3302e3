//! Durations as people write them in workflow files.

use std::time::Duration;

/// Bytes of one that is read.
const TEXT_BYTES_MAX: usize = 32;

/// `"500ms"`, `"30s"`, `"2m"`, `"3h"`, `"10d"`.
pub fn parse(text: &str) -> Option<Duration> {
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

/// What [`parse`] reads, but for nothing at all, as a regular expression.
pub const PATTERN: &str = r"^0*[1-9][0-9]*\s*(ms|s|m|h|d)\s*$";

/// What [`parse`] reads as this duration, in the largest unit that says it whole. Below a millisecond is nothing.
pub fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [("d", 24 * 3600 * 1000), ("h", 3600 * 1000), ("m", 60 * 1000), ("s", 1000)];
    match units.into_iter().find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

/// What is told where something else was written.
pub fn expected(most: Duration) -> String {
    let most = written(most);
    format!("a duration above 0 and up to {most}, such as \"500ms\", \"30s\", \"2h\" or \"3d\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_duration() {
        for (milliseconds, text) in [
            (0, "0ms"),
            (1, "1ms"),
            (1_000, "1s"),
            (90_000, "90s"),
            (120_000, "2m"),
            (7_200_000, "2h"),
            (86_400_000, "1d"),
            (86_400_001, "86400001ms"),
        ] {
            let duration = Duration::from_millis(milliseconds);
            assert_eq!((&*written(duration), parse(text)), (text, Some(duration)));
        }
    }
}
