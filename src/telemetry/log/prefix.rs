//! Beginning of a line, in both forms.

use tracing::Level;

use crate::clock::Timestamp;

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
