//! What a checkpoint and a restart cost at scale, on this machine's disk: `cargo bench --locked --bench restart [-- PEOPLE]`.
//!
//! One partition of disbursements with that many people (10,000,000 by default), each with one support of three events, all within the
//! horizon. Written while further events are applied, then read again with a warm page cache, beside a plain read of the same file.

use std::sync::mpsc;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use pacemeter::aggregate::{PartitionState, Rules, StateLoader, ViewConfig};
use pacemeter::checkpoint::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStart,
    CheckpointStore, CheckpointThread, DIRECTORY, Head, PartitionDir,
};
use pacemeter::clock::Millis;
use pacemeter::disk::RealDisk;
use pacemeter::event::{Body, Disbursement, DisbursementKind, Event, FederalState, Hash128, LabelArena};
use pacemeter::record::Stream;

const NOW: Millis = 1_790_000_000_000;
const PLACE: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 0 };
/// Bytes copied between two events, as the pipeline does.
const PIECE: usize = 1 << 20;

static SHOWN: LazyLock<ViewConfig> = LazyLock::new(ViewConfig::default);

fn main() {
    let people = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(10_000_000);
    let rules = Rules::default();
    let mut load = Load {
        partition: PartitionState::new(Stream::Disbursement, 0, rules, &SHOWN, NOW),
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
    let disk = Arc::new(RealDisk::open(directory.path(), DIRECTORY).expect("a disk"));
    let store = CheckpointStore::new(disk);
    let report = write(&mut load, people, &store);
    let written = report.result.expect("it is written");
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
    /// One person's support, applied for, approved and dispersed.
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

/// Writes a checkpoint while events go on, and prints what it cost.
fn write(load: &mut Load, people: u64, store: &CheckpointStore) -> CheckpointOutcome {
    let (orders, inbox) = mpsc::channel();
    let (reports, told) = mpsc::channel();
    let in_flight = BytesInFlight::default();
    let keeper = CheckpointThread::new(store.clone(), in_flight.clone());
    let writing =
        std::thread::spawn(move || keeper.run(&inbox, |report| reports.send(report).expect("somebody listens")));
    let checkpoints = CheckpointHandle::new(orders, in_flight);
    let id = CheckpointId { dir: PLACE, number: 1 };
    let (mut longest, mut copying, mut most, mut more) = (Duration::ZERO, Duration::ZERO, 0, 0);
    let mut held = |started: Instant| {
        longest = longest.max(started.elapsed());
        copying += started.elapsed();
    };
    let started = Instant::now();
    let image = load.partition.begin_image(&checkpoints.sink(id));
    checkpoints.order(CheckpointRequest::Begin(id, Box::new(CheckpointStart { head: head(load.next), image })));
    held(started);
    let mut is_copied = false;
    let report = loop {
        if let Ok(report) = told.try_recv() {
            break report;
        }
        most = most.max(checkpoints.in_flight());
        // About 10,000 events a second beside it.
        load.support(people + more, people);
        more += 1;
        let step = Instant::now();
        if !is_copied && checkpoints.in_flight() < 16 << 20 {
            match load.partition.copy(PIECE) {
                Some(chunk) => checkpoints.order(CheckpointRequest::Pages(id, chunk)),
                None => {
                    load.partition.end_image();
                    is_copied = true;
                    checkpoints.order(CheckpointRequest::Finish(id));
                }
            }
            held(step);
        } else {
            std::thread::sleep(Duration::from_micros(300));
        }
    };
    let took = started.elapsed();
    println!(
        "written in {took:.1?} beside {} events: copying {copying:.1?}, longest hold {longest:.1?}, at most {:.0} MB on their way, thread busy {:.1?}",
        3 * more,
        most as f64 / 1e6,
        report.cpu_time
    );
    drop(checkpoints);
    writing.join().expect("the thread ends");
    report
}

fn head(next_offset: i64) -> Head {
    Head {
        written_by: "bench".to_owned(),
        sequence: 0,
        cluster_id: None,
        stream: PLACE.stream,
        topic: "bench".to_owned(),
        partition: PLACE.partition,
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
        parts: Vec::new(),
    }
}

/// Restores twice, the second time with what the first left in the page cache, and prints each part.
fn read(store: &CheckpointStore, rules: Rules, bytes: u64) {
    for pass in ["first", "second"] {
        let started = Instant::now();
        let opened = store.newest(PLACE).expect("a listing").opened.expect("a whole checkpoint");
        let mut restoring = StateLoader::new(PLACE.stream, opened.body(), opened.days()).expect("of this program");
        let allocated = started.elapsed();
        opened.fill(&mut restoring.pages(), 2, &|_| {}).expect("whole pages");
        let filled = started.elapsed();
        let mut partition = restoring.finish(rules, &SHOWN, NOW);
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
