use proptest::prelude::*;

use super::*;
use crate::calendar::Interval;
use crate::clock::{MINUTE, SECOND};
use crate::targets::Tally;
use crate::view::CellTotals;
use crate::view::panes::{HourFigures, SpanFigures};
use crate::view::slots::SlotFigures;

const PARTITIONS: usize = 4;

/// A change of one partition's view.
#[derive(Debug, Clone, Copy)]
enum Change {
    Dispersal,
    Call,
    Forget,
}

/// Partition, minute, cell and change.
type Step = (usize, i64, usize, Change);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![3 => Just(Change::Dispersal), 2 => Just(Change::Call), 1 => Just(Change::Forget)];
    prop::collection::vec((0..PARTITIONS, 0..6_i64, 0..3_usize, change), 1..60)
}

fn at(minute: i64) -> Timestamp {
    Timestamp::EPOCH + minute * MINUTE
}

fn view(figures: StreamFigures) -> Arc<PartitionView> {
    let stream = if matches!(figures, StreamFigures::Call(_)) { Stream::Call } else { Stream::Disbursement };
    let counts = RecordCounts::default();
    Arc::new(PartitionView { stream, first_offset: 0, next_offset: 0, watermark: None, counts, figures })
}

/// Views of partitions of disbursements, then of calls.
fn empty_views() -> Views {
    let disbursements = DisbursementView { cells: vec![CellTotals::default(); 3], ..DisbursementView::default() };
    let disbursements = || view(StreamFigures::Disbursement(Box::new(disbursements.clone())));
    let calls = || view(StreamFigures::Call(Box::default()));
    (0..PARTITIONS).map(|_| disbursements()).chain((0..PARTITIONS).map(|_| calls())).collect()
}

fn disperse(view: &mut DisbursementView, time: Timestamp, cell: usize) {
    view.cells[cell].dispersals += 1;
    let cell = CellIndex::new(cell);
    let minutes = Arc::make_mut(view.rolling.minutes.at(time));
    *minutes.entry(cell).or_default() += &SpanFigures { beneficiaries: 0, dispersals: 1, net: 100 };
    let hours = Arc::make_mut(view.rolling.hours.at(time));
    *hours.entry(cell).or_default() +=
        &HourFigures { dispersals: 1, net: 100, people: [1, 2], ..HourFigures::default() };
    Arc::make_mut(&mut view.rolling.before).entry(cell).or_default()[0] += 1;
    let slots = &mut view.slots.slots;
    let old = slots.iter().find(|slot| slot.span.start == time).cloned();
    let mut cells: HashMap<_, _> = old.iter().flat_map(|slot| slot.cells.iter().copied()).collect();
    *cells.entry(cell).or_default() += &SlotFigures { dispersals: 1, returned: 0, net: 100, people: [1; 3] };
    let mut hours = old.as_ref().map(|slot| slot.hours.clone()).unwrap_or_default();
    let hour = time + cell.index() as i64 * SECOND;
    let mut changed = hours.get(hour).map_or_else(|| SlotHour::new(hour), |hour| (**hour).clone());
    *changed.state_mut(cell.index()) += 1;
    hours.set(hour, Some(Arc::new(changed)));
    let tally = old.map_or(1, |slot| slot.tallies[0].amount + 1);
    let slot = Slot {
        span: Interval { start: time, end: time + MINUTE },
        cells: cells.into_iter().collect(),
        tallies: vec![Tally { amount: tally, base: 0 }],
        states: vec![[tally as i64, 1]],
        hours,
    };
    slots.set(time, Some(Arc::new(slot)));
}

fn apply(views: &mut Views, (partition, minute, cell, change): Step) {
    let index = if let Change::Call = change { PARTITIONS + partition } else { partition };
    let mut changed = (*views[index]).clone();
    changed.counts.outcomes[0] += 1;
    changed.watermark = changed.watermark.max(Some(at(minute)));
    match (&mut changed.figures, change) {
        (StreamFigures::Call(view), _) => view.waiting.add(at(minute), CellIndex::new(cell)),
        (StreamFigures::Disbursement(view), Change::Forget) => {
            view.rolling.minutes.remove(at(minute));
            view.rolling.hours.remove(at(minute));
            view.slots.slots.set(at(minute), None);
        }
        (StreamFigures::Disbursement(view), _) => disperse(view, at(minute), cell),
        (StreamFigures::Milestone(_), _) => {}
    }
    views[index] = Arc::new(changed);
}

fn disbursements_of(views: &[Arc<PartitionView>]) -> impl Iterator<Item = &DisbursementView> {
    views
        .iter()
        .filter_map(|view| if let StreamFigures::Disbursement(view) = &view.figures { Some(&**view) } else { None })
}

/// Figures by minute and cell, without those that are zero.
fn by_minute(views: &[Arc<PartitionView>]) -> BTreeMap<(Timestamp, CellIndex), (u64, u128)> {
    let mut sums = BTreeMap::<_, (u64, u128)>::new();
    for &(time, ref pane) in disbursements_of(views).flat_map(|view| view.rolling.minutes.all()) {
        for (&cell, figures) in pane.iter() {
            let (dispersals, net) = sums.entry((time, cell)).or_default();
            *dispersals += figures.dispersals;
            *net += figures.net;
        }
    }
    sums
}

/// Dispersals by slot and cell.
fn by_slot<'a>(slots: impl Iterator<Item = &'a Slots>) -> BTreeMap<(Timestamp, CellIndex), (u64, i64)> {
    let mut sums = BTreeMap::<_, (u64, i64)>::new();
    for slot in slots.flat_map(|slots| &slots.slots) {
        for (cell, figures) in &slot.cells {
            let (dispersals, people) = sums.entry((slot.span.start, *cell)).or_default();
            *dispersals += figures.dispersals;
            *people += figures.people[2];
        }
    }
    sums
}

/// People by hour of a slot.
fn by_hour<'a>(slots: impl Iterator<Item = &'a Slots>) -> BTreeMap<Timestamp, i64> {
    let mut sums = BTreeMap::new();
    for hour in slots.flat_map(|slots| &slots.slots).flat_map(|slot| &slot.hours) {
        *sums.entry(hour.start).or_default() += hour.states.iter().sum::<i64>();
    }
    sums
}

/// A merged view that is kept up is the sum of the views, as often as they were merged before.
fn check(merged: &MergedView, views: &Views) -> Result<(), TestCaseError> {
    let merged_view = view(StreamFigures::Disbursement(Box::new((*merged.disbursements).clone())));
    prop_assert_eq!(by_minute(&[merged_view]), by_minute(views));
    let slots = by_slot(disbursements_of(views).map(|view| &view.slots));
    prop_assert_eq!(by_slot(std::iter::once(&merged.disbursements.slots)), slots);
    let hours = by_hour(disbursements_of(views).map(|view| &view.slots));
    prop_assert_eq!(by_hour(std::iter::once(&merged.disbursements.slots)), hours);
    let cells = disbursements_of(views).map(|view| view.cells[1].dispersals).sum::<u64>();
    prop_assert_eq!(merged.disbursements.cells[1].dispersals, cells);
    let afresh = MergedView::of(views);
    let (kept, afresh_view) = (&merged.disbursements, &afresh.disbursements);
    prop_assert_eq!(kept.rolling.hours.all(), afresh_view.rolling.hours.all());
    prop_assert_eq!(&kept.rolling.before, &afresh_view.rolling.before);
    prop_assert_eq!(&merged.calls.waiting.minutes, &afresh.calls.waiting.minutes);
    let waiting = |merged: &MergedView| {
        let mut counts = [0; 3];
        merged.calls.waiting.add_to(&mut counts, at(6), 6 * MINUTE);
        counts.iter().sum::<u64>()
    };
    prop_assert_eq!(waiting(merged), merged.records[Stream::Call].outcomes[0]);
    let watermark = views.iter().filter(|view| view.stream == Stream::Disbursement).map(|view| view.watermark).max();
    prop_assert_eq!(merged.watermarks[Stream::Disbursement], watermark.flatten());
    let tallies = |slots: &Slots| slots.slots.iter().map(|slot| slot.tallies[0].amount).sum::<i128>();
    let expected: i128 = disbursements_of(views).map(|view| tallies(&view.slots)).sum();
    prop_assert_eq!(tallies(&merged.slots()[Stream::Disbursement]), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_merged_view_is_the_sum_of_the_views(steps in steps(), gap in 1_usize..5) {
        let (mut merger, mut views) = (ViewMerger::default(), empty_views());
        for (number, step) in steps.into_iter().enumerate() {
            apply(&mut views, step);
            if number % gap == 0 {
                check(&merger.merge(views.clone()), &views)?;
            }
        }
        // Another number of partitions begins anew.
        views.pop();
        views.remove(0);
        check(&merger.merge(views.clone()), &views)?;
    }
}

#[test]
fn what_has_not_changed_is_not_added_up_again() {
    let (mut merger, mut views) = (ViewMerger::default(), empty_views());
    for partition in 0..PARTITIONS {
        apply(&mut views, (partition, 0, 0, Change::Dispersal));
        apply(&mut views, (partition, 1, 0, Change::Dispersal));
        apply(&mut views, (partition, 1, 1, Change::Dispersal));
        apply(&mut views, (partition, 1, 0, Change::Call));
    }
    let first = merger.merge(views.clone());
    apply(&mut views, (2, 1, 0, Change::Dispersal));
    let second = merger.merge(views.clone());
    assert!(Arc::ptr_eq(&first.calls, &second.calls));
    let pane =
        |merged: &MergedView, minute| merged.disbursements.rolling.minutes.get(at(minute)).cloned().expect("a pane");
    assert!(Arc::ptr_eq(&pane(&first, 0), &pane(&second, 0)));
    assert_eq!([&first, &second].map(|merged| pane(merged, 1)[&CellIndex::new(0)].dispersals), [4, 5]);
    let hours = |merged: &MergedView| {
        let slots = &merged.disbursements.slots.slots;
        slots.get(at(1)).expect("a slot").hours.clone()
    };
    let (before, after) = (hours(&first), hours(&second));
    assert!(!Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]), "one hour of the slot changed");
    assert_eq!([&before, &after].map(|hours| hours[0].states[0]), [4, 5]);
}
