//! Staged targets: backfilled beside those that are shown, while events are applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use pacemeter::aggregate::{PartitionState, ViewConfig};
use pacemeter::allowlists::CellIndex;
use pacemeter::calendar::Interval;
use pacemeter::clock::Timestamp;
use pacemeter::targets::{Tally, Targets};
use pacemeter::view::slots::{SlotFigures, SlotHour, Slots};
use proptest::prelude::*;

use super::super::images::ImageInProgress;
use super::super::{Core, START, log, records_in};
use super::scene::{Scene, scene};

/// Figures of a slot without empty cells, and those of its hours if they are known.
type Shows = (BTreeMap<CellIndex, SlotFigures>, Vec<Tally>, BTreeMap<Timestamp, HourShows>);

/// Tallies and people by state of an hour.
type HourShows = (BTreeMap<usize, Tally>, BTreeMap<usize, i64>);

/// Figures of slots that are known as a whole and not empty.
fn shows(slots: &Slots) -> BTreeMap<Interval, Shows> {
    let whole = slots.slots.iter().filter(|slot| slot.span.start >= slots.counts_from);
    let show = whole.map(|slot| {
        let cells = slot.cells.iter().copied().filter(|(_, figures)| *figures != SlotFigures::default()).collect();
        let known = slot.hours.iter().filter(|_| slot.span.start >= slots.hours_from);
        let hours = known.map(|hour| (hour.start, show_hour(hour))).filter(|(_, shows)| *shows != HourShows::default());
        (slot.span, (cells, slot.tallies.clone(), hours.collect()))
    });
    let nothing = |(cells, tallies, hours): &Shows| {
        cells.is_empty() && hours.is_empty() && tallies.iter().all(|tally| *tally == Tally::default())
    };
    show.filter(|(_, shows)| !nothing(shows)).collect()
}

fn show_hour(hour: &SlotHour) -> HourShows {
    let tallies = hour.tallies.iter().copied().enumerate().filter(|(_, tally)| *tally != Tally::default());
    (tallies.collect(), hour.states.iter().copied().enumerate().filter(|(_, people)| *people != 0).collect())
}

fn assert_same_slots(core: &mut Core, expected: &mut Core) -> Result<(), TestCaseError> {
    for ((_, one), (_, other)) in core.partitions.iter_mut().zip(&mut expected.partitions) {
        let (one, other) = (one.slots(), other.slots());
        prop_assert_eq!((one.people_from, one.counts_from), (other.people_from, other.counts_from));
        prop_assert_eq!(shows(&one), shows(&other));
    }
    Ok(())
}

fn stage_targets(core: &mut Core, targets: &Arc<Targets>) {
    let view_config = ViewConfig { targets: Arc::clone(targets), ..core.view_config.clone() };
    core.partitions.iter_mut().for_each(|(_, partition)| partition.stage_targets(&view_config));
}

/// Backfills every partition; true once all are complete.
fn backfill(core: &mut Core, budget: usize) -> bool {
    let filled = |(_, partition): &mut (_, PartitionState)| partition.backfill(budget);
    core.partitions.iter_mut().map(filled).fold(true, |all, one| all & one)
}

fn promote(core: &mut Core, targets: &Arc<Targets>) {
    core.partitions.iter_mut().for_each(|(_, partition)| partition.promote());
    core.view_config.targets = Arc::clone(targets);
}

/// Actions beside one record.
#[derive(Debug, Clone)]
struct Beside {
    /// Budget of a backfill, if any.
    budget: Option<usize>,
    look: bool,
}

fn beside() -> impl Strategy<Value = Vec<Beside>> {
    let one =
        (prop::option::of(1..6_usize), prop::bool::weighted(0.1)).prop_map(|(budget, look)| Beside { budget, look });
    prop::collection::vec(one, 160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn staged_targets_read_as_if_always_there(
        log in log(), scene in scene(), first in 0..160_usize, second in 0..160_usize, beside in beside()
    ) {
        let Scene { targets: [before, passing, after], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let (first, second) = (first.min(second) % records.len(), first.max(second) % records.len());
        let (first, second) = (first.min(second), first.max(second));
        let (mut core, mut always) = (scene.core(before, START), scene.core(after, START));
        let mut coming: Option<&Arc<Targets>> = None;
        for (number, (record, Beside { budget, look })) in records.iter().zip(beside).enumerate() {
            for core in [&mut core, &mut always] {
                core.apply(record.stream, record.partition, &record.value, record.timestamp);
            }
            // The second often comes before the first is filled.
            for (at, targets) in [(first, passing), (second, after)] {
                if number == at {
                    stage_targets(&mut core, targets);
                    coming = Some(targets);
                }
            }
            if look {
                core.views(record.timestamp);
            }
            if let (Some(targets), Some(budget)) = (coming, budget)
                && backfill(&mut core, budget)
            {
                promote(&mut core, targets);
                coming = None;
                if number >= second {
                    assert_same_slots(&mut core, &mut always)?;
                }
            }
        }
        if coming.is_some() {
            while !backfill(&mut core, 3) {}
            promote(&mut core, after);
        }
        assert_same_slots(&mut core, &mut always)?;
        prop_assert_eq!(core.digests(), always.digests(), "targets change no state");
    }

    #[test]
    fn a_restored_partition_shows_the_same_targets(
        log in log(), scene in scene(), begun in 0..160_usize, beside in beside()
    ) {
        let Scene { targets: [before, _, after], .. } = &scene;
        let records = records_in(&log, &scene.zone());
        let begun = begun % records.len();
        let now = records[begun].timestamp;
        let (mut core, mut always) = (scene.core(before, START), scene.core(after, START));
        for (number, (record, Beside { budget, look })) in records.iter().zip(beside).enumerate() {
            for core in [&mut core, &mut always] {
                core.apply(record.stream, record.partition, &record.value, record.timestamp);
            }
            if look {
                core.views(record.timestamp);
            }
            if number == begun / 2 {
                stage_targets(&mut core, after);
            }
            if let (true, Some(budget)) = (number >= begun / 2 && number < begun, budget) {
                backfill(&mut core, budget);
            }
            if number == begun {
                core.view_config.targets = Arc::clone(after);
                let mut partitions = std::mem::take(&mut core.partitions);
                for (stream, partition) in &mut partitions {
                    *partition = ImageInProgress::begin(partition).restore(partition, *stream, &core, now);
                }
                core.partitions = partitions;
                assert_same_slots(&mut core, &mut always)?;
            }
        }
        assert_same_slots(&mut core, &mut always)?;
        prop_assert_eq!(core.digests(), always.digests());
    }
}
