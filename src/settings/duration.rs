//! Durations as people write them: `500ms`, `30s`, `10m`, `4h`, `92d`, `1h30m`.

use std::time::Duration;

/// Units and their milliseconds, longest first.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Error of a text that is not a duration; the message says what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration; write a whole number with a unit (ms, s, m, h, d, w), such as \"500ms\", \"30s\", \"10m\", \"4h\" or \"92d\""
)]
pub(crate) struct DurationError;

/// Reads whole numbers with units, such as `1h30m`: the longest unit first, none twice. A bare number is refused, since
/// its unit is unknown.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(DurationError);
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let unit = &after[..after.bytes().take_while(u8::is_ascii_alphabetic).count()];
        let (_, millis) = units.find(|(name, _)| *name == unit).ok_or(DurationError)?;
        let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*millis)).ok_or(DurationError)?;
        total = total.checked_add(part).ok_or(DurationError)?;
        rest = after[unit.len()..].trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration, to the millisecond, in the form that [`parse_duration`] reads.
pub(crate) fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    // Weeks are read but not written: 92d is clearer than 13w1d.
    for (name, millis) in &UNITS[1..] {
        if rest >= *millis {
            text.push_str(&format!("{}{name}", rest / millis));
            rest %= millis;
        }
    }
    text
}
