//! Which cuts are due, and which are whole.
//!
//! Implements `spec/figures.md#cuts`. A partition *passes* the instant of a cut with the first record whose Kafka
//! timestamp is later, or once it is complete until `cuts.grace` after the instant: what it has applied by then is its
//! part of the cut. A cut is whole once every partition has passed it. Parts of cuts that are not stored yet are saved
//! with the partition's state, so that a restart neither loses nor changes them; a part that exists is never taken
//! again.
//!
//! Cuts may be wanted at new times, from a reload or a restart on. A partition that has passed such an instant by then
//! has no part, and can make none: the cut is missed. It must not be stored without that part, as a wrong figure for
//! all time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::calendar::CutTimes;
use crate::clock::{Millis, Timestamp, millis};
use crate::settings::SettingsReader;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::cut::PartitionCut;

/// The settings `cuts.grace` and `cuts.keep`.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Time beyond its instant for which a partition must be complete to pass a cut without a later record, in
    /// milliseconds: clocks differ.
    pub grace: Millis,
    /// Age beyond which cuts are neither taken nor kept, in milliseconds.
    pub keep: Millis,
}

impl Settings {
    pub(crate) fn read(reader: &mut SettingsReader) -> Self {
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        Self {
            grace: millis(reader.duration("cuts.grace", Duration::ZERO..=second * 3_600)),
            keep: millis(reader.duration("cuts.keep", day..=day * 36_600)),
        }
    }
}

/// The oldest cut that is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PendingCut {
    /// Every partition has passed it.
    Whole(Timestamp),
    /// A partition had passed it before it was wanted.
    Missed(Timestamp),
}

/// Decides which cuts partitions pass.
#[derive(Debug)]
pub(super) struct CutScheduler {
    settings: Settings,
    times: CutTimes,
    /// Closed periods as the stored cuts report them.
    pub(super) closed_periods: Arc<ClosedPeriods>,
}

/// Progress of one partition through the cuts, with its parts of those that are not stored.
#[derive(Debug, Default)]
pub(super) struct CutProgress {
    /// Timestamp of the first record. `None` before there is one, and in a state of a version that did not save it.
    first: Option<Timestamp>,
    /// First cut that is not passed; `None` before the first record, when there is nothing to be a part.
    next: Option<Timestamp>,
    parts: BTreeMap<Timestamp, PartitionCut>,
}

impl CutProgress {
    /// True if a record with this timestamp passes a cut, or is the first record.
    pub(super) fn is_passed_by(&self, timestamp: Timestamp) -> bool {
        self.next.is_none_or(|next| timestamp > next)
    }

    /// Parts of cuts that are not stored, to be saved with the state.
    pub(super) fn parts(&self) -> Vec<(Timestamp, PartitionCut)> {
        self.parts.iter().map(|(&at, part)| (at, part.clone())).collect()
    }

    /// Timestamp of the first record, if that is known.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// True if the partition had passed a cut before it was wanted. Without a part, it began later or that is so.
    fn has_missed(&self, at: Timestamp) -> bool {
        let has_passed = self.next.is_some_and(|next| next > at);
        has_passed && !self.parts.contains_key(&at) && self.first.is_none_or(|first| first <= at)
    }

    /// Part of the cut at an instant; `None` if the partition had no record by then.
    pub(super) fn part(&self, at: Timestamp) -> Option<&PartitionCut> {
        self.parts.get(&at)
    }

    /// Drops the part of a cut that is stored or missed.
    pub(super) fn drop_part(&mut self, at: Timestamp) {
        self.parts.remove(&at);
    }
}

impl CutScheduler {
    pub(super) fn new(settings: Settings, times: CutTimes, closed_periods: Arc<ClosedPeriods>) -> Self {
        Self { settings, times, closed_periods }
    }

    /// Resumes a partition: timestamps of its first and its last applied record, and the parts that were saved with its
    /// state.
    pub(super) fn resume(
        &self,
        first: Option<Timestamp>,
        last: Option<Timestamp>,
        parts: Vec<(Timestamp, PartitionCut)>,
    ) -> CutProgress {
        let parts = parts.into_iter().filter(|(at, _)| !self.closed_periods.has_cut(*at)).collect();
        CutProgress { first, next: last.map(|last| self.times.first_from(last)), parts }
    }

    /// Takes cuts at other times from now on.
    pub(super) fn change_times(&mut self, times: CutTimes) {
        self.times = times;
    }

    /// Finds a partition's next cut after the times have changed: the first that it has not passed. `last` is the
    /// timestamp of its last applied record.
    pub(super) fn reschedule(
        &self,
        progress: &mut CutProgress,
        last: Option<Timestamp>,
        complete_until: Option<Timestamp>,
    ) {
        let passed = complete_until.map(|complete| complete.saturating_sub(self.settings.grace));
        progress.next = last.map(|last| self.times.first_from(passed.map_or(last, |passed| last.max(passed))));
    }

    /// Passes every cut before `until`; `part` makes the partition's part of each.
    pub(super) fn pass(
        &self,
        progress: &mut CutProgress,
        until: Timestamp,
        mut part: impl FnMut(Timestamp) -> PartitionCut,
    ) {
        let Some(mut next) = progress.next else {
            (progress.first, progress.next) = (Some(until), Some(self.times.first_from(until)));
            return;
        };
        let oldest = until.saturating_sub(self.settings.keep);
        if next < oldest {
            next = self.times.first_from(oldest);
        }
        while next < until {
            if !self.closed_periods.has_cut(next) {
                progress.parts.entry(next).or_insert_with(|| part(next));
            }
            next = self.times.first_from(next + 1);
        }
        progress.next = Some(next);
    }

    /// Passes the cuts before which every record is known to be applied.
    pub(super) fn pass_complete(
        &self,
        progress: &mut CutProgress,
        complete_until: Timestamp,
        part: impl FnMut(Timestamp) -> PartitionCut,
    ) {
        let until = complete_until.saturating_sub(self.settings.grace);
        if progress.next.is_some_and(|next| until > next) {
            self.pass(progress, until, part);
        }
    }

    /// The oldest cut that is not stored; `None` while a partition has yet to pass it. Takes each partition's progress
    /// and "complete until".
    pub(super) fn oldest_pending<'a>(
        &self,
        partitions: impl Iterator<Item = (&'a CutProgress, Option<Timestamp>)> + Clone,
    ) -> Option<PendingCut> {
        let at = partitions.clone().filter_map(|(progress, _)| progress.parts.keys().next().copied()).min()?;
        if partitions.clone().any(|(progress, _)| progress.has_missed(at)) {
            return Some(PendingCut::Missed(at));
        }
        let mut partitions = partitions;
        let is_whole = partitions.all(|(progress, complete_until)| {
            progress.part(at).is_some()
                || match progress.next {
                    Some(next) => next > at,
                    None => complete_until.is_some_and(|complete| complete - self.settings.grace > at),
                }
        });
        is_whole.then_some(PendingCut::Whole(at))
    }

    /// Instant before which cuts are no longer kept.
    pub(super) fn oldest_kept(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.settings.keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};
    use jiff::tz::TimeZone;

    /// Midnight, UTC.
    const START: Timestamp = Timestamp::from_millis(18_400 * DAY);

    /// A scheduler and some partitions, addressed by position.
    struct Subject {
        scheduler: CutScheduler,
        partitions: Vec<CutProgress>,
    }

    impl Subject {
        fn new(partitions: usize) -> Self {
            let times = CutTimes::new(TimeZone::UTC, Vec::new(), None);
            let scheduler = CutScheduler::new(Settings { grace: 10_000, keep: 100 * DAY }, times, Arc::default());
            Self { scheduler, partitions: (0..partitions).map(|_| CutProgress::default()).collect() }
        }

        fn pass(&mut self, partition: usize, until: Timestamp, part: impl FnMut(Timestamp) -> PartitionCut) {
            self.scheduler.pass(&mut self.partitions[partition], until, part);
        }

        fn pass_complete(
            &mut self,
            partition: usize,
            complete: Timestamp,
            part: impl FnMut(Timestamp) -> PartitionCut,
        ) {
            self.scheduler.pass_complete(&mut self.partitions[partition], complete, part);
        }

        /// The oldest whole cut, and the offset of each partition's part.
        fn whole(&self, complete_until: Option<Timestamp>) -> Option<(Timestamp, Vec<Option<i64>>)> {
            let partitions = self.partitions.iter().map(|progress| (progress, complete_until));
            let PendingCut::Whole(at) = self.scheduler.oldest_pending(partitions)? else { panic!("a cut is missed") };
            let offset = |progress: &CutProgress| progress.part(at).map(|part| part.next_offset);
            Some((at, self.partitions.iter().map(offset).collect()))
        }
    }

    /// A part that is recognised by its offset.
    fn part(next_offset: i64) -> PartitionCut {
        PartitionCut { next_offset, ..PartitionCut::default() }
    }

    #[test]
    fn the_first_later_record_passes_a_cut_not_one_at_its_instant() {
        let mut subject = Subject::new(1);
        subject.pass(0, START + HOUR, |_| unreachable!("nothing was before the first record"));
        assert!(!subject.partitions[0].is_passed_by(START + DAY));
        assert!(subject.partitions[0].is_passed_by(START + DAY + 1));
        subject.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(subject.whole(None), Some((START + DAY, vec![Some(7)])));
    }

    #[test]
    fn a_cut_is_whole_once_every_partition_has_passed_it() {
        let mut subject = Subject::new(3);
        subject.pass(0, START + HOUR, |_| part(0));
        subject.pass(1, START + HOUR, |_| part(0));
        subject.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(subject.whole(None), None);
        subject.pass_complete(1, START + DAY + 10_000, |_| part(8));
        assert_eq!(subject.whole(None), None, "clocks may differ by the grace");
        subject.pass_complete(1, START + DAY + 10_001, |_| part(9));
        assert_eq!(subject.whole(None), None, "the third has no record, and may have had one by then");
        let complete = Some(START + DAY + 10_001);
        assert_eq!(subject.whole(complete), Some((START + DAY, vec![Some(7), Some(9), None])));
    }

    #[test]
    fn a_partition_that_begins_later_has_no_part() {
        let mut subject = Subject::new(2);
        subject.pass(1, START + 3 * DAY + HOUR, |_| part(0));
        subject.pass(0, START + HOUR, |_| part(0));
        subject.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(subject.whole(None), Some((START + DAY, vec![Some(7), None])));
    }

    #[test]
    fn parts_outlive_a_restart_and_are_not_taken_again() {
        let mut before = Subject::new(2);
        before.pass(0, START + HOUR, |_| part(0));
        before.pass(1, START + HOUR, |_| part(0));
        before.pass(0, START + DAY + 1, |_| part(7));
        let mut after = Subject::new(0);
        // The clock went back: the last record is older than the cut that was passed.
        for (last, progress) in [START + DAY - 5, START + HOUR].into_iter().zip(&before.partitions) {
            after.partitions.push(after.scheduler.resume(progress.first(), Some(last), progress.parts()));
        }
        after.pass(0, START + DAY + 1, |_| unreachable!("the part exists"));
        after.pass(1, START + DAY + 1, |_| part(8));
        assert_eq!(after.whole(None), Some((START + DAY, vec![Some(7), Some(8)])));
    }

    #[test]
    fn changed_times_lose_no_cut_that_is_not_passed() {
        let mut subject = Subject::new(1);
        subject.pass(0, START + HOUR, |_| part(0));
        // Complete until after midnight, but not by the grace.
        subject.scheduler.change_times(CutTimes::new(TimeZone::UTC, vec!["18:00".parse().unwrap()], None));
        let complete = Some(START + DAY + 5_000);
        subject.scheduler.reschedule(&mut subject.partitions[0], Some(START + 20 * HOUR), complete);
        subject.pass(0, START + DAY + 1, |_| part(7));
        assert_eq!(subject.whole(None), Some((START + DAY, vec![Some(7)])), "and 18:00 is over");
    }

    /// 18:00 is wanted from a reload or a restart on, between the last records of two partitions.
    #[test]
    fn a_new_time_that_a_partition_has_passed_is_missed() {
        let new_times = || CutTimes::new(TimeZone::UTC, vec!["18:00".parse().unwrap()], None);
        let [early, late] = [START + 17 * HOUR, START + 19 * HOUR];
        let cut = START + 18 * HOUR;
        for is_restarted in [false, true] {
            let mut subject = Subject::new(3);
            subject.pass(0, START + HOUR, |_| part(0));
            subject.pass(1, START + HOUR, |_| part(0));
            subject.scheduler.change_times(new_times());
            let lasts = [Some(early), Some(late), None];
            for (progress, last) in subject.partitions.iter_mut().zip(lasts) {
                if is_restarted {
                    *progress = subject.scheduler.resume(progress.first(), last, progress.parts());
                } else {
                    subject.scheduler.reschedule(progress, last, None);
                }
            }
            // The third begins later, so that it has no part of the cut and misses none.
            subject.pass(2, START + 20 * HOUR, |_| unreachable!());
            subject.pass(0, START + 20 * HOUR, |_| part(7));
            let pending = |subject: &Subject| {
                let partitions = subject.partitions.iter().map(|progress| (progress, None));
                subject.scheduler.oldest_pending(partitions)
            };
            assert_eq!(pending(&subject), Some(PendingCut::Missed(cut)));
            subject.partitions.iter_mut().for_each(|progress| progress.drop_part(cut));
            (0..3).for_each(|partition| subject.pass(partition, START + DAY + 1, |_| part(8)));
            assert_eq!(pending(&subject), Some(PendingCut::Whole(START + DAY)), "the next cut is whole");
        }
    }

    #[test]
    fn cuts_older_than_those_kept_are_not_taken() {
        let mut subject = Subject::new(1);
        subject.pass(0, START + HOUR, |_| part(0));
        let mut taken = 0;
        subject.pass(0, START + 5_000 * DAY, |_| {
            taken += 1;
            part(1)
        });
        assert_eq!(taken, 100);
    }
}
