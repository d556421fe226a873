use super::*;
use crate::clock::{DAY, HOUR};

/// Monday 16 November 2026 at midnight in Mexico City.
const MONDAY: Timestamp = Timestamp::from_millis(1_794_808_800_000);

fn zone() -> TimeZone {
    TimeZone::get("America/Mexico_City").unwrap()
}

/// Open hours, nine each day from nine on, with a plan of 100 each and these shortfalls by day and hour of the clock.
fn hours(days: i64, shortfall: impl Fn(i64, i64) -> f64) -> Vec<SpanProgress> {
    let hour = |day: i64, hour: i64| {
        let start = MONDAY + day * DAY + hour * HOUR;
        let is_open = (9..18).contains(&hour);
        let plan = if is_open { 100.0 } else { 0.0 };
        let lacks = if is_open { shortfall(day, hour) } else { 0.0 };
        SpanProgress { span: Interval { start, end: start + HOUR }, plan, count: plan - lacks, is_open }
    };
    (0..days).flat_map(|day| (0..24).map(move |of_day| hour(day, of_day))).collect()
}

fn days_of(hours: &[SpanProgress]) -> Vec<SpanProgress> {
    let day = |hours: &[SpanProgress]| SpanProgress {
        span: Interval { start: hours[0].span.start, end: hours[0].span.start + DAY },
        plan: hours.iter().map(|hour| hour.plan).sum(),
        count: hours.iter().map(|hour| hour.count).sum(),
        is_open: true,
    };
    hours.chunks(24).map(day).collect()
}

fn headline_of(
    period: Period,
    status: PaceStatus,
    is_over: bool,
    hours: &[SpanProgress],
) -> (BilingualText, Option<WorstHours>) {
    let (zone, days) = (zone(), days_of(hours));
    let bounds = period.at(MONDAY, &zone).unwrap();
    let shortfall = Some(hours.iter().map(SpanProgress::shortfall).sum());
    HeadlineInput { period, bounds, is_over, is_ratio: false, status, shortfall, days: &days, hours, zone: &zone }
        .headline()
}

#[track_caller]
fn assert_says(period: Period, status: PaceStatus, hours: &[SpanProgress], es: &str, en: &str) -> Option<WorstHours> {
    let (title, worst) = headline_of(period, status, false, hours);
    assert_eq!((title.es.as_str(), title.en.as_str()), (es, en));
    worst
}

fn campaign() -> Period {
    Period::Campaign("2026-11-16".parse().unwrap(), "2026-12-20".parse().unwrap())
}

#[test]
fn a_gap_of_a_few_hours_is_named_by_day_and_part() {
    let gap = hours(4, |day, hour| if day == 2 && (14..16).contains(&hour) { 90.0 } else { 1.0 });
    let (es, en) = ("El hueco se abrió el miércoles por la tarde", "The gap opened on Wednesday afternoon");
    let worst = assert_says(Period::WEEK, PaceStatus::AtRisk, &gap, es, en).unwrap();
    let start = MONDAY + 2 * DAY + 14 * HOUR;
    assert_eq!((worst.span, worst.shortfall), (Interval { start, end: start + 2 * HOUR }, 180.0));
    let (es, en) = (
        "El hueco se abrió el miércoles 18 de noviembre por la tarde",
        "The gap opened on the afternoon of Wednesday 18 November",
    );
    assert_says(Period::Month, PaceStatus::Behind, &gap, es, en);
    assert_says(campaign(), PaceStatus::Behind, &gap, es, en);
}

#[test]
fn a_gap_of_a_day_is_named_by_the_day() {
    let gap = hours(4, |day, _| if day == 2 { 50.0 } else { 1.0 });
    let worst = assert_says(
        Period::WEEK,
        PaceStatus::Behind,
        &gap,
        "El hueco se abrió el miércoles",
        "The gap opened on Wednesday",
    );
    assert_eq!(worst, None, "no four hours have half of it");
    let (es, en) = ("El hueco se abrió el miércoles 18 de noviembre", "The gap opened on Wednesday 18 November");
    assert_says(Period::Month, PaceStatus::SlightlyBehind, &gap, es, en);
}

#[test]
fn a_gap_of_a_single_day_names_its_part_alone() {
    let gap = hours(1, |_, hour| if hour == 10 { 80.0 } else { 1.0 });
    assert_says(
        Period::Day,
        PaceStatus::Behind,
        &gap,
        "El hueco se abrió por la mañana",
        "The gap opened in the morning",
    );
    let even = hours(1, |_, _| 30.0);
    assert_says(Period::Day, PaceStatus::Behind, &even, "Plan y real del día", "Plan and actual of the day");
}

#[test]
fn days_that_are_all_below_are_said_so() {
    let below = hours(4, |_, _| 20.0);
    let (es, en) = ("Cada día ha quedado abajo del plan", "Every day has been below the plan");
    assert_eq!(assert_says(Period::WEEK, PaceStatus::Behind, &below, es, en), None);
    let (title, _) = headline_of(Period::WEEK, PaceStatus::Behind, true, &below);
    assert_eq!(
        (title.es.as_str(), title.en.as_str()),
        ("Cada día quedó abajo del plan", "Every day was below the plan")
    );
}

#[test]
fn a_period_on_plan_is_said_so() {
    let lead = hours(4, |_, _| -5.0);
    for status in [PaceStatus::OnPace, PaceStatus::Ahead, PaceStatus::Reached] {
        assert_says(Period::WEEK, status, &lead, "La semana va con el plan", "The week is on plan");
    }
    assert_says(Period::Month, PaceStatus::OnPace, &lead, "El mes va con el plan", "The month is on plan");
    assert_says(Period::Day, PaceStatus::OnPace, &lead, "El día va con el plan", "The day is on plan");
    assert_says(campaign(), PaceStatus::OnPace, &lead, "La campaña va con el plan", "The campaign is on plan");
    let (title, _) = headline_of(Period::WEEK, PaceStatus::Reached, true, &lead);
    assert_eq!((title.es.as_str(), title.en.as_str()), ("La semana cerró con el plan", "The week ended on plan"));
}

#[test]
fn without_a_verdict_the_title_is_plain() {
    let gap = hours(4, |day, _| if day < 2 { 60.0 } else { -10.0 });
    assert_says(Period::WEEK, PaceStatus::Behind, &gap, "Plan y real de la semana", "Plan and actual of the week");
    for status in [PaceStatus::Unknown, PaceStatus::Starting, PaceStatus::Closed, PaceStatus::WithinChance] {
        assert_says(campaign(), status, &gap, "Plan y real de la campaña", "Plan and actual of the campaign");
    }
}

#[test]
fn marked_hours_stay_within_a_day_and_open() {
    // Half of it lies in the last hour of a day and the first of the next, and none of it in a row.
    let gap = hours(4, |day, hour| if (day, hour) == (1, 17) || (day, hour) == (2, 9) { 90.0 } else { 10.0 });
    let (_, worst) = headline_of(Period::WEEK, PaceStatus::Behind, false, &gap);
    assert_eq!(worst, None);
}
