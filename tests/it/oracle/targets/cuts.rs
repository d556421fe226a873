//! Cuts compared with the naive oracle: every target of each cut, and the corrections of periods that closed before.

use std::collections::BTreeMap;
use std::sync::Arc;

use pacemeter::calendar::Interval;
use pacemeter::clock::Timestamp;
use pacemeter::cuts::{Cut, CutContext};
use pacemeter::oracle::Oracle;
use pacemeter::record::TopicPartition;
use pacemeter::targets::pace::goal_of;
use pacemeter::targets::{Quantity, Target, Targets};
use pacemeter::view::closed_periods::ClosedPeriods;
use pacemeter::view::cut::PartitionCut;
use pacemeter::view::progress::{EndedPeriod, Evaluator, TargetStatus};
use proptest::prelude::*;

use super::super::{Core, START, log, records_in};
use super::scene::{Scene, scene};
use super::{is_known, tallies};

/// A cut of what was applied until now, as the pipeline takes it.
fn cut(core: &mut Core, targets: &Targets, at: Timestamp, closed_periods: &ClosedPeriods) -> Cut {
    let Core { view_config, partitions, .. } = core;
    let part = |(number, (stream, partition)): (usize, &mut (_, pacemeter::aggregate::PartitionState))| {
        let of = TopicPartition { stream: *stream, topic: stream.name().to_owned(), partition: number as i32 };
        (
            of,
            PartitionCut::of(
                &partition.slots(),
                *stream,
                targets,
                &view_config.allowlists,
                at,
                partition.next_offset(),
            ),
        )
    };
    let parts: Vec<_> = partitions.iter_mut().enumerate().map(part).collect();
    let context =
        CutContext { targets, allowlists: &view_config.allowlists, closed_periods, taken: at, state_built: START };
    Cut::of(at, parts.iter().map(|(partition, part)| (partition, part)), context)
}

/// Compares a cut with the oracle of the records applied until then.
fn compare(
    cut: &Cut,
    targets: &Targets,
    oracle: &Oracle,
    closed_periods: &ClosedPeriods,
    scene: &Scene,
) -> Result<(), TestCaseError> {
    let reached = oracle.target_inputs();
    for target in &targets.targets {
        let actual = cut.targets.iter().find(|entry| entry.target == target.name);
        let period = target.period.at(cut.at_ms - 1, &scene.zone());
        let expected = period.filter(|period| is_known(scene, target.measure, period.start, &reached));
        let expected = expected.map(|period| {
            let until_then = reached.tally(target, Interval { start: period.start, end: cut.at_ms });
            (period.start, period.end, period.end == cut.at_ms, target.measure.quantity(until_then))
        });
        let actual = actual.map(|entry| (entry.start_ms, entry.end_ms, entry.closes, entry.actual));
        prop_assert_eq!(actual, expected, "{:?}", target);
        for closing in closed_periods
            .of(&target.name)
            .filter(|closing| is_known(scene, target.measure, closing.start_ms, &reached))
        {
            let now_known = target
                .measure
                .quantity(reached.tally(target, Interval { start: closing.start_ms, end: closing.end_ms }));
            let correction =
                cut.corrections.iter().find(|entry| entry.target == target.name && entry.start_ms == closing.start_ms);
            let actual = correction.map(|entry| (entry.before, entry.after));
            let before = closing.known_before(&cut.id);
            let expected = (now_known != before).then_some((before, now_known));
            prop_assert_eq!(actual, expected, "{:?} in {:?}", target, closing);
        }
    }
    Ok(())
}

/// Goal and result of a closed period.
type FinalResult = (Quantity, Option<Quantity>);

/// Closed periods as cuts report them, by target and start, worked out from the oracle alone.
#[derive(Default)]
struct ReportedPeriods(BTreeMap<(usize, Timestamp), FinalResult>);

impl ReportedPeriods {
    /// Reports the periods that end with a cut, and corrects earlier ones that are known as a whole.
    fn add_cut(&mut self, at: Timestamp, targets: &Targets, oracle: &Oracle, scene: &Scene) {
        let reached = oracle.target_inputs();
        for (index, target) in targets.targets.iter().enumerate() {
            let known = |start, end| {
                let tally = || target.measure.quantity(reached.tally(target, Interval { start, end }));
                is_known(scene, target.measure, start, &reached).then(tally)
            };
            for ((_, start), (_, actual)) in self.0.range_mut((index, Timestamp::MIN)..=(index, Timestamp::MAX)) {
                let end = target.period.at(*start, &scene.zone()).expect("it was reported").end;
                *actual = known(*start, end).unwrap_or(*actual);
            }
            let ending = target.period.at(at - 1, &scene.zone()).filter(|period| period.end == at);
            if let Some(period) = ending
                && let Some(actual) = known(period.start, at)
            {
                self.0.insert((index, period.start), (goal_of(target, period, &scene.zone()), actual));
            }
        }
    }

    /// Previous period of each target after a cut at `at`: as known now, or as reported.
    fn previous(&self, at: Timestamp, targets: &Targets, oracle: &Oracle, scene: &Scene) -> Vec<Option<FinalResult>> {
        let reached = oracle.target_inputs();
        let previous = |(index, target): (usize, &Target)| {
            let period = target.period.ended(at, &scene.zone())?;
            if is_known(scene, target.measure, period.start, &reached) {
                let actual = target.measure.quantity(reached.tally(target, period));
                return Some((goal_of(target, period, &scene.zone()), actual));
            }
            self.0.get(&(index, period.start)).copied()
        };
        targets.targets.iter().enumerate().map(previous).collect()
    }
}

/// Previous period of each target as it is shown.
fn shown_previous(
    core: &mut Core,
    targets: &Arc<Targets>,
    now: Timestamp,
    closed_periods: &ClosedPeriods,
    scene: &Scene,
) -> Vec<Option<FinalResult>> {
    let tallies = tallies(core, targets, now);
    let statuses = Evaluator::new(scene.zone()).statuses(&tallies, now, closed_periods);
    let ended = |status: TargetStatus| status.previous.map(|EndedPeriod { goal, actual, .. }| (goal, actual));
    statuses.into_iter().map(ended).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_says_what_the_log_before_it_says(log in log(), scene in scene()) {
        let Scene { targets: [targets, ..], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let mut core = scene.core(targets, START);
        let mut oracle = scene.oracle();
        let mut closed_periods = ClosedPeriods::default();
        let cut_times = targets.cut_times(&scene.zone());
        let mut next = cut_times.first_from(records[0].timestamp);
        for record in &records {
            if record.timestamp > next {
                let cut = cut(&mut core, targets, next, &closed_periods);
                compare(&cut, targets, &oracle, &closed_periods, &scene)?;
                cut.report(&mut closed_periods);
                next = cut_times.first_from(record.timestamp);
            }
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
        }
    }
}

proptest! {
    // Every target at every cut takes long.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn previous_periods_outlive_what_is_remembered(log in log(), scene in scene()) {
        let Scene { targets: [targets, ..], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let (mut core, mut oracle) = (scene.core(targets, START), scene.oracle());
        let (mut closed_periods, mut reported) = (ClosedPeriods::default(), ReportedPeriods::default());
        let cut_times = targets.cut_times(&scene.zone());
        let mut next = cut_times.first_from(records[0].timestamp);
        for (number, record) in records.iter().enumerate() {
            let is_last = number + 1 == records.len();
            if record.timestamp > next || is_last {
                // Long after the cut before, when most is forgotten.
                if let Some(newest) = closed_periods.newest_cut() {
                    let shown = shown_previous(&mut core, targets, record.timestamp, &closed_periods, &scene);
                    prop_assert_eq!(shown, reported.previous(newest, targets, &oracle, &scene), "since {}", newest);
                }
                cut(&mut core, targets, next, &closed_periods).report(&mut closed_periods);
                reported.add_cut(next, targets, &oracle, &scene);
                next = cut_times.first_from(record.timestamp);
            }
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
        }
    }
}
