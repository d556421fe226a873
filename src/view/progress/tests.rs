use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::calendar::WorkingCalendar;
use crate::clock::DAY;
use crate::targets::Filter;
use crate::view::closed_periods::ClosedPeriod;
use crate::view::slots::Slot;

fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

fn targets(measure: Measure, period: Period, zone: &TimeZone) -> Arc<Targets> {
    let target = Target {
        name: "a".to_owned(),
        description: String::new(),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period,
        goals: vec![(date(2000, 1, 1), Quantity::Count(100))],
        calendar: Arc::new(WorkingCalendar::always(zone.clone())),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: None,
    };
    Arc::new(Targets { targets: vec![target], ..Targets::default() })
}

/// Tallies of the one target by day: the instant of each, and what is tallied.
fn tallies(targets: &Arc<Targets>, zone: &TimeZone, known_from: Timestamp, days: &[(Timestamp, Tally)]) -> Tallies {
    let slot = |(instant, tally): &(Timestamp, Tally)| {
        let span = Period::Day.at(*instant, zone).unwrap();
        Arc::new(Slot { span, cells: Vec::new(), tallies: vec![*tally], states: Vec::new(), hours: Vec::new() })
    };
    let slots = days.iter().map(slot).collect();
    let mut streams = PerStream::<Slots>::default();
    streams[targets.targets[0].measure.stream()] = Slots {
        targets: Arc::clone(targets),
        slots,
        people_from: known_from,
        counts_from: known_from,
        hours_from: known_from,
    };
    Tallies::of(targets, streams)
}

fn status(tallies: &Tallies, zone: &TimeZone, now: Timestamp, closed_periods: &ClosedPeriods) -> TargetStatus {
    Evaluator::new(zone.clone()).statuses(tallies, now, closed_periods).remove(0)
}

fn count(amount: i128) -> Tally {
    Tally { amount, base: 0 }
}

#[test]
fn a_skipped_date_is_no_past_day_of_a_target() {
    // Samoa had no 30 December 2011.
    let zone = TimeZone::get("Pacific/Apia").unwrap();
    let midnight = at("2011-12-30T10:00:00Z");
    let days: Vec<_> =
        (-29..0).map(|day| (midnight + day * DAY, count([70, 30][day.unsigned_abs() as usize % 2]))).collect();
    for period in [Period::Day, Period::WEEK, Period::Month] {
        let targets = targets(Measure::Applications, period, &zone);
        let tallies = tallies(&targets, &zone, Timestamp::MIN, &days);
        let status = status(&tallies, &zone, midnight + 8 * DAY, &ClosedPeriods::default());
        let (current, past) =
            (status.current.unwrap(), past_figures(&tallies, TargetIndex::new(0), midnight + 8 * DAY, &zone));
        assert!(current.period.contains(midnight + 8 * DAY));
        assert_eq!(past.tally.amount, 70 * 14 + 30 * 15, "{period:?}");
        if period == Period::Day {
            assert!(past.dispersion > 9.0, "{}", past.dispersion);
        }
    }
}

#[test]
fn the_week_in_which_the_log_begins_has_no_dispersion() {
    let zone = TimeZone::UTC;
    let targets = targets(Measure::Applications, Period::WEEK, &zone);
    // Four weeks of seven days with 10 each, after one whose events begin on its Saturday.
    let monday = at("2020-05-04T00:00:00Z");
    let days: Vec<_> = (-2..28).map(|day| (monday + day * DAY, count(10))).collect();
    let past = |days: &[_]| {
        let tallies = tallies(&targets, &zone, Timestamp::MIN, days);
        past_figures(&tallies, TargetIndex::new(0), monday + 28 * DAY, &zone)
    };
    assert_eq!((past(&days).dispersion, past(&days).tally.amount), (1.0, 300));
    assert_eq!(past(&days[9..]).dispersion, DEFAULT_OVERDISPERSION, "three weeks are known");
    let whole = [vec![(monday - 7 * DAY, count(1))], days].concat();
    assert!(past(&whole).dispersion > 1.0, "it has an event on its first day");
}

/// Closed periods of one cut, with which a period closed, and one that corrected it.
fn closed_periods(target: &Target, period: Interval, actual: i128, corrected: i128) -> ClosedPeriods {
    let mut closed_periods = ClosedPeriods::default();
    closed_periods.add_cut(period.end);
    let closed = ClosedPeriod {
        cut: "20200801T000000Z".to_owned(),
        period: "2020-05-04--2020-07-31".to_owned(),
        selection: target.selection(),
        start_ms: period.start,
        end_ms: period.end,
        goal: Quantity::Count(90),
        actual: Some(Quantity::Count(actual)),
        corrections: BTreeMap::new(),
    };
    closed_periods.close("a", closed);
    closed_periods.correct("a", period.start, "20200802T000000Z", Some(Quantity::Count(corrected)));
    closed_periods
}

#[test]
fn results_of_a_forgotten_period_are_those_of_its_cuts() {
    let zone = TimeZone::UTC;
    let campaign = Period::Campaign(date(2020, 5, 4), date(2020, 7, 31));
    let [targets, targets_of_dispersals] =
        [Measure::Beneficiaries, Measure::Dispersals].map(|measure| targets(measure, campaign, &zone));
    let period = campaign.at(at("2020-06-01T00:00:00Z"), &zone).unwrap();
    let closed = closed_periods(&targets.targets[0], period, 80, 79);
    let previous = |known_from: Timestamp, closed: &ClosedPeriods| {
        let tallies = tallies(&targets, &zone, known_from, &[(period.start, count(70))]);
        let previous = status(&tallies, &zone, period.end + 30 * DAY, closed).previous;
        previous.map(|EndedPeriod { goal, actual, .. }| (goal, actual))
    };
    let counts = |goal: i128, actual: i128| Some((Quantity::Count(goal), Some(Quantity::Count(actual))));
    assert_eq!(previous(period.start, &closed), counts(100, 70), "known today");
    assert_eq!(previous(period.start + 1, &closed), counts(90, 79), "as cuts reported it last");
    let mut no_cut_of_it = ClosedPeriods::default();
    no_cut_of_it.add_cut(period.end);
    assert_eq!(previous(period.start + 1, &no_cut_of_it), None);
    let mut forgotten = closed.clone();
    forgotten.forget_before(period.end);
    assert_eq!(previous(period.start + 1, &forgotten), counts(90, 79), "its cut is kept");
    forgotten.forget_before(period.end + 1);
    forgotten.add_cut(period.end + DAY);
    assert_eq!(previous(period.start + 1, &forgotten), None, "its cut is no longer kept");
    let other = closed_periods(&targets_of_dispersals.targets[0], period, 80, 79);
    assert_eq!(previous(period.start + 1, &other), None, "another measure closed with it");
}

#[test]
fn the_mean_payment_is_also_that_of_the_first_period() {
    let zone = TimeZone::UTC;
    let targets = targets(Measure::Beneficiaries, Period::WEEK, &zone);
    let thursday = at("2020-05-07T00:00:00Z");
    let tallies = tallies(&targets, &zone, Timestamp::MIN, &[(thursday, Tally { amount: 4, base: 1_000_000 })]);
    let friday_after = thursday + 8 * DAY;
    let current = status(&tallies, &zone, friday_after, &ClosedPeriods::default()).current.unwrap();
    let shortfall = current.shortfall.unwrap();
    assert!((current.shortfall_pesos.unwrap() - 2_500.0 * shortfall).abs() < 1e-6 && shortfall > 50.0);
}
