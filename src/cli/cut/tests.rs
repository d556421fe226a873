use super::*;
use crate::api::cuts::{ClosedTarget, PeriodId};
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
        taken_ms: Timestamp::EPOCH,
        state_built_ms: Timestamp::EPOCH,
        hash: "ab".repeat(32),
        seal: crate::cuts::SealKind::Sealed,
        provisional: false,
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
fn a_cut_is_compared_with_the_figures_of_today() {
    let expected = "\
cut 20200511T050000Z of 2020-05-11T00:00:00-05:00
hash abababababababababababababababababababababababababababababababab
compared with figures of 2020-05-15T13:00:00-05:00

targets 2020-W19, closed                     goal       at the cut            today       difference
weekly-people                             100,000           52,345           52,335              -10
weekly-service-level                       80.0 %                -           78.1 %                -
service-level                              80.0 %           75.0 %           78.1 %           3.1 pt

targets 2020-05                              goal       at the cut            today       difference
monthly-pesos                    1,000,000,000.00   308,625,000.00                -                -

week 2020-W19, closed                                   at the cut            today       difference
credito-a-la-palabra                  people                52,345           52,335              -10
                                      dispersals            52,347           52,337              -10
                                      net pesos   1,308,625,000.00 1,308,375,000.00      -250,000.00
trabajadoras-del-hogar                people                   100                -                -
                                      dispersals               101                -                -
                                      net pesos       2,500,000.00                -                -

month 2020-05                                           at the cut            today       difference
no dispersals

corrections of closed periods                               before            after       difference
weekly-people 2020-W18                                     101,000          100,990              -10
";
    assert_eq!(table(&closing()), expected);
}

#[test]
fn no_line_is_longer_than_100_characters() {
    let mut cut = closing();
    cut.targets[0].target = "ñ".repeat(150);
    cut.periods[0].cells[0].cut.programme = "x".repeat(64);
    cut.corrections[0].target = "y".repeat(150);
    for line in table(&cut).lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
}

#[test]
fn the_list_has_one_line_per_cut_with_closed_periods() {
    let ended = |period: &str, id: &str| PeriodId { period: period.to_owned(), id: id.to_owned() };
    let listed = |id: &str, at: &str, seal, periods, targets| CutSummary {
        id: id.to_owned(),
        at_ms: Timestamp::EPOCH,
        at: at.to_owned(),
        seal,
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
    let cuts = CutsResponse { now_ms: Timestamp::EPOCH, now: String::new(), cuts, more: true };
    let expected = "\
20200512T230000Z  2020-05-12T18:00:00-05:00  unsealed
20200512T050000Z  2020-05-12T00:00:00-05:00  retaken, day 2020-05-11
20200511T230000Z  2020-05-11T18:00:00-05:00
20200511T050000Z  2020-05-11T00:00:00-05:00  day 2020-05-10, week 2020-W19, weekly-people 2020-W19
older cuts are not listed; see /api/v1/cuts?limit=1000
";
    assert_eq!(list(&cuts), expected);
    assert_eq!(list(&CutsResponse { cuts: Vec::new(), more: false, ..cuts }), "there are no cuts yet\n");
}
