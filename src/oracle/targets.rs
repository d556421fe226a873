//! What was reached of targets: every single thing that any of them counts, and the tally of those that a target selects in an interval.
//!
//! The definitions are those of [`Measure`], [`Filter`] and [`Tally`]. Nothing is forgotten here but what the contract forgets, and nothing is
//! added up before somebody asks.

use std::collections::BTreeSet;

use super::calls::{self, WaitEnd};
use super::labels::{Names, keep_state};
use super::series_map::SeriesMap;
use super::steps::{self, ReplayedLog};
use super::{Body, Oracle, OracleRules, supports};
use crate::calendar::Interval;
use crate::clock::Millis;
use crate::event::{CallKind, DisbursementKind, MilestoneKind};
use crate::record::{PerStream, Stream};
use crate::targets::{Filter, Measure, Tally, Target};

/// All that was sent, as targets see it.
pub struct TargetInputs<'a> {
    things: Vec<Contribution<'a>>,
    /// The newest of each stream, by [`Stream`].
    watermarks: PerStream<Option<Millis>>,
}

/// What one event adds to one measure.
struct Contribution<'a> {
    measure: Measure,
    time: Millis,
    labels: OracleLabels<'a>,
    adds: Tally,
    /// Who was paid, and in which partition. Of beneficiaries: then it adds 1 unless it has been added before.
    person: Option<(i32, &'a str)>,
}

/// As given in the event, but `other` beyond `state.max_label_values`; a state as its code. Those that the event does not have are empty.
#[derive(Clone, Copy, Default)]
struct OracleLabels<'a> {
    programme: &'a str,
    state: &'a str,
    queue: &'a str,
    initiative: &'a str,
    milestone: &'a str,
}

impl Oracle {
    /// What targets count of all that was sent.
    pub fn reached(&self) -> TargetInputs<'_> {
        let mut reached = TargetInputs { things: Vec::new(), watermarks: PerStream::default() };
        // Figures that are not asked for here.
        let mut sheet = SeriesMap::default();
        for (&(stream, partition), log) in &self.partitions {
            let walked = steps::walk(stream, log, &self.rules, &mut sheet);
            let newest = &mut reached.watermarks[stream];
            *newest = walked.watermark.max(*newest);
            let labels = labels(&walked, &self.rules);
            match stream {
                Stream::Disbursement => {
                    reached.steps(&walked, &labels);
                    let dispersals = supports::account(&walked, &self.rules, &mut sheet);
                    reached.dispersals(partition, &dispersals, &labels);
                }
                Stream::Call => {
                    reached.steps(&walked, &labels);
                    // What still waits is not asked for, so any instant will do.
                    let waits = calls::account(&walked, &self.rules, 0, &mut sheet);
                    reached.waits(&walked, &waits, &labels);
                }
                Stream::Milestone => reached.steps(&walked, &labels),
            }
        }
        reached
    }
}

/// Of each applied event.
fn labels<'a>(walked: &ReplayedLog<'a>, rules: &'a OracleRules) -> Vec<OracleLabels<'a>> {
    let names = || Names::new(&[], rules);
    let (mut programmes, mut queues, mut initiatives, mut milestones) = (names(), names(), names(), names());
    let mut of = |body: &'a Body| match body {
        Body::Disbursement(given) => OracleLabels {
            programme: programmes.keep(&given.programme),
            state: keep_state(given.state.as_deref()),
            ..OracleLabels::default()
        },
        Body::Call(given) => OracleLabels { queue: queues.keep(&given.queue), ..OracleLabels::default() },
        Body::Agent(_) => OracleLabels::default(),
        Body::Milestone(given) => OracleLabels {
            initiative: initiatives.keep(&given.initiative),
            milestone: milestones.keep(&given.milestone),
            ..OracleLabels::default()
        },
    };
    walked.applied.iter().map(|applied| of(&applied.event.body)).collect()
}

impl<'a> TargetInputs<'a> {
    /// What was reached of a target by the events of an interval. Of beneficiaries: the distinct people with something left of the selected
    /// dispersals of the interval. Somebody who is in two partitions counts in each.
    pub fn tally(&self, target: &Target, interval: Interval) -> Tally {
        let mut people = BTreeSet::new();
        let mut sum = Tally::default();
        for thing in self.things.iter().filter(|thing| thing.measure == target.measure) {
            let selected =
                interval.start <= thing.time && thing.time < interval.end && thing.labels.are_in(&target.filter);
            if selected && thing.person.is_none_or(|person| people.insert(person)) {
                sum += &thing.adds;
            }
        }
        sum
    }

    /// The newest event time of a stream.
    pub fn watermark(&self, stream: Stream) -> Option<Millis> {
        self.watermarks[stream]
    }

    /// What counts for what it is, each event by its own time: "every one".
    fn steps(&mut self, walked: &ReplayedLog<'a>, labels: &[OracleLabels<'a>]) {
        for (applied, &labels) in walked.applied.iter().zip(labels) {
            let time = applied.event.time;
            let mut add = |measure, amount, base| self.add(measure, time, labels, Tally { amount, base });
            match &applied.event.body {
                Body::Disbursement(given) => match given.kind {
                    DisbursementKind::Applied => add(Measure::Applications, 1, 0),
                    DisbursementKind::Approved => add(Measure::Approvals, 1, 0),
                    DisbursementKind::Rejected | DisbursementKind::Dispersed | DisbursementKind::Returned => {}
                },
                Body::Call(given) => match given.kind {
                    CallKind::Offered => add(Measure::CallsOffered, 1, 0),
                    CallKind::Answered => {
                        add(Measure::CallsAnswered, 1, 0);
                        add(Measure::ServiceLevel, 0, 1);
                    }
                    CallKind::Abandoned => add(Measure::ServiceLevel, 0, 1),
                    CallKind::Completed => add(Measure::CallsCompleted, 1, 0),
                },
                Body::Agent(_) => {}
                Body::Milestone(given) => {
                    let quantity = i128::from(given.quantity.unwrap_or(1));
                    match given.kind {
                        MilestoneKind::Reached => add(Measure::Milestones, quantity, 0),
                        MilestoneKind::Withdrawn => add(Measure::Milestones, -quantity, 0),
                    }
                }
            }
        }
    }

    /// "Dispersals counts them all, net_pesos what is left of them", and beneficiaries those to whom something is left.
    fn dispersals(
        &mut self,
        partition: i32,
        dispersals: &[supports::OracleDispersal<'a>],
        labels: &[OracleLabels<'a>],
    ) {
        for dispersal in dispersals {
            let (time, labels, is_left) = (dispersal.time, labels[dispersal.order], dispersal.left > 0);
            self.add(Measure::Dispersals, time, labels, Tally { amount: 1, base: 0 });
            self.add(Measure::NetPesos, time, labels, Tally { amount: dispersal.left.into(), base: is_left.into() });
            if is_left {
                let (person, adds) = (Some((partition, dispersal.beneficiary)), Tally { amount: 1, base: 0 });
                self.things.push(Contribution { measure: Measure::Beneficiaries, time, labels, adds, person });
            }
        }
    }

    /// "Answered within target / (answered + abandoned - short abandons)": each by the time, and the queue, of the answer or abandonment.
    fn waits(&mut self, walked: &ReplayedLog<'a>, waits: &[calls::CompletedWait], labels: &[OracleLabels<'a>]) {
        for waited in waits {
            let (time, labels) = (walked.applied[waited.order].event.time, labels[waited.order]);
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

    fn add(&mut self, measure: Measure, time: Millis, labels: OracleLabels<'a>, adds: Tally) {
        self.things.push(Contribution { measure, time, labels, adds, person: None });
    }
}

impl OracleLabels<'_> {
    /// "Those whose labels are in each list that is not empty."
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
