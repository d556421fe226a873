//! Curves, returned dispersals and waits in the answers of the API, compared with the naive oracle after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::ToSpan;
use pacemeter::api::Api;
use pacemeter::calendar::{Interval, Period};
use pacemeter::clock::{Clock, DAY, HOUR, MINUTE, Millis, Timestamp};
use pacemeter::cuts::{CutKey, CutStore};
use pacemeter::disk::MemoryDisk;
use pacemeter::http::{ApiContent, ApiRequest};
use pacemeter::oracle::{Oracle, TargetInputs, hour_of};
use pacemeter::record::{PerStream, Stream};
use pacemeter::targets::{Measure, Quantity, Tally, Target};
use pacemeter::view::progress::Evaluator;
use pacemeter::view::snapshot::{Phase, Publication, Snapshot, SnapshotPublisher};
use pacemeter::view::totals::PresenceLimits;
use proptest::prelude::*;
use serde_json::Value;

use super::super::images::ImageInProgress;
use super::super::{Core, Record, START, Step, Time, What, end_of, log, record, records_in};
use super::scene::{Scene, people_by_week, scene};
use super::{hours, is_known};

/// Restarts every partition from an image of its state.
fn restart(core: &mut Core, now: Timestamp) {
    let mut partitions = std::mem::take(&mut core.partitions);
    for (stream, partition) in &mut partitions {
        *partition = ImageInProgress::begin(partition).restore(partition, *stream, core, now);
    }
    core.partitions = partitions;
}

/// API over the figures of the partitions at an instant.
fn api(core: &mut Core, now: Timestamp) -> Api {
    let targets = Arc::clone(&core.view_config.targets);
    let publisher = Arc::new(SnapshotPublisher::new(now, Arc::clone(&targets), Instant::now()));
    let views = core.views(now);
    publisher.publish(Snapshot {
        phase: Phase::Live,
        partitions: Vec::new(),
        merged: core.merger.merge(views),
        outgrown: Vec::new(),
        outage: None,
        complete_until: PerStream::from_fn(|_| Some(now)),
        built: now,
        targets,
        closed_periods: Arc::clone(&core.closed_periods),
        due_cut: None,
        due: Instant::now(),
        publication: Publication::first(now),
    });
    let allowlists = Arc::clone(&core.view_config.allowlists);
    let zone = allowlists.zone.clone();
    Api::new(
        publisher,
        allowlists,
        PresenceLimits { wait: core.rules.max_wait, agent: core.rules.agent_timeout },
        Arc::new(Evaluator::new(zone)),
        Clock::accelerated(now, 0.0),
        CutStore::new(Arc::new(MemoryDisk::default()), CutKey::new([7; 32])),
        Arc::default(),
    )
}

/// Successful answer; `None` if there is none.
fn answer(api: &Api, request: &ApiRequest, query: &str) -> Option<Value> {
    let response = api.answer(request, query);
    let text = match response.content {
        ApiContent::Json(text) => text,
        ApiContent::Shared(body, _) => String::from_utf8(body.plain().to_vec()).expect("UTF-8"),
        ApiContent::File { .. } => unreachable!("no file is asked for"),
    };
    (response.status == 200).then(|| serde_json::from_str(&text).expect("JSON"))
}

fn instant(value: &Value) -> Timestamp {
    Timestamp::from_millis(value.as_i64().expect("an instant"))
}

fn quantity(quantity: Option<Quantity>) -> Value {
    serde_json::to_value(quantity).expect("JSON")
}

/// Entries of a list.
fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().expect("a list")
}

/// A target in a period, with what the oracle knows of it.
struct Expected<'a> {
    target: &'a Target,
    period: Interval,
    now: Timestamp,
    reached: &'a TargetInputs<'a>,
}

impl Expected<'_> {
    /// Tally of the period up to an instant.
    fn until(&self, end: Timestamp) -> Tally {
        self.reached.tally(self.target, Interval { start: self.period.start, end })
    }

    /// Amount reached in a part of the period; `None` for a ratio.
    fn count(&self, span: Interval) -> Value {
        let [before, after] = [span.start, span.end].map(|at| self.until(at));
        let part = Tally { amount: after.amount - before.amount, base: after.base - before.base };
        let is_ratio = self.target.measure == Measure::ServiceLevel;
        quantity(self.target.measure.quantity(part).filter(|_| !is_ratio))
    }

    /// Compares actuals and counts of all points and days.
    fn compare(&self, curve: &Value) -> Result<(), TestCaseError> {
        let Self { target, period, now, .. } = self;
        let last_known = (*now).min(period.end);
        let mut before = None;
        for point in list(curve, "points") {
            let at = instant(&point["at_ms"]);
            // What is dated after now counts now.
            let end = if at == last_known { period.end } else { at };
            let expected =
                if at > last_known { Value::Null } else { quantity(target.measure.quantity(self.until(end))) };
            prop_assert_eq!(&point["actual"], &expected, "{} until {}", target.name, at);
            let expected = match before {
                Some(start) if at <= last_known => self.count(Interval { start, end }),
                _ => Value::Null,
            };
            prop_assert_eq!(&point["count"], &expected, "{} from {:?} to {}", target.name, before, at);
            before = Some(at);
        }
        for day in list(curve, "days") {
            let span = Interval { start: instant(&day["start_ms"]), end: instant(&day["end_ms"]) };
            let expected = if span.start > *now { Value::Null } else { self.count(span) };
            prop_assert_eq!(&day["count"], &expected, "{} on {}", target.name, span.start);
        }
        Ok(())
    }
}

/// Compares the curves of every target, by hour and day, of the running period and the one before. Returns their number.
fn compare_curves(
    api: &Api,
    scene: &Scene,
    reached: &TargetInputs<'_>,
    now: Timestamp,
) -> Result<usize, TestCaseError> {
    let (zone, [targets, ..]) = (scene.zone(), &scene.targets);
    let mut compared = 0;
    for target in &targets.targets {
        let periods = [("current", target.period.at(now, &zone)), ("previous", target.period.ended(now, &zone))];
        for (name, period) in periods {
            for step in ["hour", "day"] {
                let is_hourly = step == "hour";
                let request = ApiRequest::Curve(target.name.clone());
                let curve = answer(api, &request, &format!("step={step}&period={name}"));
                let Some(period) = period.filter(|_| !is_hourly || target.period.longest_days() <= 62) else {
                    prop_assert!(curve.is_none());
                    continue;
                };
                let curve = curve.expect("there is such a period");
                prop_assert_eq!(instant(&curve["period"]["start_ms"]), period.start);
                let is_complete = is_known(scene, target.measure, period.start, reached)
                    && (!is_hourly || hours::are_kept(scene, target, period.start, reached));
                let has_actual = list(&curve, "points").iter().any(|point| !point["actual"].is_null());
                if is_complete || has_actual {
                    Expected { target, period, now, reached }.compare(&curve)?;
                    compared += 1;
                }
            }
        }
    }
    Ok(compared)
}

/// Compares dispersals of the current periods, and those returned in full.
fn compare_returned(answer: &Value, scene: &Scene, oracle: &Oracle, now: Timestamp) -> Result<(), TestCaseError> {
    for (name, period) in [("day", Period::Day), ("week", Period::WEEK), ("month", Period::Month)] {
        let expected = oracle.returned_dispersals(period.at(now, &scene.zone()).expect("a period"));
        let pair = |of: &Value| ["dispersals", "returned"].map(|field| of[name][field].as_u64().expect("a count"));
        let sum = expected.values().fold([0, 0], |[all, returned], more| [all + more[0], returned + more[1]]);
        prop_assert_eq!(pair(&answer["payments"]), sum, "{}", name);
        let programmes = list(&answer["payments"], "programmes").iter();
        let shown: BTreeMap<String, [u64; 2]> = programmes
            .map(|of| (of["programme"].as_str().expect("a name").to_owned(), pair(of)))
            .filter(|(_, counts)| *counts != [0, 0])
            .collect();
        prop_assert_eq!(shown, expected, "{}", name);
    }
    Ok(())
}

/// Compares the mean wait of the calls that were answered today.
fn compare_waits(answer: &Value, scene: &Scene, oracle: &Oracle, now: Timestamp) -> Result<(), TestCaseError> {
    let today = Period::Day.at(now, &scene.zone()).expect("a day");
    let waits: Vec<Millis> =
        oracle.answered_waits().into_iter().filter(|(time, _)| today.contains(*time)).map(|(_, wait)| wait).collect();
    let (sum, count) = (waits.iter().sum::<Millis>(), waits.len());
    let shown = &answer["calls"]["day"]["wait_seconds"];
    // Two days of calls are remembered, of which one is whole.
    let newest = oracle.target_inputs().watermark(Stream::Call);
    if newest.is_some_and(|newest| today.start < newest.floor(DAY) - DAY) || count == 0 {
        prop_assert!(shown.is_null() || count > 0, "{}", shown);
        return Ok(());
    }
    let mean = sum as f64 / count as f64 / 1_000.0;
    prop_assert!(shown.as_f64().is_some_and(|shown| (shown - mean).abs() < 1e-6), "{} is not {}", shown, mean);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_after_a_restart_equal_the_naive_oracle(log in log(), scene in scene(), after in 0..2 * DAY) {
        let records = records_in(&log, &scene.zone());
        let now = end_of(&records) + after;
        let mut core = scene.core(&scene.targets[0], START);
        let mut oracle = scene.oracle();
        for record in &records {
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
        }
        let before = answer(&api(&mut core, now), &ApiRequest::Now, "").expect("an answer");
        restart(&mut core, now);
        let api = api(&mut core, now);
        let shown = answer(&api, &ApiRequest::Now, "").expect("an answer");
        for part in ["payments", "calls", "targets", "states", "milestones"] {
            prop_assert_eq!(&shown[part], &before[part], "{} before and after the restart", part);
        }
        compare_returned(&shown, &scene, &oracle, now)?;
        compare_waits(&shown, &scene, &oracle, now)?;
        compare_curves(&api, &scene, &oracle.target_inputs(), now)?;
    }
}

/// Payments all over a week, more on its last day, and some of them returned, the last first.
fn payments(week: Interval) -> Vec<Record> {
    let mut records = Vec::new();
    let mut pay = |kind: usize, number: usize, at: Timestamp| {
        let (person, credit) = ((number * 7 % 60) as u8, number as u8);
        let what = What::Disbursement { kind, programme: 0, state: 0, person, credit, amount: 1 };
        records.push(record(&Step { partition: 0, what, id: None, time: Time::Same }, format!("{kind}-{number}"), at));
    };
    let hours = (0..).map(|number| week.start + 7 * HOUR * number).take_while(|at| *at < week.end - DAY - HOUR);
    let minutes = (0..).map(|number| week.end - DAY - HOUR + 17 * MINUTE * number).take_while(|at| *at < week.end);
    let instants: Vec<Timestamp> = hours.chain(minutes).collect();
    instants.iter().enumerate().for_each(|(number, &at)| pay(3, number, at));
    (0..instants.len()).rev().filter(|number| number % 4 == 1).for_each(|number| pay(4, number, week.end - 1));
    records
}

/// Minutes of a span at which an hour begins, and its end.
fn naive_axis(span: Interval, zone: &jiff::tz::TimeZone) -> Vec<Timestamp> {
    let minutes = (0..).map(|minute| span.start + MINUTE * minute).take_while(|at| *at < span.end);
    minutes.filter(|at| hour_of(*at, zone) == *at).chain([span.end]).collect()
}

#[test]
fn curves_of_weeks_with_23_and_25_hours_are_the_oracles() {
    let weeks = [
        ("Europe/Madrid", "2022-03-21", 23 * 60),
        ("Europe/Madrid", "2022-10-24", 25 * 60),
        ("America/Tijuana", "2022-03-07", 23 * 60),
        ("America/Tijuana", "2022-10-31", 25 * 60),
        ("Australia/Lord_Howe", "2022-03-28", 24 * 60 + 30),
    ];
    for (zone_name, monday, minutes) in weeks {
        let scene = people_by_week(zone_name);
        let zone = scene.zone();
        let monday: jiff::civil::Date = monday.parse().expect("a date");
        let start_of = |date: jiff::civil::Date| {
            Timestamp::from_millis(date.to_zoned(zone.clone()).expect("a day").timestamp().as_millisecond())
        };
        let week = Interval { start: start_of(monday), end: start_of(monday + 7.days()) };
        let last_day = Interval { start: start_of(monday + 6.days()), end: week.end };
        let (mut core, mut oracle) = (scene.core(&scene.targets[0], week.start), scene.oracle());
        for record in payments(week) {
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent);
        }
        restart(&mut core, week.end);
        let reached = oracle.target_inputs();
        for now in [week.end - 1, last_day.start + 90 * MINUTE, week.end + DAY] {
            let api = api(&mut core, now);
            let compared = compare_curves(&api, &scene, &reached, now).expect("curves are the oracle's");
            assert_eq!(compared, 4, "{zone_name} {monday}");
            let period = if now < week.end { "current" } else { "previous" };
            let request = ApiRequest::Curve(scene.targets[0].targets[0].name.clone());
            let curve = answer(&api, &request, &format!("period={period}")).expect("a curve");
            let axis: Vec<Timestamp> =
                list(&curve, "points").iter().map(|point| instant(&point["at_ms"])).filter(|at| *at != now).collect();
            assert_eq!(axis, naive_axis(week, &zone), "{zone_name} {monday}");
            let days = list(&curve, "days");
            assert_eq!((days.len(), instant(&days[6]["start_ms"])), (7, last_day.start));
            assert_eq!((last_day.end - last_day.start) / MINUTE, minutes, "{zone_name}: clocks are changed");
            let plans: f64 = days.iter().map(|day| day["plan"].as_f64().expect("a plan")).sum();
            assert!((plans - curve["goal"].as_f64().expect("a goal")).abs() < 1e-9, "{plans}");
        }
        let people: i64 = reached.hours(&scene.targets[0].targets[0], last_day, &zone).len() as i64;
        assert!(people > 15, "most hours of the last day have something in them: {people}");
    }
}
