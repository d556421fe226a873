//! Which cuts are due, and which are whole.
//!
//! Implements `spec/figures.md#cuts`. A partition *passes* the instant of a cut with the first record that was written
//! after it, or once it is complete until some time after the instant: what it has applied by then is its
//! part of the cut. A cut is whole once every partition has passed it. Parts of cuts that are not stored yet are saved
//! with the partition's state, so that a restart neither loses nor changes them; a part that exists is never taken
//! again.
//!
//! A replay must find the same time of writing for each record. A broker's timestamp is that time. A producer's may be ahead and behind by an hour, if the topic bounds it so: such a record passes only the cuts before
//! that hour, and a partition without one waits for two hours. Where nothing bounds the delay, a cut that is passed so is
//! provisional: a record that comes still later would belong to it in a replay.
//!
//! A producer's timestamp decides how many cuts a record passes: years of them, in any number of partitions. Two bounds
//! hold for any log:
//!
//! - Memory: consecutive cuts between which nothing changes are one [`CutSpan`]. The parts of a partition are as many as
//!   the slots with figures that it passes, not as the cuts.
//! - Time: at most [`PASSED_AT_ONCE`] spans are made at once. The record that passes more waits, and the task does what
//!   is due in between.
//!
//! Neither waits for a cut to be stored. That could not end: partitions are read one after another, so the first may be
//! years ahead of one whose records come later, and no cut between them is whole. Nor may a disk that stores no cuts
//! hold back figures.
//!
//! Cuts may be wanted at new times, from a reload or a restart on. A partition that has passed such an instant by then
//! has no part, and can make none: the cut is missed. It must not be stored without that part, as a wrong figure for
//! all time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cut_settlement::OpenEnds;
use crate::calendar::CutTimes;
use crate::clock::{Millis, Timestamp, millis};
use crate::record::{MAX_TIMESTAMP_AHEAD, MAX_TIMESTAMP_BEHIND};
use crate::settings::SettingsReader;
use crate::source::check::TimestampSource;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::cut::PartitionCut;

/// Maximum number of spans of cuts that a partition passes before the task does what else is due.
const PASSED_AT_ONCE: usize = 32;

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
    /// Source of the timestamps of the partition's records.
    timestamps: TimestampSource,
    /// Instant after which the first record was written. `None` before there is one, and in a state of a version that
    /// did not save it.
    first: Option<Timestamp>,
    /// Latest instant that was over when a record was written, or when all records up to some time had been applied.
    passed: Option<Timestamp>,
    /// First cut that is not passed; `None` before the first record, when there is nothing to be a part.
    next: Option<Timestamp>,
    /// Parts by the first cut of each span.
    parts: BTreeMap<Timestamp, CutSpan>,
    /// Ends of provisional cuts.
    pub(super) open_ends: OpenEnds,
}

/// Parts of consecutive cuts between which no figure of the partition changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CutSpan {
    /// Part of the first cut, from which those of the others follow.
    pub(super) part: PartitionCut,
    /// Last instant for which the part stands.
    pub(super) until: Timestamp,
    /// True if a late record may belong to the cuts, too.
    pub(super) is_provisional: bool,
}

impl CutProgress {
    /// True if a record that was written after this instant passes a cut, or is the first record.
    pub(super) fn is_passed_by(&self, instant: Timestamp) -> bool {
        self.next.is_none_or(|next| instant > next)
    }

    /// Opens the ends of provisional parts of which no record behind is applied.
    pub(super) fn reopen(&mut self, next_offset: i64) {
        let provisional = self.parts.values().filter(|span| span.is_provisional).map(|span| span.part.next_offset);
        provisional.filter(|end| *end >= next_offset).for_each(|end| self.open_ends.open(end));
    }

    /// Forgets ends that have a record behind them, but for those of parts.
    pub(super) fn forget_ends(&mut self) {
        let Self { parts, open_ends, .. } = self;
        open_ends.forget(|end| parts.values().any(|span| span.is_provisional && span.part.next_offset == end));
    }

    /// Takes a record that was written after this instant, once it has passed the cuts before.
    pub(super) fn reach(&mut self, instant: Option<Timestamp>) {
        self.passed = self.passed.max(instant);
    }

    /// True if the partition passes cuts without a later record though its topic bounds no delay of timestamps.
    fn is_provisional(&self) -> bool {
        self.timestamps == TimestampSource::Producer { is_delay_bounded: false }
    }

    /// True if the partition had passed a cut before it was wanted. Without a part, it began later or that is so.
    fn has_missed(&self, at: Timestamp) -> bool {
        let has_passed = self.next.is_some_and(|next| next > at);
        has_passed && self.span(at).is_none() && self.first.is_none_or(|first| first <= at)
    }

    /// Span of cuts that contains an instant, with the instant of its first cut.
    fn span(&self, at: Timestamp) -> Option<(Timestamp, &CutSpan)> {
        let (&first, span) = self.parts.range(..=at).next_back()?;
        (at <= span.until).then_some((first, span))
    }
}

impl CutScheduler {
    pub(super) fn new(settings: Settings, times: CutTimes, closed_periods: Arc<ClosedPeriods>) -> Self {
        Self { settings, times, closed_periods }
    }

    /// Resumes a partition where it was saved.
    pub(super) fn resume(&self, timestamps: TimestampSource, saved: SavedProgress) -> CutProgress {
        let SavedProgress { first, passed, parts } = saved;
        let next = passed.map(|passed| self.times.first_from(passed));
        let stored: Vec<_> = parts.iter().map(|(at, _)| *at).filter(|at| self.closed_periods.has_cut(*at)).collect();
        let (parts, open_ends) = (parts.into_iter().collect(), OpenEnds::default());
        let mut progress = CutProgress { timestamps, first, passed, next, parts, open_ends };
        stored.into_iter().for_each(|at| self.drop_part(&mut progress, at));
        progress
    }

    /// A partition's part of the cut at an instant; `None` if it had no record by then.
    pub(super) fn part(&self, progress: &CutProgress, at: Timestamp) -> Option<PartitionCut> {
        let (first, span) = progress.span(at)?;
        Some(if first == at { span.part.clone() } else { span.part.later(first, at, self.times.zone()) })
    }

    /// True if a late record of a partition may belong to the cut at an instant, which the partition has passed, or has
    /// come.
    pub(super) fn is_provisional(&self, progress: &CutProgress, at: Timestamp) -> bool {
        match progress.span(at) {
            Some((_, span)) => {
                span.is_provisional && progress.open_ends.settles(span.part.next_offset, at) != Some(true)
            }
            None => progress.first.is_none() && progress.is_provisional(),
        }
    }

    /// Drops a partition's part of the oldest cut that is not stored, now that it is stored or missed.
    pub(super) fn drop_part(&self, progress: &mut CutProgress, at: Timestamp) {
        let Some(CutSpan { part, until, is_provisional }) = progress.parts.remove(&at).filter(|span| at < span.until)
        else {
            return;
        };
        let mut next = self.times.first_from(at + 1);
        while next <= until && self.closed_periods.has_cut(next) {
            next = self.times.first_from(next + 1);
        }
        if next <= until {
            let part = part.later(at, next, self.times.zone());
            progress.parts.insert(next, CutSpan { part, until, is_provisional });
        }
    }

    /// Takes cuts at other times from now on.
    pub(super) fn change_times(&mut self, times: CutTimes) {
        self.times = times;
    }

    /// Finds a partition's next cut after the times have changed: the first that it has not passed.
    pub(super) fn reschedule(&self, progress: &mut CutProgress) {
        progress.next = progress.passed.map(|passed| self.times.first_from(passed));
    }

    /// Passes cuts before `until`; `part` makes the partition's part of a cut, and finds how long it stands. True once
    /// all are passed; false after [`PASSED_AT_ONCE`] spans, with some left.
    pub(super) fn pass(
        &self,
        progress: &mut CutProgress,
        until: Timestamp,
        mut part: impl FnMut(Timestamp) -> CutSpan,
    ) -> bool {
        let Some(mut next) = progress.next else {
            (progress.first, progress.next) = (Some(until), Some(self.times.first_from(until)));
            return true;
        };
        let oldest = until.saturating_sub(self.settings.keep);
        if next < oldest {
            next = self.times.first_from(oldest);
        }
        for _ in 0..PASSED_AT_ONCE {
            if next >= until {
                break;
            }
            let last = match progress.span(next) {
                Some((_, span)) => self.last_cut(next, until, span.until),
                None if self.closed_periods.has_cut(next) => next,
                None => {
                    let span = part(next);
                    let later = progress.parts.range(next..).next().map_or(until, |(&later, _)| later.min(until));
                    let last = self.last_cut(next, later, span.until);
                    progress.parts.insert(next, CutSpan { until: last, ..span });
                    last
                }
            };
            next = self.times.first_from(last + 1);
        }
        progress.next = Some(next);
        next >= until
    }

    /// Last cut from the one at `first` on that is before `until` and not after `unchanged_until`.
    fn last_cut(&self, first: Timestamp, until: Timestamp, unchanged_until: Timestamp) -> Timestamp {
        let end = if unchanged_until < until { unchanged_until + 1 } else { until };
        self.times.last_before(end).max(first)
    }

    /// Passes the cuts before which every record is known to be applied, as many as [`CutScheduler::pass`] at once.
    pub(super) fn pass_complete(
        &self,
        progress: &mut CutProgress,
        complete_until: Timestamp,
        mut part: impl FnMut(Timestamp) -> CutSpan,
    ) {
        let until = self.passed_by_clock(progress, complete_until);
        let is_provisional = progress.is_provisional();
        let passes = progress.next.is_some_and(|next| until > next);
        let mut end = None;
        let part = |at| {
            let span = part(at);
            end = Some(span.part.next_offset);
            CutSpan { is_provisional, ..span }
        };
        if passes && self.pass(progress, until, part) {
            progress.reach(Some(until));
        }
        if let Some(end) = end.filter(|_| is_provisional) {
            progress.open_ends.open(end);
        }
    }

    /// Instant before which a partition passes the cuts without a later record.
    fn passed_by_clock(&self, progress: &CutProgress, complete_until: Timestamp) -> Timestamp {
        // A record may come as late as its timestamp may be behind, and belongs to the cut if it may be as far ahead.
        let delay = match progress.timestamps {
            TimestampSource::Broker => 0,
            TimestampSource::Producer { .. } => MAX_TIMESTAMP_AHEAD + MAX_TIMESTAMP_BEHIND,
        };
        complete_until.saturating_sub(self.settings.grace + delay)
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
        let is_whole = partitions.clone().all(|(progress, complete_until)| {
            progress.span(at).is_some() || self.passed_until(progress, complete_until).is_some_and(|until| until > at)
        });
        is_whole.then_some(PendingCut::Whole(at))
    }

    /// The oldest cut that is not stored, which may be in the future; `None` before the first record.
    pub(super) fn oldest_unstored<'a>(
        &self,
        partitions: impl Iterator<Item = (&'a CutProgress, Option<Timestamp>)>,
    ) -> Option<Timestamp> {
        let oldest =
            |progress: &CutProgress| progress.parts.keys().next().copied().into_iter().chain(progress.next).min();
        partitions.filter_map(|(progress, _)| oldest(progress)).min()
    }

    /// Instant before which every partition has passed the cuts; `None` while one has passed none.
    pub(super) fn passed_before<'a>(
        &self,
        mut partitions: impl Iterator<Item = (&'a CutProgress, Option<Timestamp>)>,
    ) -> Option<Timestamp> {
        partitions.try_fold(Timestamp::MAX, |before, (progress, complete_until)| {
            Some(before.min(self.passed_until(progress, complete_until)?))
        })
    }

    /// Instant before which a partition has passed the cuts. One without records has no part of any.
    fn passed_until(&self, progress: &CutProgress, complete_until: Option<Timestamp>) -> Option<Timestamp> {
        progress.next.or_else(|| Some(self.passed_by_clock(progress, complete_until?)))
    }

    /// Instant before which cuts are no longer kept.
    pub(super) fn oldest_kept(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.settings.keep)
    }
}

mod saved;
#[cfg(test)]
mod tests;

pub(super) use self::saved::SavedProgress;
