use super::super::figures::Breakdown;
use super::*;
use crate::api::periods::{ProgrammeFigures, StateFigures};
use crate::api::{CellFigures, PeriodSpan, PeriodTotals};
use crate::cli::Command;
use crate::cli::api_client::tests::serve;
use crate::clock::Timestamp;
use crate::targets::Quantity;

const DAY: i64 = 86_400_000;

fn cell(people: u64) -> CellFigures {
    let net_pesos = Quantity::Centavos(i128::from(people) * 2_500_000);
    CellFigures { beneficiaries: people, dispersals: people + 1, net_pesos }
}

fn totals(beneficiaries: Option<u64>) -> PeriodTotals {
    PeriodTotals { beneficiaries, dispersals: 12_348, net_pesos: Quantity::Centavos(30_875_000_000) }
}

fn programme(name: &str, closed: u64, today: u64) -> ProgrammeFigures {
    let (closed, today) = (Some(cell(closed)), Some(cell(today)));
    let state = StateFigures { state: "MX-JAL".to_owned(), closed: closed.clone(), today: today.clone() };
    ProgrammeFigures { programme: name.to_owned(), closed, today, states: vec![state] }
}

/// Thursday 2020-05-14, closed, a day later.
fn yesterday() -> PeriodResponse {
    let text = str::to_owned;
    PeriodResponse {
        now_ms: Timestamp::from_millis(2 * DAY),
        now: text("2020-05-15T13:00:00-05:00"),
        state_built_ms: Timestamp::EPOCH,
        complete_until_ms: Some(Timestamp::from_millis(2 * DAY - 2_000)),
        period: PeriodSpan {
            period: text("day"),
            id: text("2020-05-14"),
            start_ms: Timestamp::EPOCH,
            start: text("2020-05-14T00:00:00-05:00"),
            end_ms: Timestamp::from_millis(DAY),
            end: text("2020-05-15T00:00:00-05:00"),
        },
        cut: Some(text("20200515T050000Z")),
        huella: serde_json::from_str("\"0123456789\"").ok(),
        closed: Some(totals(Some(12_340))),
        today: Some(totals(None)),
        programmes: vec![programme("palabra", 12_345, 12_344), programme("solidario", 1, 1)],
    }
}

fn printed(period: &PeriodResponse, by: Option<Breakdown>) -> String {
    table(period, &figures(period).selected(&FigureArgs { by, csv: false }))
}

#[test]
fn names_of_periods_are_day_week_month_or_relative() {
    let parsed = |text: &str| parse_period(text).map(|name| format!("{} {}", name.kind, name.id));
    for (text, name) in [
        ("yesterday", "day previous"),
        ("today", "day current"),
        ("last-week", "week previous"),
        ("this-month", "month current"),
        ("2020-05-15", "day 2020-05-15"),
        ("2020-W20", "week 2020-W20"),
        ("2020-05", "month 2020-05"),
    ] {
        assert_eq!(parsed(text).as_deref(), Ok(name), "{text}");
    }
    for text in ["", "2020", "2020-5", "2020-W2", "15/05/2020", "current", "../cuts/newest"] {
        assert!(parsed(text).is_err_and(|error| error.contains("yesterday")), "{text}");
    }
}

#[test]
fn a_closed_period_is_printed_beside_what_is_known_now() {
    let expected = "\
from 2020-05-14T00:00:00-05:00 to 2020-05-15T00:00:00-05:00
closed with cut 20200515T050000Z, huella 0123456789
known at 2020-05-15T13:00:00-05:00, complete until 2 s earlier

day 2020-05-14                  at the close         known now        difference
palabra
  people                              12,345            12,344                -1
  dispersals                          12,346            12,345                -1
  net pesos                   308,625,000.00    308,600,000.00        -25,000.00
solidario
  people                                   1                 1                 0
  dispersals                               2                 2                 0
  net pesos                        25,000.00         25,000.00              0.00
all programmes
  people                              12,340                 -                 -
  dispersals                          12,348            12,348                 0
  net pesos                   308,750,000.00    308,750,000.00              0.00

The people of all programmes are unknown: one who is paid by two counts once. A
target of beneficiaries without a filter counts them.
";
    assert_eq!(printed(&yesterday(), None), expected);
    let by_state = printed(&yesterday(), Some(Breakdown::State));
    assert!(by_state.contains("\npalabra, MX-JAL\n  people                              12,345  "), "{by_state}");
}

#[test]
fn the_current_period_has_one_column() {
    let mut current =
        PeriodResponse { now_ms: Timestamp::from_millis(DAY - 1), cut: None, closed: None, ..yesterday() };
    current.programmes.truncate(1);
    current.programmes[0].closed = None;
    let expected = "\
from 2020-05-14T00:00:00-05:00 to 2020-05-15T00:00:00-05:00
not closed yet
known at 2020-05-15T13:00:00-05:00, complete until 2 s earlier

day 2020-05-14                     known now
palabra
  people                              12,344
  dispersals                          12,345
  net pesos                   308,600,000.00
";
    let current = PeriodResponse { complete_until_ms: Some(current.now_ms - 2_000), ..current };
    assert_eq!(printed(&current, None), expected);
    let uncut = PeriodResponse { now_ms: Timestamp::from_millis(2 * DAY), ..current };
    assert!(printed(&uncut, None).contains("\nwithout a cut at its end\n"));
}

#[test]
fn a_forgotten_period_has_the_figures_of_its_close() {
    let mut forgotten = PeriodResponse { today: None, ..yesterday() };
    forgotten.programmes[0].today = None;
    let text = printed(&forgotten, None);
    assert!(text.contains("\npartly forgotten at 2020-05-15T13:00:00-05:00\n"), "{text}");
    assert!(
        text.contains("\n  people                              12,345                 -                 -\n"),
        "{text}"
    );
}

#[test]
fn csv_has_plain_numbers_a_head_and_the_sum() {
    let period = yesterday();
    let arguments = FigureArgs { by: Some(Breakdown::State), csv: true };
    let expected = "\
period,id,scope,programme,state,people_at_close,dispersals_at_close,net_pesos_at_close,people_now,dispersals_now,net_pesos_now
day,2020-05-14,programme,palabra,,12345,12346,308625000.00,12344,12345,308600000.00
day,2020-05-14,state,palabra,MX-JAL,12345,12346,308625000.00,12344,12345,308600000.00
day,2020-05-14,programme,solidario,,1,2,25000.00,1,2,25000.00
day,2020-05-14,state,solidario,MX-JAL,1,2,25000.00,1,2,25000.00
day,2020-05-14,all,,,12340,12348,308750000.00,,12348,308750000.00
";
    assert_eq!(csv(&period, &figures(&period).selected(&arguments)), expected.replace('\n', "\r\n"));
}

#[test]
fn a_period_without_figures_is_no_usage_error() {
    const ABSENT: &str = r#"{"error":"the period has not begun yet"}"#;
    let run_with = |format: &[&str]| {
        let address = serve(&[(404, ABSENT)]).to_string();
        let line = [&["pacemeter", "period", "2030-01", "--address", &address], format].concat();
        let Ok(Command::Period(arguments)) = crate::cli::parse(line) else { panic!("{format:?}") };
        run(&arguments)
    };
    assert_eq!((run_with(&[]), run_with(&["--csv"])), (Ok(()), Ok(())));
    assert_eq!(run_with(&["--json"]), Err(Failure::new(Exit::TryAgain, "the period has not begun yet")));
}
