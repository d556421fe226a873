//! One event as one line: JSON for machines, text for people.
//!
//! No line holds a key twice, whatever an event's fields are called, none holds a line break, and none is longer than
//! its bounds allow.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use tracing::Level;
use tracing::field::{Field, Visit};

use crate::clock::Millis;

/// The keys that are the log's own; a field with one of these names is written with `field_` before it.
pub const RESERVED: &[&str] = &[
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

/// The longest text of a field or message; more is cut (bytes).
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Once an event's fields take this much, the others are left out and counted (bytes).
const MAX_FIELDS_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Text,
}

/// Start of every line.
#[derive(Debug, Clone, Copy)]
pub struct LinePrefix<'a> {
    pub now: Millis,
    pub level: Level,
    pub event: &'a str,
    /// Source location of an event without a name.
    pub module: Option<&'a str>,
    /// Lines of this event that were held back before this one.
    pub suppressed: u64,
}

/// Collects the message and the fields of an event; then [`Fields::line`].
#[derive(Debug)]
pub struct Fields {
    form: Form,
    /// True until the field `event`, which is part of the prefix, was seen.
    named: bool,
    message: Option<String>,
    body: Vec<u8>,
    keys: Vec<String>,
    left_out: u64,
}

impl Fields {
    /// `named`: the event has a field `event`, which the head shows.
    pub fn new(form: Form, named: bool) -> Self {
        Self { form, named, message: None, body: Vec::new(), keys: Vec::new(), left_out: 0 }
    }

    /// The whole line, with its line break.
    pub fn line(mut self, head: &LinePrefix<'_>) -> Vec<u8> {
        if self.left_out > 0 {
            let left_out = self.left_out;
            self.key("fields_left_out");
            self.number(left_out);
        }
        let message = self.message.as_deref().unwrap_or("");
        let mut line = Vec::with_capacity(256 + message.len() + self.body.len());
        match self.form {
            Form::Json => json_head(&mut line, head, message),
            Form::Text => text_head(&mut line, head, message),
        }
        line.extend_from_slice(&self.body);
        line.extend_from_slice(if self.form == Form::Json { b"}\n" } else { b"\n" });
        line
    }

    /// The first message is the line's; another is a field like any.
    pub fn add_message(&mut self, message: &str) {
        if self.message.is_none() {
            self.message = Some(cut(message).to_owned());
        } else {
            self.add_text("message", message);
        }
    }

    pub fn add_text(&mut self, name: &str, value: &str) {
        if !self.begin(name) {
            return;
        }
        match self.form {
            Form::Json => json_string(&mut self.body, cut(value)),
            Form::Text => text_string(&mut self.body, cut(value)),
        }
    }

    pub fn add_number(&mut self, name: &str, value: impl fmt::Display) {
        if self.begin(name) {
            self.number(value);
        }
    }

    /// Writes the key of a field, unless it belongs to the head or there is no room left.
    fn begin(&mut self, name: &str) -> bool {
        if name == "event" && std::mem::take(&mut self.named) {
            return false;
        }
        if self.body.len() > MAX_FIELDS_BYTES {
            self.left_out += 1;
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
        write!(self.body, "{value}").expect("a Vec takes everything");
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.add_number(field.name(), number),
            // JSON has no such numbers.
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

    /// An error with what caused it, outermost first.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
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
        // A Debug that reports an error has written what it could.
        write!(text, "{value:?}").unwrap_or_default();
        self.record_str(field, &text.0);
    }
}

/// Text that stops growing a little beyond what is shown of it.
#[derive(Debug, Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (MAX_TEXT_BYTES + 1).saturating_sub(self.0.len());
        self.0.push_str(&text[..text.ceil_char_boundary(room)]);
        Ok(())
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

fn json_head(line: &mut Vec<u8>, head: &LinePrefix<'_>, message: &str) {
    let time = timestamp(head.now, 6);
    let (service, version) = (super::SERVICE, super::VERSION);
    line.extend_from_slice(b"{\"timestamp\":");
    json_string(line, &time);
    let texts = [
        ("level", level_name(head.level)),
        ("event", head.event),
        ("message", message),
        ("service", service),
        ("version", version),
    ];
    for (key, value) in texts.into_iter().chain(head.module.map(|module| ("module", module))) {
        write!(line, ",\"{key}\":").expect("a Vec takes everything");
        json_string(line, value);
    }
    if head.suppressed > 0 {
        write!(line, ",\"suppressed\":{}", head.suppressed).expect("a Vec takes everything");
    }
}

/// A person knows the service and the version; they see the time, and what happened.
fn text_head(line: &mut Vec<u8>, head: &LinePrefix<'_>, message: &str) {
    let level = level_name(head.level);
    write!(line, "{} {level:<5} ", timestamp(head.now, 3)).expect("a Vec takes everything");
    text_string(line, head.event);
    line.push(b' ');
    line.extend(message.chars().flat_map(visible).collect::<String>().into_bytes());
    if let Some(module) = head.module {
        line.extend_from_slice(b" module=");
        text_string(line, module);
    }
    if head.suppressed > 0 {
        write!(line, " suppressed={}", head.suppressed).expect("a Vec takes everything");
    }
}

fn json_string(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string is JSON, and a Vec takes everything");
}

/// Writes one visible word as it is and anything else in quotes; never a character that a terminal acts on.
fn text_string(line: &mut Vec<u8>, text: &str) {
    let plain = |c: char| !matches!(c, '"' | '=' | '\\') && !c.is_whitespace() && visible(c).eq([c]);
    if !text.is_empty() && text.chars().all(plain) {
        line.extend_from_slice(text.as_bytes());
    } else {
        write!(line, "{text:?}").expect("a Vec takes everything");
    }
}

/// The character, escaped if a terminal would act on it or not show it.
fn visible(c: char) -> impl Iterator<Item = char> {
    let kept = matches!(c, '"' | '\'' | '\\').then_some(c);
    let escaped = kept.is_none().then(|| c.escape_debug());
    kept.into_iter().chain(escaped.into_iter().flatten())
}

/// RFC 3339 in UTC with `digits` decimals. The clock has milliseconds; what follows them is zeros.
fn timestamp(now: Millis, digits: u8) -> String {
    let time = Timestamp::from_millisecond(now).unwrap_or(if now < 0 { Timestamp::MIN } else { Timestamp::MAX });
    DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&time)
}

/// The value of the key `level`, and of the label.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
