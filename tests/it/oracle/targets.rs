//! Targets compared with the naive oracle: random targets, cut times and zones over the hostile logs, in whole periods
//! and up to cuts.

mod backfill;
mod curves;
mod cuts;
mod hours;
mod scene;

use std::collections::BTreeSet;
use std::sync::Arc;

use pacemeter::calendar::{CutTimes, Interval, Period};
use pacemeter::clock::{DAY, Millis, Timestamp};
use pacemeter::oracle::{Oracle, TargetInputs};
use pacemeter::targets::{Measure, TargetIndex, Targets};
use pacemeter::view::closed_periods::ClosedPeriods;
use pacemeter::view::progress::Tallies;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use self::scene::{Scene, scene};
use super::{Core, Record, START, Step, Time, What, assert_equal, end_of, log, record, records_in, turn};

/// Horizon of disbursements in the settings of the tests.
const HORIZON: Millis = 35 * DAY;

/// Number of past events whose periods are compared.
const PLACES: usize = 12;
/// Number of days of a period whose cuts are compared.
const DAYS: usize = 3;

fn tallies(core: &mut Core, targets: &Arc<Targets>, now: Timestamp) -> Tallies {
    let views = core.views(now);
    Tallies::of(targets, core.merger.merge(views).slots())
}

/// Whole periods around the places, the one before and the one after; and from their beginnings up to cuts.
fn spans(period: Period, places: &[Timestamp], cut_times: &CutTimes) -> BTreeSet<Interval> {
    let zone = cut_times.zone();
    let around = places.iter().flat_map(|&place| {
        let current = period.at(place, zone);
        let next = current.and_then(|current| period.at(current.end, zone));
        [current, period.ended(place, zone), next]
    });
    let periods: BTreeSet<Interval> = around.flatten().collect();
    let up_to_cuts = |&whole: &Interval| {
        let inside = places.iter().copied().filter(move |&place| whole.contains(place)).take(DAYS);
        let days = [whole.start, whole.end - 1].into_iter().chain(inside);
        let cuts = days.flat_map(|day| cut_times.of_day(day)).filter(move |&cut| whole.start < cut && cut <= whole.end);
        cuts.map(move |cut| Interval { start: whole.start, end: cut })
    };
    periods.iter().flat_map(up_to_cuts).collect()
}

/// True if enough is remembered to know the tally from `start` on.
fn is_known(scene: &Scene, measure: Measure, start: Timestamp, reached: &TargetInputs<'_>) -> bool {
    let known = match measure {
        Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos => HORIZON,
        _ => scene.history(),
    };
    reached.watermark(measure.stream()).is_none_or(|watermark| start >= watermark - known)
}

/// Compares the tally of every target with the oracle's.
fn compare(core: &mut Core, scene: &Scene, oracle: &Oracle, places: &[Timestamp]) -> Result<(), TestCaseError> {
    let [targets, ..] = &scene.targets;
    let cut_times = targets.cut_times(&scene.zone());
    let now = places.iter().copied().max().unwrap_or(START);
    let tallies = tallies(core, targets, now);
    let reached = oracle.target_inputs();
    for (place, target) in targets.targets.iter().enumerate() {
        for span in spans(target.period, places, &cut_times) {
            let shown = tallies.within(TargetIndex::new(place), span);
            let expected = is_known(scene, target.measure, span.start, &reached).then(|| reached.tally(target, span));
            prop_assert_eq!(shown, expected, "{:?} of {:?}", target, span);
        }
    }
    hours::compare(&tallies, scene, &reached, places)?;
    hours::compare_states(core, scene, oracle, places)?;
    Ok(())
}

/// The newest instants of a log's beginning.
fn places(records: &[Record]) -> Vec<Timestamp> {
    let newest = records.iter().map(|record| record.timestamp).max();
    newest.into_iter().chain(records.iter().rev().take(PLACES).map(|record| record.timestamp)).collect()
}

/// Closed periods of one cut.
fn closed_periods(at_ms: Timestamp) -> ClosedPeriods {
    let mut closed_periods = ClosedPeriods::default();
    closed_periods.add_cut(at_ms);
    closed_periods
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn targets_equal_the_naive_oracle(log in log(), scene in scene(), looks in prop::collection::vec(prop::bool::weighted(0.04), 160)) {
        let Scene { targets: [targets, ..], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let mut core = scene.core(targets, START);
        let mut oracle = scene.oracle();
        for (number, (record, look)) in records.iter().zip(looks).enumerate() {
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
            if look || number + 1 == records.len() {
                compare(&mut core, &scene, &oracle, &places(&records[..=number]))?;
            }
        }
    }

    #[test]
    fn series_of_targets_equal_the_naive_oracle(log in log(), scene in scene(), after in 0..3 * DAY, closed in prop::option::of(0..9_i64)) {
        let Scene { targets: [targets, ..], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let mut core = scene.core(targets, START);
        let mut oracle = scene.oracle();
        for record in &records {
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
        }
        let now = end_of(&records) + after;
        let closed = closed.map(|days_ago| turn(now - days_ago * DAY, &scene.zone()));
        core.closed_periods = Arc::new(closed.map_or_else(ClosedPeriods::default, closed_periods));
        let mut expected = oracle.figures(now);
        expected.0.extend(oracle.target_figures(targets, now, closed).0);
        assert_equal(&expected, &core.figures(now))?;
    }
}

#[test]
fn there_is_something_to_compare_of_every_measure() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let draw = |runner: &mut _| (log(), scene()).new_tree(runner).expect("a tree").current();
        let (log, scene) = draw(&mut runner);
        let mut oracle = scene.oracle();
        let records = records_in(&log, &scene.zone());
        records.iter().for_each(|record| oracle.record(record.stream, record.partition as i32, record.sent.clone()));
        let reached = oracle.target_inputs();
        let [targets, ..] = &scene.targets;
        for target in &targets.targets {
            let newest = reached.watermark(target.measure.stream()).unwrap_or(START);
            let tally = target.period.at(newest, &scene.zone()).map(|period| reached.tally(target, period));
            if tally.is_some_and(|tally| tally.amount != 0) {
                seen.insert(target.measure.name());
            }
        }
    }
    assert_eq!(seen.len(), Measure::ALL.len(), "{seen:?}");
}

#[test]
fn an_event_at_the_end_of_a_period_is_of_the_next() {
    let scene = scene::people_by_day();
    let midnight = turn(START, &scene.zone()) + DAY;
    let (mut core, mut oracle) = (scene.core(&scene.targets[0], START), scene.oracle());
    // The later in the log is the earlier in time, and its return leaves the other alone again.
    for (number, (kind, credit, time)) in
        [(3, 1, midnight), (3, 2, midnight - 1), (4, 2, midnight)].into_iter().enumerate()
    {
        let what = What::Disbursement { kind, programme: 0, state: 0, person: 1, credit, amount: 1 };
        let record = record(&Step { partition: 0, what, id: None, time: Time::Same }, format!("event-{number}"), time);
        core.apply(record.stream, record.partition, &record.value, record.timestamp);
        oracle.record(record.stream, record.partition as i32, record.sent.clone());
        compare(&mut core, &scene, &oracle, &[midnight, midnight - 1]).expect("targets are the oracle's");
    }
}
