//! Cost of decode and apply without Kafka, over a simulated programme: `cargo bench --locked --bench core [-- EVENTS]`.
//!
//! The benchmark `decode` repeats one event with warm caches. This one goes once through hundreds of thousands of
//! supports and people, in their realistic order and disorder. It prints nanoseconds an event for each million, so that
//! growth shows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::Clock;
use pacemeter::decode::{Decoder, PseudonymKey, Settings};
use pacemeter::event::{Event, LabelArena};
use pacemeter::record::{RawRecord, Rejection, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, Load, PartitionCounts};

/// Number of records decoded before they are applied, as in the pipeline.
const BATCH: usize = 2_000;

fn main() {
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
    let mut arena = LabelArena::default();
    let mut batch: Vec<Emission> = Vec::with_capacity(BATCH);
    for emission in load.emissions().filter(|emission| emission.stream == Stream::Disbursement) {
        batch.push(emission);
        if batch.len() < BATCH {
            continue;
        }
        arena.clear();
        let started = Instant::now();
        let decoded: Vec<_> = batch.iter().map(|emission| decode(&decoder, emission, &mut arena)).collect();
        let between = Instant::now();
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
        applying += between.elapsed();
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

fn decode(decoder: &Decoder, emission: &Emission, arena: &mut LabelArena) -> Result<Event, Rejection> {
    let headers: Vec<_> = emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
    let record = RawRecord {
        value: Some(&emission.value),
        timestamp: Some(emission.timestamp),
        headers: &headers,
        ..RawRecord::default()
    };
    decoder.decode(emission.stream, &record, arena)
}
