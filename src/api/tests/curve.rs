//! The curve of a target, against the target's own answer.

use super::*;
use crate::api::curve::CurveResponse;
use crate::api::targets::TargetResponse;
use crate::clock::HOUR;

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
