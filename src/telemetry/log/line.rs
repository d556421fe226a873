//! Rendering of one event as one line: JSON for machines; `text` renders it for people.
//!
//! A line never repeats a key, whatever an event's fields are called. It contains no line break and nothing
//! that is not printable, and its length is bounded.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use super::object::JsonObject;
use super::prefix::{LinePrefix, level_name};
use super::style::{Form, LineStyle};
use super::text::TextLine;
use crate::clock::Timestamp;
use crate::settings::printable_json;

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

/// Collector of an event's message and fields; [`Fields::line`] renders them.
#[derive(Debug)]
pub(super) struct Fields {
    form: Form,
    /// True while the field `event` is still expected; the prefix shows it.
    named: bool,
    message: Option<String>,
    /// Fields as JSON.
    body: Vec<u8>,
    /// Fields for the text form, and their size (bytes).
    values: Map<String, Value>,
    values_bytes: usize,
    keys: Vec<String>,
    omitted: u64,
}

impl Fields {
    /// Creates an empty collector. `named` is true if the event has a field `event`, which the prefix shows.
    pub(super) fn new(form: Form, named: bool) -> Self {
        let (message, body, values, keys) = (None, Vec::new(), Map::new(), Vec::new());
        Self { form, named, message, body, values, values_bytes: 0, keys, omitted: 0 }
    }

    /// Returns the whole line, with its line break.
    pub(super) fn line(self, prefix: &LinePrefix<'_>, style: &LineStyle) -> Vec<u8> {
        let message = self.message.as_deref().unwrap_or("");
        if self.form == Form::Text {
            let Self { values, keys, omitted, .. } = &self;
            return TextLine { prefix, message, values, keys, omitted: *omitted }.render(style);
        }
        let mut line = Vec::with_capacity(256 + message.len() + self.body.len());
        style.begin(&mut line, prefix.level);
        json_prefix(&mut line, prefix, message);
        line.extend_from_slice(&self.body);
        if self.omitted > 0 {
            write!(line, ",\"fields_left_out\":{}", self.omitted).expect("writing to a Vec never fails");
        }
        line.extend_from_slice(b"}\n");
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
        let Some(key) = self.begin(name) else { return };
        let value = truncated(value);
        match self.form {
            Form::Json => json_string(&mut self.body, value),
            Form::Text => self.keep(key, value.into()),
        }
    }

    pub(super) fn add_number(&mut self, name: &str, value: impl fmt::Display) {
        let Some(key) = self.begin(name) else { return };
        match self.form {
            Form::Json => write!(self.body, "{value}").expect("writing to a Vec never fails"),
            Form::Text => {
                let text = value.to_string();
                // A number that JSON's readers round stays text.
                let parsed = serde_json::from_str::<Value>(&text).ok();
                let exact = parsed.filter(|value| *value.to_string() == *text);
                self.keep(key, exact.unwrap_or_else(|| text.into()));
            }
        }
    }

    /// Adds an object as JSON in both forms. Entries for which there is no room are omitted and counted.
    pub(super) fn add_object(&mut self, name: &str, JsonObject(object): &JsonObject) {
        let Some(field) = self.begin(name) else { return };
        let (mut json, mut values) = (String::from("{"), Map::new());
        for (key, value) in object {
            let entry = format!("{}:{value}", Value::from(key.as_str()));
            if json.len() + entry.len() > MAX_TEXT_BYTES {
                self.omitted += 1;
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&printable_json(&entry));
            values.insert(key.clone(), value.clone());
        }
        json.push('}');
        match self.form {
            Form::Json => self.body.extend_from_slice(json.as_bytes()),
            Form::Text => {
                self.values_bytes += json.len();
                self.keep(field, Value::Object(values));
            }
        }
    }

    fn keep(&mut self, key: String, value: Value) {
        self.values_bytes += key.len() + value.as_str().map_or(8, str::len);
        self.values.insert(key, value);
    }

    /// Returns the key of a field, and writes it in JSON; `None` if the field belongs to the prefix or there is no room left.
    fn begin(&mut self, name: &str) -> Option<String> {
        if name == "event" && std::mem::take(&mut self.named) {
            return None;
        }
        if self.body.len() + self.values_bytes > MAX_FIELDS_BYTES {
            self.omitted += 1;
            return None;
        }
        let mut key = name.strip_prefix("r#").unwrap_or(name).to_owned();
        while RESERVED.contains(&key.as_str()) || self.keys.contains(&key) {
            key.insert_str(0, "field_");
        }
        if self.form == Form::Json {
            self.body.push(b',');
            json_string(&mut self.body, &key);
            self.body.push(b':');
        }
        self.keys.push(key.clone());
        Some(key)
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
    let time = timestamp(prefix.now);
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

fn json_string(line: &mut Vec<u8>, text: &str) {
    let json = serde_json::to_string(text).expect("a string is JSON");
    line.extend_from_slice(printable_json(&json).as_bytes());
}

/// Returns RFC 3339 in UTC with six decimals; those beyond milliseconds are zeros.
fn timestamp(now: Timestamp) -> String {
    DateTimePrinter::new().precision(Some(6)).timestamp_to_string(&now.to_jiff())
}
