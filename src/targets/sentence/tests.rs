use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::calendar::{Interval, WorkingCalendar};
use crate::clock::{DAY, HOUR};
use crate::settings::Document;
use crate::targets::Filter;
use crate::targets::read::{PeriodBounds, read};

/// Thursday, 2026-11-19, 13:42:07 in Mexico City.
const NOW: Timestamp = Timestamp::from_millis(1_795_117_327_000);

fn zone() -> TimeZone {
    TimeZone::get("America/Mexico_City").unwrap()
}

fn target(measure: Measure) -> Target {
    Target {
        name: "a".into(),
        description: String::new(),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period: Period::WEEK,
        goals: vec![(date(2020, 1, 1), Quantity::Count(100_000))],
        calendar: Arc::new(WorkingCalendar::always(zone())),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: None,
    }
}

/// Figures in which 55,032 of 100,000 are reached, 8,029 short of the plan.
fn report(goal: Quantity, actual: Quantity) -> PaceReport {
    PaceReport {
        period: Interval {
            start: Timestamp::from_millis(1_794_808_800_000),
            end: Timestamp::from_millis(1_795_413_600_000),
        },
        goal,
        actual: Some(actual),
        plan: 63_061.1,
        share: 0.63,
        pace: Some(0.87),
        shortfall: Some(8_029.0),
        tolerance: Some(1_000.0),
        projection: Some(87_268.0),
        each: Some(1.0),
        projection_range: None,
        probability: Some(0.001),
        required_per_open_hour: None,
        achieved_per_open_hour: None,
        remaining_open: HOUR,
        shortfall_pesos: None,
    }
}

fn people() -> PaceReport {
    report(Quantity::Count(100_000), Quantity::Count(55_032))
}

fn say_at(now: Timestamp, target: &Target, report: &PaceReport, status: PaceStatus) -> [String; 2] {
    let zone = zone();
    let input = SentenceInput { target, report, status, now, complete_until: Some(now - 2_000), zone: &zone };
    let BilingualText { es, en } = sentence(&input);
    [es, en]
}

fn say(measure: Measure, report: &PaceReport, status: PaceStatus) -> [String; 2] {
    say_at(NOW, &target(measure), report, status)
}

#[test]
fn a_verdict_comes_with_distance_and_outlook() {
    assert_eq!(
        say(Measure::Beneficiaries, &people(), PaceStatus::AtRisk),
        [
            "No se alcanzará la meta a este ritmo. Faltan 8,029 personas para ir al plan; la semana cerraría con cerca de 87,300.",
            "At this pace the goal will be missed. 8,029 people short of the plan; the week would end with about 87,300.",
        ]
    );
    let one = PaceReport { shortfall: Some(0.4), projection: None, ..people() };
    assert_eq!(
        say(Measure::CallsAnswered, &one, PaceStatus::SlightlyBehind),
        [
            "Vamos un poco atrás del plan. Falta 1 llamada para ir al plan.",
            "A little behind the plan. 1 call short of the plan.",
        ]
    );
    let none = PaceReport { shortfall: None, projection: None, ..people() };
    assert_eq!(say(Measure::Dispersals, &none, PaceStatus::AtRisk)[1], "At this pace the goal will be missed.");
}

#[test]
fn money_is_said_in_pesos_or_millions() {
    let money =
        |shortfall, projection| PaceReport { shortfall: Some(shortfall), projection: Some(projection), ..people() };
    assert_eq!(
        say(Measure::NetPesos, &money(263_249_999.0, 1_371_150_000.0), PaceStatus::Behind),
        [
            "Vamos atrás del plan. Faltan 263.2 mdp para ir al plan; la semana cerraría con cerca de 1,370.0 mdp.",
            "Behind the plan. 263.2 million pesos short of the plan; the week would end with about 1,370.0 million pesos.",
        ]
    );
    assert_eq!(
        say(Measure::NetPesos, &money(25_000.4, 999_999.0), PaceStatus::SlightlyBehind)[0],
        "Vamos un poco atrás del plan. Faltan 25,000 pesos para ir al plan; la semana cerraría con cerca de 1.0 mdp."
    );
}

#[test]
fn a_reached_goal_and_a_lead_are_said_with_amounts() {
    let reached = report(Quantity::Count(100_000), Quantity::Count(100_312));
    assert_eq!(
        say(Measure::Beneficiaries, &reached, PaceStatus::Reached),
        ["Se alcanzó la meta: 100,312 de 100,000.", "The goal is reached: 100,312 of 100,000.",]
    );
    let lead = PaceReport { shortfall: Some(-1_234.5), ..people() };
    assert_eq!(say(Measure::Beneficiaries, &lead, PaceStatus::Ahead)[0], "Vamos adelante del plan por 1,235 personas.");
}

#[test]
fn on_pace_promises_only_what_the_projection_says() {
    assert_eq!(
        say(Measure::Beneficiaries, &people(), PaceStatus::OnPace),
        [
            "Vamos con el plan; la semana cerraría con cerca de 87,300.",
            "On plan; the week would end with about 87,300.",
        ]
    );
    let enough = PaceReport { projection: Some(100_000.0), ..people() };
    assert_eq!(say(Measure::Beneficiaries, &enough, PaceStatus::OnPace)[0], "A este ritmo se alcanzará la meta.");
    let early = PaceReport { projection: None, ..people() };
    assert_eq!(say(Measure::Beneficiaries, &early, PaceStatus::OnPace), ["Vamos con el plan.", "On plan."]);
}

#[test]
fn a_held_status_says_nothing_that_its_figures_deny() {
    let caught_up = PaceReport { shortfall: Some(-280.0), projection: Some(100_350.0), ..people() };
    for held in [PaceStatus::AtRisk, PaceStatus::Behind, PaceStatus::SlightlyBehind] {
        assert_eq!(say(Measure::Beneficiaries, &caught_up, held)[0], "A este ritmo se alcanzará la meta.");
    }
    let level = report(Quantity::Ratio(0.8), Quantity::Fraction { numerator: 1, denominator: 1 });
    assert_eq!(
        say(Measure::ServiceLevel, &level, PaceStatus::Behind)[1],
        "Above the goal: 100.0 %, and the goal is 80.0 %."
    );
}

#[test]
fn ratios_are_said_beside_their_goal() {
    let level = report(Quantity::Ratio(0.8), Quantity::Fraction { numerator: 713, denominator: 1_000 });
    assert_eq!(
        say(Measure::ServiceLevel, &level, PaceStatus::Behind),
        ["Vamos abajo de la meta: 71.3 %, y la meta es 80.0 %.", "Below the goal: 71.3 %, and the goal is 80.0 %.",]
    );
    assert_eq!(
        say(Measure::ServiceLevel, &level, PaceStatus::OnPace)[1],
        "At the goal: 71.3 %, and the goal is 80.0 %."
    );
}

#[test]
fn old_figures_are_said_with_their_time() {
    assert_eq!(
        say(Measure::Beneficiaries, &people(), PaceStatus::Unknown),
        ["Última cifra conocida, de las 13:42:05.", "The last figure known, of 13:42:05.",]
    );
    let nothing = PaceReport { actual: None, ..people() };
    assert_eq!(say(Measure::ServiceLevel, &nothing, PaceStatus::Unknown)[0], "Aún no hay cifra.");
}

#[test]
fn a_closed_calendar_says_when_the_plan_begins() {
    let text = "[target.a]\nmeasure = 'beneficiaries'\nperiod = 'week'\ngoal = 1\ncalendar = 'payments'";
    let mut documents = crate::calendar::shipped(&[]);
    documents.push(Document::parse("a.toml", text));
    let bounds = PeriodBounds { disbursement_horizon: 400 * DAY, counts: (800 * DAY, "state.coarse_history") };
    let target = read(&documents, &zone(), &bounds).unwrap().targets.remove(0);
    let at = |day, hour| {
        let local = date(2026, 11, day).at(hour, 0, 0, 0).to_zoned(zone()).unwrap();
        say_at(local.timestamp().into(), &target, &people(), PaceStatus::Closed)
    };
    // The third Monday of November is a holiday.
    assert_eq!(
        at(16, 10),
        [
            "Hoy no se trabaja (feriado); el plan empieza el martes a las 09:00.",
            "No work today (holiday); the plan begins on Tuesday at 09:00.",
        ]
    );
    assert_eq!(at(17, 8)[0], "Aún no empieza la jornada; el plan empieza hoy a las 09:00.");
    assert_eq!(at(22, 8)[1], "No work today.", "the week ends before the next opening");
}

#[test]
fn a_beginning_is_said_of_each_kind_of_period() {
    let periods = [Period::Day, Period::WEEK, Period::Month, Period::Campaign(date(2026, 1, 1), date(2026, 2, 1))];
    let texts = periods.map(|period| {
        let target = Target { period, ..target(Measure::Milestones) };
        say_at(NOW, &target, &people(), PaceStatus::Starting)[0].clone()
    });
    assert_eq!(
        texts,
        ["El día apenas empieza.", "La semana apenas empieza.", "El mes apenas empieza.", "La campaña apenas empieza."]
    );
}

#[test]
fn numbers_are_grouped_and_rounded() {
    assert_eq!([0.0, 999.0, 1_000.0, -1_234_567.0].map(grouped), ["0", "999", "1,000", "\u{2212}1,234,567"]);
    assert_eq!(
        [87_268.0, 999.9, 12.4, 0.0, 1_234_567.0].map(three_figures),
        [87_300.0, 1_000.0, 12.0, 0.0, 1_230_000.0]
    );
}
