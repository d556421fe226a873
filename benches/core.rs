//! Cost of decode and apply without Kafka, over a simulated programme: `cargo bench --locked --bench core [-- EVENTS]`.
//!
//! The benchmark `decode` repeats one event with warm caches. This one goes once through hundreds of thousands of
//! supports and people, in their realistic order and disorder. It prints nanoseconds of CPU an event for each million, so that
//! growth shows. Then it compares two threads with one, and dispersals to as many people with the same ones to one person,
//! whose key gathers all.

use std::sync::Arc;
use std::time::Duration;

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::{Clock, Millis, Timestamp, thread_cpu_time};
use pacemeter::decode::{DecodeMemory, Decoder, PseudonymKey, Settings};
use pacemeter::event::{Body, Disbursement, DisbursementKind, Event, FederalState, LabelArena};
use pacemeter::record::{RawRecord, Rejection, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, Load, PartitionCounts};

/// Number of records decoded before they are applied, as in the pipeline.
const BATCH: usize = 2_000;

/// Number of dispersals that one person gathers.
const CROWD: u64 = 100_000;
/// Number of events of each thread when two are compared with one.
const LANE_EVENTS: u64 = 300_000;
/// Number of times that measurements which are compared are repeated, in turn.
const ROUNDS: usize = 5;

fn main() {
    simulated_programme();
    lanes();
    println!("\n{CROWD} dispersals, then {} pairs of a dispersal and its return under another programme", CROWD / 10);
    for (name, time) in [("rising", rising as fn(u64) -> Millis), ("falling", falling), ("scattered", scattered)] {
        let mut rounds: Vec<[f64; 2]> =
            (0..ROUNDS).map(|_| [CROWD, 1].map(|people| apply_crowd(people, time))).collect();
        rounds.sort_by(|one, other| (one[1] / one[0]).total_cmp(&(other[1] / other[0])));
        let [many, one] = rounds[ROUNDS / 2];
        println!(
            "{name:>10} times: {many:>5.0} ns an event to as many people, {one:>5.0} ns to one: {:.2} x",
            one / many
        );
    }
}

fn rising(number: u64) -> Millis {
    number as Millis * 100
}

fn falling(number: u64) -> Millis {
    rising(CROWD - number)
}

fn scattered(number: u64) -> Millis {
    rising(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % CROWD)
}

/// Applies dispersals to so many people in turn, and pairs that are returned at once. Returns nanoseconds an event.
fn apply_crowd(people: u64, time: fn(u64) -> Millis) -> f64 {
    let mut reader = SettingsReader::load(&Layers::default());
    let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
    let start = Timestamp::from_millis(1_598_918_400_000);
    let view_config = ViewConfig { allowlists, ..ViewConfig::default() };
    let mut partition = PartitionState::new(Stream::Disbursement, 0, rules, &view_config, start);
    let mut arena = LabelArena::default();
    let programmes = ["crowded", "returned"].map(|name| arena.push(name));
    let hash = |text: String| *blake3::hash(text.as_bytes()).as_bytes().first_chunk().expect("16 bytes");
    let mut events: Vec<Result<Event, Rejection>> = Vec::new();
    let mut add = |kind, number: u64, programme, after| {
        let body = Disbursement {
            kind,
            programme,
            state: FederalState::from_index((number % 32) as usize),
            beneficiary: hash(format!("person {}", number % people)),
            credit: hash(format!("credit {number}")),
            amount: 2_500_000,
        };
        let (id, time) = (hash(format!("event {}", events.len())), start + time(number % CROWD) + after);
        events.push(Ok(Event { id, fingerprint: 0, time, body: Body::Disbursement(body) }));
    };
    (0..CROWD).for_each(|number| add(DisbursementKind::Dispersed, number, programmes[0], 0));
    for number in CROWD..CROWD + CROWD / 10 {
        add(DisbursementKind::Dispersed, number, programmes[1], 0);
        add(DisbursementKind::Returned, number, programmes[1], 1);
    }
    let started = thread_cpu_time();
    for (offset, event) in events.iter().enumerate() {
        partition.step(offset as i64, event, &arena);
    }
    (thread_cpu_time() - started).as_nanos() as f64 / events.len() as f64
}

fn simulated_programme() {
    let events = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3_000_000);
    let now = Clock::wall().now();
    let load = Load::of(events, 2020, PartitionCounts::each(6), now);
    let (mut lane, mut seen) = (Lane::new(6, now), 0_u64);
    let mut batch: Vec<Emission> = Vec::with_capacity(BATCH);
    for emission in load.emissions().filter(|emission| emission.stream == Stream::Disbursement) {
        batch.push(emission);
        if batch.len() < BATCH {
            continue;
        }
        lane.take(&batch);
        seen += batch.len() as u64;
        batch.clear();
        if seen.is_multiple_of(1_000_000) {
            let [decoding, applying] =
                [&mut lane.decoding, &mut lane.applying].map(|total| std::mem::take(total).as_nanos() as f64 / 1e6);
            println!("{seen:>10} events: decode {decoding:>5.0} ns, apply {applying:>5.0} ns an event");
        }
    }
}

/// Compares threads that decode and apply alone with two at a time. Each has partitions of its own.
fn lanes() {
    let now = Clock::wall().now();
    let of_lane = |seed| -> Vec<Emission> {
        let load = Load::of(LANE_EVENTS, seed, PartitionCounts::each(3), now);
        load.emissions().filter(|emission| emission.stream == Stream::Disbursement).collect()
    };
    let loads = [2020, 2021].map(of_lane);
    let run = |load: &[Emission]| {
        let mut lane = Lane::new(3, now);
        load.chunks(BATCH).for_each(|batch| lane.take(batch));
        (lane.decoding + lane.applying).as_nanos() as f64 / load.len() as f64
    };
    let round = || {
        let alone: f64 = loads.iter().map(|load| run(load)).sum();
        let together: f64 = std::thread::scope(|scope| {
            let threads = loads.each_ref().map(|load| scope.spawn(|| run(load)));
            threads.map(|thread| thread.join().expect("a lane")).iter().sum()
        });
        [alone / 2.0, together / 2.0]
    };
    let mut rounds: Vec<[f64; 2]> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(|one, other| (one[0] / one[1]).total_cmp(&(other[0] / other[1])));
    let [alone, together] = rounds[ROUNDS / 2];
    println!(
        "\ntwo threads of {LANE_EVENTS} events each: {alone:.0} ns of CPU an event alone, {together:.0} ns together: {:.2} x the throughput of one",
        2.0 * alone / together
    );
}

/// A thread's partitions, and the CPU that it took for them.
struct Lane {
    decoder: Decoder,
    partitions: Vec<PartitionState>,
    offsets: Vec<i64>,
    arena: LabelArena,
    memory: DecodeMemory,
    decoding: Duration,
    applying: Duration,
}

impl Lane {
    fn new(partitions: usize, now: Timestamp) -> Self {
        let mut reader = SettingsReader::load(&Layers::default());
        let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits");
        let decoder = Decoder::new(Settings::read(&mut reader), key);
        let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
        let view_config = ViewConfig { allowlists, ..ViewConfig::default() };
        let partition = |_| PartitionState::new(Stream::Disbursement, 0, rules, &view_config, now);
        Self {
            decoder,
            partitions: (0..partitions).map(partition).collect(),
            offsets: vec![0; partitions],
            arena: LabelArena::default(),
            memory: DecodeMemory::default(),
            decoding: Duration::ZERO,
            applying: Duration::ZERO,
        }
    }

    /// Decodes and applies a batch.
    fn take(&mut self, batch: &[Emission]) {
        let Self { decoder, partitions, offsets, arena, memory, .. } = self;
        arena.clear();
        let started = thread_cpu_time();
        let decoded = decode(decoder, batch, arena, memory);
        let between = thread_cpu_time();
        for (number, (emission, event)) in batch.iter().zip(&decoded).enumerate() {
            if number % 16 == 0 {
                let next = batch[number..].iter().zip(&decoded[number..]).take(16);
                let touch = |(emission, event): (&Emission, &Result<Event, Rejection>)| {
                    event.as_ref().map_or(0, |event| partitions[emission.partition as usize].touch(event))
                };
                std::hint::black_box(next.fold(0, |touched, pair| touched ^ touch(pair)));
            }
            let index = emission.partition as usize;
            partitions[index].step(offsets[index], event, arena);
            offsets[index] += 1;
        }
        self.applying += thread_cpu_time() - between;
        self.decoding += between - started;
    }
}

fn decode(
    decoder: &Decoder,
    batch: &[Emission],
    arena: &mut LabelArena,
    memory: &mut DecodeMemory,
) -> Vec<Result<Event, Rejection>> {
    let mut decoded = Vec::with_capacity(batch.len());
    for group in batch.chunks(DecodeMemory::RECORDS) {
        let begun = decoded.len();
        for emission in group {
            let headers: Vec<_> =
                emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
            let record = RawRecord {
                value: Some(&emission.value),
                timestamp: Some(emission.timestamp),
                headers: &headers,
                ..RawRecord::default()
            };
            decoded.push(decoder.begin(emission.stream, &record, arena, memory));
        }
        decoder.finish(memory, decoded[begun..].iter_mut().flatten());
    }
    decoded
}
