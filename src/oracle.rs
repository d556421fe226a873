//! The oracle: a naive second implementation of every business figure, against which the real one is tested.
//!
//! It is the test oracle of the aggregation, of the program from end to end, and of the demo. The sender of a record
//! states its meaning to the oracle. The oracle keeps all records and works out each figure from scratch by reading
//! whole logs again. So its code can be checked rule by rule against the specification:
//!
//! | rules of `spec/figures.md` | module |
//! |---|---|
//! | `#steps`, `#outcomes`, `#duplicates`, `#conflicts`, `#watermark` | [`steps`] |
//! | `#supports`, `#returns`, `#backlog`, `#spans`, their part of `#unmatched` | [`supports`] |
//! | `#beneficiaries`, `#periods`, `#rolling-windows` | [`people`], [`periods`] |
//! | `#calls`, their part of `#unmatched` | [`calls`] |
//! | `#agents`, `#milestones` | [`agents`], [`milestones`] |
//! | `#allowlists`, `#label-bounds` | [`labels`] |
//! | `#targets` | [`targets`], [`target_figures`] |
//!
//! # Independence
//!
//! The oracle is written from the specification alone. It shares no code with [`aggregate`](crate::aggregate),
//! [`decode`](crate::decode) or [`view`](crate::view): a mistake must be made twice to go unnoticed. It also never
//! decodes a record: the [`SentEvent`] comes from the sender. What both sides share is plain data (kinds of events,
//! streams, outcomes, definitions of targets) and pure functions that have tests of their own
//! ([`target_figures`] names them).
//!
//! # Differences from the program
//!
//! - Forgetting is lazy. The watermark alone decides what is forgotten, and it only rises. So it is enough to check a
//!   support or a call when its next event comes, which then begins a new one, and once more at the end of the log.
//! - Two bounds are not modelled, so generated logs must stay below them: `state.max_people`
//!   (`spec/figures.md#people-bound`) and `http.max_series`.
//! - Conflicts are found by comparing the content, not fingerprints of 30 bits.
//!
//! # Adding a measure
//!
//! 1. Write the rule into `docs/spec/figures.md`, with an anchor.
//! 2. Name the metric family in [`families`] and add it to the list there.
//! 3. Start its series at 0 in `start_series` of the module of its stream, and add to it in `evaluate`; link the rule.
//! 4. Work out a small example by hand in `oracle/tests`.
//! 5. If targets can use it, add its contribution in [`targets`].
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

use crate::clock::{DAY, HOUR, Millis, SECOND, Timestamp};
use crate::event::FederalState;
use crate::record::{Reason, Stream};

pub use event::{PesoAmount, SentAgent, SentBody, SentCall, SentDisbursement, SentEvent, SentMilestone, Spelling};
pub use figures::{SeriesDifference, SeriesValues, SeriesValuesError, decimal};

pub use targets::{TargetInputs, hour_of};

use series_map::SeriesMap;

/// Settings that figures depend on. The defaults are those of `config/default.toml`.
#[derive(Debug, Clone)]
pub struct OracleRules {
    /// `streams.<stream>.horizon`.
    pub horizons: Horizons,
    /// Time for which an open support is remembered after its newest event.
    pub open_horizon: Millis,
    /// Longest wait of an answer within target.
    pub service_level: Millis,
    /// A call that is abandoned after less than this is a short abandon.
    pub short_abandon: Millis,
    /// Longest time for which an unanswered call counts as waiting.
    pub max_wait: Millis,
    /// Longest time for which an agent counts after the newest status.
    pub agent_timeout: Millis,
    /// Number of distinct values kept of each kind of label in a partition; later ones are `other`.
    pub max_label_values: usize,
    /// Number of distinct pairs of initiative and milestone kept in a partition; later ones are `other`, `other`.
    pub max_milestones: usize,
    /// Time before the watermark for which counts without identity are kept (`state.coarse_history`).
    pub history: Millis,
    /// IANA time zone of days, weeks and months.
    pub time_zone: String,
    /// Label values that are shown by name.
    pub labels: OracleLabels,
}

/// Horizon of each stream (`spec/figures.md#horizons`).
#[derive(Debug, Clone, Copy)]
pub struct Horizons {
    /// Horizon of supports, people and their ids.
    pub disbursement: Millis,
    /// Horizon of calls, agents and their ids.
    pub call: Millis,
    /// Horizon of ids of milestones.
    pub milestone: Millis,
}

/// Label values that are shown by name; every other is shown as `other` (`spec/figures.md#allowlists`).
#[derive(Debug, Clone)]
pub struct OracleLabels {
    /// Programmes.
    pub programmes: Vec<String>,
    /// Queues of the call centre.
    pub queues: Vec<String>,
    /// Sites of agents; `unknown` is always shown.
    pub sites: Vec<String>,
    /// Initiatives of milestones.
    pub initiatives: Vec<String>,
    /// Names of milestones.
    pub milestones: Vec<String>,
    /// Codes of ISO 3166-2:MX; `unknown` is always shown.
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
            max_milestones: 65_536,
            history: 800 * DAY,
            time_zone: "America/Mexico_City".to_owned(),
            labels: OracleLabels::default(),
        }
    }
}

impl Default for OracleLabels {
    /// No names, and every federal state.
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

/// Meaning of one record, stated by its sender.
#[derive(Debug, Clone)]
pub enum SentRecord {
    /// The record decodes to this event.
    Event(SentEvent),
    /// The record must be rejected for this reason.
    Rejected(Reason),
}

/// All records that were sent, and the figures that follow from them.
#[derive(Debug)]
pub struct Oracle {
    rules: OracleRules,
    zone: TimeZone,
    /// Records of each partition in log order.
    partitions: BTreeMap<(Stream, i32), Vec<SentRecord>>,
}

impl Oracle {
    /// An oracle without records.
    ///
    /// # Panics
    ///
    /// Panics if `rules.time_zone` is no IANA time zone. Settings are checked for that.
    pub fn new(rules: OracleRules) -> Self {
        let zone = TimeZone::get(&rules.time_zone).expect("the time zone of the rules is an IANA time zone");
        Self { rules, zone, partitions: BTreeMap::new() }
    }

    /// Adds the next record of a partition.
    ///
    /// # Panics
    ///
    /// Panics if the event belongs to another stream, or lacks the amount that its kind needs. Such a record must be
    /// [`SentRecord::Rejected`].
    pub fn record(&mut self, stream: Stream, partition: i32, sent: SentRecord) {
        if let SentRecord::Event(event) = &sent {
            event.assert_acceptable(stream);
        }
        self.partitions.entry((stream, partition)).or_default().push(sent);
    }

    /// Number of records sent, of all partitions.
    pub fn len(&self) -> usize {
        self.partitions.values().map(Vec::len).sum()
    }

    /// True if nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Every business series at `now`, as it must be exposed.
    ///
    /// Not included are targets ([`Self::target_figures`]), cuts, `pacemeter_history_start_offset` and
    /// `pacemeter_state_built_timestamp_seconds`.
    ///
    /// Each partition is evaluated by itself and the results are added up. Of watermarks the newest counts, of oldest
    /// approvals the oldest.
    pub fn figures(&self, now: Timestamp) -> SeriesValues {
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
