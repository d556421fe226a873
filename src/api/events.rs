//! `/api/v1/events`: the last events of note, from memory. Log events become people's sentences in
//! [`telemetry::events`](crate::telemetry::events).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Api;
use super::context::local_text;
use crate::clock::Timestamp;
use crate::targets::sentence::BilingualText;
use crate::telemetry::events::NotedEvent;
use crate::telemetry::log::level_name;

/// Answer of `/api/v1/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EventsResponse {
    /// Instant of the answer, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// Events, the newest first.
    pub(crate) events: Vec<EventEntry>,
    /// True if memory holds older events beyond the limit.
    pub(crate) more: bool,
}

/// Event of note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EventEntry {
    /// Time of the event, in milliseconds since the epoch; of several that are one, that of the first.
    pub(crate) at_ms: Timestamp,
    /// That time as text in the programme's zone.
    pub(crate) at: String,
    /// Name of the event in the log (docs/logs.md).
    pub(crate) event: String,
    /// `error`, `warn` or `info`.
    pub(crate) level: String,
    /// Fields of the event in the log; `times` is the number of events, if they are several.
    pub(crate) fields: Map<String, Value>,
    /// Sentence in Spanish and English.
    pub(crate) say: BilingualText,
}

/// Lists the newest events.
pub(super) fn list(api: &Api, limit: usize) -> EventsResponse {
    let (events, more) = api.events.newest(limit);
    let entry = |event: NotedEvent| {
        let said = event.say();
        EventEntry {
            at_ms: event.at,
            at: local_text(event.at, &api.allowlists.zone),
            event: event.name().to_owned(),
            level: level_name(event.level).to_owned(),
            say: BilingualText { es: said.es, en: said.en },
            fields: event.fields,
        }
    };
    EventsResponse { now_ms: api.clock.now(), events: events.into_iter().map(entry).collect(), more }
}
