//! Reads the settings and refuses wrong values.

use super::property_lines::add_properties;
use super::settings::{DeadLetterSettings, Settings};
use crate::record::{PerStream, Stream};
use crate::settings::SettingsReader;
use std::ops::RangeInclusive;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Maximum horizon, some ten years.
const MAX_HORIZON: Duration = Duration::from_secs(3_660 * 86_400);

impl Settings {
    /// Reads the settings under `kafka`, `streams` and `dead_letter`; notes faults in `reader`.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let mut properties = reader.properties("kafka.properties");
        let property_origins = add_properties(reader, &mut properties);
        let settings = Self {
            bootstrap_servers: reader.string("kafka.bootstrap_servers"),
            group_id: reader.string("kafka.group_id"),
            properties,
            property_origins,
            topics: PerStream::from_fn(|stream| reader.string(&topic_key(stream))),
            horizons: PerStream::from_fn(|stream| {
                reader.duration(&format!("streams.{}.horizon", stream.name()), horizon_range(stream))
            }),
            // The client wants its socket time-out to be a second longer than a fetch may wait (half a second).
            request_timeout: reader.duration("kafka.request_timeout", 2 * SECOND..=5 * MINUTE),
            end_offset_interval: reader.duration("kafka.end_offset_interval", SECOND / 10..=5 * MINUTE),
            commit_interval: reader.duration("kafka.commit_interval", SECOND / 10..=60 * MINUTE),
            stall_timeout: reader.duration("kafka.stall_timeout", SECOND..=60 * MINUTE),
            batch_records: reader.integer("kafka.batch_records", 1..=100_000) as usize,
            accept_compacted_topics: reader.boolean("kafka.accept_compacted_topics"),
            accept_unbounded_timestamps: reader.boolean("kafka.accept_unbounded_timestamps"),
            accept_unverified_topics: reader.boolean("kafka.accept_unverified_topics"),
            dead_letter: DeadLetterSettings {
                enabled: reader.boolean("dead_letter.enabled"),
                topic: reader.string("dead_letter.topic"),
                max_in_flight: reader.integer("dead_letter.max_in_flight", 1..=10_000_000) as u32,
                max_in_flight_bytes: reader.integer("dead_letter.max_in_flight_bytes", 1 << 20..=1 << 40),
            },
        };
        settings.note_faults(|key, message| settings.note_fault(reader, key, message));
        settings
    }

    fn note_faults(&self, mut fault: impl FnMut(&str, String)) {
        for (key, text) in [("kafka.bootstrap_servers", &self.bootstrap_servers), ("kafka.group_id", &self.group_id)] {
            if text.trim().is_empty() || text.contains('\0') {
                fault(key, "is empty".into());
            }
        }
        // The client would not use credentials here, and would repeat them in its errors.
        if self.bootstrap_servers.contains('@') || self.shown_servers() != self.bootstrap_servers {
            fault("kafka.bootstrap_servers", CREDENTIALS_RULE.into());
        }
        for (stream, topic) in self.topics.iter() {
            if !is_topic_name(topic) {
                fault(&topic_key(stream), TOPIC_NAME_RULE.into());
            } else if let Some((other, _)) = self.topics.iter().find(|&(other, name)| other < stream && name == topic) {
                fault(
                    &topic_key(stream),
                    format!("is the topic of {} too, each stream needs its own", topic_key(other)),
                );
            }
        }
        if self.dead_letter.enabled {
            if !is_topic_name(&self.dead_letter.topic) {
                fault("dead_letter.topic", TOPIC_NAME_RULE.into());
            } else if let Some((stream, _)) = self.topics.iter().find(|(_, topic)| **topic == self.dead_letter.topic) {
                fault(
                    "dead_letter.topic",
                    format!("is the topic of {} too, dead letters would be read again", topic_key(stream)),
                );
            }
        }
        self.note_property_faults(fault);
    }
}

fn topic_key(stream: Stream) -> String {
    format!("streams.{}.topic", stream.name())
}

fn horizon_range(stream: Stream) -> RangeInclusive<Duration> {
    let least = if stream == Stream::Disbursement { 35 * DAY } else { DAY };
    least..=MAX_HORIZON
}

const CREDENTIALS_RULE: &str = "has credentials, which are not used here; give host:port only, and set sasl.mechanism, \
                                sasl.username and sasl.password in kafka.properties";

const TOPIC_NAME_RULE: &str = "is no topic name: 1 to 249 of a-z A-Z 0-9 . _ -";

fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name.bytes().all(is_legal) && name != "." && name != ".."
}
