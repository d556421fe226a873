//! Sentences of events, made from a template and the event's fields.
//!
//! In a template, `{field}` is a field's value; a letter behind a colon is the form of the value:
//!
//! | form | value |
//! |---|---|
//! | `{field:s}` | length of time, given in milliseconds |
//! | `{field:n}` | amount, which may be text |
//! | `{field:i}` | number that identifies something, such as an offset |
//! | `{field:b}` | number of bytes |
//! | `{field:t}` | point in time, to the minute |
//! | `{field:w}` | word for the status of a target |
//! | `{field:r}` | words for the reason of a rejection |
//! | `{field:k}` | number of keys of an object of settings |
//! | `{field?}` | nothing |
//!
//! A part in brackets is left out unless each of its fields is there, and neither false, empty nor 0; an amount or an
//! identifying number may be 0. A field outside of brackets that is not there is a dash.

use serde_json::{Map, Value};

use super::catalogue::EventNote;
use crate::settings::printable;

/// Maximum length of a value in a sentence of an event of note, in characters.
const MAX_VALUE: usize = 200;

/// Maximum length of a value in the text form of the log, in characters.
const MAX_TEXT_VALUE: usize = 2_000;

/// Sentence in both languages of the programme's readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventSentence {
    /// Spanish.
    pub(crate) es: String,
    /// English.
    pub(crate) en: String,
}

impl EventSentence {
    /// Fills both templates of an event of note.
    pub(super) fn new(note: &EventNote, fields: &Map<String, Value>) -> Self {
        let filled = |template, language| {
            TemplateFiller { fields, language, max_value: MAX_VALUE, said: Vec::new() }.fill(template)
        };
        Self { es: filled(note.es, 1), en: filled(note.en, 2) }
    }
}

/// Sentence of the text form of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextSentence<'a> {
    /// Sentence, printable and in one line.
    pub(crate) text: String,
    /// Fields that the sentence has, or leaves out because they say nothing.
    pub(crate) said: Vec<&'a str>,
}

impl<'a> TextSentence<'a> {
    /// Fills a template.
    pub(crate) fn new(template: &'a str, fields: &Map<String, Value>) -> Self {
        let mut filler = TemplateFiller { fields, language: 2, max_value: MAX_TEXT_VALUE, said: Vec::new() };
        let text = filler.fill(template).trim_start_matches([',', ';', ' ']).to_owned();
        Self { text, said: filler.said }
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

/// Values of the label `reason` of records that are rejected or expired, with words for people; a test compares them with
/// the reasons that there are.
pub(super) const REASONS: [[&str; 2]; 11] = [
    ["empty", "no value"],
    ["too_large", "larger than records.max_record_bytes"],
    ["unsupported_format", "neither plain JSON nor a structured CloudEvent"],
    ["not_json", "not JSON"],
    ["missing_field", "missing field"],
    ["invalid_field", "invalid field"],
    ["unknown_type", "unknown event type"],
    ["wrong_stream", "event type of another topic"],
    ["future", "event time too far after the Kafka timestamp"],
    ["excluded", "excluded by streams.STREAM.exclude"],
    ["expired", "older than the horizon"],
];

/// Fills templates with the fields of an event.
struct TemplateFiller<'a, 'b> {
    fields: &'b Map<String, Value>,
    /// Place of the language's words among [`STATUSES`].
    language: usize,
    /// Maximum length of a value, in characters.
    max_value: usize,
    /// Fields that are said, or say nothing.
    said: Vec<&'a str>,
}

impl<'a> TemplateFiller<'a, '_> {
    fn fill(&mut self, template: &'a str) -> String {
        let (mut sentence, mut rest) = (String::new(), template);
        while let Some((before, optional)) = rest.split_once('[') {
            sentence.extend(self.part(before, true));
            let (optional, after) = optional.split_once(']').unwrap_or((optional, ""));
            sentence.extend(self.part(optional, false));
            rest = after;
        }
        sentence.extend(self.part(rest, true));
        sentence
    }

    /// Fills a part of a template; `None` if it is optional and a field of it says nothing.
    fn part(&mut self, template: &'a str, is_required: bool) -> Option<String> {
        let (mut text, mut rest, said_before) = (String::new(), template, self.said.len());
        while let Some((before, placeholder)) = rest.split_once('{') {
            let (placeholder, after) = placeholder.split_once('}').unwrap_or((placeholder, ""));
            text.push_str(before);
            let (name, form) = name_and_form(placeholder);
            // An amount of 0 is one, and a partition may be 0; elsewhere 0 says nothing.
            let is_said = |value: &Value| {
                says_something(value) || ((is_required || matches!(form, "n" | "i")) && value.is_number())
            };
            match self.fields.get(name) {
                Some(value) if is_said(value) => {
                    self.said.push(name);
                    text.push_str(&self.formed(value, form));
                }
                found if is_required => {
                    self.said.extend(found.is_some().then_some(name));
                    text.push('\u{2013}');
                }
                found => {
                    // The other fields of the part are still to be said.
                    self.said.truncate(said_before);
                    self.said.extend(found.is_some().then_some(name));
                    return None;
                }
            }
            rest = after;
        }
        text.push_str(rest);
        Some(text)
    }

    /// Writes a value in a form.
    fn formed(&self, value: &Value, form: &str) -> String {
        match form {
            "?" => String::new(),
            "s" => lapse(value.as_f64().unwrap_or_default()),
            "b" => value.as_f64().map_or_else(|| self.shown(value), bytes),
            "n" => self.amount(value),
            "i" if value.is_number() => value.to_string(),
            "t" => minute(&self.shown(value)),
            "w" => self.status(value),
            "r" => {
                let known = REASONS.iter().find(|words| value.as_str() == Some(words[0]));
                known.map_or_else(|| self.shown(value), |words| words[1].to_owned())
            }
            "k" => differing(value.as_object().map_or(0, Map::len)),
            _ => self.shown(value),
        }
    }

    /// Writes an amount, which in some events is text so that it is exact.
    fn amount(&self, value: &Value) -> String {
        let is_plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let parsed = value.as_str().filter(is_plain).and_then(|text| text.parse::<f64>().ok());
        parsed.map_or_else(|| self.shown(value), decimal)
    }

    fn status(&self, value: &Value) -> String {
        let known = STATUSES.iter().find(|words| value.as_str() == Some(words[0]));
        known.map_or_else(|| self.shown(value), |words| words[self.language].to_owned())
    }

    /// Writes a value as people read it. Text is escaped where it would deceive a reader.
    fn shown(&self, value: &Value) -> String {
        match value {
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| decimal(number.as_f64().unwrap_or_default()), |whole| grouped(whole.into())),
            Value::String(text) => bounded(text, self.max_value),
            other => bounded(&other.to_string(), self.max_value),
        }
    }
}

/// Returns printable text of a value, whose end is left out if it is longer than `max` characters.
fn bounded(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => printable(text),
        Some((end, _)) => printable(&text[..end]) + "\u{2026}",
    }
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

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        _ => true,
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

/// Writes a number of bytes.
fn bytes(number: f64) -> String {
    match number {
        0.0..1_024.0 => format!("{number} bytes"),
        1_024.0..1_048_576.0 => format!("{:.1} KiB", number / 1_024.0),
        _ => format!("{:.1} MiB", number / 1_048_576.0),
    }
}

/// Writes an RFC 3339 time without its seconds and offset; other text stays.
fn minute(text: &str) -> String {
    let is_time = |time: &&str| {
        time.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
    };
    text.get(..16).filter(is_time).map_or_else(|| text.to_owned(), |time| time.replace('T', " "))
}

fn differing(settings: usize) -> String {
    match settings {
        0 => "all settings are the defaults".to_owned(),
        1 => "1 setting differs from the defaults".to_owned(),
        many => format!("{} settings differ from the defaults", grouped(many as i128)),
    }
}
