//! Which cuts are due, and what there is of them.
//!
//! A partition *passes* the instant of a cut with the first record whose Kafka timestamp is later, or once it is complete until a while after it: what
//! it has applied until then is its part. A cut is whole once every partition has passed it. Parts of cuts that are not stored yet are saved with
//! the partition's state, so that a restart neither loses nor changes them; a part that is there is never taken again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::calendar::CutTimes;
use crate::clock::{Millis, millis};
use crate::cuts::ClosedPeriods;
use crate::settings::SettingsReader;
use crate::view::cut::PartitionCut;

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How much longer than to its instant a partition must be complete to pass a cut without a later record: clocks differ.
    pub grace: Millis,
    /// Cuts that are older than this are not taken, and no longer kept.
    pub keep: Millis,
}

impl Settings {
    pub fn read(reader: &mut SettingsReader) -> Self {
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        Self {
            grace: millis(reader.duration("cuts.grace", Duration::ZERO..=second * 3_600)),
            keep: millis(reader.duration("cuts.keep", day..=day * 36_600)),
        }
    }
}

#[derive(Debug)]
pub struct CutScheduler {
    settings: Settings,
    times: CutTimes,
    /// By slot.
    partitions: Vec<Progress>,
    /// Cuts that are not stored, by their instants: a part by slot.
    open: BTreeMap<Millis, Vec<Option<PartitionCut>>>,
    /// What the stored ones say.
    pub closed_periods: Arc<ClosedPeriods>,
}

/// Where a partition is among the cuts.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// None before its first record.
    begun: bool,
    /// The first cut that it has not passed; while it has not begun, any timestamp is later.
    next: Millis,
}

impl CutScheduler {
    pub fn new(settings: Settings, times: CutTimes, closed_periods: Arc<ClosedPeriods>) -> Self {
        Self { settings, times, partitions: Vec::new(), open: BTreeMap::new(), closed_periods }
    }

    /// Goes on with partitions by slot: the timestamp of the last record taken, and the parts that were saved.
    pub fn begin(&mut self, partitions: impl Iterator<Item = (Option<Millis>, Vec<(Millis, PartitionCut)>)>) {
        let partitions: Vec<_> = partitions.collect();
        self.open.clear();
        for (slot, (_, parts)) in partitions.iter().enumerate() {
            for (at, part) in parts.iter().filter(|(at, _)| !self.closed_periods.has_cut(*at)) {
                self.open.entry(*at).or_insert_with(|| vec![None; partitions.len()])[slot] = Some(part.clone());
            }
        }
        self.partitions = partitions.into_iter().map(|(last, _)| self.after(last)).collect();
    }

    fn after(&self, last: Option<Millis>) -> Progress {
        last.map_or(Progress { begun: false, next: Millis::MIN }, |last| Progress {
            begun: true,
            next: self.times.first_from(last),
        })
    }

    /// Takes cuts at other times from now on: all that no partition has passed yet. By slot: the timestamp of the last record taken, and until when
    /// all is applied.
    pub fn change_times(&mut self, times: CutTimes, latest: impl Iterator<Item = (Option<Millis>, Option<Millis>)>) {
        self.times = times;
        let grace = self.settings.grace;
        let passed = |last: Millis, complete: Option<Millis>| {
            complete.map_or(last, |complete| last.max(complete.saturating_sub(grace)))
        };
        self.partitions = latest.map(|(last, complete)| self.after(last.map(|last| passed(last, complete)))).collect();
    }

    /// Whether a record of this timestamp passes a cut.
    pub fn is_passed_by(&self, slot: usize, timestamp: Millis) -> bool {
        timestamp > self.partitions[slot].next
    }

    /// Passes every cut before `until`; `part` makes the partition's part of each.
    pub fn pass(&mut self, slot: usize, until: Millis, mut part: impl FnMut(Millis) -> PartitionCut) {
        let Progress { begun, mut next } = self.partitions[slot];
        if !begun {
            self.partitions[slot] = self.after(Some(until));
            return;
        }
        let oldest = until.saturating_sub(self.settings.keep);
        if next < oldest {
            next = self.times.first_from(oldest);
        }
        while next < until {
            if !self.closed_periods.has_cut(next) {
                let parts = self.open.entry(next).or_insert_with(|| vec![None; self.partitions.len()]);
                parts[slot].get_or_insert_with(|| part(next));
            }
            next = self.times.first_from(next + 1);
        }
        self.partitions[slot].next = next;
    }

    /// The same by what is known to be complete: a reading of the clock before which every record is applied.
    pub fn pass_complete(&mut self, slot: usize, complete_until: Millis, part: impl FnMut(Millis) -> PartitionCut) {
        let until = complete_until.saturating_sub(self.settings.grace);
        if self.partitions[slot].begun && self.is_passed_by(slot, until) {
            self.pass(slot, until, part);
        }
    }

    /// The oldest cut that is not stored, if every partition has passed it; of a partition that had no record by then there is no part.
    pub fn whole(&self, complete_until: impl Fn(usize) -> Option<Millis>) -> Option<(Millis, &[Option<PartitionCut>])> {
        let (&at, parts) = self.open.first_key_value()?;
        let has_passed = |slot: usize| {
            let Progress { begun, next } = self.partitions[slot];
            if begun {
                next > at
            } else {
                complete_until(slot).is_some_and(|complete| complete - self.settings.grace > at)
            }
        };
        parts
            .iter()
            .enumerate()
            .all(|(slot, part)| part.is_some() || has_passed(slot))
            .then_some((at, parts.as_slice()))
    }

    /// A cut is stored: its parts are needed no more.
    pub fn stored(&mut self, at: Millis, closed_periods: ClosedPeriods) {
        self.open.remove(&at);
        self.closed_periods = Arc::new(closed_periods);
    }

    /// Before it cuts are no longer kept.
    pub fn oldest(&self, now: Millis) -> Millis {
        now.saturating_sub(self.settings.keep)
    }

    /// What is to be saved with a partition's state.
    pub fn parts_of(&self, slot: usize) -> Vec<(Millis, PartitionCut)> {
        self.open.iter().filter_map(|(&at, parts)| Some((at, parts[slot].clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};
    use jiff::tz::TimeZone;

    /// Midnight, UTC.
    const START: Millis = 18_400 * DAY;

    fn cut_scheduler(partitions: usize) -> CutScheduler {
        let times = CutTimes::new(TimeZone::UTC, Vec::new(), None);
        let mut cut_scheduler = CutScheduler::new(Settings { grace: 10_000, keep: 100 * DAY }, times, Arc::default());
        cut_scheduler.begin((0..partitions).map(|_| (None, Vec::new())));
        cut_scheduler
    }

    /// A part that tells which one it is.
    fn part(next_offset: i64) -> PartitionCut {
        PartitionCut { next_offset, ..PartitionCut::default() }
    }

    fn offsets(whole: Option<(Millis, &[Option<PartitionCut>])>) -> Option<(Millis, Vec<Option<i64>>)> {
        whole.map(|(at, parts)| (at, parts.iter().map(|part| part.as_ref().map(|part| part.next_offset)).collect()))
    }

    #[test]
    fn the_first_later_record_passes_a_cut_and_one_at_its_instant_does_not() {
        let mut cut_scheduler = cut_scheduler(1);
        cut_scheduler.pass(0, START + HOUR, |_| unreachable!("nothing was before the first record"));
        assert!(!cut_scheduler.is_passed_by(0, START + DAY));
        assert!(cut_scheduler.is_passed_by(0, START + DAY + 1));
        cut_scheduler.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(offsets(cut_scheduler.whole(|_| None)), Some((START + DAY, vec![Some(7)])));
    }

    #[test]
    fn a_cut_is_whole_once_every_partition_has_passed_it() {
        let mut cut_scheduler = cut_scheduler(3);
        cut_scheduler.pass(0, START + HOUR, |_| part(0));
        cut_scheduler.pass(1, START + HOUR, |_| part(0));
        cut_scheduler.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(offsets(cut_scheduler.whole(|_| None)), None);
        cut_scheduler.pass_complete(1, START + DAY + 10_000, |_| part(8));
        assert_eq!(offsets(cut_scheduler.whole(|_| None)), None, "clocks may differ by the grace");
        cut_scheduler.pass_complete(1, START + DAY + 10_001, |_| part(9));
        assert_eq!(
            offsets(cut_scheduler.whole(|_| None)),
            None,
            "the third has no record, and may have had one by then"
        );
        let complete = |_| Some(START + DAY + 10_001);
        assert_eq!(offsets(cut_scheduler.whole(complete)), Some((START + DAY, vec![Some(7), Some(9), None])));
    }

    #[test]
    fn a_partition_that_begins_later_has_no_part() {
        let mut cut_scheduler = cut_scheduler(2);
        cut_scheduler.pass(1, START + 3 * DAY + HOUR, |_| part(0));
        cut_scheduler.pass(0, START + HOUR, |_| part(0));
        cut_scheduler.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(offsets(cut_scheduler.whole(|_| None)), Some((START + DAY, vec![Some(7), None])));
    }

    #[test]
    fn parts_outlive_a_restart_and_are_not_taken_again() {
        let mut before = cut_scheduler(2);
        before.pass(0, START + HOUR, |_| part(0));
        before.pass(1, START + HOUR, |_| part(0));
        before.pass(0, START + DAY + 1, |_| part(7));
        let mut after = cut_scheduler(2);
        // A clock that went back: the last record is older than the cut that was passed.
        after
            .begin([(Some(START + DAY - 5), before.parts_of(0)), (Some(START + HOUR), before.parts_of(1))].into_iter());
        after.pass(0, START + DAY + 1, |_| unreachable!("the part is there"));
        after.pass(1, START + DAY + 1, |_| part(8));
        assert_eq!(offsets(after.whole(|_| None)), Some((START + DAY, vec![Some(7), Some(8)])));
    }

    #[test]
    fn other_times_lose_no_cut_that_is_not_passed() {
        let mut cut_scheduler = cut_scheduler(1);
        cut_scheduler.pass(0, START + HOUR, |_| part(0));
        // Complete until after midnight, but not by the grace.
        let times = CutTimes::new(TimeZone::UTC, vec!["18:00".parse().unwrap()], None);
        cut_scheduler.change_times(times, [(Some(START + 20 * HOUR), Some(START + DAY + 5_000))].into_iter());
        cut_scheduler.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(offsets(cut_scheduler.whole(|_| None)), Some((START + DAY, vec![Some(7)])), "and 18:00 is over");
    }

    #[test]
    fn cuts_older_than_those_kept_are_not_taken() {
        let mut cut_scheduler = cut_scheduler(1);
        cut_scheduler.pass(0, START + HOUR, |_| part(0));
        let mut taken = 0;
        cut_scheduler.pass(0, START + 5_000 * DAY, |_| {
            taken += 1;
            part(1)
        });
        assert_eq!(taken, 100);
    }
}
