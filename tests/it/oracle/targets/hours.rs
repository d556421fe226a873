//! Hours of periods, and people by federal state, compared with the naive oracle.

use std::collections::BTreeMap;

use pacemeter::calendar::{Interval, Period};
use pacemeter::clock::{DAY, Millis, Timestamp};
use pacemeter::oracle::{Oracle, TargetInputs, hour_of};
use pacemeter::targets::{Tally, Target, TargetIndex};
use pacemeter::view::progress::Tallies;
use proptest::prelude::*;

use super::super::{Core, START};
use super::{HORIZON, Scene, is_known};

/// Days of periods whose hours must be there: those of the longest with hours, and some for its end.
const LONGEST: Millis = 62 * DAY;

/// The running period, and the one before, at each of a few places near the newest.
fn periods(period: Period, places: &[Timestamp], scene: &Scene) -> Vec<Interval> {
    let zone = scene.zone();
    let newest = places.iter().copied().max().unwrap_or(START);
    let running = period.at(newest, &zone);
    running.into_iter().chain(period.ended(newest, &zone)).collect()
}

/// Parts of hours added up.
fn added(parts: Vec<(Timestamp, Tally)>, scene: &Scene) -> BTreeMap<Timestamp, Tally> {
    let mut hours = BTreeMap::<Timestamp, Tally>::new();
    for (start, tally) in parts {
        *hours.entry(hour_of(start, &scene.zone())).or_default() += &tally;
    }
    hours.retain(|_, tally| *tally != Tally::default());
    hours
}

/// True if the hours of a target are kept from an instant on: they reach as far as counts of quarter hours, and as far as
/// a period and the one before.
pub(super) fn are_kept(scene: &Scene, target: &Target, start: Timestamp, reached: &TargetInputs<'_>) -> bool {
    let longest = target.period.longest_days() * DAY;
    let reach = LONGEST.min(2 * longest).min(scene.history());
    longest <= LONGEST && reached.watermark(target.measure.stream()).is_none_or(|newest| start >= newest - reach)
}

/// Compares the hours of every target.
pub(super) fn compare(
    tallies: &Tallies,
    scene: &Scene,
    reached: &TargetInputs<'_>,
    places: &[Timestamp],
) -> Result<(), TestCaseError> {
    let [targets, ..] = &scene.targets;
    for (place, target) in targets.targets.iter().enumerate() {
        for span in periods(target.period, places, scene) {
            let shown = tallies.hours(TargetIndex::new(place), span);
            let is_known = is_known(scene, target.measure, span.start, reached);
            if is_known && are_kept(scene, target, span.start, reached) {
                prop_assert!(shown.is_some(), "hours of {:?} in {:?}", target, span);
            }
            if let Some(shown) = shown {
                prop_assert!(is_known);
                let expected = reached.hours(target, span, &scene.zone());
                prop_assert_eq!(&added(shown, scene), &expected, "{:?} in {:?}", target, span);
                let mut sum = Tally::default();
                expected.values().for_each(|tally| sum += tally);
                prop_assert_eq!(sum, reached.tally(target, span), "hours add up to their period");
            }
        }
    }
    Ok(())
}

/// Compares the people of every federal state, by day, week and hour of the week.
pub(super) fn compare_states(
    core: &mut Core,
    scene: &Scene,
    oracle: &Oracle,
    places: &[Timestamp],
) -> Result<(), TestCaseError> {
    let now = places.iter().copied().max().unwrap_or(START);
    let views = core.views(now);
    let merged = core.merger.merge(views);
    let slots = &merged.disbursements.slots;
    let names = core.view_config.allowlists.states.names();
    let watermark = oracle.target_inputs().watermark(pacemeter::record::Stream::Disbursement);
    for (figure, period) in [(0, Period::Day), (1, Period::WEEK)] {
        for span in periods(period, places, scene) {
            let is_known = watermark.is_none_or(|newest| span.start >= newest - HORIZON);
            if !is_known || !slots.divides(span) {
                continue;
            }
            let mut people = BTreeMap::<String, i64>::new();
            let mut hours = BTreeMap::<(String, Timestamp), i64>::new();
            for slot in slots.within(span) {
                for (state, counts) in slot.states.iter().enumerate() {
                    *people.entry(names[state].to_string()).or_default() += counts[figure];
                }
                for hour in &slot.hours {
                    for (state, count) in hour.states.iter().enumerate() {
                        let start = hour_of(hour.start, &scene.zone());
                        *hours.entry((names[state].to_string(), start)).or_default() += count;
                    }
                }
            }
            let firsts = oracle.firsts_by_state(span);
            let mut expected = BTreeMap::<String, i64>::new();
            let mut expected_hours = BTreeMap::<(String, Timestamp), i64>::new();
            for (state, first) in firsts {
                *expected.entry(state.clone()).or_default() += 1;
                *expected_hours.entry((state, hour_of(first, &scene.zone()))).or_default() += 1;
            }
            people.retain(|_, count| *count != 0);
            prop_assert_eq!(people, expected, "{:?} {:?}", period, span);
            if period == Period::WEEK && span.start >= slots.hours_from {
                hours.retain(|_, count| *count != 0);
                prop_assert_eq!(hours, expected_hours, "{:?}", span);
            }
        }
    }
    Ok(())
}
