//! Cuts compared with the naive oracle: every target of each cut, and the corrections of periods that closed before.

use pacemeter::calendar::Interval;
use pacemeter::clock::Timestamp;
use pacemeter::cuts::{Cut, CutContext};
use pacemeter::oracle::Oracle;
use pacemeter::record::TopicPartition;
use pacemeter::targets::Targets;
use pacemeter::view::closed_periods::ClosedPeriods;
use pacemeter::view::cut::PartitionCut;
use proptest::prelude::*;

use super::super::{Core, START, log, records_in};
use super::is_known;
use super::scene::{Scene, scene};

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
