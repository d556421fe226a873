//! The inputs of targets: every contribution of an event to a measure, and the tally of those that a target selects.
//!
//! Measures are defined in `docs/targets.md`. Contributions are kept one by one and added up only when a tally is asked
//! for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::calls::{self, WaitEnd};
use super::labels::{LabelValues, MilestonePairs, keep_state};
use super::series_map::SeriesMap;
use super::steps::{self, ReplayedLog};
use super::{Oracle, OracleRules, SentBody, supports};
use crate::calendar::Interval;
use crate::clock::{MINUTE, Timestamp};
use crate::event::{CallKind, DisbursementKind, MilestoneKind};
use crate::record::{PerStream, Stream};
use crate::targets::{Filter, Measure, Tally, Target};

/// Contributions of all events to the measures of targets.
pub struct TargetInputs<'a> {
    contributions: Vec<Contribution<'a>>,
    /// Newest watermark of each stream.
    watermarks: PerStream<Option<Timestamp>>,
}

/// Contribution of one event to one measure.
struct Contribution<'a> {
    measure: Measure,
    time: Timestamp,
    labels: EventLabels<'a>,
    adds: Tally,
    /// Partition and person that was paid, for [`Measure::Beneficiaries`]: the person counts once in a tally.
    person: Option<(i32, &'a str)>,
}

/// Labels of an event as the partition keeps them (`spec/figures.md#label-bounds`); empty where the event has none.
#[derive(Clone, Copy, Default)]
struct EventLabels<'a> {
    programme: &'a str,
    state: &'a str,
    queue: &'a str,
    initiative: &'a str,
    milestone: &'a str,
}

impl Oracle {
    /// Collects everything that targets count.
    pub fn target_inputs(&self) -> TargetInputs<'_> {
        let mut inputs = TargetInputs { contributions: Vec::new(), watermarks: PerStream::default() };
        // Not used: only the contributions are.
        let mut series = SeriesMap::default();
        for (&(stream, partition), records) in &self.partitions {
            let log = steps::replay(stream, records, &self.rules, &mut series);
            let newest = &mut inputs.watermarks[stream];
            *newest = log.watermark.max(*newest);
            let labels = labels(&log, &self.rules);
            match stream {
                Stream::Disbursement => {
                    inputs.steps(&log, &labels);
                    let dispersals = supports::evaluate(&log, &self.rules, &mut series);
                    inputs.dispersals(partition, &dispersals, &labels);
                }
                Stream::Call => {
                    inputs.steps(&log, &labels);
                    // Any instant will do: it only affects the calls waiting.
                    let waits = calls::evaluate(&log, &self.rules, Timestamp::EPOCH, &mut series);
                    inputs.waits(&log, &waits, &labels);
                }
                Stream::Milestone => inputs.steps(&log, &labels),
            }
        }
        inputs
    }
}

/// Beginning of the hour of an instant: the last minute until then at which the local clock shows a full hour, or was
/// changed.
pub fn hour_of(time: Timestamp, zone: &TimeZone) -> Timestamp {
    let offset = |time: Timestamp| zone.to_offset(time.to_jiff());
    let mut minute = time.floor(MINUTE);
    let begins = |minute: Timestamp| {
        minute.to_jiff().to_zoned(zone.clone()).minute() == 0 || offset(minute) != offset(minute - 1)
    };
    while !begins(minute) {
        minute -= MINUTE;
    }
    minute
}

/// Labels of each applied event.
fn labels<'a>(log: &ReplayedLog<'a>, rules: &'a OracleRules) -> Vec<EventLabels<'a>> {
    let names = || LabelValues::new(&[], rules);
    let (mut programmes, mut queues, mut pairs) = (names(), names(), MilestonePairs::new(rules));
    let mut of = |body: &'a SentBody| match body {
        SentBody::Disbursement(given) => EventLabels {
            programme: programmes.keep(&given.programme),
            state: keep_state(given.state.as_deref()),
            ..EventLabels::default()
        },
        SentBody::Call(given) => EventLabels { queue: queues.keep(&given.queue), ..EventLabels::default() },
        SentBody::Agent(_) => EventLabels::default(),
        SentBody::Milestone(given) => {
            let [initiative, milestone] = pairs.keep(given);
            EventLabels { initiative, milestone, ..EventLabels::default() }
        }
    };
    log.applied.iter().map(|applied| of(&applied.event.body)).collect()
}

impl<'a> TargetInputs<'a> {
    /// Tally of a target over the events of an interval.
    ///
    /// Beneficiaries are the distinct people with something left of the selected dispersals, all of which is the base.
    /// Somebody who is paid in two partitions counts in each.
    pub fn tally(&self, target: &Target, interval: Interval) -> Tally {
        let mut people = BTreeSet::new();
        let mut sum = Tally::default();
        for contribution in self.contributions.iter().filter(|contribution| contribution.measure == target.measure) {
            let selected = interval.start <= contribution.time
                && contribution.time < interval.end
                && contribution.labels.are_in(&target.filter);
            if selected {
                let is_counted = contribution.person.is_none_or(|person| people.insert(person));
                sum.base += contribution.adds.base;
                sum.amount += if is_counted { contribution.adds.amount } else { 0 };
            }
        }
        sum
    }

    /// Tallies of a target over the hours of an interval, by the beginning of the hour; hours without contributions are
    /// missing (`spec/figures.md#hours`).
    ///
    /// A person counts in the hour of the earliest contribution in the interval, and its base in its own hour.
    pub fn hours(&self, target: &Target, interval: Interval, zone: &TimeZone) -> BTreeMap<Timestamp, Tally> {
        let mut hours = BTreeMap::<Timestamp, Tally>::new();
        let mut earliest = BTreeMap::<(i32, &str), Timestamp>::new();
        for contribution in self.contributions.iter().filter(|contribution| contribution.measure == target.measure) {
            let is_within = interval.start <= contribution.time && contribution.time < interval.end;
            if !is_within || !contribution.labels.are_in(&target.filter) {
                continue;
            }
            let hour = hours.entry(hour_of(contribution.time, zone)).or_default();
            hour.base += contribution.adds.base;
            match contribution.person {
                None => hour.amount += contribution.adds.amount,
                Some(person) => {
                    let first = earliest.entry(person).or_insert(contribution.time);
                    *first = contribution.time.min(*first);
                }
            }
        }
        for first in earliest.into_values() {
            hours.entry(hour_of(first, zone)).or_default().amount += 1;
        }
        hours.retain(|_, tally| *tally != Tally::default());
        hours
    }

    /// Time of the first contribution to a measure; `None` if there is none.
    pub(super) fn first_time(&self, measure: Measure) -> Option<Timestamp> {
        let of_measure = self.contributions.iter().filter(|contribution| contribution.measure == measure);
        of_measure.map(|contribution| contribution.time).min()
    }

    /// Newest watermark of a stream's partitions; `None` if nothing was applied.
    pub fn watermark(&self, stream: Stream) -> Option<Timestamp> {
        self.watermarks[stream]
    }

    /// Adds the measures that count single events, each by its own time.
    fn steps(&mut self, log: &ReplayedLog<'a>, labels: &[EventLabels<'a>]) {
        for (applied, &labels) in log.applied.iter().zip(labels) {
            let time = applied.event.time;
            let mut add = |measure, amount, base| self.add(measure, time, labels, Tally { amount, base });
            match &applied.event.body {
                SentBody::Disbursement(given) => match given.kind {
                    DisbursementKind::Applied => add(Measure::Applications, 1, 0),
                    DisbursementKind::Approved => add(Measure::Approvals, 1, 0),
                    DisbursementKind::Rejected | DisbursementKind::Dispersed | DisbursementKind::Returned => {}
                },
                SentBody::Call(given) => match given.kind {
                    CallKind::Offered => add(Measure::CallsOffered, 1, 0),
                    CallKind::Answered => {
                        add(Measure::CallsAnswered, 1, 0);
                        add(Measure::ServiceLevel, 0, 1);
                    }
                    CallKind::Abandoned => add(Measure::ServiceLevel, 0, 1),
                    CallKind::Completed => add(Measure::CallsCompleted, 1, 0),
                },
                SentBody::Agent(_) => {}
                SentBody::Milestone(given) => {
                    let quantity = i128::from(given.quantity.unwrap_or(1));
                    match given.kind {
                        MilestoneKind::Reached => add(Measure::Milestones, quantity, 0),
                        MilestoneKind::Withdrawn => add(Measure::Milestones, -quantity, 0),
                    }
                }
            }
        }
    }

    /// Adds dispersals (all of them), net pesos (what is left) and beneficiaries (those to whom something is left).
    fn dispersals(&mut self, partition: i32, dispersals: &[supports::OracleDispersal<'a>], labels: &[EventLabels<'a>]) {
        for dispersal in dispersals {
            let (time, labels, is_left) = (dispersal.time, labels[dispersal.order], dispersal.left > 0);
            let one = Tally { amount: 1, base: dispersal.left.into() };
            self.add(Measure::Dispersals, time, labels, one);
            self.add(Measure::NetPesos, time, labels, Tally { amount: dispersal.left.into(), base: is_left.into() });
            if is_left {
                let (measure, person) = (Measure::Beneficiaries, Some((partition, dispersal.beneficiary)));
                self.contributions.push(Contribution { measure, time, labels, adds: one, person });
            }
        }
    }

    /// Adds what waits contribute to the service level (`spec/figures.md#service-level`), by the time and the queue of
    /// the answer or abandonment.
    fn waits(&mut self, log: &ReplayedLog<'a>, waits: &[calls::CompletedWait], labels: &[EventLabels<'a>]) {
        for waited in waits {
            let (time, labels) = (log.applied[waited.order].event.time, labels[waited.order]);
            match waited.end {
                WaitEnd::Answered { within_target: true } => {
                    self.add(Measure::ServiceLevel, time, labels, Tally { amount: 1, base: 0 })
                }
                WaitEnd::Abandoned { short: true } => {
                    self.add(Measure::ServiceLevel, time, labels, Tally { amount: 0, base: -1 })
                }
                WaitEnd::Answered { within_target: false } | WaitEnd::Abandoned { short: false } => {}
            }
        }
    }

    fn add(&mut self, measure: Measure, time: Timestamp, labels: EventLabels<'a>, adds: Tally) {
        self.contributions.push(Contribution { measure, time, labels, adds, person: None });
    }
}

impl EventLabels<'_> {
    /// True if the filter selects these labels: each list that is not empty contains its label.
    fn are_in(&self, filter: &Filter) -> bool {
        let lists = [
            (&filter.programmes, self.programme),
            (&filter.states, self.state),
            (&filter.queues, self.queue),
            (&filter.initiatives, self.initiative),
            (&filter.milestones, self.milestone),
        ];
        lists.iter().all(|(list, label)| list.is_empty() || list.iter().any(|listed| listed == label))
    }
}
