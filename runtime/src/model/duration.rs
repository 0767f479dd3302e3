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

/// What is told where something else was written.
pub fn expected(most: Duration) -> String {
    let most = match most.as_secs() {
        seconds if seconds % (24 * 3600) == 0 => format!("{}d", seconds / (24 * 3600)),
        seconds => format!("{seconds}s"),
    };
    format!("a duration above 0 and up to {most}, such as \"500ms\", \"30s\", \"2h\" or \"3d\"")
}
