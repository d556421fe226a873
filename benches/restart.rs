//! Cost of a checkpoint and of a restart at scale, on this machine's disk: `cargo bench --locked --bench restart [--
//! PEOPLE]`.
//!
//! One partition of disbursements has that many people (10,000,000 by default), each with one support of three events,
//! all within the horizon. Its checkpoint is written while further events are applied, and then restored twice.

use std::sync::mpsc;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use pacemeter::aggregate::{PartitionState, Rules, StateLoader, ViewConfig};
use pacemeter::checkpoint::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStart,
    CheckpointStore, CheckpointThread, DIRECTORY, Head, PartitionDir,
};
use pacemeter::clock::{Millis, Timestamp};
use pacemeter::disk::RealDisk;
use pacemeter::event::{Body, Disbursement, DisbursementKind, Event, FederalState, Hash128, LabelArena};
use pacemeter::record::Stream;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const DIR: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 0 };
/// Bytes that are copied between two events, as in the pipeline.
const CHUNK_BYTES: usize = 1 << 20;

static VIEW_CONFIG: LazyLock<ViewConfig> = LazyLock::new(ViewConfig::default);

fn main() {
    let people = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(10_000_000);
    let rules = Rules::default();
    let mut load = Load {
        partition: PartitionState::new(Stream::Disbursement, 0, rules, &VIEW_CONFIG, NOW),
        arena: LabelArena::default(),
        next: 0,
    };
    let started = Instant::now();
    (0..people).for_each(|person| load.support(person, people));
    let keys = load.partition.keys();
    println!(
        "{} people, {} supports, {} ids: applied in {:.1?}",
        keys.people,
        keys.supports,
        keys.ids,
        started.elapsed()
    );
    let resident_before = resident();
    println!("resident memory {:.0} MB", resident_before as f64 / 1e6);

    let directory =
        tempfile::tempdir_in(std::env::var_os("CARGO_TARGET_TMPDIR").unwrap_or(".".into())).expect("a directory");
    let disk = Arc::new(RealDisk::open(directory.path(), &[DIRECTORY]).expect("a disk"));
    let store = CheckpointStore::new(disk);
    let outcome = write(&mut load, people, &store);
    let written = outcome.result.expect("a durable checkpoint");
    println!(
        "checkpoint {:.0} MB, {:.2} x resident memory",
        written.bytes as f64 / 1e6,
        written.bytes as f64 / resident_before as f64
    );
    drop(load);
    read(&store, rules, written.bytes);
}

struct Load {
    partition: PartitionState,
    arena: LabelArena,
    next: i64,
}

impl Load {
    /// Applies the events of one person: a support that is applied for, approved and dispersed.
    fn support(&mut self, person: u64, people: u64) {
        let hash = |kind: u64, number: u64| -> Hash128 {
            let wide = [kind.to_le_bytes(), number.to_le_bytes()].concat();
            *blake3::hash(&wide).as_bytes().first_chunk().expect("16 bytes")
        };
        let programme = self.arena.push("credito-a-la-palabra");
        let kinds = [DisbursementKind::ALL[0], DisbursementKind::ALL[1], DisbursementKind::ALL[3]];
        for (step, kind) in kinds.into_iter().enumerate() {
            let time =
                NOW - 80 * 86_400_000 + (person * 79 * 86_400_000 / people) as Millis + step as Millis * 3_600_000;
            let amount = if kind.has_amount() { 2_500_000 } else { 0 };
            let body = Body::Disbursement(Disbursement {
                kind,
                programme,
                state: FederalState::from_index((person % 32) as usize),
                beneficiary: hash(1, person),
                credit: hash(2, person),
                amount,
            });
            let event = Event { id: hash(3 + step as u64, person), fingerprint: 7, time, body };
            self.partition.step(self.next, &Ok(event), &self.arena);
            self.next += 1;
        }
        self.arena.clear();
    }
}

/// Writes a checkpoint while events are applied, and prints its cost.
fn write(load: &mut Load, people: u64, store: &CheckpointStore) -> CheckpointOutcome {
    let (requests, inbox) = mpsc::channel();
    let (outcomes, received) = mpsc::channel();
    let bytes_in_flight = BytesInFlight::default();
    let thread = CheckpointThread::new(store.clone(), bytes_in_flight.clone());
    let writing =
        std::thread::spawn(move || thread.run(&inbox, |outcome| outcomes.send(outcome).expect("the receiver lives")));
    let handle = CheckpointHandle::new(requests, bytes_in_flight);
    let id = CheckpointId { dir: DIR, number: 1 };
    let (mut longest, mut copying, mut most, mut more) = (Duration::ZERO, Duration::ZERO, 0, 0);
    let mut held = |started: Instant| {
        longest = longest.max(started.elapsed());
        copying += started.elapsed();
    };
    let started = Instant::now();
    let image = load.partition.begin_image(&handle.sink(id));
    handle.send(CheckpointRequest::Begin(id, Box::new(CheckpointStart { head: head(load.next), image })));
    held(started);
    let mut is_copied = false;
    let outcome = loop {
        if let Ok(outcome) = received.try_recv() {
            break outcome;
        }
        most = most.max(handle.bytes_in_flight());
        // About 10,000 events a second meanwhile.
        load.support(people + more, people);
        more += 1;
        let step = Instant::now();
        if !is_copied && handle.bytes_in_flight() < 16 << 20 {
            match load.partition.copy(CHUNK_BYTES) {
                Some(chunk) => handle.send(CheckpointRequest::Pages(id, chunk)),
                None => {
                    load.partition.end_image();
                    is_copied = true;
                    handle.send(CheckpointRequest::Finish(id));
                }
            }
            held(step);
        } else {
            std::thread::sleep(Duration::from_micros(300));
        }
    };
    let took = started.elapsed();
    println!(
        "written in {took:.1?} beside {} events: copying {copying:.1?}, longest hold {longest:.1?}, at most {:.0} MB \
         in flight, CPU time of the thread {:.1?}",
        3 * more,
        most as f64 / 1e6,
        outcome.cpu_time
    );
    drop(handle);
    writing.join().expect("the thread ends");
    outcome
}

fn head(next_offset: i64) -> Head {
    Head {
        written_by: "bench".to_owned(),
        sequence: 0,
        cluster_id: None,
        stream: DIR.stream,
        topic: "bench".to_owned(),
        partition: DIR.partition,
        partition_count: 1,
        semantic_settings: [].into(),
        key_id: String::new(),
        labels: [0; 16],
        first_offset: 0,
        next_offset,
        last_record: None,
        built: NOW,
        written: NOW,
        records: next_offset.unsigned_abs(),
        pending_cuts: Vec::new(),
        first_timestamp: None,
        pending_until: Vec::new(),
        last_cut: None,
        topic_id: None,
        passed: None,
        provisional: Vec::new(),
    }
}

/// Restores twice, the second time with a warm page cache, and prints the duration of each step.
fn read(store: &CheckpointStore, rules: Rules, bytes: u64) {
    for pass in ["first", "second"] {
        let started = Instant::now();
        let reader = store.newest(DIR).expect("a listing").reader.expect("an intact checkpoint");
        let mut restoring = StateLoader::new(DIR.stream, reader.body(), reader.days()).expect("of this program");
        let allocated = started.elapsed();
        reader.fill(&mut restoring.pages(), 2, &|_| {}).expect("intact pages");
        let filled = started.elapsed();
        let mut partition = restoring.finish(rules, &VIEW_CONFIG, NOW);
        let view = partition.view(NOW);
        let took = started.elapsed();
        std::hint::black_box(view);
        println!(
            "{pass} restart: {:.2} s, {:.0} MB/s (open {allocated:.2?}, pages {:.2?}, indexes and figures {:.2?})",
            took.as_secs_f64(),
            bytes as f64 / 1e6 / took.as_secs_f64(),
            filled - allocated,
            took - filled
        );
    }
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages") * 4_096
}
