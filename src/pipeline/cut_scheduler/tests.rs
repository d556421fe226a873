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

    /// Passes all cuts, with a part that stands for its own cut alone.
    fn pass(&mut self, partition: usize, until: Timestamp, mut part: impl FnMut(Timestamp) -> PartitionCut) {
        let mut span = |at| CutSpan { part: part(at), until: at };
        while !self.scheduler.pass(&mut self.partitions[partition], until, &mut span) {}
    }

    /// Drops the part of a cut in every partition.
    fn drop_part(&mut self, at: Timestamp) {
        self.partitions.iter_mut().for_each(|progress| self.scheduler.drop_part(progress, at));
    }

    fn pass_complete(
        &mut self,
        partition: usize,
        complete: Timestamp,
        mut part: impl FnMut(Timestamp) -> PartitionCut,
    ) {
        let span = |at| CutSpan { part: part(at), until: at };
        self.scheduler.pass_complete(&mut self.partitions[partition], complete, span);
    }

    /// The oldest whole cut, and the offset of each partition's part.
    fn whole(&self, complete_until: Option<Timestamp>) -> Option<(Timestamp, Vec<Option<i64>>)> {
        let partitions = self.partitions.iter().map(|progress| (progress, complete_until));
        let PendingCut::Whole(at) = self.scheduler.oldest_pending(partitions)? else { panic!("a cut is missed") };
        let offset = |progress: &CutProgress| self.scheduler.part(progress, at).map(|part| part.next_offset);
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
        subject.drop_part(cut);
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

/// 90 days of cuts without a figure between them.
fn with_a_long_stretch() -> Subject {
    let mut subject = Subject::new(1);
    subject.pass(0, START + HOUR, |_| part(0));
    let mut made = 0;
    let is_done = subject.scheduler.pass(&mut subject.partitions[0], START + 90 * DAY + HOUR, |_| {
        made += 1;
        CutSpan { part: part(7), until: Timestamp::MAX }
    });
    assert!(is_done);
    assert_eq!((made, subject.partitions[0].parts.len()), (1, 1));
    subject
}

/// The whole cuts until there is none, by day.
fn store_all(subject: &mut Subject) -> Vec<i64> {
    let mut days = Vec::new();
    while let Some((at, offsets)) = subject.whole(None) {
        assert_eq!(offsets, [Some(7)]);
        subject.drop_part(at);
        days.push((at - START) / DAY);
    }
    days
}

#[test]
fn cuts_without_a_change_between_are_one_part() {
    let mut subject = with_a_long_stretch();
    assert_eq!(store_all(&mut subject), (1..=90).collect::<Vec<_>>());
    assert!(subject.partitions[0].parts.is_empty());
    subject.pass(0, START + 91 * DAY + 1, |_| part(7));
    assert_eq!(store_all(&mut subject), [91]);
}

#[test]
fn a_stretch_of_cuts_outlives_a_restart() {
    let mut subject = with_a_long_stretch();
    let mut closed_periods = ClosedPeriods::default();
    [1, 2, 4].into_iter().for_each(|day| closed_periods.add_cut(START + day * DAY));
    subject.scheduler.closed_periods = Arc::new(closed_periods);
    let (first, parts) = (subject.partitions[0].first(), subject.partitions[0].parts());
    subject.partitions[0] = subject.scheduler.resume(first, Some(START + 2 * HOUR), parts);
    subject.pass(0, START + 90 * DAY + HOUR, |at| unreachable!("{at} has a part or is stored"));
    assert_eq!(store_all(&mut subject), [3].into_iter().chain(5..=90).collect::<Vec<_>>());
}

#[test]
fn cuts_are_passed_in_bounded_steps() {
    let mut subject = Subject::new(1);
    subject.pass(0, START + HOUR, |_| part(0));
    let (until, mut made) = (START + 90 * DAY + HOUR, 0);
    let mut steps = vec![];
    loop {
        let before = made;
        let is_done = subject.scheduler.pass(&mut subject.partitions[0], until, |at| {
            made += 1;
            CutSpan { part: part(7), until: at }
        });
        assert_ne!(subject.partitions[0].is_passed_by(until), is_done);
        steps.push(made - before);
        if is_done {
            break;
        }
    }
    assert_eq!(steps, [32, 32, 26]);
    assert_eq!(store_all(&mut subject), (1..=90).collect::<Vec<_>>());
}

#[test]
fn changed_times_lose_no_cut_that_is_yet_to_be_passed() {
    let mut subject = Subject::new(1);
    subject.pass(0, START + HOUR, |_| part(0));
    let complete = START + 60 * DAY;
    subject.pass_complete(0, complete, |_| part(7));
    subject.scheduler.change_times(CutTimes::new(TimeZone::UTC, Vec::new(), None));
    subject.scheduler.reschedule(&mut subject.partitions[0], Some(START + 2 * HOUR), Some(complete));
    (0..2).for_each(|_| subject.pass_complete(0, complete, |_| part(7)));
    assert_eq!(store_all(&mut subject), (1..60).collect::<Vec<_>>());
}
