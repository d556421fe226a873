use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::clock::Timestamp;
use crate::cuts::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget};
use crate::targets::Quantity;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(1_589_173_200_000 + hours * 3_600_000)
}

fn offset(partition: i32, next_offset: i64) -> CutOffset {
    CutOffset {
        stream: "call".to_owned(),
        topic: "calls".to_owned(),
        partition,
        first_offset: (partition > 0).then_some(3),
        next_offset,
        is_provisional: false,
        is_late: false,
    }
}

fn cell(programme: &str, figure: u64) -> CutCell {
    CutCell {
        programme: programme.to_owned(),
        state: "MX-OAX".to_owned(),
        beneficiaries: figure,
        dispersals: figure + 1,
        net_pesos: Quantity::Centavos(i128::from(figure) * 100 + 1),
    }
}

fn target(name: &str, actual: Option<Quantity>, end: i64) -> CutTarget {
    CutTarget {
        target: name.to_owned(),
        measure: "beneficiaries".to_owned(),
        selection: 7,
        period: "2020-W20".to_owned(),
        start_ms: at(0),
        end_ms: at(end),
        closes: true,
        goal: Quantity::Count(100),
        plan: 12.5,
        actual,
    }
}

fn example() -> Cut {
    let period = |period: &str, end| CutPeriod {
        period: period.to_owned(),
        id: "2020-W20".to_owned(),
        start_ms: at(0),
        end_ms: at(end),
        closes: true,
        cells: vec![cell("palabra", 4), cell("solidario", 9), cell("\u{202e}=1\"", 2)],
    };
    let correction = |target: &str| Correction {
        target: target.to_owned(),
        period: "2020-W19".to_owned(),
        start_ms: at(-168),
        before: Some(Quantity::Count(50)),
        after: None,
    };
    let ratio = Quantity::Fraction { numerator: 3, denominator: 4 };
    Cut {
        id: "20200518T050000Z".to_owned(),
        at_ms: at(168),
        at: "2020-05-18T00:00:00-05:00".to_owned(),
        taken_ms: at(169),
        state_built_ms: at(-200),
        settings: BTreeMap::new(),
        offsets: vec![offset(0, 60), offset(1, 61), offset(2, 62)],
        periods: vec![period("day", 24), period("week", 168), period("month", 700)],
        targets: vec![target("a", Some(Quantity::Count(7)), 168), target("b", Some(ratio), 24), target("c", None, 168)],
        corrections: vec![correction("a"), correction("b")],
    }
}

/// Changes of one figure or offset.
const CHANGES: [fn(&mut Cut, usize, i64); 13] = [
    |cut, _, by| cut.at_ms += by,
    |cut, place, by| cut.offsets[place].next_offset += by,
    |cut, place, by| cut.offsets[place].first_offset = Some(100 + by),
    |cut, place, by| cut.periods[place].cells[2 - place].beneficiaries += by as u64,
    |cut, place, by| cut.periods[place].cells[2 - place].dispersals += by as u64,
    |cut, place, by| cut.periods[place].cells[place].net_pesos = Quantity::Centavos(100_000 + i128::from(by)),
    |cut, place, by| cut.periods[place].cells[place].programme.push(char::from(b'a' + (by % 26) as u8)),
    |cut, place, by| cut.targets[place].goal = Quantity::Count(100 + i128::from(by)),
    |cut, place, by| cut.targets[place].actual = Some(Quantity::Count(7 + i128::from(by))),
    |cut, place, by| cut.targets[place].plan += by as f64 / 1e6,
    |cut, place, by| cut.corrections[place % 2].after = Some(Quantity::Count(i128::from(by))),
    |cut, place, by| cut.corrections[place % 2].before = Some(Quantity::Count(50 + i128::from(by))),
    |cut, place, _| cut.periods[place].closes = false,
];

proptest! {
    #[test]
    fn any_changed_figure_or_offset_changes_it(
        change in 0..CHANGES.len(),
        place in 0..3_usize,
        by in 1..1_000_000_000_i64,
    ) {
        let (before, mut cut) = (example(), example());
        CHANGES[change](&mut cut, place, by);
        prop_assert_ne!(cut.huella(), before.huella());
    }

    #[test]
    fn the_order_of_its_lists_does_not_change_it(seed: u64) {
        let (before, mut cut) = (example(), example());
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut cut.offsets);
        random.shuffle(&mut cut.periods);
        cut.periods.iter_mut().for_each(|period| random.shuffle(&mut period.cells));
        random.shuffle(&mut cut.targets);
        random.shuffle(&mut cut.corrections);
        prop_assert_eq!(cut.huella(), before.huella());
    }
}

#[test]
fn what_is_learned_later_does_not_change_it() {
    let (before, mut cut) = (example(), example());
    (cut.taken_ms, cut.state_built_ms) = (at(500), at(-1));
    cut.at = "2020-05-18T05:00:00Z".to_owned();
    cut.settings.insert("a".to_owned(), "b".to_owned());
    cut.offsets[1].is_provisional = true;
    cut.offsets[2].is_late = true;
    cut.periods[0].cells.push(CutCell { net_pesos: Quantity::Centavos(0), dispersals: 0, ..cell("empty", 0) });
    assert_eq!(cut.huella(), before.huella());
    // A cut that is read back is the same.
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Cut>(&text).unwrap().huella(), before.huella());
}

#[test]
fn a_huella_stays_the_same_in_later_versions() {
    // Printed pages have it: this value may never change.
    assert_eq!(example().huella().to_string(), "e3a9b2f297");
}

#[test]
fn that_of_a_period_depends_on_its_part_of_the_cut_alone() {
    let before = example();
    let week = |cut: &Cut| cut.huella_of(&cut.periods[1]);
    let mut cut = example();
    cut.periods[0].cells.clear();
    cut.targets[1].actual = None;
    cut.corrections.clear();
    assert_eq!(week(&cut), week(&before));
    let changes: [fn(&mut Cut); 3] = [
        |cut| cut.offsets[0].next_offset += 1,
        |cut| cut.periods[1].cells[0].beneficiaries += 1,
        |cut| cut.targets[0].actual = None,
    ];
    for change in changes {
        let mut cut = example();
        change(&mut cut);
        assert_ne!(week(&cut), week(&before));
    }
    assert_ne!(before.huella_of(&before.periods[0]), week(&before));
}
