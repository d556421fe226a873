//! Catalogue of log events: one row for each, from which the table of `docs/logs.md`, the text form of the log and the
//! sentences of events of note come. Templates are described in `sentence`. A test compares the rows with the calls in
//! the source.

mod figures;
mod process;
mod source;
mod state;

use std::collections::HashMap;
use std::sync::LazyLock;

/// Log event.
#[derive(Debug)]
pub(crate) struct EventRow {
    /// Name in the log.
    pub(crate) name: &'static str,
    /// Levels, most severe first, with commas between.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation and its test"))]
    pub(crate) levels: &'static str,
    /// Names of the fields in the order of the alphabet, with blanks between.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation and its test"))]
    pub(crate) fields: &'static str,
    /// Explanation in `docs/logs.md`.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation and its test"))]
    pub(crate) when: &'static str,
    /// Template of the text form.
    pub(crate) text: &'static str,
    /// Sentences, if the event is of note.
    pub(crate) note: Option<EventNote>,
}

/// Presentation of an event of note to the readers of the API and the page.
#[derive(Debug)]
pub(crate) struct EventNote {
    /// Name in the log.
    pub(crate) event: &'static str,
    /// True if several within a minute are one event with a number of `times`.
    pub(crate) is_merged: bool,
    /// Template in Spanish.
    pub(crate) es: &'static str,
    /// Template in English.
    pub(crate) en: &'static str,
}

const fn row(
    name: &'static str,
    levels: &'static str,
    fields: &'static str,
    when: &'static str,
    text: &'static str,
) -> EventRow {
    EventRow { name, levels, fields, when, text, note: None }
}

impl EventRow {
    /// Marks the event as of note.
    const fn noted(mut self, es: &'static str, en: &'static str) -> Self {
        self.note = Some(EventNote { event: self.name, is_merged: false, es, en });
        self
    }

    /// Marks the event as of note; several within a minute are one.
    const fn merged(mut self, es: &'static str, en: &'static str) -> Self {
        self.note = Some(EventNote { event: self.name, is_merged: true, es, en });
        self
    }
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static EventRow>> =
    LazyLock::new(|| event_rows().map(|row| (row.name, row)).collect());

/// Returns all rows, grouped.
pub(crate) fn event_rows() -> impl Iterator<Item = &'static EventRow> {
    [process::ROWS, source::ROWS, state::ROWS, figures::ROWS].into_iter().flatten()
}

/// Returns the row of an event by its name.
pub(crate) fn event_row(name: &str) -> Option<&'static EventRow> {
    BY_NAME.get(name).copied()
}

/// Returns the presentation of an event by its name; `None` if it is not of note.
pub(crate) fn event_note(name: &str) -> Option<&'static EventNote> {
    event_row(name)?.note.as_ref()
}
