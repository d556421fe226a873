use super::*;
use crate::api::PeriodSpan;
use crate::api::targets::{CalendarState, PreviousPeriod, TargetSelection};
use crate::clock::Timestamp;
use crate::targets::sentence::BilingualText;

fn span(period: &str, id: &str) -> PeriodSpan {
    let text = String::new;
    PeriodSpan {
        period: period.to_owned(),
        id: id.to_owned(),
        start_ms: Timestamp::EPOCH,
        start: text(),
        end_ms: Timestamp::EPOCH,
        end: text(),
    }
}

fn say(en: &str) -> BilingualText {
    BilingualText { es: String::new(), en: en.to_owned() }
}

fn people() -> CurrentPeriod {
    CurrentPeriod {
        status: PaceStatus::SlightlyBehind,
        status_since_ms: None,
        say: say("A little behind the plan. 4,321 people short of the plan."),
        period: span("week", "2020-W20"),
        goal: Quantity::Count(100_000),
        actual: Some(Quantity::Count(61_234)),
        plan: 65_555.0,
        plan_share: 0.65555,
        pace_ratio: Some(0.934),
        shortfall: Some(4_321.0),
        shortfall_pesos: None,
        pace_tolerance: Some(1_500.0),
        projection: Some(93_400.0),
        projection_low: Some(92_000.0),
        projection_high: Some(95_000.0),
        attainment_probability_ratio: Some(0.123),
        required_per_open_hour: Some(1_204.4),
        achieved_per_open_hour: Some(1_100.2),
        remaining_open_seconds: 112_800.0,
        dispersion: 4.0,
    }
}

fn pesos() -> CurrentPeriod {
    CurrentPeriod {
        status: PaceStatus::Reached,
        say: say("The goal is reached."),
        period: span("month", "2020-05"),
        goal: Quantity::Centavos(25_000_000_000_000),
        actual: Some(Quantity::Centavos(28_000_000_000_050)),
        plan: 120e9,
        pace_ratio: Some(2.3333),
        shortfall: Some(-160e9),
        pace_tolerance: None,
        attainment_probability_ratio: Some(1.0),
        required_per_open_hour: Some(0.0),
        achieved_per_open_hour: Some(1.25e9),
        remaining_open_seconds: 4e6,
        ..people()
    }
}

fn service_level() -> CurrentPeriod {
    CurrentPeriod {
        status: PaceStatus::OnPace,
        say: say("At the goal: 78.1 %, and the goal is 80.0 %."),
        period: span("day", "2020-05-15"),
        goal: Quantity::Ratio(0.8),
        actual: Some(Quantity::Ratio(0.7812)),
        plan: 0.8,
        pace_ratio: Some(0.9765),
        shortfall: Some(0.0188),
        pace_tolerance: Some(0.02),
        attainment_probability_ratio: None,
        required_per_open_hour: None,
        achieved_per_open_hour: None,
        remaining_open_seconds: 2_700.0,
        ..people()
    }
}

fn entry(name: &str, unit: &str, current: Option<CurrentPeriod>) -> TargetEntry {
    let nothing = Vec::new;
    TargetEntry {
        name: name.to_owned(),
        description: String::new(),
        title: say(name),
        group: None,
        measure: String::new(),
        unit: unit.to_owned(),
        filter: TargetSelection {
            programmes: nothing(),
            states: nothing(),
            queues: nothing(),
            initiatives: nothing(),
            milestones: nothing(),
        },
        calendar: CalendarState { name: "payments".to_owned(), open: true, changes_ms: None },
        complete_until_ms: Some(Timestamp::from_millis(998_000)),
        current,
        previous: Some(PreviousPeriod { period: span("week", "2020-W19"), goal: Quantity::Count(1), actual: None }),
    }
}

fn targets(targets: Vec<TargetEntry>) -> TargetsResponse {
    TargetsResponse {
        now_ms: Timestamp::from_millis(1_000_000),
        now: "2020-05-15T13:00:00-05:00".to_owned(),
        state_built_ms: Timestamp::EPOCH,
        targets,
    }
}

fn several() -> TargetsResponse {
    targets(vec![
        entry("beneficiaries-a-week", "people", Some(people())),
        entry("pesos-a-month", "pesos", Some(pesos())),
        entry("answered-in-time", "ratio", Some(service_level())),
        entry("regional-meeting", "milestones", None),
    ])
}

#[test]
fn plain_text_has_figures_bar_and_sentence_per_target() {
    let expected = "\
2020-05-15T13:00:00-05:00, complete until 2 s earlier
                                        of goal  pace     behind   needs/h     had/h     left chance
beneficiaries-a-week: 61,234 of 100,000 people                                         week 2020-W20
  ######################.|............   61.2 %  0.93      4,321     1,204     1,100  31h 20m   12 %
  A little behind the plan. 4,321 people short of the plan.
pesos-a-month: 280,000,000,000.50 of 250,000,000,000.00 pesos                          month 2020-05
  #################|##################  112.0 %  2.33  -160.0 bn         0    1.2 bn   1,111h  100 %
  The goal is reached.
answered-in-time: 78.1 % of 80.0 %                                                    day 2020-05-15
  ############################|.......   97.6 %  0.98     1.9 pt         -         -      45m      -
  At the goal: 78.1 %, and the goal is 80.0 %.
regional-meeting
  no current period, or part of it is no longer known
";
    assert_eq!(table(&several(), Style::PLAIN), expected);
}

#[test]
fn no_line_is_longer_than_100_characters() {
    let mut targets = several();
    targets.targets.push(entry(&"ñ".repeat(200), "people", Some(people())));
    targets.targets.push(entry(&"x".repeat(200), "people", None));
    let wild = CurrentPeriod {
        actual: Some(Quantity::Count(1 << 60)),
        goal: Quantity::Count(1),
        pace_ratio: Some(1e18),
        shortfall: Some(-1e15),
        required_per_open_hour: Some(f64::NAN),
        say: say(&format!("{} {}", "word ".repeat(40), "x".repeat(200))),
        ..people()
    };
    targets.targets.push(entry("wild", "people", Some(wild)));
    for line in table(&targets, Style::PLAIN).lines().chain(table(&targets, Style::terminal(false)).lines()) {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
}

#[test]
fn a_long_sentence_continues_on_the_next_line() {
    let words = "word ".repeat(40);
    let lines = wrapped(&words);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert_eq!(lines.split_whitespace().collect::<Vec<_>>(), words.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn only_a_terminal_gets_colours_and_blocks() {
    assert!(table(&several(), Style::PLAIN).is_ascii());
    let plain = table(&several(), Style::terminal(false));
    assert!(plain.contains("██████████████████████░│░") && !plain.contains('\u{1b}'));
    assert!(table(&several(), Style::terminal(true)).contains("\u{1b}[33m█"), "behind by more than chance is yellow");
}

#[test]
fn the_colour_follows_the_status() {
    let statuses = [PaceStatus::AtRisk, PaceStatus::Behind, PaceStatus::WithinChance, PaceStatus::Unknown];
    assert_eq!(statuses.map(colour), ["31", "33", "32", "2"]);
}

#[test]
fn a_bar_is_full_only_at_100_percent() {
    assert_eq!(bar(0.999, 0.0, Style::PLAIN), format!("|{}.", "#".repeat(34)));
    assert_eq!(bar(1.0, 1.0, Style::PLAIN), format!("{}|", "#".repeat(35)));
    assert_eq!(bar(f64::NAN, 0.5, Style::PLAIN), format!("{}|{}", ".".repeat(18), ".".repeat(17)));
}

#[test]
fn without_targets_the_table_names_their_setting() {
    assert!(table(&targets(Vec::new()), Style::PLAIN).contains("targets.files"));
}

#[test]
fn text_of_another_server_can_only_be_read() {
    let hidden = "a\u{202e}b\u{1b}[8mc\nd";
    let current = CurrentPeriod { period: span(hidden, hidden), say: say(hidden), ..people() };
    let response = TargetsResponse {
        now: hidden.to_owned(),
        ..targets(vec![entry(hidden, hidden, Some(current)), entry(hidden, "people", None)])
    };
    let plain = table(&response, Style::PLAIN);
    assert!(plain.chars().all(|one| one == '\n' || crate::settings::is_printable(one)), "{plain:?}");
    assert_eq!(plain.lines().count(), 7, "{plain}");
    assert!(!table(&response, Style::terminal(true)).contains("\u{1b}[8m"), "only our own colours");
}
