//! Text form of a line: time in the programme's zone, level, event, a sentence, and what the sentence leaves out.
//!
//! ```text
//! 2026-11-26 Thursday, America/Mexico_City, UTC-06:00
//! 17:13:44  WARN   record.set_aside        disbursements/3@1042: missing field (beneficiary)
//! ```
//!
//! Each rendered line begins with a heading: the date and the offset from UTC. The writer leaves it out unless it is
//! another than the last one, so that lost lines and other threads do not matter. On a terminal a line is wrapped between
//! words; elsewhere one event is one line.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::Level;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::prefix::LinePrefix;
use super::style::LineStyle;
use crate::clock::Timestamp;
use crate::settings::{is_printable, printable, printable_json};
use crate::telemetry::events::{TextSentence, event_row};

/// Keys of every line that a template may name.
pub(crate) const LINE_FIELDS: [&str; 2] = ["version", "suppressed"];

/// Fields of the start: values of settings, and the source of each.
const SETTINGS: [&str; 2] = ["settings", "sources"];

/// Maximum length of the value of a setting, in characters.
const MAX_SETTING: usize = 300;

/// Columns of a level and of an event without `pacemeter.`.
const LEVEL_COLUMNS: usize = 5;
const EVENT_COLUMNS: usize = 22;

/// Indentation of further rows, and that of a terminal too narrow for it.
const INDENTATION: usize = 43;
const NARROW_INDENTATION: usize = 10;

/// Minimum number of columns for text beside the indentation.
const MIN_TEXT_COLUMNS: usize = 30;

/// Colours of ECMA-48.
const DIM: &str = "2";
const BOLD: &str = "1";

/// Parts of a line in text form.
pub(super) struct TextLine<'a> {
    pub(super) prefix: &'a LinePrefix<'a>,
    pub(super) message: &'a str,
    pub(super) values: &'a Map<String, Value>,
    /// Names of the fields in the order of the event.
    pub(super) keys: &'a [String],
    /// Number of fields for which there was no room.
    pub(super) omitted: u64,
}

/// Word in a colour.
struct Word {
    code: &'static str,
    text: String,
}

impl TextLine<'_> {
    /// Returns heading and line, each with its line break.
    pub(super) fn render(&self, style: &LineStyle) -> Vec<u8> {
        let LinePrefix { now, level, event, .. } = *self.prefix;
        let (heading, time) = heading_and_time(now, &style.zone);
        let mut line = Vec::new();
        style.begin(&mut line, Level::INFO);
        line.extend_from_slice(style.paint(DIM, &heading).as_bytes());
        line.push(b'\n');
        style.begin(&mut line, level);
        let (name, code) = level_and_colour(level);
        let event = printable(event.strip_prefix("pacemeter.").unwrap_or(event));
        let head = [
            style.paint(DIM, &time),
            style.paint(code, &format!("{name:<LEVEL_COLUMNS$}")),
            style.paint(BOLD, &format!("{event:<EVENT_COLUMNS$}")),
        ];
        line.extend_from_slice(head.join("  ").as_bytes());
        line.extend_from_slice(b"  ");
        let column = time.len() + 2 + LEVEL_COLUMNS + 2 + event.width().max(EVENT_COLUMNS) + 2;
        let mut rows = Rows::new(style, column);
        self.words().iter().for_each(|word| rows.add(word));
        for setting in self.settings() {
            rows.end_row();
            setting.iter().for_each(|word| rows.add(word));
        }
        line.extend_from_slice(rows.finish().as_bytes());
        line.push(b'\n');
        line
    }

    /// Returns the sentence, then what it leaves out.
    fn words(&self) -> Vec<Word> {
        let LinePrefix { event, suppressed, module, .. } = *self.prefix;
        let mut known = self.values.clone();
        known.insert(LINE_FIELDS[0].to_owned(), super::VERSION.into());
        known.insert(LINE_FIELDS[1].to_owned(), suppressed.into());
        let sentence = event_row(event).map(|row| TextSentence::new(row.text, &known));
        let (text, said) =
            sentence.map_or_else(|| (printable(self.message), Vec::new()), |sentence| (sentence.text, sentence.said));
        let mut words = split("", &text);
        let sentence_words = words.len();
        if suppressed > 0 && !said.contains(&LINE_FIELDS[1]) {
            words.extend(split(DIM, &format!("(+{suppressed} more suppressed)")));
        }
        let module = module.map(|module| format!("module={}", quoted(module)));
        words.extend(module.map(|text| Word { code: DIM, text }));
        let rest = self.keys.iter().filter(|key| !said.contains(&key.as_str()) && !self.is_listed(key));
        for key in rest {
            let Some(value) = self.values.get(key) else { continue };
            words.extend(split(DIM, &format!("{}={}", quoted(key), value_text(value))));
        }
        if self.omitted > 0 {
            words.push(Word { code: DIM, text: format!("fields_left_out={}", self.omitted) });
        }
        if words.len() > sentence_words {
            // A second blank, which separates the sentence where there are no colours.
            words.insert(sentence_words, Word { code: DIM, text: String::new() });
        }
        words
    }

    /// True for a field that has rows of its own.
    fn is_listed(&self, key: &str) -> bool {
        SETTINGS.contains(&key) && self.values.get(key).is_some_and(Value::is_object)
    }

    /// Returns each setting with its value and source.
    fn settings(&self) -> Vec<Vec<Word>> {
        let [settings, sources] = SETTINGS.map(|name| self.values.get(name).and_then(Value::as_object));
        let setting = |(key, value): (&String, &Value)| {
            let mut words = split("", &format!("{} = {}", quoted(key), bounded(&value_text(value))));
            let source = sources.and_then(|sources| sources.get(key)).and_then(Value::as_str);
            words.extend(source.map_or_else(Vec::new, |source| split(DIM, &format!("({})", printable(source)))));
            words
        };
        settings.map_or_else(Vec::new, |settings| settings.iter().map(setting).collect())
    }
}

/// Rows of a line, filled word by word.
struct Rows<'a> {
    style: &'a LineStyle,
    columns: Option<usize>,
    indentation: usize,
    /// Column of the next character.
    column: usize,
    text: String,
    /// Colour in force.
    code: &'static str,
    is_row_empty: bool,
}

impl<'a> Rows<'a> {
    /// Creates rows whose first begins in `column`.
    fn new(style: &'a LineStyle, column: usize) -> Self {
        let columns = style.columns();
        let is_narrow = columns.is_some_and(|columns| columns < INDENTATION + MIN_TEXT_COLUMNS);
        let indentation = if is_narrow { NARROW_INDENTATION } else { INDENTATION };
        // A terminal of a few columns cannot be helped: the text stays legible, as the terminal wraps it.
        let columns = columns.map(|columns| columns.max(indentation + MIN_TEXT_COLUMNS / 2));
        Self { style, columns, indentation, column, text: String::new(), code: "", is_row_empty: true }
    }

    fn add(&mut self, word: &Word) {
        let width = word.text.width();
        if self.columns.is_some_and(|columns| self.column + usize::from(!self.is_row_empty) + width > columns) {
            self.wrap();
        } else if !self.is_row_empty {
            self.paint("");
            self.text.push(' ');
            self.column += 1;
        }
        self.paint(word.code);
        for character in word.text.chars() {
            let width = character.width().unwrap_or(0);
            // A word longer than a row is divided.
            if self.columns.is_some_and(|columns| self.column + width > columns) {
                self.wrap();
                self.paint(word.code);
            }
            self.text.push(character);
            self.column += width;
            self.is_row_empty = false;
        }
    }

    /// Ends a row of the text: on a terminal with a line break, elsewhere with a semicolon.
    fn end_row(&mut self) {
        self.paint("");
        if self.columns.is_some() {
            self.wrap();
        } else {
            self.text.push(';');
        }
    }

    fn wrap(&mut self) {
        self.paint("");
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', self.indentation));
        (self.column, self.is_row_empty) = (self.indentation, true);
    }

    fn paint(&mut self, code: &'static str) {
        if code == self.code || !self.style.is_coloured {
            return;
        }
        if !self.code.is_empty() {
            self.text.push_str("\u{1b}[0m");
        }
        if !code.is_empty() {
            self.text.push_str(&format!("\u{1b}[{code}m"));
        }
        self.code = code;
    }

    fn finish(mut self) -> String {
        self.paint("");
        self.text
    }
}

/// Returns the heading and the time of day, in the zone.
fn heading_and_time(now: Timestamp, zone: &TimeZone) -> (String, String) {
    let local = now.to_jiff().to_zoned(zone.clone());
    let name = zone.iana_name().unwrap_or("UTC");
    let heading = format!("{}, {name}, UTC{}", local.strftime("%Y-%m-%d %A"), local.strftime("%:z"));
    (heading, local.strftime("%H:%M:%S").to_string())
}

fn level_and_colour(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ERROR => ("ERROR", "1;31"),
        Level::WARN => ("WARN", "33"),
        Level::INFO => ("INFO", "32"),
        Level::DEBUG => ("DEBUG", "34"),
        Level::TRACE => ("TRACE", "34"),
    }
}

fn split(code: &'static str, text: &str) -> Vec<Word> {
    text.split(' ').map(|word| Word { code, text: word.to_owned() }).collect()
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_SETTING) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        // With blanks, at which a row can end.
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| printable_json(&item.to_string()).into_owned()).collect();
            format!("[{}]", items.join(", "))
        }
        other => printable_json(&other.to_string()).into_owned(),
    }
}

/// Returns a printable word as it is, and other text in quotes and escaped.
fn quoted(text: &str) -> String {
    let plain = |c: char| !matches!(c, '"' | '=' | '\\') && !c.is_whitespace() && is_printable(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { printable(&format!("{text:?}")) }
}
