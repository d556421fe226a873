//! Sentences of events, made from a template and the event's fields.
//!
//! In a template, `{field}` is a field's value, `{field:s}` a length of time given in milliseconds, `{field:n}` an amount
//! that may be text, `{field:w}` the word for the status of a target, and `{field?}` nothing. A part in brackets is left
//! out unless each of its fields is there, and neither false, empty nor 0; an amount may be 0. A field outside of
//! brackets that is not there is a dash.

use serde_json::{Map, Value};

use super::catalogue::NotedRow;
use crate::settings::printable;

/// Maximum length of a value in a sentence, in characters.
const MAX_VALUE: usize = 200;

/// Sentence in both languages of the programme's readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventSentence {
    /// Spanish.
    pub(crate) es: String,
    /// English.
    pub(crate) en: String,
}

impl EventSentence {
    /// Fills both templates of a row.
    pub(super) fn new(row: &NotedRow, fields: &Map<String, Value>) -> Self {
        Self { es: filled(row.es, fields, 1), en: filled(row.en, fields, 2) }
    }
}

/// Statuses of targets with their words in Spanish and English, which are those of the page (docs/targets.md#status); a test
/// compares them.
pub(crate) const STATUSES: [[&str; 3]; 10] = [
    ["unknown", "sin dato", "not known"],
    ["reached", "alcanzada", "reached"],
    ["closed", "cerrado", "closed"],
    ["starting", "apenas empieza", "just begun"],
    ["at_risk", "en riesgo", "at risk"],
    ["behind", "atrás", "behind"],
    ["slightly_behind", "un poco atrás", "a little behind"],
    ["within_chance", "atrás, puede ser azar", "behind, may be chance"],
    ["ahead", "adelante", "ahead"],
    ["on_pace", "en ritmo", "on pace"],
];

/// Fills a template; `language` is the place of its words among [`STATUSES`].
fn filled(template: &str, fields: &Map<String, Value>, language: usize) -> String {
    let (mut sentence, mut rest) = (String::new(), template);
    while let Some((before, optional)) = rest.split_once('[') {
        sentence.extend(part(before, fields, language, true));
        let (optional, after) = optional.split_once(']').unwrap_or((optional, ""));
        sentence.extend(part(optional, fields, language, false));
        rest = after;
    }
    sentence.extend(part(rest, fields, language, true));
    sentence
}

/// Fills a part of a template; `None` if it is optional and a field of it says nothing.
fn part(template: &str, fields: &Map<String, Value>, language: usize, is_required: bool) -> Option<String> {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, placeholder)) = rest.split_once('{') {
        let (placeholder, after) = placeholder.split_once('}').unwrap_or((placeholder, ""));
        text.push_str(before);
        let (name, form) = name_and_form(placeholder);
        // An amount of 0 is one; elsewhere 0 says nothing.
        let says_something =
            |value: &&Value| says_something(value) || ((is_required || form == "n") && value.is_number());
        match (fields.get(name).filter(says_something), form) {
            (None, _) if is_required => text.push('\u{2013}'),
            (None, _) => return None,
            (Some(_), "?") => {}
            (Some(value), "s") => text.push_str(&lapse(value.as_f64().unwrap_or_default())),
            (Some(value), "n") => text.push_str(&amount(value)),
            (Some(value), "w") => text.push_str(&status(value, language)),
            (Some(value), _) => text.push_str(&shown(value)),
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// Names of the fields that stand outside of brackets.
pub(super) fn required_fields(template: &str) -> impl Iterator<Item = &str> {
    let outside = template.split('[').enumerate().map(|(number, part)| match number {
        0 => part,
        _ => part.split_once(']').map_or("", |(_, after)| after),
    });
    outside.flat_map(fields_of)
}

/// Names of the fields in a text of a template.
pub(crate) fn fields_of(text: &str) -> impl Iterator<Item = &str> {
    let placeholders = text.split('{').skip(1).map(|part| part.split('}').next().unwrap_or_default());
    placeholders.map(|placeholder| name_and_form(placeholder).0)
}

/// Splits a placeholder into the name of the field and the form of its value.
fn name_and_form(placeholder: &str) -> (&str, &str) {
    match placeholder.strip_suffix('?') {
        Some(name) => (name, "?"),
        None => placeholder.split_once(':').unwrap_or((placeholder, "")),
    }
}

/// Writes an amount, which in some events is text so that it is exact.
fn amount(value: &Value) -> String {
    let is_plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let parsed = value.as_str().filter(is_plain).and_then(|text| text.parse::<f64>().ok());
    parsed.map_or_else(|| shown(value), decimal)
}

fn status(value: &Value, language: usize) -> String {
    let known = STATUSES.iter().find(|words| value.as_str() == Some(words[0]));
    known.map_or_else(|| shown(value), |words| words[language].to_owned())
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Writes a value as people read it. Text is escaped where it would deceive a reader.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            number.as_i64().map_or_else(|| decimal(number.as_f64().unwrap_or_default()), |whole| grouped(whole.into()))
        }
        Value::String(text) => printable(&text.chars().take(MAX_VALUE).collect::<String>()),
        other => printable(&other.to_string().chars().take(MAX_VALUE).collect::<String>()),
    }
}

/// Writes a number with separators of thousands, below ten with at most three decimals.
fn decimal(number: f64) -> String {
    if number.abs() >= 10.0 {
        return grouped(number.round() as i128);
    }
    let thousandths = (number * 1_000.0).round();
    let (whole, rest) = ((thousandths / 1_000.0).trunc() as i128, (thousandths % 1_000.0).abs() as i64);
    let sign = if thousandths < 0.0 && whole == 0 { "\u{2212}" } else { "" };
    match rest {
        0 => format!("{sign}{}", grouped(whole)),
        rest => format!("{sign}{}.{}", grouped(whole), format!("{rest:03}").trim_end_matches('0')),
    }
}

fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "\u{2212}".to_owned() } else { String::new() };
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a length of time, which is the same in both languages.
fn lapse(millis: f64) -> String {
    let seconds = (millis.max(0.0) / 1_000.0).round() as i128;
    match seconds {
        0 => "< 1 s".to_owned(),
        1..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", grouped(seconds / 3_600), seconds % 3_600 / 60),
    }
}
