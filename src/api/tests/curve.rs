//! The curve of a target, against the target's own answer.

use std::sync::Arc;

use super::*;
use crate::api::curve::{CurvePoint, CurveResponse};
use crate::api::targets::TargetResponse;
use crate::calendar;
use crate::clock::{HOUR, Timestamp};
use crate::settings::Document;

fn read<T: serde::de::DeserializeOwned>(world: &World, path: &str) -> T {
    let answer = world.answer(path);
    let crate::http::ApiContent::Json(json) = answer.content else { panic!("{path} is answered with JSON") };
    assert_eq!(answer.status, 200, "{json}");
    serde_json::from_str(&json).unwrap()
}

fn week() -> World {
    World::new(vec![target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(100))])
}

#[test]
fn hours_of_a_curve_add_up_to_the_target() {
    let world = week();
    let TargetResponse { target, .. } = read(&world, "targets/weekly-people");
    for step in ["hour", "day"] {
        let curve: CurveResponse = read(&world, &format!("targets/weekly-people/curve?step={step}"));
        let current = target.current.as_ref().unwrap();
        let counts = curve.points.iter().filter_map(|point| point.count);
        assert_eq!(Some(counts.map(Quantity::value).sum::<f64>()), current.actual.map(Quantity::value), "{step}");
        let last = curve.points.iter().rev().find_map(|point| point.actual);
        assert_eq!((last, curve.goal), (current.actual, current.goal));
        assert!(curve.points.iter().all(|point| (point.at_ms > curve.now_ms) == point.actual.is_none()));
        assert!(curve.points.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms && pair[0].plan <= pair[1].plan));
        let days: f64 = curve.days.iter().filter_map(|day| day.count).map(Quantity::value).sum();
        assert_eq!((Some(days), curve.days.len()), (current.actual.map(Quantity::value), 7));
        let planned: f64 = curve.days.iter().filter_map(|day| day.plan).sum();
        assert!((planned - 100.0).abs() < 1e-9);
    }
}

#[test]
fn a_week_has_a_point_for_each_hour_and_for_now() {
    let curve: CurveResponse = read(&week(), "targets/weekly-people/curve");
    let (start, end) = (curve.period.start_ms, curve.period.end_ms);
    assert_eq!((curve.points[0].at_ms, curve.points.last().unwrap().at_ms), (start, end));
    let whole = curve.points.iter().filter(|point| (point.at_ms - start) % HOUR == 0).count();
    assert_eq!(whole, 169);
    assert!(curve.points.iter().any(|point| point.at_ms == curve.now_ms));
}

#[test]
fn a_projection_begins_at_now_and_widens() {
    let curve: CurveResponse = read(&week(), "targets/weekly-people/curve");
    let (first, last) = (curve.projection.first().unwrap(), curve.projection.last().unwrap());
    assert_eq!((first.at_ms, last.at_ms), (curve.now_ms, curve.period.end_ms));
    assert_eq!(first.low, first.high);
    let range = |point: &crate::api::curve::ProjectedPoint| point.high.unwrap() - point.low.unwrap();
    assert!(curve.projection.windows(2).all(|pair| range(&pair[0]) <= range(&pair[1]) + 1e-9));
    assert!(last.low.unwrap() < last.middle && last.middle < last.high.unwrap());
}

#[test]
fn the_previous_period_is_whole() {
    let curve: CurveResponse = read(&week(), "targets/weekly-people/curve?period=previous");
    assert_eq!(curve.period.id, "2020-W19");
    assert!(curve.projection.is_empty() && curve.points.iter().all(|point| point.actual.is_some()));
}

#[test]
fn hours_of_a_long_campaign_are_refused_and_days_are_not() {
    let campaign = Period::Campaign("2020-05-04".parse().unwrap(), "2020-12-31".parse().unwrap());
    let world = World::new(vec![target("campaign", Measure::Beneficiaries, campaign, Quantity::Count(100))]);
    assert_eq!(world.answer("targets/campaign/curve").status, 400);
    let curve: CurveResponse = read(&world, "targets/campaign/curve?step=day");
    assert_eq!(curve.days.len(), 242);
    assert_eq!(world.answer("targets/campaign/curve?period=previous&step=day").status, 404);
    assert_eq!(world.answer("targets/campaign/curve?step=minute").status, 400);
}

#[test]
fn a_projection_is_that_of_the_target() {
    let world = week();
    let TargetResponse { target, .. } = read(&world, "targets/weekly-people");
    let current = target.current.unwrap();
    for step in ["hour", "day"] {
        let curve: CurveResponse = read(&world, &format!("targets/weekly-people/curve?step={step}"));
        let (first, last) = (curve.projection.first().unwrap(), curve.projection.last().unwrap());
        assert_eq!((last.low, last.high), (current.projection_low, current.projection_high));
        assert_eq!(Some(last.middle), current.projection);
        assert!((first.middle - last.middle * current.plan_share).abs() < 1e-9, "{first:?}");
        assert!(curve.projection.windows(2).all(|pair| pair[0].middle < pair[1].middle));
    }
}

#[test]
fn cuts_lie_on_the_curve_of_their_own_period() {
    let ids = |curve: &CurveResponse| curve.cuts.iter().map(|cut| cut.id.clone()).collect::<Vec<_>>();
    let current: CurveResponse = read(&week(), "targets/weekly-people/curve");
    assert_eq!(ids(&current), [EVENING], "that at its beginning closed the period before");
    let previous: CurveResponse = read(&week(), "targets/weekly-people/curve?period=previous");
    assert_eq!(ids(&previous), [CLOSING]);
    for curve in [current, previous] {
        for cut in &curve.cuts {
            let point = curve.points.iter().find(|point| point.at_ms == cut.at_ms).unwrap();
            assert_eq!((cut.actual.is_some(), cut.actual), (true, point.actual));
        }
    }
}

#[test]
fn the_previous_period_has_its_own_goal_and_title() {
    let mut people = target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(50));
    people.goals.push(("2020-05-11".parse().unwrap(), Quantity::Count(200)));
    let world = World::new(vec![people]);
    let current: CurveResponse = read(&world, "targets/weekly-people/curve");
    let previous: CurveResponse = read(&world, "targets/weekly-people/curve?period=previous");
    assert_eq!([current.goal, previous.goal], [Quantity::Count(200), Quantity::Count(50)]);
    let plans = [&current, &previous].map(|curve| curve.points.last().unwrap().plan);
    assert_eq!(plans, [200.0, 50.0]);
    assert_ne!(current.headline, previous.headline);
}

/// Target whose calendar is open in three hours of Thursday and of Friday, where Wednesday is a holiday.
fn office_hours() -> World {
    let text = "[calendar.office.hours]\nwednesday = [\"09:00-12:00\"]\nthursday = [\"09:00-12:00\"]\nfriday = [\"09:00-12:00\"]\n\
                [[calendar.office.holiday]]\nname = \"Día de la cuenta\"\nrule = \"05-13\"\n";
    let document = Document::parse("calendars.toml", text);
    let calendars = calendar::read(std::slice::from_ref(&document), &world::allowlists().zone);
    assert!(document.faults().is_empty(), "{:?}", document.faults());
    let calendar = calendars.iter().find(|calendar| calendar.name() == "office").unwrap();
    let mut people = target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(100));
    people.calendar = Arc::clone(calendar);
    World::new(vec![people])
}

#[test]
fn open_and_closed_time_is_that_of_the_calendar() {
    let curve: CurveResponse = read(&office_hours(), "targets/weekly-people/curve");
    let opens = [at("2020-05-14T14:00:00Z"), at("2020-05-15T14:00:00Z")];
    let is_open = |end: Timestamp| opens.iter().any(|&opens| opens < end && end <= opens + 3 * HOUR);
    assert_eq!(curve.points.iter().filter(|point| point.open).count(), 6);
    for point in &curve.points {
        assert_eq!(point.open, is_open(point.at_ms), "{}", point.at_ms);
    }
    let named: Vec<_> = curve.closed.iter().filter(|span| span.name.is_some()).collect();
    assert_eq!(named.len(), 1, "{:?}", curve.closed);
    assert_eq!(named[0].name.as_ref().unwrap().es, "Día de la cuenta");
    assert_eq!((named[0].start_ms, named[0].end_ms), (at("2020-05-13T05:00:00Z"), at("2020-05-14T05:00:00Z")));
    let closed: i64 = curve.closed.iter().map(|span| span.end_ms - span.start_ms).sum();
    assert_eq!(closed, (7 * 24 - 6) * HOUR);
}

#[test]
fn the_worst_hours_lack_their_plan_less_their_count() {
    let curve: CurveResponse = read(&office_hours(), "targets/weekly-people/curve");
    let worst = curve.worst.unwrap();
    let within = |pair: &&[CurvePoint]| worst.start_ms <= pair[0].at_ms && pair[1].at_ms <= worst.end_ms;
    let missing = |pair: &[CurvePoint]| pair[1].plan - pair[0].plan - pair[1].count.map_or(0.0, Quantity::value);
    let expected: f64 = curve.points.windows(2).filter(within).map(missing).sum();
    assert!(worst.shortfall > 0.0 && (worst.shortfall - expected).abs() < 1e-9, "{worst:?} lacks {expected}");
    assert!(worst.end_ms - worst.start_ms <= 4 * HOUR, "{worst:?}");
}
