//! Producers that spread the events of one key over partitions.

use super::*;
use crate::record::{Header, Outcome, RawRecord, RawRecords};

const START: &str = "2026-09-22T12:00:00Z";
const PARTITIONS: i32 = 6;

/// Records of any partitions, each with its offset.
struct Records {
    records: Vec<(PartitionIndex, i64, String)>,
    timestamp: Timestamp,
}

impl RawRecords for Records {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn partition(&self, position: usize) -> PartitionIndex {
        self.records[position].0
    }

    fn get<'a, 'b>(&'b self, position: usize, _headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a> {
        self.without_headers(position)
    }

    fn without_headers(&self, position: usize) -> RawRecord<'_> {
        let (_, offset, value) = &self.records[position];
        let (timestamp, value) = (Some(self.timestamp), Some(value.as_bytes()));
        RawRecord { offset: *offset, timestamp, value, ..RawRecord::default() }
    }
}

/// A task that reads the partitions of one topic, and the records written to them.
struct Topic {
    rig: Rig,
    decoder: Decoder,
    ends: Vec<i64>,
}

impl Topic {
    fn stored(stream: Stream, store: &CheckpointStore) -> Self {
        let mut rig = Rig::on(store.clone(), PARTITIONS, START, &[]);
        rig.partitions.iter_mut().for_each(|partition| partition.stream = stream);
        rig.task.worker.take(WorkerMessage::LogsFound(inventory(&rig.partitions))).unwrap();
        Self { rig, decoder: decoder(), ends: vec![0; PARTITIONS as usize] }
    }

    fn new(stream: Stream) -> Self {
        Self::stored(stream, &CheckpointStore::new(Arc::new(MemoryDisk::default())))
    }

    /// Applies records, each in a partition.
    fn apply(&mut self, records: impl IntoIterator<Item = (usize, String)>) -> &mut Self {
        let resume_points =
            self.ends.iter().map(|&next_offset| ResumePoint { next_offset, last_record: None }).collect();
        let offset = |(partition, value): (usize, String)| {
            self.ends[partition] += 1;
            (PartitionIndex::new(partition), self.ends[partition] - 1, value)
        };
        let records = Records { records: records.into_iter().map(offset).collect(), timestamp: self.rig.start };
        let (excluded, partitions) = (PerStream::default(), self.rig.partitions.clone());
        let mut decoder = BatchDecoder::new(&self.decoder, &excluded, partitions, resume_points);
        let batch = decoder.decode(records, self.rig.clock.instant()).unwrap();
        self.rig.task.worker.take(WorkerMessage::Records(batch)).unwrap();
        self.rig.task.worker.apply(usize::MAX);
        self
    }

    /// Keys of the sample in more than one partition.
    fn misplaced(&self) -> i64 {
        let stream = self.rig.partitions[0].stream;
        self.rig.metrics.state.misplaced_keys.with_label_values(&[stream.name()]).get()
    }

    fn is_ready(&mut self) -> bool {
        let end = |(number, &end): (usize, &i64)| (PartitionIndex::new(number), End { stable: end, high: end });
        let ends = self.ends.iter().enumerate().map(end).collect();
        let worker = &mut self.rig.task.worker;
        worker.take(WorkerMessage::Ends { asked: self.rig.start, ends, missing: Vec::new() }).unwrap();
        worker.publish(0);
        self.rig.letters.observe(|seen| seen.publisher.newest().is_ready(seen.clock.instant()))
    }

    /// Number of records applied.
    fn applied(&mut self) -> u64 {
        self.rig.task.worker.publish(0);
        let snapshot = self.rig.letters.observe(|seen| seen.publisher.newest());
        snapshot.partitions.iter().map(|status| status.view.counts.outcomes[Outcome::Applied as usize]).sum()
    }
}

fn disbursement(kind: &str, person: usize, support: usize) -> String {
    format!(
        r#"{{"id":"{kind}-{support}","type":"disbursement.{kind}","time":"{START}","programme":"p",
        "beneficiary":"B-{person}","credit":"C-{support}","amount":"25000.00"}}"#
    )
}

fn call(kind: &str, call: usize) -> String {
    format!(r#"{{"id":"{kind}-{call}","type":"call.{kind}","time":"{START}","call":"L-{call}","queue":"q"}}"#)
}

fn status(number: usize, agent: usize) -> String {
    format!(
        r#"{{"id":"s-{number}","type":"call.agent_status","time":"{START}","agent":"A-{agent}","status":"available"}}"#
    )
}

fn milestone(number: usize, initiative: usize) -> String {
    format!(
        r#"{{"id":"m-{number}","type":"milestone.reached","time":"{START}","initiative":"I-{initiative}","milestone":"m"}}"#
    )
}

/// Partition that Java clients choose for a key.
fn murmur2(key: &str) -> usize {
    const FACTOR: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let (words, rest) = key.as_bytes().as_chunks::<4>();
    for word in words {
        let mixed = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ (mixed ^ mixed >> 24).wrapping_mul(FACTOR);
    }
    for (place, &byte) in rest.iter().enumerate() {
        hash ^= u32::from(byte) << (8 * place);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(FACTOR);
    ((hash ^ hash >> 15) & 0x7fff_ffff) as usize % PARTITIONS as usize
}

/// Partition that librdkafka chooses for a key.
fn crc32(key: &str) -> usize {
    let step = |crc: u32| (0..8).fold(crc, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 });
    !key.bytes().fold(u32::MAX, |crc, byte| step(crc ^ u32::from(byte))) as usize % PARTITIONS as usize
}

#[test]
fn supports_over_three_partitions_without_keys_are_noticed() {
    let mut topic = Topic::new(Stream::Disbursement);
    let events = |kind: &'static str, shift| {
        (0..20_000).map(move |support| ((support + shift) % 6, disbursement(kind, support, support)))
    };
    topic.apply(events("approved", 0)).apply(events("dispersed", 2));
    topic.apply(events("returned", 4));
    assert_eq!(topic.applied(), 60_000);
    assert!((20..80).contains(&topic.misplaced()), "{} of 39 people and supports", topic.misplaced());
    assert!(topic.is_ready(), "every record is in the figures, though in wrong ones");
}

#[test]
fn supports_of_one_person_are_enough() {
    // Nobody is paid yet, and each support is in one partition.
    let mut topic = Topic::new(Stream::Disbursement);
    let applied = |support: usize| (support % 6, disbursement("applied", support / 2, support));
    topic.apply((0..20_000).map(applied));
    assert!((2..30).contains(&topic.misplaced()), "{} of 10 people", topic.misplaced());
}

#[test]
fn calls_answered_in_the_next_partition_are_noticed() {
    let mut topic = Topic::new(Stream::Call);
    topic.apply((0..3_000).map(|number| (number % 6, call("offered", number))));
    assert_eq!(topic.misplaced(), 0);
    topic.apply((0..3_000).map(|number| ((number + 1) % 6, call("answered", number))));
    assert_eq!(topic.applied(), 6_000);
    assert!((1..10).contains(&topic.misplaced()), "{} of 3", topic.misplaced());
}

#[test]
fn agents_in_two_partitions_are_noticed_though_they_are_few() {
    let mut topic = Topic::new(Stream::Call);
    topic.apply((0..400).map(|number| (number % 6, status(number, number % 200))));
    assert!((5..30).contains(&topic.misplaced()), "{} of 12", topic.misplaced());
}

#[test]
fn an_initiative_in_two_partitions_is_noticed() {
    let mut topic = Topic::new(Stream::Milestone);
    topic.apply([(0, milestone(1, 1)), (1, milestone(2, 2)), (0, milestone(3, 1))]);
    assert_eq!(topic.misplaced(), 0);
    topic.apply([(4, milestone(4, 2))]);
    assert_eq!(topic.misplaced(), 1);
}

#[test]
fn after_a_restart_the_misplaced_are_found_in_state() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let mut topic = Topic::stored(Stream::Disbursement, &store);
    topic.apply((0..20_000).map(|number| (number % 6, disbursement("approved", number, number))));
    topic.apply((0..20_000).map(|number| ((number + 1) % 6, disbursement("dispersed", number, number))));
    let before = topic.misplaced();
    topic.rig.save();
    let mut topic = Topic::stored(Stream::Disbursement, &store);
    // Not the people: each was paid in one partition.
    let supports = topic.misplaced();
    assert!(supports >= 10 && supports < before, "{supports} of {before}");
    assert_eq!(topic.applied(), 40_000);
}

#[test]
fn a_call_that_one_partition_has_forgotten_is_not_misplaced() {
    let mut topic = Topic::new(Stream::Call);
    let at = |time: &str, call: String| call.replace(START, time);
    let old = |number: usize| at("2026-09-14T12:00:00Z", call("offered", number));
    topic.apply((0..3_000).map(|number| (number % 6, old(number))));
    topic.apply((0..3_000).map(|number| ((number + 1) % 6, at("2026-09-14T12:00:00Z", call("answered", number)))));
    assert!(topic.misplaced() > 0);
    // Eight days later: the horizon is seven.
    topic.apply((10_000..13_000).map(|number| (number % 6, call("offered", number))));
    topic.applied();
    assert_eq!(topic.misplaced(), 0);
}

#[test]
fn events_sent_by_two_partitioners_are_noticed() {
    let known = ["21", "foobar", "a-little-bit-long-string"].map(murmur2);
    assert_eq!(known, [-973_932_308_i32, -790_332_482, -985_981_536].map(|hash| (hash & i32::MAX) as usize % 6));
    assert_eq!(crc32("123456789"), 0xcbf4_3926 % 6);
    let mut topic = Topic::new(Stream::Disbursement);
    let events = |partitioner: fn(&str) -> usize| {
        (0..3_000).map(move |number| (partitioner(&format!("B-{number}")), disbursement("dispersed", number, number)))
    };
    topic.apply(events(murmur2));
    assert_eq!((topic.applied(), topic.misplaced()), (3_000, 0));
    topic.apply(events(murmur2));
    assert_eq!((topic.applied(), topic.misplaced()), (3_000, 0), "retries by the same client are duplicates");
    topic.apply(events(crc32));
    let applied = topic.applied();
    assert!((5_300..5_700).contains(&applied), "{applied} instead of 3,000");
    assert!((1..20).contains(&topic.misplaced()), "{} of 6 people and supports", topic.misplaced());
}

#[test]
fn well_keyed_events_are_never_misplaced() {
    let mut topic = Topic::new(Stream::Disbursement);
    for kind in ["applied", "approved", "dispersed", "returned"] {
        topic.apply((0..10_000).map(|support| (support / 2 % 6, disbursement(kind, support / 2, support))));
    }
    assert_eq!((topic.applied(), topic.misplaced()), (40_000, 0));
    let mut topic = Topic::new(Stream::Call);
    for kind in ["offered", "answered", "completed"] {
        topic.apply((0..5_000).map(|number| (number % 6, call(kind, number))));
    }
    assert_eq!((topic.applied(), topic.misplaced()), (15_000, 0));
}
