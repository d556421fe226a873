//! The naive oracle: what every business figure must be, worked out from all that was sent.
//!
//! It is written from the contract alone (section 2, the meaning; section 3, the families) and shares no code with the aggregation that it
//! checks. It keeps every record, in log order per partition, and recomputes everything by walking them, so that each rule can be read
//! beside the contract:
//!
//! | contract, section 2 | here |
//! |---|---|
//! | the six steps, outcomes, conflicts | [`steps`] |
//! | supports, returns, backlog, spans, what is unmatched of them | [`supports`] |
//! | beneficiaries, spans of time that end now | [`people`], [`periods`] |
//! | calls, and what is unmatched of them | [`calls`] |
//! | agents, milestones | [`agents`], [`milestones`] |
//! | label values, what counts as `other` | [`labels`] |
//! | what targets count, and how far they are | [`targets`], [`target_figures`] |
//!
//! **Forgetting is lazy here.** What is forgotten is decided by the watermark, which only rises. So it is enough to ask whether a support or call
//! has been forgotten when its next event comes (then that event begins a new one) and once more at the end of the log.
//!
//! Invariant: nothing here reads a clock; `now` is an argument.

mod agents;
mod calls;
mod event;
mod families;
mod figures;
mod labels;
mod milestones;
mod people;
mod periods;
mod series_map;
mod steps;
mod supports;
mod target_figures;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::clock::{DAY, HOUR, Millis, SECOND};
use crate::event::FederalState;
use crate::record::{Reason, Stream};

pub use event::{Agent, Body, Call, Disbursement, Event, Milestone};
pub use figures::{SeriesDifference, SeriesValues, SeriesValuesError, decimal};

use series_map::SeriesMap;

pub use targets::TargetInputs;

/// The settings that figures depend on. The default is that of `config/default.toml`.
#[derive(Debug, Clone)]
pub struct OracleRules {
    pub horizons: Horizons,
    /// A support that is still open is not forgotten before this.
    pub open_horizon: Millis,
    /// An answer after at most this wait is within target.
    pub service_level: Millis,
    /// A call abandoned after less than this is a short abandon.
    pub short_abandon: Millis,
    /// A call offered longer ago than this waits no more.
    pub max_wait: Millis,
    /// An agent of whom nothing was heard for longer than this is off.
    pub agent_timeout: Millis,
    /// Distinct values kept of each kind of label in a partition; later ones are `other` for good.
    pub max_label_values: usize,
    /// What is only counted is known no longer than this before the watermark.
    pub history: Millis,
    /// The IANA time zone of days, weeks and months.
    pub time_zone: String,
    pub labels: OracleLabels,
}

/// How far before its partition's watermark an event may lie, and how long it is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Horizons {
    pub disbursement: Millis,
    pub call: Millis,
    pub milestone: Millis,
}

/// The label values that are shown under their own names; every other is shown as `other`.
#[derive(Debug, Clone)]
pub struct OracleLabels {
    pub programmes: Vec<String>,
    pub queues: Vec<String>,
    pub sites: Vec<String>,
    pub initiatives: Vec<String>,
    pub milestones: Vec<String>,
    /// Codes of ISO 3166-2:MX; `unknown` and `other` are always there.
    pub states: Vec<String>,
}

impl OracleRules {
    fn horizon(&self, stream: Stream) -> Millis {
        match stream {
            Stream::Disbursement => self.horizons.disbursement,
            Stream::Call => self.horizons.call,
            Stream::Milestone => self.horizons.milestone,
        }
    }
}

impl Default for OracleRules {
    fn default() -> Self {
        Self {
            horizons: Horizons { disbursement: 92 * DAY, call: 7 * DAY, milestone: 92 * DAY },
            open_horizon: 400 * DAY,
            service_level: 20 * SECOND,
            short_abandon: 5 * SECOND,
            max_wait: 4 * HOUR,
            agent_timeout: 24 * HOUR,
            max_label_values: 4096,
            history: 800 * DAY,
            time_zone: "America/Mexico_City".to_owned(),
            labels: OracleLabels::default(),
        }
    }
}

impl Default for OracleLabels {
    /// No names, and every state.
    fn default() -> Self {
        Self {
            programmes: Vec::new(),
            queues: Vec::new(),
            sites: Vec::new(),
            initiatives: Vec::new(),
            milestones: Vec::new(),
            states: FederalState::CODES[..32].iter().map(|&code| code.to_owned()).collect(),
        }
    }
}

/// What was sent as one record, known to whoever made it.
#[derive(Debug, Clone)]
pub enum SentRecord {
    /// A record that decodes to this event.
    Event(Event),
    /// A record that must be rejected, for this reason.
    Rejected(Reason),
}

/// All that was sent.
#[derive(Debug)]
pub struct Oracle {
    rules: OracleRules,
    zone: TimeZone,
    /// Every record, in log order.
    partitions: BTreeMap<(Stream, i32), Vec<SentRecord>>,
}

impl Oracle {
    /// An empty ledger.
    ///
    /// # Panics
    ///
    /// If `rules.time_zone` is no IANA time zone; settings let none such through.
    pub fn new(rules: OracleRules) -> Self {
        let zone = TimeZone::get(&rules.time_zone).expect("the time zone of the rules is an IANA time zone");
        Self { rules, zone, partitions: BTreeMap::new() }
    }

    /// Notes the next record of a partition.
    ///
    /// # Panics
    ///
    /// If the event is of another stream, or lacks an amount that its kind needs: such a record must be [`SentRecord::Rejected`].
    pub fn record(&mut self, stream: Stream, partition: i32, sent: SentRecord) {
        if let SentRecord::Event(event) = &sent {
            event.assert_acceptable(stream);
        }
        self.partitions.entry((stream, partition)).or_default().push(sent);
    }

    /// How many records were noted.
    pub fn len(&self) -> usize {
        self.partitions.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Every business series (contract, section 3) at `now`, as it must be exposed: all but targets ([`Self::target_figures`]), cuts,
    /// `pacemeter_history_start_offset` and `pacemeter_state_built_timestamp_seconds`.
    ///
    /// All is decided per partition and then added up; of watermarks the newest counts, of oldest approvals the oldest.
    pub fn figures(&self, now: Millis) -> SeriesValues {
        let mut series = SeriesMap::default();
        steps::start_series(&mut series);
        supports::start_series(&self.rules, &mut series);
        calls::start_series(&self.rules, &mut series);
        agents::start_series(&self.rules, &mut series);
        milestones::start_series(&self.rules, &mut series);
        let windows = periods::windows(now, &self.zone);
        for (&(stream, _), records) in &self.partitions {
            let log = steps::replay(stream, records, &self.rules, &mut series);
            match stream {
                Stream::Disbursement => {
                    let dispersals = supports::evaluate(&log, &self.rules, &mut series);
                    people::evaluate(&dispersals, &windows, &mut series);
                }
                Stream::Call => {
                    calls::evaluate(&log, &self.rules, now, &mut series);
                    agents::evaluate(&log, &self.rules, now, &mut series);
                }
                Stream::Milestone => milestones::evaluate(&log, &self.rules, &mut series),
            }
        }
        series.into_figures()
    }
}
