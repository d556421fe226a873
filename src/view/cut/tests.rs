use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::calendar::WorkingCalendar;
use crate::clock::DAY;
use crate::targets::{Filter, Measure, Quantity, Target};
use crate::view::slots::Slot;

/// Midnight, UTC.
const START: Timestamp = Timestamp::from_millis(18_400 * DAY);

fn targets() -> Arc<Targets> {
    let calendar = Arc::new(WorkingCalendar::always(TimeZone::UTC));
    let campaign = Period::Campaign(jiff::civil::date(2020, 6, 1), jiff::civil::date(2020, 7, 10));
    let periods = [Period::Day, Period::WEEK, Period::Month, campaign];
    let target = |(number, period): (usize, Period)| Target {
        name: format!("target {number}"),
        description: String::new(),
        title: None,
        group: None,
        measure: Measure::Dispersals,
        filter: Filter::default(),
        period,
        goals: vec![(jiff::civil::date(2020, 1, 1), Quantity::Count(100))],
        calendar: Arc::clone(&calendar),
        profile: None,
        prorate: false,
        tolerance: 0.0,
        pesos_each: None,
    };
    Arc::new(Targets { targets: periods.into_iter().enumerate().map(target).collect(), ..Targets::default() })
}

/// Slots of whole days, each given by its day after [`START`] and its number of dispersals.
fn slots(targets: &Arc<Targets>, days: &[(i64, u64)]) -> Slots {
    let slot = |&(day, dispersals): &(i64, u64)| {
        let (net, people) = (100 * u128::from(dispersals), [dispersals as i64; 3]);
        let figures = SlotFigures { dispersals, returned: 0, net, people };
        Arc::new(Slot {
            span: Interval { start: START + day * DAY, end: START + (day + 1) * DAY },
            cells: vec![(CellIndex::new(0), figures)],
            tallies: vec![Tally { amount: i128::from(dispersals), base: 0 }; 4],
            states: Vec::new(),
            hours: Vec::new(),
        })
    };
    let slots = days.iter().map(slot).collect();
    Slots {
        targets: Arc::clone(targets),
        slots,
        people_from: Timestamp::MIN,
        counts_from: Timestamp::MIN,
        hours_from: Timestamp::MIN,
    }
}

fn part(slots: &Slots, day: i64) -> PartitionCut {
    let mut allowlists = Allowlists::default();
    allowlists.zone = TimeZone::UTC;
    PartitionCut::of(slots, Stream::Disbursement, &slots.targets, &allowlists, START + day * DAY, 7)
}

/// Content of a part: figures, and the tallies that are not zero.
fn content(part: &PartitionCut) -> (&[Vec<PartitionCutCell>; 3], Vec<BTreeMap<Timestamp, Tally>>) {
    let tallies = |target: &PartitionCutTarget| {
        target.periods.iter().copied().filter(|(_, tally)| *tally != Tally::default()).collect()
    };
    (&part.cells, part.targets.iter().map(tallies).collect())
}

#[test]
fn a_part_lists_the_current_period_and_those_with_figures() {
    let targets = targets();
    let part = part(&slots(&targets, &[(-799, 3), (-10, 0), (0, 1)]), 1);
    let starts = |target: usize| -> Vec<i64> {
        part.targets[target].periods.iter().map(|(start, _)| (*start - START) / DAY).collect()
    };
    assert_eq!(starts(0), [0, -799]);
    assert_eq!(part.targets.iter().map(|target| target.periods.len()).max(), Some(2));
}

#[test]
fn tallies_of_past_periods_are_their_slots() {
    let targets = targets();
    let days: Vec<(i64, u64)> =
        (-90_i64..60).filter(|day| day % 7 != 3).map(|day| (day, day.unsigned_abs() % 5)).collect();
    let part = part(&slots(&targets, &days), 60);
    for (target, tallied) in targets.targets.iter().zip(&part.targets) {
        let mut expected: BTreeMap<Timestamp, i128> = BTreeMap::new();
        for &(day, dispersals) in &days {
            if let Some(period) = target.period.at(START + day * DAY, &TimeZone::UTC) {
                *expected.entry(period.start).or_default() += i128::from(dispersals);
            }
        }
        expected.retain(|_, sum| *sum != 0);
        let mut actual: BTreeMap<Timestamp, i128> =
            tallied.periods.iter().map(|(start, tally)| (*start, tally.amount)).collect();
        actual.retain(|_, sum| *sum != 0);
        assert_eq!(actual, expected, "{:?}", target.period);
    }
}

#[test]
fn a_later_part_follows_from_one_of_the_same_slots() {
    let slots = slots(&targets(), &[(0, 1), (3, 2), (40, 3), (41, 1), (60, 0), (100, 4)]);
    let mut compared = 0;
    for day in 1..=130 {
        let (first, at) = (part(&slots, day), START + day * DAY);
        let until = slots.unchanged_until(at);
        for later in (day + 1..=130).take_while(|later| START + *later * DAY <= until) {
            let expected = part(&slots, later);
            let derived = first.later(at, START + later * DAY, &TimeZone::UTC);
            assert_eq!(content(&derived), content(&expected), "day {later} from day {day}");
            compared += 1;
        }
    }
    assert!(compared > 2_000, "{compared}");
}

#[test]
fn a_part_stands_until_the_next_slot_with_figures() {
    let slots = slots(&targets(), &[(0, 1), (60, 0), (100, 4)]);
    let until = |day: i64| slots.unchanged_until(START + day * DAY);
    assert_eq!([until(0), until(1), until(100)], [START, START + 100 * DAY, START + 100 * DAY]);
    assert_eq!(until(101), Timestamp::MAX);
}
