//! Rendering of one event as one line: JSON for machines, text for people.
//!
//! A line never repeats a key, whatever an event's fields are called. It contains no line break and nothing
//! that is not printable, and its length is bounded.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use jiff::fmt::temporal::DateTimePrinter;
use tracing::Level;
use tracing::field::{Field, Visit};

use super::object::JsonObject;
use crate::clock::Timestamp;
use crate::settings::{is_printable, printable, printable_json};

/// Keys of the log itself; a field with such a name gets the prefix `field_`.
pub(super) const RESERVED: &[&str] = &[
    "timestamp",
    "level",
    "event",
    "message",
    "service",
    "version",
    "suppressed",
    "module",
    "target",
    "span",
    "fields_left_out",
];

/// Maximum text of a field or message (bytes); longer text is truncated, and of an object entries are omitted and counted.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Size of an event's fields (bytes) from which further fields are omitted and counted.
const MAX_FIELDS_BYTES: usize = 16 * 1024;

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text,
}

/// Beginning of every line.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinePrefix<'a> {
    pub(super) now: Timestamp,
    pub(super) level: Level,
    pub(super) event: &'a str,
    /// Rust module of an event without a name.
    pub(super) module: Option<&'a str>,
    /// Number of lines of this event that were suppressed before this one.
    pub(super) suppressed: u64,
}

/// Collector of an event's message and fields; [`Fields::line`] renders them.
#[derive(Debug)]
pub(super) struct Fields {
    form: Form,
    /// True while the field `event` is still expected; the prefix shows it.
    named: bool,
    message: Option<String>,
    body: Vec<u8>,
    keys: Vec<String>,
    omitted: u64,
}

impl Fields {
    /// Creates an empty collector. `named` is true if the event has a field `event`, which the prefix shows.
    pub(super) fn new(form: Form, named: bool) -> Self {
        Self { form, named, message: None, body: Vec::new(), keys: Vec::new(), omitted: 0 }
    }

    /// Returns the whole line, with its line break.
    pub(super) fn line(mut self, prefix: &LinePrefix<'_>) -> Vec<u8> {
        if self.omitted > 0 {
            let omitted = self.omitted;
            self.key("fields_left_out");
            self.number(omitted);
        }
        let message = self.message.as_deref().unwrap_or("");
        let mut line = Vec::with_capacity(256 + message.len() + self.body.len());
        match self.form {
            Form::Json => json_prefix(&mut line, prefix, message),
            Form::Text => text_prefix(&mut line, prefix, message),
        }
        line.extend_from_slice(&self.body);
        line.extend_from_slice(if self.form == Form::Json { b"}\n" } else { b"\n" });
        line
    }

    /// Sets the line's message, or adds a field if the line already has one.
    pub(super) fn add_message(&mut self, message: &str) {
        if self.message.is_none() {
            self.message = Some(truncated(message).to_owned());
        } else {
            self.add_text("message", message);
        }
    }

    pub(super) fn add_text(&mut self, name: &str, value: &str) {
        if !self.begin(name) {
            return;
        }
        match self.form {
            Form::Json => json_string(&mut self.body, truncated(value)),
            Form::Text => text_string(&mut self.body, truncated(value)),
        }
    }

    pub(super) fn add_number(&mut self, name: &str, value: impl fmt::Display) {
        if self.begin(name) {
            self.number(value);
        }
    }

    /// Adds an object as JSON in both forms. Entries for which there is no room are omitted and counted.
    fn add_object(&mut self, name: &str, JsonObject(object): &JsonObject) {
        if !self.begin(name) {
            return;
        }
        let start = self.body.len();
        self.body.push(b'{');
        for (key, value) in object {
            let entry = format!("{}:{value}", serde_json::Value::from(key.as_str()));
            if self.body.len() - start + entry.len() > MAX_TEXT_BYTES {
                self.omitted += 1;
                continue;
            }
            if self.body.len() > start + 1 {
                self.body.push(b',');
            }
            self.body.extend_from_slice(printable_json(&entry).as_bytes());
        }
        self.body.push(b'}');
    }

    /// Writes the key of a field. Returns false if the field belongs to the prefix or there is no room left.
    fn begin(&mut self, name: &str) -> bool {
        if name == "event" && std::mem::take(&mut self.named) {
            return false;
        }
        if self.body.len() > MAX_FIELDS_BYTES {
            self.omitted += 1;
            return false;
        }
        let mut key = name.strip_prefix("r#").unwrap_or(name).to_owned();
        while RESERVED.contains(&key.as_str()) || self.keys.contains(&key) {
            key.insert_str(0, "field_");
        }
        self.key(&key);
        self.keys.push(key);
        true
    }

    fn key(&mut self, key: &str) {
        match self.form {
            Form::Json => {
                self.body.push(b',');
                json_string(&mut self.body, key);
                self.body.push(b':');
            }
            Form::Text => {
                self.body.push(b' ');
                text_string(&mut self.body, key);
                self.body.push(b'=');
            }
        }
    }

    fn number(&mut self, value: impl fmt::Display) {
        write!(self.body, "{value}").expect("writing to a Vec never fails");
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.add_number(field.name(), number),
            // JSON has no infinities and no NaN.
            None => self.add_text(field.name(), &value.to_string()),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add_number(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add_number(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add_number(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add_number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add_number(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.add_message(value),
            name => self.add_text(name, value),
        }
    }

    /// Adds an object, or an error with its causes, outermost first.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if let Some(object) = value.downcast_ref() {
            return self.add_object(field.name(), object);
        }
        let mut text = Bounded::default();
        write!(text, "{value}").unwrap_or_default();
        let mut source = value.source();
        while let Some(cause) = source.filter(|_| text.0.len() < MAX_TEXT_BYTES) {
            write!(text, ": {cause}").unwrap_or_default();
            source = cause.source();
        }
        self.record_str(field, &text.0);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::default();
        // A Debug implementation that fails has written a part, which is kept.
        write!(text, "{value:?}").unwrap_or_default();
        self.record_str(field, &text.0);
    }
}

/// Text that stops growing just beyond the maximum that is shown.
#[derive(Debug, Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (MAX_TEXT_BYTES + 1).saturating_sub(self.0.len());
        self.0.push_str(&text[..text.ceil_char_boundary(room)]);
        Ok(())
    }
}

fn truncated(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

fn json_prefix(line: &mut Vec<u8>, prefix: &LinePrefix<'_>, message: &str) {
    let time = timestamp(prefix.now, 6);
    let (service, version) = (super::SERVICE, super::VERSION);
    line.extend_from_slice(b"{\"timestamp\":");
    json_string(line, &time);
    let texts = [
        ("level", level_name(prefix.level)),
        ("event", prefix.event),
        ("message", message),
        ("service", service),
        ("version", version),
    ];
    for (key, value) in texts.into_iter().chain(prefix.module.map(|module| ("module", module))) {
        write!(line, ",\"{key}\":").expect("writing to a Vec never fails");
        json_string(line, value);
    }
    if prefix.suppressed > 0 {
        write!(line, ",\"suppressed\":{}", prefix.suppressed).expect("writing to a Vec never fails");
    }
}

/// Writes time, level, event and message; people need no service and version.
fn text_prefix(line: &mut Vec<u8>, prefix: &LinePrefix<'_>, message: &str) {
    let level = level_name(prefix.level);
    write!(line, "{} {level:<5} ", timestamp(prefix.now, 3)).expect("writing to a Vec never fails");
    text_string(line, prefix.event);
    line.push(b' ');
    line.extend_from_slice(printable(message).as_bytes());
    if let Some(module) = prefix.module {
        line.extend_from_slice(b" module=");
        text_string(line, module);
    }
    if prefix.suppressed > 0 {
        write!(line, " suppressed={}", prefix.suppressed).expect("writing to a Vec never fails");
    }
}

fn json_string(line: &mut Vec<u8>, text: &str) {
    let json = serde_json::to_string(text).expect("a string is JSON");
    line.extend_from_slice(printable_json(&json).as_bytes());
}

/// Writes a printable word as it is, and other text in quotes and escaped.
fn text_string(line: &mut Vec<u8>, text: &str) {
    let plain = |c: char| !matches!(c, '"' | '=' | '\\') && !c.is_whitespace() && is_printable(c);
    if !text.is_empty() && text.chars().all(plain) {
        line.extend_from_slice(text.as_bytes());
    } else {
        line.extend_from_slice(printable(&format!("{text:?}")).as_bytes());
    }
}

/// Returns RFC 3339 in UTC with `digits` decimals; those beyond milliseconds are zeros.
fn timestamp(now: Timestamp, digits: u8) -> String {
    let time = now.to_jiff();
    DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&time)
}

/// Returns the value of the key `level` and of the metrics' label.
pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
