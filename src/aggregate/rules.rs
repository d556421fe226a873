//! Settings that decide what a log means: state depends on these and on the log alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::labels::MAX_VALUES;
use crate::clock::{Millis, millis};
use crate::event::histogram_bounds::{self, HistogramBounds};
use crate::record::{PerStream, Stream};
use crate::settings::{Layers, SettingsReader, format_duration};

/// Settings that figures depend on. State stores some of their effects, so a change of those in
/// [`Self::semantic_settings`] takes a rebuild.
///
/// Fields are stored in checkpoints: their order and types are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    horizons: PerStream<Millis>,
    /// Distance behind the watermark up to which open supports are remembered, in milliseconds.
    pub open_horizon: Millis,
    /// Longest wait of a call answered within target, inclusive, in milliseconds.
    pub service_level: Millis,
    /// An abandonment after a shorter wait is short (milliseconds).
    pub short_abandon: Millis,
    /// Longest time that an offered call counts as waiting, in milliseconds.
    pub max_wait: Millis,
    /// Longest time that an agent counts after a status, in milliseconds.
    pub agent_timeout: Millis,
    /// Largest number of values of a label in a partition; further values are `other`.
    pub max_label_values: usize,
    /// Largest number of pairs of initiative and milestone in a partition; further pairs are `other`.
    pub max_milestones: usize,
    /// Largest number of people in a partition; beyond it, people of all time are unknown.
    pub max_people: u64,
    /// Age at which the quarter hours of panes are folded into hours, in milliseconds.
    pub fine_history: Millis,
    /// Age at which the hours of panes are forgotten, in milliseconds.
    pub coarse_history: Millis,
}

const DAY: u64 = 86_400;
const TEN_YEARS: u64 = 3_660 * DAY;

impl Rules {
    /// Reads the rules; problems are reported to `reader`.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let mut days = |key: &str, least: u64| {
            millis(reader.duration(key, Duration::from_secs(least)..=Duration::from_secs(TEN_YEARS)))
        };
        let horizons = PerStream::from_fn(|stream| match stream {
            Stream::Disbursement => days("streams.disbursement.horizon", 35 * DAY),
            Stream::Call => days("streams.call.horizon", DAY),
            Stream::Milestone => days("streams.milestone.horizon", DAY),
        });
        let open_horizon = days("streams.disbursement.open_horizon", 35 * DAY);
        let (fine_history, coarse_history) = (days("state.fine_history", DAY), days("state.coarse_history", DAY));
        let (max_wait, agent_timeout) = (days("calls.max_wait", 1), days("calls.agent_timeout", 1));
        if open_horizon < horizons[Stream::Disbursement] {
            reader.fault(
                "streams.disbursement.open_horizon",
                "is shorter than streams.disbursement.horizon; make it at least as long".to_owned(),
            );
        }
        if coarse_history < fine_history {
            reader.fault(
                "state.coarse_history",
                "is shorter than state.fine_history; make it at least as long".to_owned(),
            );
        }
        Self {
            horizons,
            open_horizon,
            service_level: reader.integer("calls.service_level_seconds", 0..=86_400) as Millis * 1_000,
            short_abandon: reader.integer("calls.short_abandon_seconds", 0..=86_400) as Millis * 1_000,
            max_wait,
            agent_timeout,
            max_label_values: reader.integer("state.max_label_values", 1..=MAX_VALUES - 1) as usize,
            max_milestones: reader.integer("state.max_milestones", 1..=10_000_000) as usize,
            max_people: reader.integer("state.max_people", 1..=4_000_000_000),
            fine_history,
            coarse_history,
        }
    }

    /// Settings that the stored state of a stream depends on, with their values: the fingerprint that a checkpoint is
    /// compared with, name by name. Bounds are included even if they were never reached.
    pub fn semantic_settings(&self, stream: Stream) -> Vec<(String, String)> {
        let time = |time: Millis| format_duration(Duration::from_millis(time.unsigned_abs()));
        let mut semantic_settings = vec![
            (format!("streams.{}.horizon", stream.name()), time(self.horizon(stream))),
            ("state.max_label_values".to_owned(), self.max_label_values.to_string()),
            ("state.fine_history".to_owned(), time(self.fine_history)),
            ("state.coarse_history".to_owned(), time(self.coarse_history)),
        ];
        let mut add = |key: &str, value: String| semantic_settings.push((key.to_owned(), value));
        for stored in stored_histograms(stream) {
            let bounds: Vec<String> = stored.bounds.iter().map(|&bound| time(bound)).collect();
            add(&format!("histogram.{}.bounds", stored.measure), bounds.join(" "));
        }
        match stream {
            Stream::Disbursement => {
                add("streams.disbursement.open_horizon", time(self.open_horizon));
                add("state.max_people", self.max_people.to_string());
            }
            Stream::Call => {
                add("calls.service_level_seconds", (self.service_level / 1_000).to_string());
                add("calls.short_abandon_seconds", (self.short_abandon / 1_000).to_string());
            }
            Stream::Milestone => add("state.max_milestones", self.max_milestones.to_string()),
        }
        semantic_settings
    }

    /// Distance behind the watermark up to which events still count, in milliseconds.
    pub fn horizon(&self, stream: Stream) -> Millis {
        self.horizons[stream]
    }
}

/// Histograms in the state of a stream.
fn stored_histograms(stream: Stream) -> &'static [HistogramBounds] {
    match stream {
        Stream::Disbursement => &[histogram_bounds::APPLICATION_TO_APPROVAL, histogram_bounds::APPROVAL_TO_DISPERSAL],
        Stream::Call => &[histogram_bounds::CALL_WAIT, histogram_bounds::CALL_HANDLE],
        Stream::Milestone => &[],
    }
}

/// Value that a stored state has of a setting which it does not name, because it was written before the setting was
/// part of [`Rules::semantic_settings`]. These values are history: they stay as they are when the settings change.
pub fn unnamed_setting(key: &str) -> Option<&'static str> {
    match key {
        "histogram.application_to_approval.bounds" | "histogram.approval_to_dispersal.bounds" => {
            Some("1h 6h 1d 2d 3d 5d 7d 14d 30d 60d")
        }
        "histogram.call_wait.bounds" => Some("1s 2s 5s 10s 20s 30s 1m 2m 5m 10m 30m"),
        "histogram.call_handle.bounds" => Some("30s 1m 2m 5m 10m 15m 30m 1h"),
        _ => None,
    }
}

impl Default for Rules {
    /// Built-in defaults.
    fn default() -> Self {
        Self::read(&mut SettingsReader::load(&Layers::default()))
    }
}
