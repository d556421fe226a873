use super::*;
use crate::api::CellFigures;
use crate::api::cuts::{ClosedTarget, PeriodId, TotalToday};
use crate::cli::Command;
use crate::cli::api_client::tests::serve;
use crate::cli::figures::{Breakdown, WIDTH};
use crate::clock::Timestamp;
use crate::cuts::CutCell;

fn target(name: &str, period: &str, closes: bool, figures: [Option<Quantity>; 3]) -> TargetToday {
    let [goal, actual, today] = figures;
    TargetToday {
        target: name.to_owned(),
        measure: String::new(),
        period: period.to_owned(),
        start_ms: Timestamp::EPOCH,
        end_ms: Timestamp::EPOCH,
        closes,
        goal: goal.unwrap(),
        plan: 0.0,
        actual,
        today,
    }
}

fn cell(programme: &str, state: &str, people: u64, today: Option<u64>) -> CellToday {
    let pesos = |people: u64| Quantity::Centavos(i128::from(people) * 2_500_000);
    let cut = CutCell {
        programme: programme.to_owned(),
        state: state.to_owned(),
        beneficiaries: people,
        dispersals: people + 1,
        net_pesos: pesos(people),
    };
    let today =
        today.map(|people| CellFigures { beneficiaries: people, dispersals: people + 1, net_pesos: pesos(people) });
    CellToday { cut, today }
}

fn totals(beneficiaries: Option<u64>, dispersals: u64, net: i128) -> PeriodTotals {
    PeriodTotals { beneficiaries, dispersals, net_pesos: Quantity::Centavos(net) }
}

const PROGRAMMES: FigureArgs = FigureArgs { by: None, csv: false };

fn closing() -> CutResponse {
    let text = str::to_owned;
    let [count, pesos, ratio] =
        [|n| Some(Quantity::Count(n)), |n| Some(Quantity::Centavos(n)), |n| Some(Quantity::Ratio(n as f64 / 1000.0))];
    let week = PeriodToday {
        period: text("week"),
        id: text("2020-W19"),
        start_ms: Timestamp::EPOCH,
        end_ms: Timestamp::EPOCH,
        closes: true,
        cells: vec![
            cell("credito-a-la-palabra", "MX-JAL", 40_000, Some(39_990)),
            cell("credito-a-la-palabra", "MX-OAX", 12_345, Some(12_345)),
            cell("trabajadoras-del-hogar", "MX-JAL", 100, None),
        ],
        total: TotalToday { cut: totals(Some(52_440), 52_448, 131_112_500_000), today: None },
    };
    let month =
        PeriodToday { period: text("month"), id: text("2020-05"), closes: false, cells: Vec::new(), ..week.clone() };
    let correction = Correction {
        target: text("weekly-people"),
        period: text("2020-W18"),
        start_ms: Timestamp::EPOCH,
        before: count(101_000),
        after: count(100_990),
    };
    CutResponse {
        now_ms: Timestamp::EPOCH,
        now: text("2020-05-15T13:00:00-05:00"),
        id: text("20200511T050000Z"),
        at_ms: Timestamp::EPOCH,
        at: text("2020-05-11T00:00:00-05:00"),
        nearest_to_ms: None,
        nearest_to: None,
        taken_ms: Timestamp::EPOCH,
        state_built_ms: Timestamp::EPOCH,
        hash: "ab".repeat(32),
        seal: crate::cuts::SealKind::Sealed,
        provisional: false,
        late: false,
        huella: serde_json::from_str("\"0123456789\"").ok(),
        offsets: Vec::new(),
        periods: vec![week, month],
        targets: vec![
            target("weekly-people", "2020-W19", true, [count(100_000), count(52_345), count(52_335)]),
            target("monthly-pesos", "2020-05", false, [pesos(100_000_000_000), pesos(30_862_500_000), None]),
            target("weekly-service-level", "2020-W19", true, [ratio(800), None, ratio(781)]),
            target("service-level", "2020-W19", true, [ratio(800), ratio(750), ratio(781)]),
        ],
        corrections: vec![correction],
    }
}

#[test]
fn a_cut_is_compared_with_what_is_known_now() {
    let expected = "\
cut 20200511T050000Z of 2020-05-11T00:00:00-05:00
huella 0123456789
hash abababababababababababababababababababababababababababababababab
compared with what is known at 2020-05-15T13:00:00-05:00

targets 2020-W19, closed          at the cut         known now        difference
weekly-people
  goal 100,000                        52,345            52,335               -10
weekly-service-level
  goal 80.0 %                              -            78.1 %                 -
service-level
  goal 80.0 %                         75.0 %            78.1 %            3.1 pt

targets 2020-05                   at the cut         known now        difference
monthly-pesos
  goal 1,000,000,000.00       308,625,000.00                 -                 -

week 2020-W19, closed             at the cut         known now        difference
credito-a-la-palabra
  people                              52,345            52,335               -10
  dispersals                          52,347            52,337               -10
  net pesos                 1,308,625,000.00  1,308,375,000.00       -250,000.00
trabajadoras-del-hogar
  people                                 100                 -                 -
  dispersals                             101                 -                 -
  net pesos                     2,500,000.00                 -                 -
all programmes
  people                              52,440                 -                 -
  dispersals                          52,448                 -                 -
  net pesos                 1,311,125,000.00                 -                 -

month 2020-05                     at the cut         known now        difference
no dispersals

corrections of closed periods
                                      before             after        difference
weekly-people 2020-W18               101,000           100,990               -10
";
    assert_eq!(table(&closing(), &PROGRAMMES), expected);
}

#[test]
fn each_state_of_a_programme_can_be_printed() {
    let printed = table(&closing(), &FigureArgs { by: Some(Breakdown::State), csv: false });
    let expected = "\
credito-a-la-palabra, MX-OAX
  people                              12,345            12,345                 0
  dispersals                          12,346            12,346                 0
  net pesos                   308,625,000.00    308,625,000.00              0.00
";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn people_that_nobody_counted_once_are_explained() {
    let mut cut = closing();
    assert!(!table(&cut, &PROGRAMMES).contains("unknown"));
    cut.periods[0].total.cut.beneficiaries = None;
    let printed = table(&cut, &PROGRAMMES);
    assert!(printed.contains("all programmes\n  people                                   -  "), "{printed}");
    assert!(printed.contains(PEOPLE_ADVICE), "{printed}");
}

#[test]
fn a_sum_over_one_programme_is_not_repeated() {
    let mut cut = closing();
    cut.periods[0].cells.pop();
    assert!(!table(&cut, &PROGRAMMES).contains("all programmes"));
}

#[test]
fn the_instant_without_a_cut_is_named() {
    let cut = CutResponse { nearest_to: Some("2020-05-11T08:59:00-05:00".to_owned()), ..closing() };
    let printed = table(&cut, &PROGRAMMES);
    let second = printed.lines().nth(1);
    assert_eq!(second, Some("nearest to 2020-05-11T08:59:00-05:00, when no cut was taken"));
}

#[test]
fn csv_has_plain_numbers_and_a_head() {
    let expected = "\
cut,period,id,scope,programme,state,people_at_cut,dispersals_at_cut,net_pesos_at_cut,people_now,dispersals_now,net_pesos_now
20200511T050000Z,week,2020-W19,programme,credito-a-la-palabra,,52345,52347,1308625000.00,52335,52337,1308375000.00
20200511T050000Z,week,2020-W19,programme,trabajadoras-del-hogar,,100,101,2500000.00,,,
20200511T050000Z,week,2020-W19,all,,,52440,52448,1311125000.00,,,
";
    let printed = csv(&closing(), &FigureArgs { by: None, csv: true });
    assert_eq!(printed, expected.replace('\n', "\r\n"));
    let by_state = csv(&closing(), &FigureArgs { by: Some(Breakdown::State), csv: true });
    let state = "20200511T050000Z,week,2020-W19,state,credito-a-la-palabra,MX-OAX,12345,12346,308625000.00,12345,12346,308625000.00\r\n";
    assert!(by_state.contains(state), "{by_state}");
    assert_eq!(by_state.lines().count(), 7);
}

#[test]
fn no_line_of_a_table_is_longer_than_80_characters() {
    let mut cut = closing();
    let name = "x".repeat(64);
    cut.targets[0].target = name.clone();
    cut.targets[1].goal = Quantity::Centavos(10_000_000_000_000);
    cut.targets[1].actual = Some(Quantity::Centavos(-999_999_999_999));
    cut.periods[0].cells[0].cut.programme = name.clone();
    cut.corrections[0].target = name.clone();
    let printed = table(&cut, &FigureArgs { by: Some(Breakdown::State), csv: false });
    for line in printed.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
    assert_eq!(printed.matches(&name).count(), 4, "no name is shortened");
}

#[test]
fn a_cut_that_is_not_final_says_so() {
    let arguments = FigureArgs { by: None, csv: false };
    let lines = |provisional, late| -> Vec<String> {
        let text = table(&CutResponse { provisional, late, ..closing() }, &arguments);
        text.lines()
            .filter(|line| line.starts_with("provisional:") || line.starts_with("late:"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(false, false), Vec::<String>::new());
    assert_eq!(lines(true, false), ["provisional: records with earlier timestamps may still come"]);
    let advice = "see pacemeter cut verify 20200511T050000Z --recompute";
    assert_eq!(lines(false, true), [format!("late: a record that belongs to the cut came after it; {advice}")]);
}

#[test]
fn the_list_has_one_line_per_cut_with_closed_periods() {
    let ended = |period: &str, id: &str| PeriodId { period: period.to_owned(), id: id.to_owned() };
    let listed = |id: &str, at: &str, seal, periods, targets| CutSummary {
        id: id.to_owned(),
        at_ms: Timestamp::EPOCH,
        at: at.to_owned(),
        seal,
        provisional: seal == SealKind::Retaken,
        late: seal == SealKind::Unsealed,
        huella: None,
        periods,
        targets,
    };
    let closed = ClosedTarget { target: "weekly-people".to_owned(), period: "2020-W19".to_owned() };
    let cuts = vec![
        listed("20200512T230000Z", "2020-05-12T18:00:00-05:00", SealKind::Unsealed, Vec::new(), Vec::new()),
        listed(
            "20200512T050000Z",
            "2020-05-12T00:00:00-05:00",
            SealKind::Retaken,
            vec![ended("day", "2020-05-11")],
            Vec::new(),
        ),
        listed("20200511T230000Z", "2020-05-11T18:00:00-05:00", SealKind::Sealed, Vec::new(), Vec::new()),
        listed(
            "20200511T050000Z",
            "2020-05-11T00:00:00-05:00",
            SealKind::Sealed,
            vec![ended("day", "2020-05-10"), ended("week", "2020-W19")],
            vec![closed],
        ),
    ];
    let cuts = CutsResponse { now_ms: Timestamp::EPOCH, now: String::new(), cuts, more: false };
    let expected = "\
20200512T230000Z  2020-05-12T18:00:00-05:00  unsealed, late record
20200512T050000Z  2020-05-12T00:00:00-05:00  retaken, provisional, day 2020-05-11
20200511T230000Z  2020-05-11T18:00:00-05:00
20200511T050000Z  2020-05-11T00:00:00-05:00  day 2020-05-10, week 2020-W19, weekly-people 2020-W19
";
    assert_eq!(list(&cuts, None), expected, "whole in a pipe");
    let expected = "\
20200512T230000Z  2020-05-12T18:00:00-05:00  unsealed, late record
20200512T050000Z  2020-05-12T00:00:00-05:00  retaken, provisional,
                                             day 2020-05-11
20200511T230000Z  2020-05-11T18:00:00-05:00
20200511T050000Z  2020-05-11T00:00:00-05:00  day 2020-05-10, week 2020-W19,
                                             weekly-people 2020-W19
";
    assert_eq!(list(&cuts, Some(80)), expected, "wrapped on a terminal");
    assert!(list(&CutsResponse { cuts: Vec::new(), ..cuts }, None).starts_with("there are no cuts yet; "));
}

#[test]
fn all_pages_of_the_list_are_read() {
    let summary = |at: i64| CutSummary {
        id: String::new(),
        at_ms: Timestamp::from_millis(at),
        at: String::new(),
        seal: SealKind::Sealed,
        provisional: false,
        late: false,
        huella: None,
        periods: Vec::new(),
        targets: Vec::new(),
    };
    let page = |instants: &[i64], more| CutsResponse {
        now_ms: Timestamp::EPOCH,
        now: String::new(),
        cuts: instants.iter().map(|&at| summary(at)).collect(),
        more,
    };
    let mut asked = Vec::new();
    let cuts = super::all(|path| {
        asked.push(path.to_owned());
        Ok(if path.ends_with("before_ms=8") { page(&[7], false) } else { page(&[9, 8], true) })
    });
    let instants: Vec<i64> = cuts.unwrap().cuts.iter().map(|cut| cut.at_ms.as_millis()).collect();
    assert_eq!(instants, [9, 8, 7]);
    assert_eq!(asked, ["/api/v1/cuts?limit=1000", "/api/v1/cuts?limit=1000&before_ms=8"]);
    let repeated = super::all(|_| Ok(page(&[9, 8], true))).unwrap();
    assert_eq!(repeated.cuts.len(), 4, "a server that ignores before_ms is not asked for ever");
}

#[test]
fn before_the_first_cut_only_programs_get_an_error() {
    const NONE: &str = r#"{"error":"there are no cuts yet"}"#;
    const EMPTY: &str = r#"{"now_ms":0,"now":"","cuts":[],"more":false}"#;
    let run_with = |arguments: &[&str]| {
        let address = serve(&[(404, NONE), (200, EMPTY)]).to_string();
        let line = [&["pacemeter", "cut", "--address", &address], arguments].concat();
        let Ok(Command::Cut(arguments)) = crate::cli::parse(line) else { panic!("{arguments:?}") };
        run(&arguments)
    };
    for arguments in [&[][..], &["yesterday"], &["--csv"]] {
        assert_eq!(run_with(arguments), Ok(()), "{arguments:?}");
    }
    assert_eq!(run_with(&["--json"]), Err(Failure::new(Exit::TryAgain, NO_CUTS)));
}

#[test]
fn an_unknown_cut_is_a_usage_error() {
    const UNKNOWN: &str = r#"{"error":"no such cut, the newest is 20200511T230000Z, see /api/v1/cuts"}"#;
    const ONE: &str = r#"{"now_ms":0,"now":"","cuts":[{"id":"20200511T230000Z","at_ms":0,"at":"","seal":"sealed","periods":[],"targets":[]}],"more":false}"#;
    let address = serve(&[(404, UNKNOWN), (200, ONE)]).to_string();
    let Ok(Command::Cut(arguments)) = crate::cli::parse(["pacemeter", "cut", "x", "--address", &address]) else {
        panic!("cut")
    };
    assert!(
        run(&arguments).is_err_and(|failure| failure.exit == Exit::Usage && failure.message.contains("the newest is"))
    );
}
