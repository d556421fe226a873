//! Conversions of a plain TOML value into the type a getter wants. The error is the message of a fault.

use super::duration::{format_duration, parse_duration};
use super::nearest::nearest;
use super::redaction::{redacted_text, redacted_word};
use config::ValueKind;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) fn as_string(value: &ValueKind) -> Result<&String, String> {
    match value {
        ValueKind::String(text) => Ok(text),
        _ => Err(format!("is {}, expected a string", kind_name(value))),
    }
}

pub(super) fn as_one_of<'a>(value: &'a ValueKind, words: &[&str]) -> Result<&'a String, String> {
    let text = as_string(value)?;
    if words.contains(&text.as_str()) {
        return Ok(text);
    }
    let hint =
        nearest(text, words.iter().copied()).map_or(String::new(), |nearest| format!("; did you mean {nearest}?"));
    Err(format!("{:?} is not one of {}{hint}", redacted_word(text), words.join(", ")))
}

pub(super) fn as_boolean(value: &ValueKind) -> Result<bool, String> {
    match *value {
        ValueKind::Boolean(flag) => Ok(flag),
        _ => Err(format!("is {}, expected true or false", kind_name(value))),
    }
}

/// `unit` is appended to the bounds in the message, as in ` (bytes)`.
pub(super) fn as_whole_number(value: &ValueKind, range: &RangeInclusive<u64>, unit: &str) -> Result<u64, String> {
    let bounds = format!("{} to {}{unit}", range.start(), range.end());
    let ValueKind::I64(number) = *value else {
        return Err(format!("is {}, expected a whole number from {bounds}", kind_name(value)));
    };
    u64::try_from(number)
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("{number} is outside {bounds}"))
}

/// Accepts whole numbers, too.
pub(super) fn as_number(value: &ValueKind, range: &RangeInclusive<f64>) -> Result<f64, String> {
    let bounds = format!("{} to {}", range.start(), range.end());
    let number = match *value {
        ValueKind::Float(number) => number,
        ValueKind::I64(number) => number as f64,
        _ => return Err(format!("is {}, expected a number from {bounds}", kind_name(value))),
    };
    // NaN is in no range.
    if range.contains(&number) { Ok(number) } else { Err(format!("{number} is outside {bounds}")) }
}

pub(super) fn as_duration(value: &ValueKind, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let ValueKind::String(text) = value else {
        return Err(format!("is {}, expected a duration as a string such as \"30s\"", kind_name(value)));
    };
    let duration = parse_duration(text).map_err(|error| format!("{:?} is {error}", redacted_text(text)))?;
    let bounds = || format!("{} to {}", format_duration(*range.start()), format_duration(*range.end()));
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("{} is outside {}", format_duration(duration), bounds()))
    }
}

pub(super) fn kind_name(value: &ValueKind) -> &'static str {
    match *value {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a whole number",
        ValueKind::Float(_) => "a fraction",
        ValueKind::String(_) => "a string",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}
