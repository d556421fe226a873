//! Starts of partitions without a usable checkpoint: new, rebuilt, refused, or tried again.

use super::cuts::apply;
use super::*;
use crate::checkpoint::{CheckpointKey, PartitionDir, StartMark, StartReason};
use crate::cuts::CutOffset;
use crate::disk::Disk as _;
use crate::runtime::Exit;

const START: &str = "2026-09-22T12:00:00Z";
const DIR: PartitionDir = PartitionDir { stream: Stream::Milestone, partition: 0 };
const LOST: &str = "so a rebuild would lose history; accept that with state.accept_lost_history = true";

/// A start with the logs of these partitions, of which the last one begins at `low`.
struct Start {
    disk: MemoryDisk,
    partitions: i32,
    low: i64,
    committed: Option<i64>,
    committed_fault: Option<&'static str>,
    cut_offsets: Vec<CutOffset>,
    overrides: &'static [&'static str],
}

impl Default for Start {
    fn default() -> Self {
        Self {
            disk: MemoryDisk::default(),
            partitions: 1,
            low: 0,
            committed: None,
            committed_fault: None,
            cut_offsets: Vec::new(),
            overrides: &[],
        }
    }
}

fn store(disk: &MemoryDisk) -> CheckpointStore {
    CheckpointStore::with_key(Arc::new(disk.clone()), CheckpointKey::new([7; 32], String::new()))
}

impl Start {
    /// Starts, and lets the checkpoint thread do what was requested.
    fn run(&self) -> Result<Rig, Failure> {
        let mut rig = Rig::on(store(&self.disk), self.partitions, START, self.overrides);
        rig.task.worker.cut_offsets.clone_from(&self.cut_offsets);
        let mut inventory = inventory(&rig.partitions);
        let log = inventory.logs.last_mut().expect("a partition");
        (log.low, log.committed) = (self.low, self.committed);
        inventory.committed_fault = self.committed_fault.map(str::to_owned);
        rig.task.worker.take(WorkerMessage::LogsFound(inventory))?;
        rig.letters.observe(Observer::look);
        Ok(rig)
    }

    fn is_refused(&self, exit: Exit, said: &[&str]) {
        let failure = self.run().err().expect("it is refused");
        assert_eq!(failure.exit, exit, "{}", failure.message);
        for part in said {
            assert!(failure.message.contains(part), "{part:?} is not in {:?}", failure.message);
        }
    }

    fn starts(&self) {
        if let Err(failure) = self.run() {
            panic!("{}", failure.message);
        }
    }

    /// Saves a checkpoint of the first partition, which has records.
    fn save(&self) {
        let Ok(mut rig) = self.run() else { panic!("it starts") };
        let batches = rig.batches(1);
        let worker = &mut rig.task.worker;
        apply(worker, batches);
        worker.save_all();
        for _ in 0..20 {
            rig.task.worker.step().unwrap();
            rig.letters.observe(Observer::look);
        }
        assert!(store(&self.disk).newest(DIR).unwrap().reader.is_some());
    }
}

fn cut_offset(topic: &str, first_offset: Option<i64>, next_offset: i64) -> CutOffset {
    let (stream, topic) = (DIR.stream.name().to_owned(), topic.to_owned());
    CutOffset { stream, topic, partition: 0, first_offset, next_offset, is_provisional: false, is_late: false }
}

fn path(file: &str) -> String {
    format!("checkpoints/{DIR}/{file}")
}

fn newest(number: u64) -> String {
    path(&format!("{number:020}.checkpoint"))
}

#[test]
fn a_first_start_on_a_shortened_log_is_remembered() {
    let start = Start { low: 50, ..Start::default() };
    start.starts();
    assert_eq!(start.disk.paths(), [path("begun")]);
    start.starts();
    let later = Start { low: 51, ..start };
    later.is_refused(Exit::StateUnusable, &["its first start is marked", "began at offset 50", LOST]);
    let again = Start { low: 50, committed: Some(60), ..later };
    again.starts();
    let strict = Start { overrides: &["state.on_missing=fail"], ..again };
    strict.is_refused(Exit::StateUnusable, &["an earlier process committed offset 60", "state.on_missing"]);
    let later = Start { low: 51, overrides: &[], ..strict };
    later.is_refused(Exit::StateUnusable, &["an earlier process committed offset 60", "began at offset 50", LOST]);
    Start { overrides: &["state.accept_lost_history=true"], ..later }.starts();
    let whole = Start::default();
    whole.starts();
    assert_eq!(whole.disk.paths(), [""; 0], "a log from its beginning needs no mark");
}

#[test]
fn an_edited_mark_of_a_first_start_is_none() {
    let start = Start { low: 50, ..Start::default() };
    start.starts();
    let mark = String::from_utf8(start.disk.read(&path("begun")).unwrap()).unwrap();
    start.disk.put(&path("begun"), mark.replace("50", "90").into_bytes());
    let later = Start { low: 70, committed: Some(80), ..start };
    later.is_refused(Exit::StateUnusable, &["no checkpoint, but an earlier process committed offset 80", LOST]);
}

#[test]
fn a_lost_state_is_not_rebuilt_from_a_shortened_log() {
    let start = Start { low: 50, committed: Some(60), ..Start::default() };
    start.is_refused(
        Exit::StateUnusable,
        &["no checkpoint, but an earlier process committed offset 60", "began at an unknown offset", LOST],
    );
    let accepted = Start { overrides: &["state.accept_lost_history=true"], ..start };
    accepted.starts();
    Start { low: 0, overrides: &[], ..accepted }.starts();
}

#[test]
fn a_stored_cut_tells_where_the_state_began() {
    let cut = |first_offset, low| Start {
        low,
        cut_offsets: vec![cut_offset("milestone", first_offset, 90)],
        ..Start::default()
    };
    cut(Some(50), 50).starts();
    cut(Some(50), 51).is_refused(Exit::StateUnusable, &["a stored cut has the partition", "began at offset 50", LOST]);
    cut(None, 1).is_refused(Exit::StateUnusable, &["began at an unknown offset", LOST]);
    Start { committed: Some(90), ..cut(Some(50), 50) }.starts();
    let other_topic = Start { cut_offsets: vec![cut_offset("other", Some(0), 90)], ..cut(None, 50) };
    other_topic.starts();
    let no_records = Start { cut_offsets: vec![cut_offset("milestone", Some(50), 50)], ..cut(None, 50) };
    Start { overrides: &["state.on_missing=fail"], ..no_records }.starts();
    Start { overrides: &["state.on_missing=fail"], ..cut(Some(50), 50) }
        .is_refused(Exit::StateUnusable, &["a stored cut has the partition", "state.directory"]);
}

#[test]
fn an_old_mark_of_a_first_start_hides_no_cut() {
    let start = Start { low: 50, ..Start::default() };
    start.starts();
    let start = Start { cut_offsets: vec![cut_offset("milestone", Some(0), 90)], ..start };
    start.is_refused(Exit::StateUnusable, &["a stored cut has the partition", "began at offset 0", LOST]);
}

#[test]
fn another_partition_with_a_checkpoint_is_a_trace() {
    let start = Start { partitions: 2, ..Start::default() };
    start.save();
    let start = Start { low: 50, ..start };
    start.is_refused(Exit::StateUnusable, &["milestone-1: no checkpoint, but milestone-0 has one", LOST]);
    let start = Start { low: 0, ..start };
    start.starts();
    Start { low: 50, overrides: &["state.accept_lost_history=true"], ..start }.starts();
    // A partition that was added knows nothing of the time before.
    let added = Start { partitions: 1, ..Start::default() };
    added.save();
    Start { partitions: 2, low: 50, overrides: &["state.accept_added_partitions=true"], ..added }.starts();
}

#[test]
fn without_committed_offsets_only_a_whole_log_is_begun() {
    let start = Start { low: 50, committed_fault: Some("the coordinator is away"), ..Start::default() };
    start.is_refused(Exit::TryAgain, &["tell a first start from a lost state", "the coordinator is away"]);
    let whole = Start { low: 0, ..start };
    whole.starts();
    let strict = Start { overrides: &["state.on_missing=fail"], ..whole };
    strict.is_refused(Exit::TryAgain, &["the coordinator is away"]);
    let marked = Start { low: 50, committed_fault: None, overrides: &[], ..strict };
    marked.starts();
    let marked = Start { committed_fault: Some("the coordinator is away"), ..marked };
    marked.starts();
    Start { overrides: &["state.on_missing=fail"], ..marked }.is_refused(Exit::TryAgain, &["the coordinator is away"]);
}

#[test]
fn partitions_refused_for_one_cause_share_a_line() {
    let start = Start {
        partitions: 4,
        low: 50,
        committed_fault: Some("the coordinator is away"),
        overrides: &["state.on_missing=fail"],
        ..Start::default()
    };
    let message = start.run().err().expect("it is refused").message;
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("milestone-0 to milestone-3: no checkpoint, and the committed offsets"), "{message}");
}

#[test]
fn a_requested_rebuild_loses_nothing_but_what_was_given_up() {
    for reason in [StartReason::Rebuild, StartReason::ForcedRebuild] {
        let start = Start { low: 50, committed: Some(60), ..Start::default() };
        store(&start.disk).mark_start(DIR, &StartMark { reason, first_offset: 50 }).unwrap();
        start.starts();
        let strict = Start { overrides: &["state.on_missing=fail"], ..start };
        strict.starts();
        let later = Start { low: 51, ..strict };
        later.is_refused(Exit::StateUnusable, &["pacemeter state rebuild", "began at offset 50", LOST]);
        Start { overrides: &["state.accept_lost_history=true"], ..later }.starts();
    }
}

#[test]
fn an_empty_mark_gives_up_nothing() {
    let start = Start { low: 50, committed: Some(60), ..Start::default() };
    start.disk.put(&path("cleared"), Vec::new());
    start.is_refused(Exit::StateUnusable, &["an earlier process committed offset 60", LOST]);
    let strict = Start { low: 0, overrides: &["state.on_missing=fail"], ..start };
    strict.is_refused(Exit::StateUnusable, &["an earlier process committed offset 60", "state.on_missing"]);
}

#[test]
fn a_checkpoint_of_another_key_tells_nothing_of_the_history() {
    let start = Start::default();
    start.save();
    let other = CheckpointKey::new([8; 32], "other".to_owned());
    let keyed = CheckpointStore::with_key(Arc::new(start.disk.clone()), other);
    let failure = |overrides: &[&str], low| {
        let mut rig = Rig::on(keyed.clone(), 1, START, overrides);
        let mut inventory = inventory(&rig.partitions);
        inventory.logs[0].low = low;
        rig.task.worker.take(WorkerMessage::LogsFound(inventory)).err()
    };
    // The head names the key with an empty id.
    let refused = failure(&[], 0).expect("it is refused");
    assert_eq!(refused.exit, Exit::StateUnusable);
    assert!(refused.message.contains("restore the old key file"), "{}", refused.message);
    let refused = failure(&["state.on_mismatch=rebuild"], 1).expect("it is refused");
    assert!(refused.message.contains("began at an unknown offset"), "{}", refused.message);
    assert!(failure(&["state.on_mismatch=rebuild"], 0).is_none());
    assert!(failure(&["state.on_mismatch=rebuild", "state.accept_lost_history=true"], 1).is_none());
}

#[test]
fn damaged_checkpoints_with_a_mark_or_a_cut_are_rebuilt() {
    let start = Start { low: 50, committed: Some(60), ..Start::default() };
    start.disk.put(&newest(1), vec![0; 200]);
    start.is_refused(Exit::StateUnusable, &["every checkpoint is damaged", "began at an unknown offset", LOST]);
    let start = Start { cut_offsets: vec![cut_offset("milestone", Some(50), 90)], ..start };
    start.starts();
    let start = Start { cut_offsets: Vec::new(), ..start };
    store(&start.disk).mark_start(DIR, &StartMark { reason: StartReason::Rebuild, first_offset: 50 }).unwrap();
    start.starts();
}

#[test]
fn a_format_without_a_seal_needs_the_setting() {
    let start = Start { overrides: &["state.on_missing=rebuild", "state.on_mismatch=rebuild"], ..Start::default() };
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/checkpoint-v4.checkpoint");
    start.disk.put(&newest(1), std::fs::read(golden).unwrap());
    start.is_refused(
        Exit::StateUnusable,
        &["checkpoints/milestone-0/00000000000000000001.checkpoint has format 4", "state.accept_unsealed_checkpoints"],
    );
    start.disk.remove(&newest(1)).unwrap();
    start.save();
    start.disk.put(&newest(2), std::fs::read(golden).unwrap());
    start.starts();
}

#[test]
fn a_newer_format_is_refused_with_its_path_and_the_remedy() {
    let start = Start::default();
    start.save();
    let preamble = [&b"PACEMETER CHECKPOINT\n"[..], &99_u32.to_le_bytes()].concat();
    let hash = blake3::hash(&preamble);
    start.disk.put(&newest(2), [&preamble, &hash.as_bytes()[..7], &[0; 200]].concat());
    start.is_refused(
        Exit::StateUnusable,
        &[
            "checkpoint checkpoints/milestone-0/00000000000000000002.checkpoint was written by a newer pacemeter",
            "run that version, or a newer one. If no newer version ever ran on this state directory, remove the file",
        ],
    );
    start.disk.remove(&newest(2)).unwrap();
    start.starts();
}
