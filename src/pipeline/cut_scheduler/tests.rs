use super::*;
use crate::clock::{DAY, HOUR};
use crate::record::RawRecord;
use jiff::tz::TimeZone;
use proptest::prelude::*;

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
        let mut span = |at| CutSpan { part: part(at), until: at, is_provisional: false };
        while !self.scheduler.pass(&mut self.partitions[partition], until, &mut span) {}
        self.partitions[partition].reach(Some(until));
    }

    /// Progress of a partition after a restart.
    fn resumed(&self, partition: usize) -> CutProgress {
        let progress = &self.partitions[partition];
        self.scheduler.resume(progress.timestamps, progress.saved())
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
        let span = |at| CutSpan { part: part(at), until: at, is_provisional: false };
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
    // A checkpoint of format version 5 knows the last record only, and the clock had gone back.
    before.partitions[0].passed = Some(START + DAY - 5);
    after.partitions = vec![before.resumed(0), before.resumed(1)];
    after.pass(0, START + DAY + 1, |_| unreachable!("the part exists"));
    after.pass(1, START + DAY + 1, |_| part(8));
    assert_eq!(after.whole(None), Some((START + DAY, vec![Some(7), Some(8)])));
}

#[test]
fn changed_times_lose_no_cut_that_is_not_passed() {
    let mut subject = Subject::new(1);
    subject.pass(0, START + HOUR, |_| part(0));
    subject.partitions[0].reach(Some(START + 20 * HOUR));
    // Complete until after midnight, but not by the grace.
    subject.pass_complete(0, START + DAY + 5_000, |_| unreachable!());
    subject.scheduler.change_times(CutTimes::new(TimeZone::UTC, vec!["18:00".parse().unwrap()], None));
    subject.scheduler.reschedule(&mut subject.partitions[0]);
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
        for (partition, last) in [Some(early), Some(late), None].into_iter().enumerate() {
            subject.partitions[partition].reach(last);
            if is_restarted {
                subject.partitions[partition] = subject.resumed(partition);
            } else {
                subject.scheduler.reschedule(&mut subject.partitions[partition]);
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
        CutSpan { part: part(7), until: Timestamp::MAX, is_provisional: false }
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
    subject.partitions[0].passed = Some(START + 2 * HOUR);
    subject.partitions[0] = subject.resumed(0);
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
            CutSpan { part: part(7), until: at, is_provisional: false }
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
    subject.scheduler.reschedule(&mut subject.partitions[0]);
    (0..2).for_each(|_| subject.pass_complete(0, complete, |_| part(7)));
    assert_eq!(store_all(&mut subject), (1..60).collect::<Vec<_>>());
}

const DEFAULT_TOPIC: TimestampSource = TimestampSource::Producer { is_delay_bounded: false };

fn with_timestamps(timestamps: TimestampSource) -> Subject {
    let mut subject = Subject::new(1);
    subject.partitions[0].timestamps = timestamps;
    subject.pass(0, START + HOUR, |_| part(0));
    subject
}

#[test]
fn producers_timestamps_pass_by_the_clock_two_hours_later() {
    for is_delay_bounded in [false, true] {
        let mut subject = with_timestamps(TimestampSource::Producer { is_delay_bounded });
        let due = START + DAY + 2 * HOUR + 10_000;
        subject.pass_complete(0, due, |_| unreachable!("a record of before may still come"));
        subject.pass_complete(0, due + 1, |_| part(7));
        assert_eq!(subject.whole(None), Some((START + DAY, vec![Some(7)])));
        let is_provisional = |progress: &CutProgress| subject.scheduler.is_provisional(progress, START + DAY);
        assert_eq!(is_provisional(&subject.partitions[0]), !is_delay_bounded);
        assert_eq!(is_provisional(&subject.resumed(0)), !is_delay_bounded, "also after a restart");
    }
}

#[test]
fn a_cut_that_a_later_record_passes_is_not_provisional() {
    let mut subject = with_timestamps(DEFAULT_TOPIC);
    subject.pass(0, START + DAY + 1, |_| part(7));
    subject.pass_complete(0, START + 2 * DAY, |_| unreachable!("the part exists"));
    assert!(!subject.scheduler.is_provisional(&subject.partitions[0], START + DAY));
}

#[test]
fn a_partition_without_records_may_yet_get_one() {
    let mut subject = with_timestamps(DEFAULT_TOPIC);
    subject.pass(0, START + DAY + 1, |_| part(7));
    for (timestamps, is_provisional) in [(DEFAULT_TOPIC, true), (TimestampSource::Broker, false)] {
        let empty = CutProgress { timestamps, ..CutProgress::default() };
        assert_eq!(subject.scheduler.is_provisional(&empty, START + DAY), is_provisional);
    }
    assert!(!subject.scheduler.is_provisional(&subject.partitions[0], START), "it began later");
}

#[test]
fn cuts_passed_by_the_clock_stay_passed_after_a_restart() {
    let mut subject = Subject::new(1);
    subject.pass(0, START + HOUR, |_| part(0));
    subject.pass_complete(0, START + DAY + HOUR, |_| part(7));
    subject.drop_part(START + DAY);
    subject.partitions[0] = subject.resumed(0);
    subject.pass(0, START + DAY + 2 * HOUR, |_| unreachable!("it would hold records of the next day"));
    assert!(subject.partitions[0].parts.is_empty());
}

/// A cut in a partition.
#[derive(Debug, Clone, Copy)]
struct PassedCut {
    end: i64,
    /// True if the partition passed it by the clock and no record has settled it.
    is_provisional: bool,
    /// Decision of the first record behind a provisional end.
    settles: Option<bool>,
}

/// Cuts of a partition whose records were written at `written` with these timestamps. `looks` are the times at which it
/// was known to be complete; none in a replay.
fn passed_cuts(
    source: TimestampSource,
    log: &[(Timestamp, Timestamp)],
    looks: &[Timestamp],
) -> BTreeMap<Timestamp, PassedCut> {
    let mut subject = Subject::new(1);
    subject.partitions[0].timestamps = source;
    let mut looks = looks.iter().copied().peekable();
    for (offset, &(written, timestamp)) in (0..).zip(log) {
        while let Some(look) = looks.next_if(|look| *look < written) {
            subject.pass_complete(0, look, |_| part(offset));
        }
        let raw = RawRecord {
            timestamp: Some(timestamp),
            is_producer_time: source != TimestampSource::Broker,
            ..RawRecord::default()
        };
        let instant = raw.written_after().unwrap();
        if subject.partitions[0].is_passed_by(instant) {
            subject.pass(0, instant, |_| part(offset));
        }
        subject.partitions[0].reach(Some(instant));
        subject.partitions[0].open_ends.take(offset, Some(instant));
    }
    let progress = &subject.partitions[0];
    let passed_cut = |at: Timestamp| {
        let end = progress.parts[&at].part.next_offset;
        let is_provisional = subject.scheduler.is_provisional(progress, at);
        PassedCut { end, is_provisional, settles: progress.open_ends.settles(end, at) }
    };
    progress.parts.keys().map(|at| (*at, passed_cut(*at))).collect()
}

proptest! {
    #[test]
    fn a_replay_ends_cuts_where_they_ended_live(
        steps in prop::collection::vec((0..5 * HOUR, -HOUR..=HOUR), 2..40),
        looks in prop::collection::vec(0..200 * HOUR, 0..60),
        late in prop::option::of((1..40_usize, 3 * HOUR..9 * HOUR)),
        has_broker_time: bool,
    ) {
        let mut written = START;
        let mut log = Vec::new();
        for (step, difference) in steps {
            written += step;
            log.push((written, written + if has_broker_time { 0 } else { difference }));
        }
        let mut looks: Vec<_> = looks.into_iter().map(|look| START + look).collect();
        looks.sort_unstable();
        let log_end = log.len() as i64;
        let bounded = TimestampSource::Producer { is_delay_bounded: true };
        let source = if has_broker_time { TimestampSource::Broker } else { bounded };
        // The replay may not have got a record that passes the last cuts.
        let end_of = |cuts: &BTreeMap<Timestamp, PassedCut>, at| cuts.get(&at).map_or(log_end, |cut| cut.end);
        let (live, replayed) = (passed_cuts(source, &log, &looks), passed_cuts(source, &log, &[]));
        for (at, cut) in live {
            prop_assert!(!cut.is_provisional);
            prop_assert_eq!(cut.end, end_of(&replayed, at));
        }
        let Some((number, delay)) = late.filter(|(number, _)| !has_broker_time && *number < log.len()) else { return Ok(()) };
        log[number].1 = log[number].0 - delay;
        let (live, replayed) = (passed_cuts(DEFAULT_TOPIC, &log, &looks), passed_cuts(DEFAULT_TOPIC, &log, &[]));
        for (at, cut) in live {
            let is_same = cut.end == end_of(&replayed, at);
            prop_assert!(cut.is_provisional || is_same);
            if let Some(settles) = cut.settles {
                prop_assert_eq!(settles, is_same, "a record behind the end decides, and a replay agrees");
            } else if cut.is_provisional {
                prop_assert_eq!(cut.end, log_end, "only a record can decide");
            }
        }
    }
}

#[test]
fn the_oldest_unstored_cut_is_overdue_or_the_next() {
    let mut subject = Subject::new(3);
    let oldest = |subject: &Subject| {
        subject.scheduler.oldest_unstored(subject.partitions.iter().map(|progress| (progress, None)))
    };
    assert_eq!(oldest(&subject), None, "without a record there is nothing to store");
    subject.pass(0, START + HOUR, |_| unreachable!());
    subject.pass(1, START + HOUR, |_| unreachable!());
    assert_eq!(oldest(&subject), Some(START + DAY), "it is the next");
    subject.pass(0, START + 3 * DAY + 1, |_| part(7));
    assert_eq!(oldest(&subject), Some(START + DAY), "one partition has yet to pass it");
    subject.pass(1, START + 3 * DAY + 1, |_| part(8));
    assert_eq!(oldest(&subject), Some(START + DAY), "it is whole, and not stored yet");
    for (stored, next) in [(DAY, 2 * DAY), (2 * DAY, 3 * DAY), (3 * DAY, 4 * DAY)] {
        subject.drop_part(START + stored);
        assert_eq!(oldest(&subject), Some(START + next));
    }
}
