//! Cost of decode and apply without Kafka, over a simulated programme: `cargo bench --locked --bench core [-- EVENTS]`.
//!
//! The benchmark `decode` repeats one event with warm caches. This one goes once through hundreds of thousands of
//! supports and people, in their realistic order and disorder. It prints nanoseconds of CPU an event for each million, so that
//! growth shows. Then it compares dispersals to as many people with the same ones to one person, whose key gathers all.

use std::sync::Arc;
use std::time::Duration;

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::{Clock, Millis, Timestamp, thread_cpu_time};
use pacemeter::decode::{Decoder, HashQueue, PseudonymKey, Settings};
use pacemeter::event::{Body, Disbursement, DisbursementKind, Event, FederalState, LabelArena};
use pacemeter::record::{RawRecord, Rejection, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, Load, PartitionCounts};

/// Number of records decoded before they are applied, as in the pipeline.
const BATCH: usize = 2_000;

/// Number of dispersals that one person gathers.
const CROWD: u64 = 100_000;
/// Number of times that each measurement of a crowd is repeated, in turn.
const ROUNDS: usize = 5;

fn main() {
    simulated_programme();
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
    let mut reader = SettingsReader::load(&Layers::default());
    let decoder =
        Decoder::new(Settings::read(&mut reader), PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits"));
    let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
    let view_config = ViewConfig { allowlists: Arc::clone(&allowlists), ..ViewConfig::default() };
    let partition = |_| PartitionState::new(Stream::Disbursement, 0, rules, &view_config, now);
    let mut partitions: Vec<PartitionState> = (0..6).map(partition).collect();
    let mut offsets = [0; 6];
    let (mut decoding, mut applying, mut seen) = (Duration::ZERO, Duration::ZERO, 0_u64);
    let (mut arena, mut queue) = (LabelArena::default(), HashQueue::default());
    let mut batch: Vec<Emission> = Vec::with_capacity(BATCH);
    for emission in load.emissions().filter(|emission| emission.stream == Stream::Disbursement) {
        batch.push(emission);
        if batch.len() < BATCH {
            continue;
        }
        arena.clear();
        let started = thread_cpu_time();
        let decoded = decode(&decoder, &batch, &mut arena, &mut queue);
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
            partitions[index].step(offsets[index], event, &arena);
            offsets[index] += 1;
        }
        applying += thread_cpu_time() - between;
        decoding += between - started;
        seen += batch.len() as u64;
        batch.clear();
        if seen.is_multiple_of(1_000_000) {
            let each = |total: Duration| total.as_nanos() as f64 / 1e6;
            println!("{seen:>10} events: decode {:>5.0} ns, apply {:>5.0} ns an event", each(decoding), each(applying));
            (decoding, applying) = (Duration::ZERO, Duration::ZERO);
        }
    }
}

fn decode(
    decoder: &Decoder,
    batch: &[Emission],
    arena: &mut LabelArena,
    queue: &mut HashQueue,
) -> Vec<Result<Event, Rejection>> {
    let mut decoded = Vec::with_capacity(batch.len());
    for group in batch.chunks(HashQueue::RECORDS) {
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
            decoded.push(decoder.begin(emission.stream, &record, arena, queue));
        }
        decoder.finish(queue, decoded[begun..].iter_mut().flatten());
    }
    decoded
}
