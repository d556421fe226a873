//! Events of note: the last [`MAX_EVENTS`] log events that tell people what happened, kept in memory for the API.
//!
//! The log hands every event of the program to the [`EventRing`], also those below `log.level`. The ring keeps those
//! which the [catalogue] marks, with their fields. No such event has a personal identifier: names
//! and numbers of records, people and labels have no part in them. Memory is bounded by the number of events and by their
//! bytes; text beyond [`MAX_TEXT_BYTES`] is truncated.
//!
//! Events before a start are not in memory. [`EventRing::recall`] adds what the state tells of it.

mod catalogue;
mod sentence;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Map, Number, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::clock::{Clock, MINUTE, Millis, Timestamp};
pub(crate) use catalogue::{EventNote, event_note, event_row};
#[cfg(test)]
pub(crate) use catalogue::{EventRow, event_rows};
pub(crate) use sentence::STATUSES;
#[cfg(test)]
pub(crate) use sentence::fields_of;
use sentence::required_fields;
pub(crate) use sentence::{EventSentence, TextSentence};

/// Maximum number of events.
pub const MAX_EVENTS: usize = 200;

/// Maximum size of all events (bytes).
const MAX_BYTES: usize = 256 * 1_024;

/// Maximum text of a field (bytes).
const MAX_TEXT_BYTES: usize = 512;

/// Maximum number of fields of an event.
const MAX_FIELDS: usize = 16;

/// Size of an event without its fields, and of a field without its text (bytes).
const OVERHEAD_BYTES: usize = 128;

/// Maximum time between an event and the last of the same name with which it is merged.
const MERGED_WITHIN: Millis = MINUTE;

/// Field with the number of events that were merged.
pub(super) const TIMES: &str = "times";

/// Event of note.
#[derive(Debug, Clone)]
pub struct NotedEvent {
    /// Time of the event by the program's clock.
    pub at: Timestamp,
    /// Severity.
    pub level: Level,
    /// Fields by name.
    pub fields: Map<String, Value>,
    note: &'static EventNote,
    /// Time of the last event that is merged in this one.
    last_at: Timestamp,
}

impl NotedEvent {
    fn new(at: Timestamp, level: Level, note: &'static EventNote, fields: Map<String, Value>) -> Self {
        Self { at, level, fields, note, last_at: at }
    }

    /// Returns the name of the event in the log.
    pub fn name(&self) -> &'static str {
        self.note.event
    }

    /// Returns the sentence of the event.
    pub(crate) fn say(&self) -> EventSentence {
        EventSentence::new(self.note, &self.fields)
    }

    fn bytes(&self) -> usize {
        let text = |value: &Value| value.as_str().map_or(0, str::len);
        self.fields.iter().map(|(key, value)| OVERHEAD_BYTES + key.len() + text(value)).sum::<usize>() + OVERHEAD_BYTES
    }
}

/// The last events of note.
#[derive(Debug, Default)]
pub struct EventRing {
    /// Clock of the figures; until it is set, events have the time of the machine.
    clock: OnceLock<Clock>,
    state: Mutex<RingState>,
}

#[derive(Debug, Default)]
struct RingState {
    /// The oldest first.
    events: VecDeque<NotedEvent>,
    bytes: usize,
}

impl EventRing {
    /// Sets the clock of the program; a second call has no effect.
    pub fn set_clock(&self, clock: &Clock) {
        self.clock.get_or_init(|| clock.clone());
    }

    /// Keeps an event if it is of note.
    pub(super) fn record(&self, event: &Event<'_>) {
        let mut name = NoteOfEvent(None);
        event.record(&mut name);
        let Some(note) = name.0 else { return };
        let mut fields = EventFields(Map::new());
        event.record(&mut fields);
        let at = self.clock.get().map_or_else(|| Clock::wall().now(), Clock::now);
        self.lock().add(NotedEvent::new(at, *event.metadata().level(), note, fields.0));
    }

    /// Adds an event from before the start, which the state tells of. A name that is not of note is ignored.
    pub(crate) fn recall(&self, at: Timestamp, level: Level, name: &str, fields: Map<String, Value>) {
        let Some(note) = event_note(name) else { return };
        let bounded = |(key, value): (String, Value)| match value {
            Value::String(text) => (key, Value::from(truncated(&text))),
            value => (key, value),
        };
        let fields = fields.into_iter().take(MAX_FIELDS).map(bounded).collect();
        self.lock().add(NotedEvent::new(at, level, note, fields));
    }

    /// Returns the newest events, the newest first, and true if there are older ones.
    pub(crate) fn newest(&self, limit: usize) -> (Vec<NotedEvent>, bool) {
        let state = self.lock();
        (state.events.iter().rev().take(limit).cloned().collect(), state.events.len() > limit)
    }

    fn lock(&self) -> MutexGuard<'_, RingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingState {
    /// Adds an event in the order of time, after those of the same time.
    fn add(&mut self, event: NotedEvent) {
        if event.note.is_merged && self.merge(&event) {
            return;
        }
        self.bytes += event.bytes();
        let place = self.events.partition_point(|other| other.at <= event.at);
        self.events.insert(place, event);
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// Counts an event in the last one of its name, unless that is too old, or a field that the sentence needs differs. Other
    /// fields that differ are left out.
    fn merge(&mut self, event: &NotedEvent) -> bool {
        let is_like = |last: &NotedEvent| {
            let mut needed = required_fields(event.note.es);
            (event.at - last.last_at).abs() <= MERGED_WITHIN
                && needed.all(|field| last.fields.get(field) == event.fields.get(field))
        };
        let last = self.events.iter_mut().rev().find(|other| std::ptr::eq(other.note, event.note));
        let Some(last) = last.filter(|last| is_like(last)) else { return false };
        let before = last.bytes();
        last.last_at = event.at;
        let times = last.fields.get(TIMES).and_then(Value::as_u64).unwrap_or(1) + 1;
        last.fields.retain(|key, value| event.fields.get(key) == Some(value));
        last.fields.insert(TIMES.to_owned(), times.into());
        self.bytes = self.bytes - before + last.bytes();
        true
    }
}

/// Visitor that finds the note of the field `event`.
struct NoteOfEvent(Option<&'static EventNote>);

impl Visit for NoteOfEvent {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" && self.0.is_none() {
            self.0 = event_note(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Visitor that collects fields, but for the message and the name.
struct EventFields(Map<String, Value>);

impl EventFields {
    fn add(&mut self, field: &Field, value: Value) {
        if !matches!(field.name(), "event" | "message") && self.0.len() < MAX_FIELDS {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for EventFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Number::from_f64(value).map_or(Value::Null, Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, truncated(value).into());
    }

    /// Adds an error with its causes, outermost first. Objects are left to the log.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if value.is::<super::log::JsonObject>() {
            return;
        }
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source.filter(|_| text.len() < MAX_TEXT_BYTES) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.record_str(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

fn truncated(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}
